"""Check value-at-risk forecasts against what happened: Kupiec, Christoffersen, the Basel lights, and ES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.domain.kernel import BoolArray, Float64Array, kernel
from core.errors import InvalidInput, NoData
from core.risk.rolling import rolling_tail

Method = Literal["historical", "gaussian", "filtered"]
Light = Literal["green", "yellow", "red"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasts:
    """Hold losses forecast on the session before, in units of the profits: VaR and ES (time,), both positive.

    NaN on the first sessions, before a whole window was known.
    """

    method: Method
    confidence: float
    value_at_risk: Float64Array
    expected_shortfall: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOutcome:
    """Hold what a VaR forecast was worth: breaches, likelihood ratios with p-values, the Basel light, and ES.

    A p-value below 5 % speaks against the forecast. `shortfall_score` is 0 for a right ES and negative for one too
    small (Acerbi and Szekely, 2014, second test); about -0.7 is its 5 % bound for near-normal tails.
    """

    sessions: int
    breaches: int
    expected_breaches: float
    kupiec: float
    kupiec_p_value: float
    independence: float
    independence_p_value: float
    conditional_coverage: float
    conditional_coverage_p_value: float
    basel_light: Light
    shortfall_score: float


def forecast_tail(
    profits: Float64Array, *, method: Method = "historical", confidence: float = 0.95, window: int = 252,
    decay: float = 0.94,
) -> Forecasts:  # fmt: skip
    """Forecast VaR and ES of each session's profit (time,) from the sessions before it alone.

    "historical": quantile and tail mean of the last `window`; "gaussian": their mean and deviation; "filtered": the
    last `window` profits over their EWMA volatility (`decay`), times today's (Hull and White, 1998; Barone-Adesi and
    others, 1999). Raises NoData when there is no session after the first window.
    """
    values = np.asarray(profits, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InvalidInput(f"profits has shape {values.shape}, expected (time,) of numbers.")
    if not 0.5 < confidence < 1.0 or window < 20:
        raise InvalidInput(f"confidence is {confidence} and window {window}, expected 0.5 to 1 and at least 20.")
    if len(values) <= window:
        raise NoData(f"{len(values)} profits leave nothing to check after a window of {window}.")
    shift = np.full(len(values), np.nan)
    value, shortfall = shift.copy(), shift.copy()
    if method == "gaussian":
        value[window:], shortfall[window:] = _gaussian(values, window, confidence)
    elif method in ("historical", "filtered"):
        scale = np.sqrt(ewma_variance(values, decay)) if method == "filtered" else np.ones(len(values) + 1)
        # The volatility known before each session divides its own profit and multiplies the forecast.
        quantile, mean = rolling_tail((values / scale[:-1])[:, None], window, confidence=(confidence,))
        value[window:] = -quantile[0, window - 1 : -1, 0] * scale[window:-1]
        shortfall[window:] = -mean[0, window - 1 : -1, 0] * scale[window:-1]
    else:
        raise InvalidInput(f"method is {method!r}, expected historical, gaussian or filtered.")
    return Forecasts(method=method, confidence=confidence, value_at_risk=value, expected_shortfall=shortfall)


def backtest_tail(profits: Float64Array, forecasts: Forecasts) -> BacktestOutcome:
    """Judge forecasts by the profits (time,) that came; sessions without a forecast are left out."""
    values = np.asarray(profits, dtype=np.float64)
    known = np.isfinite(forecasts.value_at_risk) & np.isfinite(values)
    if known.sum() < 50:
        raise NoData(f"{int(known.sum())} forecasts are too few to judge, expected at least 50.")
    chance = 1.0 - forecasts.confidence
    breached = values[known] < -forecasts.value_at_risk[known]
    pof, pof_p = kupiec(int(breached.sum()), len(breached), chance)
    clustered, clustered_p = christoffersen(breached)
    both = pof + clustered
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.where(breached, values[known] / forecasts.expected_shortfall[known], 0.0)
    return BacktestOutcome(
        sessions=len(breached),
        breaches=int(breached.sum()),
        expected_breaches=chance * len(breached),
        kupiec=pof,
        kupiec_p_value=pof_p,
        independence=clustered,
        independence_p_value=clustered_p,
        conditional_coverage=both,
        conditional_coverage_p_value=_chi_square(both, 2),
        basel_light=basel_light(int(breached.sum()), len(breached), chance),
        shortfall_score=float(beyond.sum() / (chance * len(breached)) + 1.0),
    )


def kupiec(breaches: int, sessions: int, chance: float) -> tuple[float, float]:
    """Return the likelihood ratio of the share of breaches being `chance`, and its p-value (Kupiec, 1995)."""
    if not (0 <= breaches <= sessions and sessions > 0 and 0.0 < chance < 1.0):
        raise InvalidInput(f"{breaches} breaches in {sessions} sessions at {chance}: expected a count and a ratio.")
    share = breaches / sessions
    ratio = 2.0 * (_likelihood(breaches, sessions, share) - _likelihood(breaches, sessions, chance))
    return max(ratio, 0.0), _chi_square(max(ratio, 0.0), 1)


def christoffersen(breached: BoolArray) -> tuple[float, float]:
    """Return the likelihood ratio of breaches coming independently of the last session, and its p-value (1998)."""
    hits = np.asarray(breached, dtype=bool)
    before, now = hits[:-1], hits[1:]
    after_calm, calm = int((~before & now).sum()), int((~before).sum())
    after_hit, hit = int((before & now).sum()), int(before.sum())
    whole = (after_calm + after_hit) / max(calm + hit, 1)
    free = _likelihood(after_calm, calm, after_calm / calm if calm else 0.0)
    free += _likelihood(after_hit, hit, after_hit / hit if hit else 0.0)
    ratio = max(2.0 * (free - _likelihood(after_calm + after_hit, calm + hit, whole)), 0.0)
    return ratio, _chi_square(ratio, 1)


def basel_light(breaches: int, sessions: int, chance: float) -> Light:
    """Return the Basel committee's zone (1996): yellow from 95 %, red from 99.99 % of the binomial law on."""
    from scipy.special import bdtr

    # In 250 sessions at 99 %: green to 4, yellow to 9.
    below = float(bdtr(breaches, sessions, chance))
    return "green" if below < 0.95 else "yellow" if below < 0.9999 else "red"


