"""Columns that come while events flow: by the events themselves or by the pipeline file, in both stores, with nothing lost."""

import json
import re
import signal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

import events
import readers
from servers import Child, until
from world import DATABASE, Pipeline, World

SQL_TABLE = f'partition_by = ["day"]\norder_by = ["customer", "at"]\nsql = "{events.SQL}"'
ADD_COLUMN = f'on_unknown_field = "add_column"\n{SQL_TABLE}'
COLOR = '  [[table.column]]\n  name = "color"\n  type = "string"\n'
NEW_COLUMNS = ["_seq", "color", "size"]


def colorful(first: int):
    """Events as ever, which from `first` on have two fields that no column takes, and one that none can."""

    def event(number: int) -> tuple[str, bytes]:
        subject, payload = events.event(number)
        if number < first or number % 100 == 37:
            return subject, payload
        more = f',"color":"c{number % 7}","size":{number % 11},"notAColumn":1}}'
        return subject, payload[:-1] + more.encode()

    return event


def lake_columns(world: World, columns: list[str] = NEW_COLUMNS) -> pa.Table:
    return readers.lake_table(world.lake).to_pyarrow_table(columns=columns).sort_by("_seq")


def clickhouse_columns(world: World, columns: list[str] = NEW_COLUMNS) -> pa.Table:
    return world.clickhouse.arrow(f"SELECT {', '.join(columns)} FROM {DATABASE}.{events.TABLE} ORDER BY _seq")


def check_new_columns(world: World, first: int, last: int, *, size: bool = True) -> None:
    """Rows of events before `first` hold NULL, those from there on what their events said; in both stores."""
    seqs = events.rows_of(events.numbers(1, last))
    expected = {"_seq": seqs.tolist(), "color": [f"c{n % 7}" if n >= first else None for n in seqs]}
    if size:
        expected["size"] = [int(n % 11) if n >= first else None for n in seqs]
    for rows in (lake_columns(world, list(expected)), clickhouse_columns(world, list(expected))):
        for name, values in expected.items():
            assert rows[name].to_pylist() == values, name


def plan_changes(world: World) -> list[int]:
    """From which sequences the table's plans are in force."""
    folder = world.lake / "_weir" / "plans" / events.TABLE / "effective" / "0"
    return sorted(json.loads(path.read_text())["effective_from"] for path in folder.glob("*.json"))


def edit(pipeline: Pipeline, old: str, new: str) -> None:
    text = pipeline.file.read_text()
    assert old in text
    pipeline.file.write_text(text.replace(old, new, 1))


def add_color(pipeline: Pipeline) -> None:
    pipeline.file.write_text(pipeline.file.read_text() + COLOR)


def wait_for(pipeline: Pipeline, last: int) -> None:
    until(lambda: pipeline.positions() == (last, last), f"both stores are at {last}", 120)


def stop(weir: Child) -> None:
    assert weir.terminate() == 0, weir.text()[-4000:]


def test_fields_that_appear_in_the_flow_become_columns_of_both_stores(world: World) -> None:
    first, last = 30_001, 60_000
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(table=ADD_COLUMN)
    weir = world.start_weir(pipeline)
    feed = world.feed(rate=20_000, event=colorful(first))
    feed.allow(last)
    wait_for(pipeline, last)
    assert plan_changes(world) == [1, first], "the first event with the fields already has them"
    assert weir.text().count("gets no column and is ignored") == 1 and "notAColumn" in weir.text()
    # A later value of another type is a bad event like any other.
    world.publish(last + 1, last + 1, lambda n: ("events.r1", events.event(n)[1][:-1] + b',"size":"large"}'))
    wait_for(pipeline, last + 1)
    stop(weir)
    letters = DeltaTable(str(world.lake / "_dead_letters")).to_pyarrow_table(columns=["_seq", "code", "pointer"])
    assert letters.filter(pc.equal(letters["_seq"], last + 1)).to_pylist() == [
        {"_seq": last + 1, "code": "wrong_type", "pointer": "/size"}
    ]
    check_new_columns(world, first, last)
    ids = events.rows_of(events.numbers(1, last))
    world.check_stores(ids, ids)
    # The file knows nothing of them, and they stay.
    weir = world.start_weir(pipeline)
    world.publish(last + 2, last + 1_001, colorful(1))
    wait_for(pipeline, last + 1_001)
    stop(weir)
    assert plan_changes(world) == [1, first]
    assert lake_columns(world)["size"].null_count == len(events.rows_of(events.numbers(1, first - 1)))
    world.check_audit_clean(pipeline.file)


