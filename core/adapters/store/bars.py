"""Read daily bars as of a time into arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.adapters.store.arrays import numpy_cursor
from core.adapters.store.database import Connection, Database
from core.adapters.store.panel_files import PanelFiles
from core.data.adjustment import Actions, cash_factors, split_divisors
from core.data.canonical import Series, choose_series
from core.domain.as_of import AsOf
from core.domain.market_path import FloatArray, PriceBasis
from core.domain.panel import Panel, SeriesSource
from core.errors import InvalidInput, NoData
from core.ports.market_data import Adjust, Needs, Purpose

_PRICES = ("open", "high", "low", "close")
_FIRST_DAY = date(1, 1, 1)

_SERIES = """
SELECT instrument_id, source, price_basis, has_ohlc, first_session, last_session, sessions, has_volume
FROM market_data.canonical_series WHERE purpose = %(purpose)s AND instrument_id = ANY (%(ids)s)
ORDER BY instrument_id, rank
"""
# One row of arrays for each instrument; they travel in binary, one row at a time, so that no side holds a panel twice.
# A correction replaces what it corrected from its known time on; before that the history answers.
_PANEL = """
SELECT instrument_id, array_agg(session - '1970-01-01'::date), array_agg(coalesce(open, 'NaN')),
       array_agg(coalesce(high, 'NaN')), array_agg(coalesce(low, 'NaN')), array_agg(close),
       array_agg(coalesce(volume, 'NaN'))
FROM (
    SELECT instrument_id, session, open, high, low, close, volume FROM market_data.bars_daily
    WHERE known_at <= {known} AND recorded_at <= {recorded} AND session BETWEEN {start} AND {end} AND ({chosen})
    UNION ALL
    SELECT instrument_id, session, open, high, low, close, volume FROM market_data.bars_daily_history
    WHERE known_at <= {known} AND recorded_at <= {recorded} AND session BETWEEN {start} AND {end} AND ({chosen})
      AND (superseded_known_at > {known} OR superseded_recorded_at > {recorded})
) AS bars
GROUP BY instrument_id
"""
_LAST = """
SELECT max(last_session) FROM market_data.canonical_series WHERE purpose = 'price' AND instrument_id = ANY (%s)
"""
# An action that is known but not in effect yet changes no price.
_ACTIONS = """
SELECT instrument_id, action, ex_date, source, ratio, amount, amount_basis FROM market_data.corporate_actions_known
WHERE instrument_id = ANY (%s) AND ex_date <= %s ORDER BY instrument_id, ex_date, known_at, source
"""
_BASES: dict[Adjust, tuple[PriceBasis, ...]] = {
    "none": ("raw",),
    "splits": ("raw", "split_adjusted"),
    "total_return": ("raw", "split_adjusted", "total_return"),
}
_PURPOSES: dict[Adjust, Purpose] = {"none": "price", "splits": "price", "total_return": "return"}
# What can have paid dividends: for these, no stored action at all means that the actions are missing.
_PAYING = ("equity", "etf")


class PostgresBars:
    """Read daily bars from the store; with `files`, panels that were read before come from there."""

    def __init__(self, database: Database, files: PanelFiles | None = None) -> None:
        self._database = database
        self._files = files

    def panel(
        self,
        instrument_ids: Sequence[int],
        *,
        purpose: Purpose,
        as_of: AsOf,
        start: date | None = None,
        end: date | None = None,
        needs: Needs = "close",
    ) -> Panel:
        """Return the bars of the window (both ends included), columns in the order asked.

        A question that `needs` open, high and low (`ohlc`) or `volume` is answered by a source that has them when any
        reaches into the window. Raw prices are divided by the splits known as of the time, and are then named
        split_adjusted, so that no split looks like a move. Raises NoData naming the instruments without any bar in the
        window and what is stored of them, InvalidInput for an empty list, an instrument given twice, or a window that
        ends before it starts.
        """
        return self._read(instrument_ids, purpose, None, as_of=as_of, start=start, end=end, needs=needs)

    def bars(
        self,
        instrument_ids: Sequence[int],
        *,
        as_of: AsOf,
        adjust: Adjust,
        start: date | None = None,
        end: date | None = None,
        needs: Needs = "close",
    ) -> Panel:
        """Return bars on one stated basis, made of what was known as of the time; columns in the order asked.

        `none` gives prices as traded, `splits` divides them by the known splits in effect, `total_return` takes a
        total-return series or puts the known dividends in. A source's own adjusted series is never turned back, because
        it may hold later splits. Raises NoData as `panel` does, and where a basis cannot be made: no series as traded
        (`none`), or no actions stored of a stock or fund (`total_return`).
        """
        return self._read(instrument_ids, _PURPOSES[adjust], adjust, as_of=as_of, start=start, end=end, needs=needs)

    def last_session(self, instrument_ids: Sequence[int], *, as_of: AsOf) -> date | None:
        """Return the newest session of any of the instruments that was known then."""
        with self._database.transaction(as_of) as connection:
            row = connection.execute(_LAST.encode(), (list(instrument_ids),)).fetchone()
        assert row is not None
        found: date | None = row[0]
        return found

    def _read(
        self,
        instrument_ids: Sequence[int],
        purpose: Purpose,
        adjust: Adjust | None,
        *,
        as_of: AsOf,
        start: date | None,
        end: date | None,
        needs: Needs,
    ) -> Panel:
        if not instrument_ids:
            raise InvalidInput("No instrument was given.", hint="Name at least one symbol.")
        if len(set(instrument_ids)) < len(instrument_ids):
            raise InvalidInput("An instrument was given twice.", hint="Name each symbol once.")
        first = start or _FIRST_DAY
        last = min(end or date.max, as_of.known.astimezone(UTC).date())
        if end is not None and first > end:
            raise InvalidInput(f"The window {first}..{end} ends before it starts.", hint="Swap the two dates.")
        question = (tuple(map(int, instrument_ids)), purpose, adjust, as_of, first, last, needs)
        with self._database.transaction(as_of) as connection:
            # Read before the bars: what is kept is never older than the version it is kept under.
            place = self._files.place(connection, question) if self._files else None
            kept = self._files.load(place) if self._files and place else None
            if kept is not None:
                return kept
            named = _named(connection, instrument_ids)
            ranked = _ranked_series(connection, instrument_ids, purpose)
            chosen: list[Series] = []
            missing: list[int] = []
            for number in instrument_ids:
                fitting = [entry for entry in ranked[number] if adjust is None or entry.price_basis in _BASES[adjust]]
                series = choose_series(fitting, purpose, first, last, needs=needs)
                missing.append(number) if series is None else chosen.append(series)
            if missing:
                raise NoData(_explain(missing, named, ranked, first, last, adjust))
            statement, parameters = _panel_statement(chosen, as_of, first, last)
            stream = numpy_cursor(connection).stream(statement.encode(), parameters, binary=True)
            rows = {number: arrays for number, *arrays in stream}
            actions = _known_actions(connection, chosen, as_of)
        absent = [number for number in instrument_ids if number not in rows]
        if absent:
            raise NoData(_explain(absent, named, ranked, first, last, adjust))
        panel = _build(chosen, named, rows, actions, adjust, as_of=as_of, sql=statement)
        if self._files and place:
            self._files.keep(place, panel)
        return panel


def _named(connection: Connection, instrument_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return symbol and asset class by instrument."""
    rows = connection.execute(
        "SELECT instrument_id, symbol, asset_class FROM market_data.instruments WHERE instrument_id = ANY (%s)",
        (list(instrument_ids),),
    )
    return {number: (symbol, asset_class) for number, symbol, asset_class in rows}


