"""Measure 1,000 return series against a benchmark: ours, empyrical-reloaded and quantstats, equal statistics first."""

from __future__ import annotations

import tempfile
from pathlib import Path

import empyrical
import numpy as np
import scipy.stats

from benchmarks.peer_env import ask_peer, start_peer
from benchmarks.table import Engine, bar, compare, header, largest_difference
from core.valuation.performance import performance_table
from core.valuation.relative import relative_table

SERIES, SESSIONS, PEERS, QUANTSTATS = 1_000, 2_520, 50, 10
COMMON = (
    "total_return", "cagr", "volatility", "sharpe", "sortino", "downside_risk", "max_drawdown", "calmar", "omega",
    "var_95", "es_95", "tail_ratio", "stability", "skew", "kurtosis",
)  # fmt: skip
RELATIVE = ("alpha", "beta", "information_ratio", "up_capture", "down_capture", "batting_average")
ALL = (*COMMON, "mean_return", *RELATIVE)


def by_empyrical(returns: np.ndarray) -> list[float]:
    return [
        empyrical.cum_returns_final(returns), empyrical.cagr(returns), empyrical.annual_volatility(returns),
        empyrical.sharpe_ratio(returns), empyrical.sortino_ratio(returns), empyrical.downside_risk(returns),
        empyrical.max_drawdown(returns), empyrical.calmar_ratio(returns), empyrical.omega_ratio(returns),
        empyrical.value_at_risk(returns), empyrical.conditional_value_at_risk(returns), empyrical.tail_ratio(returns),
        empyrical.stability_of_timeseries(returns), scipy.stats.skew(returns), scipy.stats.kurtosis(returns),
    ]  # fmt: skip


def all_by_empyrical(returns: np.ndarray, market: np.ndarray) -> list[float]:
    alpha, beta = empyrical.alpha_beta(returns, market)
    return [
        *by_empyrical(returns), empyrical.stats.nanmean(returns) * 252, alpha, beta,
        empyrical.excess_sharpe(returns, market) * np.sqrt(252), empyrical.up_capture(returns, market),
        empyrical.down_capture(returns, market), float(np.mean(returns > market)),
    ]  # fmt: skip


def measure(returns: np.ndarray, market: np.ndarray, threads: int = 1) -> dict[str, np.ndarray]:
    return performance_table(returns, threads=threads) | relative_table(returns, market, threads=threads)


def made_returns() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    market = generator.standard_t(4, SESSIONS) * 0.007 + 0.0003
    return generator.standard_t(4, (SERIES, SESSIONS)) * 0.006 + 0.5 * market + 0.0001, market


def main() -> None:
    returns, market = made_returns()
    ours = measure(returns, market)
    theirs = np.array([all_by_empyrical(row, market) for row in returns[:PEERS]]).T
    gap = max(largest_difference(ours[name][:PEERS], row) for name, row in zip(ALL, theirs, strict=True))
    times_of = compare(
        f"Performance statistics, {SERIES:,} series x {SESSIONS:,} sessions (ours: {len(ours)} statistics, peers: 22)",
        [
            Engine(name="quantdesk, 1 thread", work=lambda: measure(returns, market)),
            Engine(name="quantdesk, 2 threads", work=lambda: measure(returns, market, threads=2)),
            Engine(
                name=f"empyrical-reloaded {empyrical.__version__} ({PEERS} series, pro rata)",
                work=lambda: [all_by_empyrical(row, market) for row in returns[:PEERS]],
                share=PEERS / SERIES,
            ),
        ],
        repeats=3,
        agreement=f"largest difference over the {len(ALL)} statistics of empyrical {gap:.1e}",
    )
    best = min(times_of["quantdesk, 1 thread"], times_of["quantdesk, 2 threads"])
    peer = next(times_of[name] for name in times_of if name.startswith("empyrical"))
    bar("performance statistics: x empyrical", peer / best, at_least=40)
    _quantstats(returns, market, ours, best)


def _quantstats(returns: np.ndarray, market: np.ndarray, ours: dict[str, np.ndarray], best: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("returns.npy", "market.npy")]
        np.save(files[0], returns[:QUANTSTATS])
        np.save(files[1], market)
        peer = start_peer("performance.py", *map(str, files))
        answers = [ask_peer(peer) for _ in range(3)]
        assert peer.stdin is not None
        peer.stdin.close()
        peer.wait()
    equal, other = [], []
    for name, values in answers[0]["result"].items():
        same = np.allclose(ours[name][:QUANTSTATS], values, rtol=1e-6, atol=1e-12)
        (equal if same else other).append(name)
    seconds = min(answer["seconds"] for answer in answers[1:]) * SERIES / QUANTSTATS
    version = answers[0]["version"]
    print(f"  {f'quantstats {version} ({QUANTSTATS} series, pro rata)':44s} {seconds:10.4f} {seconds / best:8.1f}")
    bar("performance statistics: x quantstats", seconds / best, at_least=250)
    whole = len(equal) + len(other)
    print(f"  quantstats: {len(equal)} of {whole} statistics equal; defined otherwise: {', '.join(other)}")


if __name__ == "__main__":
    header()
    main()
