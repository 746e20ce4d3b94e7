"""The demo's flights and weather of January as events, and a pipeline for both; flights carry some edges beside."""

import csv
import functools
import json
from typing import Any

from servers import CACHE

FLIGHTS = 12_000
DAYS = 14  # About what those flights fill.

_NOTES = ["on time", "Verspätung wegen Nebel", "遅延", "✈️ late", "", "it's \"quoted\" \\", None]
_BALANCES = [-(2**63), 2**63 - 1, 2**53 + 1, 0, None]
_BOOKINGS = [0, 2**64 - 1, 2**63, 17]
_MICROS = ["000000", "000499", "000500", "123456", "999499"]

SETTINGS = {
    "pipeline": "demo",
    "table_name": "flights",
    "stream": "FLIGHTS",
    "subjects": "flights.>",
    "table": (
        'partition_by = ["origin"]\norder_by = ["carrier", "booking", "scheduled_at"]\n'
        'sql = "SELECT *, CAST(scheduled_at AS DATE) AS day FROM input WHERE air_time IS NOT NULL"'
    ),
    "columns": """
column = [
  { name = "scheduled_at", type = "timestamp", from = "/time_hour", required = true },
  { name = "carrier", type = "string", required = true },
  { name = "flight", type = "int32", required = true },
  { name = "tailnum", type = "string" },
  { name = "origin", type = "string", from = "subject:2", required = true },
  { name = "dest", type = "string", required = true },
  { name = "dep_delay", type = "int32" },
  { name = "arr_delay", type = "int32" },
  { name = "air_time", type = "int32" },
  { name = "distance", type = "int32", required = true },
  { name = "note", type = "string" },
  { name = "balance", type = "int64" },
  { name = "booking", type = "uint64", required = true },
  { name = "fare", type = "decimal(18,4)" },
  { name = "seen_at", type = "timestamp" },
  { name = "stops", type = "list<string>", required = true },
]

[[table]]
name = "weather"
stream = "WEATHER"
subjects = ["weather.>"]
partition_by = ["origin"]
order_by = ["measured_at"]
sql = "SELECT *, (temp - 32) * 5 / 9 AS celsius FROM input WHERE temp IS NOT NULL"
column = [
  { name = "measured_at", type = "timestamp", from = "/time_hour", required = true },
  { name = "origin", type = "string", required = true },
  { name = "temp", type = "decimal(6,2)" },
  { name = "wind_speed", type = "float64" },
  { name = "pressure", type = "float64" },
  { name = "visib", type = "float64" },
]
""",
}


def _fields(row: dict[str, str]) -> dict[str, Any]:
    def value(text: str) -> Any:
        if text in ("", "NA"):
            return None
        try:
            return json.loads(text)
        except ValueError:
            return text

    return {name: value(text) for name, text in row.items()}


@functools.cache
def _flights() -> list[dict[str, Any]]:
    with (CACHE / "demo-data" / "flights.csv").open(newline="") as file:
        return [_fields(row) for row, _ in zip(csv.DictReader(file), range(FLIGHTS))]


@functools.cache
def _weather() -> list[dict[str, Any]]:
    with (CACHE / "demo-data" / "weather.csv").open(newline="") as file:
        rows = [_fields(row) for row in csv.DictReader(file)]
    return [row for row in rows if row["month"] == 1 and row["day"] <= DAYS]


def weather_events() -> int:
    return len(_weather())


def flight(number: int) -> tuple[str, bytes]:
    """Subject and payload of event `number`; one in a thousand is broken."""
    row = _flights()[number - 1]
    if number % 1_000 == 0:
        return f"flights.{row['origin']}", b'{"carrier": "UA", "flight": '
    more = {
        "note": _NOTES[number % len(_NOTES)],
        "balance": _BALANCES[number % len(_BALANCES)],
        "booking": _BOOKINGS[number % len(_BOOKINGS)],
        "fare": None if number % 11 == 0 else f"{number * 7919 % 100_000}.{number % 10_000:04}",
        "seen_at": None if number % 13 == 0 else f"2013-01-{number % 28 + 1:02}T23:59:59.{_MICROS[number % 5]}Z",
        "stops": [["JFK"], [], ["EWR", "Zürich", "東京"]][number % 3],
    }
    return f"flights.{row['origin']}", json.dumps(row | more, ensure_ascii=False).encode()


def weather(number: int) -> tuple[str, bytes]:
    row = _weather()[number - 1]
    return f"weather.{row['origin']}", json.dumps(row).encode()
