"""Fetch headlines of business and markets from NewsAPI, day by day. It gives no sentiment and names no symbols."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply, read_json
from core.domain.identifiers import content_id
from core.domain.news_records import Article
from core.errors import (
    VendorError,
    VendorKeyRefused,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

TERMS = VendorTerms(
    name="newsapi",
    title="NewsAPI",
    delivers={"news": "headlines of business and markets"},
    base_url="https://newsapi.org/v2",
    requests_per_minute=20,
    limits="The free plan allows 100 requests a day, shows news a day late and one month back.",
    keys=("NEWSAPI_API_KEY",),
    without_key="news of the other vendors and imported files.",
)
_QUERY = (
    '"stock market" OR "Wall Street" OR "Federal Reserve" OR earnings OR inflation OR "interest rates" OR bitcoin'
    ' OR "oil price" OR geopolitical'
)
_PAGE = 100
_REMOVED = "[Removed]"


def open_vendor(transport: Transport) -> NewsApi:
    """Return the vendor over a transport."""
    return NewsApi(transport)


class NewsApi:
    """Deliver headlines."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        self._transport.require_key()
        if topic == "news":
            days = [wanted.start + timedelta(days=step) for step in range((wanted.end - wanted.start).days + 1)]
            yield from self._transport.deliver_each(days, self._day, date.isoformat)

    def _day(self, day: date) -> Iterator[Payload]:
        headers = {"x-api-key": self._transport.secret() or ""}
        page, fetched, seen = 1, 0, set[bytes]()
        while True:
            query = {
                "q": _QUERY,
                "from": f"{day.isoformat()}T00:00:00",
                "to": f"{day.isoformat()}T23:59:59",
                "language": "en",
                "sortBy": "publishedAt",
                "pageSize": str(_PAGE),
                "page": str(page),
            }
            reply = self._transport.get("/everything", query, headers=headers, judge=_judge)
            found = read_json(reply.body)
            content = repr(found["articles"]).encode()
            if found["articles"] and content in seen:
                raise VendorMalformed(f"Page {page} of {day} of {TERMS.title} repeats an earlier one.")
            seen.add(content)
            yield self._transport.payload("everything", reply, "/everything", query)
            fetched += len(found["articles"])
            if fetched >= int(found["totalResults"]) or not found["articles"]:
                return
            page += 1

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        rows: dict[str, tuple[Any, ...]] = {}
        for item in read_json(payload.body)["articles"]:
            title, url = (item.get("title") or "").strip(), item.get("url") or ""
            if not title or title == _REMOVED:
                continue
            try:
                published = datetime.fromisoformat(item["publishedAt"]).astimezone(UTC)
            except (KeyError, TypeError, ValueError) as error:
                raise VendorMalformed(f"{TERMS.title} sent an article without a time: {title[:60]!r}.") from error
            article = content_id("art", TERMS.name, url or title)
            publisher = (item.get("source") or {}).get("name") or ""
            summary = item.get("description") or ""
            rows[article] = (
                article, published, published.date(), title, summary, publisher, url, TERMS.name, published,
            )  # fmt: skip
        if rows:
            yield RecordRows(record=Article, source=TERMS.name, rows=list(rows.values()))


def _judge(reply: Reply) -> None:
    found = reply.json()
    if not isinstance(found, dict):
        raise VendorMalformed(f"{TERMS.title} sent no object.")
    if found.get("status") == "error":
        raise _error_of(str(found.get("code")), str(found.get("message")))
    articles, total = found.get("articles"), found.get("totalResults")
    if not isinstance(articles, list) or not isinstance(total, int):
        raise VendorMalformed(f"{TERMS.title} sent neither articles nor their number.")
    if len(articles) < min(total, 1):
        raise VendorMalformed(f"{TERMS.title} promised {total} articles and sent none.")


def _error_of(code: str, told: str) -> VendorError:
    told = f"{TERMS.title} answered {code}: {told}"
    if code in ("apiKeyInvalid", "apiKeyMissing", "apiKeyDisabled"):
        return VendorKeyRefused(told)
    if code in ("apiKeyExhausted", "maximumResultsReached"):
        return VendorQuotaSpent(told)
    if code in ("rateLimited", "unexpectedError"):
        return VendorUnavailable(told)
    return VendorNotFound(told) if code == "sourceDoesNotExist" else VendorRefused(told)
