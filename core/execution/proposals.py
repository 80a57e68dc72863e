"""Write proposals and take the one decision on each; nothing here can send an order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from core.domain.as_of import AsOf
from core.domain.books import Account, Leg, Order, Proposal, ProposalDecision, ProposalState, RejectRule
from core.domain.identifiers import IdSource
from core.domain.principal import Principal, is_unknown_person
from core.domain.trading_rules import VenueRules
from core.errors import ApprovalRefused, InvalidInput, NotSignedIn, Refused
from core.execution.crash_points import crash_point
from core.execution.digest import plain_decimal, proposal_digest
from core.execution.impact import (
    Impact,
    assess,
    band_objections,
    gate_records,
    held_and_working,
    limits_of,
    live_objection,
)
from core.execution.kill_switch import KillSwitch
from core.execution.market_risk import RiskMarket
from core.execution.marks import Marks, SessionPrice
from core.execution.reject_rules import first_match, refusal_text
from core.execution.requests import TradeRequest, check_request, check_rules, exact_leg
from core.execution.stores import TradingStore, Transaction
from core.ports.clock import Clock
from core.ports.market_data import Instruments

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Hold a checked request that was not stored: the exact legs and what they would do."""

    account: Account
    legs: tuple[Leg, ...]
    request: TradeRequest
    impact: Impact
    as_of: AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """Join a proposal with its decision and orders.

    `progress` is one sentence for a person; `seconds_left` is the time to the expiry by the database's clock.
    """

    proposal: Proposal
    state: ProposalState
    decision: ProposalDecision | None
    orders: tuple[Order, ...]
    progress: str
    seconds_left: float


