"""P4, the other half: Python deltalake writes the rows of an Arrow IPC file into one commit of a new table.

Prints JSON.

lake_bench.py make ROWS.arrow ROWS    makes the file that both halves read
lake_bench.py write ROWS.arrow FOLDER
"""

import json
import sys
import time

import pyarrow as pa
from deltalake import WriterProperties, write_deltalake

BATCH_ROWS = 20_000  # the longest slice that `weir run` makes


def make_rows(path: str, rows: int) -> None:
    """The columns of the flight event and the system columns, with the lake's types."""
    time_type = pa.timestamp("us", "UTC")
    schema = pa.schema(
        [
            pa.field("carrier", pa.string()),
            pa.field("flight_number", pa.int32()),
            pa.field("tail_number", pa.string()),
            pa.field("origin", pa.string()),
            pa.field("dest_airport", pa.string()),
            pa.field("distance_miles", pa.float64()),
            pa.field("departure_delay", pa.int64()),
            pa.field("scheduled_at", time_type),
            pa.field("_shard", pa.int32(), nullable=False),
            pa.field("_seq", pa.int64(), nullable=False),
            pa.field("_row", pa.int32(), nullable=False),
            pa.field("_time", time_type, nullable=False),
            pa.field("_subject", pa.string(), nullable=False),
        ]
    )
    with pa.ipc.new_file(path, schema) as file:
        for start in range(0, rows, BATCH_ROWS):
            n = range(start, min(start + BATCH_ROWS, rows))
            columns = [
                ["UA"] * len(n),
                [1 + i * 7 % 8000 for i in n],
                [f"N{10_000 + i % 80_000}" for i in n],
                ["EWR"] * len(n),
                ["IAH"] * len(n),
                [1.5 + i * 13 % 5000 for i in n],
                [-1 - i * 3 % 60 for i in n],
                [1_357_794_000_000_000 + i % 18 * 86_400_000_000 for i in n],
                [0] * len(n),
                [i + 1 for i in n],
                [0] * len(n),
                [1_700_000_000_000_000 + i * 7 for i in n],
                ["flights.ua.ewr"] * len(n),
            ]
            arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            file.write_batch(pa.record_batch(arrays, schema=schema))


def write(path: str, folder: str) -> None:
    with pa.OSFile(path) as file:
        rows = pa.ipc.open_file(file).read_all()
    started, cpu = time.perf_counter(), time.process_time()
    write_deltalake(folder, rows, writer_properties=WriterProperties(compression="ZSTD", compression_level=1))
    answer = {
        "rows": rows.num_rows,
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make_rows(sys.argv[2], int(sys.argv[3]))
    else:
        write(sys.argv[2], sys.argv[3])
