"""What the read-only roles can do when a statement reaches the server without any guard before it."""

from __future__ import annotations

import threading

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.adapters.store.migrations import migrate
from core.adapters.store.migrations.readers import PRIVATE_READER, PUBLIC_READER, ROLE_SETTINGS
from core.errors import QuantdeskError
from core.query.allowed import FUNCTIONS
from core.query.product_relations import PRIVATE, PUBLIC
from core.query.relations import product_relations

CANARY = "CANARY_b41f"


@pytest.fixture(scope="module")
def guarded_dsn(postgres_dsn, template_dsn):
    """Give one database with canaries in everything private, and hazards that a careless extension would add."""
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE qd_readers TEMPLATE qd_template")
    dsn = make_conninfo(postgres_dsn, dbname="qd_readers")
    # The right to temporary tables belongs to the database and is not copied with a template.
    migrate(dsn)
    with psycopg.connect(dsn) as owner:
        owner.execute(_CANARIES.replace("CANARY", CANARY).encode())
    yield dsn
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_readers WITH (FORCE)")


_CANARIES = """
INSERT INTO execution.accounts (account_id, name, broker, opened_at) VALUES ('acc', 'CANARY', 'paper', now());
INSERT INTO execution.cash_ledger (account_id, movement, amount, booked_at) VALUES ('acc', 'deposit', 4711, now());
INSERT INTO desk.secrets (name, value) VALUES ('key', 'CANARY');
INSERT INTO desk.users (user_id, name, password_hash, scopes) VALUES ('u', 'CANARY', 'h', '{}');
INSERT INTO strategies.specs (strategy_id, name, spec, created_by, created_at)
    VALUES ('s', 'CANARY', '{}', 'u', now());
CREATE FUNCTION market_data.peek(text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT value FROM desk.secrets';
CREATE VIEW market_data.later AS SELECT value FROM desk.secrets;
"""


def as_reader(dsn, role=PUBLIC_READER):
    return psycopg.connect(make_conninfo(dsn, user=role), autocommit=True)


