"""How stored events are matched and placed: a made-up market and a reader that returns what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from core.domain.as_of import AsOf
from core.errors import InvalidInput, NoData
from core.ports.query import CheckedSql, QueryResult
from tools._events import EventMatch, event_returns

AAA, BBB = 1, 2


class TellsRows:
    """Return rows whatever is asked, and keep the statements and their values."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.columns, self.rows = tuple(columns), tuple(tuple(row) for row in rows)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def run(
        self,
        statement: CheckedSql,
        parameters: Mapping[str, Any] | None = None,
        *,
        as_of: AsOf,
        max_rows: int = 1000,
    ) -> QueryResult:
        self.asked.append((statement.text, parameters or {}))
        return QueryResult(
            columns=self.columns,
            types=("text",) * len(self.columns),
            rows=self.rows,
            truncated=False,
            sql=statement.text,
            milliseconds=0.1,
        )

    def notes(self) -> tuple[str, ...]:
        return ()


EARNINGS = ("instrument_id", "event_date", "event_at", "eps_actual", "eps_estimate", "name")
RELEASES = ("event_date", "event_at", "name", "actual", "forecast")


@pytest.fixture
def quiet(market: Any) -> Any:
    """Give two stocks and SPY with 300 sessions of small moves from 2023-11-01 on."""
    generator = np.random.default_rng(1)
    for symbol in ("AAA", "BBB", "SPY"):
        closes = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, 300)))
        market.add(symbol, list(closes), start="2023-11-01")
    return market


def matched(market: Any, columns: Sequence[str], rows: Sequence[Sequence[Any]], **how: Any) -> Any:
    reader = TellsRows(columns, rows)
    context = market.context()
    context.desk = replace(market.desk, query=reader)
    symbols = how.pop("symbols", ("AAA",))
    found = event_returns(context, EventMatch(**how), [market.instruments[symbol] for symbol in symbols])
    return found, reader


def test_an_event_before_the_close_is_of_its_own_session(quiet: Any) -> None:
    # 2024-06-05, a Wednesday: 13:30 UTC is 9:30 in New York.
    row = (AAA, date(2024, 6, 5), datetime(2024, 6, 5, 13, 30, tzinfo=UTC), 1.1, 1.0, "earnings")
    found, _ = matched(quiet, EARNINGS, [row])
    session = found.panel.sessions[1:][found.events[0].session]
    assert str(session) == "2024-06-05"


@pytest.mark.parametrize(
    ("at", "session"),
    [
        (datetime(2024, 6, 5, 20, 30, tzinfo=UTC), "2024-06-06"),  # 16:30 in New York, in summer
        (datetime(2024, 6, 5, 19, 59, tzinfo=UTC), "2024-06-05"),
        (datetime(2024, 2, 7, 20, 30, tzinfo=UTC), "2024-02-07"),  # 15:30 in New York, in winter
        (datetime(2024, 2, 7, 21, 5, tzinfo=UTC), "2024-02-08"),
        (datetime(2024, 6, 7, 20, 30, tzinfo=UTC), "2024-06-10"),  # after the close of a Friday
        (None, "2024-06-05"),
    ],
)
def test_an_event_after_the_close_is_of_the_next_session(quiet: Any, at: datetime | None, session: str) -> None:
    day = at.date() if at else date(2024, 6, 5)
    found, _ = matched(quiet, EARNINGS, [(AAA, day, at, 1.1, 1.0, "earnings")])
    assert str(found.panel.sessions[1:][found.events[0].session]) == session


def test_an_event_on_a_weekend_is_of_the_monday(quiet: Any) -> None:
    found, _ = matched(quiet, EARNINGS, [(AAA, date(2024, 6, 8), None, 1.1, 1.0, "earnings")])
    assert str(found.panel.sessions[1:][found.events[0].session]) == "2024-06-10"


def test_surprises_of_earnings_are_in_parts_of_the_estimate(quiet: Any) -> None:
    rows = [
        (AAA, date(2024, 2, 6), None, 1.1, 1.0, "earnings"),
        (AAA, date(2024, 5, 6), None, 0.9, 1.0, "earnings"),
        (AAA, date(2024, 8, 6), None, -0.5, -1.0, "earnings"),
        (AAA, date(2024, 11, 6), None, None, 1.0, "earnings"),
    ]
    found, _ = matched(quiet, EARNINGS, rows)
    surprise = [event.surprise for event in found.events]
    assert surprise[:3] == pytest.approx([0.1, -0.1, 0.5])
    assert np.isnan(surprise[3])


