"""Show trade proposals from their records alone, and take a signed-in person's decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from html import escape
from typing import Literal
from urllib.parse import quote

from nicegui import ui
from starlette.concurrency import run_in_threadpool

from app.web import components as show
from app.web.layout import Visit
from core.domain.books import LEGGING_WORDS, Leg, ProposalState
from core.domain.facts import Fact
from core.errors import QuantdeskError, UnknownName
from core.execution.impact import Impact
from core.execution.proposals import ProposalView
from core.ports.clock import ClockMode
from core.reporting.html import fact_html
from core.reporting.rendering import render_value
from tools.context import Desk

_LEVELS = {"pending": "watch", "approved": "good", "rejected": "alarm", "expired": ""}
_FILTERS = ("pending", "approved", "rejected", "expired")
_DECIDED_SHOWN = 100
_LOOK_AGAIN_SECONDS = 3.0
_UNDER_WAY = frozenset({"intended", "submitting", "accepted"})


def proposal_list(visit: Visit) -> None:
    """Draw the list, what waits first."""
    show.heading("Proposals", "A proposal is data until a person approves it; only then an order may leave.")
    with ui.element("div").classes("qd-grid"), show.card():
        show.load(lambda: listed(visit.services.desk, limit=_DECIDED_SHOWN), _draw_list)


def proposal_view(visit: Visit, proposal_id: str) -> None:
    """Draw one proposal with what it would do and, while it waits, the decision."""
    refresh = show.load(lambda: _read(visit, proposal_id), lambda found: _draw(visit, found, lambda: refresh()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Join a proposal with the currency of its account and, while it waits, what it would do or why that is unknown.

    `evidence` are the facts it rests on (the bare id of one that is no longer recorded); the rest are names.
    """

    view: ProposalView
    currency: str
    progress: str
    is_real_money: bool = False
    impact: Impact | str | None = None
    evidence: tuple[Fact | str, ...] = ()
    author: str = ""
    requested_by: str = ""
    decided_by: str = ""

    def money(self, value: Decimal | None) -> str:
        """Return an amount in the currency of the account."""
        return render_value(value, "money", self.currency)


def listed(desk: Desk, *, state: ProposalState | None = None, limit: int = 200) -> list[Shown]:
    """Return the newest proposals, each in the currency of its account."""
    views = desk.proposals.list(state=state, limit=limit)
    currencies = {name: desk.books.account(name).currency for name in {view.proposal.account_id for view in views}}
    return [Shown(view=view, currency=currencies[view.proposal.account_id], progress=view.progress) for view in views]


def _read(visit: Visit, proposal_id: str) -> Shown:
    desk = visit.services.desk
    view = desk.proposals.get(proposal_id)
    account = desk.books.account(view.proposal.account_id)
    proposal, who = view.proposal, visit.services.who
    shown = Shown(
        view=view,
        currency=account.currency,
        is_real_money=account.is_real_money,
        progress=next_step(view, desk.clock.mode),
        evidence=tuple(_fact(desk, fact_id) for fact_id in proposal.evidence),
        author=who(proposal.author),
        requested_by=who(proposal.requested_by),
        decided_by=who(view.decision.decided_by) if view.decision else "",
    )
    if view.state != "pending":
        return shown
    try:
        return replace(shown, impact=desk.proposals.impact(proposal_id))
    except QuantdeskError as error:
        return replace(shown, impact=str(error))


def _fact(desk: Desk, fact_id: str) -> Fact | str:
    try:
        return desk.calls.fact(fact_id)
    except UnknownName:
        return fact_id


def next_step(view: ProposalView, mode: ClockMode) -> str:
    """Say in one sentence where a proposal stands and what happens next, for the person on its page."""
    if view.state != "approved" or any(order.state not in _UNDER_WAY for order in view.orders):
        return view.progress
    if not view.orders and view.seconds_left <= 0:
        return view.progress
    if mode == "replay":
        return "Approved: it fills at the next session's open or close: press Advance one session."
    return "Approved: it fills at the next session's open or close."


def _draw_list(views: Sequence[Shown]) -> None:
    if not views:
        show.empty("fact_check", "No proposals yet", "Ask in the chat, for example: propose buying 10 MSFT.")
        return
    for state in _FILTERS:
        chosen = [shown for shown in views if shown.view.state == state]
        if chosen:
            items = "".join(proposal_item(shown) for shown in chosen)
            show.html(
                f'<h2>{state.capitalize()} <small>{len(chosen)}</small></h2><ul class="qd-list">{items}</ul>'
                '<div style="height: 14px"></div>'
            )


