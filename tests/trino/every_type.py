"""A table with a column of every type, and rows whose values are known here, as a client of Trino must show them."""

import base64
import datetime
import decimal
import json
import struct
from dataclasses import dataclass
from typing import Any

import events

TABLE = "every_type"
STREAM = "TYPES"
SUBJECTS = "types.>"
UTC = datetime.timezone.utc
Decimal = decimal.Decimal


@dataclass(frozen=True)
class Column:
    name: str
    type: str  # As the pipeline file says it,
    trino: str  # and as Trino does.
    nullable: bool = False


_STRUCT = "struct<n:int64,at:timestamp,price:decimal(20,4),big:uint64,day:date,text:string,raw:binary,x:float64,ok:bool>"
_ROW = (
    'row("n" bigint, "at" timestamp(3) with time zone, "price" decimal(20,4), "big" decimal(20,0), "day" date, '
    '"text" varchar, "raw" varbinary, "x" double, "ok" boolean)'
)

COLUMNS = [
    Column("n", "int64", "bigint"),
    Column("c_bool", "bool", "boolean", True),
    Column("c_int8", "int8", "tinyint", True),
    Column("c_int16", "int16", "smallint", True),
    Column("c_int32", "int32", "integer", True),
    Column("c_int64", "int64", "bigint", True),
    Column("c_uint8", "uint8", "smallint", True),
    Column("c_uint16", "uint16", "integer", True),
    Column("c_uint32", "uint32", "bigint", True),
    Column("c_uint64", "uint64", "decimal(20,0)", True),
    Column("c_float32", "float32", "real", True),
    Column("c_float64", "float64", "double", True),
    Column("c_decimal", "decimal(10,2)", "decimal(10,2)", True),
    Column("c_decimal38", "decimal(38,10)", "decimal(38,10)", True),
    Column("c_string", "string", "varchar", True),
    Column("c_binary", "binary", "varbinary", True),
    Column("c_date", "date", "date", True),
    Column("c_timestamp", "timestamp", "timestamp(3) with time zone", True),
    Column("c_uuid", "uuid", "varchar", True),
    Column("c_json", "json", "varchar", True),
    Column("c_list", "list<int64>", "array(bigint)"),
    Column("c_times", "list<timestamp>", "array(timestamp(3) with time zone)"),
    Column("c_raws", "list<binary>", "array(varbinary)"),
    Column("c_struct", _STRUCT, _ROW),
    Column("c_deep", f"list<list<{_STRUCT}>>", f"array(array({_ROW}))"),
]
SYSTEM = [("_shard", "integer"), ("_seq", "bigint"), ("_row", "integer"), ("_time", "timestamp(3) with time zone"), ("_subject", "varchar")]


def column_section(columns: list[Column] = COLUMNS) -> str:
    """[[table.column]] of a pipeline file."""
    return "".join(
        f'\n[[table.column]]\nname = "{column.name}"\ntype = "{column.type}"\n'
        + ("" if column.nullable else "required = true\n")
        for column in columns
    )


