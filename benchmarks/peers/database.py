from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import adbc_driver_postgresql.dbapi
import numpy as np
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import sqlalchemy

KEY = ("instrument_id", "source", "price_basis", "session")
VALUES = ("open", "high", "low", "close", "volume", "known_at")
TABLE = "market_data.bars_daily"
UPSERT = (
    f"INSERT INTO {TABLE} ({', '.join(KEY + VALUES)}) SELECT {', '.join(KEY + VALUES)} FROM peer_staging"
    f" ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in VALUES)}"
)
STAGING = f"CREATE UNLOGGED TABLE peer_staging AS SELECT {', '.join(KEY + VALUES)} FROM {TABLE} LIMIT 0"


def load(path: str) -> pa.Table:
    """Return the rows as an Arrow table; made outside of what is timed."""
    columns = dict(np.load(path, allow_pickle=False))
    columns["session"] = pa.array(columns["session"].astype("datetime64[D]"))
    columns["known_at"] = pa.array(columns["known_at"].astype("datetime64[us]"), pa.timestamp("us", "UTC"))
    for name in ("source", "price_basis"):
        columns[name] = pa.repeat(str(columns[name]), len(columns["close"]))
    return pa.table({name: columns[name] for name in KEY + VALUES})


def staged(dsn: str, write: Callable[[], object]) -> float:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS peer_staging")
        connection.execute(STAGING)
        started = time.perf_counter()
        write()
        connection.execute(UPSERT)
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE peer_staging")
    return seconds


def write(tool: str, dsn: str, table: pa.Table) -> float:
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn))
    if tool == "pandas.to_sql":
        frame = table.to_pandas()
        return staged(
            dsn, lambda: frame.to_sql("peer_staging", engine, if_exists="append", index=False, chunksize=10_000)
        )
    if tool == "polars.write_database":
        frame = pl.from_arrow(table)
        return staged(dsn, lambda: frame.write_database("peer_staging", dsn, engine="adbc", if_table_exists="append"))

    def ingest() -> None:
        with adbc_driver_postgresql.dbapi.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.adbc_ingest("peer_staging", table, mode="append")
            connection.commit()

    return staged(dsn, ingest)


def read(tool: str, dsn: str, query: str) -> tuple[float, list[float]]:
    started = time.perf_counter()
    if tool == "ADBC":
        with adbc_driver_postgresql.dbapi.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            table = cursor.fetch_arrow_table()
        columns = [column.to_numpy() for column in table.columns]
    elif tool == "pandas.read_sql":
        engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn))
        frame = pd.read_sql(query, engine)
        columns = [frame[name].to_numpy() for name in frame.columns]
    else:
        with psycopg.connect(dsn) as connection:
            rows = connection.execute(query).fetchall()
        columns = [np.array(column) for column in zip(*rows, strict=True)]
    seconds = time.perf_counter() - started
    return seconds, [len(columns[0]), float(np.nansum(columns[-1].astype(float)))]


def main() -> None:
    tables = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "read":
                seconds, check = read(request["tool"], request["dsn"], request["query"])
                answer = {"seconds": seconds, "check": check}
            else:
                path = request["rows"]
                if path not in tables:
                    tables[path] = load(path)
                answer = {"seconds": write(request["tool"], request["dsn"], tables[path])}
        except Exception as error:  # noqa: BLE001 - the benchmark shows what a peer cannot do
            answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
        status = Path("/proc/self/status").read_text().splitlines()
        answer["megabytes"] = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
        print(json.dumps(answer), flush=True)


main()
