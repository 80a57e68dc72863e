"""Fetch the daily geopolitical risk index and its labelled events; no key.

Source: Caldara, D. and Iacoviello, M., "Measuring Geopolitical Risk", American Economic Review, 2022. The authors
publish the whole history as one Stata file, anew each week; a CSV file with the same columns is read as well.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply
from core.adapters.transport.rows import number
from core.data.risk_index import HIGH_RISK, risk_event
from core.domain.event_records import GeopoliticalEvent
from core.domain.market_records import MacroObservation
from core.errors import VendorMalformed
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

TERMS = VendorTerms(
    name="geopolitical_risk",
    title="Geopolitical Risk Index",
    delivers={
        "macro": "the daily geopolitical risk index with its parts, acts and threats",
        "events": "days that its authors label, and days of high risk",
    },
    base_url="https://www.matteoiacoviello.com/gpr_files",
    requests_per_minute=6,
    limits="One file with the whole history, published weekly. No key.",
)
_PATH = "/data_gpr_daily_recent.dta"
_SERIES = {
    "GPRD": "GPRD",
    "GPRD_ACT": "GPRD_ACT",
    "GPRD_THREAT": "GPRD_THREAT",
    "GPRD_MA7": "GPRD_MA7",
    "GPRD_MA30": "GPRD_MA30",
    "N10D": "GPRD_N10D",
}
# A value is published within this time: the file comes weekly. It is also how far back a run has to look.
_LAG = timedelta(days=7)
_LOOK_BACK = timedelta(days=14)
# The first bytes of a Stata file: its version, as text or as a number.
_STATA = (b"<stata_dta>", b"\x71", b"\x72", b"\x73")


def open_vendor(transport: Transport) -> GeopoliticalRisk:
    """Return the vendor over a transport."""
    return GeopoliticalRisk(transport)


class GeopoliticalRisk:
    """Deliver the index and its events."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield the file as one reply; see core.ports.vendor.Vendor."""
        if topic in self.terms.delivers:
            reply = self._transport.get(_PATH, judge=_judge)
            yield self._transport.payload(
                topic, reply, _PATH, {},
                start=(wanted.start - _LOOK_BACK).isoformat(), end=wanted.end.isoformat(),
            )  # fmt: skip

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        start, end = (date.fromisoformat(payload.request[name]) for name in ("start", "end"))
        days = [row for row in _read(payload.body) if start <= row["day"] <= end]
        if payload.kind == "macro":
            rows = [
                (series, row["day"], TERMS.name, "", row[column], _known(row["day"]), "release_lag")
                for row in days
                for column, series in _SERIES.items()
                if not math.isnan(row[column])
            ]
            if rows:
                yield RecordRows(record=MacroObservation, source=TERMS.name, rows=rows)
        else:
            events = [_event(row) for row in days if row["event"] or row["GPRD"] >= HIGH_RISK]
            if events:
                yield RecordRows(record=GeopoliticalEvent, source=TERMS.name, rows=events)


def _event(row: Mapping[str, Any]) -> tuple[Any, ...]:
    parts = {column: row[column] for column in ("GPRD_ACT", "GPRD_THREAT")}
    return risk_event(row["day"], row["GPRD"], parts, TERMS.name, _known(row["day"]), label=row["event"])


def _known(day: date) -> datetime:
    return datetime.combine(day + _LAG, time(23, 59, 59), tzinfo=UTC)


def _judge(reply: Reply) -> None:
    rows = _read(reply.body)
    if not rows:
        raise VendorMalformed(f"{TERMS.title} sent a file without rows.")
    for before, after in pairwise(rows):
        # The index has every day of the calendar.
        if after["day"] - before["day"] != timedelta(days=1):
            raise VendorMalformed(f"The file of {TERMS.title} jumps from {before['day']} to {after['day']}.")


def _read(body: bytes) -> list[dict[str, Any]]:
    """Return the rows of the file in the order of days, each with `day`, `event` and the columns of the index."""
    raw = _read_stata(body) if body.startswith(_STATA) else _read_csv(body)
    rows = []
    for entry in raw:
        row: dict[str, Any] = {column: number(entry.get(column) or None, column) for column in _SERIES}
        row["event"] = str(entry.get("event") or "").strip()
        row["day"] = _day_of(entry.get("DAY") or entry.get("date"))
        rows.append(row)
    return sorted(rows, key=lambda row: row["day"])


def _read_stata(body: bytes) -> list[dict[str, Any]]:
    import struct

    import pandas as pd

    try:
        frame = pd.read_stata(io.BytesIO(body), convert_categoricals=False)
    except (ValueError, KeyError, IndexError, struct.error, UnicodeDecodeError, OSError) as error:
        raise VendorMalformed(f"{TERMS.title} sent a Stata file that cannot be read to its end.") from error
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _read_csv(body: bytes) -> list[dict[str, Any]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VendorMalformed(f"{TERMS.title} sent neither a Stata nor a CSV file.") from error
    reader = csv.DictReader(io.StringIO(text))
    if not {"GPRD", "date"} <= set(reader.fieldnames or ()) or not text.endswith("\n"):
        start = " ".join(text[:80].split())
        raise VendorMalformed(f"{TERMS.title} sent no complete file: {start!r}.")
    return list(reader)


def _day_of(stated: Any) -> date:
    try:
        text = str(int(stated)) if isinstance(stated, int | float) else str(stated)[:10]
        return date.fromisoformat(text)
    except ValueError as error:
        raise VendorMalformed(f"{TERMS.title} sent the day {stated!r}.") from error
