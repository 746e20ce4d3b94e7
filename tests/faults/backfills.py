"""`weir backfill --to clickhouse` as the tests type it, and what it says of its jobs."""

import json
import subprocess
from pathlib import Path
from typing import Any

import events
from servers import WEIR, Child
from world import DATABASE, Pipeline, World

TABLE = f"{DATABASE}.{events.TABLE}"


def drop_table(world: World) -> None:
    world.clickhouse.query(f"DROP TABLE {TABLE} SYNC")


def backfill(world: World, pipeline: Pipeline, *options: str) -> subprocess.CompletedProcess[str]:
    return world.weir("backfill", pipeline.file, "--table", events.TABLE, "--to", "clickhouse", *options)


def start_backfill(world: World, pipeline: Pipeline, name: str, *options: str, **environment: str) -> Child:
    command: list[str | Path] = [WEIR, "backfill", pipeline.file, "--table", events.TABLE, "--to", "clickhouse"]
    child = Child([*command, *options], pipeline.folder / f"{name}.log", environment)
    world.adopt(child)
    return child


def jobs(world: World, pipeline: Pipeline) -> list[dict[str, Any]]:
    done = backfill(world, pipeline, "--list", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["backfills"]


def last_job(world: World, pipeline: Pipeline) -> dict[str, Any]:
    """As `--list --json` shows it; before there is one, as if it had not begun."""
    return (jobs(world, pipeline) or [{"rows": 0, "executed": False, "pinned_version": None}])[-1]
