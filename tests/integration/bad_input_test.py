"""What only shows at run time: the message names what, where and how to mend it, and nothing is harmed."""

import json
import re

import readers
from events import COLUMNS
from servers import ClickHouseServer, NatsServer, until
from world import World

EVENTS = 1_000
EXIT_FAILED, EXIT_WRONG_USAGE = 1, 2


def fails(world: World, pipeline, *said: str, code: int | None = None, **environment: str) -> str:
    got, text = world.run_weir(pipeline, "--until-caught-up", **environment)
    assert got in ((code,) if code else (EXIT_FAILED, EXIT_WRONG_USAGE)), f"exit code {got}:\n{text[-4000:]}"
    for part in said:
        assert re.search(part, text, re.IGNORECASE), f"'{part}' is not in:\n{text[-4000:]}"
    return text


def test_a_missing_stream_and_a_foreign_subject_are_named(world: World) -> None:
    world.start_servers()
    fails(world, world.pipeline(), "EVENTS", "no such stream", "create it")
    world.create_stream(subjects="other.>")
    fails(world, world.pipeline(), "EVENTS", r"events\.>")


def test_nats_that_is_down_or_refuses_the_password_is_named(world: World) -> None:
    world.clickhouse.start()
    fails(world, world.pipeline(), str(world.nats.port), code=EXIT_FAILED)
    world.nats = NatsServer(world.folder / "nats with password", user="ana", password="right")
    world.nats.start()
    world.create_stream()
    credentials = f'url = "{world.nats.url}"\nuser = "ana"\npassword_env = "NATS_PASSWORD"'
    pipeline = world.pipeline(nats=credentials)
    said = fails(world, pipeline, "authorization|authentication|password|credential", NATS_PASSWORD="wrong-secret")
    assert "wrong-secret" not in said
    fails(world, pipeline, "NATS_PASSWORD")
    world.publish(1, EVENTS)
    code, text = world.run_weir(pipeline, "--until-caught-up", NATS_PASSWORD="right")
    assert code == 0, text[-4000:]


def test_a_wrong_clickhouse_password_detaches_clickhouse_and_status_says_why(world: World) -> None:
    world.clickhouse = ClickHouseServer(world.folder / "clickhouse with password", user="ana", password="right")
    world.start_servers()
    world.create_stream()
    world.publish(1, EVENTS)
    settings = (
        f'url = "{world.clickhouse.url}"\ndatabase = "weir_tests"\nuser = "ana"\npassword_env = "CLICKHOUSE_PASSWORD"'
    )
    pipeline = world.pipeline(clickhouse=settings)
    weir = world.start_weir(pipeline, CLICKHOUSE_PASSWORD="wrong-secret")
    until(lambda: pipeline.positions()[0] == EVENTS, "the lake goes on")
    shard = until(lambda: (s := pipeline.shard()).get("hot_reason") and s, "status says why ClickHouse is detached")
    assert shard["hot_mode"] == "detached"
    assert re.search("authentication|password", shard["hot_reason"], re.IGNORECASE), shard
    assert weir.terminate() == 0
    assert "wrong-secret" not in weir.text()
    code, text = world.run_weir(pipeline, "--until-caught-up", CLICKHOUSE_PASSWORD="right")
    assert code == 0, text[-4000:]
    world.check_exact(pipeline, EVENTS)


def test_a_lake_that_cannot_be_written_is_named(world: World) -> None:
    world.start_servers()
    world.create_stream()
    in_the_way = world.folder / "a file"
    in_the_way.write_text("")
    for folder in (in_the_way / "lake", "/proc/weir-lake"):
        fails(world, world.pipeline(lake=f'url = "file://{folder}"'), r"lake\.url", str(folder))


