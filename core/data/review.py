"""Review rows that wait in the quarantine: look at them beside their neighbours, release them or discard them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from core.data.pipeline import Pipeline
from core.domain.principal import Principal
from core.errors import NotSignedIn, Refused, UnknownName

HeldState = Literal["held", "released", "discarded"]
Decision = Literal["released", "discarded"]
NEIGHBOURS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldEntry:
    """Hold one row of the quarantine as it arrived, with the verdict on it and what was decided."""

    quarantine_id: int
    record_kind: str
    source: str
    symbol: str
    about: date | None
    verdict: Literal["reject", "quarantine"]
    reason: str
    detail: str
    row: Mapping[str, Any]
    origin: str
    state: HeldState
    recorded_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def bar(self) -> Mapping[str, Any] | None:
        """Return the bar as it was read (instrument_id, price_basis, session, prices, volume), None if it is none."""
        found = self.row.get("bar")
        return found if isinstance(found, dict) and found.get("session") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NearBar:
    """Hold a stored bar near a held one: of its own source, or what another source says of the same days."""

    source: str
    price_basis: str
    session: date
    open: float | None
    high: float | None
    low: float | None
    close: float
    volume: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Hold one decision as it is kept for good."""

    quarantine_id: int
    decision: Decision
    outcome: str
    reason: str
    decided_by: str
    face: str
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Hold everything that a person needs to decide on a held row."""

    entry: HeldEntry
    neighbours: Sequence[NearBar]
    elsewhere: Sequence[NearBar]
    reviews: Sequence[Review]


class Quarantine(Protocol):
    """Read held rows and keep decisions on them."""

    def list(
        self,
        *,
        state: HeldState | None = "held",
        source: str | None = None,
        symbol: str | None = None,
        reason: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[HeldEntry]:
        """Return rows in the order of their ids, beginning after one."""
        ...

    def get(self, quarantine_id: int) -> HeldEntry:
        """Return a row; raise UnknownName."""
        ...

    def following(self, entry: HeldEntry) -> Sequence[HeldEntry]:
        """Return the held bars of the same series from later sessions, in their order."""
        ...

    def near(self, entry: HeldEntry, count: int) -> tuple[Sequence[NearBar], Sequence[NearBar]]:
        """Return stored bars around a held one: of its own series, and of other sources."""
        ...

    def reviews(self, quarantine_id: int) -> Sequence[Review]:
        """Return the decisions on a row, oldest first."""
        ...

    def decide(
        self, quarantine_id: int, decision: Decision, *, outcome: str, reason: str, decided_by: str, face: str
    ) -> bool:
        """Record a decision on a row that is held and say so; return False when somebody else decided before."""
        ...


class ReviewDesk:
    """Let people decide on held rows."""

    def __init__(self, quarantine: Quarantine, open_pipeline: Callable[[int], Pipeline]) -> None:
        self._quarantine = quarantine
        self._open_pipeline = open_pipeline

    def list(self, **filters: Any) -> Sequence[HeldEntry]:
        """Return held rows; see Quarantine.list."""
        return self._quarantine.list(**filters)

    def show(self, row: int | str) -> Case:
        """Return a row with the stored bars around it and what other sources say; raise UnknownName."""
        entry = self._quarantine.get(_number(row))
        own, others = self._quarantine.near(entry, NEIGHBOURS) if entry.bar else ((), ())
        return Case(
            entry=entry, neighbours=own, elsewhere=others, reviews=self._quarantine.reviews(entry.quarantine_id)
        )

    def release(self, row: int | str, principal: Principal, *, face: str, reason: str = "") -> str:
        """Store a held bar and judge the bars that waited behind it again; return what was done.

        Raises Refused for a row that cannot be true, that holds no bar, or that was decided on before, and NotSignedIn
        without the scope `admin`.
        """
        entry = self._open_entry(row, principal)
        quarantine_id = entry.quarantine_id
        if entry.verdict == "reject":
            raise Refused(
                f"Row {quarantine_id} cannot be true ({entry.reason}), so it is never stored.",
                rule="rejected",
                hint="Discard it; a corrected row comes with the next delivery.",
            )
        if entry.bar is None:
            raise Refused(
                f"Row {quarantine_id} ({entry.reason}) names no bar of a known instrument.",
                rule="no_bar",
                hint="Add the instrument and deliver the rows again, or discard it.",
            )
        pipeline = self._open_pipeline(quarantine_id)
        pipeline.run_step(
            "release", entry.source, lambda: pipeline.store_released(entry.source, [dict(entry.bar or {})])
        )
        waiting = self._quarantine.following(entry)
        passed: list[int] = []
        if waiting:
            step = pipeline.run_step(
                "look again",
                entry.source,
                lambda: pipeline.judge_again(entry.source, [dict(other.bar or {}) for other in waiting], passed),
            )
            passed = [] if step.error else passed
        pipeline.finish()
        outcome = f"stored {entry.symbol} {entry.about}"
        self._decide(entry, "released", outcome, principal, face, reason)
        for place in passed:
            self._decide(
                waiting[place],
                "released",
                f"passed the rules after row {quarantine_id} was released",
                principal,
                face,
                "",
            )
        return f"Released: {outcome}; {len(passed)} of {len(waiting)} bars that waited behind it pass the rules now."

    def discard(self, row: int | str, principal: Principal, *, face: str, reason: str = "") -> str:
        """Put a held row aside for good; raise Refused when it was decided on before, NotSignedIn without the scope."""
        entry = self._open_entry(row, principal)
        self._decide(entry, "discarded", "not stored", principal, face, reason)
        return f"Discarded: {entry.record_kind} {entry.symbol} {entry.about or ''}".rstrip() + "."

    def _open_entry(self, row: int | str, principal: Principal) -> HeldEntry:
        if "admin" not in principal.scopes or principal.kind != "person":
            raise NotSignedIn("Only a person with the scope admin decides on held rows.")
        entry = self._quarantine.get(_number(row))
        if entry.state != "held":
            raise _decided(entry)
        return entry

    def _decide(
        self, entry: HeldEntry, decision: Decision, outcome: str, principal: Principal, face: str, reason: str
    ) -> None:
        done = self._quarantine.decide(
            entry.quarantine_id, decision, outcome=outcome, reason=reason, decided_by=principal.id, face=face
        )
        if not done:
            raise _decided(self._quarantine.get(entry.quarantine_id))


def _number(row: int | str) -> int:
    try:
        number = int(row)
    except ValueError:
        number = 0
    if not 0 < number < 2**63:
        raise UnknownName("held row", str(row), hint="`quantdesk quarantine list` shows those that wait.")
    return number


def _decided(entry: HeldEntry) -> Refused:
    return Refused(
        f"Row {entry.quarantine_id} was {entry.state} by {entry.decided_by}.",
        rule="decided",
        hint="The first decision counts.",
    )
