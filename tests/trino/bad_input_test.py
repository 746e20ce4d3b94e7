"""What goes wrong around Trino: it is away, refuses, is edited by its users; ClickHouse goes while somebody asks."""

import json
import re
import time
from dataclasses import dataclass

import pytest
from trino.exceptions import TrinoQueryError

import readers
from servers import Child, run_to_end, until, WEIR
from trino_server import TrinoServer
from world import Pipeline, World

COLUMNS = """
  [[table.column]]
  name = "id"
  type = "int64"
  required = true
  [[table.column]]
  name = "at"
  type = "timestamp"
  required = true
  [[table.column]]
  name = "text"
  type = "string"
"""
AWAY = "views in Trino are not kept current"
BACK = "views in Trino are kept current again"
EDITED = "a view for Trino is not kept current"


@dataclass
class Case:
    """One test's stream, table and pipeline file on the servers of all."""

    world: World
    trino: TrinoServer
    name: str
    pipeline: Pipeline

    def publish(self, first: int, last: int) -> None:
        self.world.publish(first, last, self.event)

    def event(self, number: int) -> tuple[str, bytes]:
        text = f"2026-03-01T00:{number // 60 % 60:02}:{number % 60:02}Z"
        return f"{self.name}.x", json.dumps({"id": number, "at": text, "text": f"t{number % 7}"}).encode()

    def start(self) -> Child:
        return self.world.start_weir(self.pipeline)

    def comment(self) -> str:
        return self.trino.comment(self.name)

    def count(self) -> int:
        """Of rows that the view shows."""
        return self.trino.query(f'SELECT count(*) FROM lake.weir."{self.name}"')[0][0]

    def await_view(self, rows: int) -> None:
        """It is there and shows so many."""
        until(lambda: self.comment() != "", f"the view {self.name} is there", timeout=120)
        until(lambda: self._shows(rows), f"the view {self.name} shows {rows} rows", timeout=120)

    def _shows(self, rows: int) -> bool:
        try:
            return self.count() == rows
        except TrinoQueryError:  # It is being made, or what it refers to is.
            return False

    def await_both_stores(self) -> None:
        until(lambda: "newer ones from ClickHouse" in self.comment(), "the view spans both stores", timeout=120)

    def refresh(self):
        """weir trino FILE refresh"""
        return run_to_end([WEIR, "trino", self.pipeline.file, "refresh"])

    def view_status(self) -> dict[str, str]:
        """Of the view, as the running process shows it."""
        status, body = self.pipeline.get("/api/v1/status")
        views = json.loads(body)["trino"]["views"] if status == 200 else []
        return next((view for view in views if view["view"] == self.name), {})


@pytest.fixture
def case(shared_world: World, shared_trino: TrinoServer, request: pytest.FixtureRequest) -> Case:
    """Trino may not have been started yet: the first test is about that. The others ask for `served`."""
    name = re.sub("[^a-z]", "", request.node.name.removeprefix("test_"))[:24]
    return make_case(shared_world, shared_trino, name)


def make_case(world: World, server: TrinoServer, name: str, **settings: str) -> Case:
    stream = name.upper()
    world.create_stream(stream, f"{name}.>")
    part = {
        "trino": server.section(),
        "stream": stream,
        "subjects": f"{name}.>",
        "table_name": name,
        "table": 'order_by = ["id"]',
        "columns": COLUMNS,
    }
    return Case(world, server, name, world.pipeline(**(part | settings)))


@pytest.fixture
def served(case: Case) -> Case:
    if not case.trino.running():
        case.trino.start(case.pipeline)
    return case


def test_trino_that_is_away_disturbs_nothing_and_gets_its_views_once_it_comes(case: Case) -> None:
    weir = case.start()
    case.publish(1, 3_000)
    until(lambda: case.pipeline.positions() == (3_000, 3_000), "both stores have everything, without Trino")
    until(lambda: AWAY in weir.text(), "the log says that Trino is away")
    until(lambda: json.loads(case.pipeline.get("/api/v1/status")[1])["trino"]["error"], "and the status does")
    case.trino.start(case.pipeline)
    case.await_view(3_000)
    case.await_both_stores()
    assert weir.text().count(AWAY) == 1, weir.text()[-4000:]
    until(lambda: BACK in weir.text(), "the log says that Trino is back")
    assert weir.terminate() == 0


def test_a_user_that_trino_refuses_is_told_so_and_ingest_goes_on(served: Case) -> None:
    settings = served.trino.section(user='"stranger"')
    stranger = make_case(served.world, served.trino, "stranger", trino=settings)
    weir = stranger.start()
    stranger.publish(1, 500)
    until(lambda: stranger.pipeline.positions() == (500, 500), "both stores have everything")
    until(lambda: "Access Denied" in weir.text(), "the log says what Trino said")
    assert weir.terminate() == 0
    done = stranger.refresh()
    assert done.returncode == 1
    assert "Access Denied" in done.stdout + done.stderr
    assert stranger.comment() == ""


