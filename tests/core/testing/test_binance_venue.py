"""The stand-in of Binance understands the real client library, answers with documented codes and keeps exact books."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from core.testing.binance_venue import BinanceVenue, Fault

NOW = datetime(2024, 6, 3, 14, 30, tzinfo=UTC)
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.5"}
LIMIT = {**BUY, "type": "LIMIT", "timeInForce": "GTC", "price": "50000"}
SELL = {**BUY, "side": "SELL"}


@pytest.fixture(scope="module")
def ccxt() -> ModuleType:
    return pytest.importorskip("ccxt", reason="ccxt, the client library of the crypto extra, drives the stand-in")


@pytest.fixture
def venue() -> Iterator[BinanceVenue]:
    venue = BinanceVenue(moment=NOW)
    yield venue
    venue.close()


@pytest.fixture
def client(ccxt: ModuleType, venue: BinanceVenue) -> Iterator[Any]:
    client = client_of(ccxt, venue)
    yield client
    client.session.close()


def client_of(ccxt: ModuleType, venue: BinanceVenue, **config: Any) -> Any:
    client = ccxt.binance(
        {
            "apiKey": venue.key,
            "secret": venue.secret,
            "enableRateLimit": False,
            "timeout": 5000,
            "options": {"fetchCurrencies": False, "fetchMarkets": {"types": ["spot"]}, "fetchMargins": False},
            **config,
        }
    )
    client.urls["api"] = dict.fromkeys(client.urls["api"], f"{venue.address}/api/v3")
    return client


def balance_of(client: Any, asset: str) -> tuple[Decimal, Decimal]:
    row = next(row for row in client.private_get_account()["balances"] if row["asset"] == asset)
    return Decimal(row["free"]), Decimal(row["locked"])


def order_of(client: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.private_get_order({"symbol": "BTCUSDT", "origClientOrderId": name})
    return found


def place(client: Any, name: str = "a", **changed: str) -> Any:
    return client.private_post_order({**BUY, "newClientOrderId": name, **changed})


class TestOrders:
    def test_a_market_order_waits_trades_in_parts_and_ends(self, venue: BinanceVenue, client: Any) -> None:
        reply = place(client)
        assert (reply["status"], reply["executedQty"], reply["fills"]) == ("NEW", "0.00000000", [])
        venue.fill("a", Decimal("0.2"))
        venue.moment = NOW + timedelta(seconds=9)
        venue.fill("a", price=Decimal(60_010))
        found = order_of(client, "a")
        assert (found["status"], found["executedQty"]) == ("FILLED", "0.50000000")
        # 0.2 * 60000 + 0.3 * 60010
        assert found["cummulativeQuoteQty"] == "30003.00000000"
        assert int(found["updateTime"]) - int(found["time"]) == 9000
        trades = client.private_get_mytrades({"symbol": "BTCUSDT", "orderId": found["orderId"]})
        assert [row["qty"] for row in trades] == ["0.20000000", "0.30000000"]
        assert int(trades[0]["id"]) < int(trades[1]["id"])
        later = client.private_get_mytrades({"symbol": "BTCUSDT", "fromId": trades[1]["id"]})
        assert [row["id"] for row in later] == [trades[1]["id"]]
        assert client.private_get_openorders() == []

    def test_at_once_the_full_reply_names_the_fills(self, venue: BinanceVenue, client: Any) -> None:
        venue.fills_at_once = True
        reply = place(client)
        assert reply["status"] == "FILLED"
        assert [(row["qty"], row["price"], row["commission"]) for row in reply["fills"]] == [
            ("0.50000000", "60000.00000000", "0.00050000")
        ]
        assert reply["fills"][0]["commissionAsset"] == "BTC"

    def test_the_clients_own_methods_read_it(self, venue: BinanceVenue, client: Any) -> None:
        venue.fills_at_once = True
        market = client.load_markets()["BTC/USDT"]
        assert (market["precision"]["amount"], market["precision"]["price"]) == (0.00001, 0.01)
        assert market["limits"]["cost"]["min"] == 5.0
        order = client.create_order("BTC/USDT", "market", "buy", 0.1234567, None, {"newClientOrderId": "own"})
        assert (order["status"], order["filled"], order["clientOrderId"]) == ("closed", 0.12345, "own")
        assert client.fetch_ticker("BTC/USDT")["last"] == 60_000.0
        assert client.fetch_balance()["BTC"]["total"] == pytest.approx(0.12345 * 0.999)
        assert [trade["amount"] for trade in client.fetch_my_trades("BTC/USDT")] == [0.12345]

    def test_cash_trades_and_commissions_add_up(self, venue: BinanceVenue, client: Any) -> None:
        venue.fills_at_once = True
        for side, quantity, price in (("BUY", "0.7", 60_000), ("SELL", "0.3", 61_000), ("BUY", "0.11", 59_000)):
            venue.prices["BTCUSDT"] = Decimal(price)
            place(client, side=side, quantity=quantity)
        expected = {"BTC": Decimal(0), "USDT": Decimal(100_000)}
        for row in client.private_get_mytrades({"symbol": "BTCUSDT"}):
            sign = 1 if row["isBuyer"] else -1
            expected["BTC"] += sign * Decimal(row["qty"])
            expected["USDT"] -= sign * Decimal(row["price"]) * Decimal(row["qty"])
            received = "BTC" if row["isBuyer"] else "USDT"
            assert row["commissionAsset"] == received
            expected[received] -= Decimal(row["commission"])
        assert {asset: balance_of(client, asset) for asset in expected} == {
            asset: (value, Decimal(0)) for asset, value in expected.items()
        }

    def test_a_commission_in_bnb_leaves_what_was_bought_whole(self, venue: BinanceVenue, client: Any) -> None:
        venue.commission_asset, venue.fills_at_once = "BNB", True
        venue.balances["BNB"] = Decimal("0.06")
        place(client)
        # 0.1 % of 30000 USDT is 30 USDT, 0.05 BNB of 600.
        assert (balance_of(client, "BTC")[0], balance_of(client, "BNB")[0]) == (Decimal("0.5"), Decimal("0.01"))
        place(client)
        assert balance_of(client, "BTC")[0] == Decimal("0.9995")

    def test_working_orders_lock_and_a_cancel_frees(self, venue: BinanceVenue, client: Any) -> None:
        venue.balances["BTC"] = Decimal(1)
        client.private_post_order({**LIMIT, "newClientOrderId": "buy"})
        client.private_post_order({**LIMIT, "side": "SELL", "price": "70000", "newClientOrderId": "sell"})
        assert balance_of(client, "USDT") == (75_000, 25_000)
        assert balance_of(client, "BTC") == (Decimal("0.5"), Decimal("0.5"))
        venue.fill("buy", Decimal("0.1"), Decimal(50_000))
        assert balance_of(client, "USDT") == (75_000, 20_000)
        reply = client.private_delete_order({"symbol": "BTCUSDT", "origClientOrderId": "buy"})
        assert (reply["status"], reply["executedQty"], reply["origClientOrderId"]) == ("CANCELED", "0.10000000", "buy")
        assert balance_of(client, "USDT") == (95_000, 0)

    def test_limits_trade_when_reached_and_never_worse(self, venue: BinanceVenue, client: Any) -> None:
        client.private_post_order({**LIMIT, "newClientOrderId": "a"})
        venue.fill_all()
        assert order_of(client, "a")["status"] == "NEW"
        with pytest.raises(ValueError, match="does not trade"):
            venue.fill("a", price=Decimal("50000.01"))
        venue.prices["BTCUSDT"] = Decimal(49_990)
        venue.fill_all()
        assert order_of(client, "a")["cummulativeQuoteQty"] == "24995.00000000"

    def test_a_stop_works_only_once_its_price_came(self, venue: BinanceVenue, client: Any) -> None:
        venue.balances["BTC"] = Decimal(1)
        place(client, side="SELL", type="STOP_LOSS", stopPrice="55000")
        venue.fill_all()
        before = order_of(client, "a")
        assert (before["status"], before["isWorking"], before["workingTime"]) == ("NEW", False, -1)
        venue.prices["BTCUSDT"] = Decimal(54_000)
        venue.fill_all()
        after = order_of(client, "a")
        assert (after["status"], after["isWorking"], after["cummulativeQuoteQty"]) == ("FILLED", True, "27000.00000000")

    @pytest.mark.parametrize(
        ("force", "price", "depth", "executed", "status"),
        [
            ("IOC", "60000", None, "0.50000000", "FILLED"),
            ("IOC", "59999.99", None, "0.00000000", "EXPIRED"),
            ("IOC", "60000", "0.2", "0.20000000", "EXPIRED"),
            ("FOK", "60000", "0.2", "0.00000000", "EXPIRED"),
            ("FOK", "60000", "0.5", "0.50000000", "FILLED"),
        ],
    )
    def test_orders_that_do_not_rest_end_at_once(
        self, venue: BinanceVenue, client: Any, force: str, price: str, depth: str | None, executed: str, status: str
    ) -> None:
        venue.depth = None if depth is None else Decimal(depth)
        reply = client.private_post_order({**LIMIT, "timeInForce": force, "price": price})
        assert (reply["executedQty"], reply["status"]) == (executed, status)
        assert balance_of(client, "USDT")[1] == 0

    def test_the_id_of_an_ended_order_makes_a_second_order(
        self, ccxt: ModuleType, venue: BinanceVenue, client: Any
    ) -> None:
        first = place(client)
        with pytest.raises(ccxt.InvalidOrder, match=r"-2010.*Duplicate order sent\."):
            place(client)
        venue.fill("a")
        second = place(client)
        assert second["orderId"] != first["orderId"]
        rows = client.private_get_allorders({"symbol": "BTCUSDT"})
        assert [(row["clientOrderId"], row["status"]) for row in rows] == [("a", "FILLED"), ("a", "NEW")]
        assert order_of(client, "a")["orderId"] == second["orderId"]
        venue.end("a")
        assert order_of(client, "a")["status"] == "EXPIRED"


class TestRefusals:
    """The codes are those of the vendor's errors.md, the classes those of the client library."""

    @pytest.mark.parametrize(
        ("changed", "name", "text"),
        [
            ({"quantity": "0.000015"}, "InvalidOrder", "Filter failure: LOT_SIZE"),
            ({"quantity": "9001"}, "InvalidOrder", "Filter failure: LOT_SIZE"),
            ({**LIMIT, "price": "50000.001"}, "InvalidOrder", "Filter failure: PRICE_FILTER"),
            ({"quantity": "0.00008"}, "BadRequest", "-1013"),
            ({**LIMIT, "quantity": "0.00009"}, "BadRequest", "Filter failure: NOTIONAL"),
            ({"quantity": "1.7"}, "InsufficientFunds", "insufficient balance"),
            ({"side": "SELL"}, "InsufficientFunds", "insufficient balance"),
            ({"symbol": "NOSUCHUSDT"}, "BadSymbol", "-1121"),
            ({"type": "LIMIT", "timeInForce": "GTC"}, "BadRequest", "-1102.*'price'"),
            ({"price": "60000"}, "BadRequest", "-1106.*'price'"),
            ({"type": "NONE"}, "BadRequest", "-1116"),
            ({"side": "HOLD"}, "BadRequest", "-1117"),
            ({"quantity": "1e-3"}, "BadRequest", "-1100"),
            ({"newClientOrderId": "x" * 37}, "BadRequest", "-1100"),
            ({"type": "STOP_LOSS", "stopPrice": "59000"}, "OrderImmediatelyFillable", "would trigger immediately"),
            ({"type": "LIMIT_MAKER", "price": "60001"}, "OrderImmediatelyFillable", "immediately match"),
        ],
    )
    def test_a_refused_order_leaves_nothing(
        self, ccxt: ModuleType, venue: BinanceVenue, client: Any, changed: dict[str, str], name: str, text: str
    ) -> None:
        with pytest.raises(getattr(ccxt, name), match=text) as caught:
            client.private_post_order({**BUY, **changed})
        assert type(caught.value).__name__ == name
        assert (venue.orders, venue.free("USDT")) == ([], Decimal(100_000))

    def test_an_order_that_is_not_there(self, ccxt: ModuleType, venue: BinanceVenue, client: Any) -> None:
        with pytest.raises(ccxt.OrderNotFound, match="-2013"):
            order_of(client, "none")
        with pytest.raises(ccxt.BadRequest, match="-1102"):
            client.private_get_order({"symbol": "BTCUSDT"})
        place(client)
        venue.fill("a")
        for name in ("none", "a"):
            with pytest.raises(ccxt.OrderNotFound, match="-2011"):
                client.private_delete_order({"symbol": "BTCUSDT", "origClientOrderId": name})

    def test_a_stranger_is_not_let_in(self, ccxt: ModuleType, venue: BinanceVenue) -> None:
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            client_of(ccxt, venue, apiKey="other").private_get_account()
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            client_of(ccxt, venue, secret="other").private_get_account()
        bare = httpx.get(f"{venue.address}/api/v3/account")
        assert (bare.status_code, bare.json()["code"]) == (401, -2015)

    def test_the_time_of_a_request_is_checked_when_asked_for(
        self, ccxt: ModuleType, venue: BinanceVenue, client: Any
    ) -> None:
        client.private_get_account()
        venue.checks_time = True
        with pytest.raises(ccxt.InvalidNonce, match="-1021"):
            client.private_get_account()
        venue.moment = datetime.now(UTC)
        assert client.private_get_account()["uid"] == 354937868

    def test_an_account_is_never_overdrawn(self, venue: BinanceVenue, client: Any) -> None:
        place(client, quantity="1")
        with pytest.raises(ValueError, match="has less than"):
            venue.fill("a", price=Decimal(200_000))
        assert venue.balances == {"USDT": Decimal(100_000)}


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "name", "taken"),
        [
            ("unavailable before", "ExchangeNotAvailable", 0),
            ("unavailable after", "RequestTimeout", 1),
            ("gateway html", "RequestTimeout", 1),
            ("line cut before", "NetworkError", 0),
            ("line cut after", "NetworkError", 1),
            ("rate limited", "DDoSProtection", 0),
            ("banned", "DDoSProtection", 0),
        ],
    )
    def test_what_a_lost_reply_says_and_what_happened(
        self, ccxt: ModuleType, venue: BinanceVenue, client: Any, fault: Fault, name: str, taken: int
    ) -> None:
        venue.faults.add(fault)
        with pytest.raises(ccxt.BaseError) as caught:
            place(client)
        assert type(caught.value).__name__ == name
        venue.faults.clear()
        assert [row["clientOrderId"] for row in client.private_get_allorders({"symbol": "BTCUSDT"})] == ["a"] * taken
        # The client library did not ask a second time by itself.
        assert venue.asked == [("POST", "/api/v3/order"), ("GET", "/api/v3/allOrders")]

    def test_half_a_reply_is_text_to_the_client(self, venue: BinanceVenue, client: Any) -> None:
        venue.faults.add("truncated reply")
        reply = place(client)
        assert isinstance(reply, str) and reply.startswith('{"symbol": "BTCUSDT"')
        with pytest.raises(json.JSONDecodeError):
            json.loads(reply)
        assert order_of(client, "a")["status"] == "NEW"

    def test_limits_say_how_long_to_wait_everywhere(self, venue: BinanceVenue) -> None:
        for fault, status, pause in (("rate limited", 429, "7"), ("banned", 418, "120")):
            venue.faults = {fault}  # type: ignore[arg-type]
            for path in ("time", "account"):
                reply = httpx.get(f"{venue.address}/api/v3/{path}")
                assert (reply.status_code, reply.headers["retry-after"], reply.json()["code"]) == (status, pause, -1003)

    def test_a_late_order_comes_when_it_is_delivered(self, ccxt: ModuleType, venue: BinanceVenue, client: Any) -> None:
        venue.faults.add("late order")
        with pytest.raises(ccxt.RequestTimeout, match="-1007"):
            place(client)
        with pytest.raises(ccxt.OrderNotFound):
            order_of(client, "a")
        assert client.private_get_allorders({"symbol": "BTCUSDT"}) == []
        venue.deliver_late()
        assert order_of(client, "a")["status"] == "NEW"
        venue.deliver_late()
        assert len(venue.orders) == 1

    def test_a_late_order_is_refused_as_a_double_of_its_open_retry(
        self, ccxt: ModuleType, venue: BinanceVenue, client: Any
    ) -> None:
        venue.faults.add("late order")
        with pytest.raises(ccxt.RequestTimeout):
            place(client)
        venue.faults.clear()
        place(client)
        venue.deliver_late()
        assert [order.client_order_id for order in venue.orders] == ["a"]

    def test_reads_fail_while_orders_are_taken(self, ccxt: ModuleType, venue: BinanceVenue, client: Any) -> None:
        venue.faults.add("no reads")
        place(client)
        for read in (client.private_get_account, client.private_get_openorders):
            with pytest.raises(ccxt.ExchangeNotAvailable):
                read()
        assert client.public_get_time()["serverTime"] == 1717425000000
        venue.faults.clear()
        assert len(client.private_get_openorders()) == 1

    def test_an_order_can_be_hidden_for_a_while(self, ccxt: ModuleType, venue: BinanceVenue, client: Any) -> None:
        place(client)
        venue.faults.add("hidden order")
        with pytest.raises(ccxt.OrderNotFound, match="-2013"):
            order_of(client, "a")
        venue.faults.clear()
        assert order_of(client, "a")["status"] == "NEW"

    def test_the_newest_trade_can_lag_behind_its_order(self, venue: BinanceVenue, client: Any) -> None:
        place(client)
        venue.fill("a", Decimal("0.2"))
        venue.fill("a")
        venue.faults.add("trades lag")
        asked = {"symbol": "BTCUSDT"}
        assert order_of(client, "a")["executedQty"] == "0.50000000"
        assert [row["qty"] for row in client.private_get_mytrades(asked)] == ["0.20000000"]
        venue.faults.clear()
        assert sum(Decimal(row["qty"]) for row in client.private_get_mytrades(asked)) == Decimal("0.5")

    def test_a_cancel_is_done_and_not_answered(self, ccxt: ModuleType, venue: BinanceVenue, client: Any) -> None:
        client.private_post_order({**LIMIT, "newClientOrderId": "a"})
        venue.faults.add("cancel unanswered")
        with pytest.raises(ccxt.RequestTimeout, match="-1007"):
            client.private_delete_order({"symbol": "BTCUSDT", "origClientOrderId": "a"})
        assert order_of(client, "a")["status"] == "CANCELED"

    def test_closed_it_hangs_up_and_opens_where_it_was(
        self, ccxt: ModuleType, venue: BinanceVenue, client: Any
    ) -> None:
        place(client)
        address = venue.address
        venue.close()
        with pytest.raises(ccxt.NetworkError):
            client.public_get_ping()
        venue.open()
        assert venue.address == address
        assert order_of(client, "a")["status"] == "NEW"


