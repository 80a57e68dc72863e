"""Show a tool's result to a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli_commands.output import Output
from core.errors import InvalidInput
from core.reporting.rendering import render_cell, render_fact, title_of

if TYPE_CHECKING:
    from core.domain.facts import Table, ToolResult

MAX_ROWS = 40


def show_result(result: ToolResult, output: Output) -> None:
    """Write the result: JSON as it is, or facts, tables, remarks and where it came from; pictures where asked."""
    pictures = [] if output.pictures is None else draw_charts(result, output.pictures)
    if output.as_json:
        drawn = {} if output.pictures is None else {"pictures": [str(path) for path in pictures]}
        output.document({**result.model_dump(mode="json"), **drawn})
        return
    if result.facts:
        width = max(len(fact.name) for fact in result.facts)
        for fact in result.facts:
            output.text(f"{fact.name.ljust(width)}  {render_fact(fact):>16}  {fact.id}")
    for table in result.tables:
        show_table(table, output)
    for statement in result.sql:
        output.text(f"\nSQL: {statement}")
    for note in result.notes:
        output.text(f"Note: {note}")
    for chart in result.charts if output.pictures is None else ():
        output.text(f"Chart: {chart.title} (seen in the chat, or with --pictures FOLDER)")
    for path in pictures:
        output.text(f"Picture: {path}")
    sources = f"; sources: {name_sources(result.sources)}" if result.sources else ""
    output.text(f"\nAs of {result.as_of:%Y-%m-%d %H:%M} UTC; {result.label}; run {result.run}{sources}")


def draw_charts(result: ToolResult, folder: Path) -> list[Path]:
    """Write each chart of a result as a PNG named by tool, run, number and title; return the files.

    The run keeps the pictures of several in one folder apart. Raises InvalidInput for a folder that cannot be written.
    """
    from core.reporting.chart_images import chart_png

    drawn = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, chart in enumerate(result.charts, start=1):
            title = re.sub(r"[^a-z0-9]+", "-", chart.title.lower()).strip("-")[:60]
            path = folder / f"{result.tool}-{result.run[-6:]}-{number}-{title}.png"
            path.write_bytes(chart_png(chart))
            drawn.append(path)
    except OSError as error:
        raise InvalidInput(f"Pictures cannot be written into {folder}: {error.strerror}.") from error
    return drawn


def show_table(table: Table, output: Output) -> None:
    """Write a table with its heading."""
    if table.title:
        output.text(f"\n{table.title}")
    rows = [
        [render_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows[:MAX_ROWS]
    ]
    output.table([title_of(column) for column in table.columns], rows)
    left = len(table.rows) - MAX_ROWS
    if left > 0:
        output.text(f"({left} more rows; --json gives all)")
    elif table.truncated:
        output.text("(cut at the row limit)")


def name_sources(sources: Sequence[str], *, most: int = 6) -> str:
    """Return the first sources as a list and the number of the others; `--json` gives all."""
    more = f" and {len(sources) - most} more" if len(sources) > most else ""
    return ", ".join(sources[:most]) + more
