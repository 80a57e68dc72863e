"""Deliver real bars with known faults to a desk, and count what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from core.data.bar_columns import take_columns
from core.data.gap_ledger import GapLedger
from core.data.pipeline import Pipeline
from core.ports.vendor import BarColumns
from core.testing.bar_faults import Score, inject_faults, score

_HELD = (
    "SELECT symbol, about, reason FROM ops.quarantine WHERE record_kind = 'bar' AND source = %s AND about IS NOT NULL"
)
_GAPS = (
    "SELECT i.symbol, g.session FROM ops.gaps g JOIN market_data.instruments i USING (instrument_id)"
    " WHERE g.source = %s AND g.state <> 'healed'"
)


def deliver_with_faults(
    database: Any,
    gaps: GapLedger,
    open_pipeline: Callable[..., Pipeline],
    columns: BarColumns,
    since: np.datetime64,
    *,
    count: int,
    seed: int,
) -> Score:
    """Store the bars before a day as history; deliver the rest as increments, once clean, once with faults.

    The clean delivery (under another name of the source) tells which alarms the real bars raise by themselves; those
    are no false alarms of the faults' making and are left out on both sides.
    """
    past, late = take_columns(columns, columns.session < since), take_columns(columns, columns.session >= since)
    damaged, injected = inject_faults(late, count, seed)
    begin, end = _day(since), _day(columns.session.max())
    own: set[tuple[str, date, str]] = set()
    own_missing: set[tuple[str, date]] = set()
    for name, delivery in (("clean", late), ("damaged", damaged)):
        source = f"{columns.source} {name}"
        first = open_pipeline(mode="faults", arguments={}, history_import=True)
        first.store_bars(_named(past, source))
        first.finish()
        second = open_pipeline(mode="faults", arguments={}, history_import=False)
        counts = second.store_bars(_named(delivery, source))
        second.finish()
        gaps.look({source: ((begin, end),)}, begin, end)
        with database.transaction() as connection:
            missing = {(row[0], row[1]) for row in connection.execute(_GAPS, (source,)).fetchall()}
            held = {(row[0], row[1], row[2]) for row in connection.execute(_HELD, (source,)).fetchall()}
        if name == "clean":
            own, own_missing = held, missing
        repeated = counts.read - counts.new - counts.changed - counts.quarantined - counts.rejected
    return score(injected, held - own, missing - own_missing, repeated, len(late))


def _named(columns: BarColumns, source: str) -> BarColumns:
    return replace(columns, source=source)


def _day(session: np.datetime64) -> date:
    return date.fromisoformat(str(session.astype("datetime64[D]")))
