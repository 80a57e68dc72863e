"""Kept answers are the database's own to the bit, never of a version that is past, and never needed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from structlog.testing import capture_logs

from app.bootstrap import Parts
from core.adapters.cache.answers import COVERED, MOST_BYTES, PAUSE_S, Answers, CachedBars, CachedQueries
from core.adapters.store.bars import PostgresBars
from core.adapters.store.database import Database
from core.adapters.store.queries import PostgresQueryRunner
from core.domain.as_of import AsOf
from core.domain.panel import Panel
from core.errors import NoData
from core.ports.query import CheckedSql
from core.query.semantic.statement import Statement, product_guard
from core.settings import Settings
from tests.core.adapters.cache.conftest import Valkey

# After the end of the samples: everything is known.
LATER = AsOf(known=datetime(2025, 1, 2, 15, tzinfo=UTC))
EARLIER = AsOf(known=datetime(2020, 3, 2, 22, tzinfo=UTC))
DAY = date(2020, 2, 28)
ONE, OTHER = "AAPL", "MSFT"


class Reader:
    """Read one database with the cache and without."""

    def __init__(self, dsn: str, url: str) -> None:
        self.database = Database(dsn)
        self.now = 0.0
        self.answers = Answers(url, self.database, monotonic=lambda: self.now)
        self.plain_bars, self.plain_query = PostgresBars(self.database), PostgresQueryRunner(dsn)
        self.bars = CachedBars(self.plain_bars, self.answers)
        self.query = CachedQueries(self.plain_query, self.answers)
        with self.database.transaction() as connection:
            rows = connection.execute("SELECT symbol, instrument_id FROM market_data.instruments").fetchall()
        self.number: dict[str, int] = {symbol: number for symbol, number in rows}

    def execute(self, statement: str) -> None:
        with self.database.transaction() as connection:
            connection.execute(statement.encode())

    def close(self) -> None:
        self.answers.close()
        self.plain_query.close()
        self.database.close()

    def ask(self, as_of: AsOf, *, cached: bool = True) -> dict[str, Any]:
        """Return the answers to every sort of question, comparable bit by bit."""
        bars = self.bars if cached else self.plain_bars
        query = self.query if cached else self.plain_query
        both = [self.number[ONE], self.number[OTHER]]
        latest = Statement("market_data.v_prices", "symbol", "session", "close", distinct_on=("symbol",))
        latest.where("symbol = ANY (?) AND session >= ?", [ONE, OTHER], DAY).order("symbol", "session DESC")
        members = Statement("market_data.v_instruments", "symbol", "name", "groups").where("symbol = ?", ONE)
        return {
            "panel": bits(bars.panel(both, purpose="price", as_of=as_of, start=DAY, needs="ohlc")),
            "swapped": bits(bars.panel(both[::-1], purpose="price", as_of=as_of, start=DAY)),
            "basis": bits(bars.bars(both, as_of=as_of, adjust="splits", start=DAY)),
            "last": bars.last_session(both, as_of=as_of),
            "latest": rows(latest, query, as_of),
            "members": rows(members, query, as_of),
        }


def bits(panel: Panel) -> tuple[Any, ...]:
    grids = (panel.close, panel.open, panel.high, panel.low, panel.volume)
    sessions = panel.sessions.astype("datetime64[D]").astype(int).tobytes()
    rest = (panel.symbols, panel.series, panel.as_of, panel.sql)
    return (sessions, *(None if grid is None else grid.tobytes() for grid in grids), *rest)


def rows(statement: Statement, query: Any, as_of: AsOf) -> Any:
    found = statement.run(query, as_of, label="public")
    assert found.milliseconds >= 0
    return replace(found, milliseconds=0.0)


# Prices as traded, which splits change, beside the total returns of the samples.
AS_TRADED = """
INSERT INTO market_data.bars_daily
    (instrument_id, source, price_basis, session, open, high, low, close, volume, flags, known_at)
