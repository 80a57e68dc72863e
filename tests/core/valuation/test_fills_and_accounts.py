"""Backtests small enough to work out on paper: when fills happen, at which price, at what cost, and what is left."""

import dataclasses
from dataclasses import dataclass
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
from core.valuation.backtest import run
from core.valuation.performance import performance
from core.valuation.terms import Costs

AS_OF = datetime(2020, 1, 2, tzinfo=UTC)
NO = float("nan")


def market(close, open_=None, paths=1):
    values = np.array(close, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    values = np.repeat(values[None], paths, axis=0)
    opens = None if open_ is None else np.array(open_, dtype=float).reshape(values.shape)
    times = np.busday_offset(np.datetime64("2019-01-01"), np.arange(values.shape[1]), roll="forward")
    names = tuple("ABCDEF"[: values.shape[2]])
    return MarketPath(close=values, open=opens, times=times, assets=names, as_of=AS_OF, source="paper")


@dataclass(frozen=True)
class Script:
    """Return the weights it was given."""

    table: object
    legs: int | None = None
    trades_as_one: ClassVar[bool] = False
    name: ClassVar[str] = "script"
    warmup_sessions: int = 0

    def weights(self, prices):
        table = np.array(self.table, dtype=float)
        return table[:, None] if table.ndim == 1 else table


@dataclass(frozen=True)
class Spread(Script):
    """Trade its legs as one."""

    trades_as_one: ClassVar[bool] = True
    name: ClassVar[str] = "spread"


@dataclass(frozen=True)
class Paid(Script):
    """Get paid what it was given."""

    flows: tuple[float, ...] = ()

    def contributions(self, prices):
        return np.array(self.flows)


def test_nothing_decided_leaves_the_money():
    result = run(Script([NO, NO, NO]), market([10, 11, 12]), capital=500.0)
    assert result.equity.tolist() == [[500.0, 500.0, 500.0]]
    assert result.cash.tolist() == [[500.0, 500.0, 500.0]]
    assert result.returns.tolist() == [[0.0, 0.0, 0.0]]
    assert len(result.trades) == 0
    assert len(result.fills.session) == 0
    assert (result.exposure[0], result.invested[0], result.traded_value[0]) == (0.0, 0.0, 0.0)


def test_a_decision_at_the_last_close_is_never_filled():
    result = run(Script([NO, NO, 1.0]), market([10, 11, 12]))
    assert len(result.fills.session) == 0


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_a_decision_is_filled_lag_sessions_later(lag):
    result = run(Script([1.0, NO, NO, NO, NO]), market([10, 20, 40, 80, 160]), execution_lag=lag, capital=1600.0)
    assert result.fills.session.tolist() == [lag]
    assert result.fills.price.tolist() == [10.0 * 2**lag]
    assert result.equity[0, -1] == pytest.approx(1600.0 * 2 ** (4 - lag))
    assert result.execution_lag == lag


def test_the_open_is_taken_and_the_close_marks():
    result = run(Script([1.0, NO, NO]), market([10, 12, 15], [10, 11, 13]), capital=110.0)
    assert result.fill_rule == "next open"
    assert result.fills.price.tolist() == [11.0]
    assert result.equity[0].tolist() == pytest.approx([110.0, 120.0, 150.0])
    assert result.returns[0].tolist() == pytest.approx([0.0, 120 / 110 - 1, 0.25])


def test_a_missing_open_falls_back_to_the_close():
    result = run(Script([1.0, NO, NO]), market([10, 12, 15], [10, NO, 13]), capital=120.0)
    assert result.fills.price.tolist() == [12.0]


def test_an_asset_that_does_not_trade_is_filled_in_its_next_session():
    result = run(Script([1.0, NO, NO, NO]), market([10, NO, 20, 25]), capital=100.0)
    assert result.fills.session.tolist() == [2]
    assert result.equity[0].tolist() == pytest.approx([100.0, 100.0, 100.0, 125.0])


def test_a_newer_decision_replaces_one_that_waits():
    result = run(Script([1.0, 0.5, NO, NO, NO]), market([10, NO, NO, 20, 40]), capital=100.0)
    assert result.fills.shares.tolist() == [2.5]
    assert result.equity[0, -1] == pytest.approx(150.0)


def test_holdings_keep_their_last_price_over_a_gap():
    result = run(Script([1.0, NO, NO, NO]), market([10, 10, NO, 20]), capital=100.0)
    assert result.equity[0].tolist() == pytest.approx([100.0, 100.0, 100.0, 200.0])


def test_costs_of_a_purchase_and_a_sale_on_paper():
    result = run(
        Script([1.0, 0.0, NO, NO]), market([10, 10, 10, 10]), costs=Costs(fee_bps=100, slippage_bps=200), capital=1000.0
    )
    # Buys at 10.20, sells at 9.80; the fee is 1 % of each fill. All equity is in shares after the purchase.
    net = 1000.0 / (1.02 * 1.01)
    assert result.fills.price.tolist() == pytest.approx([10.2, 9.8])
    assert result.fills.shares.tolist() == pytest.approx([net / 10, -net / 10])
    assert result.cash[0, 1] == pytest.approx(0.0, abs=1e-9)
    assert result.equity[0].tolist() == pytest.approx([1000.0, net, net * 0.98 * 0.99, net * 0.98 * 0.99])
    assert result.fees[0] == pytest.approx(net * 1.02 * 0.01 + net * 0.98 * 0.01)
    assert result.slippage[0] == pytest.approx(net * 0.02 * 2)
    assert result.traded_value[0] == pytest.approx(2 * net)
    assert result.fills.fee.tolist() == pytest.approx([net * 1.02 * 0.01, net * 0.98 * 0.01])
    trades = result.trades
    assert trades.pnl.tolist() == pytest.approx([net * 0.98 * 0.99 - 1000.0])
    assert trades.return_ratio.tolist() == pytest.approx([(net * 0.98 * 0.99 - 1000.0) / (net * 1.02)])
    assert (trades.entry[0], trades.exit[0], trades.open[0]) == (1, 2, False)


def test_a_short_sale_earns_what_the_price_loses():
    result = run(Script([-0.5, NO, 0.0, NO]), market([10, 10, 8, 8]), capital=1000.0)
    assert result.shares[0, 1, 0] == pytest.approx(-50.0)
    assert result.equity[0].tolist() == pytest.approx([1000.0, 1000.0, 1100.0, 1100.0])
    assert result.trades.direction.tolist() == [-1]
    assert result.trades.pnl[0] == pytest.approx(100.0)


def test_a_reversal_closes_one_trade_and_opens_another():
    result = run(Script([1.0, -1.0, NO, 0.0, NO]), market([10, 10, 12, 12, 9]), capital=1200.0)
    assert result.trades.direction.tolist() == [1, -1]
    assert result.trades.entry.tolist() == [1, 2]
    assert result.trades.exit.tolist() == [2, 4]
    assert result.trades.pnl.tolist() == pytest.approx([240.0, 360.0])


def test_two_assets_get_their_weights_of_equity_after_costs():
    close = np.array([[10.0, 50.0]] * 4)
    result = run(Script([[0.25, 0.5], [NO, NO], [NO, NO], [NO, NO]]), market(close), costs=Costs(fee_bps=50))
    worth = result.shares[0, 1] * close[1]
    np.testing.assert_allclose(worth / result.equity[0, 1], [0.25, 0.5], rtol=1e-12)
    assert result.exposure[0] == pytest.approx(0.75 * 3 / 4)
    assert result.invested[0] == pytest.approx(3 / 4)


def test_one_decision_leaves_the_other_holding_alone():
    close = np.array([[10.0, 10.0], [10.0, 10.0], [20.0, 10.0], [20.0, 10.0]])
    result = run(Script([[0.5, 0.5], [NO, NO], [NO, 0.0], [NO, NO]]), market(close), capital=1000.0)
    assert result.shares[0, :, 0].tolist() == pytest.approx([0.0, 50.0, 50.0, 50.0])
    assert result.shares[0, :, 1].tolist() == pytest.approx([0.0, 50.0, 50.0, 0.0])


def test_leverage_multiplies_gains_and_ruin_ends_the_path():
    result = run(Script([2.0, NO, NO, 1.0, NO]), market([10, 10, 4, 40, 40]), capital=100.0)
    assert result.ruined.tolist() == [True]
    assert result.equity[0].tolist() == pytest.approx([100.0, 100.0, -20.0, -20.0, -20.0])
    assert result.shares[0, 2:, 0].tolist() == [0.0, 0.0, 0.0]
    assert result.returns[0].tolist() == [0.0, 0.0, -1.0, 0.0, 0.0]
    figures = performance(result.returns[0])
    assert (figures.total_return, figures.cagr, figures.max_drawdown) == (-1.0, -1.0, -1.0)
    assert result.trades.pnl.sum() == pytest.approx(-120.0)


def test_money_paid_in_buys_and_is_no_return():
    result = run(Paid([1.0, NO, 1.0, NO], flows=(100.0, 0.0, 100.0, 0.0)), market([10, 10, 20, 20]), capital=0.0)
    assert result.contributions[0].tolist() == [100.0, 0.0, 100.0, 0.0]
    assert result.equity[0].tolist() == pytest.approx([100.0, 100.0, 300.0, 300.0])
    assert result.returns[0].tolist() == pytest.approx([0.0, 0.0, 300 / 200 - 1, 0.0])


def test_dollar_cost_averaging_buys_more_shares_when_they_are_cheap():
    rng = np.random.default_rng(1)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0, 0.02, 300)))
    result = run(DollarCostAveraging(amount=100.0), market(close), capital=0.0)
    average_paid = result.contributions.sum() / result.shares[0, -1, 0]
    bought_at = close[result.fills.session]
    # The average price paid is the harmonic mean of the prices.
    assert average_paid == pytest.approx(len(bought_at) / np.sum(1.0 / bought_at), rel=1e-9)


