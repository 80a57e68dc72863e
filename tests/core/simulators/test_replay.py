"""Replay of history session by session: order, splits as they were known, and no way to look ahead."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.market_path import MarketPath
from core.errors import InvalidInput
from core.simulators.replay import Dividend, Happening, Split, replay

DAYS = [date(2024, 6, 3) + timedelta(days=n) for n in range(5)]
CLOSES = [datetime(day.year, day.month, day.day, 20, tzinfo=UTC) for day in DAYS]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# A 10 for 1 split on the fourth session: 1,000, 1,010, 1,020, then 103 and 104.
RAW = np.array([1000.0, 1010.0, 1020.0, 103.0, 104.0])


def history(close=RAW, **others):
    return MarketPath(
        close=close[None, :, None],
        times=np.array(DAYS, dtype="datetime64[D]"),
        assets=("NVDA",),
        as_of=datetime(2024, 12, 31, tzinfo=UTC),
        source="historical",
        price_basis="raw",
        **others,
    )


def split(known_at=LONG_AGO, ex_date=DAYS[3], ratio=10.0):
    return Split(asset="NVDA", ex_date=ex_date, ratio=ratio, known_at=known_at)


def test_sessions_come_in_order_with_the_prices_so_far():
    seen = list(replay(history(), CLOSES))
    assert [part.day for part in seen] == DAYS
    assert [part.prices.close.shape[1] for part in seen] == [1, 2, 3, 4, 5]
    assert [part.closed_at for part in seen] == CLOSES
    assert [part.prices.as_of for part in seen] == CLOSES
    assert all(part.prices.close[0, -1, 0] == price for part, price in zip(seen, RAW, strict=True))


def test_before_a_split_prices_are_those_of_the_time_and_after_it_adjusted():
    seen = list(replay(history(), CLOSES, splits=[split()]))
    np.testing.assert_allclose(seen[2].prices.close[0, :, 0], [1000.0, 1010.0, 1020.0])
    np.testing.assert_allclose(seen[3].prices.close[0, :, 0], [100.0, 101.0, 102.0, 103.0])
    np.testing.assert_allclose(seen[4].prices.close[0, :, 0], [100.0, 101.0, 102.0, 103.0, 104.0])
    assert [len(part.splits) for part in seen] == [0, 0, 0, 1, 0]
    assert all(part.prices.price_basis == "split_adjusted" for part in seen)


def test_a_split_that_became_known_late_corrects_the_past_then():
    late = split(known_at=CLOSES[4] - timedelta(hours=1))
    seen = list(replay(history(), CLOSES, splits=[late]))
    np.testing.assert_allclose(seen[3].prices.close[0, :, 0], RAW[:4])
    np.testing.assert_allclose(seen[4].prices.close[0, :, 0], [100.0, 101.0, 102.0, 103.0, 104.0])
    assert [len(part.splits) for part in seen] == [0, 0, 0, 0, 1]


def test_volume_is_adjusted_the_other_way():
    volume = np.array([10.0, 10.0, 10.0, 100.0, 100.0])[None, :, None]
    last = list(replay(history(volume=volume), CLOSES, splits=[split()]))[-1]
    np.testing.assert_allclose(last.prices.volume[0, :, 0], 100.0)


def test_dividends_and_events_come_on_the_session_they_belong_to():
    dividend = Dividend(asset="NVDA", ex_date=DAYS[1], amount=0.4, known_at=LONG_AGO)
    told = [
        Happening(known_at=CLOSES[2] + timedelta(minutes=1), what="after the close of the third"),
        Happening(known_at=CLOSES[0] - timedelta(hours=2), what="before the close of the first"),
        Happening(known_at=CLOSES[2], what="at the close of the third"),
    ]
    seen = list(replay(history(), CLOSES, dividends=[dividend], happenings=told))
    assert [len(part.dividends) for part in seen] == [0, 1, 0, 0, 0]
    assert [[one.what for one in part.happenings] for part in seen] == [
        ["before the close of the first"],
        [],
        ["at the close of the third"],
        ["after the close of the third"],
        [],
    ]


def test_an_ex_date_without_a_session_counts_from_the_next_one():
    days = [date(2024, 6, 7), date(2024, 6, 10), date(2024, 6, 11)]
    path = MarketPath(
        close=np.array([1200.0, 121.0, 122.0])[None, :, None],
        times=np.array(days, dtype="datetime64[D]"),
        assets=("NVDA",),
        as_of=datetime(2024, 12, 31, tzinfo=UTC),
        source="historical",
        price_basis="raw",
    )
    closes = [datetime(day.year, day.month, day.day, 20, tzinfo=UTC) for day in days]
    seen = list(replay(path, closes, splits=[split(ex_date=date(2024, 6, 8))]))
    np.testing.assert_allclose(seen[1].prices.close[0, :, 0], [120.0, 121.0])


def test_a_warm_up_is_walked_through_but_not_shown():
    seen = list(replay(history(), CLOSES, splits=[split()], warmup=4))
    assert [part.day for part in seen] == DAYS[4:]
    np.testing.assert_allclose(seen[0].prices.close[0, :, 0], [100.0, 101.0, 102.0, 103.0, 104.0])


def test_what_a_session_shows_has_no_way_to_later_rows():
    path = history()
    for part in replay(path, CLOSES):
        assert part.prices.close.base is None or part.prices.close.base.shape[1] <= part.prices.close.shape[1]
        assert part.prices.times.base is None
        assert not np.shares_memory(part.prices.close, path.close)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    at=st.integers(0, 3),
    seed=st.integers(0, 10_000),
    known=st.integers(0, 4),
)
def test_the_future_changes_nothing_that_was_shown(at, seed, known):
    generator = np.random.default_rng(seed)
    other = RAW.copy()
    other[at + 1 :] = generator.uniform(1.0, 2000.0, 4 - at)
    late = split(known_at=CLOSES[known], ex_date=DAYS[3], ratio=float(generator.integers(2, 20)))
    shown = [
        [(part.prices.close.tolist(), len(part.splits)) for part in replay(history(close), CLOSES, splits=splits)]
        for close, splits in ((RAW, [split()]), (other, [split()] if known <= at else [split(), late]))
    ]
    before = min(at, 2)
    assert shown[0][: before + 1] == shown[1][: before + 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price_basis": "total_return"}, "raw prices"),
        ({"close": np.ones((2, 5, 1))}, "one path"),
    ],
)
def test_only_one_path_of_raw_prices_is_replayed(change, message):
    from dataclasses import replace

    with pytest.raises(InvalidInput, match=message):
        list(replay(replace(history(), **change), CLOSES))


@pytest.mark.parametrize(
    ("closes", "message"),
    [
        (CLOSES[:-1], "4 closes for 5 sessions"),
        ([close.replace(tzinfo=None) for close in CLOSES], "aware"),
        (CLOSES[::-1], "not ascending"),
    ],
)
def test_closes_that_do_not_fit_are_refused(closes, message):
    with pytest.raises(InvalidInput, match=message):
        list(replay(history(), closes))


def test_a_split_of_another_asset_is_refused():
    with pytest.raises(InvalidInput, match="does not hold"):
        list(replay(history(), CLOSES, splits=[Split(asset="AMD", ex_date=DAYS[1], ratio=2.0, known_at=LONG_AGO)]))
