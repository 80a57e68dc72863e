"""The stand-ins serve what they are given, fail on command, and turn the shared folder back into traded prices."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from core.data.universe import universe
from core.testing.vendor_stand_ins import FAULTS, MarketData, serve, shared_data, small_data
from core.testing.vendor_stand_ins.data import symbol_of, ticker_on

NOW = datetime(2024, 2, 20, 12, 0, tzinfo=UTC)
KEY = {"authorization": "Bearer massive-stand-in-key"}
BARS = "/v2/aggs/ticker/AAPL/range/1/day/2024-01-02/2024-01-31?adjusted=false"


def test_each_vendor_has_an_address_and_a_key_of_its_own() -> None:
    with serve("polygon", "fred", "binance", data=small_data(), now=NOW) as stand_ins:
        found = stand_ins.environment
        assert len({stand_ins[name].url for name in ("polygon", "fred", "binance")}) == 3
    assert found["MASSIVE_API_KEY"] == "massive-stand-in-key"
    assert found["QUANTDESK_FRED_URL"].startswith("http://127.0.0.1:")
    assert not [name for name in found if "BINANCE" in name and "KEY" in name]


def test_bars_are_served_as_they_were_given_and_the_clock_is_told() -> None:
    data = small_data()
    with serve("polygon", data=data, now=NOW) as stand_ins:
        answer = httpx.get(stand_ins["polygon"].url + BARS, headers=KEY)
    assert answer.headers["date"] == "Tue, 20 Feb 2024 12:00:00 GMT"
    closes = [row["c"] for row in answer.json()["results"]]
    assert closes == [bar.close for bar in data.between("AAPL", date(2024, 1, 2), date(2024, 1, 31))]


def test_a_fault_begins_after_and_lasts_as_long_as_it_is_told() -> None:
    with serve("polygon", data=small_data(), now=NOW) as stand_ins:
        stand_in = stand_ins["polygon"]
        stand_in.fail("server_error", after=2, times=2, matching="aggs")
        statuses = [httpx.get(stand_in.url + BARS, headers=KEY).status_code for _ in range(6)]
        assert statuses == [200, 200, 503, 503, 200, 200]
        stand_in.fail("rate_limit")
        assert httpx.get(stand_in.url + BARS, headers=KEY).headers["retry-after"] == "1"
        stand_in.heal()
        assert httpx.get(stand_in.url + BARS, headers=KEY).status_code == 200
        assert len(stand_in.asked) == 8


def test_a_fault_meets_only_the_requests_it_is_for() -> None:
    with serve("polygon", data=small_data(), now=NOW) as stand_ins:
        stand_in = stand_ins["polygon"]
        stand_in.fail("html", matching="MSFT")
        assert httpx.get(stand_in.url + BARS, headers=KEY).json()["status"] == "OK"
        other = httpx.get(stand_in.url + BARS.replace("AAPL", "MSFT"), headers=KEY)
        assert (other.status_code, other.headers["content-type"]) == (200, "text/html")


def test_cut_and_truncated_bodies_differ_in_what_they_promise() -> None:
    with serve("polygon", data=small_data(), now=NOW) as stand_ins:
        stand_in = stand_ins["polygon"]
        stand_in.fail("truncated", times=1)
        half = httpx.get(stand_in.url + BARS, headers=KEY)
        with pytest.raises(json.JSONDecodeError):
            half.json()
        stand_in.fail("cut", times=1)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(stand_in.url + BARS, headers=KEY)


def test_a_hanging_answer_ends_with_healing() -> None:
    with serve("polygon", data=small_data(), now=NOW) as stand_ins:
        stand_in = stand_ins["polygon"]
        stand_in.fail("slow")
        ended = threading.Event()

        def ask() -> None:
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(stand_in.url + BARS, headers=KEY, timeout=60.0)
            ended.set()

        asking = threading.Thread(target=ask)
        asking.start()
        while not stand_in.asked:
            asking.join(0.01)
        assert not ended.is_set()
        stand_in.heal()
        asking.join(30.0)
        assert ended.is_set()


@pytest.mark.parametrize(("fault", "day"), [("clock_behind", "19"), ("clock_ahead", "21")])
def test_a_wrong_clock_is_a_day_off(fault: str, day: str) -> None:
    with serve("polygon", data=small_data(), now=NOW) as stand_ins:
        stand_ins["polygon"].fail(fault)  # type: ignore[arg-type]
        answer = httpx.get(stand_ins["polygon"].url + BARS, headers=KEY)
    assert f", {day} Feb 2024" in answer.headers["date"]
    assert answer.json()["resultsCount"] == 21


def test_every_fault_is_described() -> None:
    assert all(FAULTS.values())
    assert len(FAULTS) == 14


def test_tickers_follow_the_day() -> None:
    assert ticker_on("META", date(2022, 6, 8)) == "FB"
    assert ticker_on("META", date(2022, 6, 9)) == "META"
    assert symbol_of("FB", date(2020, 1, 2)) == "META"
    assert symbol_of("FB", date(2024, 1, 2)) is None
    assert symbol_of("QQQQ", date(2008, 1, 2)) == "QQQ"


def test_the_small_market_splits_in_its_middle() -> None:
    data = small_data()
    symbol, day, ratio = data.splits[0]
    bars = {bar.session: bar for bar in data.bars[symbol]}
    before = max(session for session in bars if session < day)
    assert bars[before].close / bars[day].close == pytest.approx(ratio, rel=0.1)
    assert bars[day].volume / bars[before].volume == pytest.approx(ratio, rel=0.01)
    assert data == small_data(), "made by rule"


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest) -> MarketData:
    folder: Path = request.getfixturevalue("shared_folder")
    return shared_data(folder, date(2020, 8, 24), date(2020, 9, 4))


@pytest.mark.shared
def test_shared_prices_are_turned_back_into_traded_ones(real: MarketData) -> None:
    apple = {bar.session: bar for bar in real.bars["AAPL"]}
    # Traded: 499.23 on the Friday before the 4:1 split, 129.04 on the Monday.
    assert apple[date(2020, 8, 28)].close == pytest.approx(499.23, abs=0.01)
    assert apple[date(2020, 8, 31)].close == pytest.approx(129.04, abs=0.01)
    tesla = {bar.session: bar for bar in real.bars["TSLA"]}
    # 5:1 on the same day; what came later (3:1 in 2022) is taken out as well.
    assert tesla[date(2020, 8, 31)].close == pytest.approx(498.32, abs=0.01)
    assert ("AAPL", date(2020, 8, 31), 4.0) in real.splits
    assert ("TSLA", date(2020, 8, 31), 5.0) in real.splits


@pytest.mark.shared
def test_shared_data_cover_the_universe_and_nothing_outside_the_window(real: MarketData) -> None:
    known = {entry.symbol for entry in universe()}
    assert set(real.bars) <= known
    assert len(real.bars) > 120
    days = {bar.session for bars in real.bars.values() for bar in bars}
    assert min(days) >= date(2020, 8, 24)
    assert max(days) <= date(2020, 9, 4)
    assert "SHILLER_PE10" not in real.macro
    assert len(real.macro["CPIAUCSL"]) > 600
    assert all(vintage > period for period, vintage, _ in real.macro["CPIAUCSL"])
    assert max(real.risk) == date(2020, 9, 4)


@pytest.mark.shared
def test_coins_are_served_every_day_of_the_week(real: MarketData) -> None:
    assert [bar.session.day for bar in real.bars["BTC-USD"]] == [24, 25, 26, 27, 28, 29, 30, 31, 1, 2, 3, 4]
