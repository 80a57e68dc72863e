"""The checklist of a connection to Binance, against the stand-in and through the real client library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.cli_commands.broker import binance_looks, checklist
from core.adapters.brokers.binance import Binance
from core.adapters.transport.binance_spot import BinanceSession
from core.errors import UnknownName
from core.testing.binance_venue import BinanceVenue
from core.testing.clock import FixedClock

MOMENT = datetime(2026, 11, 30, 15, 30, tzinfo=UTC)


class NoCoins:
    """Know no instrument: the checklist needs none."""

    def find(self, name):
        raise UnknownName("symbol", name)

    def list(self, *, group=None, asset_class=None, on=None):
        return []


@pytest.fixture
def venue():
    pytest.importorskip("ccxt", reason="ccxt of the extra `crypto` is not installed")
    found = BinanceVenue(moment=MOMENT)
    yield found
    found.close()


@pytest.fixture
def look(venue):
    """Give a function that goes through the checklist and returns what passed and what was found, by check."""
    sessions = []

    def go(now=MOMENT, *, is_paper=True, key=venue.key):
        session = BinanceSession(venue.address, key, venue.secret, timeout_s=2)
        sessions.append(session)
        broker = Binance(session, NoCoins(), FixedClock(MOMENT, "live"), is_paper=is_paper)
        looks = binance_looks(session, {"binance": broker}, now)
        return {name: (passed, said) for name, passed, said in checklist(looks)}

    yield go
    for session in sessions:
        session.close()


def failed(found):
    return [name for name, (passed, _) in found.items() if not passed]


def test_a_sound_test_account_passes_every_check_and_nothing_is_sent(venue, look):
    venue.balances["BTC"] = Decimal("0.25")
    found = look()
    assert list(found) == ["account", "line", "permissions", "clock", "positions"]
    assert failed(found) == []
    assert found["account"] == (True, "354937868 (test network)")
    assert "0.25 BTC" in found["positions"][1] and "100000 USDT" in found["positions"][1]
    assert {method for method, _ in venue.asked} == {"GET"}


def test_an_account_with_real_money_fails(look):
    found = look(is_paper=False)
    assert failed(found) == ["account"] and "real money" in found["account"][1]


@pytest.mark.parametrize(("seconds", "expected"), [(4, []), (6, ["clock"]), (-600, ["clock"])])
def test_clocks_may_be_five_seconds_apart(look, seconds, expected):
    assert failed(look(MOMENT + timedelta(seconds=seconds))) == expected


def test_a_key_that_is_refused_fails_what_needs_it_and_no_more(look):
    found = look(key="wrong")
    assert failed(found) == ["account", "permissions", "positions"]
    assert "turned the request away (401)" in found["account"][1]


def test_a_venue_that_does_not_answer_fails_everything(venue, look):
    venue.close()
    assert failed(look()) == ["account", "line", "permissions", "clock", "positions"]
