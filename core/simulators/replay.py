"""Walk through history session by session: bars, corporate actions and events in the order they became known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

import numpy as np

from core.domain.market_path import FloatArray, MarketPath
from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Hold a split of one asset: `ratio` new shares for one old, from the session `ex_date` on."""

    asset: str
    ex_date: date
    ratio: float
    known_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dividend:
    """Hold a dividend per share of one asset, in money of its ex-date and with the shares of that date."""

    asset: str
    ex_date: date
    amount: float
    known_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Hold an event, such as a release or earnings, by the moment it was known; `what` is the caller's own record."""

    known_at: datetime
    what: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Show one session at its close: prices so far, what came into force today, and what became known since the last.

    `prices` is adjusted by the splits in force up to today, so that its last row holds the traded prices. `closed_at`
    is the moment everything in it was known.
    """

    day: date
    closed_at: datetime
    prices: MarketPath
    splits: tuple[Split, ...]
    dividends: tuple[Dividend, ...]
    happenings: tuple[Happening, ...]


def replay(
    history: MarketPath,
    closes: Sequence[datetime],
    *,
    splits: Sequence[Split] = (),
    dividends: Sequence[Dividend] = (),
    happenings: Sequence[Happening] = (),
    warmup: int = 0,
) -> Iterator[Session]:
    """Yield the sessions of one historical path of raw prices in order, from row `warmup` on.

    `closes` gives the close of each session (aware, ascending). What a session shows is cut from the arrays before it
    is handed out: no later row, action or event can be reached from it, so that a rule cannot look ahead. An action
    counts from its ex-date, or from the session it became known when that is later. Raises InvalidInput when the path
    is not one of raw prices or the closes do not fit.
    """
    if history.paths != 1 or history.price_basis != "raw":
        raise InvalidInput(
            f"A replay takes one path of raw prices, not {history.paths} of {history.price_basis} ones.",
            hint="Adjustment happens session by session, from the splits known then.",
        )
    if len(closes) != len(history.times) or any(close.tzinfo is None for close in closes):
        raise InvalidInput(f"{len(closes)} closes for {len(history.times)} sessions, expected one aware time for each.")
    if any(later <= earlier for earlier, later in pairwise(closes)):
        raise InvalidInput("The closes are not ascending.")
    days = [day.astype("datetime64[D]").item() for day in history.times]
    actions: list[Split | Dividend] = [*splits, *dividends]
    effective = {id(part): _session_of(part, days, closes) for part in actions}
    told = sorted(happenings, key=lambda part: part.known_at)
    factor = np.ones((len(days), len(history.assets)))
    at = 0
    for t, (day, closed_at) in enumerate(zip(days, closes, strict=True)):
        today = tuple(part for part in splits if effective[id(part)] == t)
        for split in today:
            if split.asset not in history.assets:
                raise InvalidInput(f"A split of {split.asset}, which the history does not hold.")
            # Rows before the ex-date, not before it became known: a late split corrects the past as well.
            first = int(np.searchsorted(history.times, np.datetime64(split.ex_date, "D")))
            factor[:first, history.assets.index(split.asset)] /= split.ratio
        begin = at
        while at < len(told) and told[at].known_at <= closed_at:
            at += 1
        if t < warmup:
            continue
        yield Session(
            day=day,
            closed_at=closed_at,
            prices=_until(history, t + 1, factor[: t + 1], closed_at),
            splits=today,
            dividends=tuple(part for part in dividends if effective[id(part)] == t),
            happenings=tuple(told[begin:at]),
        )


def _session_of(action: Split | Dividend, days: Sequence[date], closes: Sequence[datetime]) -> int:
    """Return the first session on or after the ex-date by whose close the action was known; len(days) if none."""
    for t, (day, closed_at) in enumerate(zip(days, closes, strict=True)):
        if day >= action.ex_date and closed_at >= action.known_at:
            return t
    return len(days)


def _until(history: MarketPath, rows: int, factor: FloatArray, as_of: datetime) -> MarketPath:
    def part(values: FloatArray | None, by: FloatArray) -> FloatArray | None:
        return None if values is None else np.array(values[:, :rows] * by)

    return replace(
        history,
        close=np.array(history.close[:, :rows] * factor),
        open=part(history.open, factor),
        high=part(history.high, factor),
        low=part(history.low, factor),
        volume=part(history.volume, 1.0 / factor),
        times=history.times[:rows].copy(),
        as_of=as_of,
        price_basis="split_adjusted",
    )
