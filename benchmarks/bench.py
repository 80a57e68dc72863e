"""Run every benchmark and write docs/benchmarks.md: `make bench`.

An interrupted run goes on where it stopped; `--fresh` starts anew.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from benchmarks import table
from benchmarks.prove import ROOT, Steps, machine
from benchmarks.prove import table as markdown

WORKLOADS = (
    *("indicators", "performance", "event_backtest", "sweep", "portfolio", "monte_carlo"),
    *("ingest", "panel", "coverage", "scale"),
)
PAGE = ROOT / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Written by `make bench`, nothing here is typed by hand. Each workload runs the product and its peers on the same machine
in the same run, and compares their results before any time counts. The peers that pin older libraries run in an
environment of their own, which the command builds by itself. Each engine runs in turn for several rounds; its fastest
round counts, the one least disturbed by what else the machine does. *Reference* kernels are written by hand for one
workload each (`benchmarks/reference_engine.py`, `benchmarks/reference_paths.py`); the engine is general. Speeds over
backtrader and nautilus_trader are claimed for this workload with identical fills, not in general: they keep accounts
and an order life cycle. Ratios travel between machines better than seconds do, and only inside one run.
"""


def main() -> None:
    steps = Steps("bench")
    if "--fresh" in sys.argv[1:]:
        steps.forget()
    printed, bars = [], []
    for name in WORKLOADS:
        found = steps.do(name, lambda name=name: run(name))
        printed.append(found["text"])
        bars += [table.Bar(**part) for part in found["bars"]]
        print(found["text"], flush=True)
    PAGE.write_text(page(printed, bars))
    steps.forget()


def run(name: str) -> dict[str, Any]:
    """Run one workload; return what it printed and its bars."""
    table.BARS.clear()
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        importlib.import_module(f"benchmarks.{name}").main()
    return {"text": text.getvalue().strip("\n"), "bars": [asdict(part) for part in table.BARS]}


def page(printed: list[str], bars: list[table.Bar]) -> str:
    """Return the page: the bars first, then what each workload printed."""
    head = io.StringIO()
    with contextlib.redirect_stdout(head):
        table.header()
    rows = [(part.what, f"{part.measured:.3g}", part.bound, "yes" if part.kept else "**NO**") for part in bars]
    kept = sum(part.kept for part in bars)
    return "\n".join(
        [
            _HEAD,
            "## Bars",
            "",
            f"{kept} of {len(bars)} kept.",
            "",
            markdown(("figure", "measured", "bar", "kept"), rows),
            "",
            "## What was measured",
            "",
            "```",
            head.getvalue().strip(),
            *(f"\n{text}" for text in printed),
            "```",
            "",
            f"*{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}.*",
            "",
        ]
    )


if __name__ == "__main__":
    main()
