"""History from the lake into ClickHouse beside live ingest: nothing missing, nothing double, whoever dies on the way."""

import datetime
import json
import signal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import write_deltalake

import events
import readers
from backfills import TABLE, backfill, drop_table, jobs, last_job, start_backfill
from servers import until
from world import DATABASE, World


def check_clickhouse(world: World, last: int) -> None:
    """ClickHouse has the rows of the events 1..last, read by itself."""
    ids = events.rows_of(events.numbers(1, last))
    readers.check_rows(readers.clickhouse_rows(world.clickhouse, DATABASE), ids, ids, "ClickHouse")


def test_command_executes_the_backfill_itself_while_nothing_runs_and_goes_on_after_a_kill(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 60_000)
    world.catch_up(pipeline)
    drop_table(world)
    killed = start_backfill(world, pipeline, "killed", "--rows-per-second", "10000")
    until(lambda: last_job(world, pipeline)["rows"] >= 5_000, "the command executes the backfill")
    killed.kill()
    refused = backfill(world, pipeline)
    assert refused.returncode == 1
    assert "backfill 1 of table events is running" in refused.stderr
    for option in ("--list", "--resume", "--cancel"):
        assert f"weir backfill {pipeline.file} --table events --to clickhouse {option}" in refused.stderr
    other_host = world.pipeline()
    done = backfill(world, other_host, "--resume", "--rows-per-second", "0", "--json")
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)
    assert job["state"] == "done" and job["hand_over_seq"] == 60_000
    check_clickhouse(world, 60_000)
    world.check_audit_clean(pipeline.file)
    nothing = backfill(world, pipeline, "--resume")
    assert nothing.returncode == 1 and "number 1 is done" in nothing.stderr
    # Live ingest goes on at exactly the next event.
    world.publish(60_001, 70_000)
    world.catch_up(pipeline)
    world.check_exact(pipeline, 70_000)
    world.check_audit_clean(pipeline.file)


def test_a_table_dropped_under_a_running_process_begins_anew_where_the_lake_is_by_then(world: World) -> None:
    """Not where the lake was when the process began: live events would wait behind all that came since."""
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    weir = world.start_weir(pipeline)
    world.publish(1, 20_000)
    until(lambda: pipeline.positions() == (20_000, 20_000), "both stores have the history")
    drop_table(world)
    world.publish(20_001, 21_000)
    until(lambda: pipeline.positions() == (21_000, 21_000), "live events go on into a new table")
    first = int(world.clickhouse.query(f"SELECT min(_seq) FROM {TABLE}"))
    assert 20_000 < first, "history is left to a backfill"
    done = backfill(world, pipeline)
    assert done.returncode == 0, done.stderr
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.check_exact(pipeline, 21_000)
    world.check_audit_clean(pipeline.file)


def test_rows_are_exact_after_kills_at_every_crash_point_of_a_backfill(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 30_000)
    world.catch_up(pipeline)
    drop_table(world)
    option = "--rows-per-second=4000"  # Small blocks: several INSERTs a unit.
    for point in ("lease_taken", "backfill_pinned", "bulk_inserted", "backfill_unit_done", "bulk_inserted:2", "lease_taken"):
        command = start_backfill(world, pipeline, "command", option, WEIR_CRASH_POINT=point)
        assert command.wait() == -signal.SIGKILL, f"{point} was not reached:\n{command.text()[-4000:]}"
        option = "--resume"
    done = backfill(world, pipeline, "--resume")
    assert done.returncode == 0, done.stderr
    world.catch_up(pipeline)
    world.check_exact(pipeline, 30_000)
    world.check_audit_clean(pipeline.file)


def test_command_makes_way_for_a_pipeline_that_starts_and_follows_it(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 50_000)
    world.catch_up(pipeline)
    drop_table(world)
    command = start_backfill(world, pipeline, "command", "--rows-per-second", "5000")
    until(lambda: "executed by this command" in command.text(), "the command executes the backfill")
    weir = world.start_weir(pipeline)
    world.publish(50_001, 60_000)
    until(lambda: pipeline.positions()[0] == 60_000, "the pipeline runs although the backfill is not done")
    until(lambda: f":{weir.pid}" in command.text(), "the pipeline executes the backfill")
    assert command.running()
    command.signal(signal.SIGINT)
    assert command.wait() == 1
    assert f":{weir.pid} goes on with the backfill" in command.text()
    until(lambda: json.loads(pipeline.get("/api/v1/backfills")[1])["backfills"][0]["executed"], "its page shows it")
    assert "backfill 1 of events: running" in world.weir("status", pipeline.file).stdout
    done = backfill(world, pipeline, "--resume", "--rows-per-second", "0")
    assert done.returncode == 0, done.stderr
    weir.terminate()
    world.catch_up(pipeline)
    world.check_exact(pipeline, 60_000)
    world.check_audit_clean(pipeline.file)


