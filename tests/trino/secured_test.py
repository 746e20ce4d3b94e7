"""A Trino with a certificate of its own that asks for a password or a token: who is let in, who is not, and what Weir says."""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import events
from servers import free_port, run_to_end, until, WEIR
from trino_server import TrinoServer
from world import Pipeline, World

PASSWORD = "correct horse: ünïcode"
PASSWORD_ENV = "WEIR_TEST_TRINO_PASSWORD"
TOKEN_ENV = "WEIR_TEST_TRINO_TOKEN"
ROWS = 1_000
ITERATIONS = 1_000
SYSTEM_AUTHORITIES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]


def hashed(password: str) -> str:
    """As Trino's password file has it: PBKDF2 with HMAC-SHA1."""
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, ITERATIONS, 32)
    return f"{ITERATIONS}:{salt.hex()}:{key.hex()}"


def token(key: bytes, user: str, valid_seconds: int) -> str:
    """A JSON web token (RFC 7519), signed with HMAC-SHA256."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    signed = ".".join(
        part(json.dumps(value).encode())
        for value in ({"alg": "HS256", "typ": "JWT"}, {"sub": user, "exp": int(time.time()) + valid_seconds})
    )
    return signed + "." + part(hmac.digest(key, signed.encode(), "sha256"))


@dataclass
class Secured:
    world: World
    trino: TrinoServer  # Its plain port, where nobody is asked: for these tests to look.
    port: int
    certificate: Path
    key: bytes

    def pipeline(self, **keys: str) -> Pipeline:
        """`keys` of [trino]; without url it is reached by the name that its certificate has."""
        trusted = {"url": f'"https://localhost:{self.port}"', "tls_ca": f'"{self.certificate}"'}
        return self.world.pipeline(trino=self.trino.section(**(trusted | keys)))

    def refresh(self, pipeline: Pipeline, environment: dict[str, str]) -> tuple[int, str]:
        """Exit code and all that was printed."""
        done = run_to_end([WEIR, "trino", pipeline.file, "refresh"], environment)
        for secret in environment.values():
            assert secret not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    def shows_everything(self) -> bool:
        return self.trino.query(f"SELECT count(*) FROM lake.weir.{events.TABLE}") == [[len(events.rows_of(events.numbers(1, ROWS)))]]

    def forget(self) -> None:
        self.trino.query(f"DROP VIEW IF EXISTS lakeadmin.weir.{events.TABLE}", user="weir")


def make_certificate(folder: Path) -> Path:
    """For the name localhost, signed by itself, with its key in the same file."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    done = run_to_end(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "server.pem").write_text(key.read_text() + certificate.read_text())
    return certificate


@pytest.fixture(scope="module")
def secured(shared_world: World, shared_trino: TrinoServer) -> Iterator[Secured]:
    folder = shared_world.folder / "secrets"
    folder.mkdir()
    key = os.urandom(32)
    (folder / "jwt.key").write_bytes(base64.b64encode(key))
    (folder / "passwords").write_text(f"weir:{hashed(PASSWORD)}\n")
    authenticator = folder / "authenticator.properties"
    authenticator.write_text(f"password-authenticator.name=file\nfile.password-file={folder / 'passwords'}\n")
    secured = Secured(shared_world, shared_trino, free_port(), make_certificate(folder), key)
    shared_world.create_stream()
    settings = (
        f"http-server.https.enabled=true\nhttp-server.https.port={secured.port}\n"
        f"http-server.https.keystore.path={folder / 'server.pem'}\n"
        "http-server.authentication.type=PASSWORD,JWT\nhttp-server.authentication.allow-insecure-over-http=true\n"
        f"http-server.authentication.jwt.key-file={folder / 'jwt.key'}\n"
        f"password-authenticator.config-files={authenticator}\n"
        "internal-communication.shared-secret=only-for-these-tests-and-on-this-machine\n"
    )
    shared_trino.start(secured.pipeline(password_env=f'"{PASSWORD_ENV}"'), settings=settings)
    shared_world.publish(1, ROWS)
    shared_world.catch_up(shared_world.pipeline())
    yield secured


