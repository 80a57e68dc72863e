"""Events, news and macro on rows made up so that every answer is known by hand, stored by the product's own writer."""

# ruff: noqa: E501, RUF043

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.bootstrap import build_desk
from core.adapters.store.data_store import PostgresDataStore
from core.adapters.store.database import Database
from core.domain.as_of import AsOf
from core.domain.event_records import EconomicEvent, GeopoliticalEvent, SecurityEvent
from core.domain.market_records import CorporateAction, MacroObservation, MacroSeries
from core.domain.news_records import Article, ArticleSymbol, Sentiment
from core.errors import InvalidInput, NoData, UnknownName
from core.ports.vendor import RecordRows
from core.query.semantic.answer import Sources
from core.query.semantic.evaluate import evaluate
from core.query.semantic.metric_query import MetricQuery
from core.settings import Settings

NOW = datetime(2024, 6, 14, 21, tzinfo=UTC)
LATER = datetime(2024, 7, 1, 21, tzinfo=UTC)


def at(text):
    return datetime.fromisoformat(text + ("T12:00" if len(text) == 10 else "")).replace(tzinfo=UTC)


def store(data, record, rows):
    """Store rows given as dicts."""
    made = [record(**({"source": "made"} if "source" in record.model_fields else {}) | row) for row in rows]
    values = [tuple(getattr(row, name) for name in record.model_fields) for row in made]
    rows_of = RecordRows(record=record, source="made", rows=values)
    assert data.merge(rows_of, delivered_at=NOW).new == len(rows)


def earnings(event_id, instrument_id, day, known, estimate=None, actual=None, actual_known=None):
    return {"event_id": event_id, "instrument_id": instrument_id, "event": "earnings", "event_date": day,
            "known_at": at(known), "eps_estimate": estimate, "eps_actual": actual,
            "actual_known_at": at(actual_known) if actual_known else None}  # fmt: skip


def economic(event_id, name, moment, known, **more):
    return {"event_id": event_id, "name": name, "event_at": at(moment), "event_date": moment[:10], "country": "US",
            "known_at": at(known)} | more  # fmt: skip


