"""Binance: the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.vendors.binance import TERMS, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.errors import VendorMalformed
from core.ports.vendor import BarColumns, Payload, Vendor, Wanted
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract, rows_of


class TestBinance(VendorContract):
    vendor = "binance"
    paged = True

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))

    def test_pages_follow_one_another_without_gap_or_overlap(self) -> None:
        with self.standing() as stand_in:
            stand_in.page_rows = 10
            vendor = self.reach(stand_in)
            payloads, _ = self.payloads(vendor)
            names = SymbolResolver(universe(), symbol_history())
            rows = [row for payload in payloads for block in vendor.parse(payload, names) for row in rows_of(block)]
        assert len(rows) == len(set(rows)) == 3 * 43

    def test_volume_is_in_coins_and_days_are_utc(self) -> None:
        data = self.data()
        bitcoin = {row[4]: row for row in self.clean() if row[3] == "BTC-USD"}
        for bar in data.bars["BTC-USD"]:
            row = bitcoin[bar.session.isoformat()]
            assert row[5:] == (bar.open, bar.high, bar.low, bar.close, bar.volume)

    def test_a_stock_is_not_asked_for(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            stocks = tuple(entry for entry in universe() if entry.symbol in ("AAPL", "SPY"))
            assert (
                list(vendor.fetch("bars", Wanted(start=date(2024, 1, 2), end=date(2024, 1, 3), instruments=stocks)))
                == []
            )
            assert stand_in.asked == []

    def test_each_request_weighs_two(self) -> None:
        time = StoppedTime()
        with self.standing() as stand_in:
            self.payloads(self.reach(stand_in, time, per_minute=60.0))
            asked = len(stand_in.asked)
        assert time.elapsed >= 2 * asked - TERMS.burst


NAMES = SymbolResolver(universe(), symbol_history())


def _parsed(body: object, received_at: datetime) -> list[BarColumns]:
    payload = Payload(
        vendor="binance",
        kind="candles",
        request={"path": "", "query": {}, "symbol": "BTC-USD"},
        content_type="application/json",
        body=json.dumps(body).encode() if not isinstance(body, bytes) else body,
        received_at=received_at,
    )
    from core.adapters.vendors.binance import Binance

    blocks = list(Binance.__new__(Binance).parse(payload, NAMES))
    assert all(isinstance(block, BarColumns) for block in blocks)
    return blocks  # type: ignore[return-value]


@pytest.mark.shared
def test_the_documented_candle_is_read(shared_folder: Path) -> None:
    body = (shared_folder / "vendor_samples/binance/http_json__klines_response.json").read_bytes()
    (bars,) = _parsed(body, datetime(2026, 1, 1, tzinfo=UTC))
    # 1499040000000 is 2017-07-03T00:00:00Z.
    assert rows_of(bars) == [
        ("bar", "binance", "raw", "BTC-USD", "2017-07-03", 0.0163479, 0.8, 0.015758, 0.015771, 148976.11427815)
    ]


def test_the_candle_in_progress_is_left_out_until_its_day_is_over() -> None:
    stamp = int(datetime(2024, 1, 31, tzinfo=UTC).timestamp() * 1000)
    candle = [stamp, "1.0", "2.0", "0.5", "1.5", "10.0", stamp + 86_399_999, "0", 1, "0", "0", "0"]
    assert _parsed([candle], datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC)) == []
    (bars,) = _parsed([candle], datetime(2024, 2, 1, 0, 0, 0, tzinfo=UTC))
    assert [str(day) for day in bars.session] == ["2024-01-31"]


@pytest.mark.parametrize("candle", [[1], {"t": 1}, "text", [1499040000000, "a", "1", "1", "1", "1"]])
def test_a_candle_of_another_shape_is_malformed(candle: object) -> None:
    with pytest.raises(VendorMalformed):
        _parsed([candle], datetime(2026, 1, 1, tzinfo=UTC))
