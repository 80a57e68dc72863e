"""Decide how many shares to hold, and say why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Hold a position size: shares (a multiple of the lot, rounded down), its value, its share of equity, the reasons.

    `shares` is negative for a short position.
    """

    method: str
    shares: Decimal
    value: Decimal
    weight: Decimal
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingAccount:
    """Hold what sizing needs to know: equity and price in one currency, lot size, and the largest weight allowed."""

    equity: Decimal
    price: Decimal
    lot: Decimal = Decimal(1)
    max_weight: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        for name in ("equity", "price", "lot", "max_weight"):
            value = getattr(self, name)
            if not (isinstance(value, Decimal) and value.is_finite() and value > 0):
                raise InvalidInput(f"{name} is {value!r}, expected a Decimal above 0.")


def fixed_fraction(account: SizingAccount, *, fraction: Decimal) -> Size:
    """Put a fixed fraction of equity (ratio, negative for short) into the asset."""
    reason = f"{_percent(fraction)} of equity {account.equity:,} is {account.equity * fraction:,.2f}."
    return _size("fixed_fraction", account, fraction, [reason])


def volatility_target(account: SizingAccount, *, target: float, volatility: float) -> Size:
    """Scale the position so that it contributes `target` annual volatility, given the asset's (both ratios)."""
    _positive(target=target, volatility=volatility)
    weight = _decimal(target / volatility)
    reason = f"Target volatility {target:.2%} over the asset's {volatility:.2%} is a weight of {_percent(weight)}."
    return _size("volatility_target", account, weight, [reason])


def kelly(
    account: SizingAccount, *, expected_return: float, volatility: float, fraction: float = 0.5, risk_free: float = 0.0
) -> Size:
    """Take a fraction (default half) of the Kelly weight (mean - rate) / variance, annual ratios (Thorp, 2006).

    No position when the expected return does not exceed the rate.
    """
    _positive(volatility=volatility, fraction=fraction)
    full = (expected_return - risk_free) / volatility**2
    if full <= 0.0:
        reason = f"The expected return {expected_return:.2%} does not exceed {risk_free:.2%}: no position."
        return _size("kelly", account, Decimal(0), [reason])
    reason = (
        f"Full Kelly is ({expected_return:.2%} - {risk_free:.2%}) / {volatility:.2%} squared = {full:.2f}; "
        f"{fraction:g} of it is taken."
    )
    return _size("kelly", account, _decimal(full * fraction), [reason])


def estimated_kelly(
    account: SizingAccount, *, expected_return: float, volatility: float, years: float, risk_free: float = 0.0
) -> Size:
    """Shrink the Kelly weight for the error of a mean estimated from `years` of returns (annual ratios).

    An estimated mean has variance volatility^2 / years. The fraction of the plug-in Kelly weight that grows fastest on
    average is S^2 / (S^2 + 1 / years), S the Sharpe ratio: it maximises k S^2 - k^2 (S^2 + 1 / years) / 2 (the argument
    of Baker and McHale, 2013, for normal returns). S itself is the estimate.
    """
    _positive(volatility=volatility, years=years)
    sharpe = (expected_return - risk_free) / volatility
    fraction = sharpe**2 / (sharpe**2 + 1.0 / years)
    if sharpe <= 0.0:
        return kelly(account, expected_return=expected_return, volatility=volatility, risk_free=risk_free)
    size = kelly(
        account, expected_return=expected_return, volatility=volatility, fraction=fraction, risk_free=risk_free
    )
    reason = f"{years:.1f} years of returns support {fraction:.0%} of full Kelly (Sharpe ratio {sharpe:.2f})."
    return replace(size, method="estimated_kelly", reasons=(reason, *size.reasons))


def atr_risk(account: SizingAccount, *, risk_fraction: Decimal, atr: float, ranges: float = 2.0) -> Size:
    """Size so that a move of `ranges` average true ranges (price units) against it loses `risk_fraction` of equity."""
    _positive(atr=atr, ranges=ranges)
    distance = _decimal(atr * ranges)
    if distance >= account.price:
        raise InvalidInput(f"{ranges:g} average true ranges of {atr:g} are more than the price {account.price}.")
    size = risk_per_stop(account, risk_fraction=risk_fraction, stop_price=account.price - distance)
    reason = f"The distance is {ranges:g} average true ranges of {atr:,.4g}."
    return replace(size, method="atr_risk", reasons=(reason, *size.reasons))


def cvar_budget(account: SizingAccount, *, budget: Decimal, expected_shortfall: float) -> Size:
    """Size so that the mean loss on the worst sessions, `expected_shortfall` (ratio), is `budget` of equity."""
    _positive(expected_shortfall=expected_shortfall)
    if not 0 < budget < 1:
        raise InvalidInput(f"budget is {budget}, expected a ratio between 0 and 1, such as 0.01.")
    weight = budget / _decimal(expected_shortfall)
    reason = (
        f"An expected shortfall of {expected_shortfall:.2%} a session within {_percent(budget)} of equity is a weight "
        f"of {_percent(weight)}."
    )
    return _size("cvar_budget", account, weight, [reason])


def risk_per_stop(account: SizingAccount, *, risk_fraction: Decimal, stop_price: Decimal) -> Size:
    """Size so that a fill at the stop loses `risk_fraction` of equity; a stop above the price means short."""
    if not 0 < risk_fraction < 1:
        raise InvalidInput(f"risk_fraction is {risk_fraction}, expected a ratio between 0 and 1, such as 0.01.")
    distance = account.price - stop_price
    if stop_price <= 0 or distance == 0:
        raise InvalidInput(f"stop_price is {stop_price}, expected a positive price other than {account.price}.")
    weight = risk_fraction * account.price / distance
    reason = (
        f"Risking {_percent(risk_fraction)} of equity ({account.equity * risk_fraction:,.2f}) "
        f"over {abs(distance):,} per share down to the stop."
    )
    return _size("risk_per_stop", account, weight, [reason])


def _size(method: str, account: SizingAccount, weight: Decimal, reasons: list[str]) -> Size:
    if not weight.is_finite():
        raise InvalidInput(f"The weight came out as {weight}, expected a number.")
    if abs(weight) > account.max_weight:
        reasons.append(
            f"Cut from {_percent(abs(weight))} to the largest weight allowed, {_percent(account.max_weight)}."
        )
        weight = account.max_weight.copy_sign(weight)
    exact = account.equity * weight / account.price
    shares = (exact / account.lot).to_integral_value(rounding=ROUND_DOWN) * account.lot
    if shares != exact:
        reasons.append(f"{exact:,.4f} shares rounded towards zero to lots of {account.lot}.")
    if shares == 0 and weight != 0:
        reasons.append("Less than one lot: no position.")
    value = shares * account.price
    return Size(method=method, shares=shares, value=value, weight=value / account.equity, reasons=tuple(reasons))


def _percent(ratio: Decimal) -> str:
    return f"{ratio * 100:.2f} %"


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 < value < float("inf"):
            raise InvalidInput(f"{name} is {value!r}, expected a number above 0.")
