"""Add to a risk report: the backtest of its VaR, exposure by group and currency, concentration and liquidity."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from core.domain.facts import Cell, Chart, Column, Table
from core.errors import NoData
from tools._prices import as_number, line

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray
    from core.risk.var_backtest import BacktestOutcome
    from tools._book import Book
    from tools.context import ToolContext

WINDOW = 252
# Too few forecasts say nothing: half a year of them at least.
LEAST_FORECASTS = 126
LIQUIDITY_SESSIONS = 63


def state_backtest(
    context: ToolContext,
    book: Book,
    days: DayArray,
    returns: Float64Array,
    confidence: float,
    tables: list[Table],
    charts: list[Chart],
) -> list[str]:
    """Forecast the book's one-session VaR through its history and judge the forecasts; return remarks."""
    from core.risk.var_backtest import backtest_tail, forecast_tail

    if len(returns) < WINDOW + LEAST_FORECASTS:
        return [f"VaR is not backtested: {len(returns):,} sessions are fewer than {WINDOW + LEAST_FORECASTS}."]
    profits = returns @ book.value_vector()
    if not profits.any():
        return []
    rows = []
    lines = [line("profit or loss", days[WINDOW:], profits[WINDOW:])]
    for method in ("historical", "gaussian", "filtered"):
        forecast = forecast_tail(profits, method=method, confidence=confidence, window=WINDOW)
        rows.append((method, *_row(backtest_tail(profits, forecast))))
        if method != "gaussian":
            lines.append(line(f"VaR forecast ({method})", days[WINDOW:], -forecast.value_at_risk[WINDOW:]))
    for name, value in zip(("breaches of the VaR forecast", "breaches expected"), rows[0][2:4], strict=True):
        context.fact(name, value, "count")
    context.fact("p-value of the VaR forecast (Kupiec)", rows[0][4], "number")
    context.fact("p-value of the VaR forecast (filtered, Kupiec)", rows[2][4], "number")
    columns = (
        Column(name="method", unit="text"),
        Column(name="sessions", unit="count"),
        Column(name="breaches", unit="count"),
        Column(name="expected", unit="number"),
        Column(name="kupiec", unit="number", title="p-value: as many as expected (Kupiec)"),
        Column(name="independence", unit="number", title="p-value: not in clusters (Christoffersen)"),
        Column(name="both", unit="number", title="p-value: both"),
        Column(name="light", unit="text", title="Basel light"),
        Column(name="shortfall score", unit="number", title="ES score, below 0 is too small"),
    )
    title = f"Were the VaR forecasts right? One session ahead at {confidence:.0%}, from the {WINDOW} sessions before"
    tables.append(Table(name="var_backtest", title=title, columns=columns, rows=tuple(rows)))
    charts.append(
        Chart(
            kind="line", title="Profit or loss of today's book and its VaR forecasts", series=tuple(lines), unit="money"
        )
    )
    return ["A p-value below 0.05 speaks against a VaR method; the backtest holds today's book through its history."]


def _row(found: BacktestOutcome) -> tuple[Cell, ...]:
    return (
        found.sessions,
        found.breaches,
        found.expected_breaches,
        as_number(found.kupiec_p_value),
        as_number(found.independence_p_value),
        as_number(found.conditional_coverage_p_value),
        found.basel_light,
        as_number(found.shortfall_score),
    )


def state_exposure(context: ToolContext, book: Book, tables: list[Table]) -> list[str]:
    """State exposure by asset class, group and currency, concentration and liquidity; return remarks."""
    from core.risk.exposure import concentration, exposures

    values = book.values
    if book.total <= 0.0 or not any(values.values()):
        return []
    instruments = {part.symbol: part for part in book.prices.instruments}
    kinds: dict[str, dict[str, str]] = {
        "asset class": {symbol: part.asset_class for symbol, part in instruments.items()},
        "group": {symbol: part.groups[0] for symbol, part in instruments.items() if part.groups},
        "currency": {symbol: part.currency for symbol, part in instruments.items()},
    }
    rows: list[tuple[Cell, ...]] = []
    for kind, groups in kinds.items():
        rows += [
            (kind, part.group, part.long, part.short, part.net, part.weight)
            for part in exposures(values, groups, book.total)
        ]
    rows.append(
        (
            "currency",
            f"{book.currency} cash",
            max(book.cash, 0.0),
            min(book.cash, 0.0),
            book.cash,
            book.cash / book.total,
        )
    )
    money = book.currency
    columns = (
        Column(name="by", unit="text"),
        Column(name="name", unit="text"),
        *(Column(name=name, unit="money", currency=money) for name in ("long", "short", "net")),
        Column(name="weight", unit="ratio"),
    )
    tables.append(
        Table(name="exposure", title="Exposure by class, group and currency", columns=columns, rows=tuple(rows))
    )
    found = concentration(values)
    context.fact("largest position", found.largest, "text")
    context.fact("share of the five largest positions", found.top_share, "ratio")
    context.fact("Herfindahl index", found.herfindahl, "number")
    return _liquidity(context, book, tables)


def _liquidity(context: ToolContext, book: Book, tables: list[Table]) -> list[str]:
    import numpy as np

    from core.risk.exposure import liquidity

    rows = []
    missing = []
    start = (context.as_of.known - timedelta(days=2 * LIQUIDITY_SESSIONS)).date()
    for instrument in book.prices.instruments:
        held = book.shares.get(instrument.symbol, 0.0)
        try:
            panel = context.desk.bars.panel(
                [instrument.instrument_id], purpose="price", as_of=context.as_of, start=start, needs="volume"
            )
        except NoData:
            missing.append(instrument.symbol)
            continue
        volume = None if panel.volume is None else panel.volume[-LIQUIDITY_SESSIONS:, 0]
        if volume is None or not np.isfinite(volume).any() or not np.nanmean(volume) > 0.0:
            missing.append(instrument.symbol)
            continue
        close = panel.close[-LIQUIDITY_SESSIONS:, 0]
        close = close[np.isfinite(close)]
        moves = close[1:] / close[:-1] - 1.0
        found = liquidity(
            instrument.symbol,
            shares=held,
            average_daily_volume=float(np.nanmean(volume)),
            daily_volatility=float(moves.std(ddof=1)) if len(moves) > 1 else 0.0,
        )
        rows.append((found.symbol, found.share_of_adv, found.sessions, found.cost * 10_000))
    if rows:
        columns = (
            Column(name="symbol", unit="text"),
            Column(name="share of ADV", unit="ratio", title="shares held over average daily volume"),
            Column(name="sessions to sell", unit="number", title="sessions to sell at a tenth of the volume"),
            Column(name="cost", unit="bps", title="cost by the square-root law"),
        )
        ordered = tuple(sorted(rows, key=lambda row: -row[2]))
        tables.append(Table(name="liquidity", title="How long selling takes", columns=columns, rows=ordered))
        context.fact("sessions to sell the least liquid position", ordered[0][2], "number")
    if missing:
        return [f"No volume is stored for {', '.join(missing)}: their liquidity is not known."]
    return []
