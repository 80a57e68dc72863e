"""The admission policy as tables: every reason with the value that is still good beside the one that is not.

The stored history is 30 sessions at exactly 100 with volume 1000, so that every limit falls on a round number.
"""

from __future__ import annotations

import itertools
import math
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

# As the policy lists them.
REJECT = [
    "nonnumeric_price",
    "nonpositive_price",
    "high_lt_low",
    "ohlc_outside_range",
    "negative_volume",
    "nonnumeric_volume",
    "future_date",
    "not_a_session",
    "bad_date",
    "wrong_currency",
    "wrong_symbol",
    "before_listing",
    "duplicate_conflict",
]
QUARANTINE = [
    "spike_unexplained",
    "split_not_applied",
    "price_scale",
    "range_spike",
    "correction_large",
    "stale_repeat",
    "zero_volume_move",
    "timezone_shift",
    "column_swap",
    "vwap_outside",
    "adjusted_mismatch",
    "volume_spike",
]
FLAG = [
    "duplicate_identical",
    "correction_small",
    "explained_move",
    "volume_confirmed_move",
    "zero_volume_flat",
    "missing_volume",
    "rounding",
    "late_bar",
    "short_history",
    "unsorted",
]
ORDER = [*REJECT, *QUARANTINE, *FLAG, "ok"]


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


def reason_of(asset_class: str = "equity", *, price: float = 100.0, at: float | None = None, **changes: Any) -> str:
    """Judge one bar after the quiet history: at another price, with other fields."""
    made = case(asset_class, price=price)
    made["incoming"] = [bar(made["incoming"][0]["date"], price if at is None else at, **changes)]
    (reason,) = reasons(judge_case(made))
    return reason


@pytest.mark.parametrize("asset_class", ["equity", "etf", "crypto"])
def test_the_quiet_bar_that_every_table_starts_from_is_accepted(asset_class: str) -> None:
    assert judge_case(case(asset_class))["verdicts"] == [{"verdict": "accept", "reason": "ok"}]


# Values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [None, "", "n/a", "100.0", math.nan, math.inf, -math.inf, True, [100.0], {}])
def test_a_price_that_is_no_number_is_rejected(field: str, value: object) -> None:
    assert reason_of(**{field: value}) == "nonnumeric_price"


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [0, 0.0, -0.01, -100.0])
def test_a_price_of_nothing_or_less_is_rejected(field: str, value: float) -> None:
    assert reason_of(**{field: value}) == "nonpositive_price"


@pytest.mark.parametrize(
    ("asset_class", "volume", "reason"),
    [
        ("equity", 1, "ok"),
        ("equity", -1, "negative_volume"),
        ("equity", -0.5, "negative_volume"),
        ("equity", 1100.0, "ok"),
        ("equity", 1100.5, "nonnumeric_volume"),
        ("etf", 0.1, "nonnumeric_volume"),
        ("crypto", 1100.5, "ok"),  # a coin can be divided
        ("crypto", 1e-8, "ok"),
        ("crypto", -1e-8, "negative_volume"),
        ("equity", "1100", "nonnumeric_volume"),
        ("crypto", "many", "nonnumeric_volume"),
        ("equity", math.nan, "nonnumeric_volume"),
        ("crypto", math.nan, "nonnumeric_volume"),
        ("equity", math.inf, "nonnumeric_volume"),
        ("equity", True, "nonnumeric_volume"),
        ("equity", None, "missing_volume"),
        ("crypto", None, "missing_volume"),
    ],
)
def test_volumes(asset_class: str, volume: object, reason: str) -> None:
    assert reason_of(asset_class, volume=volume) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        # high 101, a tick is 1 basis point of it: 0.0101
        ({"close": 101.0}, "ok"),
        ({"close": 101.0101}, "rounding"),
        ({"close": 101.0102}, "ohlc_outside_range"),
        ({"open": 101.005}, "rounding"),
        ({"open": 101.02}, "ohlc_outside_range"),
        # low 99, a tick is 0.0099
        ({"close": 99.0}, "ok"),
        ({"close": 98.9901}, "rounding"),
        ({"close": 98.99}, "ohlc_outside_range"),
        ({"open": 98.995}, "rounding"),
        ({"open": 98.9}, "ohlc_outside_range"),
        # high below low
        ({"high": 99.0, "open": 99.0, "close": 99.0}, "ok"),
        ({"high": 98.9}, "high_lt_low"),
        ({"high": 98.9, "open": 98.9, "close": 98.9}, "high_lt_low"),
    ],
)
@pytest.mark.parametrize("asset_class", ["equity", "crypto"])
def test_open_and_close_lie_between_low_and_high_up_to_a_tick(
    asset_class: str, changes: dict[str, float], reason: str
) -> None:
    assert reason_of(asset_class, **changes) == reason


