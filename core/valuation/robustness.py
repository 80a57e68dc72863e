"""Run the parameter neighbours of a strategy: what it would have done, had it been chosen a little differently."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np

from core.domain.kernel import Float64Array
from core.domain.market_path import MarketPath
from core.errors import InvalidInput
from core.ports.strategy import Strategy
from core.valuation.backtest import run

SCALES = (0.5, 0.75, 1.25, 1.5)


def neighbours(strategy: Strategy) -> tuple[Strategy, ...]:
    """Return the strategies that differ in one numeric parameter by a factor of SCALES and still are valid."""
    inner = getattr(strategy, "inner", None)
    if inner is not None:
        return tuple(dataclasses.replace(cast("Any", strategy), inner=part) for part in neighbours(inner))
    found: dict[str, Strategy] = {}
    for field in dataclasses.fields(cast("Any", strategy)):
        value = getattr(strategy, field.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        for scale in SCALES:
            changed = round(value * scale) if isinstance(value, int) else value * scale
            try:
                neighbour = dataclasses.replace(cast("Any", strategy), **{field.name: changed})
            except InvalidInput:
                continue
            if neighbour != strategy:
                found[repr(neighbour)] = neighbour
    return tuple(found.values())


def neighbourhood(
    strategy: Strategy, path: MarketPath, *, skip_sessions: int = 0, **terms: Any
) -> tuple[tuple[Strategy, ...], Float64Array]:
    """Return the strategy and its neighbours with their session returns (time, variants) on the first path.

    The strategy itself comes first; the first `skip_sessions` do not count; neighbours that do not fit the assets are
    left out. `terms` are those of `run`.
    """
    found: list[tuple[Strategy, Float64Array]] = []
    for part in (strategy, *neighbours(strategy)):
        try:
            returns = run(part, path, record="equity", **terms).returns[0, skip_sessions:]
        except InvalidInput:
            # Valid in itself, but not for this many assets.
            if part is strategy:
                raise
            continue
        found.append((part, returns))
    return tuple(part for part, _ in found), np.stack([returns for _, returns in found], axis=1)
