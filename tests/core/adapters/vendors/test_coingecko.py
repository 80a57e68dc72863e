"""CoinGecko: the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.vendors.coingecko import TERMS, CoinGecko, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.ports.vendor import BarColumns, Payload, Vendor
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract, rows_of


class TestCoinGecko(VendorContract):
    vendor = "coingecko"

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))

    def test_it_works_without_a_key_and_sends_none(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in, keys=False)
            payloads, error = self.payloads(vendor)
            assert error is None
            assert all("x-cg-demo-api-key" not in asked.headers for asked in stand_in.asked)
        assert self.rows(vendor, payloads) == self.clean()

    def test_the_key_goes_into_a_header_and_not_into_the_address(self) -> None:
        with self.standing() as stand_in:
            self.payloads(self.reach(stand_in))
            for asked in stand_in.asked:
                assert asked.headers["x-cg-demo-api-key"] == "CG-stand-in-key"
                assert "CG-stand-in-key" not in str(asked.query)

    def test_closes_stand_on_the_day_that_ended_at_midnight(self) -> None:
        closes = {row[4]: row[8] for row in self.clean() if row[3] == "BTC-USD"}
        for bar in self.data().bars["BTC-USD"]:
            assert closes[bar.session.isoformat()] == bar.close


NAMES = SymbolResolver(universe(), symbol_history())


def _parsed(points: list[list[float]], now: datetime) -> list[tuple[object, ...]]:
    payload = Payload(
        vendor="coingecko",
        kind="daily_chart",
        request={"path": "", "query": {}, "symbol": "BTC-USD", "start": "2024-01-01", "end": "2024-01-31"},
        content_type="application/json",
        body=json.dumps({"prices": points}).encode(),
        received_at=now,
    )
    blocks = list(CoinGecko.__new__(CoinGecko).parse(payload, NAMES))
    for block in blocks:
        assert isinstance(block, BarColumns)
        assert not block.has_ohlc
        assert not block.has_volume
    return [row for block in blocks for row in rows_of(block)]


def _at(day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(2024, 1, day, hour, minute, tzinfo=UTC).timestamp() * 1000.0


def test_the_last_point_is_now_and_no_close() -> None:
    now = datetime(2024, 1, 5, 14, 30, tzinfo=UTC)
    rows = _parsed([[_at(4), 42_000.0], [_at(5), 43_000.0], [now.timestamp() * 1000.0, 43_500.0]], now)
    assert [(row[4], row[8]) for row in rows] == [("2024-01-03", 42_000.0), ("2024-01-04", 43_000.0)]


def test_hours_are_thinned_to_the_first_point_after_midnight() -> None:
    points = [[_at(4, hour, 2), 42_000.0 + hour] for hour in range(24)] + [[_at(5, 0, 1), 50_000.0]]
    rows = _parsed(points, datetime(2024, 1, 10, tzinfo=UTC))
    assert [(row[4], row[8]) for row in rows] == [("2024-01-03", 42_000.0), ("2024-01-04", 50_000.0)]


@pytest.mark.parametrize("late", [timedelta(hours=2), timedelta(hours=12)])
def test_a_point_long_after_midnight_is_no_close(late: timedelta) -> None:
    moment = datetime(2024, 1, 4, tzinfo=UTC) + late
    assert _parsed([[moment.timestamp() * 1000.0, 42_000.0]], datetime(2024, 1, 10, tzinfo=UTC)) == []
