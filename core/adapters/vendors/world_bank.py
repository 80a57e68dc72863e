"""Fetch yearly indicators of countries from the World Bank; no key. Its only vintage is the day of its last update."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply, read_json
from core.domain.market_records import MacroObservation, MacroSeries
from core.errors import VendorError, VendorMalformed, VendorNotFound, VendorRefused
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

TERMS = VendorTerms(
    name="world_bank",
    title="World Bank",
    delivers={"macro": "yearly output, growth, inflation, unemployment and debt of large economies"},
    base_url="https://api.worldbank.org/v2",
    requests_per_minute=60,
    burst=2,
    limits="No stated limit. No key.",
)
_INDICATORS = ("NY.GDP.MKTP.CD", "NY.GDP.MKTP.KD.ZG", "FP.CPI.TOTL.ZG", "SL.UEM.TOTL.ZS", "GC.DOD.TOTL.GD.ZS")
_COUNTRIES = ("USA", "CHN", "JPN", "DEU", "GBR", "FRA", "IND", "BRA", "CAN", "KOR", "EMU", "WLD")
_PAGE = 1_000
# Values of a year appear up to this many years later.
_YEARS_BACK = 3
_INVALID_VALUE = "120"
_SERIES_KNOWN_AT = datetime(1900, 1, 1, tzinfo=UTC)


def open_vendor(transport: Transport) -> WorldBank:
    """Return the vendor over a transport."""
    return WorldBank(transport)


class WorldBank:
    """Deliver yearly macro indicators by country; their series are named WB:<indicator>:<country>."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        if topic == "macro":
            years = f"{wanted.start.year - _YEARS_BACK}:{wanted.end.year}"
            yield from self._transport.deliver_each(_INDICATORS, lambda name: self._indicator(name, years), str)

    def _indicator(self, indicator: str, years: str) -> Iterator[Payload]:
        path = f"/country/{';'.join(_COUNTRIES)}/indicator/{indicator}"
        page, pages, seen = 1, 1, set[bytes]()
        while page <= pages:
            query = {"format": "json", "per_page": str(_PAGE), "page": str(page), "date": years}
            reply = self._transport.get(path, query, judge=_judge)
            head, rows = read_json(reply.body)
            content = repr(rows).encode()
            if rows and content in seen:
                raise VendorMalformed(f"Page {page} of {indicator} of {TERMS.title} repeats an earlier one.")
            seen.add(content)
            yield self._transport.payload("indicator", reply, path, query)
            if not rows:
                return
            page, pages = page + 1, int(head["pages"])

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        head, rows = read_json(payload.body)
        updated = date.fromisoformat(head["lastupdated"])
        # Only the last state is published: a value counts as known from the day of that state on.
        known = datetime.combine(updated, time(23, 59, 59), tzinfo=UTC)
        series: dict[str, tuple[Any, ...]] = {}
        values: list[tuple[Any, ...]] = []
        for row in rows or ():
            country = row["countryiso3code"] or row["country"]["id"]
            if row["value"] is None or not str(row["date"]).isdigit():
                continue
            name = f"WB:{row['indicator']['id']}:{country}"
            title = f"{row['indicator']['value']}, {row['country']['value']}"
            unit = "percent" if "%" in title else "dollars" if "US$" in title else "number"
            series[name] = (name, title, unit, "annual", (), 365, TERMS.name, _SERIES_KNOWN_AT)
            period = date(int(row["date"]), 1, 1)
            values.append((name, period, TERMS.name, updated.isoformat(), float(row["value"]), known, "vintage"))
        if values:
            yield RecordRows(record=MacroSeries, source=TERMS.name, rows=list(series.values()))
            yield RecordRows(record=MacroObservation, source=TERMS.name, rows=values)


def _judge(reply: Reply) -> None:
    found = reply.json()
    if isinstance(found, list) and found and isinstance(found[0], dict) and "message" in found[0]:
        raise _error_of(found[0]["message"][0])
    if not (isinstance(found, list) and len(found) == 2 and {"page", "pages", "total", "per_page"} <= set(found[0])):
        raise VendorMalformed(f"{TERMS.title} sent no pair of head and rows.")
    head, rows = found[0], found[1] or []
    expected = min(int(head["per_page"]), int(head["total"]) - (int(head["page"]) - 1) * int(head["per_page"]))
    if len(rows) != max(expected, 0):
        raise VendorMalformed(f"{TERMS.title} promised {expected} rows and sent {len(rows)}.")


def _error_of(message: dict[str, str]) -> VendorError:
    told = f"{TERMS.title} answered {message.get('id')}: {message.get('value')}."
    return VendorNotFound(told) if message.get("id") == _INVALID_VALUE else VendorRefused(told)
