"""Replay stored histories: a change of the workflow that running proposals could not survive fails here.

A history is kept by `RECORD_HISTORIES=1 pytest tests/workflows/test_trade_approval.py`; one that was kept stays, as
proposals of its kind may still be under way.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from workflows.ingest import IngestWorkflow
from workflows.scan import ScanWorkflow
from workflows.trade_approval import TradeApprovalWorkflow

HISTORIES = sorted(Path(__file__).with_name("histories").glob("*.json"))
ENDS = {"filled", "rejected", "expired", "denied", "told_without_a_decision_then_working"}
OTHERS = {"ingest_backfill", "ingest_in_order", "ingest_partial", "scan"}


def history_of(path):
    text = path.read_text(encoding="utf-8")
    started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], text)


def test_every_end_of_a_proposal_is_stored():
    assert {path.stem for path in HISTORIES} >= ENDS | OTHERS


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_the_workflow_of_today_replays_it(path):
    await Replayer(workflows=[TradeApprovalWorkflow, IngestWorkflow, ScanWorkflow]).replay_workflow(history_of(path))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_it_holds_ids_and_states_only(path):
    text = path.read_text(encoding="utf-8")
    events = json.loads(text)["events"]
    assert events[0]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"
    assert "AAA" not in text and not re.search(r'"/[a-z]+/', text)
    assert not re.search(r"[0-9]+@\w+", text)


@workflow.defn(name="TradeApprovalWorkflow")
class SendsFirst:
    """A careless change: it sends before it asks for the decision."""

    @workflow.run
    async def run(self, proposal_id: str) -> str:
        await workflow.execute_activity("send_orders", proposal_id, start_to_close_timeout=timedelta(seconds=60))
        return "filled"

    @workflow.update
    async def look(self, proposal_id: str) -> str:
        return ""


async def test_a_careless_change_does_not_replay():
    stored = next(path for path in HISTORIES if path.stem == "filled")
    with pytest.raises(workflow.NondeterminismError):
        await Replayer(workflows=[SendsFirst], workflow_runner=UnsandboxedWorkflowRunner()).replay_workflow(
            history_of(stored)
        )
