"""Readers that are not Weir see the lake as docs/readers.md says: its examples are run out of the page."""

import datetime
import re
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable

from docs_commands_test import DAYS, Shop, shop  # noqa: F401  (a fixture)
from servers import clickhouse_local

GUIDE = Path(__file__).parents[2] / "docs" / "readers.md"
IN_GUIDE = "/var/lib/weir/lake/"
ORDERS = 3_000  # What the fixture published.


def example(heading: str, language: str) -> str:
    """The one block below a heading."""
    (text,) = re.findall(rf"^## {heading}\n.*?```{language}\n(.*?)```", GUIDE.read_text(), flags=re.MULTILINE | re.DOTALL)[:1]
    return text


def expected() -> list[tuple[str, int, Decimal]]:
    """What each example computes: orders and totals by country, of the last three days."""
    rows: dict[str, list[Decimal]] = {}
    for number in range(1, ORDERS + 1):
        if DAYS[number % len(DAYS)] >= "2026-01-05":
            rows.setdefault(["DE", "FR", "IT"][number % 3], []).append(Decimal(f"{number % 2000}.90"))
    return [(country, len(totals), sum(totals, Decimal())) for country, totals in sorted(rows.items())]


@pytest.mark.parametrize("reader", ["DuckDB", "Polars", "pandas"])
def test_the_example_of_a_python_reader_finds_the_orders(shop: Shop, reader: str) -> None:  # noqa: F811
    names: dict[str, object] = {}
    exec(example(reader, "python").replace(IN_GUIDE, f"{shop.world.lake}/"), names)  # noqa: S102
    assert names["totals"] == expected()


def test_the_example_of_clickhouse_finds_the_orders(shop: Shop) -> None:  # noqa: F811
    sql = example("ClickHouse", "sql").replace(IN_GUIDE, f"{shop.world.lake}/")
    lines = clickhouse_local(sql, shop.world.lake).splitlines()
    found = [(country, int(count), Decimal(total)) for country, count, total in (line.split("\t") for line in lines)]
    assert found == expected()


def test_the_lake_is_the_plain_table_that_the_page_promises(shop: Shop) -> None:  # noqa: F811
    table = DeltaTable(str(shop.world.lake / "orders"))
    assert table.protocol().min_reader_version <= 3
    assert not {"deletionVectors", "columnMapping"} & set(table.protocol().reader_features or [])
    assert table.transaction_version("weir/orders/0") == ORDERS
    version = table.version()
    shop.publish(ORDERS + 1, ORDERS + 10)
    shop.catch_up()
    assert DeltaTable(str(shop.world.lake / "orders")).to_pyarrow_table().num_rows == ORDERS + 10
    assert DeltaTable(str(shop.world.lake / "orders"), version=version).to_pyarrow_table().num_rows == ORDERS
    times = DeltaTable(str(shop.world.lake / "orders")).to_pyarrow_table(columns=["created_at"])["created_at"]
    assert times[0].as_py().tzinfo is not None and times[0].as_py().date() >= datetime.date(2026, 1, 3)
