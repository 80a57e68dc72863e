"""Judge whether a leg can trade as it stands: its session, its lot, its tick. Pure."""

from __future__ import annotations

from decimal import Decimal

from core.data.calendar import session_at
from core.domain.books import Leg, TimeInForce
from core.domain.trading_rules import LOTS, tick_of
from core.execution.market_risk import MarketView
from core.risk.limits import Verdict

ZERO = Decimal(0)


def venue_refusals(leg: Leg, view: MarketView, time_in_force: TimeInForce) -> tuple[Verdict, ...]:
    """Return the verdicts of those of the rules `lot`, `tick` and `session` that a leg breaks.

    Orders that end at once need an open market: on a live clock they are refused outside the session, by what is
    measured the minutes to the next opening. Others wait at the venue for the session that `waits_for` names. On a
    replaying clock, which stands still from close to close, the next opening is the next moment there is.
    """
    instrument = view.instruments[leg.instrument_id]
    found = []
    lot = LOTS.get(instrument.asset_class)
    rest = leg.quantity if lot is None else leg.quantity % lot
    if rest:
        steps = "cannot be traded" if lot is None else f"trades in steps of {lot:f}"
        found.append(_refusal("lot", rest, f"{leg.symbol} {steps}, and {leg.quantity:f} is asked for."))
    for name, price in (("limit", leg.limit_price), ("stop", leg.stop_price)):
        tick = None if price is None else tick_of(instrument.asset_class, price)
        if price is not None and tick is not None and price % tick:
            found.append(
                _refusal("tick", price % tick, f"The {name} {price:f} of {leg.symbol} is off its tick {tick:f}.")
            )
    session = session_at(view.moment, instrument.calendar)
    if time_in_force in ("ioc", "fok") and view.is_live and view.moment < session.opens:
        minutes = Decimal(int((session.opens - view.moment).total_seconds())) / 60
        reason = (
            f"{time_in_force} needs an open market, and that of {leg.symbol} opens {session.opens:%Y-%m-%d %H:%M} UTC."
        )
        found.append(_refusal("session", minutes, reason))
    return tuple(found)


def waits_for(leg: Leg, view: MarketView, time_in_force: TimeInForce) -> str | None:
    """Return a sentence on the session that an order sent now waits for, None while its market is open."""
    session = session_at(view.moment, view.instruments[leg.instrument_id].calendar)
    if session.opens <= view.moment:
        return None
    ends = f" and ends at its close, {session.closes:%H:%M} UTC" if time_in_force == "day" else ""
    return (
        f"The market of {leg.symbol} is closed: an order sent now waits for the session of {session.day}, which opens"
        f" at {session.opens:%H:%M} UTC{ends}."
    )


def _refusal(rule: str, measured: Decimal, reason: str) -> Verdict:
    return Verdict(rule=rule, allowed=False, before=ZERO, after=measured, limit=ZERO, reason=reason)
