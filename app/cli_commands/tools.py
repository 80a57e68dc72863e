"""List the tools."""

from __future__ import annotations

import argparse
import json

from app.cli_commands.output import Output
from app.documents import tool_document


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", nargs="?", help="show this tool with its schema")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Show all tools, or one."""
    from tools.registry import load_tool, load_tools

    shown = (load_tool(arguments.name),) if arguments.name else load_tools()
    described = [tool_document(tool) for tool in shown]
    if output.as_json:
        output.document(described[0] if arguments.name else described)
    elif arguments.name:
        only = shown[0]
        output.text(f"{only.name} ({only.effect}, {only.data})\n\n{only.description}\n")
        output.text(json.dumps(only.schema(), indent=2))
    else:
        rows = [(tool.name, tool.effect, tool.data, tool.description.splitlines()[0]) for tool in shown]
        output.table(("tool", "effect", "data", "what it does"), rows)
    return None
