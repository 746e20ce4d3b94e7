"""A stream that lost events stops the shard with the missing range; --accept-gap goes on and records it for good."""

import json
import shutil
import signal

import numpy as np

import events
import readers
from servers import until
from world import DATABASE, Pipeline, World

EXIT_FAILED = 1


def refused(world: World, pipeline: Pipeline, *said: str) -> None:
    """`weir run` stops with exit code 1 and says all of `said`, however often it is tried."""
    before = readers.lake_position(world.lake)
    for _ in range(2):
        code, text = world.run_weir(pipeline, "--until-caught-up")
        assert code == EXIT_FAILED, text[-4000:]
        for part in (*said, "--accept-gap"):
            assert part in text, f"'{part}' is not in:\n{text[-4000:]}"
    assert readers.lake_position(world.lake) == before


def gaps(world: World) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(world.lake.glob("_weir/gaps/events/0/*.json"))]


def start(world: World, events_before: int, **stream: int) -> Pipeline:
    world.start_servers()
    world.create_stream(**stream)
    pipeline = world.pipeline()
    world.publish(1, events_before)
    world.catch_up(pipeline)
    return pipeline


def check_after_gap(world: World, ids: np.ndarray) -> None:
    """Both stores hold the events `ids` once each; the sequences of the new life follow those of the old one."""
    ids = events.rows_of(ids)
    lake = readers.lake_rows(world.lake)
    seqs = lake["_seq"].to_numpy()
    assert len(np.unique(seqs)) == len(seqs)
    assert not (problem := readers.difference(np.sort(ids), np.sort(lake["id"].to_numpy()))), f"lake: {problem}"
    hot = readers.clickhouse_rows(world.clickhouse, DATABASE)
    assert hot["_seq"].equals(lake["_seq"]) and hot["id"].equals(lake["id"]), "ClickHouse differs from the lake"


def test_a_purged_stream_stops_the_shard_and_goes_on_behind_the_gap(world: World) -> None:
    pipeline = start(world, 5_000)
    world.publish(5_001, 8_000)
    world.api("STREAM.PURGE.EVENTS")
    world.publish(8_001, 10_000)
    refused(world, pipeline, "5001", "8000", "purged")

    world.catch_up(pipeline, "--accept-gap")
    everything = np.concatenate([events.numbers(1, 5_000), events.numbers(8_001, 10_000)])
    world.check_stores(events.rows_of(everything), events.rows_of(everything))
    (gap,) = gaps(world)
    assert (gap["first"], gap["last"]) == (5_001, 8_000)
    assert "purged" in gap["reason"]

    world.publish(10_001, 11_000)
    world.catch_up(pipeline)
    everything = np.concatenate([everything, events.numbers(10_001, 11_000)])
    world.check_stores(events.rows_of(everything), events.rows_of(everything))


def test_a_stream_trimmed_past_the_position_stops_the_shard(world: World) -> None:
    pipeline = start(world, 3_000, max_msgs=4_000)
    world.publish(3_001, 9_000)
    refused(world, pipeline, "3001", "5000", "limits")

    world.catch_up(pipeline, "--accept-gap")
    everything = np.concatenate([events.numbers(1, 3_000), events.numbers(5_001, 9_000)])
    world.check_stores(events.rows_of(everything), events.rows_of(everything))
    assert [(gap["first"], gap["last"]) for gap in gaps(world)] == [(3_001, 5_000)]


def test_a_re_created_stream_starts_a_new_life_above_every_number_used_before(world: World) -> None:
    pipeline = start(world, 5_000)
    world.api("STREAM.DELETE.EVENTS")
    world.create_stream()
    world.publish(20_001, 26_000)
    refused(world, pipeline, "5000", "re-created")

    world.catch_up(pipeline, "--accept-gap")
    check_after_gap(world, np.concatenate([events.numbers(1, 5_000), events.numbers(20_001, 26_000)]))
    seqs = readers.lake_rows(world.lake)["_seq"].to_numpy()
    assert seqs[seqs > 5_000].min() > 6_000
    assert [gap["first"] for gap in gaps(world)] == [5_001]

    world.publish(26_001, 27_000)
    world.catch_up(pipeline)
    check_after_gap(world, np.concatenate([events.numbers(1, 5_000), events.numbers(20_001, 27_000)]))


