"""What the tool says is stored is what is stored."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from app.bootstrap import build_desk
from core.adapters.store.clock import WallClock
from core.adapters.store.database import Database
from core.adapters.store.ingest import import_files
from core.domain.facts import ToolResult
from core.domain.identifiers import Uuid7Source
from core.domain.principal import Principal
from core.errors import UnknownName
from core.settings import Settings
from tools.runner import run_tool

ANN = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read"}))

Ask = Callable[..., ToolResult]


def test_the_overview_counts_the_visible_bars(ask: Ask, sample_dsn: str) -> None:
    result = ask("data_coverage")
    with psycopg.connect(sample_dsn) as connection:
        row = connection.execute("SELECT count(*), max(session) FROM market_data.v_bars").fetchone()
    assert row is not None
    assert result.fact("daily bars").value == row[0]
    assert result.fact("newest session").value == row[1].isoformat() == "2022-11-29"
    assert result.label == "public"


def test_the_overview_names_every_dataset_and_its_share_by_year(ask: Ask) -> None:
    result = ask("data_coverage")
    names = {row[0] for row in result.tables[0].rows}
    assert {"prices of stocks", "prices of funds", "prices of indices", "macro series", "corporate actions"} <= names
    heat = result.charts[0]
    assert {series.name for series in heat.series} == {"equity", "etf", "index"}
    assert all(value is None or 0.99 < value <= 1 for series in heat.series for value in series.y)


def test_a_symbol_shows_its_sources_with_the_answering_one_first(ask: Ask) -> None:
    result = ask("data_coverage", symbols=["apple", "btc"])
    rows = [row for row in result.tables[0].rows if row[0] == "AAPL"]
    assert [row[1] for row in rows] == ["skfolio", "bokeh_sampledata"]
    assert result.fact("AAPL first session").value == "1990-01-02"
    assert result.fact("AAPL sessions behind").value == 0
    assert any("BTC-USD" in note and "no prices" in note for note in result.notes)


def test_the_overview_says_of_each_source_when_it_last_had_something_new(ask: Ask) -> None:
    result = ask("data_coverage")
    (table,) = [table for table in result.tables if table.name == "freshness"]
    bars = {row[1]: row for row in table.rows if row[0] == "bars of stocks"}
    # The desk replays the close of 2022-11-29: a source that ends there is fresh, one that ended years ago is late.
    assert {row[5] for row in bars.values()} <= {"late", "fresh"}
    fresh = [row for row in bars.values() if row[2] == "2022-11-29"]
    assert fresh and {row[5] for row in fresh} == {"fresh"}
    assert all(row[5] == "late" for row in bars.values() if row[2] is not None and str(row[2]) < "2022-11-01")
    late = [row[5] == "late" for row in table.rows]
    assert late == sorted(late, reverse=True)
    assert result.fact("late sources").value == sum(late)


def test_an_unknown_symbol_is_refused_with_offers(ask: Ask) -> None:
    with pytest.raises(UnknownName, match="AAPL"):
        ask("data_coverage", symbols=["AAPPL"])


@pytest.mark.shared
def test_volume_is_answered_by_a_source_that_has_it(database_dsn: str, shared_folder: Path, tmp_path: Path) -> None:
    """Adjusted closes reach months further than the prices with volume; a question on volume needs the latter."""
    prices = shared_folder / "data" / "prices"
    files = [prices / "growth_ohlcv_to_2025-12.csv.gz", prices / "growth_thematic_adjclose_only.csv.gz"]
    desk = build_desk(Settings(home=tmp_path), database_dsn)
    database = Database(database_dsn)
    import_files(database, Uuid7Source(WallClock(), random.Random(5)), "bars", files)
    database.close()
    with gzip.open(files[0], "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["symbol"] == "COIN"]
    largest = max(rows, key=lambda row: float(row["volume"]))
    arguments = {"metric": "volume", "symbols": ["COIN"], "aggregation": "maximum"}
    result = run_tool(desk, "query_metric", arguments, principal=ANN, face="test")
    assert result.fact("COIN highest volume").value == float(largest["volume"])
    assert result.fact("COIN date of the highest volume").value == largest["date"]
    newest = run_tool(desk, "query_metric", {"metric": "close", "symbols": ["COIN"]}, principal=ANN, face="test")
    with gzip.open(files[1], "rt") as file:
        last = max(row["date"] for row in csv.DictReader(file) if row["symbol"] == "COIN")
    assert newest.fact("COIN session").value == max(last, rows[-1]["date"])
