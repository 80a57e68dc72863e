"""List orders and their fills; end one whose outcome is not known."""

from __future__ import annotations

import argparse
from typing import get_args

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.documents import orders_document
from core.domain.books import OrderState


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--account", help="account (default: the only one)")
    parser.add_argument(
        "--state",
        action="append",
        choices=get_args(OrderState),
        metavar="STATE",
        help=f"only orders in this state; may be given several times ({', '.join(get_args(OrderState))})",
    )
    parser.add_argument("--end", metavar="ORDER", help="end this unknown order, which never reached its venue")
    parser.add_argument("--evidence", default="", help="how you know: who at the venue confirmed it, and when")
    parser.add_argument("--user", help="who signs in with a password to end one (default: owner)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Show the orders, newest first, or end one."""
    with connect(arguments) as connection:
        if arguments.end:
            ended = connection.parts.end_unknown(
                arguments.end, connection.signed_in(arguments.user), arguments.evidence
            )
            output.text(f"{ended.order_id} is {ended.state}: {ended.reason}.")
            return None
        orders = orders_document(connection.desk.books, arguments.account, arguments.state)
    if output.as_json:
        output.document(orders)
        return None
    if not orders:
        output.text("There are no orders.")
        return None
    rows = [
        (
            order["order_id"],
            order["state"],
            f"{order['side']} {order['quantity']} {order['symbol']} {order['order_type']}",
            order["filled_quantity"],
            ", ".join(f"{fill['quantity']} at {fill['price']} on {fill['session']}" for fill in order["fills"]),
            order["reason"],
        )
        for order in orders
    ]
    output.table(("order", "state", "order text", "filled", "fills", "reason"), rows)
    return None
