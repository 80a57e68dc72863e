"""Prove the strategy claims: the honesty gate on noise and a planted edge, and strategies over the shared universe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from benchmarks.prove import SHARED, Steps, table
from core.domain.event_calendar import EventCalendar
from core.domain.market_path import MarketPath
from core.strategies.loader import load
from core.valuation.backtest import run
from core.valuation.honesty import Honesty, judge
from core.valuation.performance import performance
from core.valuation.robustness import neighbourhood
from core.valuation.sweep import sweep
from core.valuation.terms import Costs, Stops

VARIANTS, SESSIONS, EDGE = 20, 2520, 1.5
NOISE_DRAWS, EDGE_DRAWS = 1000, 300
AS_OF = datetime(2026, 6, 30, tzinfo=UTC)
BEGIN, END = "2010-01-04", "2026-04-30"
COSTS = Costs(fee_bps=1, slippage_bps=2, borrow_bps=50)


def measure(steps: Steps) -> str:
    """Return the section on honesty and strategies."""
    gate = steps.do("honesty gate", honesty_gate)
    parts = [
        "### Honesty gate",
        "",
        f"The gate of docs/honesty.md on sweeps of {VARIANTS} variants over {SESSIONS:,} sessions, the best of each "
        f"judged with its {VARIANTS} trials. The planted edge: one variant with a true annual Sharpe ratio of {EDGE}.",
        "",
        table(("draws", "passed", "share", "bound", "kept"), [tuple(row) for row in gate]),
        "",
    ]
    if not (SHARED / "data" / "prices" / "us_etf_daily.csv.gz").exists():
        return "\n".join(
            [*parts, "The table of strategies needs the shared data beside the checkout; they are absent."]
        )
    rows = steps.do("12 strategies on the universe", universe_table)
    return "\n".join([*parts, *_universe_section(rows)])


def honesty_gate() -> list[list[Any]]:
    """Return rows (what, passed, share, bound, kept) of the gate's error rates."""
    draw = np.random.default_rng(20_260_630)
    noise = sum(_passes(_drawn(draw, 0.0)) for _ in range(NOISE_DRAWS))
    edge = sum(_passes(_drawn(draw, EDGE)) for _ in range(EDGE_DRAWS))
    rules = sum(_rules_on_noise(seed) for seed in range(NOISE_DRAWS))
    return [
        [f"noise: {NOISE_DRAWS:,} x {VARIANTS} independent series", *_share(noise, NOISE_DRAWS, 0.05, most=True)],
        [f"noise: {NOISE_DRAWS:,} random walks x {VARIANTS} crossovers, with costs and delay",
         *_share(rules, NOISE_DRAWS, 0.05, most=True)],
        [f"edge: {EDGE_DRAWS} x one planted among {VARIANTS}", *_share(edge, EDGE_DRAWS, 0.90, most=False)],
    ]  # fmt: skip


def _share(passed: int, draws: int, bound: float, *, most: bool) -> list[Any]:
    share = passed / draws
    kept = share <= bound if most else share >= bound
    return [passed, f"{share:.1%}", f"{'at most' if most else 'at least'} {bound:.0%}", "yes" if kept else "**NO**"]


def _drawn(draw: np.random.Generator, edge: float) -> np.ndarray:
    returns = draw.normal(0.0, 0.01, (SESSIONS, VARIANTS))
    returns[:, draw.integers(VARIANTS)] += edge * 0.01 / np.sqrt(252)
    return returns


def _passes(returns: np.ndarray) -> bool:
    best = int(np.argmax(returns.mean(axis=0) / returns.std(axis=0, ddof=1)))
    return judge(returns, chosen=best, trials=VARIANTS).passed


