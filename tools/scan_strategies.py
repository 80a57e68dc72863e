"""Look at a person's enabled strategies on the newest bars, and propose what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import Field

from core.domain.facts import Cell, Column, Frozen, Table, ToolResult
from core.errors import QuantdeskError, Refused, UnknownName
from tools._draft import state_draft
from tools._prices import as_number
from tools._protection import (
    is_kept,
    last_traded,
    legs_for,
    look,
    names_of,
    other_stops,
    protection_of,
    protection_table,
    why_watched,
)
from tools._signal import read_position, read_signal, state_odds, state_risk, trade_request
from tools._verdicts import score_verdicts
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.books import Order, Proposal, Recommendation
    from core.domain.kernel import Float64Array
    from core.domain.owned_records import SavedStrategy
    from core.execution.live import Protection
    from core.execution.proposals import Draft, ProposalView
    from core.valuation.expected_value import ExpectedValue
    from core.valuation.recommendation import Action
    from tools._signal import Signal, StrategyPosition

STALE_DAYS = 7
PARTS_OF_SIZE = (Decimal(1), Decimal("0.5"), Decimal("0.25"))
"""Where the limits forbid the whole size, these parts of it are tried."""


class ScanStrategiesArguments(Frozen):
    """Ask what the enabled strategies recommend now."""

    strategy: str | None = Field(default=None, max_length=80, description="Only this strategy of yours, by name.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hold what came of looking at one strategy."""

    action: str
    said: str
    proposal_id: str = ""


@tool(effect="propose", data="private")
def scan_strategies(context: ToolContext, arguments: ScanStrategiesArguments) -> ToolResult:
    """Evaluate your enabled strategies on the newest bars and propose entries, exits, stops and rebalances.

    Each proposal waits for a person's approval and carries its evidence: what such decisions made before over the
    strategy's horizon, size, risk, costs and stops. Earlier recommendations and verdicts of the panel whose horizon has
    passed are scored.
    """
    owner = context.principal.requested_by or context.principal.id
    saved = context.desk.strategies.saved(owner)
    if arguments.strategy is not None:
        saved = [find_saved(saved, arguments.strategy)]
    # Two scans at once would each propose what neither has proposed yet.
    with context.desk.strategies.scanning(owner):
        found = {part.name: looked for part in saved if (looked := _look_at(context, owner, part)) is not None}
    made = [looked.proposal_id for looked in found.values() if looked.proposal_id]
    context.fact("panel verdicts scored now", score_verdicts(context.desk, owner, context.as_of), "count")
    context.fact("strategies looked at", len(found), "count")
    context.fact("proposals written", len(made), "count")
    _state_scores(context, context.desk.strategies.recommendations(owner))
    rows: list[tuple[Cell, ...]] = [
        (name, looked.action, looked.said, looked.proposal_id) for name, looked in found.items()
    ]
    columns = tuple(Column(name=name, unit="text") for name in ("strategy", "action", "why", "proposal"))
    kept = [part for strategy in saved if (part := look(context, strategy)) is not None]
    notes = [*(part.sentence for part in kept), *other_stops(context, kept)]
    if not rows:
        notes = ["No strategy of yours is enabled; save_strategy keeps one and switches it on."]
    notes += ["Nothing is sent: a proposal waits for a person's approval."] if made else []
    return context.result(
        tables=[
            Table(name="looked", title="What your strategies ask for", columns=columns, rows=tuple(rows)),
            *([protection_table(kept)] if kept else []),
        ],
        sources=["strategies.specs", "execution.proposals"],
        notes=notes,
        proposal_id=made[0] if made else None,
        details={"proposal_ids": made},
    )


def find_saved(saved: Sequence[SavedStrategy], name: str) -> SavedStrategy:
    """Return the strategy of this name or id; raise UnknownName with those there are."""
    for part in saved:
        if name.strip().lower() in (part.name.lower(), part.strategy_id):
            return part
    raise UnknownName("strategy of yours", name, [part.name for part in saved][:5])


