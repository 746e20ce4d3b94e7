"""What people reach the view with: JDBC as DataGrip uses it, Trino's command line, Python, SQLAlchemy, dbt; and that a row
looks the same to them while it comes from ClickHouse and once it comes from the lake."""

import datetime
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

import every_type
from servers import BUILD_DIR, CACHE, Child, run_to_end, until
from trino_server import JAVA, TrinoServer
from world import Pipeline, World

LAKE_ROWS = 2_000  # Below W,
ALL_ROWS = 4_000  # and with those above it.
VIEW = f"lake.weir.{every_type.TABLE}"
DOCS = Path(__file__).parents[2] / "docs"
JDBC_SOURCE = Path(__file__).parent / "jdbc" / "DataGripSession.java"


@dataclass
class Types:
    world: World
    trino: TrinoServer
    pipeline: Pipeline
    weir: Child


def scratch_catalog(world: World) -> str:
    """A catalog that a user may write to; Weir's are read-only."""
    folder = world.folder / "scratch"
    folder.mkdir()
    return (
        "connector.name=delta_lake\nhive.metastore=file\nhive.metastore.catalog.dir=local:///metastore\n"
        f"fs.native-local.enabled=true\nlocal.location={folder}\n"
    )


@pytest.fixture(scope="module")
def types(shared_world: World, shared_trino: TrinoServer) -> Iterator[Types]:
    """Half of the rows are in the lake, the other half stays in ClickHouse until weir ends: it commits once an hour."""
    world, trino = shared_world, shared_trino
    world.create_stream(every_type.STREAM, every_type.SUBJECTS)
    lake = f'url = "file://{world.lake}"\ncommit_interval = "1h"'
    pipeline = world.pipeline(trino=trino.section(), lake=lake, **every_type.settings())
    trino.start(pipeline, {"scratch": scratch_catalog(world)})
    world.publish(1, LAKE_ROWS, every_type.event)
    world.catch_up(pipeline)
    weir = world.start_weir(pipeline)
    world.publish(LAKE_ROWS + 1, ALL_ROWS, every_type.event)
    until(lambda: pipeline.positions() == (LAKE_ROWS, ALL_ROWS), "half of the rows are in ClickHouse only", timeout=120)
    until(lambda: f"rows up to _seq {LAKE_ROWS} from the lake" in trino.comment(every_type.TABLE), "the view spans both", timeout=300)
    yield Types(world, trino, pipeline, weir)


def ordered_rows(trino: TrinoServer) -> list[list[Any]]:
    return trino.query(f"SELECT * FROM {VIEW} ORDER BY _seq")


def check_values(rows: list[list[Any]]) -> None:
    assert len(rows) == ALL_ROWS
    for number, row in enumerate(rows, 1):
        found = every_type.as_shown(row[: len(every_type.COLUMNS)])
        for column, value, expected in zip(every_type.COLUMNS, found, every_type.shown(number), strict=True):
            assert value == expected, f"{column.name} of event {number}"
        shard, seq, ordinal, _, subject = row[len(every_type.COLUMNS) :]
        assert (shard, seq, ordinal, subject) == (0, number, 0, f"types.t{number % 3}")


def unquoted(type_name: str) -> str:
    return type_name.replace('"', "")


# --- the values


def test_every_value_is_what_was_published_on_either_side_of_w(types: Types) -> None:
    check_values(ordered_rows(types.trino))


def test_the_view_has_the_declared_types(types: Types) -> None:
    found = [(name, unquoted(kind)) for name, kind, *_ in types.trino.query(f"DESCRIBE {VIEW}")]
    declared = [(column.name, unquoted(column.trino)) for column in every_type.COLUMNS] + every_type.SYSTEM
    assert found == declared


def utc(*fields: int) -> datetime.datetime:
    return datetime.datetime(*fields, tzinfo=datetime.timezone.utc)


