from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
import quantstats
from quantstats import stats

warnings.simplefilter("ignore")


def measure(returns: pd.Series, market: pd.Series) -> dict[str, float]:
    greeks = stats.greeks(returns, market, prepare_returns=False)
    return {
        "total_return": stats.comp(returns),
        "cagr": stats.cagr(returns),
        "volatility": stats.volatility(returns, prepare_returns=False),
        "sharpe": stats.sharpe(returns),
        "sortino": stats.sortino(returns),
        "max_drawdown": stats.max_drawdown(returns),
        "calmar": stats.calmar(returns, prepare_returns=False),
        "omega": stats.omega(returns),
        "tail_ratio": stats.tail_ratio(returns, prepare_returns=False),
        "best": stats.best(returns, prepare_returns=False),
        "worst": stats.worst(returns, prepare_returns=False),
        "hit_rate": stats.win_rate(returns, prepare_returns=False),
        "average_gain": stats.avg_win(returns, prepare_returns=False),
        "average_loss": stats.avg_loss(returns, prepare_returns=False),
        "profit_factor": stats.profit_factor(returns, prepare_returns=False),
        "payoff_ratio": stats.payoff_ratio(returns, prepare_returns=False),
        "longest_gain_sessions": stats.consecutive_wins(returns, prepare_returns=False),
        "longest_loss_sessions": stats.consecutive_losses(returns, prepare_returns=False),
        "skew": stats.skew(returns, prepare_returns=False),
        "kurtosis": stats.kurtosis(returns, prepare_returns=False),
        "alpha": greeks["alpha"],
        "beta": greeks["beta"],
    }


RETURNS, MARKET = (np.load(path) for path in sys.argv[1:3])
INDEX = pd.bdate_range("2012-01-02", periods=RETURNS.shape[1])
SERIES = [pd.Series(row, index=INDEX) for row in RETURNS]
BENCHMARK = pd.Series(MARKET, index=INDEX)
for _ in sys.stdin:
    started = time.perf_counter()
    rows = [measure(series, BENCHMARK) for series in SERIES]
    seconds = time.perf_counter() - started
    found = {name: [float(row[name]) for row in rows] for name in rows[0]}
    print(json.dumps({"seconds": seconds, "result": found, "version": quantstats.__version__}), flush=True)
