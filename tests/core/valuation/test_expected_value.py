import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from core.errors import InvalidInput, NoData
from core.valuation.expected_value import expected_value


def test_by_hand():
    found = expected_value(np.array([100.0, -50.0, 30.0, -20.0, 0.0, np.nan]))
    assert found.trades == 5
    assert found.mean == pytest.approx(12.0)
    assert found.probability_of_profit == pytest.approx(0.4)
    assert (found.average_win, found.average_loss) == (65.0, -35.0)
    assert found.payoff_ratio == pytest.approx(65 / 35)
    assert found.profit_factor == pytest.approx(130 / 70)


def test_intervals_equal_scipy_and_statsmodels():
    outcomes = np.random.default_rng(2).normal(1.0, 4.0, 60)
    found = expected_value(outcomes, confidence=0.9)
    low, high = scipy.stats.t.interval(0.9, 59, loc=outcomes.mean(), scale=scipy.stats.sem(outcomes))
    assert (found.lower, found.upper) == pytest.approx((low, high))
    low, high = proportion_confint((outcomes > 0).sum(), 60, alpha=0.1, method="wilson")
    assert (found.probability_lower, found.probability_upper) == pytest.approx((low, high))


def test_the_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(8)
    hits = 0
    for _ in range(600):
        found = expected_value(generator.normal(0.5, 2.0, 25))
        hits += found.lower <= 0.5 <= found.upper
    assert hits / 600 == pytest.approx(0.95, abs=3.3 * np.sqrt(0.95 * 0.05 / 600))


def test_no_losses_leave_the_ratios_undefined():
    found = expected_value(np.array([1.0, 2.0, 3.0]))
    assert np.isnan(found.payoff_ratio)
    assert np.isnan(found.profit_factor)


def test_too_few_trades_and_bad_confidence():
    with pytest.raises(NoData, match="found 1"):
        expected_value(np.array([1.0]))
    with pytest.raises(InvalidInput, match="confidence is 95"):
        expected_value(np.array([1.0, 2.0]), confidence=95)


def test_a_simulated_value_by_hand_and_its_errors_cover_what_was_planted():
    from core.valuation.expected_value import simulated_value

    draw = np.random.default_rng(2)
    covered = {"mean": 0, "profit": 0, "tail": 0, "trade": 0}
    for _ in range(120):
        per_path = draw.poisson(4, 400)
        path = np.repeat(np.arange(400), per_path)
        # Trades of one path share a part: they are not independent.
        shared = draw.normal(0.0, 0.02, 400)
        trades = 0.01 + shared[path] + draw.normal(0.0, 0.02, len(path))
        outcomes = draw.normal(0.05, 0.1, 400)
        found = simulated_value(outcomes, path, trades, np.full(len(path), 7.0))
        # P(N(0.05, 0.1) > 0) = 0.69146; ES 95 % of it = 0.1 * 2.06271 - 0.05.
        planted = {"mean": (found.mean, 0.05), "profit": (found.probability_of_profit, 0.69146)}
        planted |= {"tail": (found.expected_shortfall, 0.156271), "trade": (found.trade_mean, 0.01)}
        for name, (estimate, truth) in planted.items():
            covered[name] += abs(estimate.value - truth) < 1.96 * estimate.standard_error
        assert found.holding == (7.0,) * 5
        assert found.per_risk == pytest.approx(found.mean.value / found.expected_shortfall.value)
    # 95 % of 120 is 114; the tail's error is asymptotic.
    assert min(covered[name] for name in ("mean", "profit", "trade")) >= 106
    assert covered["tail"] >= 98


def test_a_simulated_value_without_trades():
    from core.valuation.expected_value import simulated_value

    nothing = np.empty(0)
    found = simulated_value(np.zeros(10), np.empty(0, dtype=np.int64), nothing, nothing)
    assert found.trades_per_path.value == 0.0
    assert np.isnan(found.trade_mean.value)
    assert np.isnan(found.per_risk)


def test_a_strategy_continues_from_its_standing_position():
    from datetime import UTC, datetime

    from core.domain.market_path import MarketPath
    from core.strategies.sma_crossover import SmaCrossover
    from core.valuation.backtest import run
    from core.valuation.continuation import Continued, join

    times = np.busday_offset(np.datetime64("2020-01-01"), np.arange(120), roll="forward")
    close = np.linspace(100.0, 150.0, 120)
    past = MarketPath(
        close=close[None, :100, None],
        times=times[:100],
        assets=("A",),
        as_of=datetime(2020, 6, 1, tzinfo=UTC),
        source="x",
    )
    future = MarketPath(
        close=np.stack((close[100:], close[100:][::-1]))[:, :, None],
        times=times[100:],
        assets=("A",),
        as_of=past.as_of,
        source="y",
    )
    joined = join(past, future, 60)
    assert joined.close.shape == (2, 80, 1)
    np.testing.assert_array_equal(joined.close[0, :, 0], close[40:])
    result = run(Continued(inner=SmaCrossover(fast=5, slow=20), past=60), joined)
    # The trend is up when the simulation begins: bought at its first session, not earlier.
    assert result.fills.session[result.fills.path == 0].tolist() == [60]
    assert (result.equity[:, :60] == result.capital).all()
