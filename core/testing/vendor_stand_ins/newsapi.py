"""Speak as NewsAPI: articles of a day in pages."""

from __future__ import annotations

from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS = {"NEWSAPI_API_KEY": "newsapi-stand-in-key"}


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request."""
    if asked.headers.get("x-api-key") != KEYS["NEWSAPI_API_KEY"] or fault == "wrong_key":
        return _error(401, "apiKeyInvalid", "Your API key is invalid or incorrect.")
    if fault == "error_body":
        return _error(200, "unexpectedError", "This should not happen.")
    if fault == "not_found":
        return _error(400, "sourceDoesNotExist", "You have requested a source which does not exist.")
    start, end = asked.query["from"], asked.query["to"]
    rows = [
        {"source": {"id": None, "name": article.publisher}, "author": None, "title": article.headline,
         "description": article.summary, "url": article.url, "urlToImage": None, "content": None,
         "publishedAt": article.published.strftime("%Y-%m-%dT%H:%M:%SZ")}
        for article in stand_in.data.articles
        if start <= article.published.strftime("%Y-%m-%dT%H:%M:%S") <= end
    ]  # fmt: skip
    size = stand_in.page_rows or int(asked.query["pageSize"])
    page = 1 if fault == "looping_cursor" else int(asked.query["page"])
    shown, total = rows[(page - 1) * size : page * size], len(rows)
    if fault == "looping_cursor" and rows:
        total += 10 * size
    if fault == "short_page" and shown:
        shown = shown[:-1]
    return Spoken(content={"status": "ok", "totalResults": total, "articles": shown})


def _error(status: int, code: str, message: str) -> Spoken:
    return Spoken(status=status, content={"status": "error", "code": code, "message": message})
