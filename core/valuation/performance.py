"""Measure a series of returns: growth, risk, ratios, drawdown, tails."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields

import numpy as np

from core.domain.kernel import Float64Array, kernel
from core.domain.market_path import DayArray
from core.errors import InvalidInput, NoData
from core.valuation.tails import outermost

_BLOCK = 64
_NORMAL_5 = -1.6448536269514729  # 5 % quantile of the standard normal law


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Hold the statistics of one return series; all are ratios but where the unit table says otherwise.

    Annual figures use `sessions_per_year`. NaN where a figure is not defined (no loss, no variation).
    Drawdown positions are indices into the series, of sessions at whose close the peak, the trough and the
    recovery fall; a peak of -1 is the start before the first return, a recovery of -1 means none yet.
    """

    sessions: int
    total_return: float
    cagr: float
    mean_return: float
    volatility: float
    sharpe: float
    sharpe_standard_error: float
    probabilistic_sharpe: float
    sortino: float
    downside_risk: float
    max_drawdown: float
    drawdown_peak: int
    drawdown_trough: int
    drawdown_recovery: int
    longest_drawdown_sessions: int
    calmar: float
    omega: float
    skew: float
    kurtosis: float
    var_95: float
    es_95: float
    tail_ratio: float
    best: float
    worst: float
    hit_rate: float
    average_gain: float
    average_loss: float
    stability: float
    profit_factor: float
    upside_potential: float
    ulcer_index: float
    pain_index: float
    time_under_water: float
    drawdown_count: int
    average_drawdown: float
    average_drawdown_sessions: float
    longest_gain_sessions: int
    longest_loss_sessions: int
    autocorrelation: float
    var_99: float
    es_99: float
    payoff_ratio: float
    martin_ratio: float
    recovery_factor: float
    adjusted_sharpe: float
    kelly_weight: float
    mean_to_es: float
    modified_var_95: float
    common_sense_ratio: float

    def as_dict(self) -> dict[str, float]:
        """Return the statistics by name."""
        return asdict(self)


STATISTICS: tuple[str, ...] = tuple(field.name for field in fields(Performance))
UNITS: dict[str, str] = {
    name: "count" if name == "sessions" or name.startswith("drawdown_") or name.endswith("_sessions") else "ratio"
    for name in STATISTICS
}


