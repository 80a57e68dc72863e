"""Read macro series as of a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.adapters.store.data_store import read_records
from core.adapters.store.database import Database
from core.domain.as_of import AsOf
from core.domain.market_records import MacroSeries
from core.errors import NoData, UnknownName
from core.ports.market_data import Observation

_FIND = """
SELECT s.series_id FROM market_data.macro_series s
WHERE lower(series_id) = lower(%(name)s) OR lower(name) = lower(%(name)s)
   OR EXISTS (SELECT FROM unnest(aliases) AS alias WHERE lower(alias) = lower(%(name)s))
ORDER BY NOT EXISTS (SELECT FROM market_data.macro_observations o WHERE o.series_id = s.series_id),
         lower(series_id) <> lower(%(name)s), series_id LIMIT 1
"""
# Among vintages of one period the one known last counts; equal times are decided by vintage, then by source.
_OBSERVATIONS = """
SELECT DISTINCT ON (period) period, value, vintage FROM market_data.macro_observations_known
WHERE series_id = %s AND period BETWEEN coalesce(%s, '-infinity'::date) AND coalesce(%s, 'infinity'::date)
ORDER BY period, known_at DESC, vintage DESC, source
"""
_LEAST_SCORE = 60.0


class PostgresMacro:
    """Read macro series from the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str) -> MacroSeries:
        """Return the series of an id or alias (any case); raise UnknownName with the closest."""
        wanted = " ".join(name.split())
        with self._database.transaction() as connection:
            row = connection.execute(_FIND.encode(), {"name": wanted}).fetchone()
            every = list(read_records(connection, MacroSeries, order="series_id"))
        if row is None:
            raise UnknownName("macro series", name, _closest(wanted, every))
        return next(series for series in every if series.series_id == row[0])

    def observations(
        self, series_id: str, *, as_of: AsOf, start: date | None = None, end: date | None = None
    ) -> Sequence[Observation]:
        """Return the newest vintage of each period known then, ascending; raise NoData."""
        parameters = (series_id, start, end)
        with self._database.transaction(as_of) as connection:
            rows = connection.execute(_OBSERVATIONS.encode(), parameters).fetchall()
        if not rows:
            window = f" from {start or 'the beginning'} to {end or 'now'}" if start or end else ""
            raise NoData(
                f"No value of {series_id}{window} was known on {as_of.known:%Y-%m-%d}.",
                hint="`quantdesk coverage` shows what is stored.",
            )
        return tuple(Observation(period=period, value=value, vintage=vintage) for period, value, vintage in rows)


def _closest(name: str, every: Sequence[MacroSeries]) -> list[str]:
    from rapidfuzz import fuzz, process, utils

    names: dict[str, str] = {}
    for series in every:
        for text in (series.series_id, series.name, *series.aliases):
            names.setdefault(text, series.series_id)
    found = process.extract(
        name, list(names), scorer=fuzz.ratio, processor=utils.default_process, limit=8, score_cutoff=_LEAST_SCORE
    )
    return list(dict.fromkeys(names[text] for text, _, _ in found))[:3]
