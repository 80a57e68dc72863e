"""Define the records of the books: accounts, proposals, decisions, orders, fills, cash, positions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.domain.facts import Frozen, Label
from core.domain.records import Record

Amount = Annotated[Decimal, Field(ge=0)]
Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit", "stop", "stop_limit"]
TimeInForce = Literal["day", "gtc", "ioc", "fok"]
"""day: to the close of the session; gtc: until cancelled; ioc: what trades at once; fok: all of it or nothing."""
Legging = Literal["together", "in_order", "one_cancels_other", "bracket"]
"""Whether the legs of a proposal are sent at once, each when the one before is filled, as a linked pair or a bracket.

The orders of a linked pair trade the same quantity: what is executed of one, or its end, cancels the other. A bracket
is an entry and the stop, the target or the linked pair of both that rests for the position once the entry has ended;
without an entry it protects a position that is there.
"""
LEGGING_WORDS: Mapping[Legging, str] = {
    "together": "sent together",
    "in_order": "each sent when the one before is filled",
    "one_cancels_other": "a linked pair: one cancels the other",
    "bracket": "a bracket: what protects rests once the entry has ended, for what it filled; one cancels the other",
}
OnFailure = Literal["keep", "unwind"]
"""What becomes of filled legs when another leg fails: they stay, or are traded back at the market."""
OrderState = Literal[
    "intended",
    "denied",
    "submitting",
    "unknown",
    "accepted",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    "expired",
]
Decision = Literal["approved", "rejected", "expired"]
ProposalState = Literal["pending", "approved", "rejected", "expired"]


class Leg(Frozen):
    """Name one leg of a proposal: exactly what would be sent, and the band its price must lie in when it is.

    `order_type` is set in a linked pair, whose legs differ in it, and in the legs of a bracket that protect; elsewhere
    that of the proposal counts.
    """

    left_out: ClassVar[frozenset[str]] = frozenset({"order_type"})
    """Fields not stored while unset, so that proposals from before they existed keep their digests."""

    instrument_id: int
    symbol: str
    side: Side
    quantity: Decimal = Field(gt=0)
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    order_type: OrderType | None = None


class Account(Record):
    """Hold an account at a broker with its limits.

    One with real money sends orders only while `is_live`, which a signed-in person turns on.
    """

    kind: ClassVar[str] = "account"
    table: ClassVar[str] = "execution.accounts"
    key: ClassVar[tuple[str, ...]] = ("account_id",)
    label: ClassVar[Label] = "private"

    account_id: str
    name: str
    broker: str
    currency: str = "USD"
    four_eyes_above: Decimal | None = None
    limits: dict[str, Any] = Field(default_factory=dict)
    is_demo: bool = False
    is_real_money: bool = False
    is_live: bool = False
    changed_by: str | None = None
    opened_at: datetime


class RejectCondition(Frozen):
    """Say which proposals a standing rule rejects: those of which every part that is given holds.

    A part of legs (symbols, sides, `quantity_above`) holds when one leg has it. Money is in the account's currency.
    """

    symbols: tuple[str, ...] = Field(default=(), max_length=500)
    sides: tuple[Side, ...] = ()
    order_types: tuple[OrderType, ...] = ()
    times_in_force: tuple[TimeInForce, ...] = ()
    author_kinds: tuple[Literal["person", "agent", "service"], ...] = ()
    authors: tuple[str, ...] = Field(default=(), max_length=100)
    notional_above: Amount | None = None
    quantity_above: Amount | None = None


class RejectRule(Record):
    """Hold a standing rule that rejects proposals, of one account or (None) of all."""

    kind: ClassVar[str] = "reject_rule"
    table: ClassVar[str] = "execution.reject_rules"
    key: ClassVar[tuple[str, ...]] = ("rule_id",)
    label: ClassVar[Label] = "private"

    rule_id: str
    name: str = Field(min_length=1, max_length=80)
    account_id: str | None = None
    condition: RejectCondition
    declared_by: str
    declared_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


class Proposal(Record):
    """Hold an immutable trade proposal; `digest` covers everything that would be sent and why."""

    kind: ClassVar[str] = "proposal"
    table: ClassVar[str] = "execution.proposals"
    key: ClassVar[tuple[str, ...]] = ("proposal_id",)
    label: ClassVar[Label] = "private"

    proposal_id: str
    account_id: str
    legs: tuple[Leg, ...] = Field(min_length=1)
    order_type: OrderType
    time_in_force: TimeInForce
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    legging: Legging = "together"
    on_failure: OnFailure = "keep"
    notional: Decimal
    reason: str = ""
    evidence: tuple[str, ...] = ()
    author: str
    author_kind: Literal["person", "agent", "service"]
    requested_by: str
    digest: str
    desk_time: datetime
    created_at: datetime
    expires_at: datetime
    is_demo: bool = False

    def order_type_of(self, leg: Leg) -> OrderType:
        """Return the type of the order that a leg becomes."""
        return leg.order_type or self.order_type

    def protects(self, leg: Leg) -> bool:
        """Say whether a leg is one of a bracket that protects a position, and so never opens one."""
        return self.legging == "bracket" and leg.order_type is not None

    def time_in_force_of(self, leg: Leg) -> TimeInForce:
        """Return how long the order lives that a leg becomes: what protects rests until it is cancelled."""
        return "gtc" if self.protects(leg) else self.time_in_force


class ProposalDecision(Record):
    """Hold the one decision on a proposal."""

    kind: ClassVar[str] = "decision"
    table: ClassVar[str] = "execution.decisions"
    key: ClassVar[tuple[str, ...]] = ("proposal_id",)
    label: ClassVar[Label] = "private"

    proposal_id: str
    decision: Decision
    digest: str
    decided_by: str
    decided_by_kind: Literal["person", "service"]
    face: str
    reason: str = ""
    decided_at: datetime
    desk_time: datetime
    used_at: datetime | None = None


class Order(Record):
    """Hold one order and its state; filled quantity comes only from executions.

    Attempt 1 trades a leg; attempt 2 trades back what attempt 1 filled (`on_failure` of the proposal is `unwind`).
    """

    kind: ClassVar[str] = "order"
    table: ClassVar[str] = "execution.orders"
    key: ClassVar[tuple[str, ...]] = ("order_id",)
    label: ClassVar[Label] = "private"

    order_id: str
    client_order_id: str
    proposal_id: str
    leg: int
    attempt: int
    account_id: str
    instrument_id: int
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce
    state: OrderState
    filled_quantity: Decimal = Decimal(0)
    reason: str = ""
    venue_order_id: str | None = None
    desk_time: datetime
    created_at: datetime
    updated_at: datetime


class Fill(Record):
    """Hold one execution, unique by the venue's execution id.

    `fee_quantity` is what the venue kept of the instrument itself as its commission, `fee` what that was worth: it
    counts as sold at the price of the execution, and the fee as paid with the proceeds.
    """

    kind: ClassVar[str] = "fill"
    table: ClassVar[str] = "execution.fills"
    key: ClassVar[tuple[str, ...]] = ("fill_id",)
    label: ClassVar[Label] = "private"

    fill_id: str
    execution_id: str
    order_id: str
    account_id: str
    instrument_id: int
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal = Decimal(0)
    fee_quantity: Decimal = Decimal(0)
    currency: str = "USD"
    session: date
    filled_at: datetime
    note: str = ""


Movement = Literal[
    "deposit",
    "withdrawal",
    "trade",
    "fee",
    "fee_in_kind",
    "opening",
    "dividend",
    "withholding",
    "interest",
    "cash_in_lieu",
]
"""Why cash moved.

