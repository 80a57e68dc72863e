"""Add up executions in any order: an independent account book must agree to the cent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.domain.books import Fill
from core.execution.positions import cash_entries, fold, trade_amount

START = datetime(2022, 11, 30, 14, 30, tzinfo=UTC)


def a_fill(number, side, quantity, price, fee="0"):
    return Fill(
        fill_id=f"fil_{number}",
        execution_id=f"exe_{number:04}",
        order_id="ord_1",
        account_id="main",
        instrument_id=1,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        session=START.date(),
        filled_at=START + timedelta(minutes=number),
    )


fills = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.decimals(min_value="0.0001", max_value="5000", places=4),
        st.decimals(min_value="0.01", max_value="900", places=4),
        st.decimals(min_value="0", max_value="9", places=2),
    ),
    min_size=1,
    max_size=25,
).map(lambda rows: [a_fill(number, *row) for number, row in enumerate(rows)])


def test_a_worked_example_of_average_cost():
    # Buy 100 at 10 and 100 at 12: average cost 11. Sell 150 at 15: profit 600. Sell 100 more at 9: the last 50 held
    # lose 100, and 50 are sold short at 9. Buy 20 back at 8: profit 20.
    trades = [("buy", 100, 10), ("buy", 100, 12), ("sell", 150, 15), ("sell", 100, 9), ("buy", 20, 8)]
    made = [a_fill(number, *trade) for number, trade in enumerate(trades)]
    expected = [(100, 10, 0), (200, 11, 0), (50, 11, 600), (-50, 9, 500), (-30, 9, 520)]
    for count, (quantity, average, realized) in enumerate(expected, start=1):
        holding = fold(made[:count])
        assert (holding.quantity, holding.average_cost, holding.realized_pnl) == (quantity, average, realized)


@given(fills, st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_reports_does_not_matter(made, random):
    shuffled = list(made)
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(made)


@given(fills, st.decimals(min_value="0.01", max_value="900", places=4))
@settings(max_examples=300, deadline=None)
def test_profit_is_value_minus_money_put_in(made, mark):
    """Realised + unrealised = quantity x mark + cash from trading: an identity of any cost method."""
    holding = fold(made)
    cash = sum((entry.amount for fill in made for entry in cash_entries(fill)), Decimal(0))
    trading = cash + holding.fees
    unrealized = holding.quantity * mark - holding.cost
    difference = holding.realized_pnl + unrealized - (holding.quantity * mark + trading)
    assert abs(difference) < Decimal("1e-12")
    assert holding.quantity == sum((f.quantity if f.side == "buy" else -f.quantity for f in made), Decimal(0))


@given(fills)
@settings(max_examples=100, deadline=None)
def test_cash_moves_by_whole_cents(made):
    for fill in made:
        exact = Fraction(fill.quantity) * Fraction(fill.price)
        amount = trade_amount(fill)
        assert amount == amount.quantize(Decimal("0.01"))
        assert abs(abs(Fraction(amount)) - exact) <= Fraction(1, 200)
        assert (amount <= 0) == (fill.side == "buy") or amount == 0
        assert abs(amount) == (fill.quantity * fill.price).quantize(Decimal("0.01"), ROUND_HALF_UP)


class LotBook(RuleBasedStateMachine):
    """Trade at random against an independent book of single lots (exact fractions, average cost of open lots)."""

    def __init__(self):
        super().__init__()
        self.made = []
        self.quantity = Fraction(0)
        self.cost = Fraction(0)
        self.realized = Fraction(0)

    @rule(
        side=st.sampled_from(["buy", "sell"]),
        quantity=st.integers(1, 500),
        cents=st.integers(1, 90_000),
    )
    def trade(self, side, quantity, cents):
        self.made.append(a_fill(len(self.made), side, quantity, Decimal(cents) / 100))
        price = Fraction(cents, 100)
        step = 1 if side == "buy" else -1
        closing = min(quantity, abs(self.quantity)) if self.quantity * step < 0 else 0
        if closing:
            average = self.cost / self.quantity
            self.realized += closing * (price - average) * -step
            self.cost += closing * step * average
            self.quantity += closing * step
        opening = quantity - closing
        self.cost += opening * step * price
        self.quantity += opening * step

    @invariant()
    def agrees(self):
        holding = fold(self.made)
        assert Fraction(holding.quantity) == self.quantity
        assert abs(Fraction(holding.cost) - self.cost) < Fraction(1, 10**9)
        assert abs(Fraction(holding.realized_pnl) - self.realized) < Fraction(1, 10**9)


LotBook.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLotBook = LotBook.TestCase
