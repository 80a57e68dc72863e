"""Robustness tells noise from an edge, on planted data."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.strategies.loader import load
from core.valuation.honesty import judge
from core.valuation.robustness import SCALES, neighbourhood, neighbours
from core.valuation.terms import Costs


def path(close: np.ndarray, assets: tuple[str, ...] = ("A",)) -> MarketPath:
    days = np.datetime64("2000-01-03") + np.arange(len(close))
    return MarketPath(
        close=close.reshape(1, len(close), len(assets)),
        times=days.astype("datetime64[D]"),
        assets=assets,
        as_of=datetime(2024, 1, 1, tzinfo=UTC),
        source="test",
    )


def noise(seed: int, sessions: int = 1500) -> np.ndarray:
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 0.01, sessions)))


def waves(seed: int, sessions: int = 1500) -> np.ndarray:
    """Trends of 150 sessions up and 150 down, with little noise: what a crossover is made for."""
    drift = np.where((np.arange(sessions) // 150) % 2 == 0, 0.004, -0.004)
    return 100.0 * np.exp(np.cumsum(drift + np.random.default_rng(seed).normal(0.0, 0.004, sessions)))


def test_neighbours_change_one_parameter_and_stay_valid() -> None:
    own = load("sma_crossover", {"fast": 50, "slow": 200})
    found = neighbours(own)
    assert len(found) == 2 * len(SCALES)
    for other in found:
        changed = [name for name in ("fast", "slow") if getattr(other, name) != getattr(own, name)]
        assert len(changed) == 1
        assert other.fast < other.slow  # type: ignore[attr-defined]


def test_invalid_neighbours_are_left_out() -> None:
    # fast x 1.25 and x 1.5 would not stay below slow, slow x 0.5 and x 0.75 not above fast.
    found = neighbours(load("sma_crossover", {"fast": 90, "slow": 100}))
    assert {(part.fast, part.slow) for part in found} == {(45, 100), (68, 100), (90, 125), (90, 150)}  # type: ignore[attr-defined]


def judged(strategy, market, costs=None, skip=0):
    _, table = neighbourhood(strategy, market, skip_sessions=skip, costs=costs or Costs())
    return judge(table)


def test_a_strategy_without_numbers_is_one_trial() -> None:
    found = judged(load("buy_and_hold"), path(noise(1)))
    assert found.trials == 1
    assert found.deflated_sharpe == found.probabilistic_sharpe
    assert np.isnan(found.overfitting_probability)


def test_a_neighbour_that_needs_more_assets_is_skipped() -> None:
    close = np.stack((noise(1), noise(2)), axis=1)
    strategies, table = neighbourhood(load("switch", {"lookback": 60}), path(close, ("A", "B")))
    assert table.shape == (1500, len(strategies))
    assert strategies[0] == load("switch", {"lookback": 60})
    # hold = 1 has no neighbour that holds fewer than both; entry_z does not matter to momentum but counts.
    assert all(part.hold == 1 for part in strategies)  # type: ignore[attr-defined]


def test_a_planted_edge_passes_and_noise_mostly_does_not() -> None:
    strategy = load("sma_crossover", {"fast": 10, "slow": 30, "allow_short": True})
    passed = [judged(strategy, path(noise(seed)), Costs(fee_bps=1), 30).passed for seed in range(20)]
    # 20 noise series at a 5 % level: more than 4 passes has a probability below 0.3 %.
    assert sum(passed) <= 4
    edge = judged(strategy, path(waves(3)), Costs(fee_bps=1), 30)
    assert edge.passed
    assert edge.deflated_sharpe > 0.99


def test_sessions_before_the_period_do_not_count() -> None:
    close = noise(5)
    strategy = load("sma_crossover", {"fast": 5, "slow": 20})
    whole = judged(strategy, path(close), skip=500)
    other = close.copy()
    other[:400] *= np.exp(np.linspace(0.0, 0.3, 400) - 0.3)
    again = judged(strategy, path(other), skip=500)
    assert again.sharpe == pytest.approx(whole.sharpe, rel=1e-9)
