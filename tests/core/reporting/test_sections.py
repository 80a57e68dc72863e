"""Sections: each branch of what a report may have to say, from made-up results of tools."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from core.domain.facts import Chart, ChartSeries, Column, Fact, Table, ToolResult
from core.errors import NoData, Unavailable
from core.reporting import eod, sections
from core.reporting.document import Figure, Rule, Section, Sources

NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)
UNITS = {"symbol": "text", "state": "text", "reason": "text", "what": "text", "limit": "text", "importance": "text"}
UNITS |= dict.fromkeys(("strategy", "protection", "order", "why"), "text")
UNITS |= {"name": "text", "country": "text", "headline": "text", "order_type": "text", "type": "text"}
UNITS |= {"filled_at": "date", "desk_time": "date", "event_date": "date", "expires_at": "date", "severity": "text"}
RATIOS = {"weight", "return", "used", "allowed", "share_used", "share of ES", "realized volatility", "price vs SMA"}


def table(name: str, *rows: dict[str, Any]) -> Table:
    names = list(dict.fromkeys(key for row in rows for key in row)) or ["symbol"]
    columns = tuple(
        Column(
            name=key,
            unit=UNITS.get(key, "ratio" if key in RATIOS else "number" if key == "RSI" else "money"),
            currency="USD" if key not in UNITS and key not in RATIOS and key != "RSI" else None,
        )
        for key in names
    )
    return Table(name=name, columns=columns, rows=tuple(tuple(row.get(key) for key in names) for row in rows))


def answer(*tables: Table, notes: tuple[str, ...] = (), charts: tuple[Chart, ...] = (), **facts: Any) -> ToolResult:
    stated = tuple(
        Fact(
            id=f"fct_1_{number}",
            run="run_1",
            name=name,
            value=value[0],
            unit=value[1],
            currency="USD" if value[1] == "money" else None,
            as_of=NOW,
            label="private",
        )
        for number, (name, value) in enumerate(facts.items())
    )
    return ToolResult(
        run="run_1",
        tool="made_up",
        label="private",
        as_of=NOW,
        facts=stated,
        tables=tables,
        charts=charts,
        notes=notes,
    )


def sources(answers: Callable[..., ToolResult | None], now: datetime = NOW) -> Sources:
    """Answer each call by a function of tool, arguments and time; None is a refusal."""

    def run(tool: str, arguments: dict[str, Any], /, as_of: Any = None) -> ToolResult:
        found = answers(tool, arguments, as_of)
        if found is None:
            raise NoData(f"No {arguments.get('metric', tool)} is stored.")
        return found.model_copy(update={"tool": tool})

    return Sources(run, now)


def always(found: ToolResult | None) -> Sources:
    return sources(lambda *_: found)


def words(section: Section) -> list[str]:
    """Return the remarks as a person reads them, with their level."""
    return [
        f"{remark.level}: " + "".join(part if isinstance(part, str) else part.text for part in remark.parts)
        for remark in section.remarks
    ]


# Which session a report is of


@pytest.mark.parametrize(
    ("now", "last", "coming"),
    [
        (datetime(2022, 11, 29, 21, 0, tzinfo=UTC), date(2022, 11, 29), date(2022, 11, 30)),
        (datetime(2022, 11, 29, 20, 59, tzinfo=UTC), date(2022, 11, 28), date(2022, 11, 29)),
        (datetime(2022, 11, 29, 6, 0, tzinfo=UTC), date(2022, 11, 28), date(2022, 11, 29)),
        (datetime(2022, 11, 23, 22, 0, tzinfo=UTC), date(2022, 11, 23), date(2022, 11, 25)),  # Thanksgiving
        (datetime(2022, 11, 25, 18, 0, tzinfo=UTC), date(2022, 11, 25), date(2022, 11, 28)),  # early close at 13:00
        (datetime(2022, 11, 25, 17, 59, tzinfo=UTC), date(2022, 11, 23), date(2022, 11, 25)),
        (datetime(2022, 11, 27, 12, 0, tzinfo=UTC), date(2022, 11, 25), date(2022, 11, 28)),  # Sunday
        (datetime(2022, 12, 31, 12, 0, tzinfo=UTC), date(2022, 12, 30), date(2023, 1, 3)),  # New Year observed
        (datetime(2022, 7, 1, 20, 0, tzinfo=UTC), date(2022, 7, 1), date(2022, 7, 5)),  # summer time, 4 July
    ],
)
def test_the_session_that_closed_and_the_one_to_come(now, last, coming):
    found = sources(lambda *_: None, now)
    assert (found.last_session, found.next_session) == (last, coming)


def test_the_close_before_is_that_of_the_session_before_in_utc():
    assert sources(lambda *_: None).close_before.known == datetime(2022, 11, 28, 21, 0, tzinfo=UTC)
    summer = sources(lambda *_: None, datetime(2022, 7, 5, 20, 0, tzinfo=UTC))
    assert summer.close_before.known == datetime(2022, 7, 1, 20, 0, tzinfo=UTC)


# Market


def moves(**by_group: list[tuple[str, float]]) -> Sources:
    def run(tool: str, arguments: dict[str, Any], as_of: Any) -> ToolResult | None:
        if arguments["metric"] != "return" or arguments["group"] not in by_group:
            return None
        rows = [{"symbol": symbol, "return": move} for symbol, move in by_group[arguments["group"]]]
        return answer(table("result", *rows))

    return sources(run)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            [("A", 0.01), ("B", 0.02), ("C", -0.03)],
            "note: Stocks mostly rose: B led with 2.00%, C was last with -3.00%.",
        ),
        (
            [("A", -0.01), ("B", 0.02), ("C", -0.03)],
            "note: Stocks mostly fell: B led with 2.00%, C was last with -3.00%.",
        ),
        (
            [("A", -0.01), ("B", 0.02), ("C", 0.01), ("D", -0.03)],
            "note: Stocks had no direction: B led with 2.00%, D was last with -3.00%.",
        ),
        (
            [("A", 0.0), ("B", 0.02), ("C", 0.0)],
            "note: Stocks had no direction: B led with 2.00%, A was last with 0.00%.",
        ),
        ([("A", 0.0123)], "note: Stocks: A moved 1.23%."),
        ([("A", 0.0), ("B", 0.0)], "note: Stocks: A moved 0.00%."),
    ],
)
def test_the_market_in_one_sentence(found, expected):
    assert expected in words(sections.market(moves(equity=found)))


def test_movers_are_the_five_best_and_the_five_worst():
    found = [(f"S{number:02d}", number / 1000) for number in range(30)]
    section = sections.market(moves(equity=found))
    shown = section.charts[0].series[0]
    assert shown.x == ("S29", "S28", "S27", "S26", "S25", "S04", "S03", "S02", "S01", "S00")
    assert [section.tables[0].table.rows[row][0] for row in section.tables[0].rows] == list(shown.x)


def test_a_missing_group_is_no_news_when_others_answer():
    assert sections.market(moves(equity=[("A", 0.1)])).notes == []
    assert any("No return is stored" in note for note in sections.market(moves()).notes)


def test_rows_without_a_number_are_left_out_of_the_movers():
    section = sections.market(moves(equity=[("A", 0.1), ("B", None), ("C", -0.1)]))
    assert section.charts[0].series[0].x == ("A", "C")


@pytest.mark.parametrize(("size", "fires"), [(0.31, True), (0.30, False), (0.12, False)])
def test_high_volatility_fires_above_its_limit_only(size, fires):
    def run(tool, arguments, as_of):
        row = {"symbol": "VIXY", "realized volatility": size}
        return answer(table("result", row)) if arguments["metric"] == "realized_volatility" else None

    said = words(sections.market(sources(run)))
    assert bool(said) is fires
    if fires:
        assert said == ["watch: VIXY swings: realised volatility is 31.00%, above 30%."]


# Book


def test_an_empty_book_says_so_and_holds_nothing():
    section, held = sections.book(always(answer(table("positions"), **{"cash": (1000.0, "money")})))
    assert words(section) == ["note: The account holds no positions."]
    assert held == ()
    assert [(name, figure.text) for name, figure in section.tiles] == [("cash", "$1,000.00")]


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (0.2501, ["watch: AAPL is 25.01% of the book, above 25%."]),
        (0.25, []),
        (-0.4, ["watch: AAPL is -40.00% of the book, above 25%."]),
        (None, []),
    ],
)
def test_a_large_position_either_way_is_named(weight, expected):
    section, held = sections.book(always(answer(table("positions", {"symbol": "AAPL", "weight": weight}))))
    assert words(section) == expected
    assert held == ("AAPL",)


def test_a_refused_book_is_a_note():
    section, held = sections.book(always(None))
    assert held == () and section.tables == []
    assert section.notes == ["Not available: No portfolio is stored."]


def test_a_service_that_is_down_is_a_note_too():
    def run(tool, arguments, /, as_of=None):
        raise Unavailable("The database cannot be reached.")

    section, _ = sections.book(Sources(run, NOW))
    assert section.notes == ["Not available: The database cannot be reached."]


def test_a_defect_is_not_hidden():
    def run(tool, arguments, /, as_of=None):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sections.book(Sources(run, NOW))


# Events


def test_no_events_is_one_quiet_sentence():
    section = sections.events(always(None), ("AAPL",))
    assert words(section) == ["note: No releases, earnings or headlines are stored for the days around the desk time."]
    assert section.notes == []


def test_unimportant_releases_are_left_out_unless_nothing_else_is_there():
    def run(grades):
        rows = [{"event_date": "2022-12-01", "name": f"R{n}", "importance": g} for n, g in enumerate(grades)]
        return sources(
            lambda tool, arguments, as_of: (
                answer(table("result", *rows)) if arguments["metric"] == "economic_events" else None
            )
        )

    assert sections.events(run(["high", "low", "medium"]), ()).tables[0].rows == (0, 2)
    assert sections.events(run(["low", "low"]), ()).tables[0].rows == (0, 1)


def test_earnings_of_held_names_are_watched_and_headlines_shown():
    def run(tool, arguments, as_of):
        return {
            "earnings_dates": answer(table("result", {"symbol": "MSFT", "event_date": "2022-12-05"})),
            "news": answer(table("result", {"symbol": "MSFT", "headline": "Fine <i>news</i>"})),
        }.get(arguments["metric"])

    section = sections.events(sources(run), ("MSFT",))
    assert words(section) == ["watch: MSFT, which you hold, reports earnings on 2022-12-05."]
    assert [shown.title for shown in section.tables] == ["Headlines of held names"]


def test_without_positions_nobody_asks_for_earnings_or_headlines():
    asked: list[str] = []

    def run(tool, arguments, as_of):
        asked.append(arguments["metric"])

    sections.events(sources(run), ())
    assert set(asked) == {"economic_events", "geopolitical_events"}


# Risk


def test_drawdown_is_an_alarm_only_when_deep():
    def run(fall):
        def found(tool, arguments, as_of):
            return answer(**{"account drawdown": (fall, "ratio")}) if tool == "query_metric" else None

        return words(sections.risk(sources(found)))

    assert run(-0.1001) == ["alarm: The account stands -10.01% from its peak, deeper than -10%."]
    assert run(-0.10) == []
    assert run(0.0) == []
    assert run(None) == []


@pytest.mark.parametrize(("value", "fires"), [(0.71, True), (0.7, False), (-0.9, False), (None, False)])
def test_correlation_fires_above_its_limit(value, fires):
    result = answer(**{"average correlation": (value, "number")})
    said = words(sections.risk(sources(lambda tool, *_: result if tool == "risk_report" else None)))
    assert bool(said) is fires


@pytest.mark.parametrize(("share", "fires"), [(0.6251, True), (0.6249, False), (None, False)])
def test_a_position_that_carries_more_tail_risk_than_its_share(share, fires):
    # Half of what is invested; the rule fires above one and a quarter of it, at 62.5 %.
    rows = [{"symbol": "A", "value": 500.0, "weight": 0.25, "share of ES": share}]
    rows += [{"symbol": "B", "value": 500.0, "weight": 0.25, "share of ES": 0.3}]
    result = answer(table("contributions", *rows))
    said = words(sections.risk(sources(lambda tool, *_: result if tool == "risk_report" else None)))
    assert bool(said) is fires


def test_variants_of_a_measure_and_the_book_value_are_not_tiles():
    result = answer(
        **{"value": (9.0, "money"), "value at risk": (1.0, "money"), "value at risk (gaussian)": (2.0, "money")}
    )
    section = sections.risk(sources(lambda tool, *_: result if tool == "risk_report" else None))
    assert [name for name, _ in section.tiles] == ["value at risk"]


# Change of risk


def compared(now: float, before: float | None) -> Section:
    def run(tool, arguments, as_of):
        if as_of is not None:
            assert as_of.known == datetime(2022, 11, 28, 21, 0, tzinfo=UTC)
            return None if before is None else answer(**{"value at risk": (before, "money")})
        return answer(**{"value at risk": (now, "money")})

    made = sources(run)
    made.result(Section(key="risk", title="Risk"), "risk_report", {"target": "portfolio"})
    return sections.risk_change(made)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (1100.0, 1000.0, "note: Value at risk rose from $1,000.00 to $1,100.00."),
        (900.0, 1000.0, "note: Value at risk fell from $1,000.00 to $900.00."),
        (1000.0, 1000.0, "note: Value at risk stays at $1,000.00."),
        (1000.001, 1000.0, "note: Value at risk stays at $1,000.00."),
        (1250.0, 1000.0, "note: Value at risk rose from $1,000.00 to $1,250.00."),
        (1251.0, 1000.0, "watch: Value at risk rose from $1,000.00 to $1,251.00, by more than 25% of it."),
        (10.0, 0.0, "watch: Value at risk rose from $0.00 to $10.00, by more than 25% of it."),
    ],
)
def test_the_change_of_risk_names_both_values(now, before, expected):
    section = compared(now, before)
    assert words(section) == [expected]
    assert [name for name, _ in section.tiles] == ["value at risk, now", "value at risk, close before"]


def test_without_risk_before_or_now_there_is_no_change():
    section = compared(1.0, None)
    assert words(section) == ["note: There is nothing to compare with at the close before."]
    assert section.notes == ["Not available: No risk_report is stored."]
    assert words(sections.risk_change(always(None))) == ["note: There is no risk of the book to compare."]


# Limits


def limit_rows(share: float | None, **facts: Any) -> Section:
    row = {"limit": "gross exposure", "used": 1.2, "allowed": 1.5, "share_used": share}
    return sections.limits(always(answer(table("limits", row), **facts)))


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.7999, []),
        (0.80, ["watch: Gross exposure stands at 120.00%, close to its limit of 150.00%."]),
        (1.0, ["watch: Gross exposure stands at 120.00%, close to its limit of 150.00%."]),
        (1.0001, ["alarm: Gross exposure stands at 120.00%, above its limit of 150.00%."]),
        (None, []),
    ],
)
def test_limits_warn_before_they_are_reached(share, expected):
    assert words(limit_rows(share)) == expected


def test_a_halted_desk_is_an_alarm_with_its_reason():
    section = limit_rows(0.1, trading=("halted: halted by owner: drill", "text"))
    assert words(section) == ["alarm: No order leaves: trading is halted: halted by owner: drill."]
    assert words(limit_rows(0.1, trading=("on", "text"))) == []


def test_money_limits_are_tiles_and_no_limit_is_said():
    section = sections.limits(always(answer(table("limits"), **{"least cash allowed": (0.0, "money")})))
    assert [(name, figure.text) for name, figure in section.tiles] == [("least cash allowed", "$0.00")]
    assert words(section) == ["note: No limit on positions or exposure is set for this account."]
    assert sections.limits(always(None)).notes == ["Not available: No portfolio is stored."]


# Signals


def signalled(rsi: float | None, trend: float | None) -> list[str]:
    def run(tool, arguments, as_of):
        if arguments["metric"] == "rsi":
            return answer(table("result", {"symbol": "A", "RSI": rsi}))
        return answer(table("result", {"symbol": "A", "price vs SMA": trend}))

    return words(sections.signals(sources(run), ("A",)))


@pytest.mark.parametrize(
    ("rsi", "trend", "expected"),
    [
        (70.1, 0.1, ["watch: A looks overbought: RSI 70.10, above 70."]),
        (70.0, 0.1, []),
        (29.9, 0.1, ["watch: A looks oversold: RSI 29.90, below 30."]),
        (30.0, 0.1, []),
        (50.0, -0.02, ["watch: A trades -2.00% from its long average: the trend is down."]),
        (None, None, []),
    ],
)
def test_signals(rsi, trend, expected):
    assert signalled(rsi, trend) == expected


def test_no_signals_of_nothing_held():
    section = sections.signals(always(None), ())
    assert words(section) == ["note: Nothing is held, so no signals are computed."]


# Proposals, orders, fills


def test_only_what_waits_is_pending():
    rows = [
        {"what": "buy 10 MSFT", "state": "pending", "notional": 2425.0, "reason": "x"},
        {"what": "sell 1 GE", "state": "expired", "notional": 50.0, "reason": ""},
    ]
    section = sections.pending(always(answer(table("proposals", *rows))))
    assert words(section) == ["watch: A proposal waits for your decision: buy 10 MSFT for $2,425.00."]
    assert section.tables[0].rows == (0,)
    assert words(sections.pending(always(answer(table("proposals", rows[1]))))) == [
        "good: No proposal waits for a decision."
    ]


def test_what_rests_is_shown_and_what_is_watched_is_said():
    rows = [
        {"strategy": "Rising", "protection": "stop rests", "order": "ord_1", "why": None},
        {"strategy": "Banks", "protection": "watched", "order": None, "why": "a spread has no stop order"},
    ]
    section = sections.protection(always(answer(table("protection", *rows))))
    assert words(section) == ["note: Banks: a spread has no stop order."]
    assert section.tables[0].rows == (0, 1)
    none = sections.protection(always(answer(table("protection"))))
    assert words(none) == ["note: No enabled strategy has a stop or a profit target."] and none.tables == []


@pytest.mark.parametrize("state", ["rejected", "denied", "unknown"])
def test_an_order_that_failed_today_is_an_alarm(state):
    orders = table("orders", {"symbol": "GE", "state": state, "desk_time": "2022-11-29T15:00+00:00", "reason": "Why."})
    section = sections.activity(always(answer(orders, table("fills"))))
    assert words(section) == ["note: Nothing was filled.", f"alarm: An order for GE is {state}: Why."]


def test_an_order_without_a_reason_ends_in_a_full_stop():
    orders = table("orders", {"symbol": "GE", "state": "denied", "desk_time": "2022-11-29", "reason": ""})
    assert words(sections.activity(always(answer(orders))))[-1] == "alarm: An order for GE is denied."


def test_orders_and_fills_of_other_days_are_left_out():
    fills = table("fills", {"symbol": "GE", "filled_at": "2022-11-28T14:30+00:00"})
    orders = table("orders", {"symbol": "GE", "state": "rejected", "desk_time": "2022-11-28", "reason": "Old."})
    section = sections.activity(always(answer(orders, fills)))
    assert words(section) == ["note: Nothing was filled.", "note: No orders were sent."]
    assert section.tables == []


# Data, watch list, the day's result


def test_data_shows_notes_and_the_first_tables():
    stored = [table(name, {"symbol": "x"}) for name in ("datasets", "held_back", "more")]
    result = answer(*stored, notes=("Prices are 12 sessions behind.",), **{"daily bars": (12, "count")})
    section = sections.data(always(result))
    assert [shown.table.name for shown in section.tables] == ["datasets", "held_back"]
    assert section.notes == ["Prices are 12 sessions behind."]


def test_the_watch_list_puts_alarms_first_and_says_where_the_rest_stands():
    first, second = Section(key="a", title="A"), Section(key="b", title="B")
    first.say("watch", "one.")
    first.say("watch", "one more.")
    first.say("note", "quiet.")
    second.say("alarm", "two.")
    second.say("alarm", "three.")
    second.say("watch", "four.")
    second.say("good", "fine.")
    assert words(sections.watch_list([first, second])) == [
        "alarm: two. See B.",
        "alarm: three. See B.",
        "watch: one. More in A.",
        "watch: four. See B.",
    ]
    assert words(sections.watch_list([Section(key="c", title="C")])) == ["good: No rule of this report fired."]


def test_the_watch_list_does_not_repeat_what_asks_for_no_action():
    signalled, moved = Section(key="signals", title="Signals"), Section(key="market", title="Market")
    for section in (signalled, moved):
        section.say("watch", "looks oversold.")
    found = sections.watch_list([moved, signalled, Section(key="risk", title="Risk")])
    assert words(found) == ["note: To know, without anything to do: see Market, Signals."]


@pytest.mark.parametrize(
    ("profits", "expected"),
    [
        ([5.0, -2.0], ["good: S0 helped most with $5.00.", "note: S1 cost most with -$2.00."]),
        ([-1.0, -2.0], ["note: S1 cost most with -$2.00."]),
        ([1.0], ["good: S0 helped most with $1.00."]),
        ([0.0, None], []),
    ],
)
def test_who_made_the_day(profits, expected):
    rows = [{"symbol": f"S{n}", "weight": 0.1, "pnl_today": profit} for n, profit in enumerate(profits)]
    result = answer(table("positions", *rows))
    made = eod.end_of_day(sources(lambda tool, *_: result if tool == "portfolio" else None))
    assert words(next(section for section in made if section.key == "result")) == expected


def test_period_profits_join_the_tiles():
    def run(tool, arguments, as_of):
        if arguments.get("metric") != "pnl":
            return None
        return answer(**{"P&L": ({"this_month": 5.5, "this_year": -7.25}[arguments["period"]["name"]], "money")})

    made = eod.end_of_day(sources(run))
    tiles = next(section for section in made if section.key == "result").tiles
    assert [(name, figure.text) for name, figure in tiles] == [
        ("P&L, month to date", "$5.50"),
        ("P&L, year to date", "-$7.25"),
    ]


def test_a_curve_of_one_point_is_not_drawn():
    single = Chart(kind="line", title="Net asset value", series=(ChartSeries(name="nav", x=("2022-11-29",), y=(1.0,)),))
    section, _ = sections.book(always(answer(table("positions"), charts=(single,))))
    assert section.charts == []


def test_every_number_in_a_remark_is_a_figure_or_a_rule():
    for section in (compared(1251.0, 1000.0), limit_rows(1.2)):
        for remark in section.remarks:
            loose = "".join(part for part in remark.parts if isinstance(part, str))
            assert not re.search(r"\d", loose), loose
            assert any(isinstance(part, Figure | Rule) for part in remark.parts)
