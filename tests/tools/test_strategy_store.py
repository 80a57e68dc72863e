"""What people saved and what was recommended to them is kept apart by person, changed in place and scored once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from pydantic import ValidationError

from core.data.owned import change_owned, create_owned
from core.domain.books import Recommendation
from core.domain.owned_records import SavedStrategy
from core.errors import InvalidInput, NotSignedIn, Unavailable
from core.testing.small_market import ANNA, PETER
from tools.save_strategy import strategies_table
from tools.scan_strategies import find_saved

NOW = datetime(2022, 11, 29, 21, tzinfo=UTC)
SPEC = {"strategy": "timed", "symbols": ["AAA"]}


def saved(number=1, owner=PETER, **changes):
    values = {
        "strategy_id": f"stg_{number}",
        "name": f"Number {number}",
        "spec": SPEC,
        "created_by": owner.id,
        "created_at": NOW,
        "changed_by": owner.id,
        **changes,
    }
    return SavedStrategy.model_validate(values)


def recommended(number=1, owner=PETER, **changes):
    values = {
        "recommendation_id": f"rec_{number}",
        "strategy_id": "stg_1",
        "account_id": "main",
        "requested_by": owner.id,
        "proposal_id": f"prp_{number}",
        "session": date(2022, 11, 29),
        "action": "entry",
        "change": {"AAA": 0.1, "BBB": -0.1},
        "probability": 0.6,
        "expected_return": 0.01,
        "cases": 12,
        "horizon_sessions": 5,
        "recommended_at": NOW + timedelta(minutes=number),
        **changes,
    }
    return Recommendation.model_validate(values)


@pytest.fixture
def store(parts):
    return parts.desk.strategies


def test_a_strategy_comes_back_as_it_was_saved_by_name(store):
    later, first = saved(1, name="zebra", weight=0.3, stop_loss=0.05, account_id="main"), saved(2, name="Apple")
    for one in (later, first):
        store.save(one)
    assert store.saved(PETER.id) == [first, later]
    assert store.saved(ANNA.id) == []


def test_saving_again_changes_it_in_place_and_keeps_when_it_was_made(store):
    store.save(saved())
    store.save(saved(name="Renamed", enabled=True, created_at=NOW + timedelta(days=3)))
    (found,) = store.saved(PETER.id)
    assert (found.name, found.enabled, found.created_at) == ("Renamed", True, NOW)


def test_nobody_changes_the_strategy_of_another_person(store):
    store.save(saved())
    store.save(saved(owner=ANNA, name="Taken over"))
    assert [part.name for part in store.saved(PETER.id)] == ["Number 1"]
    assert store.saved(ANNA.id) == []


@pytest.mark.parametrize("name", ["Mine", "mine", "MINE"])
def test_a_name_is_taken_once_by_a_person_whatever_its_case(store, name):
    store.save(saved(1, name="Mine"))
    with pytest.raises(InvalidInput, match="Choose another name"):
        store.save(saved(2, name=name))
    store.save(saved(3, owner=ANNA, name=name))
    assert len(store.saved(ANNA.id)) == 1


def test_owners_are_those_with_something_enabled_each_once(store):
    for number, (owner, enabled) in enumerate([(PETER, True), (PETER, True), (ANNA, False)]):
        store.save(saved(number, owner, enabled=enabled))
    assert store.owners() == [PETER.id]
    store.save(saved(2, ANNA, enabled=True))
    assert store.owners() == sorted([PETER.id, ANNA.id])


def test_recommendations_come_newest_first_and_only_to_who_asked(store):
    for number, owner in ((1, PETER), (2, PETER), (3, ANNA)):
        store.recommend(recommended(number, owner))
    assert [part.recommendation_id for part in store.recommendations(PETER.id)] == ["rec_2", "rec_1"]
    assert store.recommendations(PETER.id)[1] == recommended(1)
    assert store.recommendations(PETER.id, strategy_id="stg_other") == []


def test_a_score_is_given_once(store):
    store.recommend(recommended())
    store.score("rec_1", 0.02, date(2022, 12, 6))
    store.score("rec_1", -0.5, date(2022, 12, 7))
    store.score("rec_none", 1.0, date(2022, 12, 7))
    (found,) = store.recommendations(PETER.id)
    assert (found.realised_return, found.scored_session) == (0.02, date(2022, 12, 6))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE strategies.recommendations SET realised_return = 0.1",
        "UPDATE strategies.recommendations SET probability = 1.5",
        "UPDATE strategies.recommendations SET action = 'panic'",
        "UPDATE strategies.specs SET weight = 0",
        "UPDATE strategies.specs SET weight = 1.01",
        "UPDATE strategies.specs SET stop_loss = 1",
        "UPDATE strategies.specs SET take_profit = -0.1",
        "UPDATE strategies.specs SET horizon_sessions = 0",
    ],
)
def test_the_database_refuses_what_makes_no_sense(parts, store, statement):
    store.save(saved())
    store.recommend(recommended())
    with psycopg.connect(parts.dsn) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(statement.encode())


def test_every_change_is_in_the_audit_log(parts, store):
    store.save(saved())
    store.recommend(recommended())
    store.score("rec_1", 0.02, date(2022, 12, 6))
    with psycopg.connect(parts.dsn) as connection:
        rows = connection.execute(
            "SELECT subject, count(*) FROM desk.audit WHERE subject LIKE '%stg_1%' OR subject LIKE '%rec_1%' GROUP BY 1"
        ).fetchall()
    assert sum(count for _, count in rows) >= 3


def test_one_scan_of_a_person_at_a_time_and_others_do_not_wait(store):
    with store.scanning(PETER.id):
        with pytest.raises(Unavailable, match="under way"), store.scanning(PETER.id):
            raise AssertionError("two scans at once")
        with store.scanning(ANNA.id):
            pass
    with store.scanning(PETER.id):
        pass


def test_a_scan_that_failed_keeps_nobody_away(store):
    with pytest.raises(ZeroDivisionError), store.scanning(PETER.id):
        raise ZeroDivisionError
    with store.scanning(PETER.id):
        pass


@pytest.mark.parametrize(
    "changes",
    [
        {"weight": 0},
        {"weight": 1.1},
        {"stop_loss": 1},
        {"stop_loss": -0.1},
        {"take_profit": -1},
        {"horizon_sessions": 0},
    ],
)
def test_terms_out_of_reason_are_no_strategy(changes):
    with pytest.raises(ValidationError):
        saved(**changes)


def test_over_rest_only_who_may_trade_enables_one(parts):
    reader = type(PETER)(id="usr_reader", name="reader", kind="person", scopes=frozenset({"read"}))
    content = {"name": "Mine", "spec": SPEC}
    made = create_owned(parts.records, SavedStrategy, content, reader, parts.desk)
    assert not made.enabled
    for call in (
        lambda: create_owned(parts.records, SavedStrategy, {**content, "enabled": True}, reader, parts.desk),
        lambda: change_owned(
            parts.records, SavedStrategy, made.strategy_id, {**content, "enabled": True}, reader, parts.desk
        ),
    ):
        with pytest.raises(NotSignedIn, match="trade"):
            call()
    assert create_owned(parts.records, SavedStrategy, {**content, "enabled": True}, PETER, parts.desk).enabled


@pytest.mark.parametrize("name", ["Number 2", "number 2", " NUMBER 2 ", "stg_2"])
def test_a_strategy_is_found_by_name_or_id(name):
    assert find_saved([saved(1), saved(2)], name).strategy_id == "stg_2"


def test_the_table_of_strategies_says_their_terms():
    table = strategies_table(
        [saved(enabled=True, weight=0.2), saved(2, spec={"strategy": "pair", "symbols": ["A", "B"]})]
    )
    assert [column.name for column in table.columns][:4] == ["name", "strategy", "symbols", "enabled"]
    assert table.rows[0][:5] == ("Number 1", "timed", "AAA", "yes", 0.2)
    assert table.rows[1][1:4] == ("pair", "A, B", "no")
