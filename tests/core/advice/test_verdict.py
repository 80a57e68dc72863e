"""Verdicts: the mean of opinions, what such verdicts were worth, words that do not overclaim, and no look ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.advice.opinion import Opinion
from core.advice.relative_value import basket_level, measure_gap
from core.advice.risk import measure_risk
from core.advice.trend import measure_trend
from core.advice.verdict import (
    LEAST_CASES,
    PastRecord,
    combined,
    direction_of,
    disagreement,
    gains_of,
    past_record,
    price_scores,
    word_of,
)
from core.errors import InvalidInput


def opinions(*scores: float | None) -> list[Opinion]:
    return [Opinion(analyst="trend", score=score) for score in scores]


def test_a_verdict_is_the_plain_mean_of_the_opinions_there_are() -> None:
    assert combined(opinions(0.9, None, -0.3)) == pytest.approx(0.3)
    assert disagreement(opinions(0.9, None, -0.3)) == pytest.approx(1.2)
    assert combined(opinions(0.9, None)) is None and disagreement(opinions(0.9)) is None


@pytest.mark.parametrize(
    ("score", "direction"), [(1.0, "buy"), (0.2, "buy"), (0.19, "hold"), (-0.19, "hold"), (-0.2, "sell")]
)
def test_a_score_has_a_direction(score: float, direction: str) -> None:
    assert direction_of(score) == direction


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe (1998), table I: 81 of 263 is 0.2553 to 0.3662.
    returns = np.concatenate((np.ones(81), -np.ones(182)))
    assert gains_of(returns) == (
        pytest.approx(81 / 263),
        pytest.approx(0.2553, abs=5e-5),
        pytest.approx(0.3662, abs=5e-5),
    )


def test_past_decisions_lie_a_horizon_apart_and_their_returns_are_sums_by_hand() -> None:
    close = np.array([100.0, 110.0, 99.0, 108.9, 108.9, 98.01, 107.811])
    scores = np.array([0.5, 0.5, -0.5, 0.0, 0.5, 0.5, 0.5])
    # From the end, horizon 2: sessions 4, 2 and 0; 0 and 4 said buy.
    record = past_record(scores, close, "buy", horizon=2)
    returns = np.array([99.0 / 100.0, 107.811 / 108.9]) - 1.0
    assert (record.cases, record.base_cases) == (2, 3)
    assert record.mean == pytest.approx(returns.mean())
    assert record.standard_error == pytest.approx(stats.sem(returns))
    assert (record.share, record.base_share) == (0.0, pytest.approx(1 / 3))
    assert past_record(scores, close, "sell", horizon=2).share == 1.0
    with pytest.raises(InvalidInput, match="at least 1 session"):
        past_record(scores, close, "buy", horizon=0)


def test_the_record_of_too_short_a_past_is_empty() -> None:
    record = past_record(np.full(5, np.nan), np.ones(5), "buy", horizon=2)
    assert record.cases == record.base_cases == 0 and np.isnan(record.share)
    assert past_record(np.ones(2), np.ones(2), "buy", horizon=21).cases == 0
    assert word_of("buy", record) == "lean buy"


def record(lower: float, upper: float, base: float, cases: int = 40) -> PastRecord:
    return PastRecord(
        cases=cases, share=(lower + upper) / 2, lower=lower, upper=upper, mean=0.0, standard_error=0.01,
        base_cases=200, base_share=base, base_mean=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "found", "word"),
    [
        ("buy", record(0.60, 0.80, 0.55), "buy"),
        ("buy", record(0.50, 0.70, 0.55), "lean buy"),
        ("buy", record(0.30, 0.50, 0.55), "hold"),
        ("sell", record(0.30, 0.50, 0.55), "sell"),
        ("sell", record(0.50, 0.70, 0.55), "lean sell"),
        ("sell", record(0.60, 0.80, 0.55), "hold"),
        ("hold", record(0.60, 0.80, 0.55), "hold"),
        ("buy", record(0.60, 0.80, 0.55, LEAST_CASES - 1), "lean buy"),
    ],
)
def test_a_plain_word_needs_a_past_that_shows_an_edge(direction: str, found: PastRecord, word: str) -> None:
    assert word_of(direction, found) == word  # type: ignore[arg-type]


def test_scores_that_know_nothing_are_rarely_called_an_edge() -> None:
    plain = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        close = np.exp(np.cumsum(generator.normal(0.0004, 0.012, 5_000)))
        said = past_record(generator.uniform(-1.0, 1.0, 5_000), close, "buy", horizon=21)
        plain += word_of("buy", said) in ("buy", "hold")
    # Two tails of 2.5 %; the base rate holds the verdicts themselves, so that fewer are expected.
    assert plain / 300 < 0.06


def test_a_planted_edge_is_found() -> None:
    found = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        drift = np.repeat(generator.choice([-0.004, 0.004], 5_000 // 21 + 1), 21)[:5_000][::-1]
        close = np.exp(np.cumsum(drift + generator.normal(0.0, 0.012, 5_000)))
        ahead = np.append(drift[1:], 0.0)
        found += word_of("buy", past_record(np.sign(ahead), close, "buy", horizon=21)) == "buy"
    assert found >= 95


def scores_of(close: np.ndarray, peers: np.ndarray) -> np.ndarray:
    votes = [measure_trend(close).votes, measure_risk(close).votes, measure_gap(close, basket_level(peers)).votes]
    return price_scores(votes)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cut=st.integers(300, 690),
    factor=st.floats(0.01, 100.0),
    seed_after=st.integers(0, 10_000),
)
def test_what_comes_after_changes_no_score_before(seed: int, cut: int, factor: float, seed_after: int) -> None:
    generator = np.random.default_rng(seed)
    prices = 50.0 * np.exp(np.cumsum(generator.normal(0.0002, 0.015, (700, 4)), axis=0))
    other = prices.copy()
    later = np.random.default_rng(seed_after)
    other[cut:] = factor * 50.0 * np.exp(np.cumsum(later.normal(0.0, 0.03, (700 - cut, 4)), axis=0))
    first, second = (scores_of(one[:, 0], one[:, 1:]) for one in (prices, other))
    short = scores_of(prices[:cut, 0], prices[:cut, 1:])
    assert np.array_equal(first[:cut], second[:cut], equal_nan=True), "later prices reached back"
    assert np.array_equal(first[:cut], short, equal_nan=True), "the length of the future reached back"
    if cut >= 400:
        assert np.isfinite(first[cut - 1])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(450, 690))
def test_the_record_behind_a_verdict_stands_on_what_had_ended(seed: int, cut: int) -> None:
    generator = np.random.default_rng(seed)
    prices = 50.0 * np.exp(np.cumsum(generator.normal(0.0002, 0.015, (700, 4)), axis=0))
    whole = scores_of(prices[:, 0], prices[:, 1:])
    then = past_record(whole[:cut], prices[:cut, 0], "hold", horizon=21)
    known = past_record(scores_of(prices[:cut, 0], prices[:cut, 1:]), prices[:cut, 0], "hold", horizon=21)
    assert repr(then) == repr(known)