def _look_at(context: ToolContext, owner: str, strategy: SavedStrategy) -> Found | None:
    """Score what is due and propose what is asked for; None when nothing of the strategy is watched."""
    earlier = context.desk.strategies.recommendations(owner, strategy_id=strategy.strategy_id)
    if not strategy.enabled and all(part.realised_return is not None for part in earlier):
        return None
    try:
        signal = read_signal(context, strategy)
        _score(context, signal, earlier)
        return _recommend(context, strategy, signal, earlier) if strategy.enabled else None
    except QuantdeskError as error:
        return Found(action="none", said=str(error))


def _recommend(
    context: ToolContext, strategy: SavedStrategy, signal: Signal, earlier: Sequence[Recommendation]
) -> Found:
    from core.execution.live import Protection, choose

    books = context.desk.books
    if (context.as_of.known.date() - signal.session).days > STALE_DAYS:
        return Found(action="none", said=f"The newest bar is of {signal.session}: too old to trade on.")
    account = books.account(strategy.account_id)
    own = [
        view
        for view in context.desk.proposals.list(account_id=account.account_id)
        if view.proposal.author == strategy.strategy_id
    ]
    if (waiting := next((view for view in own if _is_under_way(view)), None)) is not None:
        return Found(action="waits", said=f"{waiting.proposal.proposal_id}: {waiting.progress}")
    nav = float(books.holdings(account.account_id, context.as_of).nav)
    held = books.held_for(strategy.strategy_id, account.account_id, context.as_of)
    position = read_position(signal, held, nav)
    reason = why_watched(context, strategy, account)
    resting = books.protecting(strategy.strategy_id, account.account_id)
    rests = len(held) == 1 and is_kept(strategy, resting, *held.values())
    chosen = choose(
        signal.targets,
        position.weights,
        weight=strategy.weight,
        profit=position.profit,
        # What rests at the broker is the broker's to reach.
        protection=Protection() if rests else protection_of(strategy),
        sessions_since_stop=_sessions_since_stop(context, strategy, signal, account.account_id, earlier),
    )
    if chosen is None:
        if position.shares[0] and reason is None and not rests and names_of(strategy):
            return _protect(context, strategy, signal, position, own)
        return Found(action="none", said=f"Nothing to do at the close of {signal.session}.")
    action, wanted = chosen
    if _was_declined(own, earlier, action) and signal.stands_since(earlier[0].session):
        return Found(action="none", said=f"This {action} was rejected; the strategy has not changed its mind since.")
    return _propose(context, strategy, signal, position, action, wanted, nav, reason, is_protected=bool(resting))


def _sessions_since_stop(
    context: ToolContext, strategy: SavedStrategy, signal: Signal, account_id: str, earlier: Sequence[Recommendation]
) -> int | None:
    """Return how many sessions ago the position was stopped, None when it never was.

    What the scan stops it does at the close of its decision; an order at the broker trades before the close of its
    session, whose decision comes after it.
    """
    stopped = next((part.session for part in earlier if part.action in ("stop", "take_profit")), None)
    traded = last_traded(context, strategy, account_id)
    found = [] if stopped is None else [signal.sessions_since(stopped)]
    found += [] if traded is None else [signal.sessions_since(traded) + 1]
    return min(found, default=None)


