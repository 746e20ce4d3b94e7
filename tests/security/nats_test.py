"""A nats-server that asks who is there, over TLS: who is let in, who is not, what Weir says, and that it loses nothing."""

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

import events
import readers
from certificates import Authority, Operator, credentials
from servers import NatsServer, until
from world import Pipeline, World

USER, PASSWORD = "weir", 'a "quoted" pass\\word'
TOKEN = "token-0123456789"
ROWS = 500


def over_tls(authority: Authority, **more: str) -> str:
    certificate, key = authority.sign("server", **more)
    return f'tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{authority.certificate}" }}\n'


def log_in(user: str, password: str) -> str:
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    return f'authorization {{ user: "{user}", password: "{quoted}" }}\n'


@pytest.fixture
def authority(world: World) -> Iterator[Authority]:
    yield Authority(world.folder / "certificates")


def serve(world: World, settings: str, tls: ssl.SSLContext | None, **login: str) -> None:
    world.nats = NatsServer(world.folder / "nats", settings=settings, tls=tls, login=lambda _: login)
    world.nats.start()
    world.create_stream()
    world.publish(1, ROWS)


def pipeline(world: World, *lines: str, host: str = "localhost") -> Pipeline:
    return world.pipeline(nats="\n".join([f'url = "tls://{host}:{world.nats.port}"', *lines]), clickhouse="")


def password_of(world: World, authority: Authority, *lines: str, host: str = "localhost") -> Pipeline:
    return pipeline(world, f'tls_ca = "{authority.certificate}"', f'user = "{USER}"', 'password_env = "NATS_PASSWORD"', *lines, host=host)


def runs(world: World, pipeline: Pipeline, last: int = ROWS, **environment: str) -> None:
    code, said = world.run_weir(pipeline, "--until-caught-up", **environment)
    assert code == 0, said[-4000:]
    ids = events.rows_of(events.numbers(1, last))
    readers.check_rows(readers.lake_rows(world.lake), ids, ids, "lake")


def refused(world: World, pipeline: Pipeline, *why: str, **environment: str) -> None:
    """It ends, says why, and tells no secret."""
    code, said = world.run_weir(pipeline, "--until-caught-up", **environment)
    assert code in (1, 2), said[-4000:]
    assert any(text in said for text in why), said[-4000:]
    for secret in environment.values():
        assert secret not in said, said


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_password_over_tls(world: World, authority: Authority, host: str) -> None:
    """The password holds what JSON and nats-server's own file have to escape."""
    login = {"user": USER, "pass": PASSWORD}
    serve(world, over_tls(authority) + log_in(USER, PASSWORD), authority.client(), **login)
    runs(world, password_of(world, authority, host=host), NATS_PASSWORD=PASSWORD)


def test_a_wrong_password_is_refused_and_not_told(world: World, authority: Authority) -> None:
    serve(world, over_tls(authority) + log_in(USER, PASSWORD), authority.client(), **{"user": USER, "pass": PASSWORD})
    refused(world, password_of(world, authority), "Authorization Violation", NATS_PASSWORD="not-the-password")
    done = world.weir("check", password_of(world, authority).file)
    assert done.returncode == 0, "it is valid; whether a secret is right only the server knows"


def test_a_password_that_is_not_in_the_environment_is_asked_for_by_name(world: World, authority: Authority) -> None:
    serve(world, over_tls(authority) + log_in(USER, PASSWORD), authority.client(), **{"user": USER, "pass": PASSWORD})
    refused(world, password_of(world, authority), "NATS_PASSWORD")


def test_a_token_over_tls(world: World, authority: Authority) -> None:
    serve(world, over_tls(authority) + f'authorization {{ token: "{TOKEN}" }}\n', authority.client(), auth_token=TOKEN)
    with_token = pipeline(world, f'tls_ca = "{authority.certificate}"', 'token_env = "NATS_TOKEN"')
    runs(world, with_token, NATS_TOKEN=TOKEN)
    refused(world, with_token, "Authorization Violation", NATS_TOKEN="another-token")


def test_a_certificate_of_ours_is_asked_for(world: World, authority: Authority) -> None:
    certificate, key = authority.sign("weir")
    settings = over_tls(authority).replace("tls {", "tls { verify: true,")
    serve(world, settings, authority.client(certificate, key))
    trusting = f'tls_ca = "{authority.certificate}"'
    runs(world, pipeline(world, trusting, f'tls_cert = "{certificate}"', f'tls_key = "{key}"'))
    refused(world, pipeline(world, trusting), "asks for a certificate of ours")
    refused(world, pipeline(world, trusting, f'tls_cert = "{certificate}"', f'tls_key = "{world.folder}/none"'), f"{world.folder}/none")


