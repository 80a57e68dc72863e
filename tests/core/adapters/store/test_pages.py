"""However a delivery is cut, shuffled or repeated, the store ends in the same state."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from core.adapters.store.database import Database
from core.adapters.store.ingest import open_pipeline
from core.data.calendar import sessions_between
from core.data.pipeline import Pipeline
from core.domain.identifiers import IdSource
from core.domain.market_records import CorporateAction, Instrument
from core.errors import InvalidInput
from core.ports.vendor import BarColumns, RecordRows

Unused = Callable[[], Instrument]
Columns = Callable[..., BarColumns]
DAYS = sessions_between("XNYS", date(2022, 1, 3), date(2022, 12, 30))


def state(database: Database, source: str) -> list[tuple[object, ...]]:
    with database.transaction() as connection:
        return connection.execute(
            "SELECT symbol, session, open, high, low, close, volume, price_basis FROM market_data.v_bars"
            " WHERE source = %s ORDER BY symbol, session",
            (source,),
        ).fetchall()


def together(blocks: list[BarColumns], source: str, rows: np.ndarray) -> BarColumns:
    """Return chosen rows of several symbols as one delivery."""
    codes = np.concatenate([np.full(len(block), place) for place, block in enumerate(blocks)]).astype(np.int32)

    def line(name: str) -> np.ndarray:
        return np.concatenate([getattr(block, name) for block in blocks])[rows]

    return BarColumns(
        source=source,
        price_basis="split_adjusted",
        symbols=tuple(block.symbols[0] for block in blocks),
        symbol_code=codes[rows],
        session=line("session"),
        open=line("open"),
        high=line("high"),
        low=line("low"),
        close=line("close"),
        volume=line("volume"),
        line=np.arange(len(rows)),
        origin="pages",
    )


@pytest.fixture(scope="module")
def delivery(unused: Unused, columns: Columns) -> list[BarColumns]:
    blocks = []
    for seed in range(3):
        generator = np.random.default_rng(seed)
        closes = np.round(40 * np.exp(np.cumsum(generator.normal(0, 0.01, 120))), 4)
        closes[[50, 90]] *= 1.6  # wrong closes that return: held
        closes[70] = -1.0
        blocks.append(columns(unused().symbol, DAYS[:120], closes))
    return blocks


@pytest.fixture(scope="module")
def straight(seeded: Database, ids: IdSource, delivery: list[BarColumns]) -> list[tuple[object, ...]]:
    run = open_pipeline(seeded, ids, mode="test", arguments={})
    counts = run.store_bars(together(delivery, "straight", np.arange(360)))
    run.finish()
    assert counts.new + counts.quarantined + counts.rejected == 360
    assert counts.reasons == {"spike_unexplained": 6, "nonpositive_price": 3}
    found = state(seeded, "straight")
    assert len(found) == counts.new == 351
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_shuffled_delivery_stores_the_same(
    seeded: Database, pipeline: Pipeline, delivery: list[BarColumns], straight: list[tuple[object, ...]], seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(360)
    pipeline.store_bars(together(delivery, f"shuffled {seed}", order))
    pipeline.finish()
    assert state(seeded, f"shuffled {seed}") == straight


def test_a_repeated_delivery_stores_the_same_and_counts_what_it_found(
    seeded: Database, pipeline: Pipeline, delivery: list[BarColumns], straight: list[tuple[object, ...]]
) -> None:
    twice = np.concatenate((np.arange(360), np.arange(360)))
    first = pipeline.store_bars(together(delivery, "repeated", twice))
    again = pipeline.store_bars(together(delivery, "repeated", np.arange(360)))
    pipeline.finish()
    assert state(seeded, "repeated") == straight
    assert (first.new, again.new, again.changed) == (351, 0, 0)
    assert again.same == 351


@pytest.mark.parametrize("seed", range(3))
def test_pages_with_overlaps_store_the_same(
    seeded: Database, pipeline: Pipeline, delivery: list[BarColumns], straight: list[tuple[object, ...]], seed: int
) -> None:
    """Pages as a vendor cuts them: by time, a few rows of the page before repeated, wrong closes inside a page."""
    generator = random.Random(seed)
    source = f"pages {seed}"
    days = np.tile(np.arange(120), 3)
    first = 0
    while first < 120:
        last = min(first + generator.randint(25, 45), 120)
        last = 120 if 120 - last < 10 else last + 8 * (last in range(47, 53)) + 8 * (last in range(87, 93))
        pipeline.store_bars(together(delivery, source, np.flatnonzero((days >= max(first - 5, 0)) & (days < last))))
        first = last
    pipeline.finish()
    assert state(seeded, source) == straight


def test_several_symbols_at_once_are_each_judged_alone(
    seeded: Database, pipeline: Pipeline, delivery: list[BarColumns], straight: list[tuple[object, ...]]
) -> None:
    for place in range(3):
        rows = np.arange(place * 120, (place + 1) * 120)
        pipeline.store_bars(together(delivery, "one by one", rows))
    pipeline.finish()
    assert state(seeded, "one by one") == straight


def test_what_is_held_is_held_once_with_its_line(seeded: Database, straight: list[tuple[object, ...]]) -> None:
    assert straight
    with seeded.transaction() as connection:
        held = connection.execute(
            "SELECT reason, count(*), count(DISTINCT row_digest), min(verdict) FROM ops.quarantine"
            " WHERE source = 'repeated' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert held == [("nonpositive_price", 3, 3, "reject"), ("spike_unexplained", 6, 6, "quarantine")]


# Records of other kinds -------------------------------------------------------------------------------------------


def action(instrument: Instrument, day: str, ratio: float | None, source: str = "merge") -> tuple[object, ...]:
    values = dict.fromkeys(CorporateAction.model_fields)
    known = f"{day}T00:00:00+00:00"
    values |= {
        "instrument_id": instrument.instrument_id,
        "action": "split",
        "ex_date": day,
        "source": source,
        "ratio": ratio,
        "known_at": known,
    }
    return tuple(values.values())


def test_rows_are_new_then_the_same_then_changed(pipeline: Pipeline, unused: Unused) -> None:
    one, other = unused(), unused()
    rows = [action(one, "2020-01-02", 2.0), action(other, "2020-01-02", 3.0)]

    def merge(rows: list[tuple[object, ...]]) -> tuple[int, int, int]:
        counts = pipeline.store_records(RecordRows(record=CorporateAction, source="merge", rows=rows))
        return counts.new, counts.changed, counts.same

    assert merge(rows) == (2, 0, 0)
    assert merge(rows) == (0, 0, 2)
    assert merge([rows[0], action(other, "2020-01-02", 4.0)]) == (0, 1, 1)
    # Of two rows with one key the last counts.
    assert merge([action(one, "2020-02-03", 2.0), action(one, "2020-02-03", 5.0)]) == (1, 0, 1)
    assert merge([]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("field", "value"), [("known_at", None), ("ratio", "two"), ("ex_date", "2020-13-01"), ("action", "gift")]
)
def test_a_row_that_does_not_fit_stores_nothing_of_its_batch(
    seeded: Database, pipeline: Pipeline, unused: Unused, field: str, value: object
) -> None:
    one = unused()
    bad = list(action(one, "2020-03-03", 2.0))
    bad[list(CorporateAction.model_fields).index(field)] = value
    rows = RecordRows(record=CorporateAction, source="x", rows=[action(one, "2020-03-04", 2.0), tuple(bad)])
    with pytest.raises(InvalidInput, match="corporate_action rows of x do not fit") as caught:
        pipeline.store_records(rows)
    assert "Nothing of them was stored" in (caught.value.hint or "")
    with seeded.transaction() as connection:
        found = connection.execute(
            "SELECT count(*) FROM market_data.corporate_actions WHERE instrument_id = %s", (one.instrument_id,)
        ).fetchone()
    assert found == (0,)
