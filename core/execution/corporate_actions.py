"""Book splits and dividends on what accounts hold, each once, and correct them when late executions change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from core.domain.as_of import AsOf
from core.domain.books import Account, AppliedSplit, CashEntry, Position
from core.domain.market_path import PriceBasis
from core.domain.market_records import CorporateAction
from core.domain.trading_rules import whole_lots
from core.execution.marks import Marks, opens_at
from core.execution.positions import CENT, ZERO, fold
from core.execution.stores import ActionStamp, TradingStore, Transaction
from core.ports.market_data import CorporateActions

BASIS_DAYS = 15
"""Days before an action in which the basis of the stored prices is looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Booked:
    """Hold what the last booking of an account had seen, and when an action that it knew of comes next."""

    stamp: ActionStamp
    next_at: datetime | None


class ActionBooking:
    """Book the actions of the instruments that an account traded."""

    def __init__(
        self, store: TradingStore, actions: CorporateActions, marks: Marks, withholding_ratio: Decimal
    ) -> None:
        self._store = store
        self._actions = actions
        self._marks = marks
        self._withholding_ratio = withholding_ratio
        self._booked: dict[str, _Booked] = {}

    def book(self, account: Account, as_of: AsOf) -> None:
        """Book what is due by then; repeating it changes nothing, and asks one statement while nothing is new.

        A split is booked from its ex-date on, when prices of before are read in shares of after it, and only where the
        source has prices as traded: adjusted ones never jump. A dividend is booked at the opening of its ex-date (the
        store has no payment dates) on what was held before; total-return prices hold it already. A short position
        pays. A fraction of a lot that a split leaves is paid out at the last price before it, in shares after it.
        """
        with self._store.transaction() as transaction:
            stamp = transaction.books.action_stamp(account.account_id, as_of)
        last = self._booked.get(account.account_id)
        if last is not None and last.stamp == stamp and (last.next_at is None or as_of.known < last.next_at):
            return
        self._booked[account.account_id] = _Booked(stamp=stamp, next_at=self._book(account, as_of))

    def _book(self, account: Account, as_of: AsOf) -> datetime | None:
        """Book everything that is due and return when the next known action will be, None when there is none."""
        with self._store.transaction() as transaction:
            fills = transaction.books.fills(account.account_id)
        if not fills:
            return None
        first = min(fill.filled_at for fill in fills).date()
        ids = sorted({fill.instrument_id for fill in fills})
        known = [action for action in self._actions.of(ids, as_of) if first <= action.ex_date]
        due = [action for action in known if action.ex_date <= as_of.known.date()]
        moments = [self._opening(action) for action in known]
        days = [_midnight(action) for action in known]
        waiting = min((moment for moment in (*moments, *days) if moment > as_of.known), default=None)
        if not due:
            return waiting
        with self._store.transaction() as transaction:
            transaction.accounts.get(account.account_id, lock=True)
            for action in sorted(due, key=lambda part: (part.ex_date, part.action != "split")):
                basis = self._basis(action)
                moment = self._opening(action)
                if action.action == "split":
                    if basis == "raw":
                        self._split(transaction, account, action, moment)
                elif basis != "total_return" and moment <= as_of.known:
                    per_share = _per_share(action, basis, [part for part in due if part.action == "split"])
                    self._dividend(transaction, account, action, per_share, moment)
        return waiting

    def _opening(self, action: CorporateAction) -> datetime:
        return opens_at(action.ex_date, self._marks.instrument(action.instrument_id).calendar)

    def _basis(self, action: CorporateAction) -> PriceBasis:
        """Return the basis of the stored prices before an action, while nothing of it was in effect."""
        before = _midnight(action) - timedelta(seconds=1)
        start = action.ex_date - timedelta(days=BASIS_DAYS)
        prices = self._marks.history([action.instrument_id], AsOf(known=before), start=start)
        found = prices.get(action.instrument_id, [])
        return found[-1].price_basis if found else "total_return"

    def _price_before(self, action: CorporateAction) -> Decimal | None:
        """Return the last close before an action, None where there is none."""
        before = _midnight(action) - timedelta(seconds=1)
        found = self._marks.last([action.instrument_id], AsOf(known=before)).get(action.instrument_id)
        return found.close if found else None

    def _split(self, transaction: Transaction, account: Account, action: CorporateAction, moment: datetime) -> None:
        before = [
            fill
            for fill in transaction.books.fills(account.account_id, instrument_id=action.instrument_id)
            if fill.filled_at < moment
        ]
        if not before or action.ratio is None:
            return
        ratio = Decimal(repr(action.ratio))
        held = fold(before).quantity * ratio
        fraction = held - whole_lots(held, self._marks.instrument(action.instrument_id).asset_class)
        price = self._price_before(action)
        split = AppliedSplit(
            account_id=account.account_id,
            instrument_id=action.instrument_id,
            ex_date=action.ex_date,
            ratio=ratio,
            fraction=fraction if price else ZERO,
            price=price / ratio if price and fraction else None,
            effective_at=moment,
            known_at=max(_midnight(action), action.known_at),
        )
        if transaction.books.add_split(split):
            if split.fraction and split.price:
                transaction.books.add_cash([_cash_in_lieu(account, split, split.price)])
            put_position(transaction, account.account_id, action.instrument_id)
            transaction.events.put("split.booked", f"{account.account_id}/{action.instrument_id}/{action.ex_date}")

    def _dividend(
        self, transaction: Transaction, account: Account, action: CorporateAction, per_share: Decimal, moment: datetime
    ) -> None:
        """Book the difference between what is due and what was booked: executions may be reported late."""
        cut = AsOf(known=moment)
        fills = transaction.books.fills(account.account_id, as_of=cut, instrument_id=action.instrument_id)
        held = fold(fill for fill in fills if fill.filled_at < moment).quantity
        due = (held * per_share).quantize(CENT, rounding=ROUND_HALF_UP)
        name = f"dividend {action.instrument_id} {action.ex_date}"
        booked = [
            entry for entry in transaction.books.cash(account.account_id) if (entry.reference or "").startswith(name)
        ]
        taxed = -(max(due, ZERO) * self._withholding_ratio).quantize(CENT, rounding=ROUND_HALF_UP)
        entries = []
        for movement, wanted in (("dividend", due), ("withholding", taxed)):
            earlier = [entry for entry in booked if entry.movement == movement]
            amount = wanted - sum((entry.amount for entry in earlier), ZERO)
            if amount:
                entries.append(
                    CashEntry(
                        account_id=account.account_id,
                        movement="dividend" if movement == "dividend" else "withholding",
                        amount=amount,
                        currency=account.currency,
                        reference=f"{name} #{len(earlier) + 1}",
                        booked_at=moment,
                    )
                )
        transaction.books.add_cash(entries)


