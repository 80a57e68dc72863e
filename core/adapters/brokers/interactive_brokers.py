"""Trade at Interactive Brokers; only its lists of orders and executions decide what became of an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from core.adapters.transport.tws import Said, TwsOrder, TwsRefusal, TwsSession
from core.domain.books import Side
from core.errors import OutcomeUnknown, Unavailable, UnknownName
from core.ports.broker import Execution, OrderTicket, VenueAccount, VenueOpenOrder, VenueOrder, VenueState
from core.ports.clock import Clock
from core.ports.market_data import Instruments

_NEW_YORK, _UTC = ZoneInfo("America/New_York"), ZoneInfo("UTC")
_TYPES = {"market": "MKT", "limit": "LMT", "stop": "STP", "stop_limit": "STP LMT"}
_WORKING = frozenset({"PreSubmitted", "Submitted"})
_ENDED = frozenset({"Cancelled", "ApiCancelled", "Inactive"})
# Errors on an order that leave it alive: warnings, a locate that is under way, a preset that changed its time in force.
_REMARKS = frozenset({165, 399, 404, 10167, 10349})
_TOO_LATE_TO_CANCEL = frozenset({161, 10147, 10148})
_COMMISSION_WAIT = timedelta(seconds=60)
"""How long an execution is held back for its commission, which comes in a message of its own."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Hold what the vendor's lists say of one order."""

    at_work: tuple[TwsOrder, ...]
    ended: tuple[TwsOrder, ...]
    executed: Decimal
    said: tuple[Said, ...]

    @property
    def quantity(self) -> Decimal | None:
        """Return what was ordered, None when nothing here tells."""
        stated = [part.order.totalQuantity for part in self.at_work] + [part.quantity for part in self.said]
        return next((_exact(value) for value in stated if value), None)


