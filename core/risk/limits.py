"""Check an order against the book's limits before it is sent. Pure: the same input gives the same verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Literal

from core.errors import InvalidInput
from core.risk.gate import MarketRisk, Standing, judge_group, judge_market, judge_standing


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """Hold what the limits need to know of an order; `price` is the limit price or the price expected."""

    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal

    def __post_init__(self) -> None:
        if self.side not in ("buy", "sell"):
            raise InvalidInput(f"side is {self.side!r}, expected buy or sell.")
        for name in ("quantity", "price"):
            value = getattr(self, name)
            if not (isinstance(value, Decimal) and value.is_finite() and value > 0):
                raise InvalidInput(f"{name} is {value!r}, expected a Decimal above 0.")

    @property
    def notional(self) -> Decimal:
        """Return the order's value."""
        return self.quantity * self.price

    @property
    def signed_quantity(self) -> Decimal:
        """Return the quantity, negative for a sale."""
        return self.quantity if self.side == "buy" else -self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Hold a position: signed quantity and its last price."""

    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, kw_only=True)
class Book:
    """Hold cash and positions, with the orders already working counted as if filled."""

    cash: Decimal
    holdings: Mapping[str, Holding]

    @cached_property
    def values(self) -> Mapping[str, Decimal]:
        """Return the value of each position, negative when short."""
        return {symbol: held.quantity * held.price for symbol, held in self.holdings.items()}

    @cached_property
    def net(self) -> Decimal:
        """Return the value of all positions."""
        return sum(self.values.values(), Decimal(0))

    @cached_property
    def gross(self) -> Decimal:
        """Return the value of all positions without their signs."""
        return sum(map(abs, self.values.values()), Decimal(0))

    @cached_property
    def equity(self) -> Decimal:
        """Return cash plus the value of all positions."""
        return self.cash + self.net


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hold limits; None switches a rule off. Weights, exposures, losses and shortfalls are ratios of equity.

    `min_cash` is money that must remain; `allow_short` False forbids selling more than is held, `short_available` are
    the shares that may be short by symbol (others: none). `max_concentration` bounds the sum of squared weights,
    `initial_margin` is the equity needed for each unit of gross exposure. `groups` names the members of groups;
    a cluster is what has at least `cluster_correlation` with the symbol. From `reduce_only_drawdown` on, and after
    `max_daily_loss`, only reductions leave; from `halt_drawdown` on nothing does. The price band is in bps.
    """

    max_order_notional: Decimal | None = None
    max_order_quantity: Decimal | None = None
    max_position_notional: Decimal | None = None
    max_concentration: Decimal | None = None
    max_group_weight: Decimal | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    max_cluster_weight: Decimal | None = None
    cluster_correlation: Decimal = Decimal("0.7")
    max_expected_shortfall: Decimal | None = None
    max_shortfall_contribution: Decimal | None = None
    reduce_only_drawdown: Decimal | None = None
    halt_drawdown: Decimal | None = None
    max_daily_loss: Decimal | None = None
    max_orders_per_minute: Decimal | None = None
    restricted: tuple[str, ...] = ()
    max_adv_share: Decimal | None = None
    short_available: Mapping[str, Decimal] | None = None
    initial_margin: Decimal | None = None
    max_position_weight: Decimal | None = None
    max_gross_exposure: Decimal | None = None
    max_net_exposure: Decimal | None = None
    min_cash: Decimal | None = Decimal(0)
    price_band_bps: Decimal | None = None
    allow_short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Hold one rule's answer: the measured quantity before and after the order, and the limit."""

    rule: str
    allowed: bool
    before: Decimal
    after: Decimal
    limit: Decimal
    reason: str


