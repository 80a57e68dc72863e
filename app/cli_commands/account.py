"""List accounts, open one by its venue's evidence, book transfers, and switch real money to live or off."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from typing import get_args

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.documents import plain
from core.domain.books import Account
from core.errors import InvalidInput
from core.execution.accounts import TransferKind

VENUES = {"binance": "binance", "ib": "interactive_brokers", "paper": "paper"}
CURRENCIES = {"binance": "USDT"}
"""Currency of the books where none is given and it is not the dollar."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="list the accounts (the default)")
    opening = actions.add_parser("open", help="open an account with the cash that its venue says it holds")
    opening.add_argument("venue", choices=sorted(VENUES), help="ib: Interactive Brokers; binance: its spot market")
    opening.add_argument("account_id", help="number of the account at the venue, such as DU1234567")
    opening.add_argument("--name", help="name of the account here (default: its number)")
    opening.add_argument("--currency", help="currency of its books (default: USD, at Binance USDT)")
    opening.add_argument("--four-eyes-above", help="value above which another person must approve")
    opening.add_argument(
        "--real-money",
        action="store_true",
        help="it is no paper account; it sends nothing until it is switched to live",
    )
    opening.add_argument(
        "--bring-positions",
        action="store_true",
        help="book what it holds as bought at the last stored close; without it the account must hold money alone",
    )
    switch = actions.add_parser("live", help="switch an account with real money to live, or off")
    switch.add_argument("account_id")
    switch.add_argument("state", choices=["on", "off"])
    money = actions.add_parser("transfer", help="book money that came or left, with the reference of its document")
    money.add_argument("account_id")
    money.add_argument("movement", choices=get_args(TransferKind))
    money.add_argument("amount", help="in the account's currency; interest that was paid is negative")
    money.add_argument("--reference", required=True, help="statement or bank reference; booked once")
    for action in (opening, switch, money):
        action.add_argument("--user", help="who signs in with a password (default: owner)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do the action as a signed-in person."""
    with connect(arguments) as connection:
        parts = connection.parts
        if arguments.action == "open":
            from core.execution.accounts import AccountRequest

            request = AccountRequest(
                account_id=arguments.account_id,
                name=arguments.name or arguments.account_id,
                broker=VENUES[arguments.venue],
                currency=arguments.currency or CURRENCIES.get(arguments.venue, "USD"),
                four_eyes_above=_amount(arguments.four_eyes_above),
                allow_real_money=arguments.real_money,
                brings_positions=arguments.bring_positions,
            )
            found = [parts.accounts.open(request, connection.signed_in(arguments.user))]
        elif arguments.action == "live":
            person = connection.signed_in(arguments.user)
            found = [parts.accounts.set_live(arguments.account_id, person, is_live=arguments.state == "on")]
        elif arguments.action == "transfer":
            person = connection.signed_in(arguments.user)
            amount = _amount(arguments.amount) or Decimal(0)
            entry = parts.accounts.transfer(
                arguments.account_id, arguments.movement, amount, person, reference=arguments.reference
            )
            output.remark(f"Booked {entry.movement} of {entry.amount} {entry.currency} as {entry.reference!r}.")
            found = [connection.desk.books.account(arguments.account_id)]
        else:
            found = list(connection.desk.books.accounts())
    if output.as_json:
        output.document({"accounts": plain(found)})
        return None
    rows = [(row.account_id, row.name, row.broker, row.currency, money_word(row), row.four_eyes_above) for row in found]
    output.table(("account", "name", "venue", "currency", "money", "four eyes above"), rows)
    for account in found:
        if account.is_live:
            output.alarm(f"REAL MONEY: {account.account_id} is switched to live; approved orders trade real money.")
    return None


def money_word(account: Account) -> str:
    """Return what an order of the account would move."""
    if not account.is_real_money:
        return "paper"
    return "REAL, LIVE" if account.is_live else "real, switched off"


def _amount(text: str | None) -> Decimal | None:
    try:
        amount = None if text is None else Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount is not None and not amount.is_finite():
        raise InvalidInput(f"{text!r} is no amount.", hint="Write a number such as 50000.")
    return amount
