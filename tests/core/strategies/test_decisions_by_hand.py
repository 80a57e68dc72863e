"""Each strategy's exact decisions on prices short enough to follow with a pencil; None: nothing is decided."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InvalidInput
from core.ports.strategy import PriceHistory
from core.strategies.loader import available, load

N = None
# 2024-01-01 is a Monday, so sessions 0, 5, 10 ... begin a week.
MONDAY = np.datetime64("2024-01-01")


def history(*columns, **fields):
    """Make a history of weekdays from closes by asset; other fields by asset too."""
    close = np.array(columns, dtype=float).T
    times = np.busday_offset(MONDAY, np.arange(len(close)), roll="forward")
    more = {name: np.array(values, dtype=float).T for name, values in fields.items()}
    return PriceHistory(close=close, times=times, assets=tuple("ABCDEF"[: len(columns)]), **more)


def decided(name, prices, asset=0, **parameters):
    return load(name, parameters).weights(prices)[:, asset]


def check(found, expected):
    np.testing.assert_allclose(found, np.array(expected, dtype=float), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("closes", "parameters", "expected"),
    [
        ([1, 2, 1, 3, 3], {"fast": 1, "slow": 2}, [N, 1, 0, 1, 0]),
        ([1, 2, 1, 3, 3], {"fast": 1, "slow": 2, "allow_short": True}, [N, 1, -1, 1, -1]),
        ([1, 2, 3, 2, 1, 4], {"fast": 2, "slow": 3}, [N, N, 1, N, 0, 1]),
        ([5, 4, 3, 2, 1], {"fast": 1, "slow": 3}, [N, N, 0, N, N]),
        ([1, 2, 3, 4, 5], {"fast": 1, "slow": 3}, [N, N, 1, N, N]),
        ([7, 7, 7, 7], {"fast": 1, "slow": 2}, [N, 0, N, N]),
        ([1, 2], {"fast": 2, "slow": 3}, [N, N]),
        ([1, N, 2, N, 1], {"fast": 1, "slow": 2}, [N, N, 1, N, 0]),
    ],
)
def test_sma_crossover(closes, parameters, expected):
    check(decided("sma_crossover", history(closes), **parameters), expected)


@pytest.mark.parametrize(
    ("closes", "parameters", "expected"),
    [
        ([1, 2, 3, 2, 1, 4, 5], {}, [N, N, 1, 0, N, 1, N]),
        ([1, 2, 3, 2, 1, 4, 5], {"allow_short": True}, [N, N, 1, 0, -1, 1, N]),
        ([3, 3, 3, 3], {}, [N, N, 0, N]),
        ([5, 4, 3, 2], {"allow_short": True}, [N, N, -1, N]),
        ([1, 2], {}, [N, N]),
    ],
)
def test_breakout_of_two_sessions_in_and_one_out(closes, parameters, expected):
    check(decided("breakout", history(closes), entry_period=2, exit_period=1, **parameters), expected)


def test_a_break_is_of_the_high_not_of_the_close():
    closes = [1, 2, 3, 4, 5]
    found = decided("breakout", history(closes, high=[[9] * 5], low=[closes]), entry_period=2, exit_period=1)
    check(found, [N, N, 0, N, N])
    # A missing high falls back to the close of its session.
    found = decided("breakout", history(closes, high=[[N] * 5], low=[[N] * 5]), entry_period=2, exit_period=1)
    check(found, [N, N, 1, N, N])


# Three logs of which the last differs are 2/sqrt(3) = 1.155 standard deviations away.
@pytest.mark.parametrize(
    ("logs", "parameters", "expected"),
    [
        ([0, 0, -1, -1, -1, 0], {}, [N, N, 1, N, 0, N]),
        ([0, 0, -1, -1, -1, 0], {"allow_short": True}, [N, N, 1, N, 0, -1]),
        ([0, 0, -1, -1, -1, 0], {"entry_z": 1.16}, [N, N, 0, N, N, N]),
        ([0, 0, -1, -1, -1, 0], {"exit_z": 0.6}, [N, N, 1, 0, N, N]),
        ([0, 0, 0, 0], {"allow_short": True}, [N, N, 0, N]),
    ],
)
def test_mean_reversion(logs, parameters, expected):
    given = {"period": 3, "entry_z": 1.1, "exit_z": 0.5} | parameters
    check(decided("mean_reversion", history(np.exp(logs)), **given), expected)


@pytest.mark.parametrize(
    ("closes", "parameters", "expected"),
    [
        # RSI 100, 50, 25, 81.25.
        ([10, 11, 12, 11, 10, 13], {}, [N, N, 0, N, 1, 0]),
        ([10, 11, 12, 11, 10, 13], {"entry_below": 20.0}, [N, N, 0, N, N, N]),
        ([10, 11, 12, 11, 10, 13], {"exit_above": 90.0}, [N, N, 0, N, 1, N]),
        ([10, 11, 12, 11, 10, 13], {"entry_below": 60.0}, [N, N, 0, 1, N, 0]),
        ([9, 8, 7, 6], {}, [N, N, 1, N]),
        ([9, 8], {}, [N, N]),
    ],
)
def test_rsi_threshold(closes, parameters, expected):
    check(decided("rsi_threshold", history(closes), period=2, **parameters), expected)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [N, N, 1, 0, N, 1]),
        ({"skip": 1}, [N, N, 1, N, 0, N]),
        ({"allow_short": True}, [N, N, 1, -1, N, 1]),
        ({"review": "weekly"}, [N, N, N, N, N, 1]),
        ({"review": "monthly"}, [N, N, N, N, N, N]),
        ({"lookback": 5}, [N, N, N, N, N, 1]),
        ({"lookback": 6}, [N, N, N, N, N, N]),
    ],
)
def test_momentum(parameters, expected):
    given = {"lookback": 2, "skip": 0, "review": "daily"} | parameters
    check(decided("momentum", history([1, 2, 3, 1, 1, 2]), **given), expected)


@pytest.mark.parametrize(
    ("columns", "parameters", "expected"),
    [
        (([10, 11, 11, 12], [10, 10, 12, 12]), {}, [[N, N], [1, 0], [0, 1], [1, 0]]),
        (([10, 9, 8], [10, 8, 8]), {}, [[N, N], [1, 0], [0, 1]]),
        (([10, 9, 8], [10, 8, 8]), {"need_gain": True}, [[N, N], [0, 0], [N, N]]),
        (([10, 11], [20, 22]), {}, [[N, N], [1, 0]]),
        (([10, 11, N, 12], [10, 10, 11, 12]), {}, [[N, N], [1, 0], [N, N], [N, N]]),
        (([1, 2], [1, 3], [1, 4]), {"hold": 2}, [[N, N, N], [0, 0.5, 0.5]]),
        (([1, 2], [1, 0.5], [1, 0.4]), {"hold": 2, "need_gain": True}, [[N, N, N], [0.5, 0, 0]]),
        (([10, 11, 11], [10, 10, 12]), {"lookback": 2}, [[N, N], [N, N], [0, 1]]),
        (([10, 11, 11], [10, 10, 12]), {"review": "weekly"}, [[N, N]] * 3),
    ],
)
def test_switch(columns, parameters, expected):
    given = {"lookback": 1, "review": "daily"} | parameters
    check(load("switch", given).weights(history(*columns)), expected)


@pytest.mark.parametrize("assets", [1, 2])
def test_switch_needs_something_to_switch_to(assets):
    with pytest.raises(InvalidInput, match=f"got {assets} assets, expected more than hold = 2"):
        load("switch", {"hold": 2}).weights(history(*([1.0, 2.0],) * assets))


# Log moves of +1 % and -1 % deviate by 1 % times sqrt(2) a day.
SWING = 0.1 / (0.01 * np.sqrt(2 * 252))


@pytest.mark.parametrize(
    ("logs", "parameters", "expected"),
    [
        ([0, 0.01, 0, 0.01, 0], {}, [N, N, SWING, N, N]),
        ([0, 0.01, 0, 0.01, 0], {"target": 0.2}, [N, N, 2 * SWING, N, N]),
        ([0, 0.01, 0, 0.01, 0], {"max_leverage": 0.3}, [N, N, 0.3, N, N]),
        ([0, 0, 0, 0], {}, [N, N, 1, N]),
        ([0, 0, 0, 0], {"max_leverage": 2.5}, [N, N, 2.5, N]),
        ([0, 0.01, 0, 0.02, 0], {}, [N, N, SWING, SWING / 1.5, SWING / 2]),
        ([0, 0.01, 0, 0.02, 0], {"tolerance": 0.4}, [N, N, SWING, N, SWING / 2]),
        ([0, 0.01, 0, 0.02, 0], {"tolerance": 0.6}, [N, N, SWING, N, N]),
        ([0, 0.01], {}, [N, N]),
    ],
)
def test_volatility_target(logs, parameters, expected):
    given = {"target": 0.1, "window": 2} | parameters
    check(decided("volatility_target", history(np.exp(logs)), **given), expected)


# Five logs of which only the last differs are 4/sqrt(5) = 1.789 deviations away, the next one -0.447.
SPIKE = [0, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("sign", "parameters", "first", "then"),
    [
        (1, {"entry_z": 1.5}, -1, 0),
        (-1, {"entry_z": 1.5}, 1, 0),
        (1, {"entry_z": 1.8}, 0, N),
        (-1, {"entry_z": 1.8}, 0, N),
        (1, {"entry_z": 1.5, "exit_z": -0.5}, -1, N),
        (-1, {"entry_z": 1.5, "exit_z": -0.5}, 1, N),
    ],
)
def test_pair_and_fly_fade_a_spike(sign, parameters, first, then):
    spike, flat = np.exp(sign * np.array(SPIKE)), np.ones(7)
    for name, columns, legs in (
        ("pair", (spike, flat), np.array([0.5, -0.5])),
        ("fly", (flat, spike, flat), np.array([-0.25, 0.5, -0.25])),
    ):
        extra = {"ratios": "equal"} if name == "fly" else {}
        found = load(name, {"window": 5} | parameters | extra).weights(history(*columns))
        assert np.isnan(found[:4]).all()
        check(found[4], first * legs)
        check(found[5], np.full(len(legs), np.nan if then is None else then))
        assert np.isnan(found[6]).all()


@pytest.mark.parametrize(
    ("columns", "parameters", "expected"),
    [
        (([1, 2, 3],), {}, [[1], [N], [N]]),
        (([1, 2], [3, 4]), {}, [[0.5, 0.5], [N, N]]),
        (([1, 2], [3, 4]), {"allocation": [0.7, 0.2]}, [[0.7, 0.2], [N, N]]),
        (([1, 2, 3], [N, 4, 5]), {}, [[0.5, N], [N, 0.5], [N, N]]),
        (([1] * 7,), {"rebalance": "weekly"}, [[1], [N], [N], [N], [N], [1], [N]]),
        (([1] * 6, [1] * 5 + [N]), {"rebalance": "weekly"}, [[0.5, 0.5], *[[N, N]] * 4, [0.5, N]]),
        (([1, 2, 3],), {"rebalance": "daily"}, [[1], [1], [1]]),
        (([1, 2, 3],), {"rebalance": "yearly"}, [[1], [N], [N]]),
    ],
)
def test_buy_and_hold(columns, parameters, expected):
    check(load("buy_and_hold", parameters).weights(history(*columns)), expected)


@pytest.mark.parametrize(
    ("frequency", "starts"), [("weekly", [0, 5, 10, 15, 20]), ("monthly", [0, 23]), ("quarterly", [0]), ("yearly", [0])]
)
def test_dollar_cost_averaging(frequency, starts):
    prices = history([10.0] * 25, [20.0] * 25)
    rule = load("dollar_cost_averaging", {"amount": 100.0, "frequency": frequency})
    check(rule.weights(prices), [[0.5, 0.5] if t in starts else [N, N] for t in range(25)])
    check(rule.contributions(prices), [100.0 if t - 1 in starts else 0.0 for t in range(25)])


@pytest.mark.parametrize("name", ["sma_crossover", "breakout", "mean_reversion", "rsi_threshold", "volatility_target"])
def test_each_asset_decides_for_itself_with_an_equal_share(name):
    first, second = np.random.default_rng(7).normal(0, 0.02, (2, 300)).cumsum(axis=1)
    both = load(name).weights(history(np.exp(first), np.exp(second)))
    for column, logs in enumerate((first, second)):
        np.testing.assert_allclose(both[:, column], load(name).weights(history(np.exp(logs)))[:, 0] / 2, rtol=1e-12)


@pytest.mark.parametrize("name", available())
def test_the_currency_of_prices_does_not_matter(name):
    logs = np.random.default_rng(8).normal(0, 0.02, (3, 320)).cumsum(axis=1)
    rule = load(name)
    columns = np.exp(logs)[: rule.legs or 3]
    ours, theirs = rule.weights(history(*columns)), rule.weights(history(*(columns * 128.0)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
