"""Estimate what a trade is worth: expected value, probability of profit, payoff."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array, IntArray
from core.errors import InvalidInput, NoData


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedValue:
    """Hold what one trade is expected to bring, in the unit of its outcomes (money or ratio).

    `lower` and `upper` bound the mean with the given confidence (Student's t); `probability_lower` and
    `probability_upper` bound the probability of profit (Wilson, 1927). `payoff_ratio` is average win over
    average loss, `profit_factor` all wins over all losses; NaN without losses.
    """

    trades: int
    mean: float
    standard_error: float
    lower: float
    upper: float
    confidence: float
    median: float
    probability_of_profit: float
    probability_lower: float
    probability_upper: float
    average_win: float
    average_loss: float
    payoff_ratio: float
    profit_factor: float


def expected_value(outcomes: Float64Array, *, confidence: float = 0.95) -> ExpectedValue:
    """Estimate the expected value of a trade from closed trades' outcomes (trades,), net of costs.

    Treats trades as independent. NaN outcomes are left out. Raises NoData below 2 trades.
    """
    from scipy import stats

    if not 0.0 < confidence < 1.0:
        raise InvalidInput(f"confidence is {confidence}, expected between 0 and 1, such as 0.95.")
    values = np.asarray(outcomes, dtype=np.float64)
    values = values[np.isfinite(values)]
    count = len(values)
    if count < 2:
        raise NoData(f"An expected value needs at least 2 closed trades, found {count}.", hint="Use a longer period.")
    wins, losses = values[values > 0.0], values[values < 0.0]
    mean = float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(count))
    reach = float(stats.t.ppf(0.5 + confidence / 2.0, count - 1)) * error
    interval = stats.binomtest(len(wins), count).proportion_ci(confidence, method="wilson")
    average_win = float(wins.mean()) if len(wins) else 0.0
    average_loss = float(losses.mean()) if len(losses) else 0.0
    return ExpectedValue(
        trades=count,
        mean=mean,
        standard_error=error,
        lower=mean - reach,
        upper=mean + reach,
        confidence=confidence,
        median=float(np.median(values)),
        probability_of_profit=len(wins) / count,
        probability_lower=float(interval.low),
        probability_upper=float(interval.high),
        average_win=average_win,
        average_loss=average_loss,
        payoff_ratio=average_win / -average_loss if average_loss else float("nan"),
        profit_factor=float(wins.sum() / -losses.sum()) if average_loss else float("nan"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Hold a Monte Carlo estimate with its standard error."""

    value: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedValue:
    """Hold what a strategy is worth under a simulator, over the horizon, as returns on the starting capital.

    `outcomes` (paths,) are sorted. `per_risk` is the mean over the expected shortfall at 95 % (NaN where that is no
    loss). `trades_per_path`, `trade_mean` (return on the money committed) and `holding` (sessions of closed trades at
    the quantiles 5, 25, 50, 75 and 95 %) describe the trades; NaN without any.
    """

    paths: int
    mean: Estimate
    deviation: float
    probability_of_profit: Estimate
    expected_shortfall: Estimate
    per_risk: float
    trades_per_path: Estimate
    trade_mean: Estimate
    holding: tuple[float, ...]
    outcomes: Float64Array


def simulated_value(
    outcomes: Float64Array, trade_path: IntArray, trade_return: Float64Array, holding: Float64Array
) -> SimulatedValue:
    """Summarise the outcome of each path and the closed trades on all of them.

    Paths are independent, trades on one path are not: errors of trades are those of path means, weighted by trades.
    Raises NoData below 2 paths.
    """
    values = np.sort(np.asarray(outcomes, dtype=np.float64))
    count = len(values)
    if count < 2:
        raise NoData(f"A simulated value needs at least 2 paths, found {count}.")
    profit = float(np.mean(values > 0.0))
    tail = values[: max(int(0.05 * count), 1)]
    shortfall = -float(tail.mean())
    # Standard error of a tail mean by the influence function (Manistre and Hancock, 2005).
    edge = float(tail[-1])
    tail_error = float(np.sqrt((tail.var() + 0.95 * (tail.mean() - edge) ** 2) / len(tail)))
    per_path = np.bincount(trade_path, minlength=count).astype(np.float64)
    trades = _mean(per_path)
    if len(trade_return):
        sums = np.bincount(trade_path, weights=trade_return, minlength=count)
        mean = float(trade_return.mean())
        # Ratio estimate over paths (Cochran, 1977).
        error = float(np.sqrt(np.sum((sums - mean * per_path) ** 2) / (count - 1) / count) / per_path.mean())
        trade_mean = Estimate(value=mean, standard_error=error)
        spread = tuple(float(value) for value in np.quantile(holding, (0.05, 0.25, 0.5, 0.75, 0.95)))
    else:
        trade_mean = Estimate(value=float("nan"), standard_error=float("nan"))
        spread = (float("nan"),) * 5
    return SimulatedValue(
        paths=count,
        mean=_mean(values),
        deviation=float(values.std(ddof=1)),
        probability_of_profit=Estimate(value=profit, standard_error=float(np.sqrt(profit * (1.0 - profit) / count))),
        expected_shortfall=Estimate(value=shortfall, standard_error=tail_error),
        per_risk=float(values.mean()) / shortfall if shortfall > 0.0 else float("nan"),
        trades_per_path=trades,
        trade_mean=trade_mean,
        holding=spread,
        outcomes=values,
    )


def _mean(values: Float64Array) -> Estimate:
    return Estimate(value=float(values.mean()), standard_error=float(values.std(ddof=1) / np.sqrt(len(values))))
