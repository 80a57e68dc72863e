"""Each strategy's holdings against its rule, walked session by session in plain Python."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from core.errors import InvalidInput, UnknownName
from core.ports.strategy import PriceHistory
from core.strategies.breakout import Breakout
from core.strategies.buy_and_hold import BuyAndHold
from core.strategies.dollar_cost_averaging import DollarCostAveraging
from core.strategies.hedge import residual_kernel
from core.strategies.loader import available, describe, load
from core.strategies.mean_reversion import MeanReversion
from core.strategies.momentum import Momentum
from core.strategies.pair import Pair
from core.strategies.rsi_threshold import RsiThreshold
from core.strategies.sma_crossover import SmaCrossover
from core.strategies.spec import from_mapping, parse
from core.strategies.switch import Switch
from core.strategies.volatility_target import VolatilityTarget
from core.testing.strategy_contract import random_history


def held(weights):
    """Carry each decision forward, 0 before the first."""
    return pd.DataFrame(weights).ffill().fillna(0.0).to_numpy()


def close_of(history, asset=0):
    return [float(value) for value in history.close[:, asset]]


@pytest.mark.parametrize("allow_short", [False, True])
@pytest.mark.parametrize(("fast", "slow"), [(1, 2), (5, 20), (20, 100)])
def test_crossover(fast, slow, allow_short):
    history = random_history(31, 2)
    found = held(SmaCrossover(fast=fast, slow=slow, allow_short=allow_short).weights(history))
    for asset in range(2):
        close = close_of(history, asset)
        for t in range(len(close)):
            if t < slow - 1:
                assert found[t, asset] == 0.0
                continue
            above = sum(close[t - fast + 1 : t + 1]) / fast > sum(close[t - slow + 1 : t + 1]) / slow
            assert found[t, asset] == (0.5 if above else -0.5 if allow_short else 0.0)


@pytest.mark.parametrize("allow_short", [False, True])
def test_breakout(allow_short):
    history = random_history(32, 1)
    close, high, low = (getattr(history, part)[:, 0] for part in ("close", "high", "low"))
    found = held(Breakout(entry_period=15, exit_period=6, allow_short=allow_short).weights(history))[:, 0]
    long = short = 0.0
    for t in range(len(close)):
        if t < 15:
            assert found[t] == 0.0
            # State before the warm-up's end counts once both channels exist.
        if t >= 6:
            if close[t] < low[t - 6 : t].min():
                long = 0.0
            elif t >= 15 and close[t] > high[t - 15 : t].max():
                long = 1.0
            if close[t] > high[t - 6 : t].max():
                short = 0.0
            elif t >= 15 and close[t] < low[t - 15 : t].min():
                short = 1.0
        if t >= 15:
            assert found[t] == long - (short if allow_short else 0.0)


@pytest.mark.parametrize("allow_short", [False, True])
def test_mean_reversion(allow_short):
    history = random_history(33, 1)
    logs = np.log(history.close[:, 0])
    rule = MeanReversion(period=12, entry_z=1.2, exit_z=0.3, allow_short=allow_short)
    found = held(rule.weights(history))[:, 0]
    long = short = 0.0
    for t in range(11, len(logs)):
        part = logs[t - 11 : t + 1]
        score = (part[-1] - part.mean()) / part.std(ddof=1)
        long = 0.0 if score > -0.3 else 1.0 if score < -1.2 else long
        short = 0.0 if score < 0.3 else 1.0 if score > 1.2 else short
        assert found[t] == long - (short if allow_short else 0.0)


def test_rsi_threshold():
    history = random_history(34, 1)
    close = close_of(history)
    found = held(RsiThreshold(period=4, entry_below=25.0, exit_above=65.0).weights(history))[:, 0]
    change = np.diff(close)
    gain, loss = np.maximum(change, 0.0)[:4].mean(), np.maximum(-change, 0.0)[:4].mean()
    state = 0.0
    for t in range(4, len(close)):
        if t > 4:
            gain = (gain * 3 + max(change[t - 1], 0.0)) / 4
            loss = (loss * 3 + max(-change[t - 1], 0.0)) / 4
        level = 100.0 * gain / (gain + loss)
        state = 0.0 if level > 65.0 else 1.0 if level < 25.0 else state
        assert found[t] == state


@pytest.mark.parametrize(("review", "code"), [("weekly", "W"), ("monthly", "M"), ("quarterly", "Q")])
def test_momentum_is_reviewed_on_the_first_session_of_the_period(review, code):
    history = random_history(35, 2)
    found = held(Momentum(lookback=30, skip=4, review=review, allow_short=True).weights(history))
    periods = pd.Series(pd.DatetimeIndex(history.times)).dt.to_period(code)
    for asset in range(2):
        close, state = close_of(history, asset), 0.0
        for t in range(len(close)):
            if t >= 30 and (t == 0 or periods[t] != periods[t - 1]):
                state = 0.5 if close[t - 4] > close[t - 30] else -0.5
            assert found[t, asset] == state


@pytest.mark.parametrize("need_gain", [False, True])
@pytest.mark.parametrize("hold", [1, 2])
def test_switch_ranks_the_past_returns(hold, need_gain):
    history = random_history(36, 4)
    found = held(Switch(lookback=25, hold=hold, review="weekly", need_gain=need_gain).weights(history))
    weeks = pd.Series(pd.DatetimeIndex(history.times)).dt.to_period("W")
    state = np.zeros(4)
    for t in range(len(history.times)):
        if t >= 25 and weeks[t] != weeks[t - 1]:
            gain = history.close[t] / history.close[t - 25] - 1.0
            best = sorted(range(4), key=lambda asset: -gain[asset])[:hold]
            state = np.array([1.0 / hold if a in best and (gain[a] > 0 or not need_gain) else 0.0 for a in range(4)])
        np.testing.assert_array_equal(found[t], state)


def test_volatility_target_moves_when_it_is_worth_it():
    history = random_history(37, 1)
    logs = np.diff(np.log(history.close[:, 0]))
    rule = VolatilityTarget(target=0.12, window=10, max_leverage=1.5, tolerance=0.15)
    weights, last = rule.weights(history)[:, 0], 0.0
    for t in range(len(weights)):
        if t < 10:
            assert np.isnan(weights[t])
            continue
        wanted = min(0.12 / (logs[t - 10 : t].std(ddof=1) * np.sqrt(252)), 1.5)
        if abs(wanted - last) > 0.15 * last:
            assert weights[t] == pytest.approx(wanted, rel=1e-12)
            last = wanted
        else:
            assert np.isnan(weights[t])


def test_volatility_target_knows_the_calendar_of_crypto():
    history = random_history(37, 1)
    crypto = dataclasses.replace(history, sessions_per_year=365)
    rule = VolatilityTarget(target=0.05, window=10, max_leverage=10.0, tolerance=0.0)
    ratio = rule.weights(history)[10:] / rule.weights(crypto)[10:]
    np.testing.assert_allclose(ratio, np.sqrt(365 / 252), rtol=1e-12)


def test_a_pair_is_held_from_entry_to_exit_with_the_ratio_of_the_entry():
    history = random_history(38, 2)
    logs = np.log(history.close)
    found = held(Pair(window=40, entry_z=1.3, exit_z=0.2).weights(history))
    side, legs = 0.0, np.zeros(2)
    for t in range(39, len(logs)):
        part = logs[t - 39 : t + 1]
        slope = np.cov(part[:, 0], part[:, 1], ddof=1)[0, 1] / part[:, 1].var(ddof=1)
        residual = part[:, 0] - slope * part[:, 1]
        score = (residual[-1] - residual.mean()) / residual.std(ddof=1)
        long = 1.0 if score < -1.3 else 0.0 if score > -0.2 else float(side == 1.0)
        short = 1.0 if score > 1.3 else 0.0 if score < 0.2 else float(side == -1.0)
        before, side = side, long - short
        if side != before:
            legs = side * np.array([1.0, -slope]) / (1.0 + abs(slope))
        np.testing.assert_allclose(found[t], legs if side else 0.0, rtol=1e-6, atol=1e-12)
    assert np.sum(np.diff(np.sign(found[:, 0])) != 0) > 4


def test_wings_that_move_as_one_keep_equal_ratios():
    generator = np.random.default_rng(4)
    wing, y = np.cumsum(generator.normal(0, 0.01, 80)), np.cumsum(generator.normal(0, 0.01, 80))
    ratios, _ = residual_kernel(y, np.column_stack((wing, wing)), 30, True)
    np.testing.assert_array_equal(ratios[29:], 0.5)
    assert np.isnan(ratios[:29]).all()


def test_a_spread_that_does_not_vary_gives_no_signal():
    wing = np.cumsum(np.random.default_rng(5).normal(0, 0.01, 60))
    ratios, score = residual_kernel(2.0 * wing + 1.0, wing[:, None], 20, True)
    np.testing.assert_allclose(ratios[19:, 0], 2.0, rtol=1e-6)
    np.testing.assert_array_equal(score[19:], 0.0)


def test_pay_in_and_purchase_belong_together():
    history = random_history(39, 1)
    rule = DollarCostAveraging(amount=250.0, frequency="weekly")
    paid = rule.contributions(history)
    weeks = pd.Series(pd.DatetimeIndex(history.times)).dt.to_period("W")
    starts = np.flatnonzero((weeks != weeks.shift()).to_numpy())
    np.testing.assert_array_equal(np.flatnonzero(paid), [t + 1 for t in starts if t + 1 < len(paid)])
    assert set(paid) == {0.0, 250.0}
    bought = np.flatnonzero(np.isfinite(rule.weights(history)[:, 0]))
    np.testing.assert_array_equal(bought, starts)


def test_holding_without_rebalancing_decides_when_an_asset_first_trades():
    history = random_history(40, 2)
    close = history.close.copy()
    close[:30, 1] = np.nan
    weights = BuyAndHold().weights(PriceHistory(close=close, times=history.times, assets=("A", "B")))
    assert np.isnan(weights[:30, 1]).all()
    assert np.isfinite(weights[:, 0]).any()


REFUSED = [
    ("sma_crossover", {"fast": 20, "slow": 20}, "fast is 20, expected less than slow = 20"),
    ("sma_crossover", {"fast": 0}, "fast is 0, expected at least 1"),
    ("breakout", {"entry_period": 0}, "entry_period is 0, expected at least 1"),
    ("mean_reversion", {"period": 2}, "period is 2, expected at least 3"),
    ("mean_reversion", {"entry_z": -1.0}, "entry_z is -1.0, expected at least 0"),
    ("momentum", {"lookback": 10, "skip": 10}, "skip is 10, expected below lookback = 10"),
    ("momentum", {"skip": -1}, "skip is -1, expected at least 0"),
    ("switch", {"hold": 0}, "hold is 0, expected at least 1"),
    ("switch", {"need_gain": "yes"}, "need_gain is 'yes', expected true or false"),
    ("pair", {"window": 4}, "window is 4, expected at least 5"),
    ("pair", {"exit_z": 2.5}, "exit_z is 2.5, expected at most entry_z = 2.0"),
    ("fly", {"ratios": "best"}, "ratios is 'best', expected one of"),
    ("rsi_threshold", {"period": 1}, "period is 1, expected at least 2"),
    ("rsi_threshold", {"exit_above": 101.0}, "exit_above is 101.0, expected at most 100"),
    ("volatility_target", {"target": 0.0}, "target is 0.0, expected at least 0.001"),
    ("volatility_target", {"max_leverage": 11.0}, "max_leverage is 11.0, expected at most 10"),
    ("volatility_target", {"tolerance": -0.1}, "tolerance is -0.1, expected at least 0"),
    ("buy_and_hold", {"rebalance": "hourly"}, "rebalance is 'hourly', expected one of"),
    ("dollar_cost_averaging", {"amount": -5.0}, "amount is -5.0, expected"),
    ("dollar_cost_averaging", {"frequency": "hourly"}, "frequency is 'hourly', expected one of"),
]


@pytest.mark.parametrize(("name", "parameters", "message"), REFUSED)
def test_parameters_that_make_no_sense_are_refused(name, parameters, message):
    with pytest.raises(InvalidInput) as caught:
        load(name, parameters)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"Strategy {name}: ")


@pytest.mark.parametrize("name", available())
def test_bounds_in_the_description_are_the_bounds_that_hold(name):
    for parameter in describe(name).parameters:
        for bound, step in ((parameter.minimum, -1), (parameter.maximum, 1)):
            if bound is None:
                continue
            beyond = bound + step if isinstance(parameter.default, int) else bound + step * 1e-6
            with pytest.raises(InvalidInput, match=f"{parameter.name} is"):
                load(name, {parameter.name: beyond})
        for wrong in (None, "x", [1.0]):
            # Any text may be the name of an event; conditions are tested where they are defined.
            fits = isinstance(parameter.default, str) and not parameter.choices and wrong == "x"
            if not fits and not (isinstance(parameter.default, tuple) and wrong == [1.0]):
                with pytest.raises(InvalidInput, match=f"{parameter.name} is"):
                    load(name, {parameter.name: wrong})


@pytest.mark.parametrize("legs", [1, 2, 4])
def test_spreads_refuse_another_number_of_legs(legs):
    for name in ("pair", "fly"):
        strategy = load(name)
        if strategy.legs != legs:
            with pytest.raises(InvalidInput, match=f"got {legs} assets, expected {strategy.legs}"):
                strategy.weights(random_history(1, legs))


def test_a_specification_reads_every_field_and_round_trips_through_a_mapping():
    text = """
