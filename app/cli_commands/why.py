"""Explain where a number came from."""

from __future__ import annotations

import argparse
import json

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.documents import explanation_document


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("fact", help="id of a fact (fct_...), a table cell (run_...:table:row:column) or a run")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Show everything behind the fact."""
    from tools.tracing import explain

    with connect(arguments) as connection:
        found = explanation_document(explain(connection.desk, arguments.fact, connection.principal))
    if output.as_json:
        output.document(found)
        return None
    currency = f", {found['currency']}" if found["currency"] else ""
    output.text(f"{found['name']} = {found['shown']} ({found['unit']}{currency}; {found['label']})")
    output.text(f"Computed by the tool {found['tool']} with {json.dumps(found['arguments'])}")
    for statement in found["sql"]:
        output.text(f"SQL: {statement}")
    if found["sources"]:
        output.text(f"Sources: {', '.join(found['sources'])}")
    seed = f", seed {found['seed']}" if found["seed"] is not None else ""
    output.text(f"On the data known at {found['as_of']}, code {found['code_version']}{seed}")
    output.text(f"Asked by {found['asked_by']} through {found['face']} at {found['started_at']}")
    output.text(f"Run it again: {found['replay']}")
    return None
