"""Counting by readers that are not Weir: Python deltalake, ClickHouse over HTTP, and ClickHouse's own Delta reader."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from events import TABLE, cents
from servers import ClickHouseServer, clickhouse_local

IDENTITY = ["_shard", "_seq", "_row", "id", "amount"]


def lake_table(lake: Path, table: str = TABLE) -> DeltaTable:
    return DeltaTable(str(lake / table))


def lake_position(lake: Path, table: str = TABLE) -> int:
    return lake_table(lake, table).transaction_version(f"weir/{table}/0") or 0


def lake_rows(lake: Path, table: str = TABLE) -> pa.Table:
    return lake_table(lake, table).to_pyarrow_table(columns=IDENTITY).sort_by("_seq")


def clickhouse_rows(server: ClickHouseServer, database: str, table: str = TABLE) -> pa.Table:
    return server.arrow(f"SELECT {', '.join(IDENTITY)} FROM {database}.{table} ORDER BY _seq, _row")


def dead_letter_seqs(lake: Path, table: str = TABLE) -> np.ndarray:
    """Those that count: at or below the position of the rows."""
    letters = DeltaTable(str(lake / "_dead_letters")).to_pyarrow_table(columns=["table", "_seq"])
    seqs = letters.filter(pc.equal(letters["table"], table))["_seq"].to_numpy()
    return np.sort(seqs[seqs <= lake_position(lake, table)])


def dead_letters(lake: Path) -> list[dict[str, Any]]:
    return DeltaTable(str(lake / "_dead_letters")).to_pyarrow_table().to_pylist()


def clickhouse_reads_lake(lake: Path, table: str = TABLE) -> dict[str, int]:
    """What ClickHouse's Delta reader counts."""
    answer = clickhouse_local(
        "SELECT toInt64(count()) AS rows, toInt64(uniqExact(_shard, _seq, _row)) AS ids, min(_seq) AS first, "
        "max(_seq) AS last, sum(_seq) AS seqs, toInt64(sum(amount) * 100) AS cents "
        f"FROM deltaLakeLocal('{lake / table}') "
        "SETTINGS output_format_json_quote_64bit_integers = 0 FORMAT JSONEachRow",
        lake,
    )
    return json.loads(answer)


def difference(expected: np.ndarray, found: np.ndarray) -> str:
    """What is wrong with `found`, for people; empty when nothing is. Both sorted."""
    if np.array_equal(expected, found):
        return ""
    values, counts = np.unique(found, return_counts=True)
    missing = np.setdiff1d(expected, values)
    doubled = values[counts > 1]
    foreign = np.setdiff1d(values, expected)
    return ", ".join(
        f"{len(some)} {what} ({some[0]} .. {some[-1]})"
        for what, some in (("missing", missing), ("double", doubled), ("foreign", foreign))
        if len(some) > 0
    )


def check_rows(rows: pa.Table, ids: np.ndarray, seqs: np.ndarray, where: str) -> None:
    """`rows` are exactly the events `ids` under the sequences `seqs`, each once, with its own content."""
    problem = difference(seqs, rows["_seq"].to_numpy())
    assert not problem, f"{where}: _seq {problem}"
    assert np.array_equal(rows["id"].to_numpy(), ids), f"{where}: rows have the content of other events"
    assert pc.all(pc.equal(rows["_shard"], 0)).as_py() in (True, None), where
    assert pc.all(pc.equal(rows["_row"], 0)).as_py() in (True, None), where
    total = int(pc.sum(rows["amount"]).as_py() * 100) if len(ids) else 0
    assert total == int(cents(ids).sum()), f"{where}: the amounts add up to {total}"


def check_delta_reader(lake: Path, ids: np.ndarray, seqs: np.ndarray) -> None:
    assert clickhouse_reads_lake(lake) == {
        "rows": len(seqs),
        "ids": len(seqs),
        "first": seqs[0],
        "last": seqs[-1],
        "seqs": int(seqs.sum()),
        "cents": int(cents(ids).sum()),
    }
