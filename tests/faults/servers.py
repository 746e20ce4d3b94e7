"""The servers of a test: real programs as child processes, killed and restarted at will, gone when the test is gone."""

import ctypes
import os
import random
import signal
import socket
import ssl
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

BUILD_DIR = Path(os.environ["WEIR_BUILD_DIR"]).absolute()
WEIR = BUILD_DIR / "weir"
WEIR_CLICKHOUSE = BUILD_DIR / "weir-clickhouse"
# What tools/bootstrap.sh brings.
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir"
NATS_SERVER = Path(sysconfig.get_path("scripts")) / "nats-server"

T = TypeVar("T")
START_SECONDS = 60
COMMAND_SECONDS = float(os.environ.get("WEIR_TEST_COMMAND_SECONDS", "120"))  # More where a test was asked to be large.
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def until(condition: Callable[[], T], what: str, timeout: float = 60) -> T:
    """The first true value of `condition`; fails saying `what` did not come about. Polls, so time decides nothing else."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.05)
    return value


def free_port() -> int:
    """Below the range that outgoing connections take their ports from, so that a server can come back on its port."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A child process that dies with us; what it prints goes to `log`. Start it on the main thread."""

    def __init__(self, command: list[str | Path], log: Path, environment: dict[str, str] | None = None):
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | (environment or {}),
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 60) -> int:
        """The exit code, or minus the signal that ended it."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args} still runs after {timeout} s:\n{self.text()[-4000:]}") from None

    def kill(self) -> None:
        """kill -9, also of a stopped one."""
        if self.running():
            self.process.kill()
        self.process.wait()

    def terminate(self, timeout: float = 60) -> int:
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def rss_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class NatsServer:
    """nats-server with JetStream in a folder, on one port for its whole life.

    `settings` is the text of a configuration file. The test's own clients use `tls`, and `login` makes what they say of
    themselves from what the server says of itself.
    """

    def __init__(
        self,
        folder: Path,
        *,
        user: str = "",
        password: str = "",
        settings: str = "",
        tls: ssl.SSLContext | None = None,
        login: Callable[[dict[str, Any]], dict[str, Any]] = lambda _: {},
    ):
        self.folder = folder
        self.host = "127.0.0.1"
        self.port = free_port()
        self.user, self.password = user, password
        self.settings, self.tls, self.login = settings, tls, login
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.port}"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [NATS_SERVER, "-a", self.host, "-p", str(self.port), "-js", "-sd", self.store]
        if self.user:
            command += ["--user", self.user, "--pass", self.password]
        if self.settings:
            (self.folder / "settings").write_text(self.settings)
            command += ["-c", self.folder / "settings"]
        self.child = Child(command, self.folder / "log")
        until(self._answers, "nats-server accepts clients", START_SECONDS)

    def _answers(self) -> bool:
        assert self.child is not None and self.child.running(), f"nats-server ended:\n{self.child.text()[-4000:]}"
        try:
            with socket.create_connection((self.host, self.port), 1) as connection:
                return connection.recv(5) == b"INFO "
        except OSError:
            return False

    def kill(self) -> None:
        if self.child:
            self.child.kill()

    def stop(self) -> None:
        if self.child:
            self.child.terminate()


class ClickHouseServer:
    """The embedded ClickHouse behind build/.../weir-clickhouse, on one pair of ports for its whole life."""

    def __init__(self, folder: Path, *, user: str = "default", password: str = "", settings: str = ""):
        """`settings`: the inside of a configuration file, in place of `user` and `password`."""
        self.folder = folder
        self.http_port, self.tcp_port = free_port(), free_port()
        self.user, self.password, self.settings = user, password, settings
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [WEIR_CLICKHOUSE, "--path", self.folder / "data", "--http-port", str(self.http_port)]
        command += ["--tcp-port", str(self.tcp_port), "--die-with-parent"]
        environment = {}
        if self.settings:
            (self.folder / "config.xml").write_text(f"<clickhouse>{self.settings}</clickhouse>\n")
            command += ["--config", self.folder / "config.xml"]
        elif self.password:
            command += ["--user", self.user, "--password-env", "TEST_CLICKHOUSE_PASSWORD"]
            environment["TEST_CLICKHOUSE_PASSWORD"] = self.password
        self.child = Child(command, self.folder / "log", environment)
        until(self._answers, "ClickHouse answers", START_SECONDS)

    def _answers(self) -> bool:
        assert self.child is not None and self.child.running(), f"ClickHouse ended:\n{self.child.text()[-4000:]}"
        try:
            return self.query("SELECT 1 FORMAT TSV") == b"1\n"
        except (OSError, urllib.error.URLError):
            return False

    def query(self, sql: str) -> bytes:
        request = urllib.request.Request(self.url, sql.encode(), {"X-ClickHouse-User": self.user})
        if self.password:
            request.add_header("X-ClickHouse-Key", self.password)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"ClickHouse refuses {sql}: {error.read().decode(errors='replace')}") from None

    def arrow(self, sql: str) -> pa.Table:
        data = self.query(f"{sql} SETTINGS output_format_arrow_compression_method = 'none' FORMAT ArrowStream")
        return pa.ipc.open_stream(data).read_all()

    def kill(self) -> None:
        if self.child:
            self.child.kill()

    def stop(self) -> None:
        if self.child:
            self.child.terminate()


def run_to_end(
    command: list[str | Path],
    environment: dict[str, str] | None = None,
    *,
    folder: Path | None = None,
    timeout: float = COMMAND_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """A short command: its exit code, stdout and stderr."""
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | (environment or {}),
        timeout=timeout,
        preexec_fn=_die_with_parent,
    )


def clickhouse_local(sql: str, folder: Path) -> str:
    """ClickHouse's own engine on its command line, without any server of the test. It may read files below `folder`."""
    done = run_to_end([WEIR_CLICKHOUSE, "local", "--query", sql], folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout
