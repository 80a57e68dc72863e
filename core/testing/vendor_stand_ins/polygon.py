"""Speak as Polygon (Massive): aggregates, grouped days, splits, dividends, news, ticker details."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from core.testing.vendor_stand_ins.data import ServedBar, symbol_of, ticker_on
from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS = {"MASSIVE_API_KEY": "massive-stand-in-key"}
_NEW_YORK = ZoneInfo("America/New_York")


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request."""
    if asked.headers.get("authorization") != f"Bearer {KEYS['MASSIVE_API_KEY']}" or fault == "wrong_key":
        return Spoken(status=401, content={"status": "ERROR", "request_id": "r1", "error": "Unknown API Key"})
    if fault == "not_found":
        return Spoken(status=404, content={"status": "NOT_FOUND", "request_id": "r1", "message": "Ticker not found."})
    if fault == "error_body":
        return Spoken(content={"status": "ERROR", "request_id": "r1", "error": "Something went wrong."})
    for start, speak in _PATHS:
        if asked.path.startswith(start):
            spoken = speak(stand_in, asked)
            return _faulty(stand_in, asked, spoken, fault)
    return Spoken(status=404, content={"status": "NOT_FOUND", "request_id": "r1", "message": "Page not found."})


def _faulty(stand_in: StandIn, asked: Asked, spoken: Spoken, fault: Fault | None) -> Spoken:
    if fault == "short_page":
        rows = spoken.content.get("results", [])
        content = {**spoken.content, "results": rows[:-1], "resultsCount": len(rows), "queryCount": len(rows)}
        return Spoken(content=content)
    if fault == "looping_cursor":
        # Each answer names another cursor and gives the same rows.
        cursor = f"again{len(stand_in.asked)}"
        query = "&".join(f"{name}={value}" for name, value in asked.query.items() if name != "loop")
        return Spoken(content={**spoken.content, "next_url": f"{stand_in.url}{asked.path}?{query}&loop={cursor}"})
    return spoken


def _aggregates(stand_in: StandIn, asked: Asked) -> Spoken:
    # /v2/aggs/ticker/{ticker}/range/1/day/{from}/{to}
    parts = asked.path.split("/")
    ticker, start, end = parts[4], date.fromisoformat(parts[8]), date.fromisoformat(parts[9])
    symbol = symbol_of(ticker.replace(".", "-"), end) or ticker
    bars = [
        bar
        for bar in stand_in.data.between(symbol, start, end)
        if ticker_on(symbol, bar.session) == ticker.replace(".", "-")
    ]
    rows = [_row(bar, time(0, 0)) for bar in _started(stand_in, bars)]
    found = _list(stand_in, asked, rows)
    found |= {"ticker": ticker, "adjusted": asked.query.get("adjusted") != "false", "queryCount": len(found["results"])}
    found["resultsCount"] = len(found["results"])
    return Spoken(content=found)


def _grouped(stand_in: StandIn, asked: Asked) -> Spoken:
    day = date.fromisoformat(asked.path.rsplit("/", 1)[1])
    rows = []
    for symbol, bars in stand_in.data.bars.items():
        if not symbol.endswith("-USD"):
            today = [bar for bar in _started(stand_in, bars) if bar.session == day]
            rows += [{"T": ticker_on(symbol, day).replace("-", "."), **_row(bar, time(16, 0))} for bar in today]
    rows += [{"T": "ZZZZ", "o": 1.0, "h": 1.0, "l": 1.0, "c": 1.0, "v": 5, "t": _stamp(day, time(16, 0))}]
    found = {"status": "OK", "adjusted": asked.query.get("adjusted") != "false", "results": rows, "request_id": "r1"}
    return Spoken(content={**found, "queryCount": len(rows), "resultsCount": len(rows), "count": len(rows)})


def _splits(stand_in: StandIn, asked: Asked) -> Spoken:
    rows = [
        {"ticker": ticker_on(symbol, day).replace("-", "."), "execution_date": day.isoformat(), "split_from": 1,
         "split_to": ratio, "id": f"s{place}"}
        for place, (symbol, day, ratio) in enumerate(stand_in.data.splits)
        if _inside(asked, "execution_date", day.isoformat())
    ]  # fmt: skip
    return Spoken(content=_list(stand_in, asked, rows))