def fill(data, ids):
    a, b = ids
    store(data, SecurityEvent, [
        earnings("e1", a, "2024-04-25", "2024-04-01", 1.50, 1.53, "2024-04-25T21:00"),
        earnings("e2", a, "2024-01-25", "2024-01-02", 2.00, 1.90, "2024-01-25T21:00"),
        earnings("e3", b, "2024-04-30", "2024-04-01", 0.40, 0.55, "2024-04-30T21:00"),
        earnings("e4", a, "2024-07-25", "2024-06-01", 1.35),
        earnings("e5", b, "2024-06-14", "2024-06-01", 0.60, 0.70, "2024-06-20"),
        earnings("e6", b, "2024-08-01", "2024-06-25", 0.80),
    ])  # fmt: skip
    store(data, CorporateAction, [
        {"instrument_id": a, "action": "dividend", "ex_date": day, "amount": amount, "currency": "USD", "known_at": at(known)}
        for day, amount, known in (("2023-08-11", 0.24, "2023-08-04"), ("2024-02-09", 0.24, "2024-02-02"),
                                   ("2024-05-10", 0.25, "2024-05-03"), ("2024-08-12", 0.25, "2024-06-28"))
    ] + [
        {"instrument_id": b, "action": "dividend", "ex_date": "2024-03-15", "amount": 1.0, "currency": "USD", "known_at": at("2024-03-01")},
        {"instrument_id": b, "action": "split", "ex_date": "2024-06-10", "ratio": 10.0, "known_at": at("2024-05-22")},
        {"instrument_id": a, "action": "split", "ex_date": "2020-08-31", "ratio": 4.0, "known_at": at("2020-07-30")},
    ])  # fmt: skip
    store(data, EconomicEvent, [
        economic("c1", "CPI m/m", "2024-05-15T12:30", "2024-05-01", actual=0.3, forecast=0.4, previous=0.4,
                 actual_known_at=at("2024-05-15T12:30"), importance="high"),
        economic("c2", "CPI m/m", "2024-06-12T12:30", "2024-06-01", actual=0.0, forecast=0.1, previous=0.3,
                 actual_known_at=at("2024-06-12T12:30"), importance="high"),
        economic("c3", "CPI m/m", "2024-07-11T12:30", "2024-06-01", forecast=0.1, previous=0.0, importance="high"),
        economic("c4", "Core Consumer Price Index", "2024-07-11T12:30", "2024-06-01", importance="medium"),
        economic("c5", "CPI y/y", "2024-06-19T06:00", "2024-06-01", country="GB", importance="high"),
        economic("c6", "FOMC Statement", "2024-07-31T18:00", "2024-06-01", importance="high"),
        economic("c7", "Crude Oil Inventories", "2024-06-20T14:30", "2024-06-01", importance="low"),
        economic("c8", "FOMC Statement", "2024-09-18T18:00", "2024-06-20", importance="high"),
        economic("c9", "Retail Sales 100%_x", "2024-06-18T12:30", "2024-06-01", country="USD", importance="medium"),
    ])  # fmt: skip
    store(data, GeopoliticalEvent, [
        {"event_id": f"g{i}", "event_date": day, "name": name, "severity": severity, "risk_index": risk, "description": text,
         "known_at": at(known)}
        for i, (day, name, severity, risk, text, known) in enumerate((
            ("2024-01-12", "Strikes on shipping", "high", 180.0, "Red Sea", "2024-01-12"),
            ("2024-03-05", "Tariff talks", "low", 90.0, "Trade", "2024-03-05"),
            ("2024-05-20", "Border clash", "medium", 130.0, "Artillery", "2024-05-20"),
            ("2024-06-10", "Cable cut", "high", 150.0, "Undersea", "2024-06-16"),
        ))
    ])  # fmt: skip
    articles = (("n1", "2024-06-10", "Aaa beats estimates", a, 0.8), ("n2", "2024-06-11", "Aaa faces probe", a, -0.2),
                ("n3", "2024-06-12", "Bbb raises 100% of guidance", b, 0.5), ("n4", "2024-05-02", "Aaa buys back", a, 0.4),
                ("n5", "2024-06-13", "Bbb unscored story", b, None), ("n6", "2024-06-14", "Known next week", a, 0.9))  # fmt: skip
    late = {"n6": "2024-06-20"}
    store(data, Article, [
        {"article_id": key, "published_date": day, "published_at": at(day), "headline": text, "publisher": "Wire",
         "summary": "probe" if key == "n4" else "", "known_at": at(late.get(key, day))} for key, day, text, _, _ in articles
    ])  # fmt: skip
    store(data, ArticleSymbol, [{"article_id": key, "instrument_id": one} for key, _, _, one, _ in articles])
    store(data, Sentiment, [
        {"article_id": key, "scorer": "made", "score": score, "tone": "positive" if score > 0 else "negative",
         "known_at": at(late.get(key, day))} for key, day, _, _, score in articles if score is not None
    ])  # fmt: skip
    store(data, MacroSeries, [
        {"series_id": key, "name": name, "unit": unit, "frequency": frequency, "known_at": at("2020-01-01")}
        for key, name, unit, frequency in (
            ("UNRATE", "Unemployment rate", "percent", "monthly"), ("CPIAUCSL", "Consumer prices", "index", "monthly"),
            ("DGS10", "10-year yield", "percent", "daily"), ("DGS2", "2-year yield", "percent", "daily"),
            ("FEDFUNDS", "Fed funds", "percent", "monthly"), ("GDPC1", "Real GDP", "USD bn", "quarterly"))
    ])  # fmt: skip
    store(data, MacroObservation, list(observations()))


UNRATE = {"2023-01-01": 3.4, "2023-06-01": 3.6, "2023-10-01": 3.8, "2024-01-01": 3.7, "2024-02-01": 3.9, "2024-03-01": 3.8,
          "2024-04-01": 3.9, "2024-05-01": 4.0}  # fmt: skip


