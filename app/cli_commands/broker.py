"""Check a connection to a broker: line, account, permissions, clock and positions."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from core.errors import ServiceError

MOST_SECONDS_APART = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("connect", help="go through the checklist of a broker; nothing is sent")
    check.add_argument("broker", choices=["ib"], help="ib: Interactive Brokers")
    check.add_argument("--paper", action="store_true", required=True, help="only a paper account may stand behind it")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Print every check with what was found; exit code 1 when one fails."""
    with connect(arguments) as connection:
        checks = checklist(connection.parts.tws, datetime.now(UTC))  # noqa: TID251  # compared with the broker's
    if output.as_json:
        output.document({"checks": [{"check": name, "passed": ok, "found": said} for name, ok, said in checks]})
    else:
        output.table(("check", "passed", "found"), [(name, "yes" if ok else "NO", said) for name, ok, said in checks])
    return None if all(ok for _, ok, _ in checks) else 1


def checklist(tws: Any, now: datetime) -> list[tuple[str, bool, str]]:
    """Return (check, passed, found) of a TwsSession; a check that fails does not stop those after it."""
    found: list[tuple[str, bool, str]] = []

    def check(name: str, look: Callable[[], tuple[bool, str]]) -> None:
        try:
            passed, said = look()
        except ServiceError as error:
            passed, said = False, str(error)
        found.append((name, passed, said))

    def accounts() -> tuple[bool, str]:
        names = tws.accounts()
        live = [name for name in names if not name.startswith("D")]
        if live:
            return False, f"{', '.join(live)} trades real money; log in to the paper account"
        return bool(names), f"{', '.join(names)} (paper)"

    def line() -> tuple[bool, str]:
        tws.server_time()
        return tws.is_linked, "the gateway reaches the vendor" if tws.is_linked else "the gateway has no line (1100)"

    def permissions() -> tuple[bool, str]:
        from ib_async import Stock

        names = {part.contract.conId for part in tws.contracts(Stock("AAPL", "SMART", "USD"))}
        return len(names) == 1, "US stocks can be named" if names else "the vendor names no contract for AAPL"

    def clock() -> tuple[bool, str]:
        apart = abs((tws.server_time() - now).total_seconds())
        return apart <= MOST_SECONDS_APART, f"{apart:.0f} s apart from this machine"

    def positions() -> tuple[bool, str]:
        held = [f"{quantity:g} {contract.symbol}" for _, contract, quantity in tws.positions() if quantity]
        return True, ", ".join(held) or "none"

    for name, look in (
        ("account", accounts),
        ("line", line),
        ("permissions", permissions),
        ("clock", clock),
        ("positions", positions),
    ):
        check(name, look)
    return found
