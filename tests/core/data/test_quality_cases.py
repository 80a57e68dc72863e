"""A file of cases: each line is answered or told to be no case, and what a response mixes is kept apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli import main
from core.data.quality_cases import judge_case, judge_file
from tests.core.data.test_quality_policy import EVERY_DAY, STORED, XNYS, bar, case, reasons

DAY, NEXT = XNYS[STORED], XNYS[STORED + 1]
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["9999-12-31", "0001-01-01", "NaN", "2023-02-15T00:00:00Z", [], {}, [None], {"date": []}]),
)


def missing(name: str) -> dict[str, Any]:
    return {key: value for key, value in case().items() if key != name}


BROKEN: list[tuple[str, Any]] = [
    ("no JSON", b"{"),
    ("no record", []),
    ("a number", 7),
    ("not UTF-8", b"\xff\xfe\x00"),
    ("too deep", b"[" * 100_000),
    *((f"without {name}", missing(name)) for name in ("asset_class", "symbol", "currency", "calendar", "now")),
    ("without a response", missing("incoming")),
    ("an unknown class", case(asset_class="bond")),
    ("an unknown calendar", case(calendar="XLON")),
    ("a response that is no list", case(incoming={"date": DAY})),
    ("a time that is none", case(now="tomorrow")),
    ("a split without a size", case(actions=[{"ex_date": DAY, "kind": "split", "ratio": "2:1"}])),
    ("a split below nothing", case(actions=[{"ex_date": DAY, "kind": "split", "ratio": -2}])),
    ("an action without a day", case(actions=[{"kind": "split", "ratio": 2}])),
    ("a range without an end", case(request={"start": DAY})),
]


@pytest.mark.parametrize("broken", [made for _, made in BROKEN], ids=[name for name, _ in BROKEN])
def test_a_line_that_is_no_case_is_told_and_the_others_are_judged(tmp_path: Path, broken: Any) -> None:
    path = tmp_path / "cases.jsonl"
    line = broken if isinstance(broken, bytes) else json.dumps(broken).encode()
    good = json.dumps(case(id="good")).encode()
    path.write_bytes(b"\n".join([good, line, b"", good]))
    first, told, last = judge_file(path)
    assert first == last == {"id": "good", "verdicts": [{"verdict": "accept", "reason": "ok"}], "batch": None}
    assert told["error"]["code"] == "invalid_input"
    assert "Line 2 of cases.jsonl" in told["error"]["message"]
    if isinstance(broken, dict):
        assert told["id"] == "T"
        assert "(T)" in told["error"]["message"]


def test_the_command_answers_every_line_and_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(json.dumps(made) for made in (case(id="a"), missing("now"), case(id="c"))))
    assert main(["quality", "cases", str(path), "--json"]) == 1
    shown = capsys.readouterr()
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert [line["id"] for line in lines] == ["a", "T", "c"]
    assert ["error" in line for line in lines] == [False, True, False]
    assert "Line 2" in shown.err
    assert main(["quality", "cases", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == ["a: accept (ok)", "c: accept (ok)"]
    path.write_text(json.dumps(case(id="a")))
    assert main(["quality", "cases", str(path)]) == 0


def test_line_separators_of_other_scripts_end_no_line(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text("\ufeff" + json.dumps(case(id="a\u2028b"), ensure_ascii=False) + "\r\n", encoding="utf-8")
    assert [found["id"] for found in judge_file(path)] == ["a\u2028b"]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(["date", "open", "high", "low", "close", "volume", "vwap", "currency", "symbol", "adjusted"]),
    ANYTHING,
    st.sampled_from(["incoming", "history"]),
)
def test_a_bar_may_hold_anything_and_is_answered(field: str, value: Any, of: str) -> None:
    made = case(incoming=[bar(DAY), bar(NEXT, 100.5)])
    made[of][0] = {**made[of][0], field: value}
    assert len(judge_case(made)["verdicts"]) == 2


@pytest.mark.parametrize("row", [None, 7, "bar", [], {}])
def test_a_row_that_is_no_bar_is_a_bar_without_prices(row: Any) -> None:
    made = case(incoming=[row, bar(DAY)])
    assert reasons(judge_case(made)) == ["nonnumeric_price", "ok"]


@pytest.mark.parametrize(("now", "reason"), [("2023-02-15T21:00:00", "ok"), ("2023-02-15T20:59:00", "future_date")])
def test_a_time_without_a_zone_is_utc(now: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    import time

    time.tzset()
    try:
        assert reasons(judge_case(case(now=now))) == [reason]
    finally:
        monkeypatch.undo()
        time.tzset()


# One response, several things in it -----------------------------------------------------------------------------


def test_bars_of_another_symbol_on_the_same_days_do_not_touch_the_right_ones() -> None:
    made = case(
        incoming=[
            bar(NEXT, 170.0, symbol="XYZ"),
            bar(DAY, 100.0, symbol="ABC"),
            bar(DAY, 170.0, symbol="XYZ"),
            bar(NEXT, 100.5),
        ]
    )
    assert reasons(judge_case(made)) == ["wrong_symbol", "ok", "wrong_symbol", "ok"]


def test_two_currencies_on_one_day_are_two_different_bars() -> None:
    made = case(incoming=[bar(DAY, 100.0), bar(DAY, 137.0, currency="CAD")])
    assert reasons(judge_case(made)) == ["duplicate_conflict", "wrong_currency"]


def test_a_symbol_or_currency_of_null_is_none_given() -> None:
    assert reasons(judge_case(case(incoming=[bar(DAY, symbol=None, currency=None)]))) == ["ok"]


def test_an_unreadable_date_does_not_hide_that_the_others_run_backwards() -> None:
    made = case(incoming=[bar(NEXT, 100.5), bar("2023-02-31"), bar(DAY)])
    assert reasons(judge_case(made)) == ["unsorted", "bad_date", "unsorted"]


@pytest.mark.parametrize(
    ("asset_class", "day", "reason"),
    [
        ("crypto", "1955-03-12", "before_listing"),
        ("equity", "1950-01-04", "before_listing"),  # older than the calendar: nothing says it was no session
        ("equity", "1970-01-03", "not_a_session"),
    ],
)
def test_dates_long_before_the_listing(asset_class: str, day: str, reason: str) -> None:
    assert reasons(judge_case(case(asset_class, incoming=[bar(day)]))) == [reason]


@pytest.mark.parametrize(("last", "short"), [(3, True), (4, False)])
def test_bars_outside_the_range_do_not_stand_for_those_asked_for(last: int, short: bool) -> None:
    made = case(request={"start": XNYS[STORED], "end": XNYS[STORED + 3]})
    overlap = dict(made["history"][-1])
    made["incoming"] = [overlap, *(bar(day, volume=1100 + n) for n, day in enumerate(XNYS[STORED : STORED + last]))]
    assert judge_case(made)["batch"] == ({"verdict": "quarantine", "reason": "batch_short"} if short else None)


def test_nothing_is_missing_from_before_the_listing() -> None:
    made = case(stored=0, listed=XNYS[2], request={"start": XNYS[0], "end": XNYS[3]})
    made["incoming"] = [bar(XNYS[2]), bar(XNYS[3], 100.5)]
    assert judge_case(made)["batch"] is None
    made["incoming"] = [bar(XNYS[3], 100.5)]
    assert judge_case(made)["batch"] == {"verdict": "quarantine", "reason": "batch_short"}


@pytest.mark.parametrize("volume", [0, 0.0])
def test_a_day_of_a_coin_without_trades_is_flagged_when_flat_and_accepted_when_not(volume: float) -> None:
    day = EVERY_DAY[STORED]
    flat = bar(day, 100.0, high=100.0, low=100.0, volume=volume)
    assert reasons(judge_case(case("crypto", incoming=[flat]))) == ["zero_volume_flat"]
    assert reasons(judge_case(case("crypto", incoming=[bar(day, volume=volume)]))) == ["ok"]
