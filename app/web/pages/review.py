"""Let a person decide on bars that were held back, beside the bars around them and the other sources."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from nicegui import ui
from starlette.concurrency import run_in_threadpool

from app.web import components as show
from app.web.layout import Visit
from core.data.review import Case, HeldEntry, NearBar
from core.domain.facts import Cell, Column, Table

_SHOWN = 20


def draw_review(visit: Visit) -> None:
    """Draw the rows that wait; one that is chosen is shown with its neighbours and, for an admin, two buttons."""
    review = visit.services.review
    chosen: dict[str, int | None] = {"row": None}

    def fetch() -> tuple[Sequence[HeldEntry], Case | None]:
        waiting = [entry for entry in review.list(state="held", limit=1000) if entry.verdict == "quarantine"]
        row = chosen["row"]
        return waiting, None if row is None else review.show(row)

    async def choose(row: int | None) -> None:
        chosen["row"] = row
        await refresh()

    async def decide(decision: Literal["release", "discard"], row: int) -> None:
        person = await visit.person()
        act = review.release if decision == "release" else review.discard
        said = await run_in_threadpool(lambda: act(row, person, face="web"))
        ui.notify(said, type="positive", position="top")
        await choose(None)

    def draw(found: tuple[Sequence[HeldEntry], Case | None]) -> None:
        waiting, case = found
        if not waiting:
            show.empty("verified", "Nothing waits", "Bars that may be true and may be wrong wait here for a person.")
            return
        show.records(waiting_table(waiting))
        with ui.element("div").classes("qd-tabs").props('role="group" aria-label="Held bars"'):
            for entry in waiting[:_SHOWN]:
                label = f"{entry.symbol} {entry.about}"
                press = show.button(label, partial(choose, entry.quarantine_id), kind="tab")
                press.props(f'aria-pressed="{str(entry.quarantine_id == chosen["row"]).lower()}"')
        if case is None:
            return
        show.records(case_table(case))
        if "admin" not in visit.principal.scopes:
            show.notice("Only a person with the scope admin may decide.")
            return
        with ui.element("div").classes("qd-actions"):
            show.button("Release", lambda: decide("release", case.entry.quarantine_id), kind="first")
            show.button("Discard", lambda: decide("discard", case.entry.quarantine_id), kind="danger")
        show.note("A released bar is stored with a flag; bars that waited behind it are judged again.")

    refresh = show.load(fetch, draw)


def waiting_table(waiting: Sequence[HeldEntry]) -> Table:
    """Return the rows that wait for a decision."""
    columns = (
        Column(name="row", unit="text"),
        Column(name="symbol", unit="text"),
        Column(name="session", unit="date"),
        Column(name="source", unit="text"),
        Column(name="reason", unit="text"),
    )
    rows = tuple(
        (
            str(entry.quarantine_id),
            entry.symbol,
            entry.about.isoformat() if entry.about else None,
            entry.source,
            entry.reason.replace("_", " "),
        )
        for entry in waiting[:_SHOWN]
    )
    return Table(name="waiting", columns=columns, rows=rows, truncated=len(waiting) > _SHOWN)


def case_table(case: Case) -> Table:
    """Return a held bar in one table with the stored bars around it and those of other sources, by session."""
    columns = (
        Column(name="session", unit="date"),
        Column(name="source", unit="text"),
        *(Column(name=name, unit="number") for name in ("open", "high", "low", "close")),
        Column(name="volume", unit="count"),
    )
    near = [*case.neighbours, *case.elsewhere]
    rows = [_cells(entry) for entry in near]
    bar = case.entry.bar
    if bar is not None:
        prices = (bar.get(name) for name in ("open", "high", "low", "close", "volume"))
        rows.append((bar["session"], f"held back: {case.entry.source}", *prices))
    return Table(name="case", columns=columns, rows=tuple(sorted(rows, key=lambda row: (str(row[0]), str(row[1])))))


def _cells(bar: NearBar) -> tuple[Cell, ...]:
    return (bar.session.isoformat(), bar.source, bar.open, bar.high, bar.low, bar.close, bar.volume)
