"""Bring derived data up to date, make all of it anew, or check that both give the same."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import connect
from app.cli_commands.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "what",
        choices=("update", "rebuild", "check"),
        help="update what is out of date; rebuild everything; check: rebuild and tell what differed",
    )


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do it and tell items, rows written and seconds by part; a check that finds a difference returns 1."""
    from app.cli_commands.progress import Progress
    from core.data.derived import update_derived

    with connect(arguments) as connection:
        store = connection.parts.derived
        if arguments.what != "update":
            update_derived(store)
        before = store.digests() if arguments.what == "check" else {}
        report = update_derived(store, rebuild=arguments.what != "update", progress=Progress())
        after = store.digests() if before else {}
    differs = sorted(table for table in before if before[table] != after[table])
    if output.as_json:
        output.document(
            {
                "parts": {
                    part: {"items": report.items[part], "rows": report.rows[part], "seconds": report.seconds[part]}
                    for part in report.items
                },
                "differs": differs,
            }
        )
    else:
        rows = [(part, report.items[part], report.rows[part], f"{report.seconds[part]:.2f}") for part in report.items]
        output.table(("part", "out of date", "rows written", "seconds"), rows)
        if before:
            output.text(f"differs from a rebuild: {', '.join(differs) or 'nothing'}")
    return 1 if differs else None