class ProposalDesk:
    """Propose trades, show them and decide on them."""

    def __init__(
        self,
        store: TradingStore,
        marks: Marks,
        instruments: Instruments,
        kill_switch: KillSwitch,
        clock: Clock,
        ids: IdSource,
        *,
        expiry_minutes: int = 24 * 60,
        stops_rest_at: Collection[str] = (),
        venue_rules: Callable[[str, str], VenueRules | None] = lambda broker, symbol: None,
    ) -> None:
        self._store = store
        self._marks = marks
        self._instruments = instruments
        self._kill_switch = kill_switch
        self._clock = clock
        self._ids = ids
        self._expiry_minutes = expiry_minutes
        self._stops_rest_at = stops_rest_at
        self._venue_rules = venue_rules
        self._market = RiskMarket(marks, clock)

    def halted(self) -> str | None:
        """Return why trading is halted, or None when approved orders may leave."""
        return self._kill_switch.status()

    def symbol(self, instrument_id: int) -> str:
        """Return the symbol of an instrument; raise UnknownName."""
        return self._instruments.get(instrument_id).symbol

    def rests_stops(self, account: Account) -> bool:
        """Say whether stop orders of an account rest at its broker."""
        return account.broker in self._stops_rest_at

    def prepare(self, request: TradeRequest, *, as_of: AsOf | None = None) -> Draft:
        """Check a request and return the exact legs with their impact, storing nothing.

        Raises UnknownName, InvalidInput, NoData, and Refused when the account's limits forbid it.
        """
        check_request(request)
        moment = as_of or AsOf(known=self._clock.now())
        instruments = [self._instruments.find(leg.symbol) for leg in request.legs]
        with self._store.transaction() as transaction:
            account = _account(transaction, request.account_id)
            if request.legging == "bracket" and not self.rests_stops(account):
                raise InvalidInput(
                    f"Stops do not rest at {account.broker!r}, the broker of {account.account_id}.",
                    hint="Trade without a bracket, and watch the position.",
                )
            snapshot = transaction.gate.snapshot(account.account_id)
        rules = [self._venue_rules(account.broker, part.symbol) for part in instruments]
        if request.legging == "one_cancels_other" and any(part is not None and not part.links_pairs for part in rules):
            raise InvalidInput(f"{account.broker!r}, the broker of {account.account_id}, keeps no linked pairs.")
        held = snapshot.positions
        working = [order.instrument_id for order in snapshot.working]
        wanted = list(dict.fromkeys([*(part.instrument_id for part in instruments), *held, *working]))
        view = self._market.view(wanted, limits_of(account), replay_now=snapshot.replay_now, as_of=as_of)
        nav = snapshot.cash + sum(
            (quantity * view.marks[key].close for key, quantity in held.items() if key in view.marks), Decimal(0)
        )
        legs = tuple(
            exact_leg(
                asked,
                instrument,
                view.marks.get(instrument.instrument_id),
                order_type=asked.order_type or request.order_type,
                held=held.get(instrument.instrument_id, Decimal(0)),
                nav=nav,
                as_of=moment,
                rules=rule,
            )
            for asked, instrument, rule in zip(request.legs, instruments, rules, strict=True)
        )
        for leg, rule in zip(legs, rules, strict=True):
            if rule is not None:
                order_type = leg.order_type or request.order_type
                check_rules(leg, order_type, request.time_in_force, rule, view.marks[leg.instrument_id].close)
        impact = assess(snapshot, account, legs, view, time_in_force=request.time_in_force, legging=request.legging)
        if impact.objections:
            self._keep(impact, account.account_id, "", "propose")
            raise Refused(f"The account's limits forbid this trade. {' '.join(impact.objections)}", rule="limits")
        return Draft(account=account, legs=legs, request=request, impact=impact, as_of=moment)

    def submit(self, draft: Draft, principal: Principal, *, evidence: Sequence[str] = ()) -> Proposal:
        """Store a draft as a proposal, with its event, in one transaction; raise NotSignedIn without the scope `trade`.

        `evidence` are ids of facts. The proposal waits for a person, unless a standing rule rejects it at once: this
        sends nothing.
        """
        if "trade" not in principal.scopes:
            raise NotSignedIn(f"{principal.name} may not propose trades.", hint="The scope `trade` is needed.")
        requested_by = principal.requested_by or principal.id
        if is_above_four_eyes(draft.account, draft.impact.notional) and is_unknown_person(requested_by):
            raise Refused(
                f"{draft.impact.notional:.2f} is above the four-eyes limit of {draft.account.four_eyes_above}, and who"
                " asks is not signed in: nobody could tell that another person approves it.",
                rule="four_eyes",
                hint="Sign in and propose it again.",
            )
        request = draft.request
        minutes = request.expires_in_minutes or self._expiry_minutes
        single = draft.legs[0] if len(draft.legs) == 1 else None
        with self._store.transaction() as transaction:
            now = transaction.proposals.now()
            proposal = Proposal(
                proposal_id=self._ids.new("prp"),
                account_id=draft.account.account_id,
                legs=draft.legs,
                order_type=request.order_type,
                time_in_force=request.time_in_force,
                legging=request.legging,
                on_failure=request.on_failure,
                band_low=single.band_low if single else None,
                band_high=single.band_high if single else None,
                notional=plain_decimal(draft.impact.notional.quantize(_CENT)),
                reason=request.reason,
                evidence=tuple(evidence),
                author=request.author or principal.id,
                author_kind=principal.kind,
                requested_by=principal.requested_by or principal.id,
                digest="",
                desk_time=draft.as_of.known,
                created_at=now,
                expires_at=now + timedelta(minutes=minutes),
                is_demo=False,
            )
            stored = transaction.proposals.add(proposal.model_copy(update={"digest": proposal_digest(proposal)}))
            transaction.events.put("proposal.created", stored.proposal_id)
            rule = first_match(transaction.rules.standing(), stored)
            if rule is not None:
                transaction.proposals.decide(self._rejection(stored, rule))
                transaction.events.put("proposal.decided", stored.proposal_id)
        return stored

    def propose(
        self, request: TradeRequest, principal: Principal, *, as_of: AsOf | None = None, evidence: Sequence[str] = ()
    ) -> Proposal:
        """Check a request and store it as a proposal that waits for a person's approval."""
        return self.submit(self.prepare(request, as_of=as_of), principal, evidence=evidence)

    def get(self, proposal_id: str) -> ProposalView:
        """Return a proposal with its decision and orders; raise UnknownName."""
        with self._store.transaction() as transaction:
            proposal, decision = transaction.proposals.get(proposal_id)
            return _view(transaction, proposal, decision, self._clock.mode)

    def list(
        self, *, state: ProposalState | None = None, account_id: str | None = None, limit: int = 200
    ) -> Sequence[ProposalView]:
        """Return proposals of a state (all when None), newest first."""
        with self._store.transaction() as transaction:
            return [
                _view(transaction, proposal, decision, self._clock.mode)
                for proposal, decision in transaction.proposals.all(account_id=account_id, state=state, limit=limit)
            ]

    def impact(self, proposal_id: str) -> Impact:
        """Return what the proposal would do to the book of now, by fresh positions and prices."""
        with self._store.transaction() as transaction:
            proposal, _ = transaction.proposals.get(proposal_id)
            return self._assess(transaction, proposal)[0]

    def decide(
        self,
        proposal_id: str,
        decision: Literal["approved", "rejected"],
        digest: str,
        principal: Principal,
        *,
        face: str,
        reason: str = "",
    ) -> ProposalDecision:
        """Take the decision on a proposal: one database transaction, the first to commit wins.

        `digest` is the one the person was shown. An approval also checks the kill switch, the price band and the
        limits on fresh positions. Raises ApprovalRefused with the rule that was broken (`person`, `scope`, `digest`,
        `decided`, `expired`, `four_eyes`, `price_band`, `limits`), TradingHalted, UnknownName.
        """
        if decision not in ("approved", "rejected"):
            raise InvalidInput(f"A decision is approved or rejected, not {decision!r}.")
        with self._store.transaction() as transaction:
            proposal, earlier = transaction.proposals.get(proposal_id)
            _check_person(proposal, decision, principal)
            if digest != proposal.digest:
                raise ApprovalRefused(
                    "The digest is not that of this proposal, so what you saw is not what would be sent.",
                    rule="digest",
                    hint="Open the proposal again and decide on what it says.",
                )
            if earlier is not None:
                raise _too_late(earlier)
            if proposal.expires_at <= transaction.proposals.now():
                raise ApprovalRefused(
                    f"The proposal expired at {proposal.expires_at:%Y-%m-%d %H:%M} UTC.",
                    rule="expired",
                    hint="Propose it again.",
                )
            if decision == "approved":
                self._check_release(transaction, proposal, principal)
            stored = transaction.proposals.decide(
                ProposalDecision(
                    proposal_id=proposal_id,
                    decision=decision,
                    digest=digest,
                    decided_by=principal.id,
                    decided_by_kind="person",
                    face=face,
                    reason=reason,
                    decided_at=self._clock.wall(),
                    desk_time=self._clock.now(),
                )
            )
            if stored is None:
                _, winner = transaction.proposals.get(proposal_id)
                raise _too_late(winner)
            transaction.events.put("proposal.decided", proposal_id)
            crash_point("decision.written")
        crash_point("decision.stored")
        return stored

    def expire(self, proposal_id: str) -> ProposalView:
        """Note that a proposal's time is over by the database's clock, if it is and nobody decided; return its view."""
        with self._store.transaction() as transaction:
            proposal, decision = transaction.proposals.get(proposal_id)
            if decision is None and proposal.expires_at <= transaction.proposals.now():
                stored = transaction.proposals.decide(
                    ProposalDecision(
                        proposal_id=proposal_id,
                        decision="expired",
                        digest=proposal.digest,
                        decided_by="desk",
                        decided_by_kind="service",
                        face="workflow",
                        reason="Nobody decided in time.",
                        decided_at=self._clock.wall(),
                        desk_time=self._clock.now(),
                    )
                )
                if stored is not None:
                    transaction.events.put("proposal.decided", proposal_id)
            proposal, decision = transaction.proposals.get(proposal_id)
            return _view(transaction, proposal, decision, self._clock.mode)

    def _rejection(self, proposal: Proposal, rule: RejectRule) -> ProposalDecision:
        """Return the decision that a standing rule takes; there is none by which a rule approves."""
        return ProposalDecision(
            proposal_id=proposal.proposal_id,
            decision="rejected",
            digest=proposal.digest,
            decided_by=f"rule:{rule.rule_id}",
            decided_by_kind="service",
            face="rule",
            reason=refusal_text(rule),
            decided_at=self._clock.wall(),
            desk_time=self._clock.now(),
        )

    def _check_release(self, transaction: Transaction, proposal: Proposal, principal: Principal) -> None:
        self._kill_switch.check(transaction)
        account = transaction.accounts.get(proposal.account_id)
        refused = live_objection(account)
        if refused:
            raise ApprovalRefused(refused, rule="live", hint="`quantdesk account live` turns it on.")
        standing = first_match(transaction.rules.standing(), proposal)
        if standing is not None:
            raise ApprovalRefused(refusal_text(standing), rule="reject_rule", hint="Reject it, or end the rule first.")
        above = is_above_four_eyes(account, proposal.notional)
        if above and is_unknown_person(proposal.requested_by):
            raise ApprovalRefused(
                f"{proposal.notional} is above the four-eyes limit of {account.four_eyes_above} and was asked for by"
                f" {proposal.requested_by}, who was not signed in: you may be the same person.",
                rule="four_eyes",
                hint="Reject it and propose it again signed in.",
            )
        if above and principal.id in (proposal.requested_by, proposal.author):
            raise ApprovalRefused(
                f"{proposal.notional} is above the four-eyes limit of {account.four_eyes_above}:"
                " the person who asked for it may not approve it.",
                rule="four_eyes",
                hint="Another person with the scope `approve` must decide.",
            )
        impact, marks = self._assess(transaction, proposal)
        for rule, objections in (
            ("price_band", band_objections(proposal.legs, marks)),
            ("limits", impact.objections),
        ):
            if objections:
                self._keep(impact, proposal.account_id, proposal.proposal_id, "decide")
                raise ApprovalRefused(" ".join(objections), rule=rule, hint="Reject it and propose anew.")

    def _keep(self, impact: Impact, account_id: str, subject: str, stage: Literal["propose", "decide"]) -> None:
        """Keep a refusal in a transaction of its own, as the one that is refused is rolled back."""
        with self._store.transaction() as transaction:
            records = gate_records(impact, account_id, subject, stage)
            transaction.gate.record(records, desk_time=self._clock.now())

    def _assess(self, transaction: Transaction, proposal: Proposal) -> tuple[Impact, Mapping[int, SessionPrice]]:
        account = transaction.accounts.get(proposal.account_id)
        snapshot = transaction.gate.snapshot(account.account_id, except_proposal=proposal.proposal_id)
        view = self._market.view(
            held_and_working(snapshot, proposal.legs), limits_of(account), replay_now=snapshot.replay_now
        )
        impact = assess(
            *(snapshot, account, proposal.legs, view), time_in_force=proposal.time_in_force, legging=proposal.legging
        )
        return impact, view.marks


