"""Judge a proposal inside the transaction that releases or sends it: one snapshot, then every rule."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from core.domain.books import Account, Proposal
from core.execution.impact import (
    assess,
    band_objections,
    gate_records,
    held_and_working,
    limits_of,
    live_objection,
)
from core.execution.kill_switch import KillSwitch
from core.execution.market_risk import MarketView, RiskMarket
from core.execution.reject_rules import first_match, refusal_text
from core.execution.stores import GateSnapshot, Transaction


class RiskGate:
    """Say why a proposal may not leave now; `brokers` are the names of those that this desk knows."""

    def __init__(self, brokers: Collection[str], market: RiskMarket, kill_switch: KillSwitch) -> None:
        self._brokers = brokers
        self._market = market
        self._kill_switch = kill_switch

    def prepare(self, transaction: Transaction, proposal: Proposal) -> None:
        """Compute what a judgement within the same minute needs of the market, while no account is locked."""
        account = transaction.accounts.get(proposal.account_id)
        self._view(self._snapshot(transaction, proposal), account, proposal)

    def objections(
        self, transaction: Transaction, proposal: Proposal, account: Account, stage: Literal["release", "send"]
    ) -> tuple[str, ...]:
        """Return why nothing may leave, judged by one fresh snapshot, and keep what the rules refused."""
        snapshot = self._snapshot(transaction, proposal)
        halted = self._kill_switch.reason_of(snapshot)
        if halted is not None:
            return (f"kill_switch: {halted}",)
        if account.broker not in self._brokers:
            return (f"broker: this desk does not know {account.broker!r}, only {', '.join(sorted(self._brokers))}.",)
        off = live_objection(account)
        if off is not None:
            return (off,)
        rule = first_match(snapshot.rules, proposal)
        if rule is not None:
            return (f"reject_rule: {refusal_text(rule)}",)
        view = self._view(snapshot, account, proposal)
        band = band_objections(proposal.legs, view.marks)
        if band:
            return band
        impact = assess(
            *(snapshot, account, proposal.legs, view), time_in_force=proposal.time_in_force, legging=proposal.legging
        )
        if impact.refused:
            records = gate_records(impact, account.account_id, proposal.proposal_id, stage)
            transaction.gate.record(records, desk_time=view.moment)
        return impact.objections

    def _snapshot(self, transaction: Transaction, proposal: Proposal) -> GateSnapshot:
        return transaction.gate.snapshot(proposal.account_id, except_proposal=proposal.proposal_id)

    def _view(self, snapshot: GateSnapshot, account: Account, proposal: Proposal) -> MarketView:
        return self._market.view(
            held_and_working(snapshot, proposal.legs), limits_of(account), replay_now=snapshot.replay_now
        )
