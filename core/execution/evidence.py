"""End an order whose outcome the venue does not tell, on a person's word with evidence that is kept."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.books import Order
from core.domain.principal import Principal
from core.errors import ApprovalRefused, InvalidInput
from core.execution.orders import move
from core.execution.settlement import ENDED_BY, apply_word
from core.execution.stores import TradingStore
from core.ports.broker import Broker
from core.ports.clock import Clock

LEAST_EVIDENCE = 20
"""Characters below which a reason is no evidence."""


def end_unknown(
    store: TradingStore,
    brokers: Mapping[str, Broker],
    clock: Clock,
    order_id: str,
    person: Principal,
    evidence: str,
) -> Order:
    """End an `unknown` order that never reached its venue, as a signed-in person says and shows; return it.

    The venue is asked once more: where it knows the order, its word stands instead. The evidence is kept in the order's
    history and so in the audit log; an execution that comes later still counts and calls for a person. Raises
    ApprovalRefused for others than persons with the scope `approve`, InvalidInput for an order that is not unknown or
    for no evidence, and what the venue raises when it does not answer.
    """
    if person.kind != "person" or "approve" not in person.scopes:
        raise ApprovalRefused(f"{person.name} may not end orders.", rule="scope", hint="The scope `approve` is needed.")
    said = " ".join(evidence.split())
    if len(said) < LEAST_EVIDENCE:
        raise InvalidInput(
            f"{said!r} is no evidence.", hint="Say who at the venue confirmed what, and when, or name the statement."
        )
    with store.transaction() as transaction:
        order = transaction.orders.get(order_id)
        broker = brokers[transaction.accounts.get(order.account_id).broker]
    if order.state != "unknown":
        raise InvalidInput(f"Order {order_id} is {order.state}: only an unknown one is ended by a person.")
    word = broker.find(order.account_id, order.client_order_id)
    with store.transaction() as transaction:
        order = transaction.orders.get(order_id, lock=True)
        if word is not None or order.state != "unknown":
            return order if word is None else apply_word(transaction, order, word, clock)
        ended = transaction.orders.record(
            order,
            move(order.state, "reject"),
            desk_time=clock.now(),
            reason=f"{ENDED_BY}{person.name}: {said}",
            detail={"ended_by": person.id, "evidence": said},
        )
        transaction.events.put("order.changed", order_id)
        return ended
