"""What holds of the panel whatever the prices: bounds, scale, mirror, and records that add up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.advice.opinion import Opinion, Vote, at_ends, clipped, opinion_of, windows
from core.advice.relative_value import basket_level, judge_gap, measure_gap
from core.advice.risk import judge_risk, measure_risk
from core.advice.trend import judge_trend, measure_trend
from core.advice.verdict import (
    THRESHOLD,
    combined,
    direction_of,
    disagreement,
    gains_of,
    past_record,
    price_scores,
    word_of,
)

SEEDS = st.integers(0, 2**31 - 1)
ORDER = {"sell": -2, "lean sell": -1, "hold": 0, "lean buy": 1, "buy": 2}
few = settings(max_examples=30, deadline=None)


def prices(seed: int, count: int = 420, *, size: float = 0.02, tail: float = 3.0) -> np.ndarray:
    """Return a walk with fat tails: Student's t with three degrees of freedom."""
    return 80.0 * np.exp(np.cumsum(size * np.random.default_rng(seed).standard_t(tail, count)))


@few
@given(seed=SEEDS, size=st.floats(1e-4, 0.1))
def test_every_score_lies_between_minus_one_and_one(seed: int, size: float) -> None:
    close, other = prices(seed, size=size), prices(seed + 1, size=size)
    opinions = (
        judge_trend(measure_trend(close)),
        judge_risk(measure_risk(close), close),
        judge_gap(measure_gap(close, other), peers="its peers"),
    )
    for opinion in opinions:
        assert opinion.score is not None and -1.0 <= opinion.score <= 1.0
        assert all(math.isfinite(one.value) for one in opinion.figures if isinstance(one.value, float))
    score = combined(opinions)
    assert score is not None and -1.0 <= score <= 1.0
    apart = disagreement(opinions)
    assert apart is not None and 0.0 <= apart <= 2.0


@few
@given(seed=SEEDS, scale=st.sampled_from([1e-6, 0.37, 12.0, 1e6]))
def test_the_unit_of_the_price_does_not_matter(seed: int, scale: float) -> None:
    close, other = prices(seed), prices(seed + 1)
    assert measure_trend(scale * close).votes == pytest.approx(measure_trend(close).votes, abs=1e-7, nan_ok=True)
    assert measure_risk(scale * close).votes == pytest.approx(measure_risk(close).votes, abs=1e-7, nan_ok=True)
    moved, gap = measure_gap(scale * close, other), measure_gap(close, other)
    assert moved.z == pytest.approx(gap.z, abs=1e-5, nan_ok=True)
    assert moved.closing_t == pytest.approx(gap.closing_t, abs=1e-4, nan_ok=True)


@few
@given(seed=SEEDS)
def test_what_stands_above_its_peers_is_what_they_stand_below(seed: int) -> None:
    close, other = prices(seed), prices(seed + 1)
    one, turned = measure_gap(close, other), measure_gap(other, close)
    assert one.z == pytest.approx(-turned.z, abs=1e-6, nan_ok=True)
    assert one.closing_t == pytest.approx(turned.closing_t, abs=1e-5, nan_ok=True)
    assert one.votes == pytest.approx(-turned.votes, abs=1e-6, nan_ok=True)


@few
@given(seed=SEEDS, horizon=st.sampled_from([1, 5, 21, 63]))
def test_the_three_directions_share_all_past_decisions(seed: int, horizon: int) -> None:
    close = prices(seed, 900)
    scores = np.random.default_rng(seed + 7).uniform(-1.0, 1.0, 900)
    scores[:100] = np.nan
    parts = [past_record(scores, close, direction, horizon=horizon) for direction in ("buy", "hold", "sell")]  # type: ignore[arg-type]
    base = parts[0]
    assert {part.base_cases for part in parts} == {base.base_cases}
    assert sum(part.cases for part in parts) == base.base_cases
    filled = [part for part in parts if part.cases]
    assert sum(part.cases * part.share for part in filled) == pytest.approx(base.base_cases * base.base_share)
    assert sum(part.cases * part.mean for part in filled) == pytest.approx(base.base_cases * base.base_mean)
    for part in filled:
        assert 0.0 <= part.lower <= part.share <= part.upper <= 1.0
        assert not (part.shows_edge("buy") and part.contradicts("buy"))


