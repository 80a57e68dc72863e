"""Make a market of any size: instruments, sessions and plausible bars, the same each time."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np

from app.runtime import postgres
from core.adapters.store.clock import WallClock
from core.adapters.store.database import Database
from core.adapters.store.ingest import open_pipeline
from core.adapters.store.migrations import migrate
from core.data.calendar import sessions_between
from core.data.pipeline import Pipeline
from core.domain.identifiers import Uuid7Source
from core.ports.vendor import BarColumns

FIRST_ID = 1_000_001
_SESSIONS = sessions_between("XNYS", date(2012, 1, 3), date(2024, 12, 31))


@contextmanager
def made_database(symbols: int) -> Iterator[Database]:
    """Give a database of a server of its own with some instruments and no bars."""
    home = Path(tempfile.mkdtemp(prefix="qdb"))
    try:
        with postgres.ensure_postgres(home) as server:
            migrate(server.dsn)
            database = Database(server.dsn)
            add_instruments(database, symbols)
            yield database
            database.close()
    finally:
        postgres.remove(home)
        shutil.rmtree(home, ignore_errors=True)


def begin_ingest(database: Database) -> Pipeline:
    """Begin an ingest run."""
    return open_pipeline(database, Uuid7Source(WallClock(), random.Random()), mode="benchmark", arguments={})


def add_instruments(database: Database, count: int) -> None:
    with database.transaction() as connection, connection.cursor() as cursor:
        columns = "instrument_id, symbol, name, asset_class, calendar, currency, source, known_at"
        with cursor.copy(f"COPY market_data.instruments ({columns}) FROM STDIN".encode()) as copy:
            for number in range(count):
                copy.write_row(
                    (FIRST_ID + number, f"M{number:05d}", "Made", "equity", "XNYS", "USD", "made", "2000-01-01Z")
                )


def make_bars(
    symbols: range, sessions: int, *, source: str = "made", gaps: float = 0.0, bad: float = 0.0
) -> BarColumns:
    """Return bars of some instruments over the first sessions; `gaps` is the share left out,
    `bad` the share whose high lies under its low."""
    generator = np.random.default_rng(symbols.start + 1)
    days, count = _SESSIONS[:sessions], len(symbols)
    close = 80.0 * np.exp(np.cumsum(generator.normal(0.0002, 0.015, (count, sessions)), axis=1)).ravel()
    open_ = close * (1.0 + generator.normal(0.0, 0.004, close.shape))
    high = np.maximum(open_, close) * (1.0 + np.abs(generator.normal(0.0, 0.004, close.shape)))
    low = np.minimum(open_, close) * (1.0 - np.abs(generator.normal(0.0, 0.004, close.shape)))
    volume = generator.integers(100_000, 5_000_000, close.shape).astype(np.float64)
    wrong = generator.random(close.shape) < bad
    high[wrong], low[wrong] = low[wrong] * 0.99, high[wrong] * 1.01
    keep = np.flatnonzero(generator.random(close.shape) >= gaps)
    return BarColumns(
        source=source,
        price_basis="split_adjusted",
        symbols=tuple(f"M{number:05d}" for number in symbols),
        symbol_code=np.repeat(np.arange(count, dtype=np.int32), sessions)[keep],
        session=np.tile(days, count)[keep],
        open=open_[keep],
        high=high[keep],
        low=low[keep],
        close=close[keep],
        volume=volume[keep],
        line=keep + 2,
        origin="made",
    )
