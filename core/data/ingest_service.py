"""Begin, run and end ingest runs: in this process, or unit by unit for a workflow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from core.data.freshness import SourceFreshness
from core.data.gap_ledger import GapLedger, WindowCoverage
from core.data.ingest import (
    Catalogue,
    Choice,
    DeskSteps,
    IngestRunner,
    Vendors,
    choose_instruments,
    choose_vendors,
)
from core.data.ingest_plan import STAGES, IngestRequest, Unit, plan_units, window_of
from core.data.notices import notice_of_run
from core.data.pipeline import IngestReport, Pipeline, Progress, StepReport, no_progress
from core.data.record_gaps import RECORD_TOPICS, RecordGapLedger, RecordLook, RecordTopic, Window
from core.data.samples import seed_universe
from core.data.universe import is_followed, macro_catalogue
from core.domain.as_of import AsOf
from core.domain.market_records import Instrument
from core.errors import InvalidInput, UserError
from core.ports.clock import Clock
from core.ports.data_store import Counts, DataStore, IngestLog, PlannedStep, StepRecord
from core.ports.notifier import Notice
from core.ports.vendor import PayloadStore

# A backfill that broke off goes on where it stopped when it is asked for again within this time.
RESUME_HOURS = 24


class PipelineOpener(Protocol):
    """Begin a run, or work for one that was begun (`run_id`)."""

    def __call__(
        self, *, mode: str, arguments: Mapping[str, Any], history_import: bool, run_id: str | None = None
    ) -> Pipeline:
        """Return the pipeline of the run."""
        ...


class Freshness(Protocol):
    """Say how fresh each source is."""

    def __call__(self, *, as_of: AsOf) -> Sequence[SourceFreshness]:
        """Return every source, the late ones first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Say what became of a run: its steps, what is stored of the days it asked for, and what a person can do."""

    report: IngestReport
    first_day: date
    last_day: date
    coverage: tuple[WindowCoverage, ...]
    remarks: tuple[str, ...]
    resumed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Hold what a request comes to."""

    request: IngestRequest
    window: tuple[date, date]
    units: tuple[Unit, ...]
    choice: Choice
    resumed: int


