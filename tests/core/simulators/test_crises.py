"""The dates of the named crises against the S&P 500 closes that ship with arch (1999 to 2018)."""

from datetime import UTC, datetime

import arch.data.sp500
import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.simulators.crises import CRISES
from core.simulators.historical import replay_onto

# Named after an event inside a longer fall: their first session is the event's.
EVENTS = {"september_2001", "financial_2008", "oil_2014", "japan_2011"}


def index():
    frame = arch.data.sp500.load()
    return frame.index.to_numpy().astype("datetime64[D]"), frame["Close"].to_numpy()


COVERED = [
    name
    for name, entry in CRISES.items()
    if entry.start.isoformat() >= "1999-02-01"
    and entry.end.isoformat() < "2018-12-31"
    and not name.startswith("crypto")
]


@pytest.mark.parametrize("name", COVERED)
def test_a_crisis_runs_from_the_session_after_a_peak_to_the_low(name):
    times, close = index()
    entry = CRISES[name]
    first = int(np.searchsorted(times, np.datetime64(entry.start)))
    last = int(np.searchsorted(times, np.datetime64(entry.end)))
    assert (times[first], times[last]) == (np.datetime64(entry.start), np.datetime64(entry.end))
    assert close[last] == close[first : last + 1].min()
    if name not in EVENTS:
        assert close[first - 1] == close[first - 1 : last + 1].max()


@pytest.mark.parametrize("name", COVERED)
def test_the_published_move_of_the_index_is_that_of_its_closes(name):
    times, close = index()
    entry = CRISES[name]
    before = int(np.searchsorted(times, np.datetime64(entry.start))) - 1
    last = int(np.searchsorted(times, np.datetime64(entry.end)))
    assert entry.moves["^GSPC"] == pytest.approx(close[last] / close[before] - 1.0, abs=6e-4)


def test_black_monday_is_that_of_the_record():
    # S&P 500 closes of record: 314.52 on 1987-10-13 and 224.84 on 1987-10-19.
    assert CRISES["crash_1987"].moves["^GSPC"] == pytest.approx(224.84 / 314.52 - 1.0, abs=6e-4)


def test_the_covid_crash_is_that_of_the_record():
    # S&P 500 closes of record: 3,386.15 on 2020-02-19 and 2,237.40 on 2020-03-23; VIX 14.38 and 61.59.
    assert CRISES["covid_2020"].moves["^GSPC"] == pytest.approx(2237.40 / 3386.15 - 1.0, abs=6e-4)
    assert CRISES["covid_2020"].moves["^VIX"] == pytest.approx(61.59 / 14.38 - 1.0, abs=6e-4)


def test_there_are_more_than_twenty_crises_and_the_named_ones_are_among_them():
    assert len(CRISES) >= 25
    wanted = ("1987", "1998", "2000", "2008", "2010", "2011", "2013", "2015", "2018", "2020", "2022", "2023")
    assert all(any(year in name for name in CRISES) for year in wanted)
    assert {"crypto_2018", "crypto_2022"} <= set(CRISES)
    assert all(part.start < part.end or part.start == part.end for part in CRISES.values())


def test_the_financial_crisis_cost_what_it_is_known_to_have_cost():
    # S&P 500 closes of record: 1,565.15 on 2007-10-09 and 676.53 on 2009-03-09, a loss of 56.8 %.
    times, close = index()
    path = MarketPath(
        close=close[None, :, None],
        times=times,
        assets=("SPX",),
        as_of=datetime(2018, 12, 31, tzinfo=UTC),
        source="arch",
    )
    entry = CRISES["financial_2007_2009"]
    moved = replay_onto(path, entry.start, entry.end, np.array([100.0]), as_of=path.as_of)
    assert moved.close[0, -1, 0] / 100.0 - 1.0 == pytest.approx(676.53 / 1565.15 - 1.0, abs=1e-6)


def test_most_of_the_table_is_checked_here():
    assert len(COVERED) >= 9
