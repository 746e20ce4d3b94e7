"""Readers that are not Weir see the same rows, sums and types, before and after a checkpoint."""

import json

import pyarrow as pa

import events
import readers
from servers import clickhouse_local, until
from world import World

CHECKPOINT_EVERY = 20  # commits
COMMITS_BEFORE = 8
BATCH = 2_000

LAKE_TYPES = {
    "id": pa.int64(),
    "at": pa.timestamp("us", tz="UTC"),
    "customer": pa.string(),
    "amount": pa.decimal128(12, 2),
    "score": pa.float64(),
    "ok": pa.bool_(),
    "ref": pa.string(),
    "extra": pa.string(),
    "day": pa.date32(),
    "_shard": pa.int32(),
    "_seq": pa.int64(),
    "_row": pa.int32(),
    "_time": pa.timestamp("us", tz="UTC"),
    "_subject": pa.string(),
}
CLICKHOUSE_READS = {
    "id": "Int64",
    "at": "DateTime64(6)",
    "customer": "String",
    "amount": "Decimal(12, 2)",
    "score": "Float64",
    "ok": "Bool",
    "ref": "String",
    "extra": "String",
    "day": "Date32",
    "_shard": "Int32",
    "_seq": "Int64",
    "_row": "Int32",
    "_time": "DateTime64(6)",
    "_subject": "String",
}


def checkpoints(world: World) -> list:
    return sorted((world.lake / events.TABLE / "_delta_log").glob("*.checkpoint*.parquet"))


def check_types(world: World) -> None:
    table = readers.lake_table(world.lake).to_pyarrow_table()
    assert {field.name: field.type for field in table.schema} == LAKE_TYPES
    described = clickhouse_local(f"DESCRIBE deltaLakeLocal('{world.lake / events.TABLE}') FORMAT JSONEachRow", world.lake)
    types = {}
    for line in described.splitlines():
        column = json.loads(line)
        name, type_name = column["name"], column["type"]
        types[name] = type_name[len("Nullable(") : -1] if type_name.startswith("Nullable(") else type_name
    assert types == CLICKHOUSE_READS


def test_readers_agree_before_and_after_a_checkpoint(world: World) -> None:
    world.start_servers()
    world.create_stream()
    pipeline = world.pipeline(lake=f'url = "file://{world.lake}"\ncommit_interval = "100ms"')
    weir = world.start_weir(pipeline)
    last = 0

    def commit() -> None:
        nonlocal last
        last = world.publish(last + 1, last + BATCH)
        until(lambda: pipeline.positions() == (last, last), "both stores have the batch")

    for _ in range(COMMITS_BEFORE):
        commit()
    assert not checkpoints(world)
    rows = events.rows_of(events.numbers(1, last))
    world.check_stores(rows, rows)
    check_types(world)

    while not checkpoints(world):
        commit()
        assert last <= 4 * CHECKPOINT_EVERY * BATCH, "no checkpoint was made"
    commit()
    assert weir.terminate() == 0, weir.text()[-4000:]
    assert (world.lake / events.TABLE / "_delta_log" / "_last_checkpoint").exists()
    assert readers.lake_table(world.lake).version() > CHECKPOINT_EVERY
    world.check_exact(pipeline, last)
    check_types(world)
