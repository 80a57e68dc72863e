"""Give tests real databases: one embedded server per test run, a fresh migrated database per test."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest

from app.runtime import postgres
from app.runtime.postgres_account import current_account, service_account
from core.adapters.store.migrations import migrate

_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests run on another PostgreSQL than the embedded one."""
    parser.addoption(
        "--postgres-binaries", metavar="DIR", help="folder of the server to test on (/usr/lib/postgresql/15/bin)"
    )


def pytest_configure() -> None:
    """Keep every outside service and the user's own desk out of the tests."""
    for name in list(os.environ):
        if name.startswith(
            ("QUANTDESK_", "BINANCE_", "ANTHROPIC_", "OPENAI_", "OLLAMA_", "LANGSMITH_", "LANGCHAIN_", "MLFLOW_")
        ):
            del os.environ[name]
    keys = ("MASSIVE_API_KEY", "ALPHAVANTAGE_API_KEY", "FRED_API_KEY", "NEWSAPI_API_KEY", "COINGECKO_API_KEY")
    for name in (*keys, "REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "DATABASE_URL", "TEMPORAL_ADDRESS", "REDIS_URL"):
        os.environ.pop(name, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests of whole processes begin first, then the largest files, so that no worker is left alone at the end.

    Those that drive a browser or whole processes get a second chance on a machine that is busy otherwise.
    """
    sizes = Counter(item.path for item in items)
    for item in items:
        if is_whole(item.nodeid) or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=2))
    items.sort(key=lambda item: (not is_whole(item.nodeid), -sizes[item.path]))


def is_whole(nodeid: str) -> bool:
    """Say whether a test starts the product's processes: two such at once would take each other's time."""
    return nodeid.startswith("tests/e2e/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the tests of a file to one worker, and all tests of whole processes to one, one after the other."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "whole" if is_whole(nodeid) else super()._split_scope(nodeid)

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def with_database(dsn: str, name: str) -> str:
    """Return the address of another database on the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def postgres_home() -> Iterator[Path]:
    """Give the home folder of the test run's own PostgreSQL server."""
    home = Path(tempfile.mkdtemp(prefix="qd"))
    try:
        yield home
    finally:
        postgres.remove(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_dsn(request: pytest.FixtureRequest, postgres_home: Path) -> Iterator[str]:
    """Give the administrator's address of the test run's own PostgreSQL server, the embedded one unless one is named.

    It waits for no disk: the machine does not lose power in a test, and a killed process loses nothing by it.
    """
    binaries = request.config.getoption("--postgres-binaries")
    if binaries:
        with other_server(Path(binaries)) as dsn:
            yield dsn
        return
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            patch.setitem(postgres.SERVER_SETTINGS, name, "off")
        server = postgres.start(postgres_home)
    try:
        yield server.dsn
    finally:
        postgres.stop(postgres_home)


@contextmanager
def other_server(binaries: Path) -> Iterator[str]:
    """Run a server of other programs on a folder of its own, with the settings of the embedded one."""
    as_root = os.geteuid() == 0
    account = service_account() if as_root else current_account()
    other: dict[str, Any] = {"user": account.uid, "group": account.gid, "extra_groups": []} if as_root else {}
    folder = Path(tempfile.mkdtemp(prefix="qdpg"))
    os.chown(folder, account.uid, account.gid)

    def run(program: str, *words: str) -> None:
        command = [str(binaries / program), *words]
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL, **other)

    settings = {**postgres.SERVER_SETTINGS, "unix_socket_directories": str(folder), "fsync": "off"}
    options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", postgres.SUPERUSER, "--encoding=UTF8", "--locale=C", "--auth=trust")
        run("pg_ctl", "start", "-w", "-s", "-D", data, "-l", str(folder / "log"), "-o", options)
        try:
            yield f"postgresql://{postgres.SUPERUSER}@/postgres?host={quote(str(folder), safe='')}"
        finally:
            run("pg_ctl", "stop", "-w", "-s", "-D", data, "-m", "fast")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template_dsn(postgres_dsn: str) -> str:
    """Give the address of a migrated, empty database that others are cloned from; never connect to it."""
    _create(postgres_dsn, "qd_template")
    dsn = with_database(postgres_dsn, "qd_template")
    migrate(dsn)
    return dsn


@pytest.fixture
def database_dsn(postgres_dsn: str, template_dsn: str) -> Iterator[str]:
    """Give the address of a fresh migrated database."""
    name = f"qd_test_{next(_numbers)}"
    _create(postgres_dsn, name, template="qd_template")
    try:
        yield with_database(postgres_dsn, name)
    finally:
        _drop(postgres_dsn, name)


@pytest.fixture(scope="session")
def sample_template(postgres_dsn: str, template_dsn: str) -> str:
    """Name a database with the samples and the demo book loaded; clone it, never connect to it."""
    from app.bootstrap import load_first_data

    _create(postgres_dsn, "qd_samples", template="qd_template")
    load_first_data(with_database(postgres_dsn, "qd_samples"), demo=True)
    return "qd_samples"


@pytest.fixture(scope="session")
def sample_dsn(postgres_dsn: str, sample_template: str) -> Iterator[str]:
    """Give a database with samples and demo book that many tests share: read it, do not write to it."""
    _create(postgres_dsn, "qd_samples_shared", template=sample_template)
    try:
        yield with_database(postgres_dsn, "qd_samples_shared")
    finally:
        _drop(postgres_dsn, "qd_samples_shared")


@pytest.fixture
def own_sample_dsn(postgres_dsn: str, sample_template: str) -> Iterator[str]:
    """Give a database of the test's own with samples and demo book."""
    name = f"qd_sample_{next(_numbers)}"
    _create(postgres_dsn, name, template=sample_template)
    try:
        yield with_database(postgres_dsn, name)
    finally:
        _drop(postgres_dsn, name)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Give the folder of shared real data beside the repository, or skip."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("../shared is not beside the repository: the real data this test reads is not here")
    return folder


def _create(dsn: str, name: str, *, template: str = "template1") -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Copied as files, a database without waiting for the disk is there in a few hundredths of a second.
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'.encode())


def _drop(dsn: str, name: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