def _rules_on_noise(seed: int) -> bool:
    draw = np.random.default_rng(seed)
    steps = draw.normal(0.0, 0.01, SESSIONS)
    # Without drift in the price itself (not its logarithm), no rule can earn before costs.
    close = 100.0 * np.cumprod(1.0 + steps)
    times = np.busday_offset(np.datetime64("2010-01-04"), np.arange(SESSIONS), roll="forward")
    path = MarketPath(close=close[None, :, None], times=times, assets=("A",), as_of=AS_OF, source="noise")
    pairs = [(fast, slow) for fast in (5, 10, 20, 40) for slow in (50, 75, 100, 150, 200)]
    variants = [lambda pair=pair: load("sma_crossover", {"fast": pair[0], "slow": pair[1], "allow_short": True})
                for pair in pairs]  # fmt: skip
    found = sweep(variants, path, costs=COSTS)  # type: ignore[arg-type]
    best = int(np.nanargmax(found.sharpe))
    dearer = sweep([variants[best]], path, costs=COSTS.times(2.0)).sharpe[0]  # type: ignore[list-item]
    later = sweep([variants[best]], path, costs=COSTS, execution_lag=2).sharpe[0]  # type: ignore[list-item]
    verdict = judge(
        found.returns, chosen=best, trials=VARIANTS, purge_sessions=1, dearer_sharpe=dearer, later_sharpe=later
    )
    return verdict.passed


@dataclass(frozen=True)
class Case:
    """Name a strategy of the table: its parameters, on what it runs, its stops."""

    title: str
    strategy: str
    parameters: dict[str, Any]
    groups: str
    stops: Stops = field(default_factory=Stops)


CASES = (
    Case("buy and hold", "buy_and_hold", {}, "single"),
    Case("trend: crossover 50/200", "sma_crossover", {"fast": 50, "slow": 200}, "single"),
    Case("trend: conditions, trailing stop 12 %", "timed",
         {"buy": "sma(50) > sma(200) and adx(14) > 15", "sell": "sma(50) < sma(200)"}, "single", Stops(trailing=0.12)),
    Case("momentum 12-1", "momentum", {}, "single"),
    Case("mean reversion, stop 5 %", "mean_reversion", {}, "single", Stops(loss=0.05)),
    Case("breakout 55/20, stop of 3 ranges", "breakout", {}, "single", Stops(atr=3.0)),
    Case("volatility target 10 %", "volatility_target", {}, "single"),
    Case("seasonality: November to April", "seasonality", {}, "single"),
    Case("events: after FOMC days, calm entry", "timed",
         {"buy": 'after(3d, "FOMC") and zscore(20) < 1', "sell": 'not after(10d, "FOMC")'}, "single"),
    Case("pair, total least squares, spread stop 8 %", "pair", {"ratios": "tls"}, "pairs", Stops(loss=0.08)),
    Case("fly, principal components", "fly", {"ratios": "pca"}, "flies"),
    Case("switch by relative value", "switch", {"rule": "value", "lookback": 120, "review": "weekly"}, "pairs"),
    Case("rotation of the top 3, inverse volatility", "rotation", {"weighting": "inverse_volatility"}, "baskets"),
    Case("events: CPI surprise, against it", "event_drift",
         {"event": "CPI", "threshold": 0.0, "direction": -1, "hold_sessions": 10}, "single"),
)  # fmt: skip
PAIRS = (
    ("SPY", "QQQ"), ("XLE", "XLU"), ("XLF", "XLK"), ("XLY", "XLP"), ("XLI", "XLB"), ("XLV", "XLP"), ("GLD", "SLV"),
    ("TLT", "IEF"), ("LQD", "HYG"), ("IWM", "SPY"), ("EFA", "EEM"), ("VTV", "VUG"), ("JPM", "BAC"), ("AAPL", "MSFT"),
    ("HD", "WMT"), ("AMZN", "WMT"), ("UNH", "PG"),
)  # fmt: skip
FLIES = (
    ("SHY", "IEF", "TLT"), ("VTV", "SPY", "VUG"), ("IWM", "IJH", "SPY"), ("XLF", "XLI", "XLK"), ("XLP", "XLV", "XLU"),
    ("AAPL", "MSFT", "NVDA"), ("XLE", "XLB", "XLI"), ("EFA", "VEA", "VWO"),
)  # fmt: skip
BASKETS = (
    ("XLE", "XLF", "XLV", "XLI", "XLK", "XLP", "XLU", "XLY", "XLB"),
    ("AAPL", "AMZN", "BAC", "HD", "JPM", "MSFT", "NVDA", "PG", "UNH", "WMT"),
    ("SPY", "EFA", "VWO", "TLT", "IEF", "GLD", "VNQ"),
)