@pytest.mark.parametrize(
    ("above", "reason"), [(0.00009, "rounding"), (0.0001, "rounding"), (0.00012, "ohlc_outside_range")]
)
def test_below_one_dollar_a_tick_is_a_hundredth_of_a_cent(above: float, reason: str) -> None:
    assert reason_of(price=0.5, close=0.505 + above) == reason


@pytest.mark.parametrize(
    ("asset_class", "changes", "reason"),
    [
        ("equity", {"high": 139.99}, "ok"),
        ("equity", {"high": 140.0}, "ok"),
        ("equity", {"high": 140.01}, "range_spike"),
        ("equity", {"low": 60.01}, "ok"),
        ("equity", {"low": 60.0}, "ok"),
        ("equity", {"low": 59.99}, "range_spike"),
        ("etf", {"high": 141.0}, "range_spike"),
        ("crypto", {"high": 141.0}, "ok"),
        ("crypto", {"high": 160.0}, "ok"),
        ("crypto", {"high": 160.01}, "range_spike"),
        ("crypto", {"low": 40.0}, "ok"),
        ("crypto", {"low": 39.99}, "range_spike"),
        # Far from the open but not from the close: a day that moved.
        ("equity", {"open": 85.0, "low": 84.0, "high": 120.0, "close": 119.0}, "ok"),
    ],
)
def test_high_and_low_are_not_far_from_both_open_and_close(
    asset_class: str, changes: dict[str, float], reason: str
) -> None:
    assert reason_of(asset_class, **changes) == reason


@pytest.mark.parametrize(
    ("vwap", "reason"),
    [
        (99.0, "ok"),
        (100.0, "ok"),
        (101.0, "ok"),
        (101.01, "ok"),
        (101.011, "vwap_outside"),
        (98.991, "ok"),
        (98.989, "vwap_outside"),
        (1.0, "vwap_outside"),
        (None, "ok"),  # no mean price was given
        (math.nan, "nonnumeric_price"),
        (math.inf, "nonnumeric_price"),
        ("100.0", "nonnumeric_price"),
    ],
)
def test_the_mean_price_lies_between_low_and_high(vwap: object, reason: str) -> None:
    assert reason_of(vwap=vwap) == reason


@pytest.mark.parametrize(
    ("asset_class", "changes", "reason"),
    [
        ("equity", {}, "zero_volume_move"),
        ("etf", {"open": 100.0, "close": 100.0, "high": 100.0, "low": 99.9}, "zero_volume_move"),
        ("equity", {"open": 100.0, "close": 100.0, "high": 100.0, "low": 100.0}, "zero_volume_flat"),
        ("crypto", {}, "ok"),
        ("crypto", {"high": 100.0, "low": 100.0}, "zero_volume_flat"),
    ],
)
def test_a_price_does_not_move_without_trades(asset_class: str, changes: dict[str, float], reason: str) -> None:
    assert reason_of(asset_class, volume=0, **changes) == reason


@pytest.mark.parametrize(
    ("volume", "reason"), [(99_999, "ok"), (100_000, "ok"), (100_001, "volume_spike"), (10**9, "volume_spike")]
)
@pytest.mark.parametrize("asset_class", ["equity", "crypto"])
def test_a_volume_of_more_than_a_hundred_medians_waits(asset_class: str, volume: float, reason: str) -> None:
    assert reason_of(asset_class, volume=volume) == reason


