"""Pairs, flies, switches and rotations followed session by session in plain Python."""

import numpy as np
import pytest

from core.strategies.fly import Fly
from core.strategies.hedge import hedge
from core.strategies.pair import Pair
from core.strategies.rotation import Rotation
from core.strategies.seasonality import Seasonality
from core.strategies.switch import Switch
from core.testing.strategy_contract import random_history


def spread_by_walking(prices, body, ratios, window, entry, leave):
    """Decide at each close with the window up to it only."""
    logs = np.log(prices.close)
    side, out = 0.0, []
    for t in range(len(logs)):
        if t < window + 1:
            out.append(None)
            continue
        legs, score = hedge(logs[: t + 1], ratios, window, body=body)
        z, now = score[t], side
        # The long and the short side are held apart; an exit wins a tie.
        long, short = now > 0, now < 0
        long = False if z > -leave else (True if z < -entry else long)
        short = False if z < leave else (True if z > entry else short)
        side = 1.0 if long else -1.0 if short else 0.0
        out.append((side, legs[t] / np.abs(legs[t]).sum()))
    return out


CASES = [
    (Pair(window=25, entry_z=1.3, exit_z=0.3, ratios="ols"), 0, "ols"),
    (Pair(window=25, entry_z=1.3, exit_z=0.3, ratios="tls"), 0, "tls"),
    (Pair(window=25, entry_z=1.3, exit_z=0.3, ratios="kalman"), 0, "kalman"),
    (Pair(window=25, entry_z=1.3, exit_z=0.3, ratios="risk"), 0, "risk"),
    (Pair(window=25, entry_z=1.3, exit_z=0.3, ratios="equal"), 0, "equal"),
    (Fly(window=25, entry_z=1.3, exit_z=0.3, ratios="regression"), 1, "ols"),
    (Fly(window=25, entry_z=1.3, exit_z=0.3, ratios="equal"), 1, "equal"),
    (Fly(window=25, entry_z=1.3, exit_z=0.3, ratios="risk"), 1, "risk"),
    (Fly(window=25, entry_z=1.3, exit_z=0.3, ratios="pca"), 1, "pca"),
]


@pytest.mark.parametrize(("rule", "body", "ratios"), CASES)
def test_a_spread_decides_with_what_it_knows(rule, body, ratios):
    prices = random_history(17, rule.legs, sessions=160)
    weights = rule.weights(prices)
    walked = spread_by_walking(prices, body, ratios, 25, 1.3, 0.3)
    held, legs, changes = 0.0, None, 0
    for t, step in enumerate(walked):
        if step is None:
            continue
        side, unit = step
        # Before the walk begins a position may already stand.
        if t == 26:
            made = np.flatnonzero(np.isfinite(weights[: t + 1, 0]))
            last = weights[made[-1]] if len(made) else np.zeros(rule.legs)
            held = 0.0 if not last.any() else 1.0 if last[body] > 0 else -1.0
            legs = last
            continue
        if np.isfinite(weights[t]).all():
            changes += 1
            legs = weights[t]
            expected = side * unit if side else np.zeros(rule.legs)
            np.testing.assert_allclose(legs, expected, atol=1e-9)
            held = side
    assert changes >= 3
    assert held in (-1.0, 0.0, 1.0)


@pytest.mark.parametrize(("rule", "body", "ratios"), CASES)
def test_a_spread_has_one_unit_of_gross_exposure_or_none(rule, body, ratios):
    weights = rule.weights(random_history(18, rule.legs, sessions=300))
    rows = weights[np.isfinite(weights).all(axis=1)]
    gross = np.abs(rows).sum(axis=1)
    assert set(np.round(gross, 9)) <= {0.0, 1.0}
    assert (gross > 0).sum() >= 2
    np.testing.assert_array_equal(np.isfinite(weights).any(axis=1), np.isfinite(weights).all(axis=1))


