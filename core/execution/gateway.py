"""Send approved orders: the only code that does. It trusts the approval row and nothing it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from core.domain.books import Order, OrderState, Proposal, ProposalDecision
from core.domain.identifiers import client_order_id, content_id
from core.domain.principal import Principal
from core.errors import ApprovalRefused, InvalidInput, OutcomeUnknown, ServiceError, Unavailable
from core.execution.crash_points import crash_point
from core.execution.digest import proposal_digest
from core.execution.gate import RiskGate
from core.execution.impact import live_objection
from core.execution.kill_switch import KillSwitch
from core.execution.market_risk import RiskMarket
from core.execution.marks import Marks
from core.execution.orders import AT_VENUE, OPEN, OrderEvent, move
from core.execution.protection import legs_at_release, linked_legs, protection_due, resting_quantity
from core.execution.reconciliation import Reconciliation
from core.execution.settlement import apply_word
from core.execution.stores import TradingStore, Transaction
from core.ports.broker import Broker, OrderTicket, VenueOrder
from core.ports.clock import Clock

FIRST_ATTEMPT = 1
CANCEL_ROUNDS = 3
SECOND_ATTEMPT = 2
"""Trades back what the first attempt of a leg filled, when another leg failed."""
_MIGHT_DOUBLE = "The venue has no order of this id yet, and sending it again might double it."
_UNCOVERED = "bracket: the position does not hold what this order would rest for"
FAILED: frozenset[OrderState] = frozenset({"denied", "rejected", "cancelled", "expired"})


class Gateway:
    """Release approved proposals to their broker, each leg exactly once whatever dies in between.

    An order is written down under its final id before anything is sent, `submitting` before the venue may know of
    it, and its outcome afterwards. Whoever finds it half-way asks the venue by that id first.
    """

    def __init__(
        self,
        store: TradingStore,
        brokers: Mapping[str, Broker],
        marks: Marks,
        kill_switch: KillSwitch,
        clock: Clock,
        reconciliation: Reconciliation,
    ) -> None:
        self._store = store
        self._brokers = brokers
        self._marks = marks
        self._kill_switch = kill_switch
        self._clock = clock
        self._reconciliation = reconciliation
        self._gate = RiskGate(brokers, RiskMarket(marks, clock), kill_switch)

    def release(self, proposal_id: str) -> Sequence[Order]:
        """Send the orders of an approved proposal, or finish sending them; repeating it changes nothing.

        Raises ApprovalRefused when there is no valid unused approval, Unavailable when the store is lost or the
        account's books and venue were not seen to agree yet. An order that the kill switch, the price band or a limit
        forbids is stored as denied, with the reason.
        """
        crash_point("send.loaded")
        orders = [self._advance(order) for order in self._intend(proposal_id)]
        return [*orders, *self._follow(proposal_id)]

    def recover(self) -> Sequence[Order]:
        """Finish every order that an earlier run left between intention and the venue's word."""
        with self._store.transaction() as transaction:
            orders = transaction.orders.all(states=("intended", "submitting", "unknown"))
        done = [self._advance_if_possible(order) for order in reversed(orders)]
        for proposal_id in dict.fromkeys(order.proposal_id for order in orders):
            done += self._follow(proposal_id)
        return done

    def cancel(self, order_id: str, principal: Principal) -> Order:
        """Ask the venue to cancel an order, and the other of its pair with it; passes while trading is halted.

        Raises ApprovalRefused for others than persons with the scope `trade`, InvalidInput when the order has ended,
        OutcomeUnknown when the venue does not answer: the order stays as it is.
        """
        if principal.kind != "person" or "trade" not in principal.scopes:
            raise ApprovalRefused(f"{principal.name} may not cancel orders.", rule="scope")
        with self._store.transaction() as transaction:
            order = transaction.orders.get(order_id)
        if order.state not in AT_VENUE:
            raise InvalidInput(f"Order {order_id} is {order.state}: there is nothing to cancel at the venue.")
        changed = self._cancelled(order, self._word_on_cancel(order))
        self._end_pair(order.proposal_id)
        return changed

    def cancel_all(self, principal: Principal) -> tuple[Sequence[Order], Sequence[str]]:
        """Cancel every order at work and deny every one not sent yet; return the orders after it and what went wrong.

        Every venue is asked, whatever another one answers. What a venue did not answer for, and what was on its way to
        it meanwhile, is asked for again.
        """
        changed: dict[str, Order] = {}
        problems: list[str] = []
        for again in range(CANCEL_ROUNDS):
            with self._store.transaction() as transaction:
                orders = transaction.orders.all(states=sorted(OPEN), limit=100_000)
            problems = []
            for order in orders:
                if order.order_id in changed:
                    continue
                try:
                    if again:
                        order = self._settled(order)
                    if order.state == "intended":
                        order = self._withdraw(order, "kill_switch: withdrawn with all other orders")
                    if order.state in AT_VENUE:
                        order = self.cancel(order.order_id, principal)
                    changed[order.order_id] = order
                except (ServiceError, InvalidInput) as error:
                    problems.append(f"{order.order_id}: {error}")
        return list(changed.values()), problems

    def _settled(self, order: Order) -> Order:
        """Return an order as it is once nobody is sending it any more: not between two steps of a send either."""
        with self._store.transaction() as transaction:
            transaction.orders.claim(order.order_id)
            return transaction.orders.get(order.order_id, lock=True)

    def _follow(self, proposal_id: str) -> Sequence[Order]:
        """Do what the orders of a proposal call for after they were sent."""
        return [
            *self._unwind(proposal_id),
            *self._protect(proposal_id),
            *self._end_pair(proposal_id),
            *self._end_uncovered(proposal_id),
        ]

    def _withdraw(self, order: Order, reason: str) -> Order:
        with self._store.transaction() as transaction:
            order = transaction.orders.get(order.order_id, lock=True)
            if order.state != "intended":
                return order
            return self._record(transaction, order, "deny", reason)

    def _intend(self, proposal_id: str) -> Sequence[Order]:
        with self._store.transaction() as transaction:
            proposal, _ = transaction.proposals.get(proposal_id)
            orders = transaction.orders.all(proposal_id=proposal_id)
            if orders:
                return list(reversed(orders))
            self._gate.prepare(transaction, proposal)
        self._reconciliation.require(proposal.account_id)
        with self._store.transaction() as transaction:
            # One release per account at a time: the limits see every order that another worker just wrote.
            account = transaction.accounts.get(proposal.account_id, lock=True)
            orders = transaction.orders.all(proposal_id=proposal_id)
            if orders:
                return list(reversed(orders))
            proposal, decision = transaction.proposals.get(proposal_id)
            _check_approval(transaction, proposal, decision)
            objections = self._gate.objections(transaction, proposal, account, "release")
            if not transaction.proposals.use(proposal_id):
                raise ApprovalRefused(f"The approval of {proposal_id} was used already.", rule="used")
            made = [self._order(proposal, leg, "; ".join(objections)) for leg in legs_at_release(proposal)]
            for order in made:
                transaction.orders.add(order)
                transaction.events.put("order.changed", order.order_id)
            crash_point("send.intent_written")
        crash_point("send.intent_stored")
        return made

    def _advance_if_possible(self, order: Order) -> Order:
        """Leave an order as it is where its account does not trade yet, so that other accounts do not wait for it."""
        try:
            return self._advance(order)
        except Unavailable:
            return order

    def _advance(self, order: Order) -> Order:
        """Take an order as far as it goes now, while nobody else does: a half-sent order is never judged by another."""
        with self._store.transaction() as claim:
            claim.orders.claim(order.order_id)
            return self._advance_claimed(claim.orders.get(order.order_id))

    def _advance_claimed(self, order: Order) -> Order:
        if order.state == "intended":
            waits = self._waits_for(order)
            if waits is None:
                waits = self._make_room(order)
            if waits is not None:
                return self._withdraw(order, waits) if waits else order
            self._reconciliation.require(order.account_id)
            order = self._begin(order)
            return self._transmit(order, first=True) if order.state == "submitting" else order
        return self._resolve(order) if order.state in ("submitting", "unknown") else order

    def _waits_for(self, order: Order) -> str | None:
        """Return None when the leg's turn has come, "" while it waits for the one before, else why it never comes."""
        with self._store.transaction() as transaction:
            proposal, _ = transaction.proposals.get(order.proposal_id)
            others = transaction.orders.all(proposal_id=order.proposal_id)
        if order.attempt != FIRST_ATTEMPT:
            return None
        linked = linked_legs(proposal)
        if order.leg in linked:
            over = [
                part for part in others if part.leg in linked and part.leg != order.leg and _ends(part, order, proposal)
            ]
            return f"linked: leg {over[0].leg + 1} is {over[0].state}" if over else None
        failed = [part for part in others if part.leg != order.leg and part.state in FAILED]
        if failed and proposal.on_failure == "unwind":
            return f"legging: leg {failed[0].leg + 1} ended as {failed[0].state}"
        if proposal.legging != "in_order":
            return None
        before = [part for part in others if part.leg == order.leg - 1 and part.attempt == FIRST_ATTEMPT]
        if not before or before[0].state == "filled":
            return None
        return f"legging: leg {order.leg} ended as {before[0].state}" if before[0].state in FAILED else ""

    def _unwind(self, proposal_id: str) -> Sequence[Order]:
        """Take back what other legs did when one failed and the approval says so: cancel, then trade the fills back.

        Each call goes as far as the venue's answers allow; the workflow calls again until no order is open.
        """
        with self._store.transaction() as transaction:
            proposal, _ = transaction.proposals.get(proposal_id)
            orders = transaction.orders.all(proposal_id=proposal_id)
        firsts = [order for order in orders if order.attempt == FIRST_ATTEMPT]
        if proposal.on_failure != "unwind" or not any(order.state in FAILED for order in firsts):
            return []
        changed: list[Order] = []
        for order in sorted(firsts, key=lambda part: part.leg):
            if order.state == "intended":
                changed.append(self._withdraw(order, "legging: another leg failed"))
            elif order.state in ("accepted", "partially_filled"):
                changed.append(self._ask_to_cancel(order))
            elif order.state not in OPEN and order.filled_quantity and not _has_second(orders, order):
                changed.append(self._advance_if_possible(self._trade_back(proposal, order)))
        return changed

    def _end_pair(self, proposal_id: str) -> Sequence[Order]:
        """Cancel the other order of a linked pair once one has ended or traded, whatever the venue does itself."""
        with self._store.transaction() as transaction:
            proposal, _ = transaction.proposals.get(proposal_id)
            orders = transaction.orders.all(proposal_id=proposal_id)
        linked = [order for order in orders if order.leg in linked_legs(proposal)]
        over = [
            order
            for order in linked
            if order.state in ("intended", "accepted", "partially_filled")
            if any(_ends(part, order, proposal) for part in linked if part.leg != order.leg)
        ]
        return [
            self._withdraw(order, "linked: the other order of the pair ended or traded")
            if order.state == "intended"
            else self._ask_to_cancel(order)
            for order in over
        ]

    def _protect(self, proposal_id: str) -> Sequence[Order]:
        """Write and send the orders of a bracket that protect what its entry filled, once that has ended."""
        with self._store.transaction() as transaction:
            proposal, _ = transaction.proposals.get(proposal_id)
            due = protection_due(proposal, transaction.orders.all(proposal_id=proposal_id))
        if not due:
            return []
        with self._store.transaction() as transaction:
            transaction.accounts.get(proposal.account_id, lock=True)
            due = protection_due(proposal, transaction.orders.all(proposal_id=proposal_id))
            made = [self._order(proposal, leg, "", quantity) for leg, quantity in due.items()]
            for order in made:
                transaction.orders.add(order)
                transaction.events.put("order.changed", order.order_id)
            crash_point("send.intent_written")
        crash_point("send.intent_stored")
        return [self._advance_if_possible(order) for order in made]

    def _make_room(self, order: Order) -> str | None:
        """Cancel what protects the shares that an order trades before it leaves, so that never both do.

        Returns None when it may leave, "" while the venue's word or an execution is still to come, else why it never
        does: what protected the position of its author traded since it was proposed, so that it is not the position
        that the approval was for.
        """
        with self._store.transaction() as transaction:
            proposal, _ = transaction.proposals.get(order.proposal_id)
        others = self._protecting(order, proposal)
        if not others:
            return None
        with self._store.transaction() as transaction:
            snapshot = transaction.gate.snapshot(order.account_id, except_proposal=order.proposal_id)
        held = snapshot.positions.get(order.instrument_id, Decimal(0))
        direction = 1 if order.side == "sell" else -1
        working = sum(
            (
                -direction * part.signed_quantity
                for part in snapshot.working
                if part.instrument_id == order.instrument_id and direction * part.signed_quantity < 0
            ),
            Decimal(0),
        )
        resting = [part for part in others if part.state in AT_VENUE]
        left = max(direction * held - order.quantity - working, Decimal(0))
        if len(resting) == len(others) and resting_quantity(resting) <= left:
            return None
        if resting_quantity(resting) > left:
            for part in resting:
                if part.state in ("accepted", "partially_filled"):
                    self._ask_to_cancel(part)
            others = self._protecting(order, proposal)
            if any(part.state in AT_VENUE for part in others):
                return ""
        try:
            told = self._broker(order).account(order.account_id)
        except ServiceError:
            return ""
        if told.positions.get(order.instrument_id, Decimal(0)) != held:
            return ""
        with self._store.transaction() as transaction:
            authors = {part.order_id: transaction.proposals.get(part.proposal_id)[0].author for part in others}
        traded = [part for part in others if part.filled_quantity and authors[part.order_id] == proposal.author]
        return f"bracket: {traded[0].order_id} traded since this was proposed; propose it again" if traded else None

    def _protecting(self, order: Order, proposal: Proposal) -> list[Order]:
        """Return what other proposals have at the venue, or had since this one, to protect what an order trades."""
        with self._store.transaction() as transaction:
            return [
                part
                for part in transaction.orders.protecting(order.account_id, since=proposal.created_at)
                if part.proposal_id != order.proposal_id
                and (part.instrument_id, part.side) == (order.instrument_id, order.side)
            ]

    def _end_uncovered(self, proposal_id: str) -> Sequence[Order]:
        """Cancel what rests in the account of a proposal for more than the position still holds."""
        with self._store.transaction() as transaction:
            account_id = transaction.proposals.get(proposal_id)[0].account_id
            resting = transaction.orders.protecting(account_id)
        ended = []
        for order in resting:
            with self._store.transaction() as transaction:
                is_covered = transaction.orders.is_covered(order.order_id)
            if not is_covered and order.state in ("accepted", "partially_filled"):
                ended.append(self._ask_to_cancel(order))
        return ended

    def _ask_to_cancel(self, order: Order) -> Order:
        try:
            word = self._word_on_cancel(order)
        except ServiceError:
            return order
        return self._cancelled(order, word)

    def _word_on_cancel(self, order: Order) -> VenueOrder:
        crash_point("cancel.before_send")
        word = self._broker(order).cancel(order.account_id, order.client_order_id)
        crash_point("cancel.sent")
        return word

    def _cancelled(self, order: Order, word: VenueOrder) -> Order:
        """Store the venue's word on a cancel."""
        with self._store.transaction() as transaction:
            changed = apply_word(transaction, transaction.orders.get(order.order_id, lock=True), word, self._clock)
            crash_point("cancel.recorded")
        crash_point("cancel.stored")
        return changed

    def _trade_back(self, proposal: Proposal, order: Order) -> Order:
        """Write the order that trades a filled leg back; the database checks it against the approval."""
        now = self._clock.now()
        back = order.model_copy(
            update={
                "order_id": content_id("ord", proposal.proposal_id, str(order.leg), str(SECOND_ATTEMPT)),
                "client_order_id": client_order_id(proposal.proposal_id, order.leg, SECOND_ATTEMPT),
                "attempt": SECOND_ATTEMPT,
                "side": "sell" if order.side == "buy" else "buy",
                "quantity": order.filled_quantity,
                "order_type": "market",
                "limit_price": None,
                "stop_price": None,
                "time_in_force": "day",
                "state": "intended",
                "filled_quantity": Decimal(0),
                "reason": "",
                "venue_order_id": None,
                "desk_time": now,
                "created_at": now,
                "updated_at": now,
            }
        )
        with self._store.transaction() as transaction:
            transaction.accounts.get(order.account_id, lock=True)
            known = transaction.orders.all(proposal_id=proposal.proposal_id)
            if _has_second(known, order):
                return next(part for part in known if part.leg == order.leg and part.attempt == SECOND_ATTEMPT)
            transaction.orders.add(back)
            transaction.events.put("order.changed", back.order_id)
        return back

    def _begin(self, order: Order) -> Order:
        """Write down that the venue may know of the order from now on, if everything still allows it."""
        with self._store.transaction() as transaction:
            proposal, _ = transaction.proposals.get(order.proposal_id)
            protects = proposal.protects(proposal.legs[order.leg])
            if order.attempt == FIRST_ATTEMPT and not protects:
                self._gate.prepare(transaction, proposal)
        with self._store.transaction() as transaction:
            account = transaction.accounts.get(order.account_id, lock=True)
            order = transaction.orders.get(order.order_id, lock=True)
            if order.state != "intended":
                return order
            if order.attempt != FIRST_ATTEMPT or protects:
                # Trading back and protecting are part of what was approved, whenever they become necessary; only a
                # switch stops them, and nothing protects more than is held.
                halted = self._kill_switch.reason(transaction, order_id=order.order_id)
                if halted and protects:
                    return order
                why = f"kill_switch: {halted}" if halted else live_objection(account) or ""
                if protects and not why and not transaction.orders.is_covered(order.order_id):
                    why = _UNCOVERED
            else:
                objections = list(self._gate.objections(transaction, proposal, account, "send"))
                if proposal.expires_at <= transaction.proposals.now():
                    objections.append("expired: the approval lapsed before the order was sent.")
                why = "; ".join(objections)
            order = self._record(transaction, order, "deny" if why else "submit", why)
        crash_point("send.submitting_stored")
        return order

    def _transmit(self, order: Order, *, first: bool) -> Order:
        """Send a submitting order while holding the kill switch on, and store the venue's word."""
        broker = self._broker(order)
        with self._store.transaction() as transaction:
            order = transaction.orders.get(order.order_id, lock=True)
            if order.state != "submitting":
                return order
            ticket = self._ticket(order, transaction.proposals.get(order.proposal_id)[0])
            # Last of all, so that nothing lies between the look at the switch and the send.
            halted = self._kill_switch.reason(transaction, hold=True, order_id=order.order_id)
            if halted is not None:
                # Denied only when certainly nothing was sent; after a crash the venue's evidence decides.
                return self._record(transaction, order, "deny", f"kill_switch: {halted}") if first else order
            crash_point("send.before_send")
            try:
                word = broker.submit(ticket)
            except (OutcomeUnknown, Unavailable) as error:
                # Asking would find nothing for ever: what certainly never left is over, where it cannot be sent again.
                never_left = first and isinstance(error, Unavailable) and not broker.deduplicates
                return self._record(transaction, order, "deny" if never_left else "lose", str(error))
            crash_point("send.sent")
            order = apply_word(transaction, order, word, self._clock)
            crash_point("send.recorded")
        crash_point("send.stored")
        return order

    def _resolve(self, order: Order) -> Order:
        """Ask the venue about an order that may or may not have been sent; resend only where that cannot double it."""
        broker = self._broker(order)
        try:
            word: VenueOrder | None = broker.find(order.account_id, order.client_order_id)
        except ServiceError:
            return order
        with self._store.transaction() as transaction:
            order = transaction.orders.get(order.order_id, lock=True)
            if order.state not in ("submitting", "unknown"):
                return order
            if word is not None:
                return apply_word(transaction, order, word, self._clock)
            if not broker.deduplicates:
                return self._hold(transaction, order, _MIGHT_DOUBLE)
            proposal, _ = transaction.proposals.get(order.proposal_id)
            if proposal.protects(proposal.legs[order.leg]) and not transaction.orders.is_covered(order.order_id):
                return self._hold(transaction, order, _UNCOVERED)
            if self._kill_switch.reason(transaction, order_id=order.order_id) is not None:
                return order
            if order.state == "unknown":
                order = self._record(transaction, order, "submit", "")
        return self._transmit(order, first=False)

    def _hold(self, transaction: Transaction, order: Order, why: str) -> Order:
        """Wait for evidence on an order that the venue does not have and that is not sent again; tell a person once."""
        told = any(event["detail"].get("reason") == why for event in transaction.orders.events(order.order_id))
        if told and order.state == "unknown":
            return order
        transaction.events.put("alert.raised", order.order_id)
        return self._record(transaction, order, "lose", why)

    def _order(self, proposal: Proposal, leg: int, objections: str, quantity: Decimal | None = None) -> Order:
        part = proposal.legs[leg]
        now = self._clock.now()
        return Order(
            order_id=content_id("ord", proposal.proposal_id, str(leg), str(FIRST_ATTEMPT)),
            client_order_id=client_order_id(proposal.proposal_id, leg, FIRST_ATTEMPT),
            proposal_id=proposal.proposal_id,
            leg=leg,
            attempt=FIRST_ATTEMPT,
            account_id=proposal.account_id,
            instrument_id=part.instrument_id,
            side=part.side,
            quantity=part.quantity if quantity is None else quantity,
            order_type=proposal.order_type_of(part),
            limit_price=part.limit_price,
            stop_price=part.stop_price,
            time_in_force=proposal.time_in_force_of(part),
            state="denied" if objections else "intended",
            reason=objections,
            desk_time=now,
            created_at=now,
            updated_at=now,
        )

    def _record(self, transaction: Transaction, order: Order, event: OrderEvent, reason: str) -> Order:
        changed = transaction.orders.record(
            order,
            move(order.state, event),
            desk_time=self._clock.now(),
            reason=reason or None,
        )
        if changed.state != order.state:
            transaction.events.put("order.changed", order.order_id)
        return changed

    def _ticket(self, order: Order, proposal: Proposal) -> OrderTicket:
        linked = linked_legs(proposal) if order.attempt == FIRST_ATTEMPT else []
        other = next((leg for leg in linked if order.leg in linked and leg != order.leg), None)
        return OrderTicket(
            client_order_id=order.client_order_id,
            account_id=order.account_id,
            instrument_id=order.instrument_id,
            symbol=self._marks.instrument(order.instrument_id).symbol,
            side=order.side,
            quantity=order.quantity,
            order_type=order.order_type,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            time_in_force=order.time_in_force,
            desk_time=self._clock.now(),
            linked_to="" if other is None else client_order_id(order.proposal_id, other, FIRST_ATTEMPT),
        )

    def _broker(self, order: Order) -> Broker:
        with self._store.transaction() as transaction:
            name = transaction.accounts.get(order.account_id).broker
        broker = self._brokers.get(name)
        if broker is None:
            raise InvalidInput(
                f"Account {order.account_id} trades at {name!r}, which this desk does not know.",
                hint=f"Known brokers: {', '.join(sorted(self._brokers))}.",
            )
        return broker


