"""Allow new orders again."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import connect
from app.cli_commands.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--reason", default="resumed on the command line", help="why, for the record")
    parser.add_argument("--user", help="who signs in with a password (default: owner)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Turn the kill switch off, as a signed-in person who may approve."""
    with connect(arguments) as connection:
        said = connection.parts.kill_switch.resume(connection.signed_in(arguments.user), arguments.reason)
        output.document({"halted": False, "message": said}) if output.as_json else output.text(said)
    return None