def universe_table() -> list[list[Any]]:
    """Return one row per strategy: medians over what it ran on, and how many pass the gate."""
    bars = _bars()
    events = _events()
    rows = []
    for case in CASES:
        groups = [group for group in _groups(case.groups, bars) if all(symbol in bars for symbol in group)]
        found = [part for group in groups if (part := _judged(case, group, bars, events)) is not None]
        rows.append(_row(case, found))
    return rows


def _groups(kind: str, bars: dict[str, Any]) -> list[tuple[str, ...]]:
    if kind == "single":
        return [(symbol,) for symbol in sorted(bars)]
    return list({"pairs": PAIRS, "flies": FLIES, "baskets": BASKETS}[kind])


Judged = tuple[Honesty, Honesty, float, float, float, float, float]


def _judged(case: Case, group: tuple[str, ...], bars: dict[str, Any], events: EventCalendar) -> Judged | None:
    path = replace(_path(group, bars), events=events)
    rule = load(case.strategy, case.parameters)
    skip = min(rule.warmup_sessions + 1, len(path.times) - 500)
    terms: dict[str, Any] = {"costs": COSTS, "stops": case.stops}
    variants, returns = neighbourhood(rule, path, skip_sessions=skip, **terms)
    if not returns[:, 0].any():
        return None

    def sharpe(**changed: Any) -> float:
        result = run(rule, path, record="equity", **{**terms, **changed})
        return performance(result.returns[0, skip:]).sharpe

    dearer, later = sharpe(costs=COSTS.times(2.0)), sharpe(execution_lag=2)
    given = {"purge_sessions": 1, "dearer_sharpe": dearer, "later_sharpe": later}
    own = judge(returns, **given)  # type: ignore[arg-type]
    # What was looked at in this table for one strategy: every variant on everything it ran on.
    wide = judge(returns, trials=len(variants) * len(_groups(case.groups, bars)), **given)  # type: ignore[arg-type]
    figures = performance(returns[:, 0])
    held = run(load("buy_and_hold"), path, costs=COSTS, record="equity").returns[0, skip:]
    return own, wide, figures.cagr, figures.max_drawdown, performance(held).sharpe, dearer, later


def _row(case: Case, found: list[Judged]) -> list[Any]:
    def middle(read: Callable[[Judged], float]) -> float:
        values = np.array([read(part) for part in found])
        values = values[np.isfinite(values)]
        return float(np.median(values)) if len(values) else float("nan")

    years = middle(lambda part: min(part[0].least_sessions, 1e9)) / 252
    overfitting = middle(lambda part: part[0].overfitting_probability)
    return [
        case.title,
        len(found),
        int(middle(lambda part: part[0].trials)),
        f"{middle(lambda part: part[0].sharpe):.2f}",
        f"{middle(lambda part: part[4]):.2f}",
        f"{middle(lambda part: part[2]):.1%}",
        f"{middle(lambda part: part[3]):.0%}",
        f"{middle(lambda part: part[0].probabilistic_sharpe):.0%}",
        f"{middle(lambda part: part[0].deflated_sharpe):.0%}",
        "-" if np.isnan(overfitting) else f"{overfitting:.0%}",
        f"{years:.0f}" if years < 1000 else "none",
        f"{middle(lambda part: part[5]):.2f}",
        f"{middle(lambda part: part[6]):.2f}",
        sum(part[0].passed for part in found),
        sum(part[1].passed for part in found),
    ]