def ewma_variance(profits: Float64Array, decay: float) -> Float64Array:
    """Return the variance forecast for each session and for the next one (time + 1,), around zero (RiskMetrics, 1996).

    It starts at the mean square of the first 20 profits.
    """
    if not 0.0 < decay < 1.0:
        raise InvalidInput(f"decay is {decay}, expected between 0 and 1, such as 0.94.")
    return _ewma_variance(np.ascontiguousarray(profits, dtype=np.float64), decay)


def _gaussian(values: Float64Array, window: int, confidence: float) -> tuple[Float64Array, Float64Array]:
    from scipy.special import ndtri

    views = np.lib.stride_tricks.sliding_window_view(values, window)[:-1]
    mean, deviation = views.mean(axis=1), views.std(axis=1, ddof=1)
    z = float(ndtri(confidence))
    tail = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi) / (1.0 - confidence)
    return z * deviation - mean, tail * deviation - mean


def _likelihood(hits: int, count: int, share: float) -> float:
    """Return the log likelihood of hits in count draws; 0 log 0 is 0."""
    out = 0.0
    if hits:
        out += hits * np.log(share)
    if count - hits:
        out += (count - hits) * np.log1p(-share)
    return float(out)


def _chi_square(value: float, freedom: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(freedom, value))


@kernel
def _ewma_variance(profits: Float64Array, decay: float) -> Float64Array:
    out = np.empty(len(profits) + 1)
    first = min(20, len(profits))
    level = 0.0
    for t in range(first):
        level += profits[t] * profits[t] / first
    level = max(level, 1e-300)
    for t in range(len(profits)):
        out[t] = level
        level = max(decay * level + (1.0 - decay) * profits[t] * profits[t], 1e-300)
    out[len(profits)] = level
    return out
