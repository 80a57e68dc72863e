"""Judge a backtest against luck: the gate that every result passes or fails, with its number of trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput
from core.valuation.overfitting import probability_of_overfitting
from core.valuation.sharpe import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe_ratio,
)

# The gate. docs/honesty.md says why these values, and `make prove-quant` measures how often luck and an edge pass.
LEAST_DEFLATED = 0.90
MOST_OVERFITTING = 0.5
BLOCKS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Hold one condition of the gate: what is asked, the figure found, whether it is met (None: could not be asked)."""

    name: str
    found: float
    met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Honesty:
    """Hold how far a Sharpe ratio can be told from luck.

    Sharpe ratios are annual. `trials` counts declared variants and those of the run ledger. `probabilistic_sharpe` is
    the probability that the true ratio is above 0, `deflated_sharpe` that it is above `luck`, the best expected of so
    many worthless trials. `least_sessions` is the minimum track record against 0 at 95 %.
    """

    trials: int
    sessions: int
    sharpe: float
    probabilistic_sharpe: float
    luck: float
    deflated_sharpe: float
    least_sessions: float
    overfitting_probability: float
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Say whether every condition that could be asked is met."""
        return all(check.met is not False for check in self.checks)


def judge(
    returns: Float64Array,
    *,
    chosen: int = 0,
    trials: int | None = None,
    sessions_per_year: int = 252,
    purge_sessions: int = 0,
    dearer_sharpe: float = float("nan"),
    later_sharpe: float = float("nan"),
) -> Honesty:
    """Judge column `chosen` of the session returns (time, variants) of everything that was tried.

    `trials` is at least the number of columns: more were tried than are known in detail. The worthless trials have the
    variance of independent ones, 1 / sessions: the spread of the variants themselves would count an edge among
    them as luck. `dearer_sharpe` and `later_sharpe` are Sharpe ratios at twice the costs and with a session more to
    the fill, NaN where not measured. Raises InvalidInput for shapes, NoData below 2 sessions.
    """
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2 or not 0 <= chosen < table.shape[1] or not np.isfinite(table).all():
        raise InvalidInput(f"returns has shape {table.shape}, expected (time, variants) without NaN, with {chosen}.")
    sessions, variants = table.shape
    tried = max(variants, trials or 1)
    own = table[:, chosen]
    sharpe, skew, kurtosis = _moments(own)
    year = float(np.sqrt(sessions_per_year))
    probabilistic = probabilistic_sharpe_ratio(sharpe, sessions, skew, kurtosis)
    deflated = deflated_sharpe_ratio(sharpe, sessions, skew, kurtosis, trials=tried)
    overfitting = _overfitting(table, purge_sessions)
    least = minimum_track_record(sharpe, skew, kurtosis)
    checks = (
        _at_least("deflated Sharpe ratio at least 90 %", deflated, LEAST_DEFLATED),
        Check(name="track record as long as needed", found=least, met=bool(sessions >= least)),
        Check(
            name="probability of overfitting below 50 %",
            found=overfitting,
            met=None if np.isnan(overfitting) else overfitting < MOST_OVERFITTING,
        ),
        _above("Sharpe ratio above 0 at twice the costs", dearer_sharpe),
        _above("Sharpe ratio above 0 with a session more to the fill", later_sharpe),
    )
    return Honesty(
        trials=tried,
        sessions=sessions,
        sharpe=sharpe * year,
        probabilistic_sharpe=probabilistic,
        luck=expected_maximum_sharpe(tried, 1.0 / sessions) * year,
        deflated_sharpe=deflated,
        least_sessions=least,
        overfitting_probability=overfitting,
        checks=checks,
    )


def _moments(returns: Float64Array) -> tuple[float, float, float]:
    deviation = float(returns.std())
    if len(returns) < 2 or deviation <= 1e-12:
        return 0.0, 0.0, 3.0
    scaled = (returns - returns.mean()) / deviation
    sharpe = float(returns.mean() / returns.std(ddof=1))
    return sharpe, float((scaled**3).mean()), float((scaled**4).mean())


def _overfitting(table: Float64Array, purge: int) -> float:
    per_block = table.shape[0] // BLOCKS
    if table.shape[1] < 2 or per_block < 4:
        return float("nan")
    most = (per_block - 2) // 2
    return probability_of_overfitting(table, blocks=BLOCKS, purge_sessions=min(purge, most)).probability


def _at_least(name: str, found: float, bound: float) -> Check:
    return Check(name=name, found=found, met=bool(found >= bound))


def _above(name: str, found: float) -> Check:
    return Check(name=name, found=found, met=None if np.isnan(found) else found > 0.0)
