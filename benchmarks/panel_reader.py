"""Read panels on demand in a process of its own, so that its peak memory is what the reads take.

`python -m benchmarks.panel_reader DSN FOLDER SYMBOLS SESSIONS` answers one JSON line for each `{"do": ...}`: `read` a
panel over a fresh connection, read it `again` at the same version of the data, or `npy`, load one file of the size.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import peak_megabytes
from core.adapters.store.bars import PostgresBars
from core.adapters.store.database import Database
from core.adapters.store.panel_files import PanelFiles
from core.domain.as_of import AsOf

# As benchmarks.made_market numbers its instruments, without what that loads.
FIRST_ID = 1_000_001
AS_OF = AsOf(known=datetime(2026, 1, 1, tzinfo=UTC))


def answer(do: str, desk: Database, folder: Path, symbols: int, sessions: int) -> dict[str, Any]:
    file = folder / "grids.npy"
    if do == "npy":
        if not file.exists():
            np.save(file, np.zeros((5, sessions, symbols)))
        started = time.perf_counter()
        np.load(file)
        return {"seconds": time.perf_counter() - started}
    started = time.perf_counter()
    # The peers open a connection for each read; a desk that asks again has one.
    database = desk if do == "again" else Database(desk.dsn)
    bars = PostgresBars(database, PanelFiles(folder / "panels") if do == "again" else None)
    panel = bars.bars(list(range(FIRST_ID, FIRST_ID + symbols)), as_of=AS_OF, adjust="splits", needs="ohlc")
    seconds = time.perf_counter() - started
    if database is not desk:
        database.close()
    grids = (panel.close, panel.open, panel.high, panel.low, panel.volume)
    sums = [float(np.nansum(grid)) for grid in grids if grid is not None]
    return {"seconds": seconds, "sums": sums, "bars": int(np.isfinite(panel.close).sum())}


def main(dsn: str, folder: str, symbols: str, sessions: str) -> None:
    desk = Database(dsn)
    before = peak_megabytes()
    for line in sys.stdin:
        told = answer(json.loads(line)["do"], desk, Path(folder), int(symbols), int(sessions))
        print(json.dumps({**told, "before": before, "megabytes": peak_megabytes()}), flush=True)
    desk.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
