"""Turn what a caller asks for into exact legs: instrument, whole lots, side, prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from core.domain.as_of import AsOf
from core.domain.books import Leg, Legging, OnFailure, OrderType, Side, TimeInForce
from core.domain.market_records import Instrument
from core.domain.trading_rules import LOTS, VenueRules, tick_of
from core.errors import InvalidInput, NoData
from core.execution.digest import plain_decimal
from core.execution.marks import SessionPrice

BAND = Decimal("0.05")
STALE_DAYS = 10
MOST_LEGS = 10
_CENT = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRequest:
    """Ask for a quantity, for a share of the position held, or for what brings it to a share of net asset value.

    `order_type` is that of the request where it is None.
    """

    symbol: str
    side: Side | None = None
    quantity: Decimal | None = None
    target_weight: Decimal | None = None
    position_share: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    order_type: OrderType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRequest:
    """Ask for a trade of one or several legs; `author` names the strategy or agent when it is not the caller.

    Legs have an order type of their own in a linked pair (`legging` is `one_cancels_other`), and those of a `bracket`
    that protect: at most a stop and a limit of the position after the entry, which comes first where there is one.
    """

    legs: tuple[LegRequest, ...]
    account_id: str | None = None
    order_type: OrderType = "market"
    time_in_force: TimeInForce = "day"
    legging: Legging = "together"
    on_failure: OnFailure = "keep"
    reason: str = ""
    author: str | None = None
    expires_in_minutes: int | None = None


def check_request(request: TradeRequest) -> None:
    """Raise InvalidInput when the parts of a request do not fit each other."""
    if not 1 <= len(request.legs) <= MOST_LEGS:
        raise InvalidInput(f"A proposal has 1 to {MOST_LEGS} legs, not {len(request.legs)}.")
    is_pair = request.legging == "one_cancels_other"
    is_bracket = request.legging == "bracket"
    if len(request.legs) == 1 and not is_bracket and (request.legging, request.on_failure) != ("together", "keep"):
        raise InvalidInput("Legging and unwinding are for proposals of several legs.")
    if is_pair:
        _check_pair(request)
    elif is_bracket:
        _check_bracket(request)
    elif len(request.legs) > 1 and request.order_type in ("stop", "stop_limit"):
        raise InvalidInput("A stop order has one leg.")
    if request.time_in_force in ("ioc", "fok") and (is_pair or request.order_type not in ("market", "limit")):
        raise InvalidInput(
            f"{request.time_in_force} is for market and limit orders: an order that waits cannot end at once.",
            hint="Use day or gtc.",
        )
    own = [leg for leg in request.legs if leg.order_type is not None]
    if own and not (is_pair or is_bracket):
        raise InvalidInput(
            f"{own[0].symbol} has the order type {own[0].order_type} of its own.",
            hint="Only the legs of a linked pair (one_cancels_other) and those of a bracket that protect have; give the"
            " order type for the whole trade.",
        )
    for leg in request.legs:
        _check_prices(leg, leg.order_type or request.order_type)
        if sum(value is not None for value in (leg.quantity, leg.target_weight, leg.position_share)) != 1:
            raise InvalidInput(f"Give {leg.symbol} either a quantity, a target_weight or a position_share.")
    if request.expires_in_minutes is not None and not 1 <= request.expires_in_minutes <= 30 * 24 * 60:
        raise InvalidInput("A proposal expires after 1 minute to 30 days.")


def _check_prices(leg: LegRequest, order_type: OrderType) -> None:
    """Raise InvalidInput unless a leg has the prices of its order type and no others."""
    for name, price, needed in (
        ("limit_price", leg.limit_price, order_type in ("limit", "stop_limit")),
        ("stop_price", leg.stop_price, order_type in ("stop", "stop_limit")),
    ):
        if needed and price is None:
            raise InvalidInput(f"A {order_type} order of {leg.symbol} needs {name}.")
        if not needed and price is not None:
            raise InvalidInput(
                f"A {order_type} order of {leg.symbol} takes no {name}.",
                hint="Leave it out, or choose the order type it belongs to.",
            )
        if price is not None and not (price.is_finite() and price > 0):
            raise InvalidInput(f"{name} of {leg.symbol} is {price}, expected a price above 0.")


def _check_pair(request: TradeRequest) -> None:
    """Raise InvalidInput unless a target and a stop trade the same quantity of one instrument."""
    types = sorted((leg.order_type or request.order_type) for leg in request.legs)
    same = (
        len({(leg.symbol, leg.side, leg.quantity, leg.target_weight, leg.position_share) for leg in request.legs}) == 1
    )
    if len(request.legs) != 2 or not same or types not in (["limit", "stop"], ["limit", "stop_limit"]):
        raise InvalidInput(
            "A linked pair is one limit order and one stop or stop_limit order of the same symbol, side and quantity.",
            hint="Give two legs, each with its order_type.",
        )
    if request.on_failure != "keep":
        raise InvalidInput("A linked pair has nothing to unwind: its two orders are one trade.")


def _check_bracket(request: TradeRequest) -> None:
    """Raise InvalidInput unless an entry, if any, is followed by a stop, a limit or both of one side and quantity."""
    entries = [leg for leg in request.legs if leg.order_type is None]
    protecting = [leg for leg in request.legs if leg.order_type is not None]
    types = sorted(str(leg.order_type) for leg in protecting)
    is_one = len({(leg.side, leg.quantity) for leg in protecting}) == 1 and protecting[0].quantity is not None
    fits = (
        is_one and len({leg.symbol for leg in request.legs}) == 1 and types in (["stop"], ["limit"], ["limit", "stop"])
    )
    if not fits or len(entries) > 1 or request.legs[: len(entries)] != tuple(entries):
        raise InvalidInput(
            "A bracket is an entry, or none, and then a stop, a limit or both of the same symbol, side and quantity.",
            hint="Give each leg that protects its order_type, and the entry none.",
        )
    if request.on_failure != "keep" or (entries and request.order_type not in ("market", "limit")):
        raise InvalidInput("The entry of a bracket is a market or limit order, and nothing of it is unwound.")


def exact_leg(
    asked: LegRequest,
    instrument: Instrument,
    mark: SessionPrice | None,
    *,
    order_type: OrderType,
    held: Decimal,
    nav: Decimal,
    as_of: AsOf,
    rules: VenueRules | None = None,
) -> Leg:
    """Return the leg that would be sent; `rules` are those of its venue where it has some.

    Raises InvalidInput for what cannot be traded or does not fit the lot, NoData without a fresh price.
    """
    lot = LOTS.get(instrument.asset_class) if rules is None else rules.lot
    if lot is None:
        raise InvalidInput(
            f"{instrument.symbol} is of the class {instrument.asset_class}, which cannot be traded.",
            hint="Choose a share, a fund or a cryptocurrency.",
        )
    if mark is None or (as_of.known.date() - mark.session).days > STALE_DAYS:
        last = f"the last is of {mark.session}" if mark else "none is stored"
        raise NoData(
            f"There is no recent price of {instrument.symbol} at {as_of.known:%Y-%m-%d} ({last}).",
            hint="A trade needs a price of the last 10 days.",
        )
    side, quantity = _quantity(asked, lot, mark, held, nav)
    banded = order_type == "market"
    return Leg(
        instrument_id=instrument.instrument_id,
        symbol=instrument.symbol,
        side=side,
        quantity=quantity,
        # A limit is rounded away from the market, a trigger too: never to a price that is worse than what was asked.
        limit_price=_on_tick(asked.limit_price, instrument, rules, up=side == "sell"),
        stop_price=_on_tick(asked.stop_price, instrument, rules, up=side == "buy"),
        band_low=plain_decimal((mark.close * (1 - BAND)).quantize(_CENT)) if banded else None,
        band_high=plain_decimal((mark.close * (1 + BAND)).quantize(_CENT)) if banded else None,
        order_type=asked.order_type,
    )


def _quantity(asked: LegRequest, lot: Decimal, mark: SessionPrice, held: Decimal, nav: Decimal) -> tuple[Side, Decimal]:
    if asked.target_weight is not None:
        return _towards(asked, asked.target_weight, lot, mark, held, nav)
    if asked.side is None:
        raise InvalidInput(f"Say whether to buy or to sell {asked.symbol}.")
    if asked.position_share is not None:
        return asked.side, _part_of(held, asked.position_share, lot, asked.symbol)
    quantity = asked.quantity
    if quantity is None or not quantity.is_finite() or quantity <= 0:
        raise InvalidInput(f"The quantity of {asked.symbol} is {quantity}, expected a number above 0.")
    if quantity % lot:
        whole = _in_lots(quantity, lot)
        kind = "whole shares" if lot == 1 else f"steps of {lot:f}"
        raise InvalidInput(f"{asked.symbol} trades in {kind}, not {quantity:f}.", hint=f"Ask for {max(whole, lot):f}.")
    if quantity > Decimal("1e12"):
        raise InvalidInput(f"The quantity {quantity:f} of {asked.symbol} is out of reason.")
    return asked.side, plain_decimal(quantity)


def _in_lots(quantity: Decimal, lot: Decimal) -> Decimal:
    """Return a quantity cut to whole lots, towards zero; a venue's lot need not be a power of ten."""
    return (quantity / lot).to_integral_value(rounding=ROUND_DOWN) * lot


