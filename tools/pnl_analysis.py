"""Analyse the account's profit and loss."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Frozen, Table, ToolResult
from tools._profit import ProfitLine, costs_by, profit_by, profit_by_period
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.domain.books import Fill

Split = Literal["leg", "strategy", "day", "month", "cost"]


class PnlAnalysisArguments(Frozen):
    """Ask where the profit came from."""

    by: tuple[Split, ...] = Field(
        default=("leg", "strategy", "month", "cost"), min_length=1, description="How the profit is split."
    )
    start: date | None = Field(default=None, description="First date of days and months; all when left out.")
    end: date | None = Field(default=None, description="Last date of days and months.")
    account: str | None = Field(default=None, description="Account, when there are several.")


@tool(effect="read", data="private")
def pnl_analysis(context: ToolContext, arguments: PnlAnalysisArguments) -> ToolResult:
    """Split the account's profit: realised and unrealised, by leg (instrument), strategy, day or month, and cost.

    A strategy is who proposed the trade. The parts of a split add up to the total profit to the cent, but for other
    income (dividends, interest), which is stated.
    """
    from core.execution.books import author_of

    account = context.desk.books.account(arguments.account).account_id
    held = context.desk.books.holdings(account, context.as_of)
    money = held.account.currency
    fills, authors = context.desk.books.trades(account, context.as_of)
    income = held.total_pnl - (held.unrealized_pnl + held.realized_pnl - held.fees)
    for name, value in (
        ("total P&L", held.total_pnl),
        ("realised P&L", held.realized_pnl),
        ("unrealised P&L", held.unrealized_pnl),
        ("fees paid", held.fees),
        ("other income", income),
    ):
        context.fact(name, float(value), "money", currency=money, source="execution.fills, execution.cash_ledger")
    marks = {line.instrument_id: line.price for line in held.positions}
    names = {fill.instrument_id: "" for fill in fills}
    symbols = {key: context.desk.books.symbol(key) for key in names}
    tables: list[Table] = []
    charts: list[Chart] = []

    def symbol(fill: Fill) -> str:
        return symbols[fill.instrument_id]

    splits: tuple[tuple[Split, str, Callable[[Fill], str]], ...] = (
        ("leg", "Profit by instrument", symbol),
        ("strategy", "Profit by who proposed the trades", lambda fill: author_of(fill, authors)),
    )
    for split, title, part in splits:
        if split in arguments.by:
            lines = profit_by(fills, marks, part)
            tables.append(_profit_table(split, title, lines, money))
            if len(lines) > 1:
                charts.append(_bars(title, [(line.name, float(line.total)) for line in lines]))
    if "cost" in arguments.by:
        tables.append(_cost_table(fills, symbol, money))
    history = context.desk.books.nav_history(account, context.as_of)
    for grain in ("day", "month"):
        if grain in arguments.by:
            periods = profit_by_period(history, fills, grain, start=arguments.start, end=arguments.end)
            rows = tuple((period, float(profit)) for period, profit in periods)
            columns = (Column(name=grain, unit="text"), Column(name="profit", unit="money", currency=money))
            tables.append(Table(name=f"profit_by_{grain}", title=f"Profit by {grain}", columns=columns, rows=rows))
            charts.append(_bars(f"Profit by {grain}", rows))
    notes = list(held.notes)
    if income:
        notes.append("Dividends and interest are other income: they are not in the splits.")
    sources = [f"execution.{name}" for name in ("fills", "cash_ledger", "orders", "proposals")]
    return context.result(tables=tables, charts=charts, sources=sources, notes=notes)


def _profit_table(split: Split, title: str, lines: Sequence[ProfitLine], money: str) -> Table:
    columns = (
        Column(name="symbol" if split == "leg" else split, unit="text"),
        *(Column(name=name, unit="money", currency=money) for name in ("realised", "unrealised", "fees", "total")),
        Column(name="trades", unit="count"),
    )
    rows = tuple(
        (one.name, float(one.realized), float(one.unrealized), float(one.fees), float(one.total), one.trades)
        for one in lines
    )
    return Table(name=f"profit_by_{split}", title=title, columns=columns, rows=rows)


def _cost_table(fills: Sequence[Fill], symbol: Callable[[Fill], str], money: str) -> Table:
    rows = tuple(
        (name, float(fees), float(traded), float(fees / traded * 10_000) if traded else None)
        for name, fees, traded in costs_by(fills, symbol)
    )
    columns = (
        Column(name="symbol", unit="text"),
        Column(name="fees", unit="money", currency=money),
        Column(name="traded", unit="money", currency=money),
        Column(name="fees of the traded money", unit="bps"),
    )
    return Table(name="costs", title="What trading cost", columns=columns, rows=rows)


def _bars(title: str, rows: Sequence[tuple[str, float]]) -> Chart:
    bars = ChartSeries(name="profit", x=tuple(name for name, _ in rows), y=tuple(value for _, value in rows))
    return Chart(kind="bar", title=title, series=(bars,), unit="money")
