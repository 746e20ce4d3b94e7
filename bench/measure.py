"""What every benchmark needs: child processes with their CPU time, ratios of pairs, and rows of the table."""

import json
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Spread:
    """Of one figure over the rounds."""

    median: float
    min: float
    max: float
    rounds: int

    @staticmethod
    def of(values: list[float]) -> "Spread":
        return Spread(statistics.median(values), min(values), max(values), len(values))

    def scaled(self, factor: float, digits: int) -> str:
        low, mid, high = (f"{value * factor:,.{digits}f}" for value in (self.min, self.median, self.max))
        return f"{mid} ({low} .. {high})"


@dataclass
class Row:
    """One line of the table. `ratio` is ours / theirs of neighbouring measurements, where there is an opponent."""

    id: str
    what: str
    figure: str
    against: str
    goal: str
    command: str
    ratio: Spread | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Finished:
    """A child process that ended well."""

    seconds: float
    cpu_s: float
    rss_max_mb: float
    output: str

    def json(self) -> dict[str, Any]:
        return json.loads(self.output)


def run(command: list[str | Path], *, core: int | None = None, log: Path | None = None) -> Finished:
    """Runs to the end; on one core if asked. Fails with what it said when it does not end with 0."""
    before = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
    started = time.perf_counter()
    with open(log or os.devnull, "ab") as errors:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors if log else None,
            text=True,
            preexec_fn=before,
        )
        assert child.stdout is not None
        # Not ru_maxrss: that begins with what this process held when it started the child.
        rss: list[float] = [0]
        watch = threading.Thread(target=_watch_rss, args=(child.pid, rss))
        watch.start()
        output = child.stdout.read()
        watch.join()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if child.returncode != 0:
        said = log.read_text(errors="replace")[-4000:] if log else ""
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {child.returncode}\n{said}")
    return Finished(seconds, usage.ru_utime + usage.ru_stime, max(rss), output)


def _watch_rss(pid: int, seen: list[float]) -> None:
    """Until the child has ended, waited for or not: then it has no memory."""
    try:
        while True:
            seen.append(rss_max_mb(pid))
            time.sleep(0.02)
    except StopIteration:
        pass


def cpu_seconds(pid: int) -> float:
    """User and system time that a running process has used, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def rss_max_mb(pid: int) -> float:
    """The most memory a running process ever held."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def pairs(rounds: int, ours: Callable[[int], float], theirs: Callable[[int], float]) -> tuple[Spread, Spread, Spread]:
    """Alternates the two, who goes first included; (ratios, ours, theirs). Both return a figure where more is better."""
    a: list[float] = []
    b: list[float] = []
    for number in range(rounds):
        steps = [(a, ours), (b, theirs)] if number % 2 == 0 else [(b, theirs), (a, ours)]
        for values, measured in steps:
            values.append(measured(number))
    return Spread.of([x / y for x, y in zip(a, b, strict=True)]), Spread.of(a), Spread.of(b)
