"""Stops inside the bar, partial fills, lots, borrowing and corporate actions, small enough to work out on paper."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
import pytest

from core.domain.fill_rules import exit_price, slipped_price
from core.domain.market_path import MarketPath
from core.errors import InvalidInput
from core.strategies.sma_crossover import SmaCrossover
from core.testing.strategy_contract import random_history
from core.valuation.backtest import run
from core.valuation.terms import Actions, Costs, FillTerms, Stops
from core.valuation.trades import REASONS

AS_OF = datetime(2020, 1, 2, tzinfo=UTC)
NO = float("nan")


def market(bars, volume=None, basis="total_return"):
    """Rows of (open, high, low, close), or columns of closes alone."""
    values = np.array(bars, dtype=float)
    times = np.busday_offset(np.datetime64("2019-01-01"), np.arange(len(values)), roll="forward")
    common = {"times": times, "as_of": AS_OF, "source": "paper", "price_basis": basis}
    if values.ndim == 2 and values.shape[1] == 4:
        parts = dict(zip(("open", "high", "low", "close"), values.T[:, None, :, None], strict=True))
        volume = None if volume is None else np.array(volume, dtype=float)[None, :, None]
        return MarketPath(**parts, volume=volume, assets=("A",), **common)
    values = values[:, None] if values.ndim == 1 else values
    volume = None if volume is None else np.array(volume, dtype=float)[None]
    return MarketPath(close=values[None], volume=volume, assets=tuple("ABC"[: values.shape[1]]), **common)


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
    trades_as_one: ClassVar[bool] = True
    name: ClassVar[str] = "spread"


FLAT = (100, 101, 99, 100)


def fills(result):
    return [
        (int(session), float(shares), float(price), REASONS[reason])
        for session, shares, price, reason in zip(
            result.fills.session, result.fills.shares, result.fills.price, result.fills.reason, strict=True
        )
    ]


SHARES = FillTerms(sizing="shares")


def test_a_stop_fills_at_its_level_inside_the_bar_and_at_the_open_beyond_it():
    inside = market([FLAT, FLAT, (98, 99, 94, 97), FLAT])
    assert fills(run(Script([10, NO, NO, NO]), inside, stops=Stops(loss=0.05), terms=SHARES)) == [
        (1, 10, 100, "decision"),
        (2, -10, 95, "stop"),
    ]
    gap = market([FLAT, FLAT, (90, 99, 89, 97), FLAT])
    assert fills(run(Script([10, NO, NO, NO]), gap, stops=Stops(loss=0.05), terms=SHARES))[1] == (2, -10, 90, "stop")
    short = market([FLAT, FLAT, (102, 106, 101, 104), FLAT])
    assert fills(run(Script([-10, NO, NO, NO]), short, stops=Stops(loss=0.05), terms=SHARES))[1] == (2, 10, 105, "stop")


def test_the_stop_lives_on_the_entry_bar_unless_told_otherwise():
    path = market([FLAT, (100, 100, 90, 100), FLAT, FLAT])
    live = run(Script([10, NO, NO, NO]), path, stops=Stops(loss=0.05), terms=SHARES)
    assert fills(live)[1] == (1, -10, 95, "stop")
    later = run(Script([10, NO, NO, NO]), path, stops=Stops(loss=0.05, on_entry_bar=False), terms=SHARES)
    assert len(fills(later)) == 1


def test_the_stop_is_measured_from_the_fill_or_from_the_deciding_close():
    path = market([(100, 101, 99, 100), (110, 111, 109, 110), (110, 111, 100, 105), FLAT])
    of_fill = run(Script([10, NO, NO, NO]), path, stops=Stops(loss=0.05), terms=SHARES)
    assert fills(of_fill)[1] == (2, -10, pytest.approx(104.5), "stop")
    of_decision = run(Script([10, NO, NO, NO]), path, stops=Stops(loss=0.05, reference="decision"), terms=SHARES)
    # 95 is not reached: the low of the last bar is 99.
    assert fills(of_decision) == [(1, 10, 110, "decision")]


def test_a_bar_that_reaches_stop_and_target_is_a_loss_and_a_target_does_not_slip():
    both = market([FLAT, FLAT, (100, 111, 94, 100), FLAT])
    stops = Stops(loss=0.05, profit=0.10)
    assert fills(run(Script([10, NO, NO, NO]), both, stops=stops, terms=SHARES))[1] == (2, -10, 95, "stop")
    gain = market([FLAT, FLAT, (100, 112, 99, 100), FLAT])
    cost = Costs(slippage_bps=100)
    found = fills(run(Script([10, NO, NO, NO]), gain, stops=Stops(profit=0.10), terms=SHARES, costs=cost))
    assert found == [(1, 10, 101.0, "decision"), (2, -10, pytest.approx(111.1), "profit target")]


def test_a_stop_slips():
    path = market([FLAT, FLAT, (98, 99, 90, 97), FLAT])
    cost = Costs(slippage_bps=100)
    found = fills(run(Script([10, NO, NO, NO]), path, stops=Stops(loss=0.05), terms=SHARES, costs=cost))
    assert found[1][2] == pytest.approx(101 * 0.95 * 0.99)


def test_a_trailing_stop_follows_the_best_close_and_never_falls():
    bars = [FLAT, FLAT, (100, 130, 100, 120), (119, 119, 109, 110), (110, 110, 107, 109)]
    found = fills(run(Script([10, NO, NO, NO, NO]), market(bars), stops=Stops(trailing=0.10), terms=SHARES))
    # The high of 130 does not count: it is not known whether it came before the low. 120 * 0.9 = 108.
    assert found[1] == (4, -10, pytest.approx(108.0), "trailing stop")


def test_a_time_stop_leaves_after_so_many_sessions():
    found = fills(run(Script([10, *[NO] * 5]), market([FLAT] * 6), stops=Stops(sessions=2), terms=SHARES))
    assert found == [(1, 10, 100, "decision"), (3, -10, 100, "time stop")]


def test_after_a_stop_it_stays_out_until_the_strategy_lets_go():
    bars = [FLAT, FLAT, (98, 99, 94, 97), *[FLAT] * 5]
    table = [10, NO, 10, 10, 0, 10, NO, NO]
    found = fills(run(Script(table), market(bars), stops=Stops(loss=0.05), terms=SHARES))
    assert [(session, shares) for session, shares, _, _ in found] == [(1, 10), (2, -10), (6, 10)]


def test_a_decision_for_the_other_side_ends_the_wait():
    bars = [FLAT, FLAT, (98, 99, 94, 97), *[FLAT] * 3]
    found = fills(run(Script([10, NO, -10, NO, NO, NO]), market(bars), stops=Stops(loss=0.05), terms=SHARES))
    assert [(session, shares) for session, shares, _, _ in found] == [(1, 10), (2, -10), (3, -10)]


def test_a_stop_while_the_exit_waits_for_the_close_does_not_bar_the_next_entry():
    bars = [FLAT, FLAT, (100, 101, 80, 90), *[FLAT] * 4]
    terms = FillTerms(sizing="shares", at="close")
    # Leaving was decided at the close of session 1, the stop of session 2 came first.
    result = run(Script([10, 0, NO, NO, 10, NO, NO]), market(bars), stops=Stops(loss=0.05), terms=terms)
    assert [(session, shares) for session, shares, _, _ in fills(result)] == [(1, 10), (2, -10), (5, 10)]


def test_closes_alone_stop_at_the_close():
    found = fills(run(Script([10, NO, NO, NO]), market([100, 100, 90, 95]), stops=Stops(loss=0.05), terms=SHARES))
    assert found == [(1, 10, 100, "decision"), (2, -10, 90, "stop")]


def test_a_fill_at_the_close_comes_after_the_stops_of_its_bar():
    bars = [FLAT, (100, 101, 80, 100), (100, 101, 99, 100), FLAT]
    terms = FillTerms(sizing="shares", at="close")
    result = run(Script([10, NO, NO, NO]), market(bars), stops=Stops(loss=0.05), terms=terms)
    assert fills(result) == [(1, 10, 100, "decision")]
    assert result.fill_rule == "next close"


def test_the_atr_stop_keeps_so_many_ranges_from_the_entry():
    bars = [(100, 102, 98, 100)] * 20
    bars[17] = (100, 100, 90, 95)
    table = [NO] * 15 + [10] + [NO] * 4
    found = fills(run(Script(table), market(bars), stops=Stops(atr=2.0), terms=SHARES))
    # Every bar ranges over 4, so two ranges below 100 is 92.
    assert found[1] == (17, -10, pytest.approx(92.0), "stop")


def test_a_spread_stops_on_its_joint_loss_at_the_close():
    closes = [[100, 100], [100, 100], [90, 100], [90, 100], [90, 100]]
    table = [[0.5, -0.5], *[[NO, NO]] * 4]
    result = run(Spread(table), market(closes), stops=Stops(loss=0.04))
    # The legs lose 5 % of what was committed at the close of session 2 and leave at the next one.
    assert [(s, why) for s, _, _, why in fills(result)] == [(1, "decision")] * 2 + [(3, "spread stop")] * 2
    assert result.trades.pnl.tolist() == pytest.approx([-5_000.0])
    assert REASONS[result.trades.reason[0]] == "spread stop"
    assert len(fills(run(Spread(table), market(closes), stops=Stops(loss=0.06)))) == 2


def test_a_bar_fills_a_share_of_its_volume_and_the_rest_waits():
    path = market([FLAT] * 5, volume=[1000, 400, 400, 400, 400])
    terms = FillTerms(sizing="shares", participation=0.1)
    found = fills(run(Script([100, NO, NO, NO, NO]), path, terms=terms))
    assert [(session, shares) for session, shares, _, _ in found] == [(1, 40), (2, 40), (3, 20)]


def test_a_spread_fills_in_proportion():
    closes = [[100, 50]] * 5
    volume = [[1000, 1000], [1000, 500], [1000, 500], [1000, 500], [1000, 500]]
    table = [[100, -200], *[[NO, NO]] * 4]
    terms = FillTerms(sizing="shares", participation=0.1)
    result = run(Spread(table), market(closes, volume), terms=terms)
    held = result.shares[0]
    np.testing.assert_allclose(held[:, 1], -2.0 * held[:, 0])
    assert held[:, 0].tolist() == pytest.approx([0, 25, 50, 75, 100])


@pytest.mark.parametrize("seed", range(5))
def test_legs_of_a_spread_never_drift_apart_by_more_than_a_lot(seed):
    draw = np.random.default_rng(seed)
    volume = draw.integers(0, 2_000, (300, 2)).astype(float)
    table = np.full((300, 2), np.nan)
    for t in range(0, 300, 15):
        table[t] = np.array([100.0, -200.0]) * draw.integers(-3, 4)
    terms = FillTerms(sizing="shares", participation=0.05, lot=1.0)
    held = run(Spread(table), market([[100.0, 50.0]] * 300, volume), terms=terms).shares[0]
    assert np.abs(held[:, 1] + 2.0 * held[:, 0]).max() <= 40.0
    assert (held == np.rint(held)).all()


def test_legs_of_a_spread_wait_for_each_other():
    closes = [[100, 100], [100, NO], [100, 100], [100, 100]]
    result = run(Spread([[0.5, -0.5], *[[NO, NO]] * 3]), market(closes))
    assert [session for session, *_ in fills(result)] == [2, 2]


def test_whole_shares_are_rounded_towards_nothing():
    result = run(Script([1.0, NO, NO]), market([30, 30, 30]), capital=1000.0, terms=FillTerms(lot=1.0))
    assert result.fills.shares.tolist() == [33.0]
    assert result.cash[0, -1] == pytest.approx(10.0)


def test_notional_sizing_does_not_grow_with_equity():
    result = run(
        Script([1.0, 0.0, 1.0, NO, NO]), market([10, 10, 20, 20, 20]), capital=100.0, terms=FillTerms(sizing="notional")
    )
    assert [shares for _, shares, _, _ in fills(result)] == pytest.approx([10, -10, 5])


def test_fees_per_share_and_least_fees():
    costs = Costs(fee_per_share=0.005, least_fee=1.0)
    small = run(Script([10, NO, NO]), market([10, 10, 10]), terms=SHARES, costs=costs)
    large = run(Script([1000, NO, NO]), market([10, 10, 10]), terms=SHARES, costs=costs)
    assert (small.fees[0], large.fees[0]) == (1.0, pytest.approx(5.0))


def test_a_short_position_pays_for_borrowing_each_night():
    result = run(Script([-100, NO, NO, NO]), market([10, 10, 10, 10]), terms=SHARES, costs=Costs(borrow_bps=252))
    # 1,000 short at 2.52 % a year of 252 sessions is 0.10 a night, for two nights.
    assert result.borrow[0] == pytest.approx(0.2)
    assert result.equity[0, -1] == pytest.approx(100_000.0 - 0.2)


def test_corporate_actions_of_raw_prices_leave_the_total_return():
    # A 2:1 split on session 2 and a dividend of 1 on session 3.
    path = market([100.0, 100.0, 50.0, 49.0, 49.0], basis="raw")
    splits, dividends = np.ones((5, 1)), np.zeros((5, 1))
    splits[2], dividends[3] = 2.0, 1.0
    actions = Actions(dividends=dividends, splits=splits)
    result = run(Script([10, NO, NO, NO, NO]), path, terms=SHARES, actions=actions, capital=1000.0)
    assert result.shares[0, :, 0].tolist() == [0, 10, 20, 20, 20]
    assert result.equity[0].tolist() == pytest.approx([1000.0] * 5)
    assert result.dividends[0] == 20.0


def test_a_trade_across_a_split_pairs_in_new_shares():
    path = market([100.0, 100.0, 50.0, 60.0, 60.0], basis="raw")
    splits = np.ones((5, 1))
    splits[2] = 2.0
    actions = Actions(dividends=np.zeros((5, 1)), splits=splits)
    trades = run(Script([10, NO, 0, NO, NO]), path, terms=SHARES, actions=actions).trades
    assert (len(trades), trades.pnl[0], trades.entry_price[0], trades.exit_price[0]) == (1, 200.0, 50.0, 60.0)


def test_a_stop_level_splits_with_the_shares():
    path = market([100.0, 100.0, 50.0, 49.0, 49.0], basis="raw")
    splits = np.ones((5, 1))
    splits[2] = 2.0
    actions = Actions(dividends=np.zeros((5, 1)), splits=splits)
    assert len(fills(run(Script([10, *[NO] * 4]), path, terms=SHARES, actions=actions, stops=Stops(loss=0.05)))) == 1


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda: Stops(loss=1.0), "loss"),
        (lambda: Stops(loss=0.1, atr=2.0), "both"),
        (lambda: Stops(sessions=-1), "sessions"),
        (lambda: FillTerms(participation=1.5), "participation"),
        (lambda: FillTerms(sizing="lots"), "sizing"),
        (lambda: Costs(least_fee=-1.0), "least_fee"),
        (lambda: run(Script([1, NO, NO]), market([1, 1, 1]), terms=FillTerms(participation=0.1)), "volume"),
    ],
)
def test_terms_that_do_not_fit_are_named(what, words):
    with pytest.raises(InvalidInput, match=words):
        what()


def by_walking(path, weights, loss, profit, slip, fee):
    """Follow one asset in plain Python, with the fill rules alone."""
    o, h, lo, c = (part[0, :, 0] for part in (path.open, path.high, path.low, path.close))
    cash, shares, stop, target, blocked = 100_000.0, 0.0, 0.0, 0.0, 0
    out, pending = [], None
    for t in range(len(c)):
        if t and np.isfinite(weights[t - 1, 0]) and not weights[t - 1, 0] * blocked > 0:
            pending, blocked = weights[t - 1, 0], 0
        orders = []
        if pending is not None:
            if pending != shares:
                orders.append((pending - shares, o[t], slip, "decision"))
            pending = None
        for change, price, slippage, why in orders:
            paid = slipped_price(price, 1 if change > 0 else -1, slippage)
            cash -= change * paid + abs(change) * paid * fee
            fresh = shares * (shares + change) <= 0
            shares += change
            out.append((t, change, paid, why))
            if shares and fresh:
                side = 1 if shares > 0 else -1
                stop, target = paid * (1 - side * loss), paid * (1 + side * profit)
        if shares:
            side = 1 if shares > 0 else -1
            price = exit_price(side, stop, target, o[t], h[t], lo[t])
            if price:
                gained = side * (price - target) >= 0
                paid = slipped_price(price, -side, 0.0 if gained else slip)
                out.append((t, -shares, paid, "profit target" if gained else "stop"))
                cash += shares * paid - abs(shares) * paid * fee
                shares, blocked = 0.0, side
    return out, cash + shares * c[-1]


@pytest.mark.parametrize("seed", range(6))
def test_the_kernel_equals_a_walk_in_plain_python(seed):
    history = random_history(seed, 1, sessions=500)
    low, high = np.minimum(history.low, history.open), np.maximum(history.high, history.open)
    path = MarketPath(
        close=history.close[None], open=history.open[None], high=high[None], low=low[None], times=history.times,
        assets=("A",), as_of=AS_OF, source="drawn",
    )  # fmt: skip
    draw = np.random.default_rng(seed)
    weights = np.where(draw.random((500, 1)) < 0.1, draw.integers(-2, 3, (500, 1)) * 10.0, np.nan)
    cost = Costs(fee_bps=10, slippage_bps=5)
    found = run(Script(weights), path, terms=SHARES, costs=cost, stops=Stops(loss=0.02, profit=0.03))
    expected, worth = by_walking(path, weights, 0.02, 0.03, 5e-4, 1e-3)
    assert len(expected) > 20
    assert [(t, s, pytest.approx(p), w) for t, s, p, w in fills(found)] == expected
    assert found.equity[0, -1] == pytest.approx(worth)
    # Cash and positions make equity, to a fraction of a cent, in every session.
    np.testing.assert_allclose(found.cash[0] + found.shares[0, :, 0] * path.close[0, :, 0], found.equity[0], atol=1e-6)


@dataclass(frozen=True)
class WakingCrossover:
    """The crossover, decided in Python only where the averages cross."""

    inner: SmaCrossover
    name: ClassVar[str] = "waking crossover"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    def wakes(self, prices):
        return np.isfinite(self.inner.weights(prices)[:, 0])

    def decide(self, session):
        if session.filled and not np.isfinite(self.inner.weights(session.prices)[-1, 0]):
            return None
        return self.inner.weights(session.prices)[-1]


def test_a_strategy_that_wakes_up_makes_the_same_fills():
    history = random_history(3, 1, sessions=400)
    path = MarketPath(
        close=history.close[None], open=history.open[None], high=history.high[None], low=history.low[None],
        times=history.times, assets=("A",), as_of=AS_OF, source="drawn",
    )  # fmt: skip
    rule = SmaCrossover(fast=5, slow=20, allow_short=True)
    terms = {"stops": Stops(loss=0.03), "costs": Costs(fee_bps=10)}
    whole, woken = run(rule, path, **terms), run(WakingCrossover(rule), path, **terms)
    assert len(whole.fills.session) > 10
    np.testing.assert_array_equal(woken.equity, whole.equity)
    for part in ("session", "asset", "shares", "price", "fee", "reason"):
        np.testing.assert_array_equal(getattr(woken.fills, part), getattr(whole.fills, part))


def test_scale_does_not_matter():
    history = random_history(4, 2, sessions=300)
    path = MarketPath(
        close=history.close[None], open=history.open[None], high=history.high[None], low=history.low[None],
        times=history.times, assets=("A", "B"), as_of=AS_OF, source="drawn",
    )  # fmt: skip
    scaled = replace(path, **{part: getattr(path, part) * 8.0 for part in ("close", "open", "high", "low")})
    rule, stops = SmaCrossover(fast=5, slow=20), Stops(loss=0.03, trailing=0.05)
    np.testing.assert_allclose(run(rule, scaled, stops=stops).returns, run(rule, path, stops=stops).returns, atol=1e-12)
