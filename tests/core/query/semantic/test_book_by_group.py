"""A part of the book by group, on the account that test_book_by_hand works out."""

import importlib.util
from pathlib import Path

import pytest

from core.errors import InvalidInput, NoData


def load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BOOK = load("test_book_by_hand")
ask, facts, rows = BOOK.ask, BOOK.facts, BOOK.rows


def test_a_group_of_the_book_is_its_members_and_their_sum():
    answer = ask("weight", group="tech")
    found = facts(answer)
    assert [row[0] for row in rows(answer)] == ["AAA", "CCC"]
    assert found["tech weight"] == pytest.approx(0.25 - 0.05)
    assert found["tech market value"] == 25_000 - 5_000
    assert "BBB weight" not in found


def test_the_profit_of_a_group_is_that_of_its_members():
    found = facts(ask("pnl", group="tech", period={"name": "all"}))
    assert {name: value for name, value in found.items() if name.endswith("P&L of the period")} == {
        "AAA P&L of the period": 7500.0,
        "CCC P&L of the period": 1000.0,
    }


def test_nothing_held_of_a_group_is_said():
    with pytest.raises(NoData, match="nothing of bond"):
        ask("positions", group="bond")


@pytest.mark.parametrize("metric", ["cash", "nav", "account_drawdown", "fills", "orders", "proposals"])
def test_what_is_not_kept_by_group_is_refused_and_not_shown_whole(metric):
    with pytest.raises(InvalidInput, match="not kept by group"):
        ask(metric, group="tech")
