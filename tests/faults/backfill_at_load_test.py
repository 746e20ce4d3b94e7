"""A dropped ClickHouse table is whole again while events flow at half of what Weir can take on this machine."""

import json
import os
import time

import numpy as np
import pyarrow as pa

import events
from backfills import TABLE, drop_table, last_job, start_backfill
from publishing import Event, Feed
from readers import lake_table
from servers import Child, until
from world import DATABASE, Pipeline, World

# Acknowledged together: a round trip takes long where all processors are at work, and nothing is published meanwhile.
BATCH_EVENTS = 20_000
# Before the table is dropped. What flows meanwhile comes on top: half of P1 for as long as the backfill takes.
HISTORY = int(os.environ.get("WEIR_TEST_BACKFILL_EVENTS", "500000")) // BATCH_EVENTS * BATCH_EVENTS
# Events per second of `weir run --until-caught-up` (P1 of docs/benchmarks.md); measured on the history when not given.
P1_RATE = os.environ.get("WEIR_TEST_P1_RATE")
ASKED = 0.65  # Of P1: whoever publishes shares the processors with what is tested, and half of P1 is to flow.
PREPARED_SECONDS = 30  # Later events are made while they flow.
LEG_ROWS = 2_000  # What every executor brings before it is killed.
NEW_DAY = 4
LATE_EVERY = 20


def event(number: int) -> Event:
    """As ever up to the history's end. Then of a new day, but for every 20th, which comes late into an old one."""
    subject, payload = events.event(number)
    if number <= HISTORY or number % LATE_EVERY == 0 or events.is_bad(number):
        return subject, payload
    before, after = payload.split(b'"at":"2026-03-0', 1)
    return subject, b'%b"at":"2026-03-0%d%b' % (before, NEW_DAY, after[1:])


def day_of(number: np.ndarray) -> np.ndarray:
    return np.where((number > HISTORY) & (number % LATE_EVERY != 0), NEW_DAY, number % 3 + 1)


def check_days(rows: pa.Table, last: int, where: str) -> None:
    """Every row is in the partition of its event: `rows` are `_seq` and the day of March 2026."""
    found = rows.sort_by("_seq")
    expected = events.rows_of(events.numbers(1, last))
    assert np.array_equal(found["_seq"].to_numpy(), expected), where
    assert np.array_equal(found["day"].to_numpy(), day_of(expected)), where


def lake_days(world: World) -> pa.Table:
    rows = lake_table(world.lake).to_pyarrow_table(columns=["_seq", "day"])
    days = rows["day"].cast(pa.int32())  # days since 1970
    first = np.datetime64("2026-03-01").astype(int)
    return pa.table({"_seq": rows["_seq"], "day": pa.array(days.to_numpy() - first + 1)})


def clickhouse_days(world: World) -> pa.Table:
    return world.clickhouse.arrow(f"SELECT _seq, toInt64(toDayOfMonth(day)) AS day FROM {TABLE}")


def events_per_second(world: World, pipeline: Pipeline) -> float:
    """What Weir takes on this machine: the history from nothing into both stores, start and end of the process included."""
    started = time.monotonic()
    world.catch_up(pipeline)
    return float(P1_RATE) if P1_RATE else HISTORY / (time.monotonic() - started)


def wait_for_leg(world: World, pipeline: Pipeline, feed: Feed, weir: Child) -> None:
    """Until this process has brought rows of its own while events flowed."""
    until(lambda: f":{weir.pid}" in last_job(world, pipeline).get("executor", ""), "it executes the backfill")
    rows, published = last_job(world, pipeline)["rows"], feed.published
    until(lambda: last_job(world, pipeline)["rows"] > rows + LEG_ROWS, "the backfill goes on")
    until(lambda: feed.published > published, "events flow")


def check_hand_over_audited(world: World, pipeline: Pipeline, hand_over: int, last: int) -> None:
    """`weir audit` finds no difference, on either side of the hand-over sequence and nowhere else."""
    report = world.check_audit_clean(pipeline.file)[events.TABLE]
    compared = [r for r in report["ranges"] if r["compared"] == "lake = ClickHouse"]
    assert [(r["first_seq"], r["last_seq"]) for r in compared] == [(1, hand_over), (hand_over + 1, last)], report
    for side in compared:
        rows = len(events.rows_of(events.numbers(side["first_seq"], side["last_seq"])))
        assert side["equal"] and side["lake"] == side["clickhouse"] == rows, side
        print(f"audited: _seq {side['first_seq']:,} .. {side['last_seq']:,}: {rows:,} rows in the lake and in ClickHouse")
    (stream,) = [r for r in report["ranges"] if r["compared"] == "stream = lake"]
    assert stream["equal"] and (stream["first_seq"], stream["last_seq"]) == (1, last), stream


def test_dropped_table_is_whole_again_after_kills_of_whoever_executes_the_backfill_at_half_the_rate_of_p1(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, HISTORY, event)
    p1 = events_per_second(world, pipeline)
    rate = int(p1 * ASKED)
    feed = world.feed(rate, event, BATCH_EVENTS)
    feed.prepare(HISTORY + 1, HISTORY + rate * PREPARED_SECONDS // BATCH_EVENTS * BATCH_EVENTS)
    weir = world.start_weir(pipeline)
    started = time.monotonic()
    feed.allow(10**9)  # Until it is ended.
    until(lambda: pipeline.positions()[1] > HISTORY + rate, "events flow into both stores")
    drop_table(world)
    command = start_backfill(world, pipeline, "command", "--rows-per-second", "10000")
    for _ in range(2):
        wait_for_leg(world, pipeline, feed, weir)
        weir.kill()
        weir = world.start_weir(pipeline)
    wait_for_leg(world, pipeline, feed, weir)
    command.kill()
    resumed = start_backfill(world, pipeline, "resumed", "--resume", "--rows-per-second", "0")
    assert resumed.wait(180) == 0, resumed.text()[-6000:] + weir.text()[-6000:]
    flowed, seconds = feed.published - HISTORY, time.monotonic() - started
    lag = feed.published - pipeline.positions()[1]
    feed.end()
    last = feed.published
    assert weir.running()
    weir.terminate()
    world.catch_up(pipeline)

    job = last_job(world, pipeline)
    assert job["state"] == "done" and job["covers_table"], job
    hand_over = job["hand_over_seq"]
    assert HISTORY < hand_over < last
    assert f"hand-over at sequence {hand_over:,}" in resumed.text()
    print(f"P1 {p1:,.0f} events/s, asked for {rate:,}/s: {flowed:,} in {seconds:.1f} s = {flowed / seconds:,.0f}/s "
          f"= {flowed / seconds / p1:.2f} of P1, killed and all")
    print(f"backfilled {job['rows']:,} rows; ClickHouse was {lag:,} events behind then; hand-over at sequence {hand_over:,}")
    world.check_exact(pipeline, last)
    check_days(lake_days(world), last, "lake")
    check_days(clickhouse_days(world), last, "ClickHouse")
    check_hand_over_audited(world, pipeline, hand_over, last)
    uuid = world.clickhouse.query(f"SELECT uuid FROM system.tables WHERE database = '{DATABASE}' AND name = '{events.TABLE}'")
    assert uuid.decode().strip() in json.dumps(json.loads((world.lake / f"_weir/jobs/events/{1:020}/progress.json").read_text()))
