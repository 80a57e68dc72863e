"""The tables and cells of the data page, from what the coverage reader says."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from app.web.pages.data import gaps_table, held_table, read_year, runs_table, years_html
from core.data.coverage import HeldCoverage, IngestRun, SeriesCoverage, YearCoverage
from core.reporting.html import records_html

NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)


def series(symbol: str, missing: int = 0, **changes: Any) -> SeriesCoverage:
    values: dict[str, Any] = {
        "instrument_id": 1,
        "symbol": symbol,
        "asset_class": "equity",
        "calendar": "XNYS",
        "source": "samples",
        "price_basis": "raw",
        "stored": 1992 - missing,
        "expected": 1992,
        "first": date(2015, 1, 2),
        "last": date(2022, 11, 29),
        "behind": 0,
    }
    return SeriesCoverage(**{**values, **changes})


def desk(*stored: SeriesCoverage, gaps: tuple[date, ...] = ()) -> Any:
    asked: list[str] = []

    def read_gaps(entries: list[SeriesCoverage], *, as_of: Any) -> list[tuple[date, ...]]:
        assert as_of.known == NOW
        asked.extend(entry.symbol for entry in entries)
        return [gaps for _ in entries]

    coverage = SimpleNamespace(series=lambda ids, *, as_of: list(stored), gaps=read_gaps)
    return SimpleNamespace(
        clock=SimpleNamespace(now=lambda: NOW),
        instruments=SimpleNamespace(list=lambda: [SimpleNamespace(instrument_id=1)]),
        coverage=coverage,
        asked=asked,
    )


def test_only_series_with_missing_sessions_are_gaps_largest_first():
    found = gaps_table([series("AAPL", 2), series("GE", 40), series("IBM"), series("BA", 2)])
    assert [row[0] for row in found.rows] == ["GE", "AAPL", "BA"]
    assert found.rows[0][3:] == (40, 1992, "2022-11-29")
    assert not found.truncated


def test_the_table_of_gaps_is_short():
    found = gaps_table([series(f"S{number:02d}", number + 1) for number in range(25)])
    assert len(found.rows) == 20 and found.truncated
    assert found.rows[0][0] == "S24"


def test_rows_held_back_read_as_words():
    held = [HeldCoverage(record_kind="bar", verdict="suspicious", reason="high_below_low", rows=1234)]
    page = records_html(held_table(held))
    assert "high below low" in page
    assert ">1,234<" in page
    assert "data-fact" not in page and "href" not in page


def test_a_reason_from_a_file_is_text():
    held = [HeldCoverage(record_kind="<b>bar</b>", verdict="x", reason='"><script>alert(1)</script>', rows=1)]
    page = records_html(held_table(held))
    assert "<script" not in page and "<b>" not in page
    assert "&lt;script&gt;" in page


def years(*shares: tuple[int, int, int]) -> list[YearCoverage]:
    return [
        YearCoverage(asset_class="equity", year=year, stored=stored, expected=expected)
        for year, stored, expected in shares
    ]


@pytest.mark.parametrize(
    ("stored", "expected", "cell"),
    [
        (252, 252, '<span class="full" title="2020: 252 of 252 sessions"'),
        (260, 252, '<span class="full"'),
        (248, 252, '<span class="most" title="2020: 248 of 252 sessions"'),
        (246, 252, '<span class="part"'),
        (1, 252, '<span class="part"'),
        (0, 252, '<span title="2020: not stored"'),
        (0, 0, '<span title="2020: not stored"'),
    ],
)
def test_a_year_is_coloured_by_its_share(stored, expected, cell):
    assert cell in years_html(years((2020, stored, expected)))


def test_years_without_a_row_keep_their_place():
    page = years_html(years((2018, 1, 1), (2021, 1, 1)))
    assert re.findall(r'title="(\d{4})', page) == ["2018", "2019", "2020", "2021"]
    assert page.count("not stored") == 2


def test_topics_stand_in_their_own_lines_with_plain_names():
    rows = [
        YearCoverage(asset_class=name, year=2022, stored=1, expected=1)
        for name in ("index", "equity", "something <new>")
    ]
    page = years_html(rows)
    assert re.findall(r"<b>(.*?)</b>", page) == ["Stocks", "Indices", "something &lt;new&gt;"]


def test_the_first_topic_is_shown_and_another_on_request():
    made = desk(series("BTC", asset_class="crypto", calendar="24x7"), series("AAPL"), series("SPY", asset_class="etf"))
    first = read_year(made, "")
    assert (first.topics, first.topic) == (("equity", "etf", "crypto"), "equity")
    assert read_year(made, "crypto").topic == "crypto"
    assert read_year(made, "bonds").topic == "equity"
    assert len(read_year(made, "crypto").days) > len(first.days)


def test_an_empty_store_has_no_topic():
    found = read_year(desk(), "")
    assert (found.topics, found.topic, list(found.days)) == ((), "", [])


def test_gaps_are_read_only_where_sessions_are_missing_in_the_year():
    old = series("META", 3, last=date(2013, 3, 1))
    made = desk(series("AAPL"), series("GE", 2), old, gaps=(date(2022, 6, 1),))
    found = read_year(made, "equity")
    assert made.asked == ["GE"]
    assert found.ended == ["META"]
    short = [entry for entry in found.days if entry.stored < entry.expected]
    assert [(entry.day, entry.stored, entry.expected) for entry in short] == [(date(2022, 6, 1), 1, 2)]


def test_a_run_shows_what_it_did_and_an_unfinished_one_no_end():
    counts = {"rows_read": 5000, "rows_new": 4321, "rows_held": 3}
    ended = IngestRun(run_id="igr_1", mode="import", state="done", started_at=NOW, finished_at=NOW, **counts)
    running = IngestRun(run_id="igr_2", mode="<b>", state="running", started_at=NOW, finished_at=None, **counts)
    text = records_html(runs_table([ended, running]))
    assert text.count("2022-11-29 21:00") == 3, "two starts and one end"
    assert "4,321" in text and "n/a" in text
    assert "<b>" not in text
