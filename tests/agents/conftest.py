"""Give the agent tests a desk on sample data, people, and settings that point at loopback stand-ins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agents.graph import Assistant
from agents.planner.universe import Universe, build_universe
from app.bootstrap import open_parts
from core.domain.principal import Principal
from core.settings import Settings
from core.testing.dated_universe import instruments_on
from tools.context import Desk

OpenAssistant = Callable[..., AbstractAsyncContextManager[Assistant]]


@pytest.fixture(scope="session")
def names() -> Universe:
    """Give the names of every instrument and series the desk covers."""
    return build_universe(instruments_on(date(2026, 6, 24)))


@pytest.fixture(scope="session")
def agent_dsn(postgres_dsn: str, sample_template: str) -> Iterator[str]:
    """Give the agent tests a database of their own with samples and demo book."""
    dsn = postgres_dsn.rsplit("/", 1)[0] + "/qd_agent_tests" if "?" not in postgres_dsn else _renamed(postgres_dsn)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE qd_agent_tests TEMPLATE "{sample_template}"'.encode())
    yield dsn
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(b"DROP DATABASE IF EXISTS qd_agent_tests WITH (FORCE)")


def _renamed(dsn: str) -> str:
    from urllib.parse import urlsplit, urlunsplit

    return urlunsplit(urlsplit(dsn)._replace(path="/qd_agent_tests"))


@pytest.fixture(scope="session")
def desk(agent_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Give a desk on that database."""
    return open_parts(Settings(QUANTDESK_HOME=tmp_path_factory.mktemp("home")), agent_dsn).desk  # type: ignore[call-arg]


@pytest.fixture
def person() -> Principal:
    """Give a signed-in person who may read, trade and approve."""
    return Principal(id="usr_ada", name="Ada", kind="person", scopes=frozenset({"read", "trade", "approve"}))


@pytest.fixture
def settings_with(tmp_path: Path) -> Callable[..., Settings]:
    """Give settings with some values set, whatever the environment says."""

    def make(**values: Any) -> Settings:
        return Settings(QUANTDESK_HOME=tmp_path, **values)  # type: ignore[call-arg]

    return make


@pytest.fixture
def open_assistant(desk: Desk, agent_dsn: str) -> OpenAssistant:
    """Open an assistant on the desk and close it again."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Assistant]:
        assistant = Assistant(desk, agent_dsn, **options)
        try:
            yield assistant
        finally:
            await assistant.close()

    return opened
