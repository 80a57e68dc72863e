"""Turn "my portfolio" or symbols with weights into holdings that simulators and risk measures take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Frozen
from core.errors import InvalidInput, NoData
from tools._prices import Prices, Window, find_instruments, read_prices

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from tools.context import ToolContext


class Target(Frozen):
    """Choose what to look at: the account's portfolio, or symbols with weights."""

    target: Literal["portfolio", "symbols"] | None = Field(
        default=None, description="The account's book or named symbols; left out, the book when no symbols are named."
    )
    symbols: tuple[str, ...] = Field(default=(), max_length=50, description="Symbols or names.")
    weights: tuple[float, ...] | None = Field(
        default=None, description="Share of each symbol, such as 0.7 and 0.3; equal when left out."
    )
    value: float | None = Field(
        default=None, gt=0, description="Money in the mix; one symbol alone is valued per share."
    )
    account: str | None = Field(default=None, description="Account, when there are several.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Hold a book on the last common session: shares, prices and values by symbol, cash, and the price history."""

    name: str
    shares: dict[str, float]
    last: dict[str, float]
    cash: float
    currency: str
    prices: Prices
    per_share: bool

    @property
    def values(self) -> dict[str, float]:
        """Return the market value of each holding."""
        return {symbol: count * self.last[symbol] for symbol, count in self.shares.items()}

    @property
    def total(self) -> float:
        """Return market value plus cash."""
        return sum(self.values.values()) + self.cash

    def value_vector(self) -> Float64Array:
        """Return the values in the panel's column order."""
        import numpy as np

        return np.array([self.values[symbol] for symbol in self.prices.panel.symbols])


def read_book(context: ToolContext, target: Target, *, years: float = 5.0) -> Book:
    """Read the target's holdings and `years` of prices up to the call's time.

    Raises the label to private for the portfolio; InvalidInput when weights do not fit the symbols, NoData
    for an empty portfolio.
    """
    if target.target == "portfolio" or (target.target is None and not target.symbols):
        context.raise_label("private")
        return _portfolio(context, target, years)
    if not target.symbols:
        raise InvalidInput("No symbols were given.", hint='Give symbols, or target "portfolio".')
    instruments = find_instruments(context, target.symbols)
    count = len(instruments)
    weights = target.weights or tuple(1.0 / count for _ in instruments)
    if len(weights) != count:
        raise InvalidInput(f"{len(weights)} weights for {count} symbols; expected one each.")
    symbols = tuple(part.symbol for part in instruments)
    prices = _history(context, symbols, years)
    last = _last_closes(prices)
    per_share = count == 1 and target.value is None and target.weights is None
    value = target.value or (last[symbols[0]] if per_share else 100_000.0)
    return Book(
        name=symbols[0] if per_share else " / ".join(f"{w:.0%} {s}" for w, s in zip(weights, symbols, strict=True)),
        shares={symbol: value * weight / last[symbol] for symbol, weight in zip(symbols, weights, strict=True)},
        last=last,
        cash=value * (1.0 - sum(weights)) if not per_share else 0.0,
        currency=instruments[0].currency,
        prices=prices,
        per_share=per_share,
    )


def _portfolio(context: ToolContext, target: Target, years: float) -> Book:
    account = context.desk.books.account(target.account)
    held = context.desk.books.holdings(account.account_id, context.as_of)
    shares = {part.symbol: float(part.quantity) for part in held.positions if part.quantity != 0}
    if not shares:
        raise NoData(f"Account {account.name!r} holds no positions.", hint="Propose a trade, or load the demo book.")
    prices = _history(context, tuple(shares), years)
    return Book(
        name=f"portfolio of {account.name}",
        shares=shares,
        last={part.symbol: float(part.price) for part in held.positions if part.quantity != 0},
        cash=float(held.cash),
        currency=account.currency,
        prices=prices,
        per_share=False,
    )


def _history(context: ToolContext, symbols: tuple[str, ...], years: float) -> Prices:
    start = (context.as_of.known - timedelta(days=round(years * 365.25))).date()
    return read_prices(context, symbols, Window(start=start, end=None), "return")


def _last_closes(prices: Prices) -> dict[str, float]:
    import numpy as np

    close = prices.panel.close
    last = [close[np.flatnonzero(np.isfinite(close[:, index]))[-1], index] for index in range(close.shape[1])]
    return {symbol: float(value) for symbol, value in zip(prices.panel.symbols, last, strict=True)}
