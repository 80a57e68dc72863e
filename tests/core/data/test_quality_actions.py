"""Known actions: from which bar on they are expected, what they explain, and limits that are met exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.data.calendar import sessions_between
from core.data.quality import REASONS, ExpectedMoves, judge
from core.data.quality_cases import judge_case
from tests.core.data.test_quality_policy import EVERY_DAY, STORED, XNYS, bar, case, reason_of, reasons
from tests.core.data.test_quality_properties import cut, incoming, stored, take

DAY = XNYS[STORED]
SESSIONS = sessions_between("XNYS", np.datetime64("2022-01-03").item(), np.datetime64("2023-12-29").item())


def split(day: str, ratio: float = 2, **changes: Any) -> dict[str, Any]:
    return {"ex_date": day, "kind": "split", "ratio": ratio, **changes}


def dividend(day: str, amount: float) -> dict[str, Any]:
    return {"ex_date": day, "kind": "dividend", "amount": amount}


def judged(closes: list[float], actions: list[dict[str, Any]], *, days: list[str] = XNYS[STORED:]) -> list[str]:
    rows = [bar(day, close) for day, close in zip(days, closes, strict=False)]
    return reasons(judge_case(case(incoming=rows, actions=actions)))


def test_a_split_on_a_day_without_a_session_acts_on_the_next() -> None:
    # 18 February 2023 is a Saturday, and the Monday after it a holiday.
    days = [day for day in XNYS[STORED:] if day >= "2023-02-17"]
    assert judged([100.0, 50.0, 50.5], [split("2023-02-18")], days=days) == ["ok", "explained_move", "ok"]


def test_a_split_on_a_missing_or_broken_bar_explains_the_next() -> None:
    assert judged([50.0], [split(DAY)], days=XNYS[STORED + 1 :]) == ["explained_move"]
    broken = [bar(DAY, 50.0, close=None), bar(XNYS[STORED + 1], 50.0)]
    found = reasons(judge_case(case(incoming=broken, actions=[split(DAY)])))
    assert found == ["nonnumeric_price", "explained_move"]


def test_a_split_that_a_source_does_not_apply_holds_every_bar_until_it_does() -> None:
    assert judged([100.0, 100.5, 50.0, 50.5], [split(DAY)]) == [
        "split_not_applied",
        "split_not_applied",
        "explained_move",
        "ok",
    ]


def test_a_split_before_its_day_is_not_known_yet() -> None:
    found = judged([50.0, 50.0], [split(XNYS[STORED + 1])])
    assert found == ["split_not_applied", "explained_move"]


def test_a_split_that_is_stored_already_moves_nothing_again() -> None:
    made = case(actions=[split(XNYS[STORED - 3])])
    assert reasons(judge_case(made)) == ["ok"]


def test_a_small_dividend_neither_explains_a_jump_nor_excuses_it() -> None:
    paid = [dividend(DAY, 0.24)]
    assert judged([99.8], paid) == ["ok"]
    assert judged([150.0], paid) == ["spike_unexplained"]
    assert judged([50.0], paid) == ["split_not_applied"]


def test_a_split_and_a_dividend_of_one_day_act_together() -> None:
    both = [split(DAY), dividend(DAY, 20.0)]  # 100 becomes 80, and that two of 40
    assert judged([40.0], both) == judged([40.0], both[::-1]) == ["explained_move"]
    assert judged([50.0], [split(DAY), dividend(DAY, 0.2)]) == ["explained_move"]
    assert judged([50.0], [split(DAY), split(DAY)]) == ["explained_move"]  # told twice


@pytest.mark.parametrize(
    ("action", "close"),
    [
        (split(DAY, 0.1), 1000.0),
        (split(DAY, 0.1, kind="reverse_split"), 1000.0),
        (split(DAY, 10, kind="reverse_split"), 1000.0),
        (split(DAY, 10), 10.0),
    ],
)
def test_a_consolidation_may_be_told_either_way(action: dict[str, Any], close: float) -> None:
    assert judged([close], [action]) == ["explained_move"]


@pytest.mark.parametrize("history_import", [False, True])
def test_with_hindsight_a_split_that_is_never_applied_holds_one_bar(history_import: bool) -> None:
    quiet = {
        "series": np.ones(60, dtype=np.int64),
        "session": SESSIONS[:60],
        **{name: np.full(60, 100.0) + np.arange(60) % 7 * 0.01 for name in ("open", "high", "low", "close")},
        "volume": 1000.0 + np.arange(60) % 9,
    }
    moves = ExpectedMoves(series=np.array([1]), session=SESSIONS[45:46], ratio=np.array([0.5]))
    delivered = incoming(cut(quiet, slice(40, 60)))
    found = judge(delivered, stored(cut(quiet, slice(0, 40))), moves, history_import=history_import)
    held = [REASONS[code] for code in found.reason].count("split_not_applied")
    assert held == (1 if history_import else 15)


@pytest.mark.parametrize("break_at", [1, 5, 6, 7, 12])
def test_a_page_break_beside_a_split_changes_nothing(break_at: int) -> None:
    closes = np.where(np.arange(60) < 47, 100.0, 50.0) + np.arange(60) % 7 * 0.01
    values = {
        "series": np.ones(60, dtype=np.int64),
        "session": SESSIONS[:60],
        **{name: closes for name in ("open", "high", "low", "close")},
        "volume": 1000.0 + np.arange(60) % 9,
    }
    # The source is two sessions late with the split.
    moves = ExpectedMoves(series=np.array([1]), session=SESSIONS[45:46], ratio=np.array([0.5]))
    page, past = incoming(cut(values, slice(40, 60))), stored(cut(values, slice(0, 40)))
    whole = judge(page, past, moves).reason
    first = judge(take(page, np.arange(break_at)), past, moves)
    kept = np.concatenate((np.arange(40), 40 + np.flatnonzero(first.admitted)))
    second = judge(take(page, np.arange(break_at, 20)), stored({n: c[kept] for n, c in values.items()}), moves)
    assert np.concatenate((first.reason, second.reason)).tolist() == whole.tolist()
    expected = ["ok"] * 5 + ["split_not_applied"] * 2 + ["explained_move"] + ["ok"] * 12
    assert [REASONS[code] for code in whole] == expected


@pytest.mark.parametrize(
    ("close", "reason"),
    [
        (206.0, "split_not_applied"),  # 3 % above 2
        (194.0, "split_not_applied"),
        (51.5, "split_not_applied"),  # 3 % above 1/2
        (48.5, "split_not_applied"),
        (48.4, "spike_unexplained"),
        (10200.0, "price_scale"),  # 2 % above 100
        (9800.0, "price_scale"),
        (0.98, "price_scale"),
        (0.102, "price_scale"),
    ],
)
def test_a_limit_that_is_met_exactly_is_not_passed(close: float, reason: str) -> None:
    assert reason_of(at=close) == reason


@pytest.mark.parametrize("close", [52.5, 47.5])
def test_a_split_explains_a_move_that_is_five_percent_off(close: float) -> None:
    assert judged([close], [split(DAY)]) == ["explained_move"]


@pytest.mark.parametrize(("close", "reason"), [(199.0, "correction_small"), (198.99, "correction_large")])
def test_a_correction_down_by_exactly_half_a_percent_is_small(close: float, reason: str) -> None:
    made = case(price=200.0)
    made["incoming"] = [bar(XNYS[STORED - 1], 200.0, volume=1000, close=close)]
    assert reasons(judge_case(made)) == [reason]


@pytest.mark.parametrize(("field", "value"), [("high", 497.0), ("low", 213.0)])
def test_a_range_of_exactly_forty_percent_is_none_too_many(field: str, value: float) -> None:
    assert reason_of(price=355.0, **{field: value}) == "ok"
    assert reason_of(price=355.0, **{field: value * (1.001 if field == "high" else 0.999)}) == "range_spike"


@pytest.mark.parametrize(
    ("close", "volume", "reason"),
    [
        (150.0, 1100, "spike_unexplained"),
        (150.0, 3000, "volume_confirmed_move"),
        (100.0, 100_001, "volume_spike"),
        (100.0, 100_000, "late_bar"),
    ],
)
@pytest.mark.parametrize("hole", [2, 8, 18])
def test_a_late_bar_is_judged_by_all_that_is_stored(hole: int, close: float, volume: float, reason: str) -> None:
    made = case()
    day = made["history"].pop(hole)["date"]
    made["incoming"] = [bar(day, close, volume=volume)]
    assert reasons(judge_case(made)) == [reason]


def test_a_frozen_feed_after_an_overlap_is_stale_and_no_shift() -> None:
    made = case()
    for place, known in enumerate(made["history"]):
        known |= bar(known["date"], 100 + 0.01 * place, volume=1000 + place)
    last = made["history"][-1]
    made["incoming"] = [{**last, "date": day} for day in XNYS[STORED - 1 : STORED + 3]]
    assert reasons(judge_case(made)) == ["duplicate_identical", "ok", "stale_repeat", "stale_repeat"]


def test_a_coin_that_is_redenominated_is_explained() -> None:
    made = case("crypto", actions=[split(EVERY_DAY[STORED], 100)])
    made["incoming"] = [bar(EVERY_DAY[STORED], 1.0)]
    assert reasons(judge_case(made)) == ["explained_move"]
