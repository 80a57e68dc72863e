"""Fetch from Polygon (Massive) with its client: bars as traded, splits, dividends, news, ticker details.

The client makes the requests; the desk's transport sends them, because the client's own retries end within a second,
and because only the raw reply tells a cut answer from a complete one. Volume is in shares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply, read_json
from core.adapters.transport.rows import (
    NEW_YORK,
    Row,
    columns_of,
    field,
    finished,
    names_in,
    number,
    session_of_milliseconds,
)
from core.data.calendar import sessions_between
from core.domain.identifiers import content_id
from core.domain.market_records import CorporateAction, Instrument
from core.domain.news_records import Article, ArticleSymbol, Sentiment
from core.errors import VendorMalformed, VendorNotFound, VendorQuotaSpent, VendorRefused
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

if TYPE_CHECKING:
    from massive import RESTClient

TERMS = VendorTerms(
    name="polygon",
    title="Polygon (Massive)",
    delivers={
        "bars": "daily bars of US stocks and funds as traded, volume in shares",
        "actions": "splits and dividends",
        "news": "articles with tickers and the vendor's sentiment",
        "instruments": "first and last day of listing, market value",
    },
    base_url="https://api.massive.com",
    requests_per_minute=5,
    limits="The free plan allows 5 a minute and two years of history.",
    keys=("MASSIVE_API_KEY",),
    without_key="US stocks and funds keep the bars they have; imported files and other vendors still fill them.",
)
_LARGEST_PAGE = 50_000
_PAGE = 1_000
_MOST_PAGES = 2_000
# A delayed plan shows a session's last trades this much later.
_DELAY = timedelta(minutes=16)
# From this many instruments a session on, all of them in one reply are cheaper than one reply each.
_GROUPED_FROM = 5
_TONES = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}


def open_vendor(transport: Transport) -> Polygon:
    """Return the vendor over a transport."""
    return Polygon(transport)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Look like a urllib3 response to the client."""

    reply: Reply

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def data(self) -> bytes:
        return self.reply.body


class _Pool:
    """Stand in for the client's connection pool: the desk's transport sends what the client asks for."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def request(
        self, method: str, url: str, fields: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> _Answer:
        query = {name: str(value) for name, value in (fields or {}).items()}
        key = self._transport.secret()
        sent = {"authorization": f"Bearer {key}"}
        return _Answer(self._transport.get(url, query, headers=sent, judge=_judge))


class Polygon:
    """Deliver bars, actions, news and details of US stocks and funds."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        self._transport.require_key()
        client = _open_client(self._transport)
        mine = tuple(entry for entry in wanted.instruments if entry.asset_class in ("equity", "etf"))
        if topic == "bars" and mine:
            yield from self._bars(client, wanted, mine)
        elif topic == "actions":
            for kind, ask in (("splits", client.list_splits), ("dividends", client.list_dividends)):
                day = "execution_date" if kind == "splits" else "ex_dividend_date"
                window = {f"{day}_gte": wanted.start.isoformat(), f"{day}_lte": wanted.end.isoformat()}
                first = ask(**window, limit=_PAGE, sort=day, order="asc", raw=True)
                yield from self._pages(kind, f"/v3/reference/{kind}", window, first.reply)
        elif topic == "news":
            after = wanted.end + timedelta(days=1)
            window = {"published_utc_gte": wanted.start.isoformat(), "published_utc_lt": after.isoformat()}
            first = client.list_ticker_news(**window, limit=_PAGE, sort="published_utc", order="asc", raw=True)
            yield from self._pages("news", "/v2/reference/news", window, first.reply)
        elif topic == "instruments":
            yield from self._transport.deliver_each(mine, lambda entry: self._details(client, entry), _symbol)

    def _bars(self, client: RESTClient, wanted: Wanted, mine: tuple[Instrument, ...]) -> Iterator[Payload]:
        sessions = [day.item() for day in sessions_between("XNYS", wanted.start, wanted.end)]
        if len(sessions) * _GROUPED_FROM <= len(mine):
            yield from self._transport.deliver_each(sessions, lambda day: self._grouped(client, day), date.isoformat)
            return
        asked = [
            (_ticker(symbol), first, last)
            for instrument in mine
            for symbol, first, last in names_in(instrument, wanted.symbol_history, wanted.start, wanted.end)
        ]
        yield from self._transport.deliver_each(
            asked, lambda item: self._aggregates(client, *item), lambda item: item[0]
        )

    def _aggregates(self, client: RESTClient, ticker: str, start: date, end: date) -> Iterator[Payload]:
        window = {"ticker": ticker, "from": start.isoformat(), "to": end.isoformat(), "adjusted": "false"}
        first = client.get_aggs(
            ticker,
            1,
            "day",
            start.isoformat(),
            end.isoformat(),
            adjusted=False,
            sort="asc",
            limit=_LARGEST_PAGE,
            raw=True,
        )
        yield from self._pages("daily_bars", f"/v2/aggs/ticker/{ticker}", window, first.reply)

    def _grouped(self, client: RESTClient, day: date) -> Iterator[Payload]:
        reply = client.get_grouped_daily_aggs(day.isoformat(), adjusted=False, raw=True).reply
        query = {"date": day.isoformat(), "adjusted": "false"}
        yield self._transport.payload("grouped_bars", reply, "/v2/aggs/grouped/locale/us/market/stocks", query)

    def _details(self, client: RESTClient, instrument: Instrument) -> Iterator[Payload]:
        ticker = _ticker(instrument.symbol)
        reply = client.get_ticker_details(ticker, raw=True).reply
        yield self._transport.payload(
            "ticker_details", reply, f"/v3/reference/tickers/{ticker}", {}, instrument_id=instrument.instrument_id
        )

    def _pages(self, kind: str, path: str, query: Mapping[str, str], reply: Reply) -> Iterator[Payload]:
        """Yield a list page by page; raises VendorMalformed when the vendor's cursor leads in circles."""
        seen: set[bytes] = set()
        for page in range(1, _MOST_PAGES + 1):
            found = read_json(reply.body)
            content = repr(found.get("results")).encode()
            if content in seen and found.get("results"):
                raise VendorMalformed(
                    f"Page {page} of {kind} of {TERMS.title} repeats an earlier one: its cursor loops."
                )
            seen.add(content)
            yield self._transport.payload(kind, reply, path, query, page=page)
            following = found.get("next_url")
            if not following:
                return
            # Only path and query: the key goes to the configured address and nowhere else.
            parts = urlsplit(following)
            answer = _Pool(self._transport).request("GET", f"{parts.path}?{parts.query}")
            reply = answer.reply
        raise VendorMalformed(f"{TERMS.title} does not come to an end of {kind} after {_MOST_PAGES} pages.")

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        found = read_json(payload.body)
        results = found.get("results") or []
        if payload.kind in ("daily_bars", "grouped_bars"):
            yield from _parse_bars(payload, found, results, names)
        elif payload.kind in ("splits", "dividends"):
            yield from _parse_actions(payload, results, names)
        elif payload.kind == "news":
            yield from _parse_news(results, names)
        elif payload.kind == "ticker_details":
            yield from _parse_details(payload, results, names)


