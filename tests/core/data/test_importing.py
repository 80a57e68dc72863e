"""Files in the desk's layouts, good and bad, into a real database."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core.adapters.store.bars import PostgresBars
from core.adapters.store.clock import WallClock
from core.adapters.store.database import Database
from core.adapters.store.ingest import import_files, open_pipeline
from core.adapters.store.instruments import PostgresInstruments
from core.adapters.store.macro import PostgresMacro
from core.data.calendar import sessions_between
from core.data.importing import FileReport
from core.data.importing import import_files as run_import
from core.data.risk_index import severity_of
from core.data.table_file import TableFile
from core.domain.as_of import AsOf
from core.domain.identifiers import Uuid7Source
from core.errors import Unavailable
from core.ports.data_store import Counts

NOW = AsOf(known=datetime(2026, 9, 1, tzinfo=UTC))
Load = Callable[..., list[FileReport]]


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    made = Database(database_dsn)
    yield made
    made.close()


@pytest.fixture
def load(database: Database, tmp_path: Path) -> Load:
    def run(kind: str, *files: Path | str) -> list[FileReport]:
        paths = []
        for number, file in enumerate(files):
            if isinstance(file, str):
                path = tmp_path / f"file_{number}.csv"
                path.write_text(file)
                file = path
            paths.append(file)
        ids = Uuid7Source(WallClock(), random.Random())
        return list(import_files(database, ids, kind, paths).files)  # type: ignore[arg-type]

    return run


def query(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.transaction() as connection:
        return connection.execute(statement.encode()).fetchall()


BARS = "symbol,date,open,high,low,close,adj_close,volume,currency,asset_class,price_basis,source\n"


def test_prices_with_an_adjusted_close_become_two_series(database: Database, load: Load) -> None:
    rows = (
        "MSFT,2024-01-02,10,11,9,10.5,8.4,100,USD,stock,split_adjusted,x\n"
        "MSFT,2024-01-03,10,11,9,10.6,8.5,110,USD,stock,split_adjusted,x\n"
    )
    (report,) = load("bars", BARS + rows)
    assert (report.counts.read, report.counts.new, report.derived.new) == (2, 2, 2)
    bars = PostgresBars(database)
    assert bars.panel([2002], purpose="price", as_of=NOW).close[:, 0].tolist() == [10.5, 10.6]
    returns = bars.panel([2002], purpose="return", as_of=NOW)
    assert returns.close[:, 0].tolist() == [8.4, 8.5]
    assert returns.series[0].price_basis == "total_return"


def test_bad_rows_are_named_with_line_and_reason_and_the_good_ones_kept(database: Database, load: Load) -> None:
    text = BARS + (
        "MSFT,2024-01-02,10,11,9,10.5,,100,USD,stock,split_adjusted,x\n"
        "MSFT,not a date,10,11,9,10.5,,100,USD,stock,split_adjusted,x\n"
        "MSFT,2024-01-03,10,abc,9,10.5,,100,USD,stock,split_adjusted,x\n"
        "MSFT,2024-01-04,10,11\n"
        "NOSUCH,2024-01-04,10,11,9,10.5,,100,USD,stock,split_adjusted,x\n"
        "MSFT,2024-01-05,10,11,9,10.5,,100,EUR,stock,split_adjusted,x\n"
        "MSFT,2024-01-08,10,11,9,10.5,,100,USD,stock,split_adjusted,x,too,many\n"
        "MSFT,2024-01-09,10,11,9,10.6,,100,USD,stock,split_adjusted,x\n"
    )
    (report,) = load("bars", text)
    assert report.counts.read == 8
    assert report.counts.new == 2
    assert report.counts.reasons == {
        "malformed_row": 2,
        "bad_date": 1,
        "nonnumeric_price": 1,
        "unknown_symbol": 1,
        "wrong_currency": 1,
    }
    assert {(example.split()[1], example.split(": ")[-1]) for example in report.counts.examples} == {
        ("3", "bad_date"),
        ("4", "nonnumeric_price"),
        ("5", "malformed_row"),
        ("6", "unknown_symbol"),
        ("7", "wrong_currency"),
        ("8", "malformed_row"),
    }
    kept = query(database, "SELECT reason, row FROM ops.quarantine WHERE reason = 'nonnumeric_price'")
    assert kept[0][1]["high"] == "abc"  # type: ignore[index]


def test_importing_again_writes_nothing(database: Database, load: Load) -> None:
    text = (
        BARS
        + "MSFT,2024-01-02,10,11,9,10.5,8.4,100,USD,stock,split_adjusted,x\n"
        + "NOSUCH,2024-01-02,1,1,1,1,,1,USD,stock,raw,x\n"
    )
    load("bars", text)
    before = query(database, "SELECT * FROM market_data.bars_daily ORDER BY 1, 2, 3, 4") + query(
        database, "SELECT * FROM ops.quarantine"
    )
    (again,) = load("bars", text)
    assert (again.counts.new, again.counts.changed, again.counts.same) == (0, 0, 1)
    after = query(database, "SELECT * FROM market_data.bars_daily ORDER BY 1, 2, 3, 4") + query(
        database, "SELECT * FROM ops.quarantine"
    )
    assert before == after


def test_macro_vintages_show_what_was_known_when(database: Database, load: Load) -> None:
    # Payrolls of January 2024: 157,700 thousand in the first file, revised in a file of May.
    text = (
        "series_id,date,value,vintage,source\n"
        "PAYEMS,2024-01-01,157700,2024-02,FRED\nPAYEMS,2024-01-01,157533,2024-05,FRED\n"
        "PAYEMS,2024-02-01,157808,2024-05,FRED\nMYSERIES,2024-01-01,1,,me\nMYSERIES,2024-02-01,2,,me\n"
    )
    (report,) = load("macro", text)
    assert report.counts.new == 5
    macro = PostgresMacro(database)

    def known(day: date) -> list[tuple[date, float | None]]:
        moment = AsOf(known=datetime(day.year, day.month, day.day, tzinfo=UTC))
        return [(entry.period, entry.value) for entry in macro.observations("PAYEMS", as_of=moment)]

    january, february = date(2024, 1, 1), date(2024, 2, 1)
    assert known(date(2024, 2, 10)) == [(january, 157700.0)]  # published on 2 February 2024
    assert known(date(2024, 3, 20)) == [(january, 157700.0), (february, 157808.0)]
    assert known(date(2024, 6, 1)) == [(january, 157533.0), (february, 157808.0)]
    assert macro.find("MYSERIES").frequency == "monthly"


def test_actions_of_every_layout(database: Database, load: Load) -> None:
    reports = load(
        "actions",
        "symbol,ex_date,ratio\nAAPL,2020-08-31,4\nAAPL,2020-08-31,-1\nNOSUCH,2020-08-31,2\n",
        "symbol,ex_date,amount,currency,basis\nAAPL,2020-08-07,0.205,USD,split_adjusted\n",
        "symbol,date,price_factor,split_factor,reference_price\n"
        "AAPL,1998-01-02,0.9,0.25,10\nAAPL,2020-08-06,0.99,0.25,455.61\nAAPL,2020-08-28,1,0.25,499.23\nAAPL,2050-12-31,1,1,0\n",
        "map_file,date,ticker\nMETA,2012-05-18,FB\nMETA,2022-06-08,FB\nMETA,2050-12-31,META\n",
    )
    assert [report.error for report in reports] == [None] * 4
    assert reports[0].counts.reasons == {"bad_value": 1, "unknown_symbol": 1}
    rows = query(
        database,
        "SELECT action, ex_date, ratio, round(amount::numeric, 2) FROM market_data.corporate_actions"
        " WHERE source = 'QuantConnect/Lean' ORDER BY ex_date, action",
    )
    # Apple's split of 2020: the last old price is of Friday the 28th, the new one trades from Monday the 31st.
    assert ("split", date(2020, 8, 31), 4.0, None) in rows
    assert [row[0] for row in rows] == ["dividend", "dividend", "split"]


def test_news_links_sentiment_and_missing_times(database: Database, load: Load) -> None:
    head = "published_at,date,symbols,headline,summary,source,url,sentiment,dataset\n"
    text = head + (
        '2025-10-02T11:53:09Z,2025-10-02,MSFT,"Microsoft, up",text,CNBC,u,Positive,d\n'
        '2025-10-02T11:53:09Z,2025-10-02,AAPL,"Microsoft, up",text,CNBC,u,Positive,d\n'
        ",2025-10-03,,No time given,,Reuters,,,d\n"
        "2025-10-04T00:00:00Z,2025-10-04,NOSUCH,Unknown company,,X,,,d\n"
        "2025-10-04T00:00:00Z,2025-10-04,MSFT,,,X,,,d\n"
    )
    (report,) = load("news", text)
    assert report.counts.new == 3 and report.counts.same == 1
    assert report.counts.reasons == {"no_headline": 1}
    assert report.derived.reasons == {"unknown_symbol": 1}
    rows = query(database, "SELECT symbol, sentiment, sentiment_score FROM news.v_symbol_articles ORDER BY symbol")
    assert rows == [("AAPL", "positive", 1.0), ("MSFT", "positive", 1.0)]
    known = query(database, "SELECT known_at FROM news.articles WHERE headline = 'No time given'")
    assert known == [(datetime(2025, 10, 3, 23, 59, 59, tzinfo=UTC),)]


def test_events_hide_their_outcome_until_it_happens(database: Database, load: Load) -> None:
    calendar = (
        "release_time_utc,date,country,event,impact,actual,forecast,previous,actual_raw,source\n"
        "2022-01-12T13:30:00Z,2022-01-12,US,CPI,high,7.0,7.0,6.8,7.0%,s\n"
        "2022-01-12T13:30:00Z,2022-01-12,US,CPI,high,0.5,0.4,0.8,0.5%,s\n"
    )
    dates = "symbol,report_date\nAAPL,2022-01-27\nNOSUCH,2022-01-27\n"
    results = "symbol,earnings_date,eps_estimate,eps_actual\nAAPL,2022-01-27,1.89,2.10\n"
    risk = "date,event,GPRD\n2022-02-25, War begins,515.9\n"
    reports = load("events", calendar, dates, results, risk)
    assert [report.counts.new for report in reports] == [2, 1, 0, 1]
    assert reports[2].counts.changed == 1
    assert load("events", dates)[0].counts.changed == 0  # dates alone never wipe a result
    assert query(database, "SELECT name, severity FROM events.geopolitical") == [("War begins", "high")]

    def seen(moment: str) -> tuple[object, ...]:
        with database.transaction() as connection:
            connection.execute(f"SET LOCAL quantdesk.as_of = '{moment}'".encode())
            releases = connection.execute("SELECT actual FROM events.v_economic ORDER BY actual").fetchall()
            surprise = connection.execute(
                "SELECT round(eps_surprise::numeric, 2)::float FROM events.v_security WHERE event = 'earnings'"
            ).fetchall()
        return releases, surprise

    assert seen("2022-01-12T13:29:00Z") == ([(None,), (None,)], [])
    assert seen("2022-01-12T13:30:00Z") == ([(0.5,), (7.0,)], [])
    assert seen("2022-01-14T00:00:00Z") == ([(0.5,), (7.0,)], [(None,)])
    assert seen("2022-01-28T00:00:00Z") == ([(0.5,), (7.0,)], [(0.21,)])


def test_severity_grows_with_the_risk_index() -> None:
    assert [severity_of(value) for value in (80.0, 139.9, 140.0, 199.9, 200.0, None)] == [
        "low", "low", "medium", "medium", "high", "medium",
    ]  # fmt: skip


def test_instruments_are_added_or_get_a_newer_size(database: Database, load: Load) -> None:
    text = "symbol,name,asset_class,total_assets_usd\nSPY,S&P 500,etf,700000000000\nZZZZ,New,etf,5\nBAD,x,house,1\n"
    (report,) = load("instruments", text)
    assert (report.counts.new, report.counts.changed) == (1, 1)
    assert report.counts.reasons == {"bad_value": 1}
    instruments = PostgresInstruments(database)
    assert instruments.find("SPY").total_assets_usd == 7e11
    assert instruments.find("zzzz").instrument_id > 100_000
    again = load("instruments", text)[0].counts
    assert (again.new, again.changed) == (0, 0)


def test_lines_stay_right_after_rows_that_could_not_be_split(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n3\n4,5\n6,7,8\n9,10\n")
    file = TableFile(path)
    assert [line for line, _, _ in file.malformed] == [3, 5]
    assert file.line_of(np.arange(3)).tolist() == [2, 4, 6]
    file.close()


@pytest.mark.shared
def test_raw_prices_with_reused_tickers_find_their_companies(
    database: Database, load: Load, shared_folder: Path
) -> None:
    (report,) = load("bars", shared_folder / "data" / "prices" / "lean_us_equity_daily_raw.csv.gz")
    counts = report.counts
    assert counts.read == 70_025 == counts.stored + counts.quarantined + counts.rejected
    assert counts.stored / counts.read > 0.93
    # AAPL traded at 499.23 before and 129.04 after its split of 31 August 2020.
    closes = query(
        database,
        "SELECT close FROM market_data.v_bars WHERE symbol = 'AAPL'"
        " AND session IN ('2020-08-28', '2020-08-31') ORDER BY session",
    )
    assert closes == [(499.23,), (129.04,)]
    first = dict(query(database, "SELECT symbol, min(session) FROM market_data.v_bars GROUP BY 1"))  # type: ignore[arg-type]
    assert first["META"] == date(2012, 5, 18)
    assert first["USO"] == date(2006, 4, 10)
    assert first["WAMUQ"] < date(1999, 1, 1) < first["WM"] or first["WM"] < date(1999, 1, 1)
    # Known bad ticks of the file: a low of 10.59 on a stock at 184.
    held = query(database, "SELECT symbol, about FROM ops.quarantine WHERE reason = 'range_spike' AND symbol = 'AAPL'")
    assert ("AAPL", date(2009, 9, 21)) in held


@pytest.mark.shared
def test_events_and_vintages_of_the_shared_data(database: Database, load: Load, shared_folder: Path) -> None:
    folder = shared_folder / "data"
    small = [folder / "events" / name for name in ("geopolitical_events.csv.gz", "economic_calendar.csv.gz")]
    for report in load("events", *small) + load("bars", folder / "macro" / "vix_ohlc_daily.csv.gz"):
        counts = report.counts
        assert counts.read == counts.stored + counts.quarantined + counts.rejected, report.path.name
    # CBOE: the VIX closed at 82.69 on 16 March 2020, its highest.
    assert query(
        database, "SELECT session, close FROM market_data.v_prices WHERE symbol = '^VIX' ORDER BY close DESC LIMIT 1"
    ) == [(date(2020, 3, 16), 82.69)]


@pytest.mark.shared
@pytest.mark.slow
def test_every_kind_of_the_shared_data_and_nothing_on_the_second_import(
    database: Database, load: Load, shared_folder: Path
) -> None:
    """`make prove-data` does this with the largest price files too."""
    data = shared_folder / "data"
    prices = [*sorted((data / "prices").glob("*daily*.gz")), *sorted((data / "prices").glob("growth*.gz"))]
    sets = {
        "instruments": [data / "prices" / "instruments.csv", data / "macro" / "sp500_constituents.csv"],
        "actions": sorted((data / "corporate_actions").iterdir()),
        "bars": [path for path in prices if path.stat().st_size < 1_000_000],
        "macro": [data / "macro" / "macro_series.csv.gz"],
        "news": sorted((data / "news").iterdir()),
        "events": sorted((data / "events").iterdir()),
    }
    for kind, paths in sets.items():
        for report in load(kind, *paths):
            counts = report.counts
            assert report.error is None, report
            assert counts.read == counts.stored + counts.quarantined + counts.rejected + report.skipped, (
                report.path.name
            )
            if kind == "bars":
                assert counts.stored >= 0.93 * counts.read
    for kind, paths in sets.items():
        for report in load(kind, *paths):
            assert (report.counts.new, report.counts.changed, report.derived.new) == (0, 0, 0), report.path.name


def closes(symbol: str, days: list[date], prices: list[float]) -> str:
    return "".join(
        f"{symbol},{day},{price},{price},{price},{price},,1000,USD,equity,raw,me\n"
        for day, price in zip(days, prices, strict=True)
    )


def test_what_is_derived_of_bars_follows_their_import(database: Database, load: Load) -> None:
    days = [day.item() for day in sessions_between("XNYS", date(2024, 1, 2), date(2024, 3, 28))]
    prices = [100.0 * 1.01**place for place in range(len(days))]
    load("bars", BARS + closes("AAPL", days, prices))
    made = query(
        database,
        "SELECT session, return_1d FROM derived.features_daily f JOIN market_data.instruments USING (instrument_id)"
        " WHERE symbol = 'AAPL' ORDER BY session",
    )
    assert [session for session, _ in made] == days
    assert [value for _, value in made[1:]] == pytest.approx([0.01] * (len(days) - 1))
    assert query(database, "SELECT count(*) FROM derived.stale") == [(0,)]


def test_an_import_that_changes_one_day_derives_again_from_that_day_on(database: Database, load: Load) -> None:
    days = [day.item() for day in sessions_between("XNYS", date(2024, 1, 2), date(2024, 3, 28))]
    prices = [100.0 * 1.01**place for place in range(len(days))]
    load("bars", BARS + closes("AAPL", days, prices))
    step = "SELECT rows_changed FROM ops.ingest_steps WHERE step = 'derived' ORDER BY started_at"
    load("bars", BARS + closes("AAPL", days, prices))
    load("bars", BARS + closes("AAPL", days[-1:], [prices[-1] * 1.001]))
    first, again, last = (int(str(changed)) for (changed,) in query(database, step))
    assert first >= len(days)
    assert (again, last) == (0, 1)


def test_stories_tones_and_surprises_follow_the_import_of_texts(database: Database, load: Load) -> None:
    load(
        "news",
        "published_at,date,symbols,headline,summary,source,url,sentiment,dataset\n"
        "2024-02-01T14:00:00,2024-02-01,AAPL,Apple beats estimates on record profit,,Wire,https://a.example/1,,d\n"
        "2024-02-01T15:00:00,2024-02-01,AAPL,Apple beats estimates on record profit,,Post,https://b.example/1,,e\n",
    )
    load(
        "events",
        "release_time_utc,date,country,event,actual,forecast,previous,source\n"
        "2024-02-13T13:30:00,2024-02-13,US,CPI m/m,0.3,0.2,0.2,a\n",
    )
    assert query(database, "SELECT count(*), count(DISTINCT story_id) FROM derived.article_stories") == [(2, 1)]
    (tone,) = query(database, "SELECT min(score) FROM derived.article_scores")
    assert float(str(tone[0])) > 0.0
    (surprise,) = query(database, "SELECT surprise FROM derived.event_surprises")
    assert surprise == (pytest.approx(0.1),)


def test_what_cannot_be_derived_costs_no_row_of_the_file(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text(BARS + closes("AAPL", [date(2024, 1, 2)], [100.0]))

    def fail() -> Counts:
        raise Unavailable("The disk is full.")

    pipeline = open_pipeline(database, Uuid7Source(WallClock(), random.Random()), mode="import", arguments={})
    report = run_import(pipeline, "bars", [file], fail)
    assert report.files[0].counts.stored == 1
    assert report.ingest.state == "partial"
    assert [step.error for step in report.ingest.failed] == ["The disk is full."]
    assert query(database, "SELECT count(*) FROM derived.stale WHERE part = 'prices'") == [(1,)]