@pytest.mark.parametrize(("field", "no_price"), [("open", 3), ("high", 3), ("low", 300), ("close", 3)])
def test_a_volume_in_a_price_column_is_an_exchange(field: str, no_price: int) -> None:
    good = bar("", 100.0)
    assert reason_of(**{field: 5_000_000.0, "volume": good[field]}) == "column_swap"
    # The same number with a volume that is no price of this instrument is just wrong.
    assert reason_of(**{field: 5_000_000.0, "volume": no_price}) in (
        "high_lt_low",
        "ohlc_outside_range",
        "range_spike",
    )


# Jumps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asset_class", "close", "reason"),
    [
        ("equity", 128.40, "ok"),  # exp(0.25) = 1.284025
        ("equity", 128.41, "spike_unexplained"),
        ("equity", 77.89, "ok"),  # exp(-0.25) = 0.778801
        ("equity", 77.88, "spike_unexplained"),
        ("etf", 128.41, "spike_unexplained"),
        ("crypto", 128.41, "ok"),
        ("crypto", 156.83, "ok"),  # exp(0.45) = 1.568312
        ("crypto", 156.84, "spike_unexplained"),
        ("crypto", 63.77, "ok"),  # exp(-0.45) = 0.637628
        ("crypto", 63.76, "spike_unexplained"),
    ],
)
def test_a_jump_beyond_the_limit_of_its_class_waits(asset_class: str, close: float, reason: str) -> None:
    assert reason_of(asset_class, at=close) == reason


@pytest.mark.parametrize(
    ("close", "volume", "reason"),
    [
        (140.0, 2999, "spike_unexplained"),
        (140.0, 3000, "volume_confirmed_move"),
        (70.0, 3000, "volume_confirmed_move"),
        (70.0, 2999, "spike_unexplained"),
        (140.0, None, "spike_unexplained"),
        (332.0, 90_000, "volume_confirmed_move"),  # exp(1.2) = 3.320117
        (332.1, 90_000, "spike_unexplained"),
        (30.2, 90_000, "volume_confirmed_move"),
        (30.1, 90_000, "spike_unexplained"),
        (120.0, 90_000, "ok"),
    ],
)
def test_three_times_the_usual_volume_confirms_a_jump_up_to_a_size(
    close: float, volume: float | None, reason: str
) -> None:
    assert reason_of(at=close, volume=volume) == reason


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 50])
@pytest.mark.parametrize("off", [-0.029, 0.0, 0.029])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_jump_by_a_whole_split_ratio_is_a_split_nobody_told(ratio: int, off: float, direction: int) -> None:
    jump = ratio * (1 + off)
    close = 100 * jump if direction > 0 else 100 / jump
    assert reason_of(at=close, volume=90_000) == "split_not_applied"


@pytest.mark.parametrize(
    ("close", "reason"),
    [
        (206.3, "volume_confirmed_move"),
        (193.7, "volume_confirmed_move"),
        (100 / 2.07, "volume_confirmed_move"),
        (1135.0, "spike_unexplained"),
    ],
)
def test_a_jump_beside_a_split_ratio_is_judged_as_a_jump(close: float, reason: str) -> None:
    assert reason_of(at=close, volume=90_000) == reason


@pytest.mark.parametrize("factor", [100, 1000, 1 / 100, 1 / 1000])
@pytest.mark.parametrize(
    ("off", "scaled"), [(-0.019, True), (0.0, True), (0.019, True), (-0.021, False), (0.021, False)]
)
def test_cents_for_dollars_are_a_matter_of_scale(factor: float, off: float, scaled: bool) -> None:
    up = max(factor, 1 / factor) * (1 + off)
    found = reason_of(at=100 * up if factor > 1 else 100 / up)
    assert (found == "price_scale") == scaled
    assert found in ("price_scale", "spike_unexplained")


@pytest.mark.parametrize(
    ("close", "reason"),
    [
        (50.0, "explained_move"),
        (47.6, "explained_move"),  # within 5 % of what the split explains
        (52.4, "explained_move"),
        (100.0, "split_not_applied"),
        (99.0, "split_not_applied"),
        (25.0, "split_not_applied"),  # the known split and another one
        (47.4, "split_not_applied"),  # the split and a fall of more than 5 %
        (33.0, "split_not_applied"),
        (201.0, "split_not_applied"),  # the wrong way
    ],
)
def test_a_known_split_explains_its_own_jump_only(close: float, reason: str) -> None:
    made = case()
    day = made["incoming"][0]["date"]
    made["actions"] = [{"ex_date": day, "kind": "split", "ratio": 2}]
    made["incoming"] = [bar(day, close)]
    assert reasons(judge_case(made)) == [reason]