def _open_client(transport: Transport) -> RESTClient:
    from massive import RESTClient

    # The key stays with the transport; the client never sees it.
    client = RESTClient("kept by the transport", base="", retries=0, pagination=False)
    client.client = _Pool(transport)
    return client


def _judge(reply: Reply) -> None:
    """Raise for an answer that is no success although its status is 200."""
    found = reply.json()
    if not isinstance(found, dict):
        raise VendorMalformed(f"An object was expected from {TERMS.title} and a {type(found).__name__} came.")
    status, told = str(found.get("status", "")), str(found.get("message") or found.get("error") or "")
    if status == "NOT_FOUND":
        raise VendorNotFound(f"{TERMS.title}: {told or 'not found'}.")
    if status == "NOT_AUTHORIZED":
        raise VendorQuotaSpent(f"{TERMS.title}: {told}.", hint="The key's plan does not include this.")
    if status not in ("OK", "DELAYED"):
        raise VendorRefused(f"{TERMS.title} answered status {status or 'none'}: {told}.")
    results, promised = found.get("results"), found.get("resultsCount")
    given = len(results) if isinstance(results, list) else 0
    if promised is not None and int(promised) != given:
        raise VendorMalformed(f"{TERMS.title} promised {promised} rows and sent {given}.")
    if results is None and promised is None:
        raise VendorMalformed(f"{TERMS.title} sent neither rows nor their number.")
    if found.get("adjusted") is True:
        raise VendorMalformed(f"{TERMS.title} sent adjusted prices where traded ones were asked for.")


def _parse_bars(
    payload: Payload, found: Mapping[str, Any], results: list[dict[str, Any]], names: SymbolNames
) -> Iterator[BarColumns]:
    grouped = payload.kind == "grouped_bars"
    rows: list[Row] = []
    for bar in results:
        symbol = _symbol_of(str(field(bar, "T") if grouped else payload.request["query"]["ticker"]))
        # Midnight in New York for single tickers, the close of trading for a grouped day: both are that day there.
        session = session_of_milliseconds(field(bar, "t"), NEW_YORK)
        if grouped and names.on(symbol, session) is None:
            continue  # The whole market comes; the desk covers a part of it.
        prices = [number(field(bar, name), name) for name in ("o", "h", "l", "c")]
        rows.append((symbol, session, prices[0], prices[1], prices[2], prices[3], number(bar.get("v"), "v")))
    delay = _DELAY if found.get("status") == "DELAYED" else timedelta(0)
    yield from columns_of(
        finished(rows, "XNYS", payload.happened_by, delay=delay),
        source=TERMS.name,
        origin=f"{TERMS.name}:{payload.kind}",
        basis="split_adjusted" if found.get("adjusted") else "raw",
        convention="as_traded",
    )


