"""Read an as-of adjusted panel into numpy, beside a bare read of the same columns by other tools.

`python -m benchmarks.panel`. 150 instruments, 2,520 sessions each as traded, a third of them with a split. Ours picks
the series of each instrument, cuts at the as-of time, divides by the known splits and lays out five grids; the others
fetch the columns as they lie, which is none of that. The second read of the same version of the data is measured beside
reading one .npy file of the size.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from benchmarks.made_market import FIRST_ID, begin_ingest, made_database, make_bars
from benchmarks.peer_env import ask_peer, start_peer
from benchmarks.table import bar, header
from core.ports.vendor import BarColumns

SYMBOLS, SESSIONS, ROUNDS = 150, 2_520, 7
LIMIT, LIMIT_MEGABYTES, LIMIT_AGAIN = 1.5, 150, 3.0
EX_DATE, RATIO = date(2018, 6, 1), 2.0
PEERS = ("ADBC", "psycopg", "pandas.read_sql")
QUERY = (
    "SELECT instrument_id, session, open, high, low, close, volume FROM market_data.bars_daily WHERE source = 'made'"
)
SPLITS = """
INSERT INTO market_data.corporate_actions (instrument_id, action, ex_date, source, ratio, known_at)
SELECT instrument_id, 'split', %s, 'made', %s, '2018-05-01Z' FROM market_data.instruments WHERE instrument_id %% 3 = 0
"""


def expected(columns: BarColumns) -> list[float]:
    """Return the sums of what is stored, divided by hand."""
    split = ((FIRST_ID + columns.symbol_code) % 3 == 0) & (columns.session < np.datetime64(EX_DATE, "D"))
    divisor = np.where(split, RATIO, 1.0)
    prices = [float((values / divisor).sum()) for values in (columns.close, columns.open, columns.high, columns.low)]
    return [*prices, float((columns.volume * divisor).sum())]


def measure(dsn: str, columns: BarColumns, folder: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    ours = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.panel_reader", dsn, folder, str(SYMBOLS), str(SESSIONS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    peer = start_peer("database.py")
    names = ("read", "again", "npy", *PEERS)
    for round_ in range(ROUNDS + 1):
        for name in random.Random(round_).sample(names, len(names)):
            if name in PEERS:
                answer = ask_peer(peer, do="read", tool=name, dsn=dsn, query=QUERY)
            else:
                answer = ask_peer(ours, do=name)
            # The first round warms up: the second read of a panel needs one before it.
            if round_:
                found[name].append(answer)
    for process in (ours, peer):
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    _check(found, columns)
    return found


def _check(found: dict[str, list[dict[str, Any]]], columns: BarColumns) -> None:
    sums = expected(columns)
    for answer in (*found["read"], *found["again"]):
        if answer["bars"] != len(columns) or not np.allclose(answer["sums"], sums, rtol=1e-10):
            raise SystemExit(f"The panel is not what was stored: {answer}, expected {len(columns)} bars, {sums}.")
    for name in PEERS:
        for answer in found[name]:
            if "error" not in answer and not np.allclose(answer["check"], [len(columns), columns.volume.sum()]):
                raise SystemExit(f"{name} read something else than what was stored: {answer}.")


def report(found: dict[str, list[dict[str, Any]]], bars: int) -> None:
    best = {name: min(entry["seconds"] for entry in entries) for name, entries in found.items()
            if "seconds" in entries[0]}  # fmt: skip
    peer = min((name for name in PEERS if name in best), key=lambda name: best[name])
    print(
        f"\nAs-of adjusted panel of {SYMBOLS} symbols x {SESSIONS} sessions ({bars:,} bars, open to volume) into numpy"
    )
    print("  results: sums of all five grids as computed by hand from what was stored, splits included")
    print(f"  {'engine':52s} {'seconds':>8s} {'x ours':>7s} {'MB':>6s}")
    titles = {
        "read": "quantdesk, as of a time and adjusted, connection included",
        "again": "quantdesk, the same version of the data again",
        "npy": "numpy.load of one .npy file of the size",
    }
    for name in ("read", "again", "npy", *PEERS):
        if name in best:
            memory = max(entry["megabytes"] for entry in found[name])
            shown = titles.get(name, f"{name}, bare columns")
            print(f"  {shown:52s} {best[name]:8.4f} {best[name] / best['read']:7.2f} {memory:6.0f}")
        else:
            print(f"  {name:52s} {found[name][0]['error']}")
    answers = [*found["read"], *found["again"]]
    megabytes = max(entry["megabytes"] for entry in answers)
    print(
        f"  memory: the whole process, {statistics.median(entry['before'] for entry in answers):.0f} MB before it read"
    )
    bar(f"panel: x the fastest bare reader ({peer})", best["read"] / best[peer], at_most=LIMIT)
    bar("panel: memory of the process, MB", megabytes, at_most=LIMIT_MEGABYTES)
    bar("panel: second read, x numpy.load of the size", best["again"] / best["npy"], at_most=LIMIT_AGAIN)


def main() -> None:
    with made_database(SYMBOLS) as database, tempfile.TemporaryDirectory() as folder:
        columns = replace(make_bars(range(SYMBOLS), SESSIONS), price_basis="raw")
        pipeline = begin_ingest(database)
        counts = pipeline.store_bars(columns)
        pipeline.finish()
        if counts.new != len(columns):
            raise SystemExit(f"Stored {counts.new} of {len(columns)} bars.")
        with database.transaction() as connection:
            connection.execute(SPLITS, (EX_DATE, RATIO))
        report(measure(database.dsn, columns, folder), len(columns))


if __name__ == "__main__":
    header()
    main()
