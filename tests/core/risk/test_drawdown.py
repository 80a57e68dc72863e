from itertools import pairwise

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.risk.drawdown import Ladder, drawdown_series, drawdowns, ladder_exposure


def test_by_hand():
    equity = np.array([100.0, 120.0, 90.0, 108.0, 121.0, 110.0, 130.0, 65.0, 78.0])
    first, second, third = drawdowns(equity)
    assert (first.depth, first.peak, first.trough, first.recovery, first.sessions) == (-0.5, 6, 7, None, 2)
    assert (second.depth, second.peak, second.trough, second.recovery, second.sessions) == (-0.25, 1, 2, 4, 3)
    assert (third.peak, third.trough, third.recovery) == (4, 5, 6)


def test_the_deepest_is_empyricals_maximum():
    for seed in range(5):
        returns = np.random.default_rng(seed).normal(0.0, 0.02, 400)
        equity = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
        assert drawdowns(equity)[0].depth == pytest.approx(empyrical.max_drawdown(returns), rel=1e-9)
        assert drawdown_series(equity).min() == pytest.approx(empyrical.max_drawdown(returns), rel=1e-9)


@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=60))
def test_drawdowns_do_not_overlap_and_cover_every_loss(values):
    equity = np.array(values)
    found = sorted(drawdowns(equity, largest=len(values)), key=lambda part: part.peak)
    series = drawdown_series(equity)
    for part in found:
        assert part.peak < part.trough
        assert series[part.trough] == pytest.approx(part.depth)
    for earlier, later in pairwise(found):
        assert earlier.recovery is not None
        assert earlier.recovery <= later.peak
    under = {t for part in found for t in range(part.peak + 1, part.recovery or len(values))}
    assert under == set(np.flatnonzero(series < 0.0))


def test_gaps_are_skipped():
    found = drawdowns(np.array([100.0, np.nan, 80.0, np.nan, 100.0]))
    assert (found[0].peak, found[0].trough, found[0].recovery) == (0, 2, 4)
    assert np.isnan(drawdown_series(np.array([100.0, np.nan, 80.0]))[1])


def test_bad_inputs():
    with pytest.raises(InvalidInput, match="values above 0"):
        drawdowns(np.array([1.0, -1.0]))


def test_a_ladder_reduces_halts_and_resumes():
    equity = np.array([100.0, 95.0, 90.0, np.nan, 85.0, 80.0, 88.0, 90.0, 101.0])
    found = ladder_exposure(equity, Ladder())
    assert found.tolist() == [1.0, 1.0, 0.5, 0.5, 0.25, 0.0, 0.0, 0.5, 1.0]


def test_a_ladder_never_allows_more_for_a_deeper_loss():
    depth = np.linspace(0.0, 0.5, 101)
    allowed = [ladder_exposure(np.array([1.0, 1.0 - d]), Ladder())[-1] for d in depth]
    assert all(a >= b for a, b in pairwise(allowed))
    assert set(allowed) == {1.0, 0.5, 0.25, 0.0}


@pytest.mark.parametrize(
    "rules",
    [
        {"steps": ((0.2, 0.5), (0.1, 0.25))},
        {"steps": ((0.1, 0.5), (0.15, 0.6))},
        {"halt_at": 0.12},
        {"resume_at": 0.3},
        {"halt_at": 1.5},
    ],
)
def test_a_ladder_that_does_not_descend_is_refused(rules):
    with pytest.raises(InvalidInput, match="does not descend"):
        Ladder(**rules)
