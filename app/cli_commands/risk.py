"""Report value at risk, drawdown and correlation."""

from __future__ import annotations

import argparse

from app.cli_commands import tool_verb
from app.cli_commands.tool_verb import run

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add an option per argument of the tool."""
    tool_verb.configure(parser, "risk_report")