def observations():
    def one(series, period, value, known, vintage="first"):
        return {"series_id": series, "period": period, "value": value, "vintage": vintage, "known_at": at(known),
                "known_at_method": "vintage"}  # fmt: skip

    for period, value in UNRATE.items():
        yield one("UNRATE", period, value, f"{period[:8]}28")
    yield one("UNRATE", "2024-05-01", 4.1, "2024-06-25", "second")
    yield one("UNRATE", "2024-06-01", 4.2, "2024-06-26")
    for i in range(29):
        year, month = 2022 + i // 12, i % 12 + 1
        # 5 % up in 2023 on each month of 2022, 3 % in 2024 on each month of 2023
        level = (100.0 + month) * {2022: 1.0, 2023: 1.05, 2024: 1.05 * 1.03}[year]
        yield one("CPIAUCSL", f"{year}-{month:02d}-01", level, f"{year}-{month:02d}-28")
    for day, ten, two in (
        ("10", 4.47, 4.88),
        ("11", 4.41, 4.81),
        ("12", 4.32, 4.75),
        ("13", 4.24, 4.69),
        ("17", 4.28, 4.75),
    ):
        yield one("DGS10", f"2024-06-{day}", ten, f"2024-06-{day}")
        if day != "11":
            yield one("DGS2", f"2024-06-{day}", two, f"2024-06-{day}")
    for month in range(1, 6):
        yield one("FEDFUNDS", f"2024-{month:02d}-01", 5.33, f"2024-{month:02d}-28")
    for quarter, level in enumerate((100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0)):
        yield one("GDPC1", f"{2022 + quarter // 4}-{quarter % 4 * 3 + 1:02d}-01", level, "2024-01-30")


@pytest.fixture(scope="module")
def sources(postgres_dsn, template_dsn, tmp_path_factory):
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE qd_small TEMPLATE qd_template")
    dsn = make_conninfo(postgres_dsn, dbname="qd_small")
    desk = build_desk(Settings(home=tmp_path_factory.mktemp("home")), dsn)
    database = Database(dsn)
    ids = [
        desk.instruments.add(symbol, f"{symbol} Corp", "equity", source="made").instrument_id
        for symbol in ("AAA", "BBB")
    ]
    fill(PostgresDataStore(database), ids)
    database.close()
    yield Sources(instruments=desk.instruments, bars=desk.bars, macro=desk.macro, query=desk.query, books=desk.books,
                  as_of=AsOf(known=NOW), wall=NOW)  # fmt: skip
    desk.query.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_small WITH (FORCE)")


@pytest.fixture
def ask(sources):
    def run(metric, *, known=NOW, **arguments):
        return evaluate(MetricQuery(metric=metric, **arguments), replace(sources, as_of=AsOf(known=known)))

    return run


def value(answer, name):
    found = [fact for fact in answer.facts if fact.name == name]
    assert found, f"{name!r} is not among {[fact.name for fact in answer.facts]}"
    return found[0].value


def rows(answer):
    return list(answer.tables[0].rows)


# Earnings -------------------------------------------------------------------------------------------------------


def test_the_next_earnings_date_is_the_first_from_today_on(ask):
    answer = ask("earnings_dates", symbols=("AAA",))
    assert value(answer, "AAA earnings date") == "2024-07-25" and len(rows(answer)) == 1
    assert [row[:2] for row in rows(ask("earnings_dates"))] == [("BBB", "2024-06-14"), ("AAA", "2024-07-25")]


def test_an_earnings_date_known_later_is_not_there_yet(ask):
    assert "2024-08-01" not in [row[1] for row in rows(ask("earnings_dates", symbols=("BBB",)))]
    assert "2024-08-01" in [row[1] for row in rows(ask("earnings_dates", symbols=("BBB",), known=LATER))]


def test_this_week_runs_to_its_last_day(ask):
    assert [row[:2] for row in rows(ask("earnings_dates", period={"name": "this_week"}))] == [("BBB", "2024-06-14")]
    with pytest.raises(NoData, match="from 2024-06-17 to 2024-06-23"):
        ask("earnings_dates", period={"name": "next_week"})


def test_surprises_are_actual_minus_estimate_newest_first(ask):
    answer = ask("earnings_surprise", symbols=("AAA",))
    assert [row[:4] for row in rows(answer)] == [("AAA", "2024-04-25", 1.53, 1.5), ("AAA", "2024-01-25", 1.9, 2.0)]
    assert [row[4] for row in rows(answer)] == pytest.approx([0.03, -0.10])
    assert value(answer, "AAA EPS surprise 2024-01-25") == pytest.approx(-0.10)


def test_an_actual_is_unknown_until_it_is_reported(ask):
    assert "2024-06-14" not in [row[1] for row in rows(ask("earnings_surprise", symbols=("BBB",)))]
    later = ask("earnings_surprise", symbols=("BBB",), known=LATER)
    assert value(later, "BBB EPS surprise 2024-06-14") == pytest.approx(0.10)
    (row,) = rows(ask("earnings_dates", symbols=("BBB",), period={"name": "today"}))
    assert row == ("BBB", "2024-06-14", 0.6, None)


