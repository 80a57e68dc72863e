"""Judge daily bars before they are stored: reject, quarantine, accept with a flag, accept.

A bar is judged against the basis its source declares. Limits by asset class:

| | close to close, |ln| | high or low from open and close | tick (at least 0.0001) |
|---|---|---|---|
| equity, fund | 0.25 | 40 % | 0.01 % |
| crypto | 0.45 | 60 % | 0.01 % |
| currency (no common tape: quotes leave the day's range slightly) | 0.25 | 40 % | 0.5 % |
| index (a volatility index doubles in a day) | 1.2 | 100 % | 0.01 % |

The history of a bar is the last 60 admitted bars before it. Of several reasons the worst verdict decides, within one
verdict the order of `REASONS`.

Two modes:

- an increment (`history_import=False`) is judged against what is stored: a jump that nothing
  explains waits for a person;
- a first import of a long history is judged with hindsight: bars of the same delivery count as history, and an
  unexplained jump is held back only when the price returns (in a series without volume, which could have confirmed
  it: only beyond twice the limit); one that lasts is a real move or a permanent change, which holding back would turn
  into the loss of everything after it. Such moves are stored with the flag `unconfirmed_move`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.quality_moves import judge_moves
from core.data.quality_terms import (
    CODE,
    FIRST_FLAG,
    HAIR,
    OK,
    REASONS,
    ExpectedMoves,
    Floats,
    History,
    Incoming,
    Mask,
    Positions,
    Verdict,
    bar_key,
    mark,
    verdict_of,
)

__all__ = ["REASONS", "ExpectedMoves", "History", "Incoming", "Judgement", "Verdict", "judge", "verdict_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Hold the reason of each delivered bar (an index of REASONS) and the stored bar of the same day (-1: none)."""

    reason: NDArray[np.int16]
    stored_row: Positions

    @property
    def admitted(self) -> Mask:
        """Mark the bars that may be stored."""
        mask: Mask = self.reason >= FIRST_FLAG
        return mask

    @property
    def repeated(self) -> Mask:
        """Mark the bars that are stored already, or twice in the delivery, with the same values."""
        mask: Mask = self.reason == CODE["duplicate_identical"]
        return mask


def judge(bars: Incoming, history: History, moves: ExpectedMoves, *, history_import: bool = False) -> Judgement:
    """Return the reason of every delivered bar; raises nothing, a bar that cannot be read is rejected."""
    reason = np.full(len(bars), OK, dtype=np.int16)
    stored_row = _find_stored(bars, history)
    _judge_values(bars, reason)
    _judge_identity(bars, reason)
    _judge_duplicates(bars, reason)
    _judge_stored(bars, history, stored_row, reason)
    _judge_order(bars, history, stored_row, reason)
    suspects = _suspect_swaps(bars, reason)
    judge_moves(bars, history, stored_row, moves, reason, history_import=history_import)
    reason[_find_swaps(bars, history, suspects, reason)] = CODE["column_swap"]
    return Judgement(reason=reason, stored_row=stored_row)


def _judge_values(bars: Incoming, reason: NDArray[np.int16]) -> None:
    prices = [bars.open, bars.high, bars.low, bars.close] if bars.has_ohlc else [bars.close]
    unreadable = np.zeros(len(bars), dtype=bool)
    nonpositive = np.zeros(len(bars), dtype=bool)
    for values in prices:
        unreadable |= ~np.isfinite(values)
        nonpositive |= values <= 0
    if bars.vwap is not None:
        unreadable |= np.isinf(bars.vwap)
    mark(reason, unreadable, "nonnumeric_price")
    mark(reason, nonpositive, "nonpositive_price")
    if bars.has_ohlc:
        _judge_range(bars, reason)
    if not bars.has_volume:
        return
    mark(reason, bars.volume < 0, "negative_volume")
    fraction = np.isfinite(bars.volume) & (bars.volume != np.floor(bars.volume))
    mark(reason, bars.bad_volume | np.isinf(bars.volume) | (fraction & bars.whole_volume), "nonnumeric_volume")
    mark(reason, np.isnan(bars.volume) & ~bars.bad_volume, "missing_volume")
    if bars.has_ohlc:
        flat = (bars.open == bars.close) & (bars.high == bars.low) & (bars.open == bars.high)
        moved = (bars.open != bars.close) | (bars.high != bars.low)
        mark(reason, (bars.volume == 0) & flat & bars.volume_tells, "zero_volume_flat")
        mark(reason, (bars.volume == 0) & moved & bars.move_needs_volume, "zero_volume_move")