# One list a column, of texts in JSON; event n takes item n modulo its length. The lengths differ so that edges meet.
_EDGES: dict[str, list[Any]] = {
    "c_bool": [True, False, None],
    "c_int8": [-128, 127, 0, None],
    "c_int16": [-(2**15), 2**15 - 1, None],
    "c_int32": [-(2**31), 2**31 - 1, 7, None],
    "c_int64": [-(2**63), 2**63 - 1, 2**53 + 1, None],
    "c_uint8": [0, 255, None],
    "c_uint16": [0, 65_535, None],
    "c_uint32": [0, 2**32 - 1, None],
    "c_uint64": [0, 2**64 - 1, 2**63, 2**53 + 1, None],
    "c_float32": [1.5, -0.25, 3.4028234663852886e38, None],
    "c_float64": [0.1, 5e-324, 1.7976931348623157e308, -2.5, None],
    "c_decimal": ["99999999.99", "-99999999.99", "0.01", None],
    "c_decimal38": ["9999999999999999999999999999.9999999999", "-0.0000000001", None],
    "c_string": ["", "plain", "Grüße, 世界 🌍", "it's \"quoted\" \\ and\ttabbed\n", "a\u0000b", None],
    "c_binary": [b"", b"\x00\xff\x80", "é".encode(), None],
    "c_date": ["1970-01-01", "1900-01-01", "2299-12-31", "2024-02-29", None],
    "c_timestamp": [
        "2026-03-01T12:34:56.789Z",
        "1969-12-31T23:59:59.999499Z",
        "2024-02-29T23:59:59.999500Z",  # Half a millisecond: the next day, in both stores.
        "1900-01-01T00:00:00.000Z",
        "2262-01-01T00:00:00.000501Z",
        None,
    ],
    "c_uuid": ["00000000-0000-4000-8000-000000000001", "ffffffff-ffff-4fff-bfff-ffffffffffff", None],
    "c_json": [{"a": [1, None, "ü"]}, [], "text", None],
    "c_list": [[], [2**63 - 1, -(2**63)], [0]],
    "c_times": [[], ["2026-03-01T00:00:00.0005Z", "1969-12-31T23:59:59.9994Z"]],
    "c_raws": [[], [b"", b"\x00\xff"], [b"abc"]],
}
_STRUCTS = [
    {"n": -(2**63), "at": "2026-03-01T00:00:00.000500Z", "price": "-9999999999999999.9999", "big": 2**64 - 1,
     "day": "1900-01-01", "text": "世界, \"it's\" \\", "raw": b"\x00\xff", "x": 5e-324, "ok": True},
    {"n": 2**63 - 1, "at": "1969-12-31T23:59:59.999499Z", "price": "0.0001", "big": 0,
     "day": "2299-12-31", "text": "", "raw": b"", "x": -0.1, "ok": False},
]  # fmt: skip
_EDGES["c_struct"] = _STRUCTS
_EDGES["c_deep"] = [[], [[]], [[_STRUCTS[0]], [_STRUCTS[1], _STRUCTS[0]]]]


def _value(number: int, name: str) -> Any:
    edges = _EDGES[name]
    return edges[number % len(edges)]


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    return value


def event(number: int) -> tuple[str, bytes]:
    """Subject and payload of event `number`."""
    fields: dict[str, Any] = {"n": number}
    for column in COLUMNS[1:]:
        value = _value(number, column.name)
        # What is JSON already stays as it is; a missing field is NULL as much as null is.
        if value is not None:
            fields[column.name] = value if column.type == "json" else _to_json(value)
    return f"types.t{number % 3}", json.dumps(fields, ensure_ascii=False).encode()


def _timestamp(text: str) -> datetime.datetime:
    """Rounded half up to milliseconds: what both stores show through Trino."""
    exact = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    micros = (exact - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // datetime.timedelta(microseconds=1)
    return datetime.datetime(1970, 1, 1, tzinfo=UTC) + datetime.timedelta(milliseconds=(micros + 500) // 1000)


def _shown(value: Any, type_name: str) -> Any:
    if value is None:
        return None
    if type_name.startswith("list<"):
        return [_shown(item, type_name[5:-1]) for item in value]
    if type_name.startswith("struct<"):
        fields = dict(field.split(":", 1) for field in type_name[7:-1].replace("(20,4)", "").split(","))
        return tuple(_shown(value[name], fields[name]) for name in fields)
    if type_name.startswith("decimal") or type_name == "uint64":
        return Decimal(value)
    if type_name == "timestamp":
        return _timestamp(value)
    if type_name == "date":
        return datetime.date.fromisoformat(value)
    if type_name == "float32":
        return struct.unpack("f", struct.pack("f", value))[0]
    return value


def shown(number: int) -> list[Any]:
    """The row of event `number`, without system columns, as the Python client gives it. JSON is compared parsed."""
    return [number] + [_shown(_value(number, column.name), column.type) for column in COLUMNS[1:]]


def as_shown(row: list[Any]) -> list[Any]:
    """A row from the Python client, to be compared with shown()."""

    def plain(value: Any, column: Column) -> Any:
        if value is None:
            return None
        if column.type == "json":
            return json.loads(value)
        if column.type == "float32":
            return struct.unpack("f", struct.pack("f", value))[0]
        return _in_utc(value)

    return [plain(value, column) for value, column in zip(row, COLUMNS, strict=True)]


def _in_utc(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.astimezone(UTC)
    if isinstance(value, tuple):
        return tuple(_in_utc(item) for item in value)
    if isinstance(value, list):
        return [_in_utc(item) for item in value]
    return value


def settings() -> dict[str, str]:
    """Of a Pipeline (tests/faults/world.py)."""
    assert events.TABLE != TABLE
    return {
        "table": "",
        "columns": column_section(),
        "stream": STREAM,
        "subjects": SUBJECTS,
        "table_name": TABLE,
        "pipeline": "types",
    }
