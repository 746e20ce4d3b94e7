"""`weir audit` against real stores: clean when nothing is wrong, and every kind of damage found and named."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake

import events
from world import DATABASE, Pipeline, World

EVENTS = 3_000
EVERYTHING = events.numbers(1, EVENTS)
ROWS = [int(n) for n in events.rows_of(EVERYTHING)]
BAD = [int(n) for n in EVERYTHING[events.is_bad(EVERYTHING)]]
TABLE = f"{DATABASE}.events"


class Audited:
    """A world whose stores agree, and the way back to it after damage."""

    def __init__(self, world: World):
        self.world = world
        world.start_servers()
        world.create_stream()
        self.pipeline: Pipeline = world.pipeline()
        world.publish(1, EVENTS)
        world.catch_up(self.pipeline)
        self.sql(f"CREATE TABLE {DATABASE}.kept ENGINE = MergeTree ORDER BY _seq AS SELECT * FROM {TABLE}")
        self.kept = world.folder / "kept-lake"
        shutil.copytree(world.lake, self.kept)

    def sql(self, text: str) -> None:
        self.world.clickhouse.query(f"{text} SETTINGS mutations_sync = 2" if text.startswith("ALTER") else text)

    def restore(self) -> None:
        self.sql(f"TRUNCATE TABLE {TABLE}")
        self.sql(f"INSERT INTO {TABLE} SELECT * FROM {DATABASE}.kept")
        shutil.rmtree(self.world.lake)
        shutil.copytree(self.kept, self.world.lake)

    def audit(self, *options: str) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and findings."""
        done = self.world.weir("audit", self.pipeline.file, "--json", *options)
        assert done.returncode in (0, 3), done.stderr
        report = json.loads(done.stdout)
        findings = report["tables"][0]["findings"]
        assert report["clean"] == (done.returncode == 0) == (not findings), report
        return done.returncode, findings

    def only_finding(self, *options: str) -> dict[str, Any]:
        code, findings = self.audit(*options)
        assert code == 3 and len(findings) == 1, findings
        return findings[0]

    def report(self, *options: str) -> dict[str, Any]:
        done = self.world.weir("audit", self.pipeline.file, "--json", *options)
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)["tables"][0]


@pytest.fixture(scope="module")
def module_world() -> Iterator[Audited]:
    with World() as world:
        yield Audited(world)


@pytest.fixture
def audited(module_world: Audited) -> Iterator[Audited]:
    yield module_world
    module_world.restore()


def where(finding: dict[str, Any]) -> tuple[str, str, int, int, int]:
    return tuple(finding[key] for key in ("kind", "store", "first_seq", "last_seq", "rows"))


def test_stores_that_agree_are_proven_equal_range_by_range(audited: Audited) -> None:
    code, findings = audited.audit()
    assert (code, findings) == (0, [])
    ranges = {r["compared"]: r for r in audited.report()["ranges"]}
    assert ranges["lake and its books"]["lake"] == len(ROWS)
    assert ranges["lake and its books"]["dead_letters"] == len(BAD)
    assert ranges["lake = ClickHouse"]["clickhouse"] == ranges["lake = ClickHouse"]["lake"] == len(ROWS)
    assert ranges["stream = lake"]["stream"] == len(ROWS) + len(BAD)
    assert all(r["first_seq"] == 1 and r["last_seq"] == EVENTS for r in ranges.values())
    text = audited.world.weir("audit", audited.pipeline.file)
    assert text.returncode == 0 and "no difference" in text.stdout, text


def test_rows_missing_in_clickhouse_are_named_as_a_range(audited: Audited) -> None:
    lost = ROWS[100:120]
    audited.sql(f"ALTER TABLE {TABLE} DELETE WHERE _seq BETWEEN {lost[0]} AND {lost[-1]}")
    finding = audited.only_finding()
    assert where(finding) == ("missing", "clickhouse", lost[0], lost[-1], len(lost))
    assert "--heal" in finding["next"]
    text = audited.world.weir("audit", audited.pipeline.file)
    assert text.returncode == 3 and f"_seq {lost[0]}..{lost[-1]}" in text.stdout, text.stdout


