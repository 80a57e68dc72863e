"""The rules of one bar against every path of ticks the bar could have hidden."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.fill_rules import (
    borrow_fee,
    commission,
    exit_price,
    fillable_shares,
    limit_price,
    slipped_price,
    stop_price,
)

TICKS = st.lists(st.integers(90, 110), min_size=1, max_size=12)


def bar(ticks):
    return float(ticks[0]), float(max(ticks)), float(min(ticks))


def first(ticks, reached):
    return next((float(tick) for tick in ticks if reached(tick)), 0.0)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(TICKS, st.integers(88, 112), st.sampled_from([-1, 1]))
def test_a_stop_fills_where_ticks_of_one_would_and_never_better(ticks, stop, direction):
    # Ticks move by whole units and may jump: the rule assumes the stop itself, which a jump can only worsen.
    found = stop_price(direction, float(stop), *bar(ticks))
    real = first(ticks, lambda tick: direction * (tick - stop) >= 0)
    assert (found > 0) == (real > 0)
    if found:
        assert direction * (found - stop) >= 0 or found == stop
        assert direction * (real - found) >= 0


@settings(max_examples=400, deadline=None, derandomize=True)
@given(TICKS, st.integers(88, 112), st.sampled_from([-1, 1]))
def test_a_limit_never_fills_where_no_tick_would_and_never_better(ticks, limit, direction):
    found = limit_price(direction, float(limit), *bar(ticks))
    real = first(ticks, lambda tick: direction * (tick - limit) <= 0)
    if found:
        assert real > 0
        # A real queue may have filled at the same price or a better one.
        assert direction * (real - found) <= 0
    through = any(direction * (tick - limit) < 0 for tick in ticks) or direction * (ticks[0] - limit) <= 0
    assert (found > 0) == through


@settings(max_examples=400, deadline=None, derandomize=True)
@given(TICKS, st.integers(1, 8), st.integers(1, 8), st.sampled_from([-1, 1]))
def test_an_exit_is_never_better_than_the_ticks_would_have_been(ticks, below, above, side):
    entry = 100.0
    stop, target = entry - side * below, entry + side * above
    found = exit_price(side, stop, target, *bar(ticks))
    real = first(
        ticks,
        lambda tick: side * (tick - stop) <= 0 or side * (tick - target) > 0 or (tick == ticks[0] and tick == target),
    )
    assert (found > 0) == (real > 0)
    if found and side * (real - stop) > 0:
        # The ticks met the target first: the rule may still have called it a loss, never a larger gain.
        assert side * (found - real) <= 0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TICKS, st.integers(88, 112), st.sampled_from([-1, 1]))
def test_mirror_images_fill_as_mirror_images(ticks, level, direction):
    mirrored = [200 - tick for tick in ticks]
    for rule in (stop_price, limit_price):
        ours = rule(direction, float(level), *bar(ticks))
        theirs = rule(-direction, float(200 - level), *bar(mirrored))
        assert (ours == 0) == (theirs == 0)
        if ours:
            assert ours == 200 - theirs


@pytest.mark.parametrize("side", [-1, 1])
def test_a_bar_of_closes_only_assumes_nothing_inside(side):
    for close in range(90, 111):
        found = exit_price(side, 100.0 - side * 5, 100.0 + side * 5, float(close), float(close), float(close))
        gone = side * (close - 100) <= -5 or side * (close - 100) >= 5
        assert found == (float(close) if gone else 0.0)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.floats(0.01, 1e4),
    st.floats(0, 0.05),
    st.sampled_from([-1, 1]),
)
def test_slippage_is_symmetric_around_the_price(price, ratio, direction):
    found = slipped_price(price, direction, ratio)
    assert direction * (found - price) >= 0
    assert found + slipped_price(price, -direction, ratio) == pytest.approx(2 * price)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.floats(0.01, 1e3),
    st.floats(0, 1e5),
    st.floats(0, 0.01),
    st.floats(0, 0.1),
    st.floats(0, 5),
)
def test_a_fee_is_the_larger_of_its_two_forms(price, shares, ratio, per_share, least):
    found = commission(price, shares, ratio, per_share, least)
    plain = shares * price * ratio + shares * per_share
    assert found == pytest.approx(max(plain, least) if shares else 0.0)
    assert commission(price, 2 * shares, ratio, per_share, least) >= found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(0, 1e6), st.floats(0, 1e7), st.floats(0, 1))
def test_no_more_is_filled_than_wanted_or_than_the_share_of_volume(shares, volume, participation):
    found = fillable_shares(shares, volume, participation)
    assert found == min(shares, volume * participation)


def test_borrowing_for_a_year_costs_the_yearly_rate():
    assert sum(borrow_fee(10_000.0, 0.03, 252) for _ in range(252)) == pytest.approx(300.0)
    assert np.isclose(borrow_fee(0.0, 0.03, 252), 0.0)
