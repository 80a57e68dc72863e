"""Judge a calibrated model: are the moments, tails and clusters of history ordinary ones of the model?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array
from core.domain.market_path import FloatArray
from core.errors import NoData
from core.simulators.stochastic.engine import Parameters, simulate
from core.simulators.stochastic.future import joint_log_returns

TAIL_SHARE = 0.05
STATISTICS = (
    "mean", "deviation", "skewness", "excess kurtosis", "autocorrelation", "autocorrelation of squares",
    "autocorrelation of squares, lag 10", "tail index, losses", "tail index, gains", "Kolmogorov-Smirnov",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Hold one statistic of one asset: in history, and its median and 90 % range over simulated histories as long.

    `p_value` is two-sided: twice the smaller share of simulated values beyond that of history (one-sided for the
    Kolmogorov-Smirnov distance). Small values speak against the model.
    """

    asset: str
    statistic: str
    history: float
    median: float
    low: float
    high: float
    p_value: float


def goodness_of_fit(
    parameters: Parameters, close: FloatArray, *, seed: int, histories: int = 200, threads: int = 1
) -> tuple[Comparison, ...]:
    """Compare the log returns of closes (time, assets) with `histories` simulated ones of the same length.

    A parametric bootstrap (Efron and Tibshirani, 1993), started in the model's current state; parameters are taken as
    known. Moments, first autocorrelation of returns, autocorrelation of squared returns (mean of lags 1 to 5, and lag
    10), Hill's (1975) tail index of the most extreme 5 %, and the largest distance between the distribution of history
    and of all simulated returns. Raises NoData below 250 common returns.
    """
    from datetime import UTC, datetime

    returns = joint_log_returns(close, parameters.assets, at_least=250)
    sessions = len(returns)
    path = simulate(
        parameters,
        np.full(len(parameters.assets), 100.0),
        sessions=sessions,
        paths=histories,
        seed=seed,
        as_of=datetime(2000, 1, 3, tzinfo=UTC),
        threads=threads,
    )
    out: list[Comparison] = []
    for a, asset in enumerate(parameters.assets):
        simulated = np.diff(np.log(path.close[:, :, a]), axis=1)
        pool = np.sort(simulated.ravel())
        ours = {**statistics(returns[:, a]), "Kolmogorov-Smirnov": distance(returns[:, a], pool)}
        theirs = [
            {**statistics(one), "Kolmogorov-Smirnov": distance(one, pool)} for one in simulated
        ]  # fmt: skip
        for name in STATISTICS:
            out.append(_compare(asset, name, ours[name], np.array([one[name] for one in theirs])))
    return tuple(out)


def statistics(returns: Float64Array) -> Mapping[str, float]:
    """Return the statistics of log returns (time,) but for the Kolmogorov-Smirnov distance; NaN for a flat series."""
    x = np.asarray(returns, dtype=np.float64)
    mean, deviation = float(x.mean()), float(x.std(ddof=1))
    if deviation == 0.0:
        return dict.fromkeys(STATISTICS[:-1], float("nan"))
    z = (x - mean) / x.std()
    square = z * z - 1.0
    return {
        "mean": mean,
        "deviation": deviation,
        "skewness": float((z**3).mean()),
        "excess kurtosis": float((z**4).mean() - 3.0),
        "autocorrelation": _autocorrelation(z, 1),
        "autocorrelation of squares": float(np.mean([_autocorrelation(square, lag) for lag in range(1, 6)])),
        "autocorrelation of squares, lag 10": _autocorrelation(square, 10),
        "tail index, losses": tail_index(-x),
        "tail index, gains": tail_index(x),
    }


def tail_index(values: Float64Array, share: float = TAIL_SHARE) -> float:
    """Return Hill's (1975) estimate of the tail index of the largest `share` of values; NaN without positive ones."""
    count = max(int(len(values) * share), 2)
    top = np.sort(np.partition(values, len(values) - count - 1)[-count - 1 :])
    if top[0] <= 0.0:
        return float("nan")
    return float(1.0 / np.mean(np.log(top[1:] / top[0])))


def distance(values: Float64Array, pool: Float64Array) -> float:
    """Return the two-sample Kolmogorov-Smirnov distance between values and a sorted pool."""
    if not len(pool) or not len(values):
        raise NoData("A distance between distributions needs values on both sides.")
    ordered = np.sort(values)
    count = len(ordered)
    above = np.searchsorted(pool, ordered, side="right") / len(pool)
    below = np.searchsorted(pool, ordered, side="left") / len(pool)
    steps = np.arange(count + 1) / count
    return float(max(np.max(steps[1:] - below), np.max(above - steps[:-1])))


def _autocorrelation(x: Float64Array, lag: int) -> float:
    return float((x[lag:] @ x[:-lag]) / (x @ x))


def _compare(asset: str, statistic: str, history: float, simulated: Float64Array) -> Comparison:
    known = simulated[np.isfinite(simulated)]
    if not len(known) or not np.isfinite(history):
        nan = float("nan")
        return Comparison(asset=asset, statistic=statistic, history=history, median=nan, low=nan, high=nan, p_value=nan)
    above = (1.0 + np.sum(known >= history)) / (len(known) + 1.0)
    below = (1.0 + np.sum(known <= history)) / (len(known) + 1.0)
    one_sided = statistic == "Kolmogorov-Smirnov"
    low, median, high = np.quantile(known, (0.05, 0.5, 0.95))
    return Comparison(
        asset=asset,
        statistic=statistic,
        history=history,
        median=float(median),
        low=float(low),
        high=float(high),
        p_value=float(above if one_sided else min(1.0, 2.0 * min(above, below))),
    )
