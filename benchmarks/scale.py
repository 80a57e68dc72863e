"""Show that cost grows with the number of symbols and no faster: 150, 1,000 and 5,000 symbols of 2,520 sessions.

`python -m benchmarks.scale`. Each size has a database and a process of its own. The bars come in blocks of 100 symbols,
as a vendor's replies do; then every bar is read as panels of 150 symbols, the coverage and its gaps are reported, one
more session of all symbols comes in, and comes again. 5,000 symbols are 12.6 million bars, about 3 GB on disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from benchmarks.made_market import FIRST_ID, begin_ingest, made_database, make_bars
from benchmarks.table import bar, header, peak_megabytes
from core.adapters.store.bars import PostgresBars
from core.adapters.store.coverage import PostgresCoverage
from core.adapters.store.database import Database
from core.data.bar_columns import take_columns
from core.domain.as_of import AsOf
from core.ports.vendor import BarColumns

SIZES, SESSIONS = (150, 1_000, 5_000), 2_520
BLOCK, PANEL = 100, 150
# One bar in so many is left out, so that there are gaps to find.
GAPS = 1 / 2_000
LIMIT, LIMIT_MEGABYTES = 1.3, 400
AS_OF = AsOf(known=datetime(2026, 1, 1, tzinfo=UTC))
STAGES = {
    "write": "write the bars: checks, history, index, ledger",
    "read": "read every bar as panels of 150 symbols",
    "coverage": "coverage and gap report",
    "daily": "one more session of every symbol",
    "again": "the same session again, nothing new",
}


def blocks(symbols: int) -> list[range]:
    return [range(start, min(start + BLOCK, symbols)) for start in range(0, symbols, BLOCK)]


def session_after(block: range) -> BarColumns:
    """Return the one session that follows the stored ones, a third of a per cent higher."""
    columns = make_bars(block, SESSIONS)
    newest = columns.session.max()
    following = make_bars(range(block.start, block.start + 1), SESSIONS + 1).session.max()
    bars = take_columns(columns, columns.session == newest)
    prices = {name: getattr(bars, name) * 1.003 for name in ("open", "high", "low", "close")}
    return replace(bars, session=np.full(len(bars), following), **prices)


def work(dsn: str, symbols: int) -> None:
    """Do all stages in this process; print seconds by stage, the bars and the peak memory."""
    database = Database(dsn)
    seconds: dict[str, float] = {}
    counts = {"bars": 0, "read": 0, "missing": 0, "daily": 0, "again": 0}

    def timed(stage: str, step: Callable[[], int], counted: str) -> None:
        started = time.perf_counter()
        counts[counted] += step()
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - started

    def ingest(stage: str, make: Callable[[range], BarColumns], counted: str) -> None:
        pipeline = begin_ingest(database)
        for block in blocks(symbols):
            columns = make(block)
            timed(stage, lambda columns=columns: pipeline.store_bars(columns).new, counted)  # type: ignore[misc]
        timed(stage, lambda: len(pipeline.finish().failed), counted)

    def read() -> int:
        bars, found = PostgresBars(database), 0
        for start in range(FIRST_ID, FIRST_ID + symbols, PANEL):
            ids = range(start, min(start + PANEL, FIRST_ID + symbols))
            found += int(np.isfinite(bars.panel(list(ids), purpose="price", as_of=AS_OF).close).sum())
        return found

    def report() -> int:
        reader = PostgresCoverage(database)
        series = [entry for entry in reader.every_series(as_of=AS_OF) if entry.missing]
        return sum(map(len, reader.gaps(series, as_of=AS_OF)))

    ingest("write", lambda block: make_bars(block, SESSIONS, gaps=GAPS), "bars")
    timed("read", read, "read")
    timed("coverage", report, "missing")
    ingest("daily", session_after, "daily")
    # The shortest stage, so that the least disturbed of three counts.
    tries = []
    for _ in range(3):
        ingest("again", session_after, "again")
        tries.append(seconds.pop("again"))
    seconds["again"] = min(tries)
    database.close()
    print(json.dumps({"seconds": seconds, "counts": counts, "megabytes": peak_megabytes()}))


def measure(symbols: int) -> dict[str, Any]:
    with made_database(symbols) as database:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale", "--work", database.dsn, str(symbols)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        with database.transaction() as connection:
            row = connection.execute("SELECT count(*), count(DISTINCT session) FROM market_data.bars_daily").fetchone()
            size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None and size is not None
    counts = found["counts"]
    # A gap at either end of a series is none: the series begins or ends there.
    left_out = symbols * SESSIONS - counts["bars"]
    if (
        row != (counts["bars"] + symbols, SESSIONS + 1)
        or counts["read"] != counts["bars"]
        or (counts["daily"], counts["again"]) != (symbols, 0)
        or not 0.9 * left_out <= counts["missing"] <= left_out
    ):
        raise SystemExit(f"{symbols} symbols: {row} stored, {counts}.")
    return {**found, "gigabytes": size[0] / 1e9}


def main() -> None:
    found = {symbols: measure(symbols) for symbols in SIZES}
    least, most = SIZES[0], SIZES[-1]
    total = found[most]["counts"]["bars"]
    print(f"\nCost per symbol from {least} to {most:,} symbols x {SESSIONS:,} sessions ({total:,} bars), milliseconds")
    print(f"  {'stage':50s}" + "".join(f"{size:>9,}" for size in SIZES) + f"{'ratio':>8s}")
    ratios = {}
    for stage, title in STAGES.items():
        costs = {size: found[size]["seconds"][stage] / size * 1000 for size in SIZES}
        ratios[stage] = costs[most] / costs[least]
        print(f"  {title:50s}" + "".join(f"{cost:9.3f}" for cost in costs.values()) + f"{ratios[stage]:8.2f}")
    for title, name, shape in (("seconds in all", None, "9.1f"), ("memory of the process, MB", "megabytes", "9.0f"),
                               ("database, GB", "gigabytes", "9.2f")):  # fmt: skip
        values = [found[size][name] if name else sum(found[size]["seconds"].values()) for size in SIZES]
        print(f"  {title:50s}" + "".join(format(value, shape) for value in values))
    for stage in STAGES:
        bar(f"scale, {stage}: cost per symbol of {most:,} over {least} symbols", ratios[stage], at_most=LIMIT)
    bar(f"scale: memory of the process at {most:,} symbols, MB", found[most]["megabytes"], at_most=LIMIT_MEGABYTES)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], int(sys.argv[3]))
    else:
        header()
        main()
