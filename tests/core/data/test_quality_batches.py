"""The admission policy on whole deliveries: what is missing, and what one bar means for the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.data.calendar import sessions_between
from core.data.quality_cases import judge_case

XNYS = [
    str(day) for day in sessions_between("XNYS", np.datetime64("2023-01-03").item(), np.datetime64("2023-12-29").item())
]
EVERY_DAY = [str(day) for day in np.arange("2023-01-03", "2023-12-31", dtype="datetime64[D]")]
STORED = 30


def bar(day: str, level: float = 100.0, **changes: Any) -> dict[str, Any]:
    made = {"date": day, "open": level, "high": level * 1.01, "low": level * 0.99, "close": level, "volume": 1100}
    return {**made, **changes}


def case(asset_class: str = "equity", *, stored: int = STORED, price: float = 100.0, **changes: Any) -> dict[str, Any]:
    days = EVERY_DAY if asset_class == "crypto" else XNYS
    history = [bar(day, price, volume=1000) for day in days[:stored]]
    return {
        "id": "T",
        "asset_class": asset_class,
        "symbol": "ABC",
        "currency": "USD",
        "calendar": "24x7" if asset_class == "crypto" else "XNYS",
        "listed": "2000-01-03",
        "now": "2024-01-31T00:00:00Z",
        "request": None,
        "actions": [],
        "history": history,
        "incoming": [bar(days[stored], price)],
        **changes,
    }


def reasons(judged: dict[str, Any]) -> list[str]:
    return [verdict["reason"] for verdict in judged["verdicts"]]


def batch(days: list[str], *, start: str, end: str, now: str = "2024-01-31T00:00:00Z", **changes: Any) -> str | None:
    made = case(request={"start": start, "end": end}, now=now, **changes)
    made["incoming"] = [bar(day) for day in days]
    for place, row in enumerate(made["incoming"]):
        row["volume"] += place
    found = judge_case(made)["batch"]
    return None if found is None else f"{found['verdict']} {found['reason']}"


def test_an_empty_answer_is_no_answer() -> None:
    assert batch([], start=XNYS[30], end=XNYS[34]) == "reject empty_response"


@pytest.mark.parametrize(
    ("days", "now", "expected"),
    [
        (slice(30, 35), "2024-01-31T00:00:00Z", None),
        (slice(30, 34), "2024-01-31T00:00:00Z", "quarantine batch_short"),
        (slice(31, 35), "2024-01-31T00:00:00Z", "quarantine batch_short"),
        (slice(30, 34), f"{XNYS[34]}T20:59:00Z", None),  # the last one has not closed
        (slice(30, 34), f"{XNYS[34]}T21:00:00Z", "quarantine batch_short"),
    ],
)
def test_a_short_answer_leaves_its_bars_and_keeps_the_range_open(days: slice, now: str, expected: str | None) -> None:
    assert batch(XNYS[days], start=XNYS[30], end=XNYS[34], now=now) == expected


def test_weekends_and_holidays_are_not_missed() -> None:
    # From Friday 17 to Tuesday 21 February 2023: a weekend and Presidents' Day in between.
    assert batch(["2023-02-17", "2023-02-21"], start="2023-02-17", end="2023-02-21") is None
    assert batch(["2023-02-17"], start="2023-02-17", end="2023-02-20") is None
    assert batch(["2023-02-17"], start="2023-02-17", end="2023-02-21") == "quarantine batch_short"


def test_a_worse_bar_says_it_already() -> None:
    made = case(request={"start": XNYS[30], "end": XNYS[34]})
    made["incoming"] = [bar(XNYS[30], low=-1.0)]
    assert judge_case(made)["batch"] is None


def test_one_bad_bar_does_not_spoil_the_others() -> None:
    made = case()
    rows = [bar(day, 100 + 0.1 * place) for place, day in enumerate(XNYS[STORED : STORED + 4])]
    rows[1]["symbol"] = "XYZ"
    rows[2]["close"] = "?"
    made["incoming"] = rows
    assert reasons(judge_case(made)) == ["ok", "wrong_symbol", "nonnumeric_price", "ok"]


def test_a_bar_held_for_its_volume_is_no_base_for_the_next() -> None:
    """After a jump that waits comes a volume spike, which would confirm the jump; neither makes the level true."""
    made = case()
    made["incoming"] = [bar(XNYS[30], 150.0), bar(XNYS[31], 150.5, volume=500_000), bar(XNYS[32], 151.0)]
    assert reasons(judge_case(made)) == ["spike_unexplained", "volume_spike", "spike_unexplained"]
