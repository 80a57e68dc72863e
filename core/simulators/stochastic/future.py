"""Prepare and label simulated futures: start prices, dates, storage, drift choice."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.domain.kernel import Float64Array
from core.domain.market_path import DayArray, FloatArray
from core.errors import InvalidInput, NoData

Drift = Literal["historical", "zero"] | float
Precision = Literal["float64", "float32"]

_MAX_BYTES = 4 * 1024**3


def future_times(as_of: datetime, sessions: int, sessions_per_year: int) -> DayArray:
    """Label the as-of date and the `sessions` after it: weekdays, or every day for 365 sessions a year."""
    if as_of.tzinfo is None:
        raise InvalidInput(f"as_of is {as_of.isoformat()}, expected a time with time zone (UTC).")
    start = np.datetime64(as_of.date(), "D")
    steps = np.arange(sessions + 1)
    if sessions_per_year >= 365:
        return start + steps
    later = np.busday_offset(start, steps, roll="backward")
    later[0] = start
    return later


def empty_paths(paths: int, sessions: int, assets: int, precision: Precision) -> FloatArray:
    """Allocate (paths, sessions + 1, assets); raises InvalidInput for bad counts or more than 4 GB."""
    for name, value in (("paths", paths), ("sessions", sessions)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise InvalidInput(f"{name} is {value!r}, expected a whole number of at least 1.")
    if precision not in ("float64", "float32"):
        raise InvalidInput(f"precision is {precision!r}, expected float64 or float32.")
    dtype: type[np.float64 | np.float32] = np.float64 if precision == "float64" else np.float32
    size = paths * (sessions + 1) * assets * np.dtype(dtype).itemsize
    if size > _MAX_BYTES:
        raise InvalidInput(
            f"{paths} paths x {sessions} sessions x {assets} assets need {size / 1024**3:.1f} GB.",
            hint="At most 4 GB fit: use fewer paths, sessions or assets, or float32.",
        )
    return np.empty((paths, sessions + 1, assets), dtype=dtype)


def annual_rate(drift: Drift) -> float:
    """Read a drift that is not historical: "zero" or an annual continuous rate; raises InvalidInput."""
    if drift == "zero":
        return 0.0
    if isinstance(drift, str | bool) or not np.isfinite(drift):
        raise InvalidInput(f"drift is {drift!r}, expected 'historical', 'zero' or an annual rate such as 0.03.")
    return float(drift)


def annual_rates(drift: Drift, historical: Float64Array) -> Float64Array:
    """Return the annual continuous drift of each asset: the historical ones, or the same rate for all."""
    return historical if drift == "historical" else np.full(len(historical), annual_rate(drift))


def start_vector(start_prices: NDArray[np.floating], assets: tuple[str, ...]) -> Float64Array:
    """Check start prices (assets,): finite and positive."""
    start = np.array(start_prices, dtype=np.float64)
    if start.shape != (len(assets),):
        raise InvalidInput(f"start_prices has shape {start.shape}, expected ({len(assets)},): one per asset.")
    for asset, price in zip(assets, start, strict=True):
        if not (np.isfinite(price) and price > 0.0):
            raise InvalidInput(f"The start price of {asset} is {price}, expected a positive number.")
    return start


def joint_log_returns(close: FloatArray, assets: tuple[str, ...], *, at_least: int = 20) -> Float64Array:
    """Compute log returns (sessions, assets) of the sessions on which every asset traded, then and just before.

    Raises InvalidInput for shapes or prices that do not fit and NoData below `at_least` common returns.
    """
    prices = np.asarray(close, dtype=np.float64)
    if prices.ndim != 2 or prices.shape[1] != len(assets) or not assets:
        raise InvalidInput(f"close has shape {prices.shape}, expected (time, {len(assets)} assets).")
    if np.any(prices <= 0.0):
        raise InvalidInput("close holds prices at or below 0, expected positive prices.")
    returns = np.diff(np.log(prices), axis=0)
    returns = returns[np.isfinite(returns).all(axis=1)]
    if len(returns) < at_least:
        raise NoData(
            f"{', '.join(assets)} share {len(returns)} sessions with a return, expected at least {at_least}.",
            hint="Choose a longer period or fewer assets.",
        )
    return np.ascontiguousarray(returns)