def _part_of(held: Decimal, share: Decimal, lot: Decimal, symbol: str) -> Decimal:
    if not share.is_finite() or not 0 < share <= 1:
        raise InvalidInput(f"position_share of {symbol} is {share}, expected a ratio of the position (0.5 is half).")
    if held == 0:
        raise InvalidInput(f"The account holds no {symbol}, so there is no part of it.", hint="Give a quantity.")
    part = _in_lots(abs(held) * share, lot)
    if part == 0:
        raise InvalidInput(
            f"{share:%} of the {abs(held):f} {symbol} held is less than the smallest step, {lot:f}.",
            hint="Give a quantity.",
        )
    return plain_decimal(part)


def _towards(
    asked: LegRequest, weight: Decimal, lot: Decimal, mark: SessionPrice, held: Decimal, nav: Decimal
) -> tuple[Side, Decimal]:
    if not weight.is_finite() or abs(weight) > 1:
        raise InvalidInput(
            f"target_weight of {asked.symbol} is {weight}, expected a ratio of net asset value (0.05 = 5 %)."
        )
    if nav <= 0:
        raise InvalidInput("The account's net asset value is not above 0, so a weight means nothing.")
    wanted = weight * nav / mark.close
    change = _in_lots(wanted - held, lot)
    side: Side = "buy" if change > 0 else "sell"
    if change == 0:
        raise InvalidInput(
            f"{asked.symbol} is within one lot of {weight:%} already: {held} held.", hint="Nothing to do."
        )
    if asked.side is not None and asked.side != side:
        raise InvalidInput(
            f"To bring {asked.symbol} to {weight:%} of net asset value means to {side} {abs(change)},"
            f" not to {asked.side}.",
            hint=f"It is at {held * mark.close / nav:.2%} now.",
        )
    return side, plain_decimal(abs(change))


