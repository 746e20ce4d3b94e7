"""kill -9 of `weir run` anywhere loses nothing and doubles nothing, in either store."""

import os
import random
import signal

from servers import until
from world import World

EVENTS = 500_000
RANDOM_KILLS = 10
# Passages are counted so that the kill falls into the flow: the first ones belong to the take-over.
CRASH_POINTS = [
    "lease_taken",
    "kv_set:4",
    "kv_set:7",
    "insert_first_byte:2",
    "insert_answered:4",
    "parquet_written:2",
    "dead_letters_committed",
    "log_entry_written:3",
    "log_entry_synced:2",
    "ack_sent:2",
]
SEED = int(os.environ.get("WEIR_TEST_SEED", random.SystemRandom().randrange(1_000_000)))


def test_rows_are_exact_after_kills_at_every_crash_point_and_at_random_moments(world: World) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    feed = world.feed(rate=20_000)
    rounds = CRASH_POINTS + [""] * RANDOM_KILLS
    chance.shuffle(rounds)
    for point in rounds:
        weir = world.start_weir(pipeline, **({"WEIR_CRASH_POINT": point} if point else {}))
        if not point and chance.random() < 0.7:
            # The others are killed while they start.
            until(lambda: "lease taken" in weir.text(), "weir takes the lease")
        before = feed.published
        feed.allow(EVENTS // len(rounds))
        if not point:
            moment = before + chance.uniform(0, EVENTS // len(rounds))
            until(lambda: feed.published >= moment, "events flow")
            weir.kill()
        assert weir.wait() == -signal.SIGKILL, f"{point} was not reached:\n{weir.text()[-4000:]}"
        feed.wait_until_all()
    assert feed.wait_until_all() == EVENTS
    world.catch_up(pipeline)
    world.check_exact(pipeline, EVENTS)


def test_rows_are_exact_after_kills_while_clickhouse_is_brought_up_to_date(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 10_000)
    world.catch_up(pipeline)
    world.clickhouse.kill()
    world.publish(10_001, 60_000)
    without = world.start_weir(pipeline)
    until(lambda: pipeline.positions()[0] == 60_000, "the lake goes on without ClickHouse")
    without.kill()
    world.clickhouse.start()
    # Each of these happens while rows come from the lake.
    for point in ("insert_first_byte:2", "insert_answered:2", "kv_set:5", "insert_answered"):
        weir = world.start_weir(pipeline, WEIR_CRASH_POINT=point)
        assert weir.wait() == -signal.SIGKILL, f"{point} was not reached:\n{weir.text()[-4000:]}"
    world.catch_up(pipeline)
    world.check_exact(pipeline, 60_000)


def test_clickhouse_that_is_down_at_the_very_first_start_gets_every_row_later(world: World) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 5_000)
    for last in (5_000, 10_000):
        weir = world.start_weir(pipeline)
        until(lambda: pipeline.positions()[0] == last, "the lake goes on without ClickHouse")
        weir.kill()
        world.publish(last + 1, last + 5_000)
    world.clickhouse.start()
    world.catch_up(pipeline)
    world.check_exact(pipeline, 15_000)
