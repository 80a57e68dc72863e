"""Files of news and events become records with the time from which each part was known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from core.data.import_records import Parsed
from core.data.import_texts import (
    read_calendar,
    read_central_bank_texts,
    read_earnings,
    read_geopolitical,
    read_news,
)
from core.data.risk_index import severity_of
from core.data.symbols import SymbolResolver
from core.data.table_file import TableFile
from core.data.universe import symbol_history, universe

RESOLVER = SymbolResolver(universe(), symbol_history())
IDS = {instrument.symbol: instrument.instrument_id for instrument in universe()}
Open = Callable[[str], TableFile]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    made: list[TableFile] = []

    def run(text: str) -> TableFile:
        path = tmp_path / "my_file.csv"
        path.write_text(text)
        made.append(TableFile(path))
        return made[-1]

    yield run
    for file in made:
        file.close()


def rows(parsed: Parsed, part: str = "records", kind: str | None = None) -> list[dict[str, Any]]:
    return [
        dict(zip(records.record.model_fields, row, strict=True))
        for records in getattr(parsed, part)
        for row in records.rows
        if kind in (None, records.record.kind)
    ]


def held(parsed: Parsed) -> list[tuple[str, str]]:
    return [(row.detail, row.reason) for row in parsed.held]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


# News -----------------------------------------------------------------------------------------------------------

NEWS = "published_at,date,symbols,headline,summary,source,url,sentiment,dataset\n"


def test_an_article_is_known_when_it_was_published(opened: Open) -> None:
    text = NEWS + "2024-02-01 21:30:00,2024-02-01,AAPL,Apple reports,A summary,Wire,https://x.test/1,positive,feed\n"
    parsed = read_news(opened(text), RESOLVER)
    (article,) = rows(parsed)
    assert article["published_at"] == article["known_at"] == utc(2024, 2, 1, 21, 30)
    assert article["published_date"] == date(2024, 2, 1)
    assert (article["headline"], article["summary"], article["publisher"]) == ("Apple reports", "A summary", "Wire")
    (link,) = rows(parsed, "beside", "article_symbol")
    assert link["instrument_id"] == IDS["AAPL"]
    (tone,) = rows(parsed, "beside", "sentiment")
    assert (tone["tone"], tone["score"], tone["known_at"]) == ("positive", 1.0, utc(2024, 2, 1, 21, 30))


@pytest.mark.parametrize(
    ("published", "stated", "known", "day"),
    [
        ("2024-02-01 21:30:00", "", utc(2024, 2, 1, 21, 30), date(2024, 2, 1)),
        ("2024-02-01T21:30:00Z", "", utc(2024, 2, 1, 21, 30), date(2024, 2, 1)),
        ("", "2024-02-01", utc(2024, 2, 1, 23, 59, 59), date(2024, 2, 1)),
        ("yesterday", "2024-02-01", utc(2024, 2, 1, 23, 59, 59), date(2024, 2, 1)),
    ],
)
def test_an_article_without_a_time_is_known_at_the_end_of_its_day(
    opened: Open, published: str, stated: str, known: datetime, day: date
) -> None:
    (article,) = rows(read_news(opened(NEWS + f"{published},{stated},,Headline,,,,,\n"), RESOLVER))
    assert (article["known_at"], article["published_date"]) == (known, day)


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ("AAPL", ["AAPL"]),
        ("AAPL;MSFT", ["AAPL", "MSFT"]),
        ("AAPL|MSFT BTC", ["AAPL", "MSFT", "BTC-USD"]),
        ("FB", ["META"]),
        ("", []),
    ],
)
def test_symbols_are_written_in_many_ways(opened: Open, symbols: str, expected: list[str]) -> None:
    parsed = read_news(opened(NEWS + f",2024-02-01,{symbols},Headline,,,,,\n"), RESOLVER)
    assert [row["instrument_id"] for row in rows(parsed, "beside")] == [IDS[symbol] for symbol in expected]


def test_an_unknown_symbol_loses_the_link_and_not_the_article(opened: Open) -> None:
    parsed = read_news(opened(NEWS + ",2024-02-01,AAPL;NOSUCH,Headline,,,,,\n"), RESOLVER)
    assert len(rows(parsed)) == 1
    assert len(rows(parsed, "beside")) == 1
    assert [(row.symbol, row.reason, row.record_kind) for row in parsed.beside_held] == [
        ("NOSUCH", "unknown_symbol", "article_symbol")
    ]
    assert parsed.held == []


def test_an_article_without_headline_or_date_is_held(opened: Open) -> None:
    text = NEWS + ",2024-02-01,,,,,,,\n,,,Headline,,,,,\n,2024-02-01,,Good,,,,,\n"
    parsed = read_news(opened(text), RESOLVER)
    assert held(parsed) == [("line 2", "no_headline"), ("line 3", "bad_date")]
    assert [row["headline"] for row in rows(parsed)] == ["Good"]


@pytest.mark.parametrize(
    ("stated", "score"), [("positive", 1.0), ("Neutral", 0.0), ("NEGATIVE", -1.0), ("", None), ("mixed", None)]
)
def test_only_known_tones_are_scores(opened: Open, stated: str, score: float | None) -> None:
    parsed = read_news(opened(NEWS + f",2024-02-01,,Headline,,,,{stated},feed\n"), RESOLVER)
    tones = rows(parsed, "beside", "sentiment")
    assert [row["score"] for row in tones] == ([] if score is None else [score])
    assert all(row["scorer"] == "provider:feed" for row in tones)


def test_the_same_article_has_the_same_name_every_time(opened: Open) -> None:
    text = NEWS + ",2024-02-01,,Headline,,,,,feed\n,2024-02-02,,Headline,,,,,feed\n,2024-02-01,,Other,,,,,feed\n"
    one = [row["article_id"] for row in rows(read_news(opened(text), RESOLVER))]
    other = [row["article_id"] for row in rows(read_news(opened(text), RESOLVER))]
    assert one == other
    assert len(set(one)) == 3


# Economic calendar ----------------------------------------------------------------------------------------------

CALENDAR = "release_time_utc,date,country,event,impact,actual,forecast,previous\n"


def test_a_release_is_on_the_calendar_a_week_before_and_its_value_known_at_its_time(opened: Open) -> None:
    text = CALENDAR + "2024-02-02 13:30:00,2024-02-02,US,Nonfarm Payrolls,high,353,185,333\n"
    (row,) = rows(read_calendar(opened(text)))
    assert row["event_at"] == row["actual_known_at"] == utc(2024, 2, 2, 13, 30)
    assert row["known_at"] == utc(2024, 1, 26)
    assert (row["actual"], row["forecast"], row["previous"]) == (353.0, 185.0, 333.0)
    assert (row["category"], row["importance"], row["country"]) == ("labour", "high", "US")


def test_a_release_to_come_has_no_outcome(opened: Open) -> None:
    (row,) = rows(read_calendar(opened(CALENDAR + ",2030-02-01,US,Nonfarm Payrolls,high,,185,\n")))
    assert (row["actual"], row["actual_known_at"], row["event_at"]) == (None, None, None)
    assert row["event_date"] == date(2030, 2, 1)


def test_an_outcome_without_a_time_is_known_at_the_end_of_the_day(opened: Open) -> None:
    (row,) = rows(read_calendar(opened(CALENDAR + ",2024-02-02,US,Nonfarm Payrolls,high,353,,\n")))
    assert row["actual_known_at"] == utc(2024, 2, 2, 23, 59, 59)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("CPI m/m", "inflation"),
        ("Core PCE Price Index m/m", "inflation"),
        ("Unemployment Claims", "labour"),
        ("JOLTS Job Openings", "labour"),
        ("FOMC Statement", "monetary policy"),
        ("ECB Main Refinancing Rate", "monetary policy"),
        ("Advance GDP q/q", "growth"),
        ("Retail Sales m/m", "growth"),
        ("ISM Manufacturing PMI", "survey"),
        ("Building Permits", "housing"),
        ("Crude Oil Inventories", "energy"),
        ("10-y Bond Auction", "auction"),
        ("Bank Holiday", "other"),
    ],
)
def test_releases_are_sorted_by_what_they_measure(opened: Open, name: str, category: str) -> None:
    (row,) = rows(read_calendar(opened(CALENDAR + f",2024-02-02,US,{name},low,,,\n")))
    assert row["category"] == category


@pytest.mark.parametrize(
    ("impact", "importance"), [("low", "low"), ("holiday", "holiday"), ("", "unknown"), ("!!", "unknown")]
)
def test_importance_is_one_of_the_known_words(opened: Open, impact: str, importance: str) -> None:
    (row,) = rows(read_calendar(opened(CALENDAR + f",2024-02-02,US,GDP,{impact},,,\n")))
    assert row["importance"] == importance


def test_two_releases_of_one_name_and_time_are_two(opened: Open) -> None:
    line = "2024-02-02 13:30:00,2024-02-02,US,GDP,high,1,,\n"
    found = rows(read_calendar(opened(CALENDAR + line + line)))
    assert len({row["event_id"] for row in found}) == 2
    again = rows(read_calendar(opened(CALENDAR + line + line)))
    assert [row["event_id"] for row in found] == [row["event_id"] for row in again]


def test_a_release_without_date_country_or_name_is_held(opened: Open) -> None:
    text = CALENDAR + ",someday,US,GDP,,,,\n,2024-02-02,,GDP,,,,\n,2024-02-02,US,,,,,\n,9999-12-31,US,GDP,,,,\n"
    assert held(read_calendar(opened(text))) == [
        ("line 2", "bad_date"),
        ("line 3", "bad_value"),
        ("line 4", "bad_value"),
        ("line 5", "bad_date"),
    ]


# Central banks --------------------------------------------------------------------------------------------------


def test_minutes_are_known_when_released_not_when_the_committee_met(opened: Open) -> None:
    text = (
        "meeting_date,release_date,type,text\n"
        "2024-01-31,2024-02-21,Minute,The staff reviewed\n"
        "2024-01-31,2024-01-31,Statement,The Committee decided\n"
        "2024-01-31,,Statement,No date\n"
        "2024-01-31,2024-01-31,,No kind\n"
        "2024-01-31,2024-01-31,Statement,\n"
    )
    parsed = read_central_bank_texts(opened(text))
    minutes, statement = rows(parsed)
    assert (minutes["name"], minutes["known_at"]) == ("FOMC Minutes", utc(2024, 2, 21, 23, 59, 59))
    assert minutes["details"] == {"text": "The staff reviewed", "meeting_date": "2024-01-31"}
    assert (statement["name"], statement["importance"]) == ("FOMC Statement", "high")
    assert held(parsed) == [("line 4", "bad_date"), ("line 5", "bad_value"), ("line 6", "bad_value")]


# Earnings -------------------------------------------------------------------------------------------------------


def test_a_result_hides_until_the_end_of_its_day(opened: Open) -> None:
    text = "symbol,earnings_date,eps_estimate,eps_actual\nAAPL,2024-02-01,2.10,2.18\nMSFT,2030-01-30,2.5,\n"
    past, coming = rows(read_earnings(opened(text), RESOLVER))
    assert (past["eps_estimate"], past["eps_actual"]) == (2.10, 2.18)
    assert past["known_at"] == utc(2024, 1, 18)
    assert past["actual_known_at"] == utc(2024, 2, 1, 23, 59, 59)
    assert (coming["eps_actual"], coming["actual_known_at"]) == (None, None)


def test_a_date_alone_is_an_event_and_a_result_of_the_same_day_is_the_same_event(opened: Open) -> None:
    (dated,) = rows(read_earnings(opened("symbol,report_date\nAAPL,2024-02-01\n"), RESOLVER))
    (result,) = rows(
        read_earnings(opened("symbol,earnings_date,eps_estimate,eps_actual\nAAPL,2024-02-01,2.1,2.18\n"), RESOLVER)
    )
    assert dated["event_id"] == result["event_id"]
    assert dated["eps_actual"] is None


def test_earnings_that_cannot_be_placed_are_held(opened: Open) -> None:
    text = "symbol,report_date\nNOSUCH,2024-02-01\nAAPL,soon\n"
    assert held(read_earnings(opened(text), RESOLVER)) == [("line 2", "unknown_symbol"), ("line 3", "bad_date")]


# Geopolitics ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("risk", "severity"),
    [
        (None, "medium"),
        (0.0, "low"),
        (139.9, "low"),
        (140.0, "medium"),
        (199.9, "medium"),
        (200.0, "high"),
        (900.0, "high"),
    ],
)
def test_severity_follows_the_risk_index(risk: float | None, severity: str) -> None:
    assert severity_of(risk) == severity


def test_events_of_both_layouts(opened: Open) -> None:
    text = (
        "date,event_name,description,locations,event_type,gpr\n2022-02-24,Invasion, text ,Ukraine,war,539.6\n,X,,,,\n"
    )
    parsed = read_geopolitical(opened(text))
    (row,) = rows(parsed)
    assert (row["name"], row["severity"], row["risk_index"]) == ("Invasion", "high", 539.6)
    assert (row["locations"], row["category"]) == ("Ukraine", "war")
    assert row["known_at"] == utc(2022, 2, 24, 23, 59, 59)
    assert held(parsed) == [("line 3", "bad_date")]
    labelled = read_geopolitical(opened("date,event,GPRD\n2001-09-11,Attacks,150\n2001-09-12,,1\n"))
    (row,) = rows(labelled)
    assert (row["name"], row["severity"]) == ("Attacks", "medium")
    assert held(labelled) == [("line 3", "bad_value")]
