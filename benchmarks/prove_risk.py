"""Check the risk figures against independent libraries and published numbers; `prove_quant` prints them."""

from __future__ import annotations

import numpy as np

Check = tuple[str, str, float, float]


def checks() -> list[Check]:
    """Return what is compared, with what, the largest difference and its bound."""
    return [*_comparison(), *_bootstrap(), *_backtests(), *_portfolios(), *_models()]


def _gap(ours: object, theirs: object) -> float:
    one, other = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    return float(np.max(np.abs(one - other) / np.maximum(np.abs(other), 1e-300)))


def _comparison() -> list[Check]:
    import empyrical

    from benchmarks.performance import RELATIVE, all_by_empyrical
    from benchmarks.prove_quant import closes
    from core.valuation.relative import relative_performance

    ours, market = (close[1:] / close[:-1] - 1 for close in map(closes, ("AAPL", "JPM")))
    found = relative_performance(ours, market).as_dict()
    theirs = all_by_empyrical(ours, market)[-len(RELATIVE) :]
    peer = f"empyrical-reloaded {empyrical.__version__}"
    return [
        (f"{name.replace('_', ' ')}, AAPL against JPM 1990-2022", peer, _gap(found[name], one), 1e-9)
        for name, one in zip(RELATIVE, theirs, strict=True)
    ]


def _bootstrap() -> list[Check]:
    import arch
    from arch.bootstrap import optimal_block_length

    from benchmarks.prove_quant import closes
    from core.valuation.bootstrap import confidence_intervals, optimal_block

    close = closes("AAPL")
    returns = close[1:] / close[:-1] - 1
    theirs = max(1.0, float(optimal_block_length(returns).stationary.iloc[0]))
    covered = 0
    for seed in range(300):
        sample = np.random.default_rng(seed).normal(0.0005, 0.01, 750)
        part = confidence_intervals(sample, seed=seed, resamples=400, block_sessions=1.0).by_statistic["sharpe"]
        covered += part.low <= 0.05 * np.sqrt(252) <= part.high
    return [
        ("block length of the stationary bootstrap, AAPL", f"arch {arch.__version__}",
         _gap(optimal_block(returns), theirs), 1e-9),
        (f"95 % interval of the Sharpe ratio covers the truth in {covered} of 300", "nominal, in standard errors",
         abs(covered - 285) / np.sqrt(300 * 0.95 * 0.05), 3.0),
    ]  # fmt: skip


def _backtests() -> list[Check]:
    import scipy
    import scipy.stats

    from core.risk.var_backtest import basel_light, christoffersen, kupiec

    regions = {
        (0.01, 255): (0, 6), (0.01, 510): (2, 10), (0.01, 1000): (5, 16), (0.025, 255): (3, 11), (0.025, 510): (7, 20),
        (0.025, 1000): (16, 35), (0.05, 255): (7, 20), (0.05, 510): (17, 35), (0.05, 1000): (38, 64),
        (0.10, 255): (17, 35), (0.10, 510): (39, 64), (0.10, 1000): (82, 119),
    }  # fmt: skip
    wrong = 0
    for (chance, sessions), (least, most) in regions.items():
        kept = [count for count in range(sessions) if kupiec(count, sessions, chance)[1] >= 0.05]
        # The table lets no breach in 255 sessions at 1 % pass, whose ratio is 5.13.
        wrong += kept[-1] != most or (kept[0] != least and (chance, sessions) != (0.01, 255))
    hits = np.random.default_rng(3).random(500) < 0.08
    before, now = hits[:-1], hits[1:]
    counts = np.array([[(~before & ~now).sum(), (~before & now).sum()], [(before & ~now).sum(), (before & now).sum()]])
    table = scipy.stats.chi2_contingency(counts, correction=False, lambda_="log-likelihood")
    lights = [basel_light(count, 250, 0.01) for count in range(12)]
    return [
        ("12 non-rejection regions of the test of Kupiec, wrong ones", "Kupiec (1995), table 3", float(wrong), 0.0),
        ("independence test of Christoffersen", f"G test of scipy {scipy.__version__}",
         _gap(christoffersen(hits), (table.statistic, table.pvalue)), 1e-9),
        ("Basel lights of 250 sessions at 99 %, wrong ones", "Basel Committee (1996), table 2",
         float(lights != ["green"] * 5 + ["yellow"] * 5 + ["red"] * 2), 0.0),
    ]  # fmt: skip


