"""Load and remove the demo book: a paper account with made-up trades at the real closes before the desk's time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from core.domain.as_of import AsOf
from core.domain.books import (
    Account,
    CashEntry,
    Fill,
    Leg,
    Order,
    OrderState,
    OrderType,
    Proposal,
    ProposalDecision,
    Side,
)
from core.domain.identifiers import IdSource, client_order_id, content_id
from core.domain.market_records import Instrument
from core.errors import NoData, UnknownName
from core.execution.corporate_actions import put_position
from core.execution.digest import plain_decimal, proposal_digest
from core.execution.impact import FEE_BPS
from core.execution.marks import Marks, SessionPrice, closes_at, opens_at
from core.execution.nav import daily_values
from core.execution.positions import CENT, cash_entries
from core.execution.requests import LegRequest, exact_leg
from core.execution.stores import TradingStore, Transaction
from core.ports.clock import Clock
from core.ports.market_data import Instruments

ACCOUNT_ID = "demo"
DEPOSIT = Decimal("1000000.00")
SESSIONS = 60
PENDING_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trade:
    """Plan a trade: `share` of the deposit (sales: of the position), `back` sessions before the desk's last one."""

    symbol: str
    side: Side
    share: Decimal
    back: int
    state: OrderState = "filled"
    reason: str = ""


def _buy(symbol: str, share: str, back: int) -> _Trade:
    return _Trade(symbol=symbol, side="buy", share=Decimal(share), back=back)


_PLAN = (
    _buy("AAPL", "0.12", 58),
    _buy("MSFT", "0.12", 57),
    _buy("SPY", "0.10", 55),
    _buy("JPM", "0.09", 50),
    _buy("XOM", "0.08", 46),
    _buy("QQQ", "0.07", 44),
    _buy("KO", "0.06", 40),
    _buy("NVDA", "0.05", 36),
    _buy("BTC-USD", "0.03", 30),
    _Trade(symbol="XOM", side="sell", share=Decimal("0.40"), back=18),
    _buy("MSFT", "0.03", 12),
    _Trade(symbol="AAPL", side="sell", share=Decimal("0.20"), back=6),
    _Trade(
        symbol="KO",
        side="buy",
        share=Decimal("0.30"),
        back=2,
        state="rejected",
        reason="the paper venue says that the order is above the account's buying power",
    ),
)
_PENDING: tuple[tuple[str, Side, str, OrderType, str], ...] = (
    ("JPM", "buy", "0.02", "market", "Demo: bring JPM nearer to a tenth of the book."),
    ("AAPL", "sell", "0.02", "limit", "Demo: take some profit in AAPL two percent higher."),
)


def load_demo(store: TradingStore, marks: Marks, instruments: Instruments, clock: Clock, ids: IdSource) -> Account:
    """Load the demo book and return its account; one that is there stays as it is.

    Holdings are of the symbols that have prices at the desk's time. One transaction: all of it or nothing. Raises
    NoData when none of the symbols has.
    """
    as_of = AsOf(known=clock.now())
    with store.transaction() as transaction:
        for account in transaction.accounts.all():
            if account.account_id == ACCOUNT_ID:
                return account
    found = _instruments(instruments)
    start = as_of.known.date() - timedelta(days=2 * SESSIONS)
    history = marks.history([part.instrument_id for part in found.values()], as_of, start=start)
    found = {symbol: part for symbol, part in found.items() if part.instrument_id in history}
    leading = next((history[part.instrument_id] for part in found.values() if part.calendar == "XNYS"), None)
    if leading is None:
        raise NoData("No price of the demo book's symbols is stored.", hint="Load the sample data first.")
    sessions = [price.session for price in leading][-SESSIONS:]
    opened = opens_at(sessions[0], "XNYS")
    account = Account(
        account_id=ACCOUNT_ID,
        name="Demo book (paper)",
        broker="paper",
        four_eyes_above=Decimal(250_000),
        limits={
            "max_order_notional": 250_000,
            "max_position_weight": "0.40",
            "max_gross_exposure": "1.50",
            "allow_short": True,
        },
        is_demo=True,
        opened_at=opened,
    )
    with store.transaction() as transaction:
        transaction.accounts.add(account)
        transaction.books.add_cash(
            [CashEntry(account_id=ACCOUNT_ID, movement="deposit", amount=DEPOSIT, booked_at=opened)]
        )
        held: dict[str, Decimal] = {}
        for trade in _PLAN:
            if trade.symbol in found and trade.back < len(sessions):
                _write_trade(transaction, trade, found[trade.symbol], history, sessions[-1 - trade.back], held, ids)
        for plan in _PENDING:
            if plan[0] in found:
                _write_pending(transaction, plan, found[plan[0]], history, as_of, ids)
        transaction.accounts.give_paper_venue(ACCOUNT_ID)
        fills = transaction.books.fills(ACCOUNT_ID)
        cash = transaction.books.cash(ACCOUNT_ID)
        transaction.books.put_nav(ACCOUNT_ID, daily_values(fills, cash, marks, as_of))
    return account


def remove_demo(store: TradingStore) -> bool:
    """Remove the demo account with every trade made in it; False when it is not there."""
    with store.transaction() as transaction:
        return transaction.accounts.remove_demo(ACCOUNT_ID)


def _instruments(instruments: Instruments) -> dict[str, Instrument]:
    found = {}
    for symbol in dict.fromkeys(trade.symbol for trade in _PLAN):
        try:
            found[symbol] = instruments.find(symbol)
        except UnknownName:
            continue
    return found


