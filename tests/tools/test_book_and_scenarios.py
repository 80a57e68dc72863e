"""Books by weight, value and share; shocks and crises with numbers worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import InvalidInput, NoData, UnknownName
from core.simulators.crises import CRISES, EQUITIES
from tools._book import Target, read_book

# Market moves of 2024 that repeat every four sessions; the others move by multiples of them.
PATTERN = (0.01, -0.02, 0.03, -0.01)
SESSIONS = 120
FIRST = "2024-07-01"
# The sessions of the replayed days: 100 before the fall, then 90, then 81; a holding fell to half.
COVID = {"2020-02-18": 98.0, "2020-02-19": 100.0, "2020-02-20": 90.0, "2020-03-23": 81.0}


def levels(beta: float, last: float) -> list[float]:
    """Return closes that move `beta` times the market's and end at `last`."""
    moves = np.resize(np.array(PATTERN), SESSIONS) * beta
    grown = np.cumprod(1.0 + moves)
    return [float(value) for value in grown / grown[-1] * last]


def dated(market: Any, beta: float, last: float) -> dict[str, float]:
    days = market.days(FIRST, SESSIONS)
    return {day.isoformat(): value for day, value in zip(days, levels(beta, last), strict=True)}


@pytest.fixture
def book(market: Any) -> Any:
    """Give SPY at 400, twice-moving DBL at 50, and CON that moves against the market at 20."""
    for symbol, beta, last in (("SPY", 1.0, 400.0), ("DBL", 2.0, 50.0), ("CON", -0.5, 20.0)):
        market.add(symbol, dated(market, beta, last))
    return market


def row(result: Any, table: str, symbol: str) -> tuple[Any, ...]:
    found = next(part for part in result.tables if part.name == table)
    return next(cells[1:] for cells in found.rows if cells[0] == symbol)


def value(result: Any, name: str) -> Any:
    return result.fact(name).value


def read(market: Any, **target: Any) -> Any:
    return read_book(market.context(), Target(**target), years=3.0)


def test_one_symbol_alone_is_one_share(book: Any) -> None:
    found = read(book, symbols=("SPY",))
    assert found.per_share
    assert (found.name, found.shares, found.cash) == ("SPY", {"SPY": 1.0}, 0.0)
    assert found.total == pytest.approx(400.0)


def test_symbols_without_weights_share_100000_equally(book: Any) -> None:
    found = read(book, symbols=("SPY", "DBL"))
    assert not found.per_share
    assert found.shares == pytest.approx({"SPY": 125.0, "DBL": 1000.0})
    assert found.values == pytest.approx({"SPY": 50_000.0, "DBL": 50_000.0})
    assert found.name == "50% SPY / 50% DBL"


def test_what_the_weights_leave_is_cash(book: Any) -> None:
    found = read(book, symbols=("SPY", "DBL"), weights=(0.5, 0.2), value=1000.0)
    assert found.shares == pytest.approx({"SPY": 1.25, "DBL": 4.0})
    assert found.cash == pytest.approx(300.0)
    assert found.total == pytest.approx(1000.0)


def test_weights_above_one_borrow_cash_and_negative_ones_are_short(book: Any) -> None:
    found = read(book, symbols=("SPY", "DBL"), weights=(1.5, -0.1), value=1000.0)
    assert found.values == pytest.approx({"SPY": 1500.0, "DBL": -100.0})
    assert found.cash == pytest.approx(-400.0)
    assert found.total == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("more", "worth"), [({"value": 800.0}, 800.0), ({"weights": (1.0,)}, 100_000.0), ({"weights": (0.5,)}, 50_000.0)]
)
def test_a_value_or_weight_ends_the_mode_per_share(book: Any, more: dict[str, Any], worth: float) -> None:
    found = read(book, symbols=("SPY",), **more)
    assert not found.per_share
    assert found.values["SPY"] == pytest.approx(worth)


def test_values_follow_the_columns_of_the_history(book: Any) -> None:
    found = read(book, symbols=("CON", "SPY"), weights=(0.25, 0.75))
    assert found.prices.panel.symbols == ("CON", "SPY")
    assert found.value_vector().tolist() == pytest.approx([25_000.0, 75_000.0])


