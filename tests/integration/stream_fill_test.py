"""A table that is filled from the retained stream equals one that was there from the start, and goes live behind it."""

import hashlib
import json
import os
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

import events
import readers
from servers import until
from world import Pipeline, World, resume, wait_stopped

EVENTS = int(os.environ.get("WEIR_TEST_FILL_EVENTS", "1000000"))
LIVE_EVENTS = 20_000
LIVE_RATE = 4_000
COPY = "copy"
EXIT_FAILED = 1
EXIT_FENCED = 4
TABLE = f'sql = "{events.SQL}"'
LAKE = 'commit_interval = "300ms"'


def pipeline_of(world: World) -> Pipeline:
    return world.pipeline(lake=f'url = "file://{world.lake}"\n{LAKE}', clickhouse="", table=TABLE)


def with_copy(pipeline: Pipeline) -> Path:
    """The same pipeline with a second table of the same columns."""
    file = pipeline.folder / "with copy.toml"
    file.write_text(
        pipeline.file.read_text()
        + f'\n[[table]]\nname = "{COPY}"\nstream = "{events.STREAM}"\nsubjects = ["{events.SUBJECTS}"]\n{TABLE}\n{events.COLUMNS}'
    )
    return file


def filling(file: Path) -> list[str | Path]:
    return ["backfill", file, "--table", COPY, "--to", "lake", "--from-stream"]


def fill(world: World, file: Path, *options: str, **environment: str):
    return world.weir(*filling(file), *options, **environment)


def content(table: pa.Table, order: list[str]) -> tuple[int, str]:
    """Number of rows, and a hash over every value of every column, whatever files the rows are in."""
    table = table.sort_by([(name, "ascending") for name in order]).combine_chunks()
    digest = hashlib.sha256()
    for name in sorted(table.column_names):
        digest.update(name.encode())
        for chunk in table.column(name).chunks:
            # One batch in one layout: equal values are equal bytes.
            sink = pa.BufferOutputStream()
            batch = pa.record_batch([pa.concat_arrays([chunk])], [name])
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            digest.update(sink.getvalue())
    return table.num_rows, digest.hexdigest()


def rows(world: World, table: str) -> tuple[int, str]:
    return content(DeltaTable(str(world.lake / table)).to_pyarrow_table(), ["_shard", "_seq", "_row"])


def dead_letters(world: World, table: str) -> tuple[int, str]:
    letters = DeltaTable(str(world.lake / "_dead_letters")).to_pyarrow_table()
    letters = letters.filter(pc.equal(letters["table"], table)).drop_columns(["table"])
    letters = letters.filter(pc.less_equal(letters["_seq"], readers.lake_position(world.lake, table)))
    return content(letters, ["_shard", "_seq", "_row"])


def check_equal(world: World) -> None:
    identity = ["_shard", "_seq", "_row"]
    ours, theirs = (
        DeltaTable(str(world.lake / table)).to_pyarrow_table(columns=identity).sort_by("_seq") for table in (COPY, events.TABLE)
    )
    assert ours.equals(theirs), readers.difference(theirs["_seq"].to_numpy(), ours["_seq"].to_numpy())
    assert rows(world, COPY) == rows(world, events.TABLE)
    assert dead_letters(world, COPY) == dead_letters(world, events.TABLE)


