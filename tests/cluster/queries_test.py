"""Queries on a cluster give the rows that they give in one process, and what is not known to do so is refused."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import demo_data
import readers
from cluster_servers import Cluster
from world import Pipeline, World

# One of every kind, several files a table, flights from three partitions. Sums of floats depend on the order of rows.
QUERIES = {
    "every row": "SELECT * FROM flights ORDER BY _seq",
    "every row of the other table": "SELECT * FROM weather ORDER BY _seq",
    "system columns": "SELECT _shard, _seq, _row, _time, _subject FROM flights ORDER BY _seq",
    "columns in another order": "SELECT day, origin, _seq, origin AS again FROM flights ORDER BY _seq",
    "count": "SELECT count(*), count(DISTINCT _seq), sum(_seq), min(_seq), max(_seq) FROM flights",
    "count of everything by the log": "SELECT count(*) FROM flights",
    "counts of what is NULL": "SELECT count(tailnum), count(note), count(balance), count(fare), count(seen_at) FROM flights",
    "NULL in a predicate": "SELECT _seq FROM flights WHERE note IS NULL AND balance IS NOT NULL ORDER BY _seq",
    "NULL is neither in nor out": "SELECT count(*) FROM flights WHERE balance NOT IN (0, 9007199254740993)",
    "NULL groups": "SELECT balance, count(*) FROM flights GROUP BY balance ORDER BY balance NULLS FIRST",
    "NOT IN of a query with NULLs": "SELECT count(*) FROM flights WHERE balance NOT IN (SELECT balance FROM flights WHERE _seq < 4)",
    "NOT IN of a query without rows": "SELECT count(*) FROM flights WHERE balance NOT IN (SELECT balance FROM flights WHERE _seq < 0)",
    "NOT IN of a query": "SELECT count(*) FROM flights WHERE dest NOT IN (SELECT origin FROM weather)",
    "Unicode groups": "SELECT note, count(*), max(character_length(note)) FROM flights GROUP BY note ORDER BY note",
    "Unicode in a predicate": "SELECT count(*), min(_seq) FROM flights WHERE note = '遅延' OR note LIKE '✈%'",
    "lowest and highest 64-bit": (
        "SELECT balance, count(*) FROM flights WHERE balance IN (-9223372036854775808, 9223372036854775807) GROUP BY 1 ORDER BY 1"
    ),
    "unsigned 64-bit": "SELECT booking, count(*) FROM flights GROUP BY booking ORDER BY booking",
    "the highest unsigned 64-bit": "SELECT count(*), min(_seq) FROM flights WHERE booking = 18446744073709551615",
    "running total with ties": "SELECT _seq, sum(dep_delay) OVER (ORDER BY scheduled_at) FROM flights ORDER BY _seq",
    "running total over NULLs": (
        "SELECT _seq, count(tailnum) OVER (ORDER BY arr_delay NULLS FIRST), sum(_seq) OVER (ORDER BY tailnum DESC) FROM flights ORDER BY _seq"
    ),
    "an hour before": (
        "SELECT _seq, count(*) OVER (ORDER BY scheduled_at RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW), "
        "min(dep_delay) OVER (PARTITION BY origin ORDER BY scheduled_at RANGE BETWEEN INTERVAL '2 hours' PRECEDING AND CURRENT ROW) "
        "FROM flights ORDER BY _seq"
    ),
    "numbered": "SELECT _seq, row_number() OVER (ORDER BY _seq DESC), ntile(7) OVER (ORDER BY _seq) FROM flights ORDER BY _seq",
    "a join by less-than": (
        "SELECT count(*), sum(w._seq) FROM (SELECT * FROM flights WHERE dest = 'HNL') f JOIN weather w ON w.measured_at < f.scheduled_at"
    ),
    "decimals": "SELECT carrier, sum(fare), min(fare), max(fare), avg(fare) FROM flights GROUP BY 1 ORDER BY 1",
    "a decimal in a predicate": "SELECT _seq, fare FROM flights WHERE fare BETWEEN 100 AND 250.5 ORDER BY _seq",
    "decimals that SQL made": "SELECT origin, min(celsius), max(celsius), sum(celsius) FROM weather GROUP BY 1 ORDER BY 1",
    "timestamps": "SELECT seen_at, count(*) FROM flights GROUP BY seen_at ORDER BY seen_at NULLS LAST",
    "a timestamp in a predicate": "SELECT count(*) FROM flights WHERE seen_at = TIMESTAMP '2013-01-05 23:59:59.123456'",
    "time of day": "SELECT date_part('hour', scheduled_at), count(*) FROM flights GROUP BY 1 ORDER BY 1",
    "a day": "SELECT origin, count(*) FROM flights WHERE day = DATE '2013-01-08' GROUP BY 1 ORDER BY 1",
    "one partition": "SELECT carrier, count(*) FROM flights WHERE origin = 'JFK' GROUP BY 1 ORDER BY 2 DESC, 1",
    "partitions alone": "SELECT origin, count(*), min(origin) FROM flights GROUP BY origin ORDER BY origin",
    "no file is left": "SELECT * FROM flights WHERE origin = 'nowhere'",
    "nothing": "SELECT count(*), sum(distance), max(balance) FROM flights WHERE origin = 'nowhere'",
    "false": "SELECT _seq, note FROM flights WHERE 1 = 2",
    "lists": "SELECT cardinality(stops), count(*), min(stops[1]) FROM flights GROUP BY 1 ORDER BY 1 NULLS FIRST",
    "join": (
        "SELECT f.origin, count(*), sum(f.dep_delay), min(w.temp), round(avg(w.pressure), 6) FROM flights f "
        "JOIN weather w ON w.origin = f.origin AND w.measured_at = f.scheduled_at GROUP BY 1 ORDER BY 1"
    ),
    "hours without weather": (
        "SELECT f.origin, f.scheduled_at, count(*) FROM flights f LEFT JOIN weather w "
        "ON w.origin = f.origin AND w.measured_at = f.scheduled_at WHERE w._seq IS NULL GROUP BY 1, 2 ORDER BY 1, 2"
    ),
    "full join": (
        "SELECT count(*), count(f.n), count(w.n) FROM (SELECT day, count(*) AS n FROM flights WHERE dest = 'LAX' GROUP BY day) f "
        "FULL JOIN (SELECT CAST(measured_at AS DATE) AS day, count(*) AS n FROM weather GROUP BY 1) w ON f.day = w.day"
    ),
    "cross join": "SELECT count(*), sum(f._seq - w._seq) FROM flights f CROSS JOIN (SELECT _seq FROM weather ORDER BY _seq LIMIT 2) w WHERE f.dest = 'SEA'",
    "semi-join": (
        "SELECT count(*) FROM flights f WHERE EXISTS (SELECT 1 FROM weather w WHERE w.origin = f.origin "
        "AND w.measured_at = f.scheduled_at AND w.wind_speed > 20)"
    ),
    "a correlated query": (
        "SELECT carrier, (SELECT max(b.distance) FROM flights b WHERE b.carrier = a.carrier) FROM flights a "
        "GROUP BY carrier ORDER BY carrier"
    ),
    "a query for one value": "SELECT count(*) FROM flights WHERE distance > (SELECT avg(distance) FROM flights)",
    "self-join": (
        "SELECT count(*) FROM flights a JOIN flights b ON a.tailnum = b.tailnum AND a.dest = b.origin "
        "AND a.scheduled_at < b.scheduled_at"
    ),
    "ranks": (
        "SELECT origin, flight, dep_delay, place FROM (SELECT origin, flight, dep_delay, _seq, rank() OVER "
        "(PARTITION BY origin ORDER BY dep_delay DESC) AS place FROM flights WHERE dep_delay IS NOT NULL) "
        "WHERE place <= 5 ORDER BY origin, place, _seq"
    ),
    "moving average": (
        "SELECT day, flights, avg(flights) OVER (ORDER BY day ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM "
        "(SELECT day, count(*) AS flights FROM flights GROUP BY day) ORDER BY day"
    ),
    "the row before": (
        "SELECT _seq, lag(dep_delay, 1, -1) OVER (PARTITION BY carrier ORDER BY _seq), "
        "first_value(dest) OVER (PARTITION BY carrier ORDER BY _seq) FROM flights ORDER BY _seq"
    ),
    "newest": "SELECT _seq, carrier, flight FROM flights ORDER BY _seq DESC LIMIT 10",
    "a page": "SELECT _seq, carrier FROM flights ORDER BY _seq LIMIT 7 OFFSET 1000",
    "a limit counts": "SELECT count(*) FROM (SELECT _seq FROM flights LIMIT 123)",
    "grouping sets": "SELECT origin, carrier, count(*) FROM flights GROUP BY CUBE (origin, carrier) ORDER BY 1 NULLS LAST, 2 NULLS LAST",
    "having": "SELECT dest, count(*) FROM flights GROUP BY dest HAVING count(*) > 200 ORDER BY 2 DESC, 1",
    "distinct": "SELECT DISTINCT carrier, origin FROM flights ORDER BY 1, 2",
    "union of both": (
        "SELECT what, count(*) FROM (SELECT 'f' AS what, _seq FROM flights UNION ALL "
        "SELECT 'w', _seq FROM weather) GROUP BY what ORDER BY what"
    ),
    "union without doubles": "SELECT dest AS place FROM flights UNION SELECT origin FROM flights ORDER BY place",
    "intersection": "SELECT dest FROM flights INTERSECT SELECT origin FROM weather ORDER BY 1",
    "difference": "SELECT DISTINCT dest FROM flights EXCEPT SELECT origin FROM weather ORDER BY 1",
    "WITH": "WITH late AS (SELECT * FROM flights WHERE arr_delay > 60) SELECT carrier, count(*) FROM late GROUP BY 1 ORDER BY 1",
    "values": "SELECT v.name, count(*) FROM flights f JOIN (VALUES ('JFK', 'Kennedy'), ('LGA', 'Guardia')) v (code, name) ON v.code = f.origin GROUP BY 1 ORDER BY 1",
    "functions": "SELECT upper(carrier) || '-' || CAST(flight AS VARCHAR), coalesce(note, 'none'), CASE WHEN dep_delay > 0 THEN 'late' ELSE 'ok' END FROM flights ORDER BY _seq LIMIT 500",
    "a function of ours": "SELECT weir_row_hash(carrier, flight, balance, fare, seen_at, stops) FROM flights ORDER BY _seq",
    "statistics": "SELECT origin, round(stddev(distance), 6), median(distance), approx_distinct(dest) > 10 FROM flights GROUP BY 1 ORDER BY 1",
    "no table": "SELECT 1 + 1 AS two, 'x' AS x",
    "dead letters": "SELECT \"table\", code, count(*) FROM dead_letters GROUP BY 1, 2 ORDER BY 1, 2",
}

REFUSED = {
    "SELECT unnest(stops) FROM flights": "Unnest",
    "EXPLAIN SELECT count(*) FROM flights": "Explain",
    "SELECT count(*), count(w._seq) FROM flights f LEFT JOIN weather w ON w.measured_at < f.scheduled_at AND f.dest = 'HNL'": "Left join",
    "SELECT count(*) FROM weather w FULL JOIN (SELECT * FROM flights LIMIT 5) f ON w.measured_at < f.scheduled_at": "Full join",
    "SELECT count(*) FROM weather w WHERE NOT EXISTS (SELECT 1 FROM flights f WHERE f.scheduled_at < w.measured_at)": "LeftAnti join",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT count(*) FROM n, flights": "RecursiveQuery",
}


@dataclass
class Lake:
    world: World
    pipeline: Pipeline
    cluster: Cluster

    def answer(self, sql: str, *options: str):
        return self.world.weir("query", self.pipeline.file, sql, "--format", "csv", *options)


@pytest.fixture(scope="module")
def lake() -> Iterator[Lake]:
    """Two thirds of the rows came in several commits, the last third after `weather` had got a column more."""
    with World() as world:
        world.nats.start()
        world.create_stream("FLIGHTS", "flights.>")
        world.create_stream("WEATHER", "weather.>")
        cluster = Cluster(world.folder / "cluster")
        settings = demo_data.SETTINGS | {"clickhouse": "", "engine": cluster.section()}
        flights, weather = demo_data.FLIGHTS // 3, demo_data.weather_events() // 3
        for part in range(3):
            if part == 2:
                more = 'column = [\n  { name = "precip", type = "float64" },\n'
                head, _, tail = settings["columns"].rpartition("column = [\n")
                settings["columns"] = head + more + tail
            pipeline = world.pipeline(**settings)
            world.publish(part * flights + 1, (part + 1) * flights, demo_data.flight)
            world.publish(part * weather + 1, (part + 1) * weather, demo_data.weather)
            world.catch_up(pipeline)
        cluster.start(executors=2)
        yield Lake(world, pipeline, cluster)
        cluster.kill()


@pytest.mark.parametrize("name", QUERIES)
def test_a_cluster_gives_the_rows_of_one_process(lake: Lake, name: str) -> None:
    here = lake.answer(QUERIES[name])
    there = lake.answer(QUERIES[name], "--engine", "ballista")
    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    assert there.stdout == here.stdout


def test_no_file_is_left_out_for_what_the_log_says_of_its_newest_row(lake: Lake) -> None:
    """The log knows times to the millisecond, rows to the microsecond."""
    files = readers.lake_table(lake.world.lake, "flights").file_uris()
    newest = [pc.max(pq.read_table(file, columns=["_time"], partitioning=None)["_time"]).as_py() for file in files]
    assert len(newest) >= 9 and any(time.microsecond % 1_000 for time in newest)
    for time in newest:
        sql = f"SELECT count(*), min(_seq) FROM flights WHERE _time = TIMESTAMP '{time:%Y-%m-%d %H:%M:%S.%f}'"
        here = lake.answer(sql)
        assert here.returncode == 0 and not here.stdout.splitlines()[1].startswith("0,"), here
        assert lake.answer(sql, "--engine", "ballista").stdout == here.stdout


@pytest.mark.parametrize("engine", ["local", "ballista"])
def test_the_edge_of_a_sort_column_is_found_by_its_value(lake: Lake, engine: str) -> None:
    """The sum can be compared with no bound of a file."""
    by_value, by_sum = (
        lake.answer(f"SELECT count(*) FROM flights WHERE {what} = 18446744073709551615", "--engine", engine).stdout.split()
        for what in ("booking", "booking + 0")
    )
    assert by_value == by_sum and int(by_value[1]) > 0


def test_old_versions_are_read_on_a_cluster_too(lake: Lake) -> None:
    sql = "SELECT count(*), max(_seq) FROM flights"
    here = lake.answer(sql, "--version", "1")
    assert here.returncode == 0 and here.stdout == lake.answer(sql, "--version", "1", "--engine", "ballista").stdout
    assert here.stdout != lake.answer(sql, "--engine", "ballista").stdout


def test_work_is_spread_over_tasks(lake: Lake) -> None:
    assert lake.answer("SELECT carrier, count(*) FROM flights GROUP BY 1", "--engine", "ballista").returncode == 0
    newest = max(lake.cluster.jobs(), key=lambda job: job["start_time"])
    assert newest["num_stages"] > 1, json.dumps(newest)


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_known_to_be_right_is_refused(lake: Lake, sql: str) -> None:
    refused = lake.answer(sql, "--engine", "ballista")
    assert refused.returncode == 2 and not refused.stdout
    assert REFUSED[sql] in refused.stderr and "does not run on a cluster" in refused.stderr, refused.stderr
    assert lake.answer(sql).returncode == 0


@pytest.mark.parametrize("sql", ["SELECT nothing FROM flights", "SELECT * FROM nowhere", "DROP TABLE flights", "SELECT"])
def test_wrong_sql_is_the_same_error_on_both(lake: Lake, sql: str) -> None:
    here, there = lake.answer(sql), lake.answer(sql, "--engine", "ballista")
    assert here.returncode == there.returncode == 2
    assert here.stderr == there.stderr
