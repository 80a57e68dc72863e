"""Join the analysts' opinions into a verdict, and measure what such verdicts were worth in the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.advice.opinion import Opinion
from core.domain.kernel import Float64Array
from core.errors import InvalidInput

Direction = Literal["buy", "hold", "sell"]
Word = Literal["buy", "lean buy", "hold", "lean sell", "sell"]
THRESHOLD = 0.2
LEAST_OPINIONS = 2
LEAST_CASES = 10


def combined(opinions: Sequence[Opinion]) -> float | None:
    """Return the plain mean of the scores there are; None with fewer than two.

    Equal weights are the honest default: estimated ones do not beat them out of sample (Timmermann, 2006; DeMiguel,
    Garlappi and Uppal, 2009).
    """
    scores = [part.score for part in opinions if part.score is not None]
    return float(np.mean(scores)) if len(scores) >= LEAST_OPINIONS else None


def disagreement(opinions: Sequence[Opinion]) -> float | None:
    """Return the distance between the highest and the lowest score (0 to 2); None with fewer than two."""
    scores = [part.score for part in opinions if part.score is not None]
    return max(scores) - min(scores) if len(scores) >= LEAST_OPINIONS else None


def direction_of(score: float) -> Direction:
    """Return buy from a score of 0.2 on, sell from -0.2 down, hold between."""
    return "buy" if score >= THRESHOLD else "sell" if score <= -THRESHOLD else "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRecord:
    """Hold what decisions of one direction were followed by over a horizon, beside all decisions (the base rate).

    Decisions lie a horizon apart, so that no two share a return. `share` of gains has Wilson's (1927) interval at 95 %
    from `lower` to `upper`; `mean` return has a standard error. NaN where there are too few.
    """

    cases: int
    share: float
    lower: float
    upper: float
    mean: float
    standard_error: float
    base_cases: int
    base_share: float
    base_mean: float

    def shows_edge(self, direction: Direction) -> bool:
        """Say whether the share of gains differs from the base rate the way the direction says, beyond its interval."""
        if direction == "hold" or self.cases < LEAST_CASES:
            return False
        return self.lower > self.base_share if direction == "buy" else self.upper < self.base_share

    def contradicts(self, direction: Direction) -> bool:
        """Say whether the past shows the opposite of the direction, beyond its interval."""
        return self.shows_edge("sell" if direction == "buy" else "buy") if direction != "hold" else False


def past_record(scores: Float64Array, close: Float64Array, direction: Direction, *, horizon: int) -> PastRecord:
    """Measure what followed past scores (time,) of one direction in closes (time,), over `horizon` sessions.

    Decisions are those a whole number of horizons before the newest session; NaN scores decide nothing. Raises
    InvalidInput for a horizon below 1 session.
    """
    if horizon < 1:
        raise InvalidInput(f"horizon is {horizon}, expected at least 1 session.")
    at = np.arange(len(close) - 1 - horizon, -1, -horizon)
    at = at[np.isfinite(scores[at])] if len(at) else at
    returns = close[at + horizon] / close[at] - 1.0
    chosen = np.array([direction_of(float(score)) == direction for score in scores[at]], dtype=np.bool_)
    own = returns[chosen]
    share, lower, upper = gains_of(own)
    return PastRecord(
        cases=len(own),
        share=share,
        lower=lower,
        upper=upper,
        mean=float(own.mean()) if len(own) else float("nan"),
        standard_error=float(own.std(ddof=1) / np.sqrt(len(own))) if len(own) > 1 else float("nan"),
        base_cases=len(returns),
        base_share=gains_of(returns)[0],
        base_mean=float(returns.mean()) if len(returns) else float("nan"),
    )


def gains_of(returns: Float64Array) -> tuple[float, float, float]:
    """Return the share of returns above 0 with the 95 % interval of Wilson (1927); NaN without returns."""
    from scipy import stats

    if not len(returns):
        return float("nan"), float("nan"), float("nan")
    gains = int(np.count_nonzero(returns > 0.0))
    interval = stats.binomtest(gains, len(returns)).proportion_ci(0.95, method="wilson")
    return gains / len(returns), float(interval.low), float(interval.high)


def word_of(direction: Direction, record: PastRecord) -> Word:
    """Return the verdict in a word: plain only where the past shows an edge, hold where it shows the opposite."""
    if direction == "hold" or record.contradicts(direction):
        return "hold"
    if record.shows_edge(direction):
        return direction
    return "lean buy" if direction == "buy" else "lean sell"


def price_scores(votes: Sequence[Float64Array]) -> Float64Array:
    """Return what the analysts who look at prices alone would have scored together at each session (time,).

    `votes` are one array each, (time,) or (time, votes). NaN where any of them could not be measured.
    """
    means = [part if part.ndim == 1 else part.mean(axis=1) for part in votes]
    return np.asarray(np.mean(means, axis=0), dtype=np.float64)
