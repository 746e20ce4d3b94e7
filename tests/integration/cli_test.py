"""What the commands say about a pipeline with real data in it, running and at rest."""

import json
from pathlib import Path

import numpy as np

import events
import readers
from servers import until
from world import World

EVENTS = 3_000
EVERYTHING = events.numbers(1, EVENTS)
ROWS = len(events.rows_of(EVERYTHING))
BAD = int(events.is_bad(EVERYTHING).sum())
FILTERED = int(events.is_filtered(EVERYTHING).sum())


def test_commands_tell_what_the_stores_hold_while_nothing_runs(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()

    checked = world.weir("check", pipeline.file)
    assert checked.returncode == 0, checked.stderr
    for text in ("events", "amount", "decimal", "Decimal(12", "_seq", "day"):
        assert text in checked.stdout, checked.stdout
    before = world.weir("status", pipeline.file)
    assert before.returncode == 0 and "stopped" in before.stdout, before

    world.publish(1, EVENTS)
    world.catch_up(pipeline)
    shown = world.weir("status", pipeline.file, "--json")
    status = json.loads(shown.stdout)
    assert status["state"] == "stopped" and not status["ready"]
    shard = status["tables"][0]["shards"][0]
    assert shard["lake_position"] == shard["hot_position"] == shard["stream_last_seq"] == EVENTS
    assert shard["lag_events"] == 0
    assert shard["totals"] == {"events": EVENTS, "rows": ROWS, "filtered": FILTERED, "dead_letters": BAD}
    text = world.weir("status", pipeline.file).stdout
    assert f"{ROWS:,}".replace(",", " ") in text or f"{ROWS:,}" in text, text

    sql = "SELECT count(*) AS n, sum(id) AS ids, max(_seq) AS last FROM events"
    asked = world.weir("query", pipeline.file, sql, "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    answer = answer[0] if isinstance(answer, list) else answer
    rows = events.rows_of(EVERYTHING)
    assert answer == {"n": ROWS, "ids": int(rows.sum()), "last": int(rows.max())}
    assert str(ROWS) in world.weir("query", pipeline.file, sql).stdout
    wrong = world.weir("query", pipeline.file, "SELECT nothing FROM events")
    assert wrong.returncode != 0 and "nothing" in wrong.stderr

    listed = world.weir("dead-letters", pipeline.file, "list", "--json")
    assert listed.returncode == 0, listed.stderr
    try:
        letters = json.loads(listed.stdout)
    except json.JSONDecodeError:
        letters = [json.loads(line) for line in listed.stdout.splitlines()]
    bad = EVERYTHING[events.is_bad(EVERYTHING)]
    assert sorted(letter["_seq"] for letter in letters) == list(bad)
    assert all(letter["code"] and letter["reason"] for letter in letters)
    assert len({letter["code"] for letter in letters}) >= 5
    counted = world.weir("dead-letters", pipeline.file, "list").stdout
    assert letters[0]["code"] in counted

    shown = world.weir("dead-letters", pipeline.file, "show", "--table", "events", "--seq", "137")
    assert shown.returncode == 0, shown.stderr
    payload = events.event(137)[1].decode()
    assert payload in shown.stdout, shown.stdout
    as_json = world.weir("dead-letters", pipeline.file, "show", "--table", "events", "--seq", "137", "--json")
    assert as_json.returncode == 0 and '"_seq"' in as_json.stdout, as_json
    absent = world.weir("dead-letters", pipeline.file, "show", "--table", "events", "--seq", "138")
    assert absent.returncode == 1 and "138" in absent.stderr


def test_a_running_pipeline_tells_about_itself_over_http_and_drains_on_sigterm(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, EVENTS)
    weir = world.start_weir(pipeline)
    until(lambda: pipeline.positions() == (EVENTS, EVENTS), "both stores have everything")
    until(lambda: pipeline.get("/readyz")[0] == 200, "ready")
    assert pipeline.get("/healthz") == (200, "ok\n")
    status, metrics = pipeline.get("/metrics")
    assert status == 200
    samples = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line and not line.startswith("#"))
    values = {name.split("{")[0]: float(value) for name, value in samples.items()}
    positions = [value for name, value in values.items() if "position" in name]
    assert positions and set(positions) == {float(EVENTS)}, values
    status, body = pipeline.get("/api/v1/status")
    shown = json.loads(body)
    assert shown["state"] == "running" and shown["ready"]
    assert shown["tables"][0]["shards"][0]["hot_mode"] == "live"
    status, body = pipeline.get("/api/v1/tables")
    assert [table["name"] for table in json.loads(body)["tables"]] == ["events"]
    assert pipeline.get("/nothing")[0] == 404
    told = world.weir("status", pipeline.file, "--json")
    assert json.loads(told.stdout)["state"] == "running"

    # What was read before the signal is committed; what comes later waits.
    world.publish(EVENTS + 1, 2 * EVENTS)
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.catch_up(pipeline)
    world.check_exact(pipeline, 2 * EVENTS)


def test_sigterm_before_the_goal_is_exit_code_one(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline()
    world.publish(1, EVENTS)
    world.clickhouse.kill()
    weir = world.start_weir(pipeline, "--until-caught-up")
    until(lambda: pipeline.positions()[0] == EVENTS, "the lake has everything")
    assert weir.terminate() == 1, weir.text()[-4000:]
    assert "caught up" in weir.text()


def test_a_pipeline_without_clickhouse_feeds_the_lake_alone(world: World) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = world.pipeline(clickhouse="")
    world.publish(1, EVENTS)
    world.catch_up(pipeline)
    assert world.totals(pipeline)["rows"] == ROWS
    assert np.array_equal(EVERYTHING[events.is_bad(EVERYTHING)], readers.dead_letter_seqs(world.lake))


def test_the_guides_pipeline_file_is_valid(world: World) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "getting-started.md").read_text()
    file = world.folder / "shop.toml"
    file.write_text(guide.split("```toml\n", 1)[1].split("```", 1)[0])
    checked = world.weir("check", file)
    assert checked.returncode == 0, checked.stderr
    assert "orders.>" in checked.stdout and "decimal(12,2)" in checked.stdout, checked.stdout
