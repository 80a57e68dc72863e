"""Change the audit log and the books behind the back of every rule: the check names what was done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from core.adapters.store.audit import StoredAuditLog
from core.errors import InvalidInput
from core.execution.audit import Anchor, keep_anchor, parse_anchor, read_anchor, verify
from core.testing.small_market import AGENT, PETER


@pytest.fixture
def log(desk):
    return StoredAuditLog(desk.database)


@pytest.fixture
def traded(desk, ask, approve, log):
    """Trade once, from the proposal to the booked fill, and return the head of the log."""
    proposal = desk.proposals.propose(ask(), AGENT)
    approve(proposal)
    desk.gateway.release(proposal.proposal_id)
    desk.advance()
    desk.kill_switch.halt(PETER, "enough")
    found = verify(log)
    assert found.problems == ()
    return found.head


def behind_the_rules(desk, statement):
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        assert connection.execute(statement).rowcount > 0


def test_everything_that_moves_money_is_logged_with_who_did_it(desk, traded):
    told = desk.sql("SELECT action, actor FROM desk.audit ORDER BY entry_id")
    actions = [action for action, _ in told]
    for action in (
        "proposals.insert",
        "decisions.insert",
        "decisions.update",
        "orders.insert",
        "order_events.insert",
        "fills.insert",
        "cash_ledger.insert",
        "trading_state.update",
    ):
        assert action in actions
    assert ("decisions.insert", "usr_peter") in told and ("trading_state.update", "usr_peter") in told


def test_the_hash_is_what_its_definition_says(desk, traded):
    (row,) = desk.sql(
        "SELECT entry_id, happened_at, actor, action, subject, detail, previous_hash, entry_hash FROM desk.audit"
        " ORDER BY entry_id DESC LIMIT 1"
    )
    text = json.dumps(
        {
            "action": row[3],
            "actor": row[2],
            "detail": dict(sorted(row[5].items())),
            "entry_id": row[0],
            "happened_at": row[1].strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "subject": row[4],
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )
    assert hashlib.sha256((row[6] + text).encode()).hexdigest() == row[7]


@pytest.mark.parametrize(
    "statement", ["UPDATE desk.audit SET actor = 'me'", "DELETE FROM desk.audit", "TRUNCATE desk.audit"]
)
def test_the_database_refuses_any_change(desk, traded, statement):
    with pytest.raises(Exception, match="append only"):
        desk.sql(statement)


EDITS = {
    "edited": ("UPDATE desk.audit SET actor = 'usr_anna' WHERE entry_id = 4", "Entry 4 .* was changed"),
    "edited detail": (
        "UPDATE desk.audit SET detail = jsonb_set(detail, '{quantity}', '\"9\"') WHERE action = 'fills.insert'",
        r"fills\.insert .* was changed",
    ),
    "deleted": ("DELETE FROM desk.audit WHERE entry_id = 3", "Entry 3 is missing"),
    "reordered": (
        # One after the other: within one statement the order of rows decides whether a key stands twice for a moment.
        "UPDATE desk.audit SET entry_id = -5 WHERE entry_id = 5; UPDATE desk.audit SET entry_id = 5 WHERE entry_id = 6",
        "is missing|does not follow",
    ),
    "first cut": ("DELETE FROM desk.audit WHERE entry_id = 1", "Entry 1 is missing"),
    "fill changed": ("UPDATE execution.fills SET price = price + 1", r"execution\.fills is not what was written"),
    "cash deleted": (
        "DELETE FROM execution.cash_ledger WHERE movement = 'fee'",
        r"execution\.cash_ledger is gone",
    ),
    "decision changed": ("UPDATE execution.decisions SET decided_by = 'x'", r"execution\.decisions is not what"),
    "proposal changed": ("UPDATE execution.proposals SET reason = 'x'", r"execution\.proposals is not what"),
    "order changed": ("UPDATE execution.orders SET quantity = 11", r"execution\.orders is not what"),
    "history changed": (
        "UPDATE execution.order_events SET event = 'x' WHERE sequence = 2",
        r"order_events is not what",
    ),
    "cash added": (
        "INSERT INTO execution.cash_ledger (account_id, movement, amount, booked_at)"
        " VALUES ('main', 'deposit', 5, now())",
        r"execution\.cash_ledger was never announced",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_was_done_behind_the_rules_is_found(desk, log, traded, name):
    statement, expected = EDITS[name]
    behind_the_rules(desk, statement)
    found = verify(log, [traded])
    assert found.problems
    import re

    assert re.search(expected, "\n".join(found.problems)), found.problems


def test_an_edit_that_hashes_itself_anew_breaks_the_next_entry(desk, log, traded):
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE desk.audit SET actor = 'usr_anna' WHERE entry_id = 4")
        connection.execute(
            "UPDATE desk.audit SET entry_hash = desk.audit_hash(previous_hash, entry_id, happened_at, actor, action,"
            " subject, detail) WHERE entry_id = 4"
        )
    assert "Entry 5 does not follow the one before it." in verify(log).problems


def test_a_tail_that_was_cut_off_is_found_by_a_head_kept_elsewhere(desk, log, traded, tmp_path):
    file = tmp_path / "AUDIT_HEAD"
    keep_anchor(file, traded)
    # The trading state has no row that the log could be compared with, so the chain itself is whole.
    behind_the_rules(desk, "DELETE FROM desk.audit WHERE entry_id = (SELECT max(entry_id) FROM desk.audit)")
    assert verify(log).problems == ()
    found = verify(log, [read_anchor(file)])
    assert found.problems == (f"The log once had entry {traded.entry_id}: its tail was cut off.",)


def test_a_log_written_anew_from_a_cut_on_is_found_too(desk, log, traded):
    behind_the_rules(desk, "DELETE FROM desk.audit WHERE entry_id = (SELECT max(entry_id) FROM desk.audit)")
    desk.kill_switch.halt(PETER, "another")
    assert any("head once" in problem for problem in verify(log, [traded]).problems)


def test_heads_are_read_as_they_are_printed(tmp_path):
    anchor = Anchor(entry_id=12, entry_hash="0" * 64)
    assert parse_anchor("12:" + "0" * 64) == anchor
    for text in ("12", "x:" + "0" * 64, "12:00", "²:" + "0" * 64, "-1:" + "0" * 64, ":" + "0" * 64):
        with pytest.raises(InvalidInput, match="head"):
            parse_anchor(text)
    file = tmp_path / "deep" / "AUDIT_HEAD"
    assert read_anchor(file) is None
    keep_anchor(file, anchor)
    assert read_anchor(file) == anchor
    file.write_text("{}")
    with pytest.raises(InvalidInput, match="no head"):
        read_anchor(file)
    assert replace(anchor, entry_id=13) != anchor
