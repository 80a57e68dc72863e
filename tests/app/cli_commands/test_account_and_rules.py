"""The commands that open and switch accounts and declare standing rules, against the stand-in gateway."""

from __future__ import annotations

import argparse
import io
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.cli_commands import account, rules
from app.cli_commands.output import Output
from core.domain.books import Account, RejectCondition, RejectRule
from core.errors import InvalidInput

MOMENT = datetime(2022, 11, 30, 15, 30, tzinfo=UTC)


class Terminal(io.StringIO):
    """Say of itself that it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "red"), [(Terminal, True), (io.StringIO, False)])
def test_an_alarm_is_red_where_a_person_reads(monkeypatch, stream, red):
    monkeypatch.setattr(sys, "stderr", stream())
    Output(as_json=False).alarm("REAL MONEY: U1\x1b[0m")
    said = sys.stderr.getvalue()
    assert ("\x1b[1;31m" in said) == red
    # What a name brings along cannot end the red.
    assert "\\x1b[0m" in said


@pytest.mark.parametrize(
    ("real", "live", "word"),
    [(False, False, "paper"), (True, False, "real, switched off"), (True, True, "REAL, LIVE")],
)
def test_the_list_says_what_an_order_would_move(real, live, word):
    shown = Account(account_id="U1", name="x", broker="paper", is_real_money=real, is_live=live, opened_at=MOMENT)
    assert account.money_word(shown) == word


def parse(module, *words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.configure(parser)
    return parser.parse_args(words)


def test_the_words_of_a_rule_become_its_condition():
    given = parse(
        rules,
        *("declare", "big tech", "--symbol", "AAPL", "--symbol", "MSFT", "--side", "sell", "--notional-above", "10000"),
    )
    condition = rules.read_condition({name: value for name, value in vars(given).items() if value})
    assert condition == RejectCondition(symbols=("AAPL", "MSFT"), sides=("sell",), notional_above=Decimal(10_000))
    rule = RejectRule(rule_id="r", name="big tech", condition=condition, declared_by="p", declared_at=MOMENT)
    assert rules.words_of(rule) == "symbols AAPL, MSFT and sides sell and notional above 10000"


@pytest.mark.parametrize("words", [("--side", "hold"), ("--order-type", "magic"), ("--author-kind", "robot")])
def test_a_word_that_is_none_is_refused_on_the_line(words):
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parse(rules, "declare", "x", *words)


@pytest.mark.parametrize("amount", ["much", "-5"])
def test_an_amount_that_is_none_is_named(amount):
    with pytest.raises(InvalidInput, match="notional_above"):
        rules.read_condition({"notional_above": amount})


def test_real_money_must_be_said_and_the_switch_has_two_sides():
    assert parse(account, "open", "ib", "DU1").real_money is False
    assert parse(account, "open", "ib", "U1", "--real-money").real_money is True
    assert parse(account, "live", "U1", "off").state == "off"
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parse(account, "live", "U1", "maybe")
    with pytest.raises(InvalidInput, match="no amount"):
        account._amount("a lot")
