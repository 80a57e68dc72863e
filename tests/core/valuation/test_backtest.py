"""The backtest against a slow, separate calculation, and the identities that have to hold."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.market_path import MarketPath
from core.errors import InvalidInput
from core.strategies.buy_and_hold import BuyAndHold
from core.strategies.dollar_cost_averaging import DollarCostAveraging
from core.strategies.pair import Pair
from core.strategies.sma_crossover import SmaCrossover
from core.testing.strategy_contract import random_history
from core.valuation.backtest import run
from core.valuation.terms import Costs

AS_OF = datetime(2020, 1, 2, tzinfo=UTC)


def market(close, open_=None):
    close = np.asarray(close, dtype=float)
    close = close[None, :, None] if close.ndim == 1 else close
    times = np.busday_offset(np.datetime64("2019-01-01"), np.arange(close.shape[1]), roll="forward")
    assets = tuple("ABCDEFGH"[: close.shape[2]])
    opens = None if open_ is None else np.asarray(open_, dtype=float).reshape(close.shape)
    return MarketPath(close=close, open=opens, times=times, assets=assets, as_of=AS_OF, source="test")


def random_market(seed, assets=3, paths=2, sessions=300, with_open=True):
    generator = np.random.default_rng(seed)
    close = 20.0 * np.exp(np.cumsum(generator.normal(0.0, 0.02, (paths, sessions, assets)), axis=1))
    return market(close, close * np.exp(generator.normal(0.0, 0.01, close.shape)) if with_open else None)


@dataclass(frozen=True)
class Scripted:
    """Hold the weights it is given."""

    table: object
    name: ClassVar[str] = "scripted"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False
    warmup_sessions: int = 0

    def weights(self, prices):
        return np.array(self.table, dtype=float)


def slow_equity(path, weights, capital, fee, slip, lag):
    """Walk through one path without any trick: solve for equity after costs by bisection."""
    close = path.close[0]
    fill = close if path.open is None else np.where(np.isnan(path.open[0]), close, path.open[0])
    cash, shares, known = capital, np.zeros(close.shape[1]), np.zeros(close.shape[1])
    wanted = np.full(close.shape[1], np.nan)
    out = []
    for t in range(len(close)):
        if t >= lag:
            wanted = np.where(np.isnan(weights[t - lag]), wanted, weights[t - lag])
        known = np.where(np.isnan(fill[t]), known, fill[t])
        now = ~np.isnan(wanted) & ~np.isnan(fill[t])
        if now.any():
            worth = cash + shares @ known

            def plan(net, now=now, shares=shares, t=t, wanted=wanted):
                target = np.where(now, wanted * net / np.where(now, fill[t], 1.0), shares)
                change = target - shares
                paid = np.where(now, fill[t], 0.0) * (1.0 + np.sign(change) * slip)
                return target, change @ paid + np.abs(change) @ paid * fee

            low, high = worth * 0.5, worth
            for _ in range(200):
                middle = (low + high) / 2.0
                target, spent = plan(middle)
                if cash - spent + target @ known > middle:
                    low = middle
                else:
                    high = middle
            shares, spent = plan(middle)
            cash -= spent
            wanted[now] = np.nan
        known = np.where(np.isnan(close[t]), known, close[t])
        out.append(cash + shares @ known)
    return np.array(out)


@pytest.mark.parametrize("lag", [1, 3])
@pytest.mark.parametrize("with_open", [True, False])
def test_equity_equals_a_slow_separate_calculation(with_open, lag):
    path = random_market(3, paths=1, with_open=with_open)
    generator = np.random.default_rng(1)
    weights = generator.uniform(-0.6, 0.9, path.close.shape[1:])
    weights[generator.random(weights.shape) < 0.8] = np.nan
    close, opens = path.close.copy(), None if path.open is None else path.open.copy()
    gaps = generator.random(close.shape) < 0.05
    gaps[:, 0] = False
    close[gaps] = np.nan
    if opens is not None:
        opens[gaps] = np.nan
    path = replace(path, close=close, open=opens)
    result = run(Scripted(weights), path, costs=Costs(fee_bps=12, slippage_bps=7), capital=5_000.0, execution_lag=lag)
    expected = slow_equity(path, weights, 5_000.0, 0.0012, 0.0007, lag)
    np.testing.assert_allclose(result.equity[0], expected, rtol=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    fee=st.floats(0.0, 100.0),
    slippage=st.floats(0.0, 100.0),
    lag=st.integers(1, 4),
    with_open=st.booleans(),
)
def test_cash_positions_and_trades_add_up_to_equity(seed, fee, slippage, lag, with_open):
    path = random_market(seed, sessions=60, with_open=with_open)
    generator = np.random.default_rng(seed)
    weights = np.where(generator.random((60, 3)) < 0.2, generator.uniform(-0.5, 0.6, (60, 3)), np.nan)
    result = run(Scripted(weights), path, costs=Costs(fee_bps=fee, slippage_bps=slippage), execution_lag=lag)
    marked = result.cash + (result.shares * path.close).sum(axis=2)
    np.testing.assert_allclose(result.equity, marked, rtol=1e-9)
    fills = result.fills
    for index in range(path.paths):
        mine = fills.path == index
        paid = (fills.shares[mine] * fills.price[mine] + fills.fee[mine]).sum()
        assert result.cash[index, -1] == pytest.approx(result.capital - paid, rel=1e-9, abs=1e-6)
        gain = result.trades.pnl[result.trades.path == index].sum()
        assert result.equity[index, -1] - result.capital == pytest.approx(gain, rel=1e-9, abs=1e-6)
    assert result.fees.sum() == pytest.approx(result.trades.fees.sum(), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(np.prod(1.0 + result.returns, axis=1) * result.capital, result.equity[:, -1], rtol=1e-9)


def test_the_result_of_a_prefix_is_the_prefix_of_the_result():
    path = random_market(8, assets=2)
    for strategy in (SmaCrossover(fast=5, slow=20), Pair(window=30), DollarCostAveraging()):
        whole = run(strategy, path)
        cut = replace(path, close=path.close[:, :170], open=path.open[:, :170], times=path.times[:170])
        part = run(strategy, cut)
        np.testing.assert_array_equal(part.equity, whole.equity[:, :170])
        np.testing.assert_array_equal(part.shares, whole.shares[:, :170])


def test_fills_take_the_next_open_and_otherwise_the_next_close():
    close, open_ = [10.0, 11.0, 12.0, 13.0], [9.0, 10.5, 11.5, 12.5]
    with_open = run(BuyAndHold(), market(close, open_), capital=1_000.0)
    assert with_open.fill_rule == "next open"
    assert (with_open.fills.session[0], with_open.fills.price[0]) == (1, 10.5)
    assert with_open.equity[0, -1] == pytest.approx(1_000.0 / 10.5 * 13.0)
    closes_only = run(BuyAndHold(), market(close), capital=1_000.0)
    assert closes_only.fill_rule == "next close"
    assert (closes_only.fills.session[0], closes_only.fills.price[0]) == (1, 11.0)


def test_costs_of_one_purchase_by_hand():
    # 1,000 buys at 10 * 1.01 = 10.10 plus 2 % fee: 1,000 / (10.10 * 1.02) = 97.0685 shares, no cash left.
    result = run(BuyAndHold(), market([10.0, 10.0, 10.0]), costs=Costs(fee_bps=200, slippage_bps=100), capital=1_000.0)
    shares = 1_000.0 / (10.10 * 1.02)
    assert result.shares[0, -1, 0] == pytest.approx(shares, rel=1e-12)
    assert result.cash[0, -1] == pytest.approx(0.0, abs=1e-9)
    assert result.fees[0] == pytest.approx(shares * 10.10 * 0.02, rel=1e-12)
    assert result.slippage[0] == pytest.approx(shares * 0.10, rel=1e-12)


def test_a_round_trip_by_hand():
    weights = np.array([[1.0], [np.nan], [0.0], [np.nan], [-0.5], [np.nan]])
    result = run(Scripted(weights), market([10.0, 10.0, 12.0, 15.0, 15.0, 10.0]), capital=100.0)
    first, second = range(2)
    trades = result.trades
    assert len(trades) == 2
    assert (trades.entry[first], trades.exit[first], trades.direction[first]) == (1, 3, 1)
    assert (trades.entry_price[first], trades.exit_price[first]) == (10.0, 15.0)
    assert trades.pnl[first] == pytest.approx(50.0)
    assert trades.return_ratio[first] == pytest.approx(0.5)
    assert trades.open.tolist() == [False, True]
    assert (trades.direction[second], trades.shares[second]) == (-1, pytest.approx(7.5))


def test_a_short_that_loses_everything_is_liquidated_and_stays_out():
    weights = np.array([[-1.0]] + [[np.nan]] * 3 + [[1.0]] + [[np.nan]] * 2)
    result = run(Scripted(weights), market([10.0, 10.0, 15.0, 25.0, 20.0, 30.0, 40.0]), capital=100.0)
    assert result.ruined.tolist() == [True]
    assert result.equity[0].tolist() == [100.0, 100.0, 50.0, -50.0, -50.0, -50.0, -50.0]
    assert result.trades.open.tolist() == [False]
    assert result.trades.pnl[0] == pytest.approx(-150.0)


def test_money_paid_in_is_not_a_return():
    flat = run(DollarCostAveraging(amount=100.0), market([10.0] * 60), capital=0.0)
    assert flat.contributions[0].sum() == 300.0
    assert flat.equity[0, -1] == pytest.approx(300.0)
    np.testing.assert_allclose(flat.returns[0], 0.0, atol=1e-12)


def test_legs_of_a_spread_are_one_trade():
    history = random_history(5, 2)
    path = market(history.close[None])
    result = run(Pair(window=60), path)
    assert (result.trades.asset == -1).all()
    entries = result.fills.session[result.fills.asset == 0]
    assert len(result.trades) <= len(entries)
    assert result.trades.pnl.sum() == pytest.approx(result.equity[0, -1] - result.capital, rel=1e-9)
    assert (result.trades.entry[1:] >= result.trades.exit[:-1]).all()


def test_equity_only_gives_the_same_equity():
    path = random_market(4)
    full, light = run(SmaCrossover(fast=5, slow=20), path), run(SmaCrossover(fast=5, slow=20), path, record="equity")
    np.testing.assert_array_equal(full.equity, light.equity)
    assert light.shares is None
    assert light.fills is None
    assert light.trades is None


def test_the_unit_of_prices_does_not_matter():
    path = random_market(6)
    scaled = replace(path, close=path.close * 7.0, open=path.open * 7.0)
    ours, theirs = run(SmaCrossover(fast=5, slow=20), path), run(SmaCrossover(fast=5, slow=20), scaled)
    np.testing.assert_allclose(ours.equity, theirs.equity, rtol=1e-9)


def test_higher_costs_never_leave_more():
    path = random_market(11, paths=1)
    ends = [run(SmaCrossover(fast=5, slow=20), path, costs=Costs(fee_bps=fee)).equity[0, -1] for fee in (0, 5, 20, 80)]
    assert ends == sorted(ends, reverse=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"execution_lag": 0}, "execution_lag is 0"),
        ({"capital": 0.0}, "capital is 0"),
        ({"capital": float("nan")}, "capital is nan"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(InvalidInput, match=message):
        run(BuyAndHold(), random_market(1), **change)


def test_bad_prices_weights_and_costs_are_refused():
    with pytest.raises(InvalidInput, match="prices at or below 0"):
        run(BuyAndHold(), market([10.0, 0.0, 5.0]))
    with pytest.raises(InvalidInput, match="weights of shape"):
        run(Scripted(np.zeros((2, 1))), market([10.0, 11.0, 5.0]))
    with pytest.raises(InvalidInput, match="infinite weight"):
        run(Scripted(np.array([[np.inf], [0.0]])), market([10.0, 11.0]))
    with pytest.raises(InvalidInput, match="needs 2 assets, got 3"):
        run(Pair(), random_market(1))
    with pytest.raises(InvalidInput, match="fee_bps is -1"):
        Costs(fee_bps=-1)
