"""Split samples through time so that no training label knows of the test: purging and embargo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.domain.kernel import BoolArray, IntArray
from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Hold one split of samples: flags (samples,) of those to train on and those to test on."""

    train: BoolArray
    test: BoolArray


def purged_folds(decided: IntArray, known: IntArray, *, folds: int, embargo: int) -> Iterator[Split]:
    """Test each of `folds` stretches of time once, training on the rest without what overlaps it.

    `decided` and `known` (samples,) are the sessions at which a sample's features end and its label is known. A sample
    is trained on only when its label was known before the test began, or its features end more than `embargo` sessions
    after the last test label was known (Lopez de Prado, 2018, chapter 7).
    """
    _check(decided, known, embargo)
    sessions = np.unique(decided)
    if not 2 <= folds <= len(sessions):
        raise InvalidInput(f"folds is {folds}, expected from 2 to the {len(sessions)} sessions.")
    for part in np.array_split(sessions, folds):
        test = (decided >= part[0]) & (decided <= part[-1])
        end = int(known[test].max())
        yield Split(train=(known < part[0]) | (decided > end + embargo), test=test)


def walk_forward(decided: IntArray, known: IntArray, *, first: int, step: int, embargo: int = 0) -> Iterator[Split]:
    """Test stretches of `step` sessions in order from session `first`, each trained on what was known before it alone.

    A label must have been known `embargo` sessions before the stretch begins. The test stretches do not overlap, so
    that together they are one out-of-sample history.
    """
    _check(decided, known, embargo)
    if step < 1 or first <= int(decided.min()):
        raise InvalidInput(f"first is {first} and step {step}: expected a session after the first sample, and above 0.")
    for start in range(first, int(decided.max()) + 1, step):
        test = (decided >= start) & (decided < start + step)
        if test.any():
            yield Split(train=known < start - embargo, test=test)


def _check(decided: IntArray, known: IntArray, embargo: int) -> None:
    if decided.shape != known.shape or decided.ndim != 1 or not len(decided) or embargo < 0:
        raise InvalidInput(f"decided {decided.shape} and known {known.shape} must be (samples,), embargo at least 0.")
    if np.any(known <= decided):
        raise InvalidInput("A label is known at or before the session it belongs to.")
