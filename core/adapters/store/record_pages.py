"""Read every kind of record page by page as JSON that the database builds; write those that people own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from core.adapters.store.database import Database
from core.domain.records import Record, day_field, scalar_of
from core.errors import InvalidInput
from core.ports.record_store import RecordPage, RecordQuery

# Rows whose key may be empty are told apart by the number that the database gives them.
_NUMBERED = {"cash_entry": "entry_id"}
_BARS = """(
    SELECT {columns} FROM market_data.bars_daily
    WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
    UNION ALL
    SELECT {columns} FROM market_data.bars_daily_history
    WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
      AND (superseded_known_at > (SELECT market_data.as_of())
           OR superseded_recorded_at > (SELECT market_data.recorded_before())))"""
_SQL_TYPES: Mapping[Any, str] = {int: "bigint", date: "date", datetime: "timestamptz", bool: "boolean"}
_KNOWN = "known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())"


class PostgresRecords:
    """Implement the RecordStore on the desk's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def now(self) -> datetime:
        """Return the time up to which everything committed is seen: before the oldest transaction still open."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT coalesce(min(xact_start) FILTER (WHERE backend_xid IS NOT NULL), clock_timestamp())"
                " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        assert row is not None
        moment: datetime = row[0]
        return moment

    def page(self, query: RecordQuery) -> RecordPage:
        """Return one page by ascending key."""
        record = query.record
        order = _order(record)
        parameters: dict[str, Any] = {}
        conditions = [*_visible(record), *_wanted(query, parameters)]
        if query.after is not None:
            if len(query.after) != len(order):
                raise InvalidInput("The cursor does not fit this kind of record.", hint="Begin again without it.")
            marks = []
            for place, kind in enumerate(order.values()):
                parameters[f"after_{place}"] = query.after[place]
                marks.append(sql.SQL(f"%(after_{place})s::{kind}"))
            conditions.append(
                sql.SQL("({}) > ({})").format(sql.SQL(", ").join(map(sql.Identifier, order)), sql.SQL(", ").join(marks))
            )
        keys = sql.SQL(", ").join(map(sql.Identifier, order))
        statement = sql.SQL(
            "WITH page AS MATERIALIZED (SELECT {columns}, json_build_array({texts}) AS page_key FROM {relation} r"
            " WHERE {conditions} ORDER BY {keys} LIMIT %(limit)s + 1),"
            " shown AS (SELECT row_number() OVER (ORDER BY {keys}) AS page_row, * FROM page)"
            " SELECT coalesce((SELECT json_agg(json_build_object({fields}) ORDER BY page_row) FROM shown"
            " WHERE page_row <= %(limit)s), '[]')::text, least((SELECT count(*) FROM page), %(limit)s),"
            " CASE WHEN (SELECT count(*) FROM page) > %(limit)s THEN"
            " (SELECT page_key FROM shown WHERE page_row = %(limit)s) END"
        ).format(
            columns=_columns(record, order),
            texts=sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in order),
            relation=_relation(record),
            conditions=sql.SQL(" AND ").join([sql.SQL("true"), *conditions]),
            keys=keys,
            fields=sql.SQL(", ").join(
                sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier(name)) for name in record.model_fields
            ),
        )
        try:
            with self._database.transaction(query.as_of) as connection:
                row = connection.execute(statement, {**parameters, "limit": query.limit}).fetchone()
        except psycopg.DataError as error:
            raise InvalidInput("A value of the request does not fit its column.") from error
        assert row is not None
        items, count, last = row
        return RecordPage(items=items, count=count, last=None if last is None else tuple(last))

    def add(self, record: Record) -> None:
        """Store a new record of a person; raise InvalidInput when its key or name is taken."""
        names, values = _values(record)
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            _table(type(record)),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        )
        try:
            with self._database.transaction() as connection:
                connection.execute(statement, values)
        except psycopg.errors.UniqueViolation as error:
            raise InvalidInput("There already is one of this name.", hint="Choose another name.") from error

    def change(self, record: Record) -> bool:
        """Replace a record of its owner by one with the same key; say whether it is theirs and there."""
        names, values = _values(record)
        owner = type(record).owned_by
        assert owner is not None
        key = type(record).key[0]
        statement = sql.SQL("UPDATE {} SET {} WHERE {} = {} AND {} = {}").format(
            _table(type(record)),
            sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder()) for n in names),
            sql.Identifier(key),
            sql.Literal(getattr(record, key)),
            sql.Identifier(owner),
            sql.Literal(getattr(record, owner)),
        )
        try:
            with self._database.transaction() as connection:
                return connection.execute(statement, values).rowcount == 1
        except psycopg.errors.UniqueViolation as error:
            raise InvalidInput("There already is one of this name.", hint="Choose another name.") from error

    def remove(self, record: type[Record], key: str, owner: str) -> bool:
        """Delete a record of its owner; say whether it was theirs and there."""
        assert record.owned_by is not None
        statement = sql.SQL("DELETE FROM {} WHERE {} = %s AND {} = %s").format(
            _table(record), sql.Identifier(record.key[0]), sql.Identifier(record.owned_by)
        )
        with self._database.transaction() as connection:
            return connection.execute(statement, (key, owner)).rowcount == 1


def _values(record: Record) -> tuple[list[str], list[Any]]:
    names = list(type(record).model_fields)
    values = [getattr(record, name) for name in names]
    return names, [
        Jsonb(value) if isinstance(value, dict) else list(value) if isinstance(value, tuple) else value
        for value in values
    ]


def _table(record: type[Record]) -> sql.Identifier:
    return sql.Identifier(*record.table.split("."))


def _relation(record: type[Record]) -> sql.Composable:
    if record.kind == "bar":
        columns = sql.SQL(", ").join(map(sql.Identifier, record.model_fields))
        return sql.SQL(_BARS).format(columns=columns)
    return sql.Identifier(*f"{record.table}_known".split(".")) if record.versioned else _table(record)


def _visible(record: type[Record]) -> list[sql.Composable]:
    """Return the conditions under which a row of the relation was known and stored."""
    if record.kind == "bar" or record.versioned or record.label == "private":
        return []
    if "known_at" in record.model_fields:
        return [sql.SQL(_KNOWN)]
    # A link to an article is known with it.
    return [
        sql.SQL(
            "recorded_at <= (SELECT market_data.recorded_before())"
            " AND EXISTS (SELECT FROM news.articles_known a WHERE a.article_id = r.article_id)"
        )
    ]


def _wanted(query: RecordQuery, parameters: dict[str, Any]) -> list[sql.Composable]:
    found: list[sql.Composable] = []
    equal = dict(query.equal)
    if query.owner is not None and query.record.owned_by is not None:
        equal[query.record.owned_by] = query.owner
    for name, value in equal.items():
        parameters[f"equal_{name}"] = value
        found.append(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(f"equal_{name}")))
    day = day_field(query.record)
    for sign, value in ((">=", query.start), ("<=", query.end)):
        if value is not None and day is not None:
            name = "start" if sign == ">=" else "end"
            parameters[name] = value
            found.append(
                sql.SQL("{}::date {} {}").format(sql.Identifier(day), sql.SQL(sign), sql.Placeholder(name))
                if scalar_of(query.record.model_fields[day].annotation) is datetime
                else sql.SQL("{} {} {}").format(sql.Identifier(day), sql.SQL(sign), sql.Placeholder(name))
            )
    return found


def _columns(record: type[Record], order: Mapping[str, str]) -> sql.Composable:
    columns = []
    for name, field in record.model_fields.items():
        column: sql.Composable = sql.Identifier(name)
        if name in record.outcome:
            # What came out is seen from its own time on.
            column = sql.SQL("CASE WHEN actual_known_at <= (SELECT market_data.as_of()) THEN {} END AS {}").format(
                column, sql.Identifier(name)
            )
        elif "Decimal" in str(field.annotation):
            column = sql.SQL("{}::text AS {}").format(column, sql.Identifier(name))
        columns.append(column)
    columns += [sql.Identifier(name) for name in order if name not in record.model_fields]
    return sql.SQL(", ").join(columns)


def _order(record: type[Record]) -> dict[str, str]:
    """Return the columns that pages are ordered by, with their SQL types."""
    if record.kind in _NUMBERED:
        return {_NUMBERED[record.kind]: "bigint"}
    return {name: _SQL_TYPES.get(scalar_of(record.model_fields[name].annotation), "text") for name in record.key}
