"""Prove the ingest claims for the data part: killed runs, injected faults, vendors on loopback, sources compared."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from benchmarks.prove import ROOT, SHARED, Steps, table

KILLS = 20
FAULTS = 500
# The last session that all price files of the shared folder have, and the morning after.
LAST = date(2024, 3, 7)
NOW = datetime(2024, 3, 8, 12, 0, tzinfo=UTC)
BACKFILL_DAYS = 30
_FAST = "1000000"


@contextmanager
def fresh_databases(count: int) -> Iterator[list[str]]:
    """Give addresses of migrated databases on a server of their own."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    from app.runtime.postgres import ensure_postgres, remove
    from core.adapters.store.migrations import migrate

    home = Path(tempfile.mkdtemp(prefix="qdp"))
    try:
        with ensure_postgres(home) as server, psycopg.connect(server.dsn, autocommit=True) as admin:
            admin.execute("CREATE DATABASE qd_proof_template")
            migrate(make_conninfo(server.dsn, dbname="qd_proof_template"))
            names = [f"qd_proof_{number}" for number in range(count)]
            for name in names:
                admin.execute(f"CREATE DATABASE {name} TEMPLATE qd_proof_template".encode())
            yield [make_conninfo(server.dsn, dbname=name) for name in names]
    finally:
        remove(home)
        shutil.rmtree(home, ignore_errors=True)


def killed(steps: Steps) -> str:
    """Kill a backfill at random moments, run it again, and compare the store with that of an undisturbed run."""
    found = steps.do("killed runs", _kill)
    lines = [
        "### A backfill killed at random moments",
        "",
        f"A backfill of {found['days']} against a vendor on loopback ({found['rows']:,} bars, {found['replies']:,}"
        " replies,"
        f" {found['seconds']:.1f} s undisturbed) was killed with SIGKILL at {found['kills']} random moments, each in a"
        f" database of its own, and run again. The store then equalled that of the undisturbed run, table by table and"
        f" bit by bit, in **{found['equal']} of {found['kills']}** cases ({found['in_time']} kills hit the run at work;"
        f" bars stored at the moment of death: {found['least']:,} to {found['most']:,}).",
    ]
    return "\n".join(lines)


def _kill() -> dict[str, Any]:
    import psycopg

    from benchmarks.ingest_process import kill_after, start, state_of
    from core.data.ingest_plan import IngestRequest
    from core.testing.vendor_stand_ins import serve, shared_data

    data = shared_data(SHARED, date(2023, 1, 1), LAST)
    request = IngestRequest(
        mode="backfill", start=date(2023, 10, 1), end=LAST, vendors=("polygon",), symbols=tuple(sorted(data.bars)[:40])
    ).as_arguments()
    with serve("polygon", data=data, now=NOW) as stand_ins, fresh_databases(KILLS + 1) as databases:
        environment = {**stand_ins.environment, "QUANTDESK_POLYGON_REQUESTS_PER_MINUTE": _FAST}
        home = Path(tempfile.mkdtemp(prefix="qdk"))
        said, _ = start(databases[0], home, NOW, request, environment).communicate(timeout=1200)
        seconds = float(said.split()[2])
        with psycopg.connect(databases[0]) as connection:
            undisturbed = state_of(connection)
        generator = random.Random(5)
        equal, in_time, stored = 0, 0, []
        for dsn in databases[1:]:
            process = start(dsn, home, NOW, request, environment)
            in_time += kill_after(process, generator.uniform(0.0, 1.0) * seconds)
            with psycopg.connect(dsn) as connection:
                row = connection.execute("SELECT count(*) FROM market_data.bars_daily").fetchone()
                stored.append(row[0] if row else 0)
            start(dsn, home, NOW, request, environment).communicate(timeout=1200)
            with psycopg.connect(dsn) as connection:
                equal += state_of(connection) == undisturbed
        shutil.rmtree(home, ignore_errors=True)
    return {
        "days": f"{request['start']} to {request['end']}",
        "rows": undisturbed["bars"][0],
        "replies": undisturbed["replies"][0],
        "seconds": seconds,
        "kills": KILLS,
        "equal": equal,
        "in_time": in_time,
        "least": min(stored),
        "most": max(stored),
    }