def test_pause_cancel_and_interrupt_leave_what_was_brought_and_say_how_to_go_on(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 30_000)
    world.catch_up(pipeline)
    drop_table(world)
    command = start_backfill(world, pipeline, "command", "--rows-per-second", "3000")
    until(lambda: last_job(world, pipeline)["rows"] > 0, "the backfill goes on")
    command.signal(signal.SIGINT)
    assert command.wait() == 1
    assert "--resume" in command.text()
    resumed = start_backfill(world, pipeline, "resumed", "--resume")
    until(lambda: last_job(world, pipeline)["executed"], "the backfill goes on")
    assert backfill(world, pipeline, "--pause").returncode == 0
    assert resumed.wait() == 1
    assert last_job(world, pipeline)["state"] == "paused"
    paused_at = last_job(world, pipeline)["rows"]
    assert backfill(world, pipeline, "--cancel").returncode == 0
    assert last_job(world, pipeline)["state"] == "cancelled"
    assert int(world.clickhouse.query(f"SELECT count() FROM {TABLE}")) >= paused_at
    again = backfill(world, pipeline)
    assert again.returncode == 0, again.stderr
    assert last_job(world, pipeline)["job"] == 2
    check_clickhouse(world, 30_000)
    world.check_audit_clean(pipeline.file)
    nothing = backfill(world, pipeline, "--cancel")
    assert nothing.returncode == 1 and "number 2 is done" in nothing.stderr