# SQL, and the same said of a row as it is shown; NULL is never true.
PREDICATES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "c_int64 = -9223372036854775808": lambda row: row["c_int64"] == -(2**63),
    "c_uint64 = DECIMAL '18446744073709551615'": lambda row: row["c_uint64"] == 2**64 - 1,
    "c_decimal38 < 0": lambda row: row["c_decimal38"] is not None and row["c_decimal38"] < 0,
    "c_string = 'Grüße, 世界 🌍'": lambda row: row["c_string"] == "Grüße, 世界 🌍",
    "c_string = ''": lambda row: row["c_string"] == "",
    "c_binary = X'00FF80'": lambda row: row["c_binary"] == b"\x00\xff\x80",
    "c_date > DATE '2299-01-01'": lambda row: row["c_date"] == datetime.date(2299, 12, 31),
    "c_timestamp = TIMESTAMP '2026-03-01 12:34:56.789 UTC'": (
        lambda row: row["c_timestamp"] == utc(2026, 3, 1, 12, 34, 56, 789_000)
    ),
    "c_timestamp < TIMESTAMP '1950-01-01 00:00:00 UTC'": (
        lambda row: row["c_timestamp"] is not None and row["c_timestamp"] < utc(1950, 1, 1)
    ),
    "c_uuid LIKE 'ffff%'": lambda row: str(row["c_uuid"]).startswith("ffff"),
    "c_float64 = 5e-324": lambda row: row["c_float64"] == 5e-324,
    # Beyond what the type of ClickHouse's column holds: as clients write "ever" and "never".
    "c_date BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'": lambda row: row["c_date"] is not None,
    "c_timestamp < TIMESTAMP '9999-12-31 23:59:59 UTC'": lambda row: row["c_timestamp"] is not None,
    "c_timestamp >= TIMESTAMP '0001-01-01 00:00:00 UTC'": lambda row: row["c_timestamp"] is not None,
    "c_date = DATE '9999-12-31' OR n = 7": lambda row: row["n"] == 7,
    "c_timestamp <= TIMESTAMP '9999-12-31 23:59:59.999999 UTC'": lambda row: row["c_timestamp"] is not None,
    "c_uint8 < 1000": lambda row: row["c_uint8"] is not None,
    "c_uint16 > -1": lambda row: row["c_uint16"] is not None,
    "c_uint32 <> -1": lambda row: row["c_uint32"] is not None,
    "c_bool IS NULL": lambda row: row["c_bool"] is None,
    "c_struct.big = DECIMAL '18446744073709551615'": lambda row: row["c_struct"][3] == 2**64 - 1,
    "cardinality(c_deep) = 2": lambda row: len(row["c_deep"]) == 2,
    "contains(c_list, 9223372036854775807)": lambda row: 2**63 - 1 in row["c_list"],
}


@pytest.mark.parametrize("predicate", PREDICATES)
def test_a_predicate_on_an_edge_finds_its_rows_on_either_side_of_w(types: Types, predicate: str) -> None:
    names = [column.name for column in every_type.COLUMNS]
    rows = {n: dict(zip(names, every_type.shown(n), strict=True)) for n in range(1, ALL_ROWS + 1)}
    wanted = [[number] for number, row in rows.items() if PREDICATES[predicate](row)]
    assert wanted
    assert types.trino.query(f"SELECT _seq FROM {VIEW} WHERE {predicate} ORDER BY 1") == wanted


# --- JDBC


@pytest.fixture(scope="module")
def jdbc_classes() -> Path:
    """Compiled once into the build folder."""
    folder = BUILD_DIR / "tests" / "trino" / "jdbc"
    compiled = folder / "DataGripSession.class"
    if not compiled.exists() or compiled.stat().st_mtime < JDBC_SOURCE.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        done = run_to_end(["javac", "-d", folder, JDBC_SOURCE])
        assert done.returncode == 0, done.stderr
    return folder


