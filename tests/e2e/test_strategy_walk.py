"""Walk from an idea to a booked trade as a newcomer does: enable a pair, scan, read the card, approve, see the books.

`RECORD_PICTURES=1` takes the pictures of the documentation on the way.
"""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def picture(guest: Any, name: str) -> None:
    if os.environ.get("RECORD_PICTURES"):
        from benchmarks.pictures import save

        save(guest.page, name)


def held(owner: Any) -> dict[str, Decimal]:
    return {row["symbol"]: Decimal(row["quantity"]) for row in owner.get("/api/positions")["positions"]}


def test_a_pair_is_enabled_scanned_approved_filled_and_audited(visitor, desk, owner, until):
    token = desk.key("person", "read,trade")
    before = held(owner)
    guest = visitor()
    guest.sign_in("/chat/")
    said = guest.ask('enable a pair strategy on JPM and BAC called "Banks" with 5%')
    assert "Banks" in said and "waits for a person" in said
    (kept,) = desk.document("strategies", "list", token=token)
    assert (kept["name"], kept["symbols"], kept["weight"], kept["enabled"]) == ("Banks", "JPM, BAC", 0.05, "yes")

    # The worker may have scanned by itself when the strategy was new; then the scan finds its proposal waiting.
    said = guest.ask("scan my strategies")
    assert "looked at" in said
    (row,) = until(lambda: [one for one in owner.get("/api/proposals") if "Banks" in one["reason"]], 60, "the proposal")
    shown = owner.get(f"/api/proposals/{row['proposal_id']}")
    legs = {leg["symbol"]: leg for leg in shown["legs"]}
    assert set(legs) == {"JPM", "BAC"} and {leg["side"] for leg in legs.values()} == {"buy", "sell"}
    assert shown["author"].startswith("stg_") and shown["on_failure"] == "unwind"
    picture(guest, "strategy_chat")

    text = guest.open(f"/proposals/{row['proposal_id']}")
    assert "Exactly what would be sent" in text and row["proposal_id"] in text
    for name in ("probability of a gain", "expected return over the horizon", "expected shortfall of a session after"):
        assert name in text
    picture(guest, "strategy_proposal")
    guest.page.get_by_role("button", name="Approve").click()
    until(lambda: owner.get(f"/api/proposals/{row['proposal_id']}")["state"] == "approved", 30, "the approval")
    until(lambda: len(owner.get(f"/api/proposals/{row['proposal_id']}")["orders"]) == 2, 60, "both orders")
    desk.command("clock", "advance", "1")
    until(lambda: held(owner) != before, 60, "the fills")
    signs = {"buy": 1, "sell": -1}
    after = held(owner)
    for symbol, leg in legs.items():
        change = after.get(symbol, Decimal(0)) - before.get(symbol, Decimal(0))
        assert change == signs[leg["side"]] * Decimal(leg["quantity"])

    profit = desk.command("positions", "--profit", "strategy", token=token)
    assert shown["author"] in profit
    made = desk.document("strategies", "recommendations", token=token)
    assert made[0]["proposal_id"] == row["proposal_id"] and 0 <= made[0]["probability"] <= 1
    assert "whole and in order" in desk.command("audit", "verify")
    desk.command("strategies", "disable", "--name", "Banks", token=token)
    (kept,) = desk.document("strategies", "list", token=token)
    assert kept["enabled"] == "no"
