"""Dead letters that are replayed, exactly once though killed in between, or dropped."""

import json

import pytest

import readers
from servers import until
from world import DATABASE, Pipeline, World

TABLE = "shares"
MESSAGES = 600
LINES = 3  # Events of one message: an identity is its sequence and its line.
COLUMNS = """format = "ndjson"
on_unknown_field = "reject"
  [[table.column]]
  name = "id"
  type = "int64"
  required = true
  [[table.column]]
  name = "divisor"
  type = "int64"
  required = true
"""
SQL = "SELECT id, divisor, 100 / divisor AS share FROM input"
SURPRISE = '  [[table.column]]\n  name = "surprise"\n  type = "int64"\n'
BETTER_SQL = "SELECT id, divisor, CASE WHEN divisor = 0 THEN 0 ELSE 100 / divisor END AS share, surprise FROM input WHERE id > 0"


def line(number: int) -> bytes:
    """Four of ten are rejected: two by the SQL, one for a field that no column takes, one for good."""
    match number % 10:
        case 3:
            return b'{"id": %d, "divisor": 0}' % number
        case 5:
            return b'{"id": %d, "divisor": 5, "surprise": %d}' % (number, number * 2)
        case 7:
            return b'{"id": %d, ' % number
        case 9:
            return b'{"id": %d, "divisor": 0}' % -number
    return b'{"id": %d, "divisor": 4}' % number


def message(number: int) -> tuple[str, bytes]:
    return "events.numbers", b"\n".join(line(n) for n in range((number - 1) * LINES, number * LINES))


def identity(number: int) -> tuple[int, int]:
    return number // LINES + 1, number % LINES


def of_kinds(kinds: set[int], messages: int = MESSAGES) -> list[int]:
    return [n for n in range(messages * LINES) if n % 10 in kinds]


FINE = {0, 1, 2, 4, 6, 8}
REJECTED = {3, 5, 7, 9}


def expected_rows(replayed: bool, messages: int = MESSAGES) -> list[tuple]:
    rows = [(*identity(n), n, 25, None) for n in of_kinds(FINE, messages)]
    if replayed:
        rows += [(*identity(n), n, 0, None) for n in of_kinds({3}, messages)]
        rows += [(*identity(n), n, 20, n * 2) for n in of_kinds({5}, messages)]
    return sorted(rows)


