"""Speak as Reddit: sign-in of an application, newest posts in pages with a cursor."""

from __future__ import annotations

import base64
from typing import Any

from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS = {"REDDIT_CLIENT_ID": "reddit-stand-in-id", "REDDIT_CLIENT_SECRET": "reddit-stand-in-secret"}
_COMMUNITIES = ("stocks", "wallstreetbets", "investing", "StockMarket", "CryptoCurrency")
_TOKEN = "stand-in-token"


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request."""
    if asked.path == "/api/v1/access_token":
        pair = ":".join(KEYS.values())
        given = asked.headers.get("authorization", "")
        if fault == "wrong_key" or given != f"Basic {base64.b64encode(pair.encode()).decode()}":
            return Spoken(status=401, content={"message": "Unauthorized", "error": 401})
        return Spoken(content={"access_token": _TOKEN, "token_type": "bearer", "expires_in": 3600, "scope": "*"})
    if asked.headers.get("authorization") != f"Bearer {_TOKEN}" or fault == "wrong_key":
        return Spoken(status=401, content={"message": "Unauthorized", "error": 401})
    if fault == "not_found":
        return Spoken(status=404, content={"message": "Not Found", "error": 404})
    if fault == "error_body":
        return Spoken(content={"message": "Forbidden", "error": 403})
    return _posts(stand_in, asked, fault)


def _posts(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    community = asked.path.split("/")[2]
    place = _COMMUNITIES.index(community)
    # Every community has a part of the articles, the newest first.
    mine = [(number, article) for number, article in enumerate(stand_in.data.articles)
            if number % len(_COMMUNITIES) == place and article.published <= stand_in.clock()][::-1]  # fmt: skip
    children: list[dict[str, Any]] = [
        {"kind": "t3", "data": {
            "name": f"t3_{number}", "title": article.headline, "selftext": article.summary, "subreddit": community,
            "created_utc": article.published.timestamp(), "permalink": f"/r/{community}/comments/{number}/",
            "score": 7, "num_comments": 3}}
        for number, article in mine
    ]  # fmt: skip
    begin = next((n + 1 for n, child in enumerate(children) if child["data"]["name"] == asked.query.get("after")), 0)
    size = stand_in.page_rows or int(asked.query["limit"])
    if fault == "looping_cursor":
        begin = 0
    shown = children[begin : begin + size]
    after = shown[-1]["data"]["name"] if shown and (begin + size < len(children) or fault == "looping_cursor") else None
    dist = len(shown)
    if fault == "short_page" and shown:
        shown = shown[:-1]
    return Spoken(content={"kind": "Listing", "data": {"after": after, "dist": dist, "children": shown}})
