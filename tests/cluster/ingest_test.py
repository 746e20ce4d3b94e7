"""Events that a cluster reads and makes into rows: exactly once in both stores, whatever dies meanwhile."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import demo_data
import events
import readers
from cluster_servers import Cluster
from publishing import Feed
from servers import Child, until
from world import Pipeline, World

EVENTS = int(os.environ.get("WEIR_TEST_CLUSTER_EVENTS", "60000"))
LEFT_BEHIND = "_weir/committables"


@pytest.fixture
def cluster(world: World):
    cluster = Cluster(world.folder / "cluster", executor_timeout="4s")
    yield cluster
    cluster.kill()


def on_cluster(world: World, cluster: Cluster, interval: str = "300ms", **more: str) -> Pipeline:
    engine = f'kind = "ballista"\n{cluster.section()}\nbatch_interval = "{interval}"\njob_timeout = "60s"'
    return world.pipeline(engine=engine, **more)


def left_behind(world: World) -> list[str]:
    return [str(path) for path in (world.lake / LEFT_BEHIND).rglob("*.json")]


def test_rows_are_those_of_the_events_in_both_stores(world: World, cluster: Cluster) -> None:
    world.start_servers()
    world.create_stream()
    world.publish(1, EVENTS)
    cluster.start()
    pipeline = on_cluster(world, cluster)
    code, said = world.run_weir(pipeline, "--until-caught-up", timeout=120 + EVENTS / 5_000)
    assert code == 0, said[-4000:]
    assert len(cluster.jobs()) >= 1, "the cluster did it"
    world.check_exact(pipeline, EVENTS)
    world.check_audit_clean(pipeline.file)
    assert left_behind(world) == []
    # The same file without the cluster goes on exactly there, and back again.
    world.publish(EVENTS + 1, EVENTS + 5_000)
    world.catch_up(world.pipeline())
    world.publish(EVENTS + 5_001, EVENTS + 9_000)
    world.catch_up(pipeline)
    world.check_exact(pipeline, EVENTS + 9_000)


def same_rows(one: Path, other: Path, tables: list[str]) -> int:
    """Every column of every row of the tables in two lakes, read by deltalake; how many there are."""
    rows = 0
    for table in tables:
        a, b = (readers.lake_table(lake, table).to_pyarrow_table().sort_by([("_seq", "ascending"), ("_row", "ascending")]) for lake in (one, other))
        assert a.num_rows > 0 and a.select(sorted(a.column_names)).equals(b.select(sorted(b.column_names))), table
        rows += a.num_rows
    return rows


def test_the_demo_s_tables_are_the_same_to_the_last_bit(world: World, cluster: Cluster) -> None:
    """Two streams, SQL, every type with its edges, broken events; one lake by this process, one by the cluster."""
    world.nats.start()
    world.create_stream("FLIGHTS", "flights.>")
    world.create_stream("WEATHER", "weather.>")
    world.publish(1, demo_data.FLIGHTS, demo_data.flight)
    world.publish(1, demo_data.weather_events(), demo_data.weather)
    cluster.start()
    here = world.pipeline(**demo_data.SETTINGS | {"clickhouse": "", "pipeline": "here"})
    there_lake = world.folder / "lake_of_the_cluster"
    there_lake.mkdir()
    there = on_cluster(
        world, cluster, **demo_data.SETTINGS | {"clickhouse": "", "pipeline": "there", "lake": f'url = "file://{there_lake}"'}
    )
    for pipeline in (here, there):
        world.catch_up(pipeline)
        world.check_audit_clean(pipeline.file)
    tables = ["flights", "weather", "_dead_letters"]
    assert same_rows(world.lake, there_lake, tables) > demo_data.FLIGHTS * 0.9


def test_columns_come_from_the_events_as_in_one_process(world: World, cluster: Cluster) -> None:
    """A field asks for a column in the middle of a part; what the executors have read behind it is read again."""

    def event(number: int) -> tuple[str, bytes]:
        more = {"colour": f"c{number % 9}"} if number > 25_000 else {}
        more |= {"weight": number / 7} if number > 41_234 else {}
        text = {"id": number, "at": "2026-03-01T00:00:00Z", "customer": "c", "amount": 1} | more
        return "events.r", json.dumps(text).encode()

    world.nats.start()
    world.create_stream()
    world.publish(1, 60_000, event)
    cluster.start()
    table = 'on_unknown_field = "add_column"\norder_by = ["id"]'
    here = world.pipeline(clickhouse="", table=table, pipeline="here")
    there_lake = world.folder / "lake_of_the_cluster"
    there_lake.mkdir()
    there = on_cluster(world, cluster, clickhouse="", table=table, pipeline="there", lake=f'url = "file://{there_lake}"')
    for pipeline in (here, there):
        world.catch_up(pipeline)
        world.check_audit_clean(pipeline.file)
    assert same_rows(world.lake, there_lake, [events.TABLE]) == 60_000
    columns = readers.lake_table(there_lake).to_pyarrow_table().column_names
    assert "colour" in columns and "weight" in columns


# As the names of folders these are encoded, some of them twice.
STRANGE = ["a b", "50%", "%20", "a/b", "a:b", "ü", "日本", "=", "a+b&c", "'", '"', "#?", "..", "a\\b", "\U0001f600", "ÿ%FF"]


def test_partitions_of_strange_names_are_found_again(world: World, cluster: Cluster) -> None:
    def event(number: int) -> tuple[str, bytes]:
        text = {"id": number, "at": "2026-03-01T00:00:00Z", "customer": STRANGE[number % len(STRANGE)], "amount": 1}
        return "events.r", json.dumps(text).encode()

    world.nats.start()
    world.create_stream()
    world.publish(1, 400, event)
    cluster.start()
    pipeline = on_cluster(world, cluster, clickhouse="", table='partition_by = ["customer"]\norder_by = ["id"]')
    world.catch_up(pipeline)
    rows = readers.lake_table(world.lake).to_pyarrow_table(columns=["id", "customer"]).sort_by("id").to_pylist()
    assert rows == [{"id": n, "customer": STRANGE[n % len(STRANGE)]} for n in range(1, 401)]
    world.check_audit_clean(pipeline.file)


def test_an_executor_that_lacks_what_the_file_names_stops_nothing(world: World, cluster: Cluster) -> None:
    """The position stands still, readyz says what is missing there, and once it is there everything goes on."""
    world.nats.user, world.nats.password = "weir", "secret of NATS"
    world.nats.start()
    world.create_stream()
    world.publish(1, 1_000)
    nats = f'url = "{world.nats.url}"\nuser = "weir"\npassword_env = "NATS_SECRET"'
    pipeline = on_cluster(world, cluster, clickhouse="", nats=nats)
    cluster.start_scheduler()
    without = cluster.start_executor()
    weir = world.start_weir(pipeline, NATS_SECRET="secret of NATS")

    def says() -> str:
        return pipeline.get("/readyz")[1]

    until(lambda: "NATS_SECRET" in says(), "it says which variable is missing")
    assert pipeline.positions()[0] == 0 and weir.running()
    without.kill()
    cluster.start_executor(NATS_SECRET="another")
    until(lambda: "NATS_SECRET" not in says() and "uthor" in says(), "it says that the password is refused")
    cluster.executors[-1].kill()
    cluster.start_executor(NATS_SECRET="secret of NATS")
    until(lambda: pipeline.positions()[0] >= 1_000, "it goes on")
    assert weir.terminate() == 0, weir.text()[-4000:]
    everything = weir.text() + "".join(executor.text() for executor in cluster.executors)
    everything += cluster.scheduler.text() if cluster.scheduler else ""
    assert "secret of NATS" not in everything


def test_a_driver_that_is_told_to_stop_does_not_wait_for_its_job(world: World, cluster: Cluster) -> None:
    world.nats.start()
    world.create_stream()
    world.publish(1, 1_000)
    cluster.start(executors=1)
    pipeline = on_cluster(world, cluster, clickhouse="")
    weir = world.start_weir(pipeline)
    until(lambda: pipeline.positions()[0] >= 1_000, "it runs")
    cluster.executors[0].signal(signal.SIGSTOP)
    before = len(cluster.jobs())
    world.publish(1_001, 2_000)
    until(lambda: len(cluster.jobs()) > before, "a job is there that nobody does")
    assert weir.terminate(timeout=20) == 0, weir.text()[-4000:]
    cluster.executors[0].kill()
    cluster.start_executor()
    world.catch_up(pipeline)
    assert readers.lake_position(world.lake) == 2_000


def test_a_table_is_filled_from_the_stream_on_the_cluster(world: World, cluster: Cluster) -> None:
    """`weir backfill --to lake --from-stream`, killed once; then live goes on behind it."""
    world.nats.start()
    world.create_stream()
    world.publish(1, 40_000)
    cluster.start()
    pipeline = on_cluster(world, cluster, clickhouse="")
    fill = ["backfill", pipeline.file, "--table", events.TABLE, "--to", "lake", "--from-stream"]
    killed = world.start_command(*fill, WEIR_CRASH_POINT="log_entry_written:2")
    assert killed.wait(timeout=90) == -signal.SIGKILL, killed.text()[-4000:]
    done = world.weir(*fill)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(cluster.jobs()) >= 1, "the cluster did it"
    world.publish(40_001, 45_000)
    world.catch_up(pipeline)
    ids = events.rows_of(events.numbers(1, 45_000))
    readers.check_rows(readers.lake_rows(world.lake), ids, ids, "lake")
    world.check_audit_clean(pipeline.file)


def test_an_executor_with_something_else_in_the_lake_s_place_does_no_harm(world: World, cluster: Cluster) -> None:
    """A mount namespace: what it writes, nobody sees. The position stands still, and readyz says what to look at."""
    assert os.geteuid() == 0 or shutil.which("unshare"), "mount namespaces are needed"
    world.nats.start()
    world.create_stream()
    world.publish(1, 1_000)
    cluster.start_scheduler()
    pipeline = on_cluster(world, cluster, clickhouse="")
    world.lake.mkdir(exist_ok=True)
    hide = f"mount -t tmpfs none '{world.lake}' && exec \"$@\""
    options = ("--mount",) if os.geteuid() == 0 else ("--map-root-user", "--mount")
    blind = cluster.start_executor(before=("unshare", *options, "sh", "-c", hide, "sh"))
    weir = world.start_weir(pipeline)
    until(lambda: "lake.url" in pipeline.get("/readyz")[1], "it says what to look at")
    assert pipeline.positions()[0] == 0
    blind.kill()
    cluster.start_executor()
    until(lambda: pipeline.positions()[0] >= 1_000, "it goes on")
    assert weir.terminate() == 0, weir.text()[-4000:]
    ids = events.rows_of(events.numbers(1, 1_000))
    readers.check_rows(readers.lake_rows(world.lake), ids, ids, "lake")


class Live:
    """Events flow, `weir run` has a cluster of two executors make rows of them, and things happen to either."""

    def __init__(self, world: World, cluster: Cluster, rate: int):
        self.world, self.cluster = world, cluster
        world.start_servers()
        world.create_stream()
        cluster.start()
        self.pipeline = on_cluster(world, cluster)
        self.weir: Child = world.start_weir(self.pipeline)
        self.feed: Feed = world.feed(rate=rate)
        self.feed.allow(rate * 3_600)
        self.goes_on()

    def goes_on(self) -> None:
        """Whatever was published until now gets into the lake."""
        published = self.feed.published
        until(lambda: self.pipeline.positions()[0] > published, "the lake goes on", timeout=120)

    def not_ready(self, why: str) -> None:
        def said() -> bool:
            status, body = self.pipeline.get("/readyz")
            return status == 503 and why in body

        until(said, f"readyz says: {why}")

    def executors(self) -> list[Child]:
        return [executor for executor in self.cluster.executors if executor.running()]

    def two_again(self) -> None:
        for _ in range(2 - len(self.executors())):
            self.cluster.start_executor()
        self.goes_on()

    def end(self) -> None:
        last = self.feed.hold()
        assert self.weir.terminate(timeout=90) == 0, self.weir.text()[-4000:]
        self.world.catch_up(self.pipeline)
        self.world.check_exact(self.pipeline, last)
        self.world.check_audit_clean(self.pipeline.file)
        assert left_behind(self.world) == []


def an_executor_is_killed(live: Live) -> None:
    random.choice(live.executors()).kill()
    live.goes_on()


def an_executor_is_frozen_until_it_is_lost(live: Live) -> None:
    """Its parts are done by the other one; then it wakes up and does them as well, if they are not over."""
    live.cluster.wait_for(2)
    frozen = random.choice(live.executors())
    frozen.signal(signal.SIGSTOP)
    live.cluster.wait_for(1)
    live.goes_on()
    frozen.signal(signal.SIGCONT)
    live.goes_on()
    frozen.kill()


def an_executor_is_frozen_for_a_moment(live: Live) -> None:
    frozen = random.choice(live.executors())
    frozen.signal(signal.SIGSTOP)
    time.sleep(random.uniform(0.1, 2))
    frozen.signal(signal.SIGCONT)
    live.goes_on()


def all_executors_are_killed(live: Live) -> None:
    for executor in live.executors():
        executor.kill()
    live.not_ready("executor")
    before = live.pipeline.positions()[0]
    time.sleep(1)
    assert live.pipeline.positions()[0] == before, "nobody is there to read"


def the_scheduler_is_killed(live: Live) -> None:
    assert live.cluster.scheduler is not None
    live.cluster.scheduler.kill()
    live.not_ready("no Ballista scheduler answers")
    live.cluster.start_scheduler()
    live.goes_on()


def the_driver_is_killed(live: Live) -> None:
    live.weir.kill()
    live.weir = live.world.start_weir(live.pipeline)
    live.goes_on()


MISHAPS: list[Callable[[Live], None]] = [
    an_executor_is_killed,
    an_executor_is_frozen_until_it_is_lost,
    an_executor_is_frozen_for_a_moment,
    all_executors_are_killed,
    the_scheduler_is_killed,
    the_driver_is_killed,
]


def test_whatever_dies_while_events_flow_no_row_is_lost_or_doubled(world: World, cluster: Cluster) -> None:
    live = Live(world, cluster, rate=3_000)
    seed = int(os.environ.get("WEIR_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
    random.seed(seed)
    more = int(os.environ.get("WEIR_TEST_MISHAPS", "0"))
    for mishap in [*random.sample(MISHAPS, len(MISHAPS)), *random.choices(MISHAPS, k=more)]:
        print(f"seed {seed}, {live.feed.published} events: {mishap.__name__}")
        live.two_again()
        time.sleep(random.uniform(0, 1))
        mishap(live)
    live.two_again()
    live.end()


@pytest.mark.parametrize("point", ["part_written:1", "part_stored:1"])
def test_an_executor_killed_where_it_hurts_leaves_nothing_that_counts(world: World, cluster: Cluster, point: str) -> None:
    """Its files are there without a committable, or with one whose task was never reported."""
    world.start_servers()
    world.create_stream()
    world.publish(1, EVENTS)
    cluster.start_scheduler()
    doomed = cluster.start_executor(WEIR_CRASH_POINT=point)
    cluster.wait_for(1)
    pipeline = on_cluster(world, cluster)
    weir = world.start_weir(pipeline, "--until-caught-up")
    assert doomed.wait() == -signal.SIGKILL
    cluster.start_executor()
    assert weir.wait(timeout=120) == 0, weir.text()[-4000:]
    world.check_exact(pipeline, EVENTS)
    world.check_audit_clean(pipeline.file)


@pytest.mark.parametrize("point", ["log_entry_written:1", "dead_letters_committed:1"])
def test_a_driver_killed_where_it_hurts_goes_on_from_what_counts(world: World, cluster: Cluster, point: str) -> None:
    world.start_servers()
    world.create_stream()
    world.publish(1, EVENTS)
    cluster.start()
    pipeline = on_cluster(world, cluster)
    code, said = world.run_weir(pipeline, "--until-caught-up", WEIR_CRASH_POINT=point)
    assert code == -signal.SIGKILL, said[-4000:]
    world.catch_up(pipeline)
    world.check_exact(pipeline, EVENTS)
    world.check_audit_clean(pipeline.file)
