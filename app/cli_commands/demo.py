"""Load or remove the demo book."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import connect
from app.cli_commands.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=("load", "remove"))


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Write the demo book whole, or take it away whole; nothing else is touched."""
    from core.execution.demo import load_demo, remove_demo

    with connect(arguments) as connection:
        parts = connection.parts
        if arguments.action == "load":
            account = load_demo(parts.trading, parts.marks, parts.desk.instruments, connection.desk.clock, parts.ids)
            document = {"account": account.account_id, "loaded": True}
            sentence = f"The demo book is loaded as account {account.account_id}; `quantdesk demo remove` removes it."
        else:
            removed = remove_demo(parts.trading)
            document = {"account": None, "removed": removed}
            sentence = "The demo book is removed." if removed else "There is no demo book."
    output.document(document) if output.as_json else output.text(sentence)
    return None
