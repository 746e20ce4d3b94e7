"""Upkeep of the lake that is killed anywhere, beside `weir run` that is killed too: no row is lost, doubled or left behind."""

import json
import os
import random
import signal
import time
from pathlib import Path

import events
import readers
from publishing import Feed
from servers import Child, until
from world import Pipeline, World

SEED = int(os.environ.get("WEIR_TEST_SEED", random.SystemRandom().randrange(1_000_000)))
ROUNDS = 6  # of upkeep that is killed at a random moment
BATCH = 20  # events published at a time, so that commits are small
RATE = 1_000
EVENTS_A_ROUND = 1_200
TRIES = 20  # A slow machine makes fewer and larger commits, so that what a step needs may take more events.
TWO_HOURS = 7_200
LEFT_OVERS = 5  # of killed writes, laid out before each round
UPKEEP = ["--closed-after", "1ms", "--retention", "1h"]  # nothing younger than an hour may go while events flow


def lake_settings(world: World) -> str:
    return f'url = "file://{world.lake}"\ncommit_interval = "20ms"'


def start_upkeep(world: World, pipeline: Pipeline, *options: str, **environment: str) -> Child:
    return world.start_command("maintain", pipeline.file, *(options or UPKEEP), **environment)


def killed_at(world: World, pipeline: Pipeline, feed: Feed, point: str) -> None:
    """Upkeep that dies at `point`, once there is something to do for the step that passes it."""
    for _ in range(TRIES):
        upkeep = start_upkeep(world, pipeline, WEIR_CRASH_POINT=point)
        if (code := upkeep.wait()) == -signal.SIGKILL:
            return
        assert code == 0, upkeep.text()
        feed.allow(EVENTS_A_ROUND)
        until(lambda: pipeline.positions()[0] == feed.allowed, "there is more to do")
    raise AssertionError(f"{point} was not reached:\n{upkeep.text()[-4000:]}")


