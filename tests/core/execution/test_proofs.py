"""The proofs of the money path, run small: each must be able to see what it looks for."""

from __future__ import annotations

import os
from decimal import Decimal

import pytest

from benchmarks import order_attacks, order_coins, order_crashes, order_gate, order_halts, order_latency
from core.execution.crash_points import CRASH_POINTS
from core.execution.gateway import CANCEL_ROUNDS, Gateway
from core.execution.kill_switch import KillSwitch
from core.risk import limits as limits_module
from core.testing.broker_contract import BrokerContract
from core.testing.fault_venue import FaultBroker, FaultVenue
from core.testing.socket_venue import SocketBroker, SocketVenue


@pytest.fixture(scope="module")
def socket_venue():
    venue = SocketVenue()
    yield venue
    venue.close()


def test_the_gate_answers_as_brute_force_does():
    found = order_gate.compare(0, 120)
    assert found["wrong"] == [] and 0 < found["allowed"] < 120
    assert len(found["refused"]) >= 20


def test_brute_force_sees_a_rule_that_is_left_out(monkeypatch):
    monkeypatch.setattr(limits_module, "_further", lambda *_: [])
    assert order_gate.compare(0, 60)["wrong"]


def test_exactly_the_limit_is_sent_when_many_approvals_race(filled_market, tmp_path):
    found = order_gate.race(filled_market, tmp_path, workers=2, approvals=10, fit=2)
    assert (found["sent"], found["states"], found["errors"]) == (2, {"accepted": 2, "denied": 8}, [])


def test_the_latency_table_has_every_part(filled_market, tmp_path):
    found = order_latency.measure(filled_market, tmp_path, rounds=20, entries=200)
    assert set(found["times"]) == {"snapshot", "rules", "judgement"}
    for kinds in found["times"].values():
        assert all(0 < shares["p50"] <= shares["p99"] for shares in kinds.values())
    # A judgement is the snapshot and the rules; waiting takes time of the wall clock only.
    processor = {name: kinds["processor"]["p50"] for name, kinds in found["times"].items()}
    assert processor["judgement"] > max(processor["snapshot"], processor["rules"])
    assert "| judgement | processor |" in order_latency.section(found)


def test_every_attack_on_the_approval_fails(filled_market, tmp_path):
    found = {row[0]: row[1:] for row in order_attacks.Attacks(filled_market, tmp_path).all(deciders=50, temporal=False)}
    sent = {name for name, (_, _, orders) in found.items() if orders}
    legitimate = {
        "approved again, sent again",
        "machine's clock 10 minutes ahead, proposal valid",
        "50 decisions at once",
    }
    assert sent == legitimate
    assert all(row[1:] == (1, 1) for name, row in found.items() if name in legitimate)
    assert all("refused" in row[0] for name, row in found.items() if name not in legitimate)
    assert found["50 decisions at once"][0] == "1 done, 49 refused: decided"


@pytest.mark.parametrize(
    ("point", "reply", "deduplicates", "expected"),
    [
        ("send.sent", "duplicated", False, {"killed", "one"}),
        ("send.before_send", "lost", False, {"killed", "held"}),
        ("send.before_send", "delayed", True, {"killed", "one"}),
    ],
)
def test_a_killed_sender_leaves_one_order_or_one_that_is_held(
    filled_market, tmp_path, socket_venue, point, reply, deduplicates, expected
):
    found = order_crashes.trial(filled_market, tmp_path, socket_venue, point, reply, deduplicates=deduplicates)
    assert set(found) == expected


def test_a_sender_that_forgets_is_seen_to_double(filled_market, tmp_path, socket_venue, monkeypatch):
    def resolve(self, order):
        with self._store.transaction() as transaction:
            order = transaction.orders.get(order.order_id, lock=True)
            if order.state == "unknown":
                order = self._record(transaction, order, "submit", "")
        return self._transmit(order, first=False)

    monkeypatch.setattr(Gateway, "_resolve", resolve)
    found = order_crashes.trial(filled_market, tmp_path, socket_venue, "send.sent", "duplicated", deduplicates=False)
    assert "doubled" in found