def _ranked_series(
    connection: Connection, instrument_ids: Sequence[int], purpose: Purpose
) -> defaultdict[int, list[Series]]:
    ranked: defaultdict[int, list[Series]] = defaultdict(list)
    for row in connection.execute(_SERIES.encode(), {"purpose": purpose, "ids": list(instrument_ids)}):
        ranked[row[0]].append(
            Series(
                instrument_id=row[0],
                source=row[1],
                price_basis=row[2],
                has_ohlc=row[3],
                first_session=row[4],
                last_session=row[5],
                sessions=row[6],
                has_volume=row[7],
            )
        )
    return ranked


def _panel_statement(chosen: Sequence[Series], as_of: AsOf, start: date, end: date) -> tuple[str, dict[str, Any]]:
    groups: dict[tuple[str, PriceBasis], list[int]] = defaultdict(list)
    for series in chosen:
        groups[series.source, series.price_basis].append(series.instrument_id)
    conditions = []
    parameters: dict[str, Any] = {"start": start, "end": end, "known": as_of.known, "recorded": as_of.recorded}
    for number, ((source, basis), ids) in enumerate(groups.items()):
        conditions.append(
            f"source = %(source_{number})s AND price_basis = '{basis}' AND instrument_id = ANY (%(ids_{number})s)"
        )
        parameters[f"source_{number}"] = source
        parameters[f"ids_{number}"] = ids
    statement = _PANEL.format(
        known="%(known)s",
        recorded="coalesce(%(recorded)s, 'infinity'::timestamptz)",
        start="%(start)s",
        end="%(end)s",
        chosen=" OR ".join(f"({condition})" for condition in conditions),
    )
    return statement, parameters


def _known_actions(connection: Connection, chosen: Sequence[Series], as_of: AsOf) -> dict[int, Actions]:
    """Return the actions in effect: splits by ex-date (the one known first), cash of the source that names most."""
    wanted = [series.instrument_id for series in chosen if series.price_basis != "total_return"]
    splits: dict[int, dict[date, float]] = defaultdict(dict)
    cash: dict[int, dict[tuple[str, str], list[tuple[date, float]]]] = defaultdict(lambda: defaultdict(list))
    if wanted:
        rows = connection.execute(_ACTIONS.encode(), (wanted, as_of.known.astimezone(UTC).date()))
        for number, action, ex_date, source, ratio, amount, basis in rows:
            if action == "split":
                splits[number].setdefault(ex_date, ratio)
            elif amount is not None:
                cash[number][source, basis or "raw"].append((ex_date, amount))
    found = {}
    for number in splits.keys() | cash.keys():
        (_, basis), amounts = (
            max(cash[number].items(), key=lambda item: (len(item[1]), item[0]))
            if cash[number]
            else (
                ("", "raw"),
                [],
            )
        )
        found[number] = Actions(splits=sorted(splits[number].items()), cash=amounts, amount_basis=basis)
    return found