def _dividends(stand_in: StandIn, asked: Asked) -> Spoken:
    rows = [
        {"ticker": ticker_on(symbol, day).replace("-", "."), "ex_dividend_date": day.isoformat(), "cash_amount": amount,
         "currency": "USD", "dividend_type": "CD", "frequency": 4, "id": f"d{place}"}
        for place, (symbol, day, amount) in enumerate(stand_in.data.dividends)
        if _inside(asked, "ex_dividend_date", day.isoformat())
    ]  # fmt: skip
    return Spoken(content=_list(stand_in, asked, rows))


def _news(stand_in: StandIn, asked: Asked) -> Spoken:
    rows = []
    for place, article in enumerate(stand_in.data.articles):
        stamp = article.published.strftime("%Y-%m-%dT%H:%M:%SZ")
        if _inside(asked, "published_utc", stamp):
            tickers = [symbol.replace("-", ".") for symbol in article.symbols]
            row: dict[str, Any] = {
                "id": f"news{place}", "publisher": {"name": article.publisher}, "title": article.headline,
                "published_utc": stamp, "article_url": article.url, "tickers": tickers, "description": article.summary,
            }  # fmt: skip
            if article.tone:
                row["insights"] = [{"ticker": name, "sentiment": article.tone} for name in tickers]
            rows.append(row)
    return Spoken(content=_list(stand_in, asked, rows))


def _details(stand_in: StandIn, asked: Asked) -> Spoken:
    ticker = asked.path.rsplit("/", 1)[1]
    if ticker.replace(".", "-") not in stand_in.data.bars:
        return Spoken(status=404, content={"status": "NOT_FOUND", "request_id": "r1", "message": "Ticker not found."})
    results = {
        "ticker": ticker,
        "name": f"{ticker} Inc.",
        "market": "stocks",
        "active": True,
        "list_date": "1980-12-12",
    }
    return Spoken(content={"status": "OK", "request_id": "r1", "results": results})


_PATHS: Sequence[tuple[str, Callable[[StandIn, Asked], Spoken]]] = (
    ("/v2/aggs/ticker/", _aggregates),
    ("/v2/aggs/grouped/", _grouped),
    ("/v3/reference/splits", _splits),
    ("/v3/reference/dividends", _dividends),
    ("/v2/reference/news", _news),
    ("/v3/reference/tickers/", _details),
)


def _list(stand_in: StandIn, asked: Asked, rows: list[Any]) -> dict[str, Any]:
    """Return one page of rows and, where more follow, the address of the next."""
    size = stand_in.page_rows or int(asked.query.get("limit", "1000"))
    begin = int(asked.query.get("cursor", "0"))
    found: dict[str, Any] = {"status": "OK", "request_id": "r1", "results": rows[begin : begin + size]}
    if begin + size < len(rows):
        query = {**asked.query, "cursor": str(begin + size)}
        text = "&".join(f"{name}={value}" for name, value in query.items())
        found["next_url"] = f"https://api.massive.com{asked.path}?{text}"
    return found


def _inside(asked: Asked, name: str, value: str) -> bool:
    query = asked.query
    return (
        value >= query.get(f"{name}.gte", "")
        and value <= query.get(f"{name}.lte", "9999")
        and value < query.get(f"{name}.lt", "9999")
    )


def _started(stand_in: StandIn, bars: Sequence[ServedBar]) -> list[ServedBar]:
    """Return the bars of days that have begun on the vendor's clock: the last may be in progress."""
    today = stand_in.clock().astimezone(_NEW_YORK).date()
    return [bar for bar in bars if bar.session <= today]


def _row(bar: ServedBar, at: time) -> dict[str, Any]:
    return {"o": bar.open, "h": bar.high, "l": bar.low, "c": bar.close, "v": bar.volume, "vw": bar.close, "n": 9,
            "t": _stamp(bar.session, at)}  # fmt: skip


def _stamp(day: date, at: time) -> int:
    return int(datetime.combine(day, at, tzinfo=_NEW_YORK).timestamp() * 1000)
