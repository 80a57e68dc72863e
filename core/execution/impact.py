"""Say what an order would do to the book, and whether the account's limits allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from core.domain.books import Account, Leg, Legging, Side, TimeInForce
from core.errors import InvalidInput, NoData
from core.execution.market_risk import MarketView
from core.execution.marks import SessionPrice
from core.execution.stores import GateRecord, GateSnapshot
from core.execution.venue_rules import venue_refusals, waits_for
from core.risk.gate import Standing
from core.risk.limits import Book, Holding, Limits, OrderRequest, Verdict, check_order

ZERO = Decimal(0)
FEE_BPS = Decimal(1)
"""Fee that the card expects, in basis points of the notional; the paper venue charges the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegImpact:
    """Hold what one leg does: quantities in units, prices and values in the account's currency."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    notional: Decimal
    last_close: SessionPrice
    position_before: Decimal
    position_after: Decimal
    weight_after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRefusal:
    """Join a leg with the rule that forbids it."""

    leg: Leg
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Hold what a proposal does to the book if it fills at the expected prices, orders at work counted as filled."""

    legs: tuple[LegImpact, ...]
    notional: Decimal
    fee: Decimal
    cash_before: Decimal
    cash_after: Decimal
    nav: Decimal
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    refused: tuple[GateRefusal, ...] = ()

    @property
    def objections(self) -> tuple[str, ...]:
        """Return the reasons of the rules that forbid it."""
        return tuple(f"{verdict.rule}: {verdict.reason}" for verdict in self.verdicts if not verdict.allowed)


def limits_of(account: Account) -> Limits:
    """Return the account's limits; raise InvalidInput for one that does not exist or does not fit."""
    known = {field.name for field in fields(Limits)}
    unknown = sorted(set(account.limits) - known)
    if unknown:
        raise InvalidInput(
            f"Account {account.account_id} has unknown limits {unknown}.", hint=f"Known: {sorted(known)}."
        )
    values: dict[str, Any] = {}
    for name, value in account.limits.items():
        try:
            values[name] = _limit(name, value)
        except (InvalidOperation, TypeError, AttributeError) as error:
            expected = _OTHER.get(name, "a number")
            raise InvalidInput(
                f"The limit {name} of account {account.account_id} is {value!r}, not {expected}."
            ) from error
    return Limits(**values)


_OTHER = {
    "restricted": "a list of symbols",
    "groups": "lists of symbols by name",
    "short_available": "shares by symbol",
}


def _limit(name: str, value: Any) -> Any:
    if name == "restricted":
        return _symbols(value)
    if name == "groups":
        return {str(group): _symbols(members) for group, members in value.items()}
    if name == "short_available" and value is not None:
        return {str(symbol): Decimal(str(quantity)) for symbol, quantity in value.items()}
    if value is None or isinstance(value, bool):
        return value
    number = Decimal(str(value))
    if number.is_nan():
        raise TypeError("expected a number")
    return number


