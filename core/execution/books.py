"""Show what an account holds and did, as of any time, from executions and cash movements alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.domain.as_of import AsOf
from core.domain.books import Account, Fill, Order, OrderState
from core.execution.marks import Marks, SessionPrice, closes_at
from core.execution.nav import daily_values
from core.execution.positions import Holding, fold
from core.execution.profit import Grouping, Method, ProfitLine, realize, summarize
from core.execution.proposals import only_account
from core.execution.stores import NavPoint, TradingStore
from core.ports.clock import Clock

ZERO = Decimal(0)
NO_ORDER = "corporate action"
BROUGHT = "held at the opening"


def author_of(fill: Fill, authors: Mapping[str, str]) -> str:
    """Return who wrote the proposal of a fill, or what made one that no order made."""
    otherwise = BROUGHT if fill.execution_id.startswith("opening ") else NO_ORDER
    return authors.get(fill.order_id, otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """Hold one position at the last known close; values in the account's currency, weight as ratio of value."""

    instrument_id: int
    symbol: str
    name: str
    quantity: Decimal
    average_cost: Decimal
    price: Decimal
    price_session: str
    market_value: Decimal
    weight: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    pnl_today: Decimal
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Hold an account's book as of a time.

    total_pnl = nav - deposits = unrealized + realized - fees + other income, to the cent. `drawdown` is the ratio
    of nav to its highest session close so far, minus one; None without history.
    """

    account: Account
    as_of: datetime
    cash: Decimal
    nav: Decimal
    positions: tuple[PositionLine, ...]
    deposits: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    fees: Decimal
    total_pnl: Decimal
    pnl_today: Decimal
    nav_before: Decimal | None
    gross_exposure: Decimal
    net_exposure: Decimal
    drawdown: Decimal | None
    notes: tuple[str, ...]


class Books:
    """Read accounts, positions, profit, orders and fills."""

    def __init__(self, store: TradingStore, marks: Marks, clock: Clock) -> None:
        self._store = store
        self._marks = marks
        self._clock = clock

    def accounts(self) -> Sequence[Account]:
        """Return the accounts ordered by id."""
        with self._store.transaction() as transaction:
            return transaction.accounts.all()

    def account(self, account_id: str | None = None) -> Account:
        """Return an account; without a name the only one. Raises UnknownName, InvalidInput when a choice is needed."""
        with self._store.transaction() as transaction:
            if account_id is not None:
                return transaction.accounts.get(account_id)
            return only_account(transaction.accounts.all())

    def holdings(self, account_id: str | None = None, as_of: AsOf | None = None) -> Holdings:
        """Return the book as of a time, from the executions and cash movements known then."""
        account = self.account(account_id)
        moment = as_of or AsOf(known=self._clock.now())
        with self._store.transaction() as transaction:
            fills = transaction.books.fills(account.account_id, as_of=moment)
            cash = transaction.books.cash(account.account_id, as_of=moment)
        by_instrument = _by_instrument(fills)
        folded = {key: fold(part) for key, part in by_instrument.items()}
        marks = self._marks.last([key for key, holding in folded.items() if holding.quantity], moment)
        history = daily_values(fills, cash, self._marks, moment)
        balance = sum((entry.amount for entry in cash), ZERO)
        value = sum((folded[key].quantity * mark.close for key, mark in marks.items()), ZERO)
        nav = balance + value
        before = _previous_close(history, moment)
        lines = [self._line(key, folded[key], marks.get(key), by_instrument[key], nav, moment) for key in folded]
        deposits = sum((entry.amount for entry in cash if entry.movement in ("deposit", "withdrawal")), ZERO)
        unrealized = sum((line.unrealized_pnl for line in lines), ZERO)
        values = [line.market_value for line in lines]
        peak = max([point.nav for point in history] + [nav]) if history else None
        return Holdings(
            account=account,
            as_of=moment.known,
            cash=balance,
            nav=nav,
            positions=tuple(
                sorted((line for line in lines if line.quantity), key=lambda line: -abs(line.market_value))
            ),
            deposits=deposits,
            unrealized_pnl=unrealized,
            realized_pnl=sum((holding.realized_pnl for holding in folded.values()), ZERO),
            fees=sum((holding.fees for holding in folded.values()), ZERO),
            total_pnl=nav - deposits,
            pnl_today=nav - before.nav - _deposits_since(cash, before, deposits) if before else nav - deposits,
            nav_before=before.nav if before else None,
            gross_exposure=sum(map(abs, values), ZERO) / nav if nav > 0 else ZERO,
            net_exposure=sum(values, ZERO) / nav if nav > 0 else ZERO,
            drawdown=nav / peak - 1 if peak else None,
            notes=_notes(account, lines),
        )

    def profits(self, account_id: str | None = None, as_of: AsOf | None = None) -> dict[int, Decimal]:
        """Return the profit so far of each instrument ever traded: realised and unrealised, less its fees."""
        account = self.account(account_id)
        moment = as_of or AsOf(known=self._clock.now())
        with self._store.transaction() as transaction:
            fills = transaction.books.fills(account.account_id, as_of=moment)
        by_instrument = _by_instrument(fills)
        folded = {key: fold(part) for key, part in by_instrument.items()}
        marks = self._marks.last([key for key, holding in folded.items() if holding.quantity], moment)
        return {
            key: holding.realized_pnl
            - holding.fees
            + (holding.quantity * marks[key].close - holding.cost if key in marks else ZERO)
            for key, holding in folded.items()
        }

    def nav_history(self, account_id: str | None = None, as_of: AsOf | None = None) -> Sequence[NavPoint]:
        """Return the value at each session close known then, ascending, computed from the books."""
        account = self.account(account_id)
        moment = as_of or AsOf(known=self._clock.now())
        with self._store.transaction() as transaction:
            fills = transaction.books.fills(account.account_id, as_of=moment)
            cash = transaction.books.cash(account.account_id, as_of=moment)
        return daily_values(fills, cash, self._marks, moment)

    def fills(
        self, account_id: str | None = None, as_of: AsOf | None = None, *, limit: int | None = 500
    ) -> Sequence[Fill]:
        """Return the newest executions known then, as the venue reported them, newest first."""
        account = self.account(account_id)
        moment = as_of or AsOf(known=self._clock.now())
        with self._store.transaction() as transaction:
            fills = transaction.books.fills(account.account_id, as_of=moment, as_executed=True)
        return list(reversed(fills))[:limit]

    def trades(self, account_id: str, as_of: AsOf) -> tuple[Sequence[Fill], Mapping[str, str]]:
        """Return all executions known then, oldest first, in shares of then, and the author of each order.

        Splits booked since are in them, and fractions that splits left and that were paid out, which no order made.
        """
        with self._store.transaction() as transaction:
            fills = transaction.books.fills(account_id, as_of=as_of)
            return fills, transaction.books.authors(account_id)

    def profit(
        self,
        account_id: str | None = None,
        as_of: AsOf | None = None,
        *,
        method: Method = "fifo",
        by: Grouping = "strategy",
    ) -> Sequence[ProfitLine]:
        """Return realised profit and fees by the author of the proposals, by session, by symbol or in one sum."""
        account = self.account(account_id)
        moment = as_of or AsOf(known=self._clock.now())
        fills, authors = self.trades(account.account_id, moment)
        names = {
            fill.fill_id: author_of(fill, authors)
            if by == "strategy"
            else fill.session.isoformat()
            if by == "session"
            else self.symbol(fill.instrument_id)
            if by == "symbol"
            else account.account_id
            for fill in fills
        }
        return summarize(realize(fills, method=method), names)

    def held_for(self, author: str, account_id: str, as_of: AsOf) -> dict[int, Holding]:
        """Return what the proposals of one author, such as a strategy, hold by instrument, flat ones left out."""
        fills, authors = self.trades(account_id, as_of)
        own: dict[int, list[Fill]] = {}
        for fill in fills:
            if authors.get(fill.order_id) == author:
                own.setdefault(fill.instrument_id, []).append(fill)
        folded = {key: fold(part) for key, part in own.items()}
        return {key: holding for key, holding in folded.items() if holding.quantity}

    def protecting(self, author: str, account_id: str, *, since: datetime | None = None) -> Sequence[Order]:
        """Return the orders at the venue that protect what an author's proposals hold, newest first.

        With `since` those that changed from then on are among them.
        """
        with self._store.transaction() as transaction:
            orders = transaction.orders.protecting(account_id, since=since)
            authors = transaction.books.authors(account_id) if orders else {}
        return [order for order in orders if authors.get(order.order_id) == author]

    def orders(
        self,
        account_id: str | None = None,
        as_of: AsOf | None = None,
        *,
        states: Sequence[OrderState] | None = None,
        limit: int = 500,
    ) -> Sequence[Order]:
        """Return the newest orders made up to then, newest first; their states are those of now."""
        account = self.account(account_id)
        known = (as_of or AsOf(known=self._clock.now())).known
        with self._store.transaction() as transaction:
            return transaction.orders.all(account_id=account.account_id, states=states, known=known, limit=limit)

    def order_events(self, order_id: str) -> Sequence[dict[str, Any]]:
        """Return everything that happened to an order, oldest first; raise UnknownName."""
        with self._store.transaction() as transaction:
            transaction.orders.get(order_id)
            return transaction.orders.events(order_id)

    def symbol(self, instrument_id: int) -> str:
        """Return the symbol of an instrument; raise UnknownName."""
        return self._marks.instrument(instrument_id).symbol

    def _line(
        self,
        instrument_id: int,
        holding: Holding,
        mark: SessionPrice | None,
        fills: Sequence[Fill],
        nav: Decimal,
        moment: AsOf,
    ) -> PositionLine:
        instrument = self._marks.instrument(instrument_id)
        price = mark.close if mark else ZERO
        value = holding.quantity * price
        return PositionLine(
            instrument_id=instrument_id,
            symbol=instrument.symbol,
            name=instrument.name,
            quantity=holding.quantity,
            average_cost=holding.average_cost,
            price=price,
            price_session=mark.session.isoformat() if mark else "",
            market_value=value,
            weight=value / nav if nav > 0 else ZERO,
            unrealized_pnl=value - holding.cost if holding.quantity else ZERO,
            realized_pnl=holding.realized_pnl,
            pnl_today=self._today(instrument_id, fills, mark, moment),
            remark=mark.remark if mark else "",
        )

    def _today(self, instrument_id: int, fills: Sequence[Fill], mark: SessionPrice | None, moment: AsOf) -> Decimal:
        """Value the move since the previous close, fills of the last session at their own price, before fees."""
        if mark is None:
            return ZERO
        calendar = self._marks.instrument(instrument_id).calendar
        history = self._marks.history(
            [instrument_id], moment, start=None if not fills else min(f.session for f in fills)
        )
        earlier = [price for price in history.get(instrument_id, []) if price.session < mark.session]
        previous = earlier[-1] if earlier else None
        cut = closes_at(previous.session, calendar) if previous else None
        result = ZERO
        for fill in fills:
            signed = fill.quantity if fill.side == "buy" else -fill.quantity
            old = cut is not None and fill.filled_at <= cut
            result += signed * (mark.close - (previous.close if old and previous else fill.price))
        return result


def _previous_close(history: Sequence[NavPoint], moment: AsOf) -> NavPoint | None:
    """Return the close before the last one: what "today" is measured from when the last session has closed."""
    return history[-2] if len(history) > 1 else None


def _deposits_since(cash: Sequence[Any], before: NavPoint, deposits: Decimal) -> Decimal:
    earlier = sum(
        (
            entry.amount
            for entry in cash
            if entry.movement in ("deposit", "withdrawal") and entry.booked_at <= before.closed_at
        ),
        ZERO,
    )
    return deposits - earlier


def _notes(account: Account, lines: Sequence[PositionLine]) -> tuple[str, ...]:
    found = []
    if account.is_demo:
        found.append("This is the demo book: a paper account with made-up trades at real prices.")
    unpriced = [line.symbol for line in lines if line.quantity and not line.price]
    if unpriced:
        found.append(f"No price is stored for {', '.join(unpriced)}: valued at 0.")
    adjusted = [line.symbol for line in lines if line.quantity and line.remark]
    if adjusted:
        found.append(f"Valued at total-return-adjusted closes (no traded price levels stored): {', '.join(adjusted)}.")
    return tuple(found)


def _by_instrument(fills: Sequence[Fill]) -> dict[int, list[Fill]]:
    found: dict[int, list[Fill]] = {}
    for fill in fills:
        found.setdefault(fill.instrument_id, []).append(fill)
    return found
