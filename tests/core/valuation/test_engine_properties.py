"""Promises of the engine for every strategy and every kind of terms: no look-ahead, no unit, books to the cent."""

import dataclasses
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain.event_calendar import EventCalendar
from core.domain.market_path import MarketPath
from core.strategies.loader import available, load
from core.strategies.timing import Timed
from core.testing.strategy_contract import random_history
from core.valuation.attribution import by_leg
from core.valuation.backtest import run
from core.valuation.terms import Costs, FillTerms, Stops

AS_OF = datetime(2015, 1, 1, tzinfo=UTC)
SESSIONS = 260
PARAMETERS = {
    "breakout": {"entry_period": 15, "exit_period": 7, "allow_short": True},
    "event_drift": {"hold_sessions": 8, "allow_short": True},
    "fly": {"window": 20, "entry_z": 1.2, "ratios": "pca"},
    "mean_reversion": {"period": 10, "entry_z": 1.2, "allow_short": True},
    "momentum": {"lookback": 20, "skip": 2, "allow_short": True, "review": "weekly"},
    "pair": {"window": 20, "entry_z": 1.2, "ratios": "kalman"},
    "rotation": {"lookback": 15, "top": 2, "review": "weekly", "weighting": "inverse_volatility"},
    "rsi_threshold": {"period": 5, "entry_below": 40, "exit_above": 60},
    "sma_crossover": {"fast": 3, "slow": 11, "allow_short": True},
    "switch": {"lookback": 15, "review": "weekly"},
    "timed": {
        "buy": 'close > sma(9) and not within(1d, "CPI")',
        "sell": "close < sma(9)",
        "short": "rsi(5) > 65",
        "cover": "rsi(5) < 50",
    },
    "timed_spread": {
        "window": 20,
        "buy": "zscore(spread, 15) < -1",
        "sell": "zscore(spread, 15) > 0",
        "short": "zscore(spread, 15) > 1",
        "cover": "zscore(spread, 15) < 0",
    },
    "volatility_target": {"target": 0.15, "window": 10},
}
TERMS = {
    "plain": {},
    "costs": {"costs": Costs(fee_bps=5, slippage_bps=3, fee_per_share=0.005, least_fee=1.0, borrow_bps=100)},
    "stops": {"costs": Costs(fee_bps=5), "stops": Stops(loss=0.03, profit=0.05)},
    "trailing": {"costs": Costs(slippage_bps=4), "stops": Stops(trailing=0.03, sessions=12)},
    "ranges": {"costs": Costs(fee_bps=2), "stops": Stops(atr=1.5, on_entry_bar=False)},
    "decided": {"stops": Stops(loss=0.02, reference="decision"), "execution_lag": 2},
    "partial": {"terms": FillTerms(participation=0.002, lot=1.0), "costs": Costs(fee_bps=5)},
    "close": {"terms": FillTerms(at="close"), "stops": Stops(loss=0.03)},
    "notional": {"terms": FillTerms(sizing="notional", lot=10.0)},
}


def events():
    draw = np.random.default_rng(3)
    day = np.datetime64("2012-03-20") + np.sort(draw.integers(0, 350, 30))
    return EventCalendar(
        name=np.where(np.arange(30) % 3 == 0, "CPI", "EARNINGS"),
        asset=np.where(np.arange(30) % 3 == 0, -1, draw.integers(0, 3, 30)),
        day=day,
        scheduled=day - 20,
        known=day + draw.integers(0, 2, 30),
        surprise=draw.normal(0, 0.2, 30),
    )


def strategy(name):
    return load(name, PARAMETERS.get(name))


@cache
def path_of(assets, seed=11):
    history = random_history(seed, assets, sessions=SESSIONS)
    low = np.minimum(history.low, np.minimum(history.open, history.close))
    high = np.maximum(history.high, np.maximum(history.open, history.close))
    return MarketPath(
        close=history.close[None],
        open=history.open[None],
        high=high[None],
        low=low[None],
        volume=history.volume[None],
        times=history.times,
        assets=history.assets,
        as_of=AS_OF,
        source="drawn",
        events=events(),
    )


