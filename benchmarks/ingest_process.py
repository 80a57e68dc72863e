"""Run an ingest request in a process of its own, which a test or a proof may kill at any moment.

`python -m benchmarks.ingest_process DSN HOME NOW REQUEST` prints the state of the run. Vendors are reached as the
environment says; `state_of` tells whether two stores hold the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from core.testing.clock import FixedClock

# Everything that an ingest run leaves behind, but for the times at which this desk did it.
STATE: Mapping[str, str] = {
    "bars": "SELECT instrument_id, source, price_basis, session, open, high, low, close, volume, flags, known_at"
    " FROM market_data.bars_daily ORDER BY 1, 2, 3, 4",
    "superseded bars": "SELECT instrument_id, source, price_basis, session, close FROM market_data.bars_daily_history"
    " ORDER BY 1, 2, 3, 4, 5",
    "actions": "SELECT instrument_id, action, ex_date, source, ratio, amount, known_at"
    " FROM market_data.corporate_actions ORDER BY 1, 2, 3, 4",
    "macro": "SELECT series_id, period, source, vintage, value, known_at FROM market_data.macro_observations"
    " ORDER BY 1, 2, 3, 4",
    "articles": "SELECT article_id, headline, known_at FROM news.articles ORDER BY 1",
    "links": "SELECT article_id, instrument_id FROM news.article_symbols ORDER BY 1, 2",
    "tones": "SELECT article_id, scorer, score, tone FROM news.sentiment ORDER BY 1, 2",
    "events": "SELECT event_id, event_date, name FROM events.economic ORDER BY 1",
    "security events": "SELECT event_id, instrument_id, event_date FROM events.security ORDER BY 1",
    "geopolitical events": "SELECT event_id, event_date FROM events.geopolitical ORDER BY 1",
    "held": "SELECT record_kind, source, symbol, about, reason, state FROM ops.quarantine ORDER BY 1, 2, 3, 4, 5",
    "coverage": "SELECT instrument_id, source, price_basis, year, expected, stored FROM ops.coverage"
    " ORDER BY 1, 2, 3, 4",
    "gaps": "SELECT instrument_id, source, price_basis, session, state, reason FROM ops.gaps ORDER BY 1, 2, 3, 4",
    "replies": "SELECT payload_id FROM ops.raw_payloads ORDER BY 1",
}


def state_of(connection: Any) -> dict[str, tuple[int, str]]:
    """Return the number of rows and a digest per table of what a store holds."""
    found = {}
    for name, statement in STATE.items():
        rows = connection.execute(statement).fetchall()
        found[name] = (len(rows), hashlib.sha256(repr(rows).encode()).hexdigest())
    return found


def start(
    dsn: str, home: Path, now: datetime, request: Mapping[str, Any], environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Start the process."""
    root = Path(__file__).resolve().parents[1]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ingest_process", dsn, str(home), now.isoformat(), json.dumps(request)],
        cwd=root,
        env={**os.environ, **environment, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a process that has said it begins, so many seconds later; return whether it was still at work."""
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    process.stdout.close()
    return process.returncode == -signal.SIGKILL


def main(dsn: str, home: str, now: str, request: str) -> None:
    """Run the request."""
    from app.bootstrap import Parts
    from core.data.ingest_plan import IngestRequest
    from core.settings import Settings

    parts = Parts(Settings(home=Path(home)), dsn, wall=FixedClock(datetime.fromisoformat(now), mode="live"))  # type: ignore[arg-type]
    service = parts.ingest
    sys.stdout.write("begin\n")
    sys.stdout.flush()
    started = time.perf_counter()
    outcome = service.run(IngestRequest.from_arguments(json.loads(request)))
    sys.stdout.write(f"{outcome.report.state} {time.perf_counter() - started:.3f}\n")
    parts.database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
