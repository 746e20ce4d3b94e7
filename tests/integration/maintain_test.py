"""Upkeep beside live ingest: fewer files, the same rows for every reader, the past readable until a vacuum."""

import json
import os
import shutil
import time

import numpy as np
from deltalake import DeltaTable

import events
import readers
from publishing import NatsClient
from servers import until
from world import Pipeline, World

# Commits before the upkeep: WEIR_TEST_COMMITS=10000 takes a quarter of an hour.
COMMITS = int(os.environ.get("WEIR_TEST_COMMITS", "120"))
# The last ones, whose files pile up. Rounds of the upkeep inside `weir run` come between those before, as in a life so long.
PILED = min(COMMITS, 1_000)
BATCH = 20  # events of one commit
COMMIT_SECONDS_MAX = 60
KILL_AFTER_SECONDS = [0.2, 0.4, 0.6, 0.8, 1.0, 1.3]
BESIDE = 2_000  # events that come while the upkeep runs


def lake_settings(world: World, interval: str = "10ms") -> str:
    return f'url = "file://{world.lake}"\ncommit_interval = "{interval}"'


def upkeep_every(interval: str) -> str:
    """[limits] of a pipeline file, and [maintenance]."""
    return f'lease_timeout = "3s"\n\n[maintenance]\ninterval = "{interval}"'


