"""Make an instrument's daily features from its bars: returns, volatilities, beta, correlation, indicators.

Every feature is free of the price level and depends on bars up to its session alone, so that neither a later split
nor a later bar changes what stands. Raw prices are carried forward over splits (times the ratio from the ex-date
on): the past keeps its numbers, and the shape is that of split-adjusted prices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain.kernel import Float64Array
from core.indicators.moving_average import sma
from core.indicators.oscillator import rsi
from core.indicators.rolling import deviation_kernel, rolling_max
from core.indicators.volatility import atr
from core.ports.derived_store import BarSeries, FeatureRows, PriceHistory
from core.risk.beta import rolling_beta

FEATURES = (
    "return_1d",
    "return_21d",
    "volatility_20d",
    "volatility_60d",
    "beta_252d",
    "correlation_252d",
    "rsi_14",
    "price_vs_sma_50",
    "price_vs_sma_200",
    "atr_14",
    "drawdown_252d",
)
_YEAR = 252
Moments = NDArray[np.datetime64]


def compute_features(history: PriceHistory, benchmark: BarSeries | None) -> FeatureRows:
    """Return the features of every session of the return series with a positive close.

    Volatilities are sample deviations of simple daily returns, annualised; beta and correlation use the returns over
    the sessions common with the benchmark. `known_at` is that of the newest of all bars and splits used so far, so
    that a corrected bar is in no row that was known before the correction.
    """
    returns = _positive(history.returns)
    prices = _positive(history.prices)
    session = returns.session
    known_at = _newest(returns.known_at)
    change = _change(returns.close, 1)
    values: dict[str, Float64Array] = {"return_1d": change, "return_21d": _change(returns.close, 21)}
    for window in (20, 60):
        values[f"volatility_{window}d"] = _volatility(change, window, history.sessions_per_year)
    values["beta_252d"], values["correlation_252d"], known_at = _against(returns, benchmark, known_at)
    close = prices.close
    on_price = {
        "rsi_14": rsi(close),
        "price_vs_sma_50": close / sma(close, 50) - 1.0,
        "price_vs_sma_200": close / sma(close, 200) - 1.0,
        "atr_14": atr(prices.high, prices.low, close) / close,
        "drawdown_252d": close / rolling_max(close, _YEAR) - 1.0,
    }
    place, found = _places(prices.session, session)
    for name, column in on_price.items():
        values[name] = np.where(found, column[place], np.nan) if len(column) else np.full(len(session), np.nan)
    known_at = _newest(np.maximum(known_at, _known_by(prices, session)))
    known_at = np.maximum(known_at, _splits_known_by(history, session))
    return FeatureRows(instrument_id=history.instrument_id, session=session, values=values, known_at=known_at)


def _positive(series: BarSeries) -> BarSeries:
    return series.take(series.close > 0.0)


def _change(close: Float64Array, sessions: int) -> Float64Array:
    out = np.full(len(close), np.nan)
    out[sessions:] = close[sessions:] / close[:-sessions] - 1.0
    return out


def _volatility(change: Float64Array, window: int, sessions_per_year: int) -> Float64Array:
    out = np.full(len(change), np.nan)
    if len(change) > window:
        out[1:] = deviation_kernel(change[1:], window, 1)[1] * np.sqrt(sessions_per_year)
    return out


def _against(
    returns: BarSeries, benchmark: BarSeries | None, known_at: Moments
) -> tuple[Float64Array, Float64Array, Moments]:
    beta, correlation = np.full(len(returns.session), np.nan), np.full(len(returns.session), np.nan)
    if benchmark is None or not len(benchmark.session):
        return beta, correlation, known_at
    _, mine, theirs = np.intersect1d(returns.session, benchmark.session, assume_unique=True, return_indices=True)
    if len(mine) > 1:
        own = _change(returns.close[mine], 1)[1:]
        market = _change(benchmark.close[theirs], 1)[1:]
        beta[mine[1:]], correlation[mine[1:]] = rolling_beta(own, market, _YEAR)
    return beta, correlation, np.maximum(known_at, _known_by(benchmark, returns.session))


def _newest(known_at: Moments) -> Moments:
    return np.maximum.accumulate(known_at)


def _known_by(series: BarSeries, session: NDArray[np.datetime64]) -> Moments:
    """Return when the series was known up to each session; the beginning of time before its first."""
    place = np.searchsorted(series.session, session, side="right")
    moments = np.concatenate([[np.datetime64("0001-01-01", "us")], _newest(series.known_at)])
    return moments[place].astype("datetime64[us]")


def _splits_known_by(history: PriceHistory, session: NDArray[np.datetime64]) -> Moments:
    out = np.full(len(session), np.datetime64("0001-01-01", "us"), dtype="datetime64[us]")
    for ex_date, _, known in history.splits:
        later = session >= np.datetime64(ex_date, "D")
        out[later] = np.maximum(out[later], np.datetime64(known.replace(tzinfo=None), "us"))
    return out


def _places(held: NDArray[np.datetime64], wanted: NDArray[np.datetime64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    if not len(held):
        return np.zeros(len(wanted), dtype=np.intp), np.zeros(len(wanted), dtype=bool)
    place = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return place, held[place] == wanted