def test_a_server_that_went_back_to_an_older_copy_stops_the_shard(world: World) -> None:
    pipeline = start(world, 4_000)
    world.nats.stop()
    copy = world.folder / "older copy"
    shutil.copytree(world.nats.store, copy)
    world.nats.start()
    world.publish(4_001, 6_000)
    world.catch_up(pipeline)
    # The whole server: the stream as well as Weir's leases and positions.
    world.nats.kill()
    shutil.rmtree(world.nats.store)
    shutil.copytree(copy, world.nats.store)
    world.nats.start()
    refused(world, pipeline, "4001", "6000", "rolled back")
    world.publish(30_001, 33_000)  # Sequences 4001 to 7000 now mean other events.
    refused(world, pipeline, "6000", "written over")

    world.catch_up(pipeline, "--accept-gap")
    check_after_gap(world, np.concatenate([events.numbers(1, 6_000), events.numbers(30_001, 33_000)]))
    world.publish(33_001, 34_000)
    world.catch_up(pipeline)
    check_after_gap(world, np.concatenate([events.numbers(1, 6_000), events.numbers(30_001, 34_000)]))


def test_a_stream_re_created_under_a_running_process_stops_it(world: World) -> None:
    pipeline = start(world, 2_000)
    weir = world.start_weir(pipeline)
    until(lambda: pipeline.positions() == (2_000, 2_000), "weir runs")
    world.api("STREAM.DELETE.EVENTS")
    world.create_stream()
    world.publish(20_001, 26_000)
    assert weir.wait() == EXIT_FAILED, weir.text()[-4000:]
    assert "re-created" in weir.text() or "deleted" in weir.text(), weir.text()[-4000:]
    world.catch_up(pipeline, "--accept-gap")
    check_after_gap(world, np.concatenate([events.numbers(1, 2_000), events.numbers(20_001, 26_000)]))


def test_accepting_a_gap_survives_kills_on_its_way(world: World) -> None:
    pipeline = start(world, 2_000)
    world.api("STREAM.DELETE.EVENTS")
    world.create_stream()
    world.publish(20_001, 22_000)
    # The take-over's commit, then the one that moves the position over the gap.
    for point in ("log_entry_written", "log_entry_written:2"):
        code, text = world.run_weir(pipeline, "--accept-gap", WEIR_CRASH_POINT=point)
        assert code == -signal.SIGKILL, text[-4000:]
    world.catch_up(pipeline)
    check_after_gap(world, np.concatenate([events.numbers(1, 2_000), events.numbers(20_001, 22_000)]))
    assert len({(gap["first"], gap["last"]) for gap in gaps(world)}) == 1


def test_rows_that_only_clickhouse_has_of_a_lost_tail_do_not_stay(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 4_000)
    world.catch_up(pipeline)
    world.nats.stop()
    copy = world.folder / "older copy"
    shutil.copytree(world.nats.store, copy)
    world.nats.start()
    # The lake commits once a minute: of the next events only ClickHouse has rows when everything dies.
    slow = world.pipeline(lake=f'url = "file://{world.lake}"\ncommit_interval = "60s"')
    weir = world.start_weir(slow)
    until(lambda: slow.shard().get("hot_mode") == "live", "ClickHouse is attached")
    world.publish(4_001, 6_000)
    until(lambda: slow.positions() == (4_000, 6_000), "ClickHouse is ahead of the lake")
    weir.kill()
    world.nats.kill()
    shutil.rmtree(world.nats.store)
    shutil.copytree(copy, world.nats.store)
    world.nats.start()
    world.publish(30_001, 33_000)  # Sequences 4001 to 7000 now mean other events.
    code, text = world.run_weir(pipeline, "--until-caught-up")
    if code != 0:
        assert code == EXIT_FAILED and "--accept-gap" in text, text[-4000:]
        world.catch_up(pipeline, "--accept-gap")
    check_after_gap(world, np.concatenate([events.numbers(1, 4_000), events.numbers(30_001, 33_000)]))
