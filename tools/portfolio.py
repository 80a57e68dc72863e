"""Show the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from core.domain.facts import Cell, Chart, ChartSeries, Column, Frozen, Table, ToolResult, to_cell
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.execution.books import Holdings

Section = Literal["positions", "value", "orders", "fills", "proposals", "limits", "history"]
Row = tuple[Cell, ...]
_SEARCHED = 10_000
"""How far back orders, fills and proposals are looked through for those of one symbol."""


class PortfolioArguments(Frozen):
    """Ask about the account."""

    sections: tuple[Section, ...] = Field(
        default=("value", "positions", "history"),
        description="What to show; orders, fills, proposals and limits on demand.",
    )
    symbol: str | None = Field(default=None, max_length=60, description="Only this symbol or name.")
    account: str | None = Field(default=None, description="Account, when there are several.")
    limit: int = Field(default=50, ge=1, le=1000, description="Most rows of orders, fills and proposals.")


@tool(effect="read", data="private")
def portfolio(context: ToolContext, arguments: PortfolioArguments) -> ToolResult:
    """Show the account: value, cash, profit, positions with weights, value history, orders, fills, proposals, limits.

    Values stand at the last known close. Profit of the last session is measured from the close before it.
    """
    account = context.desk.books.account(arguments.account).account_id
    symbol = context.desk.instruments.find(arguments.symbol).symbol if arguments.symbol else None
    held = context.desk.books.holdings(account, context.as_of)
    if "value" in arguments.sections:
        _state_value(context, held)
    makers: Mapping[str, Callable[[ToolContext, Holdings, str | None, int], Table]] = {
        "positions": _positions,
        "orders": _orders,
        "fills": _fills,
        "proposals": _proposals,
        "limits": _limits,
    }
    tables = [
        makers[section](context, held, symbol, arguments.limit)
        for section in dict.fromkeys(arguments.sections)
        if section in makers
    ]
    charts = [_history(context, held)] if "history" in arguments.sections else []
    sources = [f"execution.{name}" for name in ("fills", "cash_ledger", "orders", "proposals")]
    return context.result(tables=tables, charts=charts, sources=sources, notes=held.notes)


def _state_value(context: ToolContext, held: Holdings) -> None:
    money = held.account.currency
    for name, value in (
        ("net asset value", held.nav),
        ("cash", held.cash),
        ("P&L of the last session", held.pnl_today),
        ("total P&L", held.total_pnl),
        ("unrealised P&L", held.unrealized_pnl),
        ("realised P&L", held.realized_pnl),
        ("fees paid", held.fees),
        ("deposits", held.deposits),
    ):
        context.fact(name, float(value), "money", currency=money, source="execution.fills, execution.cash_ledger")
    ratios: tuple[tuple[str, Decimal | None], ...] = (
        ("return of the last session", held.pnl_today / held.nav_before if held.nav_before else None),
        ("gross exposure", held.gross_exposure),
        ("net exposure", held.net_exposure),
        ("drawdown", held.drawdown),
    )
    for name, ratio in ratios:
        if ratio is not None:
            # Exposure is a share of net asset value, printed as percent like a weight.
            context.fact(name, float(ratio), "ratio", source="execution.fills, execution.cash_ledger")
    context.fact("positions", len(held.positions), "count")


def _positions(context: ToolContext, held: Holdings, symbol: str | None, limit: int) -> Table:
    money = held.account.currency
    names = ("market_value", "unrealized_pnl", "pnl_today", "realized_pnl")
    columns = (
        Column(name="symbol", unit="text"),
        Column(name="quantity", unit="shares"),
        Column(name="average_cost", unit="money", title="average cost", currency=money),
        Column(name="price", unit="money", title="last close", currency=money),
        Column(name="weight", unit="ratio"),
        *(
            Column(name=name, unit="money", title=title, currency=money)
            for name, title in zip(
                names, ("market value", "unrealised P&L", "P&L of the last session", "realised P&L"), strict=True
            )
        ),
    )
    rows = [
        _cells(line, ("symbol", "quantity", "average_cost", "price", "weight", *names))
        for line in held.positions
        if symbol in (None, line.symbol)
    ]
    return Table(name="positions", title="Positions", columns=columns, rows=tuple(rows))


def _read(symbol: str | None, limit: int) -> int:
    """Return how many rows to read: one more than are shown tells that there are more, a symbol's may be far back."""
    return limit + 1 if symbol is None else _SEARCHED


