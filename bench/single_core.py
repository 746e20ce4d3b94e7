"""P3 and P4: decoding and lake writing on one core, against the best that somebody else does of the same work."""

import os
import sys
from pathlib import Path

from measure import Finished, Row, Spread, pairs, run

BENCH = Path(__file__).resolve().parent
LAST_CORE = max(os.sched_getaffinity(0))
COMMITS, ROWS_PER_COMMIT = 200, 1_000


def decode(build: Path, rounds: int, command: str) -> list[Row]:
    ratios, ours, theirs = [], [], []
    for _ in range(rounds):
        answer = run([build / "decode_bench"], core=LAST_CORE).json()
        ratios.append(answer["ratio"])
        ours.append(answer["decode_events_s"])
        theirs.append(answer["parse_events_s"])
    row = Row(
        id="P3",
        what="decode JSON to Arrow, one core",
        figure=f"{Spread.of(ours).scaled(1e-6, 2)} M events/s",
        against=f"simdjson reads every field: {Spread.of(theirs).scaled(1e-6, 2)} M events/s",
        goal=">= 0.6",
        command=command,
        ratio=Spread.of(ratios),
        details={"kernel": answer["kernel"], "bytes_per_event": answer["bytes_per_event"], "rounds_inside": 41},
    )
    return [row]


def lake(build: Path, folder: Path, rows: int, rounds: int, command: str) -> list[Row]:
    python = Path(sys.executable)
    file = folder / "rows.arrow"
    run([python, "-B", BENCH / "lake_bench.py", "make", file, str(rows)])
    wall: dict[str, list[float]] = {"weir": [], "deltalake": [], "weir_synced": []}

    def rows_per_cpu_s(who: str, finished: Finished) -> float:
        answer = finished.json()
        wall[who].append(answer["rows"] / answer["seconds"])
        return answer["rows"] / answer["cpu_s"]

    def ours(number: int) -> float:
        for sync, who in (("sync", "weir_synced"), ("nosync", "weir")):
            target = folder / f"{who}-{number}"
            rate = rows_per_cpu_s(who, run([build / "lake_bench", "write", file, target, sync], core=LAST_CORE))
        return rate

    def theirs(number: int) -> float:
        target = folder / f"deltalake-{number}"
        command_line = [python, "-B", BENCH / "lake_bench.py", "write", file, target]
        return rows_per_cpu_s("deltalake", run(command_line, core=LAST_CORE))

    ratio, us, them = pairs(rounds, ours, theirs)
    write_row = Row(
        id="P4",
        what="lake write, zstd(1), rows per CPU-second, one core",
        figure=f"{us.scaled(1e-6, 2)} M rows",
        against=f"Python deltalake, same rows: {them.scaled(1e-6, 2)} M rows",
        goal=">= 1.0",
        command=command,
        ratio=ratio,
        details={f"{who}_rows_per_wall_s": Spread.of(values) for who, values in wall.items()} | {"rows": rows},
    )
    return [write_row, commits(build, folder, file, command)]


def commits(build: Path, folder: Path, file: Path, command: str) -> Row:
    answer = run([build / "lake_bench", "commits", file, folder / "commits", str(COMMITS), str(ROWS_PER_COMMIT)]).json()
    commit, write = answer["commit_ms"], answer["write_ms"]
    whole = Spread.of(commit)
    first, last = Spread.of(commit[:50]), Spread.of(commit[-50:])
    return Row(
        id="P4 commit",
        what=f"{COMMITS} synced commits of {ROWS_PER_COMMIT} rows, checkpoint every 20: p50 of the commit",
        figure=f"{whole.scaled(1, 1)} ms",
        against=f"p50 of the last 50: {last.median:.1f} ms, of the first 50: {first.median:.1f} ms",
        goal="<= 15 ms, flat",
        command=command,
        details={"data_file_ms": Spread.of(write), "commit_p99_ms": sorted(commit)[int(len(commit) * 0.99)]},
    )