def _judge_range(bars: Incoming, reason: NDArray[np.int16]) -> None:
    upper, lower = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    mark(reason, bars.high < bars.low, "high_lt_low")
    above, below = upper - bars.high, bars.low - lower
    outside = (above > _tick(bars.high, bars.tick_share)) | (below > _tick(bars.low, bars.tick_share))
    mark(reason, outside, "ohlc_outside_range")
    mark(reason, ~outside & ((above > 0) | (below > 0)), "rounding")
    highest, lowest = (1 + bars.range_limit) * upper, (1 - bars.range_limit) * lower
    spiked = (bars.high > highest * (1 + HAIR)) | (bars.low < lowest * (1 - HAIR))
    mark(reason, spiked, "range_spike")
    if bars.vwap is not None:
        above, below = bars.vwap - bars.high, bars.low - bars.vwap
        beyond = (above > _tick(bars.high, bars.tick_share)) | (below > _tick(bars.low, bars.tick_share))
        mark(reason, beyond, "vwap_outside")


def _tick(price: Floats, share: Floats) -> Floats:
    # A hair more than the tick itself: 322.44 - 322.43 is not exactly 0.01 in binary.
    tick: Floats = np.maximum(1e-4, share * np.abs(price)) * (1 + HAIR)
    return tick


def _judge_identity(bars: Incoming, reason: NDArray[np.int16]) -> None:
    unreadable = np.isnat(bars.session) | (bars.session < np.datetime64("1900-01-01"))
    mark(reason, unreadable, "bad_date")
    mark(reason, bars.unfinished & ~unreadable, "future_date")
    mark(reason, bars.no_session & ~unreadable, "not_a_session")
    mark(reason, bars.wrong_currency, "wrong_currency")
    mark(reason, bars.wrong_symbol, "wrong_symbol")
    mark(reason, bars.before_listing & ~unreadable, "before_listing")
    mark(reason, bars.other_basis, "adjusted_mismatch")


def _judge_duplicates(bars: Incoming, reason: NDArray[np.int16]) -> None:
    order = np.lexsort((bars.session, bars.series))
    again = (bars.series[order][1:] == bars.series[order][:-1]) & (bars.session[order][1:] == bars.session[order][:-1])
    if not again.any():
        return
    group = np.concatenate(([0], np.cumsum(~again)))
    first = order[np.searchsorted(group, group)]
    equal = np.ones(len(order), dtype=bool)
    for values in _fields(bars):
        one, other = values[order], values[first]
        equal &= (one == other) | (np.isnan(one) & np.isnan(other))
    conflicting = np.isin(group, group[~equal])
    repeated = np.concatenate(([False], again)) & ~conflicting
    rows = np.zeros(len(bars), dtype=bool)
    rows[order[conflicting]] = True
    mark(reason, rows & (bars.session == bars.session), "duplicate_conflict")
    rows = np.zeros(len(bars), dtype=bool)
    rows[order[repeated]] = True
    mark(reason, rows, "duplicate_identical")


def _fields(bars: Incoming) -> list[Floats]:
    fields = [bars.open, bars.high, bars.low, bars.close, bars.volume]
    return fields if bars.vwap is None else [*fields, bars.vwap]


def _find_stored(bars: Incoming, history: History) -> Positions:
    if not len(history):
        return np.full(len(bars), -1, dtype=np.intp)
    keys, wanted = bar_key(history.series, history.session), bar_key(bars.series, bars.session)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where((keys[place] == wanted) & ~np.isnat(bars.session), place, -1)


def _judge_stored(bars: Incoming, history: History, stored_row: Positions, reason: NDArray[np.int16]) -> None:
    rows = np.flatnonzero(stored_row >= 0)
    if not len(rows):
        return
    stored = stored_row[rows]
    same = np.ones(len(rows), dtype=bool)
    worst = np.zeros(len(rows))
    for name in ("open", "high", "low", "close", "volume"):
        new, old = getattr(bars, name)[rows], getattr(history, name)[stored]
        both_missing = np.isnan(new) & np.isnan(old)
        same &= (new == old) | both_missing
        if name != "volume":
            difference = np.abs(new / old - 1)
            worst = np.fmax(worst, np.where(both_missing, 0.0, np.nan_to_num(difference, nan=np.inf)))
    for mask, name in (
        (same, "duplicate_identical"),
        (~same & (worst <= 0.005 + HAIR), "correction_small"),
        (worst > 0.005 + HAIR, "correction_large"),
    ):
        chosen = np.zeros(len(bars), dtype=bool)
        chosen[rows[mask]] = True
        mark(reason, chosen, name)
    _judge_shifted(bars, history, rows, same, reason)


