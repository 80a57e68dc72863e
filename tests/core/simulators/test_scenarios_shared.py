"""Crises on real books beside what really happened: needs the shared data beside the repository."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import UTC, date, datetime
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.simulators.conditional import condition, covariance_of
from core.simulators.crises import BITCOIN, CRISES, EQUITIES, RATES, VOLATILITY
from core.simulators.historical import replay_onto

pytestmark = pytest.mark.shared
AS_OF = datetime(2026, 5, 1, 20, tzinfo=UTC)


class Series:
    """Hold dated values in order."""

    def __init__(self, days: list[str], values: list[str]) -> None:
        order = np.argsort(days, kind="stable")
        self.days = np.array(days, dtype="datetime64[D]")[order]
        self.values = np.array(values, dtype=float)[order]

    def change(self, start: date, end: date) -> tuple[float, float]:
        """Return the last value before the start and the last up to the end."""
        before = np.searchsorted(self.days, np.datetime64(start)) - 1
        last = np.searchsorted(self.days, np.datetime64(end), side="right") - 1
        return float(self.values[before]), float(self.values[last])


def read(path: Path, wanted: set[str] | None, key: str = "symbol", value: str = "close") -> dict[str, Series]:
    found: dict = defaultdict(lambda: ([], []))
    with gzip.open(path, "rt") as file:
        head = [name.lower() for name in next(csv.reader(file))]
        day, name, cell = head.index("date"), head.index(key) if wanted else 0, head.index(value)
        for row in csv.reader(file):
            if (wanted is None or row[name] in wanted) and row[cell]:
                days, values = found[row[name] if wanted else ""]
                days.append(row[day])
                values.append(row[cell])
    return {one: Series(*parts) for one, parts in found.items()}


@pytest.fixture(scope="module")
def funds(shared_folder: Path) -> dict:
    wanted = {"SPY", "AGG", "TLT", "QQQ", "XLK", "SMH"}
    return read(shared_folder / "data/prices/us_etf_daily.csv.gz", wanted, value="adj_close")


@pytest.fixture(scope="module")
def rates(shared_folder: Path) -> Series:
    path = shared_folder / "data/macro/macro_series.csv.gz"
    return read(path, {RATES}, key="series_id", value="value")[RATES]


@pytest.fixture(scope="module")
def vix(shared_folder: Path) -> Series:
    return read(shared_folder / "data/macro/vix_ohlc_daily.csv.gz", None)[""]


def joined(funds: dict, names: tuple[str, ...]) -> MarketPath:
    days = reduce(np.intersect1d, (funds[name].days for name in names))
    close = [funds[name].values[np.searchsorted(funds[name].days, days)] for name in names]
    return MarketPath(
        close=np.stack(close, axis=1)[None],
        times=days,
        assets=names,
        as_of=AS_OF,
        source="shared",
    )


COVERED = [
    name
    for name, part in CRISES.items()
    if part.start.isoformat() >= "2005-02-01" and part.end.isoformat() <= "2026-04-30"
]


@pytest.mark.parametrize("name", COVERED)
@pytest.mark.parametrize(
    ("book", "assets"),
    [
        ("60/40", {"SPY": 0.6, "AGG": 0.4}),
        ("tech", {"QQQ": 0.5, "XLK": 0.3, "SMH": 0.2}),
    ],
)
def test_a_replay_is_what_really_happened(funds: dict, name: str, book: str, assets: dict) -> None:
    part = CRISES[name]
    path = joined(funds, tuple(assets))
    start = np.full(len(assets), 100.0)
    moved = replay_onto(path, part.start, part.end, start, as_of=AS_OF).close[0]
    last = moved[-1] / 100.0 - 1.0
    for k, symbol in enumerate(assets):
        first, end = funds[symbol].change(part.start, part.end)
        assert last[k] == pytest.approx(end / first - 1.0, rel=1e-9, abs=1e-12)
    weights = np.array(list(assets.values()))
    assert weights @ last == pytest.approx(
        sum(w * (b / a - 1.0) for w, (a, b) in zip(
            weights,
            (funds[s].change(part.start, part.end) for s in assets),
            strict=True,
        )),
        rel=1e-9,
    )  # fmt: skip


@pytest.mark.parametrize("name", [name for name, part in CRISES.items() if part.start.year >= 1990])
def test_the_published_change_of_the_ten_year_yield_is_that_of_the_series(rates: Series, name: str) -> None:
    part = CRISES[name]
    before, last = rates.change(part.start, part.end)
    assert part.moves[RATES] == pytest.approx((last - before) / 100.0, abs=2e-4)


@pytest.mark.parametrize("name", [name for name, part in CRISES.items() if VOLATILITY in part.moves])
def test_the_published_move_of_the_vix_is_that_of_the_exchange(vix: Series, name: str) -> None:
    part = CRISES[name]
    before, last = vix.change(part.start, part.end)
    assert part.moves[VOLATILITY] == pytest.approx(last / before - 1.0, abs=2e-3)


@pytest.fixture(scope="module")
def index(shared_folder: Path) -> Series:
    return read(shared_folder / "data/prices/index_fx_daily.csv.gz", {"^GSPC"})["^GSPC"]


@pytest.mark.parametrize("name", [name for name, part in CRISES.items() if part.start.year >= 2011])
def test_the_published_move_of_the_index_is_that_of_its_closes(index: Series, name: str) -> None:
    part = CRISES[name]
    before, last = index.change(part.start, part.end)
    assert part.moves[EQUITIES] == pytest.approx(last / before - 1.0, abs=6e-4)


@pytest.mark.parametrize(
    "name", ["oil_war_2020", "trade_war_2019", "variant_2021", "ukraine_2022", "stablecoin_2022", "gilts_2022",
             "chips_2022", "deepseek_2025", "chips_2025"],
)  # fmt: skip
def test_an_episode_named_for_an_event_ends_at_its_low(index: Series, name: str) -> None:
    part = CRISES[name]
    first, last = (int(np.searchsorted(index.days, np.datetime64(day))) for day in (part.start, part.end))
    assert (index.days[first], index.days[last]) == (np.datetime64(part.start), np.datetime64(part.end))
    assert index.values[last] == index.values[first : last + 1].min()


@pytest.mark.parametrize("name", [name for name, part in CRISES.items() if BITCOIN in part.moves])
def test_the_published_move_of_bitcoin_is_that_of_its_closes(shared_folder: Path, name: str) -> None:
    prices = read(shared_folder / "data/prices/crypto_daily.csv.gz", {BITCOIN})[BITCOIN]
    part = CRISES[name]
    before, last = prices.change(part.start, part.end)
    assert part.moves[BITCOIN] == pytest.approx(last / before - 1.0, abs=2e-3)


def test_propagated_crises_are_near_what_happened_to_a_balanced_book(funds: dict) -> None:
    """Propagate the published move of the S&P 500 by the covariance of the three years before each crisis."""
    path = joined(funds, ("SPY", "QQQ", "XLK"))
    returns = np.diff(np.log(path.close[0]), axis=0)
    gaps = []
    for name in COVERED:
        part = CRISES[name]
        first = int(np.searchsorted(path.times, np.datetime64(part.start)))
        if first < 500 or abs(part.moves[EQUITIES]) < 0.04:
            continue
        covariance = covariance_of(returns[max(first - 757, 0) : first - 1], "shrunk")
        found = condition({"SPY": part.moves[EQUITIES]}, path.assets, covariance)
        for k, symbol in ((1, "QQQ"), (2, "XLK")):
            a, b = funds[symbol].change(part.start, part.end)
            gaps.append(found.mean[k] - (b / a - 1.0))
    assert len(gaps) >= 24
    # Betas before a crisis tell most of what happens in it, not all.
    assert abs(np.mean(gaps)) < 0.05
    assert np.median(np.abs(gaps)) < 0.06
