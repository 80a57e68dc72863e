"""A delivery judged in blocks of instruments is stored as if it had been judged at once."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from core.adapters.store.clock import WallClock
from core.adapters.store.database import Database
from core.adapters.store.ingest import open_pipeline
from core.data import pipeline as pipeline_module
from core.data.pipeline import Pipeline
from core.data.samples import seed_universe
from core.data.universe import universe
from core.domain.identifiers import Uuid7Source
from core.ports.vendor import BarColumns

SYMBOLS = tuple(entry.symbol for entry in universe() if entry.asset_class == "equity" and entry.listed is None)[:7]
DAYS = np.arange("2023-01-02", "2023-03-01", dtype="datetime64[D]")


def delivery(seed: int) -> BarColumns:
    """Return shuffled rows of seven stocks, weekends and reversed ranges among them."""
    generator = np.random.default_rng(seed)
    code = np.repeat(np.arange(len(SYMBOLS), dtype=np.int32), len(DAYS))
    order = generator.permutation(len(code))
    close = 40.0 + 20 * generator.random(len(code))
    high = np.where(generator.random(len(code)) < 0.05, close * 0.9, close * 1.02)
    return BarColumns(
        source="blocks",
        price_basis="split_adjusted",
        symbols=SYMBOLS,
        symbol_code=code[order],
        session=np.tile(DAYS, len(SYMBOLS))[order],
        open=close,
        high=high,
        low=close * 0.98,
        close=close,
        volume=generator.integers(1_000, 2_000, len(code)).astype(float),
        line=np.arange(len(code)) + 2,
        origin="made.csv",
    )


@pytest.fixture
def database(database_dsn: str):
    database = Database(database_dsn)
    yield database
    database.close()


@pytest.fixture
def store(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    def run(seed: int, rows: int) -> object:
        monkeypatch.setattr(pipeline_module, "BLOCK_ROWS", rows)
        with database.transaction() as connection:
            connection.execute("TRUNCATE market_data.bars_daily, market_data.series_years, ops.quarantine CASCADE")
        pipeline = open_run(database)
        seed_universe(pipeline)
        counts = pipeline.store_bars(delivery(seed))
        pipeline.finish()
        assert counts.read == counts.stored + counts.quarantined + counts.rejected
        columns = "instrument_id, session, open, high, low, close, volume, flags, known_at"
        with database.transaction() as connection:
            return (
                connection.execute(f"SELECT {columns} FROM market_data.bars_daily ORDER BY 1, 2".encode()).fetchall(),
                connection.execute("SELECT symbol, about, reason, row FROM ops.quarantine ORDER BY 1, 2, 3").fetchall(),
                connection.execute("SELECT days::text FROM market_data.series_years ORDER BY instrument_id").fetchall(),
                sorted(counts.reasons.items()),
                (counts.new, counts.changed, counts.same),
            )

    return run


def open_run(database: Database) -> Pipeline:
    return open_pipeline(database, Uuid7Source(WallClock(), random.Random(3)), mode="test", arguments={})


@pytest.mark.parametrize("rows", [1, 59, 100, 1000])
def test_blocks_of_any_size_store_the_same(store: Callable[..., object], rows: int) -> None:
    assert store(7, rows) == store(7, 250_000)


def test_a_repeated_delivery_in_blocks_writes_nothing(
    store: Callable[..., object], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(8, 100)
    version = "SELECT sum(changes) FROM ops.data_changes"
    with database.transaction() as connection:
        before = connection.execute(version).fetchone()
    counts = open_run(database).store_bars(delivery(8))
    assert (counts.new, counts.changed) == (0, 0) and counts.same > 200
    with database.transaction() as connection:
        assert connection.execute(version).fetchone() == before


def test_no_block_splits_an_instrument() -> None:
    ids = np.array([5, 3, 5, 9, 3, 5, 1], dtype=np.int32)
    pipeline_module_blocks = list(pipeline_module._blocks(ids))
    assert sum(mask.sum() for mask in pipeline_module_blocks) == len(ids)
    for number in np.unique(ids):
        assert sum((mask & (ids == number)).any() for mask in pipeline_module_blocks) == 1
