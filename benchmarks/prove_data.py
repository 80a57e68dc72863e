"""Prove the data claims: every row of real files is stored or held back with a reason; importing is repeatable."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import prove_ingest, prove_vendors
from benchmarks.prove import SHARED, Steps, desk_home, table

# Which files hold what; the order matters only for names: instruments and their symbol changes come first.
FILES = {
    "instruments": (
        "prices/instruments.csv",
        "macro/sp500_constituents.csv",
        "corporate_actions/lean_symbol_changes.csv",
    ),
    "actions": (
        "corporate_actions/splits.csv.gz",
        "corporate_actions/dividends.csv.gz",
        "corporate_actions/lean_factor_files.csv",
    ),
    "bars": ("prices/*.csv.gz", "macro/vix_ohlc_daily.csv.gz"),
    "macro": ("macro/macro_series.csv.gz",),
    "events": ("events/*",),
    "news": ("news/*",),
}


def measure(steps: Steps) -> str:
    """Import the shared folder into a fresh desk, twice, and judge the safety cases."""
    if not (SHARED / "data").is_dir():
        raise SystemExit("../shared/data is not beside the repository; the data part needs it.")
    steps.do("fresh desk", lambda: str(desk_home(fresh=True)))
    home = desk_home()
    from app.runtime.postgres import ensure_postgres

    with ensure_postgres(home):
        first = [steps.do(f"import {kind}", lambda kind=kind: _import(home, kind)) for kind in FILES]
        second = [steps.do(f"again {kind}", lambda kind=kind: _import(home, kind)) for kind in FILES]
        compared = steps.do("compared", lambda: _cli(home, "coverage", "--compare"))
    cases = steps.do("cases", _cases)
    parts = [
        _section(first, second, cases),
        prove_ingest.compared(compared),
        prove_ingest.stand_ins(steps),
        prove_ingest.killed(steps),
        prove_vendors.faults(steps),
        prove_ingest.faults(steps),
    ]
    return "\n\n".join(parts)


def _import(home: Path, kind: str) -> dict[str, Any]:
    files = [str(path) for pattern in FILES[kind] for path in sorted((SHARED / "data").glob(pattern))]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "--home", str(home), "--json", "import", kind, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.strip():
        raise SystemExit(f"import {kind} said nothing:\n{done.stderr[-2000:]}")
    return {"kind": kind, "seconds": time.perf_counter() - started, "exit": done.returncode, **json.loads(done.stdout)}


def _cli(home: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "--home", str(home), "--json", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _cases() -> dict[str, Any]:
    path = SHARED / "safety" / "bad_bars.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "--json", "quality", "cases", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    got = {line["id"]: line for line in map(json.loads, done.stdout.splitlines())}
    right, verdicts, total = 0, 0, 0
    wrong = []
    for case in map(json.loads, path.read_text().splitlines()):
        judged = got.get(case["id"], {"verdicts": [], "batch": None})
        expected = [(bar["verdict"], bar["reason"]) for bar in case["expected"]]
        said = [(bar["verdict"], bar["reason"]) for bar in judged["verdicts"]]
        total += len(expected)
        verdicts += sum(one == other for one, other in zip(expected, said, strict=False))
        batch = case["expected_batch"]
        same = expected == said and (batch is None or judged["batch"] == batch)
        right += same
        if not same:
            wrong.append(case["id"])
    return {"cases": len(got), "right": right, "bars": total, "bars_right": verdicts, "wrong": wrong}


def _section(first: list[dict[str, Any]], second: list[dict[str, Any]], cases: dict[str, Any]) -> str:
    rows = []
    reasons: Counter[str] = Counter()
    errors = []
    totals: Counter[str] = Counter()
    for part in first:
        for file in part["files"]:
            counts, beside = file["rows"], file["derived"]
            held = counts["quarantined"] + counts["rejected"]
            reasons.update(counts["reasons"])
            name = str(Path(file["file"]).relative_to(SHARED / "data"))
            if file["error"]:
                errors.append(f"- `{name}`: {file['error']}")
            rows.append(
                (
                    name,
                    counts["read"],
                    counts["stored"],
                    held,
                    file["skipped"],
                    beside["stored"],
                    f"{file['seconds']:.1f}",
                )
            )
            refused = counts["read"] if file["error"] else 0
            totals.update(
                read=counts["read"], stored=counts["stored"], held=held, skipped=file["skipped"], refused=refused
            )
            totals.update(beside=beside["stored"])
    seconds = sum(part["seconds"] for part in first)
    rows.append(
        (
            "**all**",
            totals["read"],
            totals["stored"],
            totals["held"],
            totals["skipped"],
            totals["beside"],
            f"{seconds:.1f}",
        )
    )
    written = sum(
        counts["new"] + counts["changed"]
        for part in second
        for file in part["files"]
        for counts in (file["rows"], file["derived"])
    )
    again = sum(part["seconds"] for part in second)
    unexplained = totals["read"] - totals["stored"] - totals["held"] - totals["skipped"] - totals["refused"]
    lines = [
        "## Data: a folder of real files, imported whole",
        "",
        f"{len(rows) - 1} files, {totals['read']:,} rows in {seconds:.0f} s; {totals['stored']:,} stored,"
        f" {totals['held']:,} held back with a reason, {totals['skipped']:,} with nothing to store,"
        f" {totals['refused']:,} in files refused whole,"
        f" {unexplained:,} unexplained. A second import took {again:.0f} s and wrote {written:,} rows.",
        "*Beside* counts rows derived from a file's rows (a total-return series, links of articles).",
        "",
        table(("file", "rows", "stored", "held back", "nothing to store", "beside", "seconds"), rows),
        "",
        "Held back, by reason: "
        + (", ".join(f"{name} {count:,}" for name, count in reasons.most_common()) or "none")
        + ".",
    ]
    if errors:
        lines += ["", "Refused whole:", "", *errors]
    wrong = f" (wrong: {', '.join(cases['wrong'])})" if cases["wrong"] else ""
    lines += [
        "",
        f"Cases of damaged bars judged as the policy says: {cases['right']} of {cases['cases']}{wrong};"
        f" single bars {cases['bars_right']} of {cases['bars']}.",
    ]
    return "\n".join(lines)