def _orders(context: ToolContext, held: Holdings, symbol: str | None, limit: int) -> Table:
    rows = []
    for order in context.desk.books.orders(held.account.account_id, context.as_of, limit=_read(symbol, limit)):
        name = context.desk.books.symbol(order.instrument_id)
        if symbol in (None, name):
            rows.append(
                (
                    name,
                    *_cells(order, ("side", "quantity", "order_type", "limit_price", "state", "filled_quantity")),
                    order.desk_time.isoformat(timespec="minutes"),
                    order.reason,
                    order.order_id,
                )
            )
    columns = (
        _text("symbol"),
        _text("side"),
        Column(name="quantity", unit="shares"),
        _text("order_type", "type"),
        Column(name="limit_price", unit="money", title="limit", currency=held.account.currency),
        _text("state"),
        Column(name="filled_quantity", unit="shares", title="filled"),
        Column(name="desk_time", unit="date", title="desk time"),
        _text("reason"),
        _text("order_id", "order"),
    )
    return Table(name="orders", title="Orders", columns=columns, rows=tuple(rows[:limit]), truncated=len(rows) > limit)


def _fills(context: ToolContext, held: Holdings, symbol: str | None, limit: int) -> Table:
    rows = []
    for fill in context.desk.books.fills(held.account.account_id, context.as_of, limit=_read(symbol, limit)):
        name = context.desk.books.symbol(fill.instrument_id)
        if symbol in (None, name):
            rows.append(
                (
                    name,
                    *_cells(fill, ("side", "quantity", "price", "fee")),
                    fill.filled_at.isoformat(timespec="minutes"),
                    fill.note,
                    fill.order_id,
                )
            )
    money = held.account.currency
    columns = (
        _text("symbol"),
        _text("side"),
        Column(name="quantity", unit="shares"),
        Column(name="price", unit="money", currency=money),
        Column(name="fee", unit="money", currency=money),
        Column(name="filled_at", unit="date", title="filled at"),
        _text("note"),
        _text("order_id", "order"),
    )
    return Table(name="fills", title="Fills", columns=columns, rows=tuple(rows[:limit]), truncated=len(rows) > limit)


def _proposals(context: ToolContext, held: Holdings, symbol: str | None, limit: int) -> Table:
    rows: list[Row] = []
    for view in context.desk.proposals.list(account_id=held.account.account_id, limit=_read(symbol, limit)):
        proposal = view.proposal
        if symbol is not None and symbol not in {leg.symbol for leg in proposal.legs}:
            continue
        what = ", ".join(f"{leg.side} {leg.quantity:f} {leg.symbol}" for leg in proposal.legs)
        rows.append(
            (
                what,
                view.state,
                proposal.order_type,
                float(proposal.notional),
                proposal.expires_at.isoformat(timespec="minutes"),
                view.decision.decided_by if view.decision else "",
                view.progress,
                proposal.reason,
                proposal.proposal_id,
            )
        )
    columns = (
        _text("what"),
        _text("state"),
        _text("order_type", "type"),
        Column(name="notional", unit="money", currency=held.account.currency),
        Column(name="expires_at", unit="date", title="expires at"),
        _text("decided_by", "decided by"),
        _text("progress"),
        _text("reason"),
        _text("proposal_id", "proposal"),
    )
    return Table(
        name="proposals", title="Proposals", columns=columns, rows=tuple(rows[:limit]), truncated=len(rows) > limit
    )


def _limits(context: ToolContext, held: Holdings, symbol: str | None, limit: int) -> Table:
    from tools._limits import limits_table

    return limits_table(context, held)


def _history(context: ToolContext, held: Holdings) -> Chart:
    points = context.desk.books.nav_history(held.account.account_id, context.as_of)
    line = ChartSeries(
        name="net asset value",
        x=tuple(point.session.isoformat() for point in points),
        y=tuple(float(point.nav) for point in points),
    )
    return Chart(kind="line", title="Net asset value", series=(line,), unit="money", y_title=held.account.currency)


def _cells(row: Any, names: Sequence[str]) -> Row:
    return tuple(to_cell(getattr(row, name)) for name in names)


def _text(name: str, title: str = "") -> Column:
    return Column(name=name, unit="text", title=title)
