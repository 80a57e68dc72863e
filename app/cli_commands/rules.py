"""List, declare and end the standing rules that reject proposals; no rule approves."""

from __future__ import annotations

import argparse
from typing import Any, get_args

from pydantic import ValidationError

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.documents import plain
from core.domain.books import OrderType, RejectCondition, RejectRule, Side, TimeInForce
from core.errors import InvalidInput

_PARTS: tuple[tuple[str, str, tuple[str, ...] | None, str], ...] = (
    ("--symbol", "symbols", None, "a leg trades this symbol"),
    ("--side", "sides", get_args(Side), "a leg is of this side"),
    ("--order-type", "order_types", get_args(OrderType), "an order is of this type"),
    ("--time-in-force", "times_in_force", get_args(TimeInForce), "it has this time in force"),
    ("--author-kind", "author_kinds", ("person", "agent", "service"), "who wrote it is of this kind"),
    ("--author", "authors", None, "who wrote it has this id"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="list the rules that stand (the default)")
    declare = actions.add_parser("declare", help="reject from now on what has every part given here")
    declare.add_argument("name")
    for flag, field, choices, meaning in _PARTS:
        declare.add_argument(flag, dest=field, action="append", default=[], choices=choices, help=meaning)
    declare.add_argument("--notional-above", help="it is worth more than this, in the account's currency")
    declare.add_argument("--quantity-above", help="a leg is of more shares or coins than this")
    declare.add_argument("--account", help="only proposals of this account")
    ending = actions.add_parser("end", help="end a rule")
    ending.add_argument("name")
    for action in (declare, ending):
        action.add_argument("--user", help="who signs in with a password (default: owner)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do the action as a signed-in person and show the rules that stand."""
    with connect(arguments) as connection:
        rules = connection.parts.reject_rules
        if arguments.action == "declare":
            condition = read_condition({name: value for name, value in vars(arguments).items() if value})
            rules.declare(arguments.name, condition, connection.signed_in(arguments.user), account_id=arguments.account)
        elif arguments.action == "end":
            rules.end(arguments.name, connection.signed_in(arguments.user))
        found = rules.standing()
    if output.as_json:
        output.document({"rules": plain(found)})
    else:
        rows = [(rule.name, rule.account_id or "all", words_of(rule), rule.declared_by) for rule in found]
        output.table(("rule", "account", "rejects", "declared by"), rows)
    return None


def read_condition(given: dict[str, Any]) -> RejectCondition:
    """Return the condition of what was given; raise InvalidInput naming a part that does not fit."""
    try:
        return RejectCondition(**{name: given[name] for name in RejectCondition.model_fields if name in given})
    except ValidationError as error:
        problems = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise InvalidInput(f"The condition does not fit: {problems}.") from error


def words_of(rule: RejectRule) -> str:
    """Return the condition of a rule in one line."""
    parts = rule.condition.model_dump(mode="json", exclude_defaults=True)
    return " and ".join(
        f"{name.replace('_', ' ')} {', '.join(value) if isinstance(value, list) else value}"
        for name, value in parts.items()
    )