def test_a_killed_process_finds_the_new_fields_again(world: World) -> None:
    first = 5_001
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(table=ADD_COLUMN)
    world.publish(1, 10_000, colorful(first))
    for point in ("schema_lake_set", "schema_clickhouse_set", "plan_recorded"):
        code, text = world.run_weir(pipeline, WEIR_CRASH_POINT=point)
        assert code == -signal.SIGKILL, text[-4000:]
    world.catch_up(pipeline)
    assert plan_changes(world) == [1, first]
    check_new_columns(world, first, 10_000)
    world.check_exact(pipeline, 10_000)
    world.check_audit_clean(pipeline.file)


@pytest.mark.parametrize("point", ["schema_lake_set", "schema_clickhouse_set", "plan_recorded"])
def test_a_column_of_the_file_arrives_after_a_kill_between_any_two_steps(world: World, point: str) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    last = world.publish(1, 1_000)
    world.catch_up(pipeline)
    before = pipeline.file.read_text()
    add_color(pipeline)
    last = world.publish(1_001, 2_000, colorful(1_001))
    code, text = world.run_weir(pipeline, WEIR_CRASH_POINT=point)
    assert code == -signal.SIGKILL, text[-4000:]
    if point != "plan_recorded":
        # Whoever thinks better of it now finds stores that hold more than the old plan writes, which they may.
        after = pipeline.file.read_text()
        pipeline.file.write_text(before)
        last = world.publish(2_001, 2_100, colorful(1))
        world.catch_up(pipeline)
        assert plan_changes(world) == [1]
        pipeline.file.write_text(after)
    last = world.publish(last + 1, last + 1_000, colorful(1))
    world.catch_up(pipeline)
    world.check_exact(pipeline, last)
    world.check_audit_clean(pipeline.file)
    first = plan_changes(world)[-1]
    assert first == (1_001 if point == "plan_recorded" else 2_101)
    check_new_columns(world, first, last, size=False)


def test_sighup_takes_a_changed_file_while_events_flow(world: World) -> None:
    world.start_servers()
    world.create_stream()
    world.create_stream(name="OTHERS", subjects="others.>")
    pipeline = world.pipeline()
    weir = world.start_weir(pipeline)
    feed = world.feed(rate=5_000, event=colorful(1))
    feed.allow(1_000_000)
    until(lambda: pipeline.positions()[0] > 2_000, "events flow")
    add_color(pipeline)
    pipeline.file.write_text(
        pipeline.file.read_text()
        + '\n[[table]]\nname = "others"\nstream = "OTHERS"\nsubjects = ["others.>"]\n'
        + '  [[table.column]]\n  name = "id"\n  type = "int64"\n'
        + '\n[[table]]\nname = "again"\nstream = "EVENTS"\nsubjects = ["events.>"]\n'
        + '  [[table.column]]\n  name = "color"\n  type = "string"\n'
    )
    weir.signal(signal.SIGHUP)
    first = until(lambda: len(plan_changes(world)) == 2 and plan_changes(world)[-1], "the new plan is in force")
    until(lambda: pipeline.positions()[0] > first + 1_000, "events flow under it")
    feed.end()
    last = feed.published

    def all_at_the_end() -> bool:
        status, body = pipeline.get("/api/v1/status")
        tables = {table["name"]: table["shards"][0] for table in json.loads(body)["tables"]} if status == 200 else {}
        return set(tables) == {"events", "again", "others"} and all(
            tables[name]["hot_position"] == last for name in ("events", "again")
        )

    until(all_at_the_end, "the new tables are there, and full")
    assert first > 2_000
    assert weir.running() and weir.text().count("taking the lease") == 3, "only the shard concerned was opened again"
    stop(weir)
    check_new_columns(world, first, last, size=False)
    world.check_exact(pipeline, last)
    world.check_audit_clean(pipeline.file)


