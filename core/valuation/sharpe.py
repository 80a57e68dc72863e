"""Judge a Sharpe ratio against luck: standard error, probabilistic and deflated Sharpe ratio, track record length."""

from __future__ import annotations

import numpy as np

from core.errors import InvalidInput, NoData

_EULER = 0.5772156649015329


def probabilistic_sharpe_ratio(
    sharpe: float, observations: int, skew: float, kurtosis: float, *, against: float = 0.0
) -> float:
    """Return the probability that the true Sharpe ratio exceeds `against` (Bailey and Lopez de Prado, 2012).

    Sharpe ratios are per session, `kurtosis` is the full one (3 for normal returns).
    """
    from scipy.special import ndtr

    if observations < 2:
        raise NoData("A Sharpe ratio needs at least 2 returns.")
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not variance > 0.0:
        return float("nan")
    return float(ndtr((sharpe - against) * np.sqrt(observations - 1.0) / np.sqrt(variance)))


def expected_maximum_sharpe(trials: int, sharpe_variance: float) -> float:
    """Return the Sharpe ratio expected of the best of `trials` worthless strategies (Bailey and Lopez de Prado, 2014).

    `sharpe_variance` is the variance of the trials' per-session Sharpe ratios. One trial expects 0.
    """
    from scipy.special import ndtri

    if trials < 1 or not sharpe_variance >= 0.0:
        raise InvalidInput(f"trials is {trials} and sharpe_variance {sharpe_variance}, expected >= 1 and >= 0.")
    if trials == 1:
        return 0.0
    quantiles = (1.0 - _EULER) * ndtri(1.0 - 1.0 / trials) + _EULER * ndtri(1.0 - 1.0 / (trials * np.e))
    return float(np.sqrt(sharpe_variance) * quantiles)


def deflated_sharpe_ratio(
    sharpe: float,
    observations: int,
    skew: float,
    kurtosis: float,
    *,
    trials: int,
    sharpe_variance: float | None = None,
) -> float:
    """Return the probability that the best of `trials` is not luck (Bailey and Lopez de Prado, 2014).

    Per-session Sharpe ratio, full kurtosis. `sharpe_variance` is the variance of the trials' per-session
    Sharpe ratios; without it, that of worthless independent trials, 1 / observations, is taken.
    """
    variance = 1.0 / observations if sharpe_variance is None else sharpe_variance
    luck = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe_ratio(sharpe, observations, skew, kurtosis, against=luck)


def minimum_track_record(
    sharpe: float, skew: float, kurtosis: float, *, against: float = 0.0, confidence: float = 0.95
) -> float:
    """Return the sessions needed to call the Sharpe ratio above `against` (Bailey and Lopez de Prado, 2012).

    Infinite when it is not above. Per-session Sharpe ratio, full kurtosis.
    """
    from scipy.special import ndtri

    if sharpe <= against:
        return float("inf")
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    return float(1.0 + variance * (ndtri(confidence) / (sharpe - against)) ** 2)
