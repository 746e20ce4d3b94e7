"""A table that follows another one: filled from its history, killed on the way, then live, exact in both stores."""

import json
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

import events
import readers
from servers import until
from world import DATABASE, Pipeline, World

HISTORY = 120_000
LIVE = 10_000
DERIVED = "large"
CHAINED = "largest"
EXIT_FAILED = 1
EXIT_USAGE = 2
# Every 1,009th row cannot be made: 1 / 0. `customer` is text "customer <n>", `amount` a decimal.
DERIVED_SQL = (
    "SELECT id, customer, day, amount * 2 AS doubled, 10 / (id % 1009) AS share, _seq AS source_seq "
    "FROM input WHERE amount > 1000"
)
CHAINED_SQL = "SELECT id, doubled FROM input WHERE doubled > 15000"
SMALL_FILES = 'commit_interval = "200ms"\ntarget_file_size = "1MiB"'


def derived_table(name: str, source: str, sql: str, more: str = "") -> str:
    return f'\n[[table]]\nname = "{name}"\nfrom_table = "{source}"\nsql = "{sql}"\n{more}'


def pipeline_of(world: World, **settings: str) -> Pipeline:
    return world.pipeline(lake=f'url = "file://{world.lake}"\n{SMALL_FILES}', **settings)


def add_to_file(pipeline: Pipeline, *tables: str) -> Path:
    pipeline.file.write_text(pipeline.file.read_text() + "".join(tables))
    return pipeline.file


def into(world: World, pipeline: Pipeline, table: str, *options: str, **environment: str):
    return world.weir(
        "backfill", pipeline.file, "--table", events.TABLE, "--to", "lake", "--into", table, *options, **environment
    )


# --- what must be there, computed from the events alone


def source_ids(last: int) -> np.ndarray:
    return events.rows_of(events.numbers(1, last))


def selected(ids: np.ndarray) -> np.ndarray:
    return ids[events.cents(ids) > 100_000]


def is_broken(ids: np.ndarray) -> np.ndarray:
    return ids % 1009 == 0


