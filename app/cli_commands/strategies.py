"""List, enable, disable and scan your strategies, and schedule the scan."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any, Literal

from app.cli_commands.connection import Connection, connect
from app.cli_commands.output import Output
from app.cli_commands.showing import show_result
from core.errors import InvalidInput


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list your strategies with their terms")
    enable = actions.add_parser(
        "enable", help="let the scan look at one; with --strategy and symbols it is saved first"
    )
    enable.add_argument("symbols", nargs="*", metavar="SYMBOL", help="symbols of a new strategy, in its order")
    enable.add_argument("--strategy", help="what it runs, such as pair, timed, sma_crossover")
    enable.add_argument("--parameters", default=None, help="its parameters as JSON")
    enable.add_argument("--account", default=None, help="account to trade (default: the only one)")
    for name, kind, meaning in (
        ("weight", float, "share of the account's value it may use"),
        ("stop-loss", float, "leave at this loss, ratio"),
        ("take-profit", float, "leave at this gain, ratio"),
        ("horizon-sessions", int, "sessions after which recommendations are scored"),
    ):
        enable.add_argument(f"--{name}", type=kind, default=None, help=meaning)
    disable = actions.add_parser("disable", help="let the scan leave one alone; what it holds stays")
    for action in (enable, disable):
        action.add_argument("--name", required=True, help="name of your strategy")
    scan = actions.add_parser("scan", help="look at the newest bars and propose what they ask for")
    scan.add_argument("--name", default=None, help="only this strategy of yours")
    actions.add_parser("recommendations", help="list what was recommended, its odds and what came of it")
    schedule = actions.add_parser("schedule", help="scan on exchange days after the ingest: on, off, or show")
    schedule.add_argument("switch", nargs="?", choices=("on", "off", "show"), default="show")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do the action as who is signed in."""
    with connect(arguments) as connection:
        if arguments.action == "schedule":
            _schedule(connection, arguments.switch, output)
        elif arguments.action == "list":
            _list(connection, output)
        elif arguments.action == "recommendations":
            _recommendations(connection, output)
        elif arguments.action == "scan":
            show_result(connection.call("scan_strategies", {"strategy": arguments.name}), output)
        else:
            show_result(connection.call("save_strategy", _asked(arguments)), output)
    return None


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.action == "disable":
        return {"name": arguments.name, "enabled": False}
    terms = ("strategy", "account", "weight", "stop_loss", "take_profit", "horizon_sessions")
    asked = {name: getattr(arguments, name) for name in terms if getattr(arguments, name) is not None}
    if arguments.parameters is not None:
        asked["parameters"] = _parameters(arguments.parameters)
    return {"name": arguments.name, "symbols": arguments.symbols, **asked}


def _parameters(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--parameters is not JSON: {error}.", hint="""Write '{"window": 60}'.""") from error


def _list(connection: Connection, output: Output) -> None:
    from tools.save_strategy import strategies_table

    table = strategies_table(list(connection.desk.strategies.saved(connection.principal.id)))
    if output.as_json:
        output.document([dict(zip((c.name for c in table.columns), row, strict=True)) for row in table.rows])
    else:
        output.table([column.title or column.name for column in table.columns], table.rows)


def _recommendations(connection: Connection, output: Output) -> None:
    made = connection.desk.strategies.recommendations(connection.principal.id)
    if output.as_json:
        output.document([part.model_dump(mode="json") for part in made])
        return
    names = {part.strategy_id: part.name for part in connection.desk.strategies.saved(connection.principal.id)}
    rows = [
        (
            str(part.session),
            names.get(part.strategy_id, part.strategy_id),
            part.action.replace("_", " "),
            " ".join(f"{symbol} {change:+.1%}" for symbol, change in part.change.items()),
            _ratio(part.probability, "{:.0%}"),
            _ratio(part.expected_return, "{:+.2%}"),
            _ratio(part.realised_return, "{:+.2%}"),
            part.proposal_id,
        )
        for part in made
    ]
    heads = ("session", "strategy", "action", "change", "odds of a gain", "expected", "came of it", "proposal")
    output.table(heads, rows)


def _ratio(value: float | None, pattern: str) -> str:
    return "" if value is None else pattern.format(value)


def _schedule(connection: Connection, switch: Literal["on", "off", "show"], output: Output) -> None:
    from app.scheduling import change_scan_schedule

    times = asyncio.run(change_scan_schedule(connection.settings, connection.parts.clock.desk_id(), switch))
    shown = [f"{moment:%Y-%m-%d %H:%M} UTC" for moment in times[:3]]
    if output.as_json:
        output.document({"next": shown})
    else:
        output.text(f"Next scans: {', '.join(shown)}." if shown else "No scan is scheduled.")
