"""Build the sections that reports share: market, book, events, risk, signals, data, decisions."""

from __future__ import annotations

from typing import Any

from core.domain.facts import Chart, ChartSeries, Fact, ToolResult
from core.reporting.document import Figure, Link, Part, Remark, Row, Rows, Rule, Section, Sources, fact_figure, rows_of
from core.reporting.rendering import NUMERIC_UNITS, render_value

# The rules of the reports: what counts as worth a person's attention.
LARGEST_WEIGHT = 0.25
HIGH_VOLATILITY = 0.30
DEEP_DRAWDOWN = -0.10
TAIL_SHARE_OVER_WEIGHT = 1.25
OVERBOUGHT, OVERSOLD = 70.0, 30.0
HIGH_CORRELATION = 0.7
NEAR_LIMIT = 0.8
RISK_ROSE = 0.25
_GROUPS = (("index", "Indices"), ("etf", "ETFs"), ("equity", "Stocks"), ("crypto", "Crypto"))
_LAST_SESSION = {"last": 1, "unit": "sessions"}
_COMPARED = ("value at risk", "expected shortfall", "annualised volatility of the book")
# Sections whose remarks ask for no action of their own.
_TO_KNOW = frozenset({"market", "signals"})
Measured = tuple[Row, float, Figure]


def rule(name: str, value: float, unit: Any) -> Rule:
    """Show a constant of the rules."""
    return Rule(name=name, text=render_value(value, unit, digits=0 if unit in {"ratio", "number"} else None))


def ask(sources: Sources, section: Section, metric: str, **arguments: Any) -> Rows | None:
    """Ask the semantic layer for one metric and return its rows."""
    return sources.rows(section, "query_metric", {"metric": metric, **arguments})


def value_name(rows: Rows) -> str | None:
    """Return the name of the first column of numbers."""
    return next((column.name for column in rows.table.columns if column.unit in NUMERIC_UNITS), None)


def measured(rows: Rows | None) -> list[Measured]:
    """Return the rows with a first number: the row, the number, the figure."""
    name = value_name(rows) if rows is not None else None
    if rows is None or name is None:
        return []
    return [(row, number, row.figure(name)) for row in rows if (number := row.number(name)) is not None]


def bar_chart(title: str, found: list[Measured], unit: Any, *, most: int = 12) -> Chart:
    """Draw the numbers of rows as bars by symbol."""
    chosen = found[:most]
    series = ChartSeries(
        name=title, x=tuple(row.text("symbol") for row, _, _ in chosen), y=tuple(n for _, n, _ in chosen)
    )
    return Chart(kind="bar", title=title, series=(series,), unit=unit)


def name_of(row: Row) -> Part:
    """Return the symbol of a row as a figure, for symbols hold digits too."""
    return row.figure("symbol") if row.value("symbol") is not None else "It"


def market(sources: Sources) -> Section:
    """Say how markets moved in the last session: by group, the movers, what is unusually volatile."""
    section = Section(key="market", title="Market")
    for group, title in _GROUPS:
        rows = ask(sources, section, "return", group=group, period=_LAST_SESSION, order="desc", limit=200)
        found = measured(rows)
        if rows is None or not found:
            continue
        _say_direction(section, title, found)
        if group == "equity":
            _movers(section, rows, found)
        elif group != "crypto":
            section.show(rows, most=6, columns=("symbol", rows.table.columns[-1].name), title=title)
    volatility = ask(sources, section, "realized_volatility", group="index", order="desc", limit=5)
    for row, number, figure in measured(volatility):
        if number > HIGH_VOLATILITY:
            limit = rule("high volatility", HIGH_VOLATILITY, "ratio")
            section.say("watch", name_of(row), " swings: realised volatility is ", figure, ", above ", limit, ".")
    return _without_refusals_if_filled(section)


def _say_direction(section: Section, title: str, found: list[Measured]) -> None:
    rises, falls = (sum(1 for _, number, _ in found if sign * number > 0) for sign in (1, -1))
    direction = (
        "mostly rose" if 2 * rises > len(found) else "mostly fell" if 2 * falls > len(found) else "had no direction"
    )
    best, worst = max(found, key=lambda part: part[1]), min(found, key=lambda part: part[1])
    if best is worst:
        section.say("note", f"{title}: ", name_of(best[0]), " moved ", best[2], ".")
        return
    led = (f"{title} {direction}: ", name_of(best[0]), " led with ", best[2])
    section.say("note", *led, ", ", name_of(worst[0]), " was last with ", worst[2], ".")