strategy: momentum
symbols: [spy, " qqq "]
parameters: {lookback: 120, skip: 10, review: weekly}
start: 2012-01-03
end: '2019-12-31'
capital: 5000
fee_bps: 0
slippage_bps: 3.5
execution_lag: 2
"""
    spec = parse(text)
    assert spec.strategy == Momentum(lookback=120, skip=10, review="weekly")
    assert spec.symbols == ("SPY", "QQQ")
    assert (str(spec.start), str(spec.end)) == ("2012-01-03", "2019-12-31")
    assert (spec.capital, spec.fee_bps, spec.slippage_bps, spec.execution_lag) == (5000.0, 0.0, 3.5, 2)
    again = from_mapping(
        {"strategy": "momentum", "symbols": list(spec.symbols), "parameters": dataclasses.asdict(spec.strategy)}
    )
    assert again.strategy == spec.strategy
    assert (again.capital, again.fee_bps, again.slippage_bps) == (100_000.0, 1.0, 2.0)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"strategy": "pair"}, InvalidInput, "needs the field symbols"),
        ({"strategy": "pair", "symbols": []}, InvalidInput, "needs the field symbols"),
        ({"strategy": "pair", "symbols": [1, 2]}, InvalidInput, "expected a list such as"),
        ({"strategy": "pair", "symbols": ["A", " "]}, InvalidInput, "expected a list such as"),
        ({"strategy": "pair", "symbols": {"A": 1}}, InvalidInput, "expected a list such as"),
        ({"strategy": "pair", "symbols": ["a", "A"]}, InvalidInput, "more than once: A, A"),
        ({"strategy": "pair", "symbols": "KO"}, InvalidInput, "symbols has 1, expected 2"),
        ({"strategy": "pair", "symbols": ["A", "B"], "capital": float("inf")}, InvalidInput, "capital is inf"),
        ({"strategy": "pair", "symbols": ["A", "B"], "capital": True}, InvalidInput, "capital is True"),
        ({"strategy": "pair", "symbols": ["A", "B"], "slippage_bps": "2"}, InvalidInput, "slippage_bps is '2'"),
        ({"strategy": "pair", "symbols": ["A", "B"], "fees": 2}, UnknownName, "Unknown specification field 'fees'"),
    ],
)
def test_a_specification_that_does_not_fit(fields, error, message):
    with pytest.raises(error) as caught:
        from_mapping(fields)
    assert message in str(caught.value)
