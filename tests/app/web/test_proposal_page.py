"""What the proposal pages say: currency of the account, the next step, nothing of the author's words as markup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from app.web.pages.proposals import Shown, evidence_html, listed, next_step, proposal_item
from core.domain.books import Leg, Order, Proposal
from core.domain.facts import Fact
from core.execution.proposals import ProposalView

NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)


def proposal(account: str = "paper", symbol: str = "MSFT", **changes: Any) -> Proposal:
    leg = Leg(
        instrument_id=1,
        symbol=symbol,
        side="buy",
        quantity=Decimal("10.50"),
        limit_price=Decimal("242.5"),
        band_low=Decimal("235.52"),
        band_high=Decimal("245.14"),
    )
    values: dict[str, Any] = {
        "proposal_id": "prp_1",
        "account_id": account,
        "legs": (leg,),
        "order_type": "limit",
        "time_in_force": "day",
        "notional": Decimal("2425.00"),
        "reason": "",
        "evidence": (),
        "author": "agent:usr_1",
        "author_kind": "agent",
        "requested_by": "usr_1",
        "digest": "ab" * 32,
        "desk_time": NOW,
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=24),
        "is_demo": False,
    }
    return Proposal(**{**values, **changes})


def order(state: str) -> Any:
    return SimpleNamespace(state=state, reason="")


def view(state: Any = "approved", orders: tuple[str, ...] = (), left: float = 100.0, **changes: Any) -> ProposalView:
    made: tuple[Order, ...] = tuple(order(name) for name in orders)
    return ProposalView(
        proposal=proposal(**changes),
        state=state,
        decision=None,
        orders=made,
        progress="As recorded.",
        seconds_left=left,
    )


REPLAY = "Approved: it fills at the next session's open or close: press Advance one session."
LIVE = "Approved: it fills at the next session's open or close."


@pytest.mark.parametrize(
    ("found", "mode", "expected"),
    [
        (view(), "replay", REPLAY),
        (view(orders=("intended",)), "replay", REPLAY),
        (view(orders=("submitting",)), "replay", REPLAY),
        (view(orders=("accepted",)), "replay", REPLAY),
        (view(orders=("accepted", "accepted")), "live", LIVE),
        (view(), "live", LIVE),
        (view(orders=("accepted", "rejected")), "replay", "As recorded."),
        (view(orders=("filled",)), "replay", "As recorded."),
        (view(orders=("denied",)), "replay", "As recorded."),
        (view(orders=("unknown",)), "replay", "As recorded."),
        (view(left=0.0), "replay", "As recorded."),
        (view("pending"), "replay", "As recorded."),
        (view("rejected"), "live", "As recorded."),
        (view("expired"), "replay", "As recorded."),
    ],
)
def test_the_next_step_is_one_sentence(found, mode, expected):
    assert next_step(found, mode) == expected


@pytest.mark.parametrize(
    ("currency", "text"), [("USD", "$2,425.00"), ("EUR", "€2,425.00"), ("CHF", "2,425.00 CHF"), ("JPY", "¥2,425.00")]
)
def test_money_is_in_the_currency_of_the_account(currency, text):
    shown = Shown(view=view(), currency=currency, progress="x")
    assert shown.money(Decimal(2425)) == text
    assert text in proposal_item(shown)
    assert shown.money(None) == "n/a"


def test_each_proposal_gets_the_currency_of_its_own_account_asked_once():
    asked: list[str] = []

    def account(name: str) -> Any:
        asked.append(name)
        return SimpleNamespace(currency={"paper": "USD", "euro": "EUR"}[name])

    views = [view(account="paper"), view(account="euro"), view(account="paper")]
    desk: Any = SimpleNamespace(
        proposals=SimpleNamespace(list=lambda *, state, limit: views), books=SimpleNamespace(account=account)
    )
    assert [shown.currency for shown in listed(desk)] == ["USD", "EUR", "USD"]
    assert sorted(asked) == ["euro", "paper"]


def test_a_line_says_what_it_is_and_cannot_carry_markup():
    line = proposal_item(
        Shown(view=view(symbol='<img src=x onerror="alert(1)">', is_demo=True), currency="USD", progress="<b>x</b>")
    )
    assert "<img" not in line and "<b>" not in line
    assert "Buy 10.5 &lt;img" in line
    assert ">demo</span>" in line


def test_the_address_of_a_proposal_is_quoted():
    line = proposal_item(
        Shown(view=view(proposal_id='prp_"><script>'), currency="USD", progress="x"),
    )
    assert "<script>" not in line and "%22%3E%3Cscript%3E" in line


def test_the_evidence_is_named_and_rendered_and_leads_to_its_run():
    fact = Fact(
        id="fct_1_0", run="run_1", name="JPM <b>weight</b>", value=0.1234, unit="ratio", as_of=NOW, label="private"
    )
    text = evidence_html(Shown(view=view(), currency="USD", progress="x", evidence=(fact, "fct_gone")))
    assert "JPM &lt;b&gt;weight&lt;/b&gt;" in text and ">12.34%</a>" in text
    assert 'href="/runs/fct_1_0"' in text, "the value leads to its explanation"
    assert 'href="/runs/fct_gone"' in text, "a figure that is no longer recorded keeps its id"
    assert "ab" * 32 in text and "prp_1" in text, "the ids that bind a decision stay on the page"


@pytest.mark.parametrize(
    ("principal", "text"),
    [
        ("usr_1", "owner"),
        ("agent:usr_1", "desk agent for owner"),
        ("local:kim", "kim, on the command line of the desk's computer"),
        ("agent:local:kim", "desk agent for kim, on the command line of the desk's computer"),
        ("usr_9", "usr_9"),
        ("demo", "demo"),
    ],
)
def test_ids_of_principals_read_as_names(principal, text, stage):
    assert stage.services.who(principal) == text
