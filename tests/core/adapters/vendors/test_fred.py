"""FRED and ALFRED: the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.transport.replies import Reply
from core.adapters.vendors import fred
from core.adapters.vendors.fred import TERMS, FredVendor, _judge, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.errors import VendorKeyRefused, VendorMalformed, VendorNotFound, VendorRefused, VendorUnavailable
from core.ports.vendor import Payload, RecordRows, Vendor, Wanted
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract


class TestFred(VendorContract):
    vendor = "fred"
    topic = "macro"

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))

    def test_every_vintage_of_the_window_is_stored_with_the_day_it_was_published(self) -> None:
        data = self.data()
        found = {(row[2], row[3], row[5]): row for row in self.clean()}
        window = self.wanted(data)
        expected = {
            (series, period, vintage.isoformat()): value
            for series, rows in data.macro.items()
            for period, vintage, value in rows
            if window.start <= vintage <= window.end
        }
        assert {key: row[6] for key, row in found.items()} == expected
        assert all(row[7] == datetime.fromisoformat(f"{row[5]}T23:59:59+00:00") for row in found.values())

    def test_what_was_published_before_the_window_is_not_dated_to_its_start(self) -> None:
        # FRED shows the older values as of the first day asked for; taken as such they would be new vintages.
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            wanted = Wanted(start=date(2024, 1, 25), end=date(2024, 2, 14), series=("GDP",))
            rows = self.rows(vendor, list(vendor.fetch("macro", wanted)))
        assert {(row[3], row[5], row[6]) for row in rows} == {
            (date(2023, 10, 1), self.data().macro["GDP"][3][1].isoformat(), 27944.6)
        }

    def test_portions_of_vintages_join_without_gap_or_doubling(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clean = self.clean()
        monkeypatch.setattr(fred, "_VINTAGES", 4)
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            payloads, error = self.payloads(vendor)
            assert error is None
            assert sum("observations" in asked.path for asked in stand_in.asked) > 8
        names = SymbolResolver(universe(), symbol_history())
        rows = [row for payload in payloads for block in vendor.parse(payload, names) for row in block.rows]  # type: ignore[union-attr]
        assert len(rows) == len(clean)
        assert self.rows(vendor, payloads) == clean

    def test_a_series_without_news_costs_one_small_request(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            wanted = Wanted(start=date(2024, 2, 13), end=date(2024, 2, 14), series=("GDP", "UNRATE"))
            assert list(vendor.fetch("macro", wanted)) == []
            assert [asked.path for asked in stand_in.asked] == ["/series/vintagedates"] * 2

    def test_series_that_fred_does_not_have_are_not_asked_for(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            wanted = Wanted(start=date(2024, 1, 2), end=date(2024, 2, 14), series=("SHILLER_PE10", "GPRD", "FF_SMB"))
            assert list(vendor.fetch("macro", wanted)) == []
            assert stand_in.asked == []

    def test_the_calendar_reaches_into_the_future(self) -> None:
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            wanted = Wanted(start=date(2024, 1, 2), end=date(2024, 1, 5))
            rows = self.rows(vendor, list(vendor.fetch("events", wanted)))
        days = {row[4] for row in rows}
        assert days == {day for _, _, day in self.data().releases if day <= date(2024, 2, 4)}
        assert max(days) > date(2024, 1, 5)


NAMES = SymbolResolver(universe(), symbol_history())


def _parsed(body: bytes, taken_before: str | None = None) -> list[tuple[object, ...]]:
    payload = Payload(
        vendor="fred",
        kind="vintages",
        request={"path": "", "query": {"series_id": "GDP"}, "series": "GDP", "taken_before": taken_before},
        content_type="text/xml",
        body=body,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    blocks = list(FredVendor.__new__(FredVendor).parse(payload, NAMES))
    return [row for block in blocks if isinstance(block, RecordRows) for row in block.rows]


def _xml(rows: list[dict[str, str]]) -> bytes:
    root = Element("observations")
    for row in rows:
        SubElement(root, "observation", row)
    return tostring(root)


@pytest.mark.shared
def test_the_ten_values_of_one_quarter_are_ten_vintages(shared_folder: Path) -> None:
    file = shared_folder / "vendor_samples/fred/observations_GDP_all_releases_subset.json"
    found = json.loads(file.read_text())["observations"]
    rows = _parsed(_xml(found))
    assert len(rows) == len(found)
    quarter = sorted((row[3], row[4]) for row in rows if row[1] == date(2013, 10, 1))
    assert len(quarter) == 10
    assert quarter[0] == ("2014-01-30", 17102.5)
    assert quarter[-1] == ("2023-09-28", pytest.approx(17192.0, abs=0.05))
    # On 2014-03-01 two of them were out; the later one was the value then.
    known = [value for vintage, value in quarter if str(vintage) <= "2014-03-01"]
    assert known == [17102.5, 17080.7]


@pytest.mark.shared
def test_the_recorded_observations_in_xml_are_read(shared_folder: Path) -> None:
    rows = _parsed((shared_folder / "vendor_samples/fred/xml_1_observations.xml").read_bytes())
    assert [(row[1], row[4]) for row in rows][:2] == [(date(2014, 9, 2), 2002.28), (date(2014, 9, 3), 2000.72)]


def test_a_dot_is_a_period_without_a_value() -> None:
    rows = _parsed(_xml([{"realtime_start": "2025-11-13", "date": "2025-10-01", "value": "."}]))
    assert rows == [
        (
            "GDP",
            date(2025, 10, 1),
            "fred",
            "2025-11-13",
            None,
            datetime(2025, 11, 13, 23, 59, 59, tzinfo=UTC),
            "vintage",
        )
    ]


def test_what_was_taken_before_is_dropped() -> None:
    found = [
        {"realtime_start": "2024-01-25", "date": "2023-10-01", "value": "1.0"},
        {"realtime_start": "2024-02-28", "date": "2023-10-01", "value": "2.0"},
    ]
    assert [row[4] for row in _parsed(_xml(found), taken_before="2024-01-25")] == [2.0]
    assert [row[4] for row in _parsed(_xml(found))] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            b'<error code="400" message="Bad Request.  The value for variable api_key is not registered."/>',
            VendorKeyRefused,
        ),
        (b'<error code="400" message="Bad Request.  The series does not exist."/>', VendorNotFound),
        (b'<error code="400" message="Bad Request.  Invalid value for variable limit."/>', VendorRefused),
        (b'<error code="429" message="Too Many Requests."/>', VendorUnavailable),
        (b'<error code="500" message="Internal Server Error"/>', VendorUnavailable),
        (b"<!DOCTYPE html><html><body>Too many requests</body></html>", VendorMalformed),
        (b'{"error_code": 400, "error_message": "Bad Request."}', VendorMalformed),
        (b'<observations count="2" limit="100000"><observation/></observations>', VendorMalformed),
        (b'<observations count="2" limit="1000', VendorMalformed),
        (b"<categories/>", VendorMalformed),
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]><observations>&a;</observations>', VendorMalformed),
    ],
)
def test_what_is_no_data_is_an_error(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        _judge(Reply(status=200, headers={}, body=body, received_at=datetime(2026, 1, 1, tzinfo=UTC)))