def _account(transaction: Transaction, account_id: str | None) -> Account:
    if account_id is not None:
        return transaction.accounts.get(account_id)
    return only_account(transaction.accounts.all())


def is_above_four_eyes(account: Account, notional: Decimal) -> bool:
    """Return whether a trade of this value needs a second person."""
    return account.four_eyes_above is not None and notional > account.four_eyes_above


def only_account(accounts: Sequence[Account]) -> Account:
    """Return the only account, or the only one that is not a demo; raise InvalidInput when a choice is needed."""
    if not accounts:
        raise InvalidInput("There is no account.", hint="`quantdesk run` loads the demo book on a new desk.")
    chosen = accounts if len(accounts) == 1 else [part for part in accounts if not part.is_demo]
    if len(chosen) != 1:
        names = ", ".join(part.account_id for part in accounts)
        raise InvalidInput("Several accounts exist.", hint=f"Name one of {names}.")
    return chosen[0]


def _check_person(proposal: Proposal, decision: str, principal: Principal) -> None:
    if principal.kind != "person":
        raise ApprovalRefused(
            f"{principal.name} is a {principal.kind}; only a signed-in person decides on a trade.",
            rule="person",
            hint="Sign in and decide yourself.",
        )
    withdraws = decision == "rejected" and principal.id == proposal.requested_by
    if "approve" not in principal.scopes and not withdraws:
        raise ApprovalRefused(
            f"{principal.name} lacks the scope `approve`.", rule="scope", hint="Ask a person who has it."
        )


