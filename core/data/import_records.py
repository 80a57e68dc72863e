"""Read files of corporate actions, macro series and instruments in the desk's layouts.

| layout | columns |
|---|---|
| splits | symbol, ex_date, ratio (new shares per old) [, source] |
| dividends | symbol, ex_date, amount [, currency, basis, source] |
| factor files | symbol, date, price_factor, split_factor, reference_price |
| symbol changes | map_file, date, ticker |
| macro | series_id, date, value [, vintage, source] |
| geopolitical risk | date, GPRD and further columns of the index |
| instruments | symbol, name, asset_class [, total_assets_usd, source] |
| index members | Symbol, Security, GICS Sector |
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from core.data.calendar import shift_session
from core.data.risk_index import HIGH_RISK, risk_event
from core.data.symbols import SymbolResolver
from core.data.table_file import TableFile, as_day
from core.domain.event_records import GeopoliticalEvent
from core.domain.market_records import (
    AssetClass,
    CorporateAction,
    Frequency,
    Instrument,
    MacroObservation,
    MacroSeries,
    SymbolHistory,
)
from core.ports.data_store import HeldRow
from core.ports.vendor import RecordRows

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
_FIRST_IMPORTED_ID = 100_001
_FOREVER = date(2050, 12, 31)
_LEAN = "QuantConnect/Lean"
_GPR_SERIES = {
    "GPRD": "GPRD",
    "GPRD_ACT": "GPRD_ACT",
    "GPRD_THREAT": "GPRD_THREAT",
    "GPRD_MA7": "GPRD_MA7",
    "GPRD_MA30": "GPRD_MA30",
    "N10D": "GPRD_N10D",
}


@dataclass(slots=True, kw_only=True)
class Parsed:
    """Hold what one file gave: its rows, rows made beside them (links, further columns), rows held back."""

    records: list[RecordRows]
    held: list[HeldRow]
    beside: list[RecordRows] = field(default_factory=list)
    # Rows that the others refer to, stored before them.
    first: list[RecordRows] = field(default_factory=list)
    beside_held: list[HeldRow] = field(default_factory=list)
    # Rows of the file that gave nothing to store and are no fault: sentinels, unchanged factors.
    skipped: int = 0
    set_once: tuple[str, ...] = ()


class RowHolder:
    """Collect the rows of one file that cannot be stored."""

    def __init__(self, file: TableFile, kind: str, source: str) -> None:
        self._file = file
        self._kind = kind
        self._source = source
        self._found: list[tuple[int, str, str, date | None]] = []

    def hold(self, record: int, reason: str, symbol: str = "", about: date | None = None) -> None:
        """Hold the row of a record number back."""
        self._found.append((record, reason, symbol, about))

    def rows(self) -> list[HeldRow]:
        """Return the rows held back, as they stand in the file."""
        import numpy as np

        records = np.array([record for record, *_ in self._found], dtype=np.int64)
        if not len(records):
            return []
        lines = self._file.line_of(records)
        return [
            HeldRow(
                record_kind=self._kind,
                source=self._source,
                symbol=symbol,
                about=about,
                verdict="quarantine" if reason == "unknown_symbol" else "reject",
                reason=reason,
                detail=f"line {int(line)}",
                row=raw,
                origin=self._file.path.name,
            )
            for (_, reason, symbol, about), line, raw in zip(self._found, lines, self._file.raw(records), strict=True)
        ]


def end_of(day: date) -> datetime:
    """Return the last second of a day in UTC: when a fact without a time counts as known."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def column_or(file: TableFile, name: str, otherwise: str) -> str:
    """Return the SQL for a column that a file may not have."""
    return f"coalesce({name}::VARCHAR, '{otherwise}')" if file.has(name) else f"'{otherwise}'"


def stem(file: TableFile) -> str:
    """Return the file's name without its endings: the source of a file that names none."""
    return "".join(letter for letter in file.path.name.split(".")[0] if letter.isalnum() or letter in "_-")


# Corporate actions ----------------------------------------------------------------------------------------------


def read_splits(file: TableFile, resolver: SymbolResolver) -> Parsed:
    """Read splits; each is known from the start of its ex-date at the latest."""
    expressions = [
        "symbol",
        as_day("ex_date"),
        "try_cast(ratio AS DOUBLE)",
        column_or(file, "source", stem(file)),
    ]
    return _read_actions(file, resolver, "split", file.rows(expressions))


