"""No training label may overlap the test: properties of every split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.learning.validation import purged_folds, walk_forward


@st.composite
def samples(draw):
    sessions = draw(st.integers(30, 120))
    assets = draw(st.integers(1, 3))
    decided = np.repeat(np.arange(sessions), assets)
    ahead = draw(st.lists(st.integers(1, 9), min_size=len(decided), max_size=len(decided)))
    return decided, decided + np.array(ahead)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(samples(), st.integers(2, 6), st.integers(0, 10))
def test_folds_test_everything_once_and_train_on_nothing_that_overlaps(data, folds, embargo):
    decided, known = data
    tested = np.zeros(len(decided), dtype=int)
    for split in purged_folds(decided, known, folds=folds, embargo=embargo):
        tested += split.test
        first, last = decided[split.test].min(), known[split.test].max()
        before = split.train & (decided < first)
        after = split.train & (decided >= first)
        assert (known[before] < first).all()
        assert (decided[after] > last + embargo).all()
        # Nothing that may be trained on is thrown away.
        assert (split.train | split.test | ((known >= first) & (decided <= last + embargo))).all()
    assert (tested == 1).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(samples(), st.integers(1, 25), st.integers(1, 30), st.integers(0, 5))
def test_walking_forward_knows_only_the_past(data, first, step, embargo):
    decided, known = data
    tested = np.zeros(len(decided), dtype=int)
    for split in walk_forward(decided, known, first=first, step=step, embargo=embargo):
        tested += split.test
        assert (
            known[split.train] < decided[split.test].min() - embargo + (decided[split.test].min() - first) % step
        ).all()
        assert (decided[split.train] < decided[split.test].min()).all()
    assert (tested[decided >= first] == 1).all()
    assert (tested[decided < first] == 0).all()


def test_what_does_not_fit_is_named():
    decided = np.arange(10)
    with pytest.raises(InvalidInput, match="folds"):
        list(purged_folds(decided, decided + 1, folds=11, embargo=0))
    with pytest.raises(InvalidInput, match="known at or before"):
        list(purged_folds(decided, decided, folds=2, embargo=0))
    with pytest.raises(InvalidInput, match="embargo"):
        list(walk_forward(decided, decided + 1, first=5, step=1, embargo=-1))
    with pytest.raises(InvalidInput, match="first"):
        list(walk_forward(decided, decided + 1, first=0, step=1))
