"""Rotate through a basket: hold the best ranked members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import BoolArray, Float64Array
from core.errors import InvalidInput
from core.indicators.volatility import realized_volatility
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import FREQUENCIES, Frequency, per_asset, period_starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Hold the top of a basket or of sectors, ranked by past return, by return per risk, or by calm.

    With fewer members than `top` all are held. A member stays until it falls `buffer` places below the last held one,
    which spares turnover (Jegadeesh and Titman, 1993, for the ranking by past return).
    """

    name: ClassVar[str] = "rotation"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    rank_by: str = parameter(
        "return", "what members are ranked by", choices=("return", "return_per_risk", "low_volatility")
    )
    lookback: int = parameter(126, "sessions over which members are measured", minimum=5)
    skip: int = parameter(0, "latest sessions left out of the return, below lookback", minimum=0)
    top: int = parameter(3, "how many are held", minimum=1)
    buffer: int = parameter(1, "places below the top that a held member may fall to", minimum=0)
    weighting: str = parameter("equal", "shares of the members held", choices=("equal", "inverse_volatility"))
    review: str = parameter("monthly", "how often the ranking is reviewed", choices=FREQUENCIES)
    need_gain: bool = parameter(False, "hold cash instead of a member that lost over the lookback")

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.skip >= self.lookback:
            raise InvalidInput(f"Strategy {self.name}: skip is {self.skip}, expected below lookback = {self.lookback}.")

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before a member can be measured."""
        return self.lookback

    def weights(self, prices: PriceHistory) -> Weights:
        """Rank on review dates those members that trade and have been measured; decide for all of them at once."""
        sessions, assets = prices.close.shape
        gain = per_asset(prices, self._gain)
        volatility = per_asset(
            prices, lambda close: realized_volatility(close, self.lookback, prices.sessions_per_year)
        )
        safe = np.where(volatility > 0.0, volatility, np.nan)
        score = {"return": gain, "return_per_risk": gain / safe, "low_volatility": -volatility}[self.rank_by]
        frequency: Frequency = self.review  # type: ignore[assignment]
        out = np.full((sessions, assets), np.nan)
        held = np.zeros(assets, dtype=bool)
        for t in np.flatnonzero(period_starts(prices.times, frequency)):
            there = np.isfinite(score[t]) & np.isfinite(safe[t])
            if t < self.warmup_sessions or not there.any():
                continue
            held = self._choose(score[t], there, held)
            chosen = held & ((gain[t] > 0.0) | (not self.need_gain))
            share = 1.0 / safe[t] if self.weighting == "inverse_volatility" else np.ones(assets)
            whole = float(share[held].sum())
            row = np.where(chosen, share / whole, 0.0)
            out[t] = np.where(np.isfinite(prices.close[t]), row, np.nan)
        return out

    def _choose(self, score: Float64Array, there: BoolArray, held: BoolArray) -> BoolArray:
        place = np.full(len(score), len(score))
        order = np.argsort(np.where(there, -score, np.inf), kind="stable")
        place[order] = np.arange(len(score))
        stays = held & there & (place < self.top + self.buffer)
        kept = sorted(np.flatnonzero(stays), key=lambda asset: place[asset])[: self.top]
        rest = [asset for asset in order if there[asset] and asset not in kept][: self.top - len(kept)]
        out = np.zeros(len(score), dtype=bool)
        out[[*kept, *rest]] = True
        return out

    def _gain(self, close: Float64Array) -> Float64Array:
        out = np.full(len(close), np.nan)
        if len(close) > self.lookback:
            out[self.lookback :] = (
                close[self.lookback - self.skip : len(close) - self.skip] / close[: -self.lookback] - 1
            )
        return out
