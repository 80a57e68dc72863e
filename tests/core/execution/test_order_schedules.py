"""A few of the random schedules that the proof of the money path runs by the thousand."""

from __future__ import annotations

import pytest

from benchmarks import order_schedules


def test_books_equal_the_venue_after_any_schedule(filled_market, tmp_path):
    counts = order_schedules.run(filled_market, tmp_path, examples=8, number=1)
    assert counts["schedules"] >= 8 and counts["orders at the venue"] > 0


def test_a_sender_that_sends_unknown_orders_again_is_caught(filled_market, tmp_path, monkeypatch):
    """The comparison itself is tested on a careless gateway."""
    from core.execution.gateway import Gateway

    def resolve(self, order):
        with self._store.transaction() as transaction:
            order = transaction.orders.get(order.order_id, lock=True)
            if order.state == "unknown":
                order = self._record(transaction, order, "submit", "")
        return self._transmit(order, first=False)

    monkeypatch.setattr(Gateway, "_resolve", resolve)
    kept = {"dsn": filled_market, "home": tmp_path, "counts": {}}
    machine = type("Careless", (order_schedules.Schedules,), kept)()
    machine.open(deduplicates=False, trades=[("buy", 5, "reply lost")])
    machine.recover()
    with pytest.raises(AssertionError, match="sent twice"):
        machine.teardown()
