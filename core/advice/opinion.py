"""Define what one analyst of the panel says: a score, and reasons for and against over named figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.domain.facts import Unit
from core.domain.kernel import Float64Array

Analyst = Literal["trend", "relative value", "macro", "events", "risk"]
ANALYSTS: tuple[Analyst, ...] = ("trend", "relative value", "macro", "events", "risk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Name a value that a reason refers to as `<name>`."""

    name: str
    value: float | int | str
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """Hold one reason and how far it speaks for holding (1) or against it (-1).

    `said` is a sentence without digits, `<name>` standing for a figure. None for a remark, which does not count.
    """

    points: float | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """Hold an analyst's score in [-1, 1] with its reasons; without data it is None and `lacking` says of what."""

    analyst: Analyst
    score: float | None
    figures: tuple[Figure, ...] = ()
    reasons_for: tuple[str, ...] = ()
    reasons_against: tuple[str, ...] = ()
    lacking: str = ""


def opinion_of(analyst: Analyst, votes: Sequence[Vote], figures: Sequence[Figure]) -> Opinion:
    """Return the plain mean of the votes as an opinion; what speaks neither way is listed against, with the remarks."""
    points = [vote.points for vote in votes if vote.points is not None]
    return Opinion(
        analyst=analyst,
        score=float(np.mean(points)) if points else None,
        figures=tuple(figures),
        reasons_for=tuple(vote.said for vote in votes if vote.points is not None and vote.points > 0.0),
        reasons_against=tuple(vote.said for vote in votes if vote.points is None or vote.points <= 0.0),
        lacking="" if points else "nothing that it looks at could be measured",
    )


def no_opinion(analyst: Analyst, lacking: str) -> Opinion:
    """Return the opinion of an analyst who lacks data, with the reason."""
    return Opinion(analyst=analyst, score=None, lacking=lacking)


def clipped(values: Float64Array) -> Float64Array:
    """Return values cut to [-1, 1]; NaN stays NaN."""
    return np.asarray(np.clip(values, -1.0, 1.0), dtype=np.float64)


def windows(values: Float64Array, length: int) -> Float64Array:
    """Return the trailing window of each session from the first whole one on (time - length + 1, length), a view."""
    return np.lib.stride_tricks.sliding_window_view(values, length)


def at_ends(values: Float64Array, sessions: int) -> Float64Array:
    """Return values of trailing windows at the sessions they end on (sessions,), NaN before the first whole window."""
    out = np.full(sessions, np.nan)
    out[sessions - len(values) :] = values
    return out