def performance(returns: Float64Array, *, sessions_per_year: int = 252, risk_free: float = 0.0) -> Performance:
    """Measure simple returns (time,), one per session; `risk_free` is an annual ratio.

    Each statistic is defined, with its source, in core.valuation.definitions. NaN returns are left out. Raises
    NoData below 2 returns and InvalidInput for returns below -1.
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise InvalidInput(f"returns has shape {values.shape}, expected one dimension.")
    if np.isfinite(values).sum() < 2:
        raise NoData("Performance needs at least 2 returns.", hint="Choose a longer period.")
    row = performance_table(values[None, :], sessions_per_year=sessions_per_year, risk_free=risk_free)
    whole = {field.name for field in fields(Performance) if field.type == "int"}
    return Performance(**{name: int(v[0]) if name in whole else float(v[0]) for name, v in row.items()})  # type: ignore[arg-type]


def performance_table(
    returns: Float64Array, *, sessions_per_year: int = 252, risk_free: float = 0.0, threads: int = 1
) -> dict[str, Float64Array]:
    """Measure many return series (series, time) and return each statistic of Performance as (series,).

    NaN returns are left out; a series with fewer than 2 is all NaN. Raises InvalidInput for returns below -1.
    """
    from scipy.special import ndtr

    values = np.require(returns, np.float64, ["C", "W"])
    if values.ndim != 2:
        raise InvalidInput(f"returns has shape {values.shape}, expected (series, time).")
    if np.any(values < -1.0):
        raise InvalidInput("A return is below -1 (a loss of more than everything).", hint="Give ratios: -0.05 is -5 %.")
    out = np.full((values.shape[0], len(STATISTICS)), np.nan)
    rate = (1.0 + risk_free) ** (1.0 / sessions_per_year) - 1.0
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(values), _BLOCK)]

    def measure(block: slice) -> None:
        levels = np.ones_like(values[block])
        _measure(values[block], float(sessions_per_year), rate, levels, out[block])
        _fit_growth(levels, out[block])
        _tails(values[block], out[block])
        _derive(out[block], float(sessions_per_year), rate)

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(measure, blocks))
    else:
        for block in blocks:
            measure(block)
    table = dict(zip(STATISTICS, out.T.copy(), strict=True))
    table["probabilistic_sharpe"] = ndtr(table["probabilistic_sharpe"])
    return table


def money_weighted_return(times: DayArray, flows: Sequence[float] | Float64Array, final_value: float) -> float:
    """Find the annual rate at which dated payments grow to `final_value` on the last date (XIRR, actual/365).

    `flows` (time,) is money paid in (positive) or out (negative). Raises NoData when nothing was paid in
    and InvalidInput when no rate from -99.99 % to 1,000,000 % fits.
    """
    from scipy.optimize import brentq

    paid = np.asarray(flows, dtype=np.float64)
    if paid.shape != times.shape:
        raise InvalidInput(f"flows has shape {paid.shape}, expected {times.shape}.")
    if not np.any(paid > 0.0):
        raise NoData("A money-weighted return needs at least one payment.")
    years = (times[-1] - times).astype("timedelta64[D]").astype(np.float64) / 365.0

    def gap(log_rate: float) -> float:
        return float(np.sum(paid * np.exp(log_rate * years)) - final_value)

    low, high = np.log(1e-4), np.log(1e4 + 1.0)
    if gap(low) * gap(high) > 0.0:
        raise InvalidInput("No money-weighted return fits these payments and this final value.")
    return float(np.expm1(brentq(gap, low, high, xtol=1e-14)))


@kernel
def _measure(block: Float64Array, per_year: float, rate: float, levels: Float64Array, out: Float64Array) -> None:
    for s in range(block.shape[0]):
        kept = block[s]
        where = np.empty(0, dtype=np.int64)
        if np.isnan(kept.sum()):
            where = np.flatnonzero(~np.isnan(kept))
            kept = kept[where]
        if len(kept) >= 2:
            _moments(kept, per_year, rate, out[s])
            _drawdown(kept, levels[s], out[s])
            _runs(kept, out[s])
            for column in (11, 12, 13):
                if len(where) > 0 and out[s, column] >= 0.0:
                    out[s, column] = where[np.int64(out[s, column])]
            out[s, 15] = out[s, 2] / -out[s, 10] if out[s, 10] < 0.0 else np.nan


@kernel
def _moments(r: Float64Array, per_year: float, rate: float, out: Float64Array) -> None:
    n = len(r)
    total = 0.0
    growth = 1.0
    gains = 0.0
    losses = 0.0
    wins = 0
    falls = 0
    below = 0.0
    above = 0.0
    under = 0.0
    best = r[0]
    worst = r[0]
    for t in range(n):
        v = r[t]
        total += v
        growth *= 1.0 + v
        best = max(best, v)
        worst = min(worst, v)
        # Signs are random: a branch on each would be mispredicted half of the time.
        wins += v > 0.0
        falls += v < 0.0
        gains += max(v, 0.0)
        losses += min(v, 0.0)
        excess = v - rate
        shortfall = min(excess, 0.0)
        below += shortfall * shortfall
        under -= shortfall
        above += max(excess, 0.0)
    mean = total / n
    m2 = 0.0
    m3 = 0.0
    m4 = 0.0
    for t in range(n):
        d = r[t] - mean
        m2 += d * d
        m3 += d * d * d
        m4 += d * d * d * d
    deviation = np.sqrt(m2 / (n - 1))
    # A series that only varies by rounding has no Sharpe ratio.
    if deviation <= 1e-15 + 1e-12 * abs(mean):
        deviation = 0.0
    m2 /= n
    skew = m3 / n / m2**1.5 if deviation > 0.0 else np.nan
    kurtosis = m4 / n / (m2 * m2) - 3.0 if deviation > 0.0 else np.nan
    sharpe = (mean - rate) / deviation if deviation > 0.0 else np.nan
    downside = np.sqrt(below / n * per_year)
    out[0] = n
    out[1] = growth - 1.0
    out[2] = growth ** (per_year / n) - 1.0 if growth > 0.0 else -1.0
    out[3] = mean * per_year
    out[4] = deviation * np.sqrt(per_year)
    out[5] = sharpe * np.sqrt(per_year)
    out[6] = np.sqrt((1.0 + 0.5 * sharpe * sharpe) / n * per_year)
    # The z-value; the caller applies the normal distribution function.
    out[7] = sharpe * np.sqrt(n - 1.0) / np.sqrt(1.0 - skew * sharpe + (kurtosis + 2.0) / 4.0 * sharpe * sharpe)
    out[8] = (mean - rate) * per_year / downside if downside > 0.0 else np.nan
    out[9] = downside
    out[16] = above / under if under > 0.0 else np.nan
    out[17] = skew
    out[18] = kurtosis
    out[22] = best
    out[23] = worst
    out[24] = wins / (wins + falls) if wins + falls > 0 else np.nan
    out[25] = gains / wins if wins > 0 else np.nan
    out[26] = losses / falls if falls > 0 else np.nan
    out[28] = gains / -losses if losses < 0.0 else np.nan
    out[29] = above / n / np.sqrt(below / n) if below > 0.0 else np.nan


@kernel
def _drawdown(r: Float64Array, levels: Float64Array, out: Float64Array) -> None:
    n = len(r)
    level = 1.0
    top = 1.0
    top_at = -1
    worst = 0.0
    peak = -1
    trough = -1
    recovery = -1
    worst_top = 1.0
    longest = 0
    depth = 0.0
    squared_depth = 0.0
    below_top = 0
    episodes = 0
    episode_depth = 0.0
    deepest = 0.0
    for t in range(n):
        level *= 1.0 + r[t]
        if level >= top:
            top = level
            top_at = t
            episode_depth += deepest
            deepest = 0.0
        else:
            longest = max(longest, t - top_at)
            loss = level / top - 1.0
            depth -= loss
            squared_depth += loss * loss
            below_top += 1
            episodes += t - top_at == 1
            deepest = min(deepest, loss)
            if loss < worst:
                worst = loss
                peak = top_at
                trough = t
                recovery = -1
                worst_top = top
        if recovery < 0 and trough >= 0 and level >= worst_top:
            recovery = t
        levels[t] = level
    episode_depth += deepest
    out[10] = worst
    out[11] = peak
    out[12] = trough
    out[13] = recovery
    out[14] = longest
    out[30] = np.sqrt(squared_depth / n)
    out[31] = depth / n
    out[32] = below_top / n
    out[33] = episodes
    out[34] = episode_depth / episodes if episodes > 0 else np.nan
    out[35] = below_top / episodes if episodes > 0 else np.nan


@kernel
def _runs(r: Float64Array, out: Float64Array) -> None:
    n = len(r)
    rising = 0
    falling = 0
    longest_rise = 0
    longest_fall = 0
    total = 0.0
    for t in range(n):
        total += r[t]
        rising = rising + 1 if r[t] > 0.0 else 0
        falling = falling + 1 if r[t] < 0.0 else 0
        longest_rise = max(longest_rise, rising)
        longest_fall = max(longest_fall, falling)
    mean = total / n
    before = r[0] - mean
    variance = before * before
    covariance = 0.0
    for t in range(1, n):
        now = r[t] - mean
        covariance += now * before
        variance += now * now
        before = now
    out[36] = longest_rise
    out[37] = longest_fall
    # out[4] is the volatility: 0 where the series varies by rounding only.
    out[38] = covariance / variance if out[4] > 0.0 else np.nan


def _fit_growth(levels: Float64Array, out: Float64Array) -> None:
    """Regress the log of `levels`, which is overwritten, on time; levels after the last return are 1."""
    # numpy takes logarithms several at a time, which the compiled loop does not.
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(levels, out=levels)
        n = out[:, 0]
        mean = y.sum(axis=1) / n
        variance = (y * y).sum(axis=1) / n - mean * mean
        covariance = (y * np.arange(y.shape[1])).sum(axis=1) / n - (n - 1.0) / 2.0 * mean
        fit = covariance * covariance / ((n * n - 1.0) / 12.0 * variance)
    out[:, 27] = np.where(variance > 0.0, fit, np.nan)


def _tails(block: Float64Array, out: Float64Array) -> None:
    # Selection runs in numpy: compiling a sort would cost a newcomer seconds at the first use.
    if not np.isnan(block).any():
        _tails_of_whole(block, out)
        return
    for s, row in enumerate(block):
        kept = row[~np.isnan(row)]
        if len(kept) >= 2:
            _tails_of_whole(kept[None, :], out[s : s + 1])


def _tails_of_whole(block: Float64Array, out: Float64Array) -> None:
    count = block.shape[1]
    low, high = outermost(block, min(int(0.05 * (count - 1)) + 2, count))
    fifth, ninety_fifth = _quantile(low, 0.05, count), -_quantile(-high[:, ::-1], 0.05, count)
    out[:, 19] = fifth
    out[:, 20] = low[:, : int(0.05 * (count - 1)) + 1].mean(axis=1)
    out[:, 39] = _quantile(low, 0.01, count)
    out[:, 40] = low[:, : int(0.01 * (count - 1)) + 1].mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        out[:, 21] = np.where(fifth != 0.0, np.abs(ninety_fifth) / np.abs(fifth), np.nan)


def _quantile(lowest: Float64Array, level: float, count: int) -> Float64Array:
    """Interpolate linearly between the lowest, ascending, of `count` values."""
    place = level * (count - 1)
    k = int(place)
    below, above = lowest[:, k], lowest[:, min(k + 1, count - 1)]
    return np.asarray(below + (place - k) * (above - below), dtype=np.float64)


def _derive(out: Float64Array, per_year: float, rate: float) -> None:
    """Fill the statistics that follow from others, whole columns at a time."""
    column = dict(zip(STATISTICS, out.T, strict=True))
    session_mean = column["mean_return"] / per_year
    variance = column["volatility"] ** 2 / per_year
    sharpe = column["sharpe"] / np.sqrt(per_year)
    skew, excess = column["skew"], column["kurtosis"]
    z = _NORMAL_5
    tail = z + (z * z - 1.0) * skew / 6.0 + (z**3 - 3 * z) * excess / 24.0 - (2 * z**3 - 5 * z) * skew**2 / 36.0
    derived = {
        "payoff_ratio": _over(column["average_gain"], -column["average_loss"]),
        "martin_ratio": _over(column["cagr"], column["ulcer_index"]),
        "recovery_factor": _over(column["total_return"], -column["max_drawdown"]),
        "adjusted_sharpe": sharpe * (1.0 + skew / 6.0 * sharpe - excess / 24.0 * sharpe**2) * np.sqrt(per_year),
        "kelly_weight": _over(session_mean - rate, variance),
        "mean_to_es": _over(session_mean - rate, -column["es_95"]),
        "modified_var_95": session_mean + tail * np.sqrt(variance),
        "common_sense_ratio": column["profit_factor"] * column["tail_ratio"],
    }
    for name, values in derived.items():
        column[name][:] = values


def _over(numerator: Float64Array, denominator: Float64Array) -> Float64Array:
    """Divide where the denominator is above 0; NaN elsewhere."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0.0, numerator / denominator, np.nan)
