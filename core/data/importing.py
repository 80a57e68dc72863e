"""Import files that a person has: bars, corporate actions, macro series, news, events, instruments."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from core.data.import_bars import is_bars, read_bars
from core.data.import_records import (
    Parsed,
    read_dividends,
    read_factors,
    read_instruments,
    read_macro,
    read_risk_index,
    read_splits,
    read_symbol_changes,
)
from core.data.import_texts import (
    read_calendar,
    read_central_bank_texts,
    read_earnings,
    read_geopolitical,
    read_news,
)
from core.data.pipeline import IngestReport, Pipeline, Progress, StepReport, describe, no_progress
from core.data.samples import seed_universe
from core.data.table_file import TableFile
from core.data.universe import macro_catalogue
from core.errors import InvalidInput, QuantdeskError
from core.ports.data_store import Counts, HeldRow
from core.ports.vendor import BarColumns

Kind = Literal["bars", "actions", "macro", "news", "events", "instruments"]


@dataclass(slots=True, kw_only=True)
class FileReport:
    """Say what became of one file.

    `counts` is about the rows of the file; `derived` about rows made beside them (the total-return series of an
    adj_close column, the articles' links, further columns of an index). `skipped` rows held nothing to store. The
    counts' `examples` name the first rows that were held back, with line and reason.
    """

    path: Path
    layout: str = ""
    counts: Counts = field(default_factory=Counts)
    derived: Counts = field(default_factory=Counts)
    skipped: int = 0
    seconds: float = 0.0
    error: str | None = None

    def take(self, step: StepReport, *, beside: bool) -> None:
        """Add the outcome of one step."""
        counts = replace(step.counts, read=step.counts.read if beside else 0)
        (self.derived if beside else self.counts).add(counts)
        self.error = self.error or step.error


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """Say what became of an import, file by file."""

    run_id: str
    files: tuple[FileReport, ...]
    ingest: IngestReport


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    name: str
    kinds: tuple[Kind, ...]
    columns: tuple[str, ...]
    read: Callable[[TableFile, Pipeline], Parsed]


_LAYOUTS = (
    _Layout(
        name="splits",
        kinds=("actions",),
        columns=("symbol", "ex_date", "ratio"),
        read=lambda file, run: read_splits(file, run.resolver),
    ),
    _Layout(
        name="dividends",
        kinds=("actions",),
        columns=("symbol", "ex_date", "amount"),
        read=lambda file, run: read_dividends(file, run.resolver),
    ),
    _Layout(
        name="factor files",
        kinds=("actions",),
        columns=("symbol", "date", "price_factor", "split_factor"),
        read=lambda file, run: read_factors(file, run.resolver),
    ),
    _Layout(
        name="symbol changes",
        kinds=("actions", "instruments"),
        columns=("map_file", "date", "ticker"),
        read=lambda file, run: read_symbol_changes(file, run.resolver),
    ),
    _Layout(
        name="macro series",
        kinds=("macro",),
        columns=("series_id", "date", "value"),
        read=lambda file, run: read_macro(file, macro_catalogue()),
    ),
    _Layout(
        name="geopolitical risk index",
        kinds=("macro", "events"),
        columns=("date", "GPRD", "GPRD_ACT"),
        read=lambda file, run: read_risk_index(file, macro_catalogue()),
    ),
    _Layout(
        name="news", kinds=("news",), columns=("date", "headline"), read=lambda file, run: read_news(file, run.resolver)
    ),
    _Layout(
        name="economic calendar",
        kinds=("events",),
        columns=("date", "country", "event"),
        read=lambda file, run: read_calendar(file),
    ),
    _Layout(
        name="central bank texts",
        kinds=("events",),
        columns=("meeting_date", "release_date", "text"),
        read=lambda file, run: read_central_bank_texts(file),
    ),
    _Layout(
        name="earnings results",
        kinds=("events",),
        columns=("symbol", "earnings_date", "eps_actual"),
        read=lambda file, run: read_earnings(file, run.resolver),
    ),
    _Layout(
        name="earnings dates",
        kinds=("events",),
        columns=("symbol", "report_date"),
        read=lambda file, run: read_earnings(file, run.resolver),
    ),
    _Layout(
        name="geopolitical events",
        kinds=("events",),
        columns=("date", "event_name"),
        read=lambda file, run: read_geopolitical(file),
    ),
    _Layout(
        name="labelled risk events",
        kinds=("events",),
        columns=("date", "event", "GPRD"),
        read=lambda file, run: read_geopolitical(file),
    ),
    _Layout(
        name="instruments",
        kinds=("instruments",),
        columns=("symbol", "name", "asset_class"),
        read=lambda file, run: read_instruments(file, run.resolver),
    ),
    _Layout(
        name="index members",
        kinds=("instruments",),
        columns=("Symbol", "Security"),
        read=lambda file, run: read_instruments(file, run.resolver),
    ),
)


def import_files(
    pipeline: Pipeline,
    kind: Kind,
    paths: Sequence[Path],
    derived: Callable[[], Counts],
    progress: Progress = no_progress,
) -> ImportReport:
    """Import files of one kind, bring what is derived of them up to date, and return what became of every row.

    A file that cannot be read or does not fit the kind is reported in its FileReport (`error`); the others go on.
    Rows that cannot be stored are kept in the quarantine with line and reason. Importing again stores nothing new.
    Raises InvalidInput for an unknown kind or no files.
    """
    if kind not in get_args(Kind):
        raise InvalidInput(f"{kind!r} is no kind of import.", hint=f"Use one of {', '.join(get_args(Kind))}.")
    if not paths:
        raise InvalidInput("No file was given.", hint="Name at least one CSV or Parquet file.")
    seed_universe(pipeline)
    reports = []
    for number, path in enumerate(paths):
        progress(path.name, number / len(paths))
        reports.append(_import_file(pipeline, kind, path))
    progress("derived", 1.0)
    pipeline.index()
    pipeline.run_step("derived", "desk", derived)
    return ImportReport(run_id=pipeline.report.run_id, files=tuple(reports), ingest=pipeline.finish())


def _import_file(pipeline: Pipeline, kind: Kind, path: Path) -> FileReport:
    report = FileReport(path=path)
    started = time.perf_counter()
    try:
        with closing(TableFile(path)) as file:
            report.counts.read = len(file) + len(file.malformed)
            _hold_malformed(pipeline, file, kind, report)
            if kind == "bars" and is_bars(file):
                report.layout = "bars"
                for columns in read_bars(file):
                    _store_bars(pipeline, columns, report)
            else:
                layout = find_layout(file, kind)
                report.layout = layout.name
                _store_parsed(pipeline, layout.read(file, pipeline), report)
    except QuantdeskError as error:
        report.error = str(error)
        # A file that cannot be taken is a failed step of the run, in the record as well.
        pipeline.run_step(kind, path.name, partial(_fail, error))
    report.seconds = time.perf_counter() - started
    return report


def _fail(error: QuantdeskError) -> Counts:
    raise error


def _store_bars(pipeline: Pipeline, columns: BarColumns, report: FileReport) -> None:
    step = pipeline.run_step(
        f"bars {columns.price_basis} of {columns.origin}", columns.source, lambda: pipeline.store_bars(columns)
    )
    report.take(step, beside=columns.beside)


def _store_parsed(pipeline: Pipeline, parsed: Parsed, report: FileReport) -> None:
    report.skipped = parsed.skipped
    for place, several in enumerate((parsed.first, parsed.records, parsed.beside)):
        for rows in several:
            step = pipeline.run_step(
                f"{rows.record.kind} of {report.path.name}",
                rows.source,
                lambda rows=rows: pipeline.store_records(rows, set_once=parsed.set_once),  # type: ignore[misc]
            )
            report.take(step, beside=place != 1)
    _hold(pipeline, parsed.held, report.counts)
    _hold(pipeline, parsed.beside_held, report.derived)


def _hold_malformed(pipeline: Pipeline, file: TableFile, kind: Kind, report: FileReport) -> None:
    rows = [
        HeldRow(
            record_kind=kind,
            source=file.path.name,
            symbol="",
            about=None,
            verdict="reject",
            reason="malformed_row",
            detail=f"line {line} ({reason})",
            row={"text": text[:2000]},
            origin=file.path.name,
        )
        for line, reason, text in file.malformed
    ]
    _hold(pipeline, rows, report.counts)


def _hold(pipeline: Pipeline, rows: Sequence[HeldRow], counts: Counts) -> None:
    pipeline.hold(rows)
    for row in rows:
        counts.hold(row.reason, row.verdict)
    counts.show([describe(row) for row in rows[:20]])


def find_layout(file: TableFile, kind: Kind) -> _Layout:
    """Return the layout of a file that is no bars; raise InvalidInput saying what was expected."""
    for layout in _LAYOUTS:
        if kind in layout.kinds and file.has(*layout.columns):
            return layout
    if not len(file) and len(file.columns) < 2:
        raise InvalidInput(f"{file.path.name} is empty.", hint="Expected a header line and rows.")
    fitting = next((layout for layout in _LAYOUTS if file.has(*layout.columns)), None)
    other = "bars" if is_bars(file) else fitting.kinds[0] if fitting else None
    wanted = "; ".join(", ".join(layout.columns) for layout in _LAYOUTS if kind in layout.kinds)
    expected = "symbol, date and close or adj_close" if kind == "bars" else wanted
    hint = f"It looks like {other}: use `quantdesk import {other}`." if other else f"Expected the columns {expected}."
    raise InvalidInput(f"{file.path.name} has the columns {', '.join(file.columns)}; that is not {kind}.", hint=hint)
