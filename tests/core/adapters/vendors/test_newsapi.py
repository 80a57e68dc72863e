"""NewsAPI: the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.transport.replies import Reply
from core.adapters.vendors.newsapi import TERMS, NewsApi, _judge, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.errors import (
    VendorKeyRefused,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)
from core.ports.vendor import Payload, RecordRows, Vendor
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract
from core.testing.vendor_stand_ins import MarketData


class TestNewsApi(VendorContract):
    vendor = "newsapi"
    topic = "news"
    paged = True
    page_rows = 2

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))

    def data(self) -> MarketData:
        # Three articles a day, so that a day has pages.
        data = super().data()
        data.articles = [
            article._replace(headline=f"{article.headline} ({part})", url=f"{article.url}/{part}")
            for article in data.articles
            for part in range(3)
        ]
        return data

    def test_the_key_is_a_header(self) -> None:
        with self.standing() as stand_in:
            self.payloads(self.reach(stand_in))
            assert all("newsapi-stand-in-key" not in str(asked.query) for asked in stand_in.asked)
            assert all(asked.headers["x-api-key"] == "newsapi-stand-in-key" for asked in stand_in.asked)


def _parsed(body: bytes) -> list[tuple[object, ...]]:
    payload = Payload(
        vendor="newsapi",
        kind="everything",
        request={"path": "", "query": {}},
        content_type="application/json",
        body=body,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    blocks = list(NewsApi.__new__(NewsApi).parse(payload, SymbolResolver(universe(), symbol_history())))
    assert all(isinstance(block, RecordRows) for block in blocks)
    return [row for block in blocks for row in block.rows]  # type: ignore[union-attr]


@pytest.mark.shared
def test_recorded_headlines_are_read(shared_folder: Path) -> None:
    file = shared_folder / "vendor_samples/newsapi/top_headlines_us_2022-09-28_trimmed.json"
    found = json.loads(file.read_text())["articles"]
    rows = _parsed(file.read_bytes())
    assert [row[3] for row in rows] == [item["title"].strip() for item in found]
    assert [row[5] for row in rows] == [item["source"]["name"] for item in found]
    assert all(row[1] == row[8] for row in rows), "known when published"


def test_removed_and_repeated_articles_are_left_out() -> None:
    article = {"title": "One", "url": "https://n.example/1", "publishedAt": "2024-01-31T12:00:00Z"}
    removed = {"title": "[Removed]", "url": "https://removed.com", "publishedAt": "1970-01-01T00:00:00Z"}
    untitled = {"title": None, "url": "https://n.example/2", "publishedAt": "2024-01-31T12:00:00Z"}
    rows = _parsed(json.dumps({"articles": [article, removed, untitled, article]}).encode())
    assert [row[3] for row in rows] == ["One"]


def test_an_article_without_a_time_is_malformed() -> None:
    with pytest.raises(VendorMalformed, match="without a time"):
        _parsed(json.dumps({"articles": [{"title": "One", "url": "u"}]}).encode())


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("apiKeyInvalid", VendorKeyRefused),
        ("apiKeyMissing", VendorKeyRefused),
        ("apiKeyDisabled", VendorKeyRefused),
        ("apiKeyExhausted", VendorQuotaSpent),
        ("maximumResultsReached", VendorQuotaSpent),
        ("rateLimited", VendorUnavailable),
        ("unexpectedError", VendorUnavailable),
        ("sourceDoesNotExist", VendorNotFound),
        ("parameterInvalid", VendorRefused),
        ("parametersMissing", VendorRefused),
        ("sourcesTooMany", VendorRefused),
    ],
)
def test_each_code_is_one_error(code: str, error: type[Exception]) -> None:
    body = json.dumps({"status": "error", "code": code, "message": "..."}).encode()
    with pytest.raises(error, match=code):
        _judge(Reply(status=200, headers={}, body=body, received_at=datetime(2026, 1, 1, tzinfo=UTC)))
