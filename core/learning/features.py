"""Turn prices into features of each session, from rows up to that session alone."""

from __future__ import annotations

import numpy as np

from core.domain.kernel import Float64Array
from core.indicators.catalogue import Wanted, compute_all
from core.ports.strategy import PriceHistory

FEATURES: tuple[str, ...] = (
    "return_1", "return_5", "return_21", "return_63", "momentum_12_1", "volatility_21", "volatility_ratio", "zscore_20",
    "rsi_14", "gap_to_sma_50", "gap_to_sma_200", "drawdown_252", "market_return_21", "relative_return_21",
)  # fmt: skip
_INDICATORS: Wanted = (
    ("realized_volatility", {"window": 21}),
    ("realized_volatility", {"window": 126}),
    ("zscore", {"period": 20}),
    ("rsi", {"period": 14}),
    ("sma", {"period": 50}),
    ("sma", {"period": 200}),
    ("rolling_max", {"period": 252}),
)


def features(prices: PriceHistory) -> Float64Array:
    """Compute FEATURES of each session and asset, shape (time, assets, features).

    NaN on warm-up and where the asset did not trade. All are free of the price level, so that assets can be pooled.
    `market` is the mean over the assets of the panel.
    """
    count, assets = prices.close.shape
    out = np.full((count, assets, len(FEATURES)), np.nan)
    columns = np.asarray(prices.close, dtype=np.float64).T
    traded = [np.isfinite(column) for column in columns]
    closes = [column[there] for column, there in zip(columns, traded, strict=True)]
    found = compute_all(_INDICATORS, [{"close": close} for close in closes], threads=2)
    for asset, (close, outputs) in enumerate(zip(closes, found, strict=True)):
        if len(close) > 1:
            indicators = [values for by_name in outputs for values in by_name.values()]
            out[traded[asset], asset, : len(FEATURES) - 2] = _own(close, indicators)
    month = out[:, :, FEATURES.index("return_21")]
    known = np.isfinite(month)
    with np.errstate(invalid="ignore"):
        market = np.where(known.any(axis=1), np.where(known, month, 0.0).sum(axis=1) / known.sum(axis=1), np.nan)
    out[:, :, -2] = np.where(known, market[:, None], np.nan)
    out[:, :, -1] = month - market[:, None]
    return out


def _own(close: Float64Array, indicators: list[Float64Array]) -> Float64Array:
    month, half_year, score, strength, short, long, highest = indicators

    def change(sessions: int, until: int = 0) -> Float64Array:
        moved = np.full(len(close), np.nan)
        if len(close) > sessions:
            moved[sessions:] = close[sessions - until : len(close) - until] / close[: len(close) - sessions] - 1.0
        return moved

    return np.column_stack(
        (
            change(1),
            change(5),
            change(21),
            change(63),
            change(252, 21),
            month,
            month / half_year - 1.0,
            score,
            strength / 50.0 - 1.0,
            close / short - 1.0,
            close / long - 1.0,
            close / highest - 1.0,
        )
    )
