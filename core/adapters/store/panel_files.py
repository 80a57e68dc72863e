"""Keep panels that were read in files, keyed by the version of the data: the second read costs what the file costs.

Every statement that changes bars, actions, instruments or series gives the data another version (`ops.data_version`),
in its own transaction: what was read at a version is what every later read at it gives.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import numpy as np

from core.adapters.store.database import Connection
from core.domain.as_of import AsOf
from core.domain.panel import Panel, SeriesSource

_GRIDS = ("close", "open", "high", "low", "volume")
# Smaller panels come as fast from the database.
LEAST_CELLS = 20_000
MOST_BYTES = 500_000_000


class PanelFiles:
    """Keep panels of the newest version of the data in a folder; older versions are removed."""

    def __init__(self, folder: Path, *, least_cells: int = LEAST_CELLS, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._least_cells = least_cells
        self._most_bytes = most_bytes

    def place(self, connection: Connection, question: Sequence[object]) -> Path:
        """Return where the answer to a question belongs, at the version that the transaction sees."""
        row = connection.execute("SELECT ops.data_version()").fetchone()
        assert row is not None
        return self._folder / str(row[0]) / f"{sha256(repr(question).encode()).hexdigest()[:32]}.panel"

    def load(self, place: Path) -> Panel | None:
        """Return the panel that is kept there, None when there is none or the file is damaged."""
        try:
            with place.open("rb") as file:
                return read_panel(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            with suppress(OSError):
                place.unlink()
            return None

    def keep(self, place: Path, panel: Panel) -> None:
        """Keep a panel that is worth it; a full or read-only disk costs the file, not the answer."""
        if panel.close.size < self._least_cells:
            return
        try:
            self._make_room(place.parent)
            with _replacing(place) as file:
                write_panel(file, panel)
        except OSError:
            return

    def _make_room(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for other in self._folder.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        kept = sorted(folder.glob("*.panel"), key=lambda file: file.stat().st_mtime)
        used = sum(file.stat().st_size for file in kept)
        for file in kept:
            if used <= self._most_bytes:
                break
            used -= file.stat().st_size
            file.unlink()


@contextmanager
def _replacing(place: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes its place whole or not at all."""
    number, name = tempfile.mkstemp(dir=place.parent)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        Path(name).replace(place)
    finally:
        Path(name).unlink(missing_ok=True)


def write_panel(file: IO[bytes], panel: Panel) -> None:
    """Write a panel, to the bit."""
    grids = [name for name in _GRIDS if getattr(panel, name) is not None]
    head: dict[str, Any] = {
        "grids": grids,
        "symbols": panel.symbols,
        "series": [asdict(series) for series in panel.series],
        "known": panel.as_of.known.isoformat(),
        "recorded": panel.as_of.recorded.isoformat() if panel.as_of.recorded else None,
        "sql": panel.sql,
    }
    np.save(file, np.frombuffer(json.dumps(head).encode(), dtype=np.uint8))
    np.save(file, panel.sessions.astype("datetime64[D]").astype(np.int64))
    for name in grids:
        np.save(file, getattr(panel, name))


def read_panel(file: IO[bytes]) -> Panel:
    """Read what `write_panel` wrote; raises ValueError, KeyError, TypeError or EOFError when it is something else."""
    head = json.loads(np.load(file).tobytes())
    sessions = np.load(file).astype("datetime64[D]")
    grids = {name: np.load(file) for name in head["grids"]}
    recorded = head["recorded"]
    return Panel(
        sessions=sessions,
        symbols=tuple(head["symbols"]),
        series=tuple(SeriesSource(**series) for series in head["series"]),
        close=grids["close"],
        open=grids.get("open"),
        high=grids.get("high"),
        low=grids.get("low"),
        volume=grids.get("volume"),
        as_of=AsOf(
            known=datetime.fromisoformat(head["known"]),
            recorded=datetime.fromisoformat(recorded) if recorded else None,
        ),
        sql=head["sql"],
    )
