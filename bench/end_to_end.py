"""P1 and P6: the whole program between a real nats-server and a real ClickHouse."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from deltalake import DeltaTable
from measure import Row, Spread, cpu_seconds, pairs, rss_max_mb, run
from publishing import NatsClient
from servers import ClickHouseServer, NatsServer

TABLE = "flights"
POLL_SECONDS = 0.004
SQL = "SELECT *, distance_miles * 1.609344 AS km FROM input WHERE distance_miles > 0"
WHO = ("weir", "nats-server", "clickhouse", "bare pull", "nats-server of bare pull")
COLUMNS = {
    "carrier": "string",
    "flight_number": "int32",
    "tail_number": "string",
    "origin": "string",
    "dest_airport": "string",
    "distance_miles": "float64",
    "departure_delay": "int64",
    "scheduled_at": "timestamp",
}


class Bench:
    """Two servers for all rounds. Each round of Weir gets a lake, a database and a pipeline of its own."""

    def __init__(self, build: Path, folder: Path):
        self.build, self.folder = build, folder
        self.nats = NatsServer(folder / "nats")
        self.clickhouse = ClickHouseServer(folder / "clickhouse")

    def __enter__(self) -> "Bench":
        self.nats.start()
        self.clickhouse.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.clickhouse.kill()
        self.nats.kill()

    def publish(self, stream: str, events: int) -> None:
        run([self.build / "publish_events", self.nats.url, stream, str(events)])

    def lake(self, name: str) -> Path:
        return self.folder / name / "lake"

    def pipeline(self, name: str, stream: str, sql: str = "", more: str = "", clickhouse: bool = True) -> Path:
        folder = self.folder / name
        folder.mkdir()
        columns = "".join(f'  [[table.column]]\n  name = "{c}"\n  type = "{t}"\n' for c, t in COLUMNS.items())
        file = folder / "pipeline.toml"
        file.write_text(
            f'[pipeline]\nname = "{name}"\ndata_dir = "{folder}"\n[nats]\nurl = "{self.nats.url}"\n'
            f'[lake]\nurl = "file://{self.lake(name)}"\ncommit_interval = "1s"\n'
            + (f'[clickhouse]\nurl = "{self.clickhouse.url}"\ndatabase = "{name}"\nflush_interval = "100ms"\n' if clickhouse else "")
            + f'[http]\nlisten = "127.0.0.1:0"\n'
            f"{more}"
            f'[[table]]\nname = "{TABLE}"\nstream = "{stream}"\nsubjects = ["{stream}.>"]\n'
            + (f'sql = "{sql}"\n' if sql else "")
            + columns
        )
        return file

    def audit(self, name: str, events: int) -> None:
        """Both stores hold each event once, counted by readers that are not Weir."""
        self.audit_lake(name, events)
        expected = (events, events, events * (events + 1) // 2)
        counted = self.clickhouse.query(f"SELECT count(), uniqExact(_seq), sum(_seq) FROM {name}.{TABLE} FORMAT TSV")
        in_clickhouse = tuple(int(value) for value in counted.split())
        if in_clickhouse != expected:
            raise RuntimeError(f"expected {expected}, ClickHouse has {in_clickhouse}")

    def audit_lake(self, name: str, events: int) -> None:
        expected = (events, events, events * (events + 1) // 2)
        seqs = DeltaTable(str(self.lake(name) / TABLE)).to_pyarrow_table(columns=["_seq"])["_seq"].to_numpy()
        if (in_lake := (len(seqs), len(np.unique(seqs)), int(seqs.sum()))) != expected:
            raise RuntimeError(f"expected {expected}, the lake has {in_lake}")

    def forget(self, name: str) -> None:
        """All that is left of it: the lake, the database, and what Weir keeps in NATS."""
        self.clickhouse.query(f"DROP DATABASE IF EXISTS {name} SYNC")
        with NatsClient(self.nats) as client:
            client.request(f"$JS.API.STREAM.DELETE.KV_weir_{name}")
        shutil.rmtree(self.folder / name)


def ingest(bench: Bench, events: int, rounds: int, command: str) -> list[Row]:
    bench.publish("FLIGHTS", events)
    rows = []
    for id, what, sql in (
        ("P1", "stream into lake and ClickHouse", ""),
        ("P1 sql", "the same with row-wise SQL", SQL),
    ):
        rows.append(_ingest(bench, id, what, sql, events, rounds, command))
    return rows


def _ingest(bench: Bench, id: str, what: str, sql: str, events: int, rounds: int, command: str) -> Row:
    cpu: dict[str, list[float]] = {who: [] for who in WHO}
    rss: list[float] = []
    run_id = id.lower().replace(" ", "_")

    def ours(number: int) -> float:
        name = f"{run_id}_{number}"
        file = bench.pipeline(name, "FLIGHTS", sql)
        nats, clickhouse = cpu_seconds(bench.nats.child.pid), cpu_seconds(bench.clickhouse.child.pid)
        done = run([bench.build / "weir", "run", file, "--until-caught-up"], log=file.parent / "log")
        cpu["weir"].append(done.cpu_s)
        cpu["nats-server"].append(cpu_seconds(bench.nats.child.pid) - nats)
        cpu["clickhouse"].append(cpu_seconds(bench.clickhouse.child.pid) - clickhouse)
        rss.append(done.rss_max_mb)
        bench.audit(name, events)
        bench.forget(name)
        return events / done.seconds

    def theirs(_: int) -> float:
        nats = cpu_seconds(bench.nats.child.pid)
        done = run([bench.build / "bare_pull", bench.nats.url, "FLIGHTS", str(events)])
        cpu["bare pull"].append(done.cpu_s)
        cpu["nats-server of bare pull"].append(cpu_seconds(bench.nats.child.pid) - nats)
        return events / done.seconds

    ratio, us, them = pairs(rounds, ours, theirs)
    per_million = {who: Spread.of([value * 1e6 / events for value in values]) for who, values in cpu.items()}
    budget = ", ".join(f"{who} {per_million[who].median:.2f}" for who in WHO)
    return Row(
        id=id,
        what=f"{what}: {events:,} events, process start to process end, both stores audited",
        figure=f"{us.scaled(1e-3, 1)} k events/s; CPU-s per million: {budget}; RSS max {max(rss):.0f} MB",
        against=f"bare pull by the C client: {them.scaled(1e-3, 1)} k events/s",
        goal=">= 0.8",
        command=command,
        ratio=ratio,
        details={"events_s": us, "cpu_s_per_million": per_million, "rss_max_mb": Spread.of(rss)}
        | {"clickhouse_rss_max_mb": rss_max_mb(bench.clickhouse.child.pid)},
    )


class Watcher(threading.Thread):
    """Notes when a position is first seen to have moved: (position, time) pairs. It polls, so it sees things late by up
    to one poll, never early. `position` is told the last one seen and may answer anything below it when nothing is new."""

    def __init__(self, position: Callable[[int], int]):
        super().__init__(daemon=True)
        self._position = position
        self._over = threading.Event()
        self.seen: list[tuple[int, float]] = []
        self.poll_ms: list[float] = []
        self.start()

    def run(self) -> None:
        last = 0
        while not self._over.wait(POLL_SECONDS):
            started = time.time()
            found = self._position(last)
            now = time.time()
            self.poll_ms.append((now - started + POLL_SECONDS) * 1e3)
            if found > last:
                self.seen.append((found, now))
                last = found

    def end(self) -> None:
        self._over.set()
        self.join()

    def freshness_ms(self, stored_us: np.ndarray) -> np.ndarray:
        """Of each event, from stored by JetStream to seen here. `stored_us[i]` belongs to _seq i + 1."""
        positions = np.array([position for position, _ in self.seen])
        times = np.array([at for _, at in self.seen])
        seqs = np.arange(1, min(len(stored_us), positions[-1]) + 1)
        return times[np.searchsorted(positions, seqs)] * 1e3 - stored_us[: len(seqs)] / 1e3


class LakePosition:
    """The last _seq of the newest commit, read from the table's log as any reader sees it."""

    def __init__(self, table: Path):
        self._log = table / "_delta_log"
        self._version = 0
        self._last = 0

    def __call__(self, _: int = 0) -> int:
        while (entry := self._log / f"{self._version:020}.json").exists():
            for line in entry.read_text().splitlines():
                txn = json.loads(line).get("txn")
                if txn and txn["appId"] == f"weir/{TABLE}/0":
                    self._last = txn["version"]
            self._version += 1
        return self._last


