"""How found faults and false alarms are counted."""

from __future__ import annotations

from datetime import date

import pytest

from core.testing.bar_faults import FAULTS, Injected, score

DAY, NEXT = date(2024, 2, 8), date(2024, 2, 9)


def fault(kind: str, symbol: str = "AAPL", session: date = DAY) -> Injected:
    return Injected(fault=kind, symbol=symbol, session=session)


def test_a_fault_is_found_only_for_its_own_reason() -> None:
    right = score([fault("spike")], [("AAPL", DAY, "spike_unexplained")], [], 0, 100)
    assert (right.injected["spike"], right.found["spike"], right.missed) == (1, 1, [])
    wrong = score([fault("spike")], [("AAPL", DAY, "range_spike")], [], 0, 100)
    assert (wrong.found["spike"], wrong.missed) == (0, [fault("spike")])


def test_a_gap_is_found_by_the_ledger_and_nothing_else() -> None:
    found = score([fault("gap")], [], [("AAPL", DAY)], 0, 100)
    assert found.found["gap"] == 1
    assert found.false_alarms["gap"] == 0
    missed = score([fault("gap")], [("AAPL", DAY, "spike_unexplained")], [], 0, 100)
    assert missed.found["gap"] == 0


def test_equal_rows_are_found_as_often_as_they_were_stored_once() -> None:
    pair = [fault("duplicate_identical"), fault("duplicate_identical", session=NEXT)]
    assert score(pair, [], [], 2, 100).found["duplicate_identical"] == 2
    assert score(pair, [], [], 1, 100).found["duplicate_identical"] == 1
    assert score(pair, [], [], 0, 100).found["duplicate_identical"] == 0


def test_a_good_bar_that_is_held_back_is_a_false_alarm_by_reason() -> None:
    result = score(
        [fault("spike")],
        [("AAPL", DAY, "spike_unexplained"), ("AAPL", NEXT, "stale_repeat"), ("MSFT", DAY, "volume_spike")],
        [],
        0,
        100,
    )
    assert {name: count for name, count in result.false_alarms.items() if count} == {
        "stale_repeat": 1,
        "volume_spike": 1,
    }
    assert result.good_bars == 100


def test_a_missing_session_that_nobody_took_away_is_a_false_alarm_unless_its_bar_is_held() -> None:
    assert score([], [], [("AAPL", DAY)], 0, 100).false_alarms["gap"] == 1
    # A bar that is held back is missing from the store, and that is no gap.
    held = score([], [("AAPL", DAY, "spike_unexplained")], [("AAPL", DAY)], 0, 100)
    assert held.false_alarms["gap"] == 0
    assert held.false_alarms["spike_unexplained"] == 1


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_every_kind_of_fault_names_what_finds_it(kind: str) -> None:
    from core.data.quality import REASONS

    assert FAULTS[kind]
    assert kind == "gap" or FAULTS[kind] <= set(REASONS)


@pytest.mark.parametrize("kind", sorted(set(FAULTS) - {"gap", "duplicate_identical"}))
def test_of_two_faults_the_one_that_was_told_is_found(kind: str) -> None:
    (reason,) = FAULTS[kind]
    result = score([fault(kind), fault(kind, "MSFT")], [("MSFT", DAY, reason)], [], 0, 10)
    assert (result.injected[kind], result.found[kind]) == (2, 1)
    assert [entry.symbol for entry in result.missed] == ["AAPL"]
    assert not sum(result.false_alarms.values())


def test_two_reasons_for_one_bar_are_one_find() -> None:
    held = [("AAPL", DAY, "spike_unexplained"), ("AAPL", DAY, "range_spike")]
    result = score([fault("spike")], held, [], 0, 10)
    assert result.found["spike"] == 1
    assert not sum(result.false_alarms.values())


def test_nothing_put_in_and_nothing_held_is_nothing() -> None:
    result = score([], [], [], 0, 0)
    assert not result.injected
    assert not result.found
    assert not result.missed
    assert not sum(result.false_alarms.values())
