"""Bring a database to the schema of this code."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import structlog

_log = structlog.get_logger("migrations")
# Installed beside the server is not enough: it has to be loaded with it. Only partitions can be turned.
_OFFERS_TIMESCALEDB = """
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
   AND (EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
        OR EXISTS (SELECT FROM pg_settings
                   WHERE name = 'shared_preload_libraries' AND setting LIKE '%timescaledb%'))
   AND EXISTS (SELECT FROM pg_class WHERE oid = 'market_data.bars_daily'::regclass AND relkind = 'p')
"""
SQL_FOLDER = Path(str(files("core.adapters.store.migrations").joinpath("sql")))


def migrate(dsn: str, *, reader_password: str | None = None) -> str:
    """Apply every missing migration under an advisory lock, mend the read-only roles and return the revision reached.

    Where the server offers TimescaleDB, bars become a hypertable; when that fails, the yearly partitions stay.
    `reader_password` is set on the read-only roles of a server that does not trust their names.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    from core.adapters.store.migrations.readers import apply_readers

    config = Config()
    config.set_main_option("script_location", str(SQL_FOLDER.parent).replace("%", "%%"))
    engine = create_engine("postgresql+psycopg://", poolclass=NullPool, creator=lambda: _connect(dsn))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(7365736)"))
        connection.commit()
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            driver: Any = connection.connection.driver_connection
            choose_layout(driver)
            apply_readers(driver, password=reader_password)
            return MigrationContext.configure(connection).get_current_revision() or ""
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(7365736)"))
            connection.commit()


def choose_layout(connection: psycopg.Connection[Any]) -> bool:
    """Turn the bars into a hypertable where the server offers TimescaleDB; return whether that was done now."""
    with connection.transaction():
        row = connection.execute(_OFFERS_TIMESCALEDB).fetchone()
    if row is None or not row[0]:
        return False
    try:
        with connection.transaction():
            connection.execute((SQL_FOLDER / "timescaledb.sql").read_bytes())
    except psycopg.Error as error:
        _log.warning("bars stay in yearly partitions; TimescaleDB refused", reason=str(error).splitlines()[0])
        return False
    return True


def _connect(dsn: str) -> object:
    return psycopg.connect(dsn)


def run_sql_file(name: str) -> None:
    """Run one SQL file of the `sql` folder inside the current migration."""
    from alembic import op

    text = (SQL_FOLDER / name).read_text()
    # The driver's own cursor: percent signs and colons in the file stay what they are.
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("Migrations need a live connection; offline mode is not offered.")
    connection.execute(text.encode())