def _build(
    chosen: Sequence[Series],
    named: dict[int, tuple[str, str]],
    rows: dict[int, list[NDArray[Any]]],
    actions: dict[int, Actions],
    adjust: Adjust | None,
    *,
    as_of: AsOf,
    sql: str,
) -> Panel:
    sessions = np.unique(np.concatenate([days for days, *_ in rows.values()]))
    dates = sessions.astype("datetime64[D]")
    grids: dict[str, FloatArray] = {
        name: np.full((len(sessions), len(chosen)), np.nan) for name in (*_PRICES, "volume")
    }
    for place, series in enumerate(chosen):
        days, *values = rows.pop(series.instrument_id)
        times = np.searchsorted(sessions, days)
        for grid, column in zip(grids.values(), values, strict=True):
            grid[times, place] = column
    bases = [
        _convert(grids, place, dates, series, named, actions.get(series.instrument_id, Actions()), adjust)
        for place, series in enumerate(chosen)
    ]
    complete = all(series.has_ohlc for series in chosen)
    has_volume = bool(np.isfinite(grids["volume"]).any(axis=0).all()) if len(sessions) else False
    return Panel(
        sessions=dates,
        symbols=tuple(named[series.instrument_id][0] for series in chosen),
        series=tuple(
            SeriesSource(
                instrument_id=series.instrument_id,
                symbol=named[series.instrument_id][0],
                source=series.source,
                price_basis=basis,
            )
            for series, basis in zip(chosen, bases, strict=True)
        ),
        close=grids["close"],
        open=grids["open"] if complete else None,
        high=grids["high"] if complete else None,
        low=grids["low"] if complete else None,
        volume=grids["volume"] if complete and has_volume else None,
        as_of=as_of,
        sql=sql,
    )


def _convert(
    grids: dict[str, FloatArray],
    place: int,
    dates: NDArray[np.datetime64],
    series: Series,
    named: dict[int, tuple[str, str]],
    actions: Actions,
    adjust: Adjust | None,
) -> PriceBasis:
    """Bring one column to the basis asked for and return the basis it is on."""
    basis = series.price_basis
    if adjust == "none" or basis == "total_return":
        return basis
    divisor: FloatArray = np.ones(len(dates))
    factor: FloatArray = np.ones(len(dates))
    if basis == "raw":
        divisor = split_divisors(dates, actions.splits)
    if adjust == "total_return":
        symbol, asset_class = named[series.instrument_id]
        if asset_class in _PAYING and not actions:
            raise NoData(
                f"No corporate action of {symbol} was known, so its dividends cannot be put into the {basis} prices.",
                hint="Import them with `quantdesk import actions FILE`, or ask for adjust=splits.",
            )
        if actions.cash and actions.amount_basis != basis:
            raise NoData(
                f"The dividends of {symbol} are per {actions.amount_basis} share, its prices from {series.source} are"
                f" {basis}: the two do not mix.",
                hint="Import prices and dividends on one basis.",
            )
        factor = cash_factors(dates, grids["close"][:, place], actions.cash)
    if (divisor != 1.0).any() or (factor != 1.0).any():
        for name in _PRICES:
            grids[name][:, place] *= factor / divisor
        grids["volume"][:, place] *= divisor
    if adjust == "total_return":
        return "total_return"
    return "split_adjusted" if adjust == "splits" or (divisor != 1.0).any() else basis


def _explain(
    missing: Sequence[int],
    named: dict[int, tuple[str, str]],
    ranked: dict[int, list[Series]],
    start: date,
    end: date,
    adjust: Adjust | None,
) -> str:
    parts = []
    for number in missing:
        stored = ranked.get(number, [])
        name = named[number][0] if number in named else f"instrument {number}"
        if stored:
            first = min(series.first_session for series in stored)
            last = max(series.last_session for series in stored)
            bases = " and ".join(sorted({series.price_basis for series in stored}))
            fits = adjust is None or any(series.price_basis in _BASES[adjust] for series in stored)
            parts.append(f"{name} (stored: {'' if fits else f'only {bases}, '}{first} to {last})")
        else:
            parts.append(f"{name} (no prices stored)")
    window = f"up to {end}" if start == _FIRST_DAY else f"from {start} to {end}"
    what = {"none": "prices as traded", "splits": "prices before dividends"}.get(adjust or "", "prices")
    return f"No {what} {window} for {', '.join(parts)}."
