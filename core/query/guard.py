"""Check that a statement only reads what it may, and render what will run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from postgast import PgQueryError, deparse, parse

from core.domain.facts import Label
from core.errors import SqlRefused
from core.ports.query import CheckedSql
from core.query import tree
from core.query.allowed import GRAMMAR_NODES
from core.query.expressions import CLOCKS, MAX_DEPTH
from core.query.grammar import GrammarCheck
from core.query.relations import Relations
from core.query.scope import refuse
from core.query.second_parser import agree

MAX_CHARACTERS = 20_000
_DESK_CLOCK = "market_data.as_of"


class SqlGuard:
    """Check statements against a set of readable relations.

    `desk_time` makes today and now mean the desk's clock in the statement that will run.
    """

    def __init__(self, relations: Relations, *, desk_time: bool = False) -> None:
        self._relations = relations
        self._desk_time = desk_time

    def check(self, sql: str, *, parameters: int = 0) -> CheckedSql:
        """Return the statement rendered from its checked tree, labelled by the most private relation it reads.

        `parameters` is the number of $n parameters allowed. Raises SqlRefused with the rule and a sentence; a
        statement that cannot be judged is refused too.
        """
        try:
            return self._check(sql, parameters)
        except SqlRefused:
            raise
        except RecursionError as error:
            raise refuse("depth", "The statement is nested too deep.") from error
        except Exception as error:  # whatever goes wrong while judging: it does not run
            raise refuse("unjudged", f"The statement could not be judged ({type(error).__name__}).") from error

    def _check(self, sql: str, parameters: int) -> CheckedSql:
        _check_text(sql)
        parsed, statement = _parse_select(sql)
        checker = GrammarCheck(self._relations, parameters=parameters, desk_time=self._desk_time)
        checker.select(statement, None, {})
        agree(sql, relations=checker.relations, common_names=checker.common_names, functions=checker.functions)
        text = deparse(parsed)
        _check_rendered(text, checker)
        label: Label = "public"
        if any(self._relations[name].label == "private" for name in checker.relations):
            label = "private"
        return CheckedSql(text=text, label=label, relations=tuple(sorted(checker.relations)))


def _check_text(sql: str) -> None:
    if len(sql) > MAX_CHARACTERS:
        raise refuse("length", f"The statement has {len(sql):,} characters; at most {MAX_CHARACTERS:,} are allowed.")
    if "\0" in sql or not sql.strip():
        raise refuse("text", "The statement is empty or contains a NUL character.")
    # The lexer takes the square of their number to read comments inside each other.
    if sql.count("/*") > MAX_DEPTH:
        raise refuse("depth", f"The statement has more than {MAX_DEPTH} comments.")
    # Parentheses are no nodes of the first parser's tree, and the second one descends into each.
    if sql.count("(") > MAX_DEPTH and _deepest(sql) > MAX_DEPTH:
        raise refuse("depth", f"The statement is nested deeper than {MAX_DEPTH} levels.")


def _deepest(sql: str) -> int:
    open_now = accumulate({"(": 1, ")": -1}.get(character, 0) for character in sql)
    return max(open_now)


def _parse_select(sql: str) -> tuple[Any, Any]:
    try:
        parsed = parse(sql)
    except PgQueryError as error:
        raise refuse("syntax", f"PostgreSQL cannot parse the statement: {error}.") from error
    except DecodeError as error:
        raise refuse("depth", "The statement is nested too deep.") from error
    if len(parsed.stmts) != 1:
        raise refuse("one_statement", f"Exactly one statement is allowed, found {len(parsed.stmts)}.")
    kind = parsed.stmts[0].stmt.WhichOneof("node")
    if kind != "select_stmt":
        raise refuse("read_only", f"Only SELECT is allowed, found {kind.removesuffix('_stmt').replace('_', ' ')}.")
    return parsed, parsed.stmts[0].stmt.select_stmt


def _check_rendered(text: str, checker: GrammarCheck) -> None:
    """Parse what will run once more: only allowed nodes, and nothing that the check did not see."""
    _, statement = _parse_select(text)
    relations, functions = set(), set()
    for message in tree.messages(statement):
        kind = message.DESCRIPTOR.name
        if kind not in GRAMMAR_NODES:
            raise refuse("node", f"The construct {kind} is not allowed.")
        if kind == "RangeVar" and message.schemaname:
            relations.add(f"{message.schemaname}.{message.relname}")
        elif kind == "FuncCall":
            functions.add(".".join(part.string.sval for part in message.funcname).removeprefix("pg_catalog."))
    clocks = CLOCKS - functions
    if relations != checker.relations or functions - {_DESK_CLOCK} != checker.functions - clocks:
        raise refuse("rendering", "The rendered statement differs from the one that was checked.")


def check_file(path: Path, relations: Relations) -> Iterator[dict[str, Any]]:
    """Yield `{id, verdict, rule, ms}` for each line `{id, sql}` of a JSON Lines file; empty lines are passed over.

    A line that is not such an object is refused by the rule `input`, named by its number when it has no id.
    """
    guard = SqlGuard(relations)
    # Bytes that are no UTF-8 stay what they are, so that they are judged and not read as something else.
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                case = _case(line)
                verdict = judge(guard, case["sql"]) if isinstance(case.get("sql"), str) else _NO_STATEMENT
                yield {"id": case.get("id", f"line {number}"), **verdict}


def judge(guard: SqlGuard, sql: str) -> dict[str, Any]:
    """Return the verdict on one statement with the rule that refused it and the time it took in milliseconds."""
    started = time.perf_counter()
    rule = None
    try:
        guard.check(sql)
    except SqlRefused as refused:
        rule = refused.rule
    elapsed = (time.perf_counter() - started) * 1000
    return {"verdict": "refuse" if rule else "allow", "rule": rule, "ms": round(elapsed, 3)}


_NO_STATEMENT: dict[str, Any] = {"verdict": "refuse", "rule": "input", "ms": 0.0}


def _case(line: str) -> dict[str, Any]:
    try:
        case = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return case if isinstance(case, dict) else {}
