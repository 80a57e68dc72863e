"""Hold what every strategy has to satisfy; a strategy's test inherits this class and names the strategy."""

# ruff: noqa: D102

from __future__ import annotations

import dataclasses

import numpy as np

from core.ports.strategy import PaysIn, PriceHistory, Strategy, Weights

SESSIONS = 620


def random_history(seed: int, assets: int, *, sessions: int = SESSIONS, with_ranges: bool = True) -> PriceHistory:
    """Draw prices of correlated assets on weekdays; the same seed gives the same prices."""
    generator = np.random.default_rng(seed)
    common = generator.normal(0.0, 0.008, (sessions, 1))
    close = 50.0 * np.exp(np.cumsum(common + generator.normal(0.0002, 0.008, (sessions, assets)), axis=0))
    spread = np.abs(generator.normal(0.0, 0.006, (2, sessions, assets)))
    times = np.busday_offset(np.datetime64("2012-03-15"), np.arange(sessions), roll="forward")
    return PriceHistory(
        close=close,
        times=times,
        assets=tuple(f"ASSET{i}" for i in range(assets)),
        open=close * (1.0 + generator.normal(0.0, 0.003, close.shape)) if with_ranges else None,
        high=close * (1.0 + spread[0]) if with_ranges else None,
        low=close * (1.0 - spread[1]) if with_ranges else None,
        volume=generator.uniform(1e5, 1e6, close.shape) if with_ranges else None,
    )


def _changed(history: PriceHistory, parts: dict[str, Weights]) -> PriceHistory:
    return dataclasses.replace(
        history,
        close=parts["close"],
        open=parts["open"],
        high=parts["high"],
        low=parts["low"],
        volume=parts.get("volume", history.volume),
    )


class StrategyContract:
    """Check the promises of core.ports.strategy; override `strategy` (and `assets` for any-number strategies)."""

    assets = 2

    def strategy(self) -> Strategy:
        """Return the strategy under test, with parameters that make it decide within 620 sessions."""
        raise NotImplementedError

    def _history(self, seed: int = 7) -> PriceHistory:
        return random_history(seed, self.strategy().legs or self.assets)

    def _decide(self, history: PriceHistory) -> Weights:
        return self.strategy().weights(history)

    def test_weights_have_the_shape_of_the_closes_and_are_finite_or_absent(self) -> None:
        history = self._history()
        weights = self._decide(history)
        assert weights.shape == history.close.shape
        assert weights.dtype == np.float64
        assert not np.isinf(weights).any()

    def test_it_decides_something_and_nothing_before_its_warm_up(self) -> None:
        weights = self._decide(self._history())
        assert np.isfinite(weights).any()
        assert np.isnan(weights[: self.strategy().warmup_sessions]).all()

    def test_a_prefix_of_the_prices_gives_a_prefix_of_the_decisions(self) -> None:
        history = self._history()
        whole = self._decide(history)
        for sessions in (2, 100, 301, 454, SESSIONS - 1):
            np.testing.assert_array_equal(self._decide(history.until(sessions)), whole[:sessions])

    def test_what_comes_later_changes_no_decision(self) -> None:
        history = self._history()
        other = self._history(seed=8)
        known = 400

        def spliced(part: str) -> Weights:
            return np.concatenate((getattr(history, part)[:known], getattr(other, part)[known:]))

        parts = {part: spliced(part) for part in ("close", "open", "high", "low", "volume")}
        changed = _changed(history, parts)
        np.testing.assert_array_equal(self._decide(changed)[:known], self._decide(history)[:known])

    def test_the_unit_of_a_price_does_not_matter(self) -> None:
        history = self._history()
        unit = np.geomspace(0.01, 250.0, len(history.assets))
        parts = {part: getattr(history, part) * unit for part in ("close", "open", "high", "low")}
        scaled = _changed(history, parts)
        np.testing.assert_allclose(self._decide(scaled), self._decide(history), rtol=1e-6, atol=1e-9)

    def test_nothing_is_decided_for_an_asset_that_does_not_trade(self) -> None:
        history = self._history()
        gaps = np.random.default_rng(3).random(history.close.shape) < 0.05
        parts = {
            part: np.where(gaps, np.nan, getattr(history, part)) for part in ("close", "open", "high", "low", "volume")
        }
        weights = self._decide(_changed(history, parts))
        assert np.isnan(weights[gaps]).all()
        assert np.isfinite(weights).any()

    def test_closes_alone_are_enough(self) -> None:
        history = dataclasses.replace(self._history(), open=None, high=None, low=None, volume=None)
        assert np.isfinite(self._decide(history)).any()

    def test_too_short_a_history_decides_nothing(self) -> None:
        sessions = self.strategy().warmup_sessions
        assert np.isnan(self._decide(self._history().until(sessions))).all()

    def test_the_same_prices_give_the_same_decisions(self) -> None:
        history = self._history()
        np.testing.assert_array_equal(self._decide(history), self._decide(history))

    def test_its_parameters_are_frozen(self) -> None:
        strategy = self.strategy()
        assert dataclasses.is_dataclass(strategy)
        assert strategy == dataclasses.replace(strategy)
        assert hash(strategy) == hash(dataclasses.replace(strategy))

    def test_money_paid_in_follows_from_the_past(self) -> None:
        strategy = self.strategy()
        if isinstance(strategy, PaysIn):
            history = self._history()
            whole = strategy.contributions(history)
            assert whole.shape == history.times.shape
            assert (whole >= 0.0).all()
            np.testing.assert_array_equal(strategy.contributions(history.until(301)), whole[:301])
