"""Read the freshness of sources and the newest articles from a real database, by index and as of a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core.adapters.store.coverage import PostgresCoverage
from core.adapters.store.database import Database
from core.adapters.store.freshness import _DAYS
from core.adapters.store.news import PostgresNews
from core.domain.as_of import AsOf

NOON = datetime(2024, 3, 8, 12, tzinfo=UTC)


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    made = Database(database_dsn)
    yield made
    made.close()


def add_articles(database: Database, source: str, moments: list[datetime], each: int = 1) -> None:
    with database.transaction() as connection:
        for place, moment in enumerate(moments):
            for copy in range(each):
                connection.execute(
                    "INSERT INTO news.articles (article_id, published_at, published_date, headline, publisher, source,"
                    " known_at) VALUES (%s, %s, %s, %s, 'The Wire', %s, %s)",
                    (f"{source}-{place}-{copy}", moment, moment.date(), f"{source} {place}", source, moment),
                )


def test_each_source_has_its_newest_days_and_what_is_not_known_yet_does_not_count(database: Database) -> None:
    add_articles(database, "daily", [NOON - timedelta(days=day) for day in range(40)], each=3)
    add_articles(database, "weekly", [NOON - timedelta(days=1 + 7 * week) for week in range(10)])
    add_articles(database, "stopped", [NOON - timedelta(days=30 + day) for day in range(10)])
    add_articles(database, "new", [NOON])
    found = {entry.source: entry for entry in PostgresCoverage(database).freshness(as_of=AsOf(known=NOON))}
    assert {name: entry.cadence_days for name, entry in found.items()} == {
        "daily": 1.0, "weekly": 7.0, "stopped": 1.0, "new": None,
    }  # fmt: skip
    assert {name: entry.late for name, entry in found.items()} == {
        "daily": False, "weekly": False, "stopped": True, "new": None,
    }  # fmt: skip
    assert found["daily"].last_known_at == NOON
    earlier = PostgresCoverage(database).freshness(as_of=AsOf(known=NOON - timedelta(days=5, hours=1)))
    assert {entry.source: entry.last_known_at for entry in earlier}["daily"] == NOON - timedelta(days=6)
    assert "new" not in {entry.source for entry in earlier}


def test_no_table_is_read_through_for_it(database: Database) -> None:
    add_articles(database, "a", [NOON - timedelta(minutes=minute) for minute in range(800)])
    with database.transaction() as connection:
        connection.execute("ANALYZE news.articles")
        statement = f"EXPLAIN (FORMAT JSON) {_DAYS.format(table='news.articles')}"
        row = connection.execute(statement.encode(), {"known": NOON, "most": 30}).fetchone()
    assert row is not None
    plan = json.dumps(row[0])
    assert "articles_by_source" in plan
    assert "Seq Scan" not in plan


def test_the_samples_have_bars_and_macro_series_with_a_last_day_before_the_desks(sample_dsn: str) -> None:
    database = Database(sample_dsn)
    try:
        with database.transaction() as connection:
            row = connection.execute("SELECT market_data.as_of()").fetchone()
        assert row is not None
        found = PostgresCoverage(database).freshness(as_of=AsOf(known=row[0]))
        topics = {entry.topic for entry in found}
        assert {"bars of stocks", "bars of funds", "macro series"} <= topics
        assert all(entry.last_known_at <= row[0] for entry in found)
        assert [entry.late is True for entry in found] == sorted((entry.late is True for entry in found), reverse=True)
    finally:
        database.close()


def test_articles_come_newest_first_with_symbols_and_sentiment_as_of_a_time(database: Database) -> None:
    add_articles(database, "wire", [NOON - timedelta(hours=hour) for hour in range(6)])
    with database.transaction() as connection:
        for number, symbol in ((1, "AAA"), (2, "BBB")):
            connection.execute(
                "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency,"
                " source, known_at) VALUES (%s, %s, %s, 'equity', 'XNYS', 'USD', 'test', '1900-01-01')",
                (number, symbol, symbol),
            )
        for place, number in ((0, 1), (0, 2), (2, 1), (5, 2)):
            connection.execute(
                "INSERT INTO news.article_symbols (article_id, instrument_id) VALUES (%s, %s)",
                (f"wire-{place}-0", number),
            )
        connection.execute(
            "INSERT INTO news.sentiment (article_id, scorer, score, tone, known_at)"
            " VALUES ('wire-2-0', 'wire', -0.4, 'negative', %s)",
            (NOON,),
        )
    reader, now = PostgresNews(database), AsOf(known=NOON)
    found = reader.newest(as_of=now)
    assert [entry.article_id for entry in found] == [f"wire-{place}-0" for place in range(6)]
    assert [entry.symbols for entry in found] == [("AAA", "BBB"), (), ("AAA",), (), (), ("BBB",)]
    assert (found[2].sentiment, found[2].sentiment_score, found[2].sentiment_method) == ("negative", -0.4, "wire")
    assert {entry.sentiment_score for entry in found if entry is not found[2]} == {None}
    assert [entry.article_id for entry in reader.newest(as_of=now, symbol="AAA")] == ["wire-0-0", "wire-2-0"]
    assert [entry.article_id for entry in reader.newest(as_of=now, limit=2)] == ["wire-0-0", "wire-1-0"]
    # Two hours before: the newest two are not known yet, and nobody has scored the third.
    earlier = reader.newest(as_of=AsOf(known=NOON - timedelta(hours=2)))
    assert [entry.article_id for entry in earlier] == [f"wire-{place}-0" for place in range(2, 6)]
    assert earlier[0].sentiment_score is None
    assert reader.newest(as_of=now, symbol="NO SUCH SYMBOL") == []
