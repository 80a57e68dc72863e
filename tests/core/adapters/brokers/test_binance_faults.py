"""Binance's known faults: none of them loses, doubles or misjudges an order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from core.errors import OutcomeUnknown, Unavailable, UnknownName
from core.ports.broker import OrderTicket
from tests.core.adapters.brokers.conftest import MOMENT

ACCOUNT = "354937868"
NAME = f"qd{1:030x}"


def ticket(**changes):
    values = {
        "client_order_id": NAME,
        "account_id": ACCOUNT,
        "instrument_id": 1,
        "symbol": "BTC-USD",
        "side": "buy",
        "quantity": Decimal("0.5"),
        "order_type": "market",
        "limit_price": None,
        "stop_price": None,
        "time_in_force": "day",
        "desk_time": MOMENT,
    }
    return OrderTicket(**{**values, **changes})


def limit(price, **changes):
    return ticket(order_type="limit", limit_price=Decimal(price), time_in_force="gtc", **changes)


def posts(venue):
    return [part for part in venue.asked if part == ("POST", "/api/v3/order")]


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ("unavailable before", 0),
        ("unavailable after", 1),
        ("gateway html", 1),
        ("line cut after", 1),
        ("line cut before", 0),
        ("truncated reply", 1),
        ("late order", 0),
    ],
)
def test_a_send_without_a_whole_answer_is_unknown_whether_or_not_the_venue_took_it(
    binance_venue, open_binance, fault, taken
):
    broker = open_binance()
    broker.account(ACCOUNT)
    binance_venue.faults.add(fault)
    with pytest.raises(OutcomeUnknown):
        broker.submit(ticket())
    assert len(binance_venue.orders) == taken and len(posts(binance_venue)) == 1
    binance_venue.faults.clear()
    found = broker.find(ACCOUNT, NAME)
    assert (found is not None and found.state == "accepted") == bool(taken)


def test_an_order_that_the_venue_takes_late_is_found_once_it_is_there(binance_venue, open_binance):
    broker = open_binance()
    binance_venue.faults.add("late order")
    with pytest.raises(OutcomeUnknown):
        broker.submit(ticket())
    assert broker.find(ACCOUNT, NAME) is None
    binance_venue.deliver_late()
    assert broker.find(ACCOUNT, NAME).state == "accepted"
    # A desk that starts anew, and knows neither the order nor its market, finds it too.
    assert open_binance().find(ACCOUNT, NAME).state == "accepted"


@pytest.mark.parametrize("fault", ["rate limited", "banned"])
def test_what_is_turned_away_for_its_number_certainly_never_left(binance_venue, open_binance, fault):
    broker = open_binance()
    broker.account(ACCOUNT)
    broker.rules("BTC-USD")
    binance_venue.faults.add(fault)
    with pytest.raises(Unavailable):
        broker.submit(limit(50_000))
    assert binance_venue.orders == []


def test_a_line_that_cannot_be_opened_certainly_sent_nothing(binance_venue, open_binance):
    broker = open_binance()
    broker.account(ACCOUNT)
    broker.rules("BTC-USD")
    binance_venue.close()
    with pytest.raises(Unavailable, match="cannot be reached"):
        broker.submit(limit(50_000))


def test_a_key_that_is_refused_is_said_so_and_sends_nothing(binance_venue, open_binance):
    with pytest.raises(Unavailable, match=r"turned the request away \(401\)"):
        open_binance(key="wrong").submit(ticket())
    assert binance_venue.orders == []


def test_an_id_is_unique_only_among_open_orders_so_an_id_is_never_sent_twice(binance_venue, open_binance):
    broker = open_binance()
    assert broker.deduplicates is False
    first = broker.submit(limit(50_000))
    # While it is open the venue refuses the id, and the word is that of the order there is.
    assert broker.submit(limit(50_000)).venue_order_id == first.venue_order_id
    broker.cancel(ACCOUNT, NAME)
    again = broker.submit(limit(50_000))
    assert again.venue_order_id != first.venue_order_id and len(binance_venue.orders) == 2


def test_an_account_without_the_money_is_a_rejection_in_the_venues_words(binance_venue, open_binance):
    word = open_binance().submit(ticket(quantity=Decimal(9)))
    assert word.state == "rejected" and "insufficient balance" in word.reason


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quantity": Decimal("0.00008")}, "from 5 USDT on there; this is worth 4.80"),
        ({"quantity": Decimal("0.123456")}, "steps of 0.00001"),
        ({"quantity": Decimal("9000.5")}, "from 0.00001 to 9000"),
        ({"time_in_force": "fok"}, "lives day or gtc or ioc there, not fok"),
        ({"order_type": "limit", "limit_price": Decimal(50_000)}, "lives fok or gtc or ioc there, not day"),
        ({"order_type": "limit", "limit_price": Decimal("50000.005"), "time_in_force": "gtc"}, "step of 0.01"),
        ({"order_type": "stop", "stop_price": Decimal(70_000)}, "lives gtc there"),
        ({"linked_to": f"qd{2:030x}"}, "no linked pair"),
        ({"symbol": "XYZ-USD", "instrument_id": 4}, "Nothing was sent"),
    ],
)
def test_what_the_venue_would_refuse_or_cut_is_refused_here_and_never_sent(binance_venue, open_binance, changes, why):
    word = open_binance().submit(ticket(**changes))
    assert word.state == "rejected" and why in word.reason
    assert posts(binance_venue) == []


def test_the_smallest_value_counts_at_the_price_of_the_order_itself(binance_venue, open_binance):
    broker = open_binance()
    assert broker.submit(limit(49_999, quantity=Decimal("0.0001"))).state == "rejected"
    assert broker.submit(limit(50_000, quantity=Decimal("0.0001"))).state == "accepted"


def test_quantities_and_prices_arrive_as_they_were_approved(binance_venue, open_binance):
    open_binance().submit(limit("59999.99", quantity=Decimal("0.12345")))
    (order,) = binance_venue.orders
    assert (order.quantity, order.limit, order.client_order_id) == (Decimal("0.12345"), Decimal("59999.99"), NAME)


@pytest.mark.parametrize(
    ("order_type", "prices", "sent"),
    [
        ("stop", {"stop_price": Decimal(55_000)}, ("STOP_LOSS", None, Decimal(55_000))),
        (
            "stop_limit",
            {"stop_price": Decimal(55_000), "limit_price": Decimal(54_900)},
            ("STOP_LOSS_LIMIT", Decimal(54_900), Decimal(55_000)),
        ),
    ],
)
def test_stops_are_sent_as_the_venues_own_kinds(binance_venue, open_binance, order_type, prices, sent):
    binance_venue.balances["BTC"] = Decimal(1)
    word = open_binance().submit(ticket(side="sell", order_type=order_type, time_in_force="gtc", **prices))
    (order,) = binance_venue.orders
    assert word.state == "accepted"
    assert (order.type, order.limit, order.stop) == sent


def test_a_fill_in_parts_and_its_commission_in_the_coin(binance_venue, open_binance):
    broker = open_binance()
    broker.submit(ticket())
    binance_venue.fill(NAME, Decimal("0.2"), Decimal(60_000))
    assert broker.find(ACCOUNT, NAME).state == "partially_filled"
    binance_venue.fill(NAME, price=Decimal("60010.5"))
    first, second = broker.executions(ACCOUNT, [NAME])
    # A tenth of a per cent of what was bought: 0.0002 BTC, worth 12 dollars at that price.
    assert (first.quantity, first.fee_quantity, first.fee) == (Decimal("0.2"), Decimal("0.0002"), 12)
    assert (second.quantity, second.price, second.currency) == (Decimal("0.3"), Decimal("60010.5"), "USDT")
    told = broker.account(ACCOUNT)
    assert dict(told.positions) == {1: Decimal("0.4995")}
    assert told.cash == {"USDT": 100_000 - Decimal("0.2") * 60_000 - Decimal("0.3") * Decimal("60010.5")}


def test_a_commission_on_a_sale_is_money(binance_venue, open_binance):
    binance_venue.balances["BTC"] = Decimal(1)
    broker = open_binance()
    broker.submit(ticket(side="sell"))
    binance_venue.fill_all()
    (part,) = broker.executions(ACCOUNT, [NAME])
    assert (part.fee, part.fee_quantity) == (30, 0)


def test_a_commission_in_another_coin_is_told_and_not_guessed(binance_venue, open_binance):
    binance_venue.balances["BNB"] = Decimal(10)
    binance_venue.commission_asset = "BNB"
    broker = open_binance()
    broker.submit(ticket())
    binance_venue.fill_all()
    (part,) = broker.executions(ACCOUNT, [NAME])
    assert (part.fee, part.fee_quantity) == (0, 0) and "BNB was taken" in part.note


def test_trades_that_are_late_are_asked_for_again_until_they_add_up_and_then_kept(binance_venue, open_binance):
    broker = open_binance()
    broker.submit(ticket())
    binance_venue.fill(NAME, Decimal("0.2"))
    binance_venue.fill(NAME)
    binance_venue.faults.add("trades lag")
    assert [part.quantity for part in broker.executions(ACCOUNT, [NAME])] == [Decimal("0.2")]
    binance_venue.faults.clear()
    whole = broker.executions(ACCOUNT, [NAME])
    assert [part.quantity for part in whole] == [Decimal("0.2"), Decimal("0.3")]
    binance_venue.asked.clear()
    assert broker.executions(ACCOUNT, [NAME]) == list(whole) and binance_venue.asked == []


def test_an_order_that_is_not_shown_yet_is_not_gone(binance_venue, open_binance):
    binance_venue.faults.add("hidden order")
    broker = open_binance()
    broker.submit(limit(50_000))
    assert broker.find(ACCOUNT, NAME) is None
    with pytest.raises(OutcomeUnknown):
        broker.cancel(ACCOUNT, NAME)
    binance_venue.faults.clear()
    assert broker.cancel(ACCOUNT, NAME).state == "cancelled"


def test_a_cancel_without_an_answer_is_unknown_and_the_order_tells_what_became_of_it(binance_venue, open_binance):
    broker = open_binance()
    broker.submit(limit(50_000))
    binance_venue.faults.add("cancel unanswered")
    with pytest.raises(OutcomeUnknown):
        broker.cancel(ACCOUNT, NAME)
    assert broker.find(ACCOUNT, NAME).state == "cancelled"


def test_an_order_that_the_venue_ends_itself_is_expired(binance_venue, open_binance):
    broker = open_binance()
    broker.submit(limit(50_000))
    binance_venue.end(NAME, "EXPIRED")
    assert broker.find(ACCOUNT, NAME).state == "expired"


def test_only_the_account_of_the_key_trades(binance_venue, open_binance):
    with pytest.raises(Unavailable, match="354937868, not of 1"):
        open_binance().submit(ticket(account_id="1"))
    assert binance_venue.orders == []


def test_real_money_moves_only_where_it_is_switched_to_live(binance_venue, open_binance):
    switched = set()
    broker = open_binance(is_paper=False, may_trade_live=switched.__contains__)
    assert "not switched to live" in broker.submit(ticket()).reason
    assert broker.account(ACCOUNT).is_paper is False
    switched.add(ACCOUNT)
    assert broker.submit(ticket()).state == "accepted"


def test_a_desk_that_replays_the_past_sends_nothing(binance_venue, open_binance):
    assert "live clock" in open_binance(mode="replay").submit(ticket()).reason
    assert posts(binance_venue) == []


def test_coins_that_the_desk_does_not_know_are_named_and_what_others_sent_is_shown(binance_venue, open_binance):
    binance_venue.balances["QQQQ"] = Decimal("2.50")
    broker = open_binance()
    broker.submit(limit(50_000))
    told = broker.account(ACCOUNT)
    assert told.unmapped == ("2.5 QQQQ",)
    (order,) = told.open_orders
    assert (order.client_order_id, order.symbol, order.quantity) == (NAME, "BTCUSDT", Decimal("0.5"))


def test_rules_are_the_venues_own(open_binance):
    rules = open_binance().rules("BTC-USD")
    assert (rules.lot, rules.tick, rules.least_value) == (Decimal("0.00001"), Decimal("0.01"), 5)
    with pytest.raises(UnknownName):
        open_binance().rules("XYZ-USD")


def test_an_order_with_more_trades_than_an_answer_holds_is_read_to_its_end(binance_venue, open_binance):
    broker = open_binance()
    broker.page = 2
    broker.submit(ticket())
    for _ in range(4):
        binance_venue.fill(NAME, Decimal("0.1"))
    binance_venue.fill(NAME)
    assert sum(part.quantity for part in broker.executions(ACCOUNT, [NAME])) == Decimal("0.5")
    assert len(broker.executions(ACCOUNT, [NAME])) == 5


def test_rules_are_asked_for_again_after_a_day(binance_venue, open_binance):
    broker = open_binance()

    def listings():
        return binance_venue.asked.count(("GET", "/api/v3/exchangeInfo"))

    broker.rules("BTC-USD")
    broker.rules("ETH-USD")
    assert listings() == 1
    broker._clock.moment += timedelta(days=1, seconds=1)
    broker.rules("BTC-USD")
    assert listings() == 2
