"""A backfill that is killed at any moment leaves a store that a second run completes, as if nothing had happened."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.ingest_process import kill_after, start, state_of
from core.data.ingest_plan import IngestRequest
from core.testing.vendor_stand_ins import StandIns, serve, small_data

NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)
REQUEST = IngestRequest(
    mode="backfill", start=date(2023, 12, 1), end=date(2024, 2, 13), vendors=("polygon",)
).as_arguments()
MOMENTS = 1  # `make prove` kills at twenty
TRIES = 4
"""A run may end before its moment comes, when the machine was busier before; the next moment is half as far off."""


@pytest.fixture
def stand_ins() -> Iterator[StandIns]:
    with serve("polygon", data=small_data(), now=NOW) as made:
        yield made


@pytest.fixture
def databases(postgres_dsn: str, template_dsn: str) -> Iterator[list[str]]:
    """Give addresses of fresh databases: one for the undisturbed run, one per try."""
    names = [f"qd_killed_{place}" for place in range(TRIES + 1)]
    template = conninfo_to_dict(template_dsn)["dbname"]
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        for name in names:
            admin.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"'.encode())
        yield [make_conninfo(postgres_dsn, dbname=name) for name in names]
        for name in names:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_killed_at_random_moments_the_next_run_makes_the_same_store(
    stand_ins: StandIns, databases: list[str], tmp_path: Path
) -> None:
    environment = {**stand_ins.environment, "QUANTDESK_POLYGON_REQUESTS_PER_MINUTE": "100000"}
    whole = start(databases[0], tmp_path, NOW, REQUEST, environment)
    said, _ = whole.communicate(timeout=300)
    state, seconds = said.split()[1:]
    assert (whole.returncode, state) == (0, "done")
    with psycopg.connect(databases[0]) as connection:
        undisturbed = state_of(connection)
    assert undisturbed["bars"][0] > 200
    generator = random.Random(20)
    killed = 0
    for place, dsn in enumerate(databases[1:]):
        process = start(dsn, tmp_path, NOW, REQUEST, environment)
        killed += kill_after(process, generator.uniform(0.05, 0.9) * float(seconds) / 2**place)
        again = start(dsn, tmp_path, NOW, REQUEST, environment)
        said, _ = again.communicate(timeout=300)
        assert (again.returncode, said.split()[1]) == (0, "done")
        with psycopg.connect(dsn) as connection:
            assert state_of(connection) == undisturbed
            unfinished = connection.execute("SELECT count(*) FROM ops.ingest_runs WHERE state = 'running'").fetchone()
        assert unfinished == (0,)
        if killed >= MOMENTS:
            break
    assert killed == MOMENTS
