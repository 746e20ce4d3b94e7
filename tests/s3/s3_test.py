"""A lake on a real S3 server: every commit is a conditional put, and nothing else makes it exactly once."""

import http.client
import http.server
import threading
from collections.abc import Iterator

import pytest
from deltalake import DeltaTable

import events
import readers
from s3_server import BUCKET, KEYS, S3Server
from servers import until
from world import Pipeline, World, resume, wait_stopped

LAKE = f"s3://{BUCKET}/team/lake"


@pytest.fixture
def s3(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """The world's lake is in a bucket; what reads `world.lake` reads the server's own folder."""
    server = S3Server(world.folder / "s3")
    world.lake = server.objects / BUCKET / "team" / "lake"
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.kill()


def on_s3(world: World, **more: str) -> Pipeline:
    return world.pipeline(**{"lake": f'url = "{LAKE}"\ncommit_interval = "300ms"'} | more)


def test_everything_that_a_lake_does(world: World, s3: S3Server) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = on_s3(world)
    for part in range(4):
        world.publish(part * 3_000 + 1, (part + 1) * 3_000)
        world.catch_up(pipeline)
    world.check_exact(pipeline, 12_000)
    world.check_audit_clean(pipeline.file)
    # A reader that knows S3 and nothing of us.
    options = {"endpoint_url": s3.url, "allow_http": "true", "region": KEYS["AWS_REGION"]}
    options |= {"access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    table = DeltaTable(f"{LAKE}/{events.TABLE}", storage_options=options)
    ids = events.rows_of(events.numbers(1, 12_000))
    readers.check_rows(table.to_pyarrow_table(columns=readers.IDENTITY).sort_by("_seq"), ids, ids, "S3")
    files = len(table.file_uris())
    kept = world.weir("maintain", pipeline.file, "--closed-after", "1ms", "--json")
    assert kept.returncode == 0, kept.stderr
    table.update_incremental()
    assert len(table.file_uris()) < files, "compacted"
    world.check_exact(pipeline, 12_000)
    before = world.weir("query", pipeline.file, f"SELECT count(*) AS n FROM {events.TABLE}", "--version", "3", "--format", "csv")
    assert before.returncode == 0 and int(before.stdout.split()[1]) < len(ids), before
    erased = world.weir("erase", pipeline.file, "--table", events.TABLE, "--where", "customer = 'customer 7'", "--reason", "asked")
    assert erased.returncode == 0, erased.stderr
    world.check_audit_clean(pipeline.file)


def test_a_history_from_the_lake_into_clickhouse(world: World, s3: S3Server) -> None:
    world.start_servers()
    world.create_stream()
    world.publish(1, 6_000)
    world.catch_up(on_s3(world, clickhouse=""))
    pipeline = on_s3(world)
    done = world.weir("backfill", pipeline.file, "--table", events.TABLE, "--to", "clickhouse")
    assert done.returncode == 0, done.stdout + done.stderr
    world.catch_up(pipeline)
    world.check_exact(pipeline, 6_000)
    world.check_audit_clean(pipeline.file)


def test_two_drivers_that_race_lose_and_double_nothing(world: World, s3: S3Server) -> None:
    """Each thinks that it holds the lease: one is frozen between its data files and the put of its log entry, which the other
    one has made meanwhile when it wakes up."""
    world.start_servers()
    world.create_stream()
    hosts = [on_s3(world), on_s3(world)]
    feed = world.feed(rate=2_000)
    feed.allow(2_000 * 3_600)
    paused = {"WEIR_PAUSE_POINT": "parquet_written:5"}
    running = world.start_weir(hosts[0], **paused)
    for turn in range(4):
        wait_stopped(running)
        last = hosts[(turn + 1) % 2]
        after = world.start_weir(last, **(paused if turn < 3 else {}))
        until(lambda: last.positions()[0] > 0, "the other one took over")  # noqa: B023
        resume(running)
        assert running.wait(timeout=60) == 4, running.text()[-4000:]
        running = after
    published = feed.hold()
    until(lambda: hosts[0].positions()[0] >= published, "everything is in the lake")
    assert running.terminate() == 0, running.text()[-4000:]
    world.catch_up(hosts[0])
    world.check_exact(hosts[0], published)
    world.check_audit_clean(hosts[0].file)


def test_a_store_that_goes_away_holds_positions_up_and_loses_nothing(world: World, s3: S3Server) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = on_s3(world)
    weir = world.start_weir(pipeline)
    feed = world.feed(rate=2_000)
    feed.allow(2_000 * 3_600)
    for _ in range(3):
        position = pipeline.positions()[0]
        until(lambda: pipeline.positions()[0] > position, "it goes on", timeout=90)  # noqa: B023
        s3.kill()
        until(lambda: pipeline.shard().get("last_error"), "it says what is wrong")
        s3.start()
    last = feed.hold()
    until(lambda: pipeline.positions()[0] >= last, "everything is in the lake", timeout=90)
    assert weir.terminate() == 0, weir.text()[-4000:]
    world.check_exact(pipeline, last)
    world.check_audit_clean(pipeline.file)


class Between(http.server.ThreadingHTTPServer):
    """Passes requests on to an S3 server; a put that it refuses for its condition is answered as if it had been done."""

    daemon_threads = True

    def __init__(self, behind: S3Server):
        self.behind = behind
        super().__init__(("127.0.0.1", 0), Forgetful)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Forgetful(http.server.BaseHTTPRequestHandler):
    server: Between
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind.port, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        if answer.status == 412:
            self.send_response(200)
            self.send_header("ETag", '"0"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)) if self.command != "HEAD" else answer.getheader("Content-Length") or "0")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on

    def log_message(self, *_: object) -> None:
        pass


def test_a_store_that_ignores_the_condition_is_refused(world: World, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    world.nats.start()
    world.create_stream()
    between = Between(s3)
    for name, value in s3.environment(between.url).items():
        monkeypatch.setenv(name, value)
    code, said = world.run_weir(on_s3(world, clickhouse=""), "--until-caught-up")
    between.shutdown()
    assert code != 0 and "If-None-Match" in said and "lake.url" in said, said
    assert not (world.lake / events.TABLE).exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("environment", "lake", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another"}, LAKE, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, LAKE, "No user exists with the provided access key ID"),
        ({}, "s3://no-such-bucket/lake", "NoSuchBucket"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, LAKE, "127.0.0.1:1"),
    ],
)
def test_what_is_wrong_with_the_store_is_said_at_the_start(
    world: World, s3: S3Server, environment: dict[str, str], lake: str, said: str
) -> None:
    world.nats.start()
    world.create_stream()
    pipeline = on_s3(world, clickhouse="", lake=f'url = "{lake}"')
    code, text = world.run_weir(pipeline, "--until-caught-up", **environment)
    assert code not in (0, 4) and said in text and "lake.url" in text, text
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in text
