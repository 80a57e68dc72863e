"""Measure what events did to prices: abnormal returns, their cumulation, and tests robust to clustered dates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array, IntArray
from core.errors import InvalidInput, NoData

ESTIMATION = 250
GAP = 11
_FEWEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAt:
    """Place an event: column of the asset and row of day 0 in the returns, with its standardised surprise or NaN."""

    asset: int
    session: int
    surprise: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStudy:
    """Hold the abnormal returns of events and tests of their mean.

    `offsets` (window,) are sessions from day 0. `abnormal` (events, window) are log returns less those expected.
    `cumulative` (events,) sums a row. `average`, `running` (window,) are means over the events of the abnormal return
    and of its sum up to each offset, with standard errors clustered by date. `expected_deviation` (events,) is that of
    the cumulative return by chance alone. Statistics are standard normal when there is no effect: `clustered_t`,
    `standardised_t` (Boehmer, Musumeci and Poulsen, 1991), `adjusted_t` (Kolari and Pynnonen, 2010), `sign_z` (Cowan,
    1992).
    """

    events: tuple[EventAt, ...]
    offsets: IntArray
    abnormal: Float64Array
    cumulative: Float64Array
    expected_deviation: Float64Array
    average: Float64Array
    average_standard_error: Float64Array
    running: Float64Array
    running_standard_error: Float64Array
    mean: float
    mean_standard_error: float
    dates: int
    clustered_t: float
    standardised_t: float
    adjusted_t: float
    sign_z: float
    share_positive: float


def event_study(
    returns: Float64Array,
    events: Sequence[EventAt],
    *,
    factors: Float64Array | None = None,
    before: int = 1,
    after: int = 5,
    estimation: int = ESTIMATION,
    gap: int = GAP,
) -> EventStudy:
    """Study events on log returns (time, assets); NaN where an asset did not trade.

    Expected returns come from a regression with intercept on `factors` (time, factors) - one column: the market
    model; several: a factor model; None: the mean - over the `estimation` sessions that end `gap` sessions before the
    event (MacKinlay, 1997). Events without 60 such sessions or with a gap in their window are left out. Raises NoData
    when fewer than 2 remain.
    """
    y = np.asarray(returns, dtype=np.float64)
    x = np.empty((len(y), 0)) if factors is None else np.asarray(factors, dtype=np.float64)
    if y.ndim != 2 or x.ndim != 2 or len(x) != len(y):
        raise InvalidInput(f"returns {y.shape} and factors {x.shape} must be (time, assets) and (time, factors).")
    if before < 0 or after < 0 or estimation < _FEWEST or gap < before:
        raise InvalidInput("Expected before and after of at least 0, estimation of 60 or more, and gap not inside.")
    kept, rows, chance, residuals = [], [], [], []
    for event in events:
        found = _abnormal(y[:, event.asset], x, event.session, before, after, estimation, gap)
        if found is not None:
            kept.append(event)
            rows.append(found[0])
            chance.append(found[1])
            residuals.append(found[2])
    if len(kept) < 2:
        raise NoData(
            f"{len(kept)} of {len(events)} events have {_FEWEST} sessions before them and a full window, expected 2.",
            hint="Choose a longer history, more symbols or another kind of event.",
        )
    abnormal, expected = np.array(rows), np.array(chance)
    cumulative = abnormal.sum(axis=1)
    dates = np.array([event.session for event in kept])
    error = clustered_error(cumulative, dates)
    mean = float(cumulative.mean())
    running = np.cumsum(abnormal, axis=1)
    standardised = cumulative / expected
    spread = float(standardised.std(ddof=1)) / math.sqrt(len(kept))
    test = float(standardised.mean()) / spread if spread > 0.0 else float("nan")
    related = _mean_correlation(residuals, dates)
    share = float(np.mean(cumulative > 0.0))
    usual = float(np.mean([np.mean(part[np.isfinite(part)] > 0.0) for part in residuals]))
    return EventStudy(
        events=tuple(kept),
        offsets=np.arange(-before, after + 1),
        abnormal=abnormal,
        cumulative=cumulative,
        expected_deviation=expected,
        average=abnormal.mean(axis=0),
        average_standard_error=np.array([clustered_error(column, dates) for column in abnormal.T]),
        running=running.mean(axis=0),
        running_standard_error=np.array([clustered_error(column, dates) for column in running.T]),
        mean=mean,
        mean_standard_error=error,
        dates=len(np.unique(dates)),
        clustered_t=mean / error if error > 0.0 else float("nan"),
        standardised_t=test,
        adjusted_t=test * math.sqrt(max(1.0 - related, 0.0) / (1.0 + (len(kept) - 1) * max(related, 0.0))),
        sign_z=(share - usual) * math.sqrt(len(kept) / (usual * (1.0 - usual))),
        share_positive=share,
    )


def clustered_error(values: Float64Array, clusters: IntArray) -> float:
    """Return the standard error of the mean of values that depend on each other inside clusters (Liang, Zeger, 1986).

    With every cluster of size 1 it is the usual one. NaN for a single cluster.
    """
    _, position = np.unique(clusters, return_inverse=True)
    groups = int(position.max()) + 1
    if groups < 2:
        return float("nan")
    sums = np.bincount(position, weights=values - values.mean())
    return float(math.sqrt(groups / (groups - 1) * float(sums @ sums)) / len(values))


def surprise_slope(study: EventStudy) -> tuple[float, float, float]:
    """Regress cumulative abnormal returns on the surprise; return intercept, slope and the slope's clustered error.

    The error is the jackknife over dates (CR3; Bell and McCaffrey, 2002), which stays honest with few events, where
    the usual clustered error is too small. Raises NoData below 10 events with a surprise, or when all surprises are
    equal, also without one of the dates.
    """
    surprise = np.array([event.surprise for event in study.events])
    known = np.isfinite(surprise)
    if known.sum() < 10 or np.ptp(surprise[known]) == 0.0:
        raise NoData(f"{int(known.sum())} events have a surprise, expected at least 10 different ones.")
    x, y = surprise[known], study.cumulative[known]
    x0, y0 = x - x.mean(), y - y.mean()
    slope = float(x0 @ y0 / (x0 @ x0))
    intercept = float(y.mean() - slope * x.mean())
    _, position = np.unique(np.array([e.session for e in study.events])[known], return_inverse=True)
    # Sums over all events less those of one date at a time give the slope without that date.
    count, sx, sy, sxx, sxy = (
        float(part.sum()) - np.bincount(position, weights=part) for part in (np.ones_like(x), x0, y0, x0 * x0, x0 * y0)
    )
    groups = len(count)
    spread = count * sxx - sx * sx
    if groups < 2 or np.any(spread <= 1e-12 * count * float(x0 @ x0)):
        raise NoData("The surprises of all dates but one are equal, expected at least 3 different ones.")
    left_out = (count * sxy - sx * sy) / spread
    error = math.sqrt((groups - 1) / groups * float(((left_out - slope) ** 2).sum()))
    return intercept, slope, error


def _abnormal(
    y: Float64Array, x: Float64Array, day: int, before: int, after: int, estimation: int, gap: int
) -> tuple[Float64Array, float, Float64Array] | None:
    """Return abnormal returns, the deviation of their sum by chance, and the residuals of the estimation window."""
    if day - before < 0 or day + after >= len(y):
        return None
    window = slice(day - before, day + after + 1)
    past = slice(max(day - gap - estimation + 1, 0), max(day - gap + 1, 0))
    usable = np.isfinite(y[past]) & np.isfinite(x[past]).all(axis=1)
    if usable.sum() < _FEWEST or not np.isfinite(y[window]).all() or not np.isfinite(x[window]).all():
        return None
    design = np.column_stack((np.ones(int(usable.sum())), x[past][usable]))
    beta, _, rank, _ = np.linalg.lstsq(design, y[past][usable], rcond=None)
    if rank < design.shape[1]:
        return None
    residual = y[past][usable] - design @ beta
    variance = float(residual @ residual) / (len(residual) - design.shape[1])
    if variance <= 0.0:
        return None
    ahead = np.column_stack((np.ones(before + after + 1), x[window]))
    total = ahead.sum(axis=0)
    # The error of the regression's forecast adds to the noise of the window.
    forecast = float(total @ np.linalg.solve(design.T @ design, total))
    full = np.full(past.stop - past.start, np.nan)
    full[usable] = residual
    padded = np.concatenate((np.full(estimation - len(full), np.nan), full))
    return y[window] - ahead @ beta, math.sqrt(variance * (len(ahead) + forecast)), padded


def _mean_correlation(residuals: Sequence[Float64Array], dates: IntArray) -> float:
    """Return the mean over all pairs of events of their residuals' correlation, 0 for those on different dates."""
    total, count = 0.0, len(dates)
    for day in np.unique(dates):
        members = [int(i) for i in np.flatnonzero(dates == day)]
        if len(members) < 2:
            continue
        block = np.stack([residuals[i] for i in members])
        known = np.isfinite(block).all(axis=0)
        if known.sum() < _FEWEST:
            continue
        matrix = np.corrcoef(block[:, known])
        total += float(matrix.sum() - np.trace(matrix)) / 2.0
    return total / (count * (count - 1) / 2.0)
