"""Give a desk's parts on a real database and a real Temporal server."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from app import worker as worker_module
from app.bootstrap import Parts
from app.runtime.temporal import ensure_temporal
from app.worker import DeskWorker
from core.data.calendar import close_of
from core.settings import Settings
from core.testing.small_market import START, add_people, fill_market, open_account

_numbers = itertools.count()


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory):
    """Give the address of the test run's own Temporal server."""
    with ensure_temporal(tmp_path_factory.mktemp("temporal")) as server:
        yield server.address


@pytest.fixture(scope="session")
def market_template(postgres_dsn, template_dsn):
    """Name a database with the market, the persons and the account `main`, after the close of START."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE qd_workflows TEMPLATE "qd_template"')
    with psycopg.connect(urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_workflows"))) as connection:
        fill_market(connection)
        add_people(connection)
        open_account(connection)
        connection.execute(
            "INSERT INTO desk.clock (mode, replay_now) VALUES ('replay', %s)", (close_of(START, "XNYS"),)
        )
    return "qd_workflows"


@pytest.fixture
def market_dsn(postgres_dsn, market_template):
    """Give a database of the test's own, cloned from the market."""
    name = f"qd_workflow_{next(_numbers)}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{market_template}"'.encode())
    yield urlunsplit(urlsplit(postgres_dsn)._replace(path=f"/{name}"))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def parts(market_dsn, tmp_path):
    """Give the parts of a desk."""
    made = Parts(Settings(home=tmp_path), market_dsn)
    yield made
    made.trading.database.close()
    made.database.close()


@pytest.fixture
def working(temporal_address, monkeypatch):
    """Give a context in which the worker of `parts` runs; it compiles nothing, as no test here simulates."""
    monkeypatch.setattr(worker_module, "_compile_ahead", lambda: None)

    @asynccontextmanager
    async def run(parts):
        worker = DeskWorker(parts.settings, parts, temporal_address)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await asyncio.wait_for(task, 30)

    return run


@pytest.fixture
def until():
    """Give a function that asks in a thread until the answer is true, for 30 seconds at most."""

    async def wait(question):
        for _ in range(1500):
            answer = await asyncio.to_thread(question)
            if answer:
                return answer
            await asyncio.sleep(0.02)
        raise AssertionError("It did not happen within 30 seconds.")

    return wait