class InteractiveBrokers:
    """Send stock orders under the desk's id as order reference, from a paper account or one switched to live.

    The reference is a label, not a key: the venue takes it twice, so what was sent and not answered is never sent
    again. A status text decides nothing: an order is at work while the list of open orders has it, filled when its
    executions add up, ended when the list of completed orders has it or when it was said to have ended and is in no
    list of open orders. An account of the desk has the number of the account at the vendor as its id.
    """

    deduplicates = False
    rests_stops = True

    def __init__(
        self,
        session: TwsSession,
        instruments: Instruments,
        clock: Clock,
        *,
        may_trade_live: Callable[[str], bool] = lambda account_id: False,
    ) -> None:
        self._session = session
        self._instruments = instruments
        self._clock = clock
        self._may_trade_live = may_trade_live
        self._contracts: dict[str, Any] = {}

    def submit(self, ticket: OrderTicket) -> VenueOrder:
        """Send an order and wait until the venue has it, refuses it, or the wait is over (OutcomeUnknown)."""
        refusal = self._refusal(ticket)
        if refusal:
            return _word(ticket.client_order_id, "rejected", reason=refusal)
        contract = self._contract(ticket.symbol)
        if contract is None:
            return _word(
                ticket.client_order_id,
                "rejected",
                reason=f"Interactive Brokers knows no single US stock {ticket.symbol!r}; nothing was sent.",
            )
        said = self._session.place(contract, _order(ticket), _has_answer)
        if said.is_executed or _WORKING & set(said.statuses) or "Filled" in said.statuses:
            return _word(ticket.client_order_id, "accepted", said.perm_id, _remark(said))
        # It was refused or ended, by a message that may be wrong: the list of open orders has the last word.
        found = self.find(ticket.account_id, ticket.client_order_id)
        if found is None:
            raise OutcomeUnknown(f"Interactive Brokers says {_remark(said)!r}, and its lists do not have the order.")
        return found

    def cancel(self, account_id: str, client_order_id: str) -> VenueOrder:
        """Ask for a cancel and return what the lists say after the venue's answer."""
        order_id, quantity = self._own_order(client_order_id)
        if order_id is not None:
            self._session.cancel(order_id, client_order_id, quantity, _has_ended)
        found = self.find(account_id, client_order_id)
        if found is None:
            raise OutcomeUnknown(f"Interactive Brokers has no order {client_order_id} in its lists.")
        return found

    def find(self, account_id: str, client_order_id: str) -> VenueOrder | None:
        """Return what the lists of open and completed orders and the executions say of an order."""
        self._require_link()
        at_work = tuple(part for part in self._session.open_orders() if part.order.orderRef == client_order_id)
        ended = tuple(part for part in self._session.completed_orders() if part.order.orderRef == client_order_id)
        self._session.refresh_executions()
        executed = sum(
            (part.quantity for part in self._executions(account_id, {client_order_id}, all_=True)), Decimal()
        )
        said = tuple(part for part in self._session.mailbox.said.values() if part.order_ref == client_order_id)
        return _judge(client_order_id, _Evidence(at_work, ended, executed, said))

    def executions(self, account_id: str, client_order_ids: Sequence[str]) -> Sequence[Execution]:
        """Return the executions of these orders whose commission is known or overdue."""
        self._require_link()
        self._session.refresh_executions()
        return list(self._executions(account_id, set(client_order_ids)))

    def account(self, account_id: str) -> VenueAccount:
        """Return open orders, positions and cash of the vendor's account of this number."""
        self._require_link()
        orders, seen = [], set[str]()
        for part in self._session.open_orders():
            if part.order.account == account_id and part.state.status not in _ENDED | {"Filled"}:
                # A second live order under one reference is nobody's: shown as foreign, and alarmed.
                name = "" if part.order.orderRef in seen else part.order.orderRef
                seen.add(name)
                orders.append(self._open_order(part, name))
        positions: dict[int, Decimal] = {}
        unmapped = []
        for account, contract, quantity in self._session.positions():
            if account != account_id or not quantity:
                continue
            instrument_id = self._instrument_id(contract)
            if instrument_id is None:
                unmapped.append(f"{contract.secType} {contract.localSymbol or contract.symbol}")
            else:
                positions[instrument_id] = positions.get(instrument_id, Decimal()) + _exact(quantity)
        cash = {
            currency: Decimal(value)
            for account, tag, value, currency in self._session.account_values(account_id)
            if account == account_id and tag == "CashBalance" and currency != "BASE"
        }
        return VenueAccount(
            open_orders=tuple(orders),
            positions=positions,
            cash=cash or None,
            unmapped=tuple(unmapped),
            is_paper=is_paper(account_id),
        )

    def _require_link(self) -> None:
        if not self._session.is_linked:
            raise Unavailable(
                "The gateway has lost its line to Interactive Brokers (1100): its lists may be old.",
                hint="It restores the line by itself.",
            )

    def _refusal(self, ticket: OrderTicket) -> str:
        """Return why this order must not leave here, checked before anything is sent."""
        if self._clock.mode != "live":
            return "The desk replays the past; orders leave for Interactive Brokers only on a live clock."
        if ticket.quantity != ticket.quantity.to_integral_value():
            return f"Interactive Brokers takes whole shares here, not {ticket.quantity:f}."
        accounts = self._session.accounts()
        self._require_link()
        if ticket.account_id not in accounts:
            return f"This login manages {', '.join(accounts)}, not {ticket.account_id}."
        if not is_paper(ticket.account_id) and not self._may_trade_live(ticket.account_id):
            return f"Account {ticket.account_id} trades real money and is not switched to live."
        return ""

    def _contract(self, symbol: str) -> Any:
        """Return the stock's contract, None when there is not exactly one."""
        from ib_async import Stock

        if symbol not in self._contracts:
            try:
                found = self._session.contracts(Stock(symbol.replace(".", " "), "SMART", "USD"))
            except (OutcomeUnknown, TwsRefusal) as error:
                raise Unavailable(f"The contract of {symbol} is not known, so nothing was sent. {error}") from error
            ids = {details.contract.conId: details.contract for details in found}
            if len(ids) != 1:
                return None
            (contract,) = ids.values()
            contract.exchange = "SMART"
            self._contracts[symbol] = contract
        return self._contracts[symbol]

    def _own_order(self, client_order_id: str) -> tuple[int | None, Any]:
        """Return the vendor's number of an order that this client id sent and that may be at work."""
        for part in self._session.open_orders():
            if part.order.orderRef == client_order_id and part.order.orderId:
                return part.order.orderId, part.order.totalQuantity
        return None, None

    def _executions(self, account_id: str, wanted: set[str], *, all_: bool = False) -> Iterable[Execution]:
        """Yield what is known of these orders; executions that wait for their commission only when `all_` are asked."""
        mailbox = self._session.mailbox
        now = self._clock.wall()
        for name, (contract, part) in list(mailbox.executions.items()):
            if part.acctNumber != account_id or part.orderRef not in wanted:
                continue
            report = mailbox.commissions.get(name)
            executed_at: datetime = part.time.astimezone(_UTC)
            if report is None and not all_ and now - executed_at < _COMMISSION_WAIT:
                continue
            note = f"{part.execId} at {part.exchange}"
            yield Execution(
                execution_id=name,
                client_order_id=part.orderRef,
                quantity=_exact(part.shares),
                price=_exact(part.price),
                fee=_exact(report.commission) if report else Decimal(),
                currency=contract.currency,
                session=executed_at.astimezone(_NEW_YORK).date(),
                executed_at=executed_at,
                note=note if report else f"{note}; its commission was not reported",
            )

    def _open_order(self, part: TwsOrder, client_order_id: str) -> VenueOpenOrder:
        side: Side = "buy" if part.order.action == "BUY" else "sell"
        executed = self._executions(part.order.account, {part.order.orderRef} - {""}, all_=True)
        return VenueOpenOrder(
            venue_order_id=str(part.order.permId),
            client_order_id=client_order_id,
            instrument_id=self._instrument_id(part.contract),
            symbol=part.contract.localSymbol or part.contract.symbol,
            side=side,
            quantity=_exact(part.order.totalQuantity),
            filled_quantity=sum((execution.quantity for execution in executed), Decimal()),
        )

    def _instrument_id(self, contract: Any) -> int | None:
        if contract.secType != "STK" or contract.currency != "USD":
            return None
        try:
            return self._instruments.find(contract.symbol.replace(" ", ".")).instrument_id
        except UnknownName:
            return None