@pytest.mark.parametrize(
    ("operator", "limit", "found"),
    [(">", 0.0, ["BBB", "AAA"]), ("<", 0.0, ["AAA"]), (">=", 0.1, ["BBB"]), ("!=", 0.0, ["BBB", "AAA", "AAA"])],
)
def test_surprises_can_be_filtered(ask, operator, limit, found):
    answer = ask("earnings_surprise", filter={"operator": operator, "value": limit})
    assert [row[0] for row in rows(answer)] == found


# Dividends and splits -------------------------------------------------------------------------------------------


def test_dividends_of_a_year_are_summed(ask):
    answer = ask("dividends", symbols=("AAA",), period={"last": 1, "unit": "years"})
    assert value(answer, "AAA dividends, total per share") == pytest.approx(0.73)
    assert (value(answer, "AAA last dividend"), value(answer, "AAA last ex-date")) == (0.25, "2024-05-10")
    assert [row[1] for row in rows(answer)] == ["2023-08-11", "2024-02-09", "2024-05-10"]


def test_a_dividend_not_yet_declared_is_not_counted(ask):
    later = ask(
        "dividends", symbols=("AAA",), period={"name": "this_year"}, known=datetime(2024, 8, 13, 21, tzinfo=UTC)
    )
    assert value(later, "AAA dividends, total per share") == pytest.approx(0.74)
    now = ask("dividends", symbols=("AAA",), period={"name": "this_year"})
    assert value(now, "AAA dividends, total per share") == pytest.approx(0.49)
    with pytest.raises(NoData, match="No dividend"):
        ask("dividends", symbols=("AAA",), period={"start": "2024-06-15", "end": "2024-12-31"})


def test_a_dividend_before_a_split_is_per_share_of_today(ask):
    now = ask("dividends", symbols=("BBB",), period={"name": "this_year"})
    assert rows(now) == [("BBB", "2024-03-15", pytest.approx(0.1), "USD")]
    assert value(now, "BBB dividends, total per share") == pytest.approx(0.1)
    by_year = ask("dividends", symbols=("BBB",), grain="year", period={"name": "this_year"})
    assert value(by_year, "BBB dividends per share 2024-01-01") == pytest.approx(0.1)
    # Announced on 22 May, in effect on 10 June: until then a share is what it was.
    for day in (1, 30):
        before = ask(
            "dividends", symbols=("BBB",), period={"name": "this_year"}, known=datetime(2024, 5, day, tzinfo=UTC)
        )
        assert value(before, "BBB dividends, total per share") == 1.0


@pytest.mark.parametrize(("metric", "count"), [("earnings_surprise", 3), ("earnings_dates", 5)])
def test_a_count_is_not_cut_where_a_list_is(ask, monkeypatch, metric, count):
    monkeypatch.setattr("core.query.semantic.listings.DEFAULT_ROWS", 1)
    answer = ask(metric, aggregation="count", period={"name": "all"})
    assert answer.facts[0].name.startswith("number of") and answer.facts[0].value == count
    assert len(rows(ask(metric, period={"name": "all"}))) == 1


def test_dividends_of_several_are_counted_and_ordered(ask):
    answer = ask("dividends", aggregation="count", period={"name": "this_year"})
    assert value(answer, "number of dividends") == 3
    newest = ask("dividends", order="desc", limit=1)
    assert [row[:3] for row in rows(newest)] == [("AAA", "2024-05-10", 0.25)]


def test_dividends_are_added_up_by_year(ask):
    answer = ask("dividends", symbols=("AAA",), grain="year", period={"start": "2023-01-01"})
    by_year = answer.tables[0]
    assert [row[:2] for row in by_year.rows] == [("AAA", "2023-01-01"), ("AAA", "2024-01-01")]
    listed = {row[1]: row[2] for row in answer.tables[1].rows}
    for row in by_year.rows:
        assert row[2] == pytest.approx(sum(paid for day, paid in listed.items() if day[:4] == row[1][:4]))
    assert value(answer, "AAA dividends per share 2024-01-01") == pytest.approx(0.49)


def test_releases_are_counted_by_month(ask):
    answer = ask("economic_events", grain="month", aggregation="count", period={"name": "all"})
    by_month, listed = answer.tables
    assert sum(row[2] for row in by_month.rows) == len(listed.rows) == value(answer, "number of releases")
    assert {row[1][:7] for row in by_month.rows} == {row[1][:7] for row in listed.rows}


