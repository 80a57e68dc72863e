"""Derived rows brought up to date step by step are those of a rebuild, bit for bit, and read no private schema."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from core.adapters.store.clock import WallClock
from core.adapters.store.database import Database
from core.adapters.store.derived import DERIVED, PostgresDerivedStore
from core.adapters.store.ingest import open_pipeline
from core.data.calendar import sessions_between
from core.data.derived import code_version, update_derived
from core.data.pipeline import Pipeline
from core.domain.as_of import AsOf
from core.domain.event_records import EconomicEvent, SecurityEvent
from core.domain.identifiers import Uuid7Source
from core.domain.market_records import CorporateAction, Instrument, SymbolHistory
from core.domain.news_records import Article, ArticleSymbol, Sentiment
from core.domain.records import Record
from core.ports.vendor import BarColumns, RecordRows

SYMBOLS = ("SPY", "AAPL", "MSFT", "BTC-USD")
DAYS = sessions_between("XNYS", date(2019, 1, 2), date(2020, 6, 30))
NAMES = ("CPI m/m", "Consumer Price Index (MoM)")
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
IDS = Uuid7Source(WallClock(), random.Random(8))


def run(database: Database) -> Pipeline:
    return open_pipeline(database, IDS, mode="test", arguments={})


def store(pipeline: Pipeline, record: type[Record], rows: Sequence[dict[str, Any]]) -> None:
    made = [record(**row) for row in rows]
    values = [tuple(getattr(one, name) for name in record.model_fields) for one in made]
    pipeline.store_records(RecordRows(record=record, source="test", rows=values))


def seed(database: Database) -> None:
    pipeline = run(database)
    names = {"SPY": "S&P 500 fund", "AAPL": "Apple", "MSFT": "Microsoft", "BTC-USD": "Bitcoin"}
    classes = {"SPY": "etf", "BTC-USD": "crypto"}
    common = {"currency": "USD", "source": "test", "known_at": BEGINNING}
    store(
        pipeline,
        Instrument,
        [
            {
                "instrument_id": place,
                "symbol": symbol,
                "name": names[symbol],
                "asset_class": classes.get(symbol, "equity"),
                "calendar": "24x7" if symbol == "BTC-USD" else "XNYS",
                **common,
            }
            for place, symbol in enumerate(SYMBOLS, start=1)
        ],
    )
    periods = [
        {
            "instrument_id": place,
            "symbol": symbol,
            "valid_from": date(1900, 1, 1),
            "source": "test",
            "known_at": BEGINNING,
        }
        for place, symbol in enumerate(SYMBOLS, start=1)
    ]
    store(pipeline, SymbolHistory, periods)
    for place in range(len(SYMBOLS)):
        deliver(pipeline, place, 0, 300)
    pipeline.finish()


def deliver(pipeline: Pipeline, which: int, first: int, last: int, *, shift: float = 1.0, source: str = "v") -> None:
    """Store bars of a symbol for places of DAYS; `shift` moves every close a little: a correction."""
    close = 50.0 * (which + 1) * np.exp(np.cumsum(np.random.default_rng(which).normal(0, 0.01, len(DAYS))))
    close = close[first:last] * shift
    session = DAYS[first:last]
    columns = BarColumns(
        source=source,
        price_basis="raw",
        symbols=(SYMBOLS[which],),
        symbol_code=np.zeros(len(close), dtype=np.int32),
        session=session,
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=1000.0 + np.arange(len(close)) % 7,
        line=np.arange(len(close)) + 2,
        origin="made.csv",
    )
    pipeline.store_bars(columns)


def publish(pipeline: Pipeline, number: int, hour: int, title: str, tag: int, tone: float | None) -> None:
    at = datetime(2020, 3, 2, tzinfo=UTC) + timedelta(hours=hour)
    key = f"art_{number}"
    article = {"article_id": key, "published_at": at, "published_date": at.date(), "headline": title}
    store(pipeline, Article, [{**article, "source": "test", "known_at": at}])
    if tag:
        store(pipeline, ArticleSymbol, [{"article_id": key, "instrument_id": tag}])
    if tone is not None:
        word = "positive" if tone > 0 else "negative" if tone < 0 else "neutral"
        store(pipeline, Sentiment, [
            {"article_id": key, "scorer": "provider:test", "score": tone, "tone": word, "known_at": at}])  # fmt: skip


def release(pipeline: Pipeline, month: int, source: str, name: str, actual: float | None) -> None:
    at = datetime(2019 + month // 12, month % 12 + 1, 10, 13, 30, tzinfo=UTC)
    store(pipeline, EconomicEvent, [{
        "event_id": f"{source} {name} {month}", "event_at": at, "event_date": at.date(), "country": "US", "name": name,
        "actual": actual, "forecast": None if actual is None else 0.2, "source": source,
        "known_at": at - timedelta(days=7), "actual_known_at": None if actual is None else at}])  # fmt: skip


def report(pipeline: Pipeline, quarter: int, source: str, on: int, actual: float | None) -> None:
    day = date(2018, 1, 25) + timedelta(days=91 * quarter + on)
    store(pipeline, SecurityEvent, [{
        "event_id": f"{source} {quarter}", "instrument_id": 2, "event": "earnings", "event_date": day,
        "eps_estimate": None if actual is None else 1.0, "eps_actual": actual, "source": source,
        "known_at": datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=14),
        "actual_known_at": None if actual is None else datetime(day.year, day.month, day.day, 21, tzinfo=UTC),
    }])  # fmt: skip


def split(pipeline: Pipeline, which: int, place: int, ratio: float) -> None:
    day = DAYS[place].item()
    store(pipeline, CorporateAction, [{
        "instrument_id": which + 1, "action": "split", "ex_date": day, "source": "test", "ratio": ratio,
        "known_at": datetime(day.year, day.month, day.day, tzinfo=UTC)}])  # fmt: skip


@contextmanager
def cloned(postgres_dsn: str, template: str, name: str) -> Iterator[Database]:
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}"'.encode())
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    database = Database(make_conninfo(postgres_dsn, dbname=name))
    try:
        yield database
    finally:
        database.close()
        with psycopg.connect(postgres_dsn, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def small_desk(postgres_dsn: str, template_dsn: str) -> Iterator[str]:
    """Name a database with four instruments and their bars, derived rows up to date; clone it."""
    name = "qd_derived"
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE qd_template".encode())
    database = Database(make_conninfo(postgres_dsn, dbname=name))
    seed(database)
    update_derived(PostgresDerivedStore(database))
    database.close()
    yield name
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def desk(postgres_dsn: str, small_desk: str) -> Iterator[Database]:
    with cloned(postgres_dsn, small_desk, "qd_derived_own") as database:
        yield database


def test_with_nothing_new_nothing_is_read_or_written(desk: Database) -> None:
    derived = PostgresDerivedStore(desk)
    before = derived.digests()
    with desk.transaction() as connection:
        connection.execute("ALTER TABLE market_data.bars_daily RENAME TO hidden")
    again = update_derived(derived)
    assert set(again.items.values()) == {0} == set(again.rows.values())
    assert derived.digests() == before


def test_a_new_day_touches_that_day_alone(desk: Database) -> None:
    pipeline = run(desk)
    for which in range(4):
        deliver(pipeline, which, 300, 301)
    pipeline.finish()
    made = update_derived(PostgresDerivedStore(desk))
    assert (made.items["prices"], made.rows["prices"]) == (4, 4)
    assert made.rows["correlations"] == 0
    with desk.transaction() as connection:
        newest = connection.execute("SELECT max(session), count(*) FROM derived.features_daily").fetchone()
    assert newest == (DAYS[300].item(), 4 * 301)


STEPS: dict[str, Callable[[Pipeline, random.Random, int], None]] = {
    "day": lambda p, r, n: deliver(p, r.randrange(4), 300, 300 + r.randrange(1, 60)),
    "correction": lambda p, r, n: deliver(p, r.randrange(4), (at := r.randrange(2, 290)), at + 2, shift=1.003),
    "other source": lambda p, r, n: deliver(p, r.randrange(4), 0, r.choice([200, 330]), source=r.choice("ab")),
    "split": lambda p, r, n: split(p, r.randrange(4), r.randrange(20, 280), r.choice([2.0, 0.5])),
    "article": lambda p, r, n: publish(
        p, n, r.randrange(200), r.choice(["Apple profit soars on strong demand", "Apple profit soars on demand",
        "Microsoft cuts jobs as growth slows", "Bitcoin falls after probe of exchange"]), r.randrange(3),
        r.choice([None, -1.0, 0.0, 1.0])),
    "older article": lambda p, r, n: publish(p, n, -r.randrange(400), "Apple profit soars on strong demand", 0, None),
    "retagged": lambda p, r, n: publish(p, r.randrange(n + 1), 50, "Microsoft wins a record contract", 2, 1.0),
    "release": lambda p, r, n: release(
        p, r.randrange(18), r.choice("xy"), r.choice(NAMES), r.choice([None, 0.1, 0.4])),
    "report": lambda p, r, n: report(p, r.randrange(8), r.choice("xy"), r.randrange(3), r.choice([None, 0.9, 1.2])),
}  # fmt: skip


@settings(deadline=None, max_examples=8, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.lists(st.sampled_from(sorted(STEPS)), max_size=5), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_step_by_step_equals_a_rebuild_bit_for_bit(
    postgres_dsn: str, small_desk: str, steps: list[list[str]], seed: int
) -> None:
    source = random.Random(seed)
    with cloned(postgres_dsn, small_desk, "qd_derived_steps") as database:
        derived = PostgresDerivedStore(database)
        number = 0
        for day in steps:
            pipeline = run(database)
            for step in day:
                STEPS[step](pipeline, source, number)
                number += 1
            pipeline.finish()
            update_derived(derived)
        before = derived.digests()
        with database.transaction() as connection:
            assert connection.execute("SELECT count(*) FROM derived.stale").fetchone() == (0,)
        update_derived(derived, rebuild=True)
        assert derived.digests() == before
        with database.transaction() as connection:
            for record in DERIVED:
                connection.execute(f"TRUNCATE {record.table}".encode())
            connection.execute("TRUNCATE derived.builds")
        update_derived(derived, rebuild=True)
        assert derived.digests() == before


def test_a_run_that_dies_leaves_its_marks(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = run(desk)
    deliver(pipeline, 1, 300, 310)
    pipeline.finish()
    derived = PostgresDerivedStore(desk)
    monkeypatch.setattr("core.data.derived_prices.compute_features", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        update_derived(derived)
    monkeypatch.undo()
    assert update_derived(derived).rows["prices"] == 10


def test_every_row_names_its_code_and_when_it_was_known(desk: Database) -> None:
    pipeline = run(desk)
    publish(pipeline, 1, 5, "Apple profit soars", 0, None)
    for month in range(6):
        release(pipeline, month, "x", "CPI m/m", 0.1 * month)
    pipeline.finish()
    update_derived(PostgresDerivedStore(desk))
    versions = {code_version(part) for part in ("prices", "correlations", "news", "events")}
    with desk.transaction() as connection:
        for record in DERIVED:
            rows = connection.execute(f"SELECT DISTINCT code_version FROM {record.table}".encode()).fetchall()
            assert rows and {row[0] for row in rows} <= versions, record.table
        late = connection.execute(
            "SELECT count(*) FROM derived.features_daily f JOIN market_data.bars_daily b USING (instrument_id, session)"
            " WHERE f.known_at < b.known_at"
        ).fetchone()
    assert late == (0,)


def test_an_article_is_linked_to_whom_it_names_and_whom_its_source_tagged_with_its_own_score(desk: Database) -> None:
    pipeline = run(desk)
    publish(pipeline, 1, 5, "Apple profit soars on strong demand", 0, None)
    publish(pipeline, 2, 6, "Apple profit soars on demand", 3, -1.0)
    publish(pipeline, 3, 7, "Microsoft warns of losses", 3, None)
    pipeline.finish()
    update_derived(PostgresDerivedStore(desk))
    later = AsOf(known=datetime(2020, 6, 1, tzinfo=UTC))
    with desk.transaction(later) as connection:
        rows = connection.execute(
            "SELECT symbol, article_id, link_method, sentiment_method, sentiment, story_id FROM news.v_symbol_articles"
            " ORDER BY article_id, symbol"
        ).fetchall()
        both = connection.execute("SELECT method, tone FROM news.v_sentiment WHERE article_id = 'art_2'").fetchall()
        daily = connection.execute(
            "SELECT symbol, method, articles FROM derived.v_sentiment_daily ORDER BY 1, 2"
        ).fetchall()
    assert rows == [
        ("AAPL", "art_1", "linker", "lexicon", "positive", "art_1"),
        ("AAPL", "art_2", "linker", "provider:test", "negative", "art_1"),
        ("MSFT", "art_2", "vendor", "provider:test", "negative", "art_1"),
        ("MSFT", "art_3", "vendor", "lexicon", "negative", "art_3"),
    ]
    assert sorted(both) == [("lexicon", "positive"), ("provider:test", "negative")]
    assert daily == [
        ("AAPL", "lexicon", 2), ("AAPL", "vendor", 1), ("MSFT", "lexicon", 2), ("MSFT", "vendor", 1)
    ]  # fmt: skip
    with desk.transaction(AsOf(known=datetime(2020, 3, 2, 5, 30, tzinfo=UTC))) as connection:
        known = connection.execute("SELECT article_id FROM news.v_symbol_articles").fetchall()
        assert known == [("art_1",)]
        assert connection.execute("SELECT count(*) FROM derived.v_sentiment_daily").fetchone() == (0,)


def test_two_calendars_are_one_event_whose_outcome_shows_at_its_release(desk: Database) -> None:
    pipeline = run(desk)
    for month in range(6):
        release(pipeline, month, "x", "CPI m/m", 0.1 * month)
        release(pipeline, month, "y", "Consumer Price Index (MoM)", None)
    pipeline.finish()
    update_derived(PostgresDerivedStore(desk))
    query = (
        "SELECT event_date, release, actual, round(surprise::numeric, 6)::float, standardised_surprise, sources"
        " FROM events.v_economic ORDER BY 1"
    )
    moment = datetime(2019, 6, 10, 13, 30, tzinfo=UTC)
    with desk.transaction(AsOf(known=moment - timedelta(seconds=1))) as connection:
        before = connection.execute(query.encode()).fetchall()
    with desk.transaction(AsOf(known=moment)) as connection:
        after = connection.execute(query.encode()).fetchall()
    assert len(before) == len(after) == 6
    assert before[-1] == (date(2019, 6, 10), "CPI m/m", None, None, None, 2)
    _, title, actual, surprise, standardised, sources = after[-1]
    assert (title, actual, surprise, sources) == ("CPI m/m", 0.5, 0.3, 2)
    # The earlier surprises are -0.2, -0.1, 0, 0.1, 0.2: their sample deviation is the root of 0.025.
    assert standardised == pytest.approx(0.3 / np.sqrt(0.025))


def test_reports_a_day_apart_in_two_calendars_are_one(desk: Database) -> None:
    pipeline = run(desk)
    report(pipeline, 1, "x", 0, 1.2)
    report(pipeline, 1, "y", 1, None)
    report(pipeline, 2, "y", 0, None)
    pipeline.finish()
    update_derived(PostgresDerivedStore(desk))
    with desk.transaction(AsOf(known=datetime(2020, 1, 1, tzinfo=UTC))) as connection:
        rows = connection.execute(
            "SELECT symbol, eps_actual, round(eps_surprise::numeric, 6)::float FROM events.v_security"
            " WHERE event = 'earnings' ORDER BY event_date"
        ).fetchall()
    assert rows == [("AAPL", 1.2, 0.2), ("AAPL", None, None)]


def test_derived_code_reads_no_private_schema() -> None:
    from pathlib import Path

    import core.adapters.store.derived as adapter

    text = Path(adapter.__file__).read_text()
    assert not [name for name in ("execution.", "desk.", "strategies.", "chat.") if f" {name}" in text]
