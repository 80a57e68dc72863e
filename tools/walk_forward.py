"""Choose parameters on the past and judge them on what came after."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from core.domain.facts import Column, Table, ToolResult, to_cell
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


class WalkForwardArguments(StrategyArguments):
    """Ask what choosing parameters as one goes would have brought."""

    grid: dict[str, list[Any]] = Field(
        min_length=1, description="Values to choose from by parameter: {fast: [10, 20, 50], slow: [100, 200]}."
    )
    train_sessions: int = Field(default=756, ge=40, le=5000, description="Sessions each choice looks back on.")
    test_sessions: int = Field(default=126, ge=5, le=2520, description="Sessions each choice is followed.")
    embargo_sessions: int = Field(default=5, ge=0, le=252, description="Sessions left out between the two.")
    anchored: bool = Field(default=False, description="Train from the beginning instead of on the latest sessions.")


@tool(effect="compute", data="public")
def walk_forward(context: ToolContext, arguments: WalkForwardArguments) -> ToolResult:
    """Optimise a strategy's parameters walk-forward: choose on past sessions, follow on the next ones, repeat.

    The result is one backtest out of sample, with the costs of changing parameters, and its honesty gate with
    every variant that could have been chosen as a trial.
    """
    import numpy as np

    from core.errors import NoData, QuantdeskError
    from core.strategies.loader import load
    from core.valuation.backtest import run
    from core.valuation.honesty import judge
    from core.valuation.performance import performance as measure
    from core.valuation.sweep import grid
    from core.valuation.walk_forward import walk_forward as walk
    from tools.performance import SHOWN

    axes = check_grid(arguments.strategy, arguments.grid)
    candidates, chosen_sets = [], []
    problem = ""
    for parameters in grid(arguments.strategy, arguments.parameters, axes):
        try:
            candidates.append(load_strategy(arguments, parameters))
        except QuantdeskError as error:
            problem = str(error)
            continue
        chosen_sets.append(parameters)
    if not candidates:
        raise NoData("Not one of the variants is valid.", hint=problem)
    warmup = max(part.warmup_sessions for part in candidates)
    prepared = prepare(context, arguments.model_copy(update={"parameters": chosen_sets[0]}), warmup=warmup)
    folds: dict[str, Any] = {
        "train": arguments.train_sessions,
        "test": arguments.test_sessions,
        "embargo": arguments.embargo_sessions,
        "anchored": arguments.anchored,
        "first": prepared.skip,
    }
    found = walk(candidates, prepared.path, **folds, **prepared.terms)
    per_year = prepared.path.sessions_per_year
    own = found.result.returns[0, found.first :]
    held = run(load("buy_and_hold"), prepared.path, costs=prepared.costs, record="equity").returns[0, found.first :]
    twice = walk(candidates, prepared.path, **folds, **{**prepared.terms, "costs": prepared.costs.times(2.0)})
    later = walk(candidates, prepared.path, **folds, **{**prepared.terms, "execution_lag": prepared.lag + 1})
    trials, undeclared = count_trials(
        context, arguments.symbols, [variant_key(part, prepared.stops) for part in candidates]
    )
    # Out of sample there is one series: the variants count as trials, and overfitting shows in the efficiency.
    verdict = judge(
        own[:, None],
        trials=trials,
        sessions_per_year=per_year,
        dearer_sharpe=measure(twice.result.returns[0, found.first :], sessions_per_year=per_year).sharpe,
        later_sharpe=measure(later.result.returns[0, found.first :], sessions_per_year=per_year).sharpe,
    )
    context.fact("folds", len(found.folds), "count")
    context.fact("first session out of sample", str(prepared.path.times[found.first]), "date")
    context.fact("last session", str(prepared.path.times[-1]), "date")
    ours = measure(own, sessions_per_year=per_year).as_dict()
    theirs = measure(held, sessions_per_year=per_year).as_dict()
    for name, title, unit in SHOWN:
        context.fact(f"{title} out of sample", to_cell(ours[name]), unit)
    context.fact("mean Sharpe ratio in training", as_number(np.mean(found.train_sharpe)), "number")
    context.fact("mean Sharpe ratio in tests", as_number(np.mean(found.test_sharpe)), "number")
    context.fact("walk-forward efficiency", as_number(found.efficiency), "ratio")
    context.fact("buy and hold Sharpe ratio", to_cell(theirs["sharpe"]), "number")
    honesty = state_verdict(context, verdict, undeclared)
    days = prepared.path.times
    rows = tuple(
        (
            str(days[fold.test_start]),
            str(days[fold.test_end - 1]),
            ", ".join(f"{name} {chosen_sets[best][name]}" for name in axes),
            as_number(found.train_sharpe[index]),
            as_number(found.test_sharpe[index]),
        )
        for index, (fold, best) in enumerate(zip(found.folds, found.chosen, strict=True))
    )
    columns = (
        Column(name="from", unit="date"),
        Column(name="to", unit="date"),
        Column(name="chosen", unit="text"),
        Column(name="Sharpe ratio in training", unit="number"),
        Column(name="Sharpe ratio in the test", unit="number"),
    )
    shown = days[found.first :]
    lines = [
        line("walk-forward", shown, np.cumprod(1.0 + own) * 100.0),
        line("buy and hold", shown, np.cumprod(1.0 + held) * 100.0),
    ]
    return context.result(
        tables=[Table(name="folds", title="Choices and what came of them", columns=columns, rows=rows), honesty],
        charts=[growth_chart("Growth out of sample, start = 100", lines)],
        sql=[prepared.prices.panel.sql],
        sources=prepared.prices.sources(),
        notes=(
            *prepared.prices.remarks(),
            prepared.fill_note(),
            *prepared.stop_note(),
            f"Each choice looks back on {arguments.train_sessions} sessions, leaves out {arguments.embargo_sessions} "
            f"and is followed for {arguments.test_sessions}; taking over a new choice's position is paid for.",
        ),
        details={"strategy": arguments.strategy, "variants": len(candidates)},
    )
