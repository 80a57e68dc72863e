"""Judge the trend of a price: its long average, its momentum, and how sure its drift is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.advice.opinion import Figure, Opinion, Vote, at_ends, clipped, no_opinion, opinion_of, windows
from core.domain.kernel import Float64Array

AVERAGE_SESSIONS = 200
MOMENTUM_SESSIONS = 252
SKIPPED_SESSIONS = 21
DRIFT_SESSIONS = 126
LEAST_SESSIONS = MOMENTUM_SESSIONS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Hold the trend at each session (time,), NaN before it can be measured.

    `gap` is close over 200-session average minus one; `momentum` the return from 252 to 21 sessions ago (Jegadeesh and
    Titman, 1993); `drift_t` the t-value of the mean return of 126 sessions; `volatility` that of 252, annual.
    """

    gap: Float64Array
    momentum: Float64Array
    drift_t: Float64Array
    volatility: Float64Array

    @property
    def votes(self) -> Float64Array:
        """Return what each measure says (time, 3) in [-1, 1]; a year's volatility or a t-value of 2 is 1."""
        return np.column_stack(
            (clipped(self.gap / self.volatility), clipped(self.momentum / self.volatility), clipped(self.drift_t / 2.0))
        )


def measure_trend(close: Float64Array, *, sessions_per_year: int = 252) -> Trend:
    """Measure the trend of closes without gaps (time,), each session from rows up to it only."""
    count = len(close)
    if count < LEAST_SESSIONS:
        missing = np.full(count, np.nan)
        return Trend(gap=missing, momentum=missing, drift_t=missing, volatility=missing)
    returns = close[1:] / close[:-1] - 1.0
    recent = windows(returns, DRIFT_SESSIONS)
    momentum = np.full(count, np.nan)
    past = count - MOMENTUM_SESSIONS
    momentum[MOMENTUM_SESSIONS:] = (
        close[MOMENTUM_SESSIONS - SKIPPED_SESSIONS : count - SKIPPED_SESSIONS] / close[:past] - 1
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        drift = recent.mean(axis=1) / (recent.std(axis=1, ddof=1) / np.sqrt(DRIFT_SESSIONS))
        volatility = windows(returns, MOMENTUM_SESSIONS).std(axis=1, ddof=1) * np.sqrt(sessions_per_year)
    return Trend(
        gap=close / at_ends(windows(close, AVERAGE_SESSIONS).mean(axis=1), count) - 1.0,
        momentum=momentum,
        drift_t=_finite(at_ends(drift, count)),
        volatility=_positive(at_ends(volatility, count)),
    )


def judge_trend(trend: Trend) -> Opinion:
    """Return the opinion on the newest session of a trend."""
    if not len(trend.gap) or not np.isfinite(trend.votes[-1]).all():
        return no_opinion("trend", "it needs a year of prices that move")
    gap, momentum, drift = (float(vote) for vote in trend.votes[-1])
    figures = (
        Figure(name="close against its average of 200 sessions", value=float(trend.gap[-1]), unit="ratio"),
        Figure(name="return from 252 to 21 sessions ago", value=float(trend.momentum[-1]), unit="ratio"),
        Figure(name="t-value of the mean return of 126 sessions", value=float(trend.drift_t[-1]), unit="number"),
    )
    votes = (
        Vote(
            points=gap,
            said=f"the close stands {_side(gap)} its long average (<close against its average of 200 sessions>)",
        ),
        Vote(
            points=momentum,
            said="it made <return from 252 to 21 sessions ago> in the year before the last month, and "
            f"{'winners' if momentum > 0.0 else 'losers'} tended to go on",
        ),
        Vote(
            points=drift,
            said=f"its mean return of half a year is {'above' if drift > 0.0 else 'not above'} nothing, with a t-value "
            "of <t-value of the mean return of 126 sessions>",
        ),
    )
    return opinion_of("trend", votes, figures)


def _side(gap: float) -> str:
    return "above" if gap > 0.0 else "below"


def _finite(values: Float64Array) -> Float64Array:
    return np.where(np.isfinite(values), values, np.nan)


def _positive(values: Float64Array) -> Float64Array:
    return np.where(values > 1e-9, values, np.nan)
