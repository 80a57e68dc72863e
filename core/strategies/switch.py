"""Switch between assets: into the strongest of several, or into the cheaper of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.domain.kernel import BoolArray, Float64Array
from core.errors import InvalidInput
from core.indicators.rolling import zscore
from core.ports.strategy import PriceHistory, Weights
from core.strategies.parameter import check_parameters, parameter
from core.strategies.signal import FREQUENCIES, Frequency, on_change, period_starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Hold the assets with the best past return, switching A for B when B overtakes it.

    With `need_gain`, an asset that has itself lost is replaced by cash (dual momentum, Antonacci, 2014). With `rule`
    value it holds one of two assets and switches when the log ratio of their prices has moved `entry_z` deviations
    from its mean over the lookback: out of the dear one into the cheap one (relative value).
    """

    name: ClassVar[str] = "switch"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    lookback: int = parameter(126, "sessions over which returns are compared", minimum=1)
    hold: int = parameter(1, "how many of the best are held, in equal shares", minimum=1)
    review: str = parameter("monthly", "how often the ranking is reviewed", choices=FREQUENCIES)
    need_gain: bool = parameter(False, "hold cash instead of an asset that lost over the lookback")
    rule: str = parameter("momentum", "hold what rose most, or the cheaper of two", choices=("momentum", "value"))
    entry_z: float = parameter(1.0, "deviations of the ratio at which value switches", minimum=0.0)

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def warmup_sessions(self) -> int:
        """Return the sessions before past returns exist."""
        return self.lookback

    def weights(self, prices: PriceHistory) -> Weights:
        """Rank on review dates where every asset traded, both then and at the start of the lookback."""
        close = np.asarray(prices.close, dtype=np.float64)
        sessions, assets = close.shape
        if assets < 2 or self.hold >= assets:
            raise InvalidInput(
                f"Strategy {self.name}: got {assets} assets, expected more than hold = {self.hold} and at least 2."
            )
        frequency: Frequency = self.review  # type: ignore[assignment]
        if self.rule == "value":
            return self._by_value(close, period_starts(prices.times, frequency))
        target = np.full((sessions, assets), np.nan)
        if sessions > self.lookback:
            gain = close[self.lookback :] / close[: -self.lookback] - 1.0
            order = np.argsort(-gain, axis=1, kind="stable")
            chosen = np.zeros(gain.shape)
            np.put_along_axis(chosen, order[:, : self.hold], 1.0 / self.hold, axis=1)
            if self.need_gain:
                chosen[gain <= 0.0] = 0.0
            chosen[~np.isfinite(gain).all(axis=1)] = np.nan
            target[self.lookback :] = chosen
        return on_change(np.where(period_starts(prices.times, frequency)[:, None], target, np.nan))

    def _by_value(self, close: Float64Array, reviewed: BoolArray) -> Weights:
        if close.shape[1] != 2:
            raise InvalidInput(f"Strategy {self.name}: rule value takes 2 assets, got {close.shape[1]}.")
        out = np.full(close.shape, np.nan)
        both = np.isfinite(close).all(axis=1)
        score = np.full(len(close), np.nan)
        score[both] = zscore(np.log(close[both, 0] / close[both, 1]), self.lookback)
        # 0 until the ratio first leaves its band: half of each.
        side = np.where(score < -self.entry_z, 1.0, np.where(score > self.entry_z, -1.0, np.nan))
        side[~reviewed] = np.nan
        last = np.maximum.accumulate(np.where(np.isnan(side), -1, np.arange(len(side))))
        first = np.where(last >= 0, 0.5 + 0.5 * side[np.maximum(last, 0)], 0.5)
        decided = both & reviewed & np.isfinite(score)
        decided[: self.warmup_sessions] = False
        out[decided] = np.stack((first, 1.0 - first), axis=1)[decided]
        return on_change(out)
