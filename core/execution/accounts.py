"""Open accounts by the venue's own evidence, and switch those with real money to live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from core.domain.books import Account, CashEntry
from core.domain.principal import Principal, check_approver
from core.errors import InvalidInput, NotSignedIn
from core.execution.positions import money, smallest_amount
from core.execution.reconciliation import Reconciliation
from core.execution.stores import TradingStore
from core.ports.broker import Broker, VenueAccount
from core.ports.clock import Clock

TransferKind = Literal["deposit", "withdrawal", "interest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """Ask for an account of the desk under the number that it has at the venue.

    `allow_real_money` must be said for one that is not a paper account; its live switch stays off even then.
    """

    account_id: str
    name: str
    broker: str
    currency: str = "USD"
    four_eyes_above: Decimal | None = None
    allow_real_money: bool = False


class AccountDesk:
    """Let signed-in persons open accounts and switch those with real money to live."""

    def __init__(
        self, store: TradingStore, brokers: Mapping[str, Broker], reconciliation: Reconciliation, clock: Clock
    ) -> None:
        self._store = store
        self._brokers = brokers
        self._reconciliation = reconciliation
        self._clock = clock

    def open(self, request: AccountRequest, person: Principal) -> Account:
        """Open an account with the cash that the venue says it holds, booked as its first deposit, and return it.

        Both are compared at once. Raises NotSignedIn for others than persons with the scope `approve`, InvalidInput
        when the venue does not tell its cash, holds positions, works orders or keeps other currencies (the books start
        from money alone), when real money is behind it and nobody said so, or when the account exists; and what the
        venue raises when it does not answer.
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
                account_id=account.account_id, movement="deposit", amount=cash, currency=account.currency, booked_at=now
            )
            transaction.books.add_cash([deposit] if cash else [])
        self._reconciliation.run(account.account_id)
        return account

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
    if told.positions or told.unmapped or told.open_orders:
        raise InvalidInput(
            f"Account {name} holds {len(told.positions) + len(told.unmapped)} position(s) and works"
            f" {len(told.open_orders)} order(s) that this desk did not trade: their cost is not known.",
            hint="Close and cancel them at the venue, or use an account of its own for this desk.",
        )
    return money(told.cash.get(request.currency, Decimal(0)), request.currency)
