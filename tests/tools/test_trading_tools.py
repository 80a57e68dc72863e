"""Run propose_trade and portfolio through the one door, on a real database with a small market."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import InvalidInput, Refused, UnknownName
from core.testing.small_market import AGENT, PETER
from tools.runner import run_tool
from tools.tracing import replay


@pytest.fixture
def call(parts):
    """Give a function that runs a tool as the agent of peter."""

    def run(name, principal=AGENT, **arguments):
        return run_tool(parts.desk, name, arguments, principal=principal, face="test")

    return run


def test_a_proposal_says_what_it_would_do_and_keeps_its_facts_as_evidence(parts, call):
    result = call("propose_trade", symbol="AAA", side="buy", quantity=10, reason="it rises")
    assert result.label == "private"
    values = {fact.name: fact.value for fact in result.facts}
    assert (values["quantity"], values["last close"], values["notional"]) == (10.0, 150.0, 1500.0)
    assert (values["cash before"], values["cash after"]) == (100_000.0, 98_499.85)
    assert (values["position before"], values["position after"]) == (0.0, 10.0)
    assert (values["price band low"], values["price band high"]) == (142.5, 157.5)
    view = parts.desk.proposals.get(result.proposal_id)
    assert view.proposal.digest == result.details["digest"]
    assert view.proposal.reason == "it rises" and view.proposal.requested_by == PETER.id
    assert [parts.desk.calls.fact(fact_id).run for fact_id in view.proposal.evidence] == [result.run] * len(
        view.proposal.evidence
    )
    assert any("waits for a person" in note for note in result.notes)


def test_a_trade_by_weight_closes_a_position(parts, call):
    proposal = call("propose_trade", symbol="aaa", side="buy", quantity=10)
    view = parts.desk.proposals.get(proposal.proposal_id)
    parts.desk.proposals.decide(proposal.proposal_id, "approved", view.proposal.digest, PETER, face="test")
    parts.gateway.release(proposal.proposal_id)
    parts.advance_clock(1)
    closing = call("propose_trade", symbol="AAA", target_weight=0.0)
    assert closing.fact("side").value == "sell" and closing.fact("quantity").value == 10.0


def test_legs_are_judged_together_and_named(parts, call):
    result = call(
        "propose_trade",
        legs=[
            {"symbol": "AAA", "side": "buy", "quantity": 5},
            {"symbol": "BBB", "side": "sell", "quantity": 8},
        ],
    )
    assert result.fact("quantity of AAA").value == 5.0
    assert result.fact("position after of BBB").value == -8.0
    assert len(parts.desk.proposals.get(result.proposal_id).proposal.legs) == 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"symbol": "AAAX", "side": "buy", "quantity": 1}, UnknownName),
        ({"symbol": "AAA", "side": "buy", "quantity": -1}, InvalidInput),
        ({"symbol": "AAA", "side": "buy", "quantity": 0.5}, InvalidInput),
        ({"side": "buy", "quantity": 1}, InvalidInput),
        ({"symbol": "AAA", "quantity": 1, "side": "buy", "order_type": "limit"}, InvalidInput),
        ({"symbol": "AAA", "quantity": 1, "side": "buy", "status": "approved"}, InvalidInput),
        ({"symbol": "AAA", "legs": [{"symbol": "BBB", "side": "buy", "quantity": 1}]}, InvalidInput),
        ({"symbol": "AAA", "side": "buy", "quantity": 5000}, Refused),
    ],
)
def test_bad_trades_are_refused_and_nothing_is_stored(parts, call, arguments, error):
    with pytest.raises(error):
        call("propose_trade", **arguments)
    assert parts.desk.proposals.list() == []


def test_a_reader_may_not_propose(parts, call):
    from core.domain.principal import Principal

    reader = Principal(id="usr_r", name="reader", kind="person", scopes=frozenset({"read"}))
    with pytest.raises(Refused, match="trade"):
        call("propose_trade", reader, symbol="AAA", side="buy", quantity=1)


def test_the_portfolio_shows_value_positions_and_history(parts, call):
    proposal = call("propose_trade", symbol="AAA", side="buy", quantity=100)
    view = parts.desk.proposals.get(proposal.proposal_id)
    pending = call("portfolio", sections=["proposals"]).tables[0]
    assert pending.rows[0][:2] == ("buy 100 AAA", "pending")
    parts.desk.proposals.decide(proposal.proposal_id, "approved", view.proposal.digest, PETER, face="test")
    parts.gateway.release(proposal.proposal_id)
    parts.advance_clock(2)
    result = call("portfolio")
    values = {fact.name: fact.value for fact in result.facts}
    # Bought at 151.5303 for a fee of 1.52; AAA closes at 152 two sessions later.
    assert values["net asset value"] == pytest.approx(100_000 - 15_153.03 - 1.52 + 15_200)
    assert values["P&L of the last session"] == 100.0
    assert values["total P&L"] == pytest.approx(values["unrealised P&L"] + values["realised P&L"] - values["fees paid"])
    (positions,) = result.tables
    row = dict(zip([column.name for column in positions.columns], positions.rows[0], strict=True))
    assert (row["symbol"], row["quantity"], row["price"], row["market_value"]) == ("AAA", 100.0, 152.0, 15_200.0)
    assert row["weight"] == pytest.approx(15_200 / values["net asset value"])
    (chart,) = result.charts
    assert chart.series[0].y[-1] == pytest.approx(values["net asset value"])
    fills = call("portfolio", sections=["fills", "orders"], symbol="aaa")
    assert {table.name: len(table.rows) for table in fills.tables} == {"fills": 1, "orders": 1}
    assert call("portfolio", sections=["fills"], symbol="BBB").tables[0].rows == ()


def test_the_portfolio_of_the_past_is_as_it_was(parts, call):
    from core.domain.as_of import AsOf

    start = AsOf(known=parts.clock.now())
    proposal = call("propose_trade", symbol="AAA", side="buy", quantity=100)
    view = parts.desk.proposals.get(proposal.proposal_id)
    parts.desk.proposals.decide(proposal.proposal_id, "approved", view.proposal.digest, PETER, face="test")
    parts.gateway.release(proposal.proposal_id)
    parts.advance_clock(1)
    then = run_tool(parts.desk, "portfolio", {}, principal=PETER, face="test", as_of=start)
    assert then.fact("net asset value").value == 100_000.0 and then.tables[0].rows == ()


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"symbol": "AAAX", "side": "buy", "quantity": 1}, UnknownName, "AAA"),
        ({"symbol": "IDX", "side": "buy", "quantity": 1}, InvalidInput, "cannot be traded"),
        ({"symbol": "AAA", "quantity": 1}, InvalidInput, "buy or to sell"),
        ({"symbol": "AAA", "side": "buy"}, InvalidInput, "quantity, a target_weight or a position_share"),
        ({"symbol": "AAA", "side": "buy", "quantity": 1.5}, InvalidInput, "whole shares"),
        ({"symbol": "AAA", "side": "hold", "quantity": 1}, InvalidInput, "side"),
        ({"symbol": "AAA", "side": "buy", "quantity": 1, "order_type": "limit"}, InvalidInput, "needs limit_price"),
        ({"symbol": "AAA", "side": "buy", "quantity": 1, "limit_price": 1}, InvalidInput, "takes no limit_price"),
        ({"symbol": "AAA", "side": "buy", "quantity": 1, "time_in_force": "opg"}, InvalidInput, "time_in_force"),
        ({"symbol": "AAA", "target_weight": 1.2}, InvalidInput, "target_weight"),
        ({"symbol": "AAA", "side": "buy", "quantity": 1, "account": "nobody"}, UnknownName, "main"),
        ({"symbol": "AAA", "side": "buy", "quantity": 401}, Refused, "max_order_notional"),
        ({"symbol": "AAA", "side": "buy", "quantity": 1, "expires_in_minutes": 0}, InvalidInput, "expires_in_minutes"),
        ({"legs": [], "side": "buy", "quantity": 1}, InvalidInput, "No symbol"),
    ],
)
def test_each_refusal_names_what_to_change_and_is_recorded(parts, call, arguments, error, match):
    with pytest.raises(error, match=match):
        call("propose_trade", **arguments)
    assert parts.desk.proposals.list() == []


@pytest.mark.parametrize(
    "sections", [["value"], ["positions"], ["limits"], ["history"], ["orders", "fills"], ["proposals"]]
)
def test_an_empty_account_shows_every_section(call, sections):
    result = call("portfolio", sections=sections)
    assert result.label == "private"
    assert [table.name for table in result.tables] == [name for name in sections if name not in ("value", "history")]
    if sections == ["value"]:
        values = {fact.name: fact.value for fact in result.facts}
        assert (values["net asset value"], values["cash"], values["positions"]) == (100_000.0, 100_000.0, 0)
        assert (values["total P&L"], values["gross exposure"], values["drawdown"]) == (0.0, 0.0, 0.0)
    if sections == ["history"]:
        assert set(result.charts[0].series[0].y) == {100_000.0}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"sections": ["secrets"]}, InvalidInput),
        ({"symbol": "AAAX"}, UnknownName),
        ({"account": "nobody"}, UnknownName),
        ({"limit": 0}, InvalidInput),
        ({"unknown": 1}, InvalidInput),
    ],
)
def test_what_the_portfolio_does_not_know_is_an_error(call, arguments, error):
    with pytest.raises(error):
        call("portfolio", **arguments)


def test_the_limits_say_what_is_used_and_whether_trading_is_on(parts, call):
    before = {fact.name: fact.value for fact in call("portfolio", sections=["limits"]).facts}
    assert before["trading"] == "on"
    assert before["largest order allowed"] == 60_000.0
    assert before["orders that need two persons, above"] == 50_000.0
    parts.kill_switch.halt(PETER, "test")
    after = {fact.name: fact.value for fact in call("portfolio", sections=["limits"]).facts}
    assert after["trading"] == "halted: usr_peter: test"
    parts.kill_switch.resume(PETER, "test")


def test_an_hour_later_the_list_of_proposals_replays_to_the_same_digest(parts, call, monkeypatch):
    call("propose_trade", symbol="AAA", side="buy", quantity=10)
    first = call("portfolio", sections=["proposals"])
    (now,) = parts.desk.proposals.list()
    later = replace(now, seconds_left=now.seconds_left - 3600)
    monkeypatch.setattr(parts.desk.proposals, "list", lambda **_: [later])
    assert replay(parts.desk, first.run, PETER, face="test").same


def test_a_small_quantity_is_written_out(call):
    call("propose_trade", symbol="BTC", side="buy", quantity=0.00000001)
    assert call("portfolio", sections=["proposals"]).tables[0].rows[0][0] == "buy 0.00000001 BTC"


def test_the_proposal_of_a_limit_order_states_its_price_and_no_band(call):
    result = call(
        "propose_trade",
        symbol="AAA",
        side="sell",
        quantity=10,
        order_type="limit",
        limit_price=155.5,
        time_in_force="gtc",
    )
    values = {fact.name: fact.value for fact in result.facts}
    assert values["limit price"] == 155.5 and "price band low" not in values
    assert (values["position after"], values["notional"]) == (-10.0, 1555.0)
    assert result.details["time_in_force"] == "gtc"
    assert any("opens a short position" in note for note in result.notes)
