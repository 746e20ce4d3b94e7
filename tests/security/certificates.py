"""Certificates of an authority of the test's own, and the keys and tokens of NATS operators, accounts and users."""

import base64
import json
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

DAYS = "2"


def openssl(*arguments: str | Path, input: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *map(str, arguments)], input=input, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Authority:
    """Signs certificates in `folder`; `certificate` is what its clients trust."""

    def __init__(self, folder: Path, name: str = "authority"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        subject = ["-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS, *subject, "-keyout", self._key, "-out", self.certificate)

    def sign(self, name: str, *, names: str = "DNS:localhost,IP:127.0.0.1", days: str = DAYS) -> tuple[Path, Path]:
        """Certificate and key for those names."""
        certificate, key, request = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", key,
                "-out", request)  # fmt: skip
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days", days,
                "-copy_extensions", "copy", "-out", certificate)  # fmt: skip
        return certificate, key

    def client(self, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.certificate)
        if certificate:
            context.load_cert_chain(certificate, key)
        return context


# What a key of NATS is for: the first letter of its text.
OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3


def _checked(data: bytes) -> str:
    """Base32 with a CRC-16 (XMODEM) behind it, as NATS writes its keys."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return base64.b32encode(data + crc.to_bytes(2, "little")).decode().rstrip("=")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class NatsKey:
    """An Ed25519 key of an operator, an account or a user."""

    def __init__(self, kind: int):
        self._pem = openssl("genpkey", "-algorithm", "ed25519")
        private = openssl("pkey", "-outform", "DER", input=self._pem)[-32:]
        public = openssl("pkey", "-pubout", "-outform", "DER", input=self._pem)[-32:]
        self.public = _checked(bytes([kind]) + public)
        self.seed = _checked(bytes([SEED | kind >> 5, (kind & 31) << 3]) + private)

    def sign(self, data: bytes) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            key, message = Path(folder) / "key", Path(folder) / "message"
            key.write_bytes(self._pem)
            message.write_bytes(data)
            return openssl("pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", message)

    def token(self, subject: "NatsKey", name: str, claims: dict[str, Any]) -> str:
        """A JWT in which this key says who `subject` is."""
        body = {"jti": name, "iat": int(time.time()), "iss": self.public, "sub": subject.public, "name": name}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body | {"nats": claims | {"version": 2}}]
        text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
        return f"{text}.{_base64url(self.sign(text.encode()))}"


class Operator:
    """An operator with an account for JetStream: the settings of a server that trusts it, and users' credentials."""

    def __init__(self) -> None:
        operator, system, self._account = NatsKey(OPERATOR), NatsKey(ACCOUNT), NatsKey(ACCOUNT)
        everything = ("subs", "conn", "leaf", "imports", "exports", "data", "payload", "mem_storage", "disk_storage", "streams", "consumer")
        limits = dict.fromkeys(everything, -1) | {"wildcards": True}
        accounts = {
            key.public: operator.token(key, name, {"type": "account", "limits": limits if key is self._account else {"subs": -1, "conn": -1}})
            for key, name in ((system, "system"), (self._account, "events"))
        }
        preloaded = "\n".join(f"  {public}: {token}" for public, token in accounts.items())
        self.settings = (
            f'operator: {operator.token(operator, "operator", {"type": "operator"})}\nsystem_account: {system.public}\n'
            f"resolver: MEMORY\nresolver_preload: {{\n{preloaded}\n}}\n"
        )

    def user(self, name: str) -> tuple[NatsKey, str]:
        """A user's key and token."""
        key = NatsKey(USER)
        claims = {"type": "user", "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}
        return key, self._account.token(key, name, claims)


def credentials(key: NatsKey, token: str) -> str:
    """The text of a credentials file."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{key.seed}\n------END USER NKEY SEED------\n"
    )
