"""Walk the whole path: propose, approve, send, fill, books."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.execution.digest import proposal_digest
from core.testing.small_market import AGENT


def test_from_a_request_to_a_fill_and_a_position(desk, ask, approve):
    proposal = desk.proposals.propose(ask(quantity=10, reason="it rises"), AGENT)
    assert proposal.digest == proposal_digest(proposal)
    assert (proposal.author, proposal.author_kind, proposal.requested_by) == ("agent:usr_peter", "agent", "usr_peter")
    assert proposal.notional == 1500
    assert (proposal.band_low, proposal.band_high) == (Decimal("142.5"), Decimal("157.5"))
    assert desk.proposals.get(proposal.proposal_id).state == "pending"

    approve(proposal)
    (order,) = desk.gateway.release(proposal.proposal_id)
    assert (order.state, order.filled_quantity) == ("accepted", 0)
    desk.settlement.settle()
    assert desk.books.fills() == []
    assert "clock advance 1" in desk.proposals.get(proposal.proposal_id).progress

    desk.advance()
    (fill,) = desk.books.fills()
    # The next session opens at 151.50; 2 bps slippage is 0.0303; the fee is 1 bp of 1,515.303 dollars.
    assert (fill.price, fill.quantity, fill.fee) == (Decimal("151.5303"), 10, Decimal("0.15"))
    assert str(fill.session) == "2022-11-30" and "open of 2022-11-30" in fill.note
    held = desk.books.holdings()
    (line,) = held.positions
    assert (line.symbol, line.quantity, line.average_cost) == ("AAA", 10, Decimal("151.530"))
    assert held.cash == Decimal("100000.00") - Decimal("1515.30") - Decimal("0.15")
    assert held.nav == held.cash + 10 * Decimal(151)
    assert desk.proposals.get(proposal.proposal_id).progress == "Filled."


def test_repeating_every_step_changes_nothing(desk, ask, approve):
    proposal = desk.proposals.propose(ask(), AGENT)
    approve(proposal)
    first = desk.gateway.release(proposal.proposal_id)
    assert desk.gateway.release(proposal.proposal_id) == first
    assert desk.gateway.recover() == []
    desk.advance()
    books = desk.books.holdings()
    for _ in range(2):
        desk.settlement.settle()
        desk.gateway.release(proposal.proposal_id)
    assert desk.books.holdings() == books
    assert desk.sql("SELECT count(*) FROM execution.paper_orders") == [(1,)]


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_closes_only_fill_at_the_close_and_say_so(desk, ask, approve, side):
    proposal = desk.proposals.propose(ask("BBB", side, 4), AGENT)
    approve(proposal)
    desk.gateway.release(proposal.proposal_id)
    desk.advance()
    (fill,) = desk.books.fills()
    assert fill.price == (Decimal("50.01") if side == "buy" else Decimal("49.99"))
    assert "closes only" in fill.note and "total-return" in fill.note
    assert fill.filled_at.isoformat() == "2022-11-30T21:00:00+00:00"