ATTACKS = [
    "INSERT INTO market_data.instruments DEFAULT VALUES",
    "UPDATE market_data.v_instruments SET name = 'x'",
    "DELETE FROM execution.fills",
    "TRUNCATE news.articles",
    "CREATE TABLE public.mine (a int)",
    "CREATE TEMP TABLE mine (a int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "SELECT * FROM market_data.bars_daily",
    "SELECT * FROM market_data.instruments",
    "SELECT * FROM market_data.later",
    "SELECT market_data.peek('x')",
    "SELECT * FROM execution.v_cash",
    "SELECT * FROM execution.accounts",
    "SELECT * FROM strategies.v_specs",
    "SELECT * FROM desk.secrets",
    "SELECT * FROM desk.clock",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM pg_catalog.pg_authid",
    "SELECT * FROM pg_catalog.pg_proc",
    "SELECT * FROM pg_catalog.pg_stat_activity",
    "SELECT * FROM pg_catalog.pg_settings",
    "SELECT * FROM information_schema.tables",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT current_setting('data_directory')",
    "SELECT pg_sleep(5)",
    "SELECT pg_sleep_for('5 s')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_xact_lock(1)",
    "SELECT pg_notify('orders', 'x')",
    "SELECT nextval('ops.quarantine_quarantine_id_seq')",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_export(1, '/tmp/x')",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT pg_ls_dir('.')",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/tmp/quantdesk_copy'",
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    "SELECT table_to_xml('desk.secrets', true, true, '')",
    "SELECT cursor_to_xml('x', 1, true, true, '')",
    "SELECT pg_get_viewdef('market_data.v_bars'::regclass)",
    "SELECT pg_get_functiondef('market_data.as_of()'::regprocedure)",
    "SELECT to_regclass('desk.secrets')",
    "SELECT pg_relation_size('desk.secrets')",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
    "SELECT inet_server_addr()",
    "SELECT version()",
    "SELECT has_table_privilege('desk.secrets', 'SELECT')",
    "SELECT obj_description(1)",
    "SELECT txid_current()",
    "SELECT setseed(0.5)",
    "SELECT ts_stat('SELECT 1')",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "LOCK TABLE market_data.v_instruments IN EXCLUSIVE MODE",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_role_alone_refuses(guarded_dsn, attack):
    with as_reader(guarded_dsn) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(attack.encode()).fetchall()
    assert CANARY not in str(refused.value)
    assert not isinstance(refused.value, psycopg.errors.QueryCanceled)


def test_a_write_is_refused_even_after_the_role_turns_read_only_off(guarded_dsn):
    with as_reader(guarded_dsn) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for attack in (
            "CREATE TABLE public.mine (a int)",
            "CREATE TEMP TABLE mine (a int)",
            "DELETE FROM news.articles",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attack.encode())


def test_each_role_reads_exactly_its_views(guarded_dsn):
    for role, readable in ((PUBLIC_READER, set(PUBLIC)), (PRIVATE_READER, set(PUBLIC) | set(PRIVATE))):
        with psycopg.connect(guarded_dsn) as owner:
            found = owner.execute(
                "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S') AND has_schema_privilege(%s, n.oid, 'USAGE') "
                "AND (has_any_column_privilege(%s, c.oid, 'SELECT') OR (c.relkind = 'S' AND "
                "has_sequence_privilege(%s, c.oid, 'USAGE')))",
                (role, role, role),
            ).fetchall()
            assert {row[0] for row in found if not row[0].startswith("pg_toast")} == readable
        with as_reader(guarded_dsn, role) as connection:
            for view in readable:
                connection.execute(f"SELECT * FROM {view}".encode())


def test_the_private_reader_sees_books_but_no_keys(guarded_dsn):
    with as_reader(guarded_dsn, PRIVATE_READER) as connection:
        assert connection.execute("SELECT cash FROM execution.v_cash").fetchone() == (4711,)
        assert connection.execute("SELECT name FROM strategies.v_specs").fetchone() == (CANARY,)
        for table in ("desk.secrets", "desk.users", "desk.keys", "desk.sessions", "execution.accounts"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}".encode())


def test_a_reader_calls_nothing_outside_the_allow_list(guarded_dsn):
    with psycopg.connect(guarded_dsn) as owner:
        callable_names = {
            row[0]
            for row in owner.execute(
                "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE has_function_privilege(%s, p.oid, 'EXECUTE')"
                " AND p.proname <> ALL (%s)"
                " AND p.oid NOT IN (SELECT oprcode FROM pg_operator) AND p.oid NOT IN (SELECT castfunc FROM pg_cast)"
                " AND p.oid NOT IN (SELECT typinput FROM pg_type UNION SELECT typoutput FROM pg_type)"
                # Hash functions of values: they compute a number and nothing else.
                " AND p.oid NOT IN (SELECT amproc FROM pg_amproc WHERE amprocnum = 1 AND amprocfamily IN"
                " (SELECT f.oid FROM pg_opfamily f JOIN pg_am m ON m.oid = f.opfmethod WHERE m.amname = 'hash'))",
                (PUBLIC_READER, sorted(FUNCTIONS)),
            )
        }
        volatile = {
            row[0]
            for row in owner.execute(
                "SELECT proname FROM pg_proc p WHERE provolatile = 'v' AND "
                "has_function_privilege(%s, p.oid, 'EXECUTE')",
                (PUBLIC_READER,),
            )
        }
    assert callable_names == {
        "market_data.as_of()",
        "market_data.recorded_before()",
        "market_data.series_of(integer)",
    }
    assert volatile <= {"clock_timestamp", "random"}


def test_every_allowed_function_of_this_server_may_be_called(guarded_dsn):
    with psycopg.connect(guarded_dsn) as owner:
        closed = owner.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace"
            " AND p.proname = ANY (%s) AND NOT has_function_privilege(%s, p.oid, 'EXECUTE')",
            (sorted(FUNCTIONS), PUBLIC_READER),
        ).fetchall()
    assert closed == []