def ran(name, terms, path):
    return run(strategy(name), path, **TERMS[terms])


@cache
def usual(name, terms):
    """Run a strategy once on its path; most properties compare something else with it."""
    return ran(name, terms, path_of(strategy(name).legs or 3))


ALL = [(name, terms) for name in available() for terms in TERMS]


@pytest.mark.parametrize(("name", "terms"), ALL)
def test_cash_and_positions_are_equity_to_the_cent(name, terms):
    path = path_of(strategy(name).legs or 3)
    result = usual(name, terms)
    marked = result.cash + (result.shares * path.close).sum(axis=2)
    np.testing.assert_allclose(result.equity, marked, atol=0.005, rtol=0)
    # What was paid for fills, and lent shares, is what left the cash account.
    fills = result.fills
    paid = (fills.shares * fills.price + fills.fee).sum() + result.borrow[0]
    came = result.capital + result.contributions.sum() - paid
    assert result.cash[0, -1] == pytest.approx(came, abs=0.005)
    gained = result.equity[0, -1] - result.capital - result.contributions.sum()
    assert result.trades.pnl.sum() - result.borrow[0] == pytest.approx(gained, abs=0.005)
    legs = by_leg(result, path)
    assert legs.gross.sum() - legs.costs.sum() - result.borrow[0] == pytest.approx(gained, abs=0.005)


@pytest.mark.parametrize(("name", "terms"), ALL)
def test_a_prefix_of_the_result_is_the_result_of_the_prefix(name, terms):
    path = path_of(strategy(name).legs or 3)
    whole = usual(name, terms)
    # Each strategy meets each end, and so does each kind of terms.
    end = (60, 131, 222)[(available().index(name) + list(TERMS).index(terms)) % 3]
    part = ran(name, terms, path.cut(0, end))
    np.testing.assert_array_equal(part.equity[0], whole.equity[0, :end])
    np.testing.assert_array_equal(part.shares[0], whole.shares[0, :end])


@pytest.mark.parametrize(("name", "terms"), ALL)
def test_the_future_changes_nothing(name, terms):
    path = path_of(strategy(name).legs or 3)
    known = 140
    draw = np.random.default_rng(8)
    factor = np.ones(path.close.shape)
    factor[:, known:] = draw.uniform(0.4, 2.5, factor[:, known:].shape)
    changed = {part: getattr(path, part) * factor for part in ("close", "open", "high", "low", "volume")}
    last = path.times[known - 1]
    told = path.events.known <= last
    surprise = np.where(told, path.events.surprise, draw.normal(0, 1, 30))
    other = dataclasses.replace(path, **changed, events=dataclasses.replace(path.events, surprise=surprise))
    ours, theirs = usual(name, terms), ran(name, terms, other)
    np.testing.assert_array_equal(ours.equity[:, :known], theirs.equity[:, :known])
    np.testing.assert_array_equal(ours.shares[:, :known], theirs.shares[:, :known])


@pytest.mark.parametrize("name", [name for name in available() if name != "dollar_cost_averaging"])
@pytest.mark.parametrize("terms", ["plain", "stops", "trailing", "ranges", "close"])
def test_the_unit_of_a_price_does_not_matter(name, terms):
    path = path_of(strategy(name).legs or 3)
    unit = np.geomspace(0.25, 64.0, path.close.shape[2])
    scaled = {part: getattr(path, part) * unit for part in ("close", "open", "high", "low")}
    ours, theirs = usual(name, terms), ran(name, terms, dataclasses.replace(path, **scaled))
    np.testing.assert_allclose(ours.returns, theirs.returns, atol=1e-7)


@pytest.mark.parametrize("name", available())
def test_the_amount_of_capital_does_not_matter_without_lots_and_least_fees(name):
    rule = strategy(name)
    if name == "dollar_cost_averaging":
        pytest.skip("its contributions are fixed amounts")
    path = path_of(rule.legs or 3)
    terms = {"costs": Costs(fee_bps=5, slippage_bps=5), "stops": Stops(loss=0.04)}
    small, large = (run(rule, path, capital=capital, **terms) for capital in (1_000.0, 1e9))
    np.testing.assert_allclose(small.returns, large.returns, atol=1e-9)


