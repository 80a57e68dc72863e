"""Compare return series with a benchmark: alpha, beta, tracking error, information ratio, captures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.errors import InvalidInput, NoData

_BLOCK = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativePerformance:
    """Hold the comparison of a return series with a benchmark's; alpha, tracking error and M2 are annual ratios.

    Each is defined, with its source, in core.valuation.definitions. NaN where a figure is not defined.
    """

    alpha: float
    beta: float
    correlation: float
    tracking_error: float
    information_ratio: float
    excess_return: float
    treynor: float
    modigliani: float
    up_capture: float
    down_capture: float
    capture_ratio: float
    up_beta: float
    down_beta: float
    batting_average: float

    def as_dict(self) -> dict[str, float]:
        """Return the statistics by name."""
        return asdict(self)


RELATIVE_STATISTICS: tuple[str, ...] = tuple(field.name for field in fields(RelativePerformance))


def relative_performance(
    returns: Float64Array, benchmark: Float64Array, *, sessions_per_year: int = 252, risk_free: float = 0.0
) -> RelativePerformance:
    """Compare simple returns (time,) with a benchmark's of the same sessions; `risk_free` is an annual ratio.

    Sessions where either is NaN are left out. Raises NoData below 2 common returns.
    """
    ours, theirs = np.asarray(returns, dtype=np.float64), np.asarray(benchmark, dtype=np.float64)
    if ours.shape != theirs.shape or ours.ndim != 1:
        raise InvalidInput(f"returns {ours.shape} and benchmark {theirs.shape} differ in shape.")
    both = np.isfinite(ours) & np.isfinite(theirs)
    if both.sum() < 2:
        raise NoData("The series and its benchmark share fewer than 2 sessions.")
    table = relative_table(ours[None, both], theirs[both], sessions_per_year=sessions_per_year, risk_free=risk_free)
    return RelativePerformance(**{name: float(values[0]) for name, values in table.items()})


def relative_table(
    returns: Float64Array,
    benchmark: Float64Array,
    *,
    sessions_per_year: int = 252,
    risk_free: float = 0.0,
    threads: int = 1,
) -> dict[str, Float64Array]:
    """Compare many return series (series, time) without gaps with one benchmark (time,) or one each (series, time).

    Returns each statistic of RelativePerformance as (series,).
    """
    y, x = np.asarray(returns, dtype=np.float64), np.asarray(benchmark, dtype=np.float64)
    if y.ndim != 2 or x.shape not in (y.shape, y.shape[1:]):
        raise InvalidInput(f"returns {y.shape} and benchmark {x.shape} must be (series, time) and (time,) or the same.")
    y, x = np.require(y, None, ["C", "W"]), np.require(np.atleast_2d(x), None, ["C", "W"])
    per_year = float(sessions_per_year)
    rate = (1.0 + risk_free) ** (1.0 / per_year) - 1.0
    out = np.empty((len(y), len(RELATIVE_STATISTICS)))

    def measure(start: int) -> None:
        block = slice(start, start + _BLOCK)
        _compare(y[block], x[block] if len(x) == len(y) else x, per_year, rate, risk_free, out[block])

    starts = range(0, len(y), _BLOCK)
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(measure, starts))
    else:
        for start in starts:
            measure(start)
    return dict(zip(RELATIVE_STATISTICS, out.T.copy(), strict=True))


@kernel
def _compare(
    returns: Float64Array, benchmark: Float64Array, per_year: float, rate: float, risk_free: float, out: Float64Array
) -> None:
    """Fill a row of RELATIVE_STATISTICS per series; one row of the benchmark serves all of them."""
    n = returns.shape[1]
    for s in range(len(returns)):
        y = returns[s]
        x = benchmark[min(s, len(benchmark) - 1)]
        total_y, total_x, growth_y, growth_x = 0.0, 0.0, 1.0, 1.0
        rise_y, rise_x, fall_y, fall_x = 1.0, 1.0, 1.0, 1.0
        sum_up, sum_down, ups, downs, better = 0.0, 0.0, 0, 0, 0
        for t in range(n):
            a, b = y[t], x[t]
            total_y += a
            total_x += b
            growth_y *= 1.0 + a
            growth_x *= 1.0 + b
            better += a > b
            if b > 0.0:
                ups += 1
                sum_up += b
                rise_y *= 1.0 + a
                rise_x *= 1.0 + b
            elif b < 0.0:
                downs += 1
                sum_down += b
                fall_y *= 1.0 + a
                fall_x *= 1.0 + b
        mean_y, mean_x = total_y / n, total_x / n
        mean_up, mean_down = sum_up / ups, sum_down / downs
        gap = mean_y - mean_x
        yy, xx, xy, active = 0.0, 0.0, 0.0, 0.0
        up_xx, up_xy, down_xx, down_xy = 0.0, 0.0, 0.0, 0.0
        for t in range(n):
            a, b = y[t] - mean_y, x[t] - mean_x
            yy += a * a
            xx += b * b
            xy += a * b
            apart = y[t] - x[t] - gap
            active += apart * apart
            if x[t] > 0.0:
                side = x[t] - mean_up
                up_xx += side * side
                up_xy += side * y[t]
            elif x[t] < 0.0:
                side = x[t] - mean_down
                down_xx += side * side
                down_xy += side * y[t]
        # What only varies by rounding does not vary.
        yy = yy if yy > n * (1e-15 + 1e-12 * abs(mean_y)) ** 2 else 0.0
        xx = xx if xx > n * (1e-15 + 1e-12 * abs(mean_x)) ** 2 else 0.0
        active = active if active > n * (1e-15 + 1e-12 * abs(gap)) ** 2 else 0.0
        beta = xy / xx if xx > 0.0 else np.nan
        tracking = np.sqrt(active / (n - 1))
        sharpe = (mean_y - rate) / np.sqrt(yy / (n - 1)) if yy > 0.0 else np.nan
        up = (rise_y ** (per_year / ups) - 1.0) / (rise_x ** (per_year / ups) - 1.0)
        down = (fall_y ** (per_year / downs) - 1.0) / (fall_x ** (per_year / downs) - 1.0)
        out[s, 0] = (1.0 + (mean_y - rate) - beta * (mean_x - rate)) ** per_year - 1.0
        out[s, 1] = beta
        out[s, 2] = min(max(xy / np.sqrt(xx * yy), -1.0), 1.0) if xx > 0.0 and yy > 0.0 else np.nan
        out[s, 3] = tracking * np.sqrt(per_year)
        out[s, 4] = gap / tracking * np.sqrt(per_year) if tracking > 0.0 else np.nan
        out[s, 5] = growth_y ** (per_year / n) - growth_x ** (per_year / n)
        out[s, 6] = (mean_y - rate) * per_year / beta
        out[s, 7] = sharpe * np.sqrt(xx / (n - 1)) * per_year + risk_free
        out[s, 8] = up
        out[s, 9] = down
        out[s, 10] = up / down
        out[s, 11] = up_xy / up_xx if ups > 1 else np.nan
        out[s, 12] = down_xy / down_xx if downs > 1 else np.nan
        out[s, 13] = better / n
