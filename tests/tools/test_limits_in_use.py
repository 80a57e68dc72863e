"""What the portfolio tool says about limits, from made-up holdings; the scale of growth charts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.books import Account
from core.domain.facts import ChartSeries
from core.errors import InvalidInput
from core.risk.limits import Book, Holding, Limits, OrderRequest, check_order
from tools._limits import limits_table
from tools._prices import growth_chart

NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)


class MadeUpContext:
    """Note the facts that are stated."""

    def __init__(self, halted: str | None = None) -> None:
        self.desk = SimpleNamespace(proposals=SimpleNamespace(halted=lambda: halted))
        self.facts: dict[str, Any] = {}

    def fact(self, name: str, value: Any, unit: str, *, currency: str | None = None, source: str = "") -> None:
        self.facts[name] = (value, unit, currency)


def held(limits: dict[str, Any], *weights: str, gross: str = "0", net: str = "0", **account: Any) -> Any:
    return SimpleNamespace(
        account=Account(
            account_id="paper", name="Paper", broker="paper", currency="EUR", limits=limits, opened_at=NOW, **account
        ),
        positions=tuple(SimpleNamespace(weight=Decimal(weight)) for weight in weights),
        gross_exposure=Decimal(gross),
        net_exposure=Decimal(net),
    )


def read(context: MadeUpContext, book: Any) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in limits_table(context, book).rows}  # type: ignore[arg-type]


def test_use_is_the_share_of_each_limit():
    limits = {"max_position_weight": "0.40", "max_gross_exposure": "1.50", "max_net_exposure": "1"}
    rows = read(MadeUpContext(), held(limits, "0.10", "-0.30", gross="0.40", net="-0.20"))
    assert rows == {
        "largest position": (0.3, 0.4, pytest.approx(0.75)),
        "gross exposure": (0.4, 1.5, pytest.approx(0.4 / 1.5)),
        "net exposure": (0.2, 1.0, pytest.approx(0.2)),
    }


def test_only_limits_that_are_set_are_shown():
    assert read(MadeUpContext(), held({}, "0.9", gross="2")) == {}
    assert list(read(MadeUpContext(), held({"max_gross_exposure": 1}))) == ["gross exposure"]


def test_an_empty_book_uses_nothing_and_a_limit_of_zero_has_no_share():
    rows = read(MadeUpContext(), held({"max_position_weight": "0.4", "max_net_exposure": 0}))
    assert rows["largest position"] == (0.0, 0.4, 0.0)
    assert rows["net exposure"] == (0.0, 0.0, None)


def test_money_limits_are_facts_in_the_currency_of_the_account():
    context = MadeUpContext()
    read(context, held({"max_order_notional": 100_000, "min_cash": 500}, four_eyes_above=Decimal(50_000)))
    assert context.facts == {
        "trading": ("on", "text", None),
        "least cash allowed": (500.0, "money", "EUR"),
        "largest order allowed": (100_000.0, "money", "EUR"),
        "orders that need two persons, above": (50_000.0, "money", "EUR"),
    }


def test_a_halted_desk_says_why():
    context = MadeUpContext("halted by usr_1: drill")
    read(context, held({}))
    assert context.facts["trading"] == ("halted: halted by usr_1: drill", "text", None)


def test_an_unknown_limit_is_refused():
    with pytest.raises(InvalidInput, match="max_everything"):
        read(MadeUpContext(), held({"max_everything": 1}))


@pytest.mark.parametrize("weight", ["0.39", "0.40", "0.41"])
def test_a_full_limit_agrees_with_the_check_of_orders(weight):
    """The share passes one exactly where the check of the smallest further purchase refuses."""
    value = Decimal(weight) * 10_000
    book = Book(cash=10_000 - value, holdings={"A": Holding(quantity=value, price=Decimal(1))})
    order = OrderRequest(symbol="A", side="buy", quantity=Decimal("0.01"), price=Decimal(1))
    verdict = next(
        part
        for part in check_order(order, book, Limits(max_position_weight=Decimal("0.40")))
        if part.rule == "max_position_weight"
    )
    share = read(MadeUpContext(), held({"max_position_weight": "0.40"}, weight))["largest position"][2]
    assert verdict.allowed is (share < 1)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ((100.0, 1000.0), "linear"),
        ((100.0, 1000.1), "log"),
        ((5.0, 100.0), "log"),
        ((100.0, None, 5000.0), "log"),
        ((0.0, 5000.0), "linear"),
        ((-1.0, 5000.0), "linear"),
        ((None,), "linear"),
        ((), "linear"),
    ],
)
def test_growth_of_more_than_ten_times_is_drawn_on_a_logarithmic_axis(values, scale):
    days = tuple(f"2022-01-{number + 1:02d}" for number in range(len(values)))
    assert growth_chart("Growth", [ChartSeries(name="s", x=days, y=values)]).scale == scale


def test_the_spread_of_all_lines_counts():
    lines = [ChartSeries(name=name, x=("2022-01-03",), y=(value,)) for name, value in (("low", 20.0), ("high", 210.0))]
    assert growth_chart("Growth", lines).scale == "log"
