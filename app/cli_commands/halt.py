"""Stop all new orders at once, and if wanted cancel those at work and close every position."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.cli_commands.connection import connect, read_settings
from app.cli_commands.output import Output
from app.documents import plain
from core.errors import Unavailable

if TYPE_CHECKING:
    from core.execution.flatten import Flattened


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--reason", default="halted on the command line", help="why, for the record")
    parser.add_argument("--cancel", action="store_true", help="cancel every order at work too")
    parser.add_argument(
        "--flatten", action="store_true", help="cancel, and close every position; a signed-in person who may approve"
    )
    parser.add_argument("--user", help="who signs in with a password to flatten (default: owner)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Turn the kill switch on; no login is needed to stop. The file of the switch is written before anything else."""
    from core.execution.kill_switch import HALT_FILE, write_halt_file

    write_halt_file(read_settings(arguments).home / HALT_FILE, f"command line: {arguments.reason}")
    try:
        return _halt(arguments, output)
    except Unavailable as error:
        raise Unavailable(
            "Trading is halted by its file, which every sender reads; the rest was not done.", hint=str(error)
        ) from error


def _halt(arguments: argparse.Namespace, output: Output) -> int | None:
    with connect(arguments) as connection:
        parts = connection.parts
        said = parts.kill_switch.halt(connection.principal, arguments.reason)
        done: Flattened | None = None
        if arguments.flatten:
            done = parts.flatten(connection.signed_in(arguments.user), arguments.reason)
            said = "Trading is reduce-only."
        elif arguments.cancel:
            done = parts.stop_and_cancel(connection.principal, arguments.reason)
    if output.as_json:
        output.document({"halted": True, "message": said, **({} if done is None else {"done": plain(done)})})
        return _exit_code(done)
    output.text(said)
    if done is not None:
        output.text(f"{len(done.cancelled)} order(s) cancelled or withdrawn, {len(done.closing)} closing order(s).")
        for problem in done.problems:
            output.text(f"Not done: {problem}")
    return _exit_code(done)


def _exit_code(done: Flattened | None) -> int | None:
    return 1 if done is not None and done.problems else None