def test_no_public_view_depends_on_a_private_relation(database_dsn):
    with psycopg.connect(database_dsn) as owner:
        rows = owner.execute(
            "SELECT DISTINCT v.relnamespace::regnamespace::text || '.' || v.relname, "
            "t.relnamespace::regnamespace::text "
            "FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class JOIN pg_depend d ON d.objid = r.oid "
            "JOIN pg_class t ON t.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass WHERE v.relkind = 'v'"
        ).fetchall()
    reached = {(view, schema) for view, schema in rows if view in PUBLIC}
    assert reached and not [pair for pair in reached if pair[1] in ("execution", "strategies", "desk", "chat")]


def test_the_checked_in_relations_are_those_of_a_migrated_database(database_dsn):
    with psycopg.connect(database_dsn) as owner:
        rows = owner.execute(
            "SELECT table_schema || '.' || table_name, column_name, data_type, udt_name FROM "
            "information_schema.columns "
            "WHERE table_name LIKE 'v\\_%' AND table_schema NOT IN ('pg_catalog', 'information_schema', 'public')"
        ).fetchall()
    stored = {}
    short = {"timestamp with time zone": "timestamptz", "double precision": "float8"}
    for view, column, kind, element in rows:
        stored.setdefault(view, {})[column] = f"{element.lstrip('_')}[]" if kind == "ARRAY" else short.get(kind, kind)
    known = {name: dict(relation.columns) for name, relation in product_relations("private").items()}
    assert known == stored


def test_settings_and_limits_are_on_the_roles(database_dsn):
    with psycopg.connect(database_dsn) as owner:
        for role in (PUBLIC_READER, PRIVATE_READER):
            row = owner.execute(
                "SELECT rolconfig, rolinherit, rolconnlimit, rolsuper, rolcreatedb, "
                "rolcreaterole FROM pg_roles WHERE rolname = %s",
                (role,),
            ).fetchone()
            assert {f"{name}={value}" for name, value in ROLE_SETTINGS.items()} <= set(row[0])
            assert row[1:] == (False, 16, False, False, False)


def test_migrating_again_heals_what_was_opened(database_dsn):
    with psycopg.connect(database_dsn, autocommit=True) as owner:
        owner.execute("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA pg_catalog TO PUBLIC")
        owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA pg_catalog TO PUBLIC")
    migrate(database_dsn)
    with as_reader(database_dsn) as connection:
        for attack in ("SELECT pg_sleep(1)", "SELECT * FROM pg_class"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attack.encode())


def test_two_desks_of_one_server_migrate_at_once(postgres_dsn, database_dsn, template_dsn):
    errors = []

    def run():
        try:
            migrate(database_dsn)
        except (psycopg.Error, QuantdeskError) as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_plain_owner_keeps_working(postgres_dsn):
    """On a server where the desk's role is no superuser the catalogue stays as it is, and views are readable still."""
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS plain_owner")
        admin.execute("CREATE ROLE plain_owner LOGIN")
        admin.execute("CREATE DATABASE plain_desk OWNER plain_owner")
    try:
        dsn = make_conninfo(postgres_dsn, user="plain_owner", dbname="plain_desk")
        assert migrate(dsn)
        with psycopg.connect(dsn) as connection:
            connection.execute("SELECT * FROM execution.v_cash, pg_class LIMIT 1")
            connection.execute("CREATE TABLE public.checkpoint_like (a int)")
    finally:
        with psycopg.connect(postgres_dsn, autocommit=True) as admin:
            admin.execute("DROP DATABASE plain_desk WITH (FORCE)")
            admin.execute("DROP ROLE plain_owner")


@pytest.mark.parametrize(
    "column", ["session", "instrument_id", "close", "source", "known_at"], ids=["date", "int", "float", "text", "time"]
)
def test_a_list_of_many_values_is_searched(guarded_dsn, column):
    # Nine values or more are searched by a hash function of their type, which needs a right of its own.
    kind = {
        "session": "date",
        "instrument_id": "bigint",
        "close": "float8",
        "source": "text",
        "known_at": "timestamptz",
    }
    with as_reader(guarded_dsn) as reader:
        found = reader.execute(
            f"SELECT count(*) FROM market_data.v_bars WHERE {column} = ANY (%s::{kind[column]}[])",
            ([None] * 12,),
        ).fetchone()
    assert found == (0,)