def test_rows_doubled_in_clickhouse_are_named(audited: Audited) -> None:
    twice = ROWS[7]
    audited.sql(f"INSERT INTO {TABLE} SELECT * FROM {TABLE} WHERE _seq = {twice}")
    finding = audited.only_finding()
    assert where(finding) == ("doubled", "clickhouse", twice, twice, 1)
    assert finding["example"] == {"_seq": twice, "_row": 0}


def test_a_value_changed_in_clickhouse_is_named_with_its_columns(audited: Audited) -> None:
    changed = ROWS[500]
    audited.sql(f"ALTER TABLE {TABLE} UPDATE amount = amount + 1 WHERE _seq = {changed}")
    finding = audited.only_finding()
    assert where(finding) == ("changed", "clickhouse", changed, changed, 1)
    assert finding["columns"] == ["amount"]
    assert finding["reference_hash"] != finding["store_hash"]
    assert "ALTER TABLE" in finding["next"]


def test_a_row_above_the_position_of_clickhouse_is_named(audited: Audited) -> None:
    # An alias would win over the column in a WHERE, hence the LIMIT.
    above = EVENTS + 50
    audited.sql(f"INSERT INTO {TABLE} SELECT * REPLACE ({above} AS _seq) FROM {DATABASE}.kept LIMIT 1")
    assert where(audited.only_finding()) == ("above_position", "clickhouse", above, above, 1)


def test_a_lost_file_is_named_and_the_rest_is_audited_all_the_same(audited: Audited) -> None:
    table = DeltaTable(str(audited.world.lake / "events"))
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    lost = min(actions, key=lambda action: action["num_records"])
    (audited.world.lake / "events" / lost["path"]).unlink()
    audited.sql(f"ALTER TABLE {TABLE} DELETE WHERE _seq = {ROWS[0]} OR _seq = {ROWS[-1]}")
    code, findings = audited.audit("--no-stream")
    assert code == 3
    files = [f for f in findings if f["kind"] == "lost_file"]
    assert len(files) == 1 and files[0]["path"] == f"events/{lost['path']}"
    assert files[0]["rows"] == lost["num_records"]
    assert (files[0]["first_seq"], files[0]["last_seq"]) == (lost["min._seq"], lost["max._seq"])
    assert sum(f["rows"] for f in findings if f["kind"] == "missing" and f["store"] == "lake") >= lost["num_records"] - 2
    assert any(f["kind"] == "missing" and f["store"] == "clickhouse" for f in findings), findings


def append(lake: Path, table: str, rows: pa.Table) -> None:
    """As another tool would do it: a commit of its own, without Weir's transactions."""
    write_deltalake(str(lake / table), rows, mode="append")


def lake_row(audited: Audited, seq: int) -> pa.Table:
    return DeltaTable(str(audited.world.lake / "events")).to_pyarrow_table(filters=[("_seq", "=", seq)])


def test_a_row_doubled_in_the_lake_is_named(audited: Audited) -> None:
    append(audited.world.lake, "events", lake_row(audited, ROWS[3]))
    assert where(audited.only_finding()) == ("doubled", "lake", ROWS[3], ROWS[3], 1)


def test_a_row_above_the_position_of_the_lake_is_named(audited: Audited) -> None:
    rows = lake_row(audited, ROWS[3])
    above = EVENTS + 9
    rows = rows.set_column(rows.schema.get_field_index("_seq"), rows.schema.field("_seq"), pa.array([above], pa.int64()))
    append(audited.world.lake, "events", rows)
    assert where(audited.only_finding()) == ("above_position", "lake", above, above, 1)


def test_a_row_that_the_lake_lost_is_named_by_stream_and_clickhouse(audited: Audited) -> None:
    gone = ROWS[42]
    table = DeltaTable(str(audited.world.lake / "events"))
    table.alter.set_table_properties({"delta.appendOnly": "false"})
    table.delete(f"_seq = {gone}")
    code, findings = audited.audit()
    assert code == 3
    assert {where(f) for f in findings} == {
        ("missing", "lake", gone, gone, 1),
        ("count_off", "lake", 1, EVENTS, 1),
    }
    assert len([f for f in findings if f["kind"] == "missing"]) == 2  # the stream has it, and ClickHouse has it


