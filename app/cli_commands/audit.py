"""Verify the audit log."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import connect
from app.cli_commands.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    verify = actions.add_parser("verify", help="walk the hash chain and compare it with the books (the default)")
    for asked in (parser, verify):
        asked.add_argument(
            "--head", metavar="NUMBER:HASH", help="a head that an earlier check printed, kept outside this machine"
        )


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Check the whole log; exit code 1 when anything was edited, deleted, reordered or cut off."""
    from core.execution.audit import ANCHOR_FILE, keep_anchor, parse_anchor, read_anchor, verify

    given = [parse_anchor(arguments.head)] if arguments.head else []
    with connect(arguments) as connection:
        file = connection.settings.home / ANCHOR_FILE
        kept = read_anchor(file)
        found = verify(connection.parts.audit, [*given, *([kept] if kept else [])])
        if not found.problems and found.head is not None:
            keep_anchor(file, found.head)
    head = f"{found.head.entry_id}:{found.head.entry_hash}" if found.head else None
    if output.as_json:
        output.document({"entries": found.entries, "head": head, "problems": list(found.problems)})
    else:
        for problem in found.problems:
            output.text(problem)
        state = f"{len(found.problems)} problem(s)" if found.problems else "whole and in order"
        output.text(f"{found.entries} entries, {state}. Head: {head}")
    return 1 if found.problems else None
