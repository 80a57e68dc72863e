"""Say what protects enabled strategies: what the broker holds, order by order, and what the scan watches."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.testing.small_market import AGENT, ANNA, PETER
from tools.runner import run_tool


@pytest.fixture
def call(parts):
    """Give a function that runs a tool as the agent of peter."""

    def run(tool, /, principal=AGENT, **arguments):
        return run_tool(parts.desk, tool, arguments, principal=principal, face="test")

    return run


@pytest.fixture
def holding(parts, call):
    """Give the proposal of a strategy that holds 66 AAA with a stop and a target at rest."""
    parameters = {"buy": "close > 148.5", "sell": "close > 1000"}
    terms = {"stop_loss": 0.05, "take_profit": 0.2}
    call("save_strategy", name="Rising", strategy="timed", symbols=["AAA"], parameters=parameters, **terms)
    proposal = parts.desk.proposals.get(call("scan_strategies").proposal_id).proposal
    parts.desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="test")
    parts.gateway.release(proposal.proposal_id)
    parts.advance_clock(1)
    parts.gateway.release(proposal.proposal_id)
    return proposal.proposal_id


def test_what_rests_is_what_the_venue_has(parts, call, holding):
    result = call("strategy_stops")
    rows = {row[1]: row for row in result.tables[0].rows}
    with parts.database.transaction() as connection:
        venue = connection.execute(
            "SELECT side, quantity, stop_price, limit_price, client_order_id FROM execution.paper_orders"
            " WHERE state = 'accepted' ORDER BY stop_price NULLS LAST"
        ).fetchall()
    orders = {order.client_order_id: order.order_id for order in parts.desk.books.orders()}
    assert len(venue) == 2
    for name, (side, quantity, stop, limit, client_order_id) in zip(("stop", "target"), venue, strict=True):
        assert rows[f"{name} rests"] == (
            *("Rising", f"{name} rests", "main", "paper", "AAA", side, float(quantity), float(stop or limit)),
            *(orders[client_order_id], None),
        )
    assert (venue[0][2], venue[1][3]) == (Decimal("142.5"), Decimal(180))
    assert (result.fact("orders at rest").value, result.fact("strategies watched").value) == (2, 0)


def test_a_cancelled_stop_is_said_to_be_watched(parts, call, holding):
    order = next(order for order in parts.desk.books.orders(states=("accepted",)) if order.stop_price)
    parts.gateway.cancel(order.order_id, PETER)
    result = call("strategy_stops")
    assert result.fact("orders at rest").value == 0 and result.fact("strategies watched").value == 1
    ((_, said, *_, why),) = result.tables[0].rows
    assert said == "watched" and "until orders that fit the position rest" in why


def test_a_strategy_without_terms_or_of_another_person_is_not_told_of(call, holding):
    result = call("strategy_stops", principal=ANNA)
    assert result.tables[0].rows == () and "No enabled strategy of yours" in result.notes[0]


def test_several_positions_and_spreads_are_watched_and_say_why(call):
    for name, strategy, symbols in (
        ("Both", "buy_and_hold", ["AAA", "BBB"]),
        ("Spread", "pair", ["AAA", "BBB"]),
    ):
        call("save_strategy", name=name, strategy=strategy, symbols=symbols, stop_loss=0.05)
    rows = {row[0]: row[-1] for row in call("strategy_stops").tables[0].rows}
    assert "because their levels are those of several positions together" in rows["Both"]
    assert "because their levels are those of the spread" in rows["Spread"]
