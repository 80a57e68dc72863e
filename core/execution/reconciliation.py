"""Compare the books with what the venue says; trading waits until both agree or a person explained why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.domain.books import Difference, ExternalOrder
from core.domain.identifiers import IdSource
from core.domain.principal import Principal
from core.errors import InvalidInput, NotSignedIn, ServiceError, Unavailable
from core.execution.orders import AT_VENUE
from core.execution.positions import CENT
from core.execution.settlement import Settlement
from core.execution.stores import Outcome, TradingStore, Transaction
from core.ports.broker import Broker, VenueAccount
from core.ports.clock import Clock

ZERO = Decimal(0)
LOOKS = 3
"""How often both sides are asked before what differs is called a difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """Say how one comparison ended: `adopted` are foreign orders seen for the first time.

    `differences` are those that no person has explained as they stand.
    """

    account_id: str
    outcome: Outcome
    adopted: tuple[str, ...]
    differences: tuple[Difference, ...]
    detail: str


class Reconciliation:
    """Compare orders, executions, positions and cash of accounts with their venues."""

    def __init__(
        self,
        store: TradingStore,
        brokers: Mapping[str, Broker],
        settlement: Settlement,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._brokers = brokers
        self._settlement = settlement
        self._clock = clock
        self._ids = ids
        self._agreed: set[str] = set()

    def run(self, account_id: str | None = None) -> tuple[Reconciled, ...]:
        """Compare one account or all: book what was missed, adopt foreign orders, raise an alert for what differs.

        Nothing is closed or changed to make the sides agree. A venue that does not answer leaves everything as it is.
        """
        with self._store.transaction() as transaction:
            accounts = [part for part in transaction.accounts.all() if account_id in (None, part.account_id)]
        return tuple(self._compare(account.account_id, account.broker) for account in accounts)

    def require(self, account_id: str) -> None:
        """Raise Unavailable unless this process has seen the account's books and venue agree."""
        if account_id in self._agreed:
            return
        for found in self.run(account_id):
            if found.outcome != "agrees":
                raise Unavailable(
                    f"Account {account_id} does not trade before it is reconciled: {found.detail}",
                    hint="`quantdesk reconcile` shows what differs.",
                )

    def explain(self, difference_id: str, explanation: str, principal: Principal) -> None:
        """Accept a difference as explained, as a person with the scope `approve`; it counts until it changes again."""
        if principal.kind != "person" or "approve" not in principal.scopes:
            raise NotSignedIn(
                f"{principal.name} may not explain differences.", hint="Sign in as a person with the scope `approve`."
            )
        if not explanation.strip():
            raise InvalidInput("An explanation has at least one word.")
        with self._store.transaction() as transaction:
            transaction.reconciliations.end_difference(difference_id, by=principal.id, explanation=explanation)

    def set_aside(self, transaction: Transaction, account_id: str, names: Sequence[str], person: Principal) -> None:
        """Explain holdings in instruments that the desk does not know, as they stand when an account is opened."""
        for name in names:
            difference = Difference(
                difference_id=self._ids.new("dif"),
                account_id=account_id,
                subject="instrument",
                name=name,
                ours="unknown",
                theirs="held",
                found_at=self._clock.wall(),
            )
            transaction.reconciliations.add_difference(difference)
            transaction.reconciliations.end_difference(
                difference.difference_id,
                by=person.id,
                explanation="Held when the account was opened; this desk does not trade it.",
            )

    def differences(self, account_id: str | None = None) -> tuple[Difference, ...]:
        """Return the open differences, newest first."""
        with self._store.transaction() as transaction:
            return tuple(transaction.reconciliations.differences(account_id))

    def external_orders(self, account_id: str | None = None) -> tuple[ExternalOrder, ...]:
        """Return the orders at venues that the desk did not send, newest first."""
        with self._store.transaction() as transaction:
            return tuple(transaction.reconciliations.external_orders(account_id))

    def _compare(self, account_id: str, broker_name: str) -> Reconciled:
        broker = self._brokers.get(broker_name)
        try:
            if broker is None:
                raise Unavailable(f"This desk does not know the venue {broker_name!r}.")
            told, asked_at = self._settled_account(account_id, broker)
        except ServiceError as error:
            # A question that failed is not an answer: nothing is flat, nothing has ended.
            self._agreed.discard(account_id)
            with self._store.transaction() as transaction:
                transaction.reconciliations.put_comparison(account_id, "unanswered", str(error))
            return Reconciled(
                account_id=account_id, outcome="unanswered", adopted=(), differences=(), detail=str(error)
            )
        with self._store.transaction() as transaction:
            adopted = self._adopt(transaction, account_id, told)
            found = _differences(transaction, account_id, told, asked_at)
            left = self._store_differences(transaction, account_id, found)
            outcome: Outcome = "differs" if left else "agrees"
            detail = "; ".join(f"{part.subject} {part.name}: {part.ours} here, {part.theirs} there" for part in left)
            transaction.reconciliations.put_comparison(account_id, outcome, detail)
        self._agreed.discard(account_id) if left else self._agreed.add(account_id)
        return Reconciled(
            account_id=account_id, outcome=outcome, adopted=adopted, differences=tuple(left), detail=detail
        )

    def _settled_account(self, account_id: str, broker: Broker) -> tuple[VenueAccount, datetime]:
        """Book what the venue executed, then ask for its account; again while both were asked around a fill.

        Returns its answer and the database's time before the question.
        """
        for _ in range(LOOKS):
            settled = self._settlement.settle(account_id)
            if settled.problems:
                raise Unavailable("; ".join(settled.problems))
            with self._store.transaction() as transaction:
                asked_at = transaction.proposals.now()
            told = broker.account(account_id)
            with self._store.transaction() as transaction:
                if not _differences(transaction, account_id, told, asked_at):
                    break
        return told, asked_at

    def _adopt(self, transaction: Transaction, account_id: str, told: VenueAccount) -> tuple[str, ...]:
        known = {order.client_order_id for order in transaction.orders.all(account_id=account_id, limit=100_000)}
        foreign = [order for order in told.open_orders if order.client_order_id not in known]
        adopted = []
        now = self._clock.wall()
        for order in foreign:
            external = ExternalOrder(
                account_id=account_id,
                venue_order_id=order.venue_order_id,
                client_order_id=order.client_order_id,
                instrument_id=order.instrument_id,
                symbol=order.symbol,
                side=order.side,
                quantity=order.quantity,
                filled_quantity=order.filled_quantity,
                first_seen_at=now,
                last_seen_at=now,
            )
            if transaction.reconciliations.adopt(external):
                adopted.append(order.venue_order_id)
                transaction.events.put("alert.raised", order.venue_order_id)
        transaction.reconciliations.end_absent(account_id, [order.venue_order_id for order in foreign])
        return tuple(adopted)

    def _store_differences(
        self, transaction: Transaction, account_id: str, found: Mapping[tuple[str, str], tuple[str, str]]
    ) -> list[Difference]:
        """End differences that are gone, add new ones, and return those that no person has explained."""
        rows = transaction.reconciliations
        explained = {
            (part.subject, part.name, part.ours, part.theirs)
            for part in rows.differences(account_id, only_open=False)
            if part.ended_by not in (None, "desk")
        }
        standing: dict[tuple[str, str], Difference] = {}
        for part in rows.differences(account_id):
            if found.get((part.subject, part.name)) == (part.ours, part.theirs):
                standing[part.subject, part.name] = part
            else:
                rows.end_difference(part.difference_id, by="desk", explanation="It is gone or has changed.")
        left = []
        for (subject, name), (ours, theirs) in found.items():
            if (subject, name, ours, theirs) in explained:
                continue
            difference = standing.get((subject, name))
            if difference is None:
                difference = Difference(
                    difference_id=self._ids.new("dif"),
                    account_id=account_id,
                    subject=subject,
                    name=name,
                    ours=ours,
                    theirs=theirs,
                    found_at=self._clock.wall(),
                )
                rows.add_difference(difference)
                transaction.events.put("alert.raised", difference.difference_id)
            left.append(difference)
        return left


def _differences(
    transaction: Transaction, account_id: str, told: VenueAccount, asked_at: datetime
) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (subject, name) -> (ours, theirs) wherever the two sides do not say the same.

    An order that another process sent after the venue was asked is not missing in its answer.
    """
    found: dict[tuple[str, str], tuple[str, str]] = {}
    held = {row.instrument_id: row.quantity for row in transaction.books.positions(account_id)}
    for key in sorted(held.keys() | told.positions.keys()):
        ours, theirs = held.get(key, ZERO), told.positions.get(key, ZERO)
        if ours != theirs:
            found["position", str(key)] = (_text(ours), _text(theirs))
    for name in told.unmapped:
        found["instrument", name] = ("unknown", "held")
    if told.cash is not None:
        account = transaction.accounts.get(account_id)
        ours, theirs = transaction.books.balance(account_id), told.cash.get(account.currency, ZERO)
        if abs(ours - theirs) >= CENT:
            found["cash", account.currency] = (_text(ours), _text(theirs))
    there = {order.client_order_id for order in told.open_orders}
    for order in transaction.orders.all(account_id=account_id, states=sorted(AT_VENUE)):
        # What the venue may still be thinking about is UNKNOWN, and resolved by asking for that very order.
        is_at_work = order.state in ("accepted", "partially_filled")
        if is_at_work and order.client_order_id not in there and order.updated_at <= asked_at:
            found["order", order.order_id] = (order.state, "not open")
    return found


def _text(value: Decimal) -> str:
    return format(value.normalize(), "f")
