"""Polygon (Massive): the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.vendors.polygon import TERMS, Polygon, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.domain.market_records import CorporateAction
from core.ports.vendor import BarColumns, Payload, RecordRows, Vendor, Wanted
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract, rows_of
from core.testing.vendor_stand_ins import MarketData

NAMES = SymbolResolver(universe(), symbol_history())


class TestPolygon(VendorContract):
    vendor = "polygon"
    paged = True

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))

    def test_one_session_of_many_instruments_is_one_request(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            wanted = self.wanted(self.data())
            day = Wanted(
                start=date(2024, 1, 10),
                end=date(2024, 1, 10),
                instruments=wanted.instruments,
                symbol_history=wanted.symbol_history,
            )
            payloads = list(vendor.fetch("bars", day))
            paths = [asked.path for asked in stand_in.asked]
        assert paths == ["/v2/aggs/grouped/locale/us/market/stocks/2024-01-10"]
        same_day = {row for row in self.clean() if row[4] == "2024-01-10"}
        assert self.rows(vendor, payloads) == same_day
        assert len(same_day) == 8

    def test_traded_prices_are_asked_for_and_adjusted_ones_refused(self) -> None:
        with self.standing() as stand_in:
            self.payloads(self.reach(stand_in))
            assert all(asked.query["adjusted"] == "false" for asked in stand_in.asked)

    def test_an_instrument_is_asked_for_under_the_symbols_of_its_time(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            meta = tuple(entry for entry in universe() if entry.symbol == "META")
            wanted = Wanted(
                start=date(2022, 6, 1), end=date(2022, 6, 30), instruments=meta, symbol_history=symbol_history()
            )
            list(vendor.fetch("bars", wanted))
            asked = [asked.path.split("/")[4:] for asked in stand_in.asked]
        assert [(path[0], path[-2], path[-1]) for path in asked] == [
            ("FB", "2022-06-01", "2022-06-08"),
            ("META", "2022-06-09", "2022-06-30"),
        ]

    def test_the_split_shows_in_raw_prices_and_among_the_actions(self) -> None:
        data: MarketData = self.data()
        symbol, day, ratio = data.splits[0]
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            payloads, _ = self.payloads(vendor, "actions")
        rows = [row for row in self.rows(vendor, payloads) if row[3] == "split"]
        (row,) = rows
        assert (row[2], row[4], row[6]) == (NAMES.current(symbol), day, ratio)
        closes = {row[4]: row[8] for row in self.clean() if row[3] == symbol}
        before = max(session for session in closes if session < day.isoformat())
        assert closes[day.isoformat()] / closes[before] == pytest.approx(0.5, rel=0.1)


def _payload(kind: str, body: bytes, **query: str) -> Payload:
    return Payload(
        vendor="polygon",
        kind=kind,
        request={"path": "", "query": query},
        content_type="application/json",
        body=body,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _parsed(kind: str, body: bytes, **query: str) -> list[BarColumns | RecordRows]:
    vendor = Polygon.__new__(Polygon)
    return list(vendor.parse(_payload(kind, body, **query), NAMES))


@pytest.mark.shared
def test_a_stamp_is_midnight_in_new_york_in_winter_and_in_summer(shared_folder: Path) -> None:
    body = (shared_folder / "vendor_samples/polygon/aggs_AAPL_1_day_2005-04-01_2005-04-04.json").read_bytes()
    (bars,) = _parsed("daily_bars", body, ticker="AAPL")
    assert isinstance(bars, BarColumns)
    # 05:00Z in standard time, 04:00Z two sessions later in daylight time.
    assert [str(day) for day in bars.session] == ["2005-04-01", "2005-04-04"]
    assert bars.price_basis == "split_adjusted", "the recorded reply says that it is adjusted"
    assert bars.open[0] == 1.5032


@pytest.mark.shared
def test_recorded_splits_dividends_and_news_are_read(shared_folder: Path) -> None:
    samples = shared_folder / "vendor_samples/polygon"
    (splits,) = _parsed("splits", (samples / "splits.json").read_bytes())
    assert isinstance(splits, RecordRows)
    assert splits.record is CorporateAction
    assert (NAMES.current("GOOGL"), "split", date(2022, 7, 18), "polygon", 20.0) in {row[:5] for row in splits.rows}
    blocks = _parsed("news", (samples / "news_NFLX.json").read_bytes())
    kinds = [block.record.kind for block in blocks if isinstance(block, RecordRows)]
    assert kinds[:2] == ["article", "article_symbol"]
    found = json.loads((samples / "news_NFLX.json").read_text())["results"]
    assert [row[3] for row in blocks[0].rows] == [item["title"].strip() for item in found]  # type: ignore[union-attr]
    assert blocks[0].rows[0][1] == datetime(2022, 4, 28, 17, 8, tzinfo=UTC)  # type: ignore[union-attr]
    # None of the recorded dividends is of an instrument of the desk.
    assert _parsed("dividends", (samples / "dividends.json").read_bytes()) == []


def test_a_reverse_split_has_a_ratio_below_one() -> None:
    body = json.dumps(
        {"results": [{"ticker": "AAPL", "execution_date": "2024-01-05", "split_from": 20, "split_to": 1}]}
    ).encode()
    (block,) = _parsed("splits", body)
    assert isinstance(block, RecordRows)
    assert block.rows[0][4] == 0.05


def test_two_dividends_of_one_day_are_added() -> None:
    rows = [
        {"ticker": "AAPL", "ex_dividend_date": "2024-02-09", "cash_amount": amount, "currency": "USD"}
        for amount in (0.24, 1.0)
    ]
    (block,) = _parsed("dividends", json.dumps({"results": rows}).encode())
    assert rows_of(block)[0][7] == pytest.approx(1.24)


def test_a_delayed_reply_keeps_its_last_session_back_for_a_quarter_of_an_hour() -> None:
    bar = {"o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "t": 1705899600000}  # 2024-01-22 in New York
    for status, minutes, kept in (("OK", 1, 1), ("DELAYED", 1, 0), ("DELAYED", 20, 1)):
        body = json.dumps({"status": status, "results": [bar], "resultsCount": 1}).encode()
        payload = Payload(
            vendor="polygon",
            kind="daily_bars",
            request={"path": "", "query": {"ticker": "AAPL"}},
            content_type="application/json",
            body=body,
            received_at=datetime(2024, 1, 22, 21, minutes, tzinfo=UTC),
        )
        vendor = Polygon.__new__(Polygon)
        assert sum(len(rows_of(block)) for block in vendor.parse(payload, NAMES)) == kept, (status, minutes)
