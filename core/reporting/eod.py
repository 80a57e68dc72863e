"""Build the end-of-day report: what the day brought, what was done, what is open."""

from __future__ import annotations

from core.reporting import sections
from core.reporting.document import Section, Sources, fact_figure, rows_of
from core.reporting.sections import Measured


def end_of_day(sources: Sources) -> list[Section]:
    """Return the sections of the end-of-day report, the watch list first."""
    result, held = _result(sources)
    found = [
        result,
        sections.activity(sources),
        _drawdown(sources),
        sections.market(sources),
        sections.risk(sources),
        sections.risk_change(sources),
        sections.limits(sources),
        sections.protection(sources),
        sections.pending(sources),
        _tomorrow(sources, held),
        sections.data(sources),
    ]
    return [sections.watch_list(found), *found]


def _result(sources: Sources) -> tuple[Section, tuple[str, ...]]:
    section, held = sections.book(sources)
    section.key, section.title = "result", "Profit and loss"
    positions = next((rows for result in sources.results if (rows := rows_of(result, "positions"))), None)
    if positions is not None and positions.column("pnl_today") is not None:
        ordered = positions.by("pnl_today")
        found = [(row, row.number("pnl_today") or 0.0, row.figure("pnl_today")) for row in ordered]
        if found:
            section.charts.insert(0, sections.bar_chart("Profit and loss of the session by position", found, "money"))
            _say_attribution(section, found)
    for title, period in (("month to date", "this_month"), ("year to date", "this_year")):
        result = sources.result(section, "query_metric", {"metric": "pnl", "period": {"name": period}})
        for fact in result.facts[:1] if result is not None else ():
            section.tiles.append((f"P&L, {title}", fact_figure(fact)))
    return section, held


def _say_attribution(section: Section, ordered: list[Measured]) -> None:
    best, worst = ordered[0], ordered[-1]
    if best[1] > 0:
        section.say("good", sections.name_of(best[0]), " helped most with ", best[2], ".")
    if worst[1] < 0:
        section.say("note", sections.name_of(worst[0]), " cost most with ", worst[2], ".")


def _drawdown(sources: Sources) -> Section:
    section = Section(key="drawdown", title="Drawdown")
    result = sources.result(section, "query_metric", {"metric": "account_drawdown"})
    if result is not None:
        section.tiles = [(fact.name, fact_figure(fact)) for fact in result.facts]
        section.charts += list(result.charts)
    return section


def _tomorrow(sources: Sources, held: tuple[str, ...]) -> Section:
    section = sections.events(sources, held, days=3)
    section.title = "Coming days"
    return section
