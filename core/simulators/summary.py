"""Summarise simulated values: terminal distribution, loss, drawdown, fans over time, with Monte Carlo errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array
from core.domain.market_path import DayArray, MarketPath
from core.errors import InvalidInput, NoData, UnknownName

FAN = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Hold a Monte Carlo estimate and its standard error."""

    value: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSummary:
    """Hold what paths of a value say; money but for ratios named so.

    `quantiles` maps a probability to the terminal value's quantile. VaR and ES are losses against the start
    value at `confidence` (positive: a loss). Drawdowns are ratios, 0 or negative. `fan` (len(fan_levels),
    time) holds quantiles of the value at each of `times`.
    """

    paths: int
    start: float
    mean: Estimate
    standard_deviation: float
    quantiles: Mapping[float, Estimate]
    probability_of_loss: Estimate
    confidence: float
    value_at_risk: Estimate
    expected_shortfall: Estimate
    mean_max_drawdown: Estimate
    drawdown_quantiles: Mapping[float, Estimate]
    times: DayArray
    fan_levels: tuple[float, ...]
    fan: Float64Array


def book_values(path: MarketPath, shares: Mapping[str, float], *, cash: float = 0.0) -> Float64Array:
    """Value fixed positions on every path, (paths, time); a session without a trade keeps the last close.

    Raises UnknownName for a position the paths do not hold.
    """
    holding = np.zeros(len(path.assets))
    for asset, count in shares.items():
        if asset not in path.assets:
            raise UnknownName("asset", asset, hint=f"The paths hold {', '.join(path.assets)}.")
        holding[path.assets.index(asset)] = count
    close = path.close
    known = np.asarray(np.isfinite(close))
    if not known.all():
        last = np.maximum.accumulate(np.where(known, np.arange(close.shape[1])[None, :, None], 0), axis=1)
        close = np.take_along_axis(close, last, axis=1)
    return np.asarray(close @ holding.astype(close.dtype), dtype=np.float64) + cash


def summarise(
    values: Float64Array,
    times: DayArray,
    *,
    confidence: float = 0.95,
    levels: Sequence[float] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99),
    fan_levels: Sequence[float] = FAN,
) -> SimulationSummary:
    """Summarise values (paths, time) whose column 0 is the start.

    Standard errors: of means and probabilities the usual ones; of quantiles from order statistics
    (distribution-free); of ES after Manistre and Hancock (2005). Raises NoData below 2 paths.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(times):
        raise InvalidInput(f"values has shape {values.shape}, expected (paths, {len(times)} times).")
    if values.shape[0] < 2:
        raise NoData("A summary needs at least 2 paths.")
    if not 0.5 < confidence < 1.0:
        raise InvalidInput(f"confidence is {confidence}, expected between 0.5 and 1, such as 0.95.")
    paths = values.shape[0]
    start = float(values[:, 0].mean())
    end = np.sort(values[:, -1])
    losses = np.sort(values[:, 0] - values[:, -1])
    depth = np.sort(max_drawdowns(values))
    below = float(np.mean(losses > 0.0))
    return SimulationSummary(
        paths=paths,
        start=start,
        mean=_mean(end),
        standard_deviation=float(end.std(ddof=1)),
        quantiles={level: _quantile(end, level) for level in levels},
        probability_of_loss=Estimate(value=below, standard_error=float(np.sqrt(below * (1.0 - below) / paths))),
        confidence=confidence,
        value_at_risk=_quantile(losses, confidence),
        expected_shortfall=_shortfall(losses, confidence),
        mean_max_drawdown=_mean(depth),
        drawdown_quantiles={level: _quantile(depth, level) for level in (0.05, 0.25, 0.5)},
        times=times,
        fan_levels=tuple(fan_levels),
        fan=np.quantile(values, fan_levels, axis=0),
    )


def max_drawdowns(values: Float64Array) -> Float64Array:
    """Return each path's largest loss from its running maximum, as a ratio, of values (paths, time).

    NaN where a path was never above zero.
    """
    top = np.maximum.accumulate(values, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.where(top > 0.0, values / top - 1.0, 0.0)
    return np.asarray(np.where(top[:, -1] > 0.0, depth.min(axis=1), np.nan), dtype=np.float64)


def _mean(values: Float64Array) -> Estimate:
    return Estimate(value=float(values.mean()), standard_error=float(values.std(ddof=1) / np.sqrt(len(values))))


def _quantile(ordered: Float64Array, level: float) -> Estimate:
    count = len(ordered)
    reach = np.sqrt(count * level * (1.0 - level))
    low = int(np.clip(np.floor(count * level - reach), 0, count - 1))
    high = int(np.clip(np.ceil(count * level + reach), 0, count - 1))
    return Estimate(
        value=float(np.quantile(ordered, level)), standard_error=float((ordered[high] - ordered[low]) / 2.0)
    )


def _shortfall(losses: Float64Array, confidence: float) -> Estimate:
    count = len(losses)
    tail = losses[int(np.floor(count * confidence)) :]
    edge = float(np.quantile(losses, confidence))
    mean = float(tail.mean())
    variance = (tail.var() + confidence * (mean - edge) ** 2) / len(tail)
    return Estimate(value=mean, standard_error=float(np.sqrt(variance)))
