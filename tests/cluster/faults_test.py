"""A cluster with something wrong: the query ends with rows that are right or an error that says what to do, and never hangs."""

import os
import shutil
import signal
import socket
import subprocess

import pytest

import events
from cluster_servers import Cluster
from servers import WEIR, run_to_end, until
from world import Pipeline, World

EVENTS = 6_000
COUNT = f"SELECT count(*) AS rows, sum(_seq) AS seqs FROM {events.TABLE}"
# Each row of three tables with each: it does not end in a test's time.
ENDLESS = f"SELECT sum(a._seq * b._seq + c._seq) FROM {events.TABLE} a CROSS JOIN {events.TABLE} b CROSS JOIN {events.TABLE} c"


def a_lake(world: World, scheduler: str) -> Pipeline:
    world.nats.start()
    world.create_stream()
    pipeline = world.pipeline(clickhouse="", engine=scheduler)
    for part in range(3):
        world.publish(part * EVENTS // 3 + 1, (part + 1) * EVENTS // 3)
        world.catch_up(pipeline)
    return pipeline


def query(world: World, pipeline: Pipeline, sql: str = COUNT, *options: str):
    return world.weir("query", pipeline.file, sql, "--engine", "ballista", "--format", "csv", *options)


def right(world: World, pipeline: Pipeline) -> str:
    done = world.weir("query", pipeline.file, COUNT, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def cluster(world: World):
    cluster = Cluster(world.folder / "cluster")
    yield cluster
    cluster.kill()


def test_a_query_without_a_cluster_says_what_is_missing(world: World, cluster: Cluster) -> None:
    pipeline = a_lake(world, cluster.section())
    nobody = query(world, pipeline)
    assert nobody.returncode == 1
    assert f"no Ballista scheduler answers at {cluster.url}" in nobody.stderr and "weir scheduler" in nobody.stderr, nobody.stderr
    cluster.start(executors=0)
    alone = query(world, pipeline)
    assert alone.returncode == 1
    assert "has no executor" in alone.stderr and f"weir executor --scheduler {cluster.url}" in alone.stderr, alone.stderr
    not_one = world.pipeline(clickhouse="", engine=f'scheduler = "http://127.0.0.1:{pipeline.http_port}"')
    weir = world.start_weir(pipeline)
    until(lambda: pipeline.get("/healthz")[0] == 200, "weir serves its own HTTP")
    wrong = query(world, not_one)
    assert wrong.returncode == 1 and "is no Ballista scheduler" in wrong.stderr, wrong.stderr
    assert weir.terminate() == 0
    without = world.pipeline(clickhouse="")
    unsaid = query(world, without)
    assert unsaid.returncode == 2 and "has no engine.scheduler" in unsaid.stderr, unsaid.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scheduler", "--listen", "127.0.0.1"], "--listen 127.0.0.1"),
        (["scheduler", "--listen", "127.0.0.1:0"], "needs a port"),
        (["scheduler", "--executor-timeout", "100ms"], "whole seconds"),
        (["executor", "--scheduler", "127.0.0.1:50050"], "must be http://host:port"),
        (["executor", "--heartbeat", "never"], "--heartbeat never"),
        (["executor", "--memory", "much"], "--memory much"),
        (["executor", "--tasks", "0"], "--tasks"),
        (["executor", "--listen", "127.0.0.1:65535"], "--task-port 65536"),
        (["executor", "--listen", "127.0.0.1:50051", "--task-port", "50051"], "--task-port 50051"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], said: str) -> None:
    refused = run_to_end([WEIR, *arguments])
    assert refused.returncode == 2 and said in refused.stderr, refused.stderr


def test_what_cannot_be_served_is_said_at_once(world: World, cluster: Cluster) -> None:
    cluster.start(executors=0)
    again = run_to_end([WEIR, "scheduler", "--listen", f"127.0.0.1:{cluster.port}"])
    assert again.returncode == 1 and f"cannot listen on 127.0.0.1:{cluster.port}" in again.stderr, again.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        executor = cluster.start_executor(port=port)
        assert executor.wait() == 1 and f"cannot listen on 127.0.0.1:{port}" in executor.text(), executor.text()
    occupied = world.folder / "a file"
    occupied.write_text("")
    executor = cluster.start_executor("--work-dir", occupied / "work")
    assert executor.wait() == 1 and f"the work folder {occupied}/work" in executor.text(), executor.text()
    assert cluster.get("/api/executors") == []


def test_a_query_ends_at_its_time_and_its_job_is_cancelled(world: World, cluster: Cluster) -> None:
    pipeline = a_lake(world, cluster.section())
    cluster.start(executors=1)
    late = query(world, pipeline, ENDLESS, "--timeout", "3s")
    assert late.returncode == 1 and "did not end within 3 s and was cancelled" in late.stderr, late.stderr
    (job,) = cluster.jobs()
    assert "Cancelled" in job["job_status"], job
    # Its tasks are not: this one is inside a join that never looks up, and holds its executor.
    cluster.executors[0].kill()
    cluster.start_executor()
    cluster.wait_for(1)
    assert query(world, pipeline).stdout == right(world, pipeline)


@pytest.mark.parametrize("engine", ["local", "ballista"])
def test_rows_that_nobody_takes_end_the_query_with_an_error(world: World, cluster: Cluster, engine: str) -> None:
    pipeline = a_lake(world, cluster.section())
    cluster.start(executors=1)
    many = f"SELECT a._seq FROM {events.TABLE} a CROSS JOIN (SELECT * FROM {events.TABLE} LIMIT 50) b"
    for sql in (many, COUNT):
        command = [WEIR, "query", pipeline.file, sql, "--engine", engine, "--format", "csv"]
        with open("/dev/full", "wb") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=120)
        assert done.returncode == 1 and b"written to standard output" in done.stderr, done
    assert query(world, pipeline).stdout == right(world, pipeline)