def read_dividends(file: TableFile, resolver: SymbolResolver) -> Parsed:
    """Read dividends; each is known from the start of its ex-date at the latest."""
    expressions = [
        "symbol",
        as_day("ex_date"),
        "try_cast(amount AS DOUBLE)",
        column_or(file, "source", stem(file)),
        column_or(file, "currency", "USD"),
        column_or(file, "basis", "split_adjusted"),
    ]
    return _read_actions(file, resolver, "dividend", file.rows(expressions))


def _read_actions(file: TableFile, resolver: SymbolResolver, action: str, found: Sequence[tuple[Any, ...]]) -> Parsed:
    holder = RowHolder(file, "corporate_action", stem(file))
    by_source: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for record, symbol, ex_date, value, source, *rest in found:
        number = resolver.current(symbol or "")
        if ex_date is None:
            holder.hold(record, "bad_date", symbol or "")
        elif value is None or not value > 0:
            holder.hold(record, "bad_value", symbol or "", ex_date)
        elif number is None:
            holder.hold(record, "unknown_symbol", symbol or "", ex_date)
        else:
            currency, basis = rest or (None, None)
            ratio, amount = (value, None) if action == "split" else (None, value)
            by_source[source].append(
                (number, action, ex_date, source, ratio, amount, currency, basis, _known_on(ex_date))
            )
    return Parsed(records=_records(CorporateAction, by_source), held=holder.rows())


def _known_on(ex_date: date) -> datetime:
    # Announced weeks before; the start of the day is the latest at which a trader could know.
    return datetime.combine(ex_date, time(), tzinfo=UTC)


def read_factors(file: TableFile, resolver: SymbolResolver) -> Parsed:
    """Read splits and dividends out of cumulative factors: a change after a day acts on the next session."""
    expressions = ["symbol", as_day("date"), *(f"try_cast({name} AS DOUBLE)" for name in _FACTORS)]
    holder = RowHolder(file, "corporate_action", _LEAN)
    by_symbol: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for record, symbol, day, *factors in file.rows(expressions):
        if day is None or any(factor is None for factor in factors):
            holder.hold(record, "bad_value", symbol or "")
        elif resolver.current(symbol) is None:
            holder.hold(record, "unknown_symbol", symbol, None if day == _FOREVER else day)
        else:
            by_symbol[symbol].append((day, *factors))
    rows: list[tuple[Any, ...]] = []
    used = 0
    for symbol, entries in by_symbol.items():
        number = resolver.current(symbol)
        for (day, price, split, reference), (_, next_price, next_split, _) in pairwise(entries):
            ex_date = shift_session(day, 1, "XNYS")
            known = _known_on(ex_date)
            before = len(rows)
            if abs(next_split / split - 1) > 1e-6:
                rows.append((number, "split", ex_date, _LEAN, next_split / split, None, None, None, known))
            if abs(next_price / price - 1) > 1e-9 and reference > 0:
                amount = (1 - price / next_price) * reference
                if amount > 0:
                    rows.append((number, "dividend", ex_date, _LEAN, None, amount, "USD", "raw", known))
            used += len(rows) > before
    read = sum(len(entries) for entries in by_symbol.values())
    records = [RecordRows(record=CorporateAction, source=_LEAN, rows=rows)]
    return Parsed(records=records, held=holder.rows(), skipped=read - used)


_FACTORS = ("price_factor", "split_factor", "reference_price")


def read_symbol_changes(file: TableFile, resolver: SymbolResolver) -> Parsed:
    """Read which ticker named a security until which day; periods that the desk knows already are kept as they are."""
    holder = RowHolder(file, "symbol_history", _LEAN)
    by_file: dict[str, list[tuple[int, date, str]]] = defaultdict(list)
    for record, name, day, ticker in file.rows(["map_file", as_day("date"), "ticker"]):
        if day is None or not ticker:
            holder.hold(record, "bad_value", name or "")
        elif resolver.current(name) is None:
            holder.hold(record, "unknown_symbol", name, None if day == _FOREVER else day)
        else:
            by_file[name].append((record, day, ticker))
    rows: list[tuple[Any, ...]] = []
    read = sum(len(entries) for entries in by_file.values())
    for name, entries in by_file.items():
        start = entries[0][1]
        for _, day, ticker in entries[1:]:
            end = None if day >= _FOREVER else day
            rows.append((resolver.current(name), ticker, start, end, _LEAN, _known_on(start)))
            start = day + timedelta(days=1)
    everything = tuple(SymbolHistory.model_fields)
    records = [RecordRows(record=SymbolHistory, source=_LEAN, rows=rows)]
    return Parsed(records=records, held=holder.rows(), skipped=read - len(rows), set_once=everything)