def test_a_server_that_nobody_vouches_for_never_sees_the_password(world: World, authority: Authority) -> None:
    other = Authority(world.folder / "others", "others")
    serve(world, over_tls(authority) + log_in(USER, PASSWORD), authority.client(), **{"user": USER, "pass": PASSWORD})
    refused(world, password_of(world, other), "certificate verify failed", "self-signed", "unable to get", NATS_PASSWORD=PASSWORD)
    alone = pipeline(world, f'user = "{USER}"', 'password_env = "NATS_PASSWORD"')  # The system's authorities.
    refused(world, alone, "certificate verify failed", "self-signed", "unable to get", NATS_PASSWORD=PASSWORD)
    assert "authentication error" not in world.nats.child.text(), "it would say so of a wrong one"


@pytest.mark.parametrize(("names", "host"), [("DNS:elsewhere.example", "localhost"), ("DNS:localhost", "127.0.0.1")])
def test_a_certificate_for_another_name_is_refused(world: World, authority: Authority, names: str, host: str) -> None:
    settings = over_tls(authority, names=names) + log_in(USER, PASSWORD)
    tls = authority.client()
    tls.check_hostname = False
    serve(world, settings, tls, **{"user": USER, "pass": PASSWORD})
    refused(world, password_of(world, authority, host=host), "certificate verify failed", "mismatch", NATS_PASSWORD=PASSWORD)


def test_a_server_without_tls_is_refused_where_tls_is_asked_for(world: World, authority: Authority) -> None:
    serve(world, log_in(USER, PASSWORD), None, **{"user": USER, "pass": PASSWORD})
    refused(world, password_of(world, authority), "TLS", "Secure", "secure", NATS_PASSWORD=PASSWORD)


def test_credentials_of_an_operator_s_account(world: World, authority: Authority) -> None:
    operator = Operator()
    key, token = operator.user("weir")

    def login(info: dict) -> dict[str, str]:
        signature = base64.urlsafe_b64encode(key.sign(info["nonce"].encode())).decode().rstrip("=")
        return {"jwt": token, "sig": signature}

    world.nats = NatsServer(world.folder / "nats", settings=over_tls(authority) + operator.settings, tls=authority.client(), login=login)
    world.nats.start()
    world.create_stream()
    world.publish(1, ROWS)
    file = world.folder / "weir.creds"
    trusting = f'tls_ca = "{authority.certificate}"'
    with_credentials = pipeline(world, trusting, f'credentials_file = "{file}"')
    refused(world, with_credentials, str(file))
    file.write_text(credentials(key, token))
    runs(world, with_credentials)
    file.write_text(credentials(*Operator().user("weir")))  # Another operator's.
    refused(world, with_credentials, "Authorization Violation")
    for secret in (key.seed, token):
        assert secret not in "".join(log.read_text() for log in with_credentials.folder.glob("*.log"))


def test_a_password_that_is_changed_under_a_running_process_loses_nothing(world: World, authority: Authority) -> None:
    serve(world, over_tls(authority) + log_in(USER, PASSWORD), authority.client(), **{"user": USER, "pass": PASSWORD})
    ours = password_of(world, authority)
    weir = world.start_weir(ours, NATS_PASSWORD=PASSWORD)
    until(lambda: ours.positions()[0] >= ROWS, "it reads")
    world.nats.kill()
    world.nats.settings = over_tls(authority) + log_in(USER, "changed")
    world.nats.login = lambda _: {"user": USER, "pass": "changed"}
    world.nats.start()
    world.publish(ROWS + 1, 2 * ROWS)
    until(lambda: ours.get("/readyz")[0] == 503, "it is not ready")
    assert PASSWORD not in ours.get("/readyz")[1] + ours.get("/metrics")[1]
    world.nats.kill()
    world.nats.settings = over_tls(authority) + log_in(USER, PASSWORD)
    world.nats.start()
    until(lambda: ours.positions()[0] >= 2 * ROWS, "it goes on")
    assert weir.terminate() == 0, weir.text()[-4000:]
    ids = events.rows_of(events.numbers(1, 2 * ROWS))
    readers.check_rows(readers.lake_rows(world.lake), ids, ids, "lake")
