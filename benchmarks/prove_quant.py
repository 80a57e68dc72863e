"""Prove the quant claims: agreement with independent libraries and published numbers, honesty, real data."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import prove_risk, prove_simulators, prove_strategies
from benchmarks.prove import Steps, table

# what is compared, with what, the largest difference (relative, or in standard errors), the bound it must keep
Check = tuple[str, str, float, float]


def measure(steps: Steps) -> str:
    """Check every figure, then the simulators, the honesty gate and the strategies. `make bench` measures speed."""
    checks: list[Check] = []
    for name, work in (
        ("performance", _performance),
        ("indicators", _indicators),
        ("risk", _risk),
        ("backtest", _backtest),
        ("simulation", _simulation),
        ("sharpe", _sharpe),
        ("risk measures", prove_risk.checks),
        ("hedges", _hedges),
        ("engines", _engines),
    ):
        checks += [tuple(row) for row in steps.do(name, work)]
    return "\n".join([_section(checks), "", prove_simulators.measure(steps), "", prove_strategies.measure(steps)])


def closes(symbol: str) -> np.ndarray:
    """Return the daily closes of the skfolio wheel, read without our code."""
    import pandas

    found = importlib.util.find_spec("skfolio")
    assert found is not None and found.submodule_search_locations is not None
    file = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "sp500_dataset.csv.gz"
    return pandas.read_csv(file, index_col=0)[symbol].to_numpy(dtype=float)


def _gap(ours: Any, theirs: Any) -> float:
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return float("inf")
    return float(np.nanmax(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-300)))


def _performance() -> list[Check]:
    import empyrical

    from benchmarks.performance import COMMON, by_empyrical
    from core.valuation.performance import performance

    close = closes("AAPL")
    returns = close[1:] / close[:-1] - 1
    ours = performance(returns).as_dict()
    theirs = by_empyrical(returns)
    peer = f"empyrical-reloaded {empyrical.__version__}"
    return [
        (f"{name.replace('_', ' ')}, AAPL 1990-2022", peer, _gap(ours[name], one), 1e-9)
        for name, one in zip(COMMON, theirs, strict=True)
    ]


def _indicators() -> list[Check]:
    import talib

    from benchmarks.indicators import CALLS, symbols
    from core.indicators.catalogue import compute

    data = symbols()[:10]
    out = []
    for name, call in CALLS.items():
        # A difference counts relative to the largest value: some indicators cross zero.
        gaps = [
            float(np.nanmax(np.abs(ours - theirs)) / np.nanmax(np.abs(theirs)))
            if np.array_equal(np.isnan(ours), np.isnan(theirs))
            else float("inf")
            for bars in data
            for ours, theirs in zip(compute(name, bars).values(), call(bars), strict=True)
        ]
        out.append((f"{name} (10 series)", f"TA-Lib {talib.__version__}", max(gaps), 1e-9))
    return out


def _risk() -> list[Check]:
    import scipy
    from scipy.stats import norm

    from core.risk.var import tail_risk

    returns = np.column_stack([close[1:] / close[:-1] - 1 for close in map(closes, ("AAPL", "JPM", "XOM"))])
    positions = np.array([50_000.0, 30_000.0, 20_000.0])
    profit = returns @ positions
    found = tail_risk(positions, returns, method="historical", confidence=0.95)
    gauss = tail_risk(positions, returns, method="gaussian", confidence=0.99)
    mean, deviation = profit.mean(), np.sqrt(positions @ np.cov(returns.T) @ positions)
    return [
        ("historical VaR 95 %, 3 stocks", "numpy percentile",
         _gap(found.value_at_risk, -np.percentile(profit, 5)), 1e-9),
        ("expected shortfall = sum of its components", "identity (Euler)",
         _gap(found.component_shortfall.sum(), found.expected_shortfall), 1e-9),
        ("Gaussian VaR 99 %", f"scipy {scipy.__version__} normal, closed form",
         _gap(gauss.value_at_risk, -(mean + deviation * norm.ppf(0.01))), 1e-9),
        ("Gaussian expected shortfall 99 %", "closed form",
         _gap(gauss.expected_shortfall, -(mean - deviation * norm.pdf(norm.ppf(0.01)) / 0.01)), 1e-9),
    ]  # fmt: skip


def _backtest() -> list[Check]:
    import pandas

    from core.domain.market_path import MarketPath
    from core.strategies.sma_crossover import SmaCrossover
    from core.valuation.backtest import run
    from core.valuation.terms import Costs

    close = closes("AAPL")
    times = np.busday_offset(np.datetime64("1990-01-02"), np.arange(len(close)), roll="forward")
    path = MarketPath(
        close=close[None, :, None],
        times=times,
        assets=("AAPL",),
        as_of=datetime(2022, 12, 29, tzinfo=UTC),
        source="skfolio",
    )
    ours = run(SmaCrossover(fast=50, slow=200), path, costs=Costs(fee_bps=0, slippage_bps=0))
    price = pandas.Series(close)
    held = (price.rolling(50).mean() > price.rolling(200).mean()).astype(float).shift(2).fillna(0)
    growth = (1 + held * price.pct_change().fillna(0)).cumprod().to_numpy()
    equity = np.asarray(ours.equity).reshape(-1)
    equity = equity / equity[0]
    return [("equity curve of a 50/200 crossover, AAPL 1990-2022, no costs", f"pandas {pandas.__version__}, vectorised",
             _gap(equity, growth[-len(equity):]), 1e-9)]  # fmt: skip


def _simulation() -> list[Check]:
    from scipy.stats import norm

    from core.simulators.stochastic.gbm import GbmParameters, simulate

    paths, spot, strike, rate, volatility = 1_000_000, 100.0, 105.0, 0.03, 0.25
    model = GbmParameters.given(("A",), drift=np.array([rate]), volatility=np.array([volatility]))
    end = simulate(
        model, np.array([spot]), sessions=252, paths=paths, seed=7, as_of=datetime(2022, 12, 30, tzinfo=UTC),
        threads=os_threads(), precision="float32",
    ).close[:, -1, 0].astype(float)  # fmt: skip
    payoff = np.exp(-rate) * np.maximum(end - strike, 0)
    d1 = (np.log(spot / strike) + rate + volatility**2 / 2) / volatility
    price = spot * norm.cdf(d1) - strike * np.exp(-rate) * norm.cdf(d1 - volatility)
    logs = np.log(end / spot)
    return [
        ("European call by 1,000,000 GBM paths", "Black-Scholes (1973), in standard errors",
         float(abs(payoff.mean() - price) / (payoff.std() / np.sqrt(paths))), 3.0),
        ("mean of the terminal price", "closed form, in standard errors",
         float(abs(end.mean() - spot * np.exp(rate)) / (end.std() / np.sqrt(paths))), 3.0),
        ("variance of the terminal log price", "closed form, in standard errors",
         float(abs(logs.var() - volatility**2) / (volatility**2 * np.sqrt(2 / paths))), 3.0),
    ]  # fmt: skip


def os_threads() -> int:
    import os

    return os.cpu_count() or 1


def _sharpe() -> list[Check]:
    from core.valuation.sharpe import deflated_sharpe_ratio, expected_maximum_sharpe

    paper = "Bailey and Lopez de Prado (2014), printed to 4 digits"
    deflated = deflated_sharpe_ratio(2.5 / np.sqrt(250), 1250, -3.0, 10.0, trials=100, sharpe_variance=0.5 / 250)
    return [
        ("deflated Sharpe ratio of the paper's example", paper, abs(deflated - 0.9004), 5e-5),
        (
            "expected maximum of 100 worthless trials",
            paper,
            abs(expected_maximum_sharpe(100, 0.5 / 250) - 0.1132),
            5e-5,
        ),
    ]


def _hedges() -> list[Check]:
    import statsmodels
    from scipy.linalg import svd
    from statsmodels.regression.linear_model import OLS
    from statsmodels.tsa.stattools import coint

    from core.strategies.hedge import hedge
    from core.valuation.cointegration import engle_granger, half_life
    from core.valuation.overfitting import probability_of_overfitting

    generator = np.random.default_rng(5)
    walk = np.cumsum(generator.normal(0, 0.01, 1_500))
    spread = np.zeros(1_500)
    for t in range(1, 1_500):
        spread[t] = 0.94 * spread[t - 1] + generator.normal(0, 0.004)
    logs = np.column_stack((4.0 + 0.8 * walk + spread, 3.0 + walk))
    last, window = logs[-250:], 250
    fit = OLS(last[:, 0], np.column_stack((np.ones(window), last[:, 1]))).fit()
    ratios, _ = hedge(logs, "ols", window)
    # The direction of least variance of the centred pair.
    least = svd(last - last.mean(axis=0))[2][-1]
    total, _ = hedge(logs, "tls", window)
    test = engle_granger(logs)
    theirs = coint(logs[:, 0], logs[:, 1], maxlag=1, autolag=None)
    levels, moves = spread[:-1], np.diff(spread)
    slope = OLS(moves, np.column_stack((np.ones(len(levels)), levels))).fit().params[1]
    returns = generator.normal(0.0, 0.01, (1_000, 12))
    peer = f"statsmodels {statsmodels.__version__}"
    return [
        ("hedge ratio of a pair, least squares", peer, _gap(-ratios[-1, 1], fit.params[1]), 1e-9),
        ("hedge ratio of a pair, total least squares", "singular value decomposition",
         _gap(total[-1, 1] / total[-1, 0], least[1] / least[0]), 1e-9),
        ("cointegration statistic", peer, _gap(test.statistic, theirs[0]), 1e-9),
        ("cointegration p-value", peer, _gap(test.p_value, theirs[1]), 1e-9),
        ("half-life of a spread", f"{peer}, its first-order regression",
         _gap(half_life(spread), -np.log(2) / np.log1p(slope)), 1e-9),
        ("probability of overfitting of 12 variants", "Bailey et al. (2015), by enumeration",
         abs(probability_of_overfitting(returns, blocks=10).probability - _overfitting(returns, 10)), 1e-9),
    ]  # fmt: skip


def _overfitting(returns: np.ndarray, blocks: int) -> float:
    """Return the probability of overfitting as the paper says it, one split after the other."""
    from itertools import combinations

    from scipy.stats import rankdata

    parts = np.array_split(np.arange(len(returns)), blocks)
    below, count = 0, 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[k] for k in chosen])
        outside = np.concatenate([parts[k] for k in range(blocks) if k not in chosen])
        sharpe = [returns[rows].mean(axis=0) / returns[rows].std(axis=0, ddof=1) for rows in (inside, outside)]
        rank = rankdata(sharpe[1])[int(np.argmax(sharpe[0]))] / (returns.shape[1] + 1)
        below += rank <= 0.5
        count += 1
    return below / count


def _engines() -> list[Check]:
    from benchmarks import monte_carlo

    out = []
    for case in (monte_carlo.gbm_case, monte_carlo.basket_case, monte_carlo.heston_case, monte_carlo.merton_case,
                 monte_carlo.garch_case):  # fmt: skip
        made = case()
        for precision in ("float32", "float64"):
            draw = made.engines[f"quantdesk, {precision}, 2 threads"]
            out.append(
                (
                    f"{made.title[2:]}, {precision}, {monte_carlo.SEEDS} seeds: {' and '.join(made.exact)}",
                    "analytic values, in standard errors",
                    monte_carlo.largest_score(made, draw),
                    3.0,
                )
            )
    return out


def _section(checks: list[Check]) -> str:
    kept = sum(gap <= bound for _, _, gap, bound in checks)
    rows = [
        (what, peer, f"{gap:.1e}", f"{bound:.0e}" if bound < 1 else f"{bound:g}", "yes" if gap <= bound else "**NO**")
        for what, peer, gap, bound in checks
    ]
    return "\n".join(
        [
            "## Quant: agreement with independent work, honesty, real data",
            "",
            f"{kept} of {len(checks)} figures within their bounds. Differences are relative unless it says otherwise. "
            "Speed is in docs/benchmarks.md.",
            "",
            table(("figure", "against", "difference", "bound", "within"), rows),
        ]
    )
