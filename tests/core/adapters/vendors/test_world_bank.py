"""World Bank: the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.transport.replies import Reply
from core.adapters.vendors.world_bank import TERMS, WorldBank, _judge, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.domain.market_records import MacroObservation, MacroSeries
from core.errors import VendorMalformed, VendorNotFound, VendorRefused
from core.ports.vendor import Payload, RecordRows, Vendor
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract


class TestWorldBank(VendorContract):
    vendor = "world_bank"
    topic = "macro"
    paged = True
    page_rows = 2

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))


NAMES = SymbolResolver(universe(), symbol_history())


def _parsed(body: bytes) -> list[RecordRows]:
    payload = Payload(
        vendor="world_bank",
        kind="indicator",
        request={"path": "", "query": {}},
        content_type="application/json",
        body=body,
        received_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    blocks = list(WorldBank.__new__(WorldBank).parse(payload, NAMES))
    assert all(isinstance(block, RecordRows) for block in blocks)
    return blocks  # type: ignore[return-value]


@pytest.mark.shared
def test_recorded_values_are_known_from_the_day_of_the_update(shared_folder: Path) -> None:
    body = (shared_folder / "vendor_samples/worldbank/MEX_EMU_GDP_2024_2025.json").read_bytes()
    series, values = _parsed(body)
    assert series.record is MacroSeries
    assert values.record is MacroObservation
    assert {row[0] for row in series.rows} == {"WB:NY.GDP.MKTP.CD:MEX"}, "the aggregate EMU has no value yet"
    mexico = {row[1]: row for row in values.rows if row[0].endswith("MEX")}
    assert mexico[date(2025, 1, 1)][4] == 1832641364775.52
    assert {row[3] for row in values.rows} == {"2026-07-13"}
    assert {row[5] for row in values.rows} == {datetime(2026, 7, 13, 23, 59, 59, tzinfo=UTC)}


def test_a_year_without_a_value_gives_no_row() -> None:
    row = {"indicator": {"id": "X", "value": "Debt (% of GDP)"}, "country": {"id": "US", "value": "United States"},
           "countryiso3code": "USA", "date": "2024", "value": None}  # fmt: skip
    head = {"page": 1, "pages": 1, "per_page": 50, "total": 1, "lastupdated": "2024-07-01"}
    assert _parsed(json.dumps([head, [row]]).encode()) == []
    assert _parsed(json.dumps([{**head, "total": 0}, None]).encode()) == []


def test_an_aggregate_without_a_code_goes_by_its_short_one() -> None:
    row = {"indicator": {"id": "X", "value": "GDP (current US$)"}, "country": {"id": "B8", "value": "Baltics"},
           "countryiso3code": "", "date": "2023", "value": 1.5}  # fmt: skip
    head = {"page": 1, "pages": 1, "per_page": 50, "total": 1, "lastupdated": "2024-07-01"}
    series, values = _parsed(json.dumps([head, [row]]).encode())
    assert (series.rows[0][0], series.rows[0][2]) == ("WB:X:B8", "dollars")
    assert values.rows[0][4] == 1.5


def _reply(content: object) -> Reply:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Reply(status=200, headers={}, body=json.dumps(content).encode(), received_at=at)


@pytest.mark.shared
def test_the_recorded_error_with_status_200_is_one(shared_folder: Path) -> None:
    body = (shared_folder / "vendor_samples/worldbank/error_120_http200.json").read_bytes()
    with pytest.raises(VendorNotFound, match="not valid"):
        _judge(Reply(status=200, headers={}, body=body, received_at=datetime(2026, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ([{"message": [{"id": "105", "value": "Service currently unavailable"}]}], VendorRefused),
        ({"message": "x"}, VendorMalformed),
        ([{"page": 1}], VendorMalformed),
        ([{"page": 1, "pages": 2, "per_page": 2, "total": 3}, [{}]], VendorMalformed),
        ([{"page": 2, "pages": 2, "per_page": 2, "total": 3}, [{}, {}]], VendorMalformed),
    ],
)
def test_what_is_no_pair_of_head_and_rows_is_an_error(content: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        _judge(_reply(content))


def test_the_last_page_may_be_short() -> None:
    _judge(_reply([{"page": 2, "pages": 2, "per_page": 2, "total": 3}, [{}]]))
    _judge(_reply([{"page": 1, "pages": 1, "per_page": 2, "total": 0}, None]))
