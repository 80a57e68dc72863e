"""Shock a book: instant moves of some assets and their likely effect on everything else."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput, NoData, UnknownName


@dataclass(frozen=True, slots=True, kw_only=True)
class ShockResult:
    """Hold the effect of a shock on positions: returns (ratios) and profit or loss (money) per asset, and the total.

    `given` says which returns were stated; the others were propagated. `total_ratio` is the total over the
    gross value of the positions.
    """

    assets: tuple[str, ...]
    returns: Float64Array
    profit: Float64Array
    given: tuple[bool, ...]
    total: float
    total_ratio: float


def estimate_betas(returns: Float64Array, factors: Float64Array) -> Float64Array:
    """Regress returns (time, assets) on factor returns (time, factors); return betas (assets, factors).

    Ordinary least squares with intercept over the sessions where the asset and all factors are finite.
    Raises NoData when an asset has fewer than factors + 20 of them, InvalidInput for factors that move as one.
    """
    y, x = np.asarray(returns, dtype=np.float64), np.asarray(factors, dtype=np.float64)
    if y.ndim != 2 or x.ndim != 2 or len(y) != len(x):
        raise InvalidInput(f"returns {y.shape} and factors {x.shape} must be (time, assets) and (time, factors).")
    betas = np.empty((y.shape[1], x.shape[1]))
    for asset in range(y.shape[1]):
        both = np.isfinite(y[:, asset]) & np.isfinite(x).all(axis=1)
        if both.sum() < x.shape[1] + 20:
            raise NoData(f"Asset {asset} shares {both.sum()} sessions with the factors, expected {x.shape[1] + 20}.")
        design = np.column_stack((np.ones(both.sum()), x[both]))
        solution, _, rank, _ = np.linalg.lstsq(design, y[both, asset], rcond=1e-10)
        if rank < design.shape[1]:
            raise InvalidInput("The shocked assets move as one, so their effects cannot be told apart.")
        betas[asset] = solution[1:]
    return betas


def propagate(
    shocks: Mapping[str, float],
    assets: tuple[str, ...],
    returns: Float64Array,
    *,
    betas: Mapping[str, Mapping[str, float]] | None = None,
) -> Float64Array:
    """Extend stated returns to all assets by their expected return given the shocks (linear, multiple regression).

    `returns` (time, assets) is the history the betas are estimated on; `betas` {asset: {shocked: beta}}
    overrides them asset by asset. Returns ratios (assets,), floored at -1. Raises UnknownName for a shocked
    asset without history and InvalidInput for a shock below -1.
    """
    _check_shocks(shocks, assets)
    index = {asset: i for i, asset in enumerate(assets)}
    shocked = list(shocks)
    shock = np.array([shocks[name] for name in shocked])
    out = np.full(len(assets), np.nan)
    for name in shocked:
        out[index[name]] = shocks[name]
    given = betas or {}
    for asset, row in given.items():
        if asset in index and asset not in shocks:
            out[index[asset]] = sum(beta * shocks.get(name, 0.0) for name, beta in row.items())
    rest = [i for i in range(len(assets)) if np.isnan(out[i])]
    if rest:
        columns = [index[name] for name in shocked]
        history = np.asarray(returns, dtype=np.float64)
        out[rest] = estimate_betas(history[:, rest], history[:, columns]) @ shock
    floored: Float64Array = np.maximum(out, -1.0)
    return floored


def shock_book(
    values: Mapping[str, float],
    shocks: Mapping[str, float],
    assets: tuple[str, ...],
    returns: Float64Array,
    *,
    betas: Mapping[str, Mapping[str, float]] | None = None,
) -> ShockResult:
    """Apply shocks to positions' money values (short: negative) and propagate them to the rest of the book.

    `assets` names the columns of `returns` (time, assets) and must hold every position and shocked asset.
    Linear: exact for shares and cash, an approximation for options.
    """
    for name in values:
        if name not in assets:
            raise UnknownName("asset", name, difflib.get_close_matches(name, assets, n=3))
    moves = propagate(shocks, assets, returns, betas=betas)
    index = {asset: i for i, asset in enumerate(assets)}
    held = tuple(values)
    move = np.array([moves[index[name]] for name in held])
    worth = np.array([values[name] for name in held], dtype=np.float64)
    profit = worth * move
    gross = float(np.abs(worth).sum())
    return ShockResult(
        assets=held,
        returns=move,
        profit=profit,
        given=tuple(name in shocks for name in held),
        total=float(profit.sum()),
        total_ratio=float(profit.sum() / gross) if gross > 0.0 else 0.0,
    )


def _check_shocks(shocks: Mapping[str, float], assets: tuple[str, ...]) -> None:
    if not shocks:
        raise InvalidInput("A scenario needs at least one shock, such as {'SPY': -0.10}.")
    for name, value in shocks.items():
        if name not in assets:
            raise UnknownName("asset", name, difflib.get_close_matches(name, assets, n=3))
        if not np.isfinite(value) or value < -1.0:
            raise InvalidInput(f"The shock of {name} is {value}, expected a ratio of at least -1 (-0.10 is -10 %).")
