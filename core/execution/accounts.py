"""Open accounts by the venue's own evidence, and switch those with real money to live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from core.domain.as_of import AsOf
from core.domain.books import Account, CashEntry, OpeningPosition
from core.domain.principal import Principal, check_approver
from core.errors import InvalidInput, NoData, NotSignedIn
from core.execution.corporate_actions import put_position
from core.execution.marks import Marks
from core.execution.positions import money, smallest_amount
from core.execution.reconciliation import Reconciliation
from core.execution.requests import STALE_DAYS
from core.execution.stores import TradingStore
from core.ports.broker import Broker, VenueAccount
from core.ports.clock import Clock

TransferKind = Literal["deposit", "withdrawal", "interest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """Ask for an account of the desk under the number that it has at the venue.

    `allow_real_money` must be said for one that is not a paper account; its live switch stays off even then. With
    `brings_positions` what it holds is booked as bought with the opening deposit at the last stored close.
    """

    account_id: str
    name: str
    broker: str
    currency: str = "USD"
    four_eyes_above: Decimal | None = None
    allow_real_money: bool = False
    brings_positions: bool = False


class AccountDesk:
    """Let signed-in persons open accounts and switch those with real money to live."""

    def __init__(
        self,
        store: TradingStore,
        brokers: Mapping[str, Broker],
        reconciliation: Reconciliation,
        clock: Clock,
        marks: Marks,
    ) -> None:
        self._store = store
        self._brokers = brokers
        self._reconciliation = reconciliation
        self._clock = clock
        self._marks = marks

    def open(self, request: AccountRequest, person: Principal) -> Account:
        """Open an account with what the venue says it holds, booked as its first deposit, and return it.

        Both are compared at once. The books start from money alone unless the request brings positions: those are
        worth their last stored close then, and holdings in instruments that the desk does not know are set aside as
        explained. Raises NotSignedIn for others than persons with the scope `approve`, InvalidInput when the venue
        does not tell its cash, holds positions that are not brought, works orders or keeps other currencies, when real
        money is behind it and nobody said so, or when the account exists; NoData for a position without a recent
        price; and what the venue raises when it does not answer.
        """
        check_approver(person, "open accounts")
        broker = self._brokers.get(request.broker)
        if broker is None:
            names = ", ".join(sorted(self._brokers))
            raise InvalidInput(
                f"This desk does not know the venue {request.broker!r}.",
                hint=f"Known: {names}; INTERACTIVE_BROKERS_ADDRESS or BINANCE_API_KEY adds one.",
            )
        told = broker.account(request.account_id)
        cash = _opening_cash(request, told)
        now = self._clock.now()
        brought = self._opening_positions(request, told, person, now)
        worth = {part.instrument_id: money(part.quantity * part.price, request.currency) for part in brought}
        account = Account(
            account_id=request.account_id,
            name=request.name,
            broker=request.broker,
            currency=request.currency,
            four_eyes_above=request.four_eyes_above,
            is_real_money=not told.is_paper,
            changed_by=person.id,
            opened_at=now,
        )
        with self._store.transaction() as transaction:
            if any(known.account_id == account.account_id for known in transaction.accounts.all()):
                raise InvalidInput(f"Account {account.account_id} is open already.")
            transaction.accounts.add(account)
            deposit = CashEntry(
                account_id=account.account_id,
                movement="deposit",
                amount=cash + sum(worth.values(), Decimal(0)),
                currency=account.currency,
                booked_at=now,
            )
            paid = [
                deposit.model_copy(update={"movement": "opening", "amount": -value, "reference": f"opening {key}"})
                for key, value in worth.items()
            ]
            transaction.books.add_cash([*([deposit] if deposit.amount else []), *paid])
            for part in brought:
                transaction.books.add_opening(part)
                put_position(transaction, account.account_id, part.instrument_id)
            self._reconciliation.set_aside(transaction, account.account_id, told.unmapped, person)
        self._reconciliation.run(account.account_id)
        return account

    def _opening_positions(
        self, request: AccountRequest, told: VenueAccount, person: Principal, now: datetime
    ) -> list[OpeningPosition]:
        marks = self._marks.last(list(told.positions), AsOf(known=now))
        found = []
        for key, quantity in told.positions.items():
            mark = marks.get(key)
            if mark is None or (now.date() - mark.session).days > STALE_DAYS:
                symbol = self._marks.instrument(key).symbol
                raise NoData(
                    f"The account holds {quantity:f} {symbol}, and no price of it of the last {STALE_DAYS} days is"
                    " stored, so it has no value to begin with.",
                    hint="`quantdesk ingest` fetches prices.",
                )
            found.append(
                OpeningPosition(
                    account_id=request.account_id,
                    instrument_id=key,
                    quantity=quantity,
                    price=mark.close,
                    entered_by=person.id,
                    opened_at=now,
                )
            )
        return found

    def transfer(
        self, account_id: str, movement: TransferKind, amount: Decimal, person: Principal, *, reference: str
    ) -> CashEntry:
        """Book money that came to or left an account, as a signed-in person says with the reference of its document.

        `amount` is above 0 for deposits and withdrawals; interest is negative where it was paid. A reference is booked
        once: the same one again is refused. Raises NotSignedIn, InvalidInput, UnknownName.
        """
        check_approver(person, "book transfers")
        name = " ".join(reference.split())
        if not amount.is_finite() or amount == 0:
            raise InvalidInput(f"The amount is {amount}, expected money, not 0.")
        if movement != "interest" and amount < 0:
            raise InvalidInput(f"A {movement} of {amount} goes the other way.", hint="Give the amount without a sign.")
        if not name:
            raise InvalidInput("A transfer needs a reference.", hint="Name the statement or the bank's reference.")
        with self._store.transaction() as transaction:
            account = transaction.accounts.get(account_id, lock=True)
            if amount != money(amount, account.currency):
                unit = smallest_amount(account.currency)
                raise InvalidInput(f"The amount is {amount}, expected whole units of {unit:f} {account.currency}.")
            if any(entry.reference == name for entry in transaction.books.cash(account_id)):
                raise InvalidInput(f"{name!r} is booked already in account {account_id}.")
            entry = CashEntry(
                account_id=account_id,
                movement=movement,
                amount=-amount if movement == "withdrawal" else amount,
                currency=account.currency,
                reference=name,
                entered_by=person.id,
                booked_at=self._clock.now(),
            )
            if transaction.books.balance(account_id) + entry.amount < 0:
                raise InvalidInput(f"Account {account_id} does not hold {amount} {account.currency} in cash.")
            transaction.books.add_cash([entry])
        return entry

    def set_live(self, account_id: str, person: Principal, *, is_live: bool) -> Account:
        """Switch an account with real money to live, or off, and return it.

        On needs a signed-in person with the scope `approve` and books that agree with the venue; off needs a person
        who may trade. Raises NotSignedIn, InvalidInput, UnknownName.
        """
        if is_live:
            check_approver(person, f"switch account {account_id} to live")
        elif person.kind != "person" or "trade" not in person.scopes:
            raise NotSignedIn(
                f"{person.name} may not switch accounts.", hint="Sign in as a person with the scope `trade`."
            )
        with self._store.transaction() as transaction:
            account = transaction.accounts.get(account_id, lock=True)
            if not account.is_real_money:
                raise InvalidInput(f"Account {account_id} is a paper account: there is no real money to switch to.")
            last = {part.account_id: part for part in transaction.reconciliations.comparisons()}.get(account_id)
            if is_live and (last is None or last.outcome != "agrees"):
                said = "were never compared" if last is None else f"were found as {last.outcome!r}"
                raise InvalidInput(
                    f"The books of {account_id} and its venue {said}, so it is not switched to live.",
                    hint="`quantdesk reconcile` compares them.",
                )
            transaction.accounts.set_live(account_id, is_live=is_live, by=person.id)
            transaction.events.put("account.live" if is_live else "account.not_live", account_id)
            return transaction.accounts.get(account_id)


def _opening_cash(request: AccountRequest, told: VenueAccount) -> Decimal:
    """Return the cash to begin with; raise InvalidInput for an account that the books cannot begin from."""
    name = request.account_id
    if not told.is_paper and not request.allow_real_money:
        raise InvalidInput(
            f"Account {name} trades real money.", hint="Open its paper account first, or say --real-money."
        )
    if told.cash is None:
        raise InvalidInput(f"The venue does not tell the cash of {name}, so the books have nothing to begin from.")
    others = {currency: amount for currency, amount in told.cash.items() if currency != request.currency and amount}
    if others:
        listed = ", ".join(f"{amount} {currency}" for currency, amount in sorted(others.items()))
        raise InvalidInput(f"Account {name} holds {listed} beside {request.currency}; exchange it at the venue first.")
    if told.open_orders:
        raise InvalidInput(
            f"Account {name} works {len(told.open_orders)} order(s) that this desk did not send.",
            hint="Cancel them at the venue first.",
        )
    if (told.positions or told.unmapped) and not request.brings_positions:
        raise InvalidInput(
            f"Account {name} holds {len(told.positions) + len(told.unmapped)} position(s) that this desk did not"
            " trade: their cost is not known.",
            hint="Say --bring-positions to book them at the last stored close, or use an account of its own.",
        )
    return money(told.cash.get(request.currency, Decimal(0)), request.currency)
