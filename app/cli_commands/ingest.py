"""Fetch new data from the vendors, or load the samples."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING, Any

from app.cli_commands.connection import Connection, connect, parse_time
from app.cli_commands.importing import counts_document
from app.cli_commands.output import Output
from core.errors import InvalidInput

if TYPE_CHECKING:
    from core.data.gap_ledger import WindowCoverage
    from core.data.ingest_plan import IngestRequest
    from core.data.ingest_service import Outcome
    from core.data.pipeline import IngestReport

_STEPS = ("corporate_actions", "market_data", "macro", "news", "events", "derived", "quality")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "vendor", nargs="?", choices=("samples",), help="load the sample data instead of asking vendors"
    )
    parser.add_argument(
        "--mode",
        choices=("daily", "backfill", "reparse"),
        default="daily",
        help="daily: the newest day and two sessions before it; backfill: more days; reparse: the kept replies again",
    )
    parser.add_argument("--days", type=int, metavar="N", help="backfill the last N days")
    parser.add_argument("--start", metavar="DATE", help="backfill from this day on; reparse replies received since")
    parser.add_argument("--end", metavar="DATE", help="backfill to this day (default: the newest)")
    parser.add_argument("--skip-steps", nargs="+", choices=_STEPS, default=(), metavar="STEP", help=", ".join(_STEPS))
    parser.add_argument("--symbols", nargs="+", default=(), metavar="SYMBOL", help="instruments or FRED series only")
    parser.add_argument("--vendors", nargs="+", default=(), metavar="VENDOR", help="these vendors only")
    durable = parser.add_mutually_exclusive_group()
    durable.add_argument("--workflow", action="store_true", help="hand it to the workers of the running desk")
    durable.add_argument("--schedule", choices=("on", "off", "show"), help="run it daily on exchange days, or no more")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Take what vendors deliver into the store; a second run writes nothing new. Returns 1 when a step failed."""
    from app.cli_commands.progress import Progress

    if arguments.vendor == "samples":
        with connect(arguments) as connection:
            report = connection.parts.load_samples(Progress())
        return show_ingest(report, output)
    if arguments.schedule or arguments.workflow:
        _durable(arguments, output)
        return None
    request = None if arguments.mode == "reparse" else request_of(arguments)
    with connect(arguments) as connection:
        service = _service(connection)
        if request is None:
            since = parse_time(arguments.start) if arguments.start else None
            outcome = service.reparse(arguments.vendors, since, Progress())
        else:
            outcome = service.run(request, Progress())
    return show_outcome(outcome, output)


def _durable(arguments: argparse.Namespace, output: Output) -> None:
    import asyncio

    from app.scheduling import change_schedule, start_ingest

    if arguments.mode == "reparse":
        raise InvalidInput("reparse runs in this process only.", hint="Leave out --workflow and --schedule.")
    with connect(arguments) as connection:
        settings, desk_id = connection.settings, connection.parts.clock.desk_id()
    if arguments.workflow:
        workflow_id = asyncio.run(start_ingest(settings, desk_id, request_of(arguments)))
        output.document({"workflow": workflow_id}) if output.as_json else output.text(
            f"Started {workflow_id}; `quantdesk coverage` and the data page show what it brings."
        )
        return
    times = asyncio.run(change_schedule(settings, desk_id, arguments.schedule, request_of(arguments)))
    if output.as_json:
        output.document({"next": [time.isoformat() for time in times]})
    elif times:
        output.text("Next: " + ", ".join(f"{time:%Y-%m-%d %H:%M} UTC" for time in times[:5]) + ", exchange days only.")
    else:
        output.text("No ingest is scheduled.")


def _service(connection: Connection) -> Any:
    if connection.as_of is None:
        return connection.parts.ingest
    from app.bootstrap import Parts
    from app.cli_commands.connection import FrozenClock

    return Parts(connection.settings, connection.dsn, wall=FrozenClock(connection.as_of, wall=connection.as_of)).ingest


def request_of(arguments: argparse.Namespace) -> IngestRequest:
    """Return what the arguments ask for; raise InvalidInput."""
    from core.data.ingest_plan import IngestRequest

    return IngestRequest(
        mode=arguments.mode,
        days=arguments.days,
        start=_day(arguments.start, "--start"),
        end=_day(arguments.end, "--end"),
        skip_steps=tuple(arguments.skip_steps),
        symbols=tuple(arguments.symbols),
        vendors=tuple(arguments.vendors),
    )


def _day(text: str | None, name: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{name} is {text!r}, expected a day.", hint="Write 2024-01-31.") from error


def show_outcome(outcome: Outcome, output: Output) -> int:
    """Tell what became of each step, what is stored of the days asked for and what to do; return 1 on a failure."""
    report = outcome.report
    if output.as_json:
        output.document(
            {
                "run": report.run_id,
                "state": report.state,
                "days": [outcome.first_day.isoformat(), outcome.last_day.isoformat()],
                "resumed": outcome.resumed,
                "rows": counts_document(report.counts),
                "steps": _steps_document(report),
                "coverage": [_coverage_document(entry) for entry in outcome.coverage],
                "remarks": list(outcome.remarks),
            }
        )
        return 1 if report.failed else 0
    output.text(f"Run {report.run_id}: {report.state}, {outcome.first_day} to {outcome.last_day}.")
    if outcome.resumed:
        output.text(f"{outcome.resumed} parts were done by the run that broke off and are not repeated.")
    _show_steps(report, output)
    if outcome.coverage:
        output.table(
            ("coverage of", "instruments", "expected", "stored", "explained", "open", "share"),
            [
                (entry.source, entry.instruments, entry.expected, entry.stored, entry.explained, entry.open,
                 f"{entry.share:.2%}")
                for entry in outcome.coverage
            ],
        )  # fmt: skip
    for reason, count in sorted(report.counts.reasons.items()):
        output.text(f"held back or flagged: {reason} {count}")
    for remark in outcome.remarks:
        output.remark(remark)
    return 1 if report.failed else 0


def _coverage_document(entry: WindowCoverage) -> dict[str, Any]:
    return {
        "source": entry.source,
        "instruments": entry.instruments,
        "expected": entry.expected,
        "stored": entry.stored,
        "explained": entry.explained,
        "open": entry.open,
        "share": entry.share,
    }


def _steps_document(report: IngestReport) -> list[dict[str, Any]]:
    return [
        {"step": step.step, "source": step.source, "rows": counts_document(step.counts), "seconds": step.seconds,
         "error": step.error}
        for step in report.steps
    ]  # fmt: skip


def _show_steps(report: IngestReport, output: Output) -> None:
    rows = [
        (step.step, step.source, step.counts.read, step.counts.new, step.counts.changed, step.counts.same,
         step.counts.quarantined, step.counts.rejected, f"{step.seconds:.2f}", step.error)
        for step in report.steps
    ]  # fmt: skip
    heads = ("step", "source", "read", "new", "changed", "same", "quarantined", "rejected", "seconds", "error")
    output.table(heads, rows)


def show_ingest(report: IngestReport, output: Output) -> int:
    """Tell what became of each step; return 1 when one failed."""
    if output.as_json:
        output.document(
            {"run": report.run_id, "rows": counts_document(report.counts), "steps": _steps_document(report)}
        )
    else:
        _show_steps(report, output)
        for reason, count in sorted(report.counts.reasons.items()):
            output.text(f"held back or flagged: {reason} {count}")
    for step in report.failed:
        output.remark(f"{step.step} of {step.source} failed: {step.error}. The other steps stand; run it again.")
    return 1 if report.failed else 0
