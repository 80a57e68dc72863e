"""What reads touch: an as-of read of a few instruments opens its years only, by index, and nothing is read whole."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import psycopg
import pytest

from app.bootstrap import Parts
from core.adapters.store.bars import _panel_statement, _ranked_series
from core.adapters.store.database import Database
from core.adapters.store.series_index import _DAYS
from core.data.calendar import sessions_between
from core.data.canonical import choose_series
from core.domain.as_of import AsOf
from core.ports.vendor import BarColumns
from core.settings import Settings

AS_OF = AsOf(known=datetime(2025, 1, 1, tzinfo=UTC))
SESSIONS = sessions_between("XNYS", date(2019, 1, 2), date(2022, 12, 30))
INSTRUMENTS = range(1, 41)
BIG = re.compile(r"bars_daily")
Plan = dict[str, Any]


def made_bars() -> BarColumns:
    count = len(INSTRUMENTS) * len(SESSIONS)
    steps = np.random.default_rng(3).normal(0.0, 0.01, (len(INSTRUMENTS), len(SESSIONS)))
    close = 100.0 * np.exp(np.cumsum(steps, axis=1)).ravel()
    return BarColumns(
        source="made",
        price_basis="split_adjusted",
        symbols=tuple(f"M{number:02d}" for number in INSTRUMENTS),
        symbol_code=np.repeat(np.arange(len(INSTRUMENTS), dtype=np.int32), len(SESSIONS)),
        session=np.tile(SESSIONS, len(INSTRUMENTS)),
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=np.full(count, 1e6),
        line=np.arange(count, dtype=np.int64),
    )


@pytest.fixture(scope="module")
def database(postgres_dsn: str, template_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give forty instruments of four years, 40,000 bars, with the statistics that a run leaves."""
    name = "qd_plans"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "qd_template"'.encode())
    dsn = urlunsplit(urlsplit(postgres_dsn)._replace(path=f"/{name}"))
    parts = Parts(Settings(home=tmp_path_factory.mktemp("plans")), dsn)
    with parts.database.transaction() as connection:
        for number in INSTRUMENTS:
            connection.execute(
                "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency,"
                " source, known_at) VALUES (%s, %s, 'Made', 'equity', 'XNYS', 'USD', 'made', '2000-01-01Z')",
                (number, f"M{number:02d}"),
            )
    pipeline = parts.open_ingest(mode="test", arguments={}, history_import=True)
    counts = pipeline.store_bars(made_bars())
    assert counts.new == len(INSTRUMENTS) * len(SESSIONS)
    pipeline.finish()
    yield parts.database
    parts.database.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def explain(database: Database, statement: str, parameters: Any, as_of: AsOf | None = AS_OF) -> list[Plan]:
    """Return every node of the plan of a statement that was run."""
    with database.transaction(as_of) as connection:
        row = connection.execute(
            f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}".encode(), parameters
        ).fetchone()
    assert row is not None
    return list(nodes(row[0][0]["Plan"]))


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    yield from itertools.chain.from_iterable(nodes(part) for part in plan.get("Plans", ()))


def bars_read(plan: list[Plan]) -> list[Plan]:
    """Return the scans of bars that were run; a partition that the executor left out was not."""
    return [
        node
        for node in plan
        if BIG.search(node.get("Relation Name", "")) and "Scan" in node["Node Type"] and node["Actual Loops"]
    ]


def panel_statement(database: Database, ids: list[int], start: date, end: date) -> tuple[str, dict[str, Any]]:
    with database.transaction(AS_OF) as connection:
        ranked = _ranked_series(connection, ids, "price")
    chosen = [choose_series(ranked[number], "price", start, end, needs="close") for number in ids]
    return _panel_statement([series for series in chosen if series is not None], AS_OF, start, end)


