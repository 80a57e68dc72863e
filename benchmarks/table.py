"""Time engines side by side in one run, after checking that they agree."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Hold an engine: its name, a call that does the whole workload, and the part of the workload it does."""

    name: str
    work: Callable[[], object]
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Bar:
    """Hold a claim, its measured figure and its bound."""

    what: str
    measured: float
    bound: str
    kept: bool


BARS: list[Bar] = []
"""What this process has measured against a bound."""


def bar(what: str, measured: float, *, at_least: float = -math.inf, at_most: float = math.inf) -> None:
    """Print and keep a figure beside the bound it must keep."""
    bound = f"at most {at_most:.3g}" if at_least == -math.inf else f"at least {at_least:.3g}"
    BARS.append(Bar(what, float(measured), bound, bool(at_least <= measured <= at_most)))
    print(f"  bar: {what}: {measured:.3g}, {bound}: {'kept' if BARS[-1].kept else 'MISSED'}")


def peak_megabytes() -> float:
    """Return the most memory that this process has held; what its parent held before it began is not in it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def header() -> None:
    """Print the machine and the versions."""
    import numba
    import scipy

    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}, ",
        end="",
    )
    print(f"numba {numba.__version__}, scipy {scipy.__version__}")


def compare(
    title: str, engines: list[Engine], *, repeats: int = 5, agreement: str = "", fresh_memory: bool = False
) -> dict[str, float]:
    """Time the engines in turn, `repeats` rounds after one to warm up; print the fastest of each and ratios to ours.

    The fastest round is the least disturbed by what else the machine does. An engine that does only a share of the
    workload counts pro rata. With `fresh_memory` each run begins as the first of a process does: what earlier runs left
    in the allocator goes back to the system. Returns seconds by name.
    """
    trim = ctypes.CDLL(None).malloc_trim if fresh_memory else None
    seconds: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for round_ in range(repeats + 1):
        for engine in engines:
            if trim is not None:
                trim(0)
            start = time.perf_counter()
            engine.work()
            if round_:
                seconds[engine.name].append((time.perf_counter() - start) / engine.share)
    best = {name: min(times) for name, times in seconds.items()}
    ours = best[engines[0].name]
    print(f"\n{title}")
    if agreement:
        print(f"  results: {agreement}")
    print(f"  {'engine':44s} {'seconds':>10s} {'x ours':>8s}")
    for name, least in best.items():
        print(f"  {name:44s} {least:10.4f} {least / ours:8.1f}")
    return best


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference relative to the size of the values; NaN must be in the same places."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        raise SystemExit("The engines disagree on where there is no value.")
    gap = np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))
    return float(np.nanmax(gap))
