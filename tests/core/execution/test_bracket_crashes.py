"""A few cells of the matrix that kills a bracket at every step, and what its judgement sees in a desk that errs."""

from __future__ import annotations

import pytest

from benchmarks import order_bracket_crashes
from benchmarks.order_bracket_crashes import STEPS, section
from benchmarks.order_crashes import REPLIES
from core.execution.crash_points import CANCEL_POINTS, CRASH_POINTS
from core.execution.gateway import Gateway
from core.testing.socket_venue import SocketVenue

STEP = {step.name: step for step in STEPS}


@pytest.fixture(scope="module")
def socket_venue():
    venue = SocketVenue()
    yield venue
    venue.close()


@pytest.fixture
def trial(filled_market, tmp_path, socket_venue):
    """Give a function that kills a bracket at a named step and returns what was found, killed or not."""

    def run(name, reply, deduplicates, reached="stop"):
        return order_bracket_crashes.trial(
            *(filled_market, tmp_path, socket_venue, STEP[name], reply), deduplicates=deduplicates, reached=reached
        )

    return run


def test_every_named_step_is_in_the_matrix():
    assert {step.point for step in STEPS} == {*CRASH_POINTS, *CANCEL_POINTS}
    assert len(STEP) == len(STEPS)


@pytest.mark.parametrize(
    ("name", "reply", "deduplicates", "reached", "expected"),
    [
        ("entry: fill.written", "duplicated", True, "limit", {"killed", "whole"}),
        ("exits: send.sent, stop", "duplicated", False, "stop", {"killed", "whole"}),
        ("exits: send.before_send, stop", "delayed", True, "limit", {"killed", "whole"}),
        ("exits: send.before_send, stop", "lost", False, "stop", {"killed", "held", "whole"}),
        ("exits: send.before_send, target", "lost", False, "stop", {"killed", "held", "whole"}),
        ("exit: cancel.sent, other", "duplicated", False, "stop", {"killed", "whole"}),
        ("exit: cancel.before_send, other", "delayed", False, "limit", {"killed", "whole"}),
        ("sale: cancel.stored, target", "lost", True, "stop", {"killed", "whole"}),
        ("sale: send.before_send", "lost", False, "stop", {"killed", "held", "whole"}),
    ],
)
def test_a_bracket_that_was_killed_ends_whole(trial, name, reply, deduplicates, reached, expected):
    assert set(trial(name, reply, deduplicates, reached)) == expected


def test_a_stop_that_is_not_placed_is_seen(trial, monkeypatch):
    monkeypatch.setattr(Gateway, "_protect", lambda *_: [])
    assert "bare" in trial("entry: fill.stored", "duplicated", True)


def test_an_order_that_is_left_beside_the_one_that_filled_is_seen(trial, monkeypatch):
    monkeypatch.setattr(Gateway, "_end_pair", lambda *_: [])
    monkeypatch.setattr(Gateway, "_end_uncovered", lambda *_: [])
    assert "left" in trial("exit: fill.stored", "duplicated", True)


def test_a_sale_beside_the_stop_is_seen(trial, monkeypatch):
    monkeypatch.setattr(Gateway, "_make_room", lambda *_: None)
    monkeypatch.setattr(Gateway, "_end_uncovered", lambda *_: [])
    assert "left" in trial("sale: send.before_send", "duplicated", True)


def test_a_stop_that_is_sent_twice_is_seen(trial, monkeypatch):
    def resolve(self, order):
        with self._store.transaction() as transaction:
            order = transaction.orders.get(order.order_id, lock=True)
            if order.state == "unknown":
                order = self._record(transaction, order, "submit", "")
        return self._transmit(order, first=False)

    monkeypatch.setattr(Gateway, "_resolve", resolve)
    found = trial("exits: send.sent, stop", "duplicated", False)
    assert {"doubled", "bare"} & set(found)


def test_the_section_counts_every_cell_and_says_what_was_found():
    counts = {"trials": 2, "killed": 1, **dict.fromkeys(order_bracket_crashes.ENDS, 0), "whole": 2}
    cells = {
        order_bracket_crashes.name_of(step, reply, deduplicates=deduplicates): dict(counts)
        for step in STEPS
        for reply in REPLIES
        for deduplicates in (True, False)
    }
    first = next(iter(cells.values()))
    first.update(whole=1, bare=1)
    text = section(cells)
    assert f"{12 * len(STEPS)} trials, {6 * len(STEPS)} killed" in text
    assert "**0 lost, 0 doubled, 1 positions without their stop, 0 orders left at work" in text
    assert text.count("whole 1, bare 1") == 1 and text.count("whole 2") == 6 * len(STEPS) - 1
