"""Print the JSON Schema of a record kind."""

from __future__ import annotations

import argparse
import json

from app.cli_commands.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("kind", nargs="?", help="record kind; all are listed without one")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Show one schema, or the kinds there are."""
    from core.domain.records import record_kind, record_kinds

    if arguments.kind:
        schema = record_kind(arguments.kind).model_json_schema()
        output.document(schema) if output.as_json else output.text(json.dumps(schema, indent=2))
        return None
    kinds = list(record_kinds())
    if output.as_json:
        output.document({kind.kind: kind.model_json_schema() for kind in kinds})
    else:
        output.table(
            ("kind", "table", "key", "data"),
            [(kind.kind, kind.table, ", ".join(kind.key), kind.label) for kind in kinds],
        )
    return None
