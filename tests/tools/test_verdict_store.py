"""Verdicts of the panel are kept apart by person, once for a session, scored once, and every change is audited."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from temporalio.testing import ActivityEnvironment

from core.domain.books import PanelVerdict
from core.domain.principal import agent_for
from core.testing.small_market import AGENT, ANNA, PETER, START, aaa_close
from tools._verdicts import keep_views, score_verdicts
from tools.runner import run_tool
from workflows.scan_activities import ScanActivities

NOW = datetime(2022, 11, 29, 21, tzinfo=UTC)


def verdict(number=1, owner=PETER, **changes):
    values = {
        "verdict_id": f"vdt_{number}",
        "requested_by": owner.id,
        "run_id": "run_1",
        "instrument_id": 1,
        "symbol": "AAA",
        "session": START,
        "verdict": "lean buy",
        "score": 0.4,
        "scores": {"trend": 0.9, "risk": -0.1},
        "horizon_sessions": 5,
        "probability": 0.6,
        "expected_return": 0.01,
        "base_rate": 0.55,
        "cases": 12,
        "decided_at": NOW + timedelta(minutes=number),
        **changes,
    }
    return PanelVerdict.model_validate(values)


@pytest.fixture
def store(parts):
    return parts.desk.verdicts


def test_verdicts_come_newest_first_as_they_were_kept_and_only_to_who_asked(store):
    later = verdict(2, horizon_sessions=10)
    assert store.keep([verdict(1), later, verdict(3, ANNA)]) == 3
    assert store.of(PETER.id) == [later, verdict(1)]
    assert store.owners() == sorted([PETER.id, ANNA.id])


def test_the_first_verdict_on_a_session_and_horizon_stays(store):
    assert store.keep([verdict(1)]) == 1
    assert store.keep([verdict(2, score=-0.9, verdict="sell"), verdict(3, horizon_sessions=6)]) == 1
    assert {part.verdict_id for part in store.of(PETER.id)} == {"vdt_1", "vdt_3"}


def test_a_score_is_given_once(store):
    store.keep([verdict()])
    store.score("vdt_1", 0.02, date(2022, 12, 6))
    store.score("vdt_1", -0.5, date(2022, 12, 7))
    (found,) = store.of(PETER.id)
    assert (found.realised_return, found.scored_session) == (0.02, date(2022, 12, 6))
    assert store.owners() == []


@pytest.mark.parametrize(
    "change",
    [
        "realised_return = 0.1",
        "probability = 1.5",
        "verdict = 'strong buy'",
        "score = 1.01",
        "score = NULL",
        "contaminated = true",
        "horizon_sessions = 0",
        "instrument_id = 999",
    ],
)
def test_the_database_refuses_what_makes_no_sense(parts, store, change):
    store.keep([verdict()])
    with psycopg.connect(parts.dsn) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(f"UPDATE strategies.panel_verdicts SET {change}".encode())


def test_every_change_is_in_the_audit_log(parts, store):
    store.keep([verdict()])
    store.score("vdt_1", 0.02, date(2022, 12, 6))
    with psycopg.connect(parts.dsn) as connection:
        rows = connection.execute(
            "SELECT action FROM desk.audit WHERE subject = 'vdt_1' ORDER BY entry_id DESC LIMIT 2"
        ).fetchall()
    assert rows == [("panel_verdicts.update",), ("panel_verdicts.insert",)]


def test_the_scan_scores_at_the_close_of_the_horizon(parts, store):
    store.keep([verdict(1), verdict(2, horizon_sessions=6)])
    parts.advance_clock(5)
    result = run_tool(parts.desk, "scan_strategies", {}, principal=AGENT, face="test")
    assert result.fact("panel verdicts scored now").value == 1
    waiting, scored = store.of(PETER.id)
    # AAA closes at 150 on the session of the verdict and rises by one a session.
    assert scored.realised_return == pytest.approx(155 / 150 - 1) and waiting.realised_return is None
    assert aaa_close(scored.scored_session) == 155
    assert score_verdicts(parts.desk, ANNA.id, result_as_of(parts)) == 0


def result_as_of(parts):
    from core.domain.as_of import AsOf

    return AsOf(known=parts.clock.now())


def test_a_person_with_open_verdicts_is_scanned_without_a_strategy(parts, store):
    store.keep([verdict(1, ANNA)])
    scan = ScanActivities(parts.desk, lambda: datetime(2024, 7, 5, 9, tzinfo=UTC), "America/New_York")
    assert ActivityEnvironment().run(scan.strategy_owners, {}) == [ANNA.id]
    parts.advance_clock(5)
    assert ActivityEnvironment().run(scan.scan_owner, ANNA.id) == 0
    assert ActivityEnvironment().run(scan.strategy_owners, {}) == []


def test_what_a_model_says_is_kept_beside_the_panel_and_hindsight_marked_by_code(parts, store):
    store.keep([verdict()])
    for model, cutoff in (("old", date(2021, 1, 1)), ("new", date(2023, 1, 1)), ("silent", None)):
        kept = keep_views(
            parts.desk,
            agent_for(PETER),
            {"AAA": "sell"},
            run_id="run_1",
            sessions={"AAA": START},
            horizon=5,
            model=model,
            cutoff=cutoff,
            known=NOW,
        )
        assert kept == 1
    marks = {part.model: part.contaminated for part in store.of(PETER.id)}
    assert marks == {"": False, "old": False, "new": True, "silent": True}
    parts.advance_clock(5)
    result = run_tool(parts.desk, "track_record", {}, principal=AGENT, face="test")
    assert result.fact("contaminated verdicts left out").value == 2
    authors = {row[0]: row for row in result.tables[0].rows}
    # AAA rose: the panel's lean was right, the sell of the clean model wrong, the two others are not ranked.
    assert set(authors) == {"panel", "trend", "risk", "old"}
    assert (authors["panel"][2], authors["old"][2], authors["risk"][2]) == (1, 0, 0)
