"""The gate asks the database once and no more, and the balance it reads is what the ledger adds up to."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest

from core.execution.gate import RiskGate
from core.execution.market_risk import RiskMarket
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import AGENT

CASH = "SELECT coalesce(sum(amount), 0) FROM execution.cash_ledger WHERE account_id = 'main'"


@pytest.fixture
def gate(desk):
    return RiskGate(["paper"], RiskMarket(desk.marks, desk.clock), desk.kill_switch)


@pytest.fixture
def pair(desk):
    legs = [LegRequest(symbol="AAA", side="buy", quantity=Decimal(5))]
    legs.append(LegRequest(symbol="BTC", side="buy", quantity=Decimal(1)))
    return desk.proposals.propose(TradeRequest(legs=tuple(legs)), AGENT)


def every_limit(desk):
    desk.sql(
        'UPDATE execution.accounts SET limits = limits || \'{"max_adv_share": 1,'
        ' "max_cluster_weight": 9, "price_band_bps": 1000, "max_orders_per_minute": 100}\''
    )


def test_a_judgement_is_one_statement(desk, gate, pair, count_statements):
    every_limit(desk)
    with desk.store.transaction() as transaction:
        account = transaction.accounts.get("main", lock=True)
        prepared = count_statements(lambda: gate.prepare(transaction, pair))
        judged = count_statements(lambda: gate.objections(transaction, pair, account, "send"))
    assert len(prepared) > 2, "the market was read ahead, so the count can see statements"
    (only,) = judged
    assert "trading_state" in only and "desk.clock" in only and "cash_balances" in only


def test_the_time_of_the_snapshot_is_that_of_the_desk(desk):
    with desk.store.transaction() as transaction:
        assert transaction.gate.snapshot("main").replay_now == desk.clock.now()
    desk.clock.set_live()
    with desk.store.transaction() as transaction:
        assert transaction.gate.snapshot("main").replay_now is None


def test_a_second_judgement_within_the_minute_sees_new_positions_and_cash(desk, gate, pair, ask, approve):
    """What is kept of the market never keeps anything of the account."""
    with desk.store.transaction() as transaction:
        gate.prepare(transaction, pair)
    desk.sql('UPDATE execution.accounts SET limits = \'{"max_position_notional": 900, "allow_short": true}\'')
    with desk.store.transaction() as transaction:
        found = gate.objections(transaction, pair, transaction.accounts.get("main"), "send")
    assert [text.split(":")[0] for text in found] == ["max_position_notional"]


def test_the_balance_is_what_the_ledger_adds_up_to(desk, ask, approve):
    def balances():
        with desk.store.transaction() as transaction:
            return transaction.gate.snapshot("main").cash, desk.sql(CASH)[0][0]

    assert balances() == (Decimal("100000.00"), Decimal("100000.00"))
    for side, quantity in (("buy", "7"), ("buy", "3"), ("sell", "4")):
        proposal = desk.proposals.propose(ask(side=side, quantity=quantity), AGENT)
        approve(proposal)
        desk.gateway.release(proposal.proposal_id)
        desk.advance()
        kept, summed = balances()
        assert kept == summed
    # 7 at 151.50, 3 at 152.50, 4 sold at 153.50, fees and half a spread.
    traded = Decimal("-1060.50") - Decimal("457.50") + Decimal("614.00")
    assert kept == pytest.approx(100_000 + traded, abs=Decimal("1.00")) and kept < 100_000 + traded


def test_nobody_writes_a_balance_but_the_ledger(desk):
    for statement in (
        "UPDATE execution.cash_balances SET balance = 0",
        "DELETE FROM execution.cash_balances",
        "INSERT INTO execution.cash_balances VALUES ('other', 1)",
        "TRUNCATE execution.cash_balances",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation), desk.database.transaction() as connection:
            connection.execute(statement)


def test_an_account_without_a_movement_of_cash_has_none(desk):
    desk.sql(
        "INSERT INTO execution.accounts (account_id, name, broker, opened_at) VALUES ('bare', 'B', 'paper', now())"
    )
    try:
        with desk.store.transaction() as transaction:
            assert transaction.gate.snapshot("bare").cash == 0
    finally:
        desk.sql("DELETE FROM execution.accounts WHERE account_id = 'bare'")
