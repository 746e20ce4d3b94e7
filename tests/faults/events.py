"""The events of these tests: event n is a function of n, so what must be where is known without asking Weir."""

import numpy as np

TABLE = "events"
STREAM = "EVENTS"
SUBJECTS = "events.>"

# Eight columns, and `day` by SQL: three partitions, so that each ClickHouse write is three INSERTs.
COLUMNS = """
  [[table.column]]
  name = "id"
  type = "int64"
  required = true
  [[table.column]]
  name = "at"
  type = "timestamp"
  required = true
  [[table.column]]
  name = "customer"
  type = "string"
  required = true
  [[table.column]]
  name = "amount"
  type = "decimal(12,2)"
  [[table.column]]
  name = "score"
  type = "float64"
  [[table.column]]
  name = "ok"
  type = "bool"
  [[table.column]]
  name = "ref"
  type = "uuid"
  [[table.column]]
  name = "extra"
  type = "json"
"""
SQL = "SELECT *, CAST(at AS DATE) AS day FROM input WHERE amount > 0"

# What a broken event gets as its code, by kind.
BAD = [
    (b'{"id": 1, "at": "2026-03-01T00:00', "truncated"),
    (b'{"id": "one", "at": "2026-03-01T00:00:00Z", "customer": "c"}', "wrong type"),
    (b'{"id": 99999999999999999999, "at": "2026-03-01T00:00:00Z", "customer": "c"}', "integer out of range"),
    (b'{"id": 1, "at": "2026-02-30T00:00:00Z", "customer": "c"}', "impossible date"),
    (b'{"id": 1, "at": "2026-03-01T00:00:00Z"}', "required field missing"),
    (b'{"id": 1, "at": "2026-03-01T00:00:00Z", "customer": "\xff\xfe"}', "not UTF-8"),
    (b"", "empty"),
]


def is_bad(number: np.ndarray) -> np.ndarray:
    return number % 100 == 37


def is_filtered(number: np.ndarray) -> np.ndarray:
    return (number % 10 == 3) & ~is_bad(number)


def cents(number: np.ndarray) -> np.ndarray:
    return number * 7919 % 1_000_000 + 1


def event(number: int) -> tuple[str, bytes]:
    """Subject and payload of event `number`, about 185 bytes."""
    if number % 100 == 37:
        return "events.bad", BAD[number // 100 % len(BAD)][0]
    amount = number * 7919 % 1_000_000 + 1
    if number % 10 == 3:
        amount = -amount
    text = (
        f'{{"id":{number},"at":"2026-03-0{number % 3 + 1}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}'
        f'.{number % 1_000_000:06}Z","customer":"customer {number % 997}","amount":{amount / 100:.2f},"score":{number / 2},'
        f'"ok":{"true" if number % 2 else "false"},"ref":"00000000-0000-4000-8000-{number:012}",'
        f'"extra":{{"n":{number % 10},"tag":"t{number % 7}"}}}}'
    )
    return f"events.r{number % 5}", text.encode()


def numbers(first: int, last: int) -> np.ndarray:
    return np.arange(first, last + 1, dtype=np.int64)


def rows_of(number: np.ndarray) -> np.ndarray:
    """Those of the events that become rows."""
    return number[~is_bad(number) & ~is_filtered(number)]
