"""Serve the tools to an MCP client over stdio."""

from __future__ import annotations

import argparse

from app.cli_commands.connection import connect
from app.cli_commands.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: --token names the key the client acts under."""


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Serve until the client leaves."""
    from app.mcp import serve

    with connect(arguments) as connection:
        output.remark("Serving the tools over stdio; the client may read and propose, never approve.")
        serve(connection.desk, connection.principal)
    return None