def is_paper(account_id: str) -> bool:
    """Return whether the vendor's number is that of a paper account: these begin with D, live ones with U or F."""
    return account_id.startswith("D")


def _judge(client_order_id: str, evidence: _Evidence) -> VenueOrder | None:
    """Return what became of an order by the evidence, None when no list has it and nobody said anything on it."""
    quantity = evidence.quantity
    perm_ids = [part.order.permId for part in (*evidence.at_work, *evidence.ended)]
    perm_id = next((number for number in (*perm_ids, *(part.perm_id for part in evidence.said)) if number), 0)
    remark = " ".join(_remark(part) for part in evidence.said).strip()
    if quantity is not None and evidence.executed >= quantity:
        return _word(client_order_id, "filled", perm_id, remark)
    is_refused = any(_refusals(part) for part in evidence.said)
    # Inactive is what a refusal looks like, and what an order that the venue holds looks like too.
    over = _ENDED | {"Filled"} if is_refused else _ENDED - {"Inactive"} | {"Filled"}
    working = [part for part in evidence.at_work if part.state.status not in over]
    if working:
        if len(working) > 1:
            remark = f"{len(working)} live orders carry this reference. {remark}".strip()
        return _word(client_order_id, "partially_filled" if evidence.executed else "accepted", perm_id, remark)
    for part in evidence.ended:
        text = part.state.completedStatus or part.state.status
        if part.state.status == "Filled":
            return _word(client_order_id, "filled", perm_id, text)
        state: VenueState = "rejected" if "reject" in text.lower() else "cancelled"
        return _word(client_order_id, state, perm_id, f"{text} {remark}".strip())
    for said in evidence.said:
        if _refusals(said):
            return _word(client_order_id, "cancelled" if _was_at_work(said) else "rejected", perm_id, remark)
        if said.statuses and said.statuses[-1] in _ENDED:
            return _word(client_order_id, "cancelled", perm_id, remark)
    if evidence.executed:
        return _word(client_order_id, "partially_filled" if quantity else "filled", perm_id, remark)
    return None


def _has_answer(said: Said) -> bool:
    """Say whether the venue took the order or refused it; being on the way to it is no answer."""
    if said.is_executed or _refusals(said):
        return True
    return bool(said.statuses) and (said.statuses[-1] in _ENDED | _WORKING | {"Filled"})


def _has_ended(said: Said) -> bool:
    """Say whether the venue answered a cancel: done, too late, or filled."""
    numbers = {number for number, _ in said.errors}
    return bool(numbers & (_TOO_LATE_TO_CANCEL | {202})) or bool(said.statuses and said.statuses[-1] in _ENDED)


def _was_at_work(said: Said) -> bool:
    return bool(_WORKING & set(said.statuses))


def _refusals(said: Said) -> list[str]:
    alive = _REMARKS | _TOO_LATE_TO_CANCEL
    return [text for number, text in said.errors if number not in alive and not 2100 <= number < 2200]


def _remark(said: Said) -> str:
    return "; ".join(dict.fromkeys(f"{number}: {text}" for number, text in said.errors))


def _order(ticket: OrderTicket) -> Any:
    from ib_async import Order

    make: Any = Order
    order = make(
        action=ticket.side.upper(),
        totalQuantity=_plain(ticket.quantity),
        orderType=_TYPES[ticket.order_type],
        tif=ticket.time_in_force.upper(),
        orderRef=ticket.client_order_id,
        account=ticket.account_id,
    )
    if ticket.linked_to:
        # Type 1: what is executed of one cancels what is left of the other, which does not trade meanwhile.
        order.ocaGroup, order.ocaType = min(ticket.client_order_id, ticket.linked_to), 1
    if ticket.limit_price is not None:
        order.lmtPrice = _plain(ticket.limit_price)
    if ticket.stop_price is not None:
        order.auxPrice = _plain(ticket.stop_price)
    return order


def _plain(value: Decimal) -> Decimal:
    """Return the number in the form that is written without an exponent."""
    return Decimal(format(value.normalize(), "f"))


def _exact(value: Any) -> Decimal:
    return Decimal(str(value)).normalize()


def _word(client_order_id: str, state: VenueState, perm_id: int = 0, reason: str = "") -> VenueOrder:
    return VenueOrder(
        client_order_id=client_order_id, venue_order_id=str(perm_id) if perm_id else "", state=state, reason=reason
    )
