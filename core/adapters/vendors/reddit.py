"""Fetch posts about markets from Reddit with an application's own sign-in. Posts are data, never words to follow."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply, read_json
from core.domain.identifiers import content_id
from core.domain.news_records import Article
from core.errors import VendorKeyRefused, VendorMalformed, VendorNotFound, VendorRefused
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

TERMS = VendorTerms(
    name="reddit",
    title="Reddit",
    delivers={"news": "posts about stocks, investing and crypto"},
    base_url="https://oauth.reddit.com",
    requests_per_minute=60,
    burst=5,
    limits="100 requests a minute; the newest 1,000 posts of a community.",
    keys=("REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET"),
    without_key="news without the social source.",
)
_COMMUNITIES = ("stocks", "wallstreetbets", "investing", "StockMarket", "CryptoCurrency")
_SIGN_IN = "https://www.reddit.com/api/v1/access_token"
_PAGE = 100
_MOST_PAGES = 12
_SUMMARY = 2_000
_GONE = ("[removed]", "[deleted]")


def open_vendor(transport: Transport) -> Reddit:
    """Return the vendor over a transport."""
    return Reddit(transport)


class Reddit:
    """Deliver posts as articles."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        self._transport.require_key()
        if topic == "news":
            headers = {"authorization": f"Bearer {self._sign_in()}"}
            yield from self._transport.deliver_each(_COMMUNITIES, lambda name: self._newest(name, wanted, headers), str)

    def _sign_in(self) -> str:
        pair = f"{self._transport.secret(0)}:{self._transport.secret(1)}"
        # Another address than the data's, but on a stand-in.
        elsewhere = self._transport.base_url != TERMS.base_url
        reply = self._transport.post(
            "/api/v1/access_token" if elsewhere else _SIGN_IN,
            {"grant_type": "client_credentials"},
            headers={"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"},
            judge=_judge_sign_in,
        )
        return str(reply.json()["access_token"])

    def _newest(self, community: str, wanted: Wanted, headers: dict[str, str]) -> Iterator[Payload]:
        """Yield pages of the newest posts until they are older than the window."""
        begin = datetime.combine(wanted.start, time(0, 0), tzinfo=UTC).timestamp()
        path, after, seen = f"/r/{community}/new", "", set[bytes]()
        for _ in range(_MOST_PAGES):
            query = {"limit": str(_PAGE), "raw_json": "1", **({"after": after} if after else {})}
            reply = self._transport.get(path, query, headers=headers, judge=_judge)
            data = read_json(reply.body)["data"]
            posts = data["children"]
            content = repr([post["data"].get("name") for post in posts]).encode()
            if posts and content in seen:
                raise VendorMalformed(
                    f"A page of {community} of {TERMS.title} repeats an earlier one: its cursor loops."
                )
            seen.add(content)
            yield self._transport.payload(
                "posts", reply, path, query, start=wanted.start.isoformat(), end=wanted.end.isoformat()
            )
            after = data.get("after") or ""
            if not after or not posts or float(posts[-1]["data"]["created_utc"]) < begin:
                return

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        start, end = (date.fromisoformat(payload.request[name]) for name in ("start", "end"))
        rows: dict[str, tuple[Any, ...]] = {}
        for child in read_json(payload.body)["data"]["children"]:
            post = child["data"]
            published = datetime.fromtimestamp(float(post["created_utc"]), UTC)
            title, text = str(post.get("title", "")).strip(), str(post.get("selftext") or "")
            if not title or title in _GONE or not start <= published.date() <= end:
                continue
            article = content_id("art", TERMS.name, str(post["name"]))
            summary = "" if text in _GONE else text[:_SUMMARY]
            url = f"https://www.reddit.com{post.get('permalink', '')}"
            publisher = f"r/{post.get('subreddit', '')}"
            rows[article] = (
                article, published, published.date(), title, summary, publisher, url, TERMS.name, published,
            )  # fmt: skip
        if rows:
            yield RecordRows(record=Article, source=TERMS.name, rows=list(rows.values()))


def _judge_sign_in(reply: Reply) -> None:
    found = reply.json()
    if not isinstance(found, dict):
        raise VendorMalformed(f"{TERMS.title} sent no object.")
    if "error" in found:
        raise VendorKeyRefused(f"{TERMS.title} answered {found['error']}.")
    if not found.get("access_token"):
        raise VendorMalformed(f"{TERMS.title} sent no token.")


def _judge(reply: Reply) -> None:
    found = reply.json()
    if isinstance(found, dict) and "error" in found:
        told = f"{TERMS.title} answered {found['error']}: {found.get('message', '')}."
        raise VendorNotFound(told) if found["error"] == 404 else VendorRefused(told)
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, dict):
        raise VendorMalformed(f"{TERMS.title} sent no list of posts.")
    children = data.get("children")
    if not isinstance(children, list) or not all("created_utc" in child.get("data", {}) for child in children):
        raise VendorMalformed(f"{TERMS.title} sent no list of posts.")
    if int(data.get("dist", len(children))) != len(children):
        raise VendorMalformed(f"{TERMS.title} promised {data['dist']} posts and sent {len(children)}.")
