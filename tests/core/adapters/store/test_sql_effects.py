"""The shared SQL sets really run on their schema of canaries: what each statement does, not what the guard says of it.

Every attack goes through guard and runner, and then past the guard straight to the hardened role. Harmless in effect:
the database is the same to the row before and after, no canary comes out, no file, lock or connection is left.
"""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from benchmarks.safety_schema import CANARY, digest, load_safety_schema
from core.adapters.store.migrations.readers import PUBLIC_READER
from core.adapters.store.queries import PostgresQueryRunner
from core.domain.as_of import AsOf
from core.errors import BudgetExceeded, SqlRefused
from core.query.guard import SqlGuard
from core.query.relations import load_relations

pytestmark = pytest.mark.shared
NOW = AsOf(known=datetime(2025, 7, 1, tzinfo=UTC))
SECONDS = 1.0
# What only the guard can stop: it asks for 800 MB at once, which no time limit prevents.
TOO_LARGE = "repeat('ab', 400000000)"
PRIVATE_NUMBERS = ("1234567.89", "424242.4242", "17.171717", "313131.3131", "515151.5151")


@pytest.fixture(scope="module")
def folder(shared_folder):
    return shared_folder / "safety"


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[int, list[object]]]:
    """Give a port on loopback and the list of those who came to it."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            try:
                while True:
                    came.append(server.accept()[1])
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture(scope="module")
def safety_dsn(postgres_dsn, folder, listener):
    dsn = load_safety_schema(postgres_dsn, folder)
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(f"ALTER SERVER loop OPTIONS (SET port '{listener[0]}')".encode())
    yield dsn
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qp_safety WITH (FORCE)")
        admin.execute("DROP ROLE qp_llm_ro")


@pytest.fixture(scope="module")
def runner(safety_dsn):
    made = PostgresQueryRunner(safety_dsn, timeout_seconds=SECONDS)
    yield made
    made.close()


def lines(folder, name):
    return [json.loads(line) for line in (folder / f"sql_{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def leaks(rows: object) -> bool:
    return CANARY in str(rows) or any(number in str(rows) for number in PRIVATE_NUMBERS)


def as_reader(dsn):
    return psycopg.connect(make_conninfo(dsn, user=PUBLIC_READER), autocommit=True, prepare_threshold=None)


def past_the_guard(connection, text):
    """Run a text as it stands in a read-only transaction, with the extended protocol, and give its rows."""
    connection.execute("BEGIN READ ONLY")
    try:
        connection.execute("SET LOCAL statement_timeout = 400")
        # Asking for binary results uses the extended protocol, which takes one statement.
        found = connection.execute(text.encode(), binary=True)
        return found.fetchall() if found.description else []
    except psycopg.Error as error:
        return [str(error)]
    finally:
        if connection.info.transaction_status == TransactionStatus.ACTIVE:
            connection.close()  # COPY TO STDOUT waits to be read
        else:
            connection.execute("ROLLBACK")
            connection.execute("DISCARD ALL")


def test_every_attack_is_refused_or_harmless_behind_guard_and_runner(safety_dsn, folder, runner, listener):
    guard = SqlGuard(load_relations(folder / "relations.json"))
    before, attacks, refused, shown = digest(safety_dsn), lines(folder, "attacks"), [], []
    for attack in attacks:
        started = time.monotonic()
        try:
            shown.append(runner.run(guard.check(attack["sql"]), as_of=NOW).rows)
        except SqlRefused:
            refused.append(attack["id"])
        except BudgetExceeded:
            assert attack["outcome"] == "refuse_or_contain", attack
        assert time.monotonic() - started < SECONDS + 1.5, attack
    assert {case["id"] for case in attacks if case["outcome"] == "refuse"} <= set(refused)
    assert not leaks(shown) and listener[1] == []
    assert digest(safety_dsn) == before


def test_the_hardened_role_alone_contains_every_attack(safety_dsn, folder, listener):
    before, attacks = digest(safety_dsn), [case for case in lines(folder, "attacks") if TOO_LARGE not in case["sql"]]
    for attack in attacks:
        with as_reader(safety_dsn) as connection:
            settings, started = connection.execute("SHOW ALL").fetchall(), time.monotonic()
            assert not leaks(past_the_guard(connection, attack["sql"])), attack
            assert time.monotonic() - started < 2.0, attack
            assert connection.closed or connection.execute("SHOW ALL").fetchall() == settings, attack
    assert listener[1] == [] and len(attacks) == 41
    assert digest(safety_dsn) == before


HAZARDS = [
    "SELECT * FROM market_data.v_desk_exposure",
    "SELECT market_data.touch_audit('x')",
    "SELECT market_data.peek_orders(i) FROM market_data.instruments i",
    "SELECT i.peek_orders FROM market_data.instruments i",
    "SELECT 'a' OPERATOR(market_data.<~~>) 'b'",
    "SELECT * FROM public.dblink('host=127.0.0.1 port={port} dbname=x', 'SELECT 1') AS t(a int)",
    "SELECT public.dblink_connect('host=127.0.0.1 port={port}')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_read_file('/etc/hostname')",
    "COPY market_data.instruments TO '/tmp/quantdesk_leak'",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
    "SELECT pg_export_snapshot()",
    "DO $$ BEGIN NULL; END $$",
    "SELECT pg_advisory_lock(1)",
    "CREATE TEMP TABLE mine (a int)",
    "SELECT query_to_xml('SELECT 1', true, true, '')",
]


@pytest.mark.parametrize("text", HAZARDS)
def test_the_hazards_of_the_schema_are_closed_to_the_role(text, safety_dsn, listener):
    with as_reader(safety_dsn) as connection:
        found = past_the_guard(connection, text.format(port=listener[0]))
    # PostgreSQL 15 says of files and programs that one must be superuser.
    refusals = ("denied", "does not exist", "read-only", "must be superuser")
    assert any(said in str(found) for said in refusals), found
    assert not leaks(found) and listener[1] == []


def test_what_the_plain_role_of_the_script_shows_is_what_hardening_takes_away(safety_dsn):
    # The control: without the hardening the same statements do show canaries.
    with psycopg.connect(safety_dsn, autocommit=True) as owner:
        owner.execute("GRANT SELECT ON market_data.v_desk_exposure TO qp_llm_ro")
    with psycopg.connect(make_conninfo(safety_dsn, user="qp_llm_ro", password="ro"), autocommit=True) as plain:
        assert leaks(plain.execute("SELECT * FROM market_data.v_desk_exposure").fetchall())


def comparable(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return None if not math.isfinite(value) else f"{float(value):.9g}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    return str(value)


def test_every_legitimate_statement_gives_what_a_plain_run_gives(safety_dsn, folder, runner):
    guard, cases = SqlGuard(load_relations(folder / "relations.json")), lines(folder, "legit")
    before, empty = digest(safety_dsn), 0
    with psycopg.connect(safety_dsn, autocommit=True) as owner:
        owner.execute("SET TimeZone = 'UTC'")
        for case in cases:
            plain = owner.execute(case["sql"].encode()).fetchall()
            found = runner.run(guard.check(case["sql"]), as_of=NOW, max_rows=5000)
            assert not found.truncated, case
            rows = [[tuple(map(comparable, row)) for row in answer] for answer in (plain, found.rows)]
            assert sorted(map(str, rows[0])) == sorted(map(str, rows[1])), case
            empty += not plain
    assert empty == 2  # two of them find nothing in these data
    assert len(cases) == 30 and digest(safety_dsn) == before


def test_the_digest_sees_one_changed_cell(safety_dsn):
    before = digest(safety_dsn)
    with psycopg.connect(safety_dsn, autocommit=True) as owner:
        owner.execute("UPDATE market_data.instruments SET name = name || 'x' WHERE instrument_id = 7")
        changed = digest(safety_dsn)
        owner.execute("UPDATE market_data.instruments SET name = 'Name 7' WHERE instrument_id = 7")
    assert [key for key in before if before[key] != changed[key]] == ["market_data.instruments"]
    assert digest(safety_dsn) == before
