"""The review of held rows on a real database: list, show, release, discard; every decision is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from app.bootstrap import Parts
from core.data.calendar import sessions_between
from core.data.samples import seed_universe
from core.domain.principal import Principal
from core.errors import NotSignedIn, Refused, UnknownName
from core.ports.vendor import BarColumns
from core.settings import Settings

AAPL = 2001
ADMIN = Principal(id="usr_1", name="Ada", kind="person", scopes=frozenset({"read", "admin"}))
READER = Principal(id="usr_2", name="Ben", kind="person", scopes=frozenset({"read"}))
AGENT = Principal(id="agt_1", name="bot", kind="agent", scopes=frozenset({"read", "admin"}))
DAYS = sessions_between("XNYS", date(2024, 1, 2), date(2024, 3, 28))


@pytest.fixture
def parts(database_dsn: str, tmp_path: Path) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path), database_dsn)
    yield made
    made.database.close()


def columns(closes: list[float], days: np.ndarray, source: str = "vendor") -> BarColumns:
    close = np.array(closes)
    count = len(close)
    return BarColumns(
        source=source,
        price_basis="raw",
        symbols=("AAPL",),
        symbol_code=np.zeros(count, dtype=np.int32),
        session=days,
        open=close,
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=np.arange(1000.0, 1000.0 + count),
        line=np.arange(count, dtype=np.int64),
    )


@pytest.fixture
def held(parts: Parts) -> Parts:
    """Give a desk where a price jumped without a known reason: the bar and those after it wait, one is impossible."""
    pipeline = parts.open_ingest(mode="daily", arguments={}, history_import=False)
    seed_universe(pipeline)
    quiet = [100.0 + 0.1 * step for step in range(30)]
    pipeline.store_bars(columns(quiet, DAYS[:30]))
    pipeline.store_bars(columns([70.0 + step for step in range(35)], DAYS[:35], source="other"))
    pipeline.store_bars(columns([180.0, 181.0, 182.0, -5.0, 900.0], DAYS[30:35]))
    pipeline.finish()
    return parts


def closes(parts: Parts, source: str = "vendor") -> dict[date, float]:
    with parts.database.transaction() as connection:
        rows = connection.execute(
            "SELECT session, close FROM market_data.bars_daily WHERE source = %s AND instrument_id = %s",
            (source, AAPL),
        ).fetchall()
    return dict(rows)


def test_held_rows_are_listed_with_filters_and_pages(held: Parts) -> None:
    waiting = held.review.list(source="vendor")
    assert [(entry.verdict, entry.reason) for entry in waiting] == [
        ("quarantine", "spike_unexplained"),
        ("quarantine", "spike_unexplained"),
        ("quarantine", "spike_unexplained"),
        ("reject", "nonpositive_price"),
        ("quarantine", "spike_unexplained"),
    ] or sorted(entry.reason for entry in waiting) == ["nonpositive_price", *["spike_unexplained"] * 4]
    assert {entry.symbol for entry in waiting} == {"AAPL"}
    first = held.review.list(source="vendor", limit=2)
    rest = held.review.list(source="vendor", after=first[-1].quarantine_id)
    assert [*first, *rest] == list(waiting)
    assert [entry.reason for entry in held.review.list(reason="nonpositive_price")] == ["nonpositive_price"]
    assert held.review.list(symbol="MSFT") == []


def test_a_row_is_shown_beside_its_neighbours_and_the_other_source(held: Parts) -> None:
    entry = next(entry for entry in held.review.list(source="vendor") if entry.about == DAYS[30].item())
    case = held.review.show(entry.quarantine_id)
    assert case.entry.bar is not None
    assert (case.entry.bar["close"], case.entry.bar["instrument_id"]) == (180.0, AAPL)
    assert [bar.session for bar in case.neighbours] == [day.item() for day in DAYS[24:30]]
    assert {bar.source for bar in case.neighbours} == {"vendor"}
    assert {bar.source for bar in case.elsewhere} == {"other"}
    assert entry.about in {bar.session for bar in case.elsewhere}


def test_releasing_stores_the_bar_and_judges_those_that_waited_behind_it_again(held: Parts) -> None:
    before = closes(held)
    waiting = {entry.about: entry for entry in held.review.list(source="vendor") if entry.verdict == "quarantine"}
    said = held.review.release(waiting[DAYS[30].item()].quarantine_id, ADMIN, face="api", reason="A merger.")
    assert "2 of 3" in said
    after = closes(held)
    assert {day: after[day] for day in after.keys() - before.keys()} == {
        DAYS[30].item(): 180.0,
        DAYS[31].item(): 181.0,
        DAYS[32].item(): 182.0,
    }
    # The last bar jumps again and waits on.
    still = [entry for entry in held.review.list(source="vendor") if entry.verdict == "quarantine"]
    assert [entry.about for entry in still] == [DAYS[34].item()]
    (review,) = held.review.show(waiting[DAYS[30].item()].quarantine_id).reviews
    assert (review.decision, review.decided_by, review.face, review.reason) == ("released", "usr_1", "api", "A merger.")
    (second,) = held.review.show(waiting[DAYS[31].item()].quarantine_id).reviews
    assert "passed the rules" in second.outcome
    with held.database.transaction() as connection:
        flags = connection.execute(
            "SELECT flags FROM market_data.bars_daily WHERE session = %s AND source = 'vendor'", (DAYS[30].item(),)
        ).fetchone()
    assert flags == (["released"],)


def test_releasing_a_large_correction_replaces_the_bar_and_keeps_the_old_one(held: Parts) -> None:
    pipeline = held.open_ingest(mode="daily", arguments={}, history_import=False)
    pipeline.store_bars(columns([95.0], DAYS[10:11]))
    pipeline.finish()
    (entry,) = held.review.list(reason="correction_large")
    held.review.release(entry.quarantine_id, ADMIN, face="cli")
    assert closes(held)[DAYS[10].item()] == 95.0
    with held.database.transaction() as connection:
        old = connection.execute("SELECT close, session FROM market_data.bars_daily_history").fetchall()
    assert old == [(pytest.approx(101.0), DAYS[10].item())]


def test_the_first_decision_counts_and_only_a_person_with_the_scope_decides(held: Parts) -> None:
    entry, other = [entry for entry in held.review.list(source="vendor") if entry.verdict == "quarantine"][-2:]
    for principal in (READER, AGENT):
        with pytest.raises(NotSignedIn):
            held.review.release(entry.quarantine_id, principal, face="api")
    assert held.review.discard(entry.quarantine_id, ADMIN, face="web", reason="A typing error.").startswith("Discarded")
    for act in (held.review.release, held.review.discard):
        with pytest.raises(Refused, match=r"was discarded by usr_1"):
            act(entry.quarantine_id, ADMIN, face="api")
    assert entry.about not in closes(held)
    assert held.review.show(other.quarantine_id).reviews == []


def test_what_cannot_be_true_or_is_no_bar_is_never_released(held: Parts) -> None:
    (impossible,) = held.review.list(reason="nonpositive_price")
    with pytest.raises(Refused, match="cannot be true"):
        held.review.release(impossible.quarantine_id, ADMIN, face="api")
    pipeline = held.open_ingest(mode="daily", arguments={}, history_import=False)
    unknown = columns([10.0], DAYS[:1])
    pipeline.store_bars(
        BarColumns(**{**{name: getattr(unknown, name) for name in unknown.__slots__}, "symbols": ("NOSUCH",)})
    )
    pipeline.finish()
    (nobody,) = held.review.list(reason="unknown_symbol")
    with pytest.raises(Refused, match="no bar of a known instrument"):
        held.review.release(nobody.quarantine_id, ADMIN, face="api")
    for row in (999_999, "x", 0, 2**70):
        with pytest.raises(UnknownName):
            held.review.show(row)