def test_legs_that_overlap_are_one_trade_and_later_ones_another():
    close = np.array([[10.0, 20.0]] * 7)
    table = [[0.5, -0.5], [NO, NO], [0.0, 0.0], [NO, NO], [-0.5, 0.5], [NO, NO], [NO, NO]]
    close[3:, 0] = 11.0
    result = run(Spread(table), market(close), capital=1000.0)
    trades = result.trades
    assert trades.asset.tolist() == [-1, -1]
    assert trades.entry.tolist() == [1, 5]
    assert trades.exit.tolist() == [3, 6]
    assert trades.open.tolist() == [False, True]
    assert trades.entry_value[0] == pytest.approx(1000.0)
    assert trades.pnl[0] == pytest.approx(50.0)
    assert np.isnan(trades.shares).all()
    apart = run(Script(table), market(close), capital=1000.0).trades
    assert len(apart) == 4
    assert apart.pnl.sum() == pytest.approx(trades.pnl.sum())


def test_turnover_and_cost_per_year():
    table = [1.0, 0.0] * 126
    result = run(Script(table), market([10.0] * 252), costs=Costs(fee_bps=1), capital=1000.0)
    # 251 fills of about all equity in one year.
    average = result.equity[0].mean()
    assert result.traded_value[0] / average == pytest.approx(251.0, rel=0.002)
    assert (result.fees + result.slippage + result.borrow)[0] / average == pytest.approx(0.0251, rel=0.002)


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3),
    fee=st.floats(0.0, 300.0),
    slip=st.floats(0.0, 300.0),
)
def test_the_weights_asked_for_hold_after_costs(weights, fee, slip):
    close = np.array([[10.0, 3.0, 700.0]] * 3)
    result = run(Script([weights, [NO] * 3, [NO] * 3]), market(close), costs=Costs(fee_bps=fee, slippage_bps=slip))
    if result.ruined[0]:
        return
    kept = np.abs(np.array(weights)) > 1e-9
    found = result.shares[0, 1] * close[1] / result.equity[0, 1]
    np.testing.assert_allclose(found[kept], np.array(weights)[kept], rtol=1e-9)
    assert result.equity[0, 1] == pytest.approx(result.capital - result.fees[0] - result.slippage[0], rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100.0))