def proposal_item(shown: Shown) -> str:
    """Return a proposal as a line of a list."""
    proposal = shown.view.proposal
    what = "; ".join(_leg_text(leg) for leg in proposal.legs)
    demo = ' <span class="qd-badge">demo</span>' if proposal.is_demo else ""
    return (
        f'<li><span class="grow"><a href="/proposals/{quote(proposal.proposal_id)}">{escape(what)}</a>{demo}</span>'
        f"<span>{escape(shown.money(proposal.notional))}</span><small>{escape(shown.progress)}</small></li>"
    )


def _draw(visit: Visit, shown: Shown, refresh: show.Refresh) -> None:
    view, impact, proposal = shown.view, shown.impact, shown.view.proposal
    with show.heading(" and ".join(_leg_text(leg) for leg in proposal.legs)):
        badge = f'<span class="qd-badge {_LEVELS[view.state]}">{escape(view.state)}</span>'
        demo = ' <span class="qd-badge">demo</span>' if proposal.is_demo else ""
        show.html(badge + demo).style("width: auto")
    with ui.element("div").classes("qd-grid"):
        with show.card("Exactly what would be sent", span=6):
            _order(shown)
        with show.card("Decision", span=6):
            _decision(visit, shown, refresh)
        if impact is not None:
            with show.card("What it would do to the book"):
                if isinstance(impact, str):
                    show.notice(impact, "watch")
                else:
                    _impact(impact, shown)
        if _moves_soon(view):
            ui.timer(_LOOK_AGAIN_SECONDS, refresh, once=True)
        if view.orders:
            with show.card("Orders"):
                _orders(view)
        with show.card("Evidence", aside="the figures it rests on; each leads to its run"):
            show.html(evidence_html(shown))


def _moves_soon(view: ProposalView) -> bool:
    waiting = not view.orders or any(order.state in {"intended", "submitting"} for order in view.orders)
    return view.state == "approved" and waiting


def _order(shown: Shown) -> None:
    proposal = shown.view.proposal
    for leg in proposal.legs:
        rows = [
            ("Side", leg.side),
            ("Quantity", render_value(leg.quantity, "shares")),
            ("Instrument", leg.symbol),
            ("Order", f"{proposal.order_type_of(leg)}, {proposal.time_in_force_of(leg)}"),
            ("Limit", shown.money(leg.limit_price) if leg.limit_price is not None else "none: at the market"),
            ("Stop", shown.money(leg.stop_price) if leg.stop_price is not None else ""),
            (
                "Price band",
                f"{shown.money(leg.band_low)} to {shown.money(leg.band_high)}" if leg.band_low is not None else "",
            ),
        ]
        _pairs(rows)
    _pairs(
        [
            ("Notional", shown.money(proposal.notional)),
            *([("Legs", LEGGING_WORDS[proposal.legging])] if len(proposal.legs) > 1 else []),
            ("Account", proposal.account_id + (" (REAL MONEY)" if shown.is_real_money else "")),
            ("Proposed", f"{proposal.created_at:%Y-%m-%d %H:%M} UTC"),
            ("Desk time", f"{proposal.desk_time:%Y-%m-%d %H:%M} UTC"),
            ("Author", shown.author),
            ("Requested by", shown.requested_by),
        ]
    )
    if proposal.reason:
        writer = "model or rule" if proposal.author_kind != "person" else "person"
        show.html(
            f'<div class="qd-words"><b>Words of the {writer} that proposed it, not checked by the desk</b>'
            f"{escape(proposal.reason)}</div>"
        )


def evidence_html(shown: Shown) -> str:
    """Return the facts a proposal rests on, by name and value, and the ids that bind a decision to it."""
    items = []
    for fact in shown.evidence:
        if isinstance(fact, str):
            items.append(f'<li><a href="/runs/{quote(fact)}"><code>{escape(fact)}</code></a></li>')
        else:
            items.append(f'<li><span class="grow">{escape(fact.name)}</span>{fact_html(fact)}</li>')
    listed = f'<ul class="qd-list">{"".join(items)}</ul>' if items else '<p class="qd-note">No figure was given.</p>'
    proposal = shown.view.proposal
    return (
        f'{listed}<p class="qd-note">Proposal <code>{escape(proposal.proposal_id)}</code>, '
        f"digest <code>{escape(proposal.digest)}</code></p>"
    )


