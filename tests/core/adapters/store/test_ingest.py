"""Samples, corrections and reads against a real database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from core.adapters.store.arrays import bar_copy_chunks
from core.adapters.store.bars import PostgresBars
from core.adapters.store.clock import DeskClock, WallClock
from core.adapters.store.coverage import PostgresCoverage
from core.adapters.store.data_store import PostgresDataStore
from core.adapters.store.database import Database
from core.adapters.store.ingest import load_samples, open_pipeline
from core.adapters.store.instruments import PostgresInstruments
from core.adapters.store.macro import PostgresMacro
from core.adapters.vendors.samples import Samples
from core.data.samples import seed_universe
from core.domain.as_of import AsOf
from core.domain.identifiers import Uuid7Source
from core.errors import InvalidInput, NoData, UnknownName, VendorError
from core.ports.data_store import BarArrays
from core.ports.vendor import BarColumns

AAPL, MSFT, IBM, TSLA = 2001, 2002, 2032, 2009
END_2022 = AsOf(known=datetime(2022, 12, 30, tzinfo=UTC))


def ids() -> Uuid7Source:
    return Uuid7Source(WallClock(), random.Random(1))


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    made = Database(database_dsn)
    yield made
    made.close()


@pytest.fixture(scope="module")
def samples(sample_dsn: str) -> Iterator[Database]:
    made = Database(sample_dsn)
    yield made
    made.close()


def count(database: Database, statement: str) -> int:
    with database.transaction() as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


def columns(closes: list[float], days: list[str], *, symbol: str = "AAPL", source: str = "test") -> BarColumns:
    close = np.array(closes)
    return BarColumns(
        source=source,
        price_basis="raw",
        symbols=(symbol,),
        symbol_code=np.zeros(len(closes), dtype=np.int32),
        session=np.array(days, dtype="datetime64[D]"),
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=np.full(len(closes), 1000.0),
        line=np.arange(len(closes)),
        origin="test.csv",
    )


class TestSamples:
    def test_every_row_is_stored_or_held_and_a_second_load_writes_nothing(self, database: Database) -> None:
        first = load_samples(database, ids()).counts
        assert first.read == first.new + first.same + first.quarantined + first.rejected
        assert first.quarantined == count(database, "SELECT count(*) FROM ops.quarantine")
        stored = count(database, "SELECT count(*) FROM market_data.bars_daily")
        assert stored + first.quarantined == 209_368
        again = load_samples(database, ids()).counts
        assert (again.new, again.changed, again.quarantined) == (0, 0, first.quarantined)
        assert count(database, "SELECT count(*) FROM market_data.bars_daily") == stored
        assert count(database, "SELECT count(*) FROM ops.ingest_runs WHERE state = 'done'") == 2

    def test_the_desk_replays_twenty_sessions_before_the_newest_sample(self, samples: Database) -> None:
        clock = DeskClock(samples)
        # 28 December 2022 is the newest; 29 November is twenty sessions before (Christmas was a holiday).
        assert clock.mode == "replay"
        assert clock.now() == datetime(2022, 11, 29, 21, tzinfo=UTC)

    def test_a_clock_that_was_set_stays(self, own_sample_dsn: str) -> None:
        database = Database(own_sample_dsn)
        moment = datetime(2015, 6, 1, 20, tzinfo=UTC)
        DeskClock(database).set_replay(moment)
        load_samples(database, ids())
        assert DeskClock(database).now() == moment
        database.close()

    def test_a_bar_is_known_at_the_close_of_its_session(self, samples: Database) -> None:
        with samples.transaction() as connection:
            rows = connection.execute(
                "SELECT DISTINCT session, known_at FROM market_data.bars_daily"
                " WHERE source = 'skfolio' AND session IN ('2022-11-25', '2022-07-05') ORDER BY 1"
            ).fetchall()
        assert [row[1] for row in rows] == [
            datetime(2022, 7, 5, 20, tzinfo=UTC),
            datetime(2022, 11, 25, 18, tzinfo=UTC),
        ]


class TestPipeline:
    def test_a_correction_is_known_from_its_delivery_and_the_old_value_before(self, database: Database) -> None:
        pipeline = open_pipeline(database, ids(), mode="test", arguments={})
        seed_universe(pipeline)
        days = ["2020-01-02", "2020-01-03", "2020-01-06"]
        assert pipeline.store_bars(columns([100.0, 101.0, 102.0], days)).new == 3
        corrected = pipeline.store_bars(columns([100.0, 101.2, 102.0], days))
        assert (corrected.new, corrected.changed, corrected.same) == (0, 1, 2)
        pipeline.finish()
        bars = PostgresBars(database)
        then = AsOf(known=datetime(2020, 2, 1, tzinfo=UTC))
        now = AsOf(known=WallClock().now() + timedelta(seconds=1))
        assert bars.panel([AAPL], purpose="price", as_of=then).close[:, 0].tolist() == [100.0, 101.0, 102.0]
        assert bars.panel([AAPL], purpose="price", as_of=now).close[:, 0].tolist() == [100.0, 101.2, 102.0]

    def test_doubtful_and_impossible_rows_are_held_and_good_ones_kept(self, database: Database) -> None:
        pipeline = open_pipeline(database, ids(), mode="test", arguments={})
        seed_universe(pipeline)
        counts = pipeline.store_bars(columns([100.0, -1.0, 101.0], ["2020-01-02", "2020-01-03", "2020-01-04"]))
        assert counts.reasons == {"nonpositive_price": 1, "not_a_session": 1}
        assert counts.new == 1
        unknown = pipeline.store_bars(columns([1.0], ["2020-01-02"], symbol="NOSUCH"))
        assert unknown.reasons == {"unknown_symbol": 1}
        assert any("NOSUCH" in example and "unknown_symbol" in example for example in unknown.examples)
        with database.transaction() as connection:
            held = connection.execute(
                "SELECT reason, verdict, row ->> 'symbol', about FROM ops.quarantine ORDER BY reason"
            ).fetchall()
        assert held == [
            ("nonpositive_price", "reject", "AAPL", date(2020, 1, 3)),
            ("not_a_session", "reject", "AAPL", date(2020, 1, 4)),
            ("unknown_symbol", "quarantine", "NOSUCH", date(2020, 1, 2)),
        ]

    def test_a_failing_step_leaves_the_others_standing(self, database: Database) -> None:
        pipeline = open_pipeline(database, ids(), mode="test", arguments={})
        seed_universe(pipeline)

        def fail() -> None:
            raise VendorError("The vendor sent a page of HTML.")

        pipeline.run_step("news", "vendor", fail)  # type: ignore[arg-type]
        pipeline.run_step("bars", "test", lambda: pipeline.store_bars(columns([100.0], ["2020-01-02"])))
        report = pipeline.finish()
        assert [step.step for step in report.failed] == ["news"]
        with database.transaction() as connection:
            states = dict(connection.execute("SELECT step, state FROM ops.ingest_steps").fetchall())
            run = connection.execute("SELECT state, summary ->> 'new' FROM ops.ingest_runs").fetchone()
        assert (states["news"], states["bars"]) == ("failed", "done")
        assert run is not None and run[0] == "partial"

    def test_an_exception_inside_a_series_stores_nothing(self, database: Database) -> None:
        store = PostgresDataStore(database)
        one = BarArrays(
            instrument_id=np.array([AAPL], dtype=np.int32),
            session=np.array(["2020-01-02"], dtype="datetime64[D]"),
            open=np.array([1.0]),
            high=np.array([1.0]),
            low=np.array([1.0]),
            close=np.array([1.0]),
            volume=np.array([np.nan]),
            flag=np.array([1], dtype=np.int16),
            flags=("", "rounding"),
            known_at=np.array(["2020-01-02T21:00"], dtype="datetime64[us]"),
        )

        def break_off() -> None:
            with store.series("test", "raw") as series:
                series.insert(one)
                raise VendorError("killed")

        with pytest.raises(VendorError):
            break_off()
        assert count(database, "SELECT count(*) FROM market_data.bars_daily") == 0
        with store.series("test", "raw") as series:
            series.insert(one)
        with database.transaction() as connection:
            row = connection.execute("SELECT open, volume, flags, known_at FROM market_data.bars_daily").fetchone()
        assert row == (1.0, None, ["rounding"], datetime(2020, 1, 2, 21, tzinfo=UTC))


def test_binary_rows_survive_the_way_into_the_database_and_back(database: Database) -> None:
    generator = np.random.default_rng(7)
    days = np.arange("1985-01-01", "1990-01-01", dtype="datetime64[D]")
    count_ = len(days)
    prices = generator.lognormal(3, 2, (4, count_))
    volume = np.where(generator.random(count_) < 0.2, np.nan, generator.integers(0, 10**12, count_))
    close_only = generator.random(count_) < 0.3
    rows = BarArrays(
        instrument_id=np.full(count_, AAPL, dtype=np.int32),
        session=days,
        open=np.where(close_only, np.nan, prices[0]),
        high=np.where(close_only, np.nan, prices[1]),
        low=np.where(close_only, np.nan, prices[2]),
        close=prices[3],
        volume=volume,
        flag=generator.integers(0, 3, count_).astype(np.int16),
        flags=("", "rounding", "explained_move"),
        known_at=days.astype("datetime64[us]"),
    )
    assert sum(map(len, bar_copy_chunks(rows, "quelle ü", "raw"))) > 100 * count_
    with PostgresDataStore(database).series("quelle ü", "raw") as series:
        series.insert(rows)
        back = series.stored(np.array([AAPL], dtype=np.int32), date(1980, 1, 1))
    for name in ("session", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(back, name), getattr(rows, name), equal_nan=name != "session"), name


class TestReads:
    def test_the_return_panel_is_the_package_itself(self, samples: Database) -> None:
        block = next(block for block in Samples().bars() if "MSFT" in block.symbols and block.source == "skfolio")
        mine = block.symbol_code == block.symbols.index("MSFT")
        panel = PostgresBars(samples).panel([MSFT], purpose="return", as_of=END_2022)
        assert np.array_equal(panel.close[:, 0], block.close[mine])
        assert (panel.sessions == block.session[mine]).all()
        assert panel.open is None and panel.volume is None

    def test_columns_stand_in_the_order_asked(self, samples: Database) -> None:
        bars = PostgresBars(samples)
        one = bars.panel([MSFT, AAPL], purpose="return", as_of=END_2022, start=date(2020, 1, 1))
        other = bars.panel([AAPL, MSFT], purpose="return", as_of=END_2022, start=date(2020, 1, 1))
        assert one.symbols == ("MSFT", "AAPL")
        assert np.array_equal(one.close, other.close[:, ::-1])

    def test_nothing_after_the_as_of_time_is_seen(self, samples: Database) -> None:
        bars = PostgresBars(samples)
        before_close = AsOf(known=datetime(2022, 11, 29, 20, 59, tzinfo=UTC))
        panel = bars.panel([AAPL], purpose="return", as_of=before_close, start=date(2022, 11, 1))
        assert panel.sessions[-1] == np.datetime64("2022-11-28")
        assert bars.last_session([AAPL], as_of=before_close) == date(2022, 11, 28)
        assert bars.last_session([AAPL], as_of=AsOf(known=datetime(1989, 1, 1, tzinfo=UTC))) is None

    def test_rows_stored_after_the_recorded_time_are_hidden(self, samples: Database) -> None:
        long_ago = AsOf(known=END_2022.known, recorded=datetime(2020, 1, 1, tzinfo=UTC))
        with pytest.raises(NoData):
            PostgresBars(samples).panel([AAPL], purpose="return", as_of=long_ago)

    def test_a_split_is_divided_out_of_raw_prices_once_it_is_known(self, samples: Database) -> None:
        bars = PostgresBars(samples)
        window = {"start": date(2005, 2, 22), "end": date(2005, 3, 4)}
        later = bars.panel([AAPL], purpose="price", as_of=AsOf(known=datetime(2013, 3, 1, 23, tzinfo=UTC)), **window)
        assert later.series[0].price_basis == "split_adjusted"
        # Apple, 2005: 88.99 on 25 February, 44.86 after the two-for-one split on the 28th.
        assert later.close[3, 0] == pytest.approx(88.99 / 2)
        assert np.abs(np.diff(np.log(later.close[:, 0]))).max() < 0.06
        before = AsOf(known=datetime(2005, 2, 25, 23, tzinfo=UTC))
        earlier = bars.panel([AAPL], purpose="price", as_of=before, **window)
        assert earlier.series[0].price_basis == "raw"
        assert earlier.close[3, 0] == pytest.approx(88.99)

    def test_an_instrument_without_bars_is_named_with_what_is_stored(self, samples: Database) -> None:
        bars = PostgresBars(samples)
        with pytest.raises(NoData, match=r"TSLA \(no prices stored\), IBM \(stored: 2000-03-01 to 2013-03-01\)"):
            bars.panel([TSLA, IBM], purpose="price", as_of=END_2022, start=date(2020, 1, 1))
        with pytest.raises(InvalidInput, match="ends before it starts"):
            bars.panel([AAPL], purpose="price", as_of=END_2022, start=date(2020, 1, 2), end=date(2019, 1, 2))
        with pytest.raises(InvalidInput, match="No instrument"):
            bars.panel([], purpose="price", as_of=END_2022)

    @pytest.mark.parametrize(
        ("name", "symbol"),
        [
            ("aapl", "AAPL"),
            ("  Best   Buy ", "BBY"),
            ("bitcoin", "BTC-USD"),
            ("FB", "META"),
            ("QQQQ", "QQQ"),
            ("s&p 500", "^GSPC"),
            ("the nasdaq etf", "QQQ"),
            ("gold etf", "GLD"),
            ("Realty Income", "O"),
            ("google", "GOOG"),  # of two share classes the one with prices
        ],
    )
    def test_instruments_are_found_by_any_name(self, samples: Database, name: str, symbol: str) -> None:
        assert PostgresInstruments(samples).find(name).symbol == symbol

    @pytest.mark.parametrize(("typo", "offer"), [("APPL", "AAPL"), ("mircosoft", "MSFT"), ("gogle", "GOOG")])
    def test_an_unknown_name_offers_the_closest(self, samples: Database, typo: str, offer: str) -> None:
        with pytest.raises(UnknownName) as caught:
            PostgresInstruments(samples).find(typo)
        assert offer in caught.value.closest

    def test_instruments_are_listed_by_group_and_class(self, samples: Database) -> None:
        found = PostgresInstruments(samples)
        assert [entry.symbol for entry in found.list(group="gold")] == ["GDX", "GLD", "IAU"]
        assert len(found.list(asset_class="crypto")) == 14
        assert found.get(AAPL).symbol == "AAPL"
        with pytest.raises(UnknownName):
            found.get(-1)

    def test_an_added_instrument_gets_an_id_of_its_own(self, database: Database) -> None:
        seed_universe(open_pipeline(database, ids(), mode="test", arguments={}))
        instruments = PostgresInstruments(database)
        added = instruments.add("ZZCOIN-USD", "Test coin", "crypto", source="test")
        assert (added.instrument_id, added.calendar) == (100_001, "24x7")
        assert instruments.add("ZZTEST", "Test company", "equity", source="test").groups == ("stock",)

    def test_macro_values_are_invisible_before_their_release(self, samples: Database) -> None:
        macro = PostgresMacro(samples)
        series = macro.find("core cpi")
        assert series.series_id == "CPILFESL"
        january = date(1957, 1, 1)
        released = datetime(1957, 1, 1, tzinfo=UTC) + timedelta(days=series.release_lag_days + 1)
        assert macro.observations("CPILFESL", as_of=AsOf(known=released))[-1].period == january
        with pytest.raises(NoData):
            macro.observations("CPILFESL", as_of=AsOf(known=released - timedelta(days=2)))
        with pytest.raises(UnknownName) as caught:
            macro.find("unemploymint")
        assert "UNRATE" in caught.value.closest


class TestClock:
    def test_it_advances_by_sessions_and_never_past_the_present(self, database: Database) -> None:
        clock = DeskClock(database)
        assert (clock.mode, clock.is_set()) == ("live", False)
        with pytest.raises(InvalidInput, match="live clock"):
            clock.advance(1)
        clock.set_replay(datetime(2022, 11, 23, 21, tzinfo=UTC))
        # Thanksgiving is skipped, the day after closes early.
        assert clock.advance(1) == datetime(2022, 11, 25, 18, tzinfo=UTC)
        assert clock.advance(2) == datetime(2022, 11, 29, 21, tzinfo=UTC)
        assert DeskClock(database).now() == datetime(2022, 11, 29, 21, tzinfo=UTC)
        with pytest.raises(InvalidInput, match="future"):
            clock.advance(4000)
        with pytest.raises(InvalidInput, match="at least 1"):
            clock.advance(0)
        clock.set_live()
        assert (clock.mode, clock.is_set()) == ("live", True)

    @pytest.mark.parametrize("moment", [datetime(2022, 1, 1), datetime(2039, 1, 1, tzinfo=UTC)])  # noqa: DTZ001
    def test_it_refuses_times_without_zone_or_in_the_future(self, database: Database, moment: datetime) -> None:
        with pytest.raises(InvalidInput):
            DeskClock(database).set_replay(moment)

    def test_questions_are_cut_at_the_replayed_time(self, own_sample_dsn: str) -> None:
        database = Database(own_sample_dsn)
        DeskClock(database).set_replay(datetime(2010, 1, 5, 21, tzinfo=UTC))
        with database.transaction() as connection:
            newest = connection.execute(
                "SELECT max(session) FROM market_data.v_prices WHERE symbol = 'MSFT'"
            ).fetchone()
        assert newest == (date(2010, 1, 5),)
        database.close()


class TestCoverage:
    def test_the_ledger_equals_a_count_of_the_bars(self, samples: Database) -> None:
        wrong = count(
            samples,
            "SELECT count(*) FROM (SELECT instrument_id, source, price_basis, extract(year FROM session) AS year,"
            " count(*) AS bars FROM market_data.bars_daily GROUP BY 1, 2, 3, 4) b"
            " FULL JOIN ops.coverage c USING (instrument_id, source, price_basis, year)"
            " WHERE c.stored IS DISTINCT FROM b.bars",
        )
        assert wrong == 0

    def test_missing_sessions_are_those_held_back(self, samples: Database) -> None:
        found = PostgresCoverage(samples)
        held = count(samples, "SELECT count(*) FROM ops.quarantine WHERE about <= '2022-11-29'")
        datasets = {entry.dataset: entry for entry in found.datasets(as_of=AsOf(known=DeskClock(samples).now()))}
        assert sum(entry.missing or 0 for entry in datasets.values()) == held
        assert datasets["prices of funds"].items == 5
        assert datasets["prices of stocks"].behind == 0

    def test_a_removed_bar_is_found_as_a_gap(self, own_sample_dsn: str) -> None:
        database = Database(own_sample_dsn)
        with database.transaction() as connection:
            connection.execute(
                "DELETE FROM market_data.bars_daily WHERE instrument_id = 2002 AND source = 'skfolio'"
                " AND session IN ('2015-03-02', '2015-03-03')"
            )
        store = PostgresDataStore(database)
        store.index_series()
        reader = PostgresCoverage(database)
        as_of = AsOf(known=DeskClock(database).now())
        series = next(entry for entry in reader.series([MSFT], as_of=as_of) if entry.source == "skfolio")
        assert series.missing == 2
        assert reader.gaps([series], as_of=as_of) == [[date(2015, 3, 2), date(2015, 3, 3)]]
        assert reader.gaps([replace(series, first=date(2016, 1, 4))], as_of=as_of) == [[]]
        database.close()