def test_capital_scales_money_and_leaves_ratios(seed, scale):
    rng = np.random.default_rng(seed)
    close = 30.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (40, 2)), axis=0))
    table = np.where(rng.random((40, 2)) < 0.3, rng.uniform(-0.5, 0.5, (40, 2)), NO)
    costs = Costs(fee_bps=5, slippage_bps=5)
    one = run(Script(table), market(close), costs=costs, capital=1000.0)
    other = run(Script(table), market(close), costs=costs, capital=1000.0 * scale)
    np.testing.assert_allclose(other.equity, one.equity * scale, rtol=1e-9)
    np.testing.assert_allclose(other.returns, one.returns, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(other.fees, one.fees * scale, rtol=1e-9)
    np.testing.assert_allclose(other.exposure, one.exposure, rtol=1e-9)


def test_doing_the_opposite_of_nothing_gained_costs_the_same():
    path = market([10.0] * 6)
    costs = Costs(fee_bps=30)
    long = run(Script([0.5, NO, 0.0, NO, NO, NO]), path, costs=costs)
    assert long.equity[0, -1] == pytest.approx(100_000.0 - long.fees[0])
    assert long.fees[0] == pytest.approx(100_000 * 0.5 * 0.003 * 2, rel=0.01)


def test_single_precision_paths_are_run_in_double():
    path = market(np.linspace(10, 20, 50))
    narrow = dataclasses.replace(path, close=path.close.astype(np.float32))
    result = run(BuyAndHold(), narrow)
    assert result.equity.dtype == np.float64
    np.testing.assert_allclose(result.equity, run(BuyAndHold(), path).equity, rtol=1e-6)


def test_read_only_prices_stay_as_they_are():
    path = market(np.linspace(10, 20, 50))
    path.close.setflags(write=False)
    assert run(BuyAndHold(), path).equity[0, -1] > 100_000.0


def test_every_path_is_its_own_account():
    path = market([10.0, 10.0, 12.0], paths=3)
    path.close[1, 2] = 9.0
    result = run(Script([1.0, NO, NO]), path, capital=100.0)
    assert result.equity[:, -1].tolist() == pytest.approx([120.0, 90.0, 120.0])
    assert result.fills.path.tolist() == [0, 1, 2]
    assert result.trades.path.tolist() == [0, 1, 2]
    assert result.trades.exit_price.tolist() == [12.0, 9.0, 12.0]


@pytest.mark.parametrize("name", ["fee_bps", "slippage_bps"])
@pytest.mark.parametrize("value", [-0.01, 10_000.0, float("nan"), float("inf")])
def test_costs_out_of_range(name, value):
    with pytest.raises(InvalidInput, match=f"{name} is .*, expected basis points from 0 to below 10,000"):
        Costs(**{name: value})


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        (Script([1.0, NO, NO], legs=2), {}, "script needs 2 assets, got 1: A"),
        (Script([1.0, NO]), {}, r"weights of shape \(2, 1\), expected \(3, 1\)"),
        (Script([1.0, float("inf"), NO]), {}, "infinite weight"),
        (Script([1.0, NO, NO]), {"execution_lag": 0}, "execution_lag is 0, expected at least 1"),
        (Script([1.0, NO, NO]), {"capital": 0.0}, "capital is 0.0, expected an amount above 0"),
        (Script([1.0, NO, NO]), {"capital": -1.0}, "capital is -1.0"),
        (Script([1.0, NO, NO]), {"capital": NO}, "capital is nan"),
    ],
)
def test_runs_that_make_no_sense_are_refused(strategy, options, message):
    with pytest.raises(InvalidInput, match=message):
        run(strategy, market([10, 11, 12]), **options)


def test_paths_that_make_no_sense_are_refused():
    with pytest.raises(InvalidInput, match="has 1 sessions, expected at least 2"):
        run(Script([1.0]), market([10.0]))
    with pytest.raises(InvalidInput, match="prices at or below 0"):
        run(Script([1.0, NO]), market([10.0, 0.0]))


def test_equity_only_keeps_no_fills_and_the_same_totals():
    rng = np.random.default_rng(3)
    close = 30.0 * np.exp(np.cumsum(rng.normal(0, 0.02, 60)))
    table = np.where(rng.random(60) < 0.3, rng.uniform(-1, 1, 60), NO)
    whole = run(Script(table), market(close), costs=Costs(fee_bps=3))
    short = run(Script(table), market(close), costs=Costs(fee_bps=3), record="equity")
    assert (short.shares, short.fills, short.trades) == (None, None, None)
    for field in ("equity", "cash", "returns", "fees", "slippage", "traded_value", "exposure", "invested", "ruined"):
        np.testing.assert_array_equal(getattr(short, field), getattr(whole, field))
