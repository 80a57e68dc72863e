"""Speak as the World Bank: yearly indicators in pages; errors come with status 200."""

from __future__ import annotations

from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS: dict[str, str] = {}
_TITLES = {"NY.GDP.MKTP.CD": "GDP (current US$)", "FP.CPI.TOTL.ZG": "Inflation, consumer prices (annual %)"}


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request."""
    if fault in ("error_body", "not_found"):
        number, told = ("120", "The provided parameter value is not valid") if fault == "not_found" else ("105", "Down")
        return Spoken(content=[{"message": [{"id": number, "key": "Invalid value", "value": told}]}])
    countries, indicator = asked.path.split("/")[2].split(";"), asked.path.split("/")[4]
    first, last = (int(year) for year in asked.query["date"].split(":"))
    rows = [
        {"indicator": {"id": name, "value": _TITLES.get(name, name)}, "country": {"id": place[:2], "value": place},
         "countryiso3code": place, "date": str(year), "value": value, "unit": "", "obs_status": "", "decimal": 0}
        for name, place, year, value in stand_in.data.indicators
        if name == indicator and place in countries and first <= year <= last
    ]  # fmt: skip
    size = stand_in.page_rows or int(asked.query["per_page"])
    page = int(asked.query["page"])
    pages = max(1, -(-len(rows) // size))
    shown = rows[(page - 1) * size : page * size]
    if fault == "looping_cursor":
        shown, pages = rows[:size], page + 1
        rows = rows[:size] * pages
    if fault == "short_page":
        shown = shown[:-1]
        rows = rows or [{}]
    head = {"page": page, "pages": pages, "per_page": size, "total": len(rows), "lastupdated": "2024-01-15"}
    return Spoken(content=[head, shown or None])