def test_a_missing_dead_letter_is_named_by_the_stream(audited: Audited) -> None:
    gone = BAD[1]
    table = DeltaTable(str(audited.world.lake / "_dead_letters"))
    table.alter.set_table_properties({"delta.appendOnly": "false"})
    table.delete(f"_seq = {gone}")
    code, findings = audited.audit()
    assert code == 3
    assert ("missing", "dead_letters", gone, gone, 1) in {where(f) for f in findings}, findings
    assert ("count_off", "dead_letters", 1, EVENTS, 1) in {where(f) for f in findings}, findings


def test_only_the_range_that_was_asked_for_is_compared(audited: Audited) -> None:
    audited.sql(f"ALTER TABLE {TABLE} DELETE WHERE _seq = {ROWS[10]} OR _seq = {ROWS[1000]}")
    finding = audited.only_finding("--from-seq", str(ROWS[900]), "--to-seq", str(ROWS[1100]))
    assert finding["first_seq"] == ROWS[1000]
    report = audited.report("--from-seq", str(ROWS[900]), "--to-seq", str(ROWS[1100]))
    compared = next(r for r in report["ranges"] if r["compared"] == "lake = ClickHouse")
    assert (compared["first_seq"], compared["last_seq"]) == (ROWS[900], ROWS[1100])


def test_events_that_the_stream_forgot_are_taken_on_trust(audited: Audited) -> None:
    with_event = ROWS[20]
    audited.world.api("STREAM.MSG.DELETE.EVENTS", {"seq": with_event})
    report = audited.report()
    assert report["clean"], report
    assert any("taken on trust" in note for note in report["notes"])


def test_a_dropped_table_is_named_and_a_store_that_is_away_is_exit_code_one(audited: Audited) -> None:
    audited.sql(f"RENAME TABLE {TABLE} TO {DATABASE}.aside")
    finding = audited.only_finding()
    assert (finding["kind"], finding["store"]) == ("table_missing", "clickhouse")
    audited.sql(f"RENAME TABLE {DATABASE}.aside TO {TABLE}")
    audited.world.clickhouse.kill()
    done = audited.world.weir("audit", audited.pipeline.file)
    assert done.returncode == 1 and "ClickHouse" in done.stderr, done
    audited.world.clickhouse.start()


def test_an_audit_beside_live_ingest_is_clean(world: World) -> None:
    audited = Audited(world)
    weir = audited.world.start_weir(audited.pipeline)
    feed = audited.world.feed(500)
    for _ in range(3):
        code, findings = audited.audit()
        assert (code, findings) == (0, [])
    feed.end()
    assert weir.terminate() == 0, weir.text()[-4000:]
    audited.world.catch_up(audited.pipeline)
    code, findings = audited.audit()
    assert (code, findings) == (0, [])


REASON = "asked for by the customer"


def test_erased_rows_are_gone_from_both_stores_and_are_no_difference(audited: Audited) -> None:
    erase = ("erase", audited.pipeline.file, "--table", "events", "--where", "customer = 'customer 5'", "--reason", REASON)
    gone = [n for n in ROWS if n % 997 == 5]
    counted = audited.world.weir(*erase, "--dry-run")
    assert counted.returncode == 0 and f"{len(gone)} rows" in counted.stdout, counted
    assert audited.report()["erasures"] == []

    done = audited.world.weir(*erase, "--json")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["rows"], outcome["lake_rows_deleted"], outcome["clickhouse_rows_deleted"]) == (len(gone),) * 3
    assert pc.sum(pc.equal(DeltaTable(str(audited.world.lake / "events")).to_pyarrow_table()["customer"], "customer 5")).as_py() == 0
    assert audited.world.clickhouse.query(f"SELECT count() FROM {TABLE} WHERE customer = 'customer 5'") == b"0\n"
    report = audited.report()
    assert report["clean"], report
    assert report["erasures"][0]["reason"] == REASON and report["erasures"][0]["done"]

    again = audited.world.weir(*erase)
    assert again.returncode == 0 and "nothing was recorded" in again.stdout, again
    # Somebody puts them back.
    audited.sql(f"INSERT INTO {TABLE} SELECT * FROM {DATABASE}.kept WHERE _seq = {gone[0]}")
    assert where(audited.only_finding()) == ("erased_row_there", "clickhouse", gone[0], gone[0], 1)