def expected_rows(last: int) -> dict[str, np.ndarray]:
    ids = selected(source_ids(last))
    ids = ids[~is_broken(ids)]
    return {"id": ids, "_seq": ids, "source_seq": ids, "doubled": events.cents(ids) * 2, "share": 10 // (ids % 1009)}


def cents_of(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([int(value * 100) for value in column.to_pylist()], dtype=np.int64)


def check_rows(found: pa.Table, last: int, where: str, above: int = 0) -> None:
    expected = expected_rows(last)
    keep = expected["_seq"] > above
    found = found.sort_by("_seq")
    problem = readers.difference(expected["_seq"][keep], found["_seq"].to_numpy())
    assert not problem, f"{where}: _seq {problem}"
    for name in ("id", "source_seq", "share"):
        assert np.array_equal(found[name].to_numpy(), expected[name][keep]), f"{where}: {name}"
    assert np.array_equal(cents_of(found["doubled"]), expected["doubled"][keep]), f"{where}: doubled"
    assert pc.all(pc.equal(found["_shard"], 0)).as_py() in (True, None), where


def check_lake(world: World, last: int) -> None:
    check_rows(readers.lake_table(world.lake, DERIVED).to_pyarrow_table(), last, "lake")
    broken = selected(source_ids(last))
    broken = broken[is_broken(broken)]
    assert len(broken) > 5
    letters = DeltaTable(str(world.lake / "_dead_letters")).to_pyarrow_table()
    letters = letters.filter(pc.equal(letters["table"], DERIVED)).sort_by("_seq")
    assert np.array_equal(letters["_seq"].to_numpy(), broken), readers.difference(broken, letters["_seq"].to_numpy())
    for seq, code, payload in zip(letters["_seq"].to_pylist(), letters["code"].to_pylist(), letters["payload"].to_pylist()):
        row = json.loads(payload)
        assert code == "sql_error"
        assert row["id"] == seq and row["customer"] == f"customer {seq % 997}" and row["day"].startswith("2026-03-0")


def check_clickhouse(world: World, last: int, above: int = 0) -> None:
    columns = "id, doubled, share, source_seq, _shard, _seq, _row"
    rows = world.clickhouse.arrow(f"SELECT {columns} FROM {DATABASE}.{DERIVED} ORDER BY _seq, _row")
    check_rows(rows, last, "ClickHouse", above)


def shards(pipeline: Pipeline) -> dict[str, dict]:
    status, body = pipeline.get("/api/v1/status")
    tables = json.loads(body)["tables"] if status == 200 else []
    return {table["name"]: table["shards"][0] for table in tables}


def test_a_derived_table_is_filled_through_kills_and_follows_live_in_both_stores(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = pipeline_of(world)
    world.publish(1, HISTORY)
    world.catch_up(pipeline)

    # Into the lake, dying at three different places.
    for point in ("parquet_written:2", "dead_letters_committed:2", "log_entry_written:3"):
        done = into(world, pipeline, DERIVED, "--sql", DERIVED_SQL, WEIR_CRASH_POINT=point)
        assert done.returncode == -signal.SIGKILL, f"{point} was not reached:\n{done.stderr[-4000:]}"
    assert readers.lake_position(world.lake, DERIVED) < HISTORY
    done = into(world, pipeline, DERIVED, "--sql", DERIVED_SQL, "--resume")
    assert done.returncode == 0, done.stderr[-4000:]
    assert readers.lake_position(world.lake, DERIVED) == readers.lake_position(world.lake)
    check_lake(world, HISTORY)
    handed_over = readers.lake_position(world.lake, DERIVED)
    assert f"sequence {handed_over + 1}" in done.stdout
    block = done.stdout[done.stdout.index("[[table]]") :].split("\n\n")[0] + "\n"

    # What it printed is what the file needs. From there on the running process follows.
    add_to_file(pipeline, "\n" + block, derived_table(CHAINED, DERIVED, CHAINED_SQL))
    feed = world.feed(rate=5_000)
    feed.allow(HISTORY + LIVE)
    for point in ("kv_set:3", "log_entry_written:4", "insert_answered:2"):
        weir = world.start_weir(pipeline, WEIR_CRASH_POINT=point)
        assert weir.wait() == -signal.SIGKILL, f"{point} was not reached:\n{weir.text()[-4000:]}"
    weir = world.start_weir(pipeline)
    last = feed.wait_until_all()
    until(lambda: shards(pipeline).get(DERIVED, {}).get("lake_position") == last, "the lake follows")
    until(lambda: shards(pipeline).get(DERIVED, {}).get("hot_position") == last, "ClickHouse follows")
    shown = shards(pipeline)[DERIVED]
    assert shown["hot_mode"] == "live" and shown["lag_events"] == 0
    assert shown["totals"]["events"] == len(source_ids(last))
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.publish(last + 1, last + 3_000)
    world.catch_up(pipeline)
    last += 3_000
    check_lake(world, last)
    check_clickhouse(world, last, above=handed_over)

    # The one that follows the follower was never filled by a command: both stores have all of it.
    ids = expected_rows(last)["id"]
    ids = ids[events.cents(ids) * 2 > 1_500_000]
    for rows in (
        readers.lake_table(world.lake, CHAINED).to_pyarrow_table().sort_by("_seq"),
        world.clickhouse.arrow(f"SELECT * FROM {DATABASE}.{CHAINED} ORDER BY _seq, _row"),
    ):
        assert np.array_equal(rows["id"].to_numpy(), ids) and np.array_equal(rows["_seq"].to_numpy(), ids)

    # The history into ClickHouse, by the backfill that every table has.
    done = world.weir("backfill", pipeline.file, "--table", DERIVED, "--to", "clickhouse")
    assert done.returncode == 0, done.stderr[-4000:]
    check_clickhouse(world, last)
    totals = {t["name"]: t["shards"][0] for t in json.loads(world.weir("status", pipeline.file, "--json").stdout)["tables"]}
    assert totals[DERIVED]["lag_events"] == 0 and totals[DERIVED]["totals"]["events"] == len(source_ids(last))
    assert set(world.check_audit_clean(pipeline.file)) == {events.TABLE, DERIVED, CHAINED}


def test_a_derived_table_of_the_file_needs_no_command_and_is_caught_up_with_the_rest(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = pipeline_of(world)
    add_to_file(pipeline, derived_table(DERIVED, events.TABLE, DERIVED_SQL, 'partition_by = ["day"]\norder_by = ["customer"]\n'))
    world.publish(1, 15_000)
    world.catch_up(pipeline)
    check_lake(world, 15_000)
    check_clickhouse(world, 15_000)
    assert readers.lake_table(world.lake, DERIVED).metadata().partition_columns == ["day"]

    # ClickHouse away: the lake goes on, and it is caught up afterwards.
    world.clickhouse.kill()
    weir = world.start_weir(pipeline)
    world.publish(15_001, 22_000)
    until(lambda: shards(pipeline).get(DERIVED, {}).get("lake_position") == 22_000, "the lake follows without ClickHouse")
    assert shards(pipeline)[DERIVED]["hot_mode"] == "detached"
    world.clickhouse.start()
    until(lambda: shards(pipeline)[DERIVED].get("hot_position") == 22_000, "ClickHouse is caught up")
    done = into(world, pipeline, DERIVED)
    assert done.returncode == EXIT_FAILED and "running process" in done.stderr, done.stderr
    assert weir.terminate() == 0, weir.text()[-4000:]
    check_lake(world, 22_000)
    check_clickhouse(world, 22_000)
    world.check_audit_clean(pipeline.file)


def test_a_newer_process_takes_a_derived_table_over_from_one_that_was_paused(world: World) -> None:
    world.start_servers()
    world.create_stream()
    old = pipeline_of(world)
    table = derived_table(DERIVED, events.TABLE, DERIVED_SQL)
    add_to_file(old, table)
    world.publish(1, 5_000)
    paused = world.start_weir(old)
    until(lambda: shards(old).get(DERIVED, {}).get("hot_position") == 5_000, "the first process follows")
    paused.signal(signal.SIGSTOP)
    world.publish(5_001, 12_000)
    new = pipeline_of(world)
    add_to_file(new, table)
    world.catch_up(new)
    paused.signal(signal.SIGCONT)
    assert paused.wait() == 4, paused.text()[-4000:]
    check_lake(world, 12_000)
    check_clickhouse(world, 12_000)
    world.check_audit_clean(new.file)


def test_what_cannot_be_derived_is_refused_with_the_reason(world: World) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = pipeline_of(world, clickhouse="")
    done = into(world, pipeline, DERIVED, "--sql", "SELECT id FROM input")
    assert done.returncode == EXIT_FAILED and "not in the lake yet" in done.stderr, done.stderr
    for options, reason in (
        ([DERIVED], "--sql"),
        ([events.TABLE], "the table itself"),
        (["Wrong Name", "--sql", "SELECT id FROM input"], "Wrong Name"),
        ([DERIVED, "--sql", "SELECT nothing FROM input"], "nothing"),
        ([DERIVED, "--sql", "SELECT count(*) AS n FROM input"], "--sql"),
        ([DERIVED, "--sql", "SELECT id FROM input", "--oldest-first"], "--oldest-first"),
    ):
        done = into(world, pipeline, *options)
        assert done.returncode == EXIT_USAGE and reason in done.stderr, (options, done.stderr)
    add_to_file(pipeline, derived_table(DERIVED, events.TABLE, "SELECT id FROM input"))
    done = into(world, pipeline, DERIVED, "--sql", "SELECT id, day FROM input")
    assert done.returncode == EXIT_USAGE and "SELECT id, day FROM input" in done.stderr, done.stderr
    world.publish(1, 1_000)
    world.catch_up(pipeline)
    # The file now wants other columns of the table that is there.
    pipeline.file.write_text(pipeline.file.read_text().replace("SELECT id FROM input", "SELECT id AS number FROM input"))
    code, said = world.run_weir(pipeline, "--until-caught-up")
    assert code == EXIT_FAILED and f"table {DERIVED}" in said and "--into" in said, said[-4000:]


def test_a_dry_run_changes_nothing(world: World) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = pipeline_of(world, clickhouse="")
    world.publish(1, 2_000)
    world.catch_up(pipeline)
    done = into(world, pipeline, DERIVED, "--sql", DERIVED_SQL, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["source_rows"], plan["sequences_left"], plan["table_exists"]) == (len(source_ids(2_000)), 2_000, False)
    assert not (world.lake / DERIVED).exists()


def test_a_derived_table_takes_new_columns_of_its_source_and_new_tables_of_the_file_while_it_runs(world: World) -> None:
    world.start_servers()
    world.create_stream()
    # Only what follows from this column list is in the table at first; `extra` comes later, by the file.
    without, extra = events.COLUMNS.rsplit("  [[table.column]]", 1)
    pipeline = pipeline_of(world, columns=without)
    copy = derived_table(DERIVED, events.TABLE, "SELECT * FROM input")
    add_to_file(pipeline, copy)
    world.publish(1, 5_000)
    weir = world.start_weir(pipeline)
    until(lambda: shards(pipeline).get(DERIVED, {}).get("hot_position") == 5_000, "the table follows")
    text = pipeline.file.read_text().replace(copy, f"  [[table.column]]{extra}{copy}")
    pipeline.file.write_text(text + derived_table(CHAINED, DERIVED, "SELECT id, extra FROM input WHERE id > 1000"))
    weir.signal(signal.SIGHUP)
    until(lambda: CHAINED in shards(pipeline), "the new table is taken from the file", 120)
    world.publish(5_001, 9_000)
    for table in (DERIVED, CHAINED):
        until(lambda: shards(pipeline)[table].get("lake_position") == 9_000, f"{table} follows", 120)
        until(lambda: shards(pipeline)[table].get("hot_position") == 9_000, f"{table} follows in ClickHouse", 120)
    assert weir.running()
    assert weir.terminate() == 0, weir.text()[-4000:]
    ids = source_ids(9_000)
    source = readers.lake_table(world.lake).to_pyarrow_table().sort_by("_seq")
    ours = readers.lake_table(world.lake, DERIVED).to_pyarrow_table().sort_by("_seq")
    assert ours.select(source.column_names).equals(source), "every row and value is that of the source"
    assert np.array_equal(ours["_seq"].to_numpy(), ids)
    told = np.array(pc.is_valid(ours["extra"]).to_pylist())
    assert np.array_equal(told, ids > 5_000), "old rows are NULL, the first event with the column has it"
    chained = readers.lake_table(world.lake, CHAINED).to_pyarrow_table().sort_by("_seq")
    assert np.array_equal(chained["id"].to_numpy(), ids[ids > 1000])
    for table, expected in ((DERIVED, ours), (CHAINED, chained)):
        hot = world.clickhouse.arrow(f"SELECT id, extra FROM {DATABASE}.{table} ORDER BY _seq, _row")
        assert hot["id"].to_pylist() == expected["id"].to_pylist(), table
        assert hot["extra"].to_pylist() == expected["extra"].to_pylist(), table
    world.check_audit_clean(pipeline.file)


def with_color(number: int) -> tuple[str, bytes]:
    """Events that from the 2,001st on have a field which the file knows nothing of."""
    subject, payload = events.event(number)
    if number <= 2_000 or events.is_bad(number):
        return subject, payload
    return subject, payload[:-1] + f',"color":"c{number % 7}"}}'.encode()


def check_copy_in_clickhouse(world: World, last: int) -> None:
    """ClickHouse has every row of the derived table, the column that events brought included."""
    ids = source_ids(last)
    hot = world.clickhouse.arrow(f"SELECT _seq, id, color FROM {DATABASE}.{DERIVED} ORDER BY _seq, _row")
    assert not (problem := readers.difference(ids, hot["_seq"].to_numpy())), problem
    assert hot["id"].to_pylist() == ids.tolist()
    assert hot["color"].to_pylist() == [f"c{n % 7}" if n > 2_000 else None for n in ids]


def test_a_backfill_of_a_derived_table_is_executed_by_whoever_follows_and_by_the_command_while_nobody_does(world: World) -> None:
    last = 6_000
    world.start_servers()
    world.create_stream()
    pipeline = pipeline_of(world, table=f'on_unknown_field = "add_column"\npartition_by = ["day"]\nsql = "{events.SQL}"')
    add_to_file(pipeline, derived_table(DERIVED, events.TABLE, "SELECT * FROM input"))
    world.publish(1, last, with_color)
    weir = world.start_weir(pipeline)
    until(lambda: shards(pipeline).get(DERIVED, {}).get("hot_position") == last, "both stores follow")
    for running in (True, False):
        world.clickhouse.query(f"DROP TABLE {DATABASE}.{DERIVED} SYNC")
        options = ["--table", DERIVED, "--to", "clickhouse"]
        plan = json.loads(world.weir("backfill", pipeline.file, *options, "--dry-run", "--json").stdout)
        assert (plan["rows"], plan["hand_over_seq"]) == (len(source_ids(last)), last)
        done = world.weir("backfill", pipeline.file, *options)
        assert done.returncode == 0, done.stderr[-4000:]
        assert (f":{weir.pid}" if running else "executed by this command") in done.stderr, done.stderr[-4000:]
        assert f"hand-over at sequence {last:,}" in done.stdout
        if running:
            assert shards(pipeline)[DERIVED]["hot_mode"] == "live"
            assert weir.terminate() == 0, weir.text()[-4000:]
        check_copy_in_clickhouse(world, last)
        world.check_audit_clean(pipeline.file)
    world.publish(last + 1, last + 1_000, with_color)
    world.catch_up(pipeline)
    check_copy_in_clickhouse(world, last + 1_000)
    world.check_audit_clean(pipeline.file)