@pytest.mark.parametrize(
    ("point", "fault", "expected"),
    [
        ("send.sent", None, ("killed", "one")),
        ("send.before_send", "late order", ("killed", "held")),
        ("fill.written", "line cut after", ("killed", "one")),
    ],
)
def test_a_killed_sender_of_coins_leaves_one_order_or_one_that_is_held(filled_market, tmp_path, point, fault, expected):
    pytest.importorskip("ccxt", reason="ccxt of the extra `crypto` is not installed")
    assert order_coins.trial(filled_market, tmp_path, point, fault) == expected
    page = order_coins.section(
        {f"coins {step}|{one}": {"trials": 1, expected[1]: 1} for step in CRASH_POINTS for one in order_coins.FAULTS}
    )
    assert "**0 lost, 0 doubled, 0 otherwise wrong**" in page and f"1 {expected[1]}" in page


def test_a_sender_of_coins_that_forgets_is_seen_to_double(filled_market, tmp_path, monkeypatch):
    pytest.importorskip("ccxt", reason="ccxt of the extra `crypto` is not installed")
    # The venue takes the id again, as the order has ended.
    monkeypatch.setattr(Gateway, "_resolve", lambda self, order: self._transmit(order, first=False))
    assert "doubled" in order_coins.trial(filled_market, tmp_path, "send.sent", None)


@pytest.mark.parametrize("how", order_halts.ROADS)
def test_the_switch_stops_a_sender_in_full_swing(filled_market, tmp_path, socket_venue, how):
    found = order_halts.halt(filled_market, tmp_path, socket_venue, how)
    assert (found["cancelled"] >= order_halts.WORKING, found["problems"], found["still_open"]) == (True, 0.0, 0.0)
    assert found["sent"] < order_halts.WAITING
    if how == "command":
        assert found["after_done"] == 0.0


def test_a_switch_that_does_nothing_is_seen(filled_market, tmp_path, socket_venue, monkeypatch):
    monkeypatch.setattr(KillSwitch, "halt", lambda *_, **__: "")
    found = order_halts.halt(filled_market, tmp_path, socket_venue, "command")
    # Cancelling all withdraws what it finds not sent yet, at most one a round: the sender has one at a time.
    assert found["sent"] >= order_halts.WAITING - CANCEL_ROUNDS


def test_the_page_tells_what_was_not_answered_from_what_was_left_open():
    run = dict.fromkeys(("stopped_ms", "after_done", "cancelled_ms", "cancelled", "problems", "still_open"), 0.0)
    text = order_halts.section({"row": [run, run | {"problems": 1.0}], "row, busy": [run | {"still_open": 2.0}]})
    assert "| row | 2 | 0 ms | 0 | 0 ms | 0 ms | 0 | 1 | 0 |" in text
    assert "| row, busy | 1 | 0 ms | 0 | 0 ms | 0 ms | 0 | 0 | 2 |" in text


class TestFaultBroker(BrokerContract):
    """The stand-in keeps the contract of brokers when its line has no faults."""

    desk_time = order_crashes.OPENED

    def open_broker(self):
        self.venue = FaultVenue(deduplicates=True, session=order_crashes.SESSION, opened_at=order_crashes.OPENED)
        return FaultBroker(self.venue)

    def trade(self):
        for order in self.venue.orders:
            self.venue.fill(order, order.ticket.quantity, Decimal(150))

    def open_broken(self):
        return SocketBroker(("127.0.0.1", 1), deduplicates=True)


def test_the_venue_is_a_process_of_its_own(socket_venue):
    assert socket_venue.counts()["orders"] >= 0
    assert socket_venue._process != os.getpid()
