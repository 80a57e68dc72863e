"""Declare and apply standing rules that reject proposals; no rule ever approves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.domain.books import Leg, Proposal, RejectCondition, RejectRule
from core.domain.identifiers import IdSource
from core.domain.principal import Principal, check_approver
from core.errors import InvalidInput, UnknownName
from core.execution.stores import TradingStore
from core.ports.clock import Clock


class RejectRuleDesk:
    """Let persons declare, list and end standing rules."""

    def __init__(self, store: TradingStore, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def standing(self) -> Sequence[RejectRule]:
        """Return the rules that have not ended, oldest first."""
        with self._store.transaction() as transaction:
            return transaction.rules.standing()

    def declare(
        self, name: str, condition: RejectCondition, person: Principal, *, account_id: str | None = None
    ) -> RejectRule:
        """Store a rule that rejects from now on.

        Raises NotSignedIn for others than persons with the scope `approve`, InvalidInput for a condition that says
        nothing (it would reject everything: that is what halting is for) or a name that is taken, UnknownName.
        """
        check_approver(person, "change standing rules")
        if condition == RejectCondition():
            raise InvalidInput(
                "The condition says nothing, so the rule would reject every proposal.",
                hint="Give at least one part; `quantdesk halt` stops all trading.",
            )
        rule = RejectRule(
            rule_id=self._ids.new("rul"),
            name=" ".join(name.split()),
            account_id=account_id,
            condition=condition,
            declared_by=person.id,
            declared_at=self._clock.wall(),
        )
        with self._store.transaction() as transaction:
            if account_id is not None:
                transaction.accounts.get(account_id)
            if any(known.name == rule.name for known in transaction.rules.standing()):
                raise InvalidInput(f"A rule named {rule.name!r} stands already.", hint="End it first, or name another.")
            transaction.rules.add(rule)
        return rule

    def end(self, name: str, person: Principal) -> RejectRule:
        """End a rule; raises NotSignedIn like `declare`, UnknownName."""
        check_approver(person, "change standing rules")
        with self._store.transaction() as transaction:
            names = [rule.name for rule in transaction.rules.standing()]
            ended = transaction.rules.end(" ".join(name.split()), by=person.id)
        if ended is None:
            raise UnknownName("rule", name, names)
        return ended


def first_match(rules: Iterable[RejectRule], proposal: Proposal) -> RejectRule | None:
    """Return the first rule that rejects a proposal."""
    return next((rule for rule in rules if _rejects(rule, proposal)), None)


def refusal_text(rule: RejectRule) -> str:
    """Return the sentence that names the rule."""
    return f"The standing rule {rule.name!r} rejects it."


def _rejects(rule: RejectRule, proposal: Proposal) -> bool:
    if rule.account_id not in (None, proposal.account_id):
        return False
    wanted = rule.condition
    of_proposal = (
        not wanted.times_in_force or proposal.time_in_force in wanted.times_in_force,
        not wanted.author_kinds or proposal.author_kind in wanted.author_kinds,
        not wanted.authors or proposal.author in wanted.authors,
        wanted.notional_above is None or proposal.notional > wanted.notional_above,
    )
    return all(of_proposal) and any(_rejects_leg(wanted, proposal, leg) for leg in proposal.legs)


def _rejects_leg(wanted: RejectCondition, proposal: Proposal, leg: Leg) -> bool:
    return (
        (not wanted.symbols or leg.symbol in wanted.symbols)
        and (not wanted.sides or leg.side in wanted.sides)
        and (not wanted.order_types or proposal.order_type_of(leg) in wanted.order_types)
        and (wanted.quantity_above is None or leg.quantity > wanted.quantity_above)
    )
