"""Answer private questions on the account: positions, cash, value, profit, proposals, orders, fills."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.as_of import AsOf
from core.domain.facts import Cell, ChartSeries, Column, Unit
from core.errors import InvalidInput, NoData
from core.query.semantic.account_return import against_benchmark
from core.query.semantic.answer import MOST_FACT_ROWS, Answer, Sources
from core.query.semantic.listings import COUNTED_ROWS
from core.query.semantic.macro import grain_start
from core.query.semantic.period import DateRange, Period, resolve
from core.query.semantic.prices import find_members, passes
from core.query.semantic.statement import Statement

if TYPE_CHECKING:
    from core.execution.books import Holdings, PositionLine

DEFAULT_ROWS = 200
_ORDER_STATES = {
    "pending": ("intended", "submitting", "unknown", "accepted", "partially_filled"),
    "open": ("intended", "submitting", "unknown", "accepted", "partially_filled"),
    "working": ("accepted", "partially_filled"),
    "rejected": ("rejected", "denied"),
    "cancelled": ("cancelled",),
    "canceled": ("cancelled",),
}
_DAY = 86_400.0
_BY_GROUP = frozenset({"positions", "weight", "average_cost", "pnl"})


def answer_book(sources: Sources, answer: Answer) -> None:
    """Answer a private question on the books."""
    name = answer.metric.name
    if answer.query.group and name not in _BY_GROUP:
        raise InvalidInput(
            f"{answer.metric.title} is not kept by group.", hint="Name symbols, or ask for the positions of the group."
        )
    if name in ("fills", "orders", "proposals"):
        {"fills": _fills, "orders": _orders, "proposals": _proposals}[name](sources, answer)
        return
    held = sources.books.holdings(answer.query.account, sources.as_of)
    answer.note(*held.notes)
    answer.sources.append(f"account {held.account.account_id}")
    {
        "positions": _positions,
        "weight": _positions,
        "average_cost": _average_cost,
        "cash": _cash,
        "nav": _nav,
        "pnl": _profit,
        "account_drawdown": _drawdown,
    }[name](sources, answer, held)


def _chosen(sources: Sources, answer: Answer, held: Holdings) -> list[PositionLine]:
    lines = list(held.positions)
    query = answer.query
    if query.symbols:
        wanted = [sources.instruments.find(name) for name in query.symbols]
        ids = {part.instrument_id for part in wanted}
        lines = [line for line in lines if line.instrument_id in ids]
        absent = [part.symbol for part in wanted if part.instrument_id not in {line.instrument_id for line in lines}]
        if absent:
            answer.note(f"The account holds no {', '.join(absent)}.")
            if not lines:
                raise NoData(f"The account holds no {', '.join(absent)}.")
    elif query.group:
        ids = {part.instrument_id for part in find_members(sources, answer)[0]}
        lines = [line for line in lines if line.instrument_id in ids]
        if not lines:
            raise NoData(f"The account holds nothing of {query.group}.", hint="Ask for all positions.")
    if not lines:
        raise NoData(
            f"Account {held.account.name!r} holds no positions.", hint="Propose a trade, or load the demo book."
        )
    return lines


def _positions(sources: Sources, answer: Answer, held: Holdings) -> None:
    query = answer.query
    lines = _chosen(sources, answer, held)
    by_weight = answer.metric.name == "weight"
    lines.sort(key=lambda line: line.weight if by_weight else abs(line.market_value), reverse=query.order != "asc")
    if by_weight and query.filter is not None:
        lines = [line for line in lines if passes(float(line.weight), query.filter)]
        if not lines:
            wanted = f"{query.filter.operator} {query.filter.value:.4g}"
            raise NoData(f"No position has a weight {wanted}.", hint="Ask for all weights.")
    shown = lines[: query.limit] if query.limit else lines
    currency = held.account.currency
    if query.group:
        answer.state(f"{query.group} weight", float(sum(line.weight for line in lines)), "ratio")
        value = float(sum(line.market_value for line in lines))
        answer.state(f"{query.group} market value", value, "money", currency=currency)
    for line in shown[:MOST_FACT_ROWS]:
        if by_weight:
            answer.state(f"{line.symbol} weight", float(line.weight), "ratio")
        else:
            answer.state(f"{line.symbol} market value", float(line.market_value), "money", currency=currency)
            if len(shown) <= 3:
                answer.state(f"{line.symbol} quantity", float(line.quantity), "shares")
                answer.state(f"{line.symbol} unrealised P&L", float(line.unrealized_pnl), "money", currency=currency)
    answer.state("number of positions", len(lines), "count")
    _position_table(answer, shown, currency)
    answer.bar_chart(
        [line.symbol for line in shown], [float(line.weight) for line in shown], unit="ratio", title="Weights"
    )


def _position_table(answer: Answer, lines: Sequence[PositionLine], currency: str) -> None:
    money = {"unit": "money", "currency": currency}
    answer.table(
        [
            Column(name="symbol", unit="text"),
            Column(name="quantity", unit="shares"),
            *(Column(name=name, **money) for name in ("average cost", "price")),
            Column(name="price of", unit="date"),
            Column(name="market value", **money),
            Column(name="weight", unit="ratio"),
            *(Column(name=name, **money) for name in ("unrealised P&L", "P&L today")),
        ],
        [
            (
                line.symbol,
                float(line.quantity),
                float(line.average_cost),
                float(line.price),
                line.price_session,
                float(line.market_value),
                float(line.weight),
                float(line.unrealized_pnl),
                float(line.pnl_today),
            )
            for line in lines
        ],
    )


def _average_cost(sources: Sources, answer: Answer, held: Holdings) -> None:
    lines = _chosen(sources, answer, held)
    currency = held.account.currency
    for line in lines[:MOST_FACT_ROWS]:
        answer.state(f"{line.symbol} average cost", float(line.average_cost), "money", currency=currency)
        answer.state(f"{line.symbol} last close", float(line.price), "money", currency=currency)
        answer.state(f"{line.symbol} close of", line.price_session, "date")
        if line.average_cost:
            answer.state(f"{line.symbol} close versus average cost", float(line.price / line.average_cost - 1), "ratio")
    _position_table(answer, lines, currency)


def _cash(_sources: Sources, answer: Answer, held: Holdings) -> None:
    currency = held.account.currency
    answer.state("cash", float(held.cash), "money", currency=currency)
    answer.state("net asset value", float(held.nav), "money", currency=currency)
    if held.nav:
        answer.state("cash share of net asset value", float(held.cash / held.nav), "ratio")


def _nav(sources: Sources, answer: Answer, held: Holdings) -> None:
    currency = held.account.currency
    answer.state("net asset value", float(held.nav), "money", currency=currency)
    answer.state("cash", float(held.cash), "money", currency=currency)
    period = answer.query.period
    if period.is_empty or period.name == "latest":
        return
    window = resolve(period, sources.today)
    points = [
        (point.session, float(point.nav), float(point.cash))
        for point in sources.books.nav_history(answer.query.account, sources.as_of)
        if (window.start or date.min) <= point.session <= (window.end or date.max)
    ]
    points = points[-window.sessions :] if window.sessions else points
    if grain := answer.query.grain:
        # The value at the end of each week or month is that of its last stored session.
        points = list({grain_start(point[0], grain): point for point in points}.values())
    rows = [(day.isoformat(), nav, cash) for day, nav, cash in points]
    answer.table(
        [
            Column(name="session", unit="date"),
            Column(name="net asset value", unit="money", currency=currency),
            Column(name="cash", unit="money", currency=currency),
        ],
        rows,
    )
    line = ChartSeries(name="net asset value", x=tuple(row[0] for row in rows), y=tuple(row[1] for row in rows))
    answer.line_chart([line], unit="money")


def _profit(sources: Sources, answer: Answer, held: Holdings) -> None:
    currency = held.account.currency
    period = answer.query.period if not answer.query.period.is_empty else answer.metric.default_period
    if answer.query.benchmark:
        against_benchmark(sources, answer, held)
        return
    window = resolve(period, sources.today)
    has_start = window.start is not None or window.sessions is not None
    if (
        answer.query.order
        or answer.query.group
        or (answer.query.symbols and has_start and not answer.query.period.is_empty)
    ):
        _profit_of_each(sources, answer, held, window)
        return
    if answer.query.symbols:
        for line in _chosen(sources, answer, held)[:MOST_FACT_ROWS]:
            answer.state(f"{line.symbol} P&L today", float(line.pnl_today), "money", currency=currency)
            answer.state(f"{line.symbol} unrealised P&L", float(line.unrealized_pnl), "money", currency=currency)
            answer.state(f"{line.symbol} realised P&L", float(line.realized_pnl), "money", currency=currency)
        return
    if period.name in ("today", "latest"):
        answer.state("P&L today", float(held.pnl_today), "money", currency=currency)
        if held.nav_before:
            answer.state("P&L today, share of net asset value", float(held.pnl_today / held.nav_before), "ratio")
        answer.state("total P&L", float(held.total_pnl), "money", currency=currency)
    elif not has_start:
        answer.state("total P&L", float(held.total_pnl), "money", currency=currency)
        answer.state("unrealised P&L", float(held.unrealized_pnl), "money", currency=currency)
        answer.state("realised P&L", float(held.realized_pnl), "money", currency=currency)
        answer.state("fees", float(held.fees), "money", currency=currency)
    else:
        _profit_between(sources, answer, held, window)
        return
    lines = sorted(held.positions, key=lambda line: -abs(line.pnl_today))
    if lines:
        _position_table(answer, lines, currency)
        answer.bar_chart(
            [line.symbol for line in lines], [float(line.pnl_today) for line in lines], unit="money", title="P&L today"
        )


def _profit_between(sources: Sources, answer: Answer, held: Holdings, window: DateRange) -> None:
    """Subtract the total profit before the first day from that at the end of the last."""
    currency = held.account.currency
    start, before_start, at_end = _ends(sources, answer, window)
    end = held if at_end == sources.as_of else sources.books.holdings(answer.query.account, at_end)
    before = sources.books.holdings(answer.query.account, before_start)
    answer.state("P&L of the period", float(end.total_pnl - before.total_pnl), "money", currency=currency)
    answer.state("from", start.isoformat(), "date")
    answer.state("to", (window.end or sources.today).isoformat(), "date")


def _ends(sources: Sources, answer: Answer, window: DateRange) -> tuple[date, AsOf, AsOf]:
    """Return the first day, and what was known before it and at the end of the last day."""
    start = window.start or _nth_session_before(sources, answer, window.sessions or 1)
    is_past = window.end is not None and window.end < sources.today
    end = _end_of(window.end, sources) if is_past and window.end else sources.as_of
    return start, _end_of(start - timedelta(days=1), sources), end


def _profit_of_each(sources: Sources, answer: Answer, held: Holdings, window: DateRange) -> None:
    """Rank the instruments by what they made in the period, those sold meanwhile as well; without dividends."""
    query, currency = answer.query, held.account.currency
    profits, before = sources.books.profits(query.account, sources.as_of), {}
    if window.start is not None or window.sessions is not None:
        start, before_start, end = _ends(sources, answer, window)
        profits, before = sources.books.profits(query.account, end), sources.books.profits(query.account, before_start)
        answer.state("from", start.isoformat(), "date")
        answer.state("to", (window.end or sources.today).isoformat(), "date")
    named = bool(query.symbols or query.group)
    wanted = {part.instrument_id for part in find_members(sources, answer)[0]} if named else profits.keys()
    made = {sources.books.symbol(key): value - before.get(key, 0) for key, value in profits.items() if key in wanted}
    if not made:
        raise NoData(f"Account {held.account.name!r} has traded nothing of that up to the end of the period.")
    ranked = sorted(made.items(), key=lambda part: part[1], reverse=query.order != "asc")
    shown = [(symbol, float(value)) for symbol, value in ranked[: query.limit or None]]
    for symbol, value in shown[:MOST_FACT_ROWS]:
        answer.state(f"{symbol} P&L of the period", value, "money", currency=currency)
    answer.table([Column(name="symbol", unit="text"), Column(name="P&L", unit="money", currency=currency)], shown)
    answer.bar_chart(
        [symbol for symbol, _ in shown], [value for _, value in shown], unit="money", title="P&L by symbol"
    )
    answer.note("Realised and unrealised profit less fees; dividends are not in it.")


def _nth_session_before(sources: Sources, answer: Answer, sessions: int) -> date:
    history = list(sources.books.nav_history(answer.query.account, sources.as_of))
    if not history:
        raise NoData("The account has no history yet.")
    return history[max(len(history) - sessions, 0)].session


def _end_of(day: date, sources: Sources) -> AsOf:
    # The session of a day is known before the next day begins in UTC.
    moment = datetime.combine(day + timedelta(days=1), time(0), tzinfo=UTC)
    return AsOf(known=min(moment, sources.as_of.known), recorded=sources.as_of.recorded)


def _drawdown(sources: Sources, answer: Answer, held: Holdings) -> None:
    currency = held.account.currency
    history = [
        (point.session, float(point.nav)) for point in sources.books.nav_history(answer.query.account, sources.as_of)
    ]
    if held.drawdown is None or not history:
        raise NoData("The account has no history yet, so there is no drawdown.")
    peak_day, peak = max(history, key=lambda point: point[1])
    answer.state("account drawdown from the peak", float(held.drawdown), "ratio")
    answer.state("net asset value", float(held.nav), "money", currency=currency)
    answer.state("peak net asset value", max(peak, float(held.nav)), "money", currency=currency)
    answer.state(
        "date of the peak", peak_day.isoformat() if peak >= float(held.nav) else sources.today.isoformat(), "date"
    )
    highest, points = 0.0, []
    for day, nav in history:
        highest = max(highest, nav)
        points.append((day.isoformat(), nav / highest - 1.0))
    answer.state("deepest drawdown", min(value for _, value in points), "ratio")
    line = ChartSeries(name="drawdown", x=tuple(day for day, _ in points), y=tuple(value for _, value in points))
    answer.line_chart([line], unit="ratio")


# Lists -----------------------------------------------------------------------------------------------------------


def _listing(sources: Sources, answer: Answer, view: str, columns: Sequence[str], moment: str) -> Statement:
    query = answer.query
    statement = Statement(view, *columns).where(f"{moment} <= ?", sources.as_of.known)
    if query.account:
        statement.where("account_id = ?", sources.books.account(query.account).account_id)
    period = query.period if not query.period.is_empty else Period(name="all")
    window = resolve(period, sources.today, whole=True)
    if period.name == "latest":
        return statement
    zone = f"CAST({moment} AT TIME ZONE 'America/New_York' AS date)"
    if window.start is not None:
        statement.where(f"{zone} >= ?", window.start)
    if window.end is not None and not window.sessions:
        statement.where(f"{zone} <= ?", window.end)
    return statement


def _finish(sources: Sources, answer: Answer, statement: Statement, noun: str) -> Sequence[tuple[Cell, ...]]:
    result = statement.limit(COUNTED_ROWS + 1).run(sources.query, sources.as_of, label="private", max_rows=COUNTED_ROWS)
    answer.sql.append(result.sql)
    answer.state(f"number of {noun}", len(result.rows), "count")
    shown = result.rows[: answer.query.limit or DEFAULT_ROWS]
    if result.truncated or (answer.query.limit is None and len(shown) < len(result.rows)):
        more = "more than " if result.truncated else ""
        answer.note(f"The first {len(shown)} of {more}{len(result.rows)} are listed.")
    return shown


def _of_symbols(sources: Sources, answer: Answer, statement: Statement) -> None:
    if answer.query.symbols:
        statement.where("symbol = ANY(?)", [sources.instruments.find(name).symbol for name in answer.query.symbols])


def _fills(sources: Sources, answer: Answer) -> None:
    columns = ("symbol", "side", "quantity", "price", "fee", "currency", "session", "filled_at", "fill_id", "order_id")
    statement = _listing(sources, answer, "execution.v_fills", columns, "filled_at")
    _of_symbols(sources, answer, statement)
    rows = _finish(sources, answer, statement.order(f"filled_at {_direction(answer)}", "fill_id"), "fills")
    for row in rows[:MOST_FACT_ROWS]:
        answer.state(f"{row[0]} {row[1]} quantity, {row[8]}", row[2], "shares")
    currencies = {str(row[5]) for row in rows}
    if len(currencies) == 1 and len(rows) < DEFAULT_ROWS:
        fees = sum((Decimal(str(row[4] or 0)) for row in rows), Decimal(0))
        answer.state("fees of the fills listed", float(fees), "money", currency=currencies.pop())
    units: tuple[Unit, ...] = ("text", "text", "shares", "money", "money", "text", "date", "date", "text", "text")
    answer.table([Column(name=name, unit=unit) for name, unit in zip(columns, units, strict=True)], rows)


def _direction(answer: Answer) -> str:
    return (answer.query.order or "desc").upper()


def _orders(sources: Sources, answer: Answer) -> None:
    columns = (
        "symbol",
        "side",
        "quantity",
        "order_type",
        "limit_price",
        "state",
        "filled_quantity",
        "reason",
        "desk_time",
        "order_id",
    )
    statement = _listing(sources, answer, "execution.v_orders", columns, "desk_time")
    _of_symbols(sources, answer, statement)
    if answer.query.state:
        state = answer.query.state.lower()
        statement.where("state = ANY(?)", list(_ORDER_STATES.get(state, (state,))))
    rows = _finish(sources, answer, statement.order(f"desk_time {_direction(answer)}", "order_id"), "orders")
    for row in rows[:MOST_FACT_ROWS]:
        answer.state(f"{row[0]} {row[1]} order {row[9]}", row[5], "text")
    units: tuple[Unit, ...] = ("text", "text", "shares", "text", "money", "text", "shares", "text", "date", "text")
    answer.table([Column(name=name, unit=unit) for name, unit in zip(columns, units, strict=True)], rows)
    answer.note("States of orders are those of now.")


def _proposals(sources: Sources, answer: Answer) -> None:
    columns = ("proposal_id", "legs", "notional", "state", "author", "requested_by", "desk_time", "expires_at")
    statement = _listing(sources, answer, "execution.v_proposals", columns, "desk_time")
    if answer.query.state:
        statement.where(
            "state = ?",
            {"waiting": "pending", "open": "pending"}.get(answer.query.state.lower(), answer.query.state.lower()),
        )
    statement.order(
        "expires_at" if answer.query.state in ("pending", "waiting", "open") else "desk_time DESC", "proposal_id"
    )
    found = _finish(sources, answer, statement, "proposals")
    rows: list[tuple[Cell, ...]] = []
    for row in found:
        left = (datetime.fromisoformat(str(row[7])) - sources.wall).total_seconds() / _DAY
        open_days = max(left, 0.0) if row[3] == "pending" else None
        rows.append((row[0], describe_legs(row[1]), row[2], row[3], row[4], row[5], row[6], row[7], open_days))
    for line in rows[:MOST_FACT_ROWS]:
        if line[8] is not None:
            answer.state(f"{line[1]} ({line[0]}): time to expiry", line[8], "days")
    units: tuple[Unit, ...] = ("text", "text", "money", "text", "text", "text", "date", "date", "days")
    names = (
        "proposal",
        "trade",
        "notional",
        "state",
        "author",
        "requested by",
        "made at",
        "expires at",
        "time to expiry",
    )
    answer.table([Column(name=name, unit=unit) for name, unit in zip(names, units, strict=True)], rows)


def describe_legs(legs: Cell) -> str:
    """Return the legs of a proposal in words: "buy 10 MSFT"."""
    try:
        parts = json.loads(str(legs))
    except ValueError as error:
        raise InvalidInput("The legs of a proposal cannot be read.") from error
    return ", ".join(f"{part['side']} {part['quantity']} {part['symbol']}" for part in parts)
