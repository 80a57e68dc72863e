"""Fit a line to the last closes: its end point and slope."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array, fused_kernel, kernel
from core.indicators.declaration import indicator


@indicator(fields=("close",), outputs=("linear_regression",), pane="price")
def linear_regression(close: Float64Array, period: int = 14) -> Float64Array:
    """End point of the least-squares line through the last `period` closes."""
    return _fit(close, max(period, 2), 1.0, (max(period, 2) - 1) / 2.0)


@indicator(fields=("close",), outputs=("linear_regression_slope",))
def linear_regression_slope(close: Float64Array, period: int = 14) -> Float64Array:
    """Slope of the least-squares line through the last `period` closes, in price units per session."""
    return _fit(close, max(period, 2), 0.0, 1.0)


@indicator(fields=("close",), outputs=("time_series_forecast",), pane="price")
def time_series_forecast(close: Float64Array, period: int = 14) -> Float64Array:
    """Least-squares line through the last `period` closes, carried one session ahead."""
    return _fit(close, max(period, 2), 1.0, (max(period, 2) - 1) / 2.0 + 1.0)


@kernel
def _fit(close: Float64Array, period: int, level: float, slope: float) -> Float64Array:
    # level times the mean + slope times the fitted slope of each window, both anew for each window.
    count = len(close)
    out = np.empty(count)
    out[: period - 1] = np.nan
    if count < period:
        return out
    total = np.zeros(count - period + 1)
    tilt = np.zeros(count - period + 1)
    middle = (period - 1) / 2.0
    k = 0
    while k + 4 <= period:
        _add_four(close[k:], close[k + 1 :], close[k + 2 :], close[k + 3 :], k - middle, total, tilt)
        k += 4
    while k < period:
        _add_one(close[k:], k - middle, total, tilt)
        k += 1
    spread = period * (period * period - 1.0) / 12.0
    for t in range(len(total)):
        out[period - 1 + t] = level * total[t] / period + slope * tilt[t] / spread
    return out


@fused_kernel
def _add_four(
    a: Float64Array,
    b: Float64Array,
    c: Float64Array,
    d: Float64Array,
    place: float,
    total: Float64Array,
    tilt: Float64Array,
) -> None:
    for t in range(len(total)):
        total[t] += (a[t] + b[t]) + (c[t] + d[t])
        tilt[t] += (place * a[t] + (place + 1.0) * b[t]) + ((place + 2.0) * c[t] + (place + 3.0) * d[t])


@fused_kernel
def _add_one(part: Float64Array, place: float, total: Float64Array, tilt: Float64Array) -> None:
    for t in range(len(total)):
        total[t] += part[t]
        tilt[t] += place * part[t]