def test_what_cannot_be_is_refused_with_the_reason_and_nothing_is_made(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    early = backfill(world, pipeline)
    assert early.returncode == 1 and "not in the lake yet" in early.stderr
    world.publish(1, 5_000)
    world.catch_up(pipeline)
    for options, said in (
        (["--where", "amount >"], '--where "amount >" is not a predicate'),
        (["--where", "amount"], "Decimal"),
        (["--where", "count(*) > 1"], "is not a predicate on one row of table events"),
        (["--where", "amount > (SELECT avg(amount) FROM events)"], "is not a predicate on one row of table events"),
        (["--partition", "day=2026-04-01"], "2026-03-03, 2026-03-02, 2026-03-01"),
        (["--partition", "hour=3"], "is partitioned by day"),
        (["--partition", "day"], "column=value"),
    ):
        refused = backfill(world, pipeline, *options)
        assert refused.returncode == 2, refused.stderr
        assert said in refused.stderr, refused.stderr
    assert jobs(world, pipeline) == []
    assert not (world.lake / "_weir" / "jobs").exists()


def test_dry_run_tells_what_would_be_done_and_changes_nothing(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 9_000)
    world.catch_up(pipeline)
    everything = events.rows_of(events.numbers(1, 9_000))
    before = sorted(path for path in world.lake.rglob("*"))
    plan = json.loads(backfill(world, pipeline, "--dry-run", "--json", "--where", "_seq % 2 = 0").stdout)
    assert plan["rows"] == len(everything) and plan["rows_matching"] == int((everything % 2 == 0).sum())
    assert plan["hand_over_seq"] == 9_000 and plan["hand_over_known"]
    day = json.loads(backfill(world, pipeline, "--dry-run", "--json", "--partition", "day=2026-03-01").stdout)
    assert day["rows"] == int((everything % 3 == 0).sum()) and day["files_left_out"] > 0
    text = backfill(world, pipeline, "--dry-run").stdout
    assert "hand-over now at sequence 9,000" in text and "nothing was changed" in text
    assert sorted(path for path in world.lake.rglob("*")) == before


def test_where_and_partition_bring_those_rows_only(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 20_000)
    world.catch_up(pipeline)
    drop_table(world)
    done = backfill(world, pipeline, "--partition", "day=2026-03-02", "--partition", "day=2026-03-03", "--where", "_seq > 5000")
    assert done.returncode == 0, done.stderr
    ids = events.rows_of(events.numbers(5_001, 20_000))
    ids = ids[ids % 3 != 0]
    readers.check_rows(readers.clickhouse_rows(world.clickhouse, DATABASE), ids, ids, "ClickHouse")
    assert not last_job(world, pipeline)["covers_table"]
    world.check_audit_clean(pipeline.file)


def test_a_backlog_too_large_to_wait_for_becomes_history(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 5_000)
    world.catch_up(pipeline)
    world.clickhouse.kill()
    without = world.start_weir(pipeline)
    world.publish(5_001, 40_000)
    until(lambda: pipeline.positions()[0] == 40_000, "the lake goes on without ClickHouse")
    without.kill()
    world.clickhouse.start()
    done = backfill(world, pipeline, "--skip-ahead")
    assert done.returncode == 0, done.stderr
    assert last_job(world, pipeline)["hand_over_seq"] == 40_000
    world.publish(40_001, 45_000)
    world.catch_up(pipeline)
    world.check_exact(pipeline, 45_000)
    world.check_audit_clean(pipeline.file)


def test_rows_older_than_the_retention_are_left_out(world: World) -> None:
    world.start_servers()
    world.create_stream()
    table = f'partition_by = ["day"]\norder_by = ["customer", "at"]\nsql = "{events.SQL}"\nclickhouse_retention = "1h"'
    pipeline = world.pipeline(table=table)
    world.publish(1, 5_000)
    world.catch_up(pipeline)
    # Three rows as if stored two hours ago, under sequences whose events were filtered.
    rows = readers.lake_table(world.lake).to_pyarrow_table().slice(0, 3)
    old = pc.subtract(rows["_time"], pa.scalar(datetime.timedelta(hours=2), pa.duration("us")))
    rows = rows.set_column(rows.schema.get_field_index("_time"), rows.schema.field("_time"), old.cast(rows.schema.field("_time").type))
    seqs = pa.chunked_array([pa.array([3, 13, 23], pa.int64())])
    rows = rows.set_column(rows.schema.get_field_index("_seq"), rows.schema.field("_seq"), seqs)
    write_deltalake(str(world.lake / events.TABLE), rows, mode="append")
    drop_table(world)
    dry = backfill(world, pipeline, "--dry-run")
    assert "older than clickhouse_retention" in dry.stdout, dry.stderr
    done = backfill(world, pipeline)
    assert done.returncode == 0, done.stderr
    assert last_job(world, pipeline)["rows"] == len(events.rows_of(events.numbers(1, 5_000)))
    check_clickhouse(world, 5_000)


def test_version_that_another_tool_vacuumed_fails_the_job_and_a_new_one_is_whole(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    weir = world.start_weir(pipeline)
    for last in range(4_000, 24_001, 4_000):
        world.publish(last - 3_999, last)
        until(lambda: pipeline.positions() == (last, last), "events are in both stores")
    weir.terminate()
    drop_table(world)
    killed = start_backfill(world, pipeline, "killed", "--rows-per-second", "2000", "--oldest-first")
    until(lambda: last_job(world, pipeline)["pinned_version"] is not None, "the version is pinned")
    killed.kill()
    table = readers.lake_table(world.lake)
    table.optimize.compact()
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    failed = backfill(world, pipeline, "--resume", "--rows-per-second", "0")
    assert failed.returncode == 1
    job = last_job(world, pipeline)
    assert job["state"] == "failed", failed.stderr
    for said in (".parquet", f"version {job['pinned_version']}", "is gone", "start the backfill again"):
        assert said in failed.stderr, failed.stderr
    again = backfill(world, pipeline)
    assert again.returncode == 0, again.stderr
    check_clickhouse(world, 24_000)
    world.check_audit_clean(pipeline.file)


def test_a_truncated_table_that_got_live_rows_is_named_by_the_audit_and_filled_by_a_backfill(world: World) -> None:
    """Live ingest cannot tell it from one that nothing happened to: what docs/backfill.md says of TRUNCATE."""
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    weir = world.start_weir(pipeline)
    world.publish(1, 10_000)
    until(lambda: pipeline.positions() == (10_000, 10_000), "both stores have the history")
    world.clickhouse.query(f"TRUNCATE TABLE {TABLE} SYNC")
    world.publish(10_001, 11_000)
    until(lambda: pipeline.positions() == (11_000, 11_000), "live events flow into the emptied table")
    done = world.weir("audit", pipeline.file, "--json")
    assert done.returncode == 3, done.stderr
    (finding,) = json.loads(done.stdout)["tables"][0]["findings"]
    lost = events.rows_of(events.numbers(1, 10_000))
    assert (finding["kind"], finding["store"], finding["rows"]) == ("missing", "clickhouse", len(lost))
    assert (finding["first_seq"], finding["last_seq"]) == (lost[0], lost[-1])
    filled = backfill(world, pipeline)
    assert filled.returncode == 0, filled.stderr
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.check_exact(pipeline, 11_000)
    world.check_audit_clean(pipeline.file)


@pytest.mark.parametrize("running", [False, True])
def test_rows_above_the_hand_over_are_left_alone(world: World, running: bool) -> None:
    """Rows that ClickHouse has above hot_position, from nobody knows where, neither double nor vanish by a backfill."""
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, 10_000)
    world.catch_up(pipeline)
    columns = "id, at, customer, amount, score, ok, ref, extra, day, _shard, _row, _time, _subject"
    world.clickhouse.query(
        f"INSERT INTO {TABLE} ({columns}, _seq) SELECT {columns}, _seq + 1000000 FROM {TABLE} WHERE _seq = 5000"
    )
    weir = world.start_weir(pipeline) if running else None
    done = backfill(world, pipeline)
    assert done.returncode == 0, done.stderr
    if weir:
        weir.terminate()
    assert int(world.clickhouse.query(f"SELECT count() FROM {TABLE} WHERE _seq > 10000")) == 1
    world.clickhouse.query(f"ALTER TABLE {TABLE} DELETE WHERE _seq > 10000 SETTINGS mutations_sync = 2")
    check_clickhouse(world, 10_000)
    world.check_audit_clean(pipeline.file)