# Macro ----------------------------------------------------------------------------------------------------------


def read_macro(file: TableFile, catalogue: Sequence[MacroSeries]) -> Parsed:
    """Read observations with their vintages.

    A vintage says when a file was taken, not when each value was first published. The first vintage that holds a
    period counts as known by the series' release lag, at the latest at the end of the vintage; a later vintage of
    the same period is known from the end of its own month.
    """
    source = column_or(file, "source", stem(file))
    expressions = [
        "series_id",
        as_day("date"),
        "try_cast(value AS DOUBLE)",
        column_or(file, "vintage", ""),
        source,
    ]
    holder = RowHolder(file, "macro_observation", stem(file))
    good: list[tuple[str, date, float | None, str, str]] = []
    for record, series, period, value, vintage, origin in file.rows(expressions):
        if not series:
            holder.hold(record, "unknown_series")
        elif period is None:
            holder.hold(record, "bad_date", series)
        elif not _is_vintage(vintage):
            holder.hold(record, "bad_vintage", series, period)
        else:
            good.append((series, period, value, vintage, origin))
    known = {entry.series_id: entry for entry in catalogue}
    new = [_unlisted(name, good) for name in sorted({row[0] for row in good} - known.keys())]
    lags = {entry.series_id: entry.release_lag_days for entry in (*catalogue, *new)}
    return Parsed(records=_observations(good, lags), held=holder.rows(), first=_series_rows(new))


def read_risk_index(file: TableFile, catalogue: Sequence[MacroSeries]) -> Parsed:
    """Read the columns of the daily geopolitical risk index as macro series, and its days of high risk as events."""
    names = [name for name in _GPR_SERIES if file.has(name)]
    lags = {entry.series_id: entry.release_lag_days for entry in catalogue}
    holder = RowHolder(file, "macro_observation", stem(file))
    good: list[tuple[str, date, float | None, str, str]] = []
    expressions = [as_day("date"), column_or(file, "source", stem(file))]
    for record, period, origin, *values in file.rows(expressions + [f"try_cast({name} AS DOUBLE)" for name in names]):
        if period is None:
            holder.hold(record, "bad_date")
            continue
        for name, value in zip(names, values, strict=True):
            if value is not None:
                good.append((_GPR_SERIES[name], period, value, "", origin))
    main = [row for row in good if row[0] == "GPRD"]
    beside = [row for row in good if row[0] != "GPRD"]
    return Parsed(
        records=_observations(main, lags),
        held=holder.rows(),
        beside=[*_observations(beside, lags), *_days_of_high_risk(good, lags["GPRD"])],
    )


def _days_of_high_risk(good: Sequence[tuple[str, date, float | None, str, str]], lag_days: int) -> list[RecordRows]:
    of_day: dict[tuple[str, date], dict[str, float]] = defaultdict(dict)
    for series, period, value, _, source in good:
        if value is not None:
            of_day[source, period][series] = value
    by_source: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for (source, day), values in of_day.items():
        if values.get("GPRD", 0.0) >= HIGH_RISK:
            parts = {name: values.get(name) for name in ("GPRD_ACT", "GPRD_THREAT")}
            known = end_of(day + timedelta(days=lag_days))
            by_source[source].append(risk_event(day, values["GPRD"], parts, source, known))
    return _records(GeopoliticalEvent, by_source)


def _observations(good: Sequence[tuple[str, date, float | None, str, str]], lags: dict[str, int]) -> list[RecordRows]:
    first: dict[tuple[str, date], str] = {}
    for series, period, _, vintage, _ in good:
        key = (series, period)
        if key not in first or vintage < first[key]:
            first[key] = vintage
    ends = {vintage: _end_of_vintage(vintage) for vintage in {row[3] for row in good}}
    released: dict[tuple[int, date], datetime] = {}
    by_source: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for series, period, value, vintage, source in good:
        end = ends[vintage]
        if vintage == first[series, period] or end is None:
            key_date = (lags[series], period)
            if key_date not in released:
                released[key_date] = end_of(period + timedelta(days=lags[series]))
            known, method = released[key_date], "release_lag"
            if end is not None and end < known:
                known, method = end, "vintage"
        else:
            known, method = end, "vintage"
        by_source[source].append((series, period, source, vintage, value, known, method))
    return _records(MacroObservation, by_source)


def _is_vintage(vintage: str) -> bool:
    try:
        _end_of_vintage(vintage)
    except ValueError:
        return False
    return True


