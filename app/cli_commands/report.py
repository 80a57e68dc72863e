"""Write the start-of-day or end-of-day report."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from core.errors import InvalidInput


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("kind", choices=("sod", "eod", "list", "show"), help="sod, eod, list, or show an earlier one")
    parser.add_argument("report_id", nargs="?", help="the report to show")
    parser.add_argument("--output", metavar="FILE", help="write the HTML page here too")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Make and store a report, or show earlier ones."""
    if arguments.report_id and arguments.kind != "show":
        raise InvalidInput(f"`report {arguments.kind}` takes no report.", hint="`quantdesk report show ID`.")
    with connect(arguments) as connection:
        if arguments.kind == "list":
            listed = connection.parts.reports.list()
            if output.as_json:
                output.document(listed)
            else:
                output.table(("report", "kind", "session"), [(one.report_id, one.kind, one.session) for one in listed])
            return None
        if arguments.kind == "show":
            if not arguments.report_id:
                raise InvalidInput("Name the report to show.", hint="`quantdesk report list` lists them.")
            report = connection.parts.reports.get(arguments.report_id)
        else:
            report = connection.parts.make_report(arguments.kind, connection.principal, face="cli")
        file = (
            Path(arguments.output)
            if arguments.output
            else connection.settings.home / "reports" / (f"{report.kind}-{report.session}-{report.report_id}.html")
        )
        _write(file, report.html)
    if output.as_json:
        output.document(report)
    else:
        output.text(f"{report.title}: {report.report_id}\n{file}")
    return None


def _write(file: Path, page: str) -> None:
    from app.runtime.processes import write_whole

    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(file, page)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror}.") from error
