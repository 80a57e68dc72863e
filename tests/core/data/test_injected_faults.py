"""Faults put into real prices: which are found, and how many good bars are suspected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.bootstrap import Parts
from core.adapters.vendors.samples import Samples
from core.data.bar_columns import take_columns
from core.data.samples import seed_universe
from core.ports.vendor import BarColumns
from core.settings import Settings
from core.testing.bar_faults import FAULTS, inject_faults
from core.testing.fault_run import deliver_with_faults

CUT = np.datetime64("2009-01-01")


@pytest.fixture
def parts(database_dsn: str, tmp_path: Path) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path), database_dsn)
    pipeline = made.open_ingest(mode="test", arguments={}, history_import=True)
    seed_universe(pipeline)
    pipeline.finish()
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def prices() -> BarColumns:
    """Give five stocks with open to close and volume, 2000 to 2013, as the samples have them."""
    return next(found for found in Samples().bars(None, None, None) if found.source == "bokeh_sampledata")


def test_of_seventy_five_faults_in_real_prices_all_are_found_and_few_good_bars_suspected(
    parts: Parts, prices: BarColumns
) -> None:
    result = deliver_with_faults(parts.database, parts.gaps, parts.open_ingest, prices, CUT, count=75, seed=11)
    assert sum(result.injected.values()) == 75
    assert set(result.injected) == set(FAULTS)
    assert sum(result.found.values()) >= 72, [str(entry) for entry in result.missed]
    for fault, count in result.injected.items():
        assert result.found[fault] >= count - 1, (fault, [str(entry) for entry in result.missed])
    # A stock listed within the delivery has no stored history, so that the rules on spikes rest.
    assert {entry.symbol for entry in result.missed} <= {"META"}
    # Beyond what the same bars without faults raise.
    assert sum(result.false_alarms.values()) <= 3, result.false_alarms
    assert result.good_bars > 4000


def test_what_is_put_in_is_what_is_said_to_be_put_in(prices: BarColumns) -> None:
    late = take_columns(prices, prices.session >= CUT)
    damaged, injected = inject_faults(late, 45, seed=3)
    assert len(injected) == 45
    counts = {fault: sum(entry.fault == fault for entry in injected) for fault in FAULTS}
    assert set(counts.values()) == {3}
    # One row less for a gap; one more for a duplicate or a day without trading.
    assert len(damaged) == len(late) - counts["gap"] + counts["duplicate_identical"] + 2 * 3
    places = sorted((entry.symbol, entry.session) for entry in injected)
    assert len(set(places)) == 45
    again, same = inject_faults(late, 45, seed=3)
    assert same == injected
    assert np.array_equal(again.close, damaged.close, equal_nan=True)
    with pytest.raises(ValueError, match="room"):
        inject_faults(replace(late), 5000, seed=3)