def _parse_actions(payload: Payload, results: list[dict[str, Any]], names: SymbolNames) -> Iterator[RecordRows]:
    rows: list[tuple[Any, ...]] = []
    for action in results:
        split = payload.kind == "splits"
        ex_date = date.fromisoformat(field(action, "execution_date" if split else "ex_dividend_date"))
        instrument = names.on(_symbol_of(str(field(action, "ticker"))), ex_date)
        if instrument is None:
            continue
        known = datetime(ex_date.year, ex_date.month, ex_date.day, tzinfo=UTC)
        if split:
            ratio = number(field(action, "split_to"), "split_to") / number(field(action, "split_from"), "split_from")
            rows.append((instrument, "split", ex_date, TERMS.name, ratio, None, None, None, known))
        else:
            amount = number(field(action, "cash_amount"), "cash_amount")
            currency = str(action.get("currency") or "USD")
            declared = action.get("declaration_date")
            if declared and declared <= ex_date.isoformat():
                day = date.fromisoformat(declared)
                known = min(known, datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC))
            rows.append((instrument, "dividend", ex_date, TERMS.name, None, amount, currency, "raw", known))
    if rows:
        yield RecordRows(record=CorporateAction, source=TERMS.name, rows=_joined(rows))


def _joined(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Add up dividends of one instrument and day: a regular and a special one go by the same ex-date."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        key = row[:4]
        if key in found and row[1] == "dividend" and found[key][6] == row[6]:
            row = (*row[:5], found[key][5] + row[5], *row[6:8], max(found[key][8], row[8]))
        found[key] = row
    return list(found.values())


def _parse_news(results: list[dict[str, Any]], names: SymbolNames) -> Iterator[RecordRows]:
    articles: list[tuple[Any, ...]] = []
    links: dict[tuple[str, int], tuple[Any, ...]] = {}
    tones: list[tuple[Any, ...]] = []
    for item in results:
        published = datetime.fromisoformat(str(field(item, "published_utc"))).astimezone(UTC)
        article = content_id("art", TERMS.name, str(field(item, "id")))
        publisher = (item.get("publisher") or {}).get("name", "")
        summary, url = item.get("description") or "", item.get("article_url") or ""
        title = str(field(item, "title")).strip()
        articles.append((article, published, published.date(), title, summary, publisher, url, TERMS.name, published))
        for ticker in item.get("tickers") or ():
            instrument = names.on(_symbol_of(str(ticker)), published.date())
            if instrument is not None:
                links[article, instrument] = (article, instrument)
        scores = [_TONES[tone] for tone in _tones(item) if tone in _TONES]
        if scores:
            # The vendor judges ticker by ticker; the article has their mean.
            score = sum(scores) / len(scores)
            tone = "positive" if score > 0.15 else "negative" if score < -0.15 else "neutral"
            tones.append((article, f"provider:{TERMS.name}", score, tone, published))
    for record, rows in ((Article, articles), (ArticleSymbol, list(links.values())), (Sentiment, tones)):
        if rows:
            yield RecordRows(record=record, source=TERMS.name, rows=rows)


def _tones(item: Mapping[str, Any]) -> list[str]:
    return [str(insight.get("sentiment", "")).lower() for insight in item.get("insights") or ()]


def _parse_details(payload: Payload, results: Any, names: SymbolNames) -> Iterator[RecordRows]:
    known = names.instruments.get(int(payload.request["instrument_id"]))
    if known is None or not isinstance(results, dict):
        return
    listed, gone = results.get("list_date"), results.get("delisted_utc")
    update = {
        "listed": date.fromisoformat(listed) if listed else known.listed,
        "delisted": datetime.fromisoformat(gone).date() if gone else known.delisted,
    }
    entry = known.model_copy(update=update)
    yield RecordRows(
        record=Instrument, source=TERMS.name, rows=[tuple(getattr(entry, name) for name in Instrument.model_fields)]
    )


def _ticker(symbol: str) -> str:
    return symbol.replace("-", ".")


def _symbol_of(ticker: str) -> str:
    return ticker.replace(".", "-")


def _symbol(instrument: Instrument) -> str:
    return instrument.symbol
