"""How far sources differ, against differences that were put in by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.bootstrap import Parts
from core.data.calendar import sessions_between
from core.data.comparison import SourceDifference
from core.data.samples import seed_universe
from core.domain.as_of import AsOf
from core.domain.market_records import CorporateAction
from core.domain.principal import Principal
from core.ports.vendor import BarColumns, RecordRows
from core.settings import Settings
from tools.runner import run_tool

DAYS = sessions_between("XNYS", date(2020, 1, 2), date(2020, 6, 30))
NOW = AsOf(known=datetime(2024, 1, 1, tzinfo=UTC))
ANN = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read"}))
LEVEL = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, len(DAYS))))


@pytest.fixture
def parts(database_dsn: str, tmp_path: Path) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path), database_dsn)
    pipeline = made.open_ingest(mode="test", arguments={}, history_import=True)
    seed_universe(pipeline)
    pipeline.finish()
    yield made
    made.database.close()


def store(
    parts: Parts, source: str, closes: np.ndarray, *, basis: Any = "split_adjusted", symbol: str = "AAPL"
) -> None:
    count = len(closes)
    columns = BarColumns(
        source=source, price_basis=basis, symbols=(symbol,), symbol_code=np.zeros(count, dtype=np.int32),
        session=DAYS[:count], open=closes, high=closes, low=closes, close=closes,
        volume=np.arange(1.0, count + 1), line=np.arange(count, dtype=np.int64),
    )  # fmt: skip
    pipeline = parts.open_ingest(mode="test", arguments={}, history_import=True)
    counts = pipeline.store_bars(columns)
    pipeline.finish()
    assert counts.new == count, counts


def compare(parts: Parts, *symbols: str) -> list[SourceDifference]:
    ids = [parts.desk.instruments.find(symbol).instrument_id for symbol in symbols]
    return list(parts.desk.comparison.compare(ids or None, as_of=NOW))


def test_equal_sources_do_not_differ(parts: Parts) -> None:
    store(parts, "one", LEVEL)
    store(parts, "two", LEVEL)
    (pair,) = compare(parts)
    assert (pair.one, pair.other, pair.measure) == ("one", "two", "level")
    assert (pair.instruments, pair.bars) == (1, len(DAYS))
    assert (pair.above_small, pair.above_large, pair.median, pair.worst) == (0, 0, 0.0, 0.0)


def test_differences_are_counted_by_size_and_the_largest_is_named(parts: Parts) -> None:
    other = LEVEL.copy()
    other[10] *= 1.002
    other[20] *= 1.03
    other[30] *= 0.95
    store(parts, "one", LEVEL)
    store(parts, "two", other)
    (pair,) = compare(parts)
    assert (pair.above_small, pair.above_large) == (3, 2)
    assert pair.worst == pytest.approx(abs(np.log(0.95)))
    assert (pair.worst_symbol, pair.worst_session) == ("AAPL", DAYS[30].item())
    assert pair.median == 0.0
    # 123 sessions: the 99th percentile is the second largest difference.
    assert pair.p99 == pytest.approx(np.log(1.03))


def test_only_common_days_and_instruments_are_compared(parts: Parts) -> None:
    store(parts, "one", LEVEL)
    store(parts, "two", LEVEL[:40])
    store(parts, "two", LEVEL, symbol="MSFT")
    (pair,) = compare(parts)
    assert (pair.instruments, pair.bars) == (1, 40)
    assert compare(parts, "MSFT") == []
    assert len(compare(parts, "AAPL")) == 1


def test_sources_on_different_bases_are_compared_by_returns_without_days_of_actions(parts: Parts) -> None:
    raw = LEVEL.copy()
    raw[:60] *= 4  # a split of four for one before the 61st session
    split = CorporateAction(
        instrument_id=2001, action="split", ex_date=DAYS[60].item(), source="by hand", ratio=4.0, amount=None,
        currency=None, amount_basis=None, known_at=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    pipeline = parts.open_ingest(mode="test", arguments={}, history_import=True)
    row = tuple(getattr(split, name) for name in CorporateAction.model_fields)
    pipeline.store_records(RecordRows(record=CorporateAction, source="by hand", rows=[row]))
    pipeline.finish()
    store(parts, "adjusted", LEVEL)
    store(parts, "raw", raw, basis="raw")
    (pair,) = compare(parts)
    assert pair.measure == "return"
    assert pair.above_small == 0
    # The first bar has no return, and the day of the split is left out (the day after it is its neighbour).
    assert len(DAYS) - 4 <= pair.bars <= len(DAYS) - 2


def test_what_was_not_known_yet_is_not_compared(parts: Parts) -> None:
    store(parts, "one", LEVEL)
    store(parts, "two", LEVEL * 1.5)
    then = AsOf(known=datetime(2020, 3, 1, tzinfo=UTC))
    (pair,) = parts.desk.comparison.compare(None, as_of=then)
    assert pair.bars == (np.datetime64("2020-02-29") > DAYS).sum()


def test_pairs_that_differ_most_come_first(parts: Parts) -> None:
    store(parts, "one", LEVEL)
    store(parts, "near", LEVEL * 1.0001)
    store(parts, "far", LEVEL * 1.2)
    pairs = compare(parts)
    assert [(pair.one, pair.other) for pair in pairs][-1] == ("near", "one")
    assert [pair.above_large for pair in pairs] == [len(DAYS), len(DAYS), 0]


def test_the_tool_states_the_comparison_as_facts_and_a_table(parts: Parts) -> None:
    store(parts, "one", LEVEL)
    store(parts, "two", LEVEL * np.where(np.arange(len(DAYS)) < 3, 1.02, 1.0))
    result = run_tool(parts.desk, "data_coverage", {"compare": True}, principal=ANN, face="test")
    assert result.fact("pairs of sources compared").value == 1
    assert result.fact("bars that two sources state").value == len(DAYS)
    assert result.fact("bars that differ by more than 1 %").value == 3
    assert result.fact("share of bars that differ by more than 1 %").value == pytest.approx(3 / len(DAYS))
    (table,) = result.tables
    names = [column.name for column in table.columns]
    # Three days differ by the same share, but for the last digit.
    assert dict(zip(names, table.rows[0], strict=True))["where"] in {f"AAPL {day}" for day in DAYS[:3]}
    one = run_tool(parts.desk, "data_coverage", {"compare": True, "symbols": ["MSFT"]}, principal=ANN, face="test")
    assert one.fact("pairs of sources compared").value == 0
    assert one.notes


def test_the_overview_shows_missing_periods_of_macro_series_and_what_explains_them(parts: Parts) -> None:
    from core.domain.market_records import MacroObservation

    months = [date(2025, month, 1) for month in (7, 8, 9, 11, 12)]
    rows = [
        MacroObservation(
            series_id=series, period=period, source="fred", vintage="2026-02", value=1.0,
            known_at=datetime(2026, 2, 1, tzinfo=UTC), known_at_method="vintage",
        )
        for series in ("CPIAUCSL", "PAYEMS") for period in months
    ]  # fmt: skip
    pipeline = parts.open_ingest(mode="test", arguments={}, history_import=True)
    values = [tuple(getattr(row, name) for name in MacroObservation.model_fields) for row in rows]
    pipeline.store_records(RecordRows(record=MacroObservation, source="fred", rows=values))
    pipeline.finish()
    later = AsOf(known=datetime(2026, 3, 1, tzinfo=UTC))
    found = {entry.series_id: (entry.period, entry.reason) for entry in parts.desk.coverage.macro_gaps(as_of=later)}
    # No consumer prices were ever published for October 2025; payrolls were.
    assert found == {
        "CPIAUCSL": (date(2025, 10, 1), "never_published"),
        "PAYEMS": (date(2025, 10, 1), "not_delivered"),
    }
    assert parts.desk.coverage.macro_gaps(as_of=AsOf(known=datetime(2026, 1, 1, tzinfo=UTC))) == []
    result = run_tool(parts.desk, "data_coverage", {}, principal=ANN, face="test", as_of=later)
    assert result.fact("missing macro periods still open").value == 1
    assert any(table.name == "macro_gaps" for table in result.tables)


def test_the_overview_shows_the_ledger_of_missing_sessions(parts: Parts) -> None:
    from core.data.bar_columns import take_columns

    store(parts, "one", LEVEL)
    assert take_columns is not None
    start, end = DAYS[0].item(), DAYS[-1].item()
    with parts.database.transaction() as connection:
        connection.execute("DELETE FROM market_data.bars_daily WHERE session = %s", (DAYS[50].item(),))
    parts.gaps.look({"one": ((start, date(2020, 2, 1)),)}, start, end)
    (count,) = parts.desk.coverage.gap_counts()
    assert (count.source, count.state, count.reason, count.gaps) == ("one", "open", "not_delivered", 1)
    result = run_tool(parts.desk, "data_coverage", {}, principal=ANN, face="test", as_of=NOW)
    assert result.fact("missing sessions still open").value == 1
    ledger = next(table for table in result.tables if table.name == "gap_ledger")
    assert ledger.rows == (("bars", "one", "open", "not delivered", 1),)