def test_a_catalog_that_trino_does_not_have_is_named(served: Case) -> None:
    nowhere = make_case(served.world, served.trino, "nowhere", trino=served.trino.section(admin_catalog='"elsewhere"'))
    nowhere.publish(1, 100)
    nowhere.world.catch_up(nowhere.pipeline)
    done = nowhere.refresh()
    assert done.returncode == 1
    assert "elsewhere" in done.stdout + done.stderr


def test_a_password_without_tls_is_refused_before_anything_is_sent(served: Case) -> None:
    section = served.trino.section(password_env='"TEST_TRINO_PASSWORD"')
    plain = make_case(served.world, served.trino, "plain", trino=section)
    done = run_to_end([WEIR, "check", plain.pipeline.file], {"TEST_TRINO_PASSWORD": "secret word"})
    assert done.returncode != 0
    assert "https" in done.stdout + done.stderr
    assert "secret word" not in done.stdout + done.stderr


def test_a_view_that_a_user_edited_is_left_and_reported(served: Case) -> None:
    weir = served.start()
    served.publish(1, 1_000)
    served.await_view(1_000)
    view = f"lakeadmin.weir.{served.name}"
    served.trino.query(f"CREATE OR REPLACE VIEW {view} SECURITY INVOKER AS SELECT 7 AS mine", user="weir")
    until(lambda: served.view_status().get("outcome") == "edited by a user", "the status reports it")
    until(lambda: EDITED in weir.text(), "the log reports it")
    served.publish(1_001, 2_000)
    until(lambda: served.pipeline.positions() == (2_000, 2_000), "W would have moved")
    time.sleep(3)  # Three rounds: nothing must happen, so there is nothing to wait for.
    assert served.trino.query(f"SELECT * FROM lake.weir.{served.name}") == [[7]]
    assert weir.text().count(EDITED) == 1, weir.text()[-4000:]
    assert weir.terminate() == 0
    done = served.refresh()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "edited" in done.stdout
    assert served.trino.query(f"SELECT * FROM lake.weir.{served.name}") == [[7]]
    served.trino.query(f"DROP VIEW {view}", user="weir")
    done = served.refresh()
    assert done.returncode == 0, done.stdout + done.stderr
    assert served.count() == 2_000


def test_what_was_dropped_in_trino_comes_back(served: Case) -> None:
    weir = served.start()
    served.publish(1, 1_000)
    served.await_view(1_000)
    served.trino.query(f"CALL lakeadmin.system.unregister_table('weir_lake', '{served.name}')", user="weir")
    served.await_view(1_000)
    assert served.trino.query(f"SELECT count(*) FROM lake.weir_lake.{served.name}") == [[1_000]]
    # DROP TABLE of a registered table takes the registration and leaves the files.
    served.trino.query(f"DROP TABLE lakeadmin.weir_lake.{served.name}", user="weir")
    served.trino.query(f"DROP VIEW lakeadmin.weir.{served.name}", user="weir")
    served.await_view(1_000)
    assert readers.lake_table(served.world.lake, served.name).to_pyarrow_table(columns=["id"]).num_rows == 1_000
    assert weir.terminate() == 0


def test_users_cannot_change_what_weir_keeps(served: Case) -> None:
    served.publish(1, 100)
    served.world.catch_up(served.pipeline)
    assert served.refresh().returncode == 0
    for sql in (
        f"DROP VIEW lake.weir.{served.name}",
        f"CREATE OR REPLACE VIEW lake.weir.{served.name} AS SELECT 1 AS x",
        f"DELETE FROM lake.weir_lake.{served.name}",
        f"DROP TABLE lake.weir_lake.{served.name}",
        f"DROP VIEW lakeadmin.weir.{served.name}",
    ):
        with pytest.raises(TrinoQueryError, match="(?i)access denied|does not exist|cannot"):
            served.trino.query(sql)
    assert served.count() == 100


@pytest.mark.parametrize("word", ["order", "select"])
def test_a_table_whose_name_needs_quotes_is_a_table_like_others(served: Case, word: str) -> None:
    columns = COLUMNS.replace('"text"', '"group"\n  from = "/text"')
    quoted = make_case(served.world, served.trino, word, columns=columns)
    weir = quoted.start()
    quoted.publish(1, 1_000)
    quoted.await_view(1_000)
    quoted.await_both_stores()
    found = quoted.trino.query(f'SELECT "group", count(*) FROM lake.weir."{word}" GROUP BY 1 ORDER BY 1')
    assert [group for group, _ in found] == [f"t{n}" for n in range(7)]
    assert weir.terminate() == 0
    assert quoted.count() == 1_000


