"""Look up instruments by id, symbol, old symbol or alias."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.adapters.store.data_store import read_records
from core.adapters.store.database import Database
from core.domain.market_records import AssetClass, Instrument
from core.errors import UnknownName

_BY_SYMBOL = """
SELECT instrument_id FROM market_data.instruments WHERE upper(symbol) = upper(%(name)s)
"""
# Words may name several instruments ("google": two share classes): those with prices first, then the lowest id.
_BY_OTHER_NAME = """
SELECT instrument_id FROM (
    SELECT instrument_id, 0 AS place FROM market_data.symbol_history WHERE upper(symbol) = upper(%(name)s)
    UNION ALL
    SELECT instrument_id, 1 FROM market_data.instruments
    WHERE EXISTS (SELECT FROM unnest(aliases) AS alias WHERE lower(alias) = lower(%(name)s))
    UNION ALL
    SELECT instrument_id, 2 FROM market_data.instruments WHERE lower(name) = lower(%(name)s)
) AS found
ORDER BY NOT EXISTS (SELECT FROM market_data.series_years y WHERE y.instrument_id = found.instrument_id),
         place, instrument_id
LIMIT 1
"""
# Memberships without dates stand with the instrument.
_MEMBERS_ON = """
SELECT instrument_id, array_agg(group_name ORDER BY group_name)
FROM market_data.group_memberships,
     (SELECT coalesce(%(on)s::date, (market_data.as_of() AT TIME ZONE 'UTC')::date) AS day) AS asked
WHERE valid_from <= day AND (valid_to IS NULL OR valid_to >= day) GROUP BY 1
"""
_OFFERED = 3
_LEAST_SCORE = 70.0


class PostgresInstruments:
    """Look up instruments in the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str) -> Instrument:
        """Return the instrument of a symbol, an old symbol or an alias (any case); raise UnknownName."""
        wanted = " ".join(name.split())
        with self._database.transaction() as connection:
            for statement in (_BY_SYMBOL, _BY_OTHER_NAME):
                row = connection.execute(statement.encode(), {"name": wanted}).fetchone()
                if row is not None:
                    return self.get(row[0])
        raise UnknownName("symbol", name, self.closest(wanted), hint="`quantdesk coverage` lists what is stored.")

    def get(self, instrument_id: int) -> Instrument:
        """Return the instrument of an id; raise UnknownName."""
        found = self._read("WHERE instrument_id = %(id)s", {"id": instrument_id})
        if not found:
            raise UnknownName("instrument", str(instrument_id))
        return found[0]

    def list(
        self, *, group: str | None = None, asset_class: str | None = None, on: date | None = None
    ) -> Sequence[Instrument]:
        """Return the instruments of a group and asset class, ordered by symbol, with their groups on a day.

        `on` None means the desk's day.
        """
        found = self._read(
            "WHERE %(asset_class)s::text IS NULL OR asset_class = %(asset_class)s", {"asset_class": asset_class}, on
        )
        return tuple(one for one in found if group is None or group in one.groups)

    def add(self, symbol: str, name: str, asset_class: AssetClass, *, source: str) -> Instrument:
        """Store an instrument that the universe does not list, under the next free id from 100001 on."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO market_data.instruments"
                " (instrument_id, symbol, name, asset_class, calendar, currency, groups, source, known_at)"
                " SELECT greatest(max(instrument_id), 100000) + 1, %s, %s, %s, %s, 'USD', %s, %s, '1900-01-01'"
                " FROM market_data.instruments",
                (symbol, name, asset_class, _calendar(asset_class), [_group(asset_class)], source),
            )
        return self.find(symbol)

    def closest(self, name: str) -> tuple[str, ...]:
        """Return the symbols whose symbol, alias or name is closest to a name."""
        from rapidfuzz import fuzz, process, utils

        names: dict[str, str] = {}
        for instrument in self.list():
            for text in (instrument.symbol, instrument.name, *instrument.aliases):
                names.setdefault(text, instrument.symbol)
        found = process.extract(
            name, list(names), scorer=fuzz.ratio, processor=utils.default_process, limit=12, score_cutoff=_LEAST_SCORE
        )
        return tuple(dict.fromkeys(names[text] for text, _, _ in found))[:_OFFERED]

    def _read(self, where: str, parameters: dict[str, object], on: date | None = None) -> tuple[Instrument, ...]:
        with self._database.transaction() as connection:
            found = list(read_records(connection, Instrument, order="symbol", where=where, parameters=parameters))
            dated = dict(connection.execute(_MEMBERS_ON, {"on": on}).fetchall())
        return tuple(
            one.model_copy(update={"groups": tuple(dict.fromkeys((*one.groups, *dated[one.instrument_id])))})
            if one.instrument_id in dated
            else one
            for one in found
        )


def _calendar(asset_class: AssetClass) -> str:
    return {"crypto": "24x7", "fx": "24x5"}.get(asset_class, "XNYS")


def _group(asset_class: AssetClass) -> str:
    return {"equity": "stock"}.get(asset_class, asset_class)