def _too_late(winner: ProposalDecision | None) -> ApprovalRefused:
    if winner is None:
        return ApprovalRefused("Another decision came first.", rule="decided")
    return ApprovalRefused(
        f"The proposal was {winner.decision} already, by {winner.decided_by} on {winner.face} at"
        f" {winner.decided_at:%Y-%m-%d %H:%M:%S} UTC.",
        rule="decided",
    )


def _view(
    transaction: Transaction, proposal: Proposal, decision: ProposalDecision | None, clock_mode: str
) -> ProposalView:
    orders = tuple(reversed(transaction.orders.all(proposal_id=proposal.proposal_id)))
    left = (proposal.expires_at - transaction.proposals.now()).total_seconds()
    state: ProposalState = decision.decision if decision else ("pending" if left > 0 else "expired")
    return ProposalView(
        proposal=proposal,
        state=state,
        decision=decision,
        orders=orders,
        progress=_progress(state, orders, proposal.expires_at, left, clock_mode),
        seconds_left=max(left, 0.0),
    )


def _progress(state: ProposalState, orders: Sequence[Order], expires_at: datetime, left: float, clock_mode: str) -> str:
    if state == "pending":
        return f"Waits for a person's decision until {expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
    if state != "approved":
        return f"{state.capitalize()}: nothing was sent."
    if not orders:
        return "Approved: the worker will send it." if left > 0 else "Approved, but not sent before its expiry."
    names = [order.state for order in orders]
    if all(name == "filled" for name in names):
        return "Filled."
    if any(name in ("accepted", "partially_filled") for name in names):
        advance = " The clock replays the past: `quantdesk clock advance 1` brings the next session."
        return "Working at the venue: fills at the next session's open." + (advance if clock_mode == "replay" else "")
    if any(name == "unknown" for name in names):
        return "Unknown whether the venue has it: only the venue's evidence resolves this; it is not sent again."
    reasons = "; ".join(dict.fromkeys(order.reason.rstrip(". ") for order in orders if order.reason))
    return f"{', '.join(dict.fromkeys(names)).capitalize()}{': ' + reasons if reasons else ''}."