def _judge_shifted(bars: Incoming, history: History, rows: Positions, same: Mask, reason: NDArray[np.int16]) -> None:
    """Mark bars that repeat the stored bar of the session before: the vendor's time zone moved."""
    keys, wanted = bar_key(history.series, history.session), bar_key(bars.series, bars.session)
    place = np.searchsorted(keys, wanted) - 1
    # A delivered bar in between is the session before, and what repeats itself after it is a stale feed.
    delivered = np.sort(wanted)
    before_it = np.searchsorted(delivered, wanted) - 1
    between = (before_it >= 0) & (delivered[np.maximum(before_it, 0)] > keys[np.maximum(place, 0)])
    dated = (place >= 0) & ~between & ~np.isnat(bars.session)
    candidates = np.flatnonzero(dated & np.isin(bars.series, bars.series[rows]))
    before = place[candidates]
    # A bar that repeats what is stored of its own day is no evidence: quiet days look like the days before them.
    repeated = np.zeros(len(bars), dtype=bool)
    repeated[rows[same]] = True
    shifted = (history.series[before] == bars.series[candidates]) & ~repeated[candidates]
    for name in ("open", "high", "low", "close", "volume"):
        shifted &= getattr(bars, name)[candidates] == getattr(history, name)[before]
    series, counts = np.unique(bars.series[candidates][shifted], return_counts=True)
    chosen = np.zeros(len(bars), dtype=bool)
    chosen[candidates[shifted]] = True
    mark(reason, chosen & np.isin(bars.series, series[counts >= 3]), "timezone_shift")


def _judge_order(bars: Incoming, history: History, stored_row: Positions, reason: NDArray[np.int16]) -> None:
    dated = np.flatnonzero(~np.isnat(bars.session))
    dated = dated[np.argsort(bars.series[dated], kind="stable")]
    series, session = bars.series[dated], bars.session[dated]
    back = (session[1:] < session[:-1]) & (series[1:] == series[:-1])
    if back.any():
        mark(reason, np.isin(bars.series, series[1:][back]), "unsorted")
    if len(history):
        last = np.flatnonzero(np.diff(history.series, append=history.series[-1] + 1))
        place = np.minimum(np.searchsorted(history.series[last], bars.series), len(last) - 1)
        known = history.series[last][place] == bars.series
        late = known & (bars.session < history.session[last][place]) & (stored_row < 0)
        mark(reason, late, "late_bar")


def _suspect_swaps(bars: Incoming, reason: NDArray[np.int16]) -> Positions:
    """Return the rows whose prices contradict each other; a close among them may really be the volume."""
    if not (bars.has_ohlc and bars.has_volume):
        return np.empty(0, dtype=np.intp)
    names = ("high_lt_low", "ohlc_outside_range", "range_spike", "vwap_outside")
    return np.flatnonzero(np.isin(reason, [CODE[name] for name in names]) & (bars.volume > 0))


def _find_swaps(bars: Incoming, history: History, suspects: Positions, reason: NDArray[np.int16]) -> Positions:
    """Return the suspects where a price and the volume changed places: exchanging them makes the bar consistent."""
    if not len(suspects):
        return suspects
    good = (reason >= FIRST_FLAG) & (reason != CODE["duplicate_identical"])
    keys = np.concatenate((bar_key(history.series, history.session), bar_key(bars.series, bars.session)[good]))
    closes = np.concatenate((history.close, bars.close[good]))
    order = np.argsort(keys, kind="stable")
    places = np.searchsorted(keys[order], bar_key(bars.series, bars.session)[suspects]) - 1
    of_series = np.concatenate((history.series, bars.series[good]))[order]
    found = []
    for row, place in zip(suspects.tolist(), places.tolist(), strict=True):
        before = closes[order[place]] if place >= 0 and of_series[place] == bars.series[row] else None
        if _is_swapped(bars, None if before is None else float(before), row):
            found.append(row)
    return np.array(found, dtype=np.intp)


def _is_swapped(bars: Incoming, close_before: float | None, row: int) -> bool:
    bar = {name: float(getattr(bars, name)[row]) for name in ("open", "high", "low", "close", "volume")}
    if bars.vwap is not None and np.isfinite(bars.vwap[row]):
        bar["vwap"] = float(bars.vwap[row])
    for name in bar.keys() - {"volume"}:
        exchanged = {**bar, name: bar["volume"], "volume": bar[name]}
        prices = [exchanged[price] for price in ("open", "high", "low", "close")]
        near = close_before is None or 0.5 < exchanged["close"] / close_before < 2
        if bar[name] > 20 * max(prices) and near and _is_consistent(exchanged):
            return True
    return False


def _is_consistent(bar: dict[str, float]) -> bool:
    upper, lower = max(bar["open"], bar["close"]), min(bar["open"], bar["close"])
    inside = bar["high"] * 1.0001 >= upper and bar["low"] <= lower * 1.0001 and bar["low"] > 0
    return inside and bar["low"] * 0.9999 <= bar.get("vwap", bar["low"]) <= bar["high"] * 1.0001