def test_a_split_of_another_day_explains_nothing() -> None:
    made = case(actions=[{"ex_date": XNYS[STORED - 3], "kind": "split", "ratio": 2}])
    made["incoming"] = [bar(XNYS[STORED], 50.0)]
    assert reasons(judge_case(made)) == ["split_not_applied"]


def test_a_reverse_split_explains_a_rise() -> None:
    made = case(actions=[{"ex_date": XNYS[STORED], "kind": "split", "ratio": 0.1}])
    made["incoming"] = [bar(XNYS[STORED], 1000.0)]
    assert reasons(judge_case(made)) == ["explained_move"]


def test_a_small_split_needs_no_flag_when_the_bar_moved_by_it() -> None:
    # Five for four: a fall of 20 % is below the limit and needs no explanation; none at all would.
    action = {"ex_date": XNYS[STORED], "kind": "split", "ratio": 1.25}
    made = case(actions=[action])
    made["incoming"] = [bar(XNYS[STORED], 80.0)]
    assert reasons(judge_case(made)) == ["ok"]
    made["incoming"] = [bar(XNYS[STORED], 100.0)]
    assert reasons(judge_case(made)) == ["split_not_applied"]


def test_bars_after_one_that_was_held_are_measured_from_the_last_good_close() -> None:
    made = case()
    closes = [100.0, 150.0, 150.5, 101.0, 100.5]
    made["incoming"] = [bar(day, close) for day, close in zip(XNYS[STORED:], closes, strict=False)]
    assert reasons(judge_case(made)) == ["ok", "spike_unexplained", "spike_unexplained", "ok", "ok"]


# Dates and identity ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendar", "day", "now", "reason"),
    [
        ("XNYS", "2023-02-15", "2023-02-15T21:00:00Z", "ok"),  # winter: 16:00 in New York is 21:00
        ("XNYS", "2023-02-15", "2023-02-15T20:59:59Z", "future_date"),
        ("XNYS", "2023-07-05", "2023-07-05T20:00:00Z", "ok"),  # summer: 20:00
        ("XNYS", "2023-07-05", "2023-07-05T19:59:59Z", "future_date"),
        ("XNYS", "2023-07-03", "2023-07-03T17:00:00Z", "ok"),  # before Independence Day closes at 13:00
        ("XNYS", "2023-07-03", "2023-07-03T16:59:59Z", "future_date"),
        ("XNYS", "2023-03-10", "2023-03-10T21:00:00Z", "ok"),  # the Friday before clocks change
        ("XNYS", "2023-03-13", "2023-03-13T20:00:00Z", "ok"),  # the Monday after
        ("XNYS", "2023-03-13", "2023-03-13T19:30:00Z", "future_date"),
        ("XNYS", "2023-02-15", "2023-02-15T16:00:00-05:00", "ok"),  # the same moment, as New York writes it
        ("XNYS", "2023-02-15", "2023-02-15T15:59:00-05:00", "future_date"),
        ("24x7", "2023-02-15", "2023-02-16T00:00:00Z", "ok"),
        ("24x7", "2023-02-15", "2023-02-15T23:59:59Z", "future_date"),
        ("XNYS", "2123-02-15", "2023-02-15T21:00:00Z", "future_date"),
        ("XNYS", "2023-02-18", "2024-01-01T00:00:00Z", "not_a_session"),  # Saturday
        ("XNYS", "2023-02-20", "2024-01-01T00:00:00Z", "not_a_session"),  # Presidents' Day
        ("XNYS", "2023-04-07", "2024-01-01T00:00:00Z", "not_a_session"),  # Good Friday
        ("XNYS", "2023-06-19", "2024-01-01T00:00:00Z", "not_a_session"),  # Juneteenth, a holiday since 2022
        ("24x7", "2023-02-18", "2024-01-01T00:00:00Z", "ok"),
        ("24x7", "2023-12-25", "2024-01-01T00:00:00Z", "ok"),
        ("XNYS", "2023-02-30", "2024-01-01T00:00:00Z", "bad_date"),
        ("XNYS", "2023-13-01", "2024-01-01T00:00:00Z", "bad_date"),
        ("XNYS", "15/02/2023", "2024-01-01T00:00:00Z", "bad_date"),
        ("XNYS", "", "2024-01-01T00:00:00Z", "bad_date"),
        ("24x7", None, "2024-01-01T00:00:00Z", "bad_date"),
        ("24x7", 20230215, "2024-01-01T00:00:00Z", "ok"),  # ISO 8601 without hyphens
        ("24x7", "1899-12-31", "2024-01-01T00:00:00Z", "bad_date"),
    ],
)
def test_dates(calendar: str, day: object, now: str, reason: str) -> None:
    made = case("crypto" if calendar == "24x7" else "equity", now=now, listed=None, stored=20)
    made["incoming"] = [bar(day)]  # type: ignore[arg-type]
    assert reasons(judge_case(made)) == [reason]