def committed_files(table: Path) -> set[str]:
    """Every data file that an entry of the log ever added. The log is complete: these tables are young."""
    added = set()
    for entry in sorted((table / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
        added |= {action["add"]["path"] for action in actions if "add" in action}
    return added


def lay_left_overs(world: World) -> list[Path]:
    """What writes that were killed hours ago leave: whole data files without a commit, and staged ones."""
    table = world.lake / events.TABLE
    paths = []
    source = next(table.glob("day=*/*.parquet"))
    for number in range(LEFT_OVERS):
        whole = source.with_name(f"part-left-{number}-{random.randrange(10**9)}.parquet")
        whole.write_bytes(source.read_bytes())
        staged = source.with_name(f"part-staged-{number}.parquet#{random.randrange(10**9)}")
        staged.write_bytes(b"half a file")
        paths += [whole, staged]
    for path in paths:
        os.utime(path, (time.time() - TWO_HOURS,) * 2)
    return paths


def check_upkeep(world: World, pipeline: Pipeline, *options: str) -> dict[tuple[str, str], dict]:
    """One upkeep to its end; what it reports, by table and step."""
    done = world.weir("maintain", pipeline.file, "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return {(step["table"], step["step"]): step for step in json.loads(done.stdout)["steps"]}


def rows_at(world: World, pipeline: Pipeline, version: int) -> str:
    query = f"SELECT count(*) AS n, count(DISTINCT _seq) AS seqs, sum(id) AS ids FROM {events.TABLE}"
    done = world.weir("query", pipeline.file, query, "--json", "--version", str(version))
    assert done.returncode == 0, done.stderr
    return done.stdout


def finish(world: World, pipeline: Pipeline, last: int) -> None:
    """Everything published is exact for every reader, and Weir's own audit agrees."""
    world.catch_up(pipeline)
    world.check_exact(pipeline, last)
    audit = world.weir("audit", pipeline.file)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def vacuum_everything_old(world: World, pipeline: Pipeline, last: int, old: int) -> None:
    """Nothing writes any more: kills in the middle of a vacuum, then one to its end, which ends the past and nothing else."""
    for point in ("vacuum_chosen", "vacuum_deleted"):
        upkeep = start_upkeep(world, pipeline, "--only", "vacuum", "--retention", "0s", "--force", WEIR_CRASH_POINT=point)
        assert upkeep.wait() == -signal.SIGKILL, f"{point} was not reached:\n{upkeep.text()[-4000:]}"
        world.check_exact(pipeline, last)
    check_upkeep(world, pipeline, "--closed-after", "1ms", "--retention", "0s", "--force")
    check_upkeep(world, pipeline, "--only", "vacuum", "--retention", "0s", "--force")
    table = world.lake / events.TABLE
    there = {str(path.relative_to(table)) for path in table.glob("day=*/*")}
    assert there == {uri.split(f"/{events.TABLE}/", 1)[1] for uri in readers.lake_table(world.lake).file_uris()}, "only what the newest version refers to is left"
    gone = world.weir("query", pipeline.file, f"SELECT count(*) FROM {events.TABLE}", "--version", str(old))
    assert gone.returncode != 0 and "cannot be read any more" in gone.stderr, gone.stderr
    finish(world, pipeline, last)


def test_rows_are_exact_after_kills_of_upkeep_and_of_the_pipeline_beside_it(world: World) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(lake=lake_settings(world))
    feed = world.feed(rate=RATE, batch=BATCH)
    weir = world.start_weir(pipeline)
    feed.allow(EVENTS_A_ROUND)
    feed.wait_until_all()
    until(lambda: pipeline.positions()[0] == feed.published, "the first events are in the lake")
    old = readers.lake_table(world.lake).version()
    then = rows_at(world, pipeline, old)

    kills = ["compaction_committed", "vacuum_chosen", "vacuum_deleted", "checkpoint_written"] + [""] * ROUNDS
    chance.shuffle(kills)
    for number, point in enumerate(kills):
        left_overs = lay_left_overs(world)
        # So that there is something to do, whatever the upkeep of the last round has left; and events flow beside it.
        feed.allow(EVENTS_A_ROUND)
        until(lambda: pipeline.positions()[0] == feed.allowed, "there is something to do")
        feed.allow(EVENTS_A_ROUND)
        rival = None
        if point:
            killed_at(world, pipeline, feed, point)
        else:
            upkeep = start_upkeep(world, pipeline)
            # Two at once, now and then: they take the same files, and the slower one has to notice.
            rival = start_upkeep(world, pipeline) if number % 2 else None
            time.sleep(chance.uniform(0.05, 1.0))  # where it is by then decides nothing but what is killed
            upkeep.kill()
        if number % 3 == 0:
            weir.kill()
            weir = world.start_weir(pipeline)
        if rival:
            assert rival.wait() == 0, rival.text()
        feed.wait_until_all()
        done = check_upkeep(world, pipeline, *UPKEEP)
        assert all(step["outcome"] != "failed" for step in done.values()), done
        assert not [path for path in left_overs if path.exists()], "what killed writes left behind hours ago is swept"
    until(lambda: pipeline.positions()[0] == feed.published, "everything is in the lake")
    assert weir.running() and not pipeline.shard()["last_error"], pipeline.shard()
    assert weir.terminate() == 0, weir.text()[-4000:]
    assert "shard stopped" not in weir.text()

    last = feed.published
    assert rows_at(world, pipeline, old) == then, "the past is as it was until a vacuum ends it"
    kept = committed_files(world.lake / events.TABLE)
    missing = [path for path in kept if not (world.lake / events.TABLE / path.replace("%3D", "=")).exists()]
    assert not missing, f"files of versions within the retention are gone: {missing[:3]}"
    finish(world, pipeline, last)
    vacuum_everything_old(world, pipeline, last, old)


def test_two_upkeeps_at_once_again_and_again_never_double_a_row(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(lake=lake_settings(world))
    feed = world.feed(rate=RATE, batch=BATCH)
    weir = world.start_weir(pipeline)
    feed.allow(EVENTS_A_ROUND)
    feed.wait_until_all()
    for _ in range(3):
        feed.allow(EVENTS_A_ROUND)
        rivals = [start_upkeep(world, pipeline, *UPKEEP, "--only", "compact") for _ in range(3)]
        for rival in rivals:
            assert rival.wait() == 0, rival.text()
        feed.wait_until_all()
    until(lambda: pipeline.positions()[0] == feed.published, "everything is in the lake")
    assert weir.terminate() == 0, weir.text()[-4000:]
    finish(world, pipeline, feed.published)