def _end_of_vintage(vintage: str) -> datetime | None:
    parts = vintage.split("-")
    if not parts[0].isdigit():
        return None
    year = int(parts[0])
    month = int(parts[1]) if len(parts) > 1 else 12
    day = int(parts[2]) if len(parts) > 2 else calendar.monthrange(year, month)[1]
    return end_of(date(year, month, day))


def _unlisted(name: str, good: Sequence[tuple[str, date, float | None, str, str]]) -> MacroSeries:
    periods = sorted({row[1] for row in good if row[0] == name})
    gaps = sorted((after - before).days for before, after in pairwise(periods)) or [1]
    gap = gaps[len(gaps) // 2]
    bounds: tuple[tuple[int, Frequency, int], ...] = (
        (4, "daily", 1),
        (10, "weekly", 7),
        (45, "monthly", 45),
        (120, "quarterly", 120),
    )
    frequency, lag = next(((kind, days) for limit, kind, days in bounds if gap <= limit), ("annual", 120))
    return MacroSeries(
        series_id=name,
        name=name,
        unit="unknown",
        frequency=frequency,
        release_lag_days=lag,
        source="import",
        known_at=BEGINNING,
    )


def _series_rows(new: Sequence[MacroSeries]) -> list[RecordRows]:
    if not new:
        return []
    rows = [tuple(getattr(entry, name) for name in MacroSeries.model_fields) for entry in new]
    return [RecordRows(record=MacroSeries, source="import", rows=rows)]


# Instruments ----------------------------------------------------------------------------------------------------

_ASSET_CLASSES: dict[str, AssetClass] = {
    "stock": "equity",
    "equity": "equity",
    "etf": "etf",
    "crypto": "crypto",
    "index": "index",
    "fx": "fx",
    "commodity": "commodity",
}


def read_instruments(file: TableFile, resolver: SymbolResolver) -> Parsed:
    """Read instruments: those the desk knows get a newer fund size, others are added under the next free id."""
    members = file.has("Symbol", "Security")
    if members:
        expressions = ["Symbol", "Security", "'stock'", "NULL::DOUBLE", f"'{stem(file)}'"]
    else:
        assets = "try_cast(total_assets_usd AS DOUBLE)" if file.has("total_assets_usd") else "NULL::DOUBLE"
        expressions = ["symbol", "name", "lower(asset_class)", assets, column_or(file, "source", stem(file))]
    holder = RowHolder(file, "instrument", stem(file))
    next_id = max([_FIRST_IMPORTED_ID - 1, *resolver.instruments]) + 1
    rows: list[tuple[Any, ...]] = []
    added: list[tuple[Any, ...]] = []
    for record, symbol, name, stated, assets_usd, source in file.rows(expressions):
        asset_class = _ASSET_CLASSES.get(stated or "")
        if not symbol or asset_class is None:
            holder.hold(record, "bad_value", symbol or "")
            continue
        number = resolver.current(symbol)
        if number is not None:
            known = resolver.instruments[number]
            updated = known.model_copy(update={"total_assets_usd": assets_usd or known.total_assets_usd})
            rows.append(_values(updated))
            continue
        instrument = _new_instrument(next_id, symbol, name or symbol, asset_class, assets_usd, source or stem(file))
        next_id += 1
        rows.append(_values(instrument))
        added.append((instrument.instrument_id, symbol, date(1900, 1, 1), None, instrument.source, BEGINNING))
    records = [RecordRows(record=Instrument, source="instruments", rows=rows)]
    names = [RecordRows(record=SymbolHistory, source="instruments", rows=added)] if added else []
    return Parsed(records=records, held=holder.rows(), beside=names)


def _new_instrument(
    number: int, symbol: str, name: str, asset_class: AssetClass, assets: float | None, source: str
) -> Instrument:
    group = {"equity": "stock"}.get(asset_class, asset_class)
    return Instrument(
        instrument_id=number,
        symbol=symbol,
        name=name,
        asset_class=asset_class,
        calendar="24x7" if asset_class == "crypto" else "24x5" if asset_class == "fx" else "XNYS",
        groups=(group,),
        total_assets_usd=assets,
        source=source,
        known_at=BEGINNING,
    )


def _values(instrument: Instrument) -> tuple[Any, ...]:
    return tuple(getattr(instrument, name) for name in Instrument.model_fields)


def _records(record: type[Any], by_source: dict[str, list[tuple[Any, ...]]]) -> list[RecordRows]:
    return [RecordRows(record=record, source=source, rows=rows) for source, rows in sorted(by_source.items())]
