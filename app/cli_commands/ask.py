"""Ask a question in plain language, or a file of questions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli_commands.connection import Connection, connect
from app.cli_commands.output import Output
from core.domain.as_of import AsOf
from core.errors import InvalidInput

if TYPE_CHECKING:
    from agents.answer import Answer


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("question", nargs="?", help="the question")
    parser.add_argument("--file", metavar="FILE", help="answer each question {id, turns} of a JSON Lines file")
    parser.add_argument("--thread", help="go on in an earlier conversation (its id is printed with each answer)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Answer; in a file each question has its own outcome, and one that fails leaves the others."""
    if bool(arguments.question) == bool(arguments.file):
        raise InvalidInput(
            "Give a question, or --file with questions.", hint='`quantdesk ask "How did AAPL do in 2008?"`'
        )
    with connect(arguments) as connection:
        if arguments.file:
            _file(Path(arguments.file), connection, output)
        else:
            _one(arguments, connection, output)
    return None


def _one(arguments: argparse.Namespace, connection: Connection, output: Output) -> None:
    import asyncio

    thread = arguments.thread or connection.desk.ids.new("thr")

    async def ask() -> Answer:
        assistant = connection.parts.open_assistant(connection.desk)
        try:
            return await assistant.ask(
                arguments.question, thread, connection.principal, "cli", as_of=_as_of(connection)
            )
        finally:
            await assistant.close()

    answer = asyncio.run(ask())
    if output.as_json:
        output.document({"thread": thread, **answer.model_dump(mode="json")})
        return
    output.text(answer.text)
    from app.cli_commands.showing import name_sources, show_table

    for table in answer.tables:
        show_table(table, output)
    for note in answer.notes:
        output.text(f"Note: {note}")
    sources = f"; sources: {name_sources(answer.sources)}" if answer.sources else ""
    replay = ", replaying the past" if answer.clock == "replay" else ""
    output.text(
        f"\nAs of {answer.as_of:%Y-%m-%d %H:%M} UTC{replay}; route {answer.route}{answer.cost()}; "
        f"{answer.label}{sources}"
    )
    if answer.runs:
        output.text(f"Trace the numbers: quantdesk why {answer.runs[0]}")
    for proposal_id in answer.proposal_ids:
        output.text(f"Decide: quantdesk proposals approve {proposal_id}")
    output.remark(f"Go on with --thread {thread}")


def _file(path: Path, connection: Connection, output: Output) -> None:
    from agents.questions import answer_file

    failed = 0
    records = answer_file(
        path, connection.desk, connection.dsn, principal=connection.principal, as_of=_as_of(connection)
    )
    for record in records:
        failed += record["outcome"] == "failed"
        if output.as_json:
            output.json_line(record)
        else:
            output.text(f"{record['id']} [{record['outcome']}] {' '.join(str(record['answer']).split())}")
    if failed:
        output.remark(f"{failed} questions failed inside; their outcome says so.")


def _as_of(connection: Connection) -> AsOf | None:
    return AsOf(known=connection.as_of) if connection.as_of else None
