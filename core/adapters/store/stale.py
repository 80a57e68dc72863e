"""Mark, in the transaction that stores something, what that puts out of date among the derived rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np
from psycopg import sql

from core.adapters.store.database import Connection
from core.domain.records import Record
from core.ports.data_store import BarArrays
from core.ports.derived_store import Part

_MARK = """
INSERT INTO derived.stale (part, item, since)
SELECT %s, item, since FROM unnest(%s::int[], %s::date[]) AS marks (item, since)
ON CONFLICT (part, item) DO UPDATE SET since = least(derived.stale.since, excluded.since)
"""
_EVENTS = "SELECT 'events', 0, '1900-01-01'::date FROM changed LIMIT 1"
# The days on which an article was and will be known: a correction is known from its delivery on.
_DAYS = """
SELECT DISTINCT 'news', (day AT TIME ZONE 'UTC')::date - '1970-01-01'::date, '1900-01-01'::date
FROM {}, unnest(ARRAY[{}]) AS day WHERE day IS NOT NULL
"""
_OF_ARTICLE = _DAYS.format("changed s JOIN news.articles a USING (article_id)", "a.known_at")
_BY_KIND = {
    "corporate_action": (
        "SELECT 'prices', instrument_id, min(ex_date) FROM changed WHERE action = 'split' GROUP BY instrument_id"
    ),
    "article": _DAYS.format("changed s", "s.known_at, s.old_known_at, s.delivered_at"),
    "article_symbol": _OF_ARTICLE,
    "sentiment": _OF_ARTICLE,
    "economic_event": _EVENTS,
    "security_event": _EVENTS,
    "geopolitical_event": _EVENTS,
}


def mark(connection: Connection, part: Part, items: Mapping[int, date]) -> None:
    """Mark items of a part as out of date since a day; of two marks the earlier day stays."""
    if items:
        ordered = sorted(items)
        connection.execute(_MARK.encode(), (part, ordered, [items[item] for item in ordered]))


def mark_bars(connection: Connection, bars: BarArrays) -> None:
    """Mark the instruments of bars from their first session on."""
    if not len(bars):
        return
    ids, place = np.unique(bars.instrument_id, return_inverse=True)
    first = np.full(len(ids), np.datetime64("9999-12-31", "D"))
    np.minimum.at(first, place, bars.session.astype("datetime64[D]"))
    mark(connection, "prices", dict(zip(ids.tolist(), first.tolist(), strict=True)))


def mark_records(
    connection: Connection,
    record: type[Record],
    same_key: sql.Composable,
    differs: sql.Composable,
    delivered_at: datetime,
) -> None:
    """Mark what new and changed rows of the table `staging` put out of date; called before they are merged."""
    found = _BY_KIND.get(record.kind)
    if found is None:
        return
    old = sql.SQL("t.known_at" if "known_at" in record.model_fields else "NULL::timestamptz")
    connection.execute(
        sql.SQL(
            "WITH changed AS (SELECT s.*, {} AS old_known_at,"
            " CASE WHEN NOT t.{} IS NULL THEN {}::timestamptz END AS delivered_at"
            " FROM staging s LEFT JOIN {} t ON {} WHERE t.{} IS NULL OR {})"
            " INSERT INTO derived.stale (part, item, since) {}"
            " ON CONFLICT (part, item) DO UPDATE SET since = least(derived.stale.since, excluded.since)"
        ).format(
            old,
            sql.Identifier(record.key[0]),
            sql.Literal(delivered_at),
            sql.Identifier(*record.table.split(".")),
            same_key,
            sql.Identifier(record.key[0]),
            differs,
            sql.SQL(found),
        )
    )
