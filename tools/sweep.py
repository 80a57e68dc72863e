"""Try many variants of a strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from tools._prices import as_number, growth_chart, line
from tools._strategy import (
    StrategyArguments,
    check_grid,
    count_trials,
    load_strategy,
    prepare,
    state_verdict,
    variant_key,
)
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.valuation.sweep import Sweep

MOST_ROWS = 100


class SweepArguments(StrategyArguments):
    """Ask how a strategy depends on its parameters."""

    grid: dict[str, list[Any]] = Field(
        min_length=1, description="Values to try by parameter: {fast: [10, 20, 50], slow: [100, 200]}."
    )


@tool(effect="compute", data="public")
def sweep(context: ToolContext, arguments: SweepArguments) -> ToolResult:
    """Run every combination of parameter values over stored history, and judge the best with all its trials.

    Reports the variants by Sharpe ratio, a heat map over the first two parameters, and the honesty gate of the
    best one: deflated Sharpe ratio over every variant tried (earlier runs on the same symbols count too) and the
    probability of backtest overfitting.
    """
    import numpy as np

    from core.errors import NoData, QuantdeskError
    from core.valuation.honesty import judge
    from core.valuation.sweep import grid, sharpe_ratios
    from core.valuation.sweep import sweep as run_all

    axes = check_grid(arguments.strategy, arguments.grid)
    sets = grid(arguments.strategy, arguments.parameters, axes)
    warmup, fits = 0, []
    problem = ""
    for parameters in sets:
        try:
            strategy = load_strategy(arguments, parameters)
        except QuantdeskError as error:
            problem = str(error)
            continue
        warmup = max(warmup, strategy.warmup_sessions)
        fits.append(parameters)
    if not fits:
        raise NoData(f"Not one of the {len(sets)} variants is valid.", hint=problem)
    prepared = prepare(context, arguments.model_copy(update={"parameters": fits[0]}), warmup=warmup)
    built = [load_strategy(arguments, parameters) for parameters in fits]
    terms = prepared.terms
    found = run_all([lambda part=part: part for part in built], prepared.path, skip_sessions=prepared.skip, **terms)  # type: ignore[misc]
    order = np.argsort(-np.nan_to_num(found.sharpe, nan=-np.inf), kind="stable")
    best = int(order[0])
    one = [lambda: built[best]]
    dearer = run_all(one, prepared.path, skip_sessions=prepared.skip, **{**terms, "costs": prepared.costs.times(2.0)})
    later = run_all(one, prepared.path, skip_sessions=prepared.skip, **{**terms, "execution_lag": prepared.lag + 1})
    per_year = prepared.path.sessions_per_year
    keys = [variant_key(part, prepared.stops) for part in built]
    trials, undeclared = count_trials(context, arguments.symbols, keys)
    verdict = judge(
        found.returns,
        chosen=best,
        trials=trials,
        sessions_per_year=per_year,
        purge_sessions=prepared.lag,
        dearer_sharpe=float(sharpe_ratios(dearer.returns, per_year)[0]),
        later_sharpe=float(sharpe_ratios(later.returns, per_year)[0]),
    )
    context.fact("variants run", len(fits), "count")
    context.fact("variants that are not valid", len(sets) - len(fits) + len(found.failed), "count")
    context.fact("best variant", _named(axes, fits[best]), "text")
    context.fact("Sharpe ratio of the best", as_number(found.sharpe[best]), "number")
    context.fact("annual growth (CAGR) of the best", as_number(found.cagr[best]), "ratio")
    context.fact("maximum drawdown of the best", as_number(found.max_drawdown[best]), "ratio")
    context.fact("median Sharpe ratio of the variants", as_number(np.nanmedian(found.sharpe)), "number")
    honesty = state_verdict(context, verdict, undeclared)
    rows = tuple(
        (
            *(fits[index][name] for name in axes),
            as_number(found.sharpe[index]),
            as_number(found.cagr[index]),
            as_number(found.max_drawdown[index]),
        )
        for index in order[:MOST_ROWS]
    )
    columns = (
        *(Column(name=name, unit="text" if isinstance(axes[name][0], str | bool) else "number") for name in axes),
        Column(name="Sharpe ratio", unit="number"),
        Column(name="annual growth (CAGR)", unit="ratio"),
        Column(name="maximum drawdown", unit="ratio"),
    )
    table = Table(
        name="variants", title="Variants, best first", columns=columns, rows=rows, truncated=len(fits) > MOST_ROWS
    )
    level = np.cumprod(1.0 + found.returns[:, best]) * 100.0
    days = prepared.path.times[prepared.skip :]
    return context.result(
        tables=[table, honesty],
        charts=[
            *_heatmap(axes, fits, found),
            growth_chart("Growth of the best, start = 100", [line("best", days, level)]),
        ],
        sql=[prepared.prices.panel.sql],
        sources=prepared.prices.sources(),
        notes=(
            *prepared.prices.remarks(),
            prepared.fill_note(),
            *prepared.stop_note(),
            "The best of many variants is lucky by construction: judge it by the honesty gate, not by its own figures.",
        ),
        details={"strategy": arguments.strategy, "best": {name: str(value) for name, value in fits[best].items()}},
    )


def _named(axes: dict[str, tuple[Any, ...]], parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name} {parameters[name]}" for name in axes)


def _heatmap(axes: dict[str, tuple[Any, ...]], fits: list[dict[str, Any]], found: Sweep) -> list[Chart]:
    """Return the best Sharpe ratio over the first two parameters, whatever the others; bars for one parameter."""
    names = list(axes)
    across = names[1] if len(names) > 1 else names[0]
    down = names[0]
    best: dict[tuple[Any, Any], float] = {}
    for parameters, sharpe in zip(fits, found.sharpe, strict=True):
        place = (parameters[down], parameters[across])
        if sharpe == sharpe:
            best[place] = max(best.get(place, -float("inf")), float(sharpe))
    labels = tuple(str(value) for value in axes[across])
    if len(names) == 1:
        values = tuple(best.get((value, value)) for value in axes[down])
        series = (ChartSeries(name="Sharpe ratio", x=labels, y=values),)
        return [Chart(kind="bar", title=f"Sharpe ratio by {down}", series=series, x_title=down)]
    rows = tuple(
        ChartSeries(name=f"{down} {value}", x=labels, y=tuple(best.get((value, other)) for other in axes[across]))
        for value in axes[down]
    )
    return [Chart(kind="heatmap", title=f"Sharpe ratio by {down} and {across}", series=rows, x_title=across)]
