"""Run a recorded tool call again and compare."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.documents import replay_document


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("run", help="id of a run (run_...), as answers, reports and `quantdesk why` name it")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Compare; exit code 1 when the results differ."""
    from tools.tracing import replay

    with connect(arguments) as connection:
        found = replay_document(replay(connection.desk, arguments.run, connection.principal, face="cli"))
    if output.as_json:
        output.document(found)
    elif found["same"]:
        output.text(f"The same result, bit for bit: {found['tool']}, digest {found['replayed_digest']}")
    else:
        code = "" if found["same_code"] else " The code has changed since."
        output.text(
            f"A different result: digest {found['recorded_digest']} then, {found['replayed_digest']} now.{code}"
            f" Compare the runs {found['run']} and {found['replayed_run']} with `quantdesk why`."
        )
    return 0 if found["same"] else 1