def _movers(section: Section, rows: Rows, found: list[Measured]) -> None:
    ordered = sorted(found, key=lambda part: part[1], reverse=True)
    movers = ordered if len(ordered) <= 10 else ordered[:5] + ordered[-5:]
    section.charts.append(bar_chart("Movers of the last session", movers, "ratio"))
    names = ("symbol", rows.table.columns[-1].name)
    section.show(rows.where([row for row, _, _ in movers]), most=10, columns=names, title="Movers")


def book(sources: Sources) -> tuple[Section, tuple[str, ...]]:
    """Show the account: value, cash, positions; return the section and the symbols held."""
    section = Section(key="book", title="Positions")
    result = sources.result(section, "portfolio", {})
    if result is None:
        return section, ()
    section.tiles = [(fact.name, fact_figure(fact)) for fact in result.facts if fact.unit in {"money", "ratio"}][:10]
    positions = rows_of(result, "positions") or rows_of(result)
    held: list[str] = []
    if positions is not None:
        section.show(positions, most=40)
        held = [symbol for row in positions if (symbol := row.text("symbol"))]
        if not held:
            section.say("note", "The account holds no positions.")
        for row in positions:
            weight = row.number("weight")
            if weight is not None and abs(weight) > LARGEST_WEIGHT:
                limit = rule("largest weight", LARGEST_WEIGHT, "ratio")
                figure = row.figure("weight")
                section.say("watch", name_of(row), " is ", figure, " of the book, above ", limit, ".")
    section.charts += [chart for chart in result.charts if any(len(series.x) > 1 for series in chart.series)]
    section.notes += list(result.notes)
    return section, tuple(dict.fromkeys(held))


def events(sources: Sources, held: tuple[str, ...], *, days: int = 7) -> Section:
    """List what is coming and what was said: releases, earnings of held names, geopolitics, headlines."""
    section = Section(key="events", title="Events")
    ahead = {"next": days, "unit": "days"}
    releases = ask(sources, section, "economic_events", period=ahead, limit=200)
    if releases is not None:
        graded = releases.column("importance") is not None
        weighty = [row for row in releases if not graded or row.text("importance") in {"high", "medium"}]
        names = ("event_date", "country", "name", "importance", "forecast", "previous")
        section.show(releases.where(weighty or list(releases)), most=12, columns=names, title="Releases ahead")
    if held:
        earnings = ask(sources, section, "earnings_dates", symbols=list(held), period=ahead, limit=50)
        for row in earnings or ():
            day = row.figure("event_date")
            section.say("watch", name_of(row), ", which you hold, reports earnings on ", day, ".")
        headlines = ask(sources, section, "news", symbols=list(held), period={"last": 3, "unit": "days"}, limit=10)
        if headlines is not None and len(headlines):
            names = ("published_date", "symbol", "headline", "publisher", "sentiment_score", "sentiment")
            section.show(headlines, most=8, columns=names, title="Headlines of held names")
    world = ask(
        sources, section, "geopolitical_events", period={"last": 7, "unit": "days"}, severity="medium", limit=10
    )
    if world is not None and len(world):
        section.show(world, most=5, columns=("event_date", "name", "severity"), title="World")
    if not section.tables and not section.remarks:
        section.say("note", "No releases, earnings or headlines are stored for the days around the desk time.")
        section.notes.clear()
    return section


def risk(sources: Sources) -> Section:
    """Show tail risk, concentration, correlation and drawdown, and say what stands out."""
    section = Section(key="risk", title="Risk")
    result = sources.result(section, "risk_report", {"target": "portfolio"})
    if result is not None:
        chosen = [fact for fact in result.facts if "(" not in fact.name and fact.name not in {"value", "cash"}]
        section.tiles = [(fact.name, fact_figure(fact)) for fact in chosen][:10]
        _say_tail(section, result)
        contributions = rows_of(result, "contributions")
        if contributions is not None:
            section.show(contributions, most=15)
        tail = rows_of(result, "tail_risk")
        if tail is not None:
            section.show(tail)
        section.charts += list(result.charts)
        section.notes += list(result.notes)
    drawdown = sources.result(section, "query_metric", {"metric": "account_drawdown"})
    for fact in drawdown.facts[:1] if drawdown is not None else ():
        section.tiles.append((fact.name, fact_figure(fact)))
        if isinstance(fact.value, float) and fact.value < DEEP_DRAWDOWN:
            limit = rule("deep drawdown", DEEP_DRAWDOWN, "ratio")
            section.say("alarm", "The account stands ", fact_figure(fact), " from its peak, deeper than ", limit, ".")
    return section


