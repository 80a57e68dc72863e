"""Panels: which source answers, what is seen at which time, gaps, splits, and what is said when nothing is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from core.adapters.store.bars import PostgresBars
from core.adapters.store.database import Database
from core.adapters.store.ingest import open_pipeline
from core.data.calendar import sessions_between
from core.data.pipeline import Pipeline
from core.domain.as_of import AsOf
from core.domain.identifiers import IdSource
from core.domain.market_records import CorporateAction, Instrument
from core.errors import InvalidInput, NoData
from core.ports.vendor import BarColumns, RecordRows

Unused = Callable[[], Instrument]
Columns = Callable[..., BarColumns]
DAYS = sessions_between("XNYS", date(2023, 1, 3), date(2023, 12, 29))
LATER = AsOf(known=datetime(2025, 1, 2, tzinfo=UTC))


def at(*parts: int) -> AsOf:
    return AsOf(known=datetime(*parts, tzinfo=UTC))  # type: ignore[misc]


def walk(count: int, start: float = 50.0) -> np.ndarray:
    return np.round(start * np.exp(np.cumsum(np.random.default_rng(9).normal(0, 0.01, count))), 4)


@pytest.fixture
def bars(seeded: Database) -> PostgresBars:
    return PostgresBars(seeded)


@pytest.fixture
def store(pipeline: Pipeline) -> Callable[..., None]:
    def run(*blocks: BarColumns) -> None:
        for block in blocks:
            counts = pipeline.store_bars(block)
            assert counts.new == len(block), counts.reasons
        pipeline.finish()

    return run


def split(pipeline: Pipeline, instrument: Instrument, day: str, ratio: float, known: datetime) -> None:
    values: dict[str, Any] = dict.fromkeys(CorporateAction.model_fields)
    values |= {
        "instrument_id": instrument.instrument_id,
        "action": "split",
        "ex_date": date.fromisoformat(day),
        "source": "vendor",
        "ratio": ratio,
        "known_at": known,
    }
    row = tuple(values[name] for name in CorporateAction.model_fields)
    pipeline.store_records(RecordRows(record=CorporateAction, source="vendor", rows=[row]))


def test_sessions_without_a_bar_of_one_column_are_gaps(
    bars: PostgresBars, store: Callable[..., None], unused: Unused, columns: Columns
) -> None:
    one, other = unused(), unused()
    store(
        columns(one.symbol, DAYS[:5], [10, 11, 12, 13, 14]),
        columns(other.symbol, DAYS[[1, 3, 6]], [20, 21, 22]),
    )
    panel = bars.panel([one.instrument_id, other.instrument_id], purpose="price", as_of=LATER)
    assert (panel.sessions == DAYS[[0, 1, 2, 3, 4, 6]]).all()
    nan = np.nan
    assert np.array_equal(panel.close[:, 0], [10, 11, 12, 13, 14, nan], equal_nan=True)
    assert np.array_equal(panel.close[:, 1], [nan, 20, nan, 21, nan, 22], equal_nan=True)
    assert panel.high is not None and panel.volume is not None
    assert np.isnan(panel.high[0, 1]) and panel.high[1, 1] == pytest.approx(20.2)
    assert panel.symbols == (one.symbol, other.symbol)


def test_a_single_day_is_a_window(
    bars: PostgresBars, store: Callable[..., None], unused: Unused, columns: Columns
) -> None:
    one = unused()
    store(columns(one.symbol, DAYS[:3], [10, 11, 12]))
    window = {"start": DAYS[1].item(), "end": DAYS[1].item()}
    panel = bars.panel([one.instrument_id], purpose="price", as_of=LATER, **window)
    assert panel.close.tolist() == [[11.0]]


@pytest.mark.parametrize(("first", "last", "expected"), [(0, 9, 10), (2, 4, 3), (-1, 3, 4), (8, 30, 2)])
def test_both_ends_of_a_window_are_inside(
    bars: PostgresBars, pipeline: Pipeline, columns: Columns, unused: Unused, first: int, last: int, expected: int
) -> None:
    one = unused()
    pipeline.store_bars(columns(one.symbol, DAYS[:10], walk(10)))
    pipeline.finish()
    start = DAYS[first].item() if first >= 0 else date(2022, 12, 1)
    panel = bars.panel([one.instrument_id], purpose="price", as_of=LATER, start=start, end=DAYS[last].item())
    assert len(panel.sessions) == expected


# Which source -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rich(seeded: Database, ids: IdSource, unused: Unused, columns: Columns) -> Instrument:
    """Give a stock of three sources: old prices with volume, newer adjusted closes, raw closes in between."""
    run = open_pipeline(seeded, ids, mode="test", arguments={})
    one = unused()
    run.store_bars(columns(one.symbol, DAYS[:150], walk(150), source="full", price_basis="split_adjusted"))
    run.store_bars(
        columns(one.symbol, DAYS, walk(250) * 0.9, source="adjusted", price_basis="total_return", close_only=True)
    )
    run.store_bars(columns(one.symbol, DAYS[:200], walk(200), source="closes", price_basis="raw", close_only=True))
    run.finish()
    return one


@pytest.mark.parametrize(
    ("purpose", "needs", "first", "last", "source"),
    [
        ("price", "close", 0, 249, "adjusted"),  # the newest price counts
        ("price", "volume", 0, 249, "full"),  # only this one has volume
        ("price", "ohlc", 0, 249, "full"),
        ("return", "close", 0, 249, "adjusted"),
        ("price", "close", 0, 140, "full"),
        ("price", "volume", 0, 140, "full"),
        ("return", "close", 0, 140, "adjusted"),
        ("return", "ohlc", 0, 140, "full"),
        ("price", "close", 100, 199, "closes"),
        ("price", "ohlc", 100, 199, "full"),
        ("price", "volume", 160, 249, "adjusted"),  # none with volume reaches into the window
        ("price", "close", 205, 249, "adjusted"),
    ],
)
def test_the_source_follows_purpose_window_and_need(
    bars: PostgresBars, rich: Instrument, purpose: Any, needs: Any, first: int, last: int, source: str
) -> None:
    window = {"start": DAYS[first].item(), "end": DAYS[last].item()}
    panel = bars.panel([rich.instrument_id], purpose=purpose, needs=needs, as_of=LATER, **window)
    assert panel.series[0].source == source
    assert (panel.volume is not None) == (source == "full")
    assert (panel.open is not None) == (source == "full")


def test_one_column_without_volume_leaves_the_panel_without(
    bars: PostgresBars, store: Callable[..., None], rich: Instrument, unused: Unused, columns: Columns
) -> None:
    other = unused()
    store(columns(other.symbol, DAYS, walk(250), close_only=True))
    panel = bars.panel([rich.instrument_id, other.instrument_id], purpose="price", needs="volume", as_of=LATER)
    assert panel.series[0].source == "full"
    assert panel.volume is None


def test_prices_with_high_and_low_and_no_volume_answer_for_highs_only(
    bars: PostgresBars, store: Callable[..., None], unused: Unused, columns: Columns
) -> None:
    one = unused()
    store(
        columns(one.symbol, DAYS[:100], walk(100), source="no_volume", price_basis="split_adjusted", volume=None),
        columns(one.symbol, DAYS[:90], walk(90), source="whole", price_basis="split_adjusted"),
    )
    found = {
        needs: bars.panel([one.instrument_id], purpose="price", needs=needs, as_of=LATER).series[0].source
        for needs in ("close", "ohlc", "volume")  # type: ignore[misc]
    }
    assert found == {"close": "no_volume", "ohlc": "no_volume", "volume": "whole"}


def test_the_default_view_keeps_traded_levels_for_a_year(seeded: Database, rich: Instrument) -> None:
    with seeded.transaction(as_of=LATER) as connection:
        rows = connection.execute(
            "SELECT DISTINCT source, price_basis FROM market_data.v_prices WHERE instrument_id = %s",
            (rich.instrument_id,),
        ).fetchall()
        returns = connection.execute(
            "SELECT DISTINCT source FROM market_data.v_return_prices WHERE instrument_id = %s", (rich.instrument_id,)
        ).fetchall()
    assert rows == [("full", "split_adjusted")]
    assert returns == [("adjusted",)]


# As of a time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "sessions"),
    [
        (at(2023, 1, 3, 20, 59, 59), 0),
        (at(2023, 1, 3, 21), 1),  # the close of the first session, winter
        (at(2023, 1, 4, 20), 1),
        (at(2023, 1, 8, 12), 4),
        (at(2024, 1, 1), 10),
    ],
)
def test_a_bar_is_seen_from_its_close_on(
    bars: PostgresBars, pipeline: Pipeline, unused: Unused, columns: Columns, moment: AsOf, sessions: int
) -> None:
    one = unused()
    pipeline.store_bars(columns(one.symbol, DAYS[:10], walk(10)))
    pipeline.finish()
    if sessions:
        assert len(bars.panel([one.instrument_id], purpose="price", as_of=moment).sessions) == sessions
        assert bars.last_session([one.instrument_id], as_of=moment) == DAYS[sessions - 1].item()
    else:
        with pytest.raises(NoData):
            bars.panel([one.instrument_id], purpose="price", as_of=moment)
        assert bars.last_session([one.instrument_id], as_of=moment) is None


def test_whatever_comes_later_changes_nothing_at_a_time(
    bars: PostgresBars, seeded: Database, ids: IdSource, unused: Unused, columns: Columns
) -> None:
    """Store a past, look at it; then store random futures and corrections of it: what was seen stays."""
    one, closes = unused(), walk(120)
    run = open_pipeline(seeded, ids, mode="test", arguments={})
    run.store_bars(columns(one.symbol, DAYS[:60], closes[:60]))
    run.finish()
    moment = at(2023, 3, 29, 21)  # the close of the sixtieth session
    before = bars.panel([one.instrument_id], purpose="price", as_of=moment)
    generator = np.random.default_rng(17)
    for _ in range(4):
        run = open_pipeline(seeded, ids, mode="test", arguments={})
        future = closes[60:] * np.exp(generator.normal(0, 0.002, 60))
        run.store_bars(columns(one.symbol, DAYS[60:120], future))
        # Corrections of what was seen are known from their delivery on, which is today.
        touched = np.sort(generator.choice(60, 10, replace=False))
        run.store_bars(columns(one.symbol, DAYS[touched], closes[touched] * np.exp(generator.normal(0, 0.001, 10))))
        split(run, one, str(DAYS[100]), 2.0, datetime(2023, 5, 20, tzinfo=UTC))
        run.finish()
        again = bars.panel([one.instrument_id], purpose="price", as_of=moment)
        assert np.array_equal(again.close, before.close)
        assert np.array_equal(again.volume, before.volume)
        assert (again.sessions == before.sessions).all()
        assert again.series == before.series
        with seeded.transaction(as_of=moment) as connection:
            viewed = connection.execute(
                "SELECT close FROM market_data.v_bars WHERE instrument_id = %s ORDER BY session", (one.instrument_id,)
            ).fetchall()
        assert [value for (value,) in viewed] == before.close[:, 0].tolist()


def test_a_correction_of_a_correction_leaves_every_state_readable(
    bars: PostgresBars, seeded: Database, ids: IdSource, unused: Unused, columns: Columns
) -> None:
    one = unused()
    recorded: list[datetime] = []
    for close in (10.0, 10.01, 10.02, 10.03):
        run = open_pipeline(seeded, ids, mode="test", arguments={})
        run.store_bars(columns(one.symbol, DAYS[:2], [9.9, close]))
        run.finish()
        with seeded.transaction() as connection:
            recorded.append(connection.execute("SELECT clock_timestamp()").fetchone()[0])  # type: ignore[index]
    now = recorded[-1]
    for moment, close in zip(recorded, (10.0, 10.01, 10.02, 10.03), strict=True):
        seen = bars.panel([one.instrument_id], purpose="price", as_of=AsOf(known=moment))
        assert seen.close[:, 0].tolist() == [9.9, close]
        # What was stored then, whatever is known by now.
        replayed = bars.panel([one.instrument_id], purpose="price", as_of=AsOf(known=now, recorded=moment))
        assert replayed.close[:, 0].tolist() == [9.9, close]
    # Before any correction was delivered the first value is what was known.
    assert bars.panel([one.instrument_id], purpose="price", as_of=at(2023, 6, 1)).close[1, 0] == 10.0
    with seeded.transaction() as connection:
        rows = connection.execute(
            "SELECT close, superseded_known_at > known_at FROM market_data.bars_daily_history"
            " WHERE instrument_id = %s ORDER BY known_at, close",
            (one.instrument_id,),
        ).fetchall()
    assert rows == [(10.0, True), (10.01, True), (10.02, True)]


# Splits -----------------------------------------------------------------------------------------------------------


def test_splits_are_divided_out_from_the_moment_they_are_known(
    bars: PostgresBars, pipeline: Pipeline, unused: Unused, columns: Columns
) -> None:
    one = unused()
    closes = np.concatenate((np.full(25, 100.0), np.full(5, 50.0), np.full(5, 5.0)))
    split(pipeline, one, str(DAYS[25]), 2.0, datetime(2023, 2, 8, tzinfo=UTC))
    split(pipeline, one, str(DAYS[30]), 10.0, datetime(2023, 2, 15, tzinfo=UTC))
    counts = pipeline.store_bars(columns(one.symbol, DAYS[:35], closes))
    assert counts.new == 35, counts.reasons
    pipeline.finish()

    def closes_at(day: int) -> list[float]:
        moment = AsOf(known=datetime.combine(DAYS[day].item(), datetime.min.time(), UTC) + timedelta(hours=22))
        panel = bars.panel([one.instrument_id], purpose="price", as_of=moment)
        expected = "raw" if day < 25 else "split_adjusted"
        assert panel.series[0].price_basis == expected
        assert panel.volume is not None and panel.high is not None
        # Money traded does not depend on how shares are counted.
        traded = panel.volume[0, 0] * panel.close[0, 0]
        assert traded == pytest.approx(100.0 * 1000)
        assert panel.high[:, 0] == pytest.approx(panel.close[:, 0] * 1.01)
        return [float(panel.close[place, 0]) for place in (0, -1)]

    assert closes_at(24) == [100.0, 100.0]
    assert closes_at(25) == [50.0, 50.0]
    assert closes_at(29) == [50.0, 50.0]
    assert closes_at(34) == [5.0, 5.0]


@pytest.mark.parametrize("basis", ["split_adjusted", "total_return"])
def test_adjusted_prices_are_not_divided_again(
    bars: PostgresBars, pipeline: Pipeline, unused: Unused, columns: Columns, basis: str
) -> None:
    one = unused()
    split(pipeline, one, str(DAYS[25]), 2.0, datetime(2023, 2, 8, tzinfo=UTC))
    pipeline.store_bars(columns(one.symbol, DAYS[:35], np.full(35, 50.0), price_basis=basis))
    pipeline.finish()
    panel = bars.panel([one.instrument_id], purpose="price", as_of=LATER)
    assert set(panel.close[:, 0]) == {50.0}
    assert panel.series[0].price_basis == basis


def test_two_sources_of_one_split_are_one_split(
    bars: PostgresBars, pipeline: Pipeline, unused: Unused, columns: Columns, seeded: Database
) -> None:
    one = unused()
    split(pipeline, one, str(DAYS[25]), 2.0, datetime(2023, 2, 8, tzinfo=UTC))
    with seeded.transaction() as connection:
        connection.execute(
            "INSERT INTO market_data.corporate_actions SELECT (r).* FROM (SELECT jsonb_populate_record(a, "
            '\'{"source": "another"}\') AS r FROM market_data.corporate_actions a WHERE instrument_id = %s) s',
            (one.instrument_id,),
        )
    closes = np.concatenate((np.full(25, 100.0), np.full(5, 50.0)))
    pipeline.store_bars(columns(one.symbol, DAYS[:30], closes))
    pipeline.finish()
    assert set(bars.panel([one.instrument_id], purpose="price", as_of=LATER).close[:, 0]) == {50.0}


# Nothing there ----------------------------------------------------------------------------------------------------


def test_what_is_missing_is_named_with_what_is_stored(
    bars: PostgresBars, store: Callable[..., None], unused: Unused, columns: Columns
) -> None:
    one, empty = unused(), unused()
    store(columns(one.symbol, DAYS[:10], walk(10)))
    both = [one.instrument_id, empty.instrument_id]
    with pytest.raises(NoData) as caught:
        bars.panel(both, purpose="price", as_of=LATER)
    assert str(caught.value) == f"No prices up to {date(2025, 1, 2)} for {empty.symbol} (no prices stored)."
    with pytest.raises(NoData) as caught:
        bars.panel([one.instrument_id], purpose="price", as_of=LATER, start=date(2024, 1, 2), end=date(2024, 2, 1))
    stored = f"{one.symbol} (stored: {DAYS[0]} to {DAYS[9]})"
    assert str(caught.value) == f"No prices from 2024-01-02 to 2024-02-01 for {stored}."
    with pytest.raises(NoData, match="instrument 999999"):
        bars.panel([999_999], purpose="price", as_of=LATER)


def test_a_window_that_falls_into_a_hole_is_no_data(
    bars: PostgresBars, store: Callable[..., None], unused: Unused, columns: Columns
) -> None:
    one = unused()
    store(columns(one.symbol, DAYS[[0, 1, 2, 200, 201, 202]], walk(6)))
    with pytest.raises(NoData, match=str(DAYS[202])):
        bars.panel([one.instrument_id], purpose="price", as_of=LATER, start=DAYS[50].item(), end=DAYS[60].item())


def test_bad_windows_are_refused(bars: PostgresBars) -> None:
    with pytest.raises(InvalidInput, match="No instrument"):
        bars.panel([], purpose="price", as_of=LATER)
    with pytest.raises(InvalidInput, match="twice"):
        bars.panel([1001, 1002, 1001], purpose="price", as_of=LATER)
    with pytest.raises(InvalidInput, match="ends before it starts"):
        bars.panel([1001], purpose="price", as_of=LATER, start=date(2023, 2, 1), end=date(2023, 1, 1))


def test_a_path_of_the_panel_has_its_numbers(
    bars: PostgresBars, store: Callable[..., None], unused: Unused, columns: Columns
) -> None:
    one = unused()
    store(columns(one.symbol, DAYS[:5], walk(5)))
    panel = bars.panel([one.instrument_id], purpose="price", as_of=LATER)
    path = panel.to_market_path()
    assert path.close.shape == (1, 5, 1)
    assert (path.close[0] == panel.close).all()
    assert (path.source, path.price_basis, path.assets) == ("historical", "raw", (one.symbol,))