def faults(steps: Steps) -> str:
    """Put faults into real bars and count what is found and what is suspected wrongly."""
    found = steps.do("injected faults", _faults)
    rows = [
        (fault.replace("_", " "), found["injected"][fault], found["found"].get(fault, 0), found["false"].get(fault, 0))
        for fault in found["injected"]
    ]
    others = {name: number for name, number in found["false"].items() if name not in found["injected"] and number}
    lines = [
        "### Faults put into real bars",
        "",
        f"{sum(found['injected'].values())} faults in {found['good']:,} real bars (15 stocks, 2018 to 2026), delivered"
        f" as an increment over their history: **{sum(found['found'].values())} found**,"
        f" **{sum(found['false'].values())} false alarms** beyond those that the same bars raise without faults.",
        "",
        table(("fault", "put in", "found", "false alarms"), rows),
    ]
    if others:
        listed = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in sorted(others.items()))
        lines += ["", f"False alarms with another reason: {listed}."]
    if found["missed"]:
        lines += ["", "Not found: " + "; ".join(found["missed"]) + "."]
    return "\n".join(lines)


def _faults() -> dict[str, Any]:
    import numpy as np

    from app.bootstrap import Parts
    from core.data.import_bars import read_bars
    from core.data.samples import seed_universe
    from core.data.table_file import TableFile
    from core.settings import Settings
    from core.testing.fault_run import deliver_with_faults

    file = TableFile(SHARED / "data" / "prices" / "us_megacap_daily.csv.gz")
    columns = next(found for found in read_bars(file) if not found.beside)
    with fresh_databases(1) as (dsn,):
        parts = Parts(Settings(), dsn)
        pipeline = parts.open_ingest(mode="proof", arguments={}, history_import=True)
        seed_universe(pipeline)
        pipeline.finish()
        result = deliver_with_faults(
            parts.database, parts.gaps, parts.open_ingest, columns, np.datetime64("2018-01-01"), count=FAULTS, seed=17
        )
        parts.database.close()
    file.close()
    return {
        "injected": dict(result.injected),
        "found": dict(result.found),
        "false": {name: number for name, number in result.false_alarms.items() if number},
        "good": result.good_bars,
        "missed": [f"{entry.fault} {entry.symbol} {entry.session}" for entry in result.missed],
    }


def stand_ins(steps: Steps) -> str:
    """Run the daily and the 30-day backfill commands against vendors on loopback that serve the shared folder."""
    found = steps.do("vendors on loopback", _stand_ins)
    lines = ["### The ingest commands against vendors on loopback", ""]
    for run in found["runs"]:
        served, stored = run["served"], run["stored"]
        share = stored / served if served else 1.0
        lines += [
            f"`quantdesk ingest {run['command']}` ({run['days'][0]} to {run['days'][1]},"
            f" as of {NOW:%Y-%m-%d %H:%M} UTC):"
            f" {run['state']} in {run['seconds']:.0f} s. The vendors have {served:,} bars of these days for"
            f" {run['instruments']} instruments of the universe; {stored:,} are stored ({share:.2%}),"
            f" {run['held']:,} held back with a reason, {run['missing']:,} neither.",
            "",
            table(
                ("step", "source", "read", "new", "changed", "same", "quarantined", "rejected", "error"),
                [
                    (
                        step["step"],
                        step["source"],
                        *(step["rows"][name] for name in ("read", "new", "changed", "same", "quarantined", "rejected")),
                        step["error"] or "",
                    )
                    for step in run["steps"]
                    if step["source"] != "universe"
                ],
            ),
            "",
            table(
                ("coverage of", "instruments", "expected", "stored", "explained", "open"),
                [
                    (entry["source"], entry["instruments"], entry["expected"], entry["stored"], entry["explained"],
                     entry["open"])
                    for entry in run["coverage"]
                ],
            ),
            "",
        ]  # fmt: skip
    lines.append(f"The backfill again: {found['again']['new']} rows new, {found['again']['changed']} changed.")
    return "\n".join(lines)


