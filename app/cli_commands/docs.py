"""Write the generated pages under docs/."""

from __future__ import annotations

import argparse

from app.cli_commands.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the common options are enough."""


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Write the pages and name those that changed."""
    from app.reference import write_pages

    changed = [str(file) for file in write_pages()]
    if output.as_json:
        output.document({"changed": changed})
    else:
        output.text("\n".join(f"wrote {file}" for file in changed) or "Every page is up to date.")
    return None