def test_an_executor_without_a_scheduler_ends_when_it_is_told_to(cluster: Cluster) -> None:
    cluster.folder.mkdir(parents=True)
    executor = cluster.start_executor()
    until(lambda: cluster.work_folders() == 1, "it waits for its scheduler")
    assert executor.terminate() == 0, executor.text()
    assert cluster.work_folders() == 0


def test_a_work_folder_is_left_as_it_was(world: World, cluster: Cluster) -> None:
    pipeline = a_lake(world, cluster.section())
    mine = world.folder / "work" / "mine"
    mine.mkdir(parents=True)
    (mine / "notes").write_text("not Ballista's")
    cluster.start(executors=0)
    executor = cluster.start_executor("--work-dir", mine.parent)
    cluster.wait_for(1)
    assert query(world, pipeline).stdout == right(world, pipeline)
    assert executor.terminate() == 0
    assert [entry.name for entry in mine.parent.iterdir()] == ["mine"] and (mine / "notes").read_text()


def test_executors_that_come_and_go_change_no_row(world: World, cluster: Cluster) -> None:
    pipeline = a_lake(world, cluster.section())
    expected = right(world, pipeline)
    cluster.start(executors=2)
    assert query(world, pipeline).stdout == expected
    first, second = cluster.executors
    assert cluster.work_folders() == 2
    assert second.terminate() == 0, second.text()
    assert cluster.work_folders() == 1
    cluster.wait_for(1)
    assert query(world, pipeline).stdout == expected
    cluster.start_executor()
    cluster.wait_for(2)
    first.kill()
    killed = query(world, pipeline)
    # Its tasks are done again by the other one, or the job fails; nothing in between.
    assert killed.stdout == expected if killed.returncode == 0 else "on the cluster" in killed.stderr, killed
    cluster.wait_for(1)
    assert query(world, pipeline).stdout == expected


def test_a_frozen_executor_loses_its_tasks_and_ends_or_works_when_it_wakes_up(world: World, cluster: Cluster) -> None:
    pipeline = a_lake(world, cluster.section())
    expected = right(world, pipeline)
    cluster.start(executors=2)
    frozen = cluster.executors[0]
    frozen.signal(signal.SIGSTOP)
    stopped = query(world, pipeline, COUNT, "--timeout", "60s")
    assert stopped.stdout == expected if stopped.returncode == 0 else "on the cluster" in stopped.stderr, stopped
    cluster.wait_for(1)
    assert query(world, pipeline).stdout == expected
    frozen.signal(signal.SIGCONT)
    until(lambda: not frozen.running() or cluster.has(2), "it ends or is taken in again")
    assert frozen.running() or (frozen.wait() == 1 and "took it for lost" in frozen.text()), frozen.text()[-4000:]
    assert query(world, pipeline).stdout == expected


def test_a_scheduler_that_comes_back_has_its_executors_again(world: World, cluster: Cluster) -> None:
    pipeline = a_lake(world, cluster.section())
    cluster.start(executors=2)
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    assert query(world, pipeline).returncode == 1
    cluster.start_scheduler()
    cluster.wait_for(2)
    assert query(world, pipeline).stdout == right(world, pipeline)
    assert cluster.scheduler.terminate() == 0


def test_an_executor_that_cannot_see_the_lake_makes_a_query_fail(world: World, cluster: Cluster) -> None:
    """A mount namespace in which something else is in the lake's place; what is missing is named."""
    pipeline = a_lake(world, cluster.section())
    cluster.start(executors=0)
    assert os.geteuid() == 0 or shutil.which("unshare"), "mount namespaces are needed"
    hide = f"mount -t tmpfs none '{world.lake}' && exec \"$@\""
    options = ("--mount",) if os.geteuid() == 0 else ("--map-root-user", "--mount")
    cluster.start_executor(before=("unshare", *options, "sh", "-c", hide, "sh"))
    cluster.wait_for(1)
    blind = query(world, pipeline)
    assert blind.returncode == 1 and len(blind.stdout.splitlines()) <= 1, "no row, perhaps their names"
    assert "on the cluster" in blind.stderr and "not found" in blind.stderr, blind.stderr
    assert str(world.lake) in blind.stderr or f"{events.TABLE}/" in blind.stderr, blind.stderr
