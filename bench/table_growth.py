"""P11: what a commit costs on a table of 100, 1,000 and 10,000 versions that is maintained as `weir run` does it."""

import os
import shutil
from pathlib import Path

from measure import Row, Spread, run

VERSIONS = [100, 1_000, 10_000]
ROWS_PER_COMMIT = 100
MAINTAIN_COMMITS = 600  # ten minutes of commits at the default interval
COMMITS_PER_ROUND = 40  # two checkpoints


def growth(build: Path, folder: Path, rounds: int, command: str) -> list[Row]:
    def commits(table: Path, count: int, maintain: int) -> dict:
        return run([build / "commit_growth", table, str(count), str(ROWS_PER_COMMIT), str(maintain)]).json()

    growing = folder / "growing"
    made = 0
    replaced = 0
    for versions in VERSIONS:
        replaced += commits(growing, versions - made, MAINTAIN_COMMITS)["files_removed"]
        made = versions
        shutil.copytree(growing, folder / f"at{versions}")
    os.sync()  # What the copies left to be written is not the commits' to wait for.

    commit_ms: dict[int, list[float]] = {versions: [] for versions in VERSIONS}
    checkpoint_ms: dict[int, list[float]] = {versions: [] for versions in VERSIONS}
    for number in range(rounds):
        for versions in VERSIONS if number % 2 == 0 else reversed(VERSIONS):
            answer = commits(folder / f"at{versions}", COMMITS_PER_ROUND, 0)
            commit_ms[versions].append(Spread.of(answer["commit_ms"]).median)
            checkpoint_ms[versions].append(Spread.of(answer["checkpoint_ms"]).median)

    first = VERSIONS[0]
    rows = []
    for versions in VERSIONS[1:]:
        ratio = Spread.of([a / b for a, b in zip(commit_ms[versions], commit_ms[first], strict=True)])
        rows.append(
            Row(
                id="P11",
                what=f"p50 of a synced commit at version {versions:,}, table maintained every {MAINTAIN_COMMITS} commits",
                figure=f"{Spread.of(commit_ms[versions]).scaled(1, 1)} ms",
                against=f"at version {first}: {Spread.of(commit_ms[first]).scaled(1, 1)} ms",
                goal="<= 1.1",
                command=command,
                ratio=ratio,
                details={
                    "checkpoint_ms": Spread.of(checkpoint_ms[versions]),
                    f"checkpoint_at_{first}_ms": Spread.of(checkpoint_ms[first]),
                    "files_replaced": replaced,
                },
            )
        )
    return rows
