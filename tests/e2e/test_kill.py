"""Kill everything, or the worker alone, around an approval: one order and one fill come of it, always."""

from __future__ import annotations

import json
import os
import signal
from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def propose_by_command(desk: Any, symbol: str, quantity: int) -> dict[str, Any]:
    arguments = {"legs": [{"symbol": symbol, "side": "buy", "quantity": quantity}]}
    made = desk.document("tool", "propose_trade", "--args", json.dumps(arguments))
    return desk.document("proposals", "show", made["proposal_id"])


def held(owner: Any, symbol: str) -> Decimal:
    found = [row for row in owner.get("/api/positions")["positions"] if row["symbol"] == symbol]
    return Decimal(found[0]["quantity"]) if found else Decimal(0)


def counts(desk: Any, proposal_id: str) -> tuple[int, int, int, Decimal]:
    """Return orders, orders at the venue, fills and the filled quantity of a proposal, read around the product."""
    (row,) = desk.rows(
        "SELECT count(DISTINCT o.order_id), count(DISTINCT v.client_order_id), count(DISTINCT f.fill_id),"
        " coalesce(sum(f.quantity), 0) FROM execution.orders o"
        " LEFT JOIN execution.paper_orders v USING (client_order_id)"
        " LEFT JOIN execution.fills f ON f.order_id = o.order_id WHERE o.proposal_id = %s",
        proposal_id,
    )
    return row


def states(desk: Any, proposal_id: str) -> list[str]:
    return [state for (state,) in desk.rows("SELECT state FROM execution.orders WHERE proposal_id = %s", proposal_id)]


def test_a_desk_killed_between_proposal_and_approval_makes_one_order(desk, owner, sign_in, until):
    made = owner.post("/api/tools/propose_trade", {"legs": [{"symbol": "MSFT", "side": "buy", "quantity": 7}]})
    proposal = owner.get(f"/api/proposals/{made['proposal_id']}")
    before = held(owner, "MSFT")
    first = desk.pids()

    killed = desk.kill()
    assert set(first) == {"supervisor", "postgres", "temporal", "worker", "web"}
    assert set(first.values()) <= killed
    desk.start()
    assert not set(desk.pids().values()) & set(first.values())

    back = sign_in(desk)
    where = f"/api/proposals/{proposal['proposal_id']}"
    again = back.get(where)
    assert (again["state"], again["digest"]) == ("pending", proposal["digest"])
    approval = {"decision": "approved", "digest": proposal["digest"]}
    # The old session's token does not fit the new session, and no token fits nothing.
    token = back.client.headers.pop("X-CSRF-Token")
    assert back.post(f"{where}/decision", approval, status=403)["error"]["message"].startswith("The X-CSRF-Token")
    back.client.headers["X-CSRF-Token"] = token
    assert back.post(f"{where}/decision", approval)["state"] == "approved"
    until(lambda: states(desk, proposal["proposal_id"]) == ["accepted"], 60, "the order to reach the venue")

    back.post("/api/clock/advance", {"sessions": 1})
    until(lambda: states(desk, proposal["proposal_id"]) == ["filled"], 60, "the fill")
    assert counts(desk, proposal["proposal_id"]) == (1, 1, 1, 7)
    assert held(back, "MSFT") == before + 7
    refused = back.post(f"{where}/decision", approval, status=403)
    assert "already" in refused["error"]["message"]


def test_a_worker_killed_right_after_the_approval_makes_one_order(desk, until):
    proposal = propose_by_command(desk, "KO", 5)
    name = proposal["proposal_id"]
    agent = desk.key("agent", "read,trade")
    person = desk.key("person", "read,trade,approve")
    said = desk.command("proposals", "approve", name, token=agent, exit_code=1)
    assert "person" in said or "approve" in said
    assert states(desk, name) == []

    worker = desk.pids()["worker"]
    approved = desk.document("proposals", "approve", name, "--digest", proposal["digest"], token=person)
    os.kill(worker, signal.SIGKILL)
    assert approved["state"] == "approved"
    again = desk.command("proposals", "approve", name, token=person, exit_code=1)
    assert "already" in again

    until(lambda: states(desk, name) == ["accepted"], 90, "the restarted worker to send the order")
    assert desk.pids()["worker"] != worker
    desk.command("clock", "advance", "1")
    until(lambda: states(desk, name) == ["filled"], 60, "the fill")
    assert counts(desk, name) == (1, 1, 1, 5)


def test_a_changed_digest_is_refused(desk):
    proposal = propose_by_command(desk, "PG", 1)
    person = desk.key("person", "read,approve")
    said = desk.command(
        "proposals", "approve", proposal["proposal_id"], "--digest", "00" * 32, token=person, exit_code=1
    )
    assert "digest" in said
    assert desk.rows("SELECT count(*) FROM execution.decisions WHERE proposal_id = %s", proposal["proposal_id"]) == [
        (0,)
    ]
    assert counts(desk, proposal["proposal_id"]) == (0, 0, 0, 0)
