"""Say what data is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Frozen, Table, ToolResult
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.data.coverage import DatasetCoverage, SeriesCoverage

_SHOWN_GAPS = 10
_SHOWN_PERIODS = 50
_SHOWN_SOURCES = 40


class DataCoverage(Frozen):
    """Ask what data is stored."""

    symbols: tuple[str, ...] = Field(
        default=(), max_length=25, description="Symbols or names for the detail per source; empty for the overview."
    )
    compare: bool = Field(
        default=False, description="Say how far sources differ that cover the same days (of the symbols, or of all)."
    )


@tool(effect="read", data="public")
def data_coverage(context: ToolContext, arguments: DataCoverage) -> ToolResult:
    """Say what data is stored: per dataset, or per source for some symbols, with dates, freshness and gaps."""
    if arguments.compare:
        return _comparison(context, arguments.symbols)
    return _of_symbols(context, arguments.symbols) if arguments.symbols else _overview(context)


def _overview(context: ToolContext) -> ToolResult:
    datasets = [entry for entry in context.desk.coverage.datasets(as_of=context.as_of) if entry.rows]
    prices = [entry for entry in datasets if entry.dataset.startswith("prices")]
    others = [entry for entry in datasets if entry not in prices]
    context.fact("instruments with prices", sum(entry.items for entry in prices), "count")
    context.fact("daily bars", sum(entry.rows for entry in prices), "count")
    last = max((entry.last for entry in prices if entry.last), default=None)
    context.fact("newest session", None if last is None else last.isoformat(), "date")
    for entry in others:
        context.fact(_title(entry), entry.rows, "count")
    context.fact("missing sessions", sum(entry.missing or 0 for entry in prices), "count")
    held = context.desk.coverage.held()
    context.fact("rows held back", sum(entry.rows for entry in held), "count")
    tables = [_dataset_table(datasets)]
    if held:
        tables.append(
            Table(
                name="held_back",
                title="Rows held back, by reason",
                columns=(
                    Column(name="record", unit="text"),
                    Column(name="verdict", unit="text"),
                    Column(name="reason", unit="text"),
                    Column(name="rows", unit="count"),
                ),
                rows=tuple((entry.record_kind, entry.verdict, entry.reason, entry.rows) for entry in held[:50]),
            )
        )
    tables += [*_gap_tables(context), *_freshness_table(context)]
    charts = (_year_chart(context),) if prices else ()
    return context.result(tables=tables, charts=charts, sources=[name for entry in datasets for name in entry.sources])


def _gap_tables(context: ToolContext) -> list[Table]:
    """Return the ledger of missing sessions, and the missing periods of macro series, where there are any."""
    counts = context.desk.coverage.gap_counts()
    macro = context.desk.coverage.macro_gaps(as_of=context.as_of)
    still_open = [entry for entry in counts if entry.state == "open"]
    context.fact("missing sessions still open", sum(part.gaps for part in still_open if part.topic == "bars"), "count")
    days = sum(entry.gaps for entry in still_open if entry.topic in ("news", "events"))
    context.fact("missing news and event days still open", days, "count")
    context.fact("missing macro periods still open", sum(entry.reason != "never_published" for entry in macro), "count")
    tables = []
    if counts:
        names = ("topic", "source", "state", "reason")
        tables.append(
            Table(
                name="gap_ledger",
                title="Sessions, days and periods missing of sources that were asked: open, explained, healed",
                columns=(*(Column(name=name, unit="text") for name in names), Column(name="gaps", unit="count")),
                rows=tuple(
                    (entry.topic, entry.source, entry.state, entry.reason.replace("_", " "), entry.gaps)
                    for entry in counts
                ),
            )
        )
    if macro:
        tables.append(
            Table(
                name="macro_gaps",
                title="Periods of macro series that are not stored",
                columns=(
                    Column(name="series", unit="text"),
                    Column(name="period", unit="date"),
                    Column(name="reason", unit="text"),
                ),
                rows=tuple(
                    (entry.series_id, entry.period.isoformat(), entry.reason.replace("_", " "))
                    for entry in macro[:_SHOWN_PERIODS]
                ),
                truncated=len(macro) > _SHOWN_PERIODS,
            )
        )
    return tables


def _freshness_table(context: ToolContext) -> list[Table]:
    """Return when each source last had something new and whether that is late."""
    found = context.desk.coverage.freshness(as_of=context.as_of)
    context.fact("late sources", sum(entry.late is True for entry in found), "count")
    if not found:
        return []
    return [
        Table(
            name="freshness",
            title="Sources: when each last had something new",
            columns=(
                Column(name="topic", unit="text"),
                Column(name="source", unit="text"),
                Column(name="last", unit="date", title="last new (UTC)"),
                Column(name="days_ago", unit="days", title="days ago"),
                Column(name="usual_pause", unit="days", title="usual pause"),
                Column(name="state", unit="text"),
            ),
            rows=tuple(
                (
                    entry.topic,
                    entry.source,
                    entry.last_known_at.date().isoformat(),
                    entry.silent_days,
                    entry.cadence_days,
                    {True: "late", False: "fresh", None: "too few days to say"}[entry.late],
                )
                for entry in found[:_SHOWN_SOURCES]
            ),
            truncated=len(found) > _SHOWN_SOURCES,
        )
    ]


def _comparison(context: ToolContext, symbols: tuple[str, ...]) -> ToolResult:
    ids = [context.desk.instruments.find(symbol).instrument_id for symbol in dict.fromkeys(symbols)]
    pairs = context.desk.comparison.compare(ids or None, as_of=context.as_of)
    bars = sum(pair.bars for pair in pairs)
    large = sum(pair.above_large for pair in pairs)
    context.fact("pairs of sources compared", len(pairs), "count")
    context.fact("bars that two sources state", bars, "count")
    context.fact("bars that differ by more than 0.1 %", sum(pair.above_small for pair in pairs), "count")
    context.fact("bars that differ by more than 1 %", large, "count")
    context.fact("share of bars that differ by more than 1 %", large / bars if bars else None, "ratio")
    columns = (
        *(Column(name=name, unit="text") for name in ("one", "other", "measure")),
        *(Column(name=name, unit="count") for name in ("instruments", "bars")),
        Column(name="above_0_1", unit="count", title="beyond 0.1 %"),
        Column(name="above_1", unit="count", title="beyond 1 %"),
        *(Column(name=name, unit="ratio") for name in ("median", "p99", "largest")),
        Column(name="where", unit="text", title="largest at"),
    )
    rows = tuple(
        (
            pair.one,
            pair.other,
            pair.measure,
            pair.instruments,
            pair.bars,
            pair.above_small,
            pair.above_large,
            pair.median,
            pair.p99,
            pair.worst,
            f"{pair.worst_symbol} {pair.worst_session}",
        )
        for pair in pairs
    )
    title = "Sources that state the same days: level of closes on one basis, else returns without days of actions"
    notes = [] if pairs else ["No two sources state the same day of an instrument."]
    return context.result(
        tables=[Table(name="differences", title=title, columns=columns, rows=rows)] if pairs else [],
        sources=[name for pair in pairs for name in (pair.one, pair.other)],
        notes=notes,
    )


def _title(entry: DatasetCoverage) -> str:
    return {"macro series": "macro observations", "news": "news articles"}.get(entry.dataset, entry.dataset)


def _dataset_table(datasets: list[DatasetCoverage]) -> Table:
    return Table(
        name="datasets",
        title="Stored data, by dataset",
        columns=(
            Column(name="dataset", unit="text"),
            Column(name="items", unit="count"),
            Column(name="rows", unit="count"),
            Column(name="first", unit="date"),
            Column(name="last", unit="date"),
            Column(name="missing_sessions", unit="count", title="missing sessions"),
            Column(name="sessions_behind", unit="count", title="sessions behind"),
            Column(name="sources", unit="text"),
        ),
        rows=tuple(
            (
                entry.dataset,
                entry.items,
                entry.rows,
                entry.first.isoformat() if entry.first else None,
                entry.last.isoformat() if entry.last else None,
                entry.missing,
                entry.behind,
                ", ".join(entry.sources[:6]) + (" ..." if len(entry.sources) > 6 else ""),
            )
            for entry in datasets
        ),
    )


def _year_chart(context: ToolContext) -> Chart:
    years = [entry for entry in context.desk.coverage.years() if entry.year <= context.as_of.known.year]
    shown = sorted({entry.year for entry in years})
    share = {(entry.asset_class, entry.year): entry.stored / max(entry.expected, 1) for entry in years}
    series = tuple(
        ChartSeries(
            name=name,
            x=tuple(str(year) for year in shown),
            y=tuple(share.get((name, year)) for year in shown),
        )
        for name in sorted({entry.asset_class for entry in years})
    )
    return Chart(kind="heatmap", title="Share of expected sessions stored", series=series, unit="ratio", x_title="year")


def _of_symbols(context: ToolContext, symbols: tuple[str, ...]) -> ToolResult:
    instruments = [context.desk.instruments.find(symbol) for symbol in dict.fromkeys(symbols)]
    ids = [instrument.instrument_id for instrument in instruments]
    series = context.desk.coverage.series(ids, as_of=context.as_of)
    gaps: list[tuple[str, str, str]] = []
    notes: list[str] = []
    for instrument in instruments:
        mine = [entry for entry in series if entry.instrument_id == instrument.instrument_id]
        if not mine:
            notes.append(f"{instrument.symbol} ({instrument.name}) is known, but no prices of it are stored.")
            continue
        best = mine[0]
        context.fact(f"{instrument.symbol} sessions stored", best.stored, "count", source=best.source)
        context.fact(f"{instrument.symbol} first session", min(entry.first for entry in mine).isoformat(), "date")
        context.fact(f"{instrument.symbol} last session", max(entry.last for entry in mine).isoformat(), "date")
        context.fact(f"{instrument.symbol} missing sessions", best.missing, "count", source=best.source)
        context.fact(f"{instrument.symbol} sessions behind", min(entry.behind for entry in mine), "count")
        if best.missing:
            (found,) = context.desk.coverage.gaps([best], as_of=context.as_of)
            gaps += [(best.symbol, best.source, day.isoformat()) for day in found[:_SHOWN_GAPS]]
    tables = [_series_table(list(series))] if series else []
    if gaps:
        names = ("symbol", "source", "session")
        columns = tuple(Column(name=name, unit="date" if name == "session" else "text") for name in names)
        title = f"First missing sessions (at most {_SHOWN_GAPS} per symbol)"
        tables.append(Table(name="gaps", title=title, columns=columns, rows=tuple(gaps)))
    return context.result(tables=tables, sources=[entry.source for entry in series], notes=notes)


def _series_table(series: list[SeriesCoverage]) -> Table:
    return Table(
        name="series",
        title="Stored series, the first of each symbol answers for prices",
        columns=(
            Column(name="symbol", unit="text"),
            Column(name="source", unit="text"),
            Column(name="price_basis", unit="text", title="price basis"),
            Column(name="first", unit="date"),
            Column(name="last", unit="date"),
            Column(name="stored", unit="count"),
            Column(name="expected", unit="count"),
            Column(name="missing", unit="count"),
            Column(name="sessions_behind", unit="count", title="sessions behind"),
        ),
        rows=tuple(
            (
                entry.symbol,
                entry.source,
                entry.price_basis,
                entry.first.isoformat(),
                entry.last.isoformat(),
                entry.stored,
                entry.expected,
                entry.missing,
                entry.behind,
            )
            for entry in series
        ),
    )
