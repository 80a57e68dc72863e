"""Study what stored events did to prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from core.errors import NoData
from tools._events import EventMatch, EventReturns, event_returns
from tools._prices import as_number, find_instruments
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.simulators.event_study import EventStudy

_LISTED = 60


class EventStudyArguments(EventMatch):
    """Ask for an event study."""

    symbols: tuple[str, ...] = Field(min_length=1, max_length=40, description="Symbols or names.")


@tool(effect="compute", data="public")
def event_study(context: ToolContext, arguments: EventStudyArguments) -> ToolResult:
    """Measure abnormal returns around stored events: earnings, economic releases or geopolitical events.

    Expected returns come from the market model, a factor model or the mean before each event. The mean cumulative
    abnormal return comes with a 95 % interval and tests that hold when several events share a date.
    """
    from core.simulators.event_study import event_study as study
    from core.simulators.event_study import surprise_slope

    data = event_returns(context, arguments, find_instruments(context, arguments.symbols))
    found = study(data.returns, data.events, factors=data.factors, before=arguments.before, after=arguments.after)
    state(context, found)
    try:
        _, slope, error = surprise_slope(found)
    except NoData:
        pass
    else:
        context.fact("impact per unit of surprise", slope, "ratio")
        context.fact("impact per unit of surprise standard error", error, "ratio")
    return context.result(
        tables=[_by_offset(found), _by_event(data, found)],
        charts=[running_chart(f"Cumulative abnormal return around {arguments.event} events", found)],
        sql=data.sql,
        sources=tuple(f"{part.symbol}: {part.source} ({part.price_basis})" for part in data.panel.series),
        notes=(describe(arguments, data, found),),
    )


def state(context: ToolContext, found: EventStudy) -> None:
    """State the facts of a study."""
    from math import erfc, sqrt

    context.fact("events", len(found.events), "count")
    context.fact("event dates", found.dates, "count")
    context.fact("mean cumulative abnormal return", found.mean, "ratio")
    context.fact("standard error", as_number(found.mean_standard_error), "ratio")
    reach = 1.959964 * found.mean_standard_error
    context.fact("lower 95 %", as_number(found.mean - reach), "ratio")
    context.fact("upper 95 %", as_number(found.mean + reach), "ratio")
    context.fact("share of positive impacts", found.share_positive, "ratio")
    context.fact("abnormal return on the day", float(found.average[list(found.offsets).index(0)]), "ratio")
    for name, value in (
        ("t, clustered by date", found.clustered_t),
        ("t, standardised (Boehmer, Musumeci and Poulsen)", found.standardised_t),
        ("t, adjusted for cross-correlation (Kolari and Pynnonen)", found.adjusted_t),
        ("z of the sign test", found.sign_z),
    ):
        context.fact(name, as_number(value), "number")
    p = erfc(abs(found.adjusted_t) / sqrt(2.0)) if found.adjusted_t == found.adjusted_t else None
    context.fact("p-value", p, "ratio")


def describe(match: EventMatch, data: EventReturns, found: EventStudy) -> str:
    """Say in words what was measured against what."""
    against = "their mean"
    if data.factors is not None:
        kind = "market model" if data.factors.shape[1] == 1 else "factor model"
        against = f"the {kind} on {', '.join(data.benchmark)}"
    left = len(data.events) - len(found.events)
    return (
        f"Log returns less those expected from {against} over up to 250 sessions before; window of {match.before} "
        f"sessions before to {match.after} after. {left} of {len(data.events)} matched events lacked prices. "
        "A date without a time of day is taken as before the close."
    )


def running_chart(title: str, found: EventStudy) -> Chart:
    """Return the mean cumulative abnormal return with its 95 % band."""
    reach = 1.959964 * found.running_standard_error
    days = tuple(float(offset) for offset in found.offsets)
    return Chart(
        kind="fan",
        title=title,
        series=(
            ChartSeries(
                name="mean with 95 % interval",
                x=days,
                y=tuple(as_number(v) for v in found.running),
                low=tuple(as_number(v) for v in found.running - reach),
                high=tuple(as_number(v) for v in found.running + reach),
            ),
        ),
        unit="ratio",
        x_title="sessions from the event",
    )


def _by_offset(found: EventStudy) -> Table:
    columns = (
        Column(name="session", unit="count"),
        Column(name="mean abnormal return", unit="ratio"),
        Column(name="standard error", unit="ratio"),
        Column(name="mean cumulative", unit="ratio"),
        Column(name="cumulative standard error", unit="ratio"),
    )
    rows = tuple(
        (int(offset), *(as_number(column[k]) for column in (found.average, found.average_standard_error,
         found.running, found.running_standard_error)))
        for k, offset in enumerate(found.offsets)
    )  # fmt: skip
    return Table(name="abnormal_returns", title="Mean abnormal returns by session", columns=columns, rows=rows)


def _by_event(data: EventReturns, found: EventStudy) -> Table:
    origin = {id(event): part for event, part in zip(data.events, data.matched, strict=True)}
    columns = (
        Column(name="date", unit="date"),
        Column(name="symbol", unit="text"),
        Column(name="event", unit="text"),
        Column(name="surprise", unit="number"),
        Column(name="cumulative abnormal return", unit="ratio"),
    )
    rows = []
    for event, total in list(zip(found.events, found.cumulative, strict=True))[::-1][:_LISTED]:
        part = origin[id(event)]
        rows.append(
            (part.day.isoformat(), data.symbols[event.asset], part.name, as_number(part.surprise), float(total))
        )
    return Table(
        name="events",
        title="The newest events",
        columns=columns,
        rows=tuple(rows),
        truncated=len(found.events) > _LISTED,
    )