def test_a_table_filled_beside_live_ingest_equals_one_that_was_there_from_the_start(world: World) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = pipeline_of(world)
    file = with_copy(pipeline)
    world.publish(1, EVENTS)
    running = world.start_weir(pipeline)
    until(lambda: pipeline.positions()[0] == EVENTS, "the first table has the history", 120)
    feed = world.feed(rate=LIVE_RATE)
    feed.allow(EVENTS + LIVE_EVENTS)  # It goes on behind what is there.

    done = fill(world, file, WEIR_CRASH_POINT="log_entry_written:3")
    assert done.returncode == -signal.SIGKILL, done.stderr[-4000:]
    half = readers.lake_position(world.lake, COPY)
    assert 0 < half < EVENTS
    done = fill(world, file, "--resume", "--json")
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"{half:,}" in done.stderr, "it says from where it goes on"
    report = json.loads(done.stdout)
    assert report["position"] >= EVENTS and report["live_from"] == report["position"] + 1
    assert report["position"] == readers.lake_position(world.lake, COPY)
    everything = events.numbers(1, report["position"])
    bad, filtered = int(events.is_bad(everything).sum()), int(events.is_filtered(everything).sum())
    assert (report["dead_letters"], report["filtered"]) == (bad, filtered)
    assert report["rows"] == report["position"] - bad - filtered

    # The process with the first table was not touched; the one that has both goes on where the fill ended.
    assert feed.wait_until_all() == EVENTS + LIVE_EVENTS
    until(lambda: pipeline.positions()[0] == EVENTS + LIVE_EVENTS, "the first table is live all the time")
    assert running.terminate() == 0, running.text()[-4000:]
    world.publish(EVENTS + LIVE_EVENTS + 1, EVENTS + LIVE_EVENTS + 5_000)
    done = world.weir("run", file, "--until-caught-up")
    assert done.returncode == 0, done.stderr[-4000:]
    last = EVENTS + LIVE_EVENTS + 5_000
    assert readers.lake_position(world.lake, COPY) == readers.lake_position(world.lake) == last
    expected = events.rows_of(events.numbers(1, last))
    readers.check_rows(readers.lake_rows(world.lake, COPY), expected, expected, "the filled table")
    check_equal(world)
    count, digest = rows(world, COPY)
    print(f"{COPY} = {events.TABLE}: {count:,} rows of {last:,} events, sha256 of all values {digest}")
    assert set(world.check_audit_clean(file)) == {events.TABLE, COPY}


def test_a_dry_run_says_what_there_is_and_changes_nothing(world: World) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = pipeline_of(world)
    world.publish(1, 3_000)
    done = fill(world, with_copy(pipeline), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["stream_messages"], plan["first_seq"], plan["last_seq"]) == (3_000, 1, 3_000)
    assert plan["stream_bytes"] > 0 and not plan["table_exists"]
    assert not world.lake.exists()
    assert [name for name in world.api("STREAM.NAMES")["streams"]] == [events.STREAM], "not even a bucket"


def test_a_table_that_the_running_process_feeds_is_left_to_it(world: World) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = pipeline_of(world)
    pipeline.file = file = with_copy(pipeline)
    world.publish(1, 2_000)
    running = world.start_weir(pipeline)
    until(lambda: pipeline.positions()[0] == 2_000, "weir runs both tables")
    done = fill(world, file)
    assert done.returncode == EXIT_FAILED
    assert "fed by the running process" in done.stderr, done.stderr
    assert running.terminate() == 0, running.text()[-4000:]


def test_a_process_that_gets_the_table_while_it_is_filled_goes_on_where_the_fill_was(world: World) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = pipeline_of(world)
    file = with_copy(pipeline)
    world.publish(1, 30_000)
    paused = world.start_command(*filling(file), WEIR_PAUSE_POINT="parquet_written")
    wait_stopped(paused)
    done = world.weir("run", file, "--until-caught-up")
    assert done.returncode == 0, done.stderr[-4000:]
    resume(paused)
    assert paused.wait() == EXIT_FENCED, paused.text()[-4000:]
    assert "took table copy over" in paused.text(), paused.text()[-4000:]
    check_equal(world)
    world.check_audit_clean(file)


def test_a_stream_that_loses_its_beginning_while_it_is_read_stops_the_fill_with_the_range(world: World) -> None:
    world.nats.start()
    world.create_stream(max_msgs=20_000)
    pipeline = pipeline_of(world)
    file = with_copy(pipeline)
    world.publish(1, 20_000)
    done = fill(world, file, WEIR_CRASH_POINT="log_entry_written:3")
    if done.returncode == 0:  # It was faster than its third commit.
        position = 20_000
    else:
        assert done.returncode == -signal.SIGKILL, done.stderr[-4000:]
        position = readers.lake_position(world.lake, COPY)
    world.publish(20_001, position + 25_000)
    done = fill(world, file)
    assert done.returncode == EXIT_FAILED
    assert str(position + 1) in done.stderr and "--accept-gap" in done.stderr, done.stderr[-4000:]
    done = world.weir("run", file, "--until-caught-up", "--accept-gap")
    assert done.returncode == 0, done.stderr[-4000:]
    assert readers.lake_position(world.lake, COPY) == position + 25_000
    world.check_audit_clean(file)
