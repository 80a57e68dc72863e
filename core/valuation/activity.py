"""Measure what a strategy held: turnover, exposure, holding period and the money it can carry."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput, NoData


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Hold figures of holdings; defined in core.valuation.definitions. `capacity` is NaN without traded money."""

    turnover: float
    exposure: float
    gross_exposure: float
    net_exposure: float
    largest_weight: float
    effective_positions: float
    holding_sessions: float
    capacity: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def activity(
    weights: Float64Array,
    *,
    sessions_per_year: int = 252,
    traded_money: Float64Array | None = None,
    participation: float = 0.05,
    within: float = 0.95,
) -> Activity:
    """Measure the weights held (time, assets) at each close, ratios of equity; NaN counts as none.

    Nothing is held before the first session. `traded_money` (time, assets) is price times volume of each session: the
    capacity is then the largest equity with which the share `within` of all trades is at most `participation` of it.
    Raises NoData without sessions, InvalidInput for shapes that differ.
    """
    held = np.nan_to_num(np.asarray(weights, dtype=np.float64))
    if held.ndim != 2 or (traded_money is not None and traded_money.shape != held.shape):
        raise InvalidInput(f"weights has shape {held.shape}, expected (time, assets), and traded_money the same.")
    if not len(held):
        raise NoData("There are no sessions to measure.")
    changes = np.abs(np.diff(held, axis=0, prepend=0.0))
    gross = np.abs(held).sum(axis=1)
    invested = gross > 0.0
    traded = float(changes.sum()) / 2.0
    squares = (held**2).sum(axis=1)
    return Activity(
        turnover=traded * sessions_per_year / len(held),
        exposure=float(invested.mean()),
        gross_exposure=float(gross.mean()),
        net_exposure=float(held.sum(axis=1).mean()),
        largest_weight=float(np.abs(held).max(initial=0.0)),
        effective_positions=float((gross[invested] ** 2 / squares[invested]).mean()) if invested.any() else 0.0,
        holding_sessions=float(gross.mean() * len(held) / traded) if traded > 0.0 else float("nan"),
        capacity=_capacity(changes, traded_money, participation, within),
    )


def _capacity(changes: Float64Array, money: Float64Array | None, participation: float, within: float) -> float:
    if money is None:
        return float("nan")
    if not (0.0 < participation <= 1.0 and 0.0 < within <= 1.0):
        raise InvalidInput(f"participation is {participation} and within {within}, expected ratios above 0, at most 1.")
    trades = (changes > 0.0) & np.isfinite(money)
    if not trades.any():
        return float("nan")
    # Equity at which each trade would be exactly the share of the session's traded money.
    return float(np.quantile(participation * money[trades] / changes[trades], 1.0 - within))