@pytest.mark.parametrize(("rule", "body", "ratios"), CASES[:5])
def test_a_wider_entry_trades_less(rule, body, ratios):
    import dataclasses

    prices = random_history(19, rule.legs, sessions=500)
    counts = [
        np.isfinite(dataclasses.replace(rule, entry_z=z).weights(prices)[:, 0]).sum() for z in (0.8, 1.6, 2.4, 9.0)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[2]


def months_of(times):
    return times.astype("datetime64[M]").astype(int)


@pytest.mark.parametrize("need_gain", [False, True])
@pytest.mark.parametrize("weighting", ["equal", "inverse_volatility"])
@pytest.mark.parametrize("rank_by", ["return", "return_per_risk", "low_volatility"])
def test_a_rotation_by_walking(rank_by, weighting, need_gain):
    prices = random_history(23, 6, sessions=400)
    rule = Rotation(lookback=40, top=2, buffer=1, rank_by=rank_by, weighting=weighting, need_gain=need_gain)
    weights = rule.weights(prices)
    close, held, checked = prices.close, [], 0
    months = months_of(prices.times)
    for t in range(40, 400):
        if months[t] == months[t - 1]:
            assert np.isnan(weights[t]).all()
            continue
        steps = np.diff(np.log(close[t - 40 : t + 1]), axis=0)
        gain = close[t] / close[t - 40] - 1.0
        risk = steps.std(axis=0, ddof=1)
        score = {"return": gain, "return_per_risk": gain / risk, "low_volatility": -risk}[rank_by]
        order = list(np.argsort(-score))
        stays = sorted((a for a in held if order.index(a) < 3), key=order.index)[:2]
        held = stays + [a for a in order if a not in stays][: 2 - len(stays)]
        share = 1.0 / risk if weighting == "inverse_volatility" else np.ones(6)
        expected = np.zeros(6)
        for a in held:
            if gain[a] > 0 or not need_gain:
                expected[a] = share[a] / share[held].sum()
        # Volatility may be of simple or log returns: the ranking of two close calls may differ, the shares hardly.
        np.testing.assert_allclose(weights[t], expected, atol=0.02)
        checked += 1
    assert checked >= 15


@pytest.mark.parametrize("hold", [1, 2])
def test_a_momentum_switch_by_walking(hold):
    prices = random_history(29, 4, sessions=400)
    weights = Switch(lookback=30, hold=hold, review="monthly").weights(prices)
    months, last = months_of(prices.times), None
    for t in range(30, 400):
        if months[t] == months[t - 1]:
            assert np.isnan(weights[t]).all()
            continue
        gain = prices.close[t] / prices.close[t - 30] - 1.0
        expected = np.zeros(4)
        expected[np.argsort(-gain)[:hold]] = 1.0 / hold
        if last is not None and (expected == last).all():
            assert np.isnan(weights[t]).all()
        else:
            changed = np.isfinite(weights[t])
            np.testing.assert_allclose(weights[t][changed], expected[changed])
        last = expected


@pytest.mark.parametrize(
    ("months", "before", "after"),
    [
        ((1,), 0, 0),
        ((6, 7, 8), 0, 0),
        (tuple(range(1, 13)), 0, 2),
        (tuple(range(1, 13)), 3, 0),
        ((3, 9), 2, 2),
    ],
)
def test_a_season_by_walking(months, before, after):
    import pandas

    prices = random_history(31, 1, sessions=500)
    weights = Seasonality(months=months, days_before=before, days_after=after).weights(prices)[:, 0]
    held = 0.0
    for t, day in enumerate(prices.times):
        following = pandas.Timestamp(day) + pandas.offsets.BDay(1)
        begin = following.replace(day=1)
        passed = len(pandas.bdate_range(begin, following)) - 1
        left = len(pandas.bdate_range(following, following + pandas.offsets.MonthEnd(0)))
        inside = following.month in months
        if before or after:
            inside = inside and (passed < after or left <= before)
        if np.isfinite(weights[t]):
            assert weights[t] == float(inside)
            held = weights[t]
        assert held == float(inside), day
