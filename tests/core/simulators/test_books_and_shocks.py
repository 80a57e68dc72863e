"""Summaries, shocks and replays worked out on paper, and what they refuse."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.market_path import MarketPath
from core.errors import InvalidInput, NoData, UnknownName
from core.simulators.conditional import condition, covariance_of
from core.simulators.crises import CRISES, crisis
from core.simulators.historical import replay_onto, rolling_windows, window
from core.simulators.summary import book_values, max_drawdowns, summarise

AS_OF = datetime(2022, 1, 3, 21, tzinfo=UTC)
TIMES = np.busday_offset(np.datetime64("2010-01-04"), np.arange(6), roll="forward")


def path_of(close, assets=("A",)):
    values = np.array(close, dtype=float).reshape(-1, len(close[0]), len(assets))
    times = np.busday_offset(np.datetime64("2010-01-04"), np.arange(values.shape[1]), roll="forward")
    return MarketPath(close=values, times=times, assets=assets, as_of=AS_OF, source="paper")


def values_of(ends):
    return np.array([[100.0, end] for end in ends])


def test_a_summary_on_paper():
    ends = np.arange(60.0, 160.0)
    found = summarise(values_of(ends), TIMES[:2], confidence=0.9, levels=(0.5,))
    assert (found.paths, found.start) == (100, 100.0)
    assert found.mean.value == pytest.approx(109.5)
    assert found.mean.standard_error == pytest.approx(ends.std(ddof=1) / 10.0)
    assert found.standard_deviation == pytest.approx(ends.std(ddof=1))
    assert found.probability_of_loss.value == pytest.approx(0.40)
    assert found.probability_of_loss.standard_error == pytest.approx(np.sqrt(0.4 * 0.6 / 100))
    assert found.value_at_risk.value == pytest.approx(np.quantile(100.0 - ends, 0.9))
    assert found.expected_shortfall.value == pytest.approx(np.mean(100.0 - ends[:10]))
    assert list(found.quantiles) == [0.5]
    assert found.mean_max_drawdown.value == pytest.approx(np.minimum(ends / 100.0 - 1.0, 0.0).mean())


def test_ending_where_it_started_is_no_loss():
    found = summarise(values_of([100.0, 100.0, 90.0, 110.0]), TIMES[:2])
    assert found.probability_of_loss.value == 0.25


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000), confidence=st.floats(0.6, 0.99), shift=st.floats(-50, 500), scale=st.floats(0.1, 50)
)
def test_losses_scale_with_money_and_ignore_its_level(seed, confidence, shift, scale):
    values = 1000.0 + np.cumsum(np.random.default_rng(seed).normal(0, 5, (200, 8)), axis=1)
    values[:, 0] = 1000.0
    one = summarise(values, TIMES[:1].repeat(8), confidence=confidence)
    other = summarise(values * scale + shift, TIMES[:1].repeat(8), confidence=confidence)
    for name in ("value_at_risk", "expected_shortfall"):
        ours, theirs = getattr(one, name), getattr(other, name)
        assert theirs.value == pytest.approx(ours.value * scale, rel=1e-6, abs=1e-6)
        assert theirs.standard_error == pytest.approx(ours.standard_error * scale, rel=1e-6, abs=1e-6)
    assert one.expected_shortfall.value >= one.value_at_risk.value - 1e-9
    assert other.probability_of_loss == one.probability_of_loss


def test_drawdowns_of_paths_on_paper():
    values = np.array(
        [[10.0, 12.0, 6.0, 9.0], [10.0, 11.0, 12.0, 13.0], [10.0, 5.0, -2.0, 4.0], [-1.0, -2.0, -3.0, -1.0]]
    )
    found = max_drawdowns(values)
    assert found[:3].tolist() == pytest.approx([-0.5, 0.0, -1.2])
    assert np.isnan(found[3])


def test_a_book_of_several_positions_and_a_price_that_was_never_known():
    path = path_of([[[1.0, 2.0], [3.0, np.nan], [5.0, 8.0]]], ("A", "B"))
    assert book_values(path, {"A": 10.0, "B": -1.0}, cash=7.0)[0].tolist() == [15.0, 35.0, 49.0]
    assert book_values(path, {}, cash=7.0)[0].tolist() == [7.0, 7.0, 7.0]
    with pytest.raises(UnknownName, match=r"Unknown asset 'Z'\. The paths hold A, B"):
        book_values(path, {"Z": 1.0})


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        (np.ones((1, 2)), {}, NoData, "at least 2 paths"),
        (np.ones(4), {}, InvalidInput, r"values has shape \(4,\), expected \(paths, 2 times\)"),
        (np.ones((4, 3)), {}, InvalidInput, r"expected \(paths, 2 times\)"),
        (np.ones((4, 2)), {"confidence": 0.5}, InvalidInput, "confidence is 0.5, expected between 0.5 and 1"),
        (np.ones((4, 2)), {"confidence": 1.0}, InvalidInput, "confidence is 1.0"),
    ],
)
def test_summaries_that_make_no_sense(values, options, error, message):
    with pytest.raises(error, match=message):
        summarise(values, TIMES[:2], **options)


ASSETS = ("MARKET", "DOUBLE", "HEDGE", "NOISE")


def returns(count=400):
    generator = np.random.default_rng(3)
    market = generator.normal(0, 0.01, count)
    return np.column_stack((market, 2.0 * market, -0.5 * market, generator.normal(0, 0.01, count)))


def shocked(moves, sample=None, assets=ASSETS):
    return condition(moves, assets, covariance_of(returns() if sample is None else sample, "sample"))


def test_a_shock_spreads_by_planted_betas():
    moved = shocked({"MARKET": -0.2}).mean
    np.testing.assert_allclose(moved[:3], [-0.2, -0.4, 0.1], atol=1e-12)
    assert abs(moved[3]) < 0.05


def test_a_shock_reaches_the_rest_by_the_slopes_of_least_squares():
    sample = returns() + np.random.default_rng(8).normal(0, 0.004, (400, 4))
    moved = shocked({"MARKET": -0.1, "NOISE": 0.03}, sample).mean
    for column in (1, 2):
        fit = sm.OLS(sample[:, column], sm.add_constant(sample[:, [0, 3]])).fit()
        assert moved[column] == pytest.approx(fit.params[1:] @ [-0.1, 0.03], rel=1e-9)


def test_a_book_under_a_shock_on_paper():
    profit, left = shocked({"MARKET": -0.1}).book({"DOUBLE": 1000.0, "HEDGE": -500.0, "MARKET": 200.0})
    assert profit == pytest.approx(-200.0 - 25.0 - 20.0)
    assert left == pytest.approx(0.0, abs=1e-4)


def test_an_empty_book_feels_nothing():
    assert shocked({"MARKET": -0.1}).book({}) == (0.0, 0.0)


def test_nothing_falls_by_more_than_everything():
    assert shocked({"MARKET": -0.9}).book({"DOUBLE": 100.0})[0] == -100.0


@given(
    values=st.dictionaries(st.sampled_from(ASSETS), st.floats(-1e6, 1e6), min_size=1),
    shock=st.floats(-0.4, 0.4),
    scale=st.floats(0.1, 10.0),
)
@settings(max_examples=50, deadline=None)
def test_profit_is_linear_in_the_book(values, shock, scale):
    found = shocked({"MARKET": shock})
    profit, left = found.book(values)
    bigger, wider = found.book({name: value * scale for name, value in values.items()})
    assert bigger == pytest.approx(profit * scale, rel=1e-9, abs=1e-6)
    assert wider == pytest.approx(left * scale, rel=1e-6, abs=1.0)
    apart = sum(found.book({name: value})[0] for name, value in values.items())
    assert profit == pytest.approx(apart, rel=1e-9, abs=1e-6)


def test_two_shocks_are_split_by_multiple_regression():
    generator = np.random.default_rng(4)
    factors = generator.normal(0, 0.01, (300, 2))
    both = factors @ np.array([1.5, -0.7])
    moved = shocked({"X": 0.1, "Y": 0.2}, np.column_stack((factors, both)), ("X", "Y", "Z")).mean
    assert moved[2] == pytest.approx(0.15 - 0.14, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: shocked({}), InvalidInput, "at least one shock"),
        (lambda: shocked({"MARKT": -0.1}), UnknownName, "Did you mean MARKET"),
        (lambda: shocked({"MARKET": -0.1, "DOUBLE": -0.1}), InvalidInput, "move as one"),
        (lambda: covariance_of(returns(19)), NoData, "at least 20 sessions"),
        (lambda: shocked({"MARKET": -0.1}).book({"AAPL": 1.0}), UnknownName, "AAPL"),
        (lambda: crisis("covid_2021"), UnknownName, "Did you mean covid_2020"),
    ],
)
def test_shocks_that_make_no_sense(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_table_of_crises_is_complete():
    assert len(CRISES) >= 20
    assert crisis("covid_2020").end.isoformat() == "2020-03-23"


@pytest.mark.parametrize("name", CRISES)
def test_every_crisis_lasts_and_is_found_by_its_name(name):
    found = crisis(name)
    assert found.name == name
    assert 0 <= (found.end - found.start).days < 1000
    assert found.title[0].isupper()


def history(count=40):
    generator = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0, 0.02, (1, count, 2)), axis=1))
    times = np.busday_offset(np.datetime64("2010-01-04"), np.arange(count), roll="forward")
    return MarketPath(close=close, times=times, assets=("A", "B"), as_of=AS_OF, source="paper", price_basis="raw")


def test_a_replay_from_the_very_first_session_uses_it_as_base():
    past = history()
    path = replay_onto(past, date(2010, 1, 4), date(2010, 1, 8), np.array([10.0, 20.0]), as_of=AS_OF)
    assert path.close.shape == (1, 5, 2)
    np.testing.assert_allclose(path.close[0] / [10.0, 20.0], past.close[0, :5] / past.close[0, 0], rtol=1e-12)
    assert (path.open, path.high, path.low, path.volume) == (None, None, None, None)
    assert (path.price_basis, path.assets) == ("raw", ("A", "B"))


@pytest.mark.parametrize("step", [1, 3, 50])
def test_windows_overlap_by_their_step(step):
    past = history()
    found = rolling_windows(past, np.array([1.0, 1.0]), sessions=10, as_of=AS_OF, step=step)
    assert len(found.starts) == len(range(0, 30, step))
    for row, start in enumerate(found.starts):
        first = int(np.searchsorted(past.times, start))
        assert first == row * step
        np.testing.assert_allclose(
            found.path.close[row], past.close[0, first : first + 11] / past.close[0, first], rtol=1e-12
        )


def test_windows_skip_sessions_an_asset_missed():
    past = history()
    past.close[0, 7, 1] = np.nan
    found = rolling_windows(past, np.array([1.0, 1.0]), sessions=10, as_of=AS_OF)
    assert len(found.starts) == 29
    assert np.isfinite(found.path.close).all()
    assert past.times[7] not in found.starts


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: window(history(), date(2010, 1, 9), date(2010, 1, 10)),
            NoData,
            "There are 0 sessions from 2010-01-09",
        ),
        (lambda: window(history(), date(2010, 2, 1), date(2010, 1, 10)), NoData, "There are 0 sessions"),
        (lambda: window(history(), date(2010, 1, 4), date(2010, 1, 4)), NoData, "There are 1 sessions"),
        (lambda: rolling_windows(history(), np.ones(2), sessions=0, as_of=AS_OF), NoData, "hold no window of 0"),
        (lambda: rolling_windows(history(), np.ones(2), sessions=40, as_of=AS_OF), NoData, "40 common sessions"),
        (
            lambda: rolling_windows(history(), np.ones(3), sessions=5, as_of=AS_OF),
            InvalidInput,
            "start_prices has shape",
        ),
        (lambda: rolling_windows(history(), np.ones(2), sessions=5, as_of=AS_OF, step=-1), InvalidInput, "step is -1"),
    ],
)
def test_history_that_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
