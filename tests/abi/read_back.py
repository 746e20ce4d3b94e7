"""Reads the table that abi_test left behind with an independent reader, at a version
before its checkpoint and at the newest one, and compares counts, sums and types.

    read_back.py DIR        (the DIR that abi_test was given)
"""
import decimal
import pathlib
import sys

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

ROWS = 2600  # ids 1 .. ROWS
TYPES = {
    "id": pa.int64(),
    "name": pa.string(),
    "small": pa.int16(),
    "big": pa.decimal128(20, 0),
    "at": pa.timestamp("us", tz="UTC"),
    "amount": pa.float64(),
    "day": pa.string(),
    "_seq": pa.int64(),
}


def check(what, found, expected):
    if found != expected:
        sys.exit(f"read_back: {what}: expected {expected}, found {found}")


def check_rows(label, table):
    rows = table.to_pyarrow_table()
    check(f"{label}: columns", sorted(rows.column_names), sorted(TYPES))
    for name, expected in TYPES.items():
        found = rows.schema.field(name).type
        if pa.types.is_large_string(found) or pa.types.is_string_view(found):
            found = pa.string()
        check(f"{label}: type of {name}", found, expected)
    ids = range(1, ROWS + 1)
    check(f"{label}: rows", rows.num_rows, ROWS)
    check(f"{label}: ids", sorted(rows["id"].to_pylist()), list(ids))
    check(f"{label}: sum of _seq", pc.sum(rows["_seq"]).as_py(), sum(ids))
    check(f"{label}: sum of small", pc.sum(rows["small"]).as_py(), sum(i % 200 for i in ids))
    check(f"{label}: sum of big", sum(rows["big"].to_pylist()), decimal.Decimal(sum(i * 3 for i in ids)))
    check(f"{label}: sum of amount", pc.sum(rows["amount"]).as_py(), sum(i * 0.5 for i in ids))
    micros = pc.sum(rows["at"].cast(pa.int64())).as_py()
    check(f"{label}: sum of at", micros, sum(1_700_000_000_000_000 + i * 1_000_000 for i in ids))
    by_id = dict(zip(rows["id"].to_pylist(), zip(rows["name"].to_pylist(), rows["day"].to_pylist())))
    for i in ids:
        check(f"{label}: row {i}", by_id[i], (f"name-{i % 1000}", f"2024-01-{1 + i % 3:02d}"))
    check(f"{label}: partitions", table.metadata().partition_columns, ["day"])


def check_changed(table):
    """What is left of ids 1..200 after `id % 50 = 0` was deleted; the first hundred are older than `name`."""
    rows = table.to_pyarrow_table()
    check("changed: columns", rows.column_names, ["id", "name", "_seq"])
    ids = [i for i in range(1, 201) if i % 50]
    by_id = dict(zip(rows["id"].to_pylist(), rows["name"].to_pylist()))
    check("changed: rows", rows.num_rows, len(ids))
    check("changed: names", by_id, {i: f"name-{i}" if i > 100 else None for i in ids})
    check("changed: txn weir/c/0", table.transaction_version("weir/c/0"), 201)
    check("changed: txn weir/c/plan", table.transaction_version("weir/c/plan"), 2)
    check("changed: txn weir/c/erased", table.transaction_version("weir/c/erased"), 1)
    check("changed: a nullable id", table.schema().fields[0].nullable, True)


def main():
    url = (pathlib.Path(sys.argv[1]) / "lake" / "deep" / "t").as_uri()
    before = DeltaTable(url, version=3)
    check_rows("version 3, before the checkpoint", before)
    check("txn at version 3", before.transaction_version("weir/t/0"), 2600)
    newest = DeltaTable(url)
    check_rows(f"version {newest.version()}, after checkpoint and compaction", newest)
    check("txn weir/t/0", newest.transaction_version("weir/t/0"), 2701)
    check("txn weir/t/0/epoch", newest.transaction_version("weir/t/0/epoch"), 2)
    check("txn weir/t/1", newest.transaction_version("weir/t/1"), 10)
    check_changed(DeltaTable((pathlib.Path(sys.argv[1]) / "lake" / "changed").as_uri()))
    if not list((pathlib.Path(sys.argv[1]) / "lake/deep/t/_delta_log").glob("*.checkpoint*.parquet")):
        sys.exit("read_back: no checkpoint was written")
    print("read_back: counts, sums, types and transactions agree")


if __name__ == "__main__":
    main()