def test_the_right_password_keeps_the_views_current(secured: Secured) -> None:
    secured.forget()
    pipeline = secured.pipeline(password_env=f'"{PASSWORD_ENV}"')
    weir = secured.world.start_weir(pipeline, **{PASSWORD_ENV: PASSWORD})
    until(lambda: "from the lake" in secured.trino.comment(events.TABLE), "the view is made", timeout=120)
    assert weir.terminate() == 0
    assert secured.shows_everything()
    assert PASSWORD not in weir.text()


def test_a_token_is_as_good(secured: Secured) -> None:
    secured.forget()
    pipeline = secured.pipeline(jwt_env=f'"{TOKEN_ENV}"')
    code, said = secured.refresh(pipeline, {TOKEN_ENV: token(secured.key, "weir", 300)})
    assert code == 0, said
    assert secured.shows_everything()


@pytest.mark.parametrize(
    ("keys", "environment"),
    [
        ({"password_env": f'"{PASSWORD_ENV}"'}, {PASSWORD_ENV: "wrong horse"}),
        ({"password_env": f'"{PASSWORD_ENV}"', "user": '"nobody"'}, {PASSWORD_ENV: PASSWORD}),
        ({"jwt_env": f'"{TOKEN_ENV}"'}, {TOKEN_ENV: token(b"another key, as long as it has to be", "weir", 300)}),
    ],
    ids=["password", "user", "token"],
)
def test_wrong_credentials_are_refused_and_named(secured: Secured, keys: dict[str, str], environment: dict[str, str]) -> None:
    code, said = secured.refresh(secured.pipeline(**keys), environment)
    assert code == 1, said
    assert "Trino refuses the user or the password" in said


def test_a_token_that_ran_out_is_refused(secured: Secured) -> None:
    pipeline = secured.pipeline(jwt_env=f'"{TOKEN_ENV}"')
    code, said = secured.refresh(pipeline, {TOKEN_ENV: token(secured.key, "weir", -300)})
    assert code == 1 and "refuses" in said, said


def test_ingest_goes_on_with_a_wrong_password_and_says_so_once(secured: Secured) -> None:
    pipeline = secured.pipeline(password_env=f'"{PASSWORD_ENV}"')
    weir = secured.world.start_weir(pipeline, **{PASSWORD_ENV: "wrong horse"})
    until(lambda: "refuses the user or the password" in weir.text(), "the log says so")
    until(lambda: pipeline.positions() == (ROWS, ROWS), "both stores have everything")
    until(lambda: "refuses" in json.loads(pipeline.get("/api/v1/status")[1])["trino"]["error"], "the status says so")
    time.sleep(3)  # Three rounds: nothing more may be said, so there is nothing to wait for.
    assert weir.text().count("refuses the user or the password") == 1, weir.text()[-3000:]
    assert weir.terminate() == 0
    assert "wrong horse" not in weir.text()


def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_password_is_sent(secured: Secured) -> None:
    system = next(path for path in SYSTEM_AUTHORITIES if Path(path).exists())
    code, said = secured.refresh(secured.pipeline(password_env=f'"{PASSWORD_ENV}"', tls_ca=f'"{system}"'), {PASSWORD_ENV: PASSWORD})
    assert code == 1 and "certificate" in said, said
    # The authority is right and the name is not.
    elsewhere = secured.pipeline(password_env=f'"{PASSWORD_ENV}"', url=f'"https://127.0.0.1:{secured.port}"')
    code, said = secured.refresh(elsewhere, {PASSWORD_ENV: PASSWORD})
    assert code == 1 and "certificate" in said, said


def test_a_password_that_is_not_in_the_environment_is_asked_for_by_name(secured: Secured) -> None:
    code, said = secured.refresh(secured.pipeline(password_env=f'"{PASSWORD_ENV}"'), {})
    assert code != 0 and PASSWORD_ENV in said, said