SELECT instrument_id, 'traded', 'raw', session, close, close * 1.01, close * 0.99, close, 1000, '{}', b.known_at
FROM market_data.bars_daily b JOIN market_data.instruments USING (instrument_id)
WHERE symbol IN ('AAPL', 'MSFT') AND session >= '2019-01-01';
SELECT market_data.index_series_years(array_agg(instrument_id))
FROM market_data.instruments WHERE symbol IN ('AAPL', 'MSFT')
"""


@pytest.fixture
def traded_dsn(own_sample_dsn: str) -> str:
    with psycopg.connect(own_sample_dsn) as connection:
        connection.execute(AS_TRADED.encode())
        # As an import does: without statistics the server loops over the as-of views.
        connection.execute("ANALYZE market_data.bars_daily")
    return own_sample_dsn


@pytest.fixture
def opened(traded_dsn: str) -> Iterator[Callable[[str], Reader]]:
    made: list[Reader] = []

    def open_(url: str) -> Reader:
        made.append(Reader(traded_dsn, url))
        return made[-1]

    yield open_
    for reader in made:
        reader.close()


@pytest.fixture
def reader(opened: Callable[[str], Reader], valkey: Valkey) -> Reader:
    return opened(valkey.url)


QUESTIONS = 6


@pytest.mark.parametrize("as_of", [LATER, EARLIER, AsOf(known=LATER.known, recorded=datetime(2100, 1, 1, tzinfo=UTC))])
def test_another_process_finds_what_one_has_read_and_asks_no_table_of_bars(
    opened: Callable[[str], Reader], valkey: Valkey, as_of: AsOf
) -> None:
    reader, second = opened(valkey.url), opened(valkey.url)
    plain = reader.ask(as_of, cached=False)
    assert valkey.kept() == []
    assert reader.ask(as_of) == plain
    assert (len(valkey.kept()), valkey.hits()) == (QUESTIONS, 0)
    reader.execute("ALTER TABLE market_data.bars_daily RENAME TO out_of_reach")
    assert second.ask(as_of) == plain
    assert valkey.hits() == QUESTIONS
    assert all(0 < valkey.client.ttl(key) <= 86_400 for key in valkey.kept())


def test_under_a_live_clock_the_answers_of_the_day_are_found_and_state_their_own_time(
    reader: Reader, valkey: Valkey
) -> None:
    for minutes in range(3):
        moment = AsOf(known=LATER.known + timedelta(minutes=minutes, microseconds=minutes))
        assert reader.ask(moment) == reader.ask(moment, cached=False)
    assert (len(valkey.kept()), valkey.hits()) == (QUESTIONS, 2 * QUESTIONS)
    tomorrow = AsOf(known=LATER.known + timedelta(days=1))
    assert reader.ask(tomorrow) == reader.ask(tomorrow, cached=False)
    assert len(valkey.kept()) == 2 * QUESTIONS


def test_a_time_at_which_not_everything_was_known_has_answers_of_its_own(reader: Reader) -> None:
    close = datetime(2020, 3, 2, 21, tzinfo=UTC)
    moments = [AsOf(known=close + timedelta(hours=hours)) for hours in (-1, 0, 1, 24, 48)]
    found = [reader.ask(moment) for _ in range(2) for moment in moments]
    assert found == [reader.ask(moment, cached=False) for _ in range(2) for moment in moments]
    assert len({answer["last"] for answer in found}) == 4, "three closes fall between these times"


WRITES = {
    "a price is corrected": (
        "UPDATE market_data.bars_daily SET close = close * 1.01 WHERE instrument_id = {one} AND session > '2022-01-01'"
    ),
    "bars go": "DELETE FROM market_data.bars_daily WHERE instrument_id = {one} AND session > '2022-06-01'",
    "a series ends": (
        "UPDATE market_data.series_years SET last_session = '2022-11-01'"
        " WHERE instrument_id IN ({one}, {other}) AND year = 2022"
    ),
    "a split comes late": (
        "INSERT INTO market_data.corporate_actions (instrument_id, action, ex_date, source, ratio, known_at)"
        " SELECT {one}, 'split', '2021-06-01', 'test', 7, '2021-05-01Z'"
    ),
    "a name changes": "UPDATE market_data.instruments SET name = 'Another' WHERE instrument_id = {one}",
    "a member joins": (
        "INSERT INTO market_data.group_memberships (instrument_id, group_name, valid_from, source, known_at)"
        " VALUES ({one}, 'a_new_group', '2020-01-01', 'test', '2020-01-01Z')"
    ),
    "several in one transaction": (
        "UPDATE market_data.bars_daily SET close = close * 2 WHERE instrument_id = {one};"
        "UPDATE market_data.instruments SET name = 'More' WHERE instrument_id = {one}"
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_after_a_write_nobody_finds_what_was_kept_before(
    opened: Callable[[str], Reader], valkey: Valkey, write: str
) -> None:
    writer, reader = opened(valkey.url), opened(valkey.url)
    before = [reader.ask(as_of) for as_of in (LATER, EARLIER)]
    writer.execute(WRITES[write].format(one=reader.number[ONE], other=reader.number[OTHER]))
    after = [reader.ask(as_of) for as_of in (LATER, EARLIER)]
    assert after == [reader.ask(as_of, cached=False) for as_of in (LATER, EARLIER)]
    assert before != after


def test_a_write_that_is_rolled_back_keeps_the_answers(reader: Reader, valkey: Valkey) -> None:
    before = reader.ask(LATER)
    with pytest.raises(psycopg.errors.DivisionByZero):
        reader.execute("UPDATE market_data.bars_daily SET close = close * 2; SELECT 1 / 0")
    assert reader.ask(LATER) == before
    assert valkey.hits() == QUESTIONS


def test_an_answer_that_a_write_overtook_is_not_kept(reader: Reader, valkey: Valkey) -> None:
    def overtaken() -> bytes:
        reader.execute("UPDATE market_data.instruments SET name = 'While reading'")
        return b"read"

    def same(content: bytes) -> bytes:
        return content

    assert reader.answers.answer(("question",), LATER, overtaken, same, same) == b"read"
    assert valkey.kept() == []
    assert reader.answers.answer(("question",), LATER, lambda: b"again", same, same) == b"again"
    assert len(valkey.kept()) == 1


def test_a_copy_of_the_database_that_went_its_own_way_has_its_own_answers(
    traded_dsn: str, postgres_dsn: str, valkey: Valkey
) -> None:
    name = "qd_copy_of_cached"
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        source = psycopg.conninfo.conninfo_to_dict(traded_dsn)["dbname"]
        admin.execute(f'CREATE DATABASE {name} TEMPLATE "{source}"'.encode())
    readers = [Reader(dsn, valkey.url) for dsn in (traded_dsn, make_conninfo(postgres_dsn, dbname=name))]
    try:
        assert readers[0].ask(LATER) == readers[1].ask(LATER)
        assert valkey.hits() == QUESTIONS, "the same data has the same answers"
        for factor, reader in enumerate(readers, start=2):
            reader.execute(f"UPDATE market_data.bars_daily SET close = close * {factor}")
        one, other = (reader.ask(LATER) for reader in readers)
        assert one["panel"] != other["panel"]
        assert other == readers[1].ask(LATER, cached=False)
        assert valkey.hits() == QUESTIONS
    finally:
        for reader in readers:
            reader.close()
        with psycopg.connect(postgres_dsn, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_errors_are_not_kept(reader: Reader, valkey: Valkey) -> None:
    for _ in range(2):
        with pytest.raises(NoData):
            reader.bars.panel([reader.number[ONE]], purpose="price", as_of=LATER, start=date(2024, 6, 3))
    assert valkey.kept() == []


def test_private_answers_free_sql_and_what_reads_a_clock_are_not_kept(reader: Reader, valkey: Valkey) -> None:
    guard = product_guard()
    closes = "SELECT close FROM market_data.v_prices WHERE symbol = 'AAPL'"
    asked: list[tuple[CheckedSql, dict[str, Any] | None]] = [
        (guard.check("SELECT count(*) FROM execution.v_cash"), {}),
        (guard.check(closes), None),
        (guard.check(closes + " AND session < current_date"), {}),
        (guard.check("SELECT headline FROM news.v_articles LIMIT 3"), {}),
    ]
    assert [statement.label for statement, _ in asked] == ["private", "public", "public", "public"]
    for statement, parameters in asked:
        reader.query.run(statement, parameters, as_of=LATER, max_rows=5)
    assert valkey.kept() == []
    reader.query.run(guard.check(closes), {}, as_of=LATER, max_rows=5)
    assert len(valkey.kept()) == 1


def test_a_large_answer_is_not_kept(reader: Reader, valkey: Valkey) -> None:
    def same(content: bytes) -> bytes:
        return content

    for size in (MOST_BYTES + 1, MOST_BYTES):
        assert len(reader.answers.answer((size,), LATER, lambda size=size: bytes(size), same, same)) == size
    assert len(valkey.kept()) == 1


def test_every_table_under_the_kept_relations_changes_the_version_when_it_is_written(reader: Reader) -> None:
    # The rules of the views name what they read; the clock is part of the question.
    statement = """
        WITH RECURSIVE read (relation) AS (
            SELECT unnest(%s::regclass[])
            UNION
            SELECT d.refobjid::regclass FROM read r JOIN pg_rewrite w ON w.ev_class = r.relation
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
             AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.relation
        )
        SELECT relation::text,
               EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgname = 'count_change')
        FROM read JOIN pg_class c ON c.oid = relation WHERE c.relkind IN ('r', 'p')
    """
    with reader.database.transaction() as connection:
        found = dict(connection.execute(statement.encode(), (sorted(COVERED),)).fetchall())
    assert {"market_data.bars_daily", "market_data.bars_daily_history", "market_data.instruments"} <= found.keys()
    assert all(found.values()), found


# Faults: the answers stay right, one warning is given, and time is lost once.


def damaged(valkey: Valkey, how: str) -> None:
    keys = valkey.kept()
    contents = {key: valkey.client.get(key) for key in keys}
    for place, key in enumerate(keys):
        content = contents[key]
        assert isinstance(content, bytes)
        wrong = {
            "other bytes": b"\x00" * 500,
            "nothing": b"",
            "cut": content[:-7],
            "one bit": content[:40] + bytes([content[40] ^ 1]) + content[41:],
            "the answer to another question": contents[keys[place - 1]],
        }[how]
        valkey.client.set(key, wrong)


@pytest.mark.parametrize("how", ["other bytes", "nothing", "cut", "one bit", "the answer to another question"])
def test_wrong_data_is_not_believed_and_is_replaced(reader: Reader, valkey: Valkey, how: str) -> None:
    plain = reader.ask(LATER)
    kept = {key: valkey.client.get(key) for key in valkey.kept()}
    damaged(valkey, how)
    assert reader.ask(LATER) == plain
    assert {key: valkey.client.get(key) for key in valkey.kept()} == kept


def test_another_type_under_the_key_costs_a_pause(reader: Reader, valkey: Valkey) -> None:
    plain = reader.ask(LATER)
    for key in valkey.kept():
        valkey.client.delete(key)
        valkey.client.rpush(key, "a list")
    with capture_logs() as logs:
        assert reader.ask(LATER) == plain
    assert [entry["log_level"] for entry in logs if entry["log_level"] != "info"] == ["warning"]


def warnings_of(reader: Reader, rounds: int) -> list[Any]:
    plain = reader.ask(LATER, cached=False)
    with capture_logs() as logs:
        for _ in range(rounds):
            assert reader.ask(LATER) == plain
            reader.now += PAUSE_S + 1
    return [entry for entry in logs if entry["log_level"] != "info"]


def test_a_server_that_is_killed_in_the_middle_is_told_once_and_used_again_when_it_is_back(
    reader: Reader, valkey: Valkey
) -> None:
    reader.ask(LATER)
    valkey.kill()
    (warning,) = warnings_of(reader, 3)
    assert warning["reason"] == "ConnectionError"
    valkey.start()
    assert warnings_of(reader, 2) == []
    assert (len(valkey.kept()), valkey.hits()) == (QUESTIONS, QUESTIONS)
    valkey.kill()
    assert len(warnings_of(reader, 2)) == 1, "a new outage is told anew"


def test_a_server_that_was_started_again_between_two_questions_is_no_outage(reader: Reader, valkey: Valkey) -> None:
    reader.ask(LATER)
    valkey.kill()
    valkey.start()
    assert warnings_of(reader, 1) == []
    assert len(valkey.kept()) == QUESTIONS


def test_a_full_server_costs_one_warning_and_no_answer(reader: Reader, valkey: Valkey) -> None:
    valkey.client.config_set("maxmemory-policy", "noeviction")
    valkey.client.config_set("maxmemory", "1")
    (warning,) = warnings_of(reader, 3)
    assert "OutOfMemory" in warning["reason"]
    valkey.client.config_set("maxmemory", "0")
    assert warnings_of(reader, 2) == []
    assert valkey.hits() == QUESTIONS


def test_a_server_that_pushes_out_what_is_old_only_forgets(reader: Reader, valkey: Valkey) -> None:
    valkey.client.config_set("maxmemory-policy", "allkeys-lru")
    valkey.client.config_set("maxmemory", "1")
    assert len(warnings_of(reader, 3)) <= 1


@pytest.mark.parametrize("url", ["redis://:hunter2@127.0.0.1:1/0", "127.0.0.1:6379", "redis://:hunter2@[::1/0"])
def test_a_server_that_is_not_there_is_told_once_without_its_password(
    opened: Callable[[str], Reader], url: str
) -> None:
    with capture_logs() as logs:
        reader = opened(url)
        plain = reader.ask(LATER, cached=False)
        assert [reader.ask(LATER) for _ in range(2)] == [plain, plain]
    told = [entry for entry in logs if entry["log_level"] == "warning"]
    assert len(told) == 1
    assert "hunter2" not in str(logs)


def test_a_wrong_password_is_told_once(opened: Callable[[str], Reader], valkey: Valkey) -> None:
    valkey.client.config_set("requirepass", "secret")
    (warning,) = warnings_of(opened(valkey.url.replace("//", "//:hunter2@")), 2)
    assert warning["reason"] == "AuthenticationError"
    assert "hunter2" not in str(warning)


def test_a_server_that_never_answers_is_waited_for_once(opened: Callable[[str], Reader]) -> None:
    asked: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    asked.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        reader = opened(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        plain = reader.ask(LATER, cached=False)
        begun = time.monotonic()
        with capture_logs() as logs:
            assert [reader.ask(LATER) for _ in range(3)] == [plain] * 3
        assert time.monotonic() - begun < 20
        assert 1 <= len(asked) <= 2, "one attempt and one more, then it is left alone"
        assert len([entry for entry in logs if entry["log_level"] == "warning"]) == 1
        listener.shutdown(socket.SHUT_RDWR)
    for connection in asked:
        connection.close()


def test_a_desk_uses_it_where_the_setting_names_one_but_not_for_its_books(
    own_sample_dsn: str, valkey: Valkey, tmp_path: Path
) -> None:
    with_cache = Parts(Settings(home=tmp_path, redis_url=valkey.url), own_sample_dsn)
    without = Parts(Settings(home=tmp_path), own_sample_dsn)
    try:
        assert isinstance(with_cache.desk.bars, CachedBars)
        assert isinstance(with_cache.desk.query, CachedQueries)
        assert isinstance(without.desk.bars, PostgresBars)
        number = with_cache.desk.instruments.find(ONE).instrument_id
        as_of = AsOf(known=with_cache.clock.now())
        found = [parts.desk.bars.last_session([number], as_of=as_of) for parts in (with_cache, with_cache, without)]
        assert len(set(found)) == 1
        assert (len(valkey.kept()), valkey.hits()) == (1, 1)
        account = with_cache.desk.books.accounts()[0].account_id
        with_cache.desk.books.holdings(account)
        assert len(valkey.kept()) == 1
    finally:
        for parts in (with_cache, without):
            parts.database.close()
