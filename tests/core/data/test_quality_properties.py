"""What must hold for any bars: verdicts do not depend on units, order, page breaks or other instruments."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.data.calendar import sessions_between
from core.data.quality import REASONS, ExpectedMoves, History, Incoming, judge

SESSIONS = sessions_between("XNYS", np.datetime64("2022-01-03").item(), np.datetime64("2023-12-29").item())
NO_MOVES = ExpectedMoves(
    series=np.empty(0, dtype=np.int64), session=np.empty(0, dtype="datetime64[D]"), ratio=np.empty(0)
)
SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=12, deadline=None)


def market(seed: int, count: int = 90, series: int = 1) -> dict[str, np.ndarray]:
    """Return a random walk with faults: jumps, splits, wrong scales, repeated bars, odd volumes, broken rows."""
    generator = np.random.default_rng(seed)
    step = generator.normal(0, 0.02, count)
    jumps = generator.random(count) < 0.05
    step[jumps] += generator.choice([np.log(2), -np.log(2), 0.4, -0.4, np.log(100)], jumps.sum())
    # Values on a grid of powers of two, so that scaling by powers of two is exact.
    close = np.round(100 * np.exp(np.cumsum(step) * (generator.random() < 0.7) + step) * 1024) / 1024
    spread = 1 + np.abs(generator.normal(0, 0.005, (2, count)))
    opened = np.round(close * np.exp(generator.normal(0, 0.003, count)) * 1024) / 1024
    high, low = np.maximum(opened, close) * spread[0], np.minimum(opened, close) / spread[1]
    volume = np.round(generator.lognormal(10, 0.3, count))
    volume[generator.random(count) < 0.03] *= 5
    volume[generator.random(count) < 0.02] *= 500
    volume[generator.random(count) < 0.03] = 0
    volume[generator.random(count) < 0.02] = np.nan
    close[generator.random(count) < 0.02] *= 1.5
    low[generator.random(count) < 0.02] *= -1
    high[generator.random(count) < 0.02] = np.nan
    for place in np.flatnonzero(generator.random(count) < 0.04):
        for values in (opened, high, low, close, volume):
            values[place] = values[place - 1]
    return {
        "series": np.full(count, series, dtype=np.int64),
        "session": SESSIONS[:count],
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
    }


def incoming(values: dict[str, np.ndarray], **changes: Any) -> Incoming:
    count = len(values["close"])
    nothing = np.zeros(count, dtype=bool)
    made = Incoming(
        **values,  # type: ignore[arg-type]
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


def stored(values: dict[str, np.ndarray]) -> History:
    return History(**values)  # type: ignore[arg-type]


def take(part: Any, rows: np.ndarray) -> Any:
    chosen = {field.name: getattr(part, field.name) for field in fields(part)}
    return type(part)(
        **{name: value[rows] if isinstance(value, np.ndarray) else value for name, value in chosen.items()}
    )


def cut(values: dict[str, np.ndarray], rows: slice) -> dict[str, np.ndarray]:
    return {name: column[rows] for name, column in values.items()}


def clean(count: int = 40, seed: int = 5) -> dict[str, np.ndarray]:
    """Return a quiet history: no jump, no repetition."""
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.004, count)))
    return {
        "series": np.ones(count, dtype=np.int64),
        "session": SESSIONS[:count],
        "open": close * 0.999,
        "high": close * 1.01,
        "low": close * 0.99,
        "close": close,
        "volume": np.round(generator.lognormal(10, 0.2, count)),
    }


def scaled(values: dict[str, np.ndarray], prices: float, volumes: float = 1.0) -> dict[str, np.ndarray]:
    return {
        name: column * prices
        if name in ("open", "high", "low", "close")
        else column * volumes
        if name == "volume"
        else column
        for name, column in values.items()
    }


@QUICK
@given(SEEDS, st.sampled_from([2.0, 16.0, 1024.0, 0.5]), st.booleans())
def test_prices_in_another_unit_get_the_same_verdicts(seed: int, factor: float, history_import: bool) -> None:
    # All prices stay above one dollar, where a tick is a share of the price.
    values, past = market(seed), clean()
    late = {**values, "session": SESSIONS[40:130]}
    one = judge(incoming(late), stored(past), NO_MOVES, history_import=history_import)
    other = judge(incoming(scaled(late, factor)), stored(scaled(past, factor)), NO_MOVES, history_import=history_import)
    above = (np.nan_to_num(np.abs(values["low"]), nan=9.0) * min(factor, 1.0)) > 1.0
    assert (one.reason == other.reason)[above].all()


@QUICK
@given(SEEDS, st.sampled_from([2.0, 8.0, 64.0]))
def test_volumes_in_another_unit_get_the_same_verdicts(seed: int, factor: float) -> None:
    values, past = {**market(seed), "session": SESSIONS[40:130]}, clean()
    names = ("column_swap", "high_lt_low", "ohlc_outside_range", "range_spike")  # a swap compares volume with price
    one = judge(incoming(values), stored(past), NO_MOVES).reason
    other = judge(incoming(scaled(values, 1.0, factor)), stored(scaled(past, 1.0, factor)), NO_MOVES).reason
    comparable = ~np.isin(one, [REASONS.index(name) for name in names])
    assert (one == other)[comparable].all()


@QUICK
@given(SEEDS, SEEDS, st.booleans())
def test_the_order_of_rows_decides_only_the_flag_unsorted(seed: int, order: int, history_import: bool) -> None:
    values = {**market(seed), "session": SESSIONS[40:130]}
    bars = incoming(values)
    places = np.random.default_rng(order).permutation(len(bars))
    straight = judge(bars, stored(clean()), NO_MOVES, history_import=history_import)
    mixed = judge(take(bars, places), stored(clean()), NO_MOVES, history_import=history_import)
    assert (straight.admitted[places] == mixed.admitted).all()
    worse = ~straight.admitted
    assert (straight.reason[places] == mixed.reason)[worse[places]].all()


@QUICK
@given(SEEDS)
def test_a_row_delivered_twice_is_stored_once(seed: int) -> None:
    values = {**market(seed), "session": SESSIONS[40:130]}
    bars = incoming(values)
    twice = take(bars, np.repeat(np.arange(len(bars)), 2))
    once = judge(bars, stored(clean()), NO_MOVES)
    double = judge(twice, stored(clean()), NO_MOVES)
    assert (double.admitted[::2] == once.admitted).all()
    repeated = [REASONS[code] for code in double.reason[1::2][once.admitted]]
    assert set(repeated) <= {"duplicate_identical"}


@QUICK
@given(SEEDS, st.booleans())
def test_what_is_stored_already_is_the_same_when_it_comes_again(seed: int, history_import: bool) -> None:
    values = {**market(seed), "session": SESSIONS[40:130]}
    bars = incoming(values)
    first = judge(bars, stored(clean()), NO_MOVES, history_import=history_import)
    kept = cut(values, slice(None))
    kept = {name: column[first.admitted] for name, column in kept.items()}
    past = clean()
    joined = {name: np.concatenate((past[name], kept[name])) for name in past}
    again = judge(bars, stored(joined), NO_MOVES, history_import=history_import)
    assert again.repeated[first.admitted].all()
    assert (again.stored_row >= 0).sum() == first.admitted.sum()
    # What was held back is held back again.
    assert not (again.admitted & ~first.admitted & ~again.repeated).any() or history_import


@QUICK
@given(SEEDS, SEEDS, st.booleans())
def test_instruments_are_judged_apart(one_seed: int, other_seed: int, history_import: bool) -> None:
    one = {**market(one_seed, 60, series=1), "session": SESSIONS[40:100]}
    other = {**market(other_seed, 60, series=2), "session": SESSIONS[40:100]}
    past_one, past_other = clean(seed=1), {**clean(seed=2), "series": np.full(40, 2, dtype=np.int64)}
    together = {name: np.concatenate((one[name], other[name])) for name in one}
    mixed = np.random.default_rng(one_seed).permutation(120)
    history = stored({name: np.concatenate((past_one[name], past_other[name])) for name in past_one})
    apart = np.concatenate(
        (
            judge(incoming(one), stored(past_one), NO_MOVES, history_import=history_import).admitted,
            judge(incoming(other), stored(past_other), NO_MOVES, history_import=history_import).admitted,
        )
    )
    joint = judge(take(incoming(together), mixed), history, NO_MOVES, history_import=history_import)
    assert (joint.admitted == apart[mixed]).all()


@QUICK
@given(SEEDS, st.integers(1, 89))
def test_an_increment_is_never_judged_by_what_comes_after_it(seed: int, count: int) -> None:
    """A daily delivery has no hindsight: more rows after a row do not change whether it is admitted."""
    values = {**market(seed), "session": SESSIONS[40:130]}
    whole = judge(incoming(values), stored(clean()), NO_MOVES)
    part = judge(incoming(cut(values, slice(0, count))), stored(clean()), NO_MOVES)
    # A repeated session at the cut would be another delivery; the sessions here are all different.
    assert (whole.admitted[:count] == part.admitted).all()


def by_pages(values: dict[str, np.ndarray], breaks: list[int]) -> np.ndarray:
    """Return the reasons of a delivery that comes in pages, each judged after the one before was stored."""
    past, found = clean(), []
    for rows in np.split(np.arange(len(values["close"])), sorted(breaks)):
        page = {name: column[rows] for name, column in values.items()}
        judged = judge(incoming(page), stored(past), NO_MOVES)
        found.append(judged.reason)
        past = {name: np.concatenate((past[name], page[name][judged.admitted])) for name in past}
    return np.concatenate(found)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(SEEDS, st.lists(st.integers(1, 89), min_size=1, max_size=4, unique=True))
@example(5195580, [28])  # bars held back in an earlier page were counted in the median of the volumes
@example(90, [7, 40, 58])
@example(448, [58, 75])
def test_every_row_gets_the_same_reason_wherever_the_pages_of_a_delivery_break(seed: int, breaks: list[int]) -> None:
    values = {**market(seed), "session": SESSIONS[40:130]}
    whole = judge(incoming(values), stored(clean()), NO_MOVES).reason
    assert [REASONS[code] for code in by_pages(values, breaks)] == [REASONS[code] for code in whole]


def test_a_repeated_bar_is_found_across_a_page_and_across_a_bar_held_back() -> None:
    values = {name: column.copy() for name, column in clean(10).items()}
    values["session"] = SESSIONS[40:50]
    for place in (5, 7, 8):
        for name in ("open", "high", "low", "close", "volume"):
            values[name][place] = values[name][4]
    values["volume"][6] *= 1000
    expected = ["ok"] * 6 + ["volume_spike", "stale_repeat", "stale_repeat", "ok"]
    whole = judge(incoming(values), stored(clean()), NO_MOVES).reason
    assert [REASONS[code] for code in whole] == expected
    for cut_at in range(1, 10):
        assert [REASONS[code] for code in by_pages(values, [cut_at])] == expected


@QUICK
@given(SEEDS)
def test_every_row_has_a_reason_and_no_bad_number_is_admitted(seed: int) -> None:
    values = {**market(seed), "session": SESSIONS[40:130]}
    judged = judge(incoming(values), stored(clean()), NO_MOVES)
    admitted = judged.admitted
    for name in ("open", "high", "low", "close"):
        assert np.isfinite(values[name][admitted]).all()
        assert (values[name][admitted] > 0).all()
    assert (values["high"][admitted] >= values["low"][admitted]).all()
    assert not (values["volume"][admitted] < 0).any()
    assert ((judged.reason >= 0) & (judged.reason < len(REASONS))).all()


@QUICK
@given(SEEDS)
def test_between_neighbours_that_were_admitted_no_jump_is_without_a_reason(seed: int) -> None:
    """Recompute the jump of every admitted bar from the last admitted one, with plain arithmetic."""
    values, past = {**market(seed), "session": SESSIONS[40:130]}, clean()
    judged = judge(incoming(values), stored(past), NO_MOVES)
    close = past["close"][-1]
    for place in np.flatnonzero(judged.admitted):
        jump = abs(np.log(values["close"][place] / close))
        reason = REASONS[judged.reason[place]]
        if jump > 0.25 + 1e-9:
            assert reason in ("volume_confirmed_move", "missing_volume", "zero_volume_flat", "rounding"), reason
        close = values["close"][place]


def test_nothing_delivered_is_nothing_judged() -> None:
    empty = cut(clean(), slice(0, 0))
    for past in (empty, clean()):
        judged = judge(incoming(empty), stored(past), NO_MOVES)
        assert len(judged.reason) == len(judged.admitted) == 0