def _portfolios() -> list[Check]:
    from scipy.optimize import linprog

    from core.risk.allocation import equal_risk_contribution, minimum_cvar, minimum_variance, risk_contributions
    from core.risk.black_litterman import black_litterman
    from core.risk.rolling import rolling_covariance

    generator = np.random.default_rng(1)
    returns = generator.normal(0, 0.01, (750, 3)) @ generator.normal(1, 0.5, (3, 40)) + generator.normal(
        0, 0.01, (750, 40)
    )
    matrix = np.cov(returns.T)
    weights = minimum_variance(matrix)
    gradient = matrix @ weights
    held = weights > 1e-12
    level = weights @ gradient
    conditions = (
        max(np.abs(gradient[held] - level).max(), np.maximum(level - gradient[~held], 0).max(initial=0)) / level
    )
    even = equal_risk_contribution(matrix)
    deviation = np.array([0.30, 0.20, 0.15])
    correlation = np.array([[1.0, 0.8, 0.5], [0.8, 1.0, 0.3], [0.5, 0.3, 1.0]])
    budgets = equal_risk_contribution(correlation * np.outer(deviation, deviation), budgets=np.array([0.5, 0.2, 0.3]))
    found = minimum_cvar(returns)
    count, sessions = 40, 750
    whole = linprog(
        np.concatenate((np.zeros(count), [1.0], np.full(sessions, 1 / (0.05 * sessions)))),
        A_ub=np.hstack((-returns, -np.ones((sessions, 1)), -np.eye(sessions))), b_ub=np.zeros(sessions),
        A_eq=np.concatenate((np.ones(count), np.zeros(sessions + 1)))[None, :], b_eq=[1.0],
        bounds=[(0, 1)] * count + [(None, None)] + [(0, None)] * sessions, method="highs",
    )  # fmt: skip
    losses = -(returns @ found)
    least = min(t + np.maximum(losses - t, 0).mean() / 0.05 for t in losses)
    vol = np.array([16.0, 20.3, 24.8, 27.1, 21.0, 20.0, 18.7]) / 100
    market = np.array([1.6, 2.2, 5.2, 5.5, 11.6, 12.4, 61.5]) / 100
    upper = np.eye(7)
    upper[np.triu_indices(7, 1)] = [
        0.488, 0.478, 0.515, 0.439, 0.512, 0.491, 0.664, 0.655, 0.310, 0.608, 0.779, 0.861, 0.355, 0.783, 0.668, 0.354,
        0.777, 0.653, 0.405, 0.306, 0.652,
    ]  # fmt: skip
    covariance = (upper + np.triu(upper, 1).T) * np.outer(vol, vol)
    view = np.array([[0, 0, -5.2 / 17.6, 1, 0, -12.4 / 17.6, 0]])
    posterior = black_litterman(covariance, market, views=view, view_returns=np.array([0.05])).expected_returns
    rolled = rolling_covariance(returns, 252)
    shares = risk_contributions(even, matrix)
    return [
        ("minimum variance, 40 assets", "conditions of Karush, Kuhn and Tucker", float(conditions), 1e-9),
        ("equal risk contributions, 40 assets", "identity", _gap(shares, np.full(40, 0.025)), 1e-9),
        ("risk budgets 50/20/30 %", "Roncalli (2013), printed to 0.01 %",
         float(np.abs(budgets - [0.3115, 0.2190, 0.4696]).max()), 6e-5),
        ("minimum CVaR, 40 assets x 750 sessions", "whole linear programme, HiGHS", _gap(least, whole.fun), 1e-9),
        ("Black-Litterman, 7 countries, one view", "He and Litterman (1999), printed to 0.1 %",
         float(np.abs(posterior - np.array([4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1]) / 100).max()), 5.1e-4),
        ("rolling covariance, last of 499 windows", "numpy",
         float(np.abs(rolled[-1] - np.cov(returns[-252:].T)).max() / np.abs(rolled[-1]).max()), 1e-9),
    ]  # fmt: skip


def _models() -> list[Check]:
    import sklearn
    from sklearn.linear_model import Ridge

    from core.learning.models import fit

    generator = np.random.default_rng(1)
    x = generator.normal(2.0, 3.0, (400, 6))
    y = x @ generator.normal(0, 1, 6) + generator.normal(0, 1, 400)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    theirs = Ridge(alpha=40.0, solver="cholesky").fit(scaled, y).predict(scaled)
    ours = fit("ridge", x, y, penalty=0.1).predict(x)
    return [("predictions of ridge regression", f"scikit-learn {sklearn.__version__}", _gap(ours, theirs), 1e-9)]
