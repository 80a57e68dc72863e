"""Answer a typed question on any data the desk has."""

from __future__ import annotations

from core.domain.facts import ToolResult
from core.query.semantic.metric_query import MetricQuery
from tools.context import ToolContext
from tools.registry import tool


@tool(effect="read", data="public")
def query_metric(context: ToolContext, arguments: MetricQuery) -> ToolResult:
    """Answer one typed question on prices, macro series, events, news or the account.

    Covers returns, risk and technical figures, coverage, positions, profit, orders and proposals, with period,
    filter, order and limit.

    `metric` names what is asked (close, return, volatility, realized_volatility, sharpe_ratio, max_drawdown,
    correlation, beta, rsi, sma, price_vs_sma, spread, macro_value, macro_yoy, macro_growth, macro_spread,
    earnings_dates, earnings_surprise, dividends, economic_events, geopolitical_events, news, sentiment, coverage,
    positions, cash, nav, pnl, average_cost, fills, orders, proposals ...). Returns and volatilities are ratios.
    """
    from core.query.catalog import find_metric
    from core.query.semantic.answer import Sources
    from core.query.semantic.evaluate import evaluate

    metric = find_metric(arguments.metric)
    context.raise_label(metric.label)
    desk = context.desk
    answer = evaluate(
        arguments,
        Sources(
            instruments=desk.instruments,
            bars=desk.bars,
            macro=desk.macro,
            query=desk.query,
            books=desk.books,
            as_of=context.as_of,
            wall=desk.clock.wall(),
        ),
    )
    for stated in answer.facts:
        context.fact(stated.name, stated.value, stated.unit, currency=stated.currency, source=stated.source)
    return context.result(
        tables=answer.tables,
        charts=answer.charts,
        sql=answer.sql,
        sources=answer.sources,
        notes=(*answer.notes, *(desk.query.notes() if answer.sql else ())),
    )