def _universe_section(rows: list[list[Any]]) -> list[str]:
    head = (
        "strategy", "ran on", "trials each", "Sharpe", "held", "growth", "drawdown", "PSR", "DSR", "PBO",
        "years needed", "at 2x costs", "a session later", "pass", "pass, all trials",
    )  # fmt: skip
    return [
        f"### {len(rows)} strategies on the universe, {BEGIN} to {END}",
        "",
        "Total-return prices of every fund and stock of the shared data with a whole history; 1 bp fee, 2 bp slippage, "
        "50 bp a year to borrow, fills at the next open. Figures are medians over what the strategy ran on: each "
        "symbol alone, pairs, flies or baskets. PSR, DSR: probabilistic and deflated Sharpe ratio; PBO: probability of "
        "overfitting over the parameter neighbours; years needed: minimum track record. `pass`: the gate with the "
        "trials of one symbol; `pass, all trials`: with every variant on everything the strategy ran on. The "
        "universe is what exists today: it flatters whatever holds it, buying and holding most of all.",
        "",
        table(head, [tuple(row) for row in rows]),
        "",
    ]


def _bars() -> dict[str, Any]:
    import pandas

    out: dict[str, Any] = {}
    for name in ("us_etf_daily", "us_megacap_daily"):
        frame = pandas.read_csv(SHARED / "data" / "prices" / f"{name}.csv.gz", parse_dates=["date"])
        frame = frame[(frame["date"] >= BEGIN) & (frame["date"] <= END)]
        for symbol, part in frame.groupby("symbol"):
            part = part.dropna(subset=["close", "adj_close"]).drop_duplicates("date").set_index("date").sort_index()
            if (
                len(part)
                and part.index[0] <= pandas.Timestamp(BEGIN)
                and part.index[-1] >= pandas.Timestamp("2026-04-28")
            ):
                factor = part["adj_close"] / part["close"]
                out[str(symbol)] = part[["open", "high", "low", "close"]].mul(factor, axis=0)
    return out


def _path(group: tuple[str, ...], bars: dict[str, Any]) -> MarketPath:
    import pandas

    joined = pandas.concat([bars[symbol] for symbol in group], axis=1, keys=group, join="inner")
    parts = {
        name: np.ascontiguousarray(joined.xs(name, axis=1, level=1).to_numpy(dtype=float))[None]
        for name in ("open", "high", "low", "close")
    }
    times = joined.index.to_numpy().astype("datetime64[D]")
    return MarketPath(**parts, times=times, assets=group, as_of=AS_OF, source="shared")


def _events() -> EventCalendar:
    """Return FOMC decisions and CPI releases of the shared calendar, by the rules of the store's adapter."""
    import pandas

    frame = pandas.read_csv(SHARED / "data" / "events" / "economic_calendar.csv.gz", parse_dates=["date"])
    frame = frame[frame["country"] == "US"]
    fomc = frame[
        frame["event"].str.contains(r"FOMC (?:Statement|Press Conference)|Federal Funds Rate|Fed Interest", na=False)
    ]
    cpi = frame[frame["event"].isin(["CPI", "CPI m/m", "CPI y/y"])].copy()
    cpi["actual"], cpi["forecast"] = (pandas.to_numeric(cpi[name], errors="coerce") for name in ("actual", "forecast"))
    cpi = cpi.dropna(subset=["actual", "forecast"]).drop_duplicates("date")
    fomc = fomc.drop_duplicates("date")
    scale = cpi["forecast"].abs().where(cpi["forecast"] != 0)
    day = np.concatenate((fomc["date"].to_numpy(), cpi["date"].to_numpy())).astype("datetime64[D]")
    surprise = np.concatenate((np.full(len(fomc), np.nan), ((cpi["actual"] - cpi["forecast"]) / scale).to_numpy()))
    return EventCalendar(
        name=np.array(["FOMC"] * len(fomc) + ["CPI"] * len(cpi)),
        asset=np.full(len(day), -1),
        day=day,
        scheduled=day - 90,
        known=day,
        surprise=surprise.astype(float),
    )
