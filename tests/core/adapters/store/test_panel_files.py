"""Panels kept in files are the panels of the store, and never those of a version that is past."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.adapters.store.bars import PostgresBars
from core.adapters.store.database import Database
from core.adapters.store.panel_files import PanelFiles
from core.data.calendar import sessions_between
from core.data.pipeline import Pipeline
from core.domain.as_of import AsOf
from core.domain.market_records import CorporateAction, Instrument
from core.domain.panel import Panel
from core.ports.vendor import BarColumns, RecordRows

Columns = Callable[..., BarColumns]
DAYS = sessions_between("XNYS", date(2023, 1, 3), date(2023, 12, 29))
LATER = AsOf(known=datetime(2025, 1, 2, tzinfo=UTC))
GRIDS = ("close", "open", "high", "low", "volume")


def walk() -> np.ndarray:
    return np.round(50.0 * np.exp(np.cumsum(np.random.default_rng(9).normal(0, 0.01, len(DAYS)))), 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "panels"


@pytest.fixture
def kept(seeded: Database, folder: Path) -> PostgresBars:
    """Give bars that keep every panel, however small."""
    return PostgresBars(seeded, PanelFiles(folder, least_cells=1))


@pytest.fixture
def two(pipeline: Pipeline, columns: Columns, unused: Callable[[], Instrument]) -> tuple[Instrument, Instrument]:
    one, other = unused(), unused()
    closes = walk()
    pipeline.store_bars(columns(one.symbol, DAYS, closes))
    pipeline.store_bars(columns(other.symbol, DAYS[5:90], closes[5:90] * 2.0))
    pipeline.finish()
    return one, other


@pytest.fixture
def hidden(seeded: Database) -> Iterator[Callable[[], None]]:
    """Take the table of bars away for a while: whoever reads it fails."""

    def rename(old: str, new: str) -> None:
        with seeded.transaction() as connection:
            connection.execute(f"ALTER TABLE market_data.{old} RENAME TO {new}".encode())

    taken: list[bool] = []

    def hide() -> None:
        rename("bars_daily", "out_of_reach")
        taken.append(True)

    yield hide
    if taken:
        rename("out_of_reach", "bars_daily")


def same(one: Panel, other: Panel) -> bool:
    """Compare bit by bit, NaN by its bits."""
    for name in GRIDS:
        left, right = getattr(one, name), getattr(other, name)
        if (left is None) != (right is None) or (left is not None and left.tobytes() != right.tobytes()):
            return False
    rest = ("symbols", "series", "as_of", "sql")
    return np.array_equal(one.sessions, other.sessions) and all(
        getattr(one, name) == getattr(other, name) for name in rest
    )


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*"))


def test_the_second_read_is_the_first_and_asks_for_no_bar(
    seeded: Database, kept: PostgresBars, folder: Path, two: tuple[Instrument, Instrument], hidden: Callable[[], None]
) -> None:
    numbers = [entry.instrument_id for entry in two]
    plain = PostgresBars(seeded).panel(numbers, purpose="price", as_of=LATER)
    assert same(kept.panel(numbers, purpose="price", as_of=LATER), plain)
    (file,) = files(folder)
    assert file.stat().st_mode & 0o077 == 0
    hidden()
    again = kept.panel(numbers, purpose="price", as_of=LATER)
    assert same(again, plain)
    assert again.sessions.dtype == plain.sessions.dtype


def test_what_a_caller_does_to_a_panel_changes_no_other(kept: PostgresBars, two: tuple[Instrument, Instrument]) -> None:
    number = two[0].instrument_id
    first = kept.panel([number], purpose="price", as_of=LATER)
    expected = first.close.copy()
    first.close[:] = -1.0
    second = kept.panel([number], purpose="price", as_of=LATER)
    assert np.array_equal(second.close, expected)
    second.close[:] = -2.0
    assert np.array_equal(kept.panel([number], purpose="price", as_of=LATER).close, expected)


def test_every_question_has_its_own_answer(
    seeded: Database, kept: PostgresBars, folder: Path, two: tuple[Instrument, Instrument]
) -> None:
    one, other = (entry.instrument_id for entry in two)
    plain = PostgresBars(seeded)
    moments = [AsOf(known=datetime(2023, month, 2, 22, tzinfo=UTC)) for month in (3, 9)]
    questions: list[tuple[str, list[int], dict[str, Any]]] = [
        ("panel", [one, other], {"purpose": "price", "as_of": LATER}),
        ("panel", [other, one], {"purpose": "price", "as_of": LATER}),
        ("panel", [one], {"purpose": "price", "as_of": LATER}),
        ("panel", [one], {"purpose": "return", "as_of": LATER, "needs": "volume"}),
        ("panel", [one], {"purpose": "price", "as_of": LATER, "start": DAYS[3].item()}),
        ("panel", [one], {"purpose": "price", "as_of": LATER, "end": DAYS[30].item()}),
        ("bars", [one], {"adjust": "none", "as_of": LATER}),
        ("bars", [one], {"adjust": "splits", "as_of": LATER}),
        *(("panel", [one], {"purpose": "price", "as_of": moment}) for moment in moments),
        (
            "panel",
            [one],
            {"purpose": "price", "as_of": AsOf(known=LATER.known, recorded=datetime(2100, 1, 1, tzinfo=UTC))},
        ),
    ]
    for _ in range(2):
        for name, numbers, asked in questions:
            assert same(getattr(kept, name)(numbers, **asked), getattr(plain, name)(numbers, **asked)), asked
    assert len(files(folder)) == len(questions)


def correct(pipeline: Pipeline, columns: Columns, one: Instrument, other: Instrument) -> None:
    pipeline.store_bars(columns(one.symbol, DAYS[10:11], walk()[10:11] + 0.01))


def add_a_day(pipeline: Pipeline, columns: Columns, one: Instrument, other: Instrument) -> None:
    pipeline.store_bars(columns(other.symbol, DAYS[90:91], [100.0]))


def add_a_source(pipeline: Pipeline, columns: Columns, one: Instrument, other: Instrument) -> None:
    more = sessions_between("XNYS", date(2021, 1, 4), date(2023, 12, 29))
    pipeline.store_bars(columns(other.symbol, more, np.linspace(90.0, 110.0, len(more)), source="better"))


def add_a_split(pipeline: Pipeline, columns: Columns, one: Instrument, other: Instrument) -> None:
    values: dict[str, Any] = dict.fromkeys(CorporateAction.model_fields)
    values |= {"instrument_id": one.instrument_id, "action": "split", "ex_date": DAYS[100].item(), "source": "vendor"}
    values |= {"ratio": 2.0, "known_at": datetime(2023, 6, 1, tzinfo=UTC)}
    row = tuple(values[name] for name in CorporateAction.model_fields)
    pipeline.store_records(RecordRows(record=CorporateAction, source="vendor", rows=[row]))


@pytest.mark.parametrize("change", [correct, add_a_day, add_a_source, add_a_split])
def test_after_a_write_nobody_reads_what_was_kept_before(
    seeded: Database,
    kept: PostgresBars,
    folder: Path,
    pipeline: Pipeline,
    columns: Columns,
    two: tuple[Instrument, Instrument],
    change: Callable[..., None],
) -> None:
    numbers = [entry.instrument_id for entry in two]
    future = AsOf(known=datetime(2100, 1, 1, tzinfo=UTC))
    before = kept.panel(numbers, purpose="price", as_of=future)
    change(pipeline, columns, *two)
    pipeline.finish()
    after = kept.panel(numbers, purpose="price", as_of=future)
    assert not same(before, after)
    assert same(after, PostgresBars(seeded).panel(numbers, purpose="price", as_of=future))
    assert len(files(folder)) == 1, "what belongs to a past version is removed"


@pytest.mark.parametrize("damage", ["empty", "cut", "other bytes", "a folder"])
def test_a_damaged_file_costs_only_itself(
    seeded: Database, kept: PostgresBars, folder: Path, two: tuple[Instrument, Instrument], damage: str
) -> None:
    number = two[0].instrument_id
    plain = PostgresBars(seeded).panel([number], purpose="price", as_of=LATER)
    kept.panel([number], purpose="price", as_of=LATER)
    (file,) = files(folder)
    content = file.read_bytes()
    file.unlink()
    if damage == "a folder":
        folder.joinpath("7-7").mkdir()
    else:
        file.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "other bytes": b"\x00" * 500}[damage])
    assert same(kept.panel([number], purpose="price", as_of=LATER), plain)
    assert files(folder) == [file]
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_written_costs_no_answer(
    seeded: Database, two: tuple[Instrument, Instrument], tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    bars = PostgresBars(seeded, PanelFiles(blocked / "panels", least_cells=1))
    for _ in range(2):
        panel = bars.panel([two[0].instrument_id], purpose="price", as_of=LATER)
        assert len(panel.sessions) == len(DAYS)


def test_small_panels_are_not_kept_and_the_folder_does_not_grow_for_ever(
    seeded: Database, two: tuple[Instrument, Instrument], folder: Path
) -> None:
    number = two[0].instrument_id
    PostgresBars(seeded, PanelFiles(folder)).panel([number], purpose="price", as_of=LATER)
    assert not folder.exists()
    small = PostgresBars(seeded, PanelFiles(folder, least_cells=1, most_bytes=1))
    for end in DAYS[20:24]:
        small.panel([number], purpose="price", as_of=LATER, end=end.item())
        assert len(files(folder)) <= 2


def test_a_panel_is_kept_whole(tmp_path: Path, kept: PostgresBars, two: tuple[Instrument, Instrument]) -> None:
    panel = kept.panel([two[0].instrument_id], purpose="price", as_of=LATER)
    store = PanelFiles(tmp_path / "own", least_cells=1)
    for variant in (panel, dataclasses.replace(panel, open=None, high=None, low=None, volume=None, sql="")):
        store.keep(tmp_path / "own" / "1-1" / "x.panel", variant)
        found = store.load(tmp_path / "own" / "1-1" / "x.panel")
        assert found is not None and same(found, variant)
    assert store.load(tmp_path / "own" / "1-1" / "absent.panel") is None
