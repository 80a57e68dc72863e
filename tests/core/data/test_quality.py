"""Every rule of the admission policy, on bars that break exactly it."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.calendar import sessions_between
from core.data.quality import REASONS, ExpectedMoves, History, Incoming, judge, verdict_of
from core.data.quality_cases import judge_case, judge_file

NO_MOVES = ExpectedMoves(
    series=np.empty(0, dtype=np.int64), session=np.empty(0, dtype="datetime64[D]"), ratio=np.empty(0)
)
SESSIONS = sessions_between("XNYS", np.datetime64("2023-01-03").item(), np.datetime64("2023-12-29").item())


def history(count: int = 30, close: float = 100.0, volume: float = 1e6, series: int = 1) -> History:
    # A quiet market: closes swing by a tenth of a percent, no bar equals the one before.
    closes = close * (1 + 0.001 * np.sin(np.arange(count)))
    return History(
        series=np.full(count, series, dtype=np.int64),
        session=SESSIONS[:count],
        open=closes * 0.999,
        high=closes * 1.01,
        low=closes * 0.99,
        close=closes,
        volume=volume * (1 + 0.1 * np.cos(np.arange(count))),
    )


def bars(closes: list[float], *, start: int = 30, volume: float = 1e6, series: int = 1, **changes: Any) -> Incoming:
    count = len(closes)
    close = np.array(closes)
    nothing = np.zeros(count, dtype=bool)
    made = Incoming(
        series=np.full(count, series, dtype=np.int64),
        session=SESSIONS[start : start + count],
        open=close * 0.999,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=np.full(count, volume),
        vwap=None,
        has_ohlc=True,
        has_volume=True,
        bad_volume=nothing,
        other_basis=nothing,
        wrong_currency=nothing,
        wrong_symbol=nothing,
        unfinished=nothing,
        no_session=nothing,
        before_listing=nothing,
        move_limit=np.full(count, 0.25),
        range_limit=np.full(count, 0.40),
        tick_share=np.full(count, 1e-4),
        whole_volume=np.ones(count, dtype=bool),
        volume_tells=np.ones(count, dtype=bool),
        move_needs_volume=np.ones(count, dtype=bool),
    )
    return replace(made, **changes)


def reasons(
    incoming: Incoming, stored: History | None = None, moves: ExpectedMoves = NO_MOVES, **how: Any
) -> list[str]:
    judged = judge(incoming, history() if stored is None else stored, moves, **how)
    return [REASONS[code] for code in judged.reason]


def split(ratio: float, place: int = 30) -> ExpectedMoves:
    return ExpectedMoves(series=np.array([1]), session=SESSIONS[place : place + 1], ratio=np.array([1 / ratio]))


def one(name: str, value: float) -> Incoming:
    good = bars([100.0])
    return replace(good, **{name: np.array([value])})


def test_an_ordinary_bar_is_accepted() -> None:
    assert reasons(bars([100.1, 100.2])) == ["ok", "ok"]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("close", math.nan, "nonnumeric_price"),
        ("high", math.inf, "nonnumeric_price"),
        ("open", 0.0, "nonpositive_price"),
        ("low", -1.0, "nonpositive_price"),
        ("high", 98.0, "high_lt_low"),
        ("close", 103.0, "ohlc_outside_range"),
        ("close", 101.005, "rounding"),
        ("volume", -1.0, "negative_volume"),
        ("volume", 10.5, "nonnumeric_volume"),
        ("volume", math.inf, "nonnumeric_volume"),
        ("volume", math.nan, "missing_volume"),
        ("volume", 0.0, "zero_volume_move"),
        ("volume", 2e8, "volume_spike"),
        ("high", 150.0, "range_spike"),
        ("low", 50.0, "range_spike"),
    ],
)
def test_a_bad_value_is_found(name: str, value: float, reason: str) -> None:
    assert reasons(one(name, value)) == [reason]


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        ("bad_volume", "nonnumeric_volume"),
        ("unfinished", "future_date"),
        ("no_session", "not_a_session"),
        ("wrong_currency", "wrong_currency"),
        ("wrong_symbol", "wrong_symbol"),
        ("before_listing", "before_listing"),
        ("other_basis", "adjusted_mismatch"),
    ],
)
def test_what_the_caller_knows_decides(mask: str, reason: str) -> None:
    assert reasons(bars([100.0], **{mask: np.array([True])})) == [reason]


def test_an_unreadable_date_is_rejected() -> None:
    assert reasons(bars([100.0], session=np.array(["NaT"], dtype="datetime64[D]"))) == ["bad_date"]
    assert reasons(bars([100.0], session=np.array(["1899-12-29"], dtype="datetime64[D]"))) == ["bad_date"]


def test_two_different_bars_for_one_day_are_both_rejected_and_equal_ones_are_stored_once() -> None:
    twice = np.repeat(SESSIONS[30], 2)
    assert reasons(bars([100.0, 100.5], session=twice)) == ["duplicate_conflict"] * 2
    assert reasons(bars([100.0, 100.0], session=twice)) == ["ok", "duplicate_identical"]


@pytest.mark.parametrize(
    ("factor", "reason"), [(1.0, "duplicate_identical"), (1.004, "correction_small"), (1.02, "correction_large")]
)
def test_a_stored_day_is_a_repetition_or_a_correction(factor: float, reason: str) -> None:
    stored = history()
    again = bars(
        [stored.close[-1] * factor],
        start=29,
        open=stored.open[-1:] * factor,
        high=stored.high[-1:] * factor,
        low=stored.low[-1:] * factor,
        volume=stored.volume[-1:],
        whole_volume=np.array([False]),
    )
    assert reasons(again, stored) == [reason]


@pytest.mark.parametrize(
    ("close", "volume", "reason"),
    [
        (80.0, 1e6, "ok"),
        (70.0, 1e6, "spike_unexplained"),
        (70.0, 4e6, "volume_confirmed_move"),
        (360.0, 9e6, "spike_unexplained"),  # beyond |ln| 1.2 volume never explains
        (50.0, 4e6, "split_not_applied"),
        (1000.0, 1e6, "split_not_applied"),
        (10000.0, 1e6, "price_scale"),
        (0.1, 1e6, "price_scale"),
    ],
)
def test_a_jump_is_judged_by_size_ratio_and_volume(close: float, volume: float, reason: str) -> None:
    assert reasons(bars([close], volume=volume)) == [reason]


def test_a_known_split_explains_its_jump_and_only_its_own() -> None:
    assert reasons(bars([50.0], volume=2e6), moves=split(2)) == ["explained_move"]
    assert reasons(bars([100.0]), moves=split(2)) == ["split_not_applied"]
    assert reasons(bars([50.0, 25.0], volume=2e6), moves=split(2)) == ["explained_move", "split_not_applied"]


def test_after_a_bar_was_held_back_the_next_is_compared_with_the_last_good_one() -> None:
    assert reasons(bars([60.0, 100.0])) == ["spike_unexplained", "ok"]
    assert reasons(bars([60.0, 61.0, 100.0])) == ["spike_unexplained", "spike_unexplained", "ok"]


def test_in_a_history_a_move_that_lasts_is_kept_and_one_that_returns_is_not() -> None:
    lasting = [100.0] * 5 + [65.0, 65.5, 66.0, 65.2, 64.8, 65.0]
    assert reasons(bars(lasting), history_import=True)[5] == "unconfirmed_move"
    assert reasons(bars(lasting))[5:] == ["spike_unexplained"] * 6
    returning = [100.0] * 5 + [65.0, 100.1, 100.2, 100.0, 99.9]
    assert reasons(bars(returning), history_import=True)[5:7] == ["spike_unexplained", "ok"]


def test_in_a_history_bars_of_the_same_delivery_are_its_history() -> None:
    empty = history(0)
    first = reasons(bars([100.0 + 0.01 * day for day in range(25)]), empty, history_import=True)
    assert first == ["short_history"] * 20 + ["ok"] * 5
    assert reasons(bars([100.0 + 0.01 * day for day in range(25)]), empty) == ["short_history"] * 25


def test_the_third_equal_bar_in_a_row_is_stale() -> None:
    assert reasons(bars([100.0, 100.0, 100.0])) == ["ok", "ok", "stale_repeat"]


def test_a_delivery_one_session_late_is_a_moved_time_zone() -> None:
    stored = history()
    shifted = bars(
        stored.close[20:25].tolist(),
        start=21,
        open=stored.open[20:25],
        high=stored.high[20:25],
        low=stored.low[20:25],
        volume=stored.volume[20:25],
        whole_volume=np.zeros(5, dtype=bool),
    )
    assert "timezone_shift" in reasons(shifted, stored)


def test_a_volume_in_a_price_column_is_an_exchange_of_columns() -> None:
    swapped = bars([100.0], close=np.array([1e6]), volume=np.array([100.0]))
    assert reasons(swapped) == ["column_swap"]


def test_a_mean_price_outside_the_range_is_held() -> None:
    assert reasons(bars([100.0], vwap=np.array([90.0]))) == ["vwap_outside"]
    assert reasons(bars([100.0], vwap=np.array([100.5]))) == ["ok"]


def test_order_and_lateness_are_flags() -> None:
    back = bars([100.0, 100.1, 100.2], session=SESSIONS[30:33][::-1])
    assert reasons(back) == ["unsorted"] * 3
    stored = history()
    hole = History(**{field.name: np.delete(getattr(stored, field.name), 15) for field in fields(History)})
    assert reasons(bars([100.05], start=15), hole) == ["late_bar"]


def test_a_close_only_source_is_judged_by_its_closes() -> None:
    missing = np.full(2, math.nan)
    closes = bars(
        [100.0, 60.0], open=missing, high=missing, low=missing, volume=missing, has_ohlc=False, has_volume=False
    )
    stored = history()
    assert reasons(closes, stored) == ["ok", "spike_unexplained"]


def test_instruments_do_not_see_each_other() -> None:
    both = bars([100.0, 20.0], series=1)
    both = replace(both, series=np.array([1, 2]))
    other = history(close=20.0, series=2)
    stored = history()
    joined = History(
        **{
            field.name: np.concatenate((getattr(stored, field.name), getattr(other, field.name)))
            for field in fields(History)
        }
    )
    assert reasons(both, joined) == ["ok", "ok"]


def test_reasons_lead_to_their_verdicts() -> None:
    assert verdict_of("ok") == "accept"
    assert verdict_of("rounding") == "accept_with_flag"
    assert verdict_of("price_scale") == "quarantine"
    assert verdict_of("bad_date") == "reject"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(90, 110), min_size=2, max_size=25), st.permutations(range(25)))
def test_the_order_of_delivery_never_changes_what_is_admitted(closes: list[float], order: list[int]) -> None:
    straight = bars(closes)
    places = np.array([place for place in order if place < len(closes)])
    mixed = Incoming(
        **{
            field.name: value[places] if isinstance(value := getattr(straight, field.name), np.ndarray) else value
            for field in fields(Incoming)
        }
    )
    one_way = judge(straight, history(), NO_MOVES).admitted[places]
    assert (judge(mixed, history(), NO_MOVES).admitted == one_way).all()


@pytest.mark.shared
def test_all_forty_cases_of_the_policy(shared_folder: Path) -> None:
    path = shared_folder / "safety" / "bad_bars.jsonl"
    cases = [json.loads(line) for line in path.read_text().splitlines()]
    judged = list(judge_file(path))
    assert len(cases) == 40
    for case, result in zip(cases, judged, strict=True):
        assert result["verdicts"] == case["expected"], case["id"]
        assert result["batch"] == case.get("expected_batch"), case["id"]


def case(**changes: Any) -> dict[str, Any]:
    stored = history()
    days = [str(day) for day in stored.session]
    made = [
        {"date": day, "open": 99.9, "high": 101.0, "low": 99.0, "close": float(price), "volume": 1000 + place}
        for place, (day, price) in enumerate(zip(days, stored.close, strict=True))
    ]
    wanted = str(SESSIONS[30])
    return {
        "id": "T-1",
        "asset_class": "equity",
        "symbol": "ABC",
        "currency": "USD",
        "calendar": "XNYS",
        "listed": "2000-01-03",
        "now": "2023-12-31T00:00:00Z",
        "request": {"start": wanted, "end": wanted},
        "actions": [],
        "history": made,
        "incoming": [{"date": wanted, "open": 99.9, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 1000}],
        **changes,
    }


def test_a_case_without_answer_is_rejected_as_a_batch() -> None:
    assert judge_case(case(incoming=[])) == {
        "id": "T-1",
        "verdicts": [],
        "batch": {"verdict": "reject", "reason": "empty_response"},
    }


def test_a_special_dividend_explains_its_fall() -> None:
    day = str(SESSIONS[30])
    fallen = [{"date": day, "open": 70.0, "high": 71.0, "low": 69.0, "close": 70.0, "volume": 1000}]
    paid = [{"ex_date": day, "kind": "dividend", "amount": 30.0}]
    assert judge_case(case(incoming=fallen))["verdicts"][0]["reason"] == "spike_unexplained"
    assert judge_case(case(incoming=fallen, actions=paid))["verdicts"][0]["reason"] == "explained_move"