def check_order(
    order: OrderRequest,
    book: Book,
    limits: Limits,
    *,
    reference_price: Decimal | None = None,
    fee: Decimal = Decimal(0),
    standing: Standing | None = None,
    market: MarketRisk | None = None,
) -> tuple[Verdict, ...]:
    """Judge an order by every rule that is on; it may be sent only if all are allowed.

    An order that brings a weight, an exposure or cash nearer to its limit is allowed even while the limit is
    still exceeded. `reference_price` is the last known price for the price band; without it a band refuses. Rules
    over the account's history or the market are judged where `standing` and `market` are given.
    """
    after = _after(order, book, fee)
    verdicts = []
    if limits.max_order_notional is not None:
        verdicts.append(_at_most("max_order_notional", Decimal(0), order.notional, limits.max_order_notional))
    if limits.price_band_bps is not None:
        verdicts.append(_price_band(order, reference_price, limits.price_band_bps))
    if not limits.allow_short:
        verdicts.append(_no_short(order, book, after))
    if limits.min_cash is not None:
        verdicts.append(_cash(book, after, limits.min_cash))
    for rule, limit, old, new in (
        (
            "max_position_weight",
            limits.max_position_weight,
            abs(book.values.get(order.symbol, Decimal(0))),
            abs(after.values[order.symbol]),
        ),
        ("max_gross_exposure", limits.max_gross_exposure, book.gross, after.gross),
        ("max_net_exposure", limits.max_net_exposure, abs(book.net), abs(after.net)),
    ):
        if limit is not None:
            verdicts.append(_ratio(rule, old, book.equity, new, after.equity, limit))
    verdicts += _further(order, book, after, limits)
    if standing is not None:
        verdicts += judge_standing(order, book, after, limits, standing)
    if market is not None:
        verdicts += judge_market(order, book, after, limits, market)
    return tuple(verdicts)


def allowed(verdicts: tuple[Verdict, ...]) -> bool:
    """Say whether every rule allows the order."""
    return all(verdict.allowed for verdict in verdicts)


def _further(order: OrderRequest, book: Book, after: Book, limits: Limits) -> list[Verdict]:
    """Judge by the rules that need the two books only."""
    found = []
    zero = Decimal(0)
    if order.symbol in limits.restricted:
        reason = f"{order.symbol} is on the restricted list."
        found.append(Verdict(rule="restricted", allowed=False, before=zero, after=zero, limit=zero, reason=reason))
    if limits.max_order_quantity is not None:
        found.append(_at_most("max_order_quantity", zero, order.quantity, limits.max_order_quantity))
    old, new = abs(book.values.get(order.symbol, Decimal(0))), abs(after.values[order.symbol])
    if limits.max_position_notional is not None:
        verdict = _at_most("max_position_notional", old, new, limits.max_position_notional)
        found.append(replace(verdict, allowed=verdict.allowed or new < old))
    if limits.max_concentration is not None:
        found.append(_concentration(book, after, limits.max_concentration))
    if limits.max_group_weight is not None:
        found += [
            judge_group(name, members, book, after, limits.max_group_weight)
            for name, members in limits.groups.items()
            if order.symbol in members
        ]
    if limits.short_available is not None:
        held = book.holdings[order.symbol].quantity if order.symbol in book.holdings else zero
        short, available = max(-after.holdings[order.symbol].quantity, zero), limits.short_available.get(order.symbol)
        fits = short <= (available or zero) or order.side == "buy"
        reason = f"{short} {order.symbol} would be short; {available or 0} can be borrowed."
        found.append(
            Verdict(
                rule="short_available",
                allowed=fits,
                before=max(-held, zero),
                after=short,
                limit=available or zero,
                reason=reason,
            )
        )
    if limits.initial_margin is not None:
        need_old, need_new = book.gross * limits.initial_margin, after.gross * limits.initial_margin
        fits = need_new <= after.equity or need_new < need_old
        reason = f"Margin of {need_new:,.2f} is needed and equity is {after.equity:,.2f}."
        found.append(
            Verdict(
                rule="initial_margin",
                allowed=fits,
                before=need_old,
                after=need_new,
                limit=after.equity,
                reason=reason,
            )
        )
    return found


