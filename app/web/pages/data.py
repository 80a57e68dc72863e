"""Monitor the database: coverage by topic, day and year, freshness, gaps, ingest runs, quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from html import escape
from itertools import groupby

from nicegui import ui

from app.web import components as show
from app.web.layout import Visit
from app.web.pages.calendar_map import DayCoverage, calendar_html, days_of, ended_before, year_before
from app.web.pages.review import draw_review
from core.data.coverage import HeldCoverage, IngestRun, SeriesCoverage, YearCoverage
from core.domain.as_of import AsOf
from core.domain.facts import Column, Table, ToolResult
from core.reporting.document import Row, rows_of
from core.reporting.html import figure_html
from core.reporting.rendering import render_value
from tools.context import Desk

_MOST_GAPS = 20
_TOPICS = {"equity": "Stocks", "etf": "Funds", "index": "Indices", "crypto": "Crypto", "fx": "Currencies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """Hold the topics to choose from and, of the chosen one, the days since `start` and the names that ended before."""

    topics: tuple[str, ...]
    topic: str
    start: date
    days: Sequence[DayCoverage]
    ended: Sequence[str]


def data_monitor(visit: Visit) -> None:
    """Draw the page."""
    show.heading("Data", "What is stored, how fresh it is, what is missing, and what was held back.")
    desk = visit.services.desk
    with ui.element("div").classes("qd-grid"):
        with show.card("By topic"):
            show.load(lambda: visit.services.run("data_coverage", {}, visit.principal), _draw_topics)
        with show.card("Sessions of the last year, day by day", aside="up to the desk time"):
            _calendar(visit)
        with show.card("Sessions stored by year", aside="full colour: every session of the exchange calendar"):
            show.load(lambda: _years(desk), _draw_years)
        with show.card("Gaps", span=6, aside="sessions without a bar, largest first"):
            show.load(lambda: _series(desk), _draw_gaps)
        with show.card("Held back", span=6, aside="rows that failed a quality rule"):
            show.load(desk.coverage.held, _draw_held_back)
        with show.card("Waiting for review", aside="bars held back until a person decides"):
            draw_review(visit)
        with show.card("Ingest runs"):
            show.load(desk.coverage.runs, _draw_runs)


def _now(desk: Desk) -> AsOf:
    return AsOf(known=desk.clock.now())


def _series(desk: Desk) -> Sequence[SeriesCoverage]:
    return desk.coverage.series([entry.instrument_id for entry in desk.instruments.list()], as_of=_now(desk))


def _years(desk: Desk) -> list[YearCoverage]:
    return [entry for entry in desk.coverage.years() if entry.year <= _now(desk).known.year]


def _calendar(visit: Visit) -> None:
    chosen = {"topic": ""}

    async def choose(topic: str) -> None:
        chosen["topic"] = topic
        await refresh()

    def draw(year: Year) -> None:
        if not year.topics:
            show.empty("calendar_month", "No bars yet", "Each session gets a cell once bars are stored.")
            return
        with ui.element("div").classes("qd-tabs").props('role="group" aria-label="Topic"'):
            for name in year.topics:
                press = show.button(_TOPICS.get(name, name), partial(choose, name), kind="tab")
                press.props(f'aria-pressed="{str(name == year.topic).lower()}"')
        show.html(calendar_html(year.days, year.start))
        if year.ended:
            show.note(f"Not counted, for their bars end earlier: {', '.join(year.ended)}.")

    refresh = show.load(lambda: read_year(visit.services.desk, chosen["topic"]), draw)


def read_year(desk: Desk, topic: str) -> Year:
    """Return the sessions of the last 52 weeks of a topic; of the first there is when this one is not stored."""
    now, series = _now(desk), _series(desk)
    start = year_before(now.known)
    there = {entry.asset_class for entry in series}
    topics = (*(name for name in _TOPICS if name in there), *sorted(there - _TOPICS.keys()))
    shown = topic if topic in there else topics[0] if topics else ""
    mine = [entry for entry in series if entry.asset_class == shown]
    short = [entry for entry in mine if entry.missing and entry.last >= start]
    gaps = dict(zip(short, desk.coverage.gaps(short, as_of=now), strict=True))
    days = days_of(mine, gaps, start, now.known)
    return Year(topics=topics, topic=shown, start=start, days=days, ended=ended_before(mine, start))


def _draw_topics(result: ToolResult) -> None:
    rows = rows_of(result, "datasets")
    if rows is None or not len(rows):
        show.empty("storage", "Nothing is stored yet", "Load the sample data, or import files on the command line.")
        return
    show.html(f'<div class="qd-topics">{"".join(_topic(row) for row in rows)}</div>')


def _topic(row: Row) -> str:
    missing, behind = row.number("missing_sessions"), row.number("sessions_behind")
    badge = ""
    if missing:
        badge = f'<span class="qd-badge watch">{figure_html(row.figure("missing_sessions"))} missing</span>'
    elif behind:
        badge = f'<span class="qd-badge watch">{figure_html(row.figure("sessions_behind"))} sessions behind</span>'
    elif behind is not None:
        badge = '<span class="qd-badge good">fresh</span>'
    return (
        f"<div><h3>{escape(row.text('dataset').capitalize())}</h3>{badge}"
        f'<p class="big">{figure_html(row.figure("rows"))} <small>rows</small></p>'
        f"<p>{figure_html(row.figure('items'))} names, {figure_html(row.figure('first'))} to "
        f"{figure_html(row.figure('last'))}</p><p>{escape(row.text('sources'))}</p></div>"
    )


def _draw_years(years: Sequence[YearCoverage]) -> None:
    if years:
        show.html(years_html(years))
    else:
        show.empty("calendar_month", "No bars yet", "Each year of each topic gets a cell once bars are stored.")


def years_html(years: Sequence[YearCoverage]) -> str:
    """Return a line per asset class with a cell per year, filled by the share of expected sessions stored."""
    first, last = min(entry.year for entry in years), max(entry.year for entry in years)
    lines = []
    for name, part in groupby(sorted(years, key=lambda entry: entry.asset_class), key=lambda entry: entry.asset_class):
        stored = {entry.year: entry for entry in part}
        cells = "".join(_year_cell(year, stored.get(year)) for year in range(first, last + 1))
        label = escape(_TOPICS.get(name, name))
        lines.append(
            f'<div class="line"><span class="name"><b>{label}</b></span><span class="cells">{cells}</span></div>'
        )
    ends = f'<div class="line"><span></span><span class="ends"><span>{first}</span><span>{last}</span></span></div>'
    return f'<div class="qd-heat">{"".join(lines)}{ends}</div>'


def _year_cell(year: int, entry: YearCoverage | None) -> str:
    if entry is None or not entry.expected or not entry.stored:
        return f'<span title="{year}: not stored"></span>'
    share = min(1.0, entry.stored / entry.expected)
    words = f"{year}: {render_value(entry.stored, 'count')} of {render_value(entry.expected, 'count')} sessions"
    level = "full" if share >= 1 else "most" if share >= 0.98 else "part"
    return f'<span class="{level}" title="{words}" style="--share: {share:.3f}"></span>'


def gaps_table(series: Sequence[SeriesCoverage]) -> Table:
    """Return the series with missing sessions, the largest gaps first."""
    short = sorted(
        (entry for entry in series if entry.missing), key=lambda entry: (-entry.missing, entry.symbol, entry.source)
    )
    columns = (
        Column(name="symbol", unit="text"),
        Column(name="source", unit="text"),
        Column(name="price_basis", unit="text", title="basis"),
        Column(name="missing", unit="count"),
        Column(name="expected", unit="count"),
        Column(name="last", unit="date", title="last session"),
    )
    rows = tuple(
        (entry.symbol, entry.source, entry.price_basis, entry.missing, entry.expected, entry.last.isoformat())
        for entry in short[:_MOST_GAPS]
    )
    return Table(name="gaps", columns=columns, rows=rows, truncated=len(short) > _MOST_GAPS)


def _draw_gaps(series: Sequence[SeriesCoverage]) -> None:
    found = gaps_table(series)
    if not found.rows:
        show.empty("task_alt", "No gaps", "Every session that the exchange calendar expects is stored.")
        return
    show.records(found)
    if found.truncated:
        show.note("Smaller gaps are not listed; ask in the chat for the coverage of a symbol.")


def held_table(held: Sequence[HeldCoverage]) -> Table:
    """Return the rows held back, by reason."""
    columns = (
        Column(name="record", unit="text"),
        Column(name="reason", unit="text"),
        Column(name="verdict", unit="text"),
        Column(name="rows", unit="count"),
    )
    rows = tuple((entry.record_kind, entry.reason.replace("_", " "), entry.verdict, entry.rows) for entry in held)
    return Table(name="held", columns=columns, rows=rows)


def _draw_held_back(held: Sequence[HeldCoverage]) -> None:
    if held:
        show.records(held_table(held))
    else:
        show.empty("verified", "Nothing was held back", "Rows that fail a quality rule wait here with their reason.")


def runs_table(runs: Sequence[IngestRun]) -> Table:
    """Return the runs that brought data in, with what each did."""
    columns = (
        Column(name="started", unit="date", title="started (UTC)"),
        Column(name="mode", unit="text"),
        Column(name="state", unit="text"),
        Column(name="read", unit="count", title="rows read"),
        Column(name="new", unit="count", title="rows new"),
        Column(name="held", unit="count", title="held back"),
        Column(name="finished", unit="date", title="finished (UTC)"),
    )
    rows = tuple(
        (
            f"{run.started_at:%Y-%m-%d %H:%M}",
            run.mode,
            run.state,
            run.rows_read,
            run.rows_new,
            run.rows_held,
            f"{run.finished_at:%Y-%m-%d %H:%M}" if run.finished_at else None,
        )
        for run in runs
    )
    return Table(name="ingest_runs", columns=columns, rows=rows)


def _draw_runs(runs: Sequence[IngestRun]) -> None:
    if runs:
        show.records(runs_table(runs))
    else:
        show.empty("sync", "No ingest run yet", "Loading samples, importing files and ingesting leave a run here.")
