"""Run or check a read-only SQL query."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from core.errors import InvalidInput


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("statement", nargs="?", help="one SELECT over the desk's views")
    parser.add_argument("--check", action="store_true", help="judge the statement without running it")
    parser.add_argument("--check-file", metavar="FILE", help="judge each line {id, sql} of a JSON Lines file")
    parser.add_argument("--relations", metavar="CFG", help="readable relations for --check-file and --check (JSON)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Run the statement, or tell the guard's verdict; exit code 1 when it is refused."""
    if arguments.check_file:
        return _check_file(arguments, output)
    if not arguments.statement:
        raise InvalidInput("No statement was given.", hint='Write `quantdesk sql "SELECT ..."`.')
    if arguments.check:
        return _check(arguments, output)
    from app.cli_commands.showing import show_result

    with connect(arguments) as connection:
        show_result(connection.call("run_sql", {"sql": arguments.statement}), output)
    return None


def _relations(arguments: argparse.Namespace) -> dict[str, object]:
    from core.query.relations import load_relations, product_relations

    if arguments.relations:
        return dict(load_relations(Path(arguments.relations)))
    return dict(product_relations("public" if arguments.check_file else "private"))


def _check(arguments: argparse.Namespace, output: Output) -> int:
    from core.errors import SqlRefused
    from core.query.guard import SqlGuard

    guard = SqlGuard(_relations(arguments))  # type: ignore[arg-type]  # Relation values
    try:
        checked = guard.check(arguments.statement)
    except SqlRefused as refused:
        if output.as_json:
            output.document({"verdict": "refuse", "rule": refused.rule, "message": str(refused)})
        else:
            output.text(f"Refused by the rule {refused.rule}: {refused}")
        return 1
    if output.as_json:
        output.document(
            {
                "verdict": "allow",
                "rule": None,
                "label": checked.label,
                "relations": checked.relations,
                "sql": checked.text,
            }
        )
    else:
        output.text(
            f"Allowed ({checked.label}; reads {', '.join(checked.relations) or 'no relation'}).\n{checked.text}"
        )
    return 0


def _check_file(arguments: argparse.Namespace, output: Output) -> int | None:
    from core.query.guard import check_file

    path = Path(arguments.check_file)
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.")
    for verdict in check_file(path, _relations(arguments)):  # type: ignore[arg-type]  # Relation values
        if output.as_json:
            output.json_line(verdict)
        else:
            output.text(f"{verdict['id']}  {verdict['verdict']}  {verdict['rule'] or ''}  {verdict['ms']} ms")
    return None
