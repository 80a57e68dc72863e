"""Alpha Vantage: the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.transport.replies import Reply
from core.adapters.vendors.alpha_vantage import TERMS, AlphaVantage, _judge, _judge_series, open_vendor
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
from core.ports.vendor import BarColumns, Payload, RecordRows, Vendor, Wanted
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract, rows_of


class TestAlphaVantage(VendorContract):
    vendor = "alpha_vantage"

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))

    def test_the_long_form_is_asked_for_only_when_the_short_one_does_not_reach(self) -> None:
        apple = tuple(entry for entry in universe() if entry.symbol == "AAPL")
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            for start in (date(2024, 1, 2), date(2020, 1, 2)):
                wanted = Wanted(start=start, end=date(2024, 1, 31), instruments=apple)
                list(vendor.fetch("bars", wanted))
            assert [asked.query["outputsize"] for asked in stand_in.asked] == ["compact", "full"]

    def test_earnings_say_estimate_result_and_surprise(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            rows = {row[3]: row for row in self.rows(vendor, self.payloads(vendor, "events")[0])}
        names = SymbolResolver(universe(), symbol_history())
        apple, meta = (rows[names.current(symbol)] for symbol in ("AAPL", "META"))
        assert apple[7:9] == (2.1, 2.18)
        assert "('surprise', 0.08)" in apple[9]
        assert apple[12] is not None
        # Not reported yet: no result, and nothing that is known of it.
        assert (meta[8], meta[12]) == (None, None)


NAMES = SymbolResolver(universe(), symbol_history())


def _parsed(kind: str, body: object, **request: object) -> list[BarColumns | RecordRows]:
    payload = Payload(
        vendor="alpha_vantage",
        kind=kind,
        request={"path": "", "query": {}, **request},
        content_type="application/json",
        body=json.dumps(body).encode(),
        received_at=datetime(2024, 2, 1, 15, 0, tzinfo=UTC),
    )
    return list(AlphaVantage.__new__(AlphaVantage).parse(payload, NAMES))


@pytest.mark.shared
def test_recorded_news_carry_their_sentiment(shared_folder: Path) -> None:
    file = shared_folder / "vendor_samples/alpha_vantage/NEWS_SENTIMENT_feed_3_articles.json"
    found = json.loads(file.read_text())
    blocks = [block for block in _parsed("news", found) if isinstance(block, RecordRows)]
    articles = blocks[0].rows
    assert [row[3] for row in articles] == [item["title"].strip() for item in found["feed"]]
    # "20230906T185208" is UTC.
    assert articles[0][1] == datetime(2023, 9, 6, 18, 52, 8, tzinfo=UTC)
    sentiments = next(block.rows for block in blocks if block.record.kind == "sentiment")
    assert sentiments[0][1:4] == ("provider:alpha_vantage", 0.281204, "positive")


def test_text_numbers_become_numbers_and_the_day_in_progress_is_left_out() -> None:
    bar = {"1. open": "10.5", "2. high": "11", "3. low": "10", "4. close": "10.75", "5. volume": "1200"}
    body = {"Meta Data": {}, "Time Series (Daily)": {"2024-02-01": bar, "2024-01-31": bar, "2023-12-01": bar}}
    (block,) = _parsed("daily_series", body, symbol="AAPL", start="2024-01-02", end="2024-02-01")
    assert rows_of(block) == [("bar", "alpha_vantage", "raw", "AAPL", "2024-01-31", 10.5, 11.0, 10.0, 10.75, 1200.0)]


def test_a_number_that_is_none_is_malformed() -> None:
    bar = {"1. open": "n/a", "2. high": "11", "3. low": "10", "4. close": "10.75", "5. volume": "1200"}
    with pytest.raises(VendorMalformed, match="n/a"):
        _parsed("daily_series", {"Time Series (Daily)": {"2024-01-31": bar}}, symbol="A", start="2024", end="2025")


def test_a_sentiment_is_kept_between_its_bounds() -> None:
    item = {"title": "T", "url": "u", "time_published": "20240131T120000", "overall_sentiment_score": "1.7",
            "overall_sentiment_label": "Somewhat-Bearish"}  # fmt: skip
    blocks = [block for block in _parsed("news", {"feed": [item]}) if isinstance(block, RecordRows)]
    assert blocks[-1].rows[0][2:4] == (1.0, "negative")


def _reply(body: bytes) -> Reply:
    return Reply(status=200, headers={}, body=body, received_at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("rate_limit_note_http200", VendorUnavailable),
        ("rate_limit_information_http200", VendorQuotaSpent),
        ("invalid_call_http200", VendorRefused),
    ],
)
def test_recorded_error_bodies_with_status_200(shared_folder: Path, name: str, error: type[Exception]) -> None:
    bodies = json.loads((shared_folder / "vendor_samples/alpha_vantage/error_bodies.json").read_text())
    with pytest.raises(error):
        _judge(_reply(json.dumps(bodies[name]).encode()))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"Error Message": "the parameter apikey is invalid or missing."}, VendorKeyRefused),
        ({"Information": "This is a premium endpoint."}, VendorQuotaSpent),
        ({}, VendorNotFound),
        ([], VendorMalformed),
        ({"surprise": 1}, VendorMalformed),
        ({"items": "2", "feed": [{}]}, VendorMalformed),
        (
            {"Meta Data": {"3. Last Refreshed": "2024-02-01"}, "Time Series (Daily)": {"2024-01-31": {}}},
            VendorMalformed,
        ),
    ],
)
def test_what_looks_like_success_and_is_none(body: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        _judge(_reply(json.dumps(body).encode()))


def test_an_invalid_call_is_an_unknown_symbol_for_bars_and_a_failure_for_news() -> None:
    reply = _reply(b'{"Error Message": "Invalid API call. Please retry or visit the documentation."}')
    with pytest.raises(VendorNotFound):
        _judge_series(reply)
    with pytest.raises(VendorRefused):
        _judge(reply)


def test_the_pause_of_a_minute_is_waited_for() -> None:
    with pytest.raises(VendorUnavailable) as caught:
        _judge(_reply(b'{"Note": "Our standard API call frequency is 5 calls per minute and 500 calls per day."}'))
    assert caught.value.after_seconds == 60.0