def _write_trade(
    transaction: Transaction,
    trade: _Trade,
    instrument: Instrument,
    history: Mapping[int, Sequence[SessionPrice]],
    session: object,
    held: dict[str, Decimal],
    ids: IdSource,
) -> None:
    price = next((part for part in history[instrument.instrument_id] if part.session == session), None)
    if price is None:
        return
    lot = Decimal("0.0001") if instrument.asset_class == "crypto" else Decimal(1)
    have = held.get(trade.symbol, Decimal(0))
    wanted = have * trade.share if trade.side == "sell" else trade.share * DEPOSIT / price.close
    quantity = plain_decimal(wanted.quantize(lot, rounding=ROUND_DOWN))
    if quantity <= 0:
        return
    leg = Leg(instrument_id=instrument.instrument_id, symbol=instrument.symbol, side=trade.side, quantity=quantity)
    moment = closes_at(price.session, instrument.calendar)
    proposal = _write_proposal(transaction, leg, "market", "Demo: built up the book.", price.close, moment, ids)
    _approve(transaction, proposal, moment)
    order = _order(proposal, leg, trade, moment)
    transaction.orders.add(order)
    if trade.state != "filled":
        return
    fill = Fill(
        fill_id=content_id("fil", ACCOUNT_ID, order.client_order_id),
        execution_id=f"demo-{order.client_order_id}",
        order_id=order.order_id,
        account_id=ACCOUNT_ID,
        instrument_id=leg.instrument_id,
        side=leg.side,
        quantity=quantity,
        price=price.close,
        fee=(quantity * price.close * FEE_BPS / 10_000).quantize(CENT, rounding=ROUND_HALF_UP),
        session=price.session,
        filled_at=moment,
        note=f"Demo fill at the close of {price.session}{'; ' + price.remark if price.remark else ''}.",
    )
    transaction.books.add_fill(fill)
    transaction.books.add_cash(cash_entries(fill))
    put_position(transaction, fill.account_id, fill.instrument_id)
    held[trade.symbol] = have + (quantity if trade.side == "buy" else -quantity)


def _write_pending(
    transaction: Transaction,
    plan: tuple[str, Side, str, OrderType, str],
    instrument: Instrument,
    history: Mapping[int, Sequence[SessionPrice]],
    as_of: AsOf,
    ids: IdSource,
) -> None:
    _, side, share, order_type, reason = plan
    mark = history[instrument.instrument_id][-1]
    quantity = (Decimal(share) * DEPOSIT / mark.close).quantize(Decimal(1), rounding=ROUND_DOWN)
    limit = (mark.close * Decimal("1.02")).quantize(CENT) if order_type == "limit" else None
    leg = exact_leg(
        LegRequest(symbol=instrument.symbol, side=side, quantity=max(quantity, Decimal(1)), limit_price=limit),
        instrument,
        mark,
        order_type=order_type,
        held=Decimal(0),
        nav=DEPOSIT,
        as_of=as_of,
    )
    proposal = _write_proposal(transaction, leg, order_type, reason, limit or mark.close, as_of.known, ids)
    transaction.events.put("proposal.created", proposal.proposal_id)


def _write_proposal(
    transaction: Transaction,
    leg: Leg,
    order_type: OrderType,
    reason: str,
    price: Decimal,
    desk_time: datetime,
    ids: IdSource,
) -> Proposal:
    now = transaction.proposals.now()
    proposal = Proposal(
        proposal_id=ids.new("prp"),
        account_id=ACCOUNT_ID,
        legs=(leg,),
        order_type=order_type,
        time_in_force="gtc" if order_type == "limit" else "day",
        band_low=leg.band_low,
        band_high=leg.band_high,
        notional=plain_decimal((leg.quantity * price).quantize(CENT)),
        reason=reason,
        author="demo",
        author_kind="service",
        requested_by="demo",
        digest="",
        desk_time=desk_time,
        created_at=now,
        expires_at=now + timedelta(days=PENDING_DAYS),
        is_demo=True,
    )
    return transaction.proposals.add(proposal.model_copy(update={"digest": proposal_digest(proposal)}))


def _approve(transaction: Transaction, proposal: Proposal, desk_time: datetime) -> None:
    transaction.proposals.decide(
        ProposalDecision(
            proposal_id=proposal.proposal_id,
            decision="approved",
            digest=proposal.digest,
            decided_by="demo",
            decided_by_kind="service",
            face="demo",
            reason="History of the demo book.",
            decided_at=proposal.created_at,
            desk_time=desk_time,
        )
    )
    transaction.proposals.use(proposal.proposal_id)


def _order(proposal: Proposal, leg: Leg, trade: _Trade, moment: datetime) -> Order:
    sent_as = client_order_id(proposal.proposal_id, 0, 1)
    return Order(
        order_id=content_id("ord", proposal.proposal_id, "0", "1"),
        client_order_id=sent_as,
        venue_order_id=f"paper-{sent_as[2:]}",
        proposal_id=proposal.proposal_id,
        leg=0,
        attempt=1,
        account_id=ACCOUNT_ID,
        instrument_id=leg.instrument_id,
        side=leg.side,
        quantity=leg.quantity,
        order_type="market",
        time_in_force="day",
        state=trade.state,
        filled_quantity=leg.quantity if trade.state == "filled" else Decimal(0),
        reason=trade.reason,
        desk_time=moment,
        created_at=moment,
        updated_at=moment,
    )