def test_splits(ask):
    answer = ask("splits")
    assert [row[:3] for row in rows(answer)] == [("BBB", "2024-06-10", 10.0), ("AAA", "2020-08-31", 4.0)]
    assert value(answer, "BBB split 2024-06-10") == 10.0
    with pytest.raises(NoData, match="for BBB"):
        ask("splits", symbols=("BBB",), known=datetime(2024, 5, 1, tzinfo=UTC))


# The economic calendar -------------------------------------------------------------------------------------------


def test_the_next_release_of_a_topic(ask):
    answer = ask("economic_events", topic="CPI")
    assert {row[0] for row in rows(answer)} == {"CPI m/m", "Core Consumer Price Index"}
    assert {row[1] for row in rows(answer)} == {"2024-07-11"} and "Releases of the United States." in answer.notes
    assert value(answer, f"{rows(answer)[0][0]} date") == "2024-07-11"


def test_a_release_of_today_is_next_until_its_minute(ask):
    before = ask("economic_events", topic="inflation", known=datetime(2024, 6, 12, 12, 29, tzinfo=UTC), limit=1)
    assert [row[1] for row in rows(before)] == ["2024-06-12"]
    after = ask("economic_events", topic="inflation", known=datetime(2024, 6, 12, 12, 30, tzinfo=UTC), limit=1)
    assert [row[1] for row in rows(after)] == ["2024-07-11"]


def test_actual_forecast_and_previous_of_the_last_release(ask):
    answer = ask("economic_events", topic="CPI", period={"start": "2024-06-01", "end": "2024-06-14"})
    assert [value(answer, f"CPI m/m {word} 2024-06-12") for word in ("actual", "forecast", "previous")] == [
        0.0,
        0.1,
        0.3,
    ]
    eve = ask("economic_events", topic="CPI", period={"start": "2024-06-12", "end": "2024-06-12"},
              known=datetime(2024, 6, 12, 12, tzinfo=UTC))  # fmt: skip
    assert rows(eve)[0][5:] == (None, 0.1, 0.3)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"country": "GB"}, ["CPI y/y"]),
        ({"country": "gb", "topic": "CPI"}, ["CPI y/y"]),
        ({"topic": "fomc"}, ["FOMC Statement"]),
        ({"topic": "crude"}, ["Crude Oil Inventories"]),
        ({"topic": "100%"}, ["Retail Sales 100%_x"]),
        ({"topic": "retail sales"}, ["Retail Sales 100%_x"]),
        ({"severity": "high", "country": "US"}, ["CPI m/m", "FOMC Statement"]),
        (
            {"severity": "medium", "country": "US", "period": {"start": "2024-06-15", "end": "2024-06-30"}},
            ["Retail Sales 100%_x"],
        ),
        ({"period": {"name": "next_week"}}, ["Retail Sales 100%_x", "CPI y/y", "Crude Oil Inventories"]),
        (
            {"period": {"name": "next_week"}, "order": "desc"},
            ["Crude Oil Inventories", "CPI y/y", "Retail Sales 100%_x"],
        ),
        ({"limit": 2}, ["Retail Sales 100%_x", "CPI y/y"]),
    ],
    ids=str,
)
def test_the_calendar_can_be_narrowed(ask, arguments, names):
    assert [row[0] for row in rows(ask("economic_events", **arguments))] == names


def test_a_meeting_announced_later_is_not_in_the_calendar(ask):
    assert [row[1] for row in rows(ask("economic_events", topic="fomc", known=LATER))] == ["2024-07-31", "2024-09-18"]
    with pytest.raises(NoData, match="No release for payrolls is scheduled after 2024-06-14"):
        ask("economic_events", topic="payrolls")
    with pytest.raises(NoData, match="No release for x_x"):
        ask("economic_events", topic="x_x")


# Geopolitics -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, ["Border clash", "Tariff talks", "Strikes on shipping"]),
        ({"severity": "medium"}, ["Border clash", "Strikes on shipping"]),
        ({"severity": "high"}, ["Strikes on shipping"]),
        ({"severity": "high", "known": LATER}, ["Cable cut", "Strikes on shipping"]),
        ({"topic": "red sea"}, ["Strikes on shipping"]),
        ({"topic": "clash"}, ["Border clash"]),
        ({"order": "asc", "limit": 1}, ["Strikes on shipping"]),
        ({"period": {"name": "last_month"}}, ["Border clash"]),
    ],
    ids=str,
)
def test_geopolitical_events(ask, arguments, names):
    answer = ask("geopolitical_events", **arguments)
    assert [row[1] for row in rows(answer)] == names
    newest = max(rows(answer), key=lambda row: row[0])
    assert (value(answer, "newest event"), value(answer, "date of the newest event")) == (newest[1], newest[0])


