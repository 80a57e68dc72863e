"""Import a file in a process of its own and stop dead at a named moment; run by test_broken_off.py."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

from core.adapters.store.clock import WallClock
from core.adapters.store.data_store import PostgresDataStore, PostgresSeries
from core.adapters.store.database import Database
from core.adapters.store.ingest import import_files
from core.domain.identifiers import Uuid7Source
from core.ports.data_store import BarArrays


def main(dsn: str, path: str, moment: str) -> None:
    """Import `path` and die after the rows of the second series were written, or before the index was, or live."""
    written = 0
    insert = PostgresSeries.insert

    def dying(self: Any, bars: BarArrays) -> None:
        nonlocal written
        written += 1
        insert(self, bars)
        if written == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    if moment == "second series":
        PostgresSeries.insert = dying  # type: ignore[method-assign]
    if moment == "index":
        PostgresDataStore.index_series = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
    ids = Uuid7Source(WallClock(), random.Random(os.getpid()))
    report = import_files(Database(dsn), ids, "bars", [Path(path)])
    counts = report.files[0].counts
    sys.stdout.write(f"{counts.new} {counts.same}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