def test_replies_have_what_the_vendors_samples_have(venue: BinanceVenue, client: Any, shared_folder: Path) -> None:
    samples = shared_folder / "vendor_samples" / "binance"
    if not samples.is_dir():
        pytest.skip("../shared/vendor_samples/binance is not there: the samples to compare with are missing")
    venue.fills_at_once = True
    asked, symbol = {"symbol": "BTCUSDT"}, {"symbol": "BTCUSDT"}
    replies: dict[str, Callable[[], Any]] = {
        "new_order_full": lambda: client.private_post_order({**BUY, "newClientOrderId": "a"}),
        "order": lambda: order_of(client, "a"),
        "all_orders": lambda: client.private_get_allorders(asked),
        "account_trades": lambda: client.private_get_mytrades(asked),
        "account": client.private_get_account,
        "open_orders": lambda: [client.private_post_order(LIMIT), client.private_get_openorders(asked)][1],
        "cancel_order": lambda: client.private_delete_order({**asked, "orderId": venue.orders[-1].order_id}),
        "exchange_info": client.public_get_exchangeinfo,
        "server_time": client.public_get_time,
        "ping": client.public_get_ping,
        "ticker_price": lambda: client.public_get_ticker_price(symbol),
        "ticker_24hr": lambda: client.public_get_ticker_24hr(symbol),
        "avg_price": lambda: client.public_get_avgprice(symbol),
    }
    for name, reply in replies.items():
        compare(name, json.loads((samples / f"http_json__{name}_response.json").read_text()), reply())


def compare(place: str, sample: Any, reply: Any) -> None:
    """Hold a reply to a sample: the same kinds everywhere, and numbers written as text with as many places."""
    assert type(reply) is type(sample), place
    if isinstance(sample, dict):
        assert sample.keys() <= reply.keys(), f"{place} lacks {sample.keys() - reply.keys()}"
        for name in sample:
            compare(f"{place}.{name}", sample[name], reply[name])
    elif isinstance(sample, list) and sample:
        assert reply, place
        compare(f"{place}[0]", sample[0], reply[0])
    elif isinstance(sample, str) and re.fullmatch(r"-?\d+\.\d+", sample):
        assert re.fullmatch(r"-?\d+\.\d+", reply), place
