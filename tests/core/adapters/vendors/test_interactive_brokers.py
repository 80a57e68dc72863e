"""Interactive Brokers: the contract of every vendor over the gateway's own protocol, and the traps of this one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.adapters.transport.client import Timing, Transport
from core.adapters.vendors.interactive_brokers import TERMS, InteractiveBrokers, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.errors import (
    VendorError,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)
from core.ports.vendor import BarColumns, Payload, Vendor, Wanted
from core.settings import VendorAccess
from core.testing.tws_gateway import TwsGateway
from core.testing.vendor_contract import NOW, StoppedTime, VendorContract, rows_of
from core.testing.vendor_stand_ins import Fault

ADDRESS = "INTERACTIVE_BROKERS_ADDRESS"
NAMES = SymbolResolver(universe(), symbol_history())
HASTY_S = 0.4
# The faults that wait for a time limit; the others are answered.
UNANSWERED = ("slow", "truncated")


def opened(access: VendorAccess, time: StoppedTime) -> Vendor:
    timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
    return open_vendor(Transport(TERMS, access, timing))


def access_to(address: str, **other: float) -> VendorAccess:
    given = {"requests_per_minute": 1e9, "timeout_seconds": 5.0, **other}
    return VendorAccess(base_url="", secrets={ADDRESS: SecretStr(address)}, **given)


class TestInteractiveBrokers(VendorContract):
    vendor = "interactive_brokers"
    has_error_body = False

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        return opened(access, time)

    def test_its_terms_say_what_a_person_needs_to_know(self) -> None:
        assert TERMS.title and TERMS.limits and TERMS.without_key and all(TERMS.delivers.values())
        # Its address is the setting that orders use too; there is no second one.
        assert (TERMS.base_url, TERMS.keys) == ("", (ADDRESS,))

    def test_no_secret_is_in_a_payload_an_error_or_a_log(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG), self.standing() as stand_in:
            vendor = self.reach(stand_in)
            payloads, _ = self.payloads(vendor)
            stand_in.fail("server_error")
            _, error = self.payloads(vendor)
        # The gateway states the account's number at every greeting; nothing of it belongs to the market data.
        shown = repr([(payload.request, payload.body) for payload in payloads]) + repr(error)
        assert payloads and error is not None
        assert "DU1234567" not in shown

    def test_a_refused_key_ends_it_at_once_and_names_the_variable(self) -> None:
        payloads, error = self.payloads(opened(access_to("no address"), StoppedTime()))
        assert payloads == []
        assert isinstance(error, VendorRefused) or "requests failed" in str(error)
        assert ADDRESS in str(error)

    @pytest.mark.parametrize("fault", ["rate_limit", "server_error", "truncated", "slow", "cut"])
    def test_a_fault_that_passes_costs_nothing(self, fault: Fault) -> None:
        time = StoppedTime()
        with self.standing() as stand_in:
            stand_in.fail(fault, times=1)
            vendor = self.reach(stand_in, time, timeout_seconds=HASTY_S if fault in UNANSWERED else 30.0)
            payloads, error = self.payloads(vendor)
        assert error is None
        assert self.rows(vendor, payloads) == self.clean()
        # The same request within 15 seconds is refused: a pacing error and an unanswered request are waited out.
        assert time.slept
        if fault != "server_error":
            assert max(time.slept) >= 15.0

    @pytest.mark.parametrize("fault", ["rate_limit", "server_error", "truncated", "cut"])
    def test_a_fault_that_stays_is_an_error_and_never_an_empty_answer(self, fault: Fault) -> None:
        with self.standing() as stand_in:
            stand_in.fail(fault)
            payloads, error = self.payloads(self.reach(stand_in, timeout_seconds=0.1 if fault in UNANSWERED else 30.0))
            asked = len(stand_in.asked)
        assert payloads == []
        assert isinstance(error, VendorUnavailable)
        assert asked <= 16, "it does not hammer a vendor that is down"

    def test_rows_that_are_missing_in_a_page_are_noticed(self) -> None:
        with self.standing() as stand_in:
            stand_in.fail("truncated", times=5)
            payloads, error = self.payloads(self.reach(stand_in, timeout_seconds=0.1))
            first = stand_in.asked[0].path
        assert isinstance(error, VendorUnavailable) and "1 requests failed" in str(error)
        assert first.strip("/") not in {payload.request["symbol"] for payload in payloads}

    def test_a_long_ban_is_not_waited_for(self) -> None:
        time = StoppedTime()
        with self.standing() as stand_in:
            stand_in.fail("long_ban")
            payloads, error = self.payloads(self.reach(stand_in, time))
            asked = len(stand_in.asked)
        assert (payloads, time.elapsed, asked) == ([], 0.0, 1)
        assert isinstance(error, VendorQuotaSpent) and "subscribe" in str(error)

    # What it delivers ------------------------------------------------------------------------------------------

    def test_prices_are_on_the_basis_of_all_splits_and_have_no_volume(self) -> None:
        data = self.data()
        ((name, split, ratio),) = data.splits
        found = {row[4]: row for row in self.clean() if row[3] == name}
        for bar in data.between(name, date(2024, 1, 2), date(2024, 2, 14)):
            row = found[bar.session.isoformat()]
            assert row[1:3] == ("interactive_brokers", "split_adjusted")
            divisor = ratio if bar.session < split else 1.0
            assert row[5:9] == pytest.approx([price / divisor for price in (bar.open, bar.high, bar.low, bar.close)])
            assert row[9] is None

    def test_coins_and_other_currencies_are_not_asked_for(self) -> None:
        asked = [entry for entry in universe() if entry.symbol in ("BTC-USD", "SPY")]
        foreign = asked[1].model_copy(update={"currency": "EUR", "symbol": "SAP"})
        with self.standing() as stand_in:
            wanted = Wanted(start=date(2024, 1, 2), end=date(2024, 1, 3), instruments=(*asked, foreign))
            found = list(self.reach(stand_in).fetch("bars", wanted))
            assert [request.path for request in stand_in.asked] == ["/SPY"]
        assert [payload.request["symbol"] for payload in found] == ["SPY"]

    def test_a_class_of_shares_is_written_with_a_space(self) -> None:
        with self.standing() as stand_in:
            self.payloads(self.reach(stand_in))
            assert "/BRK B" in {request.path for request in stand_in.asked}
        assert {row[3] for row in self.clean()} >= {"BRK-B"}

    @pytest.mark.parametrize(
        ("start", "duration"),
        [
            (date(2024, 2, 13), "2 D"),
            (date(2023, 2, 16), "364 D"),
            (date(2023, 1, 1), "2 Y"),
            (date(2015, 1, 1), "10 Y"),
        ],
    )
    def test_the_duration_covers_the_days_and_rows_outside_are_left_out(self, start: date, duration: str) -> None:
        spy = tuple(entry for entry in universe() if entry.symbol == "SPY")
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            wanted = Wanted(start=start, end=date(2024, 2, 14), instruments=spy)
            (payload,) = vendor.fetch("bars", wanted)
            (asked,) = stand_in.asked
        assert asked.query == {"end": "20240214 23:59:59 US/Eastern", "duration": duration}
        count, unit = duration.split()
        assert int(count) * (365 if unit == "Y" else 1) >= (wanted.end - start).days + 1
        days = [row[4] for block in vendor.parse(payload, NAMES) for row in rows_of(block)]
        expected = [bar.session.isoformat() for bar in self.data().between("SPY", start, date(2024, 2, 14))]
        assert days == expected

    def test_sixty_requests_in_ten_minutes_are_never_exceeded(self) -> None:
        # The token bucket lets a burst pass and then the rate: both together in any window of ten minutes.
        assert TERMS.burst + TERMS.requests_per_minute * 10 <= 60
        time = StoppedTime()
        stamps: list[float] = []
        with self.standing() as stand_in:
            vendor = self.reach(stand_in, time, per_minute=TERMS.requests_per_minute)
            for _ in range(9):
                for _payload in vendor.fetch("bars", self.wanted(self.data())):
                    stamps.append(time.elapsed)
        assert len(stamps) == 72
        assert all(later - earlier >= 600.0 for earlier, later in zip(stamps, stamps[60:], strict=False))


# Against a gateway with faults of its own ------------------------------------------------------------------------


@contextmanager
def gateway() -> Iterator[TwsGateway]:
    made = TwsGateway(moment=NOW)
    made.account.symbols = {"SPY": 1}
    made.account.bars = [("20240213", 494.53, 499.06, 492.0, 494.08, 1.0)]
    try:
        yield made
    finally:
        made.close()


SPY = tuple(entry for entry in universe() if entry.symbol == "SPY")


def ask(made: TwsGateway, **other: float) -> tuple[list[Payload], VendorError | None, StoppedTime]:
    time = StoppedTime()
    vendor = opened(access_to(f"127.0.0.1:{made.port}", **other), time)
    wanted = Wanted(start=date(2024, 2, 12), end=date(2024, 2, 14), instruments=SPY)
    found: list[Payload] = []
    try:
        found += vendor.fetch("bars", wanted)
    except VendorError as error:
        return found, error, time
    return found, None, time


def test_another_contract_than_the_one_asked_for_is_malformed() -> None:
    with gateway() as made:
        made.faults.add("wrong contract")
        payloads, error, _ = ask(made)
        assert 20 not in made.asked, "no bars of a wrong contract are asked for"
        assert payloads == []
        assert isinstance(error, VendorMalformed) and "asked for SPY and names STK ZZZ" in str(error)
        made.faults.clear()
        payloads, error, _ = ask(made)
    assert error is None and len(payloads) == 1


def test_a_symbol_that_the_vendor_does_not_know_is_no_failure() -> None:
    with gateway() as made:
        made.faults.add("unknown contract")
        payloads, error, time = ask(made)
    assert (payloads, error, time.slept) == ([], None, [])


def test_a_gateway_without_its_line_is_asked_for_nothing() -> None:
    with gateway() as made:
        made.faults.add("no link")
        payloads, error, _ = ask(made)
        assert 20 not in made.asked
    assert payloads == []
    assert isinstance(error, VendorUnavailable) and "1100" in str(error)


def test_a_gateway_that_is_not_there_is_unavailable() -> None:
    with gateway() as made:
        made.close()
        payloads, error, _ = ask(made, timeout_seconds=0.3)
    assert payloads == []
    assert isinstance(error, VendorUnavailable) and "enable its API" in str(error)


def test_a_connection_that_breaks_between_requests_is_opened_again() -> None:
    with gateway() as made:
        made.cut_before = 4  # the third message is the question for the contract
        payloads, error, _ = ask(made)
    assert error is None and len(payloads) == 1


def test_it_is_another_client_than_the_one_that_sends_orders() -> None:
    from core.adapters.brokers.lines import _TWS_CLIENT_ID
    from core.adapters.vendors.interactive_brokers import _CLIENT_ID

    assert _CLIENT_ID != _TWS_CLIENT_ID


# Parsing -----------------------------------------------------------------------------------------------------------


def parsed(body: object, received_at: datetime = datetime(2024, 2, 20, tzinfo=UTC), **request: str) -> list[BarColumns]:
    told = {"symbol": "SPY", "start": "2000-01-01", "end": "2030-01-01", **request}
    payload = Payload(
        vendor=TERMS.name,
        kind="history",
        request=told,
        content_type="application/json",
        body=json.dumps(body).encode(),
        received_at=received_at,
    )
    blocks = list(InteractiveBrokers.__new__(InteractiveBrokers).parse(payload, NAMES))
    assert all(isinstance(block, BarColumns) for block in blocks)
    return blocks  # type: ignore[return-value]


def bar(day: str) -> list[object]:
    return [day, 1.0, 2.0, 0.5, 1.5]


def test_the_bar_in_progress_is_left_out_until_its_session_has_closed() -> None:
    body = {"bars": [bar("20240213"), bar("20240214")]}
    (during,) = parsed(body, datetime(2024, 2, 14, 20, 59, tzinfo=UTC))
    assert [str(day) for day in during.session] == ["2024-02-13"]
    (after,) = parsed(body, datetime(2024, 2, 14, 21, 0, tzinfo=UTC))
    assert [str(day) for day in after.session] == ["2024-02-13", "2024-02-14"]


@pytest.mark.parametrize("wrong", [["20240213", 1.0, 2.0, 0.5], ["2024-02-13", 1, 2, 0.5, 1.5], "text", 7,
                                   ["20240213 16:00:00", 1, 2, 0.5, 1.5]])  # fmt: skip
def test_a_bar_of_another_shape_is_malformed(wrong: object) -> None:
    with pytest.raises(VendorMalformed):
        parsed({"bars": [wrong]})


def test_a_symbol_that_the_desk_does_not_know_gives_no_rows() -> None:
    assert parsed({"bars": [bar("20240213")]}, symbol="NOBODY") == []


HISTORY = "Historical Market Data Service error message:"


@pytest.mark.parametrize(
    ("number", "text", "kind"),
    [
        (162, f"{HISTORY}API historical data query pacing violation", VendorUnavailable),
        (162, f"{HISTORY}HMDS query returned no data: X@SMART Trades", VendorNotFound),
        (162, f"{HISTORY}No market data permissions for AMEX STK", VendorQuotaSpent),
        (200, "No security definition has been found for the request", VendorNotFound),
        (354, "Requested market data is not subscribed", VendorQuotaSpent),
        (366, "No historical data query found for ticker id", VendorUnavailable),
        (1100, "Connectivity between IB and TWS has been lost", VendorUnavailable),
        (321, "Error validating request", VendorRefused),
    ],
)
def test_each_error_number_stands_for_what_the_vendor_means(number: int, text: str, kind: type[VendorError]) -> None:
    from core.adapters.transport.tws import TwsRefusal
    from core.adapters.vendors.interactive_brokers import _error_of

    found = _error_of(TwsRefusal(number, text))
    assert type(found) is kind
    assert str(number) in str(found)


@pytest.mark.shared
def test_the_recorded_reply_is_read(shared_folder: Path) -> None:
    messages = json.loads((shared_folder / "vendor_samples/ib_tws/tws_text_messages.json").read_text())
    (message,) = messages["historical_data"]["server"]
    fields = message.split("|")[:-1]
    assert fields[0] == "17" and fields[4] == "2"
    with gateway() as made:
        # The recorded fields as they stood on the wire, for the request that is asked here.
        made.say_bars = lambda line, number, bars: line.say(17, number, *fields[2:])  # type: ignore[method-assign]
        time = StoppedTime()
        vendor = opened(access_to(f"127.0.0.1:{made.port}"), time)
        (payload,) = vendor.fetch("bars", Wanted(start=date(2023, 4, 13), end=date(2023, 4, 14), instruments=SPY))
    (block,) = vendor.parse(payload, NAMES)
    assert [row[4:9] for row in rows_of(block)] == [
        ("2023-04-13", 182.94, 186.5, 180.94, 185.9),
        ("2023-04-14", 183.88, 186.28, 182.01, 185.0),
    ]