@pytest.mark.parametrize(
    ("listed", "reason"), [("2023-02-14", "ok"), ("2023-02-15", "ok"), ("2023-02-16", "before_listing"), (None, "ok")]
)
def test_nothing_trades_before_it_is_listed(listed: str | None, reason: str) -> None:
    made = case(listed=listed)
    assert made["incoming"][0]["date"] == "2023-02-15"
    assert reasons(judge_case(made)) == [reason]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"currency": "USD"}, "ok"),
        ({"currency": "EUR"}, "wrong_currency"),
        ({"currency": "usd"}, "wrong_currency"),
        ({"symbol": "ABC"}, "ok"),
        ({"symbol": "ABD"}, "wrong_symbol"),
        ({"adjusted": False}, "ok"),
        ({"adjusted": True}, "adjusted_mismatch"),
    ],
)
def test_a_bar_says_what_it_is(changes: dict[str, object], reason: str) -> None:
    assert reason_of(**changes) == reason


# What came before -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "small", "large"),
    [("open", 100.49, 100.51), ("high", 101.504, 101.506), ("low", 99.49, 99.5), ("close", 99.51, 99.49)],
)
def test_a_correction_is_small_up_to_half_a_percent_of_any_price(field: str, small: float, large: float) -> None:
    def judged(value: float) -> str:
        made = case()
        made["incoming"] = [bar(XNYS[STORED - 1], volume=1000, **{field: value})]
        return reasons(judge_case(made))[0]

    assert judged(small) == "correction_small"
    assert judged(large) == "correction_large"
    assert judged(bar("")[field]) == "duplicate_identical"


def test_another_volume_alone_is_a_small_correction() -> None:
    made = case()
    made["incoming"] = [bar(XNYS[STORED - 1], volume=999_999)]
    assert reasons(judge_case(made)) == ["correction_small"]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, ["ok"]), (2, ["ok", "ok"]), (4, ["ok", "ok", "stale_repeat", "stale_repeat"])]
)
def test_the_third_equal_bar_in_a_row_is_stale(count: int, expected: list[str]) -> None:
    made = case()
    made["incoming"] = [bar(day, 100.2) for day in XNYS[STORED : STORED + count]]
    assert reasons(judge_case(made)) == expected


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
def test_any_difference_ends_a_row_of_equal_bars(field: str) -> None:
    made = case()
    rows = [bar(day, 100.2) for day in XNYS[STORED : STORED + 3]]
    rows[1][field] = rows[1][field] * 1.001 if field != "volume" else 1101
    made["incoming"] = rows
    assert reasons(judge_case(made)) == ["ok", "ok", "ok"]


def test_equal_bars_are_counted_across_the_border_of_the_delivery() -> None:
    made = case()
    made["incoming"] = [bar(XNYS[STORED], volume=1000)]  # as the 30 stored ones
    assert reasons(judge_case(made)) == ["stale_repeat"]


