"""Let a model mend a statement of its own once: it gets a fixed code and a fixed hint, never a sentence with values."""

from __future__ import annotations

from core.errors import BudgetExceeded, QuantdeskError, SqlFailed, SqlRefused

TOOL = "run_sql"
MOST_FAILURES = 2
# By rule of the guard or SQLSTATE of the server; both are closed lists, so neither can carry a value of a row.
_HINTS = {
    "read_only": "Only one SELECT is allowed.",
    "write": "Only one SELECT is allowed.",
    "one_statement": "Write exactly one statement.",
    "syntax": "The statement is not PostgreSQL; write it plainer.",
    "relation": "Name only the v_ views of the tool's description, with their schema.",
    "column": "Use columns of the views you name, each with its view's alias.",
    "function": "Use common aggregate, window, date and text functions only.",
    "type": "Cast to plain types only: numeric, text, date, timestamptz.",
    "cross_join": "Join relations by a condition.",
    "budget_exceeded": "Ask for less: fewer symbols, a shorter period, or aggregate.",
    "42703": "A column does not exist in the view it is taken from.",
    "42P01": "A relation does not exist; use the v_ views with their schema.",
    "42803": "Put the column in GROUP BY or inside an aggregate.",
    "42804": "Types do not match; cast one side.",
    "42883": "No function or operator takes these types; cast them.",
    "42702": "Give the column the alias of its relation.",
    "21000": "A subquery used as a value must return one row.",
    "22012": "Guard the division with nullif(divisor, 0).",
    "22P02": "A text cannot be read as that type; compare it as text.",
}
_OTHER = "Write the statement plainer, or use query_metric."
_LAST = "The one repair was used: do not write SQL again; say that it could not be answered, or use query_metric."


def code_of(error: QuantdeskError) -> str:
    """Return the fixed code of what was wrong: a rule of the guard, a SQLSTATE, or the code of the error."""
    if isinstance(error, SqlRefused):
        return error.rule
    return error.state if isinstance(error, SqlFailed) else error.code


def reply_to_model(error: QuantdeskError, failures: int) -> dict[str, str]:
    """Return what a model is told about the failure of a statement; after the second one it is told to stop."""
    code = code_of(error)
    hint = _LAST if failures >= MOST_FAILURES else _HINTS.get(code, _OTHER)
    return {"error": error.code, "code": code, "hint": hint}


def check_repairs(failures: int) -> None:
    """Raise BudgetExceeded when the one repair of a turn was used."""
    if failures >= MOST_FAILURES:
        raise BudgetExceeded("A statement is repaired once, not more.")


def remark(failures: int, *, answered: bool) -> str:
    """Return the sentence that tells the person what was tried; empty when nothing failed."""
    if not failures:
        return ""
    if answered:
        return "The first statement of the model did not run; it was told a code and wrote the one that is shown."
    tried = "Both statements of the model" if failures >= MOST_FAILURES else "The statement of the model"
    return f"{tried} did not run; the calls above show what was tried."
