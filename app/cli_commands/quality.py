"""Judge a file of bar cases by the quality rules."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli_commands.output import Output
from core.errors import InvalidInput


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("what", choices=("cases",), help="what to judge")
    parser.add_argument("file", help="JSON Lines file, one case per line")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Print one line per case; return 1 when a line was no case."""
    from core.data.quality_cases import judge_file

    path = Path(arguments.file)
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.")
    code = 0
    for judged in judge_file(path):
        if output.as_json:
            output.json_line(judged)
        if "error" in judged:
            output.remark(judged["error"]["message"])
            code = 1
        elif not output.as_json:
            verdicts = ", ".join(f"{one['verdict']} ({one['reason']})" for one in judged["verdicts"])
            batch = f"; batch {judged['batch']['verdict']} ({judged['batch']['reason']})" if judged["batch"] else ""
            output.text(f"{judged['id']}: {verdicts}{batch}")
    return code