def freshness(bench: Bench, rate: int, seconds: int, command: str) -> list[Row]:
    """A steady feed; publish -> visible of every event, seen from outside Weir."""
    name, stream, events = "p6", "STEADY", rate * seconds
    bench.publish(stream, 1)  # so that the stream is there; this event is not counted
    file = bench.pipeline(name, stream)
    log = (file.parent / "log").open("wb")
    weir = subprocess.Popen([bench.build / "weir", "run", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        lake_position = LakePosition(bench.lake(name) / TABLE)
        while lake_position() < 1:
            if weir.poll() is not None:
                raise RuntimeError((file.parent / "log").read_text()[-4000:])
            time.sleep(0.05)
        newest = f"SELECT max(_seq) FROM {name}.{TABLE} WHERE _seq > %d FORMAT TSV"  # reads the new parts only
        watchers = [Watcher(lambda last: int(bench.clickhouse.query(newest % last))), Watcher(lake_position)]
        before = cpu_seconds(weir.pid)
        fed = run([bench.build / "publish_events", bench.nats.url, stream, str(events), str(rate)]).json()
        weir_cores = (cpu_seconds(weir.pid) - before) / fed["seconds"]
        deadline = time.monotonic() + 60
        while any(not watcher.seen or watcher.seen[-1][0] < events + 1 for watcher in watchers):
            if time.monotonic() > deadline:
                raise RuntimeError("the last event did not become visible")
            time.sleep(0.05)
        for watcher in watchers:
            watcher.end()
    finally:
        weir.terminate()
        weir.wait()
        log.close()
    times = f"SELECT toUnixTimestamp64Micro(_time) FROM {name}.{TABLE} ORDER BY _seq FORMAT TSV"
    stored = bench.clickhouse.query(times)
    stored_us = np.array(stored.split(), dtype=np.int64)
    bench.audit(name, events + 1)
    rows = []
    for store, watcher, goal in (
        ("ClickHouse, flush 100 ms", watchers[0], "p50 <= 115 ms, p99 <= 160 ms"),
        ("lake, commit 1 s", watchers[1], "p99 <= 1250 ms"),
    ):
        ms = watcher.freshness_ms(stored_us)[1:]
        p50, p90, p99, worst = np.percentile(ms, [50, 90, 99, 100])
        rows.append(
            Row(
                id="P6",
                what=f"publish to visible in {store}, every event of {events:,}",
                figure=f"p50 {p50:.0f}, p90 {p90:.0f}, p99 {p99:.0f}, max {worst:.0f} ms (polled every "
                f"{np.median(watcher.poll_ms):.0f} ms)",
                against=f"steady {events / fed['seconds'] / 1e3:.1f} k events/s (asked: {rate / 1e3:.1f}), "
                f"weir on {weir_cores:.2f} cores",
                goal=goal,
                command=command,
                details={"poll_ms": Spread.of(watcher.poll_ms[1:]), "p50_ms": p50, "p90_ms": p90}
                | {"p99_ms": p99, "max_ms": worst, "rate": rate},
            )
        )
    bench.forget(name)
    return rows
