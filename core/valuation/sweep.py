"""Try many variants of a strategy, or many moving-average pairs on many assets, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol, TypeVar

import numpy as np

from core.domain.kernel import Float64Array, IntArray
from core.domain.market_path import FloatArray, MarketPath
from core.errors import InvalidInput
from core.ports.strategy import Strategy
from core.valuation.backtest import run
from core.valuation.long_only import sweep_kernel
from core.valuation.terms import Costs

MOST_VARIANTS = 2_500


T = TypeVar("T")
R = TypeVar("R")


class Chunks(Protocol):
    """Run independent chunks of work: the one interface of sweeps and simulations that a cluster can take over.

    concurrent.futures executors fit it as they are.
    """

    def map(self, work: Callable[[T], R], parts: Iterable[T], /) -> Iterable[R]:
        """Return the results of `work` on each part, in order."""


class InTurn:
    """Run chunks one after the other in this thread."""

    def map(self, work: Callable[[T], R], parts: Iterable[T], /) -> Iterable[R]:
        """Return the results of `work` on each part, in order."""
        return [work(part) for part in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Hold what each variant did: session returns (time, variants), annual Sharpe ratio, growth, drawdown (variants,).

    NaN in the figures where a variant never traded; `failed` says why a variant could not run (its returns are 0).
    """

    returns: Float64Array
    sharpe: Float64Array
    cagr: Float64Array
    max_drawdown: Float64Array
    failed: dict[int, str]


def grid(strategy: str, parameters: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the parameter sets of every combination of the axes, in the order of the last axis first.

    Raises InvalidInput without axes or above 2,500 combinations.
    """
    if not axes or not all(axes.values()):
        raise InvalidInput(f"A sweep of {strategy} needs values to try, such as fast: [10, 20, 50].")
    count = int(np.prod([len(values) for values in axes.values()]))
    if count > MOST_VARIANTS:
        raise InvalidInput(f"The sweep has {count:,} variants, expected at most {MOST_VARIANTS:,}.")
    return [{**parameters, **dict(zip(axes, values, strict=True))} for values in product(*axes.values())]


def sweep(
    variants: Sequence[Callable[[], Strategy]],
    path: MarketPath,
    *,
    skip_sessions: int = 0,
    chunks: Chunks | None = None,
    **terms: Any,
) -> Sweep:
    """Run every variant on the first path; the first `skip_sessions` (warm-up) are traded but not measured.

    `variants` build their strategy when asked, so that one that is invalid fails alone. `terms` are those of `run`.
    """
    failed: dict[int, str] = {}

    def one(index: int) -> Float64Array:
        try:
            strategy = variants[index]()
            returns: Float64Array = run(strategy, path, record="equity", **terms).returns[0, skip_sessions:]
        except InvalidInput as error:
            failed[index] = str(error)
            return np.zeros(len(path.times) - skip_sessions)
        return returns

    table = np.stack(list((chunks or InTurn()).map(one, range(len(variants)))), axis=1)
    level = np.cumprod(1.0 + table, axis=0)
    years = len(table) / path.sessions_per_year
    traded = (table != 0.0).any(axis=0)
    worst = (level / np.maximum(np.maximum.accumulate(level, axis=0), 1.0) - 1.0).min(axis=0)
    return Sweep(
        returns=table,
        sharpe=sharpe_ratios(table, path.sessions_per_year),
        cagr=np.where(traded, np.maximum(level[-1], 0.0) ** (1.0 / years) - 1.0, np.nan),
        max_drawdown=np.where(traded, worst, np.nan),
        failed=failed,
    )


def sharpe_ratios(returns: Float64Array, sessions_per_year: int) -> Float64Array:
    """Return the annual Sharpe ratio of each column of returns (time, variants); NaN where nothing varies."""
    deviation = returns.std(axis=0, ddof=1)
    varies = deviation > 1e-12
    ratio = returns.mean(axis=0) / np.where(varies, deviation, 1.0) * np.sqrt(sessions_per_year)
    return np.where(varies, ratio, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossoverSweep:
    """Hold results of shape (pairs, assets): total return, annual Sharpe ratio (NaN without trades), worst drawdown,
    and the number of purchases.
    """

    pairs: tuple[tuple[int, int], ...]
    total_return: Float64Array
    sharpe: Float64Array
    max_drawdown: Float64Array
    purchases: IntArray


def sweep_crossovers(
    close: FloatArray,
    pairs: Sequence[tuple[int, int]],
    *,
    costs: Costs | None = None,
    sessions_per_year: int = 252,
    threads: int = 1,
) -> CrossoverSweep:
    """Backtest each (fast, slow) moving-average crossover on each column of `close` (time, assets) alone.

    Equals running SmaCrossover on each asset: all equity or cash, decided at the close, filled at the next
    close. Raises InvalidInput for gaps, prices at or below 0 and pairs without 1 <= fast < slow.
    """
    prices = np.ascontiguousarray(np.asarray(close, dtype=np.float64).T)
    if prices.ndim != 2 or prices.shape[1] < 2 or not np.all(prices > 0.0):
        raise InvalidInput(
            f"close has shape {np.shape(close)}, expected (time, assets) of positive prices without gaps."
        )
    for fast, slow in pairs:
        if not 1 <= fast < slow:
            raise InvalidInput(f"The pair ({fast}, {slow}) does not fit, expected 1 <= fast < slow.")
    if not pairs:
        raise InvalidInput("A sweep needs at least one pair (fast, slow).")
    costs = costs or Costs()
    fee, slip = costs.fee_bps / 1e4, costs.slippage_bps / 1e4
    windows = np.array(sorted({window for pair in pairs for window in pair}), dtype=np.int64)
    index = np.searchsorted(windows, np.array(pairs, dtype=np.int64))
    out = np.empty((len(prices), len(pairs), 4))
    sale, purchase = (1.0 - slip) * (1.0 - fee), (1.0 + slip) * (1.0 + fee)

    def one(assets: range) -> None:
        sweep_kernel(prices, assets.start, assets.stop, windows, index, sale, purchase, out)

    size = -(-len(prices) // threads) if threads > 1 else len(prices)
    parts = [range(begin, min(begin + size, len(prices))) for begin in range(0, len(prices), size)]
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, parts))
    else:
        InTurn().map(one, parts)
    return CrossoverSweep(
        pairs=tuple((int(fast), int(slow)) for fast, slow in pairs),
        total_return=out[..., 0].T.copy(),
        sharpe=out[..., 1].T * np.sqrt(sessions_per_year),
        max_drawdown=out[..., 2].T.copy(),
        purchases=out[..., 3].T.astype(np.int64),
    )
