"""Find drawdowns of an equity curve, and cut risk step by step while one lasts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """Hold one drawdown: depth (ratio, negative) and session indices; `recovery` is None while it lasts."""

    depth: float
    peak: int
    trough: int
    recovery: int | None
    sessions: int


def drawdown_series(equity: Float64Array) -> Float64Array:
    """Return the loss from the running maximum at each session, a ratio of 0 or below; NaN stays NaN."""
    values = _checked(equity)
    top = np.fmax.accumulate(values)
    return values / top - 1.0


def drawdowns(equity: Float64Array, *, largest: int = 5) -> tuple[Drawdown, ...]:
    """List the `largest` drawdowns of an equity curve (time,), deepest first; NaN sessions are skipped.

    Raises InvalidInput for values that are not above 0.
    """
    values = _checked(equity)
    index = np.flatnonzero(np.isfinite(values))
    kept = values[index]
    found: list[Drawdown] = []
    peak = 0
    trough = 0
    for t in range(1, len(kept) + 1):
        ended = t == len(kept)
        if ended or kept[t] >= kept[peak]:
            if trough > peak:
                found.append(
                    Drawdown(
                        depth=float(kept[trough] / kept[peak] - 1.0),
                        peak=int(index[peak]),
                        trough=int(index[trough]),
                        recovery=None if ended else int(index[t]),
                        sessions=(len(kept) - 1 if ended else t) - peak,
                    )
                )
            peak = trough = t
        elif kept[t] < kept[trough]:
            trough = t
    return tuple(sorted(found, key=lambda part: part.depth)[:largest])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Hold rules for a drawdown: at each `steps` (depth, exposure allowed) less risk, at `halt_at` none.

    Depths are positive ratios, rising; exposures fall. After a halt nothing is held until the loss from the highest
    equity is at most `resume_at` again, which a halted book reaches only with new money or a person's decision.
    """

    steps: tuple[tuple[float, float], ...] = ((0.10, 0.5), (0.15, 0.25))
    halt_at: float = 0.20
    resume_at: float = 0.10

    def __post_init__(self) -> None:
        depths = [depth for depth, _ in self.steps] + [self.halt_at]
        allowed = [1.0] + [share for _, share in self.steps] + [0.0]
        rising = all(a < b for a, b in pairwise([0.0, *depths]))
        falling = all(a > b for a, b in pairwise(allowed))
        if not (rising and falling and self.halt_at < 1.0 and 0.0 <= self.resume_at < self.halt_at):
            raise InvalidInput(
                f"The ladder {self.steps}, halt at {self.halt_at}, resume at {self.resume_at} does not descend.",
                hint="Depths rise from above 0 to below 1, exposures fall from below 1 to above 0.",
            )


def ladder_exposure(equity: Float64Array, ladder: Ladder) -> Float64Array:
    """Return the share of normal risk allowed after each session of an equity curve (time,): 1, less, or 0 once halted.

    NaN equity keeps the last answer.
    """
    depth = -drawdown_series(equity)
    out = np.empty(len(depth))
    halted = False
    share = 1.0
    for t, loss in enumerate(depth):
        if np.isfinite(loss):
            # A loss that reaches a step but for rounding has reached it.
            halted = (halted and loss > ladder.resume_at) or loss >= ladder.halt_at - 1e-12
            share = 1.0
            for step, allowed in ladder.steps:
                if loss >= step - 1e-12:
                    share = allowed
        out[t] = 0.0 if halted else share
    return out


def _checked(equity: Float64Array) -> Float64Array:
    values = np.asarray(equity, dtype=np.float64)
    if values.ndim != 1 or np.any(values <= 0.0):
        raise InvalidInput(f"equity has shape {values.shape}, expected (time,) of values above 0.")
    return values