@given(score=st.floats(-1.0, 1.0))
def test_a_higher_score_never_gives_a_lower_direction(score: float) -> None:
    higher = min(1.0, score + 0.1)
    assert ORDER[direction_of(higher)] >= ORDER[direction_of(score)]
    assert (direction_of(score) == "buy") == (score >= THRESHOLD)
    assert {"buy": "sell", "sell": "buy", "hold": "hold"}[direction_of(score)] == direction_of(-score)


@few
@given(seed=SEEDS, direction=st.sampled_from(["buy", "hold", "sell"]))
def test_a_word_never_says_more_than_the_direction(seed: int, direction: str) -> None:
    close = prices(seed, 900)
    scores = np.random.default_rng(seed).uniform(-1.0, 1.0, 900)
    word = word_of(direction, past_record(scores, close, direction, horizon=21))  # type: ignore[arg-type]
    side = {"buy": 1, "hold": 0, "sell": -1}[direction]
    assert ORDER[word] * side >= 0 and abs(ORDER[word]) <= 2 * abs(side)


@given(gains=st.integers(0, 60), losses=st.integers(0, 60))
def test_more_cases_of_the_same_share_are_surer(gains: int, losses: int) -> None:
    if gains + losses == 0:
        assert all(math.isnan(value) for value in gains_of(np.empty(0)))
        return
    few_cases = np.concatenate((np.ones(gains), -np.ones(losses)))
    share, lower, upper = gains_of(few_cases)
    again, narrow, above = gains_of(np.tile(few_cases, 4))
    assert again == pytest.approx(share) and share == pytest.approx(gains / (gains + losses))
    assert above - narrow < upper - lower


@few
@given(seed=SEEDS, peers=st.integers(1, 6))
def test_a_basket_of_one_price_is_that_price(seed: int, peers: int) -> None:
    close = prices(seed, 60)
    level = basket_level(np.repeat(close[:, None], peers, axis=1))
    assert level == pytest.approx(close / close[0])
    # The order of the peers does not matter, and a peer that never traded is none.
    mixed = np.column_stack([prices(seed + k, 60) for k in range(peers + 1)])
    assert basket_level(mixed[:, ::-1]) == pytest.approx(basket_level(mixed))
    absent = np.column_stack((mixed, np.full(60, np.nan)))
    assert basket_level(absent) == pytest.approx(basket_level(mixed))


@given(st.lists(st.one_of(st.none(), st.floats(-1.0, 1.0)), max_size=8))
def test_an_opinion_keeps_every_reason_once(points: list[float | None]) -> None:
    votes = [Vote(points=value, said=f"reason {place}") for place, value in enumerate(points)]
    opinion = opinion_of("macro", votes, [])
    assert sorted((*opinion.reasons_for, *opinion.reasons_against)) == sorted(vote.said for vote in votes)
    counted = [value for value in points if value is not None]
    assert (opinion.score is None) == (not counted)
    if counted:
        assert opinion.score == pytest.approx(sum(counted) / len(counted))


@given(st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=5), st.permutations(range(5)))
def test_the_order_of_the_analysts_does_not_matter(scores: list[float], order: list[int]) -> None:
    opinions = [Opinion(analyst="trend", score=score) for score in scores]
    mixed = [opinions[place] for place in order if place < len(opinions)]
    assert combined(mixed) == pytest.approx(combined(opinions))
    assert disagreement(mixed) == disagreement(opinions)


def test_trailing_windows_end_where_they_say() -> None:
    values = np.arange(6.0)
    assert at_ends(windows(values, 3).mean(axis=1), 6) == pytest.approx([np.nan, np.nan, 1, 2, 3, 4], nan_ok=True)
    assert clipped(np.array([-3.0, np.nan, 0.5, 2.0])) == pytest.approx([-1.0, np.nan, 0.5, 1.0], nan_ok=True)


def test_scores_of_prices_are_the_mean_of_the_analysts_not_of_their_votes() -> None:
    one, three = np.array([0.6, np.nan]), np.array([[0.0, 0.3, 0.6], [1.0, 1.0, 1.0]])
    assert price_scores([one, three]) == pytest.approx([0.45, np.nan], nan_ok=True)
