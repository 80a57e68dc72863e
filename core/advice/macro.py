"""Judge a price by what it depends on: its sensitivity to market and macro series, and where those went lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.advice.opinion import Figure, Opinion, Vote, no_opinion, opinion_of
from core.domain.kernel import Float64Array
from core.domain.market_path import DayArray

STEP_SESSIONS = 5
LATELY_SESSIONS = 63
HISTORY_SESSIONS = 756
LEAST_STEPS = 52
LEAST_T = 2.64
"""Six series are asked: a t-value of 2.64 keeps the chance that luck alone shows one at 5 % (Bonferroni)."""
STALE_DAYS = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Hold a series as it was known: periods and values (observations,); a rate moves in points, others in percent."""

    name: str
    is_rate: bool
    periods: DayArray
    values: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """Hold how the return of five sessions goes with the change of a series over the same sessions.

    `beta` is the return (ratio) per change (ratio, a point of a rate is 0.01), by least squares over disjoint steps;
    `lately` the change over 63 sessions, `lately_z` the same in standard deviations of such changes.
    """

    series: Series
    beta: float
    t: float
    lately: float
    lately_z: float


def measure_sensitivity(days: DayArray, close: Float64Array, series: Series) -> Sensitivity | None:
    """Measure a sensitivity on the last three years of closes without gaps; None where too little of both is known.

    A series that is silent for more than 21 days before the newest session is left out.
    """
    days, close = days[-HISTORY_SESSIONS:], close[-HISTORY_SESSIONS:]
    if not len(series.periods) or not len(days) or days[-1] - series.periods[-1] > np.timedelta64(STALE_DAYS, "D"):
        return None
    at = np.searchsorted(series.periods, days, side="right") - 1
    level = np.where(at >= 0, series.values[np.maximum(at, 0)], np.nan)
    if not series.is_rate and not (level[np.isfinite(level)] > 0.0).all():
        return None
    ends = np.arange(len(days) - 1, -1, -STEP_SESSIONS)[::-1]
    moved, returns = _changes(level[ends], series), close[ends][1:] / close[ends][:-1] - 1.0
    both = np.isfinite(moved)
    x, y = moved[both], returns[both]
    if len(x) < LEAST_STEPS or len(days) <= LATELY_SESSIONS or x.std() < 1e-12:
        return None
    xc = x - x.mean()
    beta = float((xc * y).sum() / (xc * xc).sum())
    left = y - y.mean() - beta * xc
    error = float(np.sqrt((left * left).sum() / (len(x) - 2) / (xc * xc).sum()))
    lately = float(_changes(level[[-1 - LATELY_SESSIONS, -1]], series)[0])
    usual = float(x.std(ddof=1) * np.sqrt(LATELY_SESSIONS / STEP_SESSIONS))
    if not np.isfinite(lately) or error <= 0.0:
        return None
    return Sensitivity(series=series, beta=beta, t=beta / error, lately=lately, lately_z=lately / usual)


def judge_macro(found: Sequence[Sensitivity | None]) -> Opinion:
    """Return the opinion on sensitivities: what a series did lately counts where the price clearly depends on it."""
    known = [part for part in found if part is not None]
    if not known:
        return no_opinion("macro", "no market or macro series reaches to the newest session")
    clear = [part for part in known if abs(part.t) >= LEAST_T]
    figures, votes = [Figure(name="macro series asked", value=len(known), unit="count")], []
    for part in clear:
        name = part.series.name
        figures += [
            Figure(name=f"beta to {name}", value=part.beta, unit="number"),
            Figure(name=f"t-value of the beta to {name}", value=part.t, unit="number"),
            Figure(name=f"change of {name} in 63 sessions", value=part.lately, unit="ratio"),
        ]
        said = (
            f"it goes {'with' if part.beta > 0.0 else 'against'} {name} (beta <beta to {name}>, t-value "
            f"<t-value of the beta to {name}>), which moved <change of {name} in 63 sessions> lately"
        )
        votes.append(Vote(points=float(np.clip(np.sign(part.beta) * part.lately_z / 2.0, -1.0, 1.0)), said=said))
    if not clear:
        votes.append(Vote(points=0.0, said="it depends clearly on none of the <macro series asked> series asked"))
    return opinion_of("macro", votes, figures)


def _changes(level: Float64Array, series: Series) -> Float64Array:
    if series.is_rate:
        return np.asarray(np.diff(level) / 100.0, dtype=np.float64)
    return np.asarray(level[1:] / level[:-1] - 1.0, dtype=np.float64)
