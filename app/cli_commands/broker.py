"""Check a connection to a broker: line, account, permissions, clock and positions."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from core.errors import ServiceError

MOST_SECONDS_APART = 5
Look = Callable[[], tuple[bool, str]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("connect", help="go through the checklist of a broker; nothing is sent")
    check.add_argument("broker", choices=["binance", "ib"], help="ib: Interactive Brokers; binance: its spot market")
    check.add_argument("--paper", action="store_true", required=True, help="only a paper account may stand behind it")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Print every check with what was found; exit code 1 when one fails."""
    now = datetime.now(UTC)  # noqa: TID251  # compared with the broker's
    with connect(arguments) as connection:
        parts = connection.parts
        if arguments.broker == "ib":
            looks = tws_looks(parts.lines.tws, now)
        else:
            looks = binance_looks(parts.lines.binance, parts.brokers, now)
        checks = checklist(looks)
    if output.as_json:
        output.document({"checks": [{"check": name, "passed": ok, "found": said} for name, ok, said in checks]})
    else:
        output.table(("check", "passed", "found"), [(name, "yes" if ok else "NO", said) for name, ok, said in checks])
    return None if all(ok for _, ok, _ in checks) else 1


def checklist(looks: Sequence[tuple[str, Look]]) -> list[tuple[str, bool, str]]:
    """Return (check, passed, found) of every look; one that fails does not stop those after it."""
    found: list[tuple[str, bool, str]] = []
    for name, look in looks:
        try:
            passed, said = look()
        except ServiceError as error:
            passed, said = False, str(error)
        found.append((name, passed, said))
    return found


def tws_looks(tws: Any, now: datetime) -> list[tuple[str, Look]]:
    """Return the checks of a TwsSession."""

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

    def positions() -> tuple[bool, str]:
        held = [f"{quantity:g} {contract.symbol}" for _, contract, quantity in tws.positions() if quantity]
        return True, ", ".join(held) or "none"

    return [
        ("account", accounts),
        ("line", line),
        ("permissions", permissions),
        ("clock", lambda: _compare_clocks(tws.server_time(), now)),
        ("positions", positions),
    ]


def binance_looks(session: Any, brokers: Any, now: datetime) -> list[tuple[str, Look]]:
    """Return the checks of a BinanceSession and of the broker that uses it."""

    def account() -> tuple[bool, str]:
        name = str(session.ask("private_get_account")["uid"])
        if not brokers["binance"].account(name).is_paper:
            return False, f"{name} trades real money; BINANCE_ADDRESS of the test network leads to paper"
        return True, f"{name} (test network)"

    def line() -> tuple[bool, str]:
        session.ask("public_get_ping")
        return True, "the interface answers"

    def permissions() -> tuple[bool, str]:
        told = session.ask("private_get_account")
        kinds = ", ".join(told.get("permissions", [])) or "nothing"
        return bool(told.get("canTrade")) and "SPOT" in kinds, f"the key may trade {kinds}"

    def clock() -> tuple[bool, str]:
        told = int(session.ask("public_get_time")["serverTime"])
        return _compare_clocks(datetime.fromtimestamp(told / 1000, UTC), now)

    def positions() -> tuple[bool, str]:
        balances = session.ask("private_get_account")["balances"]
        held = [
            f"{float(part['free']) + float(part['locked']):g} {part['asset']}"
            for part in balances
            if float(part["free"]) + float(part["locked"])
        ]
        return True, ", ".join(held) or "none"

    return [
        ("account", account),
        ("line", line),
        ("permissions", permissions),
        ("clock", clock),
        ("positions", positions),
    ]


def _compare_clocks(theirs: datetime, ours: datetime) -> tuple[bool, str]:
    apart = abs((theirs - ours).total_seconds())
    return apart <= MOST_SECONDS_APART, f"{apart:.0f} s apart from this machine"
