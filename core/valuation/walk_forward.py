"""Choose parameters on the past and judge them on what came after, fold by fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.domain.kernel import Float64Array
from core.domain.market_path import MarketPath
from core.errors import InvalidInput, NoData
from core.ports.strategy import PriceHistory, Strategy, Weights
from core.valuation.backtest import BacktestResult, run
from core.valuation.sweep import sharpe_ratios


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Hold half-open session ranges: choose parameters on [train_start, train_end), judge on [test_start, test_end)."""

    train_start: int
    train_end: int
    test_start: int
    test_end: int


def walk_forward_folds(
    sessions: int, *, train: int, test: int, embargo: int = 0, anchored: bool = False
) -> tuple[Fold, ...]:
    """Lay consecutive test ranges over `sessions`, each after its training range and `embargo` sessions.

    Anchored folds train from session 0, others on the last `train` sessions. The last test range may be
    shorter. Raises InvalidInput for lengths below 1 and NoData when not one fold fits.
    """
    if train < 1 or test < 1 or embargo < 0:
        raise InvalidInput(f"train {train}, test {test}, embargo {embargo}: expected >= 1, >= 1 and >= 0 sessions.")
    folds = []
    start = train + embargo
    while start < sessions:
        end = start - embargo
        folds.append(
            Fold(
                train_start=0 if anchored else end - train,
                train_end=end,
                test_start=start,
                test_end=min(start + test, sessions),
            )
        )
        start += test
    if not folds:
        raise NoData(f"{sessions} sessions hold no fold of {train} training sessions and an embargo of {embargo}.")
    return tuple(folds)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """Hold a walk-forward optimisation.

    `chosen` (folds,) indexes the candidates; `train_sharpe` and `test_sharpe` (folds,) are the chosen one's annual
    Sharpe ratios where it was chosen and where it was judged. `result` is the one backtest that changes candidates
    at each fold, with the costs of changing; `first` is the session its judgement begins with.
    """

    folds: tuple[Fold, ...]
    chosen: tuple[int, ...]
    train_sharpe: Float64Array
    test_sharpe: Float64Array
    result: BacktestResult
    first: int

    @property
    def efficiency(self) -> float:
        """Return mean test over mean train Sharpe ratio (Pardo, 2008); NaN where the latter is not above 0."""
        trained = float(np.mean(self.train_sharpe))
        return float(np.mean(self.test_sharpe)) / trained if trained > 0.0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stitched:
    """Follow the candidate chosen for each fold."""

    name: str
    legs: int | None
    trades_as_one: bool
    table: Any
    warmup_sessions: int = 0

    def weights(self, prices: PriceHistory) -> Weights:
        """Return the stitched decisions."""
        return np.array(self.table, dtype=np.float64)


def walk_forward(
    candidates: Sequence[Strategy],
    path: MarketPath,
    *,
    train: int,
    test: int,
    embargo: int = 0,
    anchored: bool = False,
    first: int = 0,
    **terms: Any,
) -> WalkForward:
    """Choose, before each fold, the candidate with the best Sharpe ratio of its training sessions, and follow it.

    Runs on the first path; folds are laid from session `first` (what comes before warms up). The choice for a fold uses
    returns up to its `train_end`; a new candidate's standing position is taken over at the fold's first
    decision. `terms` are those of `run`. Raises as walk_forward_folds and run.
    """
    if not candidates:
        raise InvalidInput("A walk-forward needs at least one candidate.")
    laid = walk_forward_folds(len(path.times) - first, train=train, test=test, embargo=embargo, anchored=anchored)
    folds = tuple(
        Fold(
            train_start=fold.train_start + first,
            train_end=fold.train_end + first,
            test_start=fold.test_start + first,
            test_end=fold.test_end + first,
        )
        for fold in laid
    )
    table = np.stack([run(part, path, record="equity", **terms).returns[0] for part in candidates], axis=1)
    history = PriceHistory.of(path)
    decisions: dict[int, Weights] = {}
    stitched = np.full(path.close.shape[1:], np.nan)
    chosen, trained, tested = [], [], []
    lag = int(terms.get("execution_lag", 1))
    for fold in folds:
        scores = sharpe_ratios(table[fold.train_start : fold.train_end], path.sessions_per_year)
        best = int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))
        if best not in decisions:
            decisions[best] = candidates[best].weights(history)
        # A decision fills `lag` sessions later: the first of the fold is made so much before it.
        begin, end = max(fold.test_start - lag, 0), fold.test_end - lag
        stitched[begin:end] = decisions[best][begin:end]
        stitched[begin] = _standing(decisions[best], begin)
        chosen.append(best)
        trained.append(scores[best])
        tested.append(sharpe_ratios(table[fold.test_start : fold.test_end, [best]], path.sessions_per_year)[0])
    one = candidates[0]
    follow = _Stitched(name=one.name, legs=one.legs, trades_as_one=one.trades_as_one, table=stitched)
    return WalkForward(
        folds=folds,
        chosen=tuple(chosen),
        train_sharpe=np.nan_to_num(np.array(trained)),
        test_sharpe=np.nan_to_num(np.array(tested)),
        result=run(follow, path, **terms),  # type: ignore[arg-type]  # says of itself what classes say
        first=folds[0].test_start,
    )


def _standing(weights: Weights, session: int) -> Weights:
    """Return the last decision per asset up to a session, 0 where there was none."""
    out = np.zeros(weights.shape[1])
    for asset in range(weights.shape[1]):
        made = np.flatnonzero(np.isfinite(weights[: session + 1, asset]))
        out[asset] = weights[made[-1], asset] if len(made) else 0.0
    return out