def test_a_changed_file_that_cannot_be_taken_leaves_the_old_one_in_force(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    weir = world.start_weir(pipeline)
    last = world.publish(1, 1_000)
    wait_for(pipeline, last)
    good = pipeline.file.read_text()
    for broken, said in (
        ("[[table", "is not valid"),
        (good.replace('name = "score"\n  type = "float64"', 'name = "score"\n  type = "string"'), "those before them go on"),
        (good.replace('name = "score"', 'name = "points"'), "columns are neither dropped nor renamed"),
        (good.replace('commit_interval = "300ms"', 'commit_interval = "301ms"'), "needs a restart"),
    ):
        pipeline.file.write_text(broken)
        weir.signal(signal.SIGHUP)
        until(lambda: said in weir.text(), said)
        last = world.publish(last + 1, last + 1_000)
        wait_for(pipeline, last)
    assert re.search(r"weir backfill \S+ --table events --to lake --into", weir.text())
    assert plan_changes(world) == [1]
    stop(weir)
    pipeline.file.write_text(good)
    world.check_exact(pipeline, last)
    world.check_audit_clean(pipeline.file)


def test_clickhouse_that_is_down_meanwhile_gets_the_column_when_it_is_back(world: World) -> None:
    first = 3_001
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(table=ADD_COLUMN)
    weir = world.start_weir(pipeline)
    world.publish(1, 2_000)
    wait_for(pipeline, 2_000)
    world.clickhouse.kill()
    world.publish(2_001, 6_000, colorful(first))
    until(lambda: pipeline.positions()[0] == 6_000, "the lake goes on with the new columns")
    assert plan_changes(world) == [1, first]
    world.clickhouse.start()
    wait_for(pipeline, 6_000)
    assert weir.running()
    stop(weir)
    check_new_columns(world, first, 6_000)
    world.check_exact(pipeline, 6_000)
    world.check_audit_clean(pipeline.file)


def test_refused_changes_name_the_columns_and_the_command_that_rebuilds(world: World) -> None:
    world.start_servers()
    world.create_stream()
    world.publish(1, 1_000)
    good = world.pipeline()
    world.catch_up(good)
    version = readers.lake_table(world.lake).version()
    changed = {
        "type": world.pipeline(columns=events.COLUMNS.replace("float64", "int64")),
        "drop": world.pipeline(columns=events.COLUMNS.replace('name = "score"', 'name = "points"')),
        "order": world.pipeline(table=SQL_TABLE.replace('["customer", "at"]', '["customer"]')),
        "partition": world.pipeline(table=SQL_TABLE.replace('["day"]', "[]")),
    }
    expected = {
        "type": 'column "score": the table has float64, the file int64',
        "drop": 'column "score": the table has float64, the file none of that name',
        "order": "order_by: the table has customer, at, the file customer",
        "partition": "partition_by: the table has day, the file nothing",
    }
    for what, pipeline in changed.items():
        code, text = world.run_weir(pipeline, "--until-caught-up")
        assert code != 0 and expected[what] in text, text[-4000:]
        assert f"weir backfill {pipeline.file} --table events --to lake --into" in text, text[-4000:]
    assert readers.lake_table(world.lake).version() == version
    world.publish(1_001, 2_000)
    world.catch_up(good)
    world.check_exact(good, 2_000)
    world.check_audit_clean(good.file)


def test_null_and_wider_integers_are_let_in_where_the_file_asks_for_it(world: World) -> None:
    columns = events.COLUMNS + (
        '  [[table.column]]\n  name = "small"\n  type = "uint8"\n  from = "/extra/n"\n'
        '  [[table.column]]\n  name = "tag"\n  type = "string"\n  from = "/extra/tag"\n  required = true\n'
    )
    world.start_servers()
    world.create_stream()
    world.publish(1, 1_000)
    pipeline = world.pipeline(columns=columns)
    world.catch_up(pipeline)
    edit(pipeline, 'type = "uint8"', 'type = "int16"')
    edit(pipeline, '/extra/tag"\n  required = true', '/extra/nothing"')
    world.publish(1_001, 2_000)
    world.catch_up(pipeline)
    world.check_exact(pipeline, 2_000)
    world.check_audit_clean(pipeline.file)
    described = world.clickhouse.query("SELECT name, type FROM system.columns WHERE table = 'events' FORMAT TSV").decode()
    assert "small\tNullable(Int16)" in described and "tag\tNullable(String)" in described
    seqs = events.rows_of(events.numbers(1, 2_000))
    for rows in (lake_columns(world, ["_seq", "small", "tag"]), clickhouse_columns(world, ["_seq", "small", "tag"])):
        assert rows["small"].to_pylist() == (seqs % 10).tolist()
        assert rows["tag"].to_pylist() == [f"t{n % 7}" if n <= 1_000 else None for n in seqs]
