"""Show or move the desk clock."""

from __future__ import annotations

import argparse
from datetime import datetime

from app.cli_commands.connection import connect, parse_time
from app.cli_commands.output import Output
from core.errors import InvalidInput


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", nargs="?", choices=("show", "advance", "replay", "live"), default="show")
    parser.add_argument(
        "value", nargs="?", help="advance: sessions (default 1); replay: a day (its close) or an ISO time"
    )


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Show the clock, move a replay forward, replay the past from a time on, or follow the machine's time."""
    action, value = arguments.action, arguments.value
    if value is not None and action in ("show", "live"):
        raise InvalidInput(f"`clock {action}` takes no value.", hint="`clock advance 5`, `clock replay 2022-11-01`.")
    sessions = _sessions(value) if action == "advance" else 0
    moment = _moment(value) if action == "replay" else None
    with connect(arguments) as connection:
        if action == "advance":
            connection.parts.advance_clock(sessions)
        elif moment is not None:
            connection.parts.clock.set_replay(moment)
        elif action == "live":
            connection.parts.clock.set_live()
        clock = connection.desk.clock
        now, mode = clock.now(), clock.mode
    if output.as_json:
        output.document({"mode": mode, "now": now})
        return None
    zone = "the desk replays the past" if mode == "replay" else "the desk follows the machine's time"
    output.text(f"{now:%Y-%m-%d %H:%M} UTC ({mode}: {zone})")
    return None


def _sessions(value: str | None) -> int:
    try:
        count = int(value or 1)
    except ValueError as error:
        raise InvalidInput(f"{value!r} is no number of sessions.", hint="Give 1 or more.") from error
    if count < 1:
        raise InvalidInput("The clock only moves forward: give 1 session or more.")
    return count


def _moment(value: str | None) -> datetime:
    """Return the time to replay; a day alone means the close of its session, or of the last one before it."""
    if value is None:
        raise InvalidInput("Replay from when?", hint="`quantdesk clock replay 2022-11-01`.")
    moment = parse_time(value)
    if len(value.strip()) > len("2022-11-01"):
        return moment
    from core.data.calendar import close_of, shift_session

    return close_of(shift_session(moment.date(), 0, "XNYS"), "XNYS")
