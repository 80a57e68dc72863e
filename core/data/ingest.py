"""Run the units of an ingest run: fetch, keep what was replied, parse, judge, store; each unit stands for itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from threading import Lock
from typing import Protocol

from core.data.bar_columns import join_columns
from core.data.ingest_plan import STAGES, TOPICS, IngestRequest, Unit
from core.data.pipeline import IngestReport, Pipeline, Progress, StepReport, no_progress
from core.domain.market_records import Instrument, MacroSeries, SymbolHistory
from core.errors import InvalidInput, UnknownName, VendorError
from core.ports.data_store import Counts
from core.ports.vendor import BarColumns, Payload, PayloadStore, RecordRows, Topic, Vendor, VendorTerms, Wanted

# Bars are judged and stored together, with what came before and after them, up to this many at a time.
MOST_BUFFERED_BARS = 500_000
WORKERS = 4


class Vendors(Protocol):
    """Know the vendors and open them."""

    def terms(self) -> Sequence[VendorTerms]:
        """Return the terms of every vendor."""
        ...

    def has_key(self, terms: VendorTerms) -> bool:
        """Say whether everything that the vendor needs to be asked is set."""
        ...

    def open(self, name: str) -> Vendor:
        """Return a vendor; raise UnknownName."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Hold what the desk asks vendors about."""

    instruments: tuple[Instrument, ...]
    symbol_history: tuple[SymbolHistory, ...]
    series: tuple[MacroSeries, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Hold the vendors of a run and, of those left out, what to set and what works without it."""

    vendors: tuple[VendorTerms, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSteps:
    """Hold the steps that ask no vendor: what is inferred from the rest, and the look at what is missing."""

    derived: Callable[[], Counts]
    quality: Callable[[], Counts]


def choose_vendors(known: Vendors, request: IngestRequest) -> Choice:
    """Return the vendors to ask: those named, else all whose keys are set; raise UnknownName or InvalidInput."""
    terms = {entry.name: entry for entry in known.terms()}
    if request.vendors:
        for name in request.vendors:
            if name not in terms:
                raise UnknownName("vendor", name, sorted(terms))
        return Choice(vendors=tuple(terms[name] for name in dict.fromkeys(request.vendors)))
    chosen = tuple(entry for entry in terms.values() if known.has_key(entry))
    remarks = tuple(
        f"{entry.title} is not asked: {' and '.join(entry.keys)} is not set. {entry.without_key}".strip()
        for entry in terms.values()
        if entry not in chosen
    )
    if not chosen:
        raise InvalidInput("No vendor can be asked.", hint=" ".join(remarks))
    return Choice(vendors=chosen, remarks=remarks)


def choose_instruments(request: IngestRequest, catalogue: Catalogue, find: Callable[[str], Instrument]) -> Catalogue:
    """Return the catalogue cut to the request's symbols; raise UnknownName."""
    if not request.symbols:
        return catalogue
    series = {entry.series_id.upper(): entry for entry in catalogue.series}
    found = [find(symbol) for symbol in request.symbols if symbol.upper() not in series]
    return Catalogue(
        instruments=tuple({entry.instrument_id: entry for entry in found}.values()),
        symbol_history=catalogue.symbol_history,
        series=tuple(series[symbol.upper()] for symbol in request.symbols if symbol.upper() in series),
    )


class IngestRunner:
    """Run units through one pipeline."""

    def __init__(
        self, pipeline: Pipeline, vendors: Vendors, payloads: PayloadStore, catalogue: Catalogue, desk: DeskSteps
    ) -> None:
        self._pipeline = pipeline
        self._vendors = vendors
        self._payloads = payloads
        self._catalogue = catalogue
        self._desk = desk
        self._open: dict[str, Vendor] = {}

    def run(self, units: Sequence[Unit], progress: Progress = no_progress, *, workers: int = WORKERS) -> IngestReport:
        """Run all units, the sources of one stage side by side; a failing unit leaves the others standing.

        Those of one step and source run in their order: how a bar is flagged depends on the bars before it.
        """
        lock, done = Lock(), count(1)

        def run_in_order(queue: Sequence[Unit]) -> None:
            for unit in queue:
                self.run_unit(unit)
                with lock:
                    progress(f"{unit.step} of {unit.source}", next(done) / len(units))

        for stage in STAGES:
            queues: dict[tuple[str, str], list[Unit]] = defaultdict(list)
            for unit in units:
                if unit.step in stage:
                    queues[unit.step, unit.source].append(unit)
            with ThreadPoolExecutor(max_workers=workers) as pool:
                for finished in as_completed([pool.submit(run_in_order, queue) for queue in queues.values()]):
                    finished.result()
        return self._pipeline.finish()

    def run_unit(self, unit: Unit) -> StepReport:
        """Run one unit and record its outcome; an error of the desk's own kinds is reported, not raised."""
        if unit.step == "derived":
            # What is derived reads the order of sources, which the bars of this run may have changed.
            self._pipeline.index()
            return self._pipeline.run_step(unit.title, unit.source, self._desk.derived)
        if unit.step == "quality":
            # The look at what is missing reads what the bars of this run have put into the index.
            self._pipeline.index()
            return self._pipeline.run_step(unit.title, unit.source, self._desk.quality)
        counts = Counts()
        return self._pipeline.run_step(unit.title, unit.source, lambda: self._ask(unit, counts), so_far=counts)

    def _ask(self, unit: Unit, counts: Counts) -> Counts:
        vendor = self._vendor(unit.source)
        wanted = Wanted(
            start=unit.first_day,
            end=unit.last_day,
            instruments=self._catalogue.instruments,
            symbol_history=self._catalogue.symbol_history,
            series=tuple(entry.series_id for entry in self._catalogue.series),
        )
        for topic in TOPICS[unit.step]:
            if topic in vendor.terms.delivers and (topic != "instruments" or self._pipeline.history_import):
                self._store(vendor, self._fetch(vendor, topic, wanted), counts)
        return counts

    def _fetch(self, vendor: Vendor, topic: Topic, wanted: Wanted) -> Iterable[Payload]:
        for payload in vendor.fetch(topic, wanted):
            self._payloads.keep(payload)
            yield payload

    def _store(self, vendor: Vendor, payloads: Iterable[Payload], counts: Counts) -> Counts:
        buffered: dict[tuple[str, str], list[BarColumns]] = defaultdict(list)
        size = 0
        unreadable: VendorError | None = None
        try:
            for payload in payloads:
                try:
                    for rows in vendor.parse(payload, self._pipeline.resolver):
                        if isinstance(rows, RecordRows):
                            counts.add(self._pipeline.store_records(rows))
                        else:
                            buffered[rows.source, rows.price_basis].append(rows)
                            size += len(rows)
                except VendorError as error:
                    # One reply that cannot be read costs only itself; it is kept for a better parser.
                    unreadable = unreadable or error
                if size >= MOST_BUFFERED_BARS:
                    self._flush(buffered, counts)
                    size = 0
        finally:
            # What a vendor delivered before it failed stands.
            self._flush(buffered, counts)
        if unreadable is not None:
            raise unreadable
        return counts

    def _flush(self, buffered: dict[tuple[str, str], list[BarColumns]], counts: Counts) -> None:
        for columns in buffered.values():
            counts.add(self._pipeline.store_bars(join_columns(columns)))
        buffered.clear()

    def reparse(self, names: Sequence[str], since: datetime | None, progress: Progress = no_progress) -> IngestReport:
        """Derive the rows again from the kept replies of vendors, asking nobody; empty means every vendor."""
        terms = [entry.name for entry in self._vendors.terms()]
        for name in names:
            if name not in terms:
                raise UnknownName("vendor", name, terms)
        chosen = [name for name in terms if not names or name in names]
        for number, name in enumerate(chosen):
            progress(f"kept replies of {name}", number / len(chosen))
            counts = Counts()
            self._pipeline.run_step(
                "reparse",
                name,
                partial(self._store, self._vendor(name), self._payloads.read(name, since), counts),
                so_far=counts,
            )
        progress("coverage", 1.0)
        return self._pipeline.finish()

    def _vendor(self, name: str) -> Vendor:
        if name not in self._open:
            self._open[name] = self._vendors.open(name)
        return self._open[name]