# News ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "headlines"),
    [
        ({"symbols": ("AAA",)}, ["Aaa faces probe", "Aaa beats estimates", "Aaa buys back"]),
        ({"symbols": ("AAA",), "known": LATER, "limit": 1}, ["Known next week"]),
        ({"topic": "probe"}, ["Aaa faces probe", "Aaa buys back"]),
        ({"topic": "100%"}, ["Bbb raises 100% of guidance"]),
        ({"topic": "1_0"}, None),
        ({"period": {"start": "2024-06-11", "end": "2024-06-12"}}, ["Bbb raises 100% of guidance", "Aaa faces probe"]),
        ({"order": "asc", "limit": 1}, ["Aaa buys back"]),
    ],
    ids=str,
)
def test_articles(ask, arguments, headlines):
    if headlines is None:
        with pytest.raises(NoData, match="No article"):
            ask("news", **arguments)
        return
    answer = ask("news", **arguments)
    assert [row[2] for row in rows(answer)] == headlines
    assert answer.sources == ["Wire"] and any("does not follow instructions" in note for note in answer.notes)


def test_articles_are_counted(ask):
    assert value(ask("news", aggregation="count"), "number of articles") == 5
    counted = ask("news_count")
    assert rows(counted) == [("AAA", 2), ("BBB", 2)]
    assert rows(ask("news_count", period={"name": "all"})) == [("AAA", 3), ("BBB", 2)]
    assert rows(ask("news_count", period={"name": "all"}, grain="month", symbols=("AAA",))) == [
        ("AAA", "2024-05-01", 1), ("AAA", "2024-06-01", 2)]  # fmt: skip


def test_sentiment_is_the_mean_of_what_was_scored(ask):
    answer = ask("sentiment")
    assert [row[0] for row in rows(answer)] == ["BBB", "AAA"]
    assert value(answer, "AAA average sentiment") == pytest.approx((0.8 - 0.2) / 2)
    assert value(answer, "BBB average sentiment") == pytest.approx(0.5)
    assert value(answer, "average sentiment over all articles") == pytest.approx((0.8 - 0.2 + 0.5) / 3)
    assert [row[0] for row in rows(ask("sentiment", order="asc"))] == ["AAA", "BBB"]
    later = ask("sentiment", symbols=("AAA",), period={"name": "this_month"}, known=datetime(2024, 6, 21, tzinfo=UTC))
    assert value(later, "AAA average sentiment") == pytest.approx((0.8 - 0.2 + 0.9) / 3)
    with pytest.raises(NoData, match="No scored article on 2024-06-13"):
        ask("sentiment", symbols=("BBB",), period={"start": "2024-06-13", "end": "2024-06-13"})


@pytest.mark.parametrize(("metric", "arguments", "said"), [
    # The next article on AAA is of the 14th, but known on the 20th only.
    ("news", {"symbols": ("AAA",), "period": {"start": "2024-06-13", "end": "2024-06-13"}}, "No article on 2024-06-13 is stored for AAA; the newest before is of 2024-06-11. `"),
    ("news", {"topic": "probe", "period": {"start": "2024-05-10", "end": "2024-05-20"}}, "; the newest before is of 2024-05-02, the next after is of 2024-06-11. `"),
    ("news", {"topic": "nowhere", "period": {"name": "today"}}, "No article on 2024-06-14 is stored. `"),
    ("news_count", {"symbols": ("BBB",), "period": {"start": "2024-06-01", "end": "2024-06-05"}}, "for BBB; the next after is of 2024-06-12."),
    ("earnings_dates", {"symbols": ("BBB",), "period": {"name": "last_month"}}, "for BBB; the newest before is of 2024-04-30, the next after is of 2024-06-14."),
    ("dividends", {"symbols": ("AAA",), "period": {"start": "2024-03-01", "end": "2024-03-31"}}, "for AAA; the newest before is of 2024-02-09, the next after is of 2024-05-10."),
    ("splits", {"symbols": ("BBB",), "period": {"name": "today"}}, "No split on 2024-06-14 is known for BBB; the newest before is of 2024-06-10."),
    ("geopolitical_events", {"severity": "high", "period": {"name": "last_month"}}, "of high severity from 2024-05-01 to 2024-05-31 is stored; the newest before is of 2024-01-12."),
    ("economic_events", {"topic": "CPI", "period": {"start": "2024-05-20", "end": "2024-05-31"}}, "the newest before is of 2024-05-15, the next after is of 2024-06-12."),
])  # fmt: skip
def test_days_without_rows_are_told_with_the_nearest_that_have_some(ask, metric, arguments, said):
    with pytest.raises(NoData, match=said):
        ask(metric, **arguments)


