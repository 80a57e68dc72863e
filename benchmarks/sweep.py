"""Backtest 100 moving-average pairs on 100 symbols: ours beside a special kernel, vectorbt, numpy."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime

import numpy as np

from benchmarks import peer, reference_engine
from benchmarks.table import Engine, bar, compare, header, largest_difference
from core.domain.market_path import MarketPath
from core.strategies.sma_crossover import SmaCrossover
from core.valuation.backtest import run
from core.valuation.sweep import sweep_crossovers
from core.valuation.terms import Costs

SESSIONS, SYMBOLS = 2520, 100
PAIRS = [(fast, slow) for fast in range(5, 55, 5) for slow in range(60, 260, 20)]
COSTS = Costs(fee_bps=10, slippage_bps=5)


def prices() -> np.ndarray:
    generator = np.random.default_rng(1)
    return 50.0 * np.exp(np.cumsum(generator.normal(0.0003, 0.015, (SESSIONS, SYMBOLS)), axis=0))


def in_numpy(close: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
    sums = np.concatenate((np.zeros((1, close.shape[1])), np.cumsum(close, axis=0)))
    averages = {}
    for window in sorted({window for pair in pairs for window in pair}):
        average = np.full(close.shape, np.nan)
        average[window - 1 :] = (sums[window:] - sums[:-window]) / window
        averages[window] = average
    step = close[1:] / close[:-1]
    purchase, sale = 1.0 / (1.0005 * 1.001), 0.9995 * 0.999
    out = np.empty((3, len(pairs), close.shape[1]))
    for row, (fast, slow) in enumerate(pairs):
        wanted = averages[fast] > averages[slow]
        held = np.concatenate((np.zeros((1, close.shape[1]), dtype=bool), wanted[:-1]))
        before = np.concatenate((np.zeros((1, close.shape[1]), dtype=bool), held[:-1]))
        growth = np.ones(close.shape)
        growth[1:][before[1:]] = step[before[1:]]
        growth[held & ~before] *= purchase
        growth[~held & before] *= sale
        level = np.cumprod(growth, axis=0)
        returns = growth - 1.0
        deviation = returns.std(axis=0, ddof=1)
        out[0, row] = level[-1] - 1.0
        out[1, row] = returns.mean(axis=0) / deviation * np.sqrt(252)
        out[2, row] = (level / np.maximum(np.maximum.accumulate(level, axis=0), 1.0) - 1.0).min(axis=0)
    return out


def extra_megabytes() -> float:
    """Return what a process of its own holds at most during the sweep above what it held before (Linux)."""
    program = """
from pathlib import Path
from benchmarks.sweep import COSTS, PAIRS, prices
from core.valuation.sweep import sweep_crossovers
def held(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
close = prices()
sweep_crossovers(close[:300, :2], PAIRS[:2], costs=COSTS, threads=2)
# Sets the peak to what is held now: importing has held more.
Path("/proc/self/clear_refs").write_text("5")
before = held("VmRSS")
kept = sweep_crossovers(close, PAIRS, costs=COSTS, threads=2)
print(held("VmHWM") - before)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(done.stdout) / 1024.0


def tenfold(close: np.ndarray) -> float:
    """Return the time of ten times the pairs over ten times the time of the pairs, one thread."""
    more = [(fast, slow) for fast in range(5, 55) for slow in range(60, 260, 10)]
    best = []
    for pairs in (more[::10], more):
        times = []
        for _ in range(4):
            start = time.perf_counter()
            sweep_crossovers(close, pairs, costs=COSTS)
            times.append(time.perf_counter() - start)
        best.append(min(times) / len(pairs))
    return best[1] / best[0]


def main() -> None:
    close = prices()
    ours = sweep_crossovers(close, PAIRS, costs=COSTS)
    theirs = in_numpy(close, PAIRS)
    gap = max(
        largest_difference(part, other)
        for part, other in zip((ours.total_return, ours.sharpe, ours.max_drawdown), theirs, strict=True)
    )
    windows = np.array(sorted({window for pair in PAIRS for window in pair}))
    index = np.searchsorted(windows, np.array(PAIRS))
    rows, out = np.ascontiguousarray(close.T), np.empty((SYMBOLS, len(PAIRS), 3))

    def special() -> None:
        reference_engine.sweep(rows, windows, index, 0.9995 * 0.999, 1.0005 * 1.001, out)

    special()
    apart = max(
        largest_difference(part, out[..., column].T * (np.sqrt(252) if column == 1 else 1.0))
        for column, part in enumerate((ours.total_return, ours.sharpe, ours.max_drawdown))
    )
    # vectorbt runs every tenth pair, its time counts pro rata.
    memory = extra_megabytes()
    given = {"close": close, "pairs": np.array(PAIRS[::10]), "fee": 0.001, "slippage": 0.0005}
    found = peer.run("vectorbt", given)
    beside = max(
        largest_difference(part[::10], found[name])
        for name, part in (("total_return", ours.total_return), ("max_drawdown", ours.max_drawdown))
    )
    times = np.busday_offset(np.datetime64("2012-01-02"), np.arange(SESSIONS), roll="forward")
    # One path per symbol: the general engine runs the strategy file itself, with the accounts it keeps.
    path = MarketPath(
        close=np.ascontiguousarray(close.T)[:, :, None],
        times=times,
        assets=("EACH",),
        as_of=datetime(2022, 1, 3, tzinfo=UTC),
        source="benchmark",
    )

    def general() -> None:
        for fast, slow in PAIRS[:10]:
            run(SmaCrossover(fast=fast, slow=slow), path, costs=COSTS, record="equity")

    times_of = compare(
        f"Crossover sweep, {len(PAIRS)} pairs x {SYMBOLS} symbols x {SESSIONS:,} sessions, return, Sharpe, drawdown",
        [
            Engine(name="quantdesk sweep, 1 thread", work=lambda: sweep_crossovers(close, PAIRS, costs=COSTS)),
            Engine(
                name="quantdesk sweep, 2 threads", work=lambda: sweep_crossovers(close, PAIRS, costs=COSTS, threads=2)
            ),
            Engine(name="quantdesk general engine (10 pairs, pro rata)", work=general, share=0.1),
            Engine(name="special kernel, parallel over symbols", work=special),
            Engine(name="numpy, vectorised over symbols", work=lambda: in_numpy(close, PAIRS)),
        ],
        repeats=3,
        agreement=f"differences: numpy {gap:.1e}, special kernel {apart:.1e}, vectorbt {beside:.1e}",
    )
    label, seconds = (
        f"vectorbt {found['version']}, chunked per pair (10 pairs, pro rata)",
        10.0 * float(found["seconds"]),
    )
    fastest = min(times_of[name] for name in times_of if name.startswith("quantdesk sweep"))
    print(f"  {label:44s} {seconds:10.4f} {seconds / fastest:8.1f} x our fastest")
    bar("sweep: x vectorbt, chunked", seconds / fastest, at_least=200)
    bar("sweep: x reference kernel", times_of["special kernel, parallel over symbols"] / fastest, at_least=1 / 1.5)
    bar("sweep: memory of the run, MB", memory, at_most=300)
    bar("sweep: cost of 10x the pairs, per pair", tenfold(close), at_most=1.3)


if __name__ == "__main__":
    header()
    main()
