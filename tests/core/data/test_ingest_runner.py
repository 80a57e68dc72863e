"""The order, the halves and the errors of an ingest run, with vendors and a store in memory."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from core.data import ingest as ingest_module
from core.data.ingest import Catalogue, DeskSteps, IngestRunner, choose_instruments, choose_vendors
from core.data.ingest_plan import IngestRequest, Unit
from core.data.pipeline import Pipeline
from core.data.universe import macro_catalogue, symbol_history, universe
from core.domain.identifiers import Uuid7Source
from core.domain.market_records import CorporateAction, Instrument
from core.errors import InvalidInput, UnknownName, VendorError, VendorKeyRefused, VendorMalformed
from core.ports.data_store import BarArrays, Counts, HeldRow, PlannedStep, StepRecord
from core.ports.vendor import BarColumns, Payload, RecordRows, Topic, VendorTerms, Wanted
from core.testing.clock import FixedClock

NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)
FIRST, LAST = date(2024, 2, 9), date(2024, 2, 13)
DAYS = np.array(["2024-02-09", "2024-02-12", "2024-02-13"], dtype="datetime64[D]")


class MemorySeries:
    """Keep inserted bars; nothing is stored before."""

    def __init__(self, store: MemoryStore, source: str) -> None:
        self._store, self._source = store, source

    def stored(self, instrument_ids: Any, since: date) -> BarArrays:
        empty = np.empty(0)
        return BarArrays(
            instrument_id=np.empty(0, dtype=np.int32), session=np.empty(0, dtype="datetime64[D]"), open=empty,
            high=empty, low=empty, close=empty, volume=empty, flag=np.empty(0, dtype=np.int16), flags=("",),
            known_at=np.empty(0, dtype="datetime64[us]"),
        )  # fmt: skip

    def insert(self, bars: BarArrays) -> None:
        self._store.inserts.append((self._source, bars.instrument_id.tolist(), bars.session.tolist()))

    def replace(self, bars: BarArrays) -> None:
        assert not len(bars)


class MemoryStore:
    def __init__(self) -> None:
        self.inserts: list[tuple[str, list[int], list[date]]] = []
        self.merged: list[RecordRows] = []
        self.indexed: list[Sequence[int] | None] = []

    @contextmanager
    def series(self, source: str, price_basis: str) -> Iterator[MemorySeries]:
        yield MemorySeries(self, source)

    def merge(self, rows: RecordRows, **_: Any) -> Counts:
        self.merged.append(rows)
        return Counts(read=len(rows.rows), new=len(rows.rows))

    def identities(self) -> tuple[Sequence[Instrument], Sequence[Any]]:
        return universe(), symbol_history()

    def splits(self) -> Sequence[Any]:
        return ()

    def index_series(self, instrument_ids: Sequence[int] | None = None) -> None:
        self.indexed.append(instrument_ids)


class MemoryLog:
    def __init__(self) -> None:
        self.steps_done: list[tuple[str, str, Counts, str | None]] = []
        self.ended: list[str] = []
        self.held: list[HeldRow] = []

    def start(self, *_: Any) -> int:
        return 0

    def step(self, run_id: str, step: str, source: str, counts: Counts, *, error: str | None, **_: Any) -> None:
        self.steps_done.append((step.split(" ")[0], source, counts, error))

    def finish(self, run_id: str, state: str, summary: Mapping[str, Any], at: datetime) -> None:
        self.ended.append(state)

    def hold(self, rows: Sequence[HeldRow]) -> int:
        self.held += rows
        return len(rows)

    def plan(self, run_id: str, units: Sequence[PlannedStep], at: datetime) -> None: ...

    def steps(self, run_id: str) -> Sequence[StepRecord]:
        return ()


class MemoryPayloads:
    def __init__(self) -> None:
        self.kept: list[Payload] = []

    def keep(self, payload: Payload) -> bool:
        self.kept.append(payload)
        return True

    def read(self, vendor: str | None = None, since: datetime | None = None) -> Iterator[Payload]:
        yield from [payload for payload in self.kept if vendor in (None, payload.vendor)]


class FakeVendor:
    """Reply with one payload per symbol; what a reply holds is said in its body."""

    def __init__(
        self, name: str, topics: tuple[Topic, ...], replies: Mapping[Topic, Sequence[str]], **more: Any
    ) -> None:
        self.terms = VendorTerms(
            name=name, title=name.title(), delivers=dict.fromkeys(topics, "rows"), base_url="https://x",
            requests_per_minute=5, limits="", **more,
        )  # fmt: skip
        self.replies = replies
        self.asked: list[tuple[Topic, Wanted]] = []
        self.fails_after: int | None = None
        self.barrier: threading.Barrier | None = None

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        self.asked.append((topic, wanted))
        if self.barrier is not None:
            self.barrier.wait(timeout=60)
        for number, body in enumerate(self.replies.get(topic, ())):
            if number == self.fails_after:
                raise VendorKeyRefused(f"{self.terms.title} refused the key.")
            yield Payload(
                vendor=self.terms.name, kind=topic, request={"n": number}, content_type="text/plain",
                body=body.encode(), received_at=NOW,
            )  # fmt: skip

    def parse(self, payload: Payload, names: Any) -> Iterator[BarColumns | RecordRows]:
        text = payload.body.decode()
        if text == "garbage":
            raise VendorMalformed("A reply cannot be read.")
        if payload.kind == "actions":
            row = (2001, "dividend", FIRST, self.terms.name, None, 0.24, "USD", "raw", NOW)
            yield RecordRows(record=CorporateAction, source=self.terms.name, rows=[row])
            return
        close = np.array([100.0, 101.0, 102.0])
        yield BarColumns(
            source=self.terms.name, price_basis="raw", symbols=(text,), symbol_code=np.zeros(3, dtype=np.int32),
            session=DAYS, open=close, high=close, low=close, close=close, volume=np.array([5.0, 6.0, 7.0]),
            line=np.arange(3, dtype=np.int64),
        )  # fmt: skip


class FakeVendors:
    def __init__(self, *vendors: FakeVendor, keys: frozenset[str] = frozenset()) -> None:
        self._vendors = {vendor.terms.name: vendor for vendor in vendors}
        self._keys = keys
        self.opened: list[str] = []

    def terms(self) -> Sequence[VendorTerms]:
        return [vendor.terms for vendor in self._vendors.values()]

    def has_key(self, terms: VendorTerms) -> bool:
        return not terms.key_required or set(terms.keys) <= self._keys

    def open(self, name: str) -> FakeVendor:
        self.opened.append(name)
        return self._vendors[name]


CATALOGUE = Catalogue(instruments=universe()[:5], symbol_history=symbol_history(), series=macro_catalogue()[:3])


class Bench:
    """Hold a runner with everything it works on."""

    def __init__(self, *vendors: FakeVendor, history_import: bool = False) -> None:
        self.store, self.log, self.payloads = MemoryStore(), MemoryLog(), MemoryPayloads()
        self.vendors = FakeVendors(*vendors)
        self.order: list[str] = []
        clock = FixedClock(NOW, mode="live")
        self.pipeline = Pipeline(
            self.store, self.log, clock, Uuid7Source(clock, random.Random(1)),  # type: ignore[arg-type]
            mode="daily", arguments={}, history_import=history_import,
        )  # fmt: skip
        desk = DeskSteps(derived=lambda: self._desk("derived"), quality=lambda: self._desk("quality"))
        self.runner = IngestRunner(self.pipeline, self.vendors, self.payloads, CATALOGUE, desk)  # type: ignore[arg-type]

    def _desk(self, name: str) -> Counts:
        self.order.append(name)
        return Counts(read=1, same=1)

    def states(self) -> dict[tuple[str, str], str | None]:
        return {(step, source): error for step, source, _, error in self.log.steps_done}


def unit(step: Any, source: str) -> Unit:
    return Unit(step=step, source=source, first_day=FIRST, last_day=LAST)


DESK = [unit("derived", "desk"), unit("quality", "desk")]


def test_bars_of_a_unit_are_stored_together_and_replies_are_kept_first() -> None:
    bench = Bench(FakeVendor("one", ("bars",), {"bars": ["AAPL", "MSFT", "AAPL2"]}))
    report = bench.runner.run([unit("market_data", "one"), *DESK])
    assert [payload.body for payload in bench.payloads.kept] == [b"AAPL", b"MSFT", b"AAPL2"]
    (insert,) = bench.store.inserts
    assert sorted(set(insert[1])) == [2001, 2002]
    assert report.state == "done"
    counts = next(counts for step, _, counts, _ in bench.log.steps_done if step == "market_data")
    assert (counts.read, counts.new, counts.quarantined) == (9, 6, 3)
    assert {row.reason for row in bench.log.held} == {"unknown_symbol"}
    assert bench.log.ended == ["done"]
    assert bench.order == ["derived", "quality"]


def test_what_was_indexed_is_indexed_before_the_look_at_what_is_missing() -> None:
    bench = Bench(FakeVendor("one", ("bars",), {"bars": ["AAPL"]}))
    seen: list[int] = []
    bench.runner._desk = DeskSteps(  # type: ignore[misc]
        derived=Counts, quality=lambda: seen.append(len(bench.store.indexed)) or Counts()
    )
    bench.runner.run([unit("market_data", "one"), *DESK])
    assert seen == [1]
    assert bench.store.indexed == [[2001]]


def test_a_vendor_that_fails_in_the_middle_costs_only_what_it_had_not_delivered() -> None:
    vendor = FakeVendor("one", ("bars",), {"bars": ["AAPL", "MSFT", "NVDA"]})
    vendor.fails_after = 2
    bench = Bench(vendor)
    report = bench.runner.run([unit("market_data", "one"), *DESK])
    assert report.state == "partial"
    assert sorted(set(bench.store.inserts[0][1])) == [2001, 2002]
    step, _, counts, error = bench.log.steps_done[0]
    assert (step, counts.new) == ("market_data", 6)
    assert error is not None and "refused the key" in error
    assert bench.order == ["derived", "quality"]


def test_one_reply_that_cannot_be_read_costs_only_itself() -> None:
    bench = Bench(FakeVendor("one", ("bars",), {"bars": ["AAPL", "garbage", "MSFT"]}))
    bench.runner.run([unit("market_data", "one")])
    assert sorted(set(bench.store.inserts[0][1])) == [2001, 2002]
    assert len(bench.payloads.kept) == 3
    error = bench.states()["market_data", "one"]
    assert error is not None and "cannot be read" in error


def test_a_failing_unit_leaves_the_others_standing() -> None:
    bad = FakeVendor("bad", ("bars", "actions"), {"bars": ["AAPL"], "actions": ["x"]})
    bad.fails_after = 0
    good = FakeVendor("good", ("bars", "actions"), {"bars": ["MSFT"], "actions": ["x"]})
    bench = Bench(bad, good)
    steps = [unit(step, name) for step in ("corporate_actions", "market_data") for name in ("bad", "good")]
    report = bench.runner.run([*steps, *DESK])
    assert {place for place, error in bench.states().items() if error} == {
        ("corporate_actions", "bad"),
        ("market_data", "bad"),
    }
    assert report.state == "partial"
    assert len(bench.store.merged) == 1
    assert len(bench.store.inserts) == 1


def test_units_of_one_stage_run_side_by_side_and_the_next_stage_waits() -> None:
    """Both vendors of the stage must be inside `fetch` at once for the barrier to open."""
    barrier = threading.Barrier(2)
    vendors = [FakeVendor(name, ("news", "bars"), {"bars": ["AAPL"]}) for name in ("one", "two")]
    for vendor in vendors:
        vendor.barrier = barrier
    bench = Bench(*vendors)
    steps = [unit(step, vendor.terms.name) for step in ("market_data", "news") for vendor in vendors]
    report = bench.runner.run(steps)
    assert report.state == "done"
    for vendor in vendors:
        assert [topic for topic, _ in vendor.asked] == ["news", "bars"]
        assert vendor.terms.name in bench.vendors.opened


def test_the_years_of_one_vendor_run_in_their_order_while_other_vendors_go_on() -> None:
    """The first year of `one` ends only after `two` has ended all: a later year of `one` must not overtake it."""
    others_done, entered = threading.Event(), []

    class Waiting(FakeVendor):
        def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
            entered.append((self.terms.name, wanted.start.year))
            if self.terms.name == "one" and wanted.start.year == 2021:
                assert others_done.wait(timeout=60)
            yield from super().fetch(topic, wanted)
            entered.append((self.terms.name, -wanted.start.year))
            if (self.terms.name, wanted.start.year) == ("two", 2023):
                others_done.set()

    bench = Bench(*(Waiting(name, ("bars",), {"bars": ["AAPL"]}) for name in ("one", "two")))
    years = [
        Unit(step="market_data", source=name, first_day=date(year, 1, 1), last_day=date(year, 12, 31))
        for name in ("one", "two") for year in (2021, 2022, 2023)
    ]  # fmt: skip
    seen: list[float] = []
    report = bench.runner.run(years, lambda _, share: seen.append(share))
    assert report.state == "done"
    for name in ("one", "two"):
        assert [year for who, year in entered if who == name] == [2021, -2021, 2022, -2022, 2023, -2023]
    assert seen == [number / 6 for number in range(1, 7)]


def test_everything_failed_is_a_failed_run() -> None:
    bad = FakeVendor("bad", ("bars",), {"bars": ["AAPL"]})
    bad.fails_after = 0
    bench = Bench(bad)
    assert bench.runner.run([unit("market_data", "bad")]).state == "failed"
    assert bench.log.ended == ["failed"]


def test_details_of_instruments_are_asked_for_in_a_backfill_only() -> None:
    for history_import in (False, True):
        vendor = FakeVendor("one", ("actions", "instruments"), {"actions": ["x"]})
        bench = Bench(vendor, history_import=history_import)
        bench.runner.run([unit("corporate_actions", "one")])
        assert [topic for topic, _ in vendor.asked] == (["instruments", "actions"] if history_import else ["actions"])


def test_a_vendor_is_told_days_instruments_and_series() -> None:
    vendor = FakeVendor("one", ("macro",), {})
    bench = Bench(vendor)
    bench.runner.run([unit("macro", "one")])
    ((topic, wanted),) = vendor.asked
    assert topic == "macro"
    assert (wanted.start, wanted.end) == (FIRST, LAST)
    assert wanted.instruments == CATALOGUE.instruments
    assert wanted.series == tuple(entry.series_id for entry in CATALOGUE.series)


def test_more_bars_than_the_buffer_holds_are_stored_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_module, "MOST_BUFFERED_BARS", 6)
    bench = Bench(FakeVendor("one", ("bars",), {"bars": ["AAPL", "MSFT", "NVDA"]}))
    bench.runner.run([unit("market_data", "one")])
    assert [len(ids) for _, ids, _ in bench.store.inserts] == [6, 3]


def test_kept_replies_are_parsed_again_without_asking() -> None:
    one, two = (FakeVendor(name, ("bars",), {"bars": ["AAPL"]}) for name in ("one", "two"))
    bench = Bench(one, two)
    bench.runner.run([unit("market_data", "one"), unit("market_data", "two")])
    bench.store.inserts.clear()
    asked = len(one.asked) + len(two.asked)
    bench.runner.reparse(["two"], None)
    assert [source for source, _, _ in bench.store.inserts] == ["two"]
    bench.runner.reparse([], None)
    assert [source for source, _, _ in bench.store.inserts] == ["two", "one", "two"]
    assert len(one.asked) + len(two.asked) == asked
    with pytest.raises(UnknownName, match="one"):
        bench.runner.reparse(["nobody"], None)


def test_progress_rises_to_one() -> None:
    bench = Bench(FakeVendor("one", ("bars", "news"), {"bars": ["AAPL"]}))
    seen: list[float] = []
    bench.runner.run([unit("market_data", "one"), unit("news", "one"), *DESK], lambda _, share: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 4


# Choosing -----------------------------------------------------------------------------------------------------------
FREE = FakeVendor("free", ("bars",), {}, key_required=False)
PAID = FakeVendor("paid", ("news",), {}, keys=("PAID_KEY",), without_key="News come from files.")


def test_vendors_whose_key_is_missing_are_left_out_and_named_with_what_works_without() -> None:
    choice = choose_vendors(FakeVendors(FREE, PAID), IngestRequest())
    assert [terms.name for terms in choice.vendors] == ["free"]
    assert choice.remarks == ("Paid is not asked: PAID_KEY is not set. News come from files.",)
    both = choose_vendors(FakeVendors(FREE, PAID, keys=frozenset({"PAID_KEY"})), IngestRequest())
    assert [terms.name for terms in both.vendors] == ["free", "paid"]
    assert both.remarks == ()


def test_a_named_vendor_is_asked_even_without_its_key_and_an_unknown_one_refused() -> None:
    choice = choose_vendors(FakeVendors(FREE, PAID), IngestRequest(vendors=("paid", "paid")))
    assert [terms.name for terms in choice.vendors] == ["paid"]
    with pytest.raises(UnknownName, match="free"):
        choose_vendors(FakeVendors(FREE, PAID), IngestRequest(vendors=("nobody",)))
    with pytest.raises(InvalidInput, match="PAID_KEY"):
        choose_vendors(FakeVendors(PAID), IngestRequest())


def test_symbols_choose_instruments_by_any_name_and_macro_series_by_id() -> None:
    names = {"apple": universe()[0], "AAPL": universe()[0]}

    def find(name: str) -> Instrument:
        if name not in names:
            raise UnknownName("instrument", name)
        return names[name]

    series = CATALOGUE.series[0].series_id
    chosen = choose_instruments(IngestRequest(symbols=("apple", "AAPL", series.lower())), CATALOGUE, find)
    assert chosen.instruments == (universe()[0],)
    assert [entry.series_id for entry in chosen.series] == [series]
    assert choose_instruments(IngestRequest(), CATALOGUE, find) is CATALOGUE
    with pytest.raises(UnknownName):
        choose_instruments(IngestRequest(symbols=("nobody",)), CATALOGUE, find)


def test_an_error_of_the_desks_own_kind_only_is_taken_as_a_failed_step() -> None:
    vendor = FakeVendor("one", ("bars",), {"bars": ["AAPL"]})
    bench = Bench(vendor)
    vendor.parse = lambda payload, names: (_ for _ in ()).throw(ZeroDivisionError())  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        bench.runner.run([unit("market_data", "one")])
    assert issubclass(VendorMalformed, VendorError)
    assert replace(DESK[0], source="x") != DESK[0]
