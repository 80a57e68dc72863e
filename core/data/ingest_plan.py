"""Plan an ingest run: which steps of which vendors over which days, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

from core.data.calendar import last_closed_session, shift_session
from core.errors import InvalidInput
from core.ports.vendor import Topic, VendorTerms

Mode = Literal["daily", "backfill"]
Step = Literal["corporate_actions", "market_data", "macro", "news", "events", "derived", "quality"]
STEPS: tuple[Step, ...] = get_args(Step)
# What a step asks the vendors for, in this order.
TOPICS: Mapping[Step, tuple[Topic, ...]] = {
    "corporate_actions": ("instruments", "actions"),
    "market_data": ("bars",),
    "macro": ("macro",),
    "news": ("news",),
    "events": ("events",),
}
# Steps of one stage run side by side. Bars come after the actions that explain their jumps.
STAGES: tuple[tuple[Step, ...], ...] = (
    ("corporate_actions", "macro", "news", "events"),
    ("market_data",),
    ("derived",),
    ("quality",),
)
LOOK_BACK_SESSIONS = 2
LONGEST_BACKFILL_DAYS = 366 * 70


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """Say what a person or the schedule wants; empty `symbols` and `vendors` mean all."""

    mode: Mode = "daily"
    days: int | None = None
    start: date | None = None
    end: date | None = None
    skip_steps: tuple[Step, ...] = ()
    symbols: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()

    def as_arguments(self) -> dict[str, Any]:
        """Return the request as JSON values, for the record of the run."""
        return {
            name: value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> IngestRequest:
        """Return the request that `as_arguments` wrote; raise InvalidInput when it is none."""
        try:
            return cls(
                mode=arguments["mode"],
                days=arguments.get("days"),
                start=None if arguments.get("start") is None else date.fromisoformat(arguments["start"]),
                end=None if arguments.get("end") is None else date.fromisoformat(arguments["end"]),
                skip_steps=tuple(arguments.get("skip_steps", ())),
                symbols=tuple(arguments.get("symbols", ())),
                vendors=tuple(arguments.get("vendors", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"This is no request for an ingest run: {error}.") from error


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Unit:
    """Name one piece of a run: a step of one vendor (or `desk`) over days, both included."""

    step: Step
    source: str
    first_day: date
    last_day: date

    @property
    def unit_id(self) -> str:
        """Return the unit as one word."""
        return f"{self.step}/{self.source}/{self.first_day}/{self.last_day}"

    @property
    def title(self) -> str:
        """Return the unit's name in the record of the run."""
        return f"{self.step} {self.first_day}..{self.last_day}"

    @classmethod
    def parse(cls, unit_id: str) -> Unit:
        """Return the unit of an id; raise InvalidInput."""
        try:
            step, source, first, last = unit_id.split("/")
            if step not in STEPS:
                raise ValueError(step)
            return cls(
                step=step,
                source=source,
                first_day=date.fromisoformat(first),
                last_day=date.fromisoformat(last),
            )
        except ValueError as error:
            raise InvalidInput(f"{unit_id!r} is no unit of an ingest run.") from error


def window_of(request: IngestRequest, now: datetime) -> tuple[date, date]:
    """Return the first and last day that a request covers, both included; raise InvalidInput.

    Daily is the newest day that has ended, looked at again for two sessions before it. The newest day is the last
    closed session of the exchange or, where later, yesterday in UTC (crypto trades on weekends too).
    """
    closed = last_closed_session(now, "XNYS")
    newest = max(closed, now.date() - timedelta(days=1))
    if request.mode == "daily":
        if (request.days, request.start, request.end) != (None, None, None):
            raise InvalidInput("A daily run has no days, start or end.", hint="Use --mode backfill.")
        return shift_session(closed, -LOOK_BACK_SESSIONS, "XNYS"), newest
    if (request.days is None) == (request.start is None):
        raise InvalidInput("A backfill needs either days or a start.", hint="For example --days 30.")
    end = request.end or newest
    if request.days is not None:
        if not 1 <= request.days <= LONGEST_BACKFILL_DAYS:
            raise InvalidInput(f"days is {request.days}, expected 1 to {LONGEST_BACKFILL_DAYS}.")
        return end - timedelta(days=request.days - 1), end
    assert request.start is not None
    if request.start > end:
        raise InvalidInput(f"The backfill starts on {request.start}, after its end on {end}.")
    if (end - request.start).days >= LONGEST_BACKFILL_DAYS:
        raise InvalidInput(f"{request.start} is too long ago; a backfill covers at most 70 years.")
    return request.start, end


def plan_units(
    request: IngestRequest,
    vendors: Sequence[VendorTerms],
    window: tuple[date, date],
    *,
    unfinished: Iterable[Unit] = (),
    done: Iterable[Unit] = (),
) -> list[Unit]:
    """Return the units of a run, stage by stage.

    A step is cut by calendar year, so that a broken-off backfill of many years goes on where it stopped. `unfinished`
    are units that failed earlier: a daily run takes them along. `done` are units that a broken-off run of the same
    request has finished.
    """
    start, end = window
    finished = set(done)
    wanted: list[Unit] = []
    for stage in STAGES:
        for step in stage:
            if step in request.skip_steps:
                continue
            if step not in TOPICS:
                wanted.append(Unit(step=step, source="desk", first_day=start, last_day=end))
                continue
            for terms in vendors:
                if not any(topic in terms.delivers for topic in TOPICS[step]):
                    continue
                wanted += [
                    Unit(step=step, source=terms.name, first_day=first, last_day=last)
                    for first, last in _years(start, end)
                ]
                if request.mode == "daily" and not request.symbols:
                    wanted += sorted(
                        unit
                        for unit in set(unfinished)
                        if (unit.step, unit.source) == (step, terms.name) and not start <= unit.first_day
                    )
    return [unit for unit in wanted if unit not in finished]


def _years(start: date, end: date) -> list[tuple[date, date]]:
    return [(max(start, date(year, 1, 1)), min(end, date(year, 12, 31))) for year in range(start.year, end.year + 1)]
