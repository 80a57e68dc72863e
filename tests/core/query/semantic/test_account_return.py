"""The account beside a symbol over the same sessions, every figure known by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from core.domain.as_of import AsOf
from core.domain.books import Account
from core.domain.market_records import Instrument
from core.domain.panel import Panel, SeriesSource
from core.errors import InvalidInput, NoData
from core.execution.books import Holdings
from core.execution.stores import NavPoint
from core.query.semantic.answer import Answer, Sources
from core.query.semantic.evaluate import evaluate
from core.query.semantic.metric_query import MetricQuery

NOW = datetime(2024, 6, 14, 21, tzinfo=UTC)
NAVS = {"2024-06-03": 100_000, "2024-06-04": 125_000, "2024-06-10": 90_000, "2024-06-13": 99_000, "2024-06-14": 110_000}
CLOSES = {"2024-05-31": 90.0, "2024-06-03": 100.0, "2024-06-04": 110.0, "2024-06-10": 99.0, "2024-06-13": 104.0,
          "2024-06-14": 105.0}  # fmt: skip
ACCOUNT = Account(account_id="acc_main", name="main", broker="paper", opened_at=datetime(2024, 6, 1, tzinfo=UTC))
HELD = Holdings(
    account=ACCOUNT, as_of=NOW, cash=Decimal(1), nav=Decimal(110_000), positions=(), deposits=Decimal(100_000),
    unrealized_pnl=Decimal(0), realized_pnl=Decimal(0), fees=Decimal(0), total_pnl=Decimal(10_000),
    pnl_today=Decimal(0), nav_before=Decimal(99_000), gross_exposure=Decimal(0), net_exposure=Decimal(0),
    drawdown=Decimal(0), notes=(),
)  # fmt: skip


class World:
    """Stand in for instruments, bars and books: one index and one account, to which money is paid on given days."""

    def __init__(self, paid: dict[str, int]) -> None:
        self.paid = paid

    def find(self, name: str) -> Instrument:
        return Instrument(
            instrument_id=1, symbol=name, name=name, asset_class="index", calendar="XNYS", source="made", known_at=NOW
        )

    def panel(self, instrument_ids, *, purpose, as_of, start=None, end=None, needs="close"):
        days = [day for day in CLOSES if (start is None or day >= str(start)) and day <= str(end)]
        source = SeriesSource(instrument_id=1, symbol="^GSPC", source="made", price_basis="raw")
        close = np.array([[CLOSES[day]] for day in days])
        return Panel(
            sessions=np.array(days, dtype="datetime64[D]"), symbols=("^GSPC",), as_of=as_of, sql="SELECT 1",
            series=(source,), close=close, open=None, high=None, low=None, volume=None,
        )  # fmt: skip

    def holdings(self, account_id=None, as_of=None) -> Holdings:
        paid = sum(value for day, value in self.paid.items() if day <= str(as_of.known.date()))
        return replace(HELD, deposits=Decimal(100_000 + paid))

    def nav_history(self, account_id=None, as_of=None):
        return [
            NavPoint(session=date.fromisoformat(day), closed_at=datetime.fromisoformat(f"{day}T20:00+00:00"),
                     nav=Decimal(nav), cash=Decimal(1))
            for day, nav in NAVS.items()
        ]  # fmt: skip


def ask(paid: dict[str, int] | None = None, **arguments) -> Answer:
    world = World(paid or {})
    sources = Sources(
        instruments=world, bars=world, macro=None, query=None, books=world, as_of=AsOf(known=NOW), wall=NOW
    )
    return evaluate(MetricQuery(metric="pnl", benchmark="^GSPC", **arguments), sources)


def facts(answer: Answer) -> dict:
    return {fact.name: fact.value for fact in answer.facts}


def test_the_whole_history_when_no_time_is_named():
    found = facts(ask())
    assert found["account return"] == pytest.approx(0.10)
    assert found["^GSPC return"] == pytest.approx(0.05)
    assert found["difference"] == pytest.approx(0.05)
    assert (found["from the close of"], found["to the close of"]) == ("2024-06-03", "2024-06-14")
    assert found["P&L of the period"] == 10_000


@pytest.mark.parametrize(
    ("period", "first", "own", "index"),
    [
        ({"start": "2024-06-05"}, "2024-06-04", 110 / 125 - 1, 105 / 110 - 1),
        ({"start": "2024-06-04", "end": "2024-06-12"}, "2024-06-03", 90 / 100 - 1, 99 / 100 - 1),
        ({"last": 1, "unit": "sessions"}, "2024-06-13", 110 / 99 - 1, 105 / 104 - 1),
        ({"name": "this_year"}, "2024-06-03", 0.10, 0.05),
    ],
)
def test_both_run_from_the_close_before_the_period(period, first, own, index):
    answer = ask(period=period)
    found = facts(answer)
    assert (found["from the close of"], found["account return"]) == (first, pytest.approx(own))
    assert found["^GSPC return"] == pytest.approx(index)
    assert {row[1] for row in answer.tables[0].rows} == {first}
    opened = any("valued from 2024-06-03 on" in note for note in answer.notes)
    assert opened == (period == {"name": "this_year"})


def test_money_paid_in_meanwhile_leaves_no_return():
    with pytest.raises(NoData, match="Money was paid in or out between 2024-06-03 and 2024-06-14"):
        ask({"2024-06-10": 5_000})
    assert facts(ask({"2024-06-04": 5_000}, period={"start": "2024-06-05"}))["account return"] < 0


def test_what_a_benchmark_is_not_for():
    with pytest.raises(InvalidInput, match="whole account"):
        ask(symbols=("AAPL",))
    with pytest.raises(NoData, match="fewer than two closes"):
        ask(period={"start": "2023-01-01", "end": "2024-06-03"})
