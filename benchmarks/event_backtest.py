"""Run a crossover with a protective stop event by event: ours beside backtesting.py, backtrader, nautilus_trader.

Each peer has its own fill convention, and ours is set to each: the fills are compared before any time counts. Speeds
are claimed for this workload with identical fills, not in general: backtrader and nautilus_trader keep accounts, orders
and a message bus, of which ours keeps the account.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np

from benchmarks import peer, reference_engine
from benchmarks.table import bar, header
from core.domain.kernel import BoolArray
from core.domain.market_path import MarketPath
from core.indicators.moving_average import ABOVE, sma
from core.ports.strategy import PriceHistory, Session, Weights
from core.strategies.sma_crossover import SmaCrossover
from core.valuation.backtest import BacktestResult, run
from core.valuation.terms import Costs, FillTerms, Stops

FAST, SLOW, STOP, FEE = 10, 50, 0.004, 0.001
BARS = 1_000_000
# Peers run a prefix: their bars per second do not depend on the length.
PREFIX = {"backtesting": 100_000, "backtrader": 20_000, "nautilus": 20_000}


class InPython:
    """The same rule, decided in Python at each crossing only."""

    name: ClassVar[str] = "crossover in python"
    legs: ClassVar[int | None] = 1
    trades_as_one: ClassVar[bool] = False

    def wakes(self, prices: PriceHistory) -> BoolArray:
        slow = sma(prices.close[:, 0], SLOW)
        self.up = sma(prices.close[:, 0], FAST) > slow * ABOVE
        self.turns = np.concatenate(([False], self.up[1:] != self.up[:-1]))
        self.turns[SLOW - 1] = True
        return self.turns

    def decide(self, session: Session) -> Weights | None:
        if not self.turns[session.index]:
            return None
        return np.array([1.0 if self.up[session.index] else 0.0])


def bars(count: int = BARS, seed: int = 3) -> dict[str, np.ndarray]:
    """Draw minute bars with six decimals, so that every engine holds the same numbers."""
    draw = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(draw.normal(0, 0.0006, count))), 6)
    open_ = np.round(np.concatenate(([100.0], close[:-1])) * np.exp(draw.normal(0, 0.0002, count)), 6)
    high = np.round(np.maximum(open_, close) * (1 + np.abs(draw.normal(0, 0.0003, count))), 6)
    low = np.round(np.minimum(open_, close) * (1 - np.abs(draw.normal(0, 0.0003, count))), 6)
    return {"open": open_, "high": high, "low": low, "close": close}


def path_of(data: dict[str, np.ndarray]) -> MarketPath:
    parts = {name: values[None, :, None] for name, values in data.items()}
    times = np.datetime64("2000-01-01") + np.arange(len(data["close"]))
    return MarketPath(**parts, times=times, assets=("AAA",), as_of=datetime(2020, 1, 1, tzinfo=UTC), source="drawn")


def ours(path: MarketPath, *, strategy: object = None, **stop: object) -> BacktestResult:
    terms = FillTerms(sizing="shares", at="close" if stop.pop("at_close", False) else "open")
    return run(
        strategy or SmaCrossover(fast=FAST, slow=SLOW),  # type: ignore[arg-type]
        path,
        costs=Costs(fee_bps=FEE * 1e4),
        stops=Stops(loss=STOP, **stop),  # type: ignore[arg-type]
        terms=terms,
        capital=1e6,
    )


def fills_of(result: BacktestResult) -> np.ndarray:
    fills = result.fills
    assert fills is not None
    return np.stack((fills.session, fills.shares, fills.price), axis=1)


def same(name: str, mine: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest relative difference of prices of the same fills; stop where they are not the same."""
    if mine.shape != theirs.shape or not np.array_equal(mine[:, :2], theirs[:, :2]):
        rows = min(len(mine), len(theirs))
        first = next((i for i in range(rows) if not np.array_equal(mine[i, :2], theirs[i, :2])), rows)
        raise SystemExit(f"{name}: {len(mine)} fills against {len(theirs)}; first difference at {first}: "
                         f"{mine[first : first + 2]} {theirs[first : first + 2]}")  # fmt: skip
    return float(np.max(np.abs(mine[:, 2] - theirs[:, 2]) / theirs[:, 2]))


