"""List positions, cash and P&L."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import get_args

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.documents import plain
from core.domain.as_of import AsOf
from core.execution.profit import Grouping, Method, ProfitLine


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--account", help="account (default: the only one)")
    parser.add_argument(
        "--profit",
        choices=get_args(Grouping),
        help="show realised profit and fees by the author of the proposals, session, symbol or in one sum instead",
    )
    parser.add_argument(
        "--method", choices=get_args(Method), default="fifo", help="lots closed first in first out, or at average cost"
    )


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Show the book at the desk's time."""
    from core.reporting.rendering import render_value

    with connect(arguments) as connection:
        as_of = AsOf(known=connection.as_of) if connection.as_of else None
        if arguments.profit:
            lines = connection.desk.books.profit(arguments.account, as_of, method=arguments.method, by=arguments.profit)
            _profit(lines, arguments.profit, output)
            return None
        held = connection.desk.books.holdings(arguments.account, as_of)
    if output.as_json:
        output.document(held)
        return None
    currency = held.account.currency

    def money(value: object) -> str:
        return render_value(value, "money", currency)  # type: ignore[arg-type]  # Decimal or None

    rows = [
        (
            line.symbol,
            render_value(line.quantity, "shares"),
            money(line.average_cost),
            money(line.price),
            line.price_session,
            money(line.market_value),
            render_value(line.weight, "ratio"),
            money(line.unrealized_pnl),
            money(line.pnl_today),
        )
        for line in held.positions
    ]
    output.text(f"{held.account.name} ({held.account.account_id}) as of {held.as_of:%Y-%m-%d %H:%M} UTC")
    output.table(("symbol", "quantity", "cost", "price", "of", "value", "weight", "unrealised", "today"), rows)
    output.text(f"cash {money(held.cash)}   value {money(held.nav)}   today {money(held.pnl_today)}")
    other_income = held.total_pnl - (held.unrealized_pnl + held.realized_pnl - held.fees)
    output.text(
        f"total P&L {money(held.total_pnl)} = unrealised {money(held.unrealized_pnl)}"
        f" + realised {money(held.realized_pnl)} - fees {money(held.fees)} + other income {money(other_income)}"
    )
    for note in held.notes:
        output.text(note)
    return None


def _profit(lines: Sequence[ProfitLine], grouping: str, output: Output) -> None:
    if output.as_json:
        output.document([{**plain(line), "net": str(line.net)} for line in lines])
        return
    rows = [(line.name, line.fills, f"{line.realized:,.2f}", f"{line.fees:,.2f}", f"{line.net:,.2f}") for line in lines]
    output.table((grouping, "fills", "realised", "fees", "net"), rows)