@pytest.mark.parametrize("name", available())
def test_the_same_again_is_the_same(name):
    one, other = usual(name, "stops"), ran(name, "stops", path_of(strategy(name).legs or 3))
    np.testing.assert_array_equal(one.equity, other.equity)
    np.testing.assert_array_equal(one.fills.price, other.fills.price)


# A predicting strategy without predictions does not trade, so costs take nothing from it.
@pytest.mark.parametrize("name", [name for name in available() if name != "model_prediction"])
def test_dearer_costs_leave_less(name):
    path = path_of(strategy(name).legs or 3)
    ends = [
        run(strategy(name), path, costs=Costs(fee_bps=2, slippage_bps=2).times(multiple)).equity[0, -1]
        for multiple in (0.0, 1.0, 3.0)
    ]
    assert ends[0] > ends[1] > ends[2]


@pytest.mark.parametrize("name", ["pair", "fly", "timed_spread"])
@pytest.mark.parametrize("terms", ["plain", "costs", "stops", "decided"])
def test_the_legs_of_a_spread_open_and_close_together(name, terms):
    result = usual(name, terms)
    held = result.shares[0] != 0.0
    np.testing.assert_array_equal(held.any(axis=1), held.all(axis=1))
    assert (result.trades.asset == -1).all()


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    loss=st.floats(0.0, 0.2),
    profit=st.floats(0.0, 0.3),
    trailing=st.floats(0.0, 0.2),
    sessions=st.integers(0, 30),
    lag=st.integers(1, 4),
    fee=st.floats(0.0, 50.0),
    slip=st.floats(0.0, 50.0),
    lot=st.sampled_from([0.0, 1.0, 7.0]),
    at=st.sampled_from(["open", "close"]),
    seed=st.integers(0, 50),
)
def test_any_terms_keep_the_books(loss, profit, trailing, sessions, lag, fee, slip, lot, at, seed):
    path = path_of(2, seed)
    result = run(
        load("sma_crossover", {"fast": 2, "slow": 7, "allow_short": True}),
        path,
        costs=Costs(fee_bps=fee, slippage_bps=slip, borrow_bps=30),
        stops=Stops(loss=loss, profit=profit, trailing=trailing, sessions=sessions),
        terms=FillTerms(lot=lot, at=at),
        execution_lag=lag,
    )
    marked = result.cash + (result.shares * path.close).sum(axis=2)
    np.testing.assert_allclose(result.equity, marked, atol=0.005, rtol=0)
    closed = ~result.trades.open
    if sessions:
        # A time stop leaves at the next fill; what it does not reach in time waits for a session that trades.
        assert (result.trades.exit - result.trades.entry)[closed].max(initial=0) <= sessions
    low, high = path.low[0], path.high[0]
    fills = result.fills
    inside = path.close[0][fills.session, fills.asset] > 0
    price = fills.price / (1.0 + np.sign(fills.shares) * np.where(fills.reason == 2, 0.0, slip / 1e4))
    assert (price >= low[fills.session, fills.asset] - 1e-9)[inside].all()
    assert (price <= high[fills.session, fills.asset] + 1e-9)[inside].all()


@pytest.mark.parametrize("name", ["pair", "fly", "sma_crossover", "rotation", "buy_and_hold"])
def test_a_gate_only_takes_positions_away(name):
    rule = strategy(name)
    path = path_of(rule.legs or 3)
    free = run(rule, path)
    held = run(Timed(inner=rule, enter="close > sma(15)", leave="rsi(5) > 70"), path)
    idle = (held.shares[0] == 0.0).all(axis=1)
    assert idle.sum() >= (free.shares[0] == 0.0).all(axis=1).sum()
    again = run(Timed(inner=rule, enter="true"), path)
    late = rule.warmup_sessions + 2
    np.testing.assert_allclose(again.returns[0, late:], free.returns[0, late:], atol=1e-12)
