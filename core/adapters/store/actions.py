"""Read corporate actions as of a time."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters.store.database import Database
from core.adapters.store.rows import columns_of, read_records
from core.domain.as_of import AsOf
from core.domain.market_records import CorporateAction


class PostgresActions:
    """Read splits and dividends from the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, instrument_ids: Sequence[int], as_of: AsOf) -> Sequence[CorporateAction]:
        """Return the splits and dividends known then, ascending by ex-date; of several sources the first by name."""
        sql = (
            f"SELECT DISTINCT ON (ex_date, action, instrument_id) {columns_of(CorporateAction)}"
            " FROM market_data.v_corporate_actions WHERE instrument_id = ANY (%s) AND action <> 'spin_off'"
            " ORDER BY ex_date, action, instrument_id, source"
        )
        with self._database.transaction(as_of) as connection:
            return read_records(connection, CorporateAction, sql, (list(instrument_ids),))
