"""Follow the out-of-sample predictions of a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.errors import InvalidInput
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import on_change


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrediction:
    """Hold equal shares of the assets whose predicted move is above a threshold, for as long as it is.

    The predictions are data: `days` are the sessions they were made at (days since 1970) and `scores` the predictions,
    one for each asset on each of those days in the order of the assets. They must come from models trained before
    the day, as those of the tool train_model do; without predictions nothing is held.
    """

    name: ClassVar[str] = "model_prediction"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    days: tuple[float, ...] = parameter((), "sessions of the predictions, in days since 1970-01-01")
    scores: tuple[float, ...] = parameter((), "predictions, day by day, one per asset")
    threshold: float = parameter(0.0, "least predicted move to hold an asset")
    allow_short: bool = parameter(False, "go short, instead of to cash, below minus the threshold")

    def __post_init__(self) -> None:
        check_parameters(self)
        if len(self.days) and len(self.scores) % len(self.days):
            raise InvalidInput(f"Strategy {self.name}: {len(self.scores)} scores for {len(self.days)} days.")

    @property
    def warmup_sessions(self) -> int:
        """Return 0: before the first prediction nothing is decided."""
        return 0

    def weights(self, prices: PriceHistory) -> Weights:
        """Give each asset an equal share while its newest prediction asks for it."""
        count, assets = prices.close.shape
        target = np.full((count, assets), np.nan)
        if not len(self.days):
            return target
        scores = np.array(self.scores, dtype=np.float64).reshape(len(self.days), -1)
        if scores.shape[1] != assets:
            raise InvalidInput(f"Strategy {self.name}: predictions of {scores.shape[1]} assets for {assets}.")
        made = np.array(self.days, dtype=np.float64).astype(np.int64)
        today = prices.times.astype("datetime64[D]").astype(np.int64)
        place = np.clip(np.searchsorted(made, today), 0, len(made) - 1)
        known = made[place] == today
        found = scores[place[known]]
        side = np.where(found > self.threshold, 1.0, 0.0)
        if self.allow_short:
            side -= np.where(found < -self.threshold, 1.0, 0.0)
        target[known] = np.where(np.isfinite(found), side / assets, np.nan)
        target[~np.isfinite(prices.close)] = np.nan
        return on_change(target)
