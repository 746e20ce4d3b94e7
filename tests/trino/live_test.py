"""One table, hot and cold, at every moment: counts through the view while events flow, stores fail and weir dies."""

import os
import threading
import time
from dataclasses import dataclass

import numpy as np

import events
from publishing import BATCH_EVENTS, Feed
from servers import until
from trino_server import TrinoServer
from world import DATABASE, Pipeline, World

# How old an answer may be. It bounds what is shown, not how fast a machine is: a commit, a round of publishing, and the time
# for which a busy machine, or taking over from a killed process, holds either of them up.
FRESHNESS_SECONDS = float(os.environ.get("WEIR_TEST_FRESHNESS_SECONDS", "90"))
RATE = int(os.environ.get("WEIR_TEST_RATE", "10000"))  # Events a second; docs/benchmarks.md has P1.
COUNTS = int(os.environ.get("WEIR_TEST_COUNTS", "30"))
# Between two counts of a reader, in seconds. At a high rate ingest needs the processors as well.
PAUSE = float(os.environ.get("WEIR_TEST_PAUSE", "0"))
# Published together. At a high rate round trips to a busy server would hold the feed up.
BATCH = max(BATCH_EVENTS, RATE // 2)
PREPARED_SECONDS = int(os.environ.get("WEIR_TEST_PREPARED_SECONDS", "20"))  # Later events are made while they flow.
REFRESH = os.environ.get("WEIR_TEST_REFRESH", "1s")  # Of the view: how far W trails the lake.
COMMIT = os.environ.get("WEIR_TEST_COMMIT", "1s")  # Of the lake, one file each.
FLUSH = os.environ.get("WEIR_TEST_FLUSH", "50ms")  # Of ClickHouse. At a high rate, parts of many rows cost less.
WARM_UP = int(os.environ.get("WEIR_TEST_WARM_UP", "0"))  # Counts before the events flow: a Trino that has just started compiles.
READERS = 2
VIEW = f"lake.weir.{events.TABLE}"
# How the comment of a view begins to say where its rows come from.
BOTH_STORES = "newer ones from ClickHouse"
LAKE_ALONE = "all rows from the lake"
# Trino's file metastore writes the file of a view anew in its place: who plans in that instant finds no view, and asks again.
IN_BETWEEN = "Could not read table schema"


class Published:
    """How many events had been published at which time, from a feed that is looked at all the time."""

    def __init__(self, feed: Feed):
        self._feed = feed
        self._seen: list[tuple[float, int]] = [(time.monotonic(), 0)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._seen.append((time.monotonic(), self._feed.published))

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def at(self, moment: float) -> int:
        """At least this many were acknowledged then."""
        seen = self._seen[:]
        index = np.searchsorted([when for when, _ in seen], moment, side="right") - 1
        return seen[index][1] if index >= 0 else 0

    def at_most_now(self) -> int:
        """More than these cannot be in the stream: one batch may be on its way."""
        return self._feed.published + BATCH


PERIOD = 100  # Which events become rows repeats itself.
ROWS_A_PERIOD = len(events.rows_of(events.numbers(1, PERIOD)))


def rows_among(last: int) -> int:
    """How many of the events 1..last become a row."""
    periods, rest = divmod(last, PERIOD)
    return periods * ROWS_A_PERIOD + len(events.rows_of(events.numbers(1, rest)))


# Which rows there are: the view shows the events up to some number.
IDENTITIES = "sum(_seq), sum(_seq % 1009 * _seq)"
DISTINCT = "count(DISTINCT (_shard, _seq, _row))"
DISTINCT_ROWS = 2_000_000  # With more of them Trino's memory is too small for DISTINCT, and IDENTITIES speak alone.


def identities(rows: int) -> tuple[int, int]:
    """IDENTITIES of the first `rows` rows."""
    ids = events.rows_of(events.numbers(1, (rows // ROWS_A_PERIOD + 1) * PERIOD))[:rows]
    return int(ids.sum()), int((ids % 1009 * ids).sum())


def wanted(rows: int) -> str:
    """What to ask of about `rows` rows besides their number."""
    return f"{IDENTITIES}, {DISTINCT}" if rows < DISTINCT_ROWS else IDENTITIES


@dataclass
class Answer:
    started: float
    ended: float
    least: int  # Rows of what was published FRESHNESS_SECONDS before the start,
    most: int  # and of what was published at the end.
    rows: int
    identities: list[int] | None  # As `wanted` asked for, where it did.


class Reader(threading.Thread):
    """Counts through the view over and over, as a user of its own."""

    def __init__(self, trino: TrinoServer, published: Published, number: int):
        super().__init__(daemon=True)
        self._trino, self._published, self._number = trino, published, number
        self._over = threading.Event()
        self.answers: list[Answer] = []
        self.failures: list[tuple[float, str]] = []
        self.in_between = 0  # How often it came while the view was written.
        self.start()

    def run(self) -> None:
        while not self._over.is_set():
            # Every tenth count looks at the identities too.
            before = self.answers[-1].rows if self.answers else 0
            more = f", {wanted(before)}" if len(self.answers) % 10 == self._number else ""
            started = time.monotonic()
            least = rows_among(self._published.at(started - FRESHNESS_SECONDS))
            try:
                ((rows, *which),) = self._trino.query(f"SELECT count(*){more} FROM {VIEW}", user="reader")
            except Exception as error:  # noqa: BLE001  whatever the client raises: the test decides when it may
                if IN_BETWEEN in str(error):
                    self.in_between += 1
                else:
                    self.failures.append((started, str(error)))
                self._over.wait(0.2)
                continue
            most = rows_among(self._published.at_most_now())
            self.answers.append(Answer(started, time.monotonic(), least, most, rows, [value or 0 for value in which] or None))
            self._over.wait(PAUSE)

    def end(self) -> None:
        self._over.set()
        self.join()


def expected(rows: int) -> list[list[int]]:
    """What `wanted` may bring for `rows` rows without a double."""
    return [[*identities(rows)], [*identities(rows), rows]]


def check_answers(readers: list[Reader]) -> list[Answer]:
    """What must hold of all answers, whoever asked: fresh, not from the future, no double, never fewer than before."""
    answers = sorted((answer for reader in readers for answer in reader.answers), key=lambda answer: answer.ended)
    assert sum(reader.in_between for reader in readers) <= len(answers) / 10, "that is seldom"
    for answer in answers:
        assert answer.least <= answer.rows <= answer.most, answer
        assert answer.identities is None or answer.identities in expected(answer.rows), answer
    for answer in answers:
        before = [other for other in answers if other.ended <= answer.started]
        assert answer.rows >= max((other.rows for other in before), default=0), (answer, before[-1])
    return answers


def rest(world: World, trino: TrinoServer, pipeline: Pipeline, last: int) -> None:
    """Nothing moves any more: the view shows exactly what the stream held, by identity."""
    ids = events.rows_of(events.numbers(1, last))
    until(lambda: trino.query(f"SELECT count(*) FROM {VIEW}") == [[len(ids)]], "the view shows everything")
    ((rows, *which),) = trino.query(f"SELECT count(*), {wanted(len(ids))} FROM {VIEW}")
    assert rows == len(ids) and which in expected(rows), (rows, which)
    world.check_exact(pipeline, last)


def start(world: World, trino: TrinoServer) -> Pipeline:
    """The stream, the pipeline, and a Trino that has its catalogs."""
    world.create_stream()
    # What a count costs grows with the files of the lake, and a slower machine takes longer to count.
    lake = f'url = "file://{world.lake}"\ncommit_interval = "{COMMIT}"'
    clickhouse = f'url = "{world.clickhouse.url}"\ndatabase = "{DATABASE}"\nflush_interval = "{FLUSH}"'
    table = f'order_by = ["customer", "at"]\nsql = "{events.SQL}"'
    pipeline = world.pipeline(clickhouse=clickhouse, trino=trino.section(refresh_interval=f'"{REFRESH}"'), lake=lake, table=table)
    trino.start(pipeline)
    return pipeline


def comment(trino: TrinoServer) -> str:
    return trino.comment(events.TABLE)


def test_counts_while_events_flow_are_fresh_never_fall_and_hold_no_double(world: World, trino: TrinoServer) -> None:
    pipeline = start(world, trino)
    feed = world.feed(rate=RATE, batch=BATCH)
    feed.prepare(1, RATE * PREPARED_SECONDS // BATCH * BATCH)
    weir = world.start_weir(pipeline)
    feed.allow(BATCH)
    until(lambda: BOTH_STORES in comment(trino), "the view is there, over both stores")
    for _ in range(WARM_UP):
        trino.query(f"SELECT count(*), {wanted(1)} FROM {VIEW}")
    published = Published(feed)
    began, started = feed.published, time.monotonic()
    feed.allow(RATE * 3_600)
    readers = [Reader(trino, published, number) for number in range(READERS)]
    until(lambda: sum(len(reader.answers) for reader in readers) >= COUNTS, "counts were taken", timeout=max(900, 6 * COUNTS))
    rate = (feed.published - began) / (time.monotonic() - started)
    last = feed.hold()
    for reader in readers:
        reader.end()
    published.end()
    answers = check_answers(readers)
    assert [failure for reader in readers for failure in reader.failures] == []
    print(f"{len(answers)} counts while {rate:,.0f} events/s flowed ({RATE:,} were asked for), {last:,} in all")
    assert len({answer.rows for answer in answers}) > COUNTS / 4, "the view moves"
    until(lambda: pipeline.positions() == (last, last), "both stores have everything", timeout=300)
    assert weir.terminate() == 0
    rest(world, trino, pipeline, last)


def test_counts_stay_right_while_clickhouse_goes_and_comes_and_weir_is_killed(world: World, trino: TrinoServer) -> None:
    pipeline = start(world, trino)
    feed = world.feed(rate=RATE // 2, batch=BATCH)
    weir = world.start_weir(pipeline)
    feed.allow(BATCH)
    until(lambda: BOTH_STORES in comment(trino), "the view is there, over both stores")
    published = Published(feed)
    feed.allow(RATE * 3_600)
    readers = [Reader(trino, published, number) for number in range(READERS)]

    def more(answers: int) -> None:
        wanted = sum(len(reader.answers) for reader in readers) + answers
        until(lambda: sum(len(reader.answers) for reader in readers) >= wanted, "more counts were taken", timeout=300)

    def no_failures_since(moment: float) -> None:
        late = [failure for reader in readers for failure in reader.failures if failure[0] > moment]
        assert late == [], late

    more(6)
    no_failures_since(0)
    world.clickhouse.kill()
    until(lambda: LAKE_ALONE in comment(trino), "the view is the lake alone", timeout=120)
    alone_at = time.monotonic()
    more(6)
    no_failures_since(alone_at)
    world.clickhouse.start()
    until(lambda: BOTH_STORES in comment(trino), "ClickHouse is back in the view", timeout=120)
    more(6)
    no_failures_since(alone_at)
    for _ in range(2):
        weir.kill()
        more(4)  # On what the killed one published last.
        weir = world.start_weir(pipeline)
        before = comment(trino)
        until(lambda: comment(trino) not in (before, ""), "W moves again", timeout=120)
        more(4)
    no_failures_since(alone_at)
    last = feed.hold()
    for reader in readers:
        reader.end()
    published.end()
    check_answers(readers)
    until(lambda: pipeline.positions() == (last, last), "both stores have everything", timeout=300)
    assert weir.terminate() == 0
    rest(world, trino, pipeline, last)


def test_a_dropped_clickhouse_table_makes_queries_fail_and_never_lack_rows(world: World, trino: TrinoServer) -> None:
    pipeline = start(world, trino)
    weir = world.start_weir(pipeline)
    world.publish(1, 4_000)
    until(lambda: pipeline.positions() == (4_000, 4_000) and BOTH_STORES in comment(trino), "both stores are in the view")
    all_rows = [[rows_among(4_000)]]
    until(lambda: trino.query(f"SELECT count(*) FROM {VIEW}") == all_rows, "the view shows everything")
    world.clickhouse.query(f"DROP TABLE weir_tests.{events.TABLE} SYNC")
    world.publish(4_001, 4_400)  # So that the loss is noticed; the table is made again and holds only what is newer.
    answers = []

    def whole_again() -> bool:
        try:
            answers.append(trino.query(f"SELECT count(*) FROM {VIEW}")[0][0])
        except Exception:  # noqa: BLE001  failing is allowed, lacking rows is not
            return False
        return answers[-1] == rows_among(4_400)

    until(whole_again, "the view is whole again", timeout=120)
    assert min(answers) >= rows_among(4_000), answers
    assert weir.terminate() == 0


def test_an_answer_that_takes_longer_than_its_w_stands_lacks_nothing_and_has_no_double(world: World, trino: TrinoServer) -> None:
    pipeline = start(world, trino)
    feed = world.feed(rate=2_000)
    weir = world.start_weir(pipeline)
    feed.allow(5_000)
    until(lambda: BOTH_STORES in comment(trino), "the view is there, over both stores")
    feed.allow(10**9)

    def count_while_w_moves(work: int) -> bool:
        """Checks one answer; false when W stood still meanwhile. Each row costs `work`."""
        before, in_clickhouse = comment(trino), pipeline.positions()[1]
        slow = f"cardinality(filter(sequence(1, {work}), x -> x % 7 = _seq % 7)) > 0"
        ((rows, distinct),) = trino.query(f"SELECT count(*), count(DISTINCT (_shard, _seq, _row)) FROM {VIEW} WHERE {slow}")
        assert rows_among(in_clickhouse) <= rows <= rows_among(feed.published + BATCH_EVENTS)
        assert rows == distinct
        return comment(trino) != before

    answers = 0
    work = 100
    while answers < 5:
        if count_while_w_moves(work):
            answers += 1
        else:
            work *= 2
            assert work < 10_000_000, "W moves"
    last = feed.hold()
    until(lambda: pipeline.positions() == (last, last), "both stores have everything", timeout=300)
    assert weir.terminate() == 0
    rest(world, trino, pipeline, last)
