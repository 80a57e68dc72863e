"""Say where the money stands and how long it takes to leave: groups, concentration, liquidity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Hold the money of one group: long, short (negative), net and gross; `weight` is net over equity."""

    group: str
    long: float
    short: float
    net: float
    gross: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentration:
    """Hold how concentrated a book is: the Herfindahl index of absolute weights and what follows from it.

    `effective_positions` is its inverse; `top_share` the share of gross money in the largest `top` positions.
    """

    herfindahl: float
    effective_positions: float
    largest: str
    largest_share: float
    top_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidity:
    """Hold how long a position takes to sell at a share of the average daily volume (ADV), and what it then costs.

    `cost` is the square-root law: impact_coefficient x daily volatility x sqrt(shares per day / ADV) of the value
    (Almgren and others, 2005, in form; the coefficient is the caller's).
    """

    symbol: str
    share_of_adv: float
    sessions: float
    cost: float


def exposures(values: Mapping[str, float], groups: Mapping[str, str], equity: float) -> tuple[Exposure, ...]:
    """Add up position values by group, largest gross first; symbols without a group are "other"."""
    if not equity > 0.0:
        raise InvalidInput(f"equity is {equity}, expected money above 0.")
    found: dict[str, list[float]] = {}
    for symbol, value in values.items():
        found.setdefault(groups.get(symbol, "other"), []).append(value)
    rows = [
        Exposure(
            group=group,
            long=sum(v for v in part if v > 0.0),
            short=sum(v for v in part if v < 0.0),
            net=sum(part),
            gross=sum(map(abs, part)),
            weight=sum(part) / equity,
        )
        for group, part in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.gross))


def concentration(values: Mapping[str, float], *, top: int = 5) -> Concentration:
    """Measure the concentration of position values; raises InvalidInput when nothing is held."""
    sizes = {symbol: abs(value) for symbol, value in values.items() if value}
    gross = sum(sizes.values())
    if not gross > 0.0:
        raise InvalidInput("Nothing is held, so there is no concentration.")
    ordered = sorted(sizes.items(), key=lambda part: -part[1])
    herfindahl = sum((size / gross) ** 2 for size in sizes.values())
    return Concentration(
        herfindahl=herfindahl,
        effective_positions=1.0 / herfindahl,
        largest=ordered[0][0],
        largest_share=ordered[0][1] / gross,
        top_share=sum(size for _, size in ordered[:top]) / gross,
    )


def liquidity(
    symbol: str,
    *,
    shares: float,
    average_daily_volume: float,
    daily_volatility: float,
    participation: float = 0.1,
    impact_coefficient: float = 1.0,
) -> Liquidity:
    """Say how many sessions a position takes to close at `participation` of the average daily volume.

    Raises InvalidInput for a volume or a participation that is not above 0.
    """
    if not (average_daily_volume > 0.0 and 0.0 < participation <= 1.0):
        raise InvalidInput(
            f"average_daily_volume is {average_daily_volume} and participation {participation}, expected above 0, and "
            "the latter at most 1."
        )
    held = abs(shares)
    per_day = min(held, participation * average_daily_volume)
    return Liquidity(
        symbol=symbol,
        share_of_adv=held / average_daily_volume,
        sessions=held / (participation * average_daily_volume),
        cost=impact_coefficient * daily_volatility * float(np.sqrt(per_day / average_daily_volume)),
    )