# Macro -----------------------------------------------------------------------------------------------------------


def test_a_value_as_first_published_and_as_known_on_a_day(ask):
    may = {"start": "2024-05-01", "end": "2024-05-31"}
    first = ask("macro_value", series=("unemployment",), known=LATER, period=may, vintage="first")
    assert value(first, "Unemployment rate, as first published") == 4.0
    assert value(first, "Unemployment rate, as first published: published") == "2024-05-28"
    assert first.notes == []
    for day, known in (("2024-06-24", 4.0), ("2024-06-25", 4.1), ("2024-06-26", 4.1)):
        then = ask("macro_value", series=("UNRATE",), known=LATER, period=may, vintage=day)
        assert value(then, f"Unemployment rate, as known on {day}") == known
    # Without a period it is the newest that was known then, never more than the question itself may see.
    newest = ask("macro_value", series=("UNRATE",), known=LATER, vintage="2024-06-25")
    assert value(newest, "Unemployment rate, as known on 2024-06-25: period") == "2024-05-01"
    with pytest.raises(NoData):
        ask("macro_value", series=("UNRATE",), known=LATER, period=may, vintage="2024-05-27")
    with pytest.raises(InvalidInput, match="not known yet"):
        ask("macro_value", series=("UNRATE",), vintage="2024-06-25")
    with pytest.raises(InvalidInput, match="different days"):
        ask("macro_yoy", series=("inflation",), vintage="first")
    with pytest.raises(InvalidInput, match="no vintages"):
        ask("close", symbols=("AAA",), vintage="first")


def test_the_newest_known_value_and_its_revision(ask):
    answer = ask("macro_value", series=("unemployment",))
    assert (value(answer, "Unemployment rate"), value(answer, "Unemployment rate: period")) == (4.0, "2024-05-01")
    assert answer.facts[0].unit == "percent"
    later = ask("macro_value", series=("UNRATE",), known=LATER)
    assert (value(later, "Unemployment rate"), value(later, "Unemployment rate: period")) == (4.2, "2024-06-01")
    revised = ask("macro_value", series=("UNRATE",), known=LATER, period={"start": "2024-05-01", "end": "2024-05-31"})
    assert value(revised, "Unemployment rate") == 4.1


def test_the_last_time_above_and_the_first(ask):
    above = {"operator": ">=", "value": 3.9}
    last = ask("macro_value", series=("unemployment",), filter=above)
    assert last.charts == [], "no line joins periods that did not pass"
    assert (
        value(last, "Unemployment rate: period") == "2024-05-01"
        and value(last, "Unemployment rate: periods found") == 3
    )
    assert [row[0] for row in rows(last)] == ["2024-05-01", "2024-04-01", "2024-02-01"]
    first = ask("macro_value", series=("unemployment",), filter=above, order="asc")
    assert value(first, "Unemployment rate: period") == "2024-02-01"
    none = ask("macro_value", series=("unemployment",), filter={"operator": ">", "value": 10})
    assert value(none, "Unemployment rate: periods found") == 0 and "No period" in none.notes[-1]


@pytest.mark.parametrize(
    ("aggregation", "name", "expected", "day"),
    [("maximum", "highest", 4.0, "2024-05-01"), ("minimum", "lowest", 3.4, "2023-01-01")],
)
def test_macro_extremes_carry_their_dates(ask, aggregation, name, expected, day):
    answer = ask("macro_value", series=("UNRATE",), aggregation=aggregation)
    assert value(answer, f"{name} Unemployment rate") == expected
    assert value(answer, f"date of the {name} Unemployment rate") == day


@pytest.mark.parametrize(("aggregation", "expected"), [("average", 3.86), ("median", 3.9)])
def test_macro_averages(ask, aggregation, expected):
    answer = ask("macro_value", series=("UNRATE",), aggregation=aggregation, period={"name": "this_year"})
    assert value(answer, f"{aggregation} Unemployment rate") == pytest.approx(expected)
    assert value(answer, "Unemployment rate: first period") == "2024-01-01"