def risk_change(sources: Sources) -> Section:
    """Compare the risk of the book with that at the close before, each by a run of its own."""
    section, unheard = Section(key="risk-change", title="Change of risk"), Section(key="", title="")
    now = next((found for found in reversed(sources.results) if found.tool == "risk_report"), None)
    if now is None:
        section.say("note", "There is no risk of the book to compare.")
        return section
    before = sources.result(unheard, "risk_report", {"target": "portfolio"}, as_of=sources.close_before)
    if before is None:
        section.say("note", "There is nothing to compare with at the close before.")
        section.notes += unheard.notes
        return section
    for name in _COMPARED:
        then, today = (next((fact for fact in found.facts if fact.name == name), None) for found in (before, now))
        if then is not None and today is not None:
            section.tiles += [(f"{name}, now", fact_figure(today)), (f"{name}, close before", fact_figure(then))]
            _say_change(section, name, then, today)
    return section


def _say_change(section: Section, name: str, then: Fact, now: Fact) -> None:
    if not (isinstance(then.value, float) and isinstance(now.value, float)):
        return
    if fact_figure(then).text == fact_figure(now).text:
        section.say("note", f"{name.capitalize()} stays at ", fact_figure(now), ".")
        return
    rose = now.value > then.value
    moved = f"{name.capitalize()} {'rose' if rose else 'fell'} from "
    if rose and now.value > (1 + RISK_ROSE) * then.value:
        limit = rule("rise of risk", RISK_ROSE, "ratio")
        section.say("watch", moved, fact_figure(then), " to ", fact_figure(now), ", by more than ", limit, " of it.")
        return
    section.say("note", moved, fact_figure(then), " to ", fact_figure(now), ".")


def limits(sources: Sources) -> Section:
    """Show how much of the account's limits is used, and whether trading is halted."""
    section = Section(key="limits", title="Limits")
    result = sources.result(section, "portfolio", {"sections": ["limits"]})
    if result is None:
        return section
    section.tiles = [(fact.name, fact_figure(fact)) for fact in result.facts if fact.unit == "money"]
    trading = next((fact for fact in result.facts if fact.name == "trading"), None)
    if trading is not None and trading.value != "on":
        section.say("alarm", "No order leaves: trading is ", fact_figure(trading), ".")
    rows = rows_of(result, "limits")
    if rows is None or not len(rows):
        section.say("note", "No limit on positions or exposure is set for this account.")
        return section
    section.show(rows)
    for row in rows:
        share = row.number("share_used")
        if share is None or share < NEAR_LIMIT:
            continue
        over = share > 1
        border = "above" if over else "close to"
        words = (f"{row.text('limit').capitalize()} stands at ", row.figure("used"), f", {border} its limit of ")
        section.say("alarm" if over else "watch", *words, row.figure("allowed"), ".")
    return section


def _say_tail(section: Section, result: ToolResult) -> None:
    named = {fact.name: fact for fact in result.facts}
    share = named.get("value at risk, share of value")
    if "value at risk" in named and share is not None:
        figure = fact_figure(named["value at risk"])
        section.say("note", "On a bad day (value at risk) the book loses ", figure, ", ", fact_figure(share), " of it.")
    correlation = named.get("average correlation")
    if correlation is not None and isinstance(correlation.value, float) and correlation.value > HIGH_CORRELATION:
        limit = rule("high correlation", HIGH_CORRELATION, "money")
        section.say(
            "watch",
            "The positions move together: average correlation ",
            fact_figure(correlation),
            ", above ",
            limit,
            ".",
        )
    contributions = rows_of(result, "contributions")
    if contributions is None:
        return
    invested = sum(row.number("value") or 0.0 for row in contributions)
    for row in contributions:
        value, carried = row.number("value"), row.number("share of ES")
        if value and carried and invested > 0 and carried > TAIL_SHARE_OVER_WEIGHT * value / invested:
            carries = (
                name_of(row),
                " carries ",
                row.figure("share of ES"),
                " of the tail risk, far more than its share",
            )
            section.say("watch", *carries, " of what is invested; its weight is ", row.figure("weight"), ".")


def signals(sources: Sources, held: tuple[str, ...]) -> Section:
    """Say what simple rules see in the held names: trend by moving averages, RSI."""
    section = Section(key="signals", title="Signals on held names")
    if not held:
        section.say("note", "Nothing is held, so no signals are computed.")
        return section
    for window in (50, 200):
        rows = ask(sources, section, "price_vs_sma", symbols=list(held), window=window, order="desc")
        found = measured(rows)
        if rows is None or not found:
            continue
        section.charts.append(bar_chart(f"Close over its {window}-session average", found, "ratio"))
        if window == 200:
            for row, number, figure in found:
                if number < 0:
                    section.say("watch", name_of(row), " trades ", figure, " from its long average: the trend is down.")
            section.show(rows, most=20)
    rows = ask(sources, section, "rsi", symbols=list(held), order="desc")
    for row, number, figure in measured(rows):
        if number > OVERBOUGHT or number < OVERSOLD:
            word = "overbought" if number > OVERBOUGHT else "oversold"
            limit = rule(word, OVERBOUGHT if number > OVERBOUGHT else OVERSOLD, "number")
            side = "above" if number > OVERBOUGHT else "below"
            section.say("watch", name_of(row), f" looks {word}: RSI ", figure, f", {side} ", limit, ".")
    if rows is not None:
        section.show(rows, most=20)
    section.notes.append("Signals are plain rules on past prices, not advice.")
    return section


