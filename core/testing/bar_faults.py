"""Put known faults into real bars, to count which of them are found and how many good bars are suspected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.ports.vendor import BarColumns

# What should be said of each fault; of a gap the ledger tells, of an identical duplicate that it is stored once.
FAULTS: Mapping[str, frozenset[str]] = {
    "gap": frozenset({"gap"}),
    "duplicate_identical": frozenset({"duplicate_identical"}),
    "duplicate_conflict": frozenset({"duplicate_conflict"}),
    "spike": frozenset({"spike_unexplained"}),
    "price_scale": frozenset({"price_scale"}),
    "split_not_applied": frozenset({"split_not_applied"}),
    "range_spike": frozenset({"range_spike"}),
    "nonpositive_price": frozenset({"nonpositive_price"}),
    "high_lt_low": frozenset({"high_lt_low"}),
    "nonnumeric_price": frozenset({"nonnumeric_price"}),
    "zero_volume_move": frozenset({"zero_volume_move"}),
    "stale_repeat": frozenset({"stale_repeat"}),
    "volume_spike": frozenset({"volume_spike"}),
    "column_swap": frozenset({"column_swap"}),
    "not_a_session": frozenset({"not_a_session"}),
}
# Faults keep this many sessions apart, so that each is judged for itself.
APART = 8
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """Name one fault: what, whose bar, which session."""

    fault: str
    symbol: str
    session: date


@dataclass(slots=True, kw_only=True)
class Score:
    """Count by fault how many were put in and found, and the good bars that were held back."""

    injected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    false_alarms: Counter[str] = field(default_factory=Counter)
    missed: list[Injected] = field(default_factory=list)
    good_bars: int = 0


def inject_faults(columns: BarColumns, count: int, seed: int) -> tuple[BarColumns, list[Injected]]:
    """Return bars (sorted by symbol and session, with volume) with so many faults of all kinds, and what they are."""
    generator = np.random.default_rng(seed)
    kinds = [list(FAULTS)[number % len(FAULTS)] for number in range(count)]
    places = _choose(columns, count, generator)
    values: dict[str, NDArray[Any]] = {
        name: getattr(columns, name).copy() for name in (*_PRICES, "volume", "session", "symbol_code")
    }
    order = [np.arange(len(columns), dtype=np.intp)]
    extra: list[dict[str, Any]] = []
    removed: list[int] = []
    injected = []
    for fault, place in zip(kinds, places, strict=True):
        row = {name: values[name][place] for name in values}
        told = row["session"]
        if fault == "gap":
            removed.append(place)
        elif fault == "duplicate_identical":
            extra.append(row)
        elif fault == "duplicate_conflict":
            extra.append(
                {**row, "close": (row["high"] + row["low"]) / 2 + 1e-6 * row["close"], "volume": row["volume"] + 1}
            )
        elif fault == "not_a_session":
            told = _weekend_after(row["session"])
            extra.append({**row, "session": told})
        elif fault == "stale_repeat":
            for step in (1, 2):
                for name in (*_PRICES, "volume"):
                    values[name][place + step] = row[name]
            told = values["session"][place + 2]
        else:
            _damage(fault, values, place, generator)
        injected.append(Injected(fault=fault, symbol=columns.symbols[int(row["symbol_code"])], session=told.item()))
    kept = np.setdiff1d(order[0], np.array(removed, dtype=np.intp))
    joined: dict[str, Any] = {
        name: np.concatenate((values[name][kept], _column(extra, name, values[name].dtype))) for name in values
    }
    sorted_rows = np.lexsort((joined["session"], joined["symbol_code"]))
    joined = {name: column[sorted_rows] for name, column in joined.items()}
    made = replace(
        columns,
        **joined,
        line=np.arange(len(sorted_rows), dtype=np.int64),
        raw_rows=None,
        bad_volume=None,
        currency=None,
    )
    return made, injected


def score(
    injected: Sequence[Injected],
    held: Iterable[tuple[str, date, str]],
    gaps: Iterable[tuple[str, date]],
    repeated: int,
    good_bars: int,
) -> Score:
    """Count what was found: `held` are (symbol, session, reason), `gaps` missing sessions, `repeated` equal rows."""
    result = Score(good_bars=good_bars)
    reasons: dict[tuple[str, date], set[str]] = {}
    for symbol, session, reason in held:
        reasons.setdefault((symbol, session), set()).add(reason)
    missing = set(gaps)
    meant = {(entry.symbol, entry.session) for entry in injected}
    for entry in injected:
        result.injected[entry.fault] += 1
        place = (entry.symbol, entry.session)
        if entry.fault == "gap":
            found = place in missing
        elif entry.fault == "duplicate_identical":
            found = repeated > result.found[entry.fault]
        else:
            found = bool(FAULTS[entry.fault] & reasons.get(place, set()))
        result.found[entry.fault] += found
        if not found:
            result.missed.append(entry)
    for place, said in reasons.items():
        if place not in meant:
            result.false_alarms.update(said)
    result.false_alarms["gap"] += len(missing - meant - reasons.keys())
    return result


def _choose(columns: BarColumns, count: int, generator: np.random.Generator) -> list[int]:
    """Return rows of good bars that keep apart, away from the ends of their symbol."""
    rows = len(columns)
    code = columns.symbol_code
    inside = np.arange(APART, rows - APART)
    inside = inside[(code[inside - APART] == code[inside]) & (code[inside + APART] == code[inside])]
    inside = inside[(columns.volume[inside] > 0) & (columns.high[inside] > columns.low[inside])]
    taken = np.zeros(rows, dtype=bool)
    chosen: list[int] = []
    for place in generator.permutation(inside).tolist():
        if len(chosen) == count:
            break
        if not taken[place - APART : place + APART + 1].any():
            taken[place] = True
            chosen.append(place)
    if len(chosen) < count:
        raise ValueError(f"There is room for {len(chosen)} faults, not for {count}.")
    return chosen


# Jumps by these factors; those of a spike lie between whole split ratios, which would be told as splits.
_JUMPS: Mapping[str, tuple[float, ...]] = {
    "spike": (1.4, 1.5, 1.6, 0.7, 0.62),
    "price_scale": (100.0, 0.01),
    "split_not_applied": (0.5, 0.25, 0.1, 2.0),
}


def _damage(fault: str, values: dict[str, NDArray[Any]], place: int, generator: np.random.Generator) -> None:
    if fault in _JUMPS:
        factor = float(generator.choice(_JUMPS[fault])) * values["close"][place - 1] / values["close"][place]
        for name in _PRICES:
            values[name][place] *= factor
        return
    high, low, close, volume = (values[name][place] for name in ("high", "low", "close", "volume"))
    changes: dict[str, float] = {
        "range_spike": {"high": 1.9 * high},
        "nonpositive_price": {"low": float(generator.choice([0.0, -1.0]))},
        "high_lt_low": {"high": low, "low": high},
        "nonnumeric_price": {"close": np.nan},
        "zero_volume_move": {"volume": 0.0},
        "volume_spike": {"volume": 1000 * volume},
        "column_swap": {"close": volume, "volume": close},
    }[fault]
    for name, value in changes.items():
        values[name][place] = value


def _weekend_after(session: np.datetime64) -> np.datetime64:
    day = date.fromisoformat(str(session.astype("datetime64[D]")))
    return np.datetime64(day + timedelta(days=6 - day.weekday()), "D")


def _column(rows: Sequence[Mapping[str, Any]], name: str, dtype: Any) -> NDArray[Any]:
    return np.array([row[name] for row in rows], dtype=dtype)
