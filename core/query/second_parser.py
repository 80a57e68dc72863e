"""Read the statement with a second, independent parser and see that both agree on what it does."""

from __future__ import annotations

import logging

import sqlglot

# The parser imports these when it first meets a subscript; here they are no statement's time.
import sqlglot.optimizer.annotate_types
import sqlglot.optimizer.simplify
from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError

from core.query.scope import refuse

logging.getLogger("sqlglot").setLevel(logging.ERROR)

_ROOTS = (exp.Select, exp.SetOperation, exp.Values, exp.Subquery, exp.Table)
# What would write, lock, run something or leave the statement; anything the parser cannot type is a Command.
_FORBIDDEN = (
    exp.Command,
    exp.DML,
    exp.DDL,
    exp.Into,
    exp.Lock,
    exp.Copy,
    exp.Set,
    exp.Pragma,
    exp.Use,
    exp.Transaction,
    exp.Commit,
    exp.Rollback,
    exp.Kill,
    exp.Describe,
    exp.Show,
    exp.SessionParameter,
    exp.CurrentUser,
    exp.SessionUser,
    exp.CurrentSchema,
    exp.CurrentCatalog,
    exp.CurrentRole,
    exp.CurrentDatabase,
)

# Constructs of the grammar that sqlglot reads as functions.
_CONSTRUCTS = frozenset({"row", "grouping", "all", "any", "some"})


def agree(sql: str, *, relations: set[str], common_names: set[str], functions: set[str]) -> None:
    """Refuse the statement unless sqlglot too sees one reading statement with the same relations.

    `functions` are those the first parser saw: a function that sqlglot does not know by type must be among them.
    """
    try:
        parsed = sqlglot.parse(sql, dialect=Postgres)
        statements = [part for part in parsed if part is not None and not isinstance(part, exp.Semicolon)]
    except (SqlglotError, RecursionError, ValueError, AttributeError, TypeError, IndexError, KeyError) as error:
        raise refuse(
            "parsers_disagree", f"The second parser cannot read the statement ({type(error).__name__})."
        ) from error
    if len(statements) != 1 or not isinstance(statements[0], _ROOTS):
        raise refuse("parsers_disagree", "The second parser does not see exactly one SELECT.")
    seen: set[str] = set()
    for node in statements[0].walk():
        if isinstance(node, _FORBIDDEN):
            raise refuse("parsers_disagree", f"The second parser sees {type(node).__name__}, which is not allowed.")
        if isinstance(node, exp.Table):
            _add_table(node, seen, common_names)
        elif isinstance(node, exp.Anonymous) and node.name.lower() not in functions | _CONSTRUCTS:
            raise refuse("parsers_disagree", f"The second parser sees the function {node.name}.")
    if seen != relations:
        raise refuse("parsers_disagree", "The two parsers see different relations.")


def _add_table(node: exp.Table, seen: set[str], common_names: set[str]) -> None:
    if isinstance(node.this, exp.Func):
        return
    if node.catalog:
        raise refuse("parsers_disagree", "The second parser sees a relation of another database.")
    if node.db:
        seen.add(f"{_folded(node.args['db'])}.{_folded(node.this)}")
    elif _folded(node.this) not in common_names:
        raise refuse("parsers_disagree", f"The second parser sees the relation {node.name!r}.")


def _folded(name: exp.Expression) -> str:
    # As PostgreSQL folds: plain names to lower case, quoted ones as they are.
    return name.name if name.args.get("quoted") else name.name.lower()