def test_the_last_close_of_each_counts_where_one_did_not_trade_last(book: Any) -> None:
    book.add("LATE", {"2024-12-02": 7.0, "2024-12-03": 8.0})
    found = read(book, symbols=("SPY", "LATE"))
    assert found.last == pytest.approx({"SPY": 400.0, "LATE": 8.0})


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"symbols": ("SPY", "DBL"), "weights": (1.0,)}, "1 weights for 2 symbols"),
        ({"symbols": ("SPY", "spy"), "weights": (0.5, 0.5)}, "2 weights for 1 symbols"),
        ({"target": "symbols"}, "No symbols were given"),
    ],
)
def test_what_does_not_fit_is_said(book: Any, target: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(book, **target)


@pytest.mark.parametrize("bad", [0.0, -5.0])
def test_money_in_the_mix_is_above_zero(bad: float) -> None:
    with pytest.raises(ValidationError, match="value"):
        Target(symbols=("SPY",), value=bad)


def test_history_starts_the_years_before_the_call_and_is_of_returns(book: Any) -> None:
    read_book(book.context(known=datetime(2024, 12, 31, 22, tzinfo=UTC)), Target(symbols=("SPY",)), years=2.0)
    assert book.asked == [{"ids": [1], "purpose": "return", "start": date(2023, 1, 1), "end": None}]


def test_prices_known_later_are_not_in_the_book(book: Any) -> None:
    day = book.days(FIRST, SESSIONS)[50]
    context = book.context(known=datetime(day.year, day.month, day.day, 22, tzinfo=UTC))
    found = read_book(context, Target(symbols=("SPY",)))
    assert found.last["SPY"] == pytest.approx(levels(1.0, 400.0)[50])


def test_the_portfolio_is_private_at_the_books_own_prices(book: Any) -> None:
    book.hold("250.00", {"SPY": "401.5", "DBL": "50", "CON": "20"}, SPY="2", DBL="-3", CON="0")
    context = book.context()
    found = read_book(context, Target())
    assert context.label == "private"
    assert found.shares == {"SPY": 2.0, "DBL": -3.0}
    assert found.total == pytest.approx(803.0 - 150.0 + 250.0)
    assert found.name == "portfolio of Main"
    assert found.currency == "USD"


def test_named_symbols_stay_public(book: Any) -> None:
    context = book.context()
    read_book(context, Target(symbols=("SPY",)))
    assert context.label == "public"


def test_target_portfolio_wins_over_symbols(book: Any) -> None:
    book.hold("0", {"DBL": "50"}, DBL="1")
    assert read(book, target="portfolio", symbols=("SPY",)).shares == {"DBL": 1.0}


def test_an_empty_portfolio_is_no_data(book: Any) -> None:
    book.hold("1000", {})
    with pytest.raises(NoData, match="'Main' holds no positions"):
        read(book)


def test_an_unknown_account_is_named(book: Any) -> None:
    with pytest.raises(UnknownName, match="account 'other'"):
        read(book, target="portfolio", account="other")


# ------------------------------------------------------------------------------------------------ shocks


def test_a_shock_moves_the_rest_by_beta(book: Any) -> None:
    result = book.ask(
        "stress", symbols=("SPY", "DBL", "CON"), weights=(0.4, 0.4, 0.2), shocks="SPY -10%", covariance="sample"
    )
    # 40,000 x -10 % + 40,000 x -20 % + 20,000 x +5 %
    assert value(result, "scenario profit or loss") == pytest.approx(-4_000 - 8_000 + 1_000)
    assert value(result, "scenario change of value") == pytest.approx(-0.11)
    assert row(result, "scenario", "DBL") == pytest.approx((40_000, -0.20, 0.0, -8_000, "propagated"), abs=1e-8)
    assert row(result, "scenario", "CON") == pytest.approx((20_000, 0.05, 0.0, 1_000, "propagated"), abs=1e-8)
    assert [cells[0] for cells in result.tables[0].rows] == ["DBL", "SPY", "CON"]


def test_cash_does_not_move_in_a_shock(book: Any) -> None:
    result = book.ask("stress", symbols=("DBL",), weights=(0.5,), value=1000.0, shocks="SPY +10%", covariance="sample")
    assert value(result, "cash") == pytest.approx(500.0)
    assert value(result, "scenario profit or loss") == pytest.approx(100.0)
    assert value(result, "scenario change of value") == pytest.approx(0.1)


def test_a_short_position_gains_when_the_market_falls(book: Any) -> None:
    result = book.ask("stress", symbols=("DBL",), weights=(-1.0,), value=100.0, shocks="SPY -10%", covariance="sample")
    assert value(result, "scenario profit or loss") == pytest.approx(20.0)


def test_nothing_loses_more_than_everything(book: Any) -> None:
    result = book.ask("stress", symbols=("DBL",), shocks="SPY -80%", covariance="sample")
    assert value(result, "scenario change of value") == pytest.approx(-1.0)


@pytest.mark.parametrize("move", [0.01, -0.005])
def test_a_rate_moves_what_moved_with_it(book: Any, move: float) -> None:
    # BND loses 7 times the change of the rate, which steps by whole tenths of a point.
    days = book.days(FIRST, SESSIONS)
    steps = np.resize(np.array([0.1, -0.2, 0.3, -0.2, 0.05]), SESSIONS)
    rate = 4.0 + np.cumsum(steps)
    closes = 100.0 * np.cumprod(1.0 - 7.0 * steps / 100.0)
    book.add("BND", dict(zip((day.isoformat() for day in days), closes, strict=True)))
    book.rate("DGS10", dict(zip(days, rate, strict=True)))
    result = book.ask("stress", symbols=("BND",), value=1000.0, shocks=f"dgs10 {move * 1e4:+g}bp", covariance="sample")
    assert value(result, "scenario change of value") == pytest.approx(-7.0 * move)


def test_a_rate_without_enough_values_is_no_data(book: Any) -> None:
    days = book.days(FIRST, 30)
    book.rate("DGS10", {day: 4.0 if number < 19 else None for number, day in enumerate(days)})
    with pytest.raises(NoData, match="DGS10 has 19 values"):
        book.ask("stress", symbols=("SPY",), shocks="DGS10 +100bp", covariance="sample")


@pytest.mark.parametrize(("unit", "frequency"), [("Index", "daily"), ("Percent", "monthly")])
def test_only_daily_rates_in_percent_can_be_shocked(book: Any, unit: str, frequency: str) -> None:
    book.rate("CPI", {}, unit=unit, frequency=frequency)
    with pytest.raises(InvalidInput, match=r"CPI .* cannot be shocked"):
        book.ask("stress", symbols=("SPY",), shocks="CPI +100bp", covariance="sample")


def test_a_factor_that_is_neither_symbol_nor_series_is_unknown_as_a_symbol(book: Any) -> None:
    with pytest.raises(UnknownName, match="symbol 'GDPX'"):
        book.ask("stress", symbols=("SPY",), shocks="GDPX +1%", covariance="sample")


def test_a_fall_of_more_than_all_is_refused(book: Any) -> None:
    with pytest.raises(InvalidInput, match="cannot fall by more than 100"):
        book.ask("stress", symbols=("SPY",), shocks="SPY -150%", covariance="sample")


def test_factors_that_move_as_one_cannot_be_told_apart(book: Any) -> None:
    with pytest.raises(InvalidInput, match="move as one"):
        book.ask("stress", symbols=("CON",), shocks="SPY -10%, DBL -20%", covariance="sample")


# ------------------------------------------------------------------------------------------------ crises


@pytest.fixture
def crash(market: Any) -> Any:
    """Give SPY and OLD with prices in 2020, and DBL that came later."""
    market.add("SPY", {**COVID, **dated(market, 1.0, 400.0)})
    old = {"2020-02-18": 40.0, "2020-02-19": 40.0, "2020-02-20": 44.0, "2020-03-23": 20.0}
    market.add("OLD", {**old, **dated(market, 0.5, 10.0)})
    market.add("DBL", dated(market, 2.0, 50.0))
    return market


def test_a_replay_applies_the_returns_from_the_close_before(crash: Any) -> None:
    result = crash.ask("stress", symbols=("SPY", "OLD"), value=1000.0, crises=("covid_2020",))
    # SPY 100 -> 81, OLD 40 -> 20, 500 in each; after the first day 450 + 550.
    assert value(result, "scenario profit or loss") == pytest.approx(-95.0 - 250.0)
    assert value(result, "scenario change of value") == pytest.approx(-0.345)
    assert value(result, "scenario worst point") == pytest.approx(-0.345)
    assert value(result, "scenario maximum drawdown") == pytest.approx(-0.345)
    assert row(result, "scenario", "OLD") == pytest.approx((500.0, -0.5, -250.0, "replayed"))
    assert not any("beta" in note for note in result.notes)


def test_what_did_not_trade_then_moves_by_todays_beta(crash: Any) -> None:
    result = crash.ask("stress", symbols=("DBL",), value=1000.0, crises=("covid_2020",))
    # Twice the market's -10 % twice: 0.8 x 0.8.
    assert value(result, "scenario change of value") == pytest.approx(0.64 - 1.0)
    assert any("DBL 2.00" in note and "beta to SPY" in note for note in result.notes)


def test_proxies_and_history_add_up(crash: Any) -> None:
    result = crash.ask("stress", symbols=("DBL", "OLD"), weights=(0.5, 0.3), value=100.0, crises=("covid_2020",))
    assert value(result, "scenario profit or loss") == pytest.approx(50 * -0.36 + 30 * -0.5)
    assert row(result, "scenario", "DBL") == pytest.approx((50.0, -0.36, -18.0, "replayed, some by beta"))
    line = result.charts[-1].series[0]
    assert line.y == pytest.approx((100.0, 20 + 40 + 33, 20 + 32 + 15))


def test_the_parts_of_a_replay_sum_to_the_whole(crash: Any) -> None:
    result = crash.ask("stress", symbols=("SPY", "DBL", "OLD"), crises=("covid_2020",))
    assert sum(cells[3] for cells in result.tables[0].rows) == pytest.approx(value(result, "scenario profit or loss"))


def test_a_replay_is_remarked_once(crash: Any) -> None:
    result = crash.ask("stress", symbols=("SPY",), crises=("covid_2020",))
    assert len(set(result.notes)) == len(result.notes)
    assert sum("applied to today's positions" in note for note in result.notes) == 1
    assert value(result, "scenario first session") == "2020-02-20"
    assert value(result, "scenario last session") == "2020-03-23"


def test_a_session_without_a_trade_keeps_the_last_price(crash: Any) -> None:
    crash.add("GAP", {"2020-02-19": 10.0, "2020-03-23": 5.0, **dated(crash, 1.0, 1.0)})
    result = crash.ask("stress", symbols=("SPY", "GAP"), value=200.0, crises=("covid_2020",))
    assert result.charts[-1].series[0].y == pytest.approx((200.0, 190.0, 131.0))


def test_the_index_stands_in_where_the_fund_did_not_trade(market: Any) -> None:
    market.add("^GSPC", {**COVID, **dated(market, 1.0, 4000.0)})
    market.add("DBL", dated(market, 2.0, 50.0))
    result = market.ask("stress", symbols=("DBL",), value=1000.0, crises=("covid_2020",))
    assert value(result, "scenario change of value") == pytest.approx(-0.36)
    assert any("beta to ^GSPC" in note for note in result.notes)


def test_without_a_market_then_the_published_fall_is_propagated(book: Any) -> None:
    result = book.ask("stress", symbols=("DBL",), value=1000.0, crises=("covid_2020",), covariance="sample")
    published = CRISES["covid_2020"].moves[EQUITIES]
    assert -0.4 < published < -0.3
    assert value(result, "scenario change of value") == pytest.approx(2.0 * published)
    assert row(result, "scenario", "DBL")[-1] == "propagated"
    assert any("No prices reach back to 2020-02-20" in note for note in result.notes)
    assert [chart.kind for chart in result.charts] == ["bar"]
    with pytest.raises(KeyError):
        result.fact("scenario maximum drawdown")


def test_an_unknown_crisis_offers_the_closest(crash: Any) -> None:
    with pytest.raises(UnknownName, match="covid_2020"):
        crash.ask("stress", symbols=("SPY",), crises=("covid",))


# ------------------------------------------------------------------------------------------- the report


def test_the_report_of_a_book_states_weights_and_correlation(book: Any) -> None:
    result = book.ask("risk_report", symbols=("SPY", "DBL", "CON"), weights=(0.5, 0.25, 0.25))
    assert value(result, "largest weight") == pytest.approx(0.5)
    assert value(result, "effective number of positions") == pytest.approx(1 / (0.25 + 0.0625 + 0.0625))
    # The three move as one or against each other: 1, -1, -1.
    assert value(result, "average correlation") == pytest.approx(-1 / 3)
    assert row(result, "correlation", "SPY") == pytest.approx((1.0, 1.0, -1.0))


def test_contributions_to_the_shortfall_sum_to_one(book: Any) -> None:
    result = book.ask("risk_report", symbols=("SPY", "DBL", "CON"))
    rows = next(part for part in result.tables if part.name == "contributions").rows
    assert sum(cells[4] for cells in rows) == pytest.approx(1.0)
    assert sum(cells[3] for cells in rows) == pytest.approx(value(result, "expected shortfall"), rel=1e-6)
    assert [cells[0] for cells in rows] == ["DBL", "SPY", "CON"]


def test_historical_risk_of_a_repeating_market_is_its_worst_move(book: Any) -> None:
    result = book.ask("risk_report", symbols=("SPY",), value=1000.0)
    # A quarter of all sessions lose exactly 2 %.
    assert value(result, "value at risk") == pytest.approx(20.0)
    assert value(result, "expected shortfall") == pytest.approx(20.0)
    assert value(result, "expected shortfall, share of value") == pytest.approx(0.02)
    assert value(result, "sessions of history") == SESSIONS - 1
