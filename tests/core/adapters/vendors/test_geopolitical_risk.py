"""The geopolitical risk index: the contract of every vendor, and the traps of this one."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from core.adapters.transport.client import Timing, Transport
from core.adapters.transport.replies import Reply
from core.adapters.vendors.geopolitical_risk import TERMS, GeopoliticalRisk, _judge, open_vendor
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.errors import VendorMalformed
from core.ports.vendor import Payload, RecordRows, Vendor
from core.settings import VendorAccess
from core.testing.vendor_contract import StoppedTime, VendorContract


class TestGeopoliticalRisk(VendorContract):
    vendor = "geopolitical_risk"
    topic = "macro"
    several_requests = False

    def open(self, access: VendorAccess, time: StoppedTime) -> Vendor:
        timing = Timing(now=time.wall, monotonic=time.monotonic, sleep=time.sleep, random=time.random)
        return open_vendor(Transport(TERMS, access, timing))

    def test_days_of_high_risk_and_labelled_days_are_events(self) -> None:
        data = self.data()
        with self.standing() as stand_in:
            vendor = self.reach(stand_in)
            rows = self.rows(vendor, self.payloads(vendor, "events")[0])
        expected = {day for day, risk in data.risk.items() if risk["GPRD"] >= 200.0 or day in data.risk_events}
        assert {row[4] for row in rows} == expected
        labelled = [row for row in rows if row[5] == "Missile strikes on shipping"]
        assert [(row[7], row[9]) for row in labelled] == [
            ("labelled event", "low" if labelled[0][10] < 140 else "medium")
        ]
        assert {row[9] for row in rows if row[7] == "risk spike"} == {"high"}


def _parsed(kind: str, body: bytes, start: str, end: str) -> list[tuple[object, ...]]:
    payload = Payload(
        vendor="geopolitical_risk",
        kind=kind,
        request={"path": "", "query": {}, "start": start, "end": end},
        content_type="",
        body=body,
        received_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    vendor = GeopoliticalRisk.__new__(GeopoliticalRisk)
    blocks = list(vendor.parse(payload, SymbolResolver(universe(), symbol_history())))
    return [row for block in blocks if isinstance(block, RecordRows) for row in block.rows]


def _reply(body: bytes) -> Reply:
    return Reply(status=200, headers={}, body=body, received_at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.shared
def test_the_real_file_is_read_whole_and_as_it_is(shared_folder: Path) -> None:
    body = gzip.decompress((shared_folder / "data/events/geopolitical_risk_daily.csv.gz").read_bytes())
    _judge(_reply(body))
    rows = _parsed("macro", body, "1985-01-01", "1985-01-02")
    first = {row[0]: row[4] for row in rows if row[1] == date(1985, 1, 1)}
    assert first == {"GPRD": 230.0394, "GPRD_ACT": 275.1976, "GPRD_THREAT": 153.028, "GPRD_MA7": 230.0394,
                     "GPRD_MA30": 230.0394, "GPRD_N10D": 216.0}  # fmt: skip
    assert {row[5] for row in rows if row[1] == date(1985, 1, 1)} == {datetime(1985, 1, 8, 23, 59, 59, tzinfo=UTC)}
    # The invasion of Ukraine stands out.
    events = _parsed("events", body, "2022-02-20", "2022-03-10")
    assert {row[2] for row in events} >= {date(2022, 2, 25), date(2022, 3, 1)}


def _csv(days: list[date]) -> bytes:
    lines = ["date,N10D,GPRD,GPRD_ACT,GPRD_THREAT,GPRD_MA7,GPRD_MA30"]
    lines += [f"{day.isoformat()},200,{100 + step}.5,90,,95,96" for step, day in enumerate(days)]
    return ("\n".join(lines) + "\n").encode()


def _days(count: int) -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=step) for step in range(count)]


def test_an_empty_cell_gives_no_row() -> None:
    rows = _parsed("macro", _csv(_days(1)), "2024-01-01", "2024-01-31")
    assert {row[0] for row in rows} == {"GPRD", "GPRD_ACT", "GPRD_MA7", "GPRD_MA30", "GPRD_N10D"}


def test_a_missing_day_is_noticed_wherever_it_is() -> None:
    _judge(_reply(_csv(_days(10))))
    for missing in range(1, 9):
        days = _days(10)
        del days[missing]
        with pytest.raises(VendorMalformed, match="jumps"):
            _judge(_reply(_csv(days)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><html></html>",
        b"a,b\n1,2\n",
        b"date,GPRD\n",
        b"date,GPRD\n2024-01-01,1",
        b"date,GPRD\nyesterday,1\n",
        b"date,GPRD\n2024-01-01,high\n",
        b"<stata_dta><header>",
        b"\x72\x02\x01\x00",
        b"\xff\xfe\xfa",
    ],
)
def test_what_is_not_the_file_is_malformed(body: bytes) -> None:
    with pytest.raises(VendorMalformed):
        _judge(_reply(body))


def test_a_stata_file_of_either_format_is_read() -> None:
    import pandas as pd

    days = _days(3)
    frame = pd.DataFrame(
        {
            "DAY": [int(f"{day:%Y%m%d}") for day in days],
            "date": pd.to_datetime(days),
            "GPRD": [100.5, 250.5, 90.25],
            "event": ["", "", "Talks"],
        }
    )
    for version in (114, 118):
        file = io.BytesIO()
        frame.to_stata(file, write_index=False, version=version, convert_dates={"date": "td"})
        body = file.getvalue()
        _judge(_reply(body))
        rows = _parsed("macro", body, "2024-01-01", "2024-01-31")
        assert [(row[1], row[4]) for row in rows] == list(zip(days, [100.5, 250.5, 90.25], strict=True))
        events = _parsed("events", body, "2024-01-01", "2024-01-31")
        assert [(row[2], row[3], row[7]) for row in events] == [
            (days[1], "Day of high geopolitical risk", "high"),
            (days[2], "Talks", "low"),
        ]
