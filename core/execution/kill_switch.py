"""Stop new orders at once: a file that needs nothing else alive, and a database row; cancels still pass."""

from __future__ import annotations

import os
from pathlib import Path

from core.domain.principal import Principal
from core.errors import NotSignedIn, TradingHalted, Unavailable
from core.execution.stores import GateSnapshot, TradingStore, Transaction

HALT_FILE = "TRADING_HALTED"


def write_halt_file(file: Path, text: str) -> None:
    """Halt by file alone: it needs neither database nor any other part of the desk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n", encoding="utf-8")


class KillSwitch:
    """Turn trading off and on; whatever cannot be read counts as off."""

    def __init__(self, store: TradingStore, home: Path) -> None:
        self._store = store
        self.file = home / HALT_FILE

    def halt(self, principal: Principal, reason: str, *, reduce_only: bool = False) -> str:
        """Stop new orders and return what was done; anyone may. Reduce-only still lets positions be closed.

        The file comes first and works with the database dead. Once the row is committed no order leaves any
        more: a send holds the row until it is over.
        """
        write_halt_file(self.file, f"{principal.id}: {reason}")
        try:
            with self._store.transaction() as transaction:
                transaction.accounts.set_trading_state(
                    halted=True, reason=reason, by=principal.id, reduce_only=reduce_only
                )
                transaction.events.put("trading.halted", principal.id)
        except Unavailable:
            return "Trading is halted by its file; the database cannot be reached, so no order can be sent anyway."
        if reduce_only:
            self.file.unlink(missing_ok=True)
            return "Trading is reduce-only: only orders that bring a position nearer to flat leave; cancels still pass."
        return "Trading is halted: no new order leaves; cancels still pass."

    def resume(self, principal: Principal, reason: str) -> str:
        """Allow orders again; only a person with the scope `approve` may. Raises NotSignedIn, Unavailable."""
        if principal.kind != "person" or "approve" not in principal.scopes:
            raise NotSignedIn(
                f"{principal.name} may not resume trading.", hint="Sign in as a person with the scope `approve`."
            )
        with self._store.transaction() as transaction:
            transaction.accounts.set_trading_state(halted=False, reason=reason, by=principal.id)
            transaction.events.put("trading.resumed", principal.id)
        self.file.unlink(missing_ok=True)
        return "Trading is on: approved orders may leave."

    def reason(self, transaction: Transaction, *, hold: bool = False, order_id: str | None = None) -> str | None:
        """Return why trading is halted, or None when it is on; `hold` keeps it on until the transaction ends.

        With an order, reduce-only halts what does not bring its position nearer to flat.
        """
        state = transaction.accounts.trading_state(hold=hold)
        # The file last: waiting for the row takes time, and nothing holds the file.
        by_file = self._file_reason()
        if by_file is not None:
            return by_file
        if state is None:
            return "the row of the kill switch is missing"
        if not state.halted:
            return None
        if state.reduce_only and (order_id is None or transaction.orders.may_leave(order_id)):
            return None
        return f"halted by {state.changed_by}: {state.reason}".rstrip(": ")

    def reason_of(self, snapshot: GateSnapshot) -> str | None:
        """Return why trading is halted by a snapshot and the file, or None when orders may leave."""
        by_file = self._file_reason()
        if by_file is not None:
            return by_file
        return None if not snapshot.halted or snapshot.reduce_only else snapshot.halt_reason.rstrip(": ")

    def check(self, transaction: Transaction, *, hold: bool = False) -> None:
        """Raise TradingHalted with the reason when trading is halted."""
        reason = self.reason(transaction, hold=hold)
        if reason is not None:
            raise TradingHalted(f"Trading is halted ({reason}).")

    def status(self) -> str | None:
        """Return why trading is halted, or None when it is on."""
        with self._store.transaction() as transaction:
            return self.reason(transaction)

    def _file_reason(self) -> str | None:
        try:
            os.stat(self.file)
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"the halt file cannot be read: {error.strerror}"
        try:
            return self.file.read_text(encoding="utf-8").strip() or "the halt file is there"
        except (OSError, ValueError):
            return "the halt file is there"