def test_a_panel_of_two_instruments_and_one_year_reads_that_partition_by_its_index(database: Database) -> None:
    plan = explain(database, *panel_statement(database, [3, 7], date(2021, 2, 1), date(2021, 12, 31)))
    read = bars_read(plan)
    assert {node["Relation Name"] for node in read} <= {"bars_daily_2021", "bars_daily_history"}
    stored = [node for node in read if node["Relation Name"] == "bars_daily_2021"]
    assert stored and all("Index" in node["Node Type"] or "Bitmap" in node["Node Type"] for node in stored)
    expected = 2 * len(sessions_between("XNYS", date(2021, 2, 1), date(2021, 12, 31)))
    touched = sum(node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0) for node in stored)
    assert expected <= touched <= expected + 2 * 25, "no more rows are touched than the window has (and its January)"


def test_a_window_over_a_new_year_opens_two_partitions_and_no_other(database: Database) -> None:
    plan = explain(database, *panel_statement(database, [5], date(2020, 12, 1), date(2021, 1, 29)))
    names = {node["Relation Name"] for node in bars_read(plan)} - {"bars_daily_history"}
    assert names == {"bars_daily_2020", "bars_daily_2021"}
    assert not [node for node in bars_read(plan) if node["Node Type"] == "Seq Scan"
                and node["Relation Name"] != "bars_daily_history"]  # fmt: skip


def test_free_sql_on_the_views_cut_at_a_time_opens_its_year_by_index(database: Database) -> None:
    statement = (
        "SELECT session, close FROM market_data.v_bars WHERE instrument_id = 9"
        " AND session BETWEEN '2022-03-01' AND '2022-03-31'"
    )
    read = bars_read(explain(database, statement, ()))
    assert {node["Relation Name"] for node in read} <= {"bars_daily_2022", "bars_daily_history"}
    assert not [node for node in read if node["Node Type"] == "Seq Scan"
                and node["Relation Name"] != "bars_daily_history"]  # fmt: skip
    assert sum(node["Actual Rows"] for node in read) == len(
        sessions_between("XNYS", date(2022, 3, 1), date(2022, 3, 31))
    )


def test_which_sessions_are_stored_is_answered_without_a_bar(database: Database) -> None:
    told = {"known": AS_OF.known, "recorded": None, "ids": [1, 2, 3]}
    plan = explain(database, _DAYS, told)
    assert bars_read(plan) == []
    assert sum(node["Actual Rows"] for node in plan if node.get("Relation Name") == "series_years") == 3 * 4


def test_the_plan_of_a_whole_panel_reads_each_row_once(database: Database) -> None:
    # Everything that is wanted may be read through; what is not wanted is not.
    plan = explain(database, *panel_statement(database, list(INSTRUMENTS), date(2022, 1, 1), date(2022, 12, 31)))
    read = [node for node in bars_read(plan) if node["Relation Name"] != "bars_daily_history"]
    assert {node["Relation Name"] for node in read} == {"bars_daily_2022"}
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in read if "Bitmap Index" not in node["Node Type"])
    assert rows == len(INSTRUMENTS) * len(sessions_between("XNYS", date(2022, 1, 1), date(2022, 12, 31)))


@pytest.mark.parametrize("view", ["v_prices", "v_return_prices"])
def test_the_newest_price_asks_once_which_series_it_is_read_from(database: Database, view: str) -> None:
    statement = f"SELECT session, close FROM market_data.{view} WHERE symbol = 'M09' ORDER BY session DESC LIMIT 1"
    plan = explain(database, statement, ())
    assert [node["Actual Loops"] for node in plan if node.get("Function Name") == "series_of"] == [1]
    read = [node for node in bars_read(plan) if node["Relation Name"] != "bars_daily_history"]
    rows = sum(
        node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
        for node in read
        if node["Node Type"] != "Bitmap Index Scan"
    )
    assert rows == len(SESSIONS), "the bars of one instrument and of no other"


def test_prices_of_every_instrument_ask_once_for_each(database: Database) -> None:
    plan = explain(database, "SELECT count(*) FROM market_data.v_prices", ())
    assert [node["Actual Loops"] for node in plan if node.get("Function Name") == "series_of"] == [len(INSTRUMENTS)]
