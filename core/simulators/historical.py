"""Replay history: as it was, or its returns on today's prices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from core.domain.market_path import FloatArray, MarketPath
from core.errors import InvalidInput, NoData
from core.simulators.stochastic.future import empty_paths, future_times, start_vector


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricalWindows:
    """Hold windows of history as paths, with the first date of each."""

    path: MarketPath
    starts: NDArray[np.datetime64]


def window(history: MarketPath, start: date, end: date) -> MarketPath:
    """Cut the sessions from `start` to `end`, both included; raises NoData when fewer than 2 remain."""
    first = np.searchsorted(history.times, np.datetime64(start, "D"), side="left")
    last = np.searchsorted(history.times, np.datetime64(end, "D"), side="right")
    if last - first < 2:
        raise NoData(
            f"There are {max(int(last - first), 0)} sessions from {start} to {end}, expected at least 2.",
            hint=f"The history runs from {history.times[0]} to {history.times[-1]}.",
        )
    return history.cut(int(first), int(last))


def replay_onto(
    history: MarketPath, start: date, end: date, start_prices: NDArray[np.floating], *, as_of: datetime
) -> MarketPath:
    """Apply the returns of history from `start` to `end` to today's prices: "replay 2008 on my book".

    The base is the last session before `start` (or the first there is), so that the first day's return
    counts. Open, high and low move along; sessions without a trade stay NaN. Raises NoData naming the
    assets that had no price at the base.
    """
    before = int(np.searchsorted(history.times, np.datetime64(start, "D"), side="left"))
    base_date = history.times[max(before - 1, 0)].astype("datetime64[D]").item()
    cut = window(history, base_date, end)
    first = int(np.searchsorted(history.times, np.datetime64(base_date, "D")))
    base = _last_known(history.close[0, : first + 1])
    missing = [asset for asset, price in zip(history.assets, base, strict=True) if np.isnan(price)]
    if missing:
        raise NoData(
            f"No price of {', '.join(missing)} on or before {base_date}.",
            hint="Use a scenario with betas for assets that did not trade then.",
        )
    start_at = start_vector(start_prices, history.assets)
    scale = start_at / base

    def moved(part: FloatArray | None) -> FloatArray | None:
        return None if part is None else part[:1] * scale

    close = cut.close[:1] * scale
    close[0, 0] = start_at
    return MarketPath(
        close=close,
        times=future_times(as_of, close.shape[1] - 1, history.sessions_per_year),
        assets=history.assets,
        as_of=as_of,
        source=f"replay {start} to {end}",
        price_basis=history.price_basis,
        sessions_per_year=history.sessions_per_year,
        open=moved(cut.open),
        high=moved(cut.high),
        low=moved(cut.low),
        volume=None if cut.volume is None else cut.volume[:1].copy(),
    )


def rolling_windows(
    history: MarketPath, start_prices: NDArray[np.floating], *, sessions: int, as_of: datetime, step: int = 1
) -> HistoricalWindows:
    """Turn every window of `sessions` sessions of history, each `step` after the last, into a path of today's prices.

    Only sessions on which every asset traded are used. Overlapping windows are not independent: statistics
    over them understate their errors. Raises NoData when not one window fits.
    """
    if step < 1:
        raise InvalidInput(f"step is {step}, expected at least 1 session.")
    traded = np.isfinite(history.close[0]).all(axis=1)
    close = np.asarray(history.close[0][traded], dtype=np.float64)
    times = history.times[traded]
    starts = np.arange(0, len(close) - sessions, step)
    if sessions < 1 or not len(starts):
        raise NoData(
            f"{len(close)} common sessions hold no window of {sessions}.", hint="Use a shorter horizon or fewer assets."
        )
    start_at = start_vector(start_prices, history.assets)
    out = empty_paths(len(starts), sessions, len(history.assets), "float64")
    for row, first in enumerate(starts):
        out[row] = close[first : first + sessions + 1] / close[first] * start_at
    path = MarketPath(
        close=out,
        times=future_times(as_of, sessions, history.sessions_per_year),
        assets=history.assets,
        as_of=as_of,
        source="historical_windows",
        price_basis=history.price_basis,
        sessions_per_year=history.sessions_per_year,
    )
    return HistoricalWindows(path=path, starts=times[starts])


def _last_known(close: FloatArray) -> NDArray[np.float64]:
    known = np.isfinite(close)
    last = np.where(known, np.arange(len(close))[:, None], 0).max(axis=0)
    return np.asarray(np.take_along_axis(close, last[None, :], axis=0)[0], dtype=np.float64)
