"""The gateway's known faults: none of them loses, doubles or misjudges an order."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import OutcomeUnknown, Unavailable
from core.ports.broker import OrderTicket
from core.testing.tws_gateway import GatewayOrder, TwsGateway, completed_frame, open_frame

ACCOUNT = "DU1234567"
RECORDED = Path(__file__).parents[5] / "shared/vendor_samples/ib_tws/tws_text_messages.json"


def ticket(gateway, number=1, **changes):
    values = {
        "client_order_id": f"qd{number:030x}",
        "account_id": ACCOUNT,
        "instrument_id": 1,
        "symbol": "AAA",
        "side": "buy",
        "quantity": Decimal(10),
        "order_type": "market",
        "limit_price": None,
        "stop_price": None,
        "time_in_force": "day",
        "desk_time": gateway.moment,
    }
    return OrderTicket(**{**values, **changes})


def told(gateway, broker, name=None):
    """Return state, executed quantity and number of executions of an order, by the broker."""
    name = name or gateway.account.orders[0].reference
    parts = list(broker.executions(ACCOUNT, [name]))
    return broker.find(ACCOUNT, name).state, sum(part.quantity for part in parts), len(parts)


@pytest.mark.parametrize("fault", ["stale status", "warning after fill", "reports twice", "false cancel", "locate"])
def test_what_is_said_wrongly_around_a_fill_changes_neither_state_nor_quantity(gateway, open_broker, fault):
    gateway.faults.add(fault)
    broker, order = open_broker(), ticket(gateway)
    assert broker.submit(order).state == "accepted"
    gateway.fill(order.client_order_id, Decimal(4))
    assert told(gateway, broker) == ("partially_filled", 4, 1)
    gateway.fill(order.client_order_id)
    assert told(gateway, broker) == ("filled", 10, 2)
    assert broker.cancel(ACCOUNT, order.client_order_id).state == "filled"


def test_a_false_cancel_is_kept_as_a_remark_and_the_order_stays_accepted(gateway, open_broker):
    gateway.faults.add("false cancel")
    word = open_broker().submit(ticket(gateway))
    assert word.state == "accepted" and "10349" in word.reason
    assert gateway.account.orders[0].status == "Submitted"


def test_a_refusal_is_a_rejection_with_the_venues_words(gateway, open_broker):
    gateway.faults.add("reject")
    broker = open_broker()
    word = broker.submit(ticket(gateway))
    assert word.state == "rejected" and "Insufficient equity" in word.reason
    # A desk that starts anew reads the same out of the completed orders.
    assert open_broker(client_id=8).find(ACCOUNT, word.client_order_id).state == "rejected"


def test_an_order_that_fills_before_any_word_is_accepted_and_filled(gateway, open_broker):
    gateway.faults.add("fill before word")
    broker = open_broker()
    assert broker.submit(ticket(gateway)).state == "accepted"
    assert told(gateway, broker) == ("filled", 10, 1)


def test_an_unanswered_order_is_unknown_until_the_list_of_open_orders_has_it(gateway, open_broker):
    gateway.faults.add("hanging order")
    broker, order = open_broker(timeout_s=0.2), ticket(gateway)
    with pytest.raises(OutcomeUnknown):
        broker.submit(order)
    assert broker.find(ACCOUNT, order.client_order_id).state == "accepted"
    assert len(gateway.account.orders) == 1


def test_details_that_hang_stop_the_order_before_it_is_sent(gateway, open_broker):
    gateway.faults.add("hanging details")
    broker = open_broker(timeout_s=0.2)
    with pytest.raises(Unavailable, match="nothing was sent"):
        broker.submit(ticket(gateway))
    assert gateway.account.orders == []
    gateway.faults.clear()
    assert broker.submit(ticket(gateway)).state == "accepted"


def test_a_contract_that_the_venue_does_not_know_is_a_rejection_and_nothing_is_sent(gateway, open_broker):
    gateway.faults.add("unknown contract")
    word = open_broker().submit(ticket(gateway))
    assert word.state == "rejected" and "nothing was sent" in word.reason
    assert 3 not in gateway.asked


def test_a_client_id_that_stays_in_use_is_named(gateway, open_broker):
    open_broker().account(ACCOUNT)
    with pytest.raises(Unavailable, match="client id is already in use"):
        open_broker(timeout_s=0.2).account(ACCOUNT)


def test_another_process_of_the_desk_cancels_what_the_first_sent_once_that_is_idle(gateway, open_broker):
    order = ticket(gateway)
    open_broker(idle_s=0.05).submit(order)
    assert open_broker().cancel(ACCOUNT, order.client_order_id).state == "cancelled"


def test_a_commission_that_is_late_holds_its_execution_back_and_not_the_state(gateway, open_broker):
    gateway.faults.add("late commission")
    broker, order = open_broker(), ticket(gateway)
    broker.submit(order)
    gateway.fill_all()
    assert told(gateway, broker) == ("filled", 0, 0)
    gateway.faults.clear()
    (part,) = broker.executions(ACCOUNT, [order.client_order_id])
    assert (part.quantity, part.price, part.fee, part.currency) == (10, 150, 1, "USD")


def test_a_commission_that_never_comes_is_said_so_after_a_minute(gateway, open_broker):
    gateway.faults.add("late commission")
    broker, order = open_broker(), ticket(gateway)
    broker.submit(order)
    gateway.fill_all()
    broker._clock.moment += timedelta(seconds=61)
    (part,) = broker.executions(ACCOUNT, [order.client_order_id])
    assert part.fee == 0 and "not reported" in part.note


def test_a_corrected_execution_keeps_its_id_and_takes_the_new_price(gateway, open_broker):
    broker, order = open_broker(), ticket(gateway)
    broker.submit(order)
    gateway.fill_all()
    (before,) = broker.executions(ACCOUNT, [order.client_order_id])
    gateway.correct(0, Decimal("150.25"))
    (after,) = broker.executions(ACCOUNT, [order.client_order_id])
    assert (after.execution_id, after.price) == (before.execution_id, Decimal("150.25"))
    assert after.quantity == before.quantity == 10


@pytest.mark.parametrize("zone_hours", [-5, 0, 1, 9])
def test_an_execution_time_without_a_zone_is_read_on_the_gateways_clock(open_broker, gateway, zone_hours):
    gateway._zone = timedelta(hours=zone_hours)
    broker, order = open_broker(), ticket(gateway)
    broker.submit(order)
    gateway.fill_all()
    (part,) = broker.executions(ACCOUNT, [order.client_order_id])
    assert part.executed_at == gateway.moment
    assert part.session.isoformat() == "2022-11-30"


def test_without_the_line_to_the_vendor_nothing_is_known_and_nothing_leaves(gateway, open_broker):
    broker, order = open_broker(), ticket(gateway)
    broker.submit(order)
    gateway.notice(1100, "Connectivity between IB and Trader Workstation has been lost.")
    broker._session.server_time()
    for ask in (
        lambda: broker.find(ACCOUNT, order.client_order_id),
        lambda: broker.executions(ACCOUNT, [order.client_order_id]),
        lambda: broker.account(ACCOUNT),
        lambda: broker.submit(ticket(gateway, 2)),
    ):
        with pytest.raises(Unavailable, match="1100"):
            ask()
    assert len(gateway.account.orders) == 1


@pytest.mark.parametrize("back", [1101, 1102])
def test_when_the_line_is_back_what_filled_meanwhile_is_asked_for(gateway, open_broker, back):
    broker, order = open_broker(), ticket(gateway)
    broker.submit(order)
    gateway.notice(1100, "Connectivity between IB and Trader Workstation has been lost.")
    lines, gateway._lines = gateway._lines, {}
    gateway.fill_all()
    gateway._lines = lines
    gateway.notice(back, "Connectivity between IB and Trader Workstation has been restored.")
    broker._session.server_time()
    assert told(gateway, broker) == ("filled", 10, 1)


def test_fills_of_a_reset_are_found_after_it_and_the_order_is_not_sent_again(gateway, open_broker):
    broker = open_broker()
    for number in (1, 2):
        broker.submit(ticket(gateway, number))
    gateway.close()
    gateway.fill_all()
    with pytest.raises((Unavailable, OutcomeUnknown)):
        broker.find(ACCOUNT, ticket(gateway, 1).client_order_id)
    gateway.open()
    names = [ticket(gateway, number).client_order_id for number in (1, 2)]
    parts = list(broker.executions(ACCOUNT, names))
    assert {part.client_order_id: part.quantity for part in parts} == dict.fromkeys(names, 10)
    assert len(gateway.account.orders) == 2
    assert broker.account(ACCOUNT).positions == {1: 20}
    assert broker.account(ACCOUNT).cash == {"USD": gateway.account.cash()}


def test_order_numbers_are_never_used_twice_over_a_reset(gateway, open_broker):
    broker = open_broker()
    for number in range(1, 4):
        broker.submit(ticket(gateway, number))
        gateway.close()
        gateway._next_id = 1
        gateway.open()
    assert len({order.order_id for order in gateway.account.orders}) == 3


def ask_again(broker, client_order_id):
    """Find an order; a line that is cut just under the question gives an error and no order, and is asked again."""
    for _ in range(3):
        try:
            return broker.find(ACCOUNT, client_order_id)
        except (Unavailable, OutcomeUnknown):
            continue
    raise AssertionError("The venue did not answer three times.")


@pytest.mark.parametrize("cut", ["cut_after", "cut_before"])
def test_a_cut_at_every_message_of_an_order_neither_loses_nor_doubles_it(gateway, open_broker, cut):
    """Send, fill, cut the line at message 1, 2, 3, ... until none is left, and compare with the venue each time."""
    met = []
    for place in range(1, 60):
        number = 100 * place
        order = ticket(gateway, number)
        broker = open_broker(client_id=place)
        gateway.asked.clear()
        setattr(gateway, cut, place)
        try:
            state = broker.submit(order).state
        except (Unavailable, OutcomeUnknown) as error:
            state = type(error).__name__
        was_met = getattr(gateway, cut) is None
        setattr(gateway, cut, None)
        at_venue = [part for part in gateway.account.orders if part.reference == order.client_order_id]
        assert len(at_venue) <= 1
        # Certainly not sent means not there; accepted means there; unknown may be either.
        assert len(at_venue) in {"Unavailable": (0,), "accepted": (1,), "OutcomeUnknown": (0, 1)}[state]
        found = ask_again(broker, order.client_order_id)
        assert (found is None) == (not at_venue)
        if at_venue:
            gateway.fill(order.client_order_id)
            assert told(gateway, broker, order.client_order_id) == ("filled", 10, 1)
        broker._session.close()
        gateway.account.orders.clear()
        gateway.account.executions.clear()
        met.append(state)
        if not was_met:
            break
    assert met[-1] == "accepted" and {"Unavailable", "OutcomeUnknown"} <= set(met)


@pytest.mark.parametrize("cut", ["cut_after", "cut_before"])
def test_a_cut_at_every_message_of_a_cancel_leaves_the_venues_word(gateway, open_broker, cut):
    outcomes = set()
    for place in range(1, 60):
        order = ticket(gateway, place, order_type="limit", limit_price=Decimal(1), time_in_force="gtc")
        broker = open_broker(client_id=place)
        broker.submit(order)
        gateway.asked.clear()
        line = gateway._lines[place]
        setattr(gateway, cut, place + (line._sent if cut == "cut_after" else 0))
        try:
            outcomes.add(broker.cancel(ACCOUNT, order.client_order_id).state)
        except (Unavailable, OutcomeUnknown) as error:
            outcomes.add(type(error).__name__)
        was_met = getattr(gateway, cut) is None
        setattr(gateway, cut, None)
        at_venue = next(part for part in gateway.account.orders if part.reference == order.client_order_id)
        expected = {"Submitted": "accepted", "Cancelled": "cancelled"}[at_venue.status]
        assert ask_again(broker, order.client_order_id).state == expected
        broker._session.close()
        gateway.account.orders.clear()
        if not was_met:
            break
    assert outcomes == {"cancelled", "OutcomeUnknown"}


def test_a_cancel_that_is_not_answered_is_unknown(gateway, open_broker):
    gateway.faults.add("silent cancel")
    broker, order = open_broker(timeout_s=0.2), ticket(gateway)
    broker.submit(order)
    with pytest.raises(OutcomeUnknown):
        broker.cancel(ACCOUNT, order.client_order_id)
    assert broker.find(ACCOUNT, order.client_order_id).state == "accepted"


def test_a_fill_that_races_the_cancel_wins(gateway, open_broker):
    broker, order = open_broker(), ticket(gateway)
    broker.submit(order)
    gateway.fill(order.client_order_id, Decimal(3))
    assert broker.cancel(ACCOUNT, order.client_order_id).state == "cancelled"
    assert told(gateway, broker) == ("cancelled", 3, 1)


def test_orders_of_others_and_a_second_order_under_one_reference_are_shown(gateway, open_broker):
    broker, order = open_broker(), ticket(gateway)
    broker.submit(order)
    twin = replace(gateway.account.orders[0], perm_id=999, order_id=77)
    by_hand = replace(twin, perm_id=1000, order_id=0, client_id=0, reference="", symbol="CCC")
    gateway.account.orders += [twin, by_hand]
    shown = [(part.venue_order_id, part.client_order_id, part.symbol) for part in broker.account(ACCOUNT).open_orders]
    assert shown == [("600745656", order.client_order_id, "AAA"), ("999", "", "AAA"), ("1000", "", "CCC")]
    assert "2 live orders" in broker.find(ACCOUNT, order.client_order_id).reason


def test_a_holding_that_the_desk_does_not_know_is_named(gateway, open_broker):
    gateway.account.symbols["ZZZ"] = 1999
    order = GatewayOrder(1, 0, 5, "ZZZ", "BUY", Decimal(7), "MKT", "", "", "DAY", ACCOUNT, "by hand")
    gateway.account.orders.append(order)
    gateway.fill_all()
    told_ = open_broker().account(ACCOUNT)
    assert (dict(told_.positions), told_.unmapped) == ({}, ("STK ZZZ",))


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, {"mode": "replay"}, "replays the past"),
        ({"quantity": Decimal("1.5")}, {}, "whole shares"),
        ({"account_id": "DU7"}, {}, "manages DU1234567"),
    ],
)
def test_what_must_not_leave_is_refused_before_it_does(gateway, open_broker, changes, options, words):
    word = open_broker(**options).submit(ticket(gateway, **changes))
    assert word.state == "rejected" and words in word.reason
    assert 3 not in gateway.asked


def test_an_account_with_real_money_needs_its_switch(gateway, open_broker):
    gateway.account.name = "U1234567"
    order = ticket(gateway, account_id="U1234567")
    word = open_broker().submit(order)
    assert word.state == "rejected" and "not switched to live" in word.reason
    assert 3 not in gateway.asked
    switched = open_broker(client_id=8, may_trade_live=lambda account_id: account_id == "U1234567")
    assert switched.submit(order).state == "accepted"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("MKT", "", "", "DAY")),
        ({"order_type": "limit", "limit_price": Decimal("150.10")}, ("LMT", "150.1", "", "DAY")),
        ({"order_type": "stop", "stop_price": Decimal("120")}, ("STP", "", "120", "DAY")),
        (
            {"order_type": "stop_limit", "stop_price": Decimal("1E+2"), "limit_price": Decimal("99.50")},
            ("STP LMT", "99.5", "100", "DAY"),
        ),
        ({"time_in_force": "gtc"}, ("MKT", "", "", "GTC")),
    ],
)
def test_the_order_arrives_as_it_was_written(gateway, open_broker, changes, expected):
    order = ticket(gateway, quantity=Decimal(100), side="sell", **changes)
    open_broker().submit(order)
    (found,) = gateway.account.orders
    assert (found.order_type, found.limit, found.trigger, found.time_in_force) == expected
    assert (found.action, found.quantity, found.reference) == ("SELL", 100, order.client_order_id)
    assert (found.account, found.symbol) == (ACCOUNT, "AAA")


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded messages are not there")
def test_the_stand_ins_frames_are_laid_out_as_the_recorded_ones():
    recorded = json.loads(RECORDED.read_text())
    order = GatewayOrder(5, 0, 600745656, "AAPL", "BUY", Decimal(100), "MKT", "", "", "DAY", ACCOUNT, "")
    theirs = recorded["place_order_market_AAPL_filled"]["server"][4].split("|")[:-1]
    ours = [str(part) for part in open_frame(order, 173)]
    # They differ in the contract's number, a size shown in lots, a model string and the status.
    assert [place for place, pair in enumerate(zip(theirs, ours, strict=True)) if pair[0] != pair[1]] == [2, 24, 30, 94]
    ended = replace(order, perm_id=1824933227, status="Filled", filled=Decimal(100))
    theirs = recorded["completed_order"]["server"][0].split("|")[:-1]
    ours = [str(part) for part in completed_frame(ended, 173)][: len(theirs)]
    assert [place for place, pair in enumerate(zip(theirs, ours, strict=True)) if pair[0] != pair[1]] == [1, 90, 93]


def test_a_gateway_that_was_never_there_is_unavailable(gateway, open_broker):
    gateway.close()
    with pytest.raises(Unavailable, match="cannot be reached"):
        open_broker().submit(ticket(gateway))
    assert isinstance(gateway, TwsGateway)


@pytest.mark.parametrize(("number", "paper"), [("DU1234567", True), ("U1234567", False), ("F1234567", False)])
def test_the_vendors_number_says_whether_money_is_real(gateway, open_broker, number, paper):
    gateway.account.name = number
    assert open_broker().account(number).is_paper is paper


def test_a_linked_pair_goes_out_as_one_group_and_ends_at_once_where_it_is_asked_to(gateway, open_broker):
    from core.adapters.brokers.interactive_brokers import _order

    first = replace(ticket(gateway), linked_to="qd" + "f" * 30)
    second = replace(first, client_order_id=first.linked_to, linked_to=first.client_order_id)
    one, two = _order(first), _order(second)
    assert one.ocaGroup == two.ocaGroup != "" and one.ocaType == two.ocaType == 1
    assert _order(ticket(gateway)).ocaGroup == ""
    assert [_order(replace(first, time_in_force=tif)).tif for tif in ("day", "gtc", "ioc", "fok")] == [
        *("DAY", "GTC", "IOC", "FOK")
    ]
