"""Files into the lake: each content once, whatever its name and however often it is interrupted; bad rows as dead letters."""

import csv
import decimal
import gzip
import json
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import events
import readers
from servers import Child, until
from world import Pipeline, World, resume, wait_stopped

EXIT_FAILED = 1
FIRST_DAY = datetime(2020, 1, 1, tzinfo=timezone.utc)


def row(number: int) -> dict:
    """Row `number` of all these files; its id says which one it is."""
    return {
        "id": number,
        "at": (FIRST_DAY + timedelta(minutes=number % 1_000)).isoformat().replace("+00:00", "Z"),
        "customer": f'customer "{number % 7}", line 1\nline 2' if number % 10 == 0 else f"customer {number % 7}",
        "amount": f"{number * 7919 % 1_000_000 + 1}.50",
        "score": number / 2,
        "ok": number % 2 == 1,
        "ref": f"00000000-0000-4000-8000-{number:012}",
        "extra": json.dumps({"n": number % 10}),
    }


def write_csv(path: Path, numbers: range, broken_behind: int = 0) -> None:
    """As RFC 4180; behind row number `broken_behind` stand a line with a field too few and one whose quote is never closed."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row(0)))
        writer.writeheader()
        for number in numbers:
            writer.writerow(row(number))
            if number == broken_behind:
                file.write('1,2020-01-01T00:00:00Z,too few\r\n')
                file.write('1,2020-01-01T00:00:00Z,"never closed,1,1,true,,\r\n')


def write_json(path: Path, numbers: range, broken_behind: int = 0) -> None:
    with path.open("w") as file:
        for number in numbers:
            shown = row(number) | {"amount": float(row(number)["amount"]), "extra": json.loads(row(number)["extra"])}
            file.write(json.dumps(shown) + "\n")
            if number == broken_behind:
                file.write('{"id": 1, "at": \n')


def parquet_table(numbers: range) -> pa.Table:
    rows = [row(number) for number in numbers]
    return pa.table(
        {
            "id": pa.array([r["id"] for r in rows], pa.int32()),
            "at": pa.array([datetime.fromisoformat(r["at"].replace("Z", "+00:00")) for r in rows], pa.timestamp("ns", "UTC")),
            "customer": pa.array([r["customer"] for r in rows]),
            "amount": pa.array([decimal.Decimal(r["amount"]) for r in rows], pa.decimal128(20, 2)),
            "score": pa.array([r["score"] for r in rows], pa.float64()),
            "ok": pa.array([r["ok"] for r in rows]),
            "ref": pa.array([r["ref"] for r in rows]),
            "extra": pa.array([r["extra"] for r in rows]),
        }
    )


def write_parquet(path: Path, numbers: range, row_group: int = 1_000) -> None:
    pq.write_table(parquet_table(numbers), path, row_group_size=row_group)


def arguments(pipeline: Pipeline, glob: str | Path, file_format: str, *options: str) -> list:
    table = ["--table", events.TABLE, "--to", "lake"]
    return ["backfill", pipeline.file, *table, "--from-files", glob, "--format", file_format, "--json", *options]


def load(world: World, pipeline: Pipeline, glob: str | Path, file_format: str, *options: str, code: int = 0, **env: str) -> dict:
    """`weir backfill --from-files` to its end: file name -> what it says became of it."""
    done = world.weir(*arguments(pipeline, glob, file_format, *options), **env)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    if not done.stdout:
        return {"said": done.stderr}
    return {Path(file["path"]).name: file for file in json.loads(done.stdout)["files"]}


def start_load(world: World, pipeline: Pipeline, glob: str | Path, file_format: str, **env: str) -> Child:
    return world.start_command(*arguments(pipeline, glob, file_format), **env)


def file_rows(world: World) -> pa.Table:
    """Rows of files by an independent reader."""
    columns = [*readers.IDENTITY, "at", "customer", "score", "ok", "ref", "extra", "day", "_subject", "_time"]
    table = DeltaTable(str(world.lake / events.TABLE)).to_pyarrow_table(columns=columns)
    return table.filter(pc.less(table["_shard"], 0)).sort_by([("_shard", "descending"), ("_seq", "ascending")])


def letters(world: World, pipeline: Pipeline, shard: int) -> list[dict]:
    """Dead letters of a shard as `weir query` counts them."""
    sql = f"SELECT _seq, code, reason, pointer, payload FROM dead_letters WHERE _shard = {shard} ORDER BY _seq"
    done = world.weir("query", pipeline.file, sql, "--format", "json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def check_values(rows: pa.Table, numbers: list[int]) -> None:
    """The rows are those of `numbers`, once each, with every value as the files had it."""
    found = rows.sort_by("id").to_pylist()
    assert [r["id"] for r in found] == sorted(numbers)
    for got in found:
        want = row(got["id"])
        assert got["at"] == datetime.fromisoformat(want["at"].replace("Z", "+00:00"))
        assert got["day"] == got["at"].date()
        assert got["amount"] == decimal.Decimal(want["amount"])
        assert json.loads(got["extra"]) == json.loads(want["extra"])
        for name in ("customer", "score", "ok", "ref"):
            assert got[name] == want[name], (name, got["id"])


@pytest.fixture
def ready(world: World) -> tuple[World, Pipeline, Path]:
    world.nats.start()
    world.create_stream()
    folder = world.folder / "files"
    folder.mkdir()
    lake = f'url = "file://{world.lake}"\ncommit_interval = "300ms"\ntarget_file_size = "1MiB"'
    return world, world.pipeline(clickhouse="", lake=lake), folder


def test_files_of_every_format_land_once_each_and_broken_lines_become_dead_letters(ready) -> None:
    world, pipeline, folder = ready
    write_parquet(folder / "a.parquet", range(1, 3_001))
    write_csv(folder / "b.csv", range(3_001, 5_001), broken_behind=3_500)
    write_csv(folder / "c.csv.gz", range(5_001, 6_001))
    write_json(folder / "d.json", range(6_001, 7_001), broken_behind=6_300)
    (folder / "again.csv").write_bytes((folder / "b.csv").read_bytes())
    (folder / "z broken.csv").write_text("id,customer\n1,one\n2,two\n")

    parquet = load(world, pipeline, folder / "*.parquet", "parquet")
    assert (parquet["a.parquet"]["rows"], parquet["a.parquet"]["shard"]) == (3_000, -1)
    said = load(world, pipeline, folder / "*.csv*", "csv", code=EXIT_FAILED)
    assert said["again.csv"]["state"] == "loaded" and said["again.csv"]["dead_letters"] == 2
    assert said["b.csv"]["state"] == "duplicate" and "again.csv" in said["b.csv"]["reason"]
    assert said["c.csv.gz"]["rows"] == 1_000
    assert said["z broken.csv"]["state"] == "refused" and '"at"' in said["z broken.csv"]["reason"]
    assert load(world, pipeline, folder / "d.json", "json")["d.json"]["dead_letters"] == 1

    rows = file_rows(world)
    check_values(rows, list(range(1, 7_001)))
    assert {(shard, subject) for shard, subject in zip(rows["_shard"].to_pylist(), rows["_subject"].to_pylist())} == {
        (-1, "a.parquet"), (-2, "again.csv"), (-3, "c.csv.gz"), (-4, "d.json")}
    # Row 3500 is the 500th; 50 of the 500 before it have a line end inside, and the header is line 1.
    few, open_quote = letters(world, pipeline, -2)
    assert (few["_seq"], few["code"]) == (501, "invalid_csv") and "line 552: 3 fields, the header has 8" in few["reason"]
    assert (open_quote["_seq"], open_quote["code"]) == (502, "invalid_csv") and "line 553" in open_quote["reason"]
    (broken_json,) = letters(world, pipeline, -4)
    assert (broken_json["_seq"], broken_json["code"]) == (301, "invalid_json")

    # Everything again: nothing happens, and that is said.
    for glob, file_format in (("*.parquet", "parquet"), ("[abc]*.csv*", "csv"), ("*.json", "json")):
        for file in load(world, pipeline, folder / glob, file_format).values():
            assert file["state"] == "duplicate" or (file["state"], file["known_before"]) == ("loaded", True)
    assert file_rows(world).num_rows == 7_000
    shown = json.loads(world.weir("status", pipeline.file, "--json").stdout)["tables"][0]["files"]
    assert shown == {"files": 4, "rows": 7_000, "filtered": 0, "dead_letters": 3}
    world.check_audit_clean(pipeline.file)


@pytest.mark.parametrize("point", ["parquet_written:2", "log_entry_written:1", "log_entry_written:3", "dead_letters_committed:1"])
def test_a_load_that_is_killed_goes_on_where_the_lake_is(ready, point: str) -> None:
    world, pipeline, folder = ready
    write_csv(folder / "big.csv", range(1, 30_001), broken_behind=25_000)
    child = start_load(world, pipeline, folder / "big.csv", "csv", WEIR_CRASH_POINT=point)
    assert child.wait() == -signal.SIGKILL, child.text()[-4000:]
    # Under another name: the content counts, and the rows keep the name and time they began with.
    (folder / "big.csv").rename(folder / "moved.csv")
    (file,) = load(world, pipeline, folder / "moved.csv", "csv", "--resume").values()
    assert (file["state"], file["rows"], file["dead_letters"], file["rows_read"]) == ("loaded", 30_000, 2, 30_002)
    rows = file_rows(world)
    check_values(rows, list(range(1, 30_001)))
    assert set(rows["_subject"].to_pylist()) == {"big.csv"} and len(set(rows["_time"].to_pylist())) == 1
    assert [letter["_seq"] for letter in letters(world, pipeline, -1)] == [25_001, 25_002]
    world.check_audit_clean(pipeline.file)


def test_a_file_that_changes_between_plan_and_load_is_refused_with_both_digests(ready) -> None:
    world, pipeline, folder = ready
    write_csv(folder / "a.csv", range(1, 11))
    child = start_load(world, pipeline, folder / "a.csv", "csv", WEIR_PAUSE_POINT="lease_taken")
    wait_stopped(child)
    planned = world.weir(*arguments(pipeline, folder / "a.csv", "csv", "--dry-run"))
    write_csv(folder / "a.csv", range(1, 12))
    resume(child)
    assert child.wait() == EXIT_FAILED
    (before,) = json.loads(planned.stdout)["files"]
    (now,) = load(world, pipeline, folder / "a.csv", "csv", "--dry-run").values()
    assert before["digest"] in child.text() and now["digest"] in child.text() and before["digest"] != now["digest"]
    assert file_rows(world).num_rows == 0
    assert load(world, pipeline, folder / "a.csv", "csv")["a.csv"]["rows"] == 11


def test_a_file_written_to_while_it_loads_leaves_only_rows_of_what_it_was(ready) -> None:
    world, pipeline, folder = ready
    write_csv(folder / "a.csv", range(1, 30_001))
    original = (folder / "a.csv").read_bytes()
    child = start_load(world, pipeline, folder / "a.csv", "csv", WEIR_PAUSE_POINT="parquet_written:1")
    wait_stopped(child)
    with (folder / "a.csv").open("r+b") as file:
        file.seek(0, 2)
        file.write(b"1,2,3\r\n")
    resume(child)
    assert child.wait() == EXIT_FAILED and "written to while" in child.text(), child.text()[-4000:]
    loaded = file_rows(world)
    check_values(loaded, list(range(1, loaded.num_rows + 1)))
    assert 0 < loaded.num_rows < 30_000
    # The new content under the old name is refused while the old one is not in as a whole.
    (file,) = load(world, pipeline, folder / "a.csv", "csv", code=EXIT_FAILED).values()
    assert file["state"] == "refused" and "changed since its loading began" in file["reason"]
    (folder / "a.csv").write_bytes(original)
    assert load(world, pipeline, folder / "a.csv", "csv")["a.csv"]["rows"] == 30_000
    check_values(file_rows(world), list(range(1, 30_001)))


def test_files_that_can_never_fit_are_refused_before_anything_is_written_and_the_others_load(ready) -> None:
    world, pipeline, folder = ready
    write_parquet(folder / "good.parquet", range(1, 101))
    write_parquet(folder / "truncated.parquet", range(1, 5_001))
    whole = (folder / "truncated.parquet").read_bytes()
    (folder / "truncated.parquet").write_bytes(whole[: len(whole) // 2])
    pq.write_table(parquet_table(range(1, 10)).drop_columns(["customer"]), folder / "no customer.parquet")
    wrong = parquet_table(range(1, 10))
    pq.write_table(wrong.set_column(0, "id", wrong["score"]), folder / "wrong type.parquet")
    (folder / "folder.parquet").mkdir()
    said = load(world, pipeline, folder / "*.parquet", "parquet", code=EXIT_FAILED)
    assert said["good.parquet"]["state"] == "loaded"
    for name, parts in {
        "truncated.parquet": ["Parquet"],
        "no customer.parquet": ['"customer"'],
        "wrong type.parquet": ['"id"', "double", "int64"],
        "folder.parquet": ["regular file"],
    }.items():
        assert said[name]["state"] == "refused", said[name]
        assert all(part in said[name]["reason"] for part in parts), said[name]["reason"]
    assert file_rows(world).num_rows == 100

    # Types that only the values can tell: the first rows name column and row.
    write_csv(folder / "bad.csv", range(1, 5))
    text = (folder / "bad.csv").read_text().replace("T00:", " at ")
    (folder / "bad.csv").write_text(text)
    (file,) = load(world, pipeline, folder / "bad.csv", "csv", code=EXIT_FAILED).values()
    assert "row 1" in file["reason"] and '"at"' in file["reason"], file["reason"]
    (folder / "cut.csv.gz").write_bytes(gzip.compress(b"id,at,customer\n" * 9_999)[:-20])
    (file,) = load(world, pipeline, folder / "cut.csv.gz", "csv", code=EXIT_FAILED).values()
    assert "damaged or cut off" in file["reason"]
    nothing = load(world, pipeline, folder / "no such*.csv", "csv", code=EXIT_FAILED)
    assert "no file matches" in nothing["said"]


def test_files_load_beside_live_events(ready) -> None:
    world, pipeline, folder = ready
    write_csv(folder / "a.csv", range(1_000_001, 1_040_001))
    write_parquet(folder / "b.parquet", range(2_000_001, 2_020_001))
    weir = world.start_weir(pipeline)
    feed = world.feed(2_000)
    feed.allow(20_000)
    until(lambda: pipeline.positions()[0] > 1_000, "live events flow")
    load(world, pipeline, folder / "a.csv", "csv")
    load(world, pipeline, folder / "b.parquet", "parquet")
    last = feed.wait_until_all()
    until(lambda: pipeline.positions()[0] >= last, "the lake holds everything")
    shown = json.loads(world.weir("status", pipeline.file, "--json").stdout)
    assert (shown["state"], shown["tables"][0]["files"]["rows"]) == ("running", 60_000)
    assert weir.terminate() == 0
    rows = file_rows(world)
    check_values(rows, [*range(1_000_001, 1_040_001), *range(2_000_001, 2_020_001)])
    live = readers.lake_rows(world.lake)
    live = live.filter(pc.equal(live["_shard"], 0))
    ids = events.rows_of(events.numbers(1, last))
    assert not (problem := readers.difference(ids, np.sort(live["id"].to_numpy()))), problem
    world.check_audit_clean(pipeline.file)


def test_the_second_of_two_loaders_waits_and_finds_the_work_done(ready) -> None:
    world, pipeline, folder = ready
    write_csv(folder / "a.csv", range(1, 2_001))
    first = start_load(world, pipeline, folder / "a.csv", "csv", WEIR_PAUSE_POINT="parquet_written")
    wait_stopped(first)
    # From another host: the lease is taken over once it stood still, and the paused loader can commit nothing.
    other = world.pipeline(clickhouse="")
    assert load(world, other, folder / "a.csv", "csv")["a.csv"]["rows"] == 2_000
    resume(first)
    assert first.wait() in (1, 4)
    check_values(file_rows(world), list(range(1, 2_001)))


def test_nats_away_is_named_and_a_dry_run_does_not_need_it(ready) -> None:
    world, pipeline, folder = ready
    write_csv(folder / "a.csv", range(1, 11))
    world.nats.kill()
    (file,) = load(world, pipeline, folder / "a.csv", "csv", "--dry-run").values()
    assert (file["state"], file["shard"]) == ("new", None)
    done = world.weir(*arguments(pipeline, folder / "a.csv", "csv"))
    assert done.returncode == EXIT_FAILED and "nats.url" in done.stderr and "lease" in done.stderr, done.stderr
    assert not (world.lake / events.TABLE).exists()
