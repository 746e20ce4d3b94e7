"""A ClickHouse with a certificate and a password: who is let in, who is not, and that what is refused loses nothing."""

from collections.abc import Iterator

import pytest

from certificates import Authority
from servers import ClickHouseServer, until
from tls_front import TlsFront
from world import DATABASE, Pipeline, World

USER, PASSWORD = "weir", "p&<a>ss 'word\""
ROWS = 1_000


@pytest.fixture
def authority(world: World) -> Iterator[Authority]:
    yield Authority(world.folder / "certificates")


def serve(world: World, authority: Authority, names: str = "DNS:localhost,IP:127.0.0.1") -> TlsFront:
    """A ClickHouse that asks for a password, behind a certificate for `names`."""
    world.clickhouse = ClickHouseServer(world.folder / "clickhouse", user=USER, password=PASSWORD)
    world.start_servers()
    world.create_stream()
    world.publish(1, ROWS)
    return TlsFront(*authority.sign("clickhouse", names=names), world.clickhouse.http_port)


def pipeline(world: World, server: TlsFront, *lines: str, host: str = "localhost") -> Pipeline:
    keys = [f'url = "https://{host}:{server.port}"', f'database = "{DATABASE}"', f'user = "{USER}"', 'password_env = "CLICKHOUSE_PASSWORD"']
    return world.pipeline(clickhouse="\n".join([*keys, 'flush_interval = "50ms"', *lines]))


def refused(world: World, pipeline: Pipeline, *why: str, password: str = PASSWORD) -> None:
    """The lake goes on; the hot copy waits, and the status says what for, without the password."""
    weir = world.start_weir(pipeline, CLICKHOUSE_PASSWORD=password)
    until(lambda: pipeline.positions()[0] >= ROWS, "the lake goes on")
    until(lambda: pipeline.shard().get("hot_reason"), "it says why ClickHouse has nothing")
    said = pipeline.shard()["hot_reason"]
    assert any(text in said for text in why), said
    assert weir.terminate() == 0, weir.text()[-4000:]
    assert password not in said + weir.text()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_password_over_tls(world: World, authority: Authority, host: str) -> None:
    server = serve(world, authority)
    ours = pipeline(world, server, f'tls_ca = "{authority.certificate}"', host=host)
    code, said = world.run_weir(ours, "--until-caught-up", CLICKHOUSE_PASSWORD=PASSWORD)
    assert code == 0, said[-4000:]
    world.check_exact(ours, ROWS)
    done = world.weir("audit", ours.file, CLICKHOUSE_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_password_keeps_the_hot_copy_waiting(world: World, authority: Authority) -> None:
    server = serve(world, authority)
    ours = pipeline(world, server, f'tls_ca = "{authority.certificate}"')
    refused(world, ours, "Authentication failed", "AUTHENTICATION_FAILED", password="not-the-password")
    code, said = world.run_weir(ours, "--until-caught-up", CLICKHOUSE_PASSWORD=PASSWORD)
    assert code == 0, said[-4000:]
    world.check_exact(ours, ROWS)


def test_a_server_that_nobody_vouches_for_never_sees_the_password(world: World, authority: Authority) -> None:
    server = serve(world, authority)
    other = Authority(world.folder / "others", "others")
    refused(world, pipeline(world, server, f'tls_ca = "{other.certificate}"'), "certificate")
    refused(world, pipeline(world, server), "certificate")  # The system's authorities.
    assert server.requests == 0


@pytest.mark.parametrize(("names", "host"), [("DNS:elsewhere.example", "localhost"), ("DNS:localhost", "127.0.0.1")])
def test_a_certificate_for_another_name_is_refused(world: World, authority: Authority, names: str, host: str) -> None:
    server = serve(world, authority, names)
    refused(world, pipeline(world, server, f'tls_ca = "{authority.certificate}"', host=host), "certificate", "subject name", "SSL")


def test_a_file_of_authorities_that_is_not_there_is_named(world: World, authority: Authority) -> None:
    server = serve(world, authority)
    code, said = world.run_weir(pipeline(world, server, 'tls_ca = "/nowhere/ca.pem"'), "--until-caught-up", CLICKHOUSE_PASSWORD=PASSWORD)
    assert code in (1, 2) and "/nowhere/ca.pem" in said, said[-4000:]
