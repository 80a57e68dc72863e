"""State the terms a backtest trades on: costs, fills, protective stops, corporate actions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from core.domain.kernel import Float64Array
from core.errors import InvalidInput
from core.indicators.volatility import atr
from core.ports.strategy import PriceHistory

Sizing = Literal["equity", "notional", "shares"]
SIZINGS: tuple[Sizing, ...] = ("equity", "notional", "shares")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Charge each fill `fee_bps` of its value and `fee_per_share`, at least `least_fee` (money), and fill
    `slippage_bps` worse than the price (slippage and half the spread).

    Short positions pay `borrow_bps` of their value per year. All are at least 0.
    """

    fee_bps: float = 0.0
    slippage_bps: float = 0.0
    fee_per_share: float = 0.0
    least_fee: float = 0.0
    borrow_bps: float = 0.0

    def __post_init__(self) -> None:
        for name in ("fee_bps", "slippage_bps", "borrow_bps"):
            value = getattr(self, name)
            if not 0.0 <= value < 10_000.0:
                raise InvalidInput(f"{name} is {value!r}, expected basis points from 0 to below 10,000.")
        for name in ("fee_per_share", "least_fee"):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                raise InvalidInput(f"{name} is {value!r}, expected an amount of at least 0.")

    def times(self, multiple: float) -> Self:
        """Return every cost times `multiple`."""
        return replace(
            self,
            fee_bps=self.fee_bps * multiple,
            slippage_bps=self.slippage_bps * multiple,
            fee_per_share=self.fee_per_share * multiple,
            least_fee=self.least_fee * multiple,
            borrow_bps=self.borrow_bps * multiple,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTerms:
    """Say how decisions become fills.

    They fill at the `open` (where there is none, and with "close" always, at the close) of the session that is due.
    A bar fills at most `participation` of its volume (0: any size), the rest waits for the next one; a spread
    fills in proportion. Positions are whole multiples of `lot` shares (0: fractional), rounded towards 0.
    `sizing` is the unit of a weight: a share of equity, of the starting capital, or a number of shares.
    """

    at: Literal["open", "close"] = "open"
    participation: float = 0.0
    lot: float = 0.0
    sizing: Sizing = "equity"

    def __post_init__(self) -> None:
        if not 0.0 <= self.participation <= 1.0:
            raise InvalidInput(f"participation is {self.participation!r}, expected a share of volume from 0 to 1.")
        if not 0.0 <= self.lot < float("inf"):
            raise InvalidInput(f"lot is {self.lot!r}, expected shares of at least 0.")
        if self.sizing not in SIZINGS or self.at not in ("open", "close"):
            raise InvalidInput(
                f"sizing is {self.sizing!r} at {self.at!r}, expected {', '.join(SIZINGS)} at open or close."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """End a position at a loss, a gain or an age, whatever the strategy says; 0 switches a rule off.

    `loss` and `profit` are ratios of the entry price, `trailing` of the best close since entry, `atr` average true
    ranges (14 sessions, as decided) from the entry; `sessions` is the longest holding. Single positions stop inside
    the bar by core.domain.fill_rules, from the entry bar on (`on_entry_bar`), measured from the fill or from
    the close of the decision (`reference`). A spread has no bar of its own: its stop looks at the joint profit or loss
    over the money committed at each close and leaves at the next fill. After a stop an asset stays out until the
    strategy decides flat or the other side.
    """

    loss: float = 0.0
    profit: float = 0.0
    trailing: float = 0.0
    atr: float = 0.0
    sessions: int = 0
    on_entry_bar: bool = True
    reference: Literal["fill", "decision"] = "fill"

    def __post_init__(self) -> None:
        for name in ("loss", "trailing"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise InvalidInput(f"The stop's {name} is {getattr(self, name)!r}, expected a ratio from 0 to below 1.")
        for name in ("profit", "atr", "sessions"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise InvalidInput(f"The stop's {name} is {getattr(self, name)!r}, expected at least 0.")
        if self.loss and self.atr:
            raise InvalidInput("The stop has both loss and atr, expected one distance from the entry.")
        if self.reference not in ("fill", "decision"):
            raise InvalidInput(f"The stop's reference is {self.reference!r}, expected fill or decision.")

    @property
    def any(self) -> bool:
        """Say whether any rule is on."""
        return bool(self.loss or self.profit or self.trailing or self.atr or self.sessions)

    def distances(self, history: PriceHistory) -> Float64Array:
        """Return the loss (time, assets) that a position decided at each close may make; (0, 0) if always `loss`.

        Closes stand in for missing highs and lows; NaN while the average true range does not exist: no stop.
        """
        if not self.atr:
            return np.empty((0, 0))
        close = np.asarray(history.close, dtype=np.float64)
        high = close if history.high is None else np.where(np.isfinite(history.high), history.high, close)
        low = close if history.low is None else np.where(np.isfinite(history.low), history.low, close)
        out = np.empty(close.shape)
        for asset in range(close.shape[1]):
            out[:, asset] = self.atr * atr(high[:, asset], low[:, asset], close[:, asset], 14) / close[:, asset]
        # A long position cannot lose more than everything.
        return np.minimum(out, 0.999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """Hold corporate actions for raw prices, arrays (time, assets) by ex-date.

    `dividends` is cash per share held before the session (paid by shorts), 0 where none; `splits` is new shares per
    old, 1 where none.
    """

    dividends: Float64Array
    splits: Float64Array
