"""Halt by every road and find trading halted on every other; whatever cannot be read counts as halted."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from core.domain.principal import Principal
from core.errors import NotSignedIn, TradingHalted, Unavailable
from core.execution.kill_switch import HALT_FILE, KillSwitch
from core.execution.stores import TradingState
from core.testing.small_market import AGENT, ANNA, CLERK, PETER

SERVICE = Principal(id="svc", name="scanner", kind="service", scopes=frozenset({"read"}))
LOCAL = Principal(id="local:peter", name="peter", kind="person", scopes=frozenset({"read", "trade", "admin"}))


def by_command(desk):
    desk.kill_switch.halt(PETER, "markets are odd")


def by_file(desk):
    desk.kill_switch.file.write_text("by hand\n", encoding="utf-8")


def by_empty_file(desk):
    desk.kill_switch.file.touch()


def by_strange_file(desk):
    desk.kill_switch.file.write_bytes(b"\xff\xfe\x00\x81")


def by_folder(desk):
    desk.kill_switch.file.mkdir()


def by_dangling_content(desk):
    desk.kill_switch.file.write_text("  \n", encoding="utf-8")


def by_row(desk):
    desk.sql("UPDATE execution.trading_state SET halted = true, reason = 'by SQL', changed_by = 'dba'")


def by_missing_row(desk):
    desk.sql("DELETE FROM execution.trading_state")


HALTS = [
    (by_command, "usr_peter: markets are odd"),
    (by_file, "by hand"),
    (by_empty_file, "the halt file is there"),
    (by_strange_file, "the halt file is there"),
    (by_folder, "the halt file is there"),
    (by_dangling_content, "the halt file is there"),
    (by_row, "halted by dba: by SQL"),
    (by_missing_row, "the row of the kill switch is missing"),
]


@pytest.fixture(autouse=True)
def tidy(desk):
    yield
    if desk.kill_switch.file.is_dir():
        desk.kill_switch.file.rmdir()


@pytest.mark.parametrize(("halt", "reason"), HALTS, ids=[halt.__name__ for halt, _ in HALTS])
def test_every_way_to_halt_stops_approvals_and_releases_and_says_why(desk, ask, approve, halt, reason):
    approved, pending = (desk.proposals.propose(ask(), AGENT) for _ in range(2))
    approve(approved)
    assert desk.kill_switch.status() is None and desk.proposals.halted() is None
    halt(desk)
    assert desk.kill_switch.status() == desk.proposals.halted() == reason
    with pytest.raises(TradingHalted) as refusal:
        approve(pending)
    assert reason in str(refusal.value)
    (order,) = desk.gateway.release(approved.proposal_id)
    assert (order.state, order.reason) == ("denied", f"kill_switch: {reason}")
    assert desk.sql("SELECT count(*) FROM execution.paper_orders") == [(0,)]
    assert approve(pending, decision="rejected").decision == "rejected"


@pytest.mark.parametrize("who", [PETER, AGENT, CLERK, SERVICE, LOCAL], ids=lambda p: p.id)
def test_everybody_may_halt(desk, who):
    assert "no new order leaves; cancels still pass" in desk.kill_switch.halt(who, "odd")
    assert desk.kill_switch.file.read_text(encoding="utf-8") == f"{who.id}: odd\n"
    assert desk.sql("SELECT halted, reason, changed_by FROM execution.trading_state") == [(True, "odd", who.id)]
    assert desk.sql("SELECT topic, subject_id FROM desk.outbox") == [("trading.halted", who.id)]


@pytest.mark.parametrize("who", [AGENT, CLERK, SERVICE, LOCAL], ids=lambda p: p.id)
def test_only_a_person_with_the_scope_to_approve_resumes(desk, who):
    desk.kill_switch.halt(PETER, "odd")
    with pytest.raises(NotSignedIn, match="may not resume trading"):
        desk.kill_switch.resume(who, "all clear")
    assert desk.kill_switch.status() is not None
    assert desk.kill_switch.file.exists()


@pytest.mark.parametrize("halt", [by_command, by_file, by_row, by_missing_row], ids=lambda halt: halt.__name__)
def test_a_resume_undoes_every_halt_and_is_recorded(desk, ask, approve, halt):
    proposal = desk.proposals.propose(ask(), AGENT)
    halt(desk)
    assert "approved orders may leave" in desk.kill_switch.resume(ANNA, "all clear")
    assert desk.kill_switch.status() is None
    assert desk.sql("SELECT halted, reason, changed_by FROM execution.trading_state") == [(False, "all clear", ANNA.id)]
    approve(proposal)
    assert desk.gateway.release(proposal.proposal_id)[0].state == "accepted"


def test_a_second_halt_keeps_trading_halted_with_the_newer_reason(desk):
    desk.kill_switch.halt(PETER, "first")
    desk.kill_switch.halt(ANNA, "second")
    assert desk.kill_switch.status() == "usr_anna: second"


def test_a_resumed_row_does_not_outweigh_the_file(desk):
    desk.kill_switch.halt(PETER, "odd")
    desk.sql("UPDATE execution.trading_state SET halted = false")
    assert desk.kill_switch.status() == "usr_peter: odd"


def test_another_process_on_the_same_desk_sees_the_halt(desk, open_another):
    other = open_another()
    desk.kill_switch.halt(PETER, "odd")
    assert other.kill_switch.status() == "usr_peter: odd"
    other.kill_switch.file.unlink()
    assert other.kill_switch.status() == "halted by usr_peter: odd"


class DeadStore:
    """Refuse every transaction, as a database that is gone."""

    def transaction(self):
        raise Unavailable("The database cannot be reached.")


class StateStore:
    """Give a state of the kill switch without a database."""

    def __init__(self, state):
        self.accounts = self
        self.state = state

    def trading_state(self, *, hold=False):
        return self.state


def test_with_the_database_dead_the_file_halts_and_a_resume_fails(tmp_path):
    switch = KillSwitch(DeadStore(), tmp_path / "home")
    assert "halted by its file" in switch.halt(PETER, "odd")
    assert (tmp_path / "home" / HALT_FILE).read_text(encoding="utf-8") == "usr_peter: odd\n"
    with pytest.raises(Unavailable):
        switch.resume(PETER, "all clear")
    assert switch.file.exists()
    with pytest.raises(Unavailable):
        KillSwitch(DeadStore(), tmp_path).status()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "the row of the kill switch is missing"),
        ((True, "odd", "usr_peter"), "halted by usr_peter: odd"),
        ((True, "", "usr_peter"), "halted by usr_peter"),
        ((False, "fine", "usr_peter"), None),
    ],
)
def test_the_row_says_why(tmp_path, state, reason):
    row = state and TradingState(halted=state[0], reason=state[1], changed_by=state[2], changed_at=datetime.now(UTC))
    store = StateStore(row)
    assert KillSwitch(store, tmp_path).reason(store) == reason


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_file_that_cannot_be_looked_at_counts_as_halted(tmp_path, monkeypatch, error):
    def fail(path):
        raise error

    monkeypatch.setattr(os, "stat", fail)
    store = StateStore(None)
    reason = KillSwitch(store, tmp_path).reason(store)
    assert reason == f"the halt file cannot be read: {error.strerror}"
