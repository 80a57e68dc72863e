"""Orders, fills and proposals of an account: the newest, or all of one symbol however far back they lie."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.books import Fill, Order
from tools.portfolio import _fills, _orders, _proposals

START = datetime(2022, 1, 3, 15, tzinfo=UTC)
SYMBOLS = {1: "OLD", 2: "NEW"}
COUNT = 60


def instrument(number: int) -> int:
    """The first ten were of OLD, and fifty of NEW came after them."""
    return 1 if number < 10 else 2


def order(number: int) -> Order:
    moment = START + timedelta(days=number)
    return Order(
        order_id=f"ord_{number}",
        client_order_id=f"qd{number}",
        proposal_id=f"prp_{number}",
        leg=0,
        attempt=1,
        account_id="main",
        instrument_id=instrument(number),
        side="buy",
        quantity=Decimal(number + 1),
        order_type="market",
        time_in_force="day",
        state="filled",
        filled_quantity=Decimal(number + 1),
        desk_time=moment,
        created_at=moment,
        updated_at=moment,
    )


def fill(number: int) -> Fill:
    return Fill(
        fill_id=f"fil_{number}",
        execution_id=f"exe_{number}",
        order_id=f"ord_{number}",
        account_id="main",
        instrument_id=instrument(number),
        side="buy",
        quantity=Decimal(number + 1),
        price=Decimal(10),
        session=date(2022, 1, 3),
        filled_at=START + timedelta(days=number),
    )


def view(number: int) -> Any:
    leg = SimpleNamespace(side="buy", quantity=Decimal(number + 1), symbol=SYMBOLS[instrument(number)])
    proposal = SimpleNamespace(
        legs=[leg], order_type="market", notional=Decimal(1), expires_at=START, reason="", proposal_id=f"prp_{number}"
    )
    return SimpleNamespace(proposal=proposal, state="filled", decision=None, progress="")


class Newest:
    """Stand for books that hand out the newest rows first, no more than were asked for."""

    def orders(self, account: str, as_of: Any, *, limit: int) -> list[Order]:
        return [order(number) for number in reversed(range(COUNT))][:limit]

    def fills(self, account: str, as_of: Any, *, limit: int) -> list[Fill]:
        return [fill(number) for number in reversed(range(COUNT))][:limit]

    def list(self, *, account_id: str, limit: int) -> list[Any]:
        return [view(number) for number in reversed(range(COUNT))][:limit]

    def symbol(self, instrument_id: int) -> str:
        return SYMBOLS[instrument_id]


CONTEXT: Any = SimpleNamespace(desk=SimpleNamespace(books=Newest(), proposals=Newest()), as_of=None)
HELD: Any = SimpleNamespace(account=SimpleNamespace(account_id="main", currency="USD"))


@pytest.mark.parametrize("section", [_orders, _fills, _proposals])
@pytest.mark.parametrize(
    ("symbol", "limit", "first", "count", "truncated"),
    [
        (None, 5, 59, 5, True),
        (None, 59, 59, 59, True),
        (None, 60, 59, 60, False),
        (None, 100, 59, 60, False),
        ("NEW", 50, 59, 50, False),
        ("NEW", 49, 59, 49, True),
        # Fifty newer rows of another symbol do not hide the ten that were asked for.
        ("OLD", 50, 9, 10, False),
        ("OLD", 10, 9, 10, False),
        ("OLD", 3, 9, 3, True),
        ("NONE", 50, None, 0, False),
    ],
)
def test_the_newest_that_fit_are_shown_and_it_is_said_when_there_are_more(
    section: Any, symbol: str | None, limit: int, first: int | None, count: int, truncated: bool
) -> None:
    table = section(CONTEXT, HELD, symbol, limit)
    assert (len(table.rows), table.truncated) == (count, truncated)
    numbers = [int(str(row[-1]).split("_")[1]) for row in table.rows]
    assert numbers == ([] if first is None else list(range(first, first - count, -1)))
    assert all(len(row) == len(table.columns) for row in table.rows)