def test_predicates_reach_both_stores(served: Case) -> None:
    lake = f'url = "file://{served.world.lake}"\ncommit_interval = "1h"'
    pushed = make_case(served.world, served.trino, "pushed", lake=lake)
    pushed.publish(1, 1_000)
    pushed.world.catch_up(pushed.pipeline)
    weir = pushed.start()
    pushed.publish(1_001, 2_000)
    pushed.await_both_stores()
    pushed.await_view(2_000)

    def plan(sql: str) -> str:
        return pushed.trino.query(f"EXPLAIN {sql}")[0][0]

    view = "lake.weir.pushed"
    text = plan(f"SELECT * FROM {view} WHERE id = 77 AND at >= TIMESTAMP '2026-03-01 00:00:10 UTC'")
    lake_scan, hot_scan = scan_of(text, "lake:"), scan_of(text, "clickhouse:")
    assert "77" in lake_scan, lake_scan
    for column in ("_seq", "_shard", "id", "at"):
        assert re.search(rf"constraint on \[[^\]]*\b{column}\b", hot_scan), hot_scan
    # What only newer rows can answer reads nothing of the lake.
    newer = plan(f"ANALYZE SELECT count(*) FROM {view} WHERE _seq > 1500")
    assert "Input: 0 rows" in scan_of(newer, "lake:") and "Input: 500 rows" in scan_of(newer, "clickhouse:"), newer
    older = plan(f"SELECT count(*) FROM {view} WHERE _seq <= 1000")
    assert "clickhouse:" not in older and "lake:" in older, older
    last = plan(f"SELECT id FROM {view} WHERE _seq > 1000 ORDER BY _seq DESC LIMIT 3")
    assert "limit=3" in scan_of(last, "clickhouse:"), last
    # The lake as it is, and the view's version of it, in one query.
    both = pushed.trino.query(f"SELECT (SELECT count(*) FROM {view}), (SELECT count(*) FROM lake.weir_lake.pushed)")
    assert both == [[2_000, 1_000]], both
    assert pushed.trino.query(f"SELECT count(*), max(id) FROM {view} WHERE _seq > 5000") == [[0, None]]
    assert weir.terminate() == 0


def scan_of(plan: str, catalog: str) -> str:
    """The operators of a plan that read from `catalog`, each with the lines that belong to it."""
    parts = re.split(r"\n(?=[ │]*[└├]─)", plan)
    return "\n".join(part for part in parts if f"table = {catalog}" in part)


def test_a_refresh_after_a_kill_brings_the_view_to_where_the_lake_is(served: Case) -> None:
    weir = served.start()
    served.publish(1, 1_000)
    served.await_view(1_000)
    served.await_both_stores()
    beside = served.refresh()
    assert beside.returncode == 0, "beside a running process only what is right whatever that does next"
    assert "newer ones from ClickHouse" in served.comment()
    served.publish(1_001, 2_000)
    until(lambda: served.pipeline.positions() == (2_000, 2_000), "both stores have everything")
    weir.kill()
    done = served.refresh()
    assert done.returncode == 0, done.stdout + done.stderr
    # ClickHouse may have said by then that it has everything, or not.
    assert "all rows from the lake" in served.comment() or "rows up to _seq 2000 from the lake" in served.comment()
    assert served.count() == 2_000
    again = served.refresh()
    assert again.returncode == 0 and "unchanged" in again.stdout, again.stdout


def test_clickhouse_that_goes_while_somebody_asks_is_trinos_error_and_weir_says_why(served: Case) -> None:
    weir = served.start()
    served.publish(1, 1_000)
    served.await_view(1_000)
    served.await_both_stores()
    served.world.clickhouse.kill()
    # Until Weir has noticed, the view refers to a server that is gone: an error, never fewer rows.
    answers: list[int] = []
    errors: list[str] = []

    def lake_alone() -> bool:
        try:
            answers.append(served.count())
        except TrinoQueryError as error:
            errors.append(str(error))
        return "all rows from the lake" in served.comment()

    until(lake_alone, "the view is the lake alone", timeout=120)
    assert set(answers) <= {1_000}
    assert served.count() == 1_000
    assert "ClickHouse is detached" in served.comment()
    said = served.world.weir("status", served.pipeline.file).stdout
    assert "detached" in said and "ClickHouse" in said, said
    # Nothing is said of a view that refers to a ClickHouse which is gone, because nobody is there to replace it.
    served.world.clickhouse.start()
    served.publish(1_001, 1_500)
    served.await_both_stores()
    served.await_view(1_500)
    weir.kill()
    served.world.clickhouse.kill()
    try:
        with pytest.raises(TrinoQueryError, match="(?i)clickhouse|connect|refused"):
            served.count()
    finally:
        served.world.clickhouse.start()
    assert served.count() == 1_500
