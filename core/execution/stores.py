"""Define what the money path needs of its store: one transaction at a time, everything in it or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from core.domain.as_of import AsOf
from core.domain.books import (
    Account,
    AppliedSplit,
    CashEntry,
    Difference,
    ExternalOrder,
    Fill,
    OpeningPosition,
    Order,
    OrderState,
    Position,
    Proposal,
    ProposalDecision,
    ProposalState,
    RejectRule,
)
from core.execution.orders import Move

Outcome = Literal["agrees", "differs", "unanswered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingState:
    """Hold the kill switch as the database knows it."""

    halted: bool
    reason: str
    changed_by: str
    changed_at: datetime
    reduce_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NavPoint:
    """Hold an account's value and cash at the close of a session, and when that was."""

    session: date
    closed_at: datetime
    nav: Decimal
    cash: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEvent:
    """Hold one event that waits to be told."""

    event_id: int
    topic: str
    subject_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Hold how the last comparison of an account with its venue ended."""

    account_id: str
    outcome: Outcome
    detail: str
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingOrder:
    """Hold what is left of an order at work, negative for a sale."""

    instrument_id: int
    signed_quantity: Decimal
    limit_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSnapshot:
    """Hold all of an account that the risk gate judges by, read in one statement.

    `replay_now` is the moment at which the desk replays the past, None on a live clock.
    """

    halted: bool
    reduce_only: bool
    halt_reason: str
    cash: Decimal
    positions: dict[int, Decimal]
    working: tuple[WorkingOrder, ...]
    peak_equity: Decimal | None
    day_equity: Decimal | None
    orders_last_minute: int
    replay_now: datetime | None = None
    rules: tuple[RejectRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """Hold one refusal, or one quantity made smaller: by which rule, and what it measured before and after."""

    account_id: str
    subject: str
    stage: Literal["propose", "decide", "release", "send"]
    symbol: str
    rule: str
    before: Decimal
    after: Decimal
    limit: Decimal
    quantity_before: Decimal
    quantity_after: Decimal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStamp:
    """Hold all that the booking of corporate actions depends on: while none of it changes, nothing is to be booked.

    `data_version` changes with every write to prices, actions and instruments, `actions_known` as time makes more of
    them known, `executions` and `newest_execution_at` with every execution.
    """

    data_version: str
    actions_known: int
    executions: int
    newest_execution_at: datetime | None


class Accounts(Protocol):
    """Read accounts and the kill switch."""

    def add(self, account: Account) -> None:
        """Store a new account."""
        ...

    def get(self, account_id: str, *, lock: bool = False) -> Account:
        """Return an account; `lock` makes every other locking reader wait. Raises UnknownName."""
        ...

    def all(self) -> Sequence[Account]:
        """Return the accounts ordered by id."""
        ...

    def set_live(self, account_id: str, *, is_live: bool, by: str) -> None:
        """Switch an account that holds real money to live, or off."""
        ...

    def remove_demo(self, account_id: str) -> bool:
        """Remove a demo account with everything in it; False when there is none."""
        ...

    def give_paper_venue(self, account_id: str) -> None:
        """Copy the account's ended orders and executions to the paper venue, so that both hold the same history."""
        ...

    def trading_state(self, *, hold: bool = False) -> TradingState | None:
        """Return the kill switch, None when its row is missing; `hold` keeps it from changing until commit."""
        ...

    def set_trading_state(self, *, halted: bool, reason: str, by: str, reduce_only: bool = False) -> None:
        """Turn the kill switch."""
        ...


class Proposals(Protocol):
    """Keep proposals and the one decision on each."""

    def now(self) -> datetime:
        """Return the database's clock."""
        ...

    def add(self, proposal: Proposal) -> Proposal:
        """Store a proposal and return it as stored."""
        ...

    def get(self, proposal_id: str) -> tuple[Proposal, ProposalDecision | None]:
        """Return a proposal and its decision; raise UnknownName."""
        ...

    def all(
        self, *, account_id: str | None = None, state: ProposalState | None = None, limit: int = 200
    ) -> Sequence[tuple[Proposal, ProposalDecision | None]]:
        """Return the newest proposals (of a state) with their decisions; what nobody decided on expires by itself."""
        ...

    def decide(self, decision: ProposalDecision) -> ProposalDecision | None:
        """Store the decision and return it as stored; None when another came first."""
        ...

    def use(self, proposal_id: str) -> bool:
        """Use an approval up; False when there is none or it is used."""
        ...