def data(sources: Sources) -> Section:
    """Show how complete and fresh the data is."""
    section = Section(key="data", title="Data")
    result = sources.result(section, "data_coverage", {})
    if result is None:
        return section
    section.tiles = [(fact.name, fact_figure(fact)) for fact in result.facts][:8]
    for table in result.tables[:2]:
        section.show(Rows(result, table), most=15)
    section.notes += list(result.notes)
    return section


def pending(sources: Sources) -> Section:
    """List proposals that wait for a person's decision."""
    section = Section(key="pending", title="Waiting for a decision")
    rows = sources.rows(section, "portfolio", {"sections": ["proposals"]}, "proposals")
    if rows is None:
        return section
    waiting = rows.where([row for row in rows if row.text("state") == "pending"])
    for row in waiting:
        section.say(
            "watch", "A proposal waits for your decision: ", row.figure("what"), " for ", row.figure("notional"), "."
        )
    if len(waiting):
        section.show(waiting, columns=("what", "type", "order_type", "notional", "expires_at", "reason"))
    else:
        section.say("good", "No proposal waits for a decision.")
    return section


def protection(sources: Sources) -> Section:
    """Say which stops and targets of strategies rest at the broker and which the scan watches."""
    section = Section(key="protection", title="Stops and targets of strategies")
    result = sources.result(section, "strategy_stops", {})
    if result is None:
        return section
    section.tiles = [(fact.name, fact_figure(fact)) for fact in result.facts]
    rows = rows_of(result, "protection")
    for row in rows or ():
        if row.text("protection") == "watched":
            section.say("note", row.figure("strategy"), ": ", row.figure("why"), ".")
    if rows is not None and len(rows):
        section.show(rows, most=40)
    else:
        section.say("note", "No enabled strategy has a stop or a profit target.")
    return section


def activity(sources: Sources) -> Section:
    """List the day's orders and fills, and say which orders did not go through."""
    section = Section(key="activity", title="Orders and fills of the day")
    result = sources.result(section, "portfolio", {"sections": ["orders", "fills"], "limit": 200})
    if result is None:
        return section
    day = sources.last_session.isoformat()
    for name, at, none in (
        ("fills", "filled_at", "Nothing was filled."),
        ("orders", "desk_time", "No orders were sent."),
    ):
        rows = rows_of(result, name)
        chosen = rows.where([row for row in rows if row.text(at).startswith(day)]) if rows is not None else None
        if chosen is None or not len(chosen):
            section.say("note", none)
            continue
        section.show(chosen, most=40)
        for row in chosen:
            if row.text("state") in {"rejected", "denied", "unknown"}:
                why: tuple[Part, ...] = (": ", row.figure("reason")) if row.text("reason") else (".",)
                section.say("alarm", "An order for ", name_of(row), " is ", row.figure("state"), *why)
    return section


def watch_list(sections: list[Section]) -> Section:
    """Gather what asks for action: every alarm, the first watch of a section, and links to where the rest stands."""
    section = Section(key="watch", title="What to watch")
    alarms: list[Remark] = []
    watches: list[Remark] = []
    elsewhere: list[Link] = []
    for found in sections:
        link = Link(key=found.key, text=found.title)
        marked = [part for part in found.remarks if part.level == "watch"]
        alarms += [_linked(part, link) for part in found.remarks if part.level == "alarm"]
        if marked and found.key in _TO_KNOW:
            elsewhere.append(link)
        elif marked:
            watches.append(_linked(marked[0], link, more=len(marked) > 1))
    section.remarks = alarms + watches
    if elsewhere:
        between = [part for link in elsewhere for part in (link, ", ")][:-1]
        section.say("note", "To know, without anything to do: see ", *between, ".")
    if not section.remarks:
        section.say("good", "No rule of this report fired.")
    return section


def _linked(remark: Remark, link: Link, *, more: bool = False) -> Remark:
    return Remark(level=remark.level, parts=(*remark.parts, " More in " if more else " See ", link, "."))


def _without_refusals_if_filled(section: Section) -> Section:
    if section.remarks:
        section.notes = [note for note in section.notes if not note.startswith("Not available")]
    return section
