"""Compute the truth of a drawn world from its arrays, by formulas written here.

Conventions are those of docs/metrics.md: returns are close to close from the last close before the period, total where
the series has an adjusted close, sample standard deviations, 252 sessions a year (365 for crypto), no risk-free rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Days: TypeAlias = "NDArray[np.datetime64]"


@dataclass(frozen=True, slots=True)
class Named:
    """Be a value of a fact whose name contains a text: small counts and dates would be met by chance otherwise."""

    value: Any
    name: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Be the whole rows of one table, in this order, in these columns (by position)."""

    rows: tuple[tuple[Any, ...], ...]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Hold a question with everything that a right answer has to state."""

    category: str
    text: str
    truth: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Hold the closes of one instrument on one basis."""

    days: Days
    close: Floats

    def until(self, end: str | date) -> Line:
        """Return what was known at the end of a day."""
        kept = self.days <= np.datetime64(end)
        return Line(self.days[kept], self.close[kept])

    def over(self, start: str | date, end: str | date) -> Line:
        """Return a period with the last close before it."""
        line = self.until(end)
        first = max(int(np.searchsorted(line.days, np.datetime64(start))) - 1, 0)
        return Line(line.days[first:], line.close[first:])

    def inside(self, start: str | date, end: str | date) -> Line:
        """Return the sessions of a period alone."""
        kept = (self.days >= np.datetime64(start)) & (self.days <= np.datetime64(end))
        return Line(self.days[kept], self.close[kept])

    @property
    def returns(self) -> Floats:
        """Return close-to-close returns."""
        return np.asarray(self.close[1:] / self.close[:-1] - 1)

    @property
    def total(self) -> float:
        """Return the return from the first close to the last."""
        return float(self.close[-1] / self.close[0] - 1)

    def by(self, unit: str) -> Line:
        """Return the last close of each month ("M") or year ("Y")."""
        keys = self.days.astype(f"datetime64[{unit}]")
        last = np.append(keys[1:] != keys[:-1], True)
        return Line(self.days[last], self.close[last])


def drawdown(line: Line) -> float:
    """Return the deepest fall from the highest close so far."""
    return float((line.close / np.maximum.accumulate(line.close) - 1).min())


def wilder_rsi(close: Floats, period: int = 14) -> float:
    """Return the relative strength index of the last close (Wilder, 1978), smoothed from the first one on."""
    change = np.diff(close)
    gain, loss = np.maximum(change, 0), np.maximum(-change, 0)
    up, down = gain[:period].mean(), loss[:period].mean()
    for more, less in zip(gain[period:], loss[period:], strict=True):
        up, down = (up * (period - 1) + more) / period, (down * (period - 1) + less) / period
    return float(100 - 100 / (1 + up / down))


def common(first: Line, second: Line) -> tuple[Floats, Floats]:
    """Return the returns of two lines between the days that both traded."""
    days = np.intersect1d(first.days, second.days)
    one, two = (line.close[np.isin(line.days, days)] for line in (first, second))
    return one[1:] / one[:-1] - 1, two[1:] / two[:-1] - 1


class Truth:
    """Compute figures of a world from its arrays."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.today: date = world.today

    def divisor(self, symbol: str) -> Floats:
        """Return by what prices as traded are divided: the splits after each day."""
        part = self.world.prices[symbol]
        found = np.ones(len(part.days))
        for ex_date, ratio in part.splits:
            found[part.days < np.datetime64(ex_date)] *= ratio
        return found

    def price(self, symbol: str, field: str = "close") -> Line:
        """Return a price with the splits taken out (volume: in shares of today)."""
        part = self.world.prices[symbol]
        values = getattr(part, field)
        split = self.divisor(symbol)
        return Line(part.days, values * split if field == "volume" else values / split)

    def total(self, symbol: str) -> Line:
        """Return the series that returns are taken from: the adjusted close where there is one."""
        part = self.world.prices[symbol]
        return self.price(symbol) if part.adjusted is None else Line(part.days, part.adjusted)

    # Macro ------------------------------------------------------------------------------------------------------

    def macro(self, series: str, known: date | None = None) -> dict[date, float]:
        """Return the newest values of a series by period, as they stood at the end of a day."""
        limit = known or self.today
        if known is None:
            # The desk stands at the close of the exchange: what is known at the end of today is not known yet.
            limit = self.today - timedelta(days=1)
        found: dict[date, float] = {}
        for one in sorted(self.world.macro, key=lambda entry: entry.vintage):
            if one.series == series and one.known <= limit:
                found[one.period] = one.value
        return dict(sorted(found.items()))

    # Book -------------------------------------------------------------------------------------------------------

    def held(self, until: date | None = None) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
        """Return quantity, cost and realised profit by symbol at average cost; nothing was split while it was held."""
        found: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
        for symbol, side, quantity, price, _, session in self.world.fills:
            if until is not None and session > until:
                continue
            have, cost, made = found.get(symbol, (Decimal(0), Decimal(0), Decimal(0)))
            amount = (quantity * price).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
            if side == "buy":
                found[symbol] = (have + quantity, cost + amount, made)
            else:
                sold = cost * quantity / have
                found[symbol] = (have - quantity, cost - sold, made + amount - sold)
        return found

    def cash(self, until: date | None = None) -> float:
        """Return the deposit less what was bought and paid in fees."""
        moved = sum(
            ((-1 if side == "buy" else 1) * (quantity * price).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) - fee
             for _, side, quantity, price, fee, session in self.world.fills if until is None or session <= until),
            Decimal(1_000_000),
        )  # fmt: skip
        return float(moved)

    def value(self, symbol: str, until: date | None = None) -> float:
        """Return quantity times the last close."""
        close = self.price(symbol).until(until or self.today).close[-1]
        return float(self.held(until)[symbol][0]) * float(close)

    def nav(self, until: date | None = None) -> float:
        """Return cash and market value."""
        return self.cash(until) + sum(self.value(symbol, until) for symbol in self.held(until))

    # Texts ------------------------------------------------------------------------------------------------------

    @cached_property
    def stories(self) -> list[tuple[date, str, float]]:
        """Return day, symbol and score of every link of an article."""
        scores = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
        return [(one.at.date(), symbol, scores[one.tone]) for one in self.world.stories for symbol in one.symbols]