def test_averages_by_quarter_are_listed(ask):
    answer = ask(
        "macro_value", series=("UNRATE",), grain="quarter", aggregation="average", period={"name": "this_year"}
    )
    assert rows(answer) == [("2024-01-01", pytest.approx((3.7 + 3.9 + 3.8) / 3))]


def test_inflation_is_the_change_on_a_year_before(ask):
    answer = ask("macro_yoy", series=("inflation",))
    assert value(answer, "Consumer prices, year-over-year change") == pytest.approx(0.03)
    assert value(answer, "Consumer prices, year-over-year change: period") == "2024-05-01"
    listed = ask("macro_yoy", series=("inflation",), period={"name": "last_year"})
    assert [row[1] for row in rows(listed)] == pytest.approx([0.05] * 12)
    earlier = ask("macro_yoy", series=("inflation",), known=datetime(2023, 6, 29, tzinfo=UTC))
    assert value(earlier, "Consumer prices, year-over-year change") == pytest.approx(0.05)


def test_growth_compares_whole_years(ask):
    answer = ask("macro_growth", series=("gdp",))
    assert rows(answer) == [("2023-01-01", pytest.approx(105.5 / 101.5 - 1))]
    quarters = ask("macro_growth", series=("gdp",), grain="quarter")
    assert [row[1] for row in rows(quarters)] == pytest.approx([b / (b - 1) - 1 for b in range(101, 108)])


def test_change_is_the_difference_to_the_value_before(ask):
    answer = ask("macro_change", series=("UNRATE",), period={"start": "2024-01-01", "end": "2024-05-31"})
    assert [row[1] for row in rows(answer)] == pytest.approx([-0.1, 0.2, -0.1, 0.1, 0.1])


def test_the_curve_is_ten_minus_two_on_common_days(ask):
    answer = ask("macro_spread", series=("10 year", "2 year"))
    assert [row[0] for row in rows(answer)] == ["2024-06-10", "2024-06-12", "2024-06-13"]
    assert [row[1] for row in rows(answer)] == pytest.approx([-0.41, -0.43, -0.45])
    assert (value(answer, "lowest"), value(answer, "date of the lowest")) == (pytest.approx(-0.45), "2024-06-13")
    assert "In percentage points." in answer.notes
    assert [row[0] for row in rows(ask("macro_spread", series=("DGS10", "DGS2"), known=LATER))][-1] == "2024-06-17"


def test_what_macro_cannot_answer_is_said(ask):
    with pytest.raises(NoData, match="No series for 30-year mortgage rate is stored"):
        ask("macro_value", series=("mortgage rates",))
    with pytest.raises(UnknownName):
        ask("macro_value", series=("unobtainium index",))
    with pytest.raises(NoData, match="lies in the period"):
        ask("macro_value", series=("UNRATE",), period={"start": "2024-05-15", "end": "2024-06-14"})
    with pytest.raises(InvalidInput, match="exactly two"):
        ask("macro_spread", series=("DGS10", "DGS2", "UNRATE"))
    with pytest.raises(NoData):
        ask("macro_value", series=("UNRATE",), known=datetime(2022, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("metric", ["close", "return", "volatility", "rsi", "beta", "correlation"])
def test_instruments_without_prices_say_so(ask, metric):
    with pytest.raises((NoData, InvalidInput)) as nothing:
        ask(metric, symbols=("AAA", "BBB"), benchmark="AAA" if metric == "beta" else None)
    assert "AAA" in str(nothing.value) or "price" in str(nothing.value).lower()
    with pytest.raises(NoData, match="have prices|has prices|No prices"):
        ask(metric, group="equity", benchmark="AAA" if metric == "beta" else None)


def test_coverage_of_an_empty_desk_is_an_answer_too(ask):
    with pytest.raises(NoData, match="No prices are stored"):
        ask("coverage")


def test_today_is_the_day_at_the_exchange(sources):
    assert sources.today == date(2024, 6, 14)
    night = replace(sources, as_of=AsOf(known=datetime(2024, 6, 15, 3, 59, tzinfo=UTC)))
    assert night.today == date(2024, 6, 14)
    assert replace(sources, as_of=AsOf(known=datetime(2024, 6, 15, 4, tzinfo=UTC))).today == date(2024, 6, 15)
