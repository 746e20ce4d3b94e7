#!/usr/bin/env python3
"""Measures Weir and prints one table; `make bench` runs it. Method and meaning: docs/benchmarks.md.

Every ratio is between two things measured alternately in this run on this machine; a figure is a median with (min .. max).
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parent
THROUGH_TRINO = {"P13", "P14", "P15", "P16"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=REPOSITORY / "build/release", help="folder of the programs")
    parser.add_argument("--only", default="P1,P3,P4,P6,P8,P12,P13,P14,P15,P16", help="which benchmarks, separated by commas")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of measurements")
    parser.add_argument("--events", type=int, default=1_000_000, help="events of a round of P1, rows of a round of P4")
    parser.add_argument("--rate", type=int, default=0, help="events/s of P6; 0: half of what P1 reached in this run")
    parser.add_argument("--seconds", type=int, default=20, help="length of P6")
    parser.add_argument("--history", type=int, default=3_000_000, help="rows of P8")
    parser.add_argument("--results", type=Path, default=BENCH / "results", help="where <date>.json goes")
    asked = parser.parse_args()
    if asked.rate == 0 and "P6" in asked.only and "P1" not in asked.only:
        parser.error("P6 without P1 needs --rate")
    return asked


def machine() -> dict[str, object]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "load_average": os.getloadavg()}


def commit() -> str:
    git = subprocess.run(["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return git.stdout.strip()


def measure(asked: argparse.Namespace, folder: Path):
    """One list of rows per benchmark, as they come."""
    from backfill import history, live_beside_history
    from end_to_end import Bench, freshness, ingest
    from on_cluster import clustered
    from single_core import decode, lake
    from table_growth import growth

    def command(id: str, *options: object) -> str:
        parts = ["bench/run.py", "--only", id, *map(str, options)]
        return shlex.join([*parts, "--rounds", str(asked.rounds)] if id != "P6" else parts)

    wanted = asked.only.split(",")
    if "P3" in wanted:
        yield decode(asked.build, asked.rounds, command("P3"))
    if "P4" in wanted:
        yield lake(asked.build, folder, asked.events, asked.rounds, command("P4", "--events", asked.events))
    if "P11" in wanted:
        yield growth(asked.build, folder, asked.rounds, command("P11"))
    rate = asked.rate
    through_trino = THROUGH_TRINO & set(wanted)
    if ({"P1", "P6", "P8", "P12"} | THROUGH_TRINO) & set(wanted):
        with Bench(asked.build, folder) as bench:
            if "P1" in wanted:
                rows = ingest(bench, asked.events, asked.rounds, command("P1", "--events", asked.events))
                rate = rate or int(rows[0].details["events_s"].median / 2)
                yield rows
            if "P6" in wanted:
                yield freshness(bench, rate, asked.seconds, command("P6", "--rate", rate, "--seconds", asked.seconds))
            if "P8" in wanted:
                again = command("P8", "--history", asked.history)
                yield history(bench, asked.history, asked.rounds, again)
                yield live_beside_history(bench, asked.history, rate or 20_000, asked.seconds, again)
            if "P12" in wanted:
                yield clustered(bench, folder, asked.events, asked.rounds, command("P12", "--events", asked.events))
            if through_trino:
                yield from measure_through_trino(bench, folder, asked, sorted(through_trino))


def measure_through_trino(bench, folder: Path, asked: argparse.Namespace, wanted: list[str]):
    from through_trino import keeping_current, reading
    from trino_server import TrinoServer

    again = shlex.join(["bench/run.py", "--only", ",".join(wanted), "--events", str(asked.events), "--rounds", str(asked.rounds)])
    for ids, measured in (({"P13", "P14", "P15"}, reading), ({"P16"}, keeping_current)):
        if not ids & set(wanted):
            continue
        trino = TrinoServer(folder / f"trino_{measured.__name__}")
        try:
            yield measured(bench, trino, asked.events, asked.rounds, again)
        finally:
            trino.kill()


def show(row) -> None:
    ratio = f"{row.ratio.median:.2f} ({row.ratio.min:.2f} .. {row.ratio.max:.2f})" if row.ratio else "-"
    print(f"{row.id:<10} {row.what}")
    for name, value in (
        ("measured", row.figure), ("against", row.against), ("ratio", ratio), ("goal", row.goal), ("repeat", row.command)
    ):
        print(f"{'':<10}   {name:<9} {value}")
    sys.stdout.flush()


def main() -> None:
    asked = arguments()
    asked.build = asked.build.absolute()
    os.environ["WEIR_BUILD_DIR"] = str(asked.build)
    sys.path[:0] = [str(REPOSITORY / "tests" / folder) for folder in ("faults", "cluster", "trino")]  # the servers as child processes
    before = machine()
    print(f"{before['cpu']}, {before['cores']} cores, load average {before['load_average'][0]:.1f}, {commit()}\n", flush=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="weir-bench.") as folder:
        for measured in measure(asked, Path(folder)):
            for row in measured:
                show(row)
            rows += measured
    after = machine()
    print(f"\nload average at the end {after['load_average'][0]:.1f} (the benchmark itself included)")
    asked.results.mkdir(parents=True, exist_ok=True)
    file = asked.results / time.strftime("%Y-%m-%dT%H%M%S.json", time.gmtime())
    result = {"commit": commit(), "before": before, "after": after, "rows": [row.as_json() for row in rows]}
    file.write_text(json.dumps(result, indent=2) + "\n")
    print(file)


if __name__ == "__main__":
    main()
