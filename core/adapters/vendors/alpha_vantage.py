"""Fetch from Alpha Vantage: daily bars as traded, news with its sentiment, earnings with estimate and surprise.

Every value is text, every error comes with status 200, and the key can only be sent in the address; the transport hides
it. Volume is in shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply, read_json
from core.adapters.transport.rows import Row, columns_of, field, finished, names_in, number
from core.domain.event_records import SecurityEvent
from core.domain.identifiers import content_id
from core.domain.market_records import Instrument
from core.domain.news_records import Article, ArticleSymbol, Sentiment
from core.errors import (
    VendorKeyRefused,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

TERMS = VendorTerms(
    name="alpha_vantage",
    title="Alpha Vantage",
    delivers={
        "bars": "daily bars of US stocks and funds as traded, volume in shares",
        "news": "articles with tickers and the vendor's sentiment",
        "events": "earnings with estimate, result and surprise",
    },
    base_url="https://www.alphavantage.co",
    requests_per_minute=5,
    limits="The free plan allows 25 requests a day; a bar series, a day of news and the earnings of a company are one"
    " request each.",
    keys=("ALPHAVANTAGE_API_KEY",),
    without_key="bars of other vendors; news without a vendor's sentiment are scored on this machine.",
)
_NEWS_PAGE = 1_000
# The short form of a series has the last 100 sessions.
_SHORT_DAYS = 140
_EARNINGS_KNOWN_DAYS = 14
_TONES = {"bearish": "negative", "bullish": "positive"}


def open_vendor(transport: Transport) -> AlphaVantage:
    """Return the vendor over a transport."""
    return AlphaVantage(transport)


class AlphaVantage:
    """Deliver bars, news with sentiment, and earnings."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        self._transport.require_key()
        stocks = [entry for entry in wanted.instruments if entry.asset_class in ("equity", "etf")]
        if topic == "bars":
            asked = [
                (symbol, first, last)
                for entry in stocks
                for symbol, first, last in names_in(entry, wanted.symbol_history, wanted.start, wanted.end)
            ]
            yield from self._transport.deliver_each(asked, lambda item: self._series(*item), lambda item: item[0])
        elif topic == "news":
            days = [wanted.start + timedelta(days=step) for step in range((wanted.end - wanted.start).days + 1)]
            yield from self._transport.deliver_each(days, self._news, date.isoformat)
        elif topic == "events":
            companies = [entry for entry in stocks if entry.asset_class == "equity"]
            yield from self._transport.deliver_each(
                companies, lambda entry: self._earnings(entry, wanted), lambda entry: entry.symbol
            )

    def _series(self, symbol: str, start: date, end: date) -> Iterator[Payload]:
        whole = start < (self._transport.now() - timedelta(days=_SHORT_DAYS)).date()
        query = {"function": "TIME_SERIES_DAILY", "symbol": symbol, "outputsize": "full" if whole else "compact"}
        reply = self._ask(query)
        yield self._transport.payload(
            "daily_series", reply, "/query", query, symbol=symbol, start=start.isoformat(), end=end.isoformat()
        )

    def _news(self, day: date) -> Iterator[Payload]:
        begin, end = f"{day:%Y%m%d}T0000", f"{day:%Y%m%d}T2359"
        seen: set[bytes] = set()
        while True:
            query = {
                "function": "NEWS_SENTIMENT",
                "time_from": begin,
                "time_to": end,
                "sort": "EARLIEST",
                "limit": str(_NEWS_PAGE),
            }
            reply = self._ask(query)
            feed = read_json(reply.body).get("feed") or []
            content = repr(feed).encode()
            if feed and content in seen:
                raise VendorMalformed(f"The news of {day} of {TERMS.title} come again and again.")
            seen.add(content)
            yield self._transport.payload("news", reply, "/query", query)
            if len(feed) < _NEWS_PAGE:
                return
            begin = str(field(feed[-1], "time_published"))[:13]

    def _earnings(self, instrument: Instrument, wanted: Wanted) -> Iterator[Payload]:
        query = {"function": "EARNINGS", "symbol": instrument.symbol}
        reply = self._ask(query)
        yield self._transport.payload(
            "earnings", reply, "/query", query, instrument_id=instrument.instrument_id,
            start=wanted.start.isoformat(), end=wanted.end.isoformat(),
        )  # fmt: skip

    def _ask(self, query: dict[str, str]) -> Reply:
        secret = {"apikey": self._transport.secret() or ""}
        judge = _judge_series if query["function"] == "TIME_SERIES_DAILY" else _judge
        return self._transport.get("/query", query, secret_query=secret, judge=judge)

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        found = read_json(payload.body)
        if payload.kind == "daily_series":
            yield from _parse_series(payload, found)
        elif payload.kind == "news":
            yield from _parse_news(found, names)
        elif payload.kind == "earnings":
            yield from _parse_earnings(payload, found)


def _judge_series(reply: Reply) -> None:
    """Judge as for all, but a call called invalid is one for a symbol that is not known: no failure for bars."""
    try:
        _judge(reply)
    except VendorRefused as error:
        raise VendorNotFound(str(error)) from error