def _cash_in_lieu(account: Account, split: AppliedSplit, price: Decimal) -> CashEntry:
    """Return what is paid for a fraction: negative where it was short."""
    return CashEntry(
        account_id=account.account_id,
        movement="cash_in_lieu",
        amount=(abs(split.fraction) * price).quantize(CENT, rounding=ROUND_HALF_UP).copy_sign(split.fraction),
        currency=account.currency,
        reference=f"cash in lieu {split.instrument_id} {split.ex_date}",
        booked_at=max(split.effective_at, split.known_at),
    )


def _midnight(action: CorporateAction) -> datetime:
    """Return the moment from which prices are read as of after the action."""
    return datetime.combine(action.ex_date, time(0), UTC)


def put_position(transaction: Transaction, account_id: str, instrument_id: int) -> None:
    """Store the position that all executions of an instrument add up to, in shares of now."""
    fills = transaction.books.fills(account_id, instrument_id=instrument_id)
    holding = fold(fills)
    transaction.books.put_position(
        Position(
            account_id=account_id,
            instrument_id=instrument_id,
            quantity=holding.quantity,
            average_cost=holding.average_cost,
            realized_pnl=holding.realized_pnl,
            updated_at=max(part.filled_at for part in fills),
        )
    )


def _per_share(action: CorporateAction, basis: str, splits: Sequence[CorporateAction]) -> Decimal:
    """Return the amount in shares of the ex-date (prices as traded) or of now (prices freed of splits)."""
    amount = Decimal(repr(action.amount or 0.0))
    later = Decimal(1)
    for split in splits:
        if split.instrument_id == action.instrument_id and split.ex_date > action.ex_date and split.ratio is not None:
            later *= Decimal(repr(split.ratio))
    stated = action.amount_basis or "raw"
    if stated == basis:
        return amount
    return amount * later if basis == "raw" else amount / later
