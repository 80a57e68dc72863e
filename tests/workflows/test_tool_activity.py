"""Run tools from a workflow: ids go in, an id comes out, arguments and results stay in the database."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from core.errors import UserError
from core.testing.small_market import AGENT, PETER
from tools.runner import run_tool
from workflows.activities import ToolActivities, TradeActivities


@pytest.fixture
def activities(parts):
    return ToolActivities(parts.desk)


def repeat(activities, name, run):
    return ActivityEnvironment().run(activities.run_tool, name, run)


def test_a_recorded_call_is_repeated_and_only_its_id_comes_back(parts, activities):
    first = run_tool(parts.desk, "portfolio", {"sections": ["value"]}, principal=PETER, face="test")
    again = repeat(activities, "portfolio", first.run)
    assert isinstance(again, str) and again.startswith("run_") and again != first.run
    call = parts.desk.calls.call(again).call
    assert (call.tool, call.face) == ("portfolio", "workflow")
    assert call.arguments == parts.desk.calls.call(first.run).call.arguments


def test_a_repeated_call_gives_the_same_numbers(parts, activities):
    first = run_tool(parts.desk, "portfolio", {}, principal=PETER, face="test")
    again = repeat(activities, "portfolio", first.run)
    values = {fact.name: fact.value for fact in first.facts}
    stored = {fact.name: fact.value for fact in parts.desk.calls.call(again).result.facts}
    assert stored == values and stored["net asset value"] == 100_000.0


def test_proposing_is_never_repeated(parts, activities):
    arguments = {"symbol": "AAA", "side": "buy", "quantity": 10}
    proposed = run_tool(parts.desk, "propose_trade", arguments, principal=AGENT, face="test")
    with pytest.raises(ApplicationError, match="may be repeated") as refusal:
        repeat(activities, "propose_trade", proposed.run)
    assert refusal.value.non_retryable
    assert len(parts.desk.proposals.list()) == 1


def test_the_name_must_be_that_of_the_call(parts, activities):
    first = run_tool(parts.desk, "portfolio", {}, principal=PETER, face="test")
    with pytest.raises(ApplicationError, match="no call of data_coverage"):
        repeat(activities, "data_coverage", first.run)


def test_an_unknown_call_is_not_tried_again(activities):
    with pytest.raises(ApplicationError) as refusal:
        repeat(activities, "portfolio", "run_none")
    assert refusal.value.non_retryable


def test_of_proposals_too_only_states_come_back(parts):
    trade = TradeActivities(parts.desk.proposals, parts.gateway, parts.settlement)
    arguments = {"symbol": "AAA", "side": "buy", "quantity": 10, "reason": "a secret"}
    proposal_id = run_tool(parts.desk, "propose_trade", arguments, principal=AGENT, face="test").proposal_id
    environment = ActivityEnvironment()
    status = environment.run(trade.proposal_status, proposal_id)
    assert set(status) == {"state", "seconds_left"} and status["state"] == "pending"
    with pytest.raises(ApplicationError, match="not approved") as refusal:
        environment.run(trade.send_orders, proposal_id)
    assert refusal.value.non_retryable and isinstance(refusal.value.__cause__, UserError)
    view = parts.desk.proposals.get(proposal_id)
    parts.desk.proposals.decide(proposal_id, "approved", view.proposal.digest, PETER, face="test")
    assert environment.run(trade.send_orders, proposal_id) == {"states": ["accepted"], "open": 1}
    parts.clock.advance(1)
    assert environment.run(trade.follow_orders, proposal_id) == {"states": ["filled"], "open": 0}


def test_a_proposal_that_is_not_there_is_not_asked_for_again(parts):
    trade = TradeActivities(parts.desk.proposals, parts.gateway, parts.settlement)
    with pytest.raises(ApplicationError) as refusal:
        ActivityEnvironment().run(trade.proposal_status, "prp_none")
    assert refusal.value.non_retryable and refusal.value.type == "unknown_name"