def _judge(reply: Reply) -> None:
    found = reply.json()
    if not isinstance(found, dict):
        raise VendorMalformed(f"{TERMS.title} sent no object.")
    told = str(found.get("Note") or found.get("Information") or found.get("Error Message") or "")
    if not told:
        if not found:
            raise VendorNotFound(f"{TERMS.title} sent an empty object.")
        if (feed := found.get("feed")) is not None and int(found.get("items", len(feed))) != len(feed):
            raise VendorMalformed(f"{TERMS.title} promised {found['items']} articles and sent {len(feed)}.")
        if not any(name in found for name in ("feed", "quarterlyEarnings", "Time Series (Daily)")):
            raise VendorMalformed(f"{TERMS.title} sent none of the parts it promises: {sorted(found)[:5]}.")
        _check_series(found)
        return
    lowered = told.lower()
    if "apikey" in lowered and "invalid or missing" in lowered:
        raise VendorKeyRefused(f"{TERMS.title}: {told}")
    if "error message" in {name.lower() for name in found}:
        raise VendorRefused(f"{TERMS.title}: {told}")
    # The same words for a minute's and a day's limit: only the latter is worth giving up for.
    if "per minute" in lowered and "Note" in found:
        raise VendorUnavailable(f"{TERMS.title}: {told}", after_seconds=60.0)
    raise VendorQuotaSpent(f"{TERMS.title}: {told}")


def _check_series(found: dict[str, Any]) -> None:
    """Raise for a series that does not reach the day it says it was refreshed on."""
    series = found.get("Time Series (Daily)")
    refreshed = str(found.get("Meta Data", {}).get("3. Last Refreshed", ""))[:10]
    if series and refreshed and max(series) != refreshed:
        raise VendorMalformed(f"{TERMS.title} was refreshed on {refreshed} and sent bars to {max(series)}.")


def _parse_series(payload: Payload, found: dict[str, Any]) -> Iterator[BarColumns]:
    start, end = payload.request["start"], payload.request["end"]
    rows: list[Row] = []
    for day, bar in sorted(field(found, "Time Series (Daily)").items()):
        if start <= day <= end:
            values = [
                number(field(bar, name), name) for name in ("1. open", "2. high", "3. low", "4. close", "5. volume")
            ]
            symbol = payload.request["symbol"]
            rows.append((symbol, date.fromisoformat(day), values[0], values[1], values[2], values[3], values[4]))
    yield from columns_of(
        finished(rows, "XNYS", payload.happened_by), source=TERMS.name, origin=f"{TERMS.name}:daily_series",
        convention="as_traded",
    )  # fmt: skip


def _parse_news(found: dict[str, Any], names: SymbolNames) -> Iterator[RecordRows]:
    articles: dict[str, tuple[Any, ...]] = {}
    links: dict[tuple[str, int], tuple[Any, ...]] = {}
    tones: dict[str, tuple[Any, ...]] = {}
    for item in found.get("feed") or ():
        stamp, url, title = str(field(item, "time_published")), item.get("url") or "", str(field(item, "title")).strip()
        try:
            published = datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        except ValueError as error:
            raise VendorMalformed(f"{TERMS.title} sent the time {stamp!r}.") from error
        article = content_id("art", TERMS.name, url or title)
        articles[article] = (
            article, published, published.date(), title, item.get("summary") or "", item.get("source") or "", url,
            TERMS.name, published,
        )  # fmt: skip
        for mention in item.get("ticker_sentiment") or ():
            instrument = names.on(str(mention.get("ticker", "")).replace("CRYPTO:", ""), published.date())
            if instrument is not None:
                links[article, instrument] = (article, instrument)
        if item.get("overall_sentiment_score") is not None:
            score = max(-1.0, min(1.0, number(item["overall_sentiment_score"], "a sentiment")))
            label = str(item.get("overall_sentiment_label", "")).lower()
            tone = next((tone for word, tone in _TONES.items() if label.endswith(word)), "neutral")
            tones[article] = (article, f"provider:{TERMS.name}", score, tone, published)
    for record, rows in ((Article, articles), (ArticleSymbol, links), (Sentiment, tones)):
        if rows:
            yield RecordRows(record=record, source=TERMS.name, rows=list(rows.values()))


def _parse_earnings(payload: Payload, found: dict[str, Any]) -> Iterator[RecordRows]:
    instrument = int(payload.request["instrument_id"])
    rows: dict[str, tuple[Any, ...]] = {}
    for quarter in found.get("quarterlyEarnings") or ():
        text = str(field(quarter, "reportedDate"))
        if not payload.request["start"] <= text <= payload.request["end"]:
            continue
        day = date.fromisoformat(text)
        estimate, actual = _figure(quarter.get("estimatedEPS")), _figure(quarter.get("reportedEPS"))
        details = {
            "fiscal_quarter_end": quarter.get("fiscalDateEnding"),
            "surprise": _figure(quarter.get("surprise")),
            "surprise_percent": _figure(quarter.get("surprisePercentage")),
            "report_time": quarter.get("reportTime"),
        }
        event = content_id("evt", "earnings", str(instrument), day.isoformat())
        known = datetime.combine(day - timedelta(days=_EARNINGS_KNOWN_DAYS), time(0, 0), tzinfo=UTC)
        outcome = None if actual is None else datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
        rows[event] = (
            event, instrument, "earnings", None, day, estimate, actual,
            {name: value for name, value in details.items() if value is not None}, TERMS.name, known, outcome,
        )  # fmt: skip
    if rows:
        yield RecordRows(record=SecurityEvent, source=TERMS.name, rows=list(rows.values()))


def _figure(text: Any) -> float | None:
    return None if text in (None, "None", "", "-") else number(text, "earnings")
