"""Name the verdicts on bars with their reasons, and the arrays that the rules work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["reject", "quarantine", "accept_with_flag", "accept"]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.intp]

_REJECT = (
    "nonnumeric_price",
    "nonpositive_price",
    "high_lt_low",
    "ohlc_outside_range",
    "negative_volume",
    "nonnumeric_volume",
    "future_date",
    "not_a_session",
    "bad_date",
    "wrong_currency",
    "wrong_symbol",
    "before_listing",
    "duplicate_conflict",
)
_QUARANTINE = (
    "spike_unexplained",
    "split_not_applied",
    "price_scale",
    "range_spike",
    "correction_large",
    "stale_repeat",
    "zero_volume_move",
    "timezone_shift",
    "column_swap",
    "vwap_outside",
    "adjusted_mismatch",
    "volume_spike",
)
FLAG_REASONS = (
    "duplicate_identical",
    "correction_small",
    "explained_move",
    "volume_confirmed_move",
    "zero_volume_flat",
    "missing_volume",
    "rounding",
    "late_bar",
    "short_history",
    "unsorted",
    "unconfirmed_move",
)
REASONS = (*_REJECT, *_QUARANTINE, *FLAG_REASONS, "ok")
CODE = {reason: code for code, reason in enumerate(REASONS)}
FIRST_QUARANTINE = len(_REJECT)
FIRST_FLAG = FIRST_QUARANTINE + len(_QUARANTINE)
OK = len(REASONS) - 1
# A limit that is met exactly may be missed by as much in binary: 1 - 199 / 200 is a little more than 0.005.
HAIR = 1e-9


def verdict_of(reason: str) -> Verdict:
    """Return the verdict that a reason leads to; raise KeyError for an unknown reason."""
    code = CODE[reason]
    if code < FIRST_QUARANTINE:
        return "reject"
    if code < FIRST_FLAG:
        return "quarantine"
    return "accept" if code == OK else "accept_with_flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Hold delivered bars in the vendor's order as arrays of equal length.

    `series` tells instruments apart. `session` is datetime64[D], NaT where it could not be read; `vwap` is NaN where
    none is given, infinite where it could not be read. The masks say what only the caller can know; `move_limit`,
    `range_limit` and `tick_share` (a tick as a share of the price) belong to the row's asset class, `whole_volume` asks
    for whole shares, `volume_tells` says that volume 0 means no trade and `move_needs_volume` that a price which moves
    without a trade is doubtful.
    """

    series: NDArray[np.int64]
    session: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    vwap: Floats | None
    has_ohlc: bool
    has_volume: bool
    bad_volume: Mask
    other_basis: Mask
    wrong_currency: Mask
    wrong_symbol: Mask
    unfinished: Mask
    no_session: Mask
    before_listing: Mask
    move_limit: Floats
    range_limit: Floats
    tick_share: Floats
    whole_volume: Mask
    volume_tells: Mask
    move_needs_volume: Mask

    def __len__(self) -> int:
        return len(self.session)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Hold the stored bars of the same source and basis, sorted by series and session."""

    series: NDArray[np.int64]
    session: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.session)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedMoves:
    """Name the days on which a price is expected to jump: close after over close before, per series and session."""

    series: NDArray[np.int64]
    session: NDArray[np.datetime64]
    ratio: Floats


def mark(reason: NDArray[np.int16], rows: Mask, name: str) -> None:
    """Give the rows a reason where it is worse than the one they have."""
    code = CODE[name]
    reason[rows & (reason > code)] = code


def bar_key(series: NDArray[np.int64], session: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return one sortable number per series and session."""
    days = session.astype("datetime64[D]").astype(np.int64)
    return series.astype(np.int64) * 1_000_000 + np.clip(days, -400_000, 400_000)