def test_an_erasure_that_was_killed_is_named_and_finished_by_repeating_it(audited: Audited) -> None:
    def erase(predicate: str, **environment: str):
        return audited.world.weir(
            "erase", audited.pipeline.file, "--table", "events", "--where", predicate, "--reason", REASON, **environment
        )

    predicate = f"id BETWEEN {ROWS[0]} AND {ROWS[9]}"
    for point in ("erasure_recorded", "erasure_in_lake"):
        killed = erase(predicate, WEIR_CRASH_POINT=point)
        assert killed.returncode < 0, killed
        report = audited.report()
        assert not report["erasures"][0]["done"]
        code, findings = audited.audit()
        if point == "erasure_recorded":
            assert findings == [] and any("not finished" in note for note in report["notes"]), report
        else:
            assert [where(f) for f in findings] == [("erased_row_there", "clickhouse", ROWS[0], ROWS[9], 10)]
    other = erase("id = 7")
    assert other.returncode == 1 and "unfinished" in other.stderr and predicate in other.stderr, other
    done = erase(predicate)
    assert done.returncode == 0 and "is finished" in done.stdout, done
    assert audited.report()["clean"]


def test_an_erasure_is_refused_when_its_predicate_is_none_or_changes_with_time(audited: Audited) -> None:
    for predicate, named in (("nothing = 1", "nothing"), ("random() < 0.5", "random"), ("count(*) > 1", "count")):
        done = audited.world.weir(
            "erase", audited.pipeline.file, "--table", "events", "--where", predicate, "--reason", REASON
        )
        assert done.returncode != 0 and named in done.stderr, done
    assert audited.report()["erasures"] == []


def test_heal_inserts_what_clickhouse_lacks_while_nothing_runs_and_while_weir_runs(audited: Audited) -> None:
    lost = ROWS[200:260]
    heal = ("audit", audited.pipeline.file, "--heal", "--json")
    for running in (False, True):
        audited.sql(f"ALTER TABLE {TABLE} DELETE WHERE _seq BETWEEN {lost[0]} AND {lost[-1]} OR _seq = {ROWS[-1]}")
        weir = audited.world.start_weir(audited.pipeline) if running else None
        done = audited.world.weir(*heal)
        assert done.returncode == 0, done
        assert json.loads(done.stdout)["clean"]
        assert weir is None or weir.terminate() == 0, weir.text()[-4000:]
    assert audited.audit() == (0, [])


def test_heal_refuses_to_hide_a_double_or_a_change_and_says_what_to_type(audited: Audited) -> None:
    audited.sql(f"ALTER TABLE {TABLE} DELETE WHERE _seq = {ROWS[1500]}")
    audited.sql(f"INSERT INTO {TABLE} SELECT * FROM {DATABASE}.kept WHERE _seq = {ROWS[7]}")
    audited.sql(f"ALTER TABLE {TABLE} UPDATE ok = NOT ok WHERE _seq = {ROWS[9]}")
    done = audited.world.weir("audit", audited.pipeline.file, "--heal", "--json")
    assert done.returncode == 3, done
    findings = json.loads(done.stdout)["tables"][0]["findings"]
    assert [(f["kind"], f["first_seq"]) for f in findings] == [("doubled", ROWS[7]), ("changed", ROWS[9])]
    assert done.stderr.count("not healed") == 2 and "ALTER TABLE" in done.stderr, done.stderr


def test_rows_before_the_live_path_are_demanded_once_a_backfill_has_covered_them(world: World) -> None:
    audited = Audited(world)
    # As for a table that was dropped: the live path goes on at the lake's position, the rest is history.
    audited.sql(f"DROP TABLE {TABLE} SYNC")
    audited.world.catch_up(audited.pipeline)
    report = audited.report()
    assert report["clean"], report
    assert any(r["compared"] == "ClickHouse, not demanded" and r["clickhouse"] == 0 for r in report["ranges"])
    filled = audited.world.weir("backfill", audited.pipeline.file, "--table", "events", "--to", "clickhouse")
    assert filled.returncode == 0, filled.stderr
    report = audited.report()
    assert report["clean"], report
    covered = next(r for r in report["ranges"] if r["compared"] == "lake = ClickHouse")
    assert (covered["first_seq"], covered["last_seq"], covered["clickhouse"]) == (1, EVENTS, len(ROWS))
    audited.sql(f"ALTER TABLE {TABLE} DELETE WHERE _seq = {ROWS[77]}")
    assert where(audited.only_finding()) == ("missing", "clickhouse", ROWS[77], ROWS[77], 1)
