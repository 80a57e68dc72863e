"""Hold what every broker has to satisfy; a broker's test inherits this class and says how to open its venue."""

# ruff: noqa: D102

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.errors import OutcomeUnknown, Unavailable
from core.ports.broker import Broker, OrderTicket, VenueOrder


class BrokerContract:
    """Check a broker on an empty account; subclasses give the venue."""

    account_id = "main"
    instrument_id = 1
    symbol = "AAA"
    desk_time: datetime
    sells_short = True
    """Whether the venue takes an order to sell what the account does not hold."""

    @abstractmethod
    def open_broker(self) -> Broker:
        """Return the broker on an empty account of a venue that answers."""

    @abstractmethod
    def trade(self) -> None:
        """Let the venue execute every working market order in full."""

    @abstractmethod
    def open_broken(self) -> Broker:
        """Return the broker on a venue that does not answer any more."""

    def ticket(self, number: int = 1, **changes: Any) -> OrderTicket:
        """Return a ticket to buy 10 that waits far from the market, unless changed."""
        values: dict[str, Any] = {
            "client_order_id": f"qd{number:030x}",
            "account_id": self.account_id,
            "instrument_id": self.instrument_id,
            "symbol": self.symbol,
            "side": "buy",
            "quantity": Decimal(10),
            "order_type": "limit",
            "limit_price": Decimal(1),
            "stop_price": None,
            "time_in_force": "gtc",
            "desk_time": self.desk_time,
        }
        return OrderTicket(**{**values, **changes})

    def market(self, number: int = 1, **changes: Any) -> OrderTicket:
        """Return a ticket to trade 10 at the market."""
        return self.ticket(number, order_type="market", limit_price=None, time_in_force="day", **changes)

    def test_an_accepted_order_is_found_under_the_id_it_was_sent_with(self) -> None:
        broker, ticket = self.open_broker(), self.ticket()
        word = broker.submit(ticket)
        assert (word.client_order_id, word.state) == (ticket.client_order_id, "accepted")
        assert word.venue_order_id
        found = broker.find(self.account_id, ticket.client_order_id)
        assert found is not None and (found.venue_order_id, found.state) == (word.venue_order_id, "accepted")

    def test_a_stop_rests_where_the_broker_says_so(self) -> None:
        broker = self.open_broker()
        ticket = self.ticket(order_type="stop", limit_price=None, stop_price=Decimal(10_000_000))
        if broker.rests_stops:
            assert broker.submit(ticket).state == "accepted"
            (order,) = broker.account(self.account_id).open_orders
            assert (order.client_order_id, order.quantity) == (ticket.client_order_id, Decimal(10))
            assert order.filled_quantity == 0

    def test_the_account_names_the_open_order(self) -> None:
        broker, side = self.open_broker(), "sell" if self.sells_short else "buy"
        ticket = self.ticket(side=side, limit_price=Decimal(10_000_000 if self.sells_short else 1))
        broker.submit(ticket)
        told = broker.account(self.account_id)
        (order,) = told.open_orders
        assert (order.client_order_id, order.side, order.quantity) == (ticket.client_order_id, side, Decimal(10))
        assert (order.instrument_id, order.filled_quantity) == (self.instrument_id, Decimal(0))
        assert not told.positions

    def test_sending_an_id_again_makes_one_order_where_the_venue_promises_it(self) -> None:
        broker, ticket = self.open_broker(), self.ticket()
        first = broker.submit(ticket)
        if broker.deduplicates:
            again = broker.submit(ticket)
            assert again.venue_order_id == first.venue_order_id
            assert len(broker.account(self.account_id).open_orders) == 1

    def test_an_order_it_never_got_is_none_and_has_no_executions(self) -> None:
        broker = self.open_broker()
        assert broker.find(self.account_id, f"qd{9:030x}") is None
        assert list(broker.executions(self.account_id, [f"qd{9:030x}"])) == []

    def test_a_cancelled_order_ends_once_and_stays_ended(self) -> None:
        broker, ticket = self.open_broker(), self.ticket()
        broker.submit(ticket)
        assert broker.cancel(self.account_id, ticket.client_order_id).state == "cancelled"
        assert broker.cancel(self.account_id, ticket.client_order_id).state == "cancelled"
        assert self._state(broker.find(self.account_id, ticket.client_order_id)) == "cancelled"
        assert broker.account(self.account_id).open_orders == ()

    def test_executions_add_up_and_are_the_same_when_asked_again(self) -> None:
        broker = self.open_broker()
        tickets = [self.market(1), self.market(2, side="sell", quantity=Decimal(4))]
        for ticket in tickets:
            broker.submit(ticket)
            self.trade()
        ids = [ticket.client_order_id for ticket in tickets]
        told = broker.executions(self.account_id, ids)
        by_id = {part.execution_id: part for part in told}
        sums = {name: sum(part.quantity for part in by_id.values() if part.client_order_id == name) for name in ids}
        assert sums == {ids[0]: 10, ids[1]: 4}
        assert all(part.price > 0 and part.fee >= 0 and part.executed_at.tzinfo for part in told)
        assert {part.execution_id: part for part in broker.executions(self.account_id, ids)} == by_id
        kept = sum((part.fee_quantity for part in told), Decimal(0))
        assert dict(broker.account(self.account_id).positions) == {self.instrument_id: 6 - kept}
        assert [self._state(broker.find(self.account_id, name)) for name in ids] == ["filled", "filled"]

    def test_a_cancel_after_the_fill_changes_nothing(self) -> None:
        broker, ticket = self.open_broker(), self.market()
        broker.submit(ticket)
        self.trade()
        assert broker.cancel(self.account_id, ticket.client_order_id).state == "filled"
        (told,) = broker.executions(self.account_id, [ticket.client_order_id])
        assert dict(broker.account(self.account_id).positions) == {self.instrument_id: 10 - told.fee_quantity}

    def test_a_venue_that_does_not_answer_is_never_an_empty_answer(self) -> None:
        broker, ticket = self.open_broken(), self.ticket()
        for ask in (
            lambda: broker.submit(ticket),
            lambda: broker.cancel(self.account_id, ticket.client_order_id),
            lambda: broker.find(self.account_id, ticket.client_order_id),
            lambda: broker.executions(self.account_id, [ticket.client_order_id]),
            lambda: broker.account(self.account_id),
        ):
            try:
                answer = ask()
            except (OutcomeUnknown, Unavailable):
                continue
            raise AssertionError(f"A dead venue answered {answer!r}.")

    @staticmethod
    def _state(word: VenueOrder | None) -> str:
        return "" if word is None else word.state
