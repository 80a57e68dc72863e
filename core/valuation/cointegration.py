"""Test whether prices are cointegrated, and how fast their spread returns to its mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput, NoData

# MacKinnon (1994): the p-value of an augmented Dickey-Fuller statistic with constant is the normal probability of a
# polynomial, by number of series (1 is a plain unit root test): (least, switch, largest, small p, large p).
_SURFACES: dict[int, tuple[float, float, float, tuple[float, ...], tuple[float, ...]]] = {
    1: (-18.83, -1.61, 2.74, (2.1659, 1.4412, 3.8269e-2), (1.7339, 9.3202e-1, -1.2745e-1, -1.0368e-2)),
    2: (-18.86, -2.62, 0.92, (2.92, 1.5012, 3.9796e-2), (2.1945, 6.4695e-1, -2.9198e-1, -4.2377e-2)),
    3: (-23.48, -3.13, 0.55, (3.4699, 1.4856, 3.164e-2), (2.5893, 4.5168e-1, -3.6529e-1, -5.0074e-2)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cointegration:
    """Hold an Engle-Granger test: hedge ratios of the other series, the statistic, its p-value, the residual.

    `p_value` is the probability of so low a statistic where the series have nothing to do with each other.
    `half_life` is in sessions, infinite where the spread does not return.
    """

    ratios: tuple[float, ...]
    statistic: float
    p_value: float
    lags: int
    half_life: float
    residual: Float64Array


def engle_granger(logs: Float64Array, *, lags: int = 1) -> Cointegration:
    """Test log prices (time, 2 or 3 series) for cointegration of the first with the others (Engle and Granger, 1987).

    Least squares with a constant, then an augmented Dickey-Fuller test of the residual without one, with `lags` lagged
    changes, against MacKinnon's (1994) distribution. Raises InvalidInput for shapes, NoData below 30 rows.
    """
    values = np.asarray(logs, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] not in (2, 3) or not np.isfinite(values).all():
        raise InvalidInput(f"logs has shape {values.shape}, expected (time, 2 or 3) without NaN.")
    if len(values) < 30 + lags:
        raise NoData(f"A cointegration test needs at least {30 + lags} sessions, found {len(values)}.")
    design = np.column_stack((values[:, 1:], np.ones(len(values))))
    fitted, *_ = np.linalg.lstsq(design, values[:, 0], rcond=None)
    residual = values[:, 0] - design @ fitted
    statistic = dickey_fuller(residual, lags=lags)
    return Cointegration(
        ratios=tuple(float(ratio) for ratio in fitted[:-1]),
        statistic=statistic,
        p_value=mackinnon_p_value(statistic, values.shape[1]),
        lags=lags,
        half_life=half_life(residual),
        residual=residual,
    )


def dickey_fuller(series: Float64Array, *, lags: int) -> float:
    """Return the t statistic of the level in a regression of changes on level and lagged changes, without constant."""
    change = np.diff(series)
    rows = len(change) - lags
    columns = [series[lags:-1], *(change[lags - lag : len(change) - lag] for lag in range(1, lags + 1))]
    design = np.column_stack(columns)
    target = change[lags:]
    fitted, *_ = np.linalg.lstsq(design, target, rcond=None)
    errors = target - design @ fitted
    variance = float(errors @ errors) / (rows - design.shape[1])
    covariance = variance * np.linalg.pinv(design.T @ design)
    deviation = float(np.sqrt(covariance[0, 0]))
    return float(fitted[0]) / deviation if deviation > 0.0 else 0.0


def mackinnon_p_value(statistic: float, series: int) -> float:
    """Return the p-value of a statistic for 1 to 3 series with constant (MacKinnon, 1994)."""
    from scipy.special import ndtr

    if series not in _SURFACES:
        raise InvalidInput(f"series is {series}, expected 1 to 3.")
    least, switch, largest, small, large = _SURFACES[series]
    if statistic > largest:
        return 1.0
    if statistic < least:
        return 0.0
    polynomial = small if statistic <= switch else large
    return float(ndtr(np.polyval(polynomial[::-1], statistic)))


def half_life(spread: Float64Array) -> float:
    """Return the sessions in which a spread loses half its distance from its mean; infinite where it does not return.

    From a first-order autoregression with constant: -log 2 / log(1 + slope) (Chan, 2013, chapter 2).
    """
    level, change = spread[:-1], np.diff(spread)
    centred = level - level.mean()
    square = float(centred @ centred)
    slope = float(centred @ change) / square if square > 0.0 else 0.0
    return float(-np.log(2.0) / np.log1p(slope)) if -1.0 < slope < 0.0 else (0.0 if slope <= -1.0 else float("inf"))
