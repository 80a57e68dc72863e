"""What the admission adds to the rules: calendars, listings, currencies, classes, splits, and first imports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from core.data.admission import FLAGS, Admission, admit, expected_moves, incoming_bars
from core.data.calendar import sessions_between
from core.data.quality import REASONS
from core.data.symbols import SymbolResolver
from core.domain.market_records import AssetClass, Calendar, Instrument
from core.ports.data_store import BarArrays, Split
from core.ports.vendor import BarColumns

KNOWN = datetime(1900, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)
CLASSES: dict[AssetClass, tuple[int, Calendar]] = {
    "equity": (1, "XNYS"),
    "etf": (2, "XNYS"),
    "crypto": (3, "24x7"),
    "index": (4, "XNYS"),
    "fx": (5, "24x5"),
}


def instrument(asset_class: AssetClass, **changes: Any) -> Instrument:
    number, calendar = CLASSES[asset_class]
    made = Instrument(
        instrument_id=number,
        symbol=f"{asset_class.upper()}",
        name=asset_class,
        asset_class=asset_class,
        calendar=calendar,
        source="test",
        known_at=KNOWN,
    )
    return made.model_copy(update=changes)


RESOLVER = SymbolResolver([instrument(name) for name in CLASSES], [])


def sessions(asset_class: AssetClass, count: int, start: date = date(2023, 1, 3)) -> np.ndarray:
    return sessions_between(CLASSES[asset_class][1], start, date(2024, 5, 31))[:count]


def delivered(asset_class: AssetClass, closes: list[float], **changes: Any) -> tuple[BarColumns, np.ndarray]:
    close, count = np.array(closes, dtype=np.float64), len(closes)
    made = BarColumns(
        source="test",
        price_basis="raw",
        symbols=(asset_class.upper(),),
        symbol_code=np.zeros(count, dtype=np.int32),
        session=sessions(asset_class, count),
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        # Bars of one price in a row would be stale if their volumes were equal.
        volume=1000.0 + np.arange(count) % 7,
        line=np.arange(count) + 2,
    )
    return replace(made, **changes), np.full(count, CLASSES[asset_class][0], dtype=np.int32)


def nothing() -> BarArrays:
    empty = np.empty(0)
    return BarArrays(
        instrument_id=np.empty(0, dtype=np.int32),
        session=np.empty(0, dtype="datetime64[D]"),
        open=empty,
        high=empty,
        low=empty,
        close=empty,
        volume=empty,
        flag=np.empty(0, dtype=np.int16),
        flags=("",),
        known_at=np.empty(0, dtype="datetime64[us]"),
    )


def stored(columns: BarColumns, ids: np.ndarray) -> BarArrays:
    count = len(columns)
    return BarArrays(
        instrument_id=ids,
        session=columns.session,
        open=columns.open,
        high=columns.high,
        low=columns.low,
        close=columns.close,
        volume=columns.volume,
        flag=np.zeros(count, dtype=np.int16),
        flags=("",),
        known_at=np.full(count, np.datetime64("NaT", "us")),
    )


def judged(
    asset_class: AssetClass,
    closes: list[float],
    *,
    history_import: bool = True,
    splits: tuple[Split, ...] = (),
    before: BarArrays | None = None,
    **changes: Any,
) -> Admission:
    columns, ids = delivered(asset_class, closes, **changes)
    return admit(columns, ids, before or nothing(), RESOLVER, splits, now=NOW, history_import=history_import)


def reasons(admission: Admission) -> list[str]:
    return [REASONS[code] for code in admission.judgement.reason]


QUIET = [100.0] * 30

# A first import of a long history ------------------------------------------------------------------------------


@pytest.mark.parametrize("asset_class", list(CLASSES))
def test_a_quiet_history_is_stored_whole(asset_class: AssetClass) -> None:
    found = judged(asset_class, QUIET)
    assert found.new.all()
    assert reasons(found) == ["short_history"] * 20 + ["ok"] * 10


@pytest.mark.parametrize(
    ("asset_class", "below", "above"),
    [
        ("equity", 128.4, 128.5),  # |ln| 0.25
        ("etf", 77.9, 77.8),
        ("crypto", 156.8, 156.9),  # 0.45
        ("crypto", 63.8, 63.7),
        ("index", 331.0, 333.0),  # 1.2: a volatility index doubles in a day
        ("index", 30.2, 30.0),
        ("fx", 128.4, 128.5),
    ],
)
def test_a_jump_that_returns_is_held_beyond_the_limit_of_its_class(
    asset_class: AssetClass, below: float, above: float
) -> None:
    back = [100.0] * 6
    assert reasons(judged(asset_class, [*QUIET, below, *back]))[30] in ("ok", "volume_confirmed_move")
    held = judged(asset_class, [*QUIET, above, *back])
    assert reasons(held)[30] == "spike_unexplained"
    assert held.new.tolist() == [place != 30 for place in range(37)]


@pytest.mark.parametrize(
    ("asset_class", "level"), [("equity", 65.0), ("equity", 140.0), ("crypto", 250.0), ("etf", 60.0)]
)
def test_a_jump_that_lasts_is_stored_with_a_flag(asset_class: AssetClass, level: float) -> None:
    found = judged(asset_class, [*QUIET, *[level] * 6])
    assert reasons(found)[30:] == ["unconfirmed_move"] + ["ok"] * 5
    assert FLAGS[found.flag[30]] == "unconfirmed_move"
    assert found.new.all()


@pytest.mark.parametrize(("after", "lasting"), [([65.0, 65.0, 100.0], True), ([100.0, 100.0, 65.0], False)])
def test_most_of_the_next_closes_decide_whether_a_move_lasts(after: list[float], lasting: bool) -> None:
    # The next session opens at the old price, so only the closes speak.
    closes = np.array([*QUIET, 65.0, *after])
    opened = closes.copy()
    opened[31] = 100.0
    columns, ids = delivered("equity", closes.tolist())
    columns = replace(
        columns, open=opened, high=np.maximum(opened, closes) * 1.01, low=np.minimum(opened, closes) * 0.99
    )
    found = admit(columns, ids, nothing(), RESOLVER, (), now=NOW, history_import=True)
    assert (reasons(found)[30] == "unconfirmed_move") == lasting


def test_the_next_open_alone_shows_that_a_close_was_real() -> None:
    closes = np.array([*QUIET, 65.0, 99.0, 100.0, 100.0])
    opened = closes.copy()
    opened[31] = 66.0
    columns, ids = delivered("equity", closes.tolist())
    columns = replace(
        columns, open=opened, high=np.maximum(opened, closes) * 1.01, low=np.minimum(opened, closes) * 0.99
    )
    found = admit(columns, ids, nothing(), RESOLVER, (), now=NOW, history_import=True)
    assert reasons(found)[30] == "unconfirmed_move"


def test_a_jump_on_the_last_day_has_no_hindsight() -> None:
    assert reasons(judged("equity", [*QUIET, 65.0]))[-1] == "spike_unexplained"


@pytest.mark.parametrize("factor", [100.0, 1000.0, 0.01, 0.001])
def test_a_change_of_scale_is_held_even_when_it_lasts(factor: float) -> None:
    found = judged("equity", [*QUIET, *[100.0 * factor] * 6])
    assert reasons(found)[30:] == ["price_scale"] * 6


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        (150.0, "unconfirmed_move"),  # |ln| 0.41 is within twice the limit of 0.25
        (164.0, "unconfirmed_move"),
        (166.0, "spike_unexplained"),  # exp(0.5) = 1.6487
    ],
)
def test_closes_without_volume_are_held_only_beyond_twice_the_limit(level: float, reason: str) -> None:
    missing = np.full(36, np.nan)
    found = judged(
        "equity",
        [*QUIET, level, *[100.0] * 5],
        open=missing,
        high=missing,
        low=missing,
        volume=missing,
        has_ohlc=False,
        has_volume=False,
    )
    assert reasons(found)[30] == reason


def test_an_increment_waits_where_a_history_does_not() -> None:
    columns, ids = delivered("equity", [*QUIET, *[65.0] * 6])
    before = stored(*delivered("equity", QUIET))
    once = admit(columns, ids, before, RESOLVER, (), now=NOW, history_import=True)
    daily = admit(columns, ids, before, RESOLVER, (), now=NOW, history_import=False)
    assert reasons(once)[30:] == ["unconfirmed_move"] + ["ok"] * 5
    assert reasons(daily)[30:] == ["spike_unexplained"] * 6
    assert not daily.new.any()


def test_an_increment_into_an_empty_store_has_no_history() -> None:
    assert reasons(judged("equity", QUIET, history_import=False)) == ["short_history"] * 30


# Splits -----------------------------------------------------------------------------------------------------------


def split(place: int, ratio: float, instrument_id: int = 1) -> Split:
    return Split(instrument_id=instrument_id, ex_date=sessions("equity", 60)[place].item(), ratio=ratio, known_at=KNOWN)


def test_a_known_split_explains_the_jump_of_raw_prices() -> None:
    found = judged("equity", [*QUIET, *[25.0] * 6], splits=(split(30, 4.0),))
    assert reasons(found)[30] == "explained_move"
    assert found.new.all()


@pytest.mark.parametrize("basis", ["split_adjusted", "total_return"])
def test_adjusted_prices_are_not_expected_to_jump_by_a_split(basis: str) -> None:
    assert reasons(judged("equity", [100.0] * 36, splits=(split(30, 4.0),), price_basis=basis))[30] == "ok"
    assert reasons(judged("equity", [100.0] * 36, splits=(split(30, 4.0),)))[30] == "split_not_applied"


def test_the_split_of_another_instrument_explains_nothing() -> None:
    found = judged("equity", [*QUIET, 25.0, *[100.0] * 5], splits=(split(30, 4.0, instrument_id=2),))
    assert reasons(found)[30] == "split_not_applied"


def test_expected_moves_are_ratios_of_prices_not_of_shares() -> None:
    moves = expected_moves((split(3, 4.0), split(5, 0.1)))
    assert moves.ratio.tolist() == [0.25, 10.0]
    assert len(expected_moves(()).session) == 0


# What only the desk knows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asset_class", "day", "reason"),
    [
        ("equity", "2024-03-29", "not_a_session"),  # Good Friday
        ("fx", "2024-03-29", "short_history"),
        ("crypto", "2024-03-29", "short_history"),
        ("equity", "2024-03-30", "not_a_session"),  # Saturday
        ("fx", "2024-03-30", "not_a_session"),
        ("crypto", "2024-03-30", "short_history"),
        ("equity", "2024-06-03", "future_date"),  # at noon UTC New York has not opened
        ("fx", "2024-06-03", "future_date"),
        ("crypto", "2024-06-03", "future_date"),
        ("crypto", "2024-06-02", "short_history"),
    ],
)
def test_every_class_has_its_calendar(asset_class: AssetClass, day: str, reason: str) -> None:
    found = judged(asset_class, [100.0], session=np.array([day], dtype="datetime64[D]"))
    assert reasons(found) == [reason]


def test_the_currency_of_the_row_is_that_of_the_instrument() -> None:
    stated = np.array(["USD", "EUR", "", "GBP"], dtype=object)
    found = judged("equity", [100.0] * 4, currency=stated)
    # A row that states nothing claims nothing.
    assert [reason == "wrong_currency" for reason in reasons(found)] == [False, True, False, True]


def test_an_instrument_in_another_currency_is_no_error() -> None:
    resolver = SymbolResolver([instrument("equity", currency="EUR")], [])
    columns, ids = delivered("equity", [100.0] * 2, currency=np.array(["EUR", "USD"], dtype=object))
    found = admit(columns, ids, nothing(), resolver, (), now=NOW, history_import=True)
    assert reasons(found) == ["short_history", "wrong_currency"]


def test_bars_before_the_listing_are_rejected() -> None:
    days = sessions("equity", 4)
    resolver = SymbolResolver([instrument("equity", listed=days[2].item())], [])
    columns, ids = delivered("equity", [100.0] * 4)
    found = admit(columns, ids, nothing(), resolver, (), now=NOW, history_import=True)
    assert reasons(found) == ["before_listing"] * 2 + ["short_history"] * 2


@pytest.mark.parametrize(
    ("asset_class", "basis", "volume", "reason"),
    [
        ("equity", "raw", 10.5, "nonnumeric_volume"),
        ("equity", "split_adjusted", 10.5, "short_history"),  # a quotient
        ("crypto", "raw", 10.5, "short_history"),
        ("equity", "raw", 0.0, "zero_volume_move"),
        ("index", "raw", 0.0, "short_history"),  # nobody counts the trades of an index
        ("fx", "raw", 0.0, "short_history"),
        ("crypto", "raw", 0.0, "short_history"),
    ],
)
def test_volumes_by_class_and_basis(asset_class: AssetClass, basis: str, volume: float, reason: str) -> None:
    assert reasons(judged(asset_class, [100.0], volume=np.array([volume]), price_basis=basis)) == [reason]


@pytest.mark.parametrize(
    ("asset_class", "reason"),
    [
        ("equity", "zero_volume_flat"),
        ("etf", "zero_volume_flat"),
        ("crypto", "zero_volume_flat"),
        ("index", "short_history"),
        ("fx", "short_history"),
    ],
)
def test_a_flat_day_without_volume_says_something_where_trades_are_counted(
    asset_class: AssetClass, reason: str
) -> None:
    flat = {name: np.array([100.0]) for name in ("open", "high", "low", "close")}
    assert reasons(judged(asset_class, [100.0], volume=np.array([0.0]), **flat)) == [reason]
    assert reasons(judged(asset_class, [100.0], volume=np.array([np.nan]), has_volume=False, **flat)) == [
        "short_history"
    ]


@pytest.mark.parametrize(
    ("asset_class", "high", "reason"),
    [
        ("equity", 140.5, "range_spike"),
        ("crypto", 140.5, "short_history"),
        ("crypto", 160.5, "range_spike"),
        ("index", 199.0, "short_history"),
        ("index", 201.0, "range_spike"),
        ("fx", 140.5, "range_spike"),
    ],
)
def test_ranges_by_class(asset_class: AssetClass, high: float, reason: str) -> None:
    assert reasons(judged(asset_class, [100.0], high=np.array([high]))) == [reason]


@pytest.mark.parametrize(("asset_class", "reason"), [("fx", "rounding"), ("equity", "ohlc_outside_range")])
def test_currencies_have_no_common_tape(asset_class: AssetClass, reason: str) -> None:
    # The close is 0.3 % above the high.
    assert reasons(judged(asset_class, [100.0], high=np.array([99.7]), open=np.array([99.6]))) == [reason]


def test_a_source_without_volume_misses_none() -> None:
    columns, ids = delivered("equity", QUIET, volume=np.full(30, np.nan), has_volume=False)
    bars = incoming_bars(columns, ids, RESOLVER, now=NOW)
    assert not bars.has_volume
    assert reasons(admit(columns, ids, nothing(), RESOLVER, (), now=NOW, history_import=True))[20:] == ["ok"] * 10


def test_a_row_without_a_readable_date_is_rejected_and_the_others_are_not() -> None:
    days = sessions("equity", 3).copy()
    days[1] = np.datetime64("NaT")
    found = judged("equity", [100.0] * 3, session=days)
    assert reasons(found) == ["short_history", "bad_date", "short_history"]


# New, corrected, the same -----------------------------------------------------------------------------------------


def test_each_row_is_new_or_corrected_or_the_same_or_held() -> None:
    columns, ids = delivered("equity", [*QUIET, 100.2, -1.0])
    before = stored(*delivered("equity", QUIET))
    close = columns.close.copy()
    close[5] = 100.1
    found = admit(replace(columns, close=close), ids, before, RESOLVER, (), now=NOW, history_import=True)
    places = {name: np.flatnonzero(getattr(found, name)).tolist() for name in ("new", "changed")}
    assert places == {"new": [30], "changed": [5]}
    assert found.same.sum() == 29
    held = found.held()
    assert [(reason, verdict, rows.tolist()) for reason, verdict, rows in held] == [
        ("nonpositive_price", "reject", [31])
    ]
    assert FLAGS[found.flag[5]] == "correction_small"
    assert (found.new.astype(int) + found.changed + found.same + ~found.judgement.admitted == 1).all()


def test_a_large_correction_waits_and_the_stored_value_stays() -> None:
    columns, ids = delivered("equity", QUIET)
    before = stored(columns, ids)
    close = columns.close.copy()
    close[5] = 100.9
    found = admit(replace(columns, close=close), ids, before, RESOLVER, (), now=NOW, history_import=True)
    assert [reason for reason, _, _ in found.held()] == ["correction_large"]
    assert not found.changed.any()


def test_flags_name_their_reasons() -> None:
    assert FLAGS[0] == ""
    assert FLAGS[1:] == REASONS
    found = judged("equity", QUIET)
    assert [FLAGS[flag] for flag in found.flag] == ["short_history"] * 20 + [""] * 10
