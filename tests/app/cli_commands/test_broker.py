"""The checklist of a connection to Interactive Brokers, against the stand-in."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.cli_commands.broker import checklist, configure, tws_looks
from core.adapters.transport.tws import TwsSession
from core.testing.tws_gateway import GatewayOrder, TwsGateway

MOMENT = datetime(2022, 11, 30, 15, 30, tzinfo=UTC)


@pytest.fixture
def gateway():
    found = TwsGateway(moment=MOMENT)
    found.account.symbols["AAPL"] = 265598
    yield found
    found.close()


@pytest.fixture
def look(gateway):
    """Give a function that goes through the checklist and returns what passed and what was found, by check."""
    sessions = []

    def go(now=MOMENT, timeout_s=2.0):
        sessions.append(TwsSession("127.0.0.1", gateway.port, 71, timeout_s=timeout_s, idle_s=0.01))
        return {name: (passed, said) for name, passed, said in checklist(tws_looks(sessions[-1], now))}

    yield go
    for session in sessions:
        session.close()


def failed(found):
    return [name for name, (passed, _) in found.items() if not passed]


def test_a_sound_paper_account_passes_every_check_and_nothing_is_sent(gateway, look):
    found = look()
    assert list(found) == ["account", "line", "permissions", "clock", "positions"]
    assert failed(found) == []
    assert found["account"] == (True, "DU1234567 (paper)")
    assert found["positions"] == (True, "none")
    assert not {3, 4} & set(gateway.asked)


def test_an_account_with_real_money_fails(gateway, look):
    gateway.account.name = "U7654321"
    found = look()
    assert failed(found) == ["account"] and "real money" in found["account"][1]


@pytest.mark.parametrize(("seconds", "expected"), [(4, []), (6, ["clock"]), (-600, ["clock"])])
def test_clocks_may_be_five_seconds_apart(look, seconds, expected):
    assert failed(look(MOMENT + timedelta(seconds=seconds))) == expected


def test_a_gateway_without_its_line_fails(gateway, look):
    gateway.faults.add("no link")
    found = look()
    assert failed(found) == ["line"] and "1100" in found["line"][1]


def test_an_account_that_may_not_see_us_stocks_fails(gateway, look):
    gateway.faults.add("unknown contract")
    assert failed(look()) == ["permissions"]


def test_what_is_held_is_named(gateway, look):
    order = GatewayOrder(1, 0, 5, "AAPL", "SELL", Decimal(7), "MKT", "", "", "DAY", "DU1234567", "by hand")
    gateway.account.orders.append(order)
    gateway.fill_all()
    assert look()["positions"] == (True, "-7 AAPL")


def test_where_nobody_answers_every_check_fails_and_says_why(gateway, look):
    gateway.close()
    found = look(timeout_s=0.2)
    assert len(failed(found)) == 5
    assert all("cannot be reached" in said for _, said in found.values())


@pytest.mark.parametrize("words", [["connect", "ib"], ["connect", "other", "--paper"], []])
def test_only_a_paper_account_can_be_asked_for(words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    configure(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(words)
    assert parser.parse_args(["connect", "ib", "--paper"]).paper
