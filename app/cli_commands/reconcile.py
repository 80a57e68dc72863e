"""Compare the books with the venues, show what differs, and explain it."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.documents import plain


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--account", help="account (default: all)")
    parser.add_argument("--explain", metavar="DIFFERENCE", help="accept this open difference as explained")
    parser.add_argument("--reason", default="", help="the explanation, for the record")
    parser.add_argument("--user", help="who signs in with a password (default: owner)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Compare every account; exit code 1 while one does not agree, so that it does not trade."""
    with connect(arguments) as connection:
        reconciliation = connection.parts.reconciliation
        if arguments.explain:
            person = connection.signed_in(arguments.user)
            reconciliation.explain(arguments.explain, arguments.reason, person)
        found = reconciliation.run(arguments.account)
        foreign = reconciliation.external_orders(arguments.account)
    if output.as_json:
        output.document({"accounts": plain(found), "external_orders": plain(foreign)})
    else:
        output.table(("account", "outcome", "detail"), [(part.account_id, part.outcome, part.detail) for part in found])
        for part in found:
            for difference in part.differences:
                output.text(
                    f"{difference.difference_id}: {difference.subject} {difference.name} of {part.account_id} is"
                    f" {difference.ours} here and {difference.theirs} at the venue."
                )
        for order in foreign:
            state = "open" if order.is_open else "ended"
            output.text(
                f"Foreign order {order.venue_order_id} ({state}): {order.side} {order.quantity} {order.symbol},"
                " not sent by this desk."
            )
    return 1 if any(part.outcome != "agrees" for part in found) else None
