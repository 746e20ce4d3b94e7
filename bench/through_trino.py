"""P13 to P16: what the view over both stores costs whoever asks, and what keeping it current costs ingest."""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from end_to_end import TABLE, Bench
from measure import Row, Spread, pairs, run
from servers import CACHE, until
from trino_server import JAVA, TrinoServer

QUERIES_PER_ROUND = 5
HOT_ONLY = 50_000  # Newest events, which the lake does not have yet.
JDBC_SOURCE = Path(__file__).parents[1] / "tests/trino/jdbc/DataGripSession.java"


@dataclass
class PipelineFile:
    file: Path


def reading(bench: Bench, trino: TrinoServer, events: int, rounds: int, command: str) -> list[Row]:
    """`events` in the lake and in ClickHouse, and a few more that ClickHouse alone has."""
    name, stream = "viewed", "VIEWED"
    bench.publish(stream, events)
    file = bench.pipeline(name, stream, more=f"[trino]\n{trino.section()}\n")
    run([bench.build / "weir", "run", file, "--until-caught-up"], log=file.parent / "log")
    trino.start(PipelineFile(file))
    file.write_text(file.read_text().replace('commit_interval = "1s"', 'commit_interval = "1h"'))
    log = (file.parent / "log").open("ab")
    weir = subprocess.Popen([bench.build / "weir", "run", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        bench.publish(stream, HOT_ONLY)
        newest = events + HOT_ONLY
        until(lambda: f"rows up to _seq {events} from the lake" in trino.comment(TABLE), "the view has reached the lake", timeout=300)
        until(lambda: trino.query(f"SELECT count(*) FROM lake.weir.{TABLE}") == [[newest]], "the view shows every row", timeout=300)
        rows = _queries(bench, trino, name, events, newest, rounds, command)
        rows.append(_metadata(bench, trino, rounds, command))
        return rows
    finally:
        weir.terminate()
        weir.wait()
        log.close()


def _queries(bench: Bench, trino: TrinoServer, name: str, w: int, newest: int, rounds: int, command: str) -> list[Row]:
    database = f"clickhouse.{name}_trino"
    (in_clickhouse,) = [row[0] for row in trino.query(f"SHOW TABLES FROM {database}")]
    lake, view = f"lake.weir_lake.{TABLE}", f"lake.weir.{TABLE}"
    cases = [
        ("P13", f"look-up of one of the {HOT_ONLY:,} newest rows by _seq through the view", "Trino on ClickHouse alone", "<= 3",
         lambda number: f"SELECT * FROM {view} WHERE _seq = {newest - number * 97}",
         lambda number: f"SELECT * FROM {database}.{in_clickhouse} WHERE _seq = {newest - number * 97}"),
        ("P14 count", f"count(*) of the {w:,} rows of the lake's part through the view", "the plain Delta table", "<= 1.2",
         lambda _: f"SELECT count(*) FROM {view} WHERE _seq <= {w}", lambda _: f"SELECT count(*) FROM {lake}"),
        ("P14 group", f"GROUP BY over the {w:,} rows of the lake's part through the view", "the plain Delta table", "<= 1.2",
         lambda _: f"SELECT carrier, count(*), sum(distance_miles) FROM {view} WHERE _seq <= {w} GROUP BY 1",
         lambda _: f"SELECT carrier, count(*), sum(distance_miles) FROM {lake} GROUP BY 1"),
    ]  # fmt: skip
    rows = []
    for id, what, against, goal, ours, theirs in cases:
        measured = _latencies(trino, rounds, ours, theirs)
        rows.append(_latency_row(id, f"{what}, median of {QUERIES_PER_ROUND} a round", against, goal, command, measured))
    return rows


def _latencies(trino: TrinoServer, rounds: int, ours: Callable[[int], str], theirs: Callable[[int], str]):
    """Ratios, and both in milliseconds."""

    def median_ms(sql: Callable[[int], str]) -> Callable[[int], float]:
        def measure(round: int) -> float:
            times = []
            for number in range(QUERIES_PER_ROUND):
                started = time.perf_counter()
                assert trino.query(sql(round * QUERIES_PER_ROUND + number))
                times.append(time.perf_counter() - started)
            return statistics.median(times) * 1e3

        return measure

    for number in range(3):  # What is slow only the first time: classes, code, footers.
        median_ms(ours)(number), median_ms(theirs)(number)
    return pairs(rounds, median_ms(ours), median_ms(theirs))


def _latency_row(id: str, what: str, against: str, goal: str, command: str, measured: tuple[Spread, Spread, Spread]) -> Row:
    ratio, us, them = measured
    return Row(
        id=id, what=what, figure=f"{us.scaled(1, 0)} ms", against=f"{against}: {them.scaled(1, 0)} ms", goal=goal,
        command=command, ratio=ratio, details={"ms": us, "against_ms": them},
    )  # fmt: skip


def _metadata(bench: Bench, trino: TrinoServer, rounds: int, command: str) -> Row:
    """All that a tool asks through JDBC before it shows a table, of the views and of the plain tables."""
    classes = bench.folder / "jdbc"
    run(["javac", "-d", classes, JDBC_SOURCE])
    path = f"{CACHE / 'trino' / 'trino-jdbc.jar'}{os.pathsep}{classes}"

    def total_ms(schema: str, kind: str) -> Callable[[int], float]:
        def measure(_: int) -> float:
            said = run(
                [JAVA, "-cp", path, "DataGripSession", f"jdbc:trino://127.0.0.1:{trino.port}", "reader", "lake", schema,
                 TABLE, "introspect", kind]
            ).output  # fmt: skip
            lines = [line.split("\t") for line in said.splitlines()]
            return sum(float(ms) for what, call, ms in (line for line in lines if line[0] == "ms") if call != "connect")

        return measure

    views, tables = total_ms("weir", "VIEW"), total_ms("weir_lake", "TABLE")
    views(0), tables(0)
    measured = pairs(rounds, views, tables)
    return _latency_row("P15", "metadata calls of a JDBC tool on the schema of the views", "on the schema of the plain Delta tables", "<= 1.2", command, measured)


def keeping_current(bench: Bench, trino: TrinoServer, events: int, rounds: int, command: str) -> list[Row]:
    """P1 with the views kept current by a running Trino, against P1 without; Trino runs beside both. All rounds have the
    same folder and database, because those are what Trino was started on."""
    name, stream = "kept", "KEPT"
    section = f'[trino]\nurl = "{trino.url}"\n'  # As often as by default.
    bench.publish(stream, events)
    file = bench.pipeline(name, stream, more=section)
    trino.start(PipelineFile(file))
    shutil.rmtree(file.parent)
    cpu: dict[str, list[float]] = {"with": [], "without": []}

    def ingest(which: str, more: str) -> Callable[[int], float]:
        def measure(_: int) -> float:
            file = bench.pipeline(name, stream, more=more)
            done = run([bench.build / "weir", "run", file, "--until-caught-up"], log=file.parent / "log")
            cpu[which].append(done.cpu_s * 1e6 / events)
            bench.audit(name, events)
            bench.forget(name)
            return events / done.seconds

        return measure

    ratio, us, them = pairs(rounds, ingest("with", section), ingest("without", ""))
    budget = {which: Spread.of(values) for which, values in cpu.items()}
    return [
        Row(
            id="P16",
            what=f"P1 of {events:,} events while the views in Trino are kept current, process start to process end",
            figure=f"{us.scaled(1e-3, 1)} k events/s; Weir's CPU-s per million: {budget['with'].scaled(1, 2)}",
            against=f"the same without [trino]: {them.scaled(1e-3, 1)} k events/s; {budget['without'].scaled(1, 2)}",
            goal=">= 0.98",
            command=command,
            ratio=ratio,
            details={"events_s": us, "against_events_s": them, "cpu_s_per_million": budget},
        )
    ]
