"""Backtest a strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult, to_cell
from core.reporting.rendering import readable_name
from tools._prices import as_number, growth_chart, line
from tools._strategy import Prepared, StrategyArguments, count_trials, prepare, state_verdict, variant_key
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.valuation.backtest import BacktestResult

MOST_TRADES = 200
_TWO_QUESTIONS = (
    "The deflated Sharpe ratio asks whether this Sharpe ratio is above what luck among the variants gives; the "
    "probability of overfitting asks how often the variant that was best in one part of the past is below the middle "
    "in the rest: a high one means do not tune the parameters, not that the rule is luck."
)


class BacktestArguments(StrategyArguments):
    """Ask what a strategy would have done."""

    capital: float | None = Field(
        default=None, ge=0, description="Starting money; 100,000, or 0 where money is paid in."
    )


@tool(effect="compute", data="public")
def backtest(context: ToolContext, arguments: BacktestArguments) -> ToolResult:
    """Run a strategy over stored history with costs and stops, and say how far to trust the result.

    Decisions at a session's close are filled in the next session; shares are fractional. Timing conditions may hold
    the strategy back. Reports costs, expected value per trade, profit by leg, factor and year, sensitivity to delay and
    costs, the deflated Sharpe ratio over all variants tried (earlier runs on the same symbols count) and the
    probability of backtest overfitting over the parameter neighbours, beside buying and holding the same symbols.
    """
    from core.ports.strategy import PaysIn
    from core.strategies.loader import load
    from core.valuation.backtest import run
    from core.valuation.terms import Costs

    prepared = prepare(context, arguments)
    strategy, path, skip = prepared.strategy, prepared.path, prepared.skip
    pays_in = isinstance(strategy, PaysIn)
    capital = arguments.capital if arguments.capital is not None else (0.0 if pays_in else 100_000.0)
    result = run(strategy, path, capital=capital, **prepared.terms)
    costs = Costs(fee_bps=arguments.fee_bps, slippage_bps=arguments.slippage_bps)
    held = run(load("buy_and_hold"), path, costs=costs, capital=100_000.0, record="equity")
    tables = [_comparison(context, result, held, skip)]
    if pays_in:
        _state_money_weighted(context, result)
    adjusted = any(part.price_basis == "total_return" for part in prepared.prices.panel.series)
    tables += _trade_tables(context, result, adjusted)
    compared = False
    if not pays_in:
        tables += _attribution(context, result, prepared)
        _state_cointegration(context, prepared)
        sensitivity, dearer, later = _sensitivity(prepared)
        tables.append(sensitivity)
        tables.append(_state_robustness(context, arguments, prepared, dearer, later))
        compared = True
    return context.result(
        tables=tables,
        charts=_pictures(result, held, prepared),
        sql=[prepared.prices.panel.sql],
        sources=prepared.prices.sources(),
        notes=(
            *prepared.prices.remarks(),
            prepared.fill_note(),
            *prepared.stop_note(),
            _TWO_QUESTIONS if compared else "Past results of a rule chosen after the fact flatter it.",
        ),
        details={
            "strategy": arguments.strategy,
            "parameters": {key: str(value) for key, value in _settings(getattr(strategy, "inner", strategy))},
        },
    )


def _comparison(context: ToolContext, result: BacktestResult, held: BacktestResult, skip: int) -> Table:
    from core.valuation.performance import performance as measure
    from tools.performance import SHOWN

    per_year = result.sessions_per_year
    ours = measure(result.returns[0, skip:], sessions_per_year=per_year).as_dict()
    theirs = measure(held.returns[0, skip:], sessions_per_year=per_year).as_dict()
    context.fact("first session", str(result.times[skip]), "date")
    context.fact("last session", str(result.times[-1]), "date")
    context.fact("sessions", len(result.times) - skip, "count")
    for name, title, unit in SHOWN:
        context.fact(title, to_cell(ours[name]), unit)
    context.fact("Sharpe ratio standard error", to_cell(ours["sharpe_standard_error"]), "number")
    context.fact("probability that the Sharpe ratio is above 0", to_cell(ours["probabilistic_sharpe"]), "ratio")
    context.fact("final equity", float(result.equity[0, -1]), "money", currency="USD")
    _state_activity(context, result, skip)
    context.fact("fees paid", float(result.fees[0]), "money", currency="USD")
    context.fact("slippage paid", float(result.slippage[0]), "money", currency="USD")
    if result.borrow[0]:
        context.fact("borrowing paid", float(result.borrow[0]), "money", currency="USD")
    context.fact("buy and hold total return", to_cell(theirs["total_return"]), "ratio")
    context.fact("buy and hold Sharpe ratio", to_cell(theirs["sharpe"]), "number")
    context.fact("buy and hold maximum drawdown", to_cell(theirs["max_drawdown"]), "ratio")
    rows = [("strategy", *(to_cell(ours[name]) for name, _, _ in SHOWN))]
    rows.append(("buy and hold", *(to_cell(theirs[name]) for name, _, _ in SHOWN)))
    columns = (Column(name="what", unit="text"), *(Column(name=title, unit=unit) for _, title, unit in SHOWN))
    return Table(name="performance", title="Strategy and buy and hold", columns=columns, rows=tuple(rows))


def _state_activity(context: ToolContext, result: BacktestResult, skip: int) -> None:
    # Over the period alone: nothing can be held in the warm-up before it, which would thin out every share and rate.
    assert result.shares is not None
    years = (len(result.times) - skip) / result.sessions_per_year
    a_year = float(result.equity[0, skip:].mean()) * years
    invested = (result.shares[0, skip:] != 0.0).any(axis=1).mean()
    context.fact("share of sessions invested", float(invested), "ratio")
    context.fact("turnover per year", as_number(result.traded_value[0] / a_year), "ratio")
    paid = result.fees[0] + result.slippage[0] + result.borrow[0]
    context.fact("costs per year", as_number(paid / a_year * 10_000.0), "bps")


def _state_money_weighted(context: ToolContext, result: BacktestResult) -> None:
    from core.valuation.performance import money_weighted_return

    flows = result.contributions[0].copy()
    flows[0] += result.capital
    context.fact("money paid in", float(flows.sum()), "money", currency="USD")
    context.fact("gain over money paid in", float(result.equity[0, -1] - flows.sum()), "money", currency="USD")
    rate = money_weighted_return(result.times, flows, float(result.equity[0, -1]))
    context.fact("money-weighted return per year", rate, "ratio")


def _trade_tables(context: ToolContext, result: BacktestResult, adjusted: bool) -> list[Table]:
    from core.valuation.expected_value import expected_value

    trades = result.trades
    if trades is None:
        return []
    context.fact("trades", len(trades), "count")
    closed = trades.return_ratio[~trades.open]
    if len(closed) >= 2:
        worth = expected_value(closed)
        context.fact("expected value per trade", worth.mean, "ratio")
        context.fact("expected value per trade, lower 95 %", worth.lower, "ratio")
        context.fact("expected value per trade, upper 95 %", worth.upper, "ratio")
        context.fact("probability of profit per trade", worth.probability_of_profit, "ratio")
        context.fact("payoff ratio", to_cell(worth.payoff_ratio), "number")
        context.fact("profit factor", to_cell(worth.profit_factor), "number")
    from core.valuation.trades import REASONS

    rows = []
    for index in range(max(0, len(trades) - MOST_TRADES), len(trades)):
        asset = int(trades.asset[index])
        rows.append(
            (
                result.assets[asset] if asset >= 0 else "/".join(result.assets),
                "long" if trades.direction[index] > 0 else "short",
                str(result.times[trades.entry[index]]),
                str(result.times[trades.exit[index]]) if not trades.open[index] else "open",
                as_number(trades.entry_price[index]),
                as_number(trades.exit_price[index]),
                as_number(trades.pnl[index]),
                as_number(trades.return_ratio[index]),
                "" if trades.open[index] else REASONS[int(trades.reason[index])],
            )
        )
    columns = (
        Column(name="symbol", unit="text"),
        Column(name="direction", unit="text"),
        Column(name="entry", unit="date"),
        Column(name="exit", unit="text"),
        Column(name="entry price", unit="money", currency="USD", title="entry price (adjusted)" if adjusted else ""),
        Column(name="exit price", unit="money", currency="USD", title="exit price (adjusted)" if adjusted else ""),
        Column(name="profit or loss", unit="money", currency="USD"),
        Column(name="return", unit="ratio"),
        Column(name="why it ended", unit="text"),
    )
    return [
        Table(name="trades", title="Trades", columns=columns, rows=tuple(rows), truncated=len(trades) > MOST_TRADES)
    ]


def _state_cointegration(context: ToolContext, prepared: Prepared) -> None:
    """Say for a spread of two or three legs whether its prices belong together, over the whole period."""
    import numpy as np

    from core.valuation.cointegration import engle_granger

    close = np.asarray(prepared.path.close[0, prepared.skip :], dtype=np.float64)
    close = close[np.isfinite(close).all(axis=1)]
    if not prepared.strategy.trades_as_one or close.shape[1] not in (2, 3) or len(close) < 60:
        return
    body = 1 if close.shape[1] == 3 else 0
    order = [body, *(leg for leg in range(close.shape[1]) if leg != body)]
    found = engle_granger(np.log(close[:, order]))
    context.fact("probability of such a spread without cointegration", as_number(found.p_value), "ratio")
    context.fact("half-life of the spread", as_number(found.half_life), "days")


def _attribution(context: ToolContext, result: BacktestResult, prepared: Prepared) -> list[Table]:
    from core.valuation.attribution import by_factor, by_leg, by_year

    skip = prepared.skip
    legs = by_leg(result, prepared.path, skip_sessions=skip)
    factor = by_factor(result, prepared.path, skip_sessions=skip)
    context.fact("profit from the average of the symbols", as_number(factor.market), "money", currency="USD")
    context.fact("profit beyond the average of the symbols", as_number(factor.rest), "money", currency="USD")
    context.fact("exposure to the average of the symbols (beta)", as_number(factor.beta), "number")
    money = {"unit": "money", "currency": "USD"}
    by_legs = Table(
        name="legs",
        title="Profit or loss by leg",
        columns=(Column(name="symbol", unit="text"), Column(name="profit or loss", **money),
                 Column(name="costs", **money)),
        rows=tuple(
            (symbol, as_number(legs.gross[index]), as_number(legs.costs[index]))
            for index, symbol in enumerate(result.assets)
        ),
    )  # fmt: skip
    years = by_year(result, skip_sessions=skip)
    by_years = Table(
        name="years",
        title="Profit or loss by year",
        columns=(Column(name="year", unit="text"), Column(name="profit or loss", **money),
                 Column(name="return", unit="ratio")),
        rows=tuple((str(year), as_number(profit), as_number(ratio)) for year, profit, ratio in years),
    )  # fmt: skip
    return [by_legs, by_years]


def _sensitivity(prepared: Prepared) -> tuple[Table, float, float]:
    """Return the table, and the Sharpe ratios at twice the costs and with a session more to the fill."""
    from core.valuation.sensitivity import delay_and_cost_sensitivity

    lag, costs = prepared.lag, prepared.costs
    found = delay_and_cost_sensitivity(
        prepared.strategy,
        prepared.path,
        costs,
        lags=tuple(lag + more for more in (0, 1, 2, 4)),
        skip_sessions=prepared.skip,
        stops=prepared.stops,
        terms=prepared.fills,
    )
    rows = tuple(
        (
            row.execution_lag,
            row.costs.fee_bps + row.costs.slippage_bps,
            as_number(row.cagr),
            as_number(row.sharpe),
            as_number(row.max_drawdown),
        )
        for row in found
    )
    columns = (
        Column(name="sessions to the fill", unit="count"),
        Column(name="cost per fill", unit="bps"),
        Column(name="annual growth (CAGR)", unit="ratio"),
        Column(name="Sharpe ratio", unit="number"),
        Column(name="maximum drawdown", unit="ratio"),
    )
    twice = costs.times(2.0)
    dearer = next((row.sharpe for row in found if row.costs == twice and row.execution_lag == lag), float("nan"))
    later = next((row.sharpe for row in found if row.execution_lag == lag + 1), float("nan"))
    table = Table(name="sensitivity", title="Sensitivity to delay and costs", columns=columns, rows=rows)
    return table, dearer, later


def _state_robustness(
    context: ToolContext, arguments: BacktestArguments, prepared: Prepared, dearer: float, later: float
) -> Table:
    from core.valuation.honesty import judge
    from core.valuation.robustness import neighbourhood
    from core.valuation.sweep import sharpe_ratios

    variants, table = neighbourhood(prepared.strategy, prepared.path, skip_sessions=prepared.skip, **prepared.terms)
    keys = [variant_key(part, prepared.stops) for part in variants]
    trials, undeclared = count_trials(context, arguments.symbols, keys)
    found = judge(
        table,
        trials=trials,
        sessions_per_year=prepared.path.sessions_per_year,
        purge_sessions=prepared.lag,
        dearer_sharpe=dearer,
        later_sharpe=later,
    )
    verdict = state_verdict(context, found, undeclared)
    if len(variants) > 1:
        sharpe = sharpe_ratios(table, prepared.path.sessions_per_year)
        known = sharpe[sharpe == sharpe]
        context.fact("lowest Sharpe ratio of the variants", as_number(min(known, default=float("nan"))), "number")
        context.fact("highest Sharpe ratio of the variants", as_number(max(known, default=float("nan"))), "number")
    return verdict


def _pictures(result: BacktestResult, held: BacktestResult, prepared: Prepared) -> list[Chart]:
    import numpy as np

    skip = prepared.skip
    days = result.times[skip:]
    growth = [np.cumprod(1.0 + part.returns[0, skip:]) * 100.0 for part in (result, held)]
    names = (readable_name(result.strategy), "buy and hold")
    equity = growth_chart(
        "Growth, start = 100", [line(name, days, values) for name, values in zip(names, growth, strict=True)]
    )
    falls = [values / np.maximum.accumulate(values) - 1.0 for values in growth]
    drawdown = Chart(
        kind="line",
        title="Drawdown",
        series=tuple(line(name, days, values) for name, values in zip(names, falls, strict=True)),
        unit="ratio",
    )
    return [equity, drawdown, *_trade_picture(result, skip)]


def _trade_picture(result: BacktestResult, skip: int) -> list[Chart]:
    """Return each trade's return by its exit, gains and losses apart."""
    trades = result.trades
    if trades is None or len(trades) < 2:
        return []
    shown = [index for index in range(len(trades)) if trades.exit[index] >= skip][-800:]

    def marks(name: str, wanted: bool) -> ChartSeries:
        kept = [index for index in shown if bool(trades.pnl[index] > 0.0) == wanted]
        return ChartSeries(
            name=name,
            x=tuple(str(result.times[trades.exit[index]]) for index in kept),
            y=tuple(as_number(trades.return_ratio[index]) for index in kept),
        )

    series = tuple(part for part in (marks("gains", True), marks("losses", False)) if part.x)
    return [Chart(kind="scatter", title="Return of each trade", series=series, unit="ratio")] if series else []


def _settings(strategy: Any) -> list[tuple[str, Any]]:
    import dataclasses

    return [(field.name, getattr(strategy, field.name)) for field in dataclasses.fields(strategy)]
