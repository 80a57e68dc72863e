"""A seeded database that the tests of one run share; each test takes instruments nobody else has."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.adapters.store.clock import WallClock
from core.adapters.store.database import Database
from core.adapters.store.ingest import open_pipeline
from core.data.pipeline import Pipeline
from core.data.samples import seed_universe
from core.domain.identifiers import Uuid7Source
from core.domain.market_records import Instrument
from core.ports.vendor import BarColumns


@pytest.fixture(scope="session")
def seeded(postgres_dsn: str, template_dsn: str) -> Iterator[Database]:
    """Give a database that holds the universe and no prices."""
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE qd_seeded TEMPLATE qd_template")
    database = Database(make_conninfo(postgres_dsn, dbname="qd_seeded"))
    pipeline = open_pipeline(database, Uuid7Source(WallClock(), random.Random(3)), mode="test", arguments={})
    seed_universe(pipeline)
    pipeline.finish()
    yield database
    database.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_seeded WITH (FORCE)")


@pytest.fixture(scope="session")
def ids() -> Uuid7Source:
    """Give ids that no other test gets."""
    return Uuid7Source(WallClock(), random.Random(4))


@pytest.fixture(scope="session")
def unused() -> Callable[[], Instrument]:
    """Give a stock that no other test takes."""
    from core.data.universe import universe

    numbers = itertools.count()
    stocks = [entry for entry in universe() if entry.asset_class == "equity" and entry.listed is None]
    return lambda: stocks[-1 - next(numbers)]


@pytest.fixture
def pipeline(seeded: Database, ids: Uuid7Source) -> Pipeline:
    """Begin an ingest run."""
    return open_pipeline(seeded, ids, mode="test", arguments={})


@pytest.fixture(scope="session")
def columns() -> Callable[..., BarColumns]:
    """Make bars of one symbol; without `open` they are closes only."""

    def make(
        symbol: str,
        days: list[str] | np.ndarray,
        closes: list[float] | np.ndarray,
        *,
        source: str = "vendor",
        price_basis: str = "raw",
        close_only: bool = False,
        volume: float | np.ndarray | None = 1000.0,
    ) -> BarColumns:
        close = np.asarray(closes, dtype=np.float64)
        missing = np.full(len(close), np.nan)
        has_volume = volume is not None and not close_only
        prices: dict[str, Any] = {"open": missing, "high": missing, "low": missing}
        if not close_only:
            prices = {"open": close, "high": close * 1.01, "low": close * 0.99}
        return BarColumns(
            source=source,
            price_basis=price_basis,  # type: ignore[arg-type]
            symbols=(symbol,),
            symbol_code=np.zeros(len(close), dtype=np.int32),
            session=np.asarray(days, dtype="datetime64[D]"),
            close=close,
            # Equal bars in a row would be stale.
            volume=volume + np.arange(len(close)) % 7 if has_volume else missing,  # type: ignore[operator]
            line=np.arange(len(close)) + 2,
            has_ohlc=not close_only,
            has_volume=has_volume,
            origin="made.csv",
            **prices,
        )

    return make
