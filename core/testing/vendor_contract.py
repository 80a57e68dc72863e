"""Hold what every vendor has to satisfy, all faults included; a vendor's test inherits this class and opens it."""

# ruff: noqa: D102

from __future__ import annotations

import base64
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import SecretStr

from core.data.calendar import closes_of
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.errors import (
    VendorError,
    VendorKeyRefused,
    VendorMalformed,
    VendorUnavailable,
)
from core.ports.vendor import BarColumns, Payload, RecordRows, Topic, Vendor, Wanted
from core.settings import VendorAccess
from core.testing.vendor_stand_ins import Asked, Fault, MarketData, StandIn, serve, small_data

Row = tuple[Any, ...]
NOW = datetime(2024, 2, 20, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class StoppedTime:
    """Keep time that moves only by waiting; `slept` holds every wait."""

    now: datetime = NOW
    slept: list[float] = field(default_factory=list)
    elapsed: float = 0.0

    def wall(self) -> datetime:
        """Return the time of day."""
        return self.now + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        """Return the seconds that passed."""
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.elapsed += seconds

    def random(self) -> float:
        """Return a half: jitter in the middle."""
        return 0.5


class VendorContract:
    """Check the promises of core.ports.vendor.Vendor; override `vendor`, `topic` and `open`.

    `topic` is the one that the faults are shown on. `paged` says that its lists come in pages (of `page_rows`), and
    `several_requests` that the topic takes more than one request; `has_error_body` that the vendor reports errors
    with status 200. `matching` is in the address of every request that is for data and not for a sign-in.
    """

    vendor: ClassVar[str]
    topic: ClassVar[Topic] = "bars"
    paged: ClassVar[bool] = False
    page_rows: ClassVar[int] = 7
    several_requests: ClassVar[bool] = True
    has_error_body: ClassVar[bool] = True
    matching: ClassVar[str] = ""
    _clean: ClassVar[set[Row]]

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        """Return the vendor under test."""
        raise NotImplementedError

    def data(self) -> MarketData:
        return small_data()

    def wanted(self, data: MarketData) -> Wanted:
        instruments = tuple(entry for entry in universe() if entry.symbol in data.bars)
        return Wanted(
            start=date(2024, 1, 2),
            end=date(2024, 2, 14),
            instruments=instruments,
            symbol_history=symbol_history(),
            series=tuple(data.macro),
        )

    # How a case is run -----------------------------------------------------------------------------------------

    @contextmanager
    def standing(self, now: datetime = NOW) -> Iterator[StandIn]:
        with serve(self.vendor, data=self.data(), now=now) as stand_ins:
            yield stand_ins[self.vendor]

    def reach(
        self,
        stand_in: StandIn,
        time: StoppedTime | None = None,
        *,
        keys: bool = True,
        per_minute: float = 1e9,
        timeout_seconds: float = 30.0,
    ) -> Vendor:
        found = stand_in.environment
        secrets = {name: SecretStr(value) for name, value in found.items() if not name.startswith("QUANTDESK_")}
        access = VendorAccess(
            base_url=stand_in.url,
            secrets=secrets if keys else {},
            requests_per_minute=per_minute,
            timeout_seconds=timeout_seconds,
        )
        return self.open(access, time or StoppedTime())

    def payloads(self, vendor: Vendor, topic: Topic | None = None) -> tuple[list[Payload], VendorError | None]:
        """Return what was delivered and the error that ended it."""
        found: list[Payload] = []
        try:
            for payload in vendor.fetch(topic or self.topic, self.wanted(self.data())):
                found.append(payload)
        except VendorError as error:
            return found, error
        return found, None

    def rows(self, vendor: Vendor, payloads: Sequence[Payload]) -> set[Row]:
        names = SymbolResolver(universe(), symbol_history())
        return {row for payload in payloads for block in vendor.parse(payload, names) for row in rows_of(block)}

    def clean(self) -> set[Row]:
        """Return the rows of a run without faults; they are the same every time."""
        if "_clean" not in type(self).__dict__:
            type(self)._clean = self._fetch_clean()
        return type(self)._clean

    def _fetch_clean(self) -> set[Row]:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            payloads, error = self.payloads(vendor)
        assert error is None
        return self.rows(vendor, payloads)

    # What it delivers ------------------------------------------------------------------------------------------

    def test_it_delivers_every_topic_that_it_declares(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            assert vendor.terms.name == self.vendor
            for topic in vendor.terms.delivers:
                payloads, error = self.payloads(vendor, topic)
                assert error is None, (topic, error)
                assert self.rows(vendor, payloads), topic

    def test_its_terms_say_what_a_person_needs_to_know(self) -> None:
        with self.standing() as stand_in:
            terms = self.reach(stand_in).terms
        assert terms.title
        assert terms.limits
        assert terms.base_url.startswith("https://")
        assert all(terms.delivers.values())
        assert not terms.keys or terms.without_key

    def test_records_fit_their_kind_and_bars_say_what_they_are(self) -> None:
        names = SymbolResolver(universe(), symbol_history())
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            for topic in vendor.terms.delivers:
                for payload in self.payloads(vendor, topic)[0]:
                    for block in vendor.parse(payload, names):
                        assert block.source
                        if isinstance(block, RecordRows):
                            for row in block.rows:
                                block.record(**dict(zip(block.record.model_fields, row, strict=True)))
                        else:
                            _check_bars(block, names)

    def test_nothing_is_known_before_it_happened(self) -> None:
        names = SymbolResolver(universe(), symbol_history())
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            for topic in vendor.terms.delivers:
                for payload in self.payloads(vendor, topic)[0]:
                    for block in vendor.parse(payload, names):
                        if isinstance(block, RecordRows):
                            _check_known_at(block)

    def test_the_same_payload_gives_the_same_rows_for_ever(self) -> None:
        names = SymbolResolver(universe(), symbol_history())
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            payloads, _ = self.payloads(vendor)
        # The stand-in is gone: parsing needs nothing but the payload.
        for payload in payloads:
            once = [rows_of(block) for block in vendor.parse(payload, names)]
            assert once == [rows_of(block) for block in vendor.parse(replace(payload), names)]

    def test_asking_twice_gives_the_same_rows(self) -> None:
        assert self._fetch_clean() == self.clean()

    # Secrets and limits ----------------------------------------------------------------------------------------

    def test_no_secret_is_in_a_payload_an_error_or_a_log(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG), self.standing() as stand_in:
            vendor = self.reach(stand_in)
            payloads, _ = self.payloads(vendor)
            stand_in.fail("server_error", matching=self.matching)
            _, error = self.payloads(vendor)
            sent = "\n".join(_sent(asked) for asked in stand_in.asked)
        secrets = [value for name, value in stand_in.environment.items() if not name.startswith("QUANTDESK_")]
        shown = caplog.text + repr([payload.request for payload in payloads]) + repr(error)
        for secret in secrets:
            assert secret in sent
            assert secret not in shown
            assert all(secret.encode() not in payload.body for payload in payloads)

    def test_a_missing_key_is_named_before_anything_is_asked(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in, keys=False)
            payloads, error = self.payloads(vendor)
            asked = len(stand_in.asked)
        if vendor.terms.keys and vendor.terms.key_required:
            assert isinstance(error, VendorKeyRefused)
            assert all(name in str(error) for name in vendor.terms.keys)
            assert vendor.terms.without_key in str(error)
            assert asked == 0
        else:
            assert error is None
            assert payloads

    def test_a_refused_key_ends_it_at_once_and_names_the_variable(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            if not vendor.terms.keys:
                return
            stand_in.fail("wrong_key")
            payloads, error = self.payloads(vendor)
            assert payloads == []
            assert isinstance(error, VendorKeyRefused)
            assert vendor.terms.keys[0] in str(error)
            assert not error.retry_helps
            assert len(stand_in.asked) == 1

    def test_it_keeps_to_the_rate(self) -> None:
        time = StoppedTime()
        with self.standing() as stand_in:
            vendor = self.reach(stand_in, time, per_minute=60.0)
            self.payloads(vendor)
            asked = len(stand_in.asked)
        assert time.elapsed >= asked - vendor.terms.burst

    # Faults ----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("fault", ["rate_limit", "server_error", "html", "truncated", "slow", "cut"])
    def test_a_fault_that_passes_costs_nothing(self, fault: Fault) -> None:
        time = StoppedTime()
        with self.standing() as stand_in:
            stand_in.fail(fault, times=1, matching=self.matching)
            vendor = self.reach(stand_in, time, timeout_seconds=1.0 if fault == "slow" else 30.0)
            payloads, error = self.payloads(vendor)
        assert error is None
        assert self.rows(vendor, payloads) == self.clean()
        assert time.slept, "it waited before it tried again"
        if fault == "rate_limit":
            assert max(time.slept) >= 1.0

    @pytest.mark.parametrize("fault", ["rate_limit", "server_error", "html", "truncated", "cut"])
    def test_a_fault_that_stays_is_an_error_and_never_an_empty_answer(self, fault: Fault) -> None:
        with self.standing() as stand_in:
            stand_in.fail(fault, matching=self.matching)
            payloads, error = self.payloads(self.reach(stand_in))
            asked = len(stand_in.asked)
        assert payloads == []
        assert isinstance(error, VendorMalformed if fault in ("html", "truncated") else VendorUnavailable)
        assert error.retry_helps
        assert asked <= 16, "it does not hammer a vendor that is down"

    def test_waits_between_attempts_grow(self) -> None:
        time = StoppedTime()
        with self.standing() as stand_in:
            stand_in.fail("server_error", matching=self.matching)
            self.payloads(self.reach(stand_in, time))
        waits = [seconds for seconds in time.slept if seconds > 0.01][:4]
        assert waits == sorted(waits)
        assert waits[-1] >= 4.0 * waits[0]

    def test_a_long_ban_is_not_waited_for(self) -> None:
        time = StoppedTime()
        with self.standing() as stand_in:
            stand_in.fail("long_ban")
            _, error = self.payloads(self.reach(stand_in, time))
            asked = len(stand_in.asked)
        assert isinstance(error, VendorError)
        assert time.elapsed < 60.0
        assert asked == 1

    def test_an_error_body_with_status_200_is_an_error(self) -> None:
        if not self.has_error_body:
            return
        with self.standing() as stand_in:
            stand_in.fail("error_body", matching=self.matching)
            payloads, error = self.payloads(self.reach(stand_in))
        assert payloads == []
        assert isinstance(error, VendorError)

    def test_rows_that_are_missing_in_a_page_are_noticed(self) -> None:
        with self.standing() as stand_in:
            stand_in.fail("short_page", times=1, matching=self.matching)
            vendor = self.reach(stand_in)
            payloads, error = self.payloads(vendor)
        # Asked for again, or told: never taken for the whole.
        assert error is not None or self.rows(vendor, payloads) == self.clean()

    def test_pages_are_followed_to_the_end(self) -> None:
        if not self.paged:
            return
        with self.standing() as stand_in:
            stand_in.page_rows = self.page_rows
            vendor = self.reach(stand_in)
            payloads, error = self.payloads(vendor)
            asked = len(stand_in.asked)
        assert error is None
        assert self.rows(vendor, payloads) == self.clean()
        with self.standing() as stand_in:
            self.payloads(self.reach(stand_in))
            assert asked > len(stand_in.asked)

    def test_a_cursor_that_leads_back_ends(self) -> None:
        if not self.paged:
            return
        with self.standing() as stand_in:
            stand_in.page_rows = self.page_rows
            stand_in.fail("looping_cursor", matching=self.matching)
            vendor = self.reach(stand_in)
            _, error = self.payloads(vendor)
            asked = len(stand_in.asked)
        assert isinstance(error, VendorMalformed)
        assert asked <= 60

    def test_what_the_vendor_does_not_have_is_no_failure(self) -> None:
        if not self.several_requests:
            return
        with self.standing() as stand_in:
            stand_in.fail("not_found", times=1, matching=self.matching)
            vendor = self.reach(stand_in)
            payloads, error = self.payloads(vendor)
        assert error is None
        found, clean = self.rows(vendor, payloads), self.clean()
        assert found < clean
        assert found

    @pytest.mark.parametrize("fault", ["clock_behind", "clock_ahead"])
    def test_a_wrong_clock_never_lets_an_unfinished_bar_in(self, fault: Fault) -> None:
        # In the middle of a trading day, which the stand-in delivers as a bar in progress.
        now = datetime(2024, 2, 13, 16, 0, tzinfo=UTC)
        names = SymbolResolver(universe(), symbol_history())
        with self.standing(now) as stand_in:
            stand_in.fail(fault)
            vendor = self.reach(stand_in, StoppedTime(now=now))
            payloads, error = self.payloads(vendor)
        assert error is None
        for payload in payloads:
            for block in vendor.parse(payload, names):
                if isinstance(block, BarColumns):
                    calendar = names.instruments[int(names.resolve(block)[0])].calendar
                    assert (closes_of(calendar, block.session) <= np.datetime64("2024-02-13T16:00")).all()

    def test_a_failure_in_the_middle_costs_only_what_was_not_delivered(self) -> None:
        if not self.several_requests:
            return
        clean = self.clean()
        with self.standing() as stand_in:
            stand_in.fail("server_error", after=2, matching=self.matching)
            vendor = self.reach(stand_in)
            payloads, error = self.payloads(vendor)
            delivered = self.rows(vendor, payloads)
            assert isinstance(error, VendorUnavailable)
            assert delivered
            assert delivered < clean
            stand_in.heal()
            again, error = self.payloads(vendor)
        assert error is None
        assert delivered | self.rows(vendor, again) == clean

    def test_one_request_that_fails_leaves_the_others_standing(self) -> None:
        if not self.several_requests:
            return
        with self.standing() as stand_in:
            # One request with all its attempts.
            stand_in.fail("server_error", after=1, times=5, matching=self.matching)
            vendor = self.reach(stand_in)
            payloads, error = self.payloads(vendor)
            asked = len(stand_in.asked)
        assert isinstance(error, VendorUnavailable)
        assert "1 requests failed" in str(error)
        assert self.rows(vendor, payloads) <= self.clean()
        assert payloads
        assert asked > 6


def rows_of(block: BarColumns | RecordRows) -> list[Row]:
    """Return the rows of a block as tuples that can be compared, NaN as None."""
    if isinstance(block, RecordRows):
        return [(block.record.kind, block.source, *(_plain(value) for value in row)) for row in block.rows]
    return [
        (
            "bar", block.source, block.price_basis, block.symbols[block.symbol_code[row]], str(block.session[row]),
            *(_plain(float(getattr(block, name)[row])) for name in ("open", "high", "low", "close", "volume")),
        )
        for row in range(len(block))
    ]  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    return repr(sorted(value.items())) if isinstance(value, dict) else value


def _sent(asked: Asked) -> str:
    """Return a request as text, a basic sign-in decoded."""
    kind, _, value = asked.headers.get("authorization", "").partition(" ")
    return repr(asked) + (base64.b64decode(value).decode() if kind == "Basic" else "")


def _check_bars(block: BarColumns, names: SymbolResolver) -> None:
    ids = names.resolve(block)
    assert (ids >= 0).all(), "every symbol names an instrument of the desk"
    assert not np.isnat(block.session).any()
    assert block.price_basis in ("raw", "split_adjusted", "total_return")
    assert (block.close > 0).all()
    if block.has_ohlc:
        assert (block.high >= np.maximum(block.open, block.close)).all()
        assert (block.low <= np.minimum(block.open, block.close)).all()
    else:
        assert np.isnan([block.open, block.high, block.low]).all()
    if block.has_volume:
        assert (block.volume >= 0).all()
    else:
        assert np.isnan(block.volume).all()


def _check_known_at(block: RecordRows) -> None:
    names = tuple(block.record.model_fields)
    for row in block.rows:
        record = dict(zip(names, row, strict=True))
        known: datetime = record.get("known_at", NOW)
        assert known.tzinfo is not None
        if (published := record.get("published_at")) is not None:
            assert known >= published
        if "period" in record:
            assert known.date() > record["period"], "a value is not known when its period begins"
        if record.get("actual_known_at") is not None:
            assert record["actual_known_at"].date() >= record["event_date"]
