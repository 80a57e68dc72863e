"""Judge a price against its peers: how far it stands from them, and whether such gaps are seen to close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.advice.opinion import Figure, Opinion, Vote, at_ends, clipped, no_opinion, opinion_of, windows
from core.domain.kernel import Float64Array

WINDOW_SESSIONS = 252
CLOSES_BELOW = -2.57
"""Dickey and Fuller's t-value with a constant below which a gap is taken to close (10 %; MacKinnon, 1991)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Hold the log gap of a price to its peers at each session (time,), NaN before it can be measured.

    `z` is the gap against its mean of 252 sessions in standard deviations, `closing_t` the t-value of Dickey and Fuller
    (1979) that it returns to its mean, `half_life` the sessions in which half of it closes by the same regression
    (infinite where it does not).
    """

    z: Float64Array
    closing_t: Float64Array
    half_life: Float64Array

    @property
    def votes(self) -> Float64Array:
        """Return what the gap says (time,) in [-1, 1]: two deviations under the peers say buy fully, if gaps close."""
        votes = np.where(self.closing_t < CLOSES_BELOW, clipped(-self.z / 2.0), 0.0)
        return np.where(np.isfinite(self.z) & np.isfinite(self.closing_t), votes, np.nan)


def basket_level(closes: Float64Array) -> Float64Array:
    """Return the level of an equal-weighted basket of peers (time, peers), rebalanced each session, from 1.

    A peer counts in the sessions it traded in twice in a row; the level stands still where none did.
    """
    returns = closes[1:] / closes[:-1] - 1.0
    there = np.isfinite(returns)
    mean = np.where(there, returns, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.concatenate(([1.0], np.cumprod(1.0 + mean)))


def measure_gap(close: Float64Array, basket: Float64Array) -> Gap:
    """Measure the gap of closes (time,) without gaps to a basket's level (time,), each session from rows up to it."""
    count = len(close)
    if count < WINDOW_SESSIONS + 1:
        missing = np.full(count, np.nan)
        return Gap(z=missing, closing_t=missing, half_life=missing)
    gap = np.log(close) - np.log(basket)
    level = windows(gap, WINDOW_SESSIONS)
    before, change = windows(gap[:-1], WINDOW_SESSIONS), windows(np.diff(gap), WINDOW_SESSIONS)
    x = before - before.mean(axis=1, keepdims=True)
    y = change - change.mean(axis=1, keepdims=True)
    xx = (x * x).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (gap[WINDOW_SESSIONS - 1 :] - level.mean(axis=1)) / level.std(axis=1, ddof=1)
        slope = (x * y).sum(axis=1) / xx
        left = ((y - slope[:, None] * x) ** 2).sum(axis=1) / (WINDOW_SESSIONS - 2)
        closing = slope / np.sqrt(left / xx)
        half = np.where((slope > -1.0) & (slope < 0.0), -np.log(2.0) / np.log1p(slope), np.inf)
    return Gap(z=_finite(at_ends(z, count)), closing_t=_finite(at_ends(closing, count)), half_life=at_ends(half, count))


def judge_gap(gap: Gap, *, peers: str) -> Opinion:
    """Return the opinion on the newest session of a gap; `peers` says in words against whom, without digits."""
    if not len(gap.z) or not np.isfinite(gap.votes[-1]):
        return no_opinion("relative value", "it needs a year of prices beside those of peers")
    z, closing, half = float(gap.z[-1]), float(gap.closing_t[-1]), float(gap.half_life[-1])
    figures = [
        Figure(name="distance from peers in standard deviations", value=abs(z), unit="number"),
        Figure(name="t-value that the gap closes", value=closing, unit="number"),
    ]
    side = "above" if z > 0.0 else "below"
    where = f"it stands <distance from peers in standard deviations> deviations {side} {peers}"
    if closing >= CLOSES_BELOW:
        said = f"{where}, which says nothing: such gaps are not seen to close (t-value <t-value that the gap closes>)"
        return opinion_of("relative value", [Vote(points=0.0, said=said)], figures)
    if np.isfinite(half):
        figures.append(Figure(name="sessions in which half of the gap closes", value=half, unit="number"))
        where += ", a gap that half closes in <sessions in which half of the gap closes> sessions"
    said = f"{where} (t-value <t-value that the gap closes>)"
    return opinion_of("relative value", [Vote(points=float(gap.votes[-1]), said=said)], figures)


def _finite(values: Float64Array) -> Float64Array:
    return np.where(np.isfinite(values), values, np.nan)
