"""Bring delivered bars before the quality rules, adding what those cannot see: calendar, listing, splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from core.data.calendar import are_sessions, closes_of
from core.data.quality import REASONS, ExpectedMoves, History, Incoming, Judgement, Verdict, judge, verdict_of
from core.data.symbols import SymbolResolver
from core.domain.market_records import AssetClass, Calendar
from core.ports.data_store import BarArrays, Split
from core.ports.vendor import BarColumns

_SHARES: frozenset[AssetClass] = frozenset({"equity", "etf"})
_CALENDARS: tuple[Calendar, ...] = ("XNYS", "24x7", "24x5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Say of each delivered bar whether it is new, a correction, stored already, or held back and why."""

    judgement: Judgement
    new: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    same: NDArray[np.bool_]
    flag: NDArray[np.int16]

    def held(self) -> list[tuple[str, Verdict, NDArray[np.intp]]]:
        """Return the reasons for which bars were held back, each with its rows."""
        found: list[tuple[str, Verdict, NDArray[np.intp]]] = []
        for code in np.unique(self.judgement.reason[~self.judgement.admitted]):
            name = REASONS[code]
            found.append((name, verdict_of(name), np.flatnonzero(self.judgement.reason == code)))
        return found


# Index 0 is "no flag"; `ok` and `duplicate_identical` are not worth one.
FLAGS = ("", *REASONS)


def admit(
    columns: BarColumns,
    ids: NDArray[np.int32],
    stored: BarArrays,
    resolver: SymbolResolver,
    splits: Sequence[Split],
    *,
    now: datetime,
    history_import: bool,
) -> Admission:
    """Judge delivered bars of known instruments (`ids` by row) against what is stored of the same source and basis."""
    bars = incoming_bars(columns, ids, resolver, now=now)
    history = History(
        series=stored.instrument_id.astype(np.int64),
        session=stored.session,
        open=stored.open,
        high=stored.high,
        low=stored.low,
        close=stored.close,
        volume=stored.volume,
    )
    moves = expected_moves(splits if columns.price_basis == "raw" else ())
    judgement = judge(bars, history, moves, history_import=history_import)
    exists = judgement.stored_row >= 0
    same = judgement.repeated
    new = judgement.admitted & ~exists & ~same
    flagged = judgement.admitted & (judgement.reason < len(REASONS) - 1) & ~same
    return Admission(
        judgement=judgement,
        new=new,
        changed=judgement.admitted & exists & ~same,
        same=same,
        flag=np.where(flagged, judgement.reason + 1, 0).astype(np.int16),
    )


def incoming_bars(columns: BarColumns, ids: NDArray[np.int32], resolver: SymbolResolver, *, now: datetime) -> Incoming:
    """Return the bars with everything the rules need to know of their instruments and calendars."""
    count = len(columns)
    nothing = np.zeros(count, dtype=bool)
    classes, calendars = resolver.asset_classes(ids), resolver.calendars(ids)
    unfinished, no_session = nothing.copy(), nothing.copy()
    deadline = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us")
    dated = ~np.isnat(columns.session)
    for calendar in _CALENDARS:
        rows = (calendars == calendar) & dated
        if rows.any():
            unfinished[rows] = closes_of(calendar, columns.session[rows]) > deadline
            no_session[rows] = ~are_sessions(calendar, columns.session[rows])
    crypto = classes == "crypto"
    shares = np.isin(classes, sorted(_SHARES)) if columns.has_volume else nothing
    move_limit = np.where(crypto, 0.45, np.where(classes == "index", 1.2, 0.25))
    return Incoming(
        series=ids.astype(np.int64),
        session=columns.session,
        open=columns.open,
        high=columns.high,
        low=columns.low,
        close=columns.close,
        volume=columns.volume,
        vwap=None,
        has_ohlc=columns.has_ohlc,
        has_volume=columns.has_volume,
        bad_volume=nothing if columns.bad_volume is None else columns.bad_volume,
        other_basis=nothing,
        wrong_currency=_wrong_currency(columns, ids, resolver),
        wrong_symbol=nothing,
        unfinished=unfinished,
        no_session=no_session,
        before_listing=dated & (columns.session < resolver.listed(ids)),
        move_limit=move_limit,
        range_limit=np.where(crypto, 0.60, np.where(classes == "index", 1.0, 0.40)),
        tick_share=np.where(classes == "fx", 5e-3, 1e-4),
        # Shares are whole, but an adjusted volume is a quotient.
        whole_volume=shares if columns.price_basis == "raw" else nothing,
        volume_tells=(shares | crypto) if columns.has_volume else nothing,
        move_needs_volume=shares,
    )


def expected_moves(splits: Sequence[Split]) -> ExpectedMoves:
    """Return the jumps that splits cause in raw prices."""
    return ExpectedMoves(
        series=np.array([split.instrument_id for split in splits], dtype=np.int64),
        session=np.array([split.ex_date for split in splits], dtype="datetime64[D]"),
        ratio=np.array([1 / split.ratio for split in splits], dtype=np.float64),
    )


def _wrong_currency(columns: BarColumns, ids: NDArray[np.int32], resolver: SymbolResolver) -> NDArray[np.bool_]:
    if columns.currency is None:
        return np.zeros(len(columns), dtype=bool)
    unique, inverse = np.unique(ids, return_inverse=True)
    own = np.array([resolver.instruments[int(number)].currency for number in unique])[inverse]
    wrong: NDArray[np.bool_] = (columns.currency != "") & (columns.currency != own)
    return wrong
