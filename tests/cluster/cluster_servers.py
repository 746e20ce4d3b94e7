"""A Ballista cluster: `weir scheduler` and `weir executor` as child processes."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from servers import START_SECONDS, WEIR, Child, free_port, until


class Cluster:
    """One scheduler on one port for its whole life, and executors that come and go."""

    def __init__(self, folder: Path, *, executor_timeout: str = "5s"):
        self.folder = folder
        self.host = "127.0.0.1"
        self.port = free_port()
        self.executor_timeout = executor_timeout
        self.scheduler: Child | None = None
        self.executors: list[Child] = []

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def section(self) -> str:
        """Of a pipeline file."""
        return f'scheduler = "{self.url}"'

    def start(self, executors: int = 2) -> None:
        self.start_scheduler()
        for _ in range(executors):
            self.start_executor()
        self.wait_for(executors)

    def start_scheduler(self, before: tuple[str, ...] = ()) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [*before, WEIR, "scheduler", "--listen", f"{self.host}:{self.port}", "--executor-timeout", self.executor_timeout]
        self.scheduler = Child(command, self.folder / "scheduler.log")
        until(self._answers, "the scheduler answers", START_SECONDS)

    def start_executor(self, *options: str | Path, before: tuple[str, ...] = (), port: int = 0, host: str = "127.0.0.1", **environment: str) -> Child:
        """`before` stands in front of the command."""
        port = port or free_port()
        command = [*before, WEIR, "executor", "--scheduler", self.url, "--listen", f"{host}:{port}"]
        command += ["--task-port", str(free_port()), "--tasks", "2", "--memory", "256MiB", "--heartbeat", "1s", *options]
        executor = Child(command, self.folder / f"executor{len(self.executors) + 1}.log", {"TMPDIR": str(self.folder)} | environment)
        self.executors.append(executor)
        return executor

    def work_folders(self) -> int:
        """Of executors that were not given one."""
        return len(list(self.folder.glob("weir-executor-*")))

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        assert self.scheduler and self.scheduler.running(), f"the scheduler ended:\n{self.scheduler.text()[-4000:]}"
        try:
            return self.get("/api/executors") is not None
        except OSError:
            return False

    def has(self, executors: int) -> bool:
        return len(self.get("/api/executors")) == executors

    def wait_for(self, executors: int) -> None:
        until(lambda: self.has(executors), f"the scheduler has {executors} executors", START_SECONDS)

    def jobs(self) -> list[dict[str, Any]]:
        return self.get("/api/jobs")

    def kill(self) -> None:
        for child in [*self.executors, *([self.scheduler] if self.scheduler else [])]:
            child.kill()