@dataclass
class Jdbc:
    trino: TrinoServer
    classes: Path

    def run(self, action: str, *arguments: str, url: str = "") -> list[list[str]]:
        """What the program prints, line by line, field by field."""
        done = run_to_end(
            [JAVA, "-cp", f"{CACHE / 'trino' / 'trino-jdbc.jar'}{os.pathsep}{self.classes}", "DataGripSession",
             url or f"jdbc:trino://127.0.0.1:{self.trino.port}", "" if "user=" in url else "reader", "lake", "weir", every_type.TABLE, action, *arguments],
            timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return [line.split("\t") for line in done.stdout.splitlines()]

    def facts(self, what: str, action: str, *arguments: str, url: str = "") -> list[list[str]]:
        return [fields[1:] for fields in self.run(action, *arguments, url=url) if fields[0] == what]


@pytest.fixture
def jdbc(types: Types, jdbc_classes: Path) -> Jdbc:
    return Jdbc(types.trino, jdbc_classes)


def test_jdbc_reads_catalogs_schemas_tables_and_columns(jdbc: Jdbc) -> None:
    lines = jdbc.run("introspect")

    def of(what: str) -> list[list[str]]:
        return [fields[1:] for fields in lines if fields[0] == what]

    catalogs = [name for (name,) in of("catalog")]
    assert "lake" in catalogs and "lakeadmin" not in catalogs
    assert {"weir", "weir_lake"} <= {name for (name,) in of("schema")}
    assert [every_type.TABLE, "VIEW"] in [table[:2] for table in of("table")]
    columns = [(name, unquoted(kind)) for name, kind, *_ in of("column")]
    assert columns == [(c.name, unquoted(c.trino)) for c in every_type.COLUMNS] + every_type.SYSTEM
    assert of("primary key") == [] and of("imported key") == []
    assert [unquoted(row[0]).split(" COMMENT ")[0] for row in of("row")] == [f"CREATE VIEW {VIEW}"], of("row")


def test_jdbc_opens_the_first_page_of_the_table(jdbc: Jdbc) -> None:
    lines = jdbc.run("open")
    assert [fields[1:] for fields in lines if fields[0] == "rows"] == [["501"]]
    assert len([fields for fields in lines if fields[0] == "column"]) == len(every_type.COLUMNS) + len(every_type.SYSTEM)


def test_jdbc_runs_a_statement_with_parameters_over_both_stores(jdbc: Jdbc) -> None:
    first = LAKE_ROWS - 9
    lines = jdbc.run("prepared", str(first))
    assert ["parameters", "2"] in lines
    assert ["row", str(ALL_ROWS - first + 1), str(first), str(ALL_ROWS)] in lines
    everything = jdbc.facts("row", "between", "2020-01-01T00:00:00Z", "2200-01-01T00:00:00Z")
    assert everything == [[str(ALL_ROWS), "1", str(ALL_ROWS)]]


def test_jdbc_cancels_a_running_query(jdbc: Jdbc) -> None:
    lines = jdbc.run("cancel")
    ((_, outcome),) = [line for line in lines if line[0] == "cancel"]
    assert outcome.startswith("refused:"), outcome
    assert ["on the server", "USER_CANCELED"] in lines


def test_jdbc_fetches_every_row_by_pages(jdbc: Jdbc) -> None:
    assert jdbc.facts("fetched", "fetch", "100") == [[str(ALL_ROWS), str(ALL_ROWS * (ALL_ROWS + 1) // 2)]]


def guide_table(heading: str) -> list[list[str]]:
    """The first table of docs/datagrip.md below a heading, without its own."""
    section = (DOCS / "datagrip.md").read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip() for line in section.splitlines() if line.strip().startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_guides_table_of_types_is_what_jdbc_says(jdbc: Jdbc) -> None:
    classes = {name: java for name, _, java in jdbc.facts("column", "open")}
    codes = {name: code for name, _, code, *_ in jdbc.facts("column", "introspect")}
    by_type = {column.type: column for column in every_type.COLUMNS}
    rows = guide_table("Types")
    for types_in_file, trino_type, jdbc_type, java in rows:
        for type_in_file in types_in_file.replace("`", "").split(", "):
            column = by_type[type_in_file]
            assert column.trino == trino_type.strip("`"), type_in_file
            assert JDBC_CODES[jdbc_type] == codes[column.name], type_in_file
            assert java.strip("`") == classes[column.name], type_in_file
    listed = {name for row in rows for name in row[0].replace("`", "").split(", ")}
    assert {column.type for column in every_type.COLUMNS if "struct" not in column.type} - listed <= {"list<binary>", "decimal(38,10)"}


# java.sql.Types
JDBC_CODES = {
    "BOOLEAN": "16", "TINYINT": "-6", "SMALLINT": "5", "INTEGER": "4", "BIGINT": "-5", "REAL": "7", "DOUBLE": "8",
    "DECIMAL": "3", "VARCHAR": "12", "VARBINARY": "-3", "DATE": "91", "TIMESTAMP_WITH_TIMEZONE": "2014", "ARRAY": "2003",
}  # fmt: skip


def test_the_guides_address_and_properties_work(jdbc: Jdbc) -> None:
    text = (DOCS / "datagrip.md").read_text()
    (address,) = re.findall(r"jdbc:trino://\S+", text)
    url = address.replace("8080", str(jdbc.trino.port))
    table = {name.strip("`"): value.strip("`") for name, value, _ in guide_table("2. The data source")}
    # The others need a server with TLS.
    for name in ("assumeLiteralUnderscoreInMetadataCallsForNonConformingClients", "explicitPrepare"):
        url += f"&{name}={table[name]}"
    assert jdbc.facts("row", "query", f"SELECT count(*), max(u) FROM (SELECT current_user AS u FROM {every_type.TABLE})", url=url) == [
        [str(ALL_ROWS), "analyst"]
    ]
    assert jdbc.facts("column", "introspect", url=url), "columns are found by exact names"
    last = jdbc.run("prepared", str(ALL_ROWS), url=url)
    assert ["row", "1", str(ALL_ROWS), str(ALL_ROWS)] in last


# --- the command line, Python, dbt


def test_the_command_line_reads_the_view(types: Types) -> None:
    done = run_to_end(
        [JAVA, "-jar", CACHE / "trino" / "trino-cli.jar", "--server", types.trino.url, "--user", "reader",
         "--catalog", "lake", "--schema", "weir", "--output-format", "JSON", "--execute",
         f"SELECT n, c_int64, c_string FROM {every_type.TABLE} WHERE _seq IN (1, {ALL_ROWS}) ORDER BY n"],
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = [column.name for column in every_type.COLUMNS]
    wanted = []
    for number in (1, ALL_ROWS):
        row = dict(zip(names, every_type.shown(number), strict=True))
        wanted.append({name: row[name] for name in ("n", "c_int64", "c_string")})
    assert [json.loads(line) for line in done.stdout.splitlines()] == wanted


def test_sqlalchemy_reflects_the_view_and_selects_from_it(types: Types) -> None:
    engine = sqlalchemy.create_engine(f"trino://reader@127.0.0.1:{types.trino.port}/lake/weir")
    try:
        inspector = sqlalchemy.inspect(engine)
        assert every_type.TABLE in inspector.get_view_names()
        columns = [column["name"] for column in inspector.get_columns(every_type.TABLE)]
        assert columns == [column.name for column in every_type.COLUMNS] + [name for name, _ in every_type.SYSTEM]
        view = sqlalchemy.Table(every_type.TABLE, sqlalchemy.MetaData(), autoload_with=engine)
        edge = sqlalchemy.select(sqlalchemy.func.count(), sqlalchemy.func.max(view.c._seq)).where(
            view.c.c_int64 == 2**63 - 1
        )
        with engine.connect() as connection:
            found = tuple(connection.execute(edge).one())
        hits = [n for n in range(1, ALL_ROWS + 1) if n % 4 == 1]
        assert found == (len(hits), hits[-1])
    finally:
        engine.dispose()


DBT_FILES = {
    "dbt_project.yml": """name: weir_test
version: "1.0"
profile: weir
flags:
  send_anonymous_usage_stats: false
models:
  weir_test:
    +materialized: table
""",
    "models/by_subject.sql": """select _subject as subject, count(*) as events, max(_seq) as newest
from {{ source('weir', 'every_type') }}
group by _subject
""",
    "models/schema.yml": """version: 2
sources:
  - name: weir
    database: lake
    schema: weir
    tables:
      - name: every_type
models:
  - name: by_subject
    columns:
      - name: subject
        data_tests:
          - unique
          - not_null
""",
    "tests/no_event_is_lost.sql": "select 1 from {{ ref('by_subject') }} having sum(events) <> %d\n" % ALL_ROWS,
}


def test_dbt_builds_a_model_on_the_view_and_tests_it(types: Types) -> None:
    project = types.world.folder / "dbt"
    profile = (
        "weir:\n  target: test\n  outputs:\n    test:\n      type: trino\n      method: none\n      user: reader\n"
        f"      host: 127.0.0.1\n      port: {types.trino.port}\n      database: scratch\n      schema: reports\n"
        "      http_scheme: http\n      threads: 1\n"
    )
    for name, text in (DBT_FILES | {"profiles.yml": profile}).items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    done = run_to_end(
        [CACHE / "dbt" / "bin" / "dbt", "--no-use-colors", "build", "--project-dir", project, "--profiles-dir", project],
        folder=project,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"PASS=4 WARN=0 ERROR=0 SKIP=0", done.stdout), done.stdout[-3000:]
    rows = types.trino.query("SELECT subject, events, newest FROM scratch.reports.by_subject ORDER BY 1")
    numbers = range(1, ALL_ROWS + 1)
    wanted = [[n for n in numbers if n % 3 == rest] for rest in range(3)]
    assert rows == [[f"types.t{rest}", len(some), some[-1]] for rest, some in enumerate(wanted)]


# --- last, because it ends weir


def test_a_row_looks_the_same_once_it_comes_from_the_lake(types: Types) -> None:
    before = ordered_rows(types.trino)
    assert types.weir.terminate() == 0
    until(lambda: "all rows from the lake" in types.trino.comment(every_type.TABLE), "weir left the lake alone behind", timeout=300)
    after = ordered_rows(types.trino)
    assert after == before
    check_values(after)
    # And the plain table, which has no part of Weir's views in it, says the same.
    assert types.trino.query(f"SELECT * FROM lake.weir_lake.{every_type.TABLE} ORDER BY _seq") == after
