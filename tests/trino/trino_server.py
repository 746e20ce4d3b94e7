"""A real Trino over one pipeline's lake and ClickHouse, started from the files that `weir trino FILE --out` writes."""

import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from trino.dbapi import connect

from servers import CACHE, Child, free_port, run_to_end, until, WEIR
from world import Pipeline

JAVA = CACHE / "trino" / "java" / "bin" / "java"
LAUNCHER = Path(__file__).parents[2] / "tools" / "trino.sh"
# Where two processors have to do everything, what asks gives way to what is to flow.
NICE = os.environ.get("WEIR_TEST_TRINO_NICE", "0")
START_SECONDS = 600  # It takes 20 to 40 on two busy cores, minutes on two overloaded ones.


class TrinoServer:
    """On one port for its whole life, so that a pipeline file can name it before it runs. Listens on this machine only and
    asks nobody for a password."""

    def __init__(self, folder: Path):
        self.folder = folder  # What weir wrote; the server's own data is below run/.
        self.port = free_port()
        self.child: Child | None = None
        self._starts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def section(self, **more: str) -> str:
        """[trino] of a pipeline file; `more` are keys with their values as TOML."""
        keys = {"url": f'"{self.url}"', "refresh_interval": '"1s"'} | more
        return "\n".join(f"{key} = {value}" for key, value in keys.items())

    def start(
        self,
        pipeline: Pipeline | None = None,
        catalogs: dict[str, str] | None = None,
        settings: str = "",
        **environment: str,
    ) -> None:
        """Writes the files for `pipeline` and starts the server on them; without one, on the files of before. `catalogs`
        are others beside Weir's, as text of their properties; `settings` are properties of the server; `environment` is
        what ${ENV:NAME} in any of them means, and what weir is given too. Waits until the server answers."""
        if pipeline:
            done = run_to_end([WEIR, "trino", pipeline.file, "--out", self.folder], environment)
            assert done.returncode == 0, done.stdout + done.stderr
        for name, properties in (catalogs or {}).items():
            (self.folder / "catalog" / f"{name}.properties").write_text(properties)
        if settings:
            (self.folder / "server.properties").write_text(settings)
        self._starts += 1
        log = self.folder.parent / f"{self.folder.name}{self._starts}.log"
        self.child = Child(["nice", "-n", NICE, LAUNCHER, "run", self.folder, "--port", str(self.port)], log, environment)
        until(self._answers, "Trino answers", START_SECONDS)

    def _answers(self) -> bool:
        assert self.child is not None and self.child.running(), f"Trino ended:\n{self._errors()}"
        try:
            with urllib.request.urlopen(f"{self.url}/v1/info", timeout=5) as answer:
                return not json.load(answer)["starting"]
        except (OSError, urllib.error.URLError):
            return False

    def _errors(self) -> str:
        """What its log says about its end, without settings and stack traces."""
        assert self.child is not None
        lines = self.child.text().splitlines()
        return "\n".join([line for line in lines if re.search(r"\tERROR\t|^\d+\) |Exception: ", line)][-10:] or lines[-10:])

    def running(self) -> bool:
        return self.child is not None and self.child.running()

    def kill(self) -> None:
        if self.child:
            self.child.kill()

    def query(self, sql: str, user: str = "reader", catalog: str = "lake") -> list[list[Any]]:
        """All rows of one statement. Raises what the client raises, trino.exceptions.TrinoQueryError above all."""
        connection = connect(
            host="127.0.0.1", port=self.port, user=user, catalog=catalog, http_scheme="http", request_timeout=120
        )
        try:
            cursor = connection.cursor()
            cursor.execute(sql)
            return [list(row) for row in cursor.fetchall()]
        finally:
            connection.close()

    def comment(self, view: str) -> str:
        """What a view of the schema weir says of itself; empty when it is not there."""
        rows = self.query(
            "SELECT comment FROM system.metadata.table_comments WHERE catalog_name = 'lake' AND schema_name = 'weir' "
            f"AND table_name = '{view}'"
        )
        return (rows[0][0] or "") if rows else ""
