"""Call a tool with JSON arguments."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.cli_commands.showing import show_result
from app.cli_commands.tool_arguments import parse_object


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", help="name of the tool (`quantdesk tools` lists all)")
    parser.add_argument("--args", default="{}", metavar="JSON", help="arguments as a JSON object")
    parser.add_argument("--seed", type=int, help="seed of the random numbers, to repeat a run")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Call the tool and show its result."""
    from tools.registry import load_tool

    load_tool(arguments.name)
    given = parse_object(arguments.args)
    with connect(arguments) as connection:
        show_result(connection.call(arguments.name, given, seed=arguments.seed), output)
    return None
