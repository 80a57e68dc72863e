"""Call a tool as a command of its own: `quantdesk performance --symbols AAPL`, or with its arguments in a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli_commands.backtest import read_yaml
from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.cli_commands.showing import show_result
from app.cli_commands.tool_arguments import add_options, read_options
from tools.registry import load_tool


def configure(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the file and an option per argument of the tool."""
    tool = load_tool(name)
    parser.description = tool.description
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("spec", nargs="?", metavar="SPEC.yaml", help="file with arguments of the tool; options win")
    add_options(parser, tool)
    parser.set_defaults(tool_name=name)


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Call the tool and show its result."""
    tool = load_tool(arguments.tool_name)
    given = {**(read_yaml(Path(arguments.spec)) if arguments.spec else {}), **read_options(arguments, tool)}
    with connect(arguments) as connection:
        result = connection.call(arguments.tool_name, given, seed=getattr(arguments, "seed", None))
        show_result(result, output)
    return None