def beside(name: str, data: dict[str, np.ndarray]) -> tuple[str, float, int, float]:
    """Return a peer's version, bars per second, fills, and the largest difference of a fill's price from ours."""
    part = {key: values[: PREFIX[name]] for key, values in data.items()}
    found = peer.run(name, {**part, "fast": FAST, "slow": SLOW, "stop": STOP, "fee": FEE})
    path = path_of(part)
    if name == "backtesting":
        result = ours(path, reference="decision")
        trades = result.trades
        assert trades is not None
        closed = ~trades.open
        mine = np.stack((trades.entry, trades.exit, trades.entry_price), axis=1)[closed].astype(float)
        order = np.argsort(found["entry"], kind="stable")
        theirs = np.stack((found["entry"], found["exit"], found["entry_price"]), axis=1)[order].astype(float)
        gap = same(name, mine, theirs)
        exits = found["exit_price"][order]
        gap = max(gap, float(np.max(np.abs(trades.exit_price[closed] - exits) / exits)))
        count = 2 * int(closed.sum())
    else:
        result = ours(path, on_entry_bar=False) if name == "backtrader" else ours(path, at_close=True)
        theirs = found["fills"].astype(float)
        gap = same(name, fills_of(result), theirs)
        count = len(theirs)
    worth = float(result.equity[0, -1])
    end = found["equity"][0] if "equity" in found else found["cash"][0]
    if "equity" in found and abs(worth - end) > 0.005:
        raise SystemExit(f"{name}: equity {end} against {worth}.")
    return str(found["version"]), PREFIX[name] / float(found["seconds"]), count, gap


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the fastest time of a call after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def reference(data: dict[str, np.ndarray]) -> np.ndarray:
    """Run the generic reference engine; return its fills (session, side, price)."""
    close = data["close"]
    fast, slow = reference_engine.average(close, FAST), reference_engine.average(close, SLOW)
    fills, orders, equity = np.empty((len(close), 4)), np.zeros((16, 4)), np.empty(len(close))
    count = reference_engine.generic(
        data["open"], data["high"], data["low"], close, fast, slow, STOP, FEE, True, orders, fills, equity
    )
    return fills[:count, :3]


def main() -> None:
    data = bars()
    path = path_of(data)
    whole = ours(path)
    gap = same("reference", fills_of(whole), reference(data))
    woken = ours(path, strategy=InPython())
    same("in Python", fills_of(woken), fills_of(whole))
    stopped = int((whole.trades.reason == 1).sum()) if whole.trades is not None else 0
    own = seconds(lambda: ours(path))
    python = seconds(lambda: ours(path, strategy=InPython()), 2)
    rows = [
        ("quantdesk, strategy file with stops; account, fills and trades kept", BARS / own),
        ("quantdesk, strategy that stays in Python (sparse wake)", BARS / python),
        ("generic reference: numba order book, compiled user strategy", BARS / seconds(lambda: reference(data))),
    ]
    what = f"SMA {FAST}/{SLOW} with a {STOP:.1%} stop, {BARS:,} minute bars, {FEE * 1e4:g} bps a fill"
    print(f"\nEvent-exact backtest, {what}")
    print(f"  results: {len(fills_of(whole)):,} fills, {stopped:,} stops; equal to the reference to {gap:.0e}")
    for name in PREFIX:
        version, speed, count, difference = beside(name, data)
        rows.append((f"{name} {version} ({PREFIX[name]:,} bars)", speed))
        print(f"  results: {name}: {count:,} fills equal to ours in session and side, prices to {difference:.0e}")
    print(f"  {'engine':70s} {'bars/s':>12s} {'ours is':>9s}")
    for label, speed in rows:
        print(f"  {label:70s} {speed:12,.0f} {rows[0][1] / speed:8.1f}x")
    bar("event engine: reference's speed over ours", rows[2][1] / rows[0][1], at_most=2)
    bar("event engine: strategies in Python x backtesting.py", rows[1][1] / rows[3][1], at_least=5)
    for (name, least), (_, speed) in zip({"backtesting.py": 100, "backtrader": 500, "nautilus_trader": 500}.items(),
                                         rows[3:], strict=True):  # fmt: skip
        bar(f"event engine: x {name}", rows[0][1] / speed, at_least=least)
    daily = [path_of(bars(2520, seed)) for seed in range(150)]
    took = seconds(lambda: [ours(part) for part in daily], 3)
    print(f"  150 symbols x 2,520 bars, one account each: {took:.3f} s, {150 * 2520 / took:,.0f} bars/s")


if __name__ == "__main__":
    header()
    main()
