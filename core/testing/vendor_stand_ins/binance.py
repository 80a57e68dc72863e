"""Speak as Binance: daily candles of pairs against USDT."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS: dict[str, str] = {}


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request."""
    symbol = asked.query.get("symbol", "").replace("USDT", "-USD")
    if fault == "not_found" or symbol not in stand_in.data.bars:
        return Spoken(status=400, content={"code": -1121, "msg": "Invalid symbol."})
    if fault == "error_body":
        return Spoken(content={"code": -1000, "msg": "An unknown error occurred while processing the request."})
    start, end = (int(asked.query[name]) for name in ("startTime", "endTime"))
    now = stand_in.clock()
    rows: list[list[Any]] = []
    for bar in stand_in.data.bars[symbol]:
        opened = datetime(bar.session.year, bar.session.month, bar.session.day, tzinfo=UTC)
        stamp = int(opened.timestamp() * 1000)
        if start <= stamp <= end and opened <= now:
            closes = int((opened + timedelta(days=1)).timestamp() * 1000) - 1
            prices = [f"{price:.8f}" for price in (bar.open, bar.high, bar.low, bar.close)]
            rows.append([stamp, *prices, f"{bar.volume:.8f}", closes, "0.0", 308, "0.0", "0.0", "0"])
    rows = rows[: stand_in.page_rows or int(asked.query.get("limit", "500"))]
    if fault == "short_page":
        rows = rows[:-3]
    if fault == "looping_cursor" and rows:
        # Whatever is asked for, the first rows come again.
        rows = [row[:] for row in rows]
        for place, row in enumerate(rows):
            row[0] = 1_600_000_000_000 + 86_400_000 * place
    return Spoken(content=rows)
