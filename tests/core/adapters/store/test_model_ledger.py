"""The ledger of model calls on a real database: no cap is ever overspent, and nothing is forgotten."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import psycopg
import pytest

from core.adapters.store.database import Database
from core.adapters.store.model_calls import ModelCallStore, ModelCaps
from core.errors import BudgetExceeded
from core.ports.model_calls import ModelCall, ModelUsage

CENT = Decimal("0.01")


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    opened = Database(database_dsn)
    yield opened
    opened.close()


def store(database: Database, question: str = "1", person: str = "1", day: str = "1") -> ModelCallStore:
    return ModelCallStore(
        database, ModelCaps(question_usd=Decimal(question), person_day_usd=Decimal(person), day_usd=Decimal(day))
    )


def call(question: str = "qst_1", person: str = "agent:ada", worst: Decimal = CENT) -> ModelCall:
    return ModelCall(
        thread_id="thr_1",
        question_id=question,
        principal=person,
        provider="anthropic",
        model="claude-sonnet-4-6",
        label="public",
        worst_usd=worst,
    )


@pytest.mark.parametrize(
    ("caps", "what"),
    [(("0.05", "9", "9"), "this question"), (("9", "0.05", "9"), "this person today"), (("9", "9", "0.05"), "today")],
)
def test_each_cap_holds_and_is_named(database: Database, caps: tuple[str, str, str], what: str) -> None:
    ledger = store(database, *caps)
    for _ in range(5):
        ledger.reserve(call())
    with pytest.raises(BudgetExceeded, match=f"for {what};"):
        ledger.reserve(call())


def test_caps_of_a_question_and_a_person_are_theirs_alone(database: Database) -> None:
    ledger = store(database, question="0.01", person="0.02", day="0.03")
    ledger.reserve(call("qst_1", "agent:ada"))
    ledger.reserve(call("qst_2", "agent:ada"))
    with pytest.raises(BudgetExceeded, match="this person today"):
        ledger.reserve(call("qst_3", "agent:ada"))
    ledger.reserve(call("qst_3", "agent:bob"))
    with pytest.raises(BudgetExceeded, match="for today"):
        ledger.reserve(call("qst_4", "agent:eve"))
    ledger.reserve(call("qst_5", "agent:eve", Decimal(0)))  # what costs nothing is always possible


def test_a_hundred_concurrent_calls_never_overspend(database: Database) -> None:
    """Each uses at most what it reserved; the sum, by the database itself, never passes the cap."""
    ledger = store(database, question="0.25", person="0.25", day="0.25")
    seeded = random.Random(7)
    uses = [CENT * Decimal(seeded.randint(0, 100)) / 100 for _ in range(100)]

    def attempt(used: Decimal) -> bool:
        try:
            call_id = ledger.reserve(call())
        except BudgetExceeded:
            return False
        ledger.settle(call_id, ModelUsage(outcome="done", cost_usd=used))
        return True

    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(attempt, uses))
    assert 25 <= sum(made) <= 100
    assert ledger.spent("qst_1") == sum(used for used, done in zip(uses, made, strict=True) if done)
    assert ledger.spent("qst_1") <= Decimal("0.25")


def test_a_hundred_reservations_that_are_never_settled_stop_at_the_cap(database: Database) -> None:
    ledger = store(database, question="0.25", person="0.25", day="0.25")

    def attempt(_: int) -> bool:
        try:
            ledger.reserve(call())
        except BudgetExceeded:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(attempt, range(100))) == 25
    assert ledger.spent("qst_1") == Decimal("0.25")


def test_yesterday_is_not_counted(database: Database, database_dsn: str) -> None:
    ledger = store(database, day="0.01")
    ledger.reserve(call())
    with psycopg.connect(database_dsn) as connection:
        connection.execute("UPDATE desk.model_calls SET called_at = called_at - interval '1 day'")
    ledger.reserve(call("qst_2"))
    with pytest.raises(BudgetExceeded):
        ledger.reserve(call("qst_3"))


def test_a_call_is_settled_once(database: Database, database_dsn: str) -> None:
    ledger = store(database)
    call_id = ledger.reserve(call())
    done = ModelUsage(outcome="done", input_tokens=11, output_tokens=7, cost_usd=CENT / 2, milliseconds=5.0)
    ledger.settle(call_id, done)
    ledger.settle(call_id, ModelUsage(outcome="failed"))
    with psycopg.connect(database_dsn) as connection:
        row = connection.execute(
            "SELECT provider, principal, input_tokens, output_tokens, cost_usd, outcome FROM desk.model_calls"
        ).fetchone()
    assert row == ("anthropic", "agent:ada", 11, 7, CENT / 2, "done")


def test_of_two_replies_to_a_content_the_first_stays(database: Database) -> None:
    ledger = store(database)
    assert ledger.kept_reply("a") is None
    ledger.keep_reply("a", "m", "first")
    ledger.keep_reply("a", "m", "second")
    assert (ledger.kept_reply("a"), ledger.kept_reply("b")) == ("first", None)