@pytest.mark.parametrize(("count", "shifted"), [(2, False), (3, True), (5, True)])
def test_three_bars_of_the_session_before_are_a_moved_time_zone(count: int, shifted: bool) -> None:
    made = case()
    for place, stored in enumerate(made["history"]):
        stored |= bar(stored["date"], 100 + 0.001 * place, volume=1000 + place)
    source = made["history"][-count:]
    days = XNYS[STORED - count + 1 : STORED + 1]
    made["incoming"] = [{**stored, "date": day} for stored, day in zip(source, days, strict=True)]
    assert ("timezone_shift" in reasons(judge_case(made))) == shifted


def test_one_day_twice_is_stored_once_or_not_at_all() -> None:
    made = case()
    day = XNYS[STORED]
    made["incoming"] = [bar(day), bar(day)]
    assert reasons(judge_case(made)) == ["ok", "duplicate_identical"]
    made["incoming"] = [bar(day), bar(day, volume=1101), bar(XNYS[STORED + 1])]
    assert reasons(judge_case(made)) == ["duplicate_conflict", "duplicate_conflict", "ok"]
    made["incoming"] = [bar(day), bar(day), bar(day, 100.3)]
    assert reasons(judge_case(made)) == ["duplicate_conflict"] * 3


@pytest.mark.parametrize(("stored", "reason"), [(0, "short_history"), (19, "short_history"), (20, "ok"), (21, "ok")])
def test_twenty_stored_bars_are_a_history(stored: int, reason: str) -> None:
    assert reasons(judge_case(case(stored=stored))) == [reason]


def test_without_a_history_jumps_and_volumes_cannot_be_judged() -> None:
    made = case(stored=19)
    made["incoming"] = [bar(XNYS[19], 140.0, volume=10**9)]
    assert reasons(judge_case(made)) == ["short_history"]


def test_a_hole_is_filled_late_and_a_delivery_backwards_is_unsorted() -> None:
    made = case()
    day = made["history"].pop(12)["date"]
    made["incoming"] = [bar(day)]
    assert reasons(judge_case(made)) == ["late_bar"]
    made = case()
    made["incoming"] = [bar(day, 100 + place) for place, day in enumerate(XNYS[STORED + 2 : STORED - 1 : -1])]
    assert reasons(judge_case(made)) == ["unsorted"] * 3


# Several reasons at once ----------------------------------------------------------------------------------------

_FAULTS: dict[str, dict[str, Any]] = {
    "nonnumeric_price": {"open": "x"},
    "nonpositive_price": {"low": -5.0},
    "negative_volume": {"volume": -1},
    "future_date": {"now": "2023-02-15T20:00:00Z"},
    "wrong_currency": {"currency": "EUR"},
    "wrong_symbol": {"symbol": "XYZ"},
    "before_listing": {"listed": "2023-06-01"},
    "range_spike": {"high": 150.0},
    "vwap_outside": {"vwap": 500.0},
    "adjusted_mismatch": {"adjusted": True},
    "missing_volume": {"volume": None},
    "volume_spike": {"volume": 500_000},
}


@pytest.mark.parametrize(
    ("one", "other"),
    [pair for pair in itertools.combinations(_FAULTS, 2) if not _FAULTS[pair[0]].keys() & _FAULTS[pair[1]].keys()],
)
def test_of_two_reasons_the_one_listed_first_decides(one: str, other: str) -> None:
    made = case()
    for name, value in (_FAULTS[one] | _FAULTS[other]).items():
        if name in ("now", "listed"):
            made[name] = value
        else:
            made["incoming"][0][name] = value
    assert reasons(judge_case(made)) == [min(one, other, key=ORDER.index)]


def test_the_reasons_of_the_policy_are_all_there_with_their_verdicts() -> None:
    from core.data.quality import REASONS, verdict_of

    # `unconfirmed_move` belongs to imports of long histories, which the policy does not speak of.
    assert [name for name in REASONS if name != "unconfirmed_move"] == ORDER
    expected = {name: "reject" for name in REJECT} | {name: "quarantine" for name in QUARANTINE}
    expected |= {name: "accept_with_flag" for name in [*FLAG, "unconfirmed_move"]} | {"ok": "accept"}
    assert {name: verdict_of(name) for name in REASONS} == expected
    with pytest.raises(KeyError):
        verdict_of("none such")
