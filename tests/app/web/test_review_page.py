"""The tables of the review card, from what the review says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.web.pages.review import case_table, waiting_table
from core.data.review import Case, HeldEntry, NearBar
from core.reporting.html import records_html

DAY = date(2024, 2, 8)
BAR = {"instrument_id": 1, "session": "2024-02-08", "price_basis": "raw", "open": 100.0, "high": 301.0, "low": 99.0,
       "close": 300.0, "volume": 1000.0}  # fmt: skip
ENTRY = HeldEntry(
    quarantine_id=7,
    record_kind="bar",
    source="vendor",
    symbol="AAPL",
    about=DAY,
    verdict="quarantine",
    reason="spike_unexplained",
    detail="line 3",
    origin="",
    state="held",
    recorded_at=datetime(2024, 2, 9, tzinfo=UTC),
    row={"c": 300.0, "bar": BAR},
)


def near(source: str, step: int, close: float = 100.0) -> NearBar:
    return NearBar(
        source=source, price_basis="raw", session=DAY + timedelta(days=step), open=close, high=close, low=close,
        close=close, volume=None,
    )  # fmt: skip


def test_rows_that_wait_are_shown_with_their_reason_in_words() -> None:
    table = waiting_table([ENTRY, replace(ENTRY, quarantine_id=8, about=None)])
    assert [column.name for column in table.columns] == ["row", "symbol", "session", "source", "reason"]
    assert table.rows == (
        ("7", "AAPL", "2024-02-08", "vendor", "spike unexplained"),
        ("8", "AAPL", None, "vendor", "spike unexplained"),
    )
    assert not table.truncated
    many = waiting_table([replace(ENTRY, quarantine_id=number) for number in range(1, 40)])
    assert len(many.rows) == 20
    assert many.truncated


def test_a_held_bar_stands_among_its_neighbours_in_the_order_of_time() -> None:
    case = Case(
        entry=ENTRY,
        neighbours=[near("vendor", -1), near("vendor", 1)],
        elsewhere=[near("other", 0, 101.0), near("other", -1, 100.5)],
        reviews=(),
    )
    table = case_table(case)
    assert [(row[0], row[1]) for row in table.rows] == [
        ("2024-02-07", "other"),
        ("2024-02-07", "vendor"),
        ("2024-02-08", "held back: vendor"),
        ("2024-02-08", "other"),
        ("2024-02-09", "vendor"),
    ]
    held = table.rows[2]
    assert held[2:] == (100.0, 301.0, 99.0, 300.0, 1000.0)


def test_a_row_that_is_no_bar_shows_its_neighbours_only() -> None:
    case = Case(entry=replace(ENTRY, row={"text": "x"}), neighbours=[near("vendor", -1)], elsewhere=(), reviews=())
    assert len(case_table(case).rows) == 1
    assert case.entry.bar is None


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b", '"quoted"'])
def test_what_a_vendor_wrote_is_text_and_nothing_else(text: str) -> None:
    page = records_html(waiting_table([replace(ENTRY, symbol=text, source=text)]))
    assert "<script>" not in page
    assert text not in page or (text == "a & b" and "a &amp; b" in page)


def test_numbers_of_a_case_are_rendered_not_dumped() -> None:
    page = records_html(case_table(Case(entry=ENTRY, neighbours=[near("vendor", -1, 99.5)], elsewhere=(), reviews=())))
    assert "held back: vendor" in page
    assert "99.5" in page
    assert "None" not in page
