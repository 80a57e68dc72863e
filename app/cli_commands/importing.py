"""Load CSV or Parquet files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli_commands.connection import connect
from app.cli_commands.output import Output

if TYPE_CHECKING:
    from core.data.importing import FileReport
    from core.ports.data_store import Counts

KINDS = ("bars", "actions", "macro", "news", "events", "instruments")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("kind", choices=KINDS, help="what the files hold")
    parser.add_argument("files", nargs="+", metavar="FILE", help="CSV or Parquet files (.gz too)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Import every file, hold bad rows back with line and reason, and bring what is derived up to date."""
    from app.cli_commands.progress import Progress

    paths = [Path(file) for file in arguments.files]
    with connect(arguments) as connection:
        report = connection.parts.import_files(arguments.kind, paths, Progress())
    derived = next(step for step in report.ingest.steps if step.source == "desk")
    if output.as_json:
        output.document(
            {
                "run": report.run_id,
                "files": [file_document(file) for file in report.files],
                "derived": {
                    "rows": derived.counts.changed,
                    "seconds": round(derived.seconds, 3),
                    "error": derived.error,
                },
            }
        )
    else:
        rows = [
            (
                file.path.name,
                file.layout,
                file.counts.read,
                file.counts.stored,
                file.counts.new + file.counts.changed,
                file.counts.quarantined + file.counts.rejected,
                file.skipped,
                f"{file.seconds:.1f}",
            )
            for file in report.files
        ]
        output.table(("file", "layout", "rows", "stored", "written", "held back", "skipped", "seconds"), rows)
        output.text(f"derived: {derived.counts.changed:,} rows made again in {derived.seconds:.1f} s")
    if derived.error:
        output.remark(f"What is derived was not made: {derived.error} `quantdesk derived update` tries again.")
    for file in report.files:
        for example in file.counts.examples[:5]:
            output.remark(f"{file.path.name}: held back {example}")
        if file.error:
            output.remark(f"{file.path.name} was not imported: {file.error}")
    return 1 if any(file.error for file in report.files) else 0


def file_document(file: FileReport) -> dict[str, Any]:
    """Tell what became of one file."""
    return {
        "file": str(file.path),
        "layout": file.layout,
        "rows": counts_document(file.counts),
        "derived": counts_document(file.derived),
        "skipped": file.skipped,
        "seconds": round(file.seconds, 3),
        "error": file.error,
    }


def counts_document(counts: Counts) -> dict[str, Any]:
    """Tell what became of rows."""
    return {
        "read": counts.read,
        "stored": counts.stored,
        "new": counts.new,
        "changed": counts.changed,
        "same": counts.same,
        "quarantined": counts.quarantined,
        "rejected": counts.rejected,
        "reasons": counts.reasons,
        "examples": counts.examples,
    }
