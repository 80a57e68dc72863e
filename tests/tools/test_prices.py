"""Windows, bases, gaps, thinning and rebasing, on panels of a few sessions."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import InvalidInput, NoData, UnknownName
from tools._prices import (
    MOST_POINTS,
    Window,
    as_number,
    column_closes,
    common_returns,
    correlation_heatmap,
    correlation_table,
    find_instruments,
    line,
    period_closes,
    read_performance_prices,
    read_prices,
    rebased,
    simple_returns,
    thin,
)

ALL = Window(start=None, end=None)
WEEK = {"2024-01-04": 10.0, "2024-01-05": 11.0, "2024-01-08": 12.1, "2024-01-09": 12.1, "2024-01-10": 6.05}


def panel_of(market: Any, *symbols: str, window: Window = ALL) -> Any:
    return read_prices(market.context(), symbols, window, "return").panel


def text(days: Any) -> list[str]:
    return [str(day) for day in days]


def test_a_symbol_named_twice_is_one_instrument(market: Any) -> None:
    market.add("AAA", [1.0, 2.0], aliases=("alpha",))
    market.add("BBB", [1.0, 2.0])
    found = find_instruments(market.context(), ["aaa", "BBB", "Alpha", "bbb"])
    assert [part.symbol for part in found] == ["AAA", "BBB"]


def test_an_unknown_symbol_offers_the_closest(market: Any) -> None:
    market.add("AAA", [1.0, 2.0])
    with pytest.raises(UnknownName, match="AAA"):
        find_instruments(market.context(), ["AAB"])


def test_a_window_includes_both_ends(market: Any) -> None:
    market.add("AAA", WEEK)
    panel = panel_of(market, "AAA", window=Window(start=date(2024, 1, 5), end=date(2024, 1, 9)))
    assert text(panel.sessions) == ["2024-01-05", "2024-01-08", "2024-01-09"]
    assert panel.close[:, 0].tolist() == [11.0, 12.1, 12.1]


@pytest.mark.parametrize("read", [read_performance_prices, lambda *part: read_prices(*part, "price")])
def test_a_reversed_window_is_refused_before_anything_is_read(market: Any, read: Any) -> None:
    market.add("AAA", WEEK)
    window = Window(start=date(2024, 1, 9), end=date(2024, 1, 8))
    with pytest.raises(InvalidInput, match="2024-01-09 to 2024-01-08 is empty"):
        read(market.context(), ["AAA"], window)
    assert market.asked == []


def test_one_day_is_a_window(market: Any) -> None:
    market.add("AAA", WEEK)
    day = date(2024, 1, 8)
    assert panel_of(market, "AAA", window=Window(start=day, end=day)).close.tolist() == [[12.1]]


def test_a_window_without_bars_is_no_data(market: Any) -> None:
    market.add("AAA", WEEK)
    with pytest.raises(NoData, match="AAA"):
        panel_of(market, "AAA", window=Window(start=date(2024, 2, 1), end=None))


def test_a_window_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="since"):
        Window(since=date(2024, 1, 1))  # type: ignore[call-arg]


def test_performance_reads_ten_days_before_the_start_and_no_more(market: Any) -> None:
    market.add("AAA", WEEK)
    read_performance_prices(market.context(), ["AAA"], Window(start=date(2024, 1, 8), end=date(2024, 1, 10)))
    assert market.asked == [{"ids": [1], "purpose": "return", "start": date(2023, 12, 29), "end": date(2024, 1, 10)}]


def test_performance_without_a_start_reads_everything(market: Any) -> None:
    market.add("AAA", WEEK)
    read_performance_prices(market.context(), ["AAA"], ALL)
    assert (market.asked[0]["start"], market.asked[0]["end"]) == (None, None)


@pytest.mark.parametrize(
    ("start", "base"),
    [
        (None, "2024-01-04"),
        ("2024-01-01", "2024-01-04"),  # before the first session: it is the base itself
        ("2024-01-04", "2024-01-04"),
        ("2024-01-05", "2024-01-04"),
        ("2024-01-06", "2024-01-05"),  # a Saturday
        ("2024-01-08", "2024-01-05"),
        ("2024-01-10", "2024-01-09"),
    ],
)
def test_a_period_starts_from_the_last_close_before_it(market: Any, start: str | None, base: str) -> None:
    market.add("AAA", WEEK)
    days, close = period_closes(panel_of(market, "AAA"), 0, date.fromisoformat(start) if start else None)
    assert str(days[0]) == base
    assert close[0] == WEEK[base]
    assert close[-1] == 6.05
    assert len(days) == len(close)


def test_a_period_after_the_newest_session_says_which_that_is(market: Any) -> None:
    market.add("AAA", WEEK)
    with pytest.raises(NoData, match="newest known session is 2024-01-10"):
        period_closes(panel_of(market, "AAA"), 0, date(2024, 1, 11))


def test_a_single_close_has_no_return(market: Any) -> None:
    market.add("AAA", {"2024-01-04": 10.0})
    with pytest.raises(NoData, match="AAA has no session"):
        period_closes(panel_of(market, "AAA"), 0, None)


def test_gaps_are_left_out_of_a_column_and_do_not_move_the_others(market: Any) -> None:
    market.add("AAA", WEEK)
    market.add("BBB", {"2024-01-04": 1.0, "2024-01-09": 2.0})
    panel = panel_of(market, "AAA", "BBB")
    days, close = column_closes(panel, 1)
    assert text(days) == ["2024-01-04", "2024-01-09"]
    assert close.tolist() == [1.0, 2.0]
    assert column_closes(panel, 0)[1].tolist() == list(WEEK.values())
    assert np.isnan(panel.close[1, 1])


def test_the_base_of_a_period_skips_a_gap(market: Any) -> None:
    market.add("AAA", WEEK)
    market.add("BBB", {"2024-01-04": 1.0, "2024-01-09": 2.0})
    days, close = period_closes(panel_of(market, "AAA", "BBB"), 1, date(2024, 1, 8))
    assert (str(days[0]), close.tolist()) == ("2024-01-04", [1.0, 2.0])


def test_returns_are_close_over_the_close_before() -> None:
    assert simple_returns(np.array([10.0, 11.0, 5.5])).tolist() == pytest.approx([0.1, -0.5])


def test_common_returns_run_between_the_sessions_all_share(market: Any) -> None:
    market.add("AAA", WEEK)
    market.add("BBB", {"2024-01-04": 4.0, "2024-01-08": 5.0, "2024-01-10": 5.0, "2024-01-11": 9.0})
    days, returns = common_returns(panel_of(market, "AAA", "BBB"))
    assert text(days) == ["2024-01-08", "2024-01-10"]
    assert returns[:, 0].tolist() == pytest.approx([0.21, -0.5])
    assert returns[:, 1].tolist() == pytest.approx([0.25, 0.0])


def test_fewer_than_three_common_sessions_are_no_history(market: Any) -> None:
    market.add("AAA", WEEK)
    market.add("BBB", {"2024-01-04": 4.0, "2024-01-08": 5.0})
    with pytest.raises(NoData, match="AAA, BBB share fewer than 3 sessions"):
        common_returns(panel_of(market, "AAA", "BBB"))


@given(st.integers(0, 30_000))
def test_thinning_keeps_both_ends_in_order_and_stays_small(count: int) -> None:
    kept = thin(count)
    assert len(kept) == min(count, MOST_POINTS)
    assert kept == sorted(set(kept))
    if count:
        assert (kept[0], kept[-1]) == (0, count - 1)


@given(st.integers(MOST_POINTS + 1, 30_000))
def test_thinned_positions_are_even(count: int) -> None:
    steps = np.diff(thin(count))
    assert steps.max() - steps.min() <= 1


def test_up_to_800_points_nothing_is_lost() -> None:
    assert thin(800) == list(range(800))
    assert len(thin(801)) == 800


def test_a_line_holds_dates_and_gaps_as_none() -> None:
    days = np.array(["2024-01-04", "2024-01-05"], dtype="datetime64[D]")
    drawn = line("AAA", days, np.array([1.5, np.nan]))
    assert (drawn.x, drawn.y) == (("2024-01-04", "2024-01-05"), (1.5, None))


def test_a_long_line_keeps_its_first_and_last_value() -> None:
    days = np.arange("2000-01-01", "2010-01-01", dtype="datetime64[D]")
    drawn = line("AAA", days, np.arange(len(days), dtype=float))
    assert len(drawn.x) == len(drawn.y) == 800
    assert (drawn.x[0], drawn.y[0]) == ("2000-01-01", 0.0)
    assert (drawn.x[-1], drawn.y[-1]) == ("2009-12-31", len(days) - 1.0)


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=20), st.floats(0.1, 1000))
def test_rebasing_starts_at_100_whatever_the_scale(closes: list[float], factor: float) -> None:
    days = np.arange(len(closes)).astype("datetime64[D]")
    first = rebased("A", days, np.array(closes)).y
    again = rebased("A", days, np.array(closes) * factor).y
    assert first[0] == pytest.approx(100.0)
    assert first == pytest.approx(again)


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (np.float32(0.5), 0.5), (float("nan"), None), (float("inf"), None), (float("-inf"), None)],
)
def test_only_finite_numbers_reach_a_chart(value: object, number: float | None) -> None:
    assert as_number(value) == number


def test_a_correlation_is_told_alike_as_table_and_heat_map() -> None:
    matrix = np.array([[1.0, 0.25], [0.25, np.nan]])
    table, chart = correlation_table(("A", "B"), matrix), correlation_heatmap(("A", "B"), matrix)
    assert table.rows == (("A", 1.0, 0.25), ("B", 0.25, None))
    assert [column.name for column in table.columns] == ["symbol", "A", "B"]
    assert tuple((part.name, *part.y) for part in chart.series) == table.rows
    assert {part.x for part in chart.series} == {("A", "B")}


def test_each_column_names_its_source_and_all_bases_are_remarked(market: Any) -> None:
    market.add("AAA", WEEK, source="one", basis="total_return")
    market.add("BBB", WEEK, source="two", basis="raw")
    market.add("CCC", WEEK, source="two", basis="raw")
    prices = read_prices(market.context(), ["AAA", "BBB", "CCC"], ALL, "return")
    assert prices.sources() == ("AAA: one (total_return)", "BBB: two (raw)", "CCC: two (raw)")
    (remark,) = prices.remarks()
    assert remark.count("raw traded prices") == 1
    assert "total-return-adjusted prices (dividends and splits inside) and raw" in remark


def test_split_adjusted_prices_say_that_dividends_are_missing(market: Any) -> None:
    market.add("AAA", WEEK, basis="split_adjusted")
    (remark,) = read_prices(market.context(), ["AAA"], ALL, "price").remarks()
    assert "dividends not inside" in remark


@pytest.mark.parametrize(
    ("calendars", "sessions"),
    [(("XNYS",), 252), (("24x7",), 365), (("24x7", "24x7"), 365), (("24x7", "XNYS"), 252), (("24x5",), 252)],
)
def test_only_what_trades_every_day_has_365_sessions(market: Any, calendars: tuple[str, ...], sessions: int) -> None:
    for number, calendar in enumerate(calendars):
        market.add(f"S{number}", [1.0, 2.0], calendar=calendar)
    names = [f"S{number}" for number in range(len(calendars))]
    assert read_prices(market.context(), names, ALL, "return").sessions_per_year == sessions
