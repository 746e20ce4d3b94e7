"""A process that was replaced while it was paused can make nothing visible any more, in no store."""

import signal

from servers import until
from world import World, resume, wait_stopped

EXIT_FENCED = 4
FIRST, SECOND = 40_000, 60_000


def refusals(world: World) -> int:
    """How often the server's fence has thrown (395: FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)."""
    return int(world.clickhouse.query("SELECT sum(value) FROM system.errors WHERE code = 395 FORMAT TSV"))


def take_over_while_paused(world: World, point: str) -> None:
    """Pauses the first process at `point`, lets a second host take over and ingest on, and wakes the first."""
    world.start_servers()
    world.create_stream()
    first, second = world.pipeline(), world.pipeline()
    world.publish(1, FIRST)
    old = world.start_weir(first, WEIR_PAUSE_POINT=point)
    wait_stopped(old)
    new = world.start_weir(second)
    until(lambda: second.positions() == (FIRST, FIRST), "the second process takes over and ingests", 60)
    world.publish(FIRST + 1, SECOND)
    until(lambda: second.positions() == (SECOND, SECOND), "it goes on", 60)
    refused_before = refusals(world)
    resume(old)
    assert old.wait() == EXIT_FENCED, old.text()[-4000:]
    if point == "range_announced":
        assert refusals(world) > refused_before, "the INSERT of the replaced process was not refused by the server"
    assert new.running()
    world.publish(SECOND + 1, SECOND + 1_000)
    until(lambda: second.positions() == (SECOND + 1_000, SECOND + 1_000), "the second process is undisturbed", 60)
    new.signal(signal.SIGTERM)
    assert new.wait() == 0, new.text()[-4000:]
    world.check_exact(second, SECOND + 1_000)


def test_an_insert_of_a_replaced_process_is_refused_by_clickhouse(world: World) -> None:
    take_over_while_paused(world, "range_announced")


def test_a_commit_of_a_replaced_process_is_refused_by_the_lake(world: World) -> None:
    take_over_while_paused(world, "parquet_written")


def test_a_second_process_waits_as_long_as_the_first_is_alive(world: World) -> None:
    world.start_servers()
    world.create_stream()
    first, second = world.pipeline(), world.pipeline()
    world.publish(1, 5_000)
    holder = world.start_weir(first)
    until(lambda: first.positions() == (5_000, 5_000), "the first process ingests", 60)
    waiting = world.start_weir(second)
    until(lambda: "taking the lease" in waiting.text(), "the second process asks for the lease")
    world.publish(5_001, 10_000)
    until(lambda: first.positions() == (10_000, 10_000), "the first process goes on", 60)
    assert "lease taken" not in waiting.text()
    assert holder.terminate() == 0, holder.text()[-4000:]
    world.publish(10_001, 12_000)
    until(lambda: second.positions() == (12_000, 12_000), "the second process follows at once", 60)
    assert waiting.terminate() == 0, waiting.text()[-4000:]
    world.check_exact(second, 12_000)
