"""Speak as the authors' site of the geopolitical risk index: one Stata file with the whole history."""

from __future__ import annotations

import io
from datetime import date

from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS: dict[str, str] = {}
_COLUMNS = ("N10D", "GPRD", "GPRD_ACT", "GPRD_THREAT", "GPRD_MA7", "GPRD_MA30")


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request."""
    if asked.path != "/data_gpr_daily_recent.dta" or fault == "not_found":
        return Spoken(status=404, content=b"<html>Not Found</html>", content_type="text/html")
    if fault == "error_body":
        return Spoken(content=b"Service is being updated\n", content_type="text/plain")
    days = sorted(day for day in stand_in.data.risk if day <= stand_in.clock().date())
    if fault == "short_page":
        days = days[:5] + days[8:]
    return Spoken(content=_stata(stand_in, days), content_type="application/octet-stream")


def _stata(stand_in: StandIn, days: list[date]) -> bytes:
    import pandas as pd

    rows = [
        {"DAY": int(f"{day:%Y%m%d}"), **{name: stand_in.data.risk[day].get(name, float("nan")) for name in _COLUMNS},
         "event": stand_in.data.risk_events.get(day, "")}
        for day in days
    ]  # fmt: skip
    file = io.BytesIO()
    pd.DataFrame(rows).to_stata(file, write_index=False)
    return file.getvalue()
