"""Say how a bar fills an order: price, protective stops inside the bar, costs and how much of it.

Plain arithmetic that works on floats and on Decimals alike: the backtest compiles these functions into its kernel,
and a broker on paper calls them as they are, so that both fill the same order at the same price. `direction` is 1 for
a purchase and -1 for a sale; ratios and rates are of the argument's own number type. Where a source has closes only,
pass the close as open, high and low: nothing inside the bar is then assumed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

Number = TypeVar("Number", float, Decimal)


def slipped_price(price: Number, direction: int, slippage_ratio: Number) -> Number:
    """Return the price made worse by slippage or half the spread: dearer to buy, cheaper to sell."""
    return price * (1 + direction * slippage_ratio)


def stop_price(direction: int, stop: Number, open_: Number, high: Number, low: Number) -> Number:
    """Return the price, before slippage, at which a bar fills a stop order, or 0 when it does not reach it.

    A bar that opens beyond the stop fills at its open, for a stop guarantees no price; one that reaches it
    later fills at the stop.
    """
    if direction * (open_ - stop) >= 0:
        return open_
    extreme = high if direction > 0 else low
    if direction * (extreme - stop) >= 0:
        return stop
    return stop * 0


def limit_price(direction: int, limit: Number, open_: Number, high: Number, low: Number) -> Number:
    """Return the price at which a bar fills a limit order, or 0 when it does not trade through it.

    A bar that opens at the limit or better fills at its open. Touching the limit later is not enough: the
    order may stand last in the queue.
    """
    if direction * (open_ - limit) <= 0:
        return open_
    extreme = low if direction > 0 else high
    if direction * (extreme - limit) < 0:
        return limit
    return limit * 0


def exit_price(side: int, stop: Number, target: Number, open_: Number, high: Number, low: Number) -> Number:
    """Return the price at which a bar ends a position that has a stop and a profit target, or 0 when it does not.

    `side` is 1 for long and -1 for short; 0 for `stop` or `target` means there is none. The order of prices
    inside a bar is unknown, so a bar that reaches both counts as a loss, unless it opens beyond the target.
    """
    if target > 0 and side * (open_ - target) >= 0:
        return open_
    if stop > 0:
        price = stop_price(-side, stop, open_, high, low)
        if price > 0:
            return price
    if target > 0:
        return limit_price(-side, target, open_, high, low)
    return target * 0


def commission(price: Number, shares: Number, fee_ratio: Number, fee_per_share: Number, least_fee: Number) -> Number:
    """Return the fee of a fill of unsigned `shares`: by value and by share, at least `least_fee`; 0 for no shares."""
    charge = shares * (price * fee_ratio + fee_per_share)
    if shares > 0 and charge < least_fee:
        return least_fee
    return charge


def fillable_shares(shares: Number, volume: Number, participation: Number) -> Number:
    """Return how many of the unsigned `shares` one bar fills: at most `participation` of its volume."""
    most = volume * participation
    return most if most < shares else shares


def borrow_fee(short_value: Number, yearly_rate: Number, sessions_per_year: int) -> Number:
    """Return what borrowing shares of unsigned `short_value` costs for one session."""
    return short_value * yearly_rate / sessions_per_year