def steps(world: World, pipeline: Pipeline, *options: str) -> dict[tuple[str, str], dict]:
    """What `weir maintain` reports, by table and step."""
    done = world.weir("maintain", pipeline.file, "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return {(step["table"], step["step"]): step for step in json.loads(done.stdout)["steps"]}


def files(world: World) -> int:
    return len(readers.lake_table(world.lake).file_uris())


def check_readers_agree(world: World, last: int) -> None:
    """Python deltalake, ClickHouse's Delta reader and ClickHouse itself have the events 1..last, once each."""
    ids = events.rows_of(events.numbers(1, last))
    world.check_stores(ids, ids)


def seqs_at(world: World, version: int) -> np.ndarray:
    """What an old version holds, by Python deltalake."""
    table = DeltaTable(str(world.lake / events.TABLE), version=version)
    return table.to_pyarrow_table(columns=["_seq"]).sort_by("_seq")["_seq"].to_numpy()


def newest_version(world: World) -> int:
    """By the names in the log: cheap, whatever its length."""
    return max(int(entry.name[:20]) for entry in (world.lake / events.TABLE / "_delta_log").glob("*.json"))


def query(world: World, pipeline: Pipeline, *options: str):
    return world.weir("query", pipeline.file, f"SELECT count(*) AS n, sum(id) AS ids FROM {events.TABLE}", "--json", *options)


def publish_small_commits(world: World, pipeline: Pipeline, last: int, commits: int) -> int:
    """Makes the lake have `commits` versions more, each batch published when the one before has made its version: published
    faster, many batches would share a commit. Returns the last event."""
    log = world.lake / events.TABLE / "_delta_log"
    version = newest_version(world)
    goal = version + commits
    with NatsClient(world.nats) as client:
        while version < goal:
            client.publish_all([events.event(number) for number in range(last + 1, last + BATCH + 1)])
            last += BATCH
            deadline = time.monotonic() + COMMIT_SECONDS_MAX
            while not (log / f"{version + 1:020}.json").exists():
                assert time.monotonic() < deadline, f"no version {version + 1} within {COMMIT_SECONDS_MAX} s"
                time.sleep(0.001)
            while (log / f"{version + 1:020}.json").exists():
                version += 1
    until(lambda: pipeline.positions() == (last, last), "both stores have the batch")
    return last


def test_maintain_beside_ingest_keeps_every_reader_and_the_past(world: World) -> None:
    world.start_servers()
    world.create_stream()
    # One file a commit: what is counted are commits.
    table = f'order_by = ["customer", "at"]\nsql = "{events.SQL}"'
    pipeline = world.pipeline(lake=lake_settings(world), table=table, limits=upkeep_every("1m"))
    weir = world.start_weir(pipeline)
    last = world.publish(1, BATCH)
    until(lambda: pipeline.positions() == (last, last), "both stores have the first batch")
    last = publish_small_commits(world, pipeline, last, COMMITS - PILED)
    assert weir.terminate() == 0, weir.text()[-4000:]
    pipeline = world.pipeline(lake=lake_settings(world), table=table, limits=upkeep_every("0s"))
    weir = world.start_weir(pipeline)
    until(lambda: pipeline.positions() == (last, last), "it goes on")
    last = publish_small_commits(world, pipeline, last, PILED)

    old = readers.lake_table(world.lake).version()
    then = query(world, pipeline, "--version", str(old))
    assert then.returncode == 0, then.stderr
    assert f"{events.TABLE} at version {old}" in then.stderr
    before = files(world)
    assert newest_version(world) >= COMMITS and before >= PILED
    check_readers_agree(world, last)
    rows_then = events.rows_of(events.numbers(1, last))
    assert np.array_equal(seqs_at(world, old), rows_then)

    planned = steps(world, pipeline, "--dry-run", "--closed-after", "1ms")
    assert planned[(events.TABLE, "compact")]["outcome"] == "would"
    assert planned[(events.TABLE, "compact")]["files"] >= before
    assert files(world) == before

    feed = world.feed(rate=500)
    feed.allow(last + BESIDE)
    done = steps(world, pipeline, "--closed-after", "1ms", "--only", "compact,checkpoint,clean-log,vacuum,parts")
    assert done[(events.TABLE, "compact")]["outcome"] == "done", done
    assert done[(events.TABLE, "compact")]["files"] >= before
    assert done[(events.TABLE, "vacuum")]["outcome"] == "nothing", "everything is younger than the retention"
    assert done[(events.TABLE, "parts")]["outcome"] in ("nothing", "warning")
    shard = pipeline.shard()
    assert shard["hot_mode"] == "live" and not shard["last_error"], shard

    again = query(world, pipeline, "--version", str(old))
    assert (again.returncode, again.stdout) == (0, then.stdout), again.stderr
    assert np.array_equal(seqs_at(world, old), rows_then)
    last = feed.wait_until_all()
    until(lambda: pipeline.positions() == (last, last), "both stores have what came beside the upkeep")
    assert weir.terminate() == 0, weir.text()[-4000:]
    assert "shard stopped" not in weir.text()
    after = files(world)
    print(f"{newest_version(world):,} versions; {before:,} files before, {after:,} after; {last:,} events")
    assert after < before
    check_readers_agree(world, last)
    world.check_audit_clean(pipeline.file)
    assert world.weir("query", pipeline.file, "SELECT 1", "--version", "1").returncode == 0

    # Nothing writes any more: everything but the newest version may go.
    steps(world, pipeline, "--closed-after", "1ms", "--only", "compact")
    swept = steps(world, pipeline, "--only", "vacuum", "--retention", "1ms", "--force")
    assert swept[(events.TABLE, "vacuum")]["outcome"] == "nothing", "a millisecond is an hour, rounded up"
    swept = steps(world, pipeline, "--only", "vacuum", "--retention", "0s", "--force")
    assert swept[(events.TABLE, "vacuum")]["files"] >= before
    world.check_exact(pipeline, last)
    world.check_audit_clean(pipeline.file)
    gone = query(world, pipeline, "--version", str(old))
    newest = readers.lake_table(world.lake).version()
    assert gone.returncode != 0
    assert f"version {old} of table {events.TABLE} cannot be read any more" in gone.stderr
    assert f"the newest {newest}" in gone.stderr
    assert query(world, pipeline, "--version", str(newest)).returncode == 0


def test_wrong_usage_says_what_to_write_instead(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 10)
    world.catch_up(pipeline)
    for options, said in [
        (["--only", "defragment"], "the steps are compact, checkpoint, clean-log, vacuum, parts"),
        (["--table", "nosuch"], "the file has events, _dead_letters"),
        (["--retention", "30m"], "--force"),
        (["--retention", "soon"], "--retention soon"),
    ]:
        done = world.weir("maintain", pipeline.file, *options)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
    for options, said in [
        (["--version", "1000"], "has no version 1000"),
        (["--at", "2001-01-01T00:00:00Z"], "has no version that old"),
    ]:
        done = query(world, pipeline, *options)
        assert done.returncode != 0
        assert said in done.stderr and "the oldest version that can be read is 0" in done.stderr, done.stderr
    at = query(world, pipeline, "--at", "2100-01-01T00:00:00Z")
    assert at.returncode == 0, at.stderr
    assert "at version" in at.stderr


def test_upkeep_inside_run_makes_its_rounds_and_stops_at_once(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(
        lake=lake_settings(world),
        limits=upkeep_every("1s"),
    )
    weir = world.start_weir(pipeline)
    last = world.publish(1, BATCH)
    until(lambda: pipeline.positions() == (last, last), "both stores have the first batch")
    until(lambda: "weir_maintain_round_seconds_count 0" not in pipeline.get("/metrics")[1], "a round was made")
    last = publish_small_commits(world, pipeline, last, 5)
    assert weir.terminate() == 0, weir.text()[-4000:]
    assert "maintenance failed" not in weir.text()
    world.check_exact(pipeline, last)
    world.check_audit_clean(pipeline.file)


def test_a_vacuum_by_another_tool_ends_the_past_and_not_the_ingest(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(lake=lake_settings(world))
    weir = world.start_weir(pipeline)
    last = world.publish(1, BATCH)
    until(lambda: pipeline.positions() == (last, last), "both stores have the first batch")
    last = publish_small_commits(world, pipeline, last, 12)
    old = readers.lake_table(world.lake).version()
    steps(world, pipeline, "--only", "compact", "--closed-after", "1ms")
    until(lambda: len(DeltaTable(str(world.lake / events.TABLE)).file_uris()) < 12, "the compaction is visible")
    # Idle, so no file of a commit under way is there for the other tool to take.
    DeltaTable(str(world.lake / events.TABLE)).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    gone = query(world, pipeline, "--version", str(old))
    assert gone.returncode != 0
    assert f"version {old} of table {events.TABLE} cannot be read any more" in gone.stderr
    last = publish_small_commits(world, pipeline, last, 5)
    assert query(world, pipeline).returncode == 0
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.check_exact(pipeline, last)
    world.check_audit_clean(pipeline.file)


def test_upkeep_that_is_killed_leaves_everything_as_it_was_or_done(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(lake=lake_settings(world))
    weir = world.start_weir(pipeline)
    last = world.publish(1, BATCH)
    until(lambda: pipeline.positions() == (last, last), "both stores have the first batch")
    for delay in KILL_AFTER_SECONDS:
        last = publish_small_commits(world, pipeline, last, 10)
        upkeep = world.start_command("maintain", pipeline.file, "--closed-after", "1ms", "--retention", "1h")
        time.sleep(delay)  # where it is by then decides nothing but what is killed
        upkeep.kill()
    assert files(world) > 0
    assert weir.terminate() == 0, weir.text()[-4000:]
    done = steps(world, pipeline, "--closed-after", "1ms", "--retention", "0s", "--force")
    assert done[(events.TABLE, "vacuum")]["outcome"] in ("done", "nothing")
    world.check_exact(pipeline, last)
    world.check_audit_clean(pipeline.file)


def test_a_table_that_is_gone_is_left_out(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    assert ("events", "compact") not in steps(world, pipeline)
    world.publish(1, 10)
    world.catch_up(pipeline)
    shutil.rmtree(world.lake / "_dead_letters", ignore_errors=True)
    assert set(table for table, step in steps(world, pipeline) if step == "compact") == {events.TABLE}
