"""Every command of docs/backfill.md and docs/operations.md does what the page says, in the situation of its heading."""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from publishing import NatsClient
from servers import free_port
from world import World

DOCS = Path(__file__).parents[2] / "docs"
DAYS = [f"2026-01-0{day}" for day in range(3, 8)]


@dataclass
class Shop:
    """The guide's pipeline, on servers of its own."""

    world: World
    folder: Path
    file: Path

    def publish(self, first: int, last: int, **more: object) -> None:
        with NatsClient(self.world.nats) as client:
            client.publish_all([order(number, **more) for number in range(first, last + 1)])

    def run(self, *arguments: str) -> str:
        """A command of the page, typed in the shop's folder; it must succeed."""
        done = self.world.weir(*[str(self.folder / a) if a in ("shop.toml", "history/*.json") else a for a in arguments])
        assert done.returncode == 0, f"weir {shlex.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def catch_up(self) -> None:
        self.run("run", "shop.toml", "--until-caught-up")

    def add_to_file(self, text: str) -> None:
        self.file.write_text(self.file.read_text() + "\n" + text)

    def query(self, sql: str) -> str:
        return self.world.clickhouse.query(sql).decode().strip()


def order(number: int, **more: object) -> tuple[str, bytes]:
    fields = {
        "id": f"5f0c6a52-9d1e-4b60-8a43-{number:012}",
        "at": f"{DAYS[number % len(DAYS)]}T10:00:00.250Z",
        "customer": {"number": 4700 + number % 20, "country": ["DE", "FR", "IT"][number % 3]},
        "total": f"{number % 2000}.90",
        "items": 3,
    } | more
    return f"orders.{['eu', 'us'][number % 2]}.created", json.dumps(fields).encode()


def commands(page: str, heading: str) -> list[list[str]]:
    """What the ```sh blocks below a heading say to type."""
    section = re.split(r"^## ", (DOCS / page).read_text(), flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(heading + "\n")]
    lines = "".join(re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)).splitlines()
    return [shlex.split(line) for line in lines if line]


def headings(page: str) -> list[str]:
    """Those that have commands."""
    found = re.findall(r"^## (.*)$", (DOCS / page).read_text(), flags=re.MULTILINE)
    return [heading for heading in found if commands(page, heading)]


@pytest.fixture
def shop(world: World) -> Shop:
    world.start_servers()
    world.create_stream("ORDERS", "orders.>")
    folder = world.folder / "shop"
    folder.mkdir()
    guide = (DOCS / "getting-started.md").read_text()
    text = guide.split("```toml\n", 1)[1].split("```", 1)[0]
    text = text.replace("nats://127.0.0.1:4222", world.nats.url).replace("http://127.0.0.1:8123", world.clickhouse.url)
    text = text.replace("file:///var/lib/weir/lake", f"file://{world.lake}").replace("/var/lib/weir", str(folder))
    text += f'\n[http]\nlisten = "127.0.0.1:{free_port()}"\n[limits]\nlease_timeout = "2s"\n'
    file = folder / "shop.toml"
    file.write_text(text)
    shop = Shop(world, folder, file)
    shop.publish(1, 3_000)
    shop.catch_up()
    return shop


# --- what has happened before somebody opens the page at a heading


def clickhouse_was_emptied(shop: Shop) -> None:
    shop.query("DROP TABLE shop.orders SYNC")


def clickhouse_lacks_rows(shop: Shop) -> None:
    shop.query(
        "ALTER TABLE shop.orders DELETE WHERE day = '2026-01-05' OR (country = 'DE' AND total > 100) "
        "SETTINGS mutations_sync = 2"
    )


def a_backfill_was_killed(shop: Shop) -> None:
    clickhouse_was_emptied(shop)
    done = shop.world.weir(
        "backfill", shop.file, "--table", "orders", "--to", "clickhouse", WEIR_CRASH_POINT="bulk_inserted"
    )
    assert done.returncode != 0


def a_table_was_added(shop: Shop) -> None:
    shop.add_to_file(
        '[[table]]\nname = "orders_by_customer"\nstream = "ORDERS"\nsubjects = ["orders.>"]\norder_by = ["customer"]\n'
        '[[table.column]]\nname = "customer"\ntype = "int64"\nfrom = "/customer/number"\nrequired = true\n'
        '[[table.column]]\nname = "total"\ntype = "decimal(12,2)"\n'
    )


def files_are_there(shop: Shop) -> None:
    history = shop.folder / "history"
    history.mkdir()
    # One line is what an event would have been; the ids are others.
    lines = [order(number, id=f"5f0c6a52-0000-4b60-8a43-{number:012}")[1] for number in range(1, 101)]
    (history / "orders-2025.json").write_bytes(b"\n".join(lines) + b"\n{broken\n")


def a_derived_table_was_added(shop: Shop) -> None:
    block = re.search(r"```toml\n(.*?)```", (DOCS / "backfill.md").read_text(), flags=re.DOTALL)
    assert block
    shop.add_to_file(block[1])


def nothing(_: Shop) -> None: ...


def a_column_was_added(shop: Shop) -> None:
    shop.add_to_file('  [[table.column]]\n  name = "note"\n  type = "string"\n')


def the_stream_was_purged(shop: Shop) -> None:
    shop.publish(3_001, 3_500)
    shop.world.api("STREAM.PURGE.ORDERS", {"seq": 3_400})


def some_events_are_broken(shop: Shop) -> None:
    shop.publish(3_001, 3_010, total="much")
    shop.catch_up()


SITUATIONS: dict[str, dict[str, Callable[[Shop], None]]] = {
    "backfill.md": {
        "ClickHouse has nothing: the table is new, was dropped or was emptied": clickhouse_was_emptied,
        "ClickHouse lacks one day, or one kind of row": clickhouse_lacks_rows,
        "ClickHouse was away for days and new events should not wait behind the backlog": nothing,
        "A backfill disturbs, hangs or was killed": a_backfill_was_killed,
        "A new table should hold what the stream still has": a_table_was_added,
        "History from before NATS is in files": files_are_there,
        "A table derived from another one": a_derived_table_was_added,
    },
    "operations.md": {
        "Prove that nothing is missing or double": nothing,
        "The audit found rows that ClickHouse lacks": clickhouse_lacks_rows,
        "The lake has many small files": nothing,
        "What did the table look like before": nothing,
        "A person's rows have to go": nothing,
        "Events have a new field": a_column_was_added,
        "The stream lost events before they were read": the_stream_was_purged,
        "ClickHouse is down": nothing,
        "A rejected event is wanted after all": some_events_are_broken,
    },
}


def test_every_heading_with_commands_has_its_situation_here() -> None:
    for page, situations in SITUATIONS.items():
        assert headings(page) == list(situations), page


@pytest.mark.parametrize("page,heading", [(page, heading) for page in SITUATIONS for heading in SITUATIONS[page]])
def test_the_commands_below_a_heading_work(shop: Shop, page: str, heading: str) -> None:
    SITUATIONS[page][heading](shop)
    for words in commands(page, heading):
        assert words[0] == "weir"
        shop.run(*words[1:])
    # Whatever was done, both stores hold what they should.
    shop.catch_up()
    shop.run("audit", "shop.toml")
