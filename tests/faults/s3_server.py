"""A real S3 server (versitygw) over a folder: what is in the bucket can be read there by readers that know no S3."""

import os
import urllib.error
import urllib.request
from pathlib import Path

from servers import CACHE, START_SECONDS, Child, free_port, until

VERSITYGW = CACHE / "s3" / "versitygw"
BUCKET = "lakes"
KEYS = {"AWS_ACCESS_KEY_ID": "weir-tests", "AWS_SECRET_ACCESS_KEY": "a secret of these tests", "AWS_REGION": "us-east-1"}


class S3Server:
    """One server on one port for its whole life, with one bucket."""

    def __init__(self, folder: Path, host: str = "127.0.0.1"):
        self.folder = folder
        self.host = host
        self.port = free_port()
        self.child: Child | None = None
        (self.objects / BUCKET).mkdir(parents=True)

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def environment(self, url: str = "") -> dict[str, str]:
        """For whoever is to use the server, or what stands in front of it at `url`."""
        return KEYS | {"AWS_ENDPOINT_URL": url or self.url, "AWS_ALLOW_HTTP": "true"}

    def start(self, before: tuple[str, ...] = ()) -> None:
        environment = {"ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
        command: list[str | Path] = [*before, VERSITYGW, "--port", f"{self.host}:{self.port}", "--region", KEYS["AWS_REGION"]]
        self.child = Child([*command, "--quiet", "posix", self.objects], self.folder / "log", environment)
        until(self._answers, "the S3 server answers", START_SECONDS)

    def _answers(self) -> bool:
        assert self.child is not None and self.child.running(), f"the S3 server ended:\n{self.child.text()[-4000:]}"
        try:
            with urllib.request.urlopen(self.url, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True  # Whoever does not sign is refused.
        except OSError:
            return False

    def kill(self) -> None:
        if self.child:
            self.child.kill()