def _stand_ins() -> dict[str, Any]:
    from core.adapters.vendors import vendor_terms
    from core.testing.vendor_stand_ins import serve, shared_data

    names = [terms.name for terms in vendor_terms() if _has_stand_in(terms.name)]
    data = shared_data(SHARED, date(2024, 1, 1), LAST)
    runs = []
    with serve(*names, data=data, now=NOW) as servers, fresh_databases(1) as (dsn,):
        environment = {**os.environ, **servers.environment, "DATABASE_URL": dsn}
        for name in names:
            environment[f"QUANTDESK_{name.upper()}_REQUESTS_PER_MINUTE"] = _FAST
        for words in (["--mode", "daily"], ["--mode", "backfill", "--days", str(BACKFILL_DAYS)]):
            runs.append(_run(words, environment, dsn, data))
        again = _run(["--mode", "backfill", "--days", str(BACKFILL_DAYS)], environment, dsn, data)
    return {"runs": runs, "again": again["rows"]}


def _has_stand_in(name: str) -> bool:
    return (ROOT / "core" / "testing" / "vendor_stand_ins" / f"{name}.py").exists()


def _run(words: list[str], environment: dict[str, str], dsn: str, data: Any) -> dict[str, Any]:
    import psycopg

    from core.data.universe import is_followed, universe

    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "--as-of", NOW.isoformat(), "--json", "ingest", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=ROOT,
    )
    if not done.stdout.strip():
        raise SystemExit(f"ingest said nothing:\n{done.stderr[-3000:]}")
    said = json.loads(done.stdout)
    first, last = (date.fromisoformat(day) for day in said["days"])
    served = {(symbol, bar.session) for symbol in data.bars for bar in data.between(symbol, first, last)}
    with psycopg.connect(dsn) as connection:
        stored = set(
            connection.execute(
                "SELECT DISTINCT i.symbol, b.session FROM market_data.bars_daily b"
                " JOIN market_data.instruments i USING (instrument_id) WHERE b.session BETWEEN %s AND %s",
                (first, last),
            ).fetchall()
        )
        held = set(
            connection.execute(
                "SELECT DISTINCT i.symbol, q.about FROM ops.quarantine q JOIN market_data.instruments i"
                " ON i.instrument_id = (q.row -> 'bar' ->> 'instrument_id')::int WHERE q.record_kind = 'bar'"
            ).fetchall()
        )
    followed = {entry.symbol for entry in universe() if is_followed(entry)}
    served = {place for place in served if place[0] in followed}
    return {
        "command": " ".join(words),
        "seconds": time.perf_counter() - started,
        "served": len(served),
        "stored": len(served & stored),
        "held": len((served - stored) & held),
        "missing": len(served - stored - held),
        "instruments": len({symbol for symbol, _ in served}),
        **{name: said[name] for name in ("days", "state", "steps", "coverage", "rows", "remarks")},
    }


def compared(document: dict[str, Any]) -> str:
    """Return the product's own comparison of overlapping sources as text."""
    facts = {fact["name"]: fact["value"] for fact in document["facts"]}
    found = next((entry for entry in document["tables"] if entry["name"] == "differences"), None)
    lines = [
        "### Sources compared (`quantdesk coverage --compare`)",
        "",
        f"{facts['pairs of sources compared']:,} pairs of sources state {facts['bars that two sources state']:,} bars"
        f" twice; {facts['bars that differ by more than 0.1 %']:,} differ by more than 0.1 %,"
        f" {facts['bars that differ by more than 1 %']:,} by more than 1 %"
        f" ({facts['share of bars that differ by more than 1 %']:.3%}).",
    ]
    if found is not None:
        names = [column["name"] for column in found["columns"]]
        rows = [[_cell(cell) for cell in row] for row in found["rows"][:15]]
        lines += ["", table(names, rows)]
    return "\n".join(lines)


def _cell(cell: Any) -> Any:
    return f"{cell:.2e}" if isinstance(cell, float) else cell