def _protect(
    context: ToolContext,
    strategy: SavedStrategy,
    signal: Signal,
    position: StrategyPosition,
    own: Sequence[ProposalView],
) -> Found:
    """Propose the orders that protect a position as it is, in place of what rests for it."""
    from core.execution.requests import TradeRequest

    (instrument,), (held,), (cost,) = signal.instruments, position.shares, position.costs
    legs = legs_for(protection_of(strategy), symbol=instrument.symbol, held=held, reference=cost / float(held))
    draft = context.desk.proposals.prepare(
        TradeRequest(
            legs=legs,
            account_id=strategy.account_id,
            order_type="stop",
            time_in_force="gtc",
            legging="bracket",
            reason=f"{strategy.name}: {names_of(strategy)} for the position at the close of {signal.session},"
            " in place of what rests for it",
            author=strategy.strategy_id,
        ),
        as_of=context.as_of,
    )
    if own and own[0].proposal.legs == draft.legs and own[0].state in ("approved", "rejected"):
        return Found(action="none", said=f"The same protection was {own[0].state} before: {own[0].progress}")
    begin = len(context.result().facts)
    context.fact("recommendation", f"{strategy.name}: protect", "text")
    context.fact("signal session", signal.session.isoformat(), "date")
    context.fact("profit of the position so far", position.profit, "ratio")
    state_draft(context, draft, source="scan_strategies")
    evidence = [fact.id for fact in context.result().facts[begin:]]
    proposal = context.desk.proposals.submit(draft, context.principal, evidence=evidence)
    return Found(action="protect", said=_said(draft), proposal_id=proposal.proposal_id)


def _propose(
    context: ToolContext,
    strategy: SavedStrategy,
    signal: Signal,
    position: StrategyPosition,
    action: Action,
    wanted: Float64Array,
    nav: float,
    watched: str | None,
    *,
    is_protected: bool,
) -> Found:
    from core.execution.live import Protection

    begin = len(context.result().facts)
    step = action.replace("_", " ")
    context.fact("recommendation", f"{strategy.name}: {step}", "text")
    context.fact("signal session", signal.session.isoformat(), "date")
    context.fact("sessions that the signal has stood", signal.sessions_stood, "count")
    odds = state_odds(context, strategy, signal, action)
    state_risk(context, signal, position.weights, wanted)
    context.fact("profit of the position so far", position.profit, "ratio")
    how = "resting at the broker" if watched is None else "watched by the scan"
    for name, ratio in (("stop loss", strategy.stop_loss), ("take profit", strategy.take_profit)):
        if ratio:
            context.fact(f"{name}, {how}", ratio, "ratio")
    reason = f"{strategy.name}: {step} at the close of {signal.session}"
    if names_of(strategy) and wanted.any():
        reason += f"; {names_of(strategy)} {how}" + (f", because {watched}" if watched else "")
    if is_protected:
        reason += "; what rests for the position is cancelled first"
    protection = protection_of(strategy) if watched is None else Protection()
    draft, part = _fit(context, strategy, signal, position, wanted, nav, reason, protection)
    context.fact("part of the wanted size", float(part), "ratio")
    state_draft(context, draft, source="scan_strategies")
    evidence = [fact.id for fact in context.result().facts[begin:]]
    proposal = context.desk.proposals.submit(draft, context.principal, evidence=evidence)
    _keep(context, strategy, signal, draft, action, proposal.proposal_id, odds, nav)
    return Found(action=step, said=_said(draft), proposal_id=proposal.proposal_id)


def _said(draft: Draft) -> str:
    return "; ".join(
        f"{leg.side} {leg.quantity} {leg.symbol}"
        + (f" at a stop of {leg.stop_price}" if leg.stop_price is not None else "")
        + (f" at {leg.limit_price}" if leg.limit_price is not None else "")
        for leg in draft.legs
    )


