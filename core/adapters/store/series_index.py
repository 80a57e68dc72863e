"""Keep what is derived from the stored bars: the years of each series, the coverage ledger, planner statistics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.adapters.store.database import Connection
from core.data.calendar import Days, sessions_between
from core.domain.as_of import AsOf
from core.domain.market_path import PriceBasis
from core.domain.market_records import Calendar
from core.ports.data_store import BarArrays

YEAR_BITS = 366
_ADD_YEARS = """
INSERT INTO market_data.series_years AS y
    (instrument_id, source, price_basis, year, days, first_session, last_session, has_ohlc, has_volume, known_at)
SELECT a.instrument_id, %(source)s, %(basis)s, a.year, a.days::bit(366), a.first, a.last, a.has_ohlc, a.has_volume,
       a.known_at
FROM unnest(%(ids)s::int[], %(years)s::int[], %(days)s::text[], %(first)s::date[], %(last)s::date[],
            %(has_ohlc)s::bool[], %(has_volume)s::bool[], %(known)s::timestamptz[])
    AS a (instrument_id, year, days, first, last, has_ohlc, has_volume, known_at)
ON CONFLICT (instrument_id, source, price_basis, year) DO UPDATE SET
    days = y.days | excluded.days,
    first_session = least(y.first_session, excluded.first_session),
    last_session = greatest(y.last_session, excluded.last_session),
    has_ohlc = y.has_ohlc OR excluded.has_ohlc,
    has_volume = CASE WHEN excluded.last_session >= y.last_session THEN excluded.has_volume ELSE y.has_volume END,
    known_at = greatest(y.known_at, excluded.known_at),
    recorded_at = clock_timestamp()
"""
_YEARS = """
SELECT y.instrument_id, i.calendar, y.source, y.price_basis, y.year, bit_count(y.days), y.first_session, y.last_session
FROM market_data.series_years y JOIN market_data.instruments i USING (instrument_id)
WHERE %(ids)s::int[] IS NULL OR y.instrument_id = ANY (%(ids)s)
ORDER BY 1, 3, 4, 5
"""
# The bits of a year say what a reader sees from the row's times on; before them the bars are read.
_DAYS = """
SELECT instrument_id, source, price_basis, year, days::text,
       known_at <= %(known)s AND recorded_at <= coalesce(%(recorded)s, 'infinity'::timestamptz)
FROM market_data.series_years WHERE instrument_id = ANY (%(ids)s)
"""
_SESSIONS = """
SELECT instrument_id, source, price_basis, session FROM market_data.bars_daily
WHERE instrument_id = ANY (%(ids)s) AND session >= %(since)s AND extract(year FROM session)::int = ANY (%(years)s)
  AND known_at <= %(known)s AND recorded_at <= coalesce(%(recorded)s, 'infinity'::timestamptz)
