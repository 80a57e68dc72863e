"""Keep the two read-only roles that questions run with; applied after every migration, so that it heals itself.

`quantdesk_public_reader` reads the public views, `quantdesk_private_reader` those of the books too; neither reads a
table, the catalogue, keys, users, sessions or secrets. Roles belong to the server, so several desks on one server
share them; grants and revokes belong to each database.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from core.query.allowed import FUNCTIONS, OPERATORS, TYPES
from core.query.product_relations import PRIVATE, PUBLIC

PUBLIC_READER = "quantdesk_public_reader"
PRIVATE_READER = "quantdesk_private_reader"
DESK_SCHEMAS = ("market_data", "events", "news", "derived", "strategies", "execution", "ops", "desk", "chat")
DESK_FUNCTIONS = (
    "market_data.as_of()",
    "market_data.recorded_before()",
    "market_data.series_of(integer)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """Name what the readers of a database may read and call; private relations are for the private reader alone."""

    public: Collection[str]
    private: Collection[str]
    functions: Collection[str]


PRODUCT = Readable(public=PUBLIC, private=PRIVATE, functions=DESK_FUNCTIONS)
ROLE_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "10s",
    "lock_timeout": "500ms",
    "idle_in_transaction_session_timeout": "10s",
    "work_mem": "16MB",
    "max_parallel_workers_per_gather": "0",
    "search_path": "pg_catalog",
}
# Only a superuser may set these.
SERVER_ROLE_SETTINGS = {"temp_file_limit": "256MB"}
CONNECTION_LIMIT = 16

_ATTEMPTS = 5


def apply_readers(
    connection: psycopg.Connection[Any], *, password: str | None = None, readable: Readable = PRODUCT
) -> None:
    """Create or mend the roles and their grants in this database and commit.

    A superuser also takes from PUBLIC what a reader could misuse: catalogue relations and every function outside
    the allow-list. Without the right to create roles nothing is done, and queries run behind the guard alone.
    """
    superuser, may_create = _rights(connection)
    if not (superuser or may_create):
        connection.rollback()
        return
    for attempt in range(_ATTEMPTS):
        try:
            with connection.transaction():
                _apply(connection, readable, superuser=superuser, password=password)
            return
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject, psycopg.errors.InternalError_):
            # Another desk of this server changes the shared roles at this moment.
            if attempt == _ATTEMPTS - 1:
                raise


def ensure_readers(connection: psycopg.Connection[Any], *, password: str | None = None) -> None:
    """Create or mend the roles of this server, where that is allowed, before a database that names them comes in."""
    superuser, may_create = _rights(connection)
    if superuser or may_create:
        _ensure_roles(connection, superuser=superuser, password=password)


def _rights(connection: psycopg.Connection[Any]) -> tuple[bool, bool]:
    row = connection.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user").fetchone()
    return (bool(row[0]), bool(row[1])) if row else (False, False)


def _apply(connection: psycopg.Connection[Any], readable: Readable, *, superuser: bool, password: str | None) -> None:
    if superuser:
        connection.execute("LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE")
    _ensure_roles(connection, superuser=superuser, password=password)
    _grant_views(connection, readable)
    if superuser:
        _close_catalogue(connection, readable)


def _ensure_roles(connection: psycopg.Connection[Any], *, superuser: bool, password: str | None) -> None:
    settings = ROLE_SETTINGS | (SERVER_ROLE_SETTINGS if superuser else {})
    for role in (PUBLIC_READER, PRIVATE_READER):
        _ensure_role(connection, role, settings, password)


def _ensure_role(
    connection: psycopg.Connection[Any], role: str, settings: dict[str, str], password: str | None
) -> None:
    name = sql.Identifier(role)
    row = connection.execute("SELECT rolconfig FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if row is None:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOINHERIT CONNECTION LIMIT {}").format(name, sql.Literal(CONNECTION_LIMIT))
        )
    present = set(row[0] or ()) if row else set()
    for setting, value in settings.items():
        if f"{setting}={value}" not in present:
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )
    if password is not None:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))
    member = connection.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", (role,)).fetchone()
    if not (member and member[0]):
        # The fallback of a server without a login for readers is SET LOCAL ROLE.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))


def _grant_views(connection: psycopg.Connection[Any], readable: Readable) -> None:
    both = (*readable.public, *readable.private)
    for role, relations in ((PUBLIC_READER, readable.public), (PRIVATE_READER, both)):
        name = sql.Identifier(role)
        for schema in sorted({relation.split(".")[0] for relation in relations}):
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), name))
        views = sql.SQL(", ").join(sql.Identifier(*relation.split(".")) for relation in relations)
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(views, name))
    readers = sql.SQL(f"{PUBLIC_READER}, {PRIVATE_READER}")
    rows = connection.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE n.nspname = ANY (%s) AND pg_has_role(p.proowner, 'USAGE') "
        "AND has_function_privilege('public', p.oid, 'EXECUTE')",
        (list(DESK_SCHEMAS),),
    ).fetchall()
    for row in rows:
        connection.execute(sql.SQL("REVOKE EXECUTE ON ROUTINE {} FROM PUBLIC").format(sql.SQL(row[0])))
    connection.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    for function in readable.functions:
        connection.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(sql.SQL(function), readers))


def _close_catalogue(connection: psycopg.Connection[Any], readable: Readable) -> None:
    """Take from PUBLIC what a reader does not need, and give it back to the owner of the database."""
    row = connection.execute(
        "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    if row is None:
        return
    database, owner = sql.Identifier(row[0]), sql.Identifier(row[1])
    connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))
    connection.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(database, owner))
    connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    connection.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(owner))
    # Without it nobody runs a DO block.
    connection.execute(sql.SQL("GRANT USAGE ON LANGUAGE plpgsql TO {}").format(owner))
    connection.execute("REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC")
    for schema in ("pg_catalog", "information_schema"):
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(name, owner))
        connection.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM PUBLIC").format(name))
    _close_functions(connection, owner, readable)


def _close_functions(connection: psycopg.Connection[Any], owner: sql.Identifier, readable: Readable) -> None:
    # Found in this server's own catalogue, so that another version or a new extension is covered too.
    lists = {
        "functions": sorted(FUNCTIONS),
        "operators": sorted(OPERATORS),
        "types": sorted(TYPES),
        "desk_functions": list(readable.functions),
        "reader": PUBLIC_READER,
    }
    rows = connection.execute(_MISPLACED_FUNCTIONS.encode(), lists).fetchall()
    closing = sql.SQL(", ").join(sql.SQL(name) for name, is_allowed in rows if not is_allowed)
    opening = sql.SQL(", ").join(sql.SQL(name) for name, is_allowed in rows if is_allowed)
    if closing.as_string():
        connection.execute(sql.SQL("GRANT EXECUTE ON ROUTINE {} TO {}").format(closing, owner))
        connection.execute(sql.SQL("REVOKE EXECUTE ON ROUTINE {} FROM PUBLIC").format(closing))
    if opening.as_string():
        connection.execute(sql.SQL("GRANT EXECUTE ON ROUTINE {} TO PUBLIC").format(opening))


# Functions that a reader may call but should not, or should but may not. Allowed are the functions of the allow-list
# and those behind its operators and behind casts and values of its types; a list of nine values or more is searched
# by the hash function of its type, which the server asks permission for.
_MISPLACED_FUNCTIONS = """
    WITH allowed AS (
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY (%(functions)s)
        UNION SELECT oprcode FROM pg_operator
        WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprname = ANY (%(operators)s)
        UNION SELECT unnest(ARRAY[typinput, typoutput]) FROM pg_type
        WHERE typname = ANY (%(types)s || ARRAY['unknown', '_text'])
        UNION SELECT c.castfunc FROM pg_cast c
            JOIN pg_type s ON s.oid = c.castsource JOIN pg_type t ON t.oid = c.casttarget
        WHERE s.typname = ANY (%(types)s) AND t.typname = ANY (%(types)s)
        UNION SELECT h.amproc FROM pg_amproc h
            JOIN pg_opfamily f ON f.oid = h.amprocfamily JOIN pg_am m ON m.oid = f.opfmethod
            JOIN pg_type t ON t.oid = h.amproclefttype
        WHERE m.amname = 'hash' AND h.amprocnum = 1 AND t.typname = ANY (%(types)s)
        UNION SELECT unnest(%(desk_functions)s::regprocedure[])
    )
    SELECT p.oid::regprocedure::text, a.oid IS NOT NULL
    FROM pg_proc p LEFT JOIN allowed a ON a.oid = p.oid
    WHERE has_function_privilege(%(reader)s, p.oid, 'EXECUTE') <> (a.oid IS NOT NULL)
    ORDER BY 1
"""
