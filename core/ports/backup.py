"""Promise what keeps the desk's database safe: back-ups that can be proven, and a look at the database itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """Hold how many rows a table has and the sum of the hashes of their text."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Say what a back-up holds: schema revision, the server's major version, the file's SHA-256 and every table."""

    revision: str
    server: int
    sha256: str
    tables: Mapping[str, TableContent]

    @property
    def rows(self) -> int:
        """Return the number of rows of all tables."""
        return sum(table.rows for table in self.tables.values())


class Backups(Protocol):
    """Back up, restore and check the desk's database."""

    def back_up(self, file: Path) -> Manifest:
        """Write the database to a new file, its manifest beside it."""
        ...

    def read_manifest(self, file: Path) -> Manifest:
        """Return the manifest of a back-up that is what was written."""
        ...

    def restore(self, file: Path, database: str) -> Manifest:
        """Restore a back-up into a new database and compare every table with the manifest."""
        ...

    def put_in_place(self, restored: str, kept_as: str) -> None:
        """Give a restored database the name of the desk's, which is kept under another."""
        ...

    def find_faults(self) -> list[str]:
        """Return what is wrong with the desk's database, one sentence each."""
        ...
