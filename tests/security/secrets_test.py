"""Secrets are planted wherever Weir takes one, every command is run, and all that it leaves anywhere is searched for them."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import events
from servers import ClickHouseServer, NatsServer, until
from world import DATABASE, Child, Pipeline, World

ROWS = 1_000
SECRETS = {
    "PLANTED_NATS": "planted-nats-7d1f",
    "PLANTED_CLICKHOUSE": "planted-clickhouse-93ab",
    "PLANTED_HTTP": "planted-http-51c0",
    "PLANTED_TRINO": "planted-trino-e2e8",
    "AWS_ACCESS_KEY_ID": "planted-s3-id-4c4c",
    "AWS_SECRET_ACCESS_KEY": "planted-s3-key-0f0f",
}
PASSWORD_IN_URL = "planted-url-aa17"


@pytest.fixture
def planted(world: World) -> Iterator[World]:
    world.nats = NatsServer(world.folder / "nats", user="weir", password=SECRETS["PLANTED_NATS"])
    world.clickhouse = ClickHouseServer(world.folder / "clickhouse", user="weir", password=SECRETS["PLANTED_CLICKHOUSE"])
    world.start_servers()
    world.create_stream()
    world.publish(1, ROWS)
    yield world


def pipeline(world: World, *, nats: str = "", clickhouse: str = "") -> Pipeline:
    made = world.pipeline(
        nats=f'url = "{nats or world.nats.url}"\nuser = "weir"\npassword_env = "PLANTED_NATS"',
        clickhouse=f'url = "{clickhouse or world.clickhouse.url}"\ndatabase = "{DATABASE}"\nuser = "weir"\npassword_env = "PLANTED_CLICKHOUSE"',
        trino='url = "https://127.0.0.1:9"\npassword_env = "PLANTED_TRINO"',  # Nobody is there.
    )
    made.file.write_text(made.file.read_text().replace("[http]\n", '[http]\ntoken_env = "PLANTED_HTTP"\n'))
    return made


def get(pipeline: Pipeline, path: str) -> tuple[int, str]:
    """As whoever has the token; (0, "") when nobody answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{pipeline.http_port}{path}", headers={"Authorization": f"Bearer {SECRETS['PLANTED_HTTP']}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def found_in(text: str) -> list[str]:
    return [secret for secret in [*SECRETS.values(), PASSWORD_IN_URL] if secret in text]


def check_command_line(child: Child) -> None:
    for part in ("cmdline", "comm"):
        text = Path(f"/proc/{child.pid}/{part}").read_text()
        assert not found_in(text), text


def check_files(folder: Path, but_for: tuple[str, ...] = ()) -> int:
    """How many files were searched."""
    searched = 0
    for file in folder.rglob("*"):
        if not file.is_file() or file.name in but_for:
            continue
        content = file.read_bytes()
        hits = [secret for secret in [*SECRETS.values(), PASSWORD_IN_URL] if secret.encode() in content]
        assert not hits, f"{file}: {hits}"
        searched += 1
    return searched


def test_no_secret_is_in_what_a_running_process_shows_or_leaves(planted: World) -> None:
    ours = pipeline(planted)
    for form in ("text", "json"):
        weir = planted.start_command("--log-level", "debug", "--log-format", form, "run", ours.file, **SECRETS)
        until(lambda: get(ours, "/readyz")[0] == 200, "it is ready", timeout=120)
        check_command_line(weir)
        for path in ("/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/tables", "/api/v1/backfills", "/"):
            status, text = get(ours, path)
            assert status == 200 and text and not found_in(text), (path, status)
        planted.clickhouse.kill()  # It complains.
        planted.nats.kill()
        until(lambda: get(ours, "/readyz")[0] == 503, "it is not ready")
        assert not found_in(get(ours, "/readyz")[1])
        planted.start_servers()
        until(lambda: get(ours, "/readyz")[0] == 200, "it is ready again", timeout=120)
        assert weir.terminate() == 0, weir.text()[-4000:]
        assert not found_in(weir.text())
    searched = check_files(planted.folder, but_for=("users.xml",))
    assert searched > 20, "lake, plans, positions, the servers' own folders"


def test_no_secret_is_in_what_a_command_says(planted: World) -> None:
    ours = pipeline(planted)
    code, said = planted.run_weir(ours, "--until-caught-up", **SECRETS)
    assert code == 0 and not found_in(said), said[-4000:]
    table = events.TABLE
    out = planted.folder / "trino"
    file = ours.file
    for arguments in (
        ["check", file],
        ["--json", "check", file],
        ["status", file],
        ["audit", file],
        ["query", file, f"SELECT count(*) FROM {table}"],
        ["dead-letters", file, "list"],
        ["backfill", file, "--table", table, "--to", "clickhouse", "--dry-run"],
        ["maintain", file],
        ["erase", file, "--table", table, "--where", "id = 1", "--reason", "test", "--dry-run"],
        ["trino", file, "--out", out],
    ):
        done = planted.weir("--log-level", "debug", *arguments, **SECRETS)
        assert done.returncode == 0, (arguments, done.stdout + done.stderr)
        assert not found_in(done.stdout + done.stderr), arguments
    check_files(out)
    assert "${ENV:PLANTED_CLICKHOUSE}" in (out / "catalog/clickhouse.properties").read_text()


@pytest.mark.parametrize("broken", ["nats", "clickhouse", "url"])
def test_no_secret_is_in_what_an_error_says(planted: World, broken: str) -> None:
    """Where a server refuses the password, and where a password was put into a URL, which is refused itself."""
    secrets = dict(SECRETS)
    if broken == "url":
        ours = pipeline(planted, nats=planted.nats.url.replace("nats://", f"nats://weir:{PASSWORD_IN_URL}@"))
    else:
        ours = pipeline(planted)
        secrets[f"PLANTED_{broken.upper()}"] = SECRETS["PLANTED_HTTP"]  # A wrong one, and a secret as well.
    weir = planted.start_weir(ours, "--until-caught-up", **secrets)
    if broken == "clickhouse":
        until(lambda: "weir_tests" in weir.text() or "uthentication" in weir.text(), "ClickHouse refuses")
        weir.terminate()
    else:
        assert weir.wait() in (1, 2)
    assert not found_in(weir.text()), weir.text()
    for command in (["status", ours.file], ["audit", ours.file], ["check", ours.file]):
        done = planted.weir(*command, **secrets)
        assert not found_in(done.stdout + done.stderr), (command, done.stdout + done.stderr)


def test_http_beyond_this_machine_needs_a_token(planted: World) -> None:
    ours = pipeline(planted)
    ours.file.write_text(ours.file.read_text().replace("127.0.0.1:" + str(ours.http_port), "0.0.0.0:" + str(ours.http_port)))
    weir = planted.start_weir(ours, **SECRETS)
    until(lambda: ours.get("/healthz")[0] == 200, "it is alive")
    assert ours.get("/api/v1/status")[0] == 401 and get(ours, "/api/v1/status")[0] == 200
    assert weir.terminate() == 0
    ours.file.write_text(ours.file.read_text().replace('token_env = "PLANTED_HTTP"\n', ""))
    code, said = planted.run_weir(ours, **SECRETS)
    assert code == 2 and "token_env" in said, said
    done = planted.weir("check", ours.file)
    assert done.returncode == 2 and "token_env" in done.stderr, done.stdout + done.stderr
    assert not [name for name in SECRETS if os.environ.get(name)], "the test's own"
