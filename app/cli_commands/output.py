"""Write what a command found: text for a person, or exactly one JSON document; remarks go to standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.documents import printable, to_json


class Output:
    """Write to standard output and standard error in the form the caller asked for, pictures into their folder."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.pictures: Path | None = None
        self._written = False

    def document(self, value: Any) -> None:
        """Write the one JSON document of a command."""
        self._written = True
        sys.stdout.write(to_json(value) + "\n")
        sys.stdout.flush()

    def json_line(self, value: Any) -> None:
        """Write one line of a JSON lines answer."""
        self.document(value)

    def text(self, text: str) -> None:
        """Write text for a person."""
        sys.stdout.write(printable(text.rstrip("\n")) + "\n")

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write aligned columns for a person."""
        cells = [[str(heading) for heading in headings], *([_shown(cell) for cell in row] for row in rows)]
        widths = [max(len(row[number]) for row in cells) for number in range(len(headings))]
        for row in cells:
            self.text("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def remark(self, text: str) -> None:
        """Write a remark or a step of progress to standard error."""
        sys.stderr.write(printable(text.rstrip("\n")) + "\n")
        sys.stderr.flush()

    def alarm(self, text: str) -> None:
        """Write to standard error what nobody may overlook: in red where that is a terminal."""
        shown = printable(text)
        sys.stderr.write(f"\x1b[1;31m{shown}\x1b[0m\n" if sys.stderr.isatty() else f"{shown}\n")
        sys.stderr.flush()

    def error(self, code: str, message: str) -> None:
        """Write an error sentence, and as the JSON document when one was asked for and none was written."""
        self.remark(message)
        if self.as_json and not self._written:
            self.document({"error": {"code": code, "message": message}})


def _shown(cell: object) -> str:
    return "" if cell is None else printable(" ".join(str(cell).split()))
