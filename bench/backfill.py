"""P8 and what a backfill costs its neighbours: history from the lake into ClickHouse."""

import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from end_to_end import TABLE, Bench, LakePosition, Watcher
from measure import Row, Spread, pairs, run
from servers import WEIR_CLICKHOUSE


def _drop(bench: Bench, name: str) -> str:
    """Forgets ClickHouse's copy; returns the statement that made it."""
    made = bench.clickhouse.query(f"SHOW CREATE TABLE {name}.{TABLE} FORMAT TSVRaw").decode()
    bench.clickhouse.query(f"DROP TABLE {name}.{TABLE} SYNC")
    return made


def history(bench: Bench, rows: int, rounds: int, command: str) -> list[Row]:
    """`weir backfill` against ClickHouse reading the same Delta table itself, both into an empty table of the same DDL."""
    name, stream = "p8", "HISTORY"
    bench.publish(stream, rows)
    file = bench.pipeline(name, stream)
    log = file.parent / "log"
    run([bench.build / "weir", "run", file, "--until-caught-up"], log=log)
    ddl = ""
    rss: list[float] = []

    def ours(_: int) -> float:
        nonlocal ddl
        ddl = _drop(bench, name)
        done = run([bench.build / "weir", "backfill", file, "--table", TABLE, "--to", "clickhouse"], log=log)
        rss.append(done.rss_max_mb)
        bench.audit(name, rows)
        return rows / done.seconds

    def theirs(number: int) -> float:
        folder = bench.folder / f"theirs{number}"
        into = (ddl or bench.clickhouse.query(f"SHOW CREATE TABLE {name}.{TABLE} FORMAT TSVRaw").decode()).replace(
            f"{name}.{TABLE}", TABLE
        )
        columns = "COLUMNS('.*')"
        script = f"{into}; INSERT INTO {TABLE} SELECT {columns} FROM deltaLakeLocal('{bench.lake(name) / TABLE}')"
        started = time.perf_counter()
        subprocess.run(
            [WEIR_CLICKHOUSE, "local", "--path", folder, "--query", script],
            cwd=bench.lake(name),
            stdin=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.perf_counter() - started
        shutil.rmtree(folder)
        return rows / seconds

    ratio, us, them = pairs(rounds, ours, theirs)
    bench.forget(name)
    return [
        Row(
            id="P8",
            what=f"lake into an empty ClickHouse table: {rows:,} rows, process start to process end, both stores audited",
            figure=f"{us.scaled(1e-3, 0)} k rows/s; RSS max {max(rss):.0f} MB",
            against=f"ClickHouse INSERT SELECT from its own Delta reader: {them.scaled(1e-3, 0)} k rows/s",
            goal=">= 1.0, exactly once",
            command=command,
            ratio=ratio,
            details={"rows_s": us, "rss_max_mb": Spread.of(rss)},
        )
    ]


def live_beside_history(bench: Bench, rows: int, rate: int, seconds: int, command: str) -> list[Row]:
    """Freshness in ClickHouse of a steady feed, first alone, then while the same table is backfilled."""
    name, stream = "p8_live", "BESIDE"
    bench.publish(stream, rows)
    file = bench.pipeline(name, stream)
    run([bench.build / "weir", "run", file, "--until-caught-up"], log=file.parent / "log")
    _drop(bench, name)
    log = (file.parent / "log").open("ab")
    weir = subprocess.Popen([bench.build / "weir", "run", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    newest = f"SELECT max(_seq) FROM {name}.{TABLE} WHERE _seq > %d FORMAT TSV"
    phases: dict[str, tuple[float, float]] = {}
    try:
        exists = f"SELECT count() FROM system.tables WHERE database = '{name}' AND name = '{TABLE}' FORMAT TSV"
        _wait(lambda: int(bench.clickhouse.query(exists)) == 1)  # Made again by the process that has just started.
        lake_position = LakePosition(bench.lake(name) / TABLE)
        last = rows
        for phase in ("alone", "during the backfill"):
            first = last + 1
            if phase != "alone":
                backfill = subprocess.Popen(
                    [bench.build / "weir", "backfill", file, "--table", TABLE, "--to", "clickhouse"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )
            watcher = Watcher(lambda seen: int(bench.clickhouse.query(newest % max(seen, first - 1))))
            run([bench.build / "publish_events", bench.nats.url, stream, str(rate * seconds), str(rate)])
            last += rate * seconds
            _wait(lambda: watcher.seen and watcher.seen[-1][0] >= last)
            watcher.end()
            phases[phase] = _percentiles(bench, name, watcher, first, last)
        if backfill.wait(timeout=600) != 0:
            raise RuntimeError("the backfill failed: " + (file.parent / "log").read_text()[-4000:])
        _wait(lambda: lake_position() >= last)
    finally:
        weir.terminate()
        weir.wait()
        log.close()
    bench.audit(name, last)
    bench.forget(name)
    (p50, p99), (p50_beside, p99_beside) = phases.values()
    factor = p99_beside / p99
    return [
        Row(
            id="P6 beside",
            what=f"publish to visible in ClickHouse at {rate:,} events/s while {rows:,} rows are backfilled into its table",
            figure=f"p50 {p50_beside:.0f}, p99 {p99_beside:.0f} ms",
            against=f"the same feed without a backfill: p50 {p50:.0f}, p99 {p99:.0f} ms",
            goal="<= 2 x",
            command=command,
            ratio=Spread(factor, factor, factor, 1),
            details={"p50_ms": p50, "p99_ms": p99, "p50_beside_ms": p50_beside, "p99_beside_ms": p99_beside},
        )
    ]


def _percentiles(bench: Bench, name: str, watcher: Watcher, first: int, last: int) -> tuple[float, float]:
    stored = bench.clickhouse.query(
        f"SELECT toUnixTimestamp64Micro(_time) FROM {name}.{TABLE} WHERE _seq BETWEEN {first} AND {last} "
        "ORDER BY _seq FORMAT TSV"
    )
    stored_us = np.array(stored.split(), dtype=np.int64)
    positions = np.array([position for position, _ in watcher.seen])
    times = np.array([at for _, at in watcher.seen])
    seen = times[np.searchsorted(positions, np.arange(first, first + len(stored_us)))]
    p50, p99 = np.percentile(seen * 1e3 - stored_us / 1e3, [50, 99])
    return float(p50), float(p99)


def _wait(condition) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("it does not come about")
        time.sleep(0.05)
