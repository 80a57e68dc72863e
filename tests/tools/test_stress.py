"""Stress and reverse stress through the tools: a market whose betas are known, and the sample data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.domain.facts import ToolResult
from core.errors import InvalidInput, UnknownName
from core.simulators.crises import CRISES

Ask = Callable[..., ToolResult]
# Market moves that repeat every four sessions; the others move by multiples of them.
PATTERN = np.resize(np.array((0.01, -0.02, 0.03, -0.01)), 120)


def dated(market: Any, beta: float, last: float, noise: float = 0.0, seed: int = 0) -> dict[str, float]:
    moves = PATTERN * beta + noise * np.random.default_rng(seed).standard_normal(120)
    grown = np.cumprod(1.0 + moves)
    days = market.days("2024-07-01", 120)
    return {day.isoformat(): float(value) for day, value in zip(days, grown / grown[-1] * last, strict=True)}


@pytest.fixture
def book(market: Any) -> Any:
    """Give SPY at 400 and two that follow it with some noise of their own: twice, and half against it."""
    market.add("SPY", dated(market, 1.0, 400.0))
    market.add("DBL", dated(market, 2.0, 50.0, 0.004, 1))
    market.add("CON", dated(market, -0.5, 20.0, 0.002, 2))
    return market


def table(result: ToolResult, name: str) -> dict[Any, tuple[Any, ...]]:
    found = next(part for part in result.tables if part.name == name)
    return {row[0]: row[1:] for row in found.rows}


def value(result: ToolResult, name: str) -> Any:
    return result.fact(name).value


def test_a_shock_in_words_moves_the_rest_by_its_beta(book: Any) -> None:
    found = book.ask("stress", symbols=["SPY", "DBL"], weights=[0.5, 0.5], shocks="SPY -10%", covariance="sample")
    rows = table(found, "scenario")
    assert rows["SPY"][1] == pytest.approx(-0.1)
    assert rows["SPY"][-1] == "given"
    assert rows["DBL"][1] == pytest.approx(-0.2, abs=0.012)
    assert rows["DBL"][-1] == "propagated"
    assert rows["DBL"][2] == pytest.approx(0.004, rel=0.3)
    assert value(found, "scenario change of value") == pytest.approx(0.5 * -0.1 + 0.5 * rows["DBL"][1], rel=1e-9)
    assert value(found, "standard deviation of what stays uncertain") == pytest.approx(50_000 * rows["DBL"][2])
    assert value(found, "shock to SPY") == pytest.approx(-0.1)


def test_a_shock_of_its_own_beats_beta(book: Any) -> None:
    found = book.ask("stress", symbols=["DBL"], shocks="DBL -50%, SPY -10%")
    assert value(found, "scenario profit or loss") == pytest.approx(-25.0)
    assert value(found, "shock to DBL") == -0.5


def test_several_days_make_a_fan(book: Any) -> None:
    found = book.ask("stress", symbols=["SPY", "DBL"], shocks="SPY -10% over 5 days", seed=3, paths=500)
    assert value(found, "sessions of the shock") == 5
    fan = next(chart for chart in found.charts if chart.kind == "fan")
    assert len(fan.series[0].x) == 6
    low, high = value(found, "lower 5 % of the scenario"), value(found, "upper 95 % of the scenario")
    assert low < 100_000 + value(found, "scenario profit or loss") < high


def test_multiples_and_levels_are_returns(book: Any) -> None:
    doubled = book.ask("stress", symbols=["SPY"], shocks="SPY x0.5")
    assert value(doubled, "scenario change of value") == pytest.approx(-0.5)
    level = book.ask("stress", symbols=["SPY"], shocks="SPY to 300")
    assert value(level, "scenario change of value") == pytest.approx(-0.25)


@pytest.mark.parametrize(
    ("shocks", "error", "message"),
    [
        ("SPY 10%", InvalidInput, "Column 5"),
        ("SPY +100bp", InvalidInput, "Column 1: SPY is a price"),
        ("NOPE -10%", UnknownName, "NOPE"),
        ("SPY -10%, DBL", InvalidInput, "Column 14"),
    ],
)
def test_shocks_that_do_not_fit_say_where(book: Any, shocks: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        book.ask("stress", symbols=["SPY"], shocks=shocks)


def test_a_rate_moves_by_basis_points_and_not_by_multiples(book: Any) -> None:
    days = book.days("2024-07-01", 120)
    level = 4.0 + np.cumsum(PATTERN - PATTERN.mean())
    book.rate("DGS10", {day: float(x) for day, x in zip(days, level, strict=True)}, unit="percent")
    found = book.ask("stress", symbols=["DBL"], shocks="DGS10 +50bp", covariance="sample")
    assert value(found, "shock to DGS10") == pytest.approx(0.005)
    assert table(found, "scenario")["DBL"][1] == pytest.approx(2.0 * 0.005 * 100, rel=0.1)
    with pytest.raises(InvalidInput, match="DGS10 is a rate"):
        book.ask("stress", symbols=["DBL"], shocks="DGS10 x2")


def test_the_likeliest_shock_loses_what_was_asked(book: Any) -> None:
    found = book.ask("reverse_stress", symbols=["DBL", "CON"], weights=[0.7, 0.3], loss=0.15, horizon_sessions=21)
    assert value(found, "loss of the shock") == pytest.approx(15_000, rel=1e-9)
    assert value(found, "loss asked for") == pytest.approx(15_000)
    rows = table(found, "shock")
    assert sum(row[2] for row in rows.values()) == pytest.approx(-15_000)
    assert rows["DBL"][1] < 0.0 < rows["CON"][1]
    normal = value(found, "probability of such a loss, normal returns")
    assert 0.0 < normal < 0.5
    assert found.charts[0].kind == "bar"


def test_factors_stand_beside_the_holdings(book: Any) -> None:
    found = book.ask("reverse_stress", symbols=["DBL"], loss=0.2, factors=["SPY"], covariance="sample")
    rows = table(found, "shock")
    assert rows["DBL"][1] == pytest.approx(-0.2)
    assert rows["SPY"][0] == 0.0
    assert rows["SPY"][1] == pytest.approx(-0.1, abs=0.01)


def test_more_than_everything_cannot_be_lost(book: Any) -> None:
    with pytest.raises(InvalidInput, match="can lose at most"):
        book.ask("reverse_stress", symbols=["SPY"], weights=[0.5], loss=0.9)


def test_all_crises_on_the_sample_book(ask: Ask) -> None:
    found = ask("stress", symbols=["AAPL", "JPM"], weights=[0.6, 0.4])
    rows = table(found, "crises")
    assert len(rows) == len(CRISES) == value(found, "crises")
    covid = rows[CRISES["covid_2020"].title]
    assert covid[-1] == "replayed"
    # Closes of record, adjusted: AAPL 80.904 to 56.093, JPM 137.49 to 79.03 from 2020-02-19 to 2020-03-23.
    assert covid[3] == pytest.approx(0.6 * (56.093 / 80.904 - 1) + 0.4 * (79.03 / 137.49 - 1), abs=0.01)
    assert covid[4] <= covid[3]
    crash = rows[CRISES["crash_1987"].title]
    assert crash[-1] == "propagated"
    assert -0.6 < crash[3] < -0.15
    assert value(found, "worst crisis change of value") == min(row[3] for row in rows.values())


def test_a_crisis_and_then_a_shock(ask: Ask) -> None:
    found = ask("stress", symbols=["AAPL"], crises=["covid_2020"], shocks="AAPL -10%")
    first = table(found, "crises")[CRISES["covid_2020"].title][3]
    joined = table(found, "combined")[CRISES["covid_2020"].title][1]
    assert joined == pytest.approx((1.0 + first) * 0.9 - 1.0)


def test_an_unknown_crisis_names_the_closest(ask: Ask) -> None:
    with pytest.raises(UnknownName, match="crisis"):
        ask("stress", symbols=["AAPL"], crises=["covid_2021"])
