"""One test's world: a folder, nats-server, ClickHouse, pipeline files, and `weir` as a process to be maltreated."""

import json
import os
import shutil
import signal
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import events
import readers
from publishing import BATCH_EVENTS, Feed, NatsClient
from servers import WEIR, Child, ClickHouseServer, NatsServer, free_port, run_to_end, until

DATABASE = "weir_tests"


class Pipeline:
    """A pipeline file and where its parts are. Two of them over the same stores are two hosts."""

    def __init__(self, world: "World", name: str, **settings: str):
        self.folder = world.folder / name
        self.folder.mkdir()
        self.file = self.folder / "pipeline.toml"
        self.http_port = free_port()
        defaults = {
            "nats": f'url = "{world.nats.url}"',
            "lake": f'url = "file://{world.lake}"\ncommit_interval = "300ms"',
            "clickhouse": f'url = "{world.clickhouse.url}"\ndatabase = "{DATABASE}"\nflush_interval = "50ms"',
            "trino": "",
            "engine": "",
            "limits": 'lease_timeout = "3s"',
            "table": f'partition_by = ["day"]\norder_by = ["customer", "at"]\nsql = "{events.SQL}"',
            "columns": events.COLUMNS,
            "stream": events.STREAM,
            "subjects": events.SUBJECTS,
            "table_name": events.TABLE,
            "pipeline": "faults",
        }
        unknown = set(settings) - set(defaults)
        assert not unknown, unknown
        part = defaults | settings
        clickhouse = f"[clickhouse]\n{part['clickhouse']}\n" if part["clickhouse"] else ""
        trino = f"[trino]\n{part['trino']}\n" if part["trino"] else ""
        engine = f"[engine]\n{part['engine']}\n" if part["engine"] else ""
        self.file.write_text(
            f'[pipeline]\nname = "{part["pipeline"]}"\ndata_dir = "{self.folder}"\n\n[nats]\n{part["nats"]}\n\n'
            f"[lake]\n{part['lake']}\n\n{clickhouse}\n{trino}\n{engine}\n[http]\nlisten = \"127.0.0.1:{self.http_port}\"\n\n"
            f"[limits]\n{part['limits']}\n\n[[table]]\nname = \"{part['table_name']}\"\nstream = \"{part['stream']}\"\n"
            f"subjects = [\"{part['subjects']}\"]\n{part['table']}\n{part['columns']}"
        )

    def get(self, path: str) -> tuple[int, str]:
        """HTTP status and body; (0, "") when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def shard(self) -> dict[str, Any]:
        """The only shard of the only table, as the running process shows it; empty while it does not."""
        status, body = self.get("/api/v1/status")
        tables = json.loads(body)["tables"] if status == 200 else []
        return tables[0]["shards"][0] if tables else {}

    def positions(self) -> tuple[int, int]:
        """Lake, ClickHouse; (0, 0) while nothing is shown."""
        shard = self.shard()
        return shard.get("lake_position") or 0, shard.get("hot_position") or 0


class World:
    """Servers are started by the test; everything is stopped and removed at the end, whatever happened."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="weir-world."))
        self.lake = self.folder / "lake"
        self.nats = NatsServer(self.folder / "nats")
        self.clickhouse = ClickHouseServer(self.folder / "clickhouse")
        self._children: list[Child] = []
        self._feeds: list[Feed] = []
        self._pipelines = 0

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        for feed in self._feeds:
            feed.end()
        for child in self._children:
            child.kill()
        self.clickhouse.kill()
        self.nats.kill()
        if "WEIR_TEST_KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start_servers(self) -> None:
        self.nats.start()
        self.clickhouse.start()

    # --- NATS

    def create_stream(self, name: str = events.STREAM, subjects: str = events.SUBJECTS, **more: Any) -> None:
        config = {"name": name, "subjects": [subjects], "storage": "file", "retention": "limits", "num_replicas": 1}
        self.api(f"STREAM.CREATE.{name}", config | more)

    def api(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        with NatsClient(self.nats) as client:
            return client.request(f"$JS.API.{subject}", body)

    def publish(self, first: int, last: int, event: Callable[[int], tuple[str, bytes]] = events.event) -> int:
        """Events first..last; returns the stream's sequence of the last."""
        seq = 0
        with NatsClient(self.nats) as client:
            for start in range(first, last + 1, 2_000):
                seq = client.publish_all([event(n) for n in range(start, min(start + 1_999, last) + 1)])
        return seq

    def feed(
        self, rate: int, event: Callable[[int], tuple[str, bytes]] = events.event, batch: int = BATCH_EVENTS
    ) -> Feed:
        self._feeds.append(Feed(self.nats, events.STREAM, event, rate, batch))
        return self._feeds[-1]

    # --- weir

    def pipeline(self, **settings: str) -> Pipeline:
        self._pipelines += 1
        return Pipeline(self, f"host{self._pipelines}", **settings)

    def start_weir(self, pipeline: Pipeline, *options: str, **environment: str) -> Child:
        """`weir run` in the background. Each run has a log of its own."""
        log = pipeline.folder / f"run{len(self._children) + 1}.log"
        child = Child([WEIR, "run", pipeline.file, *options], log, environment)
        self._children.append(child)
        return child

    def start_command(self, *arguments: str | Path, **environment: str) -> Child:
        """Any other command in the background, with a log of its own."""
        child = Child([WEIR, *arguments], self.folder / f"command{len(self._children) + 1}.log", environment)
        self._children.append(child)
        return child

    def adopt(self, child: Child) -> None:
        """Ends with the world."""
        self._children.append(child)

    def run_weir(self, pipeline: Pipeline, *options: str, timeout: float = 120, **environment: str) -> tuple[int, str]:
        """`weir run` to its end: exit code and what it said."""
        child = self.start_weir(pipeline, *options, **environment)
        return child.wait(timeout), child.text()

    def catch_up(self, pipeline: Pipeline, *options: str) -> None:
        code, said = self.run_weir(pipeline, "--until-caught-up", *options)
        assert code == 0, said[-6000:]

    def weir(self, *arguments: str | Path, **environment: str):
        """Any other command, to its end."""
        return run_to_end([WEIR, *arguments], environment)

    def totals(self, pipeline: Pipeline) -> dict[str, int]:
        """Counts as `weir status` tells them while nothing runs."""
        done = self.weir("status", pipeline.file, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["tables"][0]["shards"][0]["totals"]

    # --- what must hold

    def check_exact(self, pipeline: Pipeline, last: int) -> None:
        """Events 1..last, published once each from an empty stream on, are exactly where they belong, in both stores."""
        everything = events.numbers(1, last)
        self.check_stores(events.rows_of(everything), events.rows_of(everything))
        bad = everything[events.is_bad(everything)]
        assert not (problem := readers.difference(bad, readers.dead_letter_seqs(self.lake))), f"dead letters: {problem}"
        assert readers.lake_position(self.lake) >= last
        filtered = int(events.is_filtered(everything).sum())
        rows = last - filtered - len(bad)
        assert self.totals(pipeline) == {"events": last, "rows": rows, "filtered": filtered, "dead_letters": len(bad)}

    def check_audit_clean(self, file: Path) -> dict[str, dict[str, Any]]:
        """`weir audit` compares stream, lake, dead letters and ClickHouse and finds no difference; its reports by table."""
        done = self.weir("audit", file, "--json")
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        report = json.loads(done.stdout)
        assert report["clean"] and all(table["clean"] and table["ranges"] for table in report["tables"]), report
        return {table["table"]: table for table in report["tables"]}

    def check_stores(self, ids: np.ndarray, seqs: np.ndarray) -> None:
        """The rows of the events `ids`, under the sequences `seqs`, are exactly what all three readers find."""
        readers.check_rows(readers.lake_rows(self.lake), ids, seqs, "lake")
        readers.check_rows(readers.clickhouse_rows(self.clickhouse, DATABASE), ids, seqs, "ClickHouse")
        readers.check_delta_reader(self.lake, ids, seqs)


def wait_stopped(child: Child) -> None:
    """Until SIGSTOP has taken effect on the process."""
    state = Path(f"/proc/{child.pid}/stat")

    def stopped() -> bool:
        assert child.running(), f"ended instead of stopping:\n{child.text()[-4000:]}"
        return state.read_text().rsplit(")", 1)[1].split()[0] == "T"

    until(stopped, "weir stops at its pause point")


def resume(child: Child) -> None:
    child.signal(signal.SIGCONT)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world