def check_rules(leg: Leg, order_type: OrderType, time_in_force: TimeInForce, rules: VenueRules, close: Decimal) -> None:
    """Raise InvalidInput where the venue of a leg would refuse it; without a price of its own it is valued at a close.

    The venue's adapter judges it again before it is sent.
    """
    refused = rules.objection(
        leg.symbol,
        quantity=leg.quantity,
        order_type=order_type,
        time_in_force=time_in_force,
        prices=[price for price in (leg.limit_price, leg.stop_price) if price is not None],
        reference=leg.limit_price or leg.stop_price or close,
    )
    if refused:
        raise InvalidInput(f"The venue would refuse this. {refused}")


def _on_tick(price: Decimal | None, instrument: Instrument, rules: VenueRules | None, *, up: bool) -> Decimal | None:
    """Return the price on the grid of prices that the instrument trades at."""
    if price is None:
        return None
    tick = tick_of(instrument.asset_class, price) if rules is None else rules.tick
    if tick is None:
        return plain_decimal(price)
    rounded = (price / tick).to_integral_value(rounding=ROUND_CEILING if up else ROUND_FLOOR) * tick
    if rounded <= 0:
        raise InvalidInput(f"The price {price} of {instrument.symbol} is below its tick of {tick}.")
    return plain_decimal(rounded)