def test_a_table_of_another_shape_stream_or_pipeline_is_refused_and_untouched(world: World) -> None:
    world.start_servers()
    world.create_stream()
    world.create_stream(name="OTHERS", subjects="others.>")
    world.publish(1, EVENTS)
    good = world.pipeline()
    world.catch_up(good)
    before = readers.lake_table(world.lake).version()
    fails(world, world.pipeline(columns=COLUMNS.replace("float64", "string")), "events", "score")
    fails(world, world.pipeline(pipeline="strangers"), "events", "faults", "strangers")
    fails(world, world.pipeline(stream="OTHERS", subjects="others.>"), "events", "EVENTS", "OTHERS")
    assert readers.lake_table(world.lake).version() == before
    world.publish(EVENTS + 1, 2 * EVENTS)
    world.catch_up(good)
    world.check_exact(good, 2 * EVENTS)


def test_a_taken_http_port_is_named(world: World) -> None:
    world.start_servers()
    world.create_stream()
    first = world.pipeline()
    weir = world.start_weir(first)
    until(lambda: first.get("/healthz")[0] == 200, "the first process serves")
    fails(world, first, "http.listen", str(first.http_port))
    assert weir.terminate() == 0


def test_a_table_altered_in_clickhouse_is_detached_and_taken_again_once_mended(world: World) -> None:
    world.start_servers()
    world.create_stream()
    world.publish(1, EVENTS)
    pipeline = world.pipeline()
    world.catch_up(pipeline)
    world.clickhouse.query("ALTER TABLE weir_tests.events RENAME COLUMN score TO points")
    weir = world.start_weir(pipeline)
    world.publish(EVENTS + 1, 2 * EVENTS)
    until(lambda: pipeline.positions()[0] == 2 * EVENTS, "the lake goes on")
    shard = until(lambda: (s := pipeline.shard()).get("hot_reason") and s, "status says why ClickHouse is detached")
    assert shard["hot_mode"] == "detached" and "score" in shard["hot_reason"], shard
    world.clickhouse.query("ALTER TABLE weir_tests.events RENAME COLUMN points TO score")
    until(lambda: pipeline.positions()[1] == 2 * EVENTS, "ClickHouse is taken again", 90)
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.check_exact(pipeline, 2 * EVENTS)


# Each the name of a folder in the lake; what a file system, a URL or a shell gives a meaning to.
STRANGE = ["a b", "x/y%z", "Zürich", "遅延", "😀", " ", ".", "..", "../..", ".hidden", "a.", "~", "a=b", "a:b*?\"<>|", "\\", "%20", "+&#",
           "'q'", "null", "NULL", "__HIVE_DEFAULT_PARTITION__", "tab\there", "new\nline", "\u0001", "\u007f", "x" * 240, "é" * 40]
UNPLACEABLE = ["", "x" * 300, "é" * 60]


def test_strange_texts_in_a_partition_column_come_back_and_what_no_folder_can_hold_is_a_dead_letter(world: World) -> None:
    texts = [text for pair in zip(STRANGE, UNPLACEABLE * len(STRANGE)) for text in pair]

    def event(number: int) -> tuple[str, bytes]:
        row = {"id": number, "at": "2026-03-01T00:00:00Z", "customer": texts[number - 1], "amount": "1.00"}
        return f"events.{number}", json.dumps(row).encode()

    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(table='partition_by = ["customer"]\norder_by = ["customer", "at"]')
    world.publish(1, len(texts), event)
    world.catch_up(pipeline)
    expected = {number: text for number, text in enumerate(texts, 1) if text in STRANGE}
    by_delta = readers.lake_table(world.lake).to_pyarrow_table(columns=["_seq", "customer"]).to_pylist()
    by_clickhouse = world.clickhouse.arrow("SELECT _seq, customer FROM weir_tests.events").to_pylist()
    done = world.weir("query", pipeline.file, "SELECT _seq, customer FROM events", "--format", "json")
    by_weir = [json.loads(line) for line in done.stdout.splitlines()]
    for rows in (by_delta, by_clickhouse, by_weir):
        assert {row["_seq"]: row["customer"] for row in rows} == expected
    letters = readers.dead_letters(world.lake)
    assert {row["_seq"] for row in letters} == set(range(1, len(texts) + 1)) - set(expected)
    assert {(row["code"], row["pointer"]) for row in letters} == {("bad_partition", "customer")}
    world.check_audit_clean(pipeline.file)
