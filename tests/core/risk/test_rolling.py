"""Rolling covariance and tails against pandas, numpy and empyrical, window by window."""

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.risk.rolling import ewma_correlation, rolling_correlation, rolling_covariance, rolling_tail


def panel(seed=1, sessions=700, assets=4):
    generator = np.random.default_rng(seed)
    return generator.standard_t(4, (sessions, assets)) * 0.01 + 0.0005


def test_covariance_equals_numpy_on_every_window():
    values = panel()
    found = rolling_covariance(values, 60)
    assert found.shape == (641, 4, 4)
    for place in range(0, 641, 7):
        np.testing.assert_allclose(found[place], np.cov(values[place : place + 60].T), rtol=1e-9, atol=1e-16)


def test_threads_and_buffers_change_nothing():
    values = panel(2)
    whole = rolling_covariance(values, 100)
    buffer = np.empty((601, 4, 4))
    assert rolling_covariance(values, 100, threads=2, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, whole)
    for one, two in zip(rolling_tail(values, 100), rolling_tail(values, 100, threads=2), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_large_level_costs_no_digits():
    # Returns of one part in ten thousand around 1: sums of squares without centring would lose eight digits.
    values = 1.0 + panel(3, 600, 3) * 1e-4
    found = rolling_covariance(values, 50)
    np.testing.assert_allclose(found[-1], np.cov(values[-50:].T), rtol=1e-7)


def test_gaps_spoil_their_windows_only():
    values = panel(4, 200, 3)
    values[100, 1] = np.nan
    found = rolling_covariance(values, 20)
    whole = pd.DataFrame(values).rolling(20).cov().to_numpy().reshape(200, 3, 3)[19:]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(whole))
    np.testing.assert_allclose(found, whole, rtol=1e-9, atol=1e-16)
    value, shortfall = rolling_tail(values, 20)
    expected = pd.DataFrame(values).rolling(20).quantile(0.05).to_numpy()
    np.testing.assert_array_equal(np.isnan(value[0]), np.isnan(expected))
    np.testing.assert_allclose(value[0], expected, rtol=1e-12)
    np.testing.assert_array_equal(np.isnan(shortfall[0]), np.isnan(expected))


@pytest.mark.parametrize("window", [20, 21, 60, 252])
def test_tails_equal_empyrical_on_every_window(window):
    values = panel(5, 400, 2)
    value, shortfall = rolling_tail(values, window, confidence=(0.95, 0.99))
    for t in range(window - 1, 400, 5):
        for asset in range(2):
            part = values[t - window + 1 : t + 1, asset]
            for level, cutoff in enumerate((0.05, 0.01)):
                assert value[level, t, asset] == pytest.approx(empyrical.value_at_risk(part, cutoff), rel=1e-12)
                expected = empyrical.conditional_value_at_risk(part, cutoff)
                assert shortfall[level, t, asset] == pytest.approx(expected, rel=1e-12)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    values=st.lists(st.integers(-5, 5), min_size=6, max_size=120),
    window=st.integers(2, 40),
    confidence=st.sampled_from([0.75, 0.9, 0.95]),
)
def test_ties_and_short_windows(values, window, confidence):
    window = min(window, len(values))
    series = np.array(values, dtype=float)
    value, shortfall = rolling_tail(series[:, None], window, confidence=(confidence,))
    for t in range(window - 1, len(series)):
        part = np.sort(series[t - window + 1 : t + 1])
        assert value[0, t, 0] == pytest.approx(np.quantile(part, 1 - confidence), abs=1e-12)
        assert shortfall[0, t, 0] == pytest.approx(part[: int((1 - confidence) * (window - 1)) + 1].mean(), abs=1e-12)


def test_a_prefix_of_the_result_is_the_result_of_the_prefix():
    values = panel(6, 500, 3)
    np.testing.assert_allclose(rolling_covariance(values, 60)[:200], rolling_covariance(values[:259], 60), rtol=1e-7)
    long, short = rolling_tail(values, 60)[0], rolling_tail(values[:300], 60)[0]
    np.testing.assert_array_equal(long[:, :300], short)


def test_correlation_of_two_series_through_time():
    values = panel(7, 300, 2)
    found = rolling_correlation(values[:, 0], values[:, 1], 60)
    expected = pd.Series(values[:, 0]).rolling(60).corr(pd.Series(values[:, 1])).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_weighted_correlation_equals_its_sum():
    values = panel(8, 200, 2)
    values[30, 0] = np.nan
    found = ewma_correlation(values[:, 0], values[:, 1], halflife=20.0)
    x, y = np.delete(values, 30, axis=0).T
    weight = 0.5 ** (np.arange(len(x))[::-1] / 20.0)
    expected = (weight * x * y).sum() / np.sqrt((weight * x * x).sum() * (weight * y * y).sum())
    assert found[-1] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(found[30])
    assert np.isnan(found[:20]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rolling_covariance(np.zeros(5), 3), r"\(time, assets\)"),
        (lambda: rolling_covariance(np.zeros((5, 2)), 6), "window"),
        (lambda: rolling_covariance(np.zeros((5, 2)), 3, out=np.empty((2, 2, 2))), "out has shape"),
        (lambda: rolling_tail(np.zeros((5, 2)), 3, confidence=(0.4,)), "confidence"),
        (lambda: ewma_correlation(np.zeros(5), np.zeros(5), halflife=0.0), "halflife"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