def _fit(
    context: ToolContext,
    strategy: SavedStrategy,
    signal: Signal,
    position: StrategyPosition,
    wanted: Float64Array,
    nav: float,
    reason: str,
    protection: Protection,
) -> tuple[Draft, Decimal]:
    """Return the largest part of the wanted size that the limits allow, and that part; raise Refused for none."""
    refused: Refused | None = None
    for part in PARTS_OF_SIZE:
        request = trade_request(
            *(strategy, signal, position, wanted), nav=nav, share=part, reason=reason, protection=protection
        )
        try:
            return context.desk.proposals.prepare(request, as_of=context.as_of), part
        except Refused as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _keep(
    context: ToolContext,
    strategy: SavedStrategy,
    signal: Signal,
    draft: Draft,
    action: Action,
    proposal_id: str,
    odds: ExpectedValue | None,
    nav: float,
) -> None:
    from core.domain.books import Recommendation
    from core.execution.impact import in_order

    signs = {"buy": 1.0, "sell": -1.0}
    context.desk.strategies.recommend(
        Recommendation(
            recommendation_id=context.desk.ids.new("rec"),
            strategy_id=strategy.strategy_id,
            account_id=draft.account.account_id,
            requested_by=strategy.created_by,
            proposal_id=proposal_id,
            session=signal.session,
            action=action,
            change={
                leg.symbol: signs[leg.side] * float(leg.notional) / nav
                for leg, exact in zip(draft.impact.legs, in_order(draft.legs, draft.request.legging), strict=True)
                if exact.order_type is None
            },
            probability=odds.probability_of_profit if odds else None,
            expected_return=as_number(odds.mean) if odds else None,
            cases=odds.trades if odds else 0,
            horizon_sessions=strategy.horizon_sessions,
            recommended_at=context.as_of.known,
        )
    )


def _score(context: ToolContext, signal: Signal, earlier: Sequence[Recommendation]) -> None:
    """Store what came of recommendations whose horizon has passed, approved or not."""
    import numpy as np

    from core.valuation.recommendation import carried, trade_return

    days = list(signal.times.astype("datetime64[D]").astype(object))
    close = carried(signal.close)
    symbols = [part.symbol for part in signal.instruments]
    for part in earlier:
        if part.realised_return is not None or part.session not in days or not part.change.keys() <= set(symbols):
            continue
        first = days.index(part.session)
        last = first + part.horizon_sessions
        if last < len(days):
            change = np.array([part.change.get(symbol, 0.0) for symbol in symbols])
            outcome = as_number(trade_return(change, close[first], close[last], cost=signal.cost))
            if outcome is not None:
                context.desk.strategies.score(part.recommendation_id, outcome, days[last])


def _state_scores(context: ToolContext, all_made: Sequence[Recommendation]) -> None:
    """State how good the recommendations were whose horizon has passed."""
    import numpy as np

    from core.valuation.recommendation import brier_score

    scored = [part for part in all_made if part.realised_return is not None]
    context.fact("recommendations scored", len(scored), "count")
    if scored:
        outcomes = np.array([part.realised_return for part in scored], dtype=np.float64)
        context.fact("mean realised return", as_number(outcomes.mean()), "ratio")
        context.fact("share with a gain", float((outcomes > 0.0).mean()), "ratio")
    judged = [part for part in scored if part.probability is not None and part.expected_return is not None]
    if judged:
        odds, means, ends = (
            np.array([getattr(part, name) for part in judged], dtype=np.float64)
            for name in ("probability", "expected_return", "realised_return")
        )
        context.fact("mean expected return of them", as_number(means.mean()), "ratio")
        context.fact("Brier score of their probabilities", as_number(brier_score(odds, ends)), "number")


def _is_under_way(view: ProposalView) -> bool:
    from core.execution.orders import OPEN
    from core.execution.protection import protection_due

    proposal = view.proposal
    unsent = view.state == "approved" and not view.orders and view.seconds_left > 0
    at_work = any(order.state in OPEN and not _rests(proposal, order) for order in view.orders)
    return view.state == "pending" or unsent or at_work or bool(protection_due(proposal, view.orders))


def _rests(proposal: Proposal, order: Order) -> bool:
    """Say whether an order rests for a position, which the scan does not wait for."""
    return order.state == "accepted" and proposal.protects(proposal.legs[order.leg])


def _was_declined(own: Sequence[ProposalView], earlier: Sequence[Recommendation], action: Action) -> bool:
    if not earlier or earlier[0].action != action:
        return False
    made = next((view for view in own if view.proposal.proposal_id == earlier[0].proposal_id), None)
    return made is not None and made.state == "rejected"
