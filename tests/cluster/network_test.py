"""A cluster as it is meant: every role on a host of its own, the lake on an S3 server that each reaches over the network."""

import signal
from collections.abc import Iterator

import pytest

from cluster_servers import Cluster
from network import Network, not_permitted
from s3_server import BUCKET, S3Server
from servers import until
from world import Pipeline, World

DRIVER, FIRST, SECOND = 1, 2, 3


@pytest.fixture
def network() -> Iterator[Network]:
    if reason := not_permitted():
        pytest.skip(f"NOTHING OF A CLUSTER ON SEVERAL HOSTS WAS TESTED: network namespaces are not permitted here ({reason})")
    network = Network(hosts=3)
    try:
        network.move_to(DRIVER)
        yield network
    finally:
        network.remove()


@pytest.fixture
def s3(network: Network, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    server = S3Server(world.folder / "s3", network.address(DRIVER))
    world.lake = server.objects / BUCKET / "lake"
    world.nats.host = network.address(DRIVER)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def cluster(network: Network, world: World) -> Iterator[Cluster]:
    """The scheduler on host 2, an executor there and one on host 3."""
    cluster = Cluster(world.folder / "cluster", executor_timeout="4s")
    cluster.host = network.address(FIRST)
    cluster.start_scheduler(network.on(FIRST))
    for host in (FIRST, SECOND):
        cluster.start_executor(before=network.on(host), host=network.address(host))
    cluster.wait_for(2)
    yield cluster
    cluster.kill()


def on_cluster(world: World, cluster: Cluster) -> Pipeline:
    engine = f'kind = "ballista"\n{cluster.section()}\nbatch_interval = "300ms"\njob_timeout = "60s"'
    return world.pipeline(lake=f'url = "s3://{BUCKET}/lake"', engine=engine)


def goes_on(pipeline: Pipeline, to: int) -> None:
    until(lambda: pipeline.positions()[0] > to, "the lake goes on", timeout=20)


def test_three_hosts_and_an_s3_server(network: Network, world: World, s3: S3Server, cluster: Cluster) -> None:
    world.start_servers()
    world.create_stream()
    first, second = on_cluster(world, cluster), on_cluster(world, cluster)
    weir = world.start_weir(first)
    feed = world.feed(rate=3_000)
    feed.allow(3_000 * 3_600)
    goes_on(first, 3_000)
    addresses = {executor["host"] for executor in cluster.get("/api/executors")}
    assert addresses == {network.address(FIRST), network.address(SECOND)}

    # The host of an executor is cut off for longer than the scheduler waits, and comes back.
    network.pull(SECOND)
    cluster.wait_for(1)
    goes_on(first, feed.published)
    network.plug(SECOND)
    until(lambda: not cluster.executors[1].running() or cluster.has(2), "it ends or is taken in again")
    cluster.executors[1].kill()
    cluster.start_executor(before=network.on(SECOND), host=network.address(SECOND))
    cluster.wait_for(2)
    goes_on(first, feed.published)

    # The host of the scheduler is cut off: nobody works, and everybody says so.
    network.pull(FIRST)
    until(lambda: first.get("/readyz")[0] == 503 and "scheduler" in first.get("/readyz")[1], "it is not ready", timeout=90)
    network.plug(FIRST)
    for executor in cluster.executors:
        if executor.running():
            executor.kill()
    for host in (FIRST, SECOND):
        cluster.start_executor(before=network.on(host), host=network.address(host))
    goes_on(first, feed.published)

    # Two drivers, each of which thinks that it holds the lease; the one that was replaced ends, whatever tells it first.
    weir.signal(signal.SIGSTOP)
    other = world.start_weir(second)
    goes_on(second, feed.published)
    weir.signal(signal.SIGCONT)
    assert weir.wait(timeout=90) == 4, weir.text()[-4000:]
    goes_on(second, feed.published)

    last = feed.hold()
    assert other.terminate(timeout=90) == 0, other.text()[-4000:]
    world.catch_up(second)
    world.check_exact(second, last)
    world.check_audit_clean(second.file)
