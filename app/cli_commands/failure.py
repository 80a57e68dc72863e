"""Keep the details of an unexpected failure in a file instead of on a person's screen."""

from __future__ import annotations

import argparse
import traceback

from app.cli_commands.connection import read_settings
from app.logs import hide_in_text
from core.errors import QuantdeskError


def note_failure(error: BaseException, arguments: argparse.Namespace) -> str:
    """Append the traceback, without secrets, to logs/errors.log in the desk's folder; say where, or what happened."""
    details = hide_in_text("".join(traceback.format_exception(error)))
    try:
        folder = read_settings(arguments).home.expanduser() / "logs"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / "errors.log"
        with file.open("a", encoding="utf-8") as log:
            log.write(details + "\n")
    except (OSError, QuantdeskError):
        return hide_in_text(str(error))
    return f"The details are in {file}."