`fee_in_kind` is what a commission that was kept of the instrument itself was sold for; `opening` what was paid, out of
the deposit, for a position that the account held when it was opened.
"""


class CashEntry(Record):
    """Hold one movement of cash.

    `reference` names what a dividend was paid on, so that it is booked once; `entered_by` is the person who entered
    money by hand.
    """

    kind: ClassVar[str] = "cash_entry"
    table: ClassVar[str] = "execution.cash_ledger"
    key: ClassVar[tuple[str, ...]] = ("fill_id", "movement")
    label: ClassVar[Label] = "private"

    account_id: str
    movement: Movement
    amount: Decimal
    currency: str = "USD"
    fill_id: str | None = None
    reference: str | None = None
    entered_by: str | None = None
    booked_at: datetime


class OpeningPosition(Record):
    """Hold what an account held of an instrument (signed) when it was opened, and the price at which it is booked."""

    kind: ClassVar[str] = "opening_position"
    table: ClassVar[str] = "execution.opening_positions"
    key: ClassVar[tuple[str, ...]] = ("account_id", "instrument_id")
    label: ClassVar[Label] = "private"

    account_id: str
    instrument_id: int
    quantity: Decimal
    price: Decimal
    entered_by: str
    opened_at: datetime


class AppliedSplit(Record):
    """Hold a split that was booked in an account: what it held before `effective_at` is `ratio` times as much after it.

    It shows from `known_at` on: from then, prices of before are read in shares of after the split too. A `fraction` of
    a lot that it left (signed, in shares after it) was paid out at `price`.
    """

    kind: ClassVar[str] = "applied_split"
    table: ClassVar[str] = "execution.applied_splits"
    key: ClassVar[tuple[str, ...]] = ("account_id", "instrument_id", "ex_date")
    label: ClassVar[Label] = "private"

    account_id: str
    instrument_id: int
    ex_date: date
    ratio: Decimal
    fraction: Decimal = Decimal(0)
    price: Decimal | None = None
    effective_at: datetime
    known_at: datetime


class Position(Record):
    """Hold what an account owns of an instrument, at average cost."""

    kind: ClassVar[str] = "position"
    table: ClassVar[str] = "execution.positions"
    key: ClassVar[tuple[str, ...]] = ("account_id", "instrument_id")
    label: ClassVar[Label] = "private"

    account_id: str
    instrument_id: int
    quantity: Decimal
    average_cost: Decimal
    realized_pnl: Decimal = Decimal(0)
    updated_at: datetime


class ExternalOrder(Record):
    """Hold an order at the venue that the desk did not send: adopted to be shown and counted, never changed."""

    kind: ClassVar[str] = "external_order"
    table: ClassVar[str] = "execution.external_orders"
    key: ClassVar[tuple[str, ...]] = ("account_id", "venue_order_id")
    label: ClassVar[Label] = "private"

    account_id: str
    venue_order_id: str
    client_order_id: str = ""
    instrument_id: int | None = None
    symbol: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal = Decimal(0)
    is_open: bool = True
    first_seen_at: datetime
    last_seen_at: datetime


class Difference(Record):
    """Hold what the venue and the books say differently, until they agree again or a person explains it."""

    kind: ClassVar[str] = "difference"
    table: ClassVar[str] = "execution.differences"
    key: ClassVar[tuple[str, ...]] = ("difference_id",)
    label: ClassVar[Label] = "private"

    difference_id: str
    account_id: str
    subject: Literal["order", "position", "cash", "instrument"]
    name: str
    ours: str
    theirs: str
    found_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    explanation: str = ""


class Recommendation(Record):
    """Hold what a scan recommended for a strategy, with its odds, and what came of it at its horizon.

    `change` is the step in weights by symbol. `probability` of a gain and `expected_return` (ratio per unit traded) are
    those of the `cases` earlier decisions of the kind; None without enough. `realised_return` is measured alike.
    """

    kind: ClassVar[str] = "recommendation"
    table: ClassVar[str] = "strategies.recommendations"
    key: ClassVar[tuple[str, ...]] = ("recommendation_id",)
    label: ClassVar[Label] = "private"

    recommendation_id: str
    strategy_id: str
    account_id: str
    requested_by: str
    proposal_id: str
    session: date
    action: Literal["entry", "exit", "rebalance", "stop", "take_profit"]
    change: dict[str, float]
    probability: float | None = None
    expected_return: float | None = None
    cases: int
    horizon_sessions: int
    recommended_at: datetime
    realised_return: float | None = None
    scored_session: date | None = None


class PanelVerdict(Record):
    """Hold what the panel of analysts, or a model that heard it, said of an instrument, and what came of it.

    `model` is empty for the panel, whose `score` and `scores` by analyst lie in [-1, 1]; a model says a word only.
    `contaminated`: the model was trained on what came after the session. `probability` of a gain and `expected_return`
    (ratio) over the horizon are those of the `cases` past verdicts of the kind, `base_rate` the share of gains of all;
    None without them. `realised_return` is the total return from the close of the session over the horizon.
    """

    kind: ClassVar[str] = "panel_verdict"
    table: ClassVar[str] = "strategies.panel_verdicts"
    key: ClassVar[tuple[str, ...]] = ("verdict_id",)
    label: ClassVar[Label] = "private"

    verdict_id: str
    requested_by: str
    run_id: str
    model: str = ""
    contaminated: bool = False
    instrument_id: int
    symbol: str
    session: date
    verdict: Literal["buy", "lean buy", "hold", "lean sell", "sell"]
    score: float | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    horizon_sessions: int
    probability: float | None = None
    expected_return: float | None = None
    base_rate: float | None = None
    cases: int = 0
    decided_at: datetime
    realised_return: float | None = None
    scored_session: date | None = None