@pytest.mark.parametrize(
    ("which", "days"),
    [
        ("any", ["2024-02-06", "2024-05-06", "2024-08-06"]),
        ("positive", ["2024-02-06"]),
        ("negative", ["2024-05-06"]),
    ],
)
def test_events_are_kept_by_the_sign_of_their_surprise(quiet: Any, which: str, days: list[str]) -> None:
    rows = [
        (AAA, date(2024, 2, 6), None, 1.1, 1.0, "earnings"),
        (AAA, date(2024, 5, 6), None, 0.9, 1.0, "earnings"),
        (AAA, date(2024, 8, 6), None, None, None, "earnings"),
    ]
    found, _ = matched(quiet, EARNINGS, rows, surprise=which)
    assert [part.day.isoformat() for part in found.matched] == days


def test_of_overlapping_sources_the_one_with_a_surprise_counts(quiet: Any) -> None:
    rows = [
        (AAA, date(2024, 2, 6), None, None, None, "earnings"),
        (AAA, date(2024, 2, 6), None, 1.2, 1.0, "earnings"),
        (AAA, date(2024, 2, 6), None, 1.3, 1.0, "earnings"),
    ]
    found, _ = matched(quiet, EARNINGS, rows)
    assert [event.surprise for event in found.events] == pytest.approx([0.2])


def test_a_release_hits_every_symbol_and_its_surprise_has_unit_size(quiet: Any) -> None:
    rows = [
        (date(2024, 2, 13), None, "CPI", 3.1, 2.9),
        (date(2024, 3, 12), None, "CPI", 3.0, 3.1),
        (date(2024, 4, 10), None, "CPI", 3.5, 3.5),
    ]
    found, reader = matched(quiet, RELEASES, rows, event="economic", name="CPI", symbols=("AAA", "BBB"))
    assert [event.asset for event in found.events] == [0, 1, 0, 1, 0, 1]
    scale = np.sqrt((0.2**2 + 0.1**2 + 0.0) / 3)
    assert [event.surprise for event in found.events[::2]] == pytest.approx([0.2 / scale, -0.1 / scale, 0.0], abs=1e-9)
    assert found.factors is None
    text, values = reader.asked[0]
    assert "v_economic" in text
    assert any("%CPI%" in str(value) or "%Consumer" in str(value) for value in values.values())


def test_the_market_model_is_on_spy_and_others_by_name(quiet: Any) -> None:
    row = (AAA, date(2024, 6, 5), None, 1.1, 1.0, "earnings")
    found, _ = matched(quiet, EARNINGS, [row])
    assert found.benchmark == ("SPY",)
    assert found.factors is not None and found.factors.shape[1] == 1
    several, _ = matched(quiet, EARNINGS, [row], benchmark=("SPY", "BBB"))
    assert several.benchmark == ("SPY", "BBB")
    none, _ = matched(quiet, EARNINGS, [row], benchmark=())
    assert none.factors is None


def test_the_factor_returns_are_those_of_the_same_sessions(quiet: Any) -> None:
    row = (AAA, date(2024, 6, 5), None, 1.1, 1.0, "earnings")
    found, _ = matched(quiet, EARNINGS, [row], benchmark=("AAA",))
    np.testing.assert_allclose(found.factors[:, 0], found.returns[:, 0])


def test_severity_and_text_choose_geopolitical_events(quiet: Any) -> None:
    columns = ("event_date", "event_at", "name")
    _, reader = matched(
        quiet, columns, [(date(2024, 4, 15), None, "Strikes")], event="geopolitical", severity="high", name="50%_off"
    )
    text, values = reader.asked[0]
    assert "v_geopolitical" in text
    assert ["high"] in list(values.values())
    assert "%50\\%\\_off%" in list(values.values())


def test_a_first_date_and_the_time_of_the_call_bound_the_events(quiet: Any) -> None:
    row = (AAA, date(2024, 6, 5), None, 1.1, 1.0, "earnings")
    _, reader = matched(quiet, EARNINGS, [row], since=date(2024, 3, 1))
    text, values = reader.asked[0]
    assert "event_date >=" in text and "event_date <=" in text
    assert date(2024, 3, 1) in values.values()
    assert date(2024, 12, 31) in values.values()


def test_nothing_and_too_much_are_refused(quiet: Any) -> None:
    with pytest.raises(NoData, match="No stored earnings event matches"):
        matched(quiet, EARNINGS, [])
    many = [(AAA, date(2024, 6, 5), None, 1.1, 1.0, "earnings")] * 5001
    with pytest.raises(InvalidInput, match="More than 5,000"):
        matched(quiet, EARNINGS, many)


def test_an_event_after_the_last_session_is_not_placed(quiet: Any) -> None:
    rows = [
        (AAA, date(2024, 6, 5), None, 1.1, 1.0, "earnings"),
        (AAA, date(2024, 12, 31), None, 1.1, 1.0, "earnings"),
    ]
    found, _ = matched(quiet, EARNINGS, rows)
    assert len(found.events) == 1
    assert len(found.matched) == 1
