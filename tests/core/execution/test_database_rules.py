"""Go around the code: the database itself refuses what must not be."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain.books import Leg, Proposal
from core.execution.digest import proposal_digest
from core.testing.small_market import AGENT, ANNA, PETER

DECIDE = (
    "INSERT INTO execution.decisions (proposal_id, decision, digest, decided_by, decided_by_kind, face, desk_time)"
    " VALUES (%s, %s, %s, %s, %s, %s, '2022-11-29 21:00Z')"
)
ORDER = (
    "INSERT INTO execution.orders (order_id, client_order_id, proposal_id, leg, attempt, account_id, instrument_id,"
    " side, quantity, order_type, time_in_force, state, filled_quantity, desk_time)"
    " VALUES (%(id)s, %(id)s, %(proposal)s, 0, 1, 'main', %(instrument)s, %(side)s, %(quantity)s, 'market', 'day',"
    " %(state)s, %(filled)s, '2022-11-29 21:00Z')"
)
USE = "UPDATE execution.decisions SET used_at = clock_timestamp() WHERE proposal_id = %s"


@pytest.fixture
def proposal(desk, ask):
    return desk.proposals.propose(ask(), AGENT)


def refused(desk, match, *statements):
    """Run statements in one transaction and expect the database to refuse with these words."""
    with pytest.raises(psycopg.errors.IntegrityError, match=match):
        run(desk, statements)


def run(desk, statements):
    with desk.database.transaction() as connection:
        for statement, parameters in statements:
            connection.execute(statement, parameters)


def an_order(proposal, **changes):
    values = {"instrument": 1, "side": "buy", "quantity": 10, "state": "intended", "filled": 0} | changes
    return ORDER, {"id": "ord_forged", "proposal": proposal.proposal_id} | values


def test_a_digest_that_does_not_cover_the_content_is_refused(desk, proposal):
    columns = ", ".join(Proposal.model_fields)
    source = f"SELECT {columns} FROM execution.proposals".replace("proposal_id,", "'prp_2',", 1)
    refused(desk, "does not cover", (f"INSERT INTO execution.proposals ({columns}) {source}", ()))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reason=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60),
    quantity=st.decimals(min_value="0.00000001", max_value="1e9", places=8),
    limit=st.none() | st.decimals(min_value="0.0001", max_value="1e6", places=4),
    evidence=st.lists(
        st.text(st.characters(codec="ascii"), min_size=1, max_size=8).filter(lambda t: "\x00" not in t), max_size=3
    ),
    moment=st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2040, 1, 1)),  # noqa: DTZ001
)
def test_python_and_the_database_compute_the_same_digest(desk, reason, quantity, limit, evidence, moment):
    with desk.store.transaction() as transaction:
        leg = Leg(instrument_id=1, symbol="AAA", side="buy", quantity=quantity, limit_price=limit)
        row = Proposal(
            proposal_id="prp_x",
            account_id="main",
            legs=(leg, leg),
            order_type="limit",
            time_in_force="gtc",
            notional=Decimal("12.30"),
            reason=reason,
            evidence=tuple(evidence),
            author='"é\u2028',
            author_kind="agent",
            requested_by="p",
            digest="0" * 64,
            desk_time=moment.replace(tzinfo=UTC),
            created_at=moment.replace(tzinfo=UTC),
            expires_at=moment.replace(tzinfo=UTC),
        )
        connection = transaction.connection
        connection.execute("ALTER TABLE execution.proposals DISABLE TRIGGER USER")
        stored = transaction.proposals.add(row)
        (computed,) = connection.execute("SELECT execution.proposal_digest(p) FROM execution.proposals p").fetchone()
        assert computed == proposal_digest(stored) == proposal_digest(row)
        connection.execute("DELETE FROM execution.proposals")
        connection.execute("ALTER TABLE execution.proposals ENABLE TRIGGER USER")


@pytest.mark.parametrize("table", ["proposals", "decisions", "orders", "order_events", "fills", "cash_ledger"])
def test_books_cannot_be_deleted_or_emptied(desk, ask, approve, table):
    proposal = desk.proposals.propose(ask(), AGENT)
    approve(proposal)
    desk.gateway.release(proposal.proposal_id)
    desk.advance()
    refused(desk, "append only", (f"DELETE FROM execution.{table}", ()))
    refused(desk, "append only", (f"TRUNCATE execution.{table} CASCADE", ()))
    refused(
        desk,
        "append only",
        ("SELECT set_config('quantdesk.removing_demo', 'main', true)", ()),
        (f"DELETE FROM execution.{table}", ()),
    )


@pytest.mark.parametrize(
    "change", ["legs = '[]'", "digest = repeat('a', 64)", "expires_at = expires_at + interval '1 day'", "notional = 1"]
)
def test_a_proposal_never_changes(desk, proposal, change):
    refused(desk, "append only", (f"UPDATE execution.proposals SET {change}", ()))


@pytest.mark.parametrize(
    ("who", "kind", "match"),
    [
        ("agent:usr_peter", "person", "scope approve"),
        ("usr_peter", "service", "scope approve"),
        ("usr_clerk", "person", "scope approve"),
        ("nobody", "person", "scope approve"),
    ],
)
def test_only_a_person_of_the_desk_with_the_scope_approves(desk, proposal, who, kind, match):
    parameters = (proposal.proposal_id, "approved", proposal.digest, who, kind, "cli")
    refused(desk, match, (DECIDE, parameters))


def test_a_disabled_person_cannot_approve(desk, proposal):
    desk.sql("UPDATE desk.users SET disabled_at = now() WHERE user_id = 'usr_peter'")
    parameters = (proposal.proposal_id, "approved", proposal.digest, PETER.id, "person", "cli")
    refused(desk, "scope approve", (DECIDE, parameters))


def test_another_digest_is_refused(desk, proposal):
    parameters = (proposal.proposal_id, "approved", "0" * 64, PETER.id, "person", "cli")
    refused(desk, "digest decided on", (DECIDE, parameters))


def test_after_the_expiry_nobody_decides_and_before_it_nothing_expires(desk, proposal, expire):
    parameters = (proposal.proposal_id, "expired", proposal.digest, "desk", "service", "workflow")
    refused(desk, "has not expired", (DECIDE, parameters))
    late = expire(proposal)
    for decision in ("approved", "rejected"):
        parameters = (proposal.proposal_id, decision, late.digest, PETER.id, "person", "cli")
        refused(desk, "has expired", (DECIDE, parameters))


def test_above_the_four_eyes_limit_the_one_who_asked_cannot_approve(desk, ask):
    proposal = desk.proposals.propose(ask(quantity=350), PETER)
    mine = (proposal.proposal_id, "approved", proposal.digest, PETER.id, "person", "cli")
    refused(desk, "four-eyes", (DECIDE, mine))
    desk.sql(DECIDE, proposal.proposal_id, "approved", proposal.digest, ANNA.id, "person", "cli")


def test_a_second_decision_is_refused(desk, proposal, approve):
    approve(proposal, decision="rejected")
    parameters = (proposal.proposal_id, "approved", proposal.digest, ANNA.id, "person", "cli")
    refused(desk, "duplicate key", (DECIDE, parameters))


def test_a_demo_approval_cannot_be_claimed_for_a_real_proposal(desk, proposal):
    parameters = (proposal.proposal_id, "approved", proposal.digest, "demo", "service", "demo")
    refused(desk, "scope approve", (DECIDE, parameters))


@pytest.mark.parametrize("change", ["digest = repeat('a', 64)", "decided_by = 'usr_anna'", "decision = 'rejected'"])
def test_a_decision_never_changes_and_an_approval_is_used_once(desk, proposal, approve, change):
    approve(proposal)
    refused(desk, "never changes", (f"UPDATE execution.decisions SET {change}", ()))
    desk.sql(USE, proposal.proposal_id)
    refused(desk, "used once", (USE, (proposal.proposal_id,)))
    refused(desk, "used once", ("UPDATE execution.decisions SET used_at = NULL", ()))


def test_an_approval_lapses_with_its_proposal(desk, proposal, approve, expire):
    approve(proposal)
    expire(proposal)
    refused(desk, "lapsed", (USE, (proposal.proposal_id,)))


def test_an_order_needs_an_approval_used_in_its_own_transaction(desk, proposal, approve):
    refused(desk, "no approval", an_order(proposal))
    approve(proposal)
    refused(desk, "no approval", an_order(proposal))
    desk.sql(USE, proposal.proposal_id)
    refused(desk, "no approval", an_order(proposal))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"quantity": 11}, "not what was approved"),
        ({"side": "sell"}, "not what was approved"),
        ({"instrument": 2}, "not what was approved"),
        ({"state": "accepted"}, "starts as an intention"),
        ({"state": "filled", "filled": 10}, "starts as an intention"),
    ],
)
def test_an_order_is_exactly_what_was_approved(desk, proposal, approve, change, match):
    approve(proposal)
    refused(desk, match, (USE, (proposal.proposal_id,)), an_order(proposal, **change))


def test_two_orders_of_one_leg_are_refused(desk, proposal, approve):
    approve(proposal)
    statement, values = an_order(proposal)
    refused(
        desk,
        "one_order_per_leg|duplicate key",
        (USE, (proposal.proposal_id,)),
        (statement, values),
        (statement, values | {"id": "ord_second"}),
    )


@pytest.mark.parametrize(
    "how", ["UPDATE execution.trading_state SET halted = true", "DELETE FROM execution.trading_state"]
)
def test_no_order_is_made_while_the_kill_switch_is_on_or_missing(desk, proposal, approve, how):
    approve(proposal)
    desk.sql(how)
    refused(desk, "halted", (USE, (proposal.proposal_id,)), an_order(proposal))


@pytest.fixture
def order(desk, proposal, approve):
    approve(proposal)
    return desk.gateway.release(proposal.proposal_id)[0]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("quantity = 11", "never changes"),
        ("limit_price = 1", "never changes"),
        ("client_order_id = 'x'", "never changes"),
        ("state = 'intended'", "cannot go from accepted"),
        ("state = 'submitting'", "cannot go from accepted"),
        ("filled_quantity = 5", "another filled quantity"),
        ("filled_quantity = 11", "check constraint"),
    ],
)
def test_an_order_changes_by_its_table_only(desk, order, change, match):
    refused(desk, match, (f"UPDATE execution.orders SET {change}", ()))


FILL = (
    "INSERT INTO execution.fills (fill_id, execution_id, order_id, account_id, instrument_id, side, quantity, price,"
    " fee, session, filled_at)"
    " VALUES ('fil_1', 'e1', %s, 'main', %s, %s, %s, 151, 1, '2022-11-30', '2022-11-30 14:30Z')"
)
FILLED = "UPDATE execution.orders SET filled_quantity = %s, state = 'partially_filled'"
CASH = (
    "INSERT INTO execution.cash_ledger (account_id, movement, amount, fill_id, booked_at)"
    " VALUES ('main', %s, %s, 'fil_1', now())"
)
POSITION = "INSERT INTO execution.positions VALUES ('main', 1, %s, 151, 0, now())"


def booked(order, *, filled=4, trade=-604, fee=-1, position=4, side="buy", instrument=1):
    return (
        (FILL, (order.order_id, instrument, side, 4)),
        (FILLED, (filled,)),
        (CASH, ("trade", trade)),
        (CASH, ("fee", fee)),
        (POSITION, (position,)),
    )


def test_books_that_agree_are_stored(desk, order):
    run(desk, booked(order))
    assert desk.sql("SELECT quantity FROM execution.positions") == [(4,)]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"filled": 5}, "another filled quantity"),
        ({"filled": 3}, "another filled quantity"),
        ({"trade": -603.99}, "cash ledger"),
        ({"trade": 604}, "cash ledger"),
        ({"fee": -2}, "cash ledger"),
        ({"position": 5}, "position does not equal"),
        ({"side": "sell"}, "does not fit its order"),
        ({"instrument": 2}, "does not fit its order"),
    ],
)
def test_books_that_disagree_are_refused_at_commit(desk, order, change, match):
    refused(desk, match, *booked(order, **change))
    assert desk.sql("SELECT count(*) FROM execution.fills") == [(0,)]