def _decision(visit: Visit, shown: Shown, refresh: show.Refresh) -> None:
    view = shown.view
    show.html(f"<p style='margin:0 0 10px'>{escape(shown.progress)}</p>")
    decided = view.decision
    if decided is not None:
        _pairs(
            [
                ("Decision", decided.decision),
                (
                    "By",
                    f"{visit.principal.name} (you)" if decided.decided_by == visit.principal.id else shown.decided_by,
                ),
                ("On", decided.face),
                ("At", f"{decided.decided_at:%Y-%m-%d %H:%M:%S} UTC"),
                ("Desk time", f"{decided.desk_time:%Y-%m-%d %H:%M} UTC"),
                ("Reason", decided.reason),
            ]
        )
        return
    if view.state != "pending":
        return
    show.countdown(view.seconds_left)
    person = visit.principal
    if person.kind != "person" or "approve" not in person.scopes:
        show.notice("Only a signed-in person with the scope approve may decide.")
        return
    reason = (
        ui.element("input")
        .classes("qd-input")
        .props('type="text" maxlength="500" placeholder="Reason (kept with the decision)" aria-label="Reason"')
    )
    words = {"reason": ""}
    reason.on("input", lambda event: words.update(reason=str(event.args)), js_handler="(e) => emit(e.target.value)")

    async def decide(decision: Literal["approved", "rejected"]) -> None:
        signed_in = await visit.person()
        await run_in_threadpool(
            lambda: visit.services.desk.proposals.decide(
                view.proposal.proposal_id,
                decision,
                view.proposal.digest,
                signed_in,
                face="web",
                reason=words["reason"].strip(),
            )
        )
        ui.notify(f"The proposal is {decision}.", type="positive", position="top")
        await refresh()

    with ui.element("div").classes("qd-actions"):
        show.button("Approve", lambda: decide("approved"), kind="first")
        show.button("Reject", lambda: decide("rejected"), kind="danger")
    show.note("Approving releases exactly this order, once. The desk checks limits and the price band again.")


def _impact(impact: Impact, shown: Shown) -> None:
    for objection in impact.objections:
        rule, _, reason = objection.partition(": ")
        show.notice(f"{_rule_text(rule)}: {reason}", "alarm")
    tiles = [
        ("Cash now", shown.money(impact.cash_before)),
        ("Cash after", shown.money(impact.cash_after)),
        ("Net asset value", shown.money(impact.nav)),
        ("Expected fee", render_value(impact.fee, "money", shown.currency, digits=2)),
    ]
    for leg in impact.legs:
        change = f"{render_value(leg.position_before, 'shares')} → {render_value(leg.position_after, 'shares')}"
        tiles += [
            (f"{leg.symbol} position", change),
            (f"{leg.symbol} weight after", render_value(leg.weight_after, "ratio")),
            (f"{leg.symbol} last close", shown.money(leg.last_close.close)),
        ]
    boxes = "".join(f"<div><dt>{escape(name)}</dt><dd class='n'>{escape(text)}</dd></div>" for name, text in tiles)
    show.html(f'<dl class="tiles">{boxes}</dl>')
    checks = "".join(
        f'<li><span class="qd-badge {"good" if verdict.allowed else "alarm"}">'
        f"{'ok' if verdict.allowed else 'refused'}</span><span class='grow'>{escape(_rule_text(verdict.rule))}</span>"
        f"<small>{escape(verdict.reason)}</small></li>"
        for verdict in impact.verdicts
    )
    show.html(f'<ul class="qd-list" style="margin-top: 12px">{checks}</ul>')
    for remark in impact.notes:
        show.note(remark)


def _rule_text(rule: str) -> str:
    return rule.replace("_", " ").capitalize()


def _orders(view: ProposalView) -> None:
    items = "".join(
        f'<li><span class="qd-badge">{escape(order.state)}</span><span class="grow">{escape(order.side)} '
        f"{render_value(order.quantity, 'shares')}, filled {render_value(order.filled_quantity, 'shares')}</span>"
        f"<small>{escape(order.reason)}</small><small><code>{escape(order.client_order_id)}</code></small></li>"
        for order in view.orders
    )
    show.html(f'<ul class="qd-list">{items}</ul>')


def _pairs(rows: Sequence[tuple[str, str]]) -> None:
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)
    show.html(f'<dl class="qd-pairs">{listed}</dl><div style="height: 12px"></div>')


def _leg_text(leg: Leg) -> str:
    return f"{leg.side.capitalize()} {render_value(leg.quantity, 'shares')} {leg.symbol}"
