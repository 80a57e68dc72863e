"""Attribute the profit of a backtest to its legs, to a common factor, and to periods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array
from core.domain.market_path import MarketPath
from core.errors import InvalidInput
from core.valuation.backtest import BacktestResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LegProfit:
    """Hold money by asset (assets,): `gross` profit at the prices without slippage and fees, and those `costs`.

    gross - costs summed over assets, less borrowing, plus dividends is the change of equity.
    """

    gross: Float64Array
    costs: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorProfit:
    """Split profit (money) into what `beta` times the factor's returns explains and the `rest`."""

    beta: float
    market: float
    rest: float


def by_leg(result: BacktestResult, path: MarketPath, *, skip_sessions: int = 0) -> LegProfit:
    """Attribute the first path's profit from session `skip_sessions` on to assets.

    Raises InvalidInput when the backtest kept no fills.
    """
    if result.fills is None or result.shares is None:
        raise InvalidInput("The backtest kept no fills; run it with record='all'.")
    fills = result.fills
    close = _carried(np.asarray(path.close[0], dtype=np.float64))
    assets = close.shape[1]
    inside = (fills.path == 0) & (fills.session >= skip_sessions)
    asset = fills.asset[inside]
    slip = result.costs.slippage_bps / 1e4
    # What profit targets pay has no slippage; it is at most a rounding of this split, never of the sum.
    sign = np.sign(fills.shares[inside])
    slipped = np.where(fills.reason[inside] == 2, 0.0, slip)
    price = fills.price[inside] / (1.0 + sign * slipped)
    spent = np.bincount(asset, weights=fills.shares[inside] * price, minlength=assets)
    lost = np.bincount(
        asset, weights=np.abs(fills.shares[inside]) * np.abs(fills.price[inside] - price) + fills.fee[inside],
        minlength=assets,
    )  # fmt: skip
    held = result.shares[0]
    start = held[skip_sessions - 1] * close[skip_sessions - 1] if skip_sessions else np.zeros(assets)
    return LegProfit(gross=held[-1] * close[-1] - np.nan_to_num(start) - spent, costs=lost.astype(np.float64))


def by_factor(
    result: BacktestResult, path: MarketPath, *, factor: Float64Array | None = None, skip_sessions: int = 0
) -> FactorProfit:
    """Attribute the first path's profit to a factor's session returns (time,), by default the assets' average.

    Least squares of the strategy's on the factor's returns; a session's money is the equity before it times the return.
    """
    if factor is None:
        close = _carried(np.asarray(path.close[0], dtype=np.float64))
        steps = np.concatenate((np.zeros((1, close.shape[1])), close[1:] / close[:-1] - 1.0))
        factor = np.nan_to_num(np.nanmean(np.where(np.isfinite(steps), steps, np.nan), axis=1))
    own, common = result.returns[0, skip_sessions:], factor[skip_sessions:]
    spread = float(np.var(common))
    beta = float(np.cov(own, common, ddof=0)[0, 1] / spread) if spread > 0.0 else 0.0
    equity = result.equity[0]
    before = np.concatenate(([result.capital], equity[:-1]))[skip_sessions:]
    market = float((before * beta * common).sum())
    whole = float(equity[-1] - before[0] - result.contributions[0, skip_sessions:].sum())
    return FactorProfit(beta=beta, market=market, rest=whole - market)


def by_year(result: BacktestResult, *, skip_sessions: int = 0) -> tuple[tuple[int, float, float], ...]:
    """Return (year, profit in money, compound return) of the first path for each calendar year."""
    years = result.times.astype("datetime64[Y]").astype(int) + 1970
    equity = result.equity[0]
    before = np.concatenate(([result.capital], equity[:-1]))
    profit = equity - before - result.contributions[0]
    rows = []
    for year in np.unique(years[skip_sessions:]):
        inside = (years == year) & (np.arange(len(years)) >= skip_sessions)
        rows.append((int(year), float(profit[inside].sum()), float(np.prod(1.0 + result.returns[0, inside]) - 1.0)))
    return tuple(rows)


def _carried(close: Float64Array) -> Float64Array:
    rows = np.where(np.isfinite(close), np.arange(len(close))[:, None], 0)
    return np.take_along_axis(close, np.maximum.accumulate(rows, axis=0), axis=0)
