"""Realised profit by worked examples and by identities."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.books import Fill
from core.execution.positions import fold
from core.execution.profit import realize, summarize
from core.testing.small_market import AGENT, PETER

NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)


def fill(number, side, quantity, price, *, fee="0", instrument_id=1):
    return Fill(
        fill_id=f"fil_{number}",
        execution_id=f"x{number:03}",
        order_id=f"ord_{number}",
        account_id="main",
        instrument_id=instrument_id,
        side=side,
        quantity=Decimal(str(quantity)),
        price=Decimal(str(price)),
        fee=Decimal(fee),
        session=date(2022, 11, 30) + timedelta(days=number % 3),
        filled_at=NOON + timedelta(minutes=number),
    )


# Buy 100 at 10 and 100 at 12, sell 150 at 15, buy 50 at 11 and sell 100 at 14.
WORKED = [("buy", 100, 10), ("buy", 100, 12), ("sell", 150, 15), ("buy", 50, 11), ("sell", 100, 14)]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # First in, first out: 100 x 5 + 50 x 3; then 50 x 2 + 50 x 3.
        ("fifo", [0, 0, 650, 0, 250]),
        # At the mean: 150 x (15 - 11); then 50 at 11 and 50 at 11 are held: 100 x 3.
        ("average", [0, 0, 600, 0, 300]),
    ],
)
def test_a_worked_example(method, expected):
    fills = [fill(number, *part) for number, part in enumerate(WORKED)]
    assert [part.profit for part in realize(fills, method=method)] == expected


def test_a_fill_through_zero_opens_the_other_side_at_its_price():
    fills = [fill(0, "buy", 10, 100), fill(1, "sell", 30, 110), fill(2, "buy", 20, 105)]
    for method in ("fifo", "average"):
        assert [part.profit for part in realize(fills, method=method)] == [0, 100, 100]


TRADES = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50), st.integers(100, 9_999)), min_size=1, max_size=25
)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(TRADES)
def test_both_ways_give_the_cash_that_a_closed_book_made(trades):
    fills = [
        fill(number, side, quantity, Decimal(price) / 100) for number, (side, quantity, price) in enumerate(trades)
    ]
    held = sum(part.quantity if part.side == "buy" else -part.quantity for part in fills)
    if held:
        fills.append(fill(len(fills), "sell" if held > 0 else "buy", abs(held), 42))
    cash = sum((-1 if part.side == "buy" else 1) * part.quantity * part.price for part in fills)
    for method in ("fifo", "average"):
        total = sum(part.profit for part in realize(fills, method=method))
        assert total == pytest.approx(cash, abs=Decimal("1e-15"))


@settings(deadline=None, derandomize=True, max_examples=100)
@given(TRADES)
def test_average_cost_is_what_the_positions_are_kept_by(trades):
    fills = [
        fill(number, side, quantity, Decimal(price) / 100) for number, (side, quantity, price) in enumerate(trades)
    ]
    total = sum(part.profit for part in realize(fills, method="average"))
    assert total == pytest.approx(fold(fills).realized_pnl, abs=Decimal("1e-15"))


def test_groups_add_up_to_the_whole():
    fills = [fill(number, *part, fee="0.10") for number, part in enumerate(WORKED)]
    realized = realize(fills, method="fifo")
    lines = summarize(realized, {part.fill_id: str(part.session) for part in realized})
    assert sum(line.realized for line in lines) == 900 and sum(line.fees for line in lines) == Decimal("0.50")
    assert sum(line.fills for line in lines) == 5 and len(lines) == 3
    assert lines[0].net == lines[0].realized - lines[0].fees


@pytest.mark.parametrize("by", ["strategy", "session", "symbol", "account"])
def test_the_books_tell_it_by_every_grouping(desk, ask, approve, by):
    for quantity, side, author in ((10, "buy", None), (4, "sell", "trend"), (6, "sell", None)):
        proposal = desk.proposals.propose(ask(side=side, quantity=quantity, author=author), AGENT)
        approve(proposal, PETER)
        desk.gateway.release(proposal.proposal_id)
        desk.advance()
    lines = desk.books.profit("main", method="fifo", by=by)
    held = desk.books.holdings("main")
    assert sum(line.realized for line in lines) == held.realized_pnl
    assert sum(line.fees for line in lines) == held.fees
    names = {line.name for line in lines}
    assert {"strategy": "trend" in names, "session": len(names) == 3}.get(by, len(names) == 1)