class Letters:
    """A pipeline whose events were read, and which has a better plan since."""

    def __init__(self, world: World, clickhouse: bool = True):
        self.world = world
        world.start_servers()
        world.create_stream()
        world.publish(1, MESSAGES, event=message)
        settings = {"columns": COLUMNS, "table_name": TABLE, "table": f'order_by = ["id"]\nsql = "{SQL}"'}
        self.pipeline: Pipeline = world.pipeline(**settings, **({} if clickhouse else {"clickhouse": ""}))
        self.clickhouse = clickhouse
        world.catch_up(self.pipeline)
        self.check(replayed=False, dead=REJECTED)
        text = self.pipeline.file.read_text()
        self.pipeline.file.write_text(text.replace(SQL, BETTER_SQL) + SURPRISE)
        world.catch_up(self.pipeline)

    def command(self, *arguments: str, **environment: str):
        return self.world.weir("dead-letters", self.pipeline.file, *arguments, **environment)

    def replay(self, *options: str, **environment: str) -> dict:
        done = self.world.weir("--json", "dead-letters", self.pipeline.file, "replay", "--table", TABLE, *options, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def check_letters(self, *, dead: set[int], messages: int = MESSAGES) -> None:
        """Those that count, as `weir query` shows them."""
        counted = self.world.weir("query", self.pipeline.file, "SELECT _seq, _row FROM dead_letters ORDER BY 1, 2", "--format", "json")
        shown = [(letter["_seq"], letter["_row"]) for letter in map(json.loads, counted.stdout.splitlines())]
        assert shown == sorted(identity(n) for n in of_kinds(dead, messages))

    def check(self, *, replayed: bool, dead: set[int], messages: int = MESSAGES, running: bool = False) -> None:
        """Rows and dead letters in every store, by readers of others, and what Weir says of their numbers."""
        rows = expected_rows(replayed, messages)
        columns = ["_seq", "_row", "id", "share"]
        table = readers.lake_table(self.world.lake, TABLE).to_pyarrow_table()
        assert sorted(zip(*(table[name].to_pylist() for name in columns))) == [row[:4] for row in rows]
        if "surprise" in table.column_names:
            assert sorted(zip(*(table[n].to_pylist() for n in ["_seq", "_row"]), table["surprise"].to_pylist())) == [(*r[:2], r[4]) for r in rows]
        kept = readers.dead_letters(self.world.lake)
        assert sorted((letter["_seq"], letter["_row"]) for letter in kept) == sorted(
            identity(n) for n in of_kinds(REJECTED, messages) if n < MESSAGES * LINES or n % 10 == 7  # Later ones met the better plan.
        )
        gone = of_kinds(dead, messages)
        self.check_letters(dead=dead, messages=messages)
        if self.clickhouse:
            hot = self.world.clickhouse.arrow(f"SELECT _seq, _row, id, share FROM {DATABASE}.{TABLE}")
            assert sorted(zip(*(hot[name].to_pylist() for name in columns))) == [row[:4] for row in rows]
        if not running:
            events = messages * LINES
            totals = {"events": events, "rows": len(rows), "filtered": events - len(rows) - len(gone), "dead_letters": len(gone)}
            assert self.world.totals(self.pipeline) == totals
        self.world.check_audit_clean(self.pipeline.file)


def test_letters_become_rows_under_their_own_identities(world: World) -> None:
    letters = Letters(world)
    looked = letters.replay("--dry-run")
    counts = {"looked_at": 720, "rows": 360, "filtered": 180, "rejected": 180, "need_columns": 0}
    assert {name: looked[name] for name in counts} == counts and looked["replays"] == []
    letters.check(replayed=False, dead=REJECTED)
    done = letters.replay()
    assert {name: done[name] for name in counts} == counts and done["replays"] == [1]
    assert all(letter["code"] == "invalid_json" for letter in done["rejected_examples"])
    letters.check(replayed=True, dead={7})
    again = letters.replay()
    assert (again["looked_at"], again["rows"], again["rejected"], again["replays"]) == (180, 0, 180, [])
    shown = letters.command("list")
    assert "sql_error" not in shown.stdout and "invalid_json" in shown.stdout, shown.stdout
    # What is read again later, and what is made anew from the lake, has them too.
    world.clickhouse.query(f"TRUNCATE TABLE {DATABASE}.{TABLE}")
    filled = world.weir("backfill", letters.pipeline.file, "--table", TABLE, "--to", "clickhouse")
    assert filled.returncode == 0, filled.stderr
    letters.check(replayed=True, dead={7})


def test_only_some_letters_go(world: World) -> None:
    letters = Letters(world, clickhouse=False)
    seq, row = identity(3)
    one = letters.replay("--seq", str(seq), "--row", str(row))
    assert (one["looked_at"], one["rows"]) == (1, 1)
    unknown = letters.replay("--code", "unknown_field")
    assert (unknown["looked_at"], unknown["rows"]) == (180, 180)
    rest = letters.replay()
    assert rest["rows"] == 179 and rest["replays"] == [3]
    letters.check(replayed=True, dead={7})


@pytest.mark.parametrize("running", [False, True], ids=["nothing runs", "weir runs"])
def test_a_replay_that_was_killed_is_finished_by_repeating_it(world: World, running: bool) -> None:
    letters = Letters(world)
    weir = world.start_weir(letters.pipeline) if running else None
    if running:
        until(lambda: letters.pipeline.get("/readyz")[0] == 200, "it is ready")
    for point in ("replay_recorded", "replay_in_lake", "replay_in_clickhouse"):
        killed = letters.command("replay", "--table", TABLE, WEIR_CRASH_POINT=point)
        assert killed.returncode < 0, killed
        if point == "replay_recorded":
            report = json.loads(world.weir("audit", letters.pipeline.file, "--json").stdout)
            assert any("replay 1 of dead letters is not finished" in note for note in report["tables"][0]["notes"]), report
            refused = letters.command("replay", "--table", TABLE, "--dry-run")
            assert refused.returncode == 1 and "unfinished" in refused.stderr, refused
    done = letters.replay()
    assert done["resumed"] and done["replays"] == [1]
    last = MESSAGES
    if weir is not None:
        world.publish(MESSAGES + 1, MESSAGES + 30, event=message)
        last += 30
        until(lambda: letters.pipeline.positions() == (last, last), "it goes on")
        totals = letters.pipeline.shard()["totals"]
        assert totals["dead_letters"] == 180 + len([n for n in of_kinds({7}, last) if n >= MESSAGES * LINES]), totals
        assert weir.terminate() == 0, weir.text()[-4000:]
    letters.check(replayed=True, dead={7}, messages=last)


def test_the_plan_may_change_while_a_replay_is_unfinished(world: World) -> None:
    """Its rows are made by the plan on its record, into a table that has one column more by then."""
    letters = Letters(world)
    assert letters.command("replay", "--table", TABLE, WEIR_CRASH_POINT="replay_recorded").returncode < 0
    text = letters.pipeline.file.read_text()
    later = SURPRISE.replace("surprise", "later")
    letters.pipeline.file.write_text(text.replace("THEN 0 ELSE", "THEN -1 ELSE").replace("surprise FROM", "surprise, later FROM") + later)
    refused = letters.command("replay", "--table", TABLE)
    assert refused.returncode == 1 and "start weir run" in refused.stderr, refused
    world.catch_up(letters.pipeline)
    done = letters.replay("--code", "not_there")
    assert done["resumed"] and done["rows"] == 360
    letters.check(replayed=True, dead={7})


def test_dropped_letters_are_kept_and_not_listed(world: World) -> None:
    letters = Letters(world, clickhouse=False)
    letters.replay()
    looked = letters.command("drop", "--table", TABLE, "--code", "invalid_json", "--reason", "request 18", "--dry-run")
    assert looked.returncode == 0 and "180 dead letters would be dropped" in looked.stdout, looked
    unexplained = letters.command("drop", "--table", TABLE)
    assert unexplained.returncode == 2 and "--reason" in unexplained.stderr, unexplained
    dropped = letters.command("drop", "--table", TABLE, "--code", "invalid_json", "--reason", "request 18")
    assert dropped.returncode == 0 and "180 dead letters are dropped" in dropped.stdout, dropped
    shown = letters.command("list")
    assert "invalid_json" not in shown.stdout and "180 dropped ones are not shown" in shown.stdout, shown.stdout
    assert "invalid_json" in letters.command("list", "--dropped").stdout
    assert letters.replay()["looked_at"] == 0
    letters.check(replayed=True, dead={7})
    said = world.weir("audit", letters.pipeline.file).stdout
    assert "dead letters dropped (2): 180, request 18" in said and "dead letters replayed (1): 540, of which 360 became rows" in said, said


def test_without_clickhouse_nothing_is_begun_or_it_is_finished_later(world: World) -> None:
    letters = Letters(world)
    world.clickhouse.kill()
    failed = letters.command("replay", "--table", TABLE)
    assert failed.returncode == 1 and "ClickHouse" in failed.stderr, failed
    letters.check_letters(dead=REJECTED)
    world.clickhouse.start()
    assert letters.command("replay", "--table", TABLE, WEIR_CRASH_POINT="replay_in_lake").returncode < 0
    world.clickhouse.kill()
    failed = letters.command("replay", "--table", TABLE)
    assert failed.returncode == 1 and "ClickHouse" in failed.stderr, failed
    world.clickhouse.start()
    done = letters.replay()
    assert done["resumed"] and done["rows"] == 360
    letters.check(replayed=True, dead={7})


def test_what_a_replay_made_and_is_gone_is_found_by_the_audit(world: World) -> None:
    letters = Letters(world, clickhouse=False)
    letters.replay()
    seq, row = identity(3)
    readers.lake_table(world.lake, TABLE).delete(f"_seq = {seq} AND _row = {row}")
    done = world.weir("audit", letters.pipeline.file, "--json")
    findings = json.loads(done.stdout)["tables"][0]["findings"]
    assert done.returncode == 3 and ("missing", "lake", seq) in [(f["kind"], f["store"], f["first_seq"]) for f in findings], findings


def test_wrong_use_is_refused(world: World) -> None:
    letters = Letters(world, clickhouse=False)
    nowhere = letters.command("replay", "--table", "nowhere")
    assert nowhere.returncode == 1 and "no such [[table]]" in nowhere.stderr, nowhere
    assert letters.command("replay").returncode == 2