"""
_Key = tuple[int, Calendar, str, PriceBasis]
_Year = tuple[int, int, date, date]


def read_days(
    connection: Connection, instrument_ids: Sequence[int], as_of: AsOf
) -> Mapping[tuple[int, str, PriceBasis], Days]:
    """Return the sessions stored of every series of the instruments as known at a time, in no order.

    Whole years come as bits of the index; only years that were not wholly known then are read bar by bar.
    """
    told = {"ids": list(instrument_ids), "known": as_of.known, "recorded": as_of.recorded}
    found: dict[tuple[int, str, PriceBasis], list[Days]] = defaultdict(list)
    open_years: set[tuple[int, str, PriceBasis, int]] = set()
    for number, source, basis, year, bits, is_known in connection.execute(_DAYS, told):
        if is_known:
            places = np.flatnonzero(np.frombuffer(bits.encode(), dtype=np.uint8) == ord("1"))
            found[number, source, basis].append(np.datetime64(f"{year:04d}-01-01", "D") + places)
        else:
            open_years.add((number, source, basis, year))
    if open_years:
        years = sorted({year for *_, year in open_years})
        late: dict[tuple[int, str, PriceBasis], list[date]] = defaultdict(list)
        for number, source, basis, session in connection.execute(
            _SESSIONS, {**told, "since": date(years[0], 1, 1), "years": years}
        ):
            if (number, source, basis, session.year) in open_years:
                late[number, source, basis].append(session)
        for key, sessions in late.items():
            found[key].append(np.array(sessions, dtype="datetime64[D]"))
    nothing = np.empty(0, dtype="datetime64[D]")
    return defaultdict(lambda: nothing, {key: np.concatenate(parts) for key, parts in found.items()})


def add_years(connection: Connection, bars: BarArrays, source: str, price_basis: PriceBasis) -> None:
    """Add bars of one series, just stored or corrected, to market_data.series_years."""
    year = bars.session.astype("datetime64[Y]")
    key = bars.instrument_id.astype(np.int64) * 10_000 + year.astype(np.int64)
    day = bars.session.astype("datetime64[D]").astype(np.int64)
    order = _order(key, day)
    key, day = key[order], day[order]
    starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    last = np.concatenate((starts[1:], [len(key)])) - 1
    first_day = year.astype("datetime64[D]").astype(np.int64)[order]
    bits = np.full((len(starts), YEAR_BITS), ord("0"), dtype=np.uint8)
    bits[np.repeat(np.arange(len(starts)), last - starts + 1), day - first_day] = ord("1")
    moments = bars.known_at.astype("datetime64[us]").astype(np.int64)[order]
    connection.execute(
        _ADD_YEARS,
        {
            "source": source,
            "basis": price_basis,
            "ids": bars.instrument_id[order][starts].tolist(),
            "years": (year[order][starts].astype(np.int64) + 1970).tolist(),
            "days": [row.tobytes().decode() for row in bits],
            "first": day[starts].astype("datetime64[D]").tolist(),
            "last": day[last].astype("datetime64[D]").tolist(),
            "has_ohlc": np.logical_or.reduceat(~np.isnan(bars.open)[order], starts).tolist(),
            "has_volume": (~np.isnan(bars.volume))[order][last].tolist(),
            "known": [f"{moment}Z" for moment in np.maximum.reduceat(moments, starts).astype("datetime64[us]")],
        },
    )


def _order(key: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.intp] | slice:
    # Deliveries are mostly sorted already; sorting a million rows again costs more than storing their index.
    step = key[1:] - key[:-1]
    if ((step > 0) | ((step == 0) & (day[1:] > day[:-1]))).all():
        return slice(None)
    return np.lexsort((day, key))


def index_series(connection: Connection, instrument_ids: Sequence[int] | None) -> None:
    """Bring ops.coverage up to date for the instruments.

    None means everything: the years of each series are then counted again from the bars, and the planner's statistics
    are taken anew.
    """
    ids = None if instrument_ids is None else list(instrument_ids)
    if ids is None:
        connection.execute("SELECT market_data.index_series_years(NULL)")
    years: dict[_Key, list[_Year]] = defaultdict(list)
    for row in connection.execute(_YEARS, {"ids": ids}):
        years[row[0], row[1], row[2], row[3]].append(row[4:])
    connection.execute(
        "DELETE FROM ops.coverage WHERE %(ids)s::int[] IS NULL OR instrument_id = ANY (%(ids)s)", {"ids": ids}
    )
    _write_coverage(connection, years)
    connection.execute("ANALYZE market_data.bars_daily")
    connection.execute("ANALYZE market_data.series_years")


def _write_coverage(connection: Connection, years: dict[_Key, list[_Year]]) -> None:
    calendars: dict[Calendar, Days] = {}
    columns = "instrument_id, source, price_basis, year, expected, stored, first_session, last_session"
    with connection.cursor().copy(f"COPY ops.coverage ({columns}) FROM STDIN".encode()) as copy:
        for (instrument_id, calendar, source, basis), found in years.items():
            if calendar not in calendars:
                calendars[calendar] = sessions_between(calendar, date(1962, 1, 1), date(2040, 12, 31))
            first, last = found[0][2], found[-1][3]
            by_year: dict[int, tuple[Any, ...]] = {entry[0]: entry for entry in found}
            for year in range(first.year, last.year + 1):
                start, end = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
                expected = _count(calendars[calendar], start, end)
                _, stored, low, high = by_year.get(year, (year, 0, None, None))
                copy.write_row((instrument_id, source, basis, year, expected, stored, low, high))


def _count(sessions: Days, start: date, end: date) -> int:
    first = np.searchsorted(sessions, np.datetime64(start, "D"))
    return int(np.searchsorted(sessions, np.datetime64(end, "D"), side="right") - first)
