"""Bring features and correlations up to date with the stored bars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np

from core.data.calendar import sessions_between
from core.data.derived_features import compute_features
from core.domain.derived_records import Correlation
from core.ports.derived_store import BarSeries, DerivedStore, DerivedTransaction
from core.risk.beta import pair_correlations

BENCHMARK = "SPY"
_BEGINNING = date(1900, 1, 1)
_BATCH = 20
_WINDOW = 252
_LEAST_COMMON = 126


def update_features(store: DerivedStore, code_version: str, *, rebuild: bool) -> tuple[int, int]:
    """Make the features that are out of date again; return how many instruments and rows that were."""
    with store.begin() as work:
        names = work.series_names()
        made = work.made("prices")
        stale = {
            number: _BEGINNING
            for number, series in names.items()
            if rebuild or made.get(number) != (series, code_version)
        }
        work.mark("prices", stale)
        _spread_benchmark(work, names)
    items = rows = 0
    while True:
        with store.begin() as work:
            claimed = work.claim("prices", _BATCH)
            if not claimed:
                return items, rows
            benchmark = _benchmark(work)
            written = {
                number: _update_one(work, number, since, benchmark, code_version) for number, since in claimed.items()
            }
            work.set_made("prices", {number: names[number] for number in claimed if number in names}, code_version)
            changed = [since for number, since in claimed.items() if written[number]]
            if changed:
                work.mark("correlations", {0: min(changed)})
        items += len(claimed)
        rows += sum(written.values())


def _spread_benchmark(work: DerivedTransaction, names: Mapping[int, str]) -> None:
    """Put every instrument out of date from the session on at which the benchmark is."""
    benchmark = work.benchmark_id(BENCHMARK)
    marked = work.marked("prices")
    if benchmark is not None and benchmark in marked:
        work.mark("prices", dict.fromkeys(names, marked[benchmark]))


def _benchmark(work: DerivedTransaction) -> BarSeries | None:
    number = work.benchmark_id(BENCHMARK)
    history = None if number is None else work.history(number)
    return None if history is None else history.returns


def _update_one(
    work: DerivedTransaction, number: int, since: date, benchmark: BarSeries | None, code_version: str
) -> int:
    history = work.history(number)
    if history is None:
        return work.remove_features(number)
    return work.replace_features(compute_features(history, benchmark), since, code_version)


def update_correlations(store: DerivedStore, code_version: str, *, rebuild: bool) -> tuple[int, int]:
    """Make the correlations of the quarters that are out of date again; return how many quarters and rows."""
    with store.begin() as work:
        made = work.made("correlations").get(0)
        if rebuild or made != ("features", code_version):
            work.mark("correlations", {0: _BEGINNING})
        claimed = work.claim("correlations")
        if not claimed:
            return 0, 0
        span = work.feature_span()
        if span is None:
            return 0, work.replace(Correlation, {}, [])
        first, last = span
        days = sessions_between("XNYS", first, last)
        ends = _quarter_ends(days, last)
        rows = quarters = 0
        for place in ends:
            end = days[place].item()
            if end < claimed[0] or place < _LEAST_COMMON:
                continue
            start = days[max(0, place - _WINDOW + 1)].item()
            quarters += 1
            rows += work.replace(Correlation, {"session": [end]}, _of_quarter(work, start, end, code_version))
        work.set_made("correlations", {0: "features"}, code_version)
    return quarters, rows


def _quarter_ends(days: Any, last: date) -> list[int]:
    """Return the places of the last sessions of quarters that are over by the newest session."""
    quarters = days.astype("datetime64[M]").astype(int) // 3
    ends = np.flatnonzero(np.diff(quarters)).tolist()
    following = sessions_between("XNYS", last, date(last.year + 1, 1, 15))
    if len(following) > 1 and len(days) and (following[1].astype("datetime64[M]").astype(int) // 3) != quarters[-1]:
        ends.append(len(days) - 1)
    return ends


def _of_quarter(work: DerivedTransaction, start: date, end: date, code_version: str) -> list[tuple[Any, ...]]:
    ids, matrix, known_at = work.returns(start, end)
    if len(ids) < 2:
        return []
    found, counts = pair_correlations(matrix, _LEAST_COMMON)
    rows = []
    for i, j in zip(*np.nonzero(np.isfinite(found)), strict=True):
        moment: datetime = max(known_at[i], known_at[j])
        rows.append((int(ids[i]), int(ids[j]), end, float(found[i, j]), int(counts[i, j]), code_version, moment))
    return rows