def _symbols(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise TypeError("expected a list of symbols")
    return tuple(value)


def held_and_working(snapshot: GateSnapshot, legs: Sequence[Leg]) -> list[int]:
    """Return the instruments whose prices a judgement needs."""
    working = [order.instrument_id for order in snapshot.working]
    return list(dict.fromkeys([*(leg.instrument_id for leg in legs), *snapshot.positions, *working]))


def assess(
    snapshot: GateSnapshot,
    account: Account,
    legs: Sequence[Leg],
    view: MarketView,
    *,
    time_in_force: TimeInForce = "day",
    legging: Legging = "together",
) -> Impact:
    """Judge legs against the account's fresh positions, cash and open orders, as one snapshot shows them.

    Sales come before purchases, as their proceeds may pay for them; the legs of a linked pair, of which one trades,
    are each judged alone and counted once. What protects in a bracket is judged after its entry and not counted where
    there is one. Raises NoData when a leg has no price.
    """
    limits = limits_of(account)
    book = _book(snapshot, view)
    judged: list[LegImpact] = []
    verdicts: list[Verdict] = []
    refused: list[GateRefusal] = []
    notes: list[str] = []
    before = start = book
    for number, leg in enumerate(in_order(legs, legging)):
        is_linked = legging == "one_cancels_other" or (legging == "bracket" and leg.order_type is not None)
        lasts: TimeInForce = "gtc" if legging == "bracket" and is_linked else time_in_force
        mark = view.marks.get(leg.instrument_id)
        if mark is None:
            raise NoData(f"There is no price of {leg.symbol}.", hint="Import or ingest its bars first.")
        price = leg.limit_price or leg.stop_price or mark.close
        request = OrderRequest(symbol=leg.symbol, side=leg.side, quantity=leg.quantity, price=price)
        fee = request.notional * FEE_BPS / 10_000
        if is_linked:
            book = start
        found = (
            *venue_refusals(leg, view, lasts),
            *check_order(
                request,
                book,
                limits,
                reference_price=mark.close,
                fee=fee,
                standing=_standing(snapshot, number),
                market=view.risk,
            ),
        )
        verdicts += found
        refused += [GateRefusal(leg=leg, verdict=verdict) for verdict in found if not verdict.allowed]
        held = book.holdings[leg.symbol].quantity if leg.symbol in book.holdings else ZERO
        after = held + request.signed_quantity
        book = Book(
            cash=book.cash - request.signed_quantity * price - fee,
            holdings={**book.holdings, leg.symbol: Holding(quantity=after, price=mark.close)},
        )
        if legging == "bracket" and not is_linked:
            start = book
        notes += _remarks(leg, mark, held, after)
        if view.is_live and (waits := waits_for(leg, view, lasts)) is not None:
            notes.append(waits)
        judged.append(
            LegImpact(
                symbol=leg.symbol,
                side=leg.side,
                quantity=leg.quantity,
                price=price,
                notional=request.notional,
                last_close=mark,
                position_before=held,
                position_after=after,
                weight_after=after * mark.close / book.equity if book.equity > 0 else None,
            )
        )
    if snapshot.working:
        notes.append(f"{len(snapshot.working)} open order(s) of the account are counted as if filled.")
    counted = [leg.notional for leg in judged]
    if legging == "bracket" and legs[0].order_type is None:
        book, counted = start, counted[:1]
    notional = sum(counted, ZERO) if legging in ("together", "in_order") else max(counted)
    return Impact(
        legs=tuple(judged),
        notional=notional,
        fee=notional * FEE_BPS / 10_000,
        cash_before=before.cash,
        cash_after=book.cash,
        nav=before.equity,
        verdicts=tuple(verdicts),
        refused=tuple(refused),
        notes=tuple(dict.fromkeys(notes)),
    )


def in_order(legs: Sequence[Leg], legging: Legging) -> list[Leg]:
    """Return legs in the order in which they are judged: sales first, but the entry of a bracket before all."""
    return list(legs) if legging == "bracket" else sorted(legs, key=lambda leg: leg.side == "buy")


def gate_records(
    impact: Impact, account_id: str, subject: str, stage: Literal["propose", "decide", "release", "send"]
) -> list[GateRecord]:
    """Return what the gate refused, to be kept."""
    return [
        GateRecord(
            account_id=account_id,
            subject=subject,
            stage=stage,
            symbol=item.leg.symbol,
            rule=item.verdict.rule,
            before=item.verdict.before,
            after=item.verdict.after,
            limit=item.verdict.limit,
            quantity_before=item.leg.quantity,
            quantity_after=ZERO,
            reason=item.verdict.reason,
        )
        for item in impact.refused
    ]


def _standing(snapshot: GateSnapshot, orders_before: int) -> Standing:
    return Standing(
        peak_equity=snapshot.peak_equity,
        day_equity=snapshot.day_equity,
        orders_last_minute=snapshot.orders_last_minute + orders_before,
        reduce_only=snapshot.reduce_only,
    )


def live_objection(account: Account) -> str | None:
    """Return why an account that holds real money may not send, None when it may."""
    if not account.is_real_money or account.is_live:
        return None
    return f"live: account {account.account_id} trades real money and is not switched to live."


def band_objections(legs: Sequence[Leg], marks: Mapping[int, SessionPrice]) -> tuple[str, ...]:
    """Return why the last prices forbid the release: out of the band that was approved, or missing."""
    found = []
    for leg in legs:
        mark = marks.get(leg.instrument_id)
        if mark is None:
            found.append(f"price_band: there is no price of {leg.symbol}.")
        elif (leg.band_low is not None and mark.close < leg.band_low) or (
            leg.band_high is not None and mark.close > leg.band_high
        ):
            found.append(
                f"price_band: the last close of {leg.symbol}, {mark.close} of {mark.session}, is outside the approved"
                f" band {leg.band_low} to {leg.band_high}."
            )
    return tuple(found)


def _book(snapshot: GateSnapshot, view: MarketView) -> Book:
    quantities = dict(snapshot.positions)
    cash = snapshot.cash
    for order in snapshot.working:
        quantities[order.instrument_id] = quantities.get(order.instrument_id, ZERO) + order.signed_quantity
        mark = view.marks.get(order.instrument_id)
        cash -= order.signed_quantity * (order.limit_price or (mark.close if mark else ZERO))
    return Book(
        cash=cash,
        holdings={
            view.instruments[key].symbol: Holding(quantity=quantity, price=view.marks[key].close)
            for key, quantity in quantities.items()
            if key in view.marks
        },
    )


def _remarks(leg: Leg, mark: SessionPrice, held: Decimal, after: Decimal) -> list[str]:
    found = []
    if leg.side == "sell" and after < 0:
        verb = "adds to" if held < 0 else "opens"
        found.append(
            f"Selling {leg.quantity} {leg.symbol} with {held} held {verb} a short position: {-after} short after it."
        )
    if mark.remark:
        found.append(f"{leg.symbol}: {mark.remark}.")
    if leg.limit_price is not None:
        through = leg.limit_price > mark.close if leg.side == "buy" else leg.limit_price < mark.close
        if through and abs(leg.limit_price / mark.close - 1) > Decimal("0.05"):
            found.append(
                f"The limit {leg.limit_price} is more than 5 % through the last close {mark.close} of {leg.symbol}:"
                " it fills like a market order."
            )
    return found
