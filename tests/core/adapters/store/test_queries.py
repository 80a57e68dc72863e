"""The runner against a real server: caps, time, cost, fixed errors, clean sessions, the cut in time."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
import structlog
from psycopg.conninfo import make_conninfo
from structlog.testing import capture_logs

from core.adapters.store.migrations.readers import PUBLIC_READER
from core.adapters.store.queries import NO_READER_NOTE, PostgresQueryRunner
from core.domain.as_of import AsOf
from core.errors import BudgetExceeded, InvalidInput, SqlRefused, Unavailable
from core.ports.query import CheckedSql
from core.query.guard import SqlGuard
from core.query.relations import load_relations, product_relations

NOW = AsOf(known=datetime(2024, 6, 28, 21, tzinfo=UTC))
GUARD = SqlGuard(product_relations("private"), desk_time=True)


def unguarded(sql, label="public"):
    return CheckedSql(text=sql, label=label, relations=())


@pytest.fixture(scope="module")
def desk_dsn(postgres_dsn, template_dsn):
    """Give one database for the whole file; only one test writes to it."""
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE qd_queries TEMPLATE qd_template")
    yield make_conninfo(postgres_dsn, dbname="qd_queries")
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_queries WITH (FORCE)")


@pytest.fixture
def runner(desk_dsn):
    made = PostgresQueryRunner(desk_dsn, timeout_seconds=0.5)
    yield made
    made.close()


def ask(runner, sql, **options):
    return runner.run(GUARD.check(sql), as_of=NOW, **options)


def test_returns_columns_types_and_cells(runner):
    found = ask(
        runner,
        "SELECT 1 AS a, 2.5 AS b, 'x' AS c, date '2024-01-02' AS d, ARRAY[1, 2] AS e, jsonb_build_object('k', 1) AS f, "
        "NULL::int AS g, true AS h, interval '90 minutes' AS i, 'NaN'::float8 AS j",
    )
    assert found.columns == ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
    assert found.types == ("int4", "numeric", "text", "date", "int4[]", "jsonb", "int4", "bool", "interval", "float8")
    assert found.rows == ((1, 2.5, "x", "2024-01-02", "[1, 2]", '{"k": 1}', None, True, "1:30:00", None),)
    assert not found.truncated and found.milliseconds > 0


def test_binds_parameters_in_order(runner):
    checked = GUARD.check("SELECT $1::text AS a, $2::int + 1 AS b, 3 = ANY($3::int[]) AS c", parameters=3)
    found = runner.run(checked, {"p1": "it's", "p2": 41, "p3": [1, 3]}, as_of=NOW)
    assert found.rows == (("it's", 42, True),)


def test_cuts_rows_and_says_so(runner):
    found = ask(runner, "SELECT g FROM generate_series(1, 5000) g", max_rows=100)
    assert [row[0] for row in found.rows] == list(range(1, 101)) and found.truncated
    assert len(ask(runner, "SELECT g FROM generate_series(1, 100) g", max_rows=100).rows) == 100


def test_stops_at_the_byte_cap(desk_dsn):
    runner = PostgresQueryRunner(desk_dsn, max_bytes=200_000)
    with pytest.raises(BudgetExceeded, match="larger"):
        ask(runner, "SELECT repeat('x', 1000) FROM generate_series(1, 1000)", max_rows=1000)
    runner.close()


def test_refuses_costly_plans_before_running(runner):
    with pytest.raises(BudgetExceeded, match="read too much"):
        runner.run(
            unguarded("SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"), as_of=NOW
        )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM generate_series(1, 200000) a, generate_series(1, 400) b",
        "WITH RECURSIVE t(i) AS (VALUES (1) UNION ALL SELECT i FROM t) SELECT count(*) FROM t",
        "SELECT sum(sqrt(i)) FROM generate_series(1, (SELECT 900000000)) i",
    ],
)
def test_stops_what_takes_too_long(desk_dsn, sql):
    runner = PostgresQueryRunner(desk_dsn, timeout_seconds=0.3, max_cost=1e12)
    with pytest.raises(BudgetExceeded):
        runner.run(unguarded(sql), as_of=NOW)
    assert ask(runner, "SELECT 1").rows == ((1,),)
    runner.close()


def test_the_watchdog_ends_what_ignores_its_own_limit(desk_dsn):
    """A session that switched its own timeout off is cancelled from outside."""
    runner = PostgresQueryRunner(desk_dsn, timeout_seconds=0.2, max_cost=1e12)
    original = runner._check_cost

    def without_limit(cursor, text, values, *, first):
        original(cursor, text, values, first=first)
        cursor.execute("SET LOCAL statement_timeout = 0")

    runner._check_cost = without_limit
    with pytest.raises(BudgetExceeded):
        runner.run(unguarded("SELECT sum(sqrt(i)) FROM generate_series(1, (SELECT 2000000000)) i"), as_of=NOW)
    runner.close()


def test_a_recursion_is_counted_whole_or_not_at_all(runner):
    count = (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {}) SELECT sum(n), count(*) FROM t"
    )
    assert ask(runner, count.format(10_000)).rows == ((10_000 * 10_001 // 2, 10_000),)
    with pytest.raises(BudgetExceeded, match="too complex"):
        ask(runner, count.format(10_001))
    empty = "WITH RECURSIVE t(n) AS (SELECT 1 WHERE false UNION ALL SELECT n FROM t WHERE n < 3) SELECT count(*) FROM t"
    assert ask(runner, empty).rows == ((0,),)


def test_an_age_and_today_are_those_of_the_desk(runner):
    found = ask(runner, "SELECT age(date '2024-06-01'), current_date, clock_timestamp() = now()").rows
    assert found == (("27 days, 0:00:00", "2024-06-28", True),)


NEW_WORDS = [
    ("date '2024-01-15' <@ daterange('2024-01-01', '2024-02-01')", True),
    ("to_tsvector('english', 'rates were cut') @@ plainto_tsquery('english', 'rate cuts')", True),
    ("jsonb_path_query_first('{\"a\": [1, 5]}', '$.a[*] ? (@ > 2)')", 5),
    ("'{\"a\": 1}'::jsonb @? '$.b'", False),
    ("encode(sha256('abc'::bytea), 'hex')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("(regexp_split_to_array('a b', ' '))[2]", "b"),
    ("array_append(ARRAY[1], 2)", "[1, 2]"),
    ('(SELECT sum(a) FROM jsonb_to_recordset(\'[{"a": 1}, {"a": 2}]\') AS r(a int))', 3),
    ("'B' < 'a' COLLATE \"C\"", True),
    ("'1,5'::text ^@ '1'", True),
    ("(SELECT count(*) FROM generate_subscripts(ARRAY['x', 'y'], 1) i)", 2),
    ("(SELECT count(*) FROM generate_series(date_trunc('month', now()), now(), '1 day') d)", 28),
]


@pytest.mark.parametrize(("expression", "value"), NEW_WORDS)
def test_the_role_may_call_what_the_guard_allows(runner, expression, value):
    assert ask(runner, f"SELECT {expression}").rows == ((value,),)


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("SELECT 'CANARY_77'::text::int", "22P02"),
        ("SELECT ('CANARY_77' || 'x')::date", "22007"),
        ("SELECT 1 / (g - 1) FROM generate_series(1, 2) g", "22012"),
        ("SELECT (SELECT g FROM generate_series(1, 2) g)", "21000"),
        ("SELECT g, count(*) FROM generate_series(1, 2) g", "42803"),
        ("SELECT 1 = 'a'::text", "42883"),
    ],
)
def test_errors_are_fixed_sentences_without_values(runner, sql, state):
    with pytest.raises(InvalidInput) as failed:
        ask(runner, sql)
    assert state in str(failed.value) and "CANARY" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_what_slips_past_a_guard_still_cannot_write(runner, desk_dsn):
    for sql in ("WITH x AS (DELETE FROM news.articles RETURNING 1) SELECT 1 FROM "
     "x", "SELECT nextval('ops.quarantine_quarantine_id_seq')",
                "SELECT 1; DELETE FROM news.articles", "SELECT set_config('a.b', 'c', false)"):  # fmt: skip
        with pytest.raises(InvalidInput):
            runner.run(unguarded(sql), as_of=NOW)
    with pytest.raises(InvalidInput, match="42501"):
        runner.run(unguarded("SELECT * FROM execution.v_cash"), as_of=NOW)


def test_a_session_keeps_nothing_of_the_query_before(runner):
    with runner._connection("public") as connection:
        connection.execute("SET statement_timeout = '9h'")
        connection.execute("SET search_path = market_data")
        connection.execute("LISTEN leak")
        connection.execute("PREPARE leak AS SELECT 1")
    with runner._connection("public") as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("10s",)
        assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog",)
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            connection.execute("EXECUTE leak")


def test_views_are_cut_at_the_asked_time(runner, desk_dsn):
    with psycopg.connect(desk_dsn) as owner:
        owner.execute("INSERT INTO news.articles (article_id, published_date, headline, source, known_at) VALUES "
                      "('a', '2024-06-27', 'before', 'test', '2024-06-27 12:00Z'), ('b', '2024-06-30', "
                       "'after', 'test', '2024-06-30 12:00Z')")  # fmt: skip
    assert ask(runner, "SELECT headline FROM news.v_articles").rows == (("before",),)
    later = AsOf(known=datetime(2024, 7, 1, tzinfo=UTC))
    checked = GUARD.check("SELECT headline FROM news.v_articles ORDER BY published_date")
    assert runner.run(checked, as_of=later).rows == (("before",), ("after",))
    assert ask(runner, "SELECT current_date AS today").rows == (("2024-06-28",),)
    assert runner.run(checked, as_of=AsOf(known=later.known, recorded=datetime(2020, 1, 1, tzinfo=UTC))).rows == ()


def test_every_run_leaves_an_audit_event(runner):
    structlog.reset_defaults()  # a command tested before may have raised the level
    with capture_logs() as events:
        ask(runner, "SELECT 1")
        with pytest.raises(InvalidInput):
            ask(runner, "SELECT 1 / 0")
    done, failed = events
    assert (
        done["role"] == PUBLIC_READER
        and done["verdict"] == "done"
        and done["rows"] == 1
        and len(done["sql_sha256"]) == 64
    )
    assert failed["verdict"] == "sql_failed"
    assert "SELECT" not in str(events)


def test_without_a_reader_login_the_role_is_switched(desk_dsn, monkeypatch):
    runner = PostgresQueryRunner(desk_dsn)
    monkeypatch.setattr(runner, "_reader_dsn", lambda label: make_conninfo(desk_dsn, user="no_such_role"))
    assert ask(runner, "SELECT 1").rows == ((1,),)
    assert runner.notes() == (NO_READER_NOTE,)
    with pytest.raises(InvalidInput, match="42501"):
        runner.run(unguarded("SELECT * FROM desk.secrets"), as_of=NOW)
    runner.close()


def test_an_absent_server_is_unavailable():
    with pytest.raises(Unavailable):
        ask(PostgresQueryRunner("postgresql://nobody@127.0.0.1:9/none"), "SELECT 1")


def test_a_join_of_many_views_is_planned_in_time(desk_dsn):
    runner = PostgresQueryRunner(desk_dsn, timeout_seconds=3)
    joined = " ".join(
        f"JOIN market_data.v_prices p{i} ON p{i}.session = p0.session AND p{i}.symbol = 'S{i}'" for i in range(1, 6)
    )
    # Planning every order of so many relations takes tens of seconds and would end at the time limit.
    assert ask(runner, f"SELECT count(*) FROM market_data.v_prices p0 {joined} WHERE p0.symbol = 'S0'").rows == ((0,),)
    runner.close()


def test_shared_legitimate_statements_pass_the_guard_for_a_foreign_schema(shared_folder):
    guard = SqlGuard(load_relations(shared_folder / "safety" / "relations.json"))
    with pytest.raises(SqlRefused):
        guard.check("SELECT * FROM portfolio.accounts")
