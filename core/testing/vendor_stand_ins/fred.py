"""Speak as FRED in XML: vintages, vintage dates, release dates; what is older than asked for is dated to that day."""

from __future__ import annotations

from datetime import date
from xml.etree.ElementTree import Element, SubElement, tostring

from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS = {"FRED_API_KEY": "0123456789abcdef0123456789abcdef"}
_NAMES = {"DCOILWTICO": "WTI_SPOT_DAILY", "DCOILBRENTEU": "BRENT_SPOT_DAILY"}
_FOREVER = "9999-12-31"


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request."""
    if asked.query.get("api_key") != KEYS["FRED_API_KEY"] or fault == "wrong_key":
        return _error(400, "Bad Request.  The value for variable api_key is not registered.")
    if fault == "error_body":
        return _error(200, "Bad Request.  Variable limit is not between 1 and 1000.", code="400")
    if asked.path == "/releases/dates":
        return _releases(stand_in, asked)
    name = asked.query.get("series_id", "")
    series = _NAMES.get(name, name)
    if fault == "not_found" or series not in stand_in.data.macro:
        return _error(400, "Bad Request.  The series does not exist.")
    rows = stand_in.data.macro[series]
    if asked.path == "/series/vintagedates":
        root = Element("vintage_dates", count="0", limit="10000", offset="0")
        for day in sorted({vintage for _, vintage, _ in rows}):
            SubElement(root, "vintage_date").text = day.isoformat()
        return _sent(root, fault)
    return _observations(rows, asked, fault)


def _observations(rows: list[tuple[date, date, float | None]], asked: Asked, fault: Fault | None) -> Spoken:
    start, end = asked.query.get("realtime_start", ""), asked.query.get("realtime_end", _FOREVER)
    root = Element("observations", realtime_start=start, realtime_end=end, count="0", limit="100000", offset="0")
    periods: dict[date, list[tuple[date, float | None]]] = {}
    for period, vintage, value in sorted(rows, key=lambda row: (row[0], row[1])):
        periods.setdefault(period, []).append((vintage, value))
    for period, vintages in sorted(periods.items()):
        for place, (vintage, value) in enumerate(vintages):
            following = vintages[place + 1][0].isoformat() if place + 1 < len(vintages) else _FOREVER
            if vintage.isoformat() <= end and following > start:
                shown = max(vintage.isoformat(), start)
                SubElement(root, "observation", realtime_start=shown, realtime_end=min(following, end),
                           date=period.isoformat(), value="." if value is None else repr(value))  # fmt: skip
    return _sent(root, fault)


def _releases(stand_in: StandIn, asked: Asked) -> Spoken:
    start, offset = asked.query["realtime_start"], int(asked.query.get("offset", "0"))
    found = sorted((day, number, name) for number, name, day in stand_in.data.releases if day.isoformat() >= start)
    size = stand_in.page_rows or int(asked.query.get("limit", "1000"))
    root = Element("release_dates", count=str(len(found)), offset=str(offset), limit=str(size))
    for day, number, name in found[offset : offset + size]:
        entry = SubElement(root, "release_date", release_id=str(number), release_name=name)
        entry.text = day.isoformat()
    return Spoken(content=tostring(root), content_type="text/xml")


def _sent(root: Element, fault: Fault | None) -> Spoken:
    root.set("count", str(len(root)))
    if fault == "short_page" and len(root):
        root.remove(root[-1])
    return Spoken(content=tostring(root), content_type="text/xml")


def _error(status: int, message: str, code: str = "") -> Spoken:
    root = Element("error", code=code or str(status), message=message)
    return Spoken(status=status, content=tostring(root), content_type="text/xml")