class Orders(Protocol):
    """Keep orders and everything that happened to them."""

    def add(self, order: Order) -> None:
        """Store a new order and its first event."""
        ...

    def get(self, order_id: str, *, lock: bool = False) -> Order:
        """Return an order; raise UnknownName."""
        ...

    def may_leave(self, order_id: str) -> bool:
        """Return whether the database lets the order leave as trading stands now."""
        ...

    def is_covered(self, order_id: str) -> bool:
        """Return whether the position holds what rests for it with this order, the two of a pair counted once."""
        ...

    def protecting(self, account_id: str, *, since: datetime | None = None) -> Sequence[Order]:
        """Return the orders that protect positions, newest first: those at the venue, with `since` changed ones too."""
        ...

    def claim(self, order_id: str) -> None:
        """Wait until no other transaction has claimed the order; the claim ends with this transaction."""
        ...

    def all(
        self,
        *,
        account_id: str | None = None,
        proposal_id: str | None = None,
        states: Sequence[OrderState] | None = None,
        known: datetime | None = None,
        limit: int = 1000,
    ) -> Sequence[Order]:
        """Return orders, newest first."""
        ...

    def record(
        self,
        order: Order,
        move: Move,
        *,
        desk_time: datetime,
        filled_quantity: Decimal | None = None,
        reason: str | None = None,
        venue_order_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> Order:
        """Append the event to the order's history, ignored ones too, and return the order after it."""
        ...

    def events(self, order_id: str) -> Sequence[dict[str, Any]]:
        """Return the history of an order, oldest first."""
        ...


class BookRows(Protocol):
    """Keep executions, cash, positions and daily values."""

    def add_fill(self, fill: Fill) -> bool:
        """Store an execution; False when its execution id is there already."""
        ...

    def add_cash(self, entries: Sequence[CashEntry]) -> None:
        """Append movements of cash."""
        ...

    def fills(
        self,
        account_id: str,
        *,
        as_of: AsOf | None = None,
        instrument_id: int | None = None,
        order_id: str | None = None,
        as_executed: bool = False,
    ) -> Sequence[Fill]:
        """Return the executions known then, oldest first, in shares of then: splits booked since are in them.

        Fractions that were paid out are among them. Those of an order, and all `as_executed`, are as the venue
        reported them.
        """
        ...

    def action_stamp(self, account_id: str, as_of: AsOf) -> ActionStamp:
        """Return what the booking of corporate actions depends on, in one statement."""
        ...

    def add_opening(self, position: OpeningPosition) -> None:
        """Store what an account held when it was opened."""
        ...

    def add_split(self, split: AppliedSplit) -> bool:
        """Store a split; False when it was booked before."""
        ...

    def cash(self, account_id: str, *, as_of: AsOf | None = None) -> Sequence[CashEntry]:
        """Return the movements of cash known then, oldest first."""
        ...

    def authors(self, account_id: str) -> Mapping[str, str]:
        """Return who wrote the proposal of each order of the account: a strategy, an agent or a person."""
        ...

    def balance(self, account_id: str) -> Decimal:
        """Return the sum of all movements of cash."""
        ...

    def positions(self, account_id: str) -> Sequence[Position]:
        """Return the positions of now that are not flat."""
        ...

    def put_position(self, position: Position) -> None:
        """Store the position that the executions add up to."""
        ...

    def put_nav(self, account_id: str, points: Sequence[NavPoint]) -> None:
        """Store values at session closes, in place of older ones."""
        ...


class Reconciliations(Protocol):
    """Keep foreign orders, differences and the last comparison of each account."""

    def adopt(self, order: ExternalOrder) -> bool:
        """Store a foreign order as seen now; return whether it is new."""
        ...

    def end_absent(self, account_id: str, seen: Sequence[str]) -> None:
        """Note that foreign orders which the venue no longer names are not open any more."""
        ...

    def external_orders(self, account_id: str | None = None, *, only_open: bool = False) -> Sequence[ExternalOrder]:
        """Return foreign orders, newest first."""
        ...

    def differences(self, account_id: str | None = None, *, only_open: bool = True) -> Sequence[Difference]:
        """Return differences, newest first."""
        ...

    def add_difference(self, difference: Difference) -> None:
        """Store a new difference."""
        ...

    def end_difference(self, difference_id: str, *, by: str, explanation: str) -> None:
        """End an open difference; raise UnknownName when there is none of this id."""
        ...

    def put_comparison(self, account_id: str, outcome: Outcome, detail: str) -> None:
        """Store how the last comparison of an account ended."""
        ...

    def comparisons(self) -> Sequence[Comparison]:
        """Return the last comparison of each account."""
        ...


class Gate(Protocol):
    """Read what the risk gate judges by, and keep what it refused."""

    def snapshot(self, account_id: str, *, except_proposal: str | None = None) -> GateSnapshot:
        """Return the account as it stands, the orders of one proposal left out; raise UnknownName."""
        ...

    def record(self, records: Sequence[GateRecord], *, desk_time: datetime) -> None:
        """Append what the gate refused or made smaller."""
        ...

    def records(self, account_id: str, *, limit: int = 200) -> Sequence[GateRecord]:
        """Return the newest verdicts of an account."""
        ...


class RejectRules(Protocol):
    """Keep the standing rules that reject."""

    def standing(self) -> Sequence[RejectRule]:
        """Return the rules that have not ended, oldest first."""
        ...

    def add(self, rule: RejectRule) -> None:
        """Store a new rule."""
        ...

    def end(self, name: str, *, by: str) -> RejectRule | None:
        """End a standing rule and return it; None when there is none of this name."""
        ...


class Events(Protocol):
    """Announce what happened."""

    def put(self, topic: str, subject_id: str) -> None:
        """Write an event of this transaction; it is told after the commit."""
        ...


class Transaction(Protocol):
    """Join the stores of one transaction."""

    @property
    def accounts(self) -> Accounts:
        """Return the accounts."""
        ...

    @property
    def proposals(self) -> Proposals:
        """Return the proposals."""
        ...

    @property
    def orders(self) -> Orders:
        """Return the orders."""
        ...

    @property
    def books(self) -> BookRows:
        """Return the books."""
        ...

    @property
    def gate(self) -> Gate:
        """Return what the risk gate reads and writes."""
        ...

    @property
    def reconciliations(self) -> Reconciliations:
        """Return what comparing with the venues found."""
        ...

    @property
    def rules(self) -> RejectRules:
        """Return the standing rules that reject."""
        ...

    @property
    def events(self) -> Events:
        """Return the outbox."""
        ...


class TradingStore(Protocol):
    """Open transactions on the store of the money path."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin; commit at the end of the block, roll back on an exception. Raises Unavailable."""
        ...