class IngestService:
    """Run ingest requests on the desk's store."""

    def __init__(
        self,
        *,
        open_pipeline: PipelineOpener,
        store: DataStore,
        log: IngestLog,
        clock: Clock,
        vendors: Vendors,
        payloads: PayloadStore,
        gaps: GapLedger,
        record_gaps: RecordGapLedger,
        derived: Callable[[], Counts],
        find: Callable[[str], Instrument],
        freshness: Freshness,
        notify: Callable[[Notice], object],
    ) -> None:
        self._open_pipeline = open_pipeline
        self._store = store
        self._log = log
        self._clock = clock
        self._vendors = vendors
        self._payloads = payloads
        self._gaps = gaps
        self._record_gaps = record_gaps
        self._derived = derived
        self._find = find
        self._freshness = freshness
        self._notify = notify
        self._coverage: dict[str, tuple[WindowCoverage, ...]] = {}

    def run(self, request: IngestRequest, progress: Progress = no_progress) -> Outcome:
        """Run a request in this process and return what became of it; raise UserError when it cannot be planned."""
        pipeline, plan = self._begin(request, {})
        runner = self._runner(pipeline, plan.request)
        report = runner.run(plan.units, progress)
        late = self._tell(report, request)
        return self._outcome(report, plan, late)

    def reparse(self, vendors: Sequence[str], since: datetime | None, progress: Progress = no_progress) -> Outcome:
        """Derive the rows of kept replies again, asking no vendor."""
        arguments = {"vendors": list(vendors), "since": since.isoformat() if since else None}
        pipeline = self._open_pipeline(mode="reparse", arguments=arguments, history_import=True)
        seed_universe(pipeline)
        report = self._runner(pipeline, IngestRequest()).reparse(vendors, since, progress)
        day = self._clock.wall().date()
        return Outcome(
            report=report, first_day=day, last_day=day, coverage=(), remarks=_remarks(report, Choice(vendors=()))
        )

    def begin(self, request: IngestRequest, workflow: str) -> tuple[str, list[list[str]]]:
        """Begin a run for a workflow; return its id and the ids of its units by stage. Asked again, the same run."""
        begun = self._log.of_workflow(workflow)
        if begun is None:
            pipeline, plan = self._begin(request, {"workflow": workflow})
            begun, units = pipeline.report.run_id, list(plan.units)
            pipeline.index()
        else:
            units = _units([_planned(record) for record in self._log.steps(begun) if record.first_day])
        stages = [[unit.unit_id for unit in units if unit.step in stage] for stage in STAGES]
        return begun, [stage for stage in stages if stage]

    def run_unit(self, run_id: str, unit_id: str) -> str:
        """Run one unit of a run that was begun; return `done` or `failed`. Done already, it is left alone."""
        unit = Unit.parse(unit_id)
        for record in self._log.steps(run_id):
            if (record.step, record.source, record.state) == (unit.title, unit.source, "done"):
                return "done"
        pipeline, request = self._resume(run_id)
        step = self._runner(pipeline, request).run_unit(unit)
        pipeline.index()
        return "failed" if step.error else "done"

    def finish(self, run_id: str) -> str:
        """End a run whose units were run; return its state."""
        pipeline, request = self._resume(run_id)
        for record in self._log.steps(run_id):
            error = record.error or ("It was not done." if record.state == "running" else None)
            pipeline.report.steps.append(
                StepReport(
                    step=record.step, source=record.source, counts=record.counts, seconds=record.seconds, error=error
                )
            )
        report = pipeline.finish()
        self._tell(report, request)
        return report.state

    def _tell(self, report: IngestReport, request: IngestRequest) -> tuple[str, ...]:
        """Tell people what needs them, once a run; return what was said of late sources."""
        late = self._late(report) if request.mode == "daily" and not request.symbols else ()
        notice = notice_of_run(report, request.mode, late)
        if notice is not None:
            self._notify(notice)
        return late

    def _late(self, report: IngestReport) -> tuple[str, ...]:
        """Return a sentence on each source that this run asked and that is late all the same."""
        asked = {step.source for step in report.steps}
        found = self._freshness(as_of=AsOf(known=self._clock.wall()))
        return tuple(entry.sentence for entry in found if entry.late and entry.source in asked)

    def _begin(self, request: IngestRequest, extra: Mapping[str, Any]) -> tuple[Pipeline, Plan]:
        now = self._clock.wall()
        window = window_of(request, now)
        choice = choose_vendors(self._vendors, request)
        pipeline = self._open_pipeline(
            mode=request.mode,
            arguments={**request.as_arguments(), **extra},
            history_import=request.mode == "backfill",
        )
        seed_universe(pipeline)
        try:
            self._catalogue(request)
        except UserError:
            self._log.finish(pipeline.report.run_id, "failed", {"error": "A symbol is not known."}, now)
            raise
        done = [unit for unit in _units(self._done_before(request)) if unit.source != "desk"]
        units = plan_units(request, choice.vendors, window, unfinished=_units(self._log.unfinished()), done=done)
        self._log.plan(
            pipeline.report.run_id,
            [
                PlannedStep(step=unit.title, source=unit.source, first_day=unit.first_day, last_day=unit.last_day)
                for unit in units
            ],
            self._clock.wall(),
        )
        return pipeline, Plan(request=request, window=window, units=tuple(units), choice=choice, resumed=len(done))

    def _done_before(self, request: IngestRequest) -> Sequence[PlannedStep]:
        """Return what broken-off runs of the same backfill have done."""
        if request.mode != "backfill":
            return ()
        since = self._clock.wall() - timedelta(hours=RESUME_HOURS)
        return self._log.done_before(request.mode, request.as_arguments(), since)

    def _resume(self, run_id: str) -> tuple[Pipeline, IngestRequest]:
        mode, arguments = self._log.arguments(run_id)
        request = IngestRequest.from_arguments(arguments)
        pipeline = self._open_pipeline(
            mode=mode, arguments=arguments, history_import=request.mode == "backfill", run_id=run_id
        )
        return pipeline, request

    def _runner(self, pipeline: Pipeline, request: IngestRequest) -> IngestRunner:
        chosen = self._catalogue(request)
        run_id = pipeline.report.run_id
        desk = DeskSteps(derived=self._derived, quality=lambda: self._look(run_id, request, chosen))
        return IngestRunner(pipeline, self._vendors, self._payloads, chosen, desk)

    def _catalogue(self, request: IngestRequest) -> Catalogue:
        instruments, history = self._store.identities()
        catalogue = Catalogue(
            instruments=tuple(entry for entry in instruments if request.symbols or is_followed(entry)),
            symbol_history=tuple(history),
            series=macro_catalogue(),
        )
        return choose_instruments(request, catalogue, self._find)

    def _look(self, run_id: str, request: IngestRequest, catalogue: Catalogue) -> Counts:
        self._look_at_records(run_id, request)
        asked: dict[str, list[tuple[date, date]]] = defaultdict(list)
        answered = [_planned(entry) for entry in self._log.steps(run_id) if entry.state == "done" and entry.first_day]
        for step in (*self._done_before(request), *answered):
            if step.step.startswith("market_data "):
                asked[step.source].append((step.first_day, step.last_day))
        days = [day for windows in asked.values() for window in windows for day in window]
        if not days:
            self._coverage[run_id] = ()
            return Counts()
        ids = [entry.instrument_id for entry in catalogue.instruments] if request.symbols else None
        found = self._gaps.look(asked, min(days), max(days), instrument_ids=ids)
        self._coverage[run_id] = tuple(found)
        return Counts(read=sum(entry.expected for entry in found), same=sum(entry.stored for entry in found))

    def _look_at_records(self, run_id: str, request: IngestRequest) -> None:
        """Bring the ledger of macro, news and events up to date; a run for some symbols says nothing of the others."""
        if request.symbols:
            return
        asked: dict[tuple[RecordTopic, str], list[Window]] = defaultdict(list)
        owed: dict[tuple[RecordTopic, str], list[Window]] = defaultdict(list)
        mine = self._log.steps(run_id)
        answered = [_planned(entry) for entry in mine if entry.state == "done" and entry.first_day]
        failed = [_planned(entry) for entry in mine if entry.state == "failed" and entry.first_day]
        for steps, found in (
            ((*self._done_before(request), *answered), asked),
            ((*self._log.unfinished(), *failed), owed),
        ):
            for unit in _units(steps):
                for topic in RECORD_TOPICS:
                    if unit.step == topic:
                        found[topic, unit.source].append((unit.first_day, unit.last_day))
        if asked or owed:
            self._record_gaps.look(RecordLook(asked=asked, owed=owed, until=self._clock.wall().date()))

    def _outcome(self, report: IngestReport, plan: Plan, late: tuple[str, ...] = ()) -> Outcome:
        return Outcome(
            report=report,
            first_day=plan.window[0],
            last_day=plan.window[1],
            coverage=self._coverage.get(report.run_id, ()),
            remarks=(*_remarks(report, plan.choice), *late),
            resumed=plan.resumed,
        )


def _planned(record: StepRecord) -> PlannedStep:
    assert record.first_day is not None and record.last_day is not None
    return PlannedStep(step=record.step, source=record.source, first_day=record.first_day, last_day=record.last_day)


def _units(steps: Sequence[PlannedStep]) -> list[Unit]:
    found = []
    for step in steps:
        try:
            name = step.step.split(" ")[0]
            found.append(Unit.parse(f"{name}/{step.source}/{step.first_day}/{step.last_day}"))
        except InvalidInput:
            # A step of an older plan that is no longer made.
            continue
    return found


def _remarks(report: IngestReport, choice: Choice) -> tuple[str, ...]:
    """Return what a person can do after a run."""
    said = [
        f"{step.step} of {step.source} failed: {step.error} What it delivered stands; the next run asks again."
        for step in report.failed
    ]
    if report.counts.quarantined:
        said.append(f"{report.counts.quarantined} rows wait in the quarantine: `quantdesk quarantine list` shows them.")
    return (*said, *choice.remarks)