def _ends(one: Order, other: Order, proposal: Proposal) -> bool:
    """Say whether what became of one order of a linked pair ends the other: it traded, or ended before either did.

    One that never came to rest ends nothing in a bracket: a position keeps its stop when its target is refused.
    """
    if one.filled_quantity > 0:
        return True
    if proposal.legging == "bracket" and one.state in ("denied", "rejected"):
        return False
    return one.state not in OPEN and other.filled_quantity == 0


def _has_second(orders: Sequence[Order], order: Order) -> bool:
    return any(part.leg == order.leg and part.attempt == SECOND_ATTEMPT for part in orders)


def _check_approval(transaction: Transaction, proposal: Proposal, decision: ProposalDecision | None) -> None:
    if decision is None or decision.decision != "approved":
        raise ApprovalRefused(f"Proposal {proposal.proposal_id} is not approved.", rule="not_approved")
    if decision.decided_by_kind != "person" or decision.face == "demo":
        raise ApprovalRefused(f"Proposal {proposal.proposal_id} was not approved by a person.", rule="person")
    if not decision.digest == proposal.digest == proposal_digest(proposal):
        raise ApprovalRefused(f"Proposal {proposal.proposal_id} is not what was approved.", rule="digest")
    if decision.used_at is not None:
        raise ApprovalRefused(f"The approval of {proposal.proposal_id} was used already.", rule="used")
    if proposal.expires_at <= transaction.proposals.now():
        raise ApprovalRefused(f"The approval of {proposal.proposal_id} lapsed with its expiry.", rule="expired")
