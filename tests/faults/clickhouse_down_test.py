"""Servers fail while events flow: the lake goes on without ClickHouse, and everything catches up by itself."""

import os
import random
import time

from servers import until
from world import Pipeline, World

OUTAGE_SECONDS = float(os.environ.get("WEIR_TEST_OUTAGE_SECONDS", "20"))
RATE = 5_000
RSS_GROWTH_BYTES_MAX = 150 << 20


def wait_live(pipeline: Pipeline, last: int) -> None:
    until(lambda: pipeline.positions()[0] >= last, "the lake has everything", 120)
    until(lambda: pipeline.shard().get("hot_mode") == "live", "ClickHouse is attached again", 120)
    until(lambda: pipeline.positions()[1] >= last, "ClickHouse has everything", 120)


def test_the_lake_keeps_up_while_clickhouse_is_down_and_clickhouse_catches_up_by_itself(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    weir = world.start_weir(pipeline)
    feed = world.feed(RATE)
    feed.allow(30_000)
    wait_live(pipeline, feed.wait_until_all())

    world.clickhouse.kill()
    before = weir.rss_bytes()
    highest = before
    feed.allow(int(RATE * OUTAGE_SECONDS))
    lake_positions = []
    end = time.monotonic() + OUTAGE_SECONDS
    while time.monotonic() < end:
        time.sleep(OUTAGE_SECONDS / 10)
        lake_positions.append(pipeline.positions()[0])
        highest = max(highest, weir.rss_bytes())
    during = feed.wait_until_all()
    until(lambda: pipeline.positions()[0] >= during, "the lake keeps up without ClickHouse")
    assert len(set(lake_positions)) >= len(lake_positions) // 2, lake_positions
    shard = pipeline.shard()
    assert shard["hot_mode"] == "detached" and shard["hot_reason"], shard
    assert shard["hot_position"] < during
    print(f"RSS {before >> 20} MiB before, at most {highest >> 20} MiB during the outage")
    assert highest - before < RSS_GROWTH_BYTES_MAX, f"{before} -> {highest} bytes"

    world.clickhouse.start()
    feed.allow(10_000)
    wait_live(pipeline, feed.wait_until_all())
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.check_exact(pipeline, feed.published)


def test_clickhouse_killed_while_inserts_run_has_every_row_once(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    weir = world.start_weir(pipeline)
    feed = world.feed(20_000)
    for _ in range(3):
        feed.allow(25_000)
        before = feed.published
        moment = random.uniform(2_000, 20_000)
        until(lambda: feed.published >= before + moment, "events flow")
        world.clickhouse.kill()
        world.clickhouse.start()
        until(lambda: pipeline.shard().get("hot_mode") == "live", "ClickHouse is attached again", 120)
    wait_live(pipeline, feed.wait_until_all())
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.check_exact(pipeline, feed.published)


def test_nats_killed_while_events_flow_loses_and_doubles_nothing(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    weir = world.start_weir(pipeline)
    feed = world.feed(20_000)
    for _ in range(2):
        feed.allow(25_000)
        before = feed.published
        until(lambda: feed.published >= before + 10_000 and pipeline.positions()[0] > 0, "events flow through")
        world.nats.kill()
        until(lambda: pipeline.get("/readyz")[0] == 503, "not ready without NATS")
        world.nats.start()
    wait_live(pipeline, feed.wait_until_all())
    until(lambda: pipeline.get("/readyz")[0] == 200, "ready again")
    assert weir.running(), weir.text()[-4000:]
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.check_exact(pipeline, feed.published)
