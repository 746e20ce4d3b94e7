"""The view answers like the lake: the same queries while half of the rows come from ClickHouse, once all come from the
lake, and on the plain Delta tables, which have nothing of Weir's views in them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import demo_data
from servers import until
from trino_server import TrinoServer
from world import Pipeline, World

IN_LAKE = 7_000  # Flights; the rest is in ClickHouse only while the first answers are taken.
GUIDE = Path(__file__).parents[2] / "docs" / "query.md"

# Sums of floats depend on the order of rows, which is nobody's promise; they are rounded.
QUERIES = {
    "every row": "SELECT * FROM weir.flights ORDER BY _seq",
    "every row of the other table": "SELECT * FROM weir.weather ORDER BY _seq",
    "count": "SELECT count(*), count(DISTINCT _seq), sum(_seq), min(_seq), max(_seq) FROM weir.flights",
    "counts of what is NULL": (
        "SELECT count(tailnum), count(note), count(balance), count(fare), count(seen_at), count(arr_delay) FROM weir.flights"
    ),
    "NULL in a predicate": "SELECT _seq FROM weir.flights WHERE note IS NULL AND balance IS NOT NULL ORDER BY _seq",
    "NULL is neither in nor out": "SELECT count(*) FROM weir.flights WHERE balance NOT IN (0, 9007199254740993)",
    "NULL groups": "SELECT balance, count(*) FROM weir.flights GROUP BY balance ORDER BY balance NULLS FIRST",
    "Unicode groups": "SELECT note, count(*), max(length(note)) FROM weir.flights GROUP BY note ORDER BY note",
    "Unicode in a predicate": "SELECT count(*), min(_seq) FROM weir.flights WHERE note = '遅延' OR note LIKE '✈%'",
    "Unicode upper case": "SELECT DISTINCT upper(note) FROM weir.flights WHERE note LIKE 'Ver%'",
    "empty text is not NULL": "SELECT count(*) FROM weir.flights WHERE note = ''",
    "lowest and highest 64-bit": (
        "SELECT balance, count(*) FROM weir.flights "
        "WHERE balance IN (-9223372036854775808, 9223372036854775807) GROUP BY 1 ORDER BY 1"
    ),
    "unsigned 64-bit": "SELECT booking, count(*) FROM weir.flights GROUP BY booking ORDER BY booking",
    "sum beyond 64 bit": "SELECT sum(booking), max(booking) FROM weir.flights WHERE booking > 9223372036854775807",
    "decimals": "SELECT carrier, sum(fare), min(fare), max(fare), avg(fare) FROM weir.flights GROUP BY 1 ORDER BY 1",
    "a decimal in a predicate": "SELECT _seq, fare FROM weir.flights WHERE fare BETWEEN 100 AND 250.5 ORDER BY _seq",
    "decimals that SQL made": "SELECT origin, min(celsius), max(celsius), sum(celsius) FROM weir.weather GROUP BY 1 ORDER BY 1",
    "timestamps in milliseconds": (
        "SELECT seen_at, count(*) FROM weir.flights GROUP BY seen_at ORDER BY seen_at NULLS LAST"
    ),
    "a timestamp in a predicate": (
        "SELECT count(*) FROM weir.flights WHERE seen_at = TIMESTAMP '2013-01-05 23:59:59.123 UTC'"
    ),
    "a timestamp of another zone": (
        "SELECT count(*), min(_seq) FROM weir.flights WHERE scheduled_at >= TIMESTAMP '2013-01-07 00:00:00 America/New_York'"
    ),
    "time of day": "SELECT hour(scheduled_at), count(*) FROM weir.flights GROUP BY 1 ORDER BY 1",
    "a day": "SELECT origin, count(*) FROM weir.flights WHERE day = DATE '2013-01-08' GROUP BY 1 ORDER BY 1",
    "partitions": "SELECT carrier, count(*) FROM weir.flights WHERE origin = 'JFK' GROUP BY 1 ORDER BY 2 DESC, 1",
    "lists": (
        "SELECT stop, count(*) FROM weir.flights CROSS JOIN UNNEST(stops) AS s (stop) GROUP BY stop ORDER BY stop"
    ),
    "join": (
        "SELECT f.origin, count(*), sum(f.dep_delay), min(w.temp), round(avg(w.pressure), 6) FROM weir.flights f "
        "JOIN weir.weather w ON w.origin = f.origin AND w.measured_at = f.scheduled_at GROUP BY 1 ORDER BY 1"
    ),
    "hours without weather": (
        "SELECT f.origin, f.scheduled_at, count(*) FROM weir.flights f LEFT JOIN weir.weather w "
        "ON w.origin = f.origin AND w.measured_at = f.scheduled_at WHERE w._seq IS NULL GROUP BY 1, 2 ORDER BY 1, 2"
    ),
    "semi-join": (
        "SELECT count(*) FROM weir.flights WHERE (origin, scheduled_at) IN "
        "(SELECT origin, measured_at FROM weir.weather WHERE wind_speed > 20)"
    ),
    "self-join": (
        "SELECT count(*) FROM weir.flights a JOIN weir.flights b ON a.tailnum = b.tailnum AND a.dest = b.origin "
        "AND a.scheduled_at < b.scheduled_at"
    ),
    "ranks": (
        "SELECT origin, flight, dep_delay, place FROM (SELECT origin, flight, dep_delay, _seq, rank() OVER "
        "(PARTITION BY origin ORDER BY dep_delay DESC) AS place FROM weir.flights WHERE dep_delay IS NOT NULL) "
        "WHERE place <= 5 ORDER BY origin, place, _seq"
    ),
    "moving average": (
        "SELECT day, flights, avg(flights) OVER (ORDER BY day ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM "
        "(SELECT day, count(*) AS flights FROM weir.flights GROUP BY day) ORDER BY day"
    ),
    "the row before": (
        "SELECT _seq, lag(dep_delay, 1, -1) OVER (PARTITION BY carrier ORDER BY _seq), "
        "first_value(dest) OVER (PARTITION BY carrier ORDER BY _seq) FROM weir.flights ORDER BY _seq"
    ),
    "newest": "SELECT _seq, carrier, flight FROM weir.flights ORDER BY _seq DESC LIMIT 10",
    "grouping sets": "SELECT origin, carrier, count(*) FROM weir.flights GROUP BY CUBE (origin, carrier) ORDER BY 1, 2, 3",
    "having": "SELECT dest, count(*) FROM weir.flights GROUP BY dest HAVING count(*) > 200 ORDER BY 2 DESC, 1",
    "nothing": "SELECT count(*), sum(distance), max(balance) FROM weir.flights WHERE origin = 'nowhere'",
    "union of both": (
        "SELECT what, count(*) FROM (SELECT 'f' AS what, _seq FROM weir.flights UNION ALL "
        "SELECT 'w', _seq FROM weir.weather) GROUP BY what ORDER BY what"
    ),
}


def guide_queries() -> dict[str, str]:
    """Those of docs/query.md, by their headings."""
    return dict(re.findall(r"^## (.*?)\n.*?```sql\n(.*?)```", GUIDE.read_text(), flags=re.MULTILINE | re.DOTALL))


# Of these the lake knows nothing.
OWN_VIEWS = ("weir.status", "weir.dead_letters")
COMPARED = QUERIES | {name: sql for name, sql in guide_queries().items() if not any(view in sql for view in OWN_VIEWS)}


@dataclass
class Answers:
    trino: TrinoServer
    spanning: dict[str, list[list[Any]]]  # While rows came from both stores.
    own_views: dict[str, list[list[Any]]]


def positions(pipeline: Pipeline) -> dict[str, tuple[int, int]]:
    """Lake and ClickHouse, by table."""
    status, body = pipeline.get("/api/v1/status")
    tables = json.loads(body)["tables"] if status == 200 else []
    shards = {table["name"]: table["shards"][0] for table in tables}
    return {name: (shard["lake_position"] or 0, shard["hot_position"] or 0) for name, shard in shards.items()}


@pytest.fixture(scope="module")
def answers(shared_world: World, shared_trino: TrinoServer) -> Iterator[Answers]:
    """What the view said while it spanned both stores; then weir has ended and everything is in the lake."""
    world, trino = shared_world, shared_trino
    world.create_stream("FLIGHTS", "flights.>")
    world.create_stream("WEATHER", "weather.>")
    lake = f'url = "file://{world.lake}"\ncommit_interval = "1h"'
    pipeline = world.pipeline(trino=trino.section(), lake=lake, **demo_data.SETTINGS)
    trino.start(pipeline)
    weather, weather_in_lake = demo_data.weather_events(), demo_data.weather_events() // 2
    world.publish(1, IN_LAKE, demo_data.flight)
    world.publish(1, weather_in_lake, demo_data.weather)
    world.catch_up(pipeline)
    weir = world.start_weir(pipeline)
    world.publish(IN_LAKE + 1, demo_data.FLIGHTS, demo_data.flight)
    world.publish(weather_in_lake + 1, weather, demo_data.weather)
    half = {"flights": (IN_LAKE, demo_data.FLIGHTS), "weather": (weather_in_lake, weather)}
    until(lambda: positions(pipeline) == half, "half of the rows are in ClickHouse only", timeout=120)
    for table, (w, _) in half.items():
        until(lambda: f"rows up to _seq {w} from the lake" in trino.comment(table), f"the view {table} spans both stores", timeout=300)
    spanning = {name: trino.query(sql) for name, sql in COMPARED.items()}
    own_views = {name: trino.query(sql) for name, sql in guide_queries().items() if name not in COMPARED}
    assert positions(pipeline) == half, "weir committed while the answers were taken"
    assert weir.terminate() == 0
    for table in half:
        until(lambda: "all rows from the lake" in trino.comment(table), f"the view {table} is the lake alone", timeout=300)
    yield Answers(trino, spanning, own_views)


def test_the_guide_has_ten_queries() -> None:
    assert [name.split(".")[0] for name in guide_queries()] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize("name", COMPARED)
def test_the_view_answers_like_the_plain_delta_tables(answers: Answers, name: str) -> None:
    sql = COMPARED[name]
    plain = answers.trino.query(re.sub(r"\bweir\.", "weir_lake.", sql))
    assert plain, "it finds something"
    assert answers.spanning[name] == plain
    assert answers.trino.query(sql) == plain


def test_the_guide_shows_what_was_rejected_and_where_rows_come_from(answers: Answers) -> None:
    letters, status = answers.own_views.values()
    # Those of ClickHouse's half are not in the lake yet.
    assert [(table, code, count) for table, code, count, *_ in letters] == [("flights", "invalid_json", IN_LAKE // 1_000)]
    assert [row[:4] for row in status] == [
        ["flights", "lake and ClickHouse", IN_LAKE, IN_LAKE],
        ["weather", "lake and ClickHouse", demo_data.weather_events() // 2, demo_data.weather_events() // 2],
    ]
