"""Estimate value at risk and expected shortfall of positions, and what each position contributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput, NoData

Method = Literal["historical", "gaussian", "filtered", "monte_carlo"]
_DRAWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TailRisk:
    """Hold the loss not exceeded with `confidence` over the horizon (VaR) and the mean loss beyond it (ES).

    Losses are positive, in the unit of the positions; components (assets,) add up to the ES, and marginals are the ES
    that one more unit of a position adds (0 for one not held). Standard errors come from the number of sessions (NaN
    for the filtered method), those of "monte_carlo" from the number of draws.
    """

    method: Method
    confidence: float
    horizon_sessions: int
    sessions: int
    value_at_risk: float
    value_at_risk_standard_error: float
    expected_shortfall: float
    expected_shortfall_standard_error: float
    component_shortfall: Float64Array
    marginal_shortfall: Float64Array
    volatility: float


def tail_risk(
    positions: Float64Array,
    returns: Float64Array,
    *,
    method: Method = "historical",
    confidence: float = 0.95,
    horizon_sessions: int = 1,
    decay: float = 0.94,
    seed: int = 0,
) -> TailRisk:
    """Estimate VaR and ES of money positions (assets,) from their simple returns (time, assets).

    "historical": ES = mean of the int((1 - confidence) (n - 1)) + 1 worst profits of today's positions, VaR =
    linear percentile. "gaussian": normal profits with the sample mean and covariance. "filtered": historical
    profits, each divided by its EWMA volatility (`decay`, RiskMetrics) and multiplied by today's (Hull and
    White, 1998). "monte_carlo": 100,000 draws, by `seed`, of a multivariate t law with the sample's mean and
    covariance and the degrees of freedom that fit the kurtosis of the profits. Longer horizons scale by the
    square root of time (the mean by time). Sessions where a held asset has no return are left out. Raises
    NoData below 20 sessions.
    """
    held, sample = _inputs(positions, returns, confidence, horizon_sessions)
    profit = sample @ held
    if not np.any(held):
        nothing = np.zeros(len(held))
        return TailRisk(
            method=method, confidence=confidence, horizon_sessions=horizon_sessions, sessions=len(sample),
            value_at_risk=0.0, value_at_risk_standard_error=0.0, expected_shortfall=0.0,
            expected_shortfall_standard_error=0.0, component_shortfall=nothing,
            marginal_shortfall=nothing, volatility=0.0,
        )  # fmt: skip
    if method == "gaussian":
        figures = _gaussian(held, sample, confidence, horizon_sessions)
    elif method == "historical":
        figures = _historical(held, sample, profit, confidence, np.sqrt(horizon_sessions))
    elif method == "filtered":
        scale = _volatility_scale(profit, decay)
        figures = _historical(held, sample * scale[:, None], profit * scale, confidence, np.sqrt(horizon_sessions))
        figures = (figures[0], np.nan, figures[2], np.nan, figures[4])
    elif method == "monte_carlo":
        drawn = _draw(sample, profit, seed)
        figures = _historical(held, drawn, drawn @ held, confidence, np.sqrt(horizon_sessions))
    else:
        raise InvalidInput(f"method is {method!r}, expected historical, gaussian, filtered or monte_carlo.")
    value, value_error, shortfall, shortfall_error, component = figures
    return TailRisk(
        method=method,
        confidence=confidence,
        horizon_sessions=horizon_sessions,
        sessions=len(sample),
        value_at_risk=float(value),
        value_at_risk_standard_error=float(value_error),
        expected_shortfall=float(shortfall),
        expected_shortfall_standard_error=float(shortfall_error),
        component_shortfall=component,
        marginal_shortfall=np.divide(component, held, out=np.zeros(len(held)), where=held != 0.0),
        volatility=float(profit.std(ddof=1) * np.sqrt(horizon_sessions)),
    )


_Figures = tuple[float, float, float, float, Float64Array]


def _historical(
    held: Float64Array, sample: Float64Array, profit: Float64Array, confidence: float, scale: float
) -> _Figures:
    count = len(profit)
    cutoff = int((count - 1) * (1.0 - confidence) + 1e-9)
    order = np.argsort(profit, kind="stable")
    ordered = profit[order]
    value = -float(np.quantile(profit, 1.0 - confidence))
    tail = order[: cutoff + 1]
    component = -(sample[tail] * held).mean(axis=0)
    shortfall = float(component.sum())
    reach = np.sqrt(count * confidence * (1.0 - confidence))
    middle = count * (1.0 - confidence)
    low = ordered[int(np.clip(np.floor(middle - reach), 0, count - 1))]
    high = ordered[int(np.clip(np.ceil(middle + reach), 0, count - 1))]
    variance = (profit[tail].var() + confidence * (shortfall - value) ** 2) / len(tail)
    return (
        value * scale,
        float(high - low) / 2.0 * scale,
        shortfall * scale,
        float(np.sqrt(variance)) * scale,
        component * scale,
    )


def _gaussian(held: Float64Array, sample: Float64Array, confidence: float, horizon: int) -> _Figures:
    from scipy.special import ndtri

    count = len(sample)
    mean = sample.mean(axis=0) * horizon
    covariance = np.atleast_2d(np.cov(sample, rowvar=False)) * horizon
    deviation = float(np.sqrt(held @ covariance @ held))
    z = float(ndtri(confidence))
    tail = float(np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi) / (1.0 - confidence))
    marginal = covariance @ held / deviation if deviation > 0.0 else np.zeros(len(held))
    component = held * (tail * marginal - mean)

    def error(multiple: float) -> float:
        # Delta method for mean and deviation of independent normal profits.
        return float(deviation * np.sqrt((horizon + 0.5 * multiple**2) / count))

    return (
        z * deviation - float(held @ mean),
        error(z),
        float(component.sum()),
        error(tail),
        component,
    )


def _draw(sample: Float64Array, profit: Float64Array, seed: int) -> Float64Array:
    """Draw returns (draws, assets) of a t law; its degrees of freedom are 4 + 6 / excess kurtosis, at least 4.5."""
    centred = profit - profit.mean()
    spread = float(np.mean(centred**2))
    excess = float(np.mean(centred**4)) / spread**2 - 3.0 if spread > 0.0 else 0.0
    generator = np.random.default_rng(seed)
    shocks = generator.standard_normal((_DRAWS // 2, sample.shape[1]))
    mixing = np.ones(len(shocks))
    if excess > 0.05:
        freedom = max(4.0 + 6.0 / excess, 4.5)
        mixing = np.sqrt((freedom - 2.0) / generator.chisquare(freedom, len(shocks)))
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(sample, rowvar=False)))
    moves = (shocks * mixing[:, None]) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    # Each draw is taken with both signs, so that the mean is exact.
    return np.asarray(np.concatenate((moves, -moves)) + sample.mean(axis=0), dtype=np.float64)


def _volatility_scale(profit: Float64Array, decay: float) -> Float64Array:
    if not 0.0 < decay < 1.0:
        raise InvalidInput(f"decay is {decay}, expected between 0 and 1, such as 0.94.")
    variance = np.empty(len(profit) + 1)
    variance[0] = float(np.mean(profit**2))
    for t, value in enumerate(profit):
        variance[t + 1] = decay * variance[t] + (1.0 - decay) * value * value
    return np.asarray(np.sqrt(variance[-1] / np.maximum(variance[:-1], 1e-300)), dtype=np.float64)


def _inputs(
    positions: Float64Array, returns: Float64Array, confidence: float, horizon: int
) -> tuple[Float64Array, Float64Array]:
    held, sample = np.asarray(positions, dtype=np.float64), np.asarray(returns, dtype=np.float64)
    if held.ndim != 1 or sample.ndim != 2 or sample.shape[1] != len(held) or not np.isfinite(held).all():
        raise InvalidInput(f"positions {held.shape} and returns {sample.shape} must be (assets,) and (time, assets).")
    if not 0.5 < confidence < 1.0:
        raise InvalidInput(f"confidence is {confidence}, expected between 0.5 and 1, such as 0.95.")
    if horizon < 1:
        raise InvalidInput(f"horizon_sessions is {horizon}, expected at least 1.")
    needed = held != 0.0
    rows = np.isfinite(sample[:, needed]).all(axis=1)
    kept = np.where(needed, sample[rows], 0.0)
    if len(kept) < 20:
        raise NoData(
            f"The held assets share {len(kept)} sessions with a return, expected at least 20.",
            hint="Choose a longer period or leave out the youngest asset.",
        )
    return held, kept