def _concentration(book: Book, after: Book, limit: Decimal) -> Verdict:
    if book.equity <= 0 or after.equity <= 0:
        reason = "Equity is not above 0, so there is nothing to measure by."
        return Verdict(rule="max_concentration", allowed=False, before=limit, after=limit, limit=limit, reason=reason)
    old, new = (
        sum((value * value for value in part.values.values()), Decimal(0)) / part.equity**2 for part in (book, after)
    )
    reason = f"Squared weights add up to {old:.4f} and then {new:.4f}; the limit is {limit:.4f}."
    fits = new <= limit or new < old
    return Verdict(rule="max_concentration", allowed=fits, before=old, after=new, limit=limit, reason=reason)


def _after(order: OrderRequest, book: Book, fee: Decimal) -> Book:
    held = book.holdings.get(order.symbol, Holding(quantity=Decimal(0), price=order.price))
    # A holding keeps its last price, so paying away from it shows in equity.
    changed = Holding(quantity=held.quantity + order.signed_quantity, price=held.price)
    cash = book.cash - order.signed_quantity * order.price - fee
    return Book(cash=cash, holdings={**book.holdings, order.symbol: changed})


def _at_most(rule: str, before: Decimal, after: Decimal, limit: Decimal) -> Verdict:
    fits = after <= limit
    reason = f"{after:,.2f} is {'within' if fits else 'above'} the limit of {limit:,.2f}."
    return Verdict(rule=rule, allowed=fits, before=before, after=after, limit=limit, reason=reason)


def _price_band(order: OrderRequest, reference: Decimal | None, limit: Decimal) -> Verdict:
    rule = "price_band_bps"
    if reference is None or reference <= 0:
        reason = "There is no last price to compare the order's price with."
        return Verdict(rule=rule, allowed=False, before=Decimal(0), after=Decimal(0), limit=limit, reason=reason)
    distance = abs(order.price / reference - 1) * 10_000
    fits = distance <= limit
    reason = f"The price {order.price} is {distance:.1f} bps from the last price {reference}; the band is {limit} bps."
    return Verdict(rule=rule, allowed=fits, before=Decimal(0), after=distance, limit=limit, reason=reason)


def _no_short(order: OrderRequest, book: Book, after: Book) -> Verdict:
    held = book.holdings[order.symbol].quantity if order.symbol in book.holdings else Decimal(0)
    left = after.holdings[order.symbol].quantity
    fits = order.side == "buy" or left >= 0
    reason = f"{order.quantity} to {order.side}, {held} held, {left} after."
    return Verdict(rule="no_short", allowed=fits, before=held, after=left, limit=Decimal(0), reason=reason)


def _cash(book: Book, after: Book, limit: Decimal) -> Verdict:
    fits = after.cash >= limit or after.cash >= book.cash
    reason = f"Cash {book.cash:,.2f} becomes {after.cash:,.2f}; at least {limit:,.2f} must remain."
    return Verdict(rule="min_cash", allowed=fits, before=book.cash, after=after.cash, limit=limit, reason=reason)


def _ratio(
    rule: str, before: Decimal, equity_before: Decimal, after: Decimal, equity_after: Decimal, limit: Decimal
) -> Verdict:
    if equity_before <= 0 or equity_after <= 0:
        reason = "Equity is not above 0, so there is nothing to measure exposure by."
        return Verdict(rule=rule, allowed=after < before, before=before, after=after, limit=limit, reason=reason)
    old, new = before / equity_before, after / equity_after
    fits = new <= limit or after < before
    reason = f"{old * 100:.2f} % of equity becomes {new * 100:.2f} %; the limit is {limit * 100:.2f} %."
    return Verdict(rule=rule, allowed=fits, before=old, after=new, limit=limit, reason=reason)
