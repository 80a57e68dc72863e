"""Show the product's claims on this machine: `python -m benchmarks.prove data|quant|orders|ask|all`.

Each part prints a table and rewrites its section of docs/proof.md. An interrupted part goes on where it stopped: its
steps are kept in a cache folder ($XDG_CACHE_HOME/quantdesk/prove) until the part is complete; `--fresh` starts anew.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PARTS = ("data", "quant", "orders", "ask")
ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "proof.md"
SHARED = ROOT.parent / "shared"
_HEAD = """# Proof

What the product claims, measured. Each section is written by the command it names; nothing here is typed by hand.
`make prove` runs all parts. Speeds are of one machine and differ on yours; counts and agreements should not.
"""


class Steps:
    """Keep the results of a part's finished steps, so that an interrupted part goes on."""

    def __init__(self, part: str) -> None:
        self.folder = cache_folder()
        self._file = self.folder / f"{part}.json"
        self._kept: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def do(self, name: str, work: Callable[[], Any]) -> Any:
        """Return the result of a step (JSON), running it only when it is not kept."""
        if name not in self._kept:
            started = time.perf_counter()
            self._kept[name] = work()
            partial = self._file.with_suffix(".partial")
            partial.write_text(json.dumps(self._kept))
            partial.replace(self._file)
            print(f"  {name}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
        return self._kept[name]

    def has(self, name: str) -> bool:
        """Return whether a step is finished."""
        return name in self._kept

    def forget(self) -> None:
        """Drop what is kept."""
        self._kept = {}
        self._file.unlink(missing_ok=True)


def cache_folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "quantdesk" / "prove"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; columns after the first are right-aligned when they hold numbers."""
    texts = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    numeric = [
        bool(texts) and all(re.fullmatch(r"[-+]?[\d,.]+( ?[a-z%]+)?|", row[n]) for row in texts)
        for n in range(len(head))
    ]
    lines = [f"| {' | '.join(head)} |", "|" + "|".join("---:" if right else "---" for right in numeric) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in texts)])


def machine() -> str:
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text())):
        model = found[1].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}; "
        f"load average {load:.1f} when measured"
    )


def write_section(part: str, body: str) -> None:
    """Put a part's section in its place in docs/proof.md."""
    from app.version import code_version

    text = PAGE.read_text() if PAGE.exists() else _HEAD
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    head = f"*{when}, code {code_version()}, `python -m benchmarks.prove {part}`, {machine()}.*"
    section = f"<!-- {part} -->\n{body.strip()}\n\n{head}\n<!-- /{part} -->"
    found = {name: re.search(rf"<!-- {name} -->.*?<!-- /{name} -->", text, re.DOTALL) for name in PARTS}
    sections = {name: match[0] for name, match in found.items() if match} | {part: section}
    PAGE.write_text("\n\n".join([_HEAD.strip(), *(sections[name] for name in PARTS if name in sections)]) + "\n")


def run_part(part: str, *, fresh: bool) -> None:
    steps = Steps(part)
    if fresh:
        steps.forget()
    module = importlib.import_module(f"benchmarks.prove_{part}")
    started = time.perf_counter()
    body = module.measure(steps)
    print(f"\n{body}\n\n{part}: {time.perf_counter() - started:.0f} s")
    write_section(part, body)
    steps.forget()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=(*PARTS, "all"))
    parser.add_argument("--fresh", action="store_true", help="forget what an interrupted run kept")
    arguments = parser.parse_args()
    for part in PARTS if arguments.part == "all" else (arguments.part,):
        run_part(part, fresh=arguments.fresh)


def desk_home(*, fresh: bool = False) -> Path:
    """Return the folder of the desk that the data part fills and the ask part asks."""
    from app.runtime import postgres

    home = cache_folder() / "desk"
    if fresh and home.exists():
        postgres.remove(home)
        shutil.rmtree(home, ignore_errors=True)
    return home


if __name__ == "__main__":
    main()
