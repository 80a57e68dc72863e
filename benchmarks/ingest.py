"""Write a million bars: the pipeline beside a bare COPY of the same rows and beside other tools with an upsert.

`python -m benchmarks.ingest [ROWS]`. Each engine starts from the same empty table and index; the order changes every
round. The pipeline validates, judges, holds back half a per cent of bad rows, keeps history and indexes the series; the
COPY checks nothing and cannot be repeated; the others load a staging table and upsert.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.made_market import FIRST_ID, begin_ingest, made_database, make_bars
from benchmarks.peer_env import ask_peer, start_peer
from benchmarks.table import bar, header, peak_megabytes
from core.adapters.store.arrays import bar_copy_chunks
from core.adapters.store.data_store import BAR_COLUMNS
from core.adapters.store.database import Database
from core.data.calendar import closes_of
from core.ports.data_store import BarArrays
from core.ports.vendor import BarColumns

SESSIONS = 2_500
BAD = 0.005
LIMIT_FIRST, LIMIT_AGAIN, LIMIT_MEGABYTES = 2.0, 1.0, 400
PEERS = ("ADBC", "polars.write_database", "pandas.to_sql")
_EMPTY = (
    "TRUNCATE market_data.bars_daily, market_data.bars_daily_history, market_data.series_years, ops.quarantine CASCADE"
)


def as_arrays(columns: BarColumns) -> BarArrays:
    count = len(columns)
    return BarArrays(
        instrument_id=FIRST_ID + columns.symbol_code,
        session=columns.session,
        open=columns.open,
        high=columns.high,
        low=columns.low,
        close=columns.close,
        volume=columns.volume,
        flag=np.zeros(count, dtype=np.int16),
        flags=("",),
        known_at=closes_of("XNYS", columns.session),
    )


def bare_copy(dsn: str, chunks: list[bytes]) -> float:
    with psycopg.connect(dsn) as connection:
        started = time.perf_counter()
        statement = f"COPY market_data.bars_daily ({BAR_COLUMNS}) FROM STDIN (FORMAT binary)"
        with connection.cursor().copy(statement.encode()) as copy:
            for chunk in chunks:
                copy.write(chunk)
        connection.commit()
        return time.perf_counter() - started


def work(dsn: str, symbols: int) -> None:
    """Answer requests in a process of its own, so that its peak memory is what a write takes."""
    database = Database(dsn)
    columns = make_bars(range(symbols), SESSIONS, bad=BAD)
    for _ in sys.stdin:
        pipeline = begin_ingest(database)
        started = time.perf_counter()
        counts = pipeline.store_bars(columns)
        seconds = time.perf_counter() - started
        pipeline.finish()
        answer = {"seconds": seconds, "finished": time.perf_counter() - started, "new": counts.new, "same": counts.same}
        answer |= {"held": counts.rejected, "megabytes": peak_megabytes()}
        print(json.dumps(answer), flush=True)
    database.close()


def measure(dsn: str, symbols: int, rounds: int, folder: Path) -> dict[str, list[dict[str, Any]]]:
    columns = make_bars(range(symbols), SESSIONS, bad=BAD)
    good = columns.high >= columns.low
    arrays = as_arrays(columns).take(good)
    rows = folder / "rows.npz"
    np.savez(
        rows,
        source=np.str_(columns.source),
        price_basis=np.str_(columns.price_basis),
        **{
            name: getattr(arrays, name)
            for name in ("instrument_id", "session", "open", "high", "low", "close", "volume", "known_at")
        },
    )
    chunks = list(bar_copy_chunks(arrays, columns.source, columns.price_basis))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ("copy", "first", "again", *PEERS)}
    ours = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ingest", "--work", dsn, str(symbols)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    peer = start_peer("database.py")
    for round_ in range(rounds):
        for engine in random.Random(round_).sample(("copy", "ours", *PEERS), 2 + len(PEERS)):
            _reset(dsn)
            if engine == "copy":
                found["copy"].append({"seconds": bare_copy(dsn, chunks)})
            elif engine == "ours":
                found["first"].append(ask_peer(ours))
                _check(dsn, int(good.sum()), found["first"][-1]["new"])
                _settle(dsn)
                found["again"].append(ask_peer(ours))
                if found["again"][-1]["new"] or found["again"][-1]["same"] != int(good.sum()):
                    raise SystemExit(f"The repeated write stored rows: {found['again'][-1]}")
            else:
                found[engine].append(ask_peer(peer, do="write", tool=engine, dsn=dsn, rows=str(rows)))
                if "error" not in found[engine][-1]:
                    _check(dsn, int(good.sum()), int(good.sum()))
    for process in (ours, peer):
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    return found


def _reset(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_EMPTY)
    _settle(dsn)


def _settle(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _check(dsn: str, expected: int, said: int) -> None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM market_data.bars_daily").fetchone()
    if row != (expected,) or said != expected:
        raise SystemExit(f"Stored {row}, said {said}, expected {expected} rows.")


def report(found: dict[str, list[dict[str, Any]]], rows: int) -> None:
    def median(name: str, what: str = "seconds") -> float:
        return statistics.median(entry[what] for entry in found[name] if what in entry)

    copy = median("copy")
    print(f"\nWrite {rows:,} bars, {BAD:.1%} of them bad, key (instrument, source, basis, session); a bare COPY = 1")
    print(f"  {'engine':52s} {'seconds':>8s} {'x COPY':>7s} {'limit':>6s} {'MB':>6s}")
    print(f"  {'bare binary COPY into the same table and index':52s} {copy:8.2f} {1:7.2f}")
    for name, title, limit in (
        ("first", "quantdesk, all checks, idempotent", LIMIT_FIRST),
        ("again", "quantdesk, the same rows again (nothing to write)", LIMIT_AGAIN),
    ):
        memory = max(entry["megabytes"] for entry in found[name])
        print(f"  {title:52s} {median(name):8.2f} {median(name) / copy:7.2f} {limit:6.1f} {memory:6.0f}")
    print(f"  {'... with the end of the run (statistics, ledger)':52s} {median('first', 'finished'):8.2f}")
    for name in PEERS:
        error = next((entry["error"] for entry in found[name] if "error" in entry), None)
        if error:
            print(f"  {name:52s} {error}")
        else:
            memory = max(entry["megabytes"] for entry in found[name])
            print(
                f"  {name + ', then upsert':52s} {median(name):8.2f} {median(name) / copy:7.2f} {'':6s} {memory:6.0f}"
            )
    print("  memory: the whole process with the rows it was given")
    bar("write a million bars: x a bare COPY", median("first") / copy, at_most=LIMIT_FIRST)
    bar("write them again: x a bare COPY", median("again") / copy, at_most=LIMIT_AGAIN)
    megabytes = max(entry["megabytes"] for name in ("first", "again") for entry in found[name])
    bar("write a million bars: memory of the process, MB", megabytes, at_most=LIMIT_MEGABYTES)
    fastest = min(median(name) for name in PEERS if "seconds" in found[name][0])
    bar("write a million bars: x the fastest peer that repeats", fastest / median("first"), at_least=1)


def main(rows: int = 1_000_000, rounds: int = 3) -> None:
    symbols = rows // SESSIONS
    with made_database(symbols) as database, tempfile.TemporaryDirectory() as folder:
        report(measure(database.dsn, symbols, rounds, Path(folder)), symbols * SESSIONS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], int(sys.argv[3]))
    else:
        header()
        main(*(int(argument) for argument in sys.argv[1:]))
