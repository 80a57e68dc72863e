"""Stress a book: past crises, shocks written in words, or one on top of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from tools._book import Book, Target, read_book
from tools._prices import line, thin
from tools._scenario import CrisisEffect, crisis_effect, moves_of, propagate
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.kernel import Float64Array
    from core.simulators.conditional import Conditional


class StressArguments(Target):
    """Ask for a stress test."""

    shocks: str | None = Field(
        default=None,
        max_length=500,
        description="Shocks in words, such as “SPY -10%, DGS10 +100bp, VIX x2 over 5 days”.",
    )
    crises: tuple[str, ...] = Field(
        default=(), max_length=40, description="Named crises, such as covid_2020; all when there are no shocks either."
    )
    covariance: Literal["shrunk", "sample", "ewma"] = Field(
        default="shrunk",
        description="What extends shocks to the rest: shrunk (Ledoit and Wolf), sample (that is regression betas), "
        "ewma (recent sessions count more).",
    )
    history_years: float = Field(default=3.0, ge=0.5, le=40, description="Years of history the covariance is from.")
    paths: int = Field(default=2_000, ge=100, le=50_000, description="Paths of shocks over several days.")
    seed: int | None = Field(default=None, ge=0, description="Seed of the random numbers; drawn and recorded if none.")


@tool(effect="compute", data="public", seeded=True)
def stress(context: ToolContext, arguments: StressArguments) -> ToolResult:
    """Stress a portfolio or symbols: past crises, shocks in words, or shocks on top of a crisis.

    Crises replay the returns of then on today's holdings; one alone is told position by position. Shocks are extended
    to everything else by the conditional distribution of returns given them; what stays uncertain is stated. Over
    several days the result is a fan of paths.
    """
    from core.simulators.crises import CRISES, crisis

    book = read_book(context, arguments, years=arguments.history_years)
    context.fact("value", book.total, "money", currency=book.currency)
    context.fact("cash", book.cash, "money", currency=book.currency)
    names = arguments.crises or (() if arguments.shocks else tuple(CRISES))
    effects = [crisis_effect(context, crisis(name), book, arguments.covariance) for name in names]
    notes = list(book.prices.remarks())
    tables: list[Table] = []
    charts: list[Chart] = []
    if arguments.shocks:
        returns = _shock(context, arguments, book, tables, charts, notes)
        if effects:
            _combine(context, book, effects, returns, tables)
    if effects:
        if len(effects) == 1 and not arguments.shocks:
            _tell_crisis(context, book, effects[0], tables, charts)
        else:
            _tell_crises(context, book, effects, tables, charts)
        notes.extend(dict.fromkeys(remark for effect in effects for remark in effect.remarks))
    return context.result(
        tables=tables, charts=charts, sql=[book.prices.panel.sql], sources=book.prices.sources(), notes=notes
    )


def _shock(
    context: ToolContext,
    arguments: StressArguments,
    book: Book,
    tables: list[Table],
    charts: list[Chart],
    notes: list[str],
) -> Float64Array:
    import numpy as np

    from core.simulators.shock_language import parse_shocks

    shocks = parse_shocks(arguments.shocks or "")
    moves = moves_of(context, shocks)
    conditional = propagate(context, moves, book, arguments.covariance, sessions=shocks.sessions)
    expected, deviation = conditional.book(book.values)
    for name, given in zip(conditional.assets, conditional.given, strict=True):
        if given:
            context.fact(f"shock to {name}", float(conditional.mean[conditional.assets.index(name)]), "ratio")
    money = book.currency
    context.fact("sessions of the shock", shocks.sessions, "count")
    context.fact("scenario profit or loss", expected, "money", currency=money)
    context.fact("scenario change of value", expected / book.total, "ratio")
    context.fact("standard deviation of what stays uncertain", deviation, "money", currency=money)
    context.fact("distance of the shocks in standard deviations", conditional.distance, "number")
    order = [conditional.assets.index(symbol) for symbol in book.shares]
    returns = np.maximum(conditional.mean[order], -1.0)
    spread = np.sqrt(np.diag(conditional.covariance))[order]
    rows = sorted(
        (
            (symbol, book.values[symbol], float(returns[k]), float(spread[k]), book.values[symbol] * float(returns[k]),
             "given" if conditional.given[order[k]] else "propagated")
            for k, symbol in enumerate(book.shares)
        ),
        key=lambda row: row[4],
    )  # fmt: skip
    columns = (
        Column(name="symbol", unit="text"),
        Column(name="value", unit="money", currency=money),
        Column(name="move", unit="ratio"),
        Column(name="standard deviation", unit="ratio"),
        Column(name="profit or loss", unit="money", currency=money),
        Column(name="how", unit="text"),
    )
    tables.append(Table(name="scenario", title="Effect by position", columns=columns, rows=tuple(rows)))
    charts.append(_profits(rows, 4))
    words = {"shrunk": "a shrunk covariance", "sample": "regression betas", "ewma": "a recent covariance"}
    notes.append(
        f"Symbols without a shock move by their expectation given the shocks, from {words[arguments.covariance]} over "
        f"{arguments.history_years:g} years; linear, normal returns; {shocks.sessions} session(s)."
    )
    if shocks.sessions > 1 and (conditional.mean > -1.0).all():
        charts.append(_fan(context, arguments, book, conditional))
    return returns


def _fan(context: ToolContext, arguments: StressArguments, book: Book, conditional: Conditional) -> Chart:
    import numpy as np

    from core.simulators.conditional import scenario_paths
    from core.simulators.summary import book_values, summarise

    path = scenario_paths(
        conditional.only(tuple(book.shares)),
        np.array([book.last[symbol] for symbol in book.shares]),
        paths=arguments.paths,
        seed=arguments.seed if arguments.seed is not None else context.seed,
        as_of=context.as_of.known,
        sessions_per_year=book.prices.sessions_per_year,
        threads=2,
    )
    summary = summarise(book_values(path, book.shares, cash=book.cash), path.times)
    low, high = summary.quantiles[0.05], summary.quantiles[0.95]
    context.fact("lower 5 % of the scenario", low.value, "money", currency=book.currency)
    context.fact("upper 95 % of the scenario", high.value, "money", currency=book.currency)
    kept = thin(len(summary.times))
    days = tuple(str(summary.times[position]) for position in kept)

    def row(index: int) -> tuple[float | None, ...]:
        return tuple(float(summary.fan[index, position]) for position in kept)

    bands = (
        ChartSeries(name="90% of paths", x=days, y=row(2), low=row(0), high=row(4)),
        ChartSeries(name="50% of paths", x=days, y=row(2), low=row(1), high=row(3)),
    )
    return Chart(kind="fan", title=f"{book.name} through the shock", series=bands, unit="money")


def _combine(
    context: ToolContext, book: Book, effects: list[CrisisEffect], returns: Float64Array, tables: list[Table]
) -> None:
    from core.simulators.conditional import compound

    rows = []
    for effect in effects:
        joined = compound(effect.returns, returns)
        profit = sum(book.values[symbol] * float(joined[k]) for k, symbol in enumerate(book.shares))
        context.fact(f"{effect.crisis.title}, then the shocks", profit / book.total, "ratio")
        rows.append((effect.crisis.title, profit, profit / book.total))
    columns = (
        Column(name="first", unit="text"),
        Column(name="profit or loss with the shocks after it", unit="money", currency=book.currency),
        Column(name="change of value", unit="ratio"),
    )
    tables.append(Table(name="combined", title="Crisis, then the shocks", columns=columns, rows=tuple(rows)))


def _tell_crisis(
    context: ToolContext, book: Book, effect: CrisisEffect, tables: list[Table], charts: list[Chart]
) -> None:
    import numpy as np

    from core.simulators.summary import max_drawdowns

    chosen = effect.crisis
    profits = [book.values[symbol] * float(effect.returns[k]) for k, symbol in enumerate(book.shares)]
    context.fact("scenario", chosen.title, "text")
    context.fact("scenario first session", chosen.start.isoformat(), "date")
    context.fact("scenario last session", chosen.end.isoformat(), "date")
    context.fact("scenario profit or loss", sum(profits), "money", currency=book.currency)
    context.fact("scenario change of value", sum(profits) / book.total, "ratio")
    context.fact("scenario worst point", effect.worst, "ratio")
    rows = sorted(
        (
            (symbol, book.values[symbol], float(effect.returns[k]), profits[k], effect.how)
            for k, symbol in enumerate(book.shares)
        ),
        key=lambda row: row[3],
    )
    columns = (
        Column(name="symbol", unit="text"),
        Column(name="value", unit="money", currency=book.currency),
        Column(name="move", unit="ratio"),
        Column(name="profit or loss", unit="money", currency=book.currency),
        Column(name="how", unit="text"),
    )
    tables.append(Table(name="scenario", title="Effect by position", columns=columns, rows=tuple(rows)))
    charts.append(_profits(rows, 3))
    if effect.times is not None and effect.values is not None:
        context.fact("scenario maximum drawdown", float(max_drawdowns(np.atleast_2d(effect.values))[0]), "ratio")
        value = line("value", effect.times, effect.values)
        title = f"Value of the book through {chosen.title}"
        charts.append(Chart(kind="line", title=title, series=(value,), unit="money"))


def _profits(rows: Sequence[tuple[Any, ...]], column: int) -> Chart:
    bars = ChartSeries(name="profit or loss", x=tuple(row[0] for row in rows), y=tuple(row[column] for row in rows))
    return Chart(kind="bar", title="Profit or loss by position", series=(bars,), unit="money")


def _tell_crises(
    context: ToolContext, book: Book, effects: list[CrisisEffect], tables: list[Table], charts: list[Chart]
) -> None:
    rows = []
    for effect in effects:
        profit = sum(book.values[symbol] * float(effect.returns[k]) for k, symbol in enumerate(book.shares))
        rows.append(
            (effect.crisis.title, effect.crisis.start.isoformat(), effect.crisis.end.isoformat(), profit,
             profit / book.total, effect.worst, effect.how)
        )  # fmt: skip
    worst = min(rows, key=lambda row: row[4])
    context.fact("crises", len(rows), "count")
    context.fact("worst crisis", worst[0], "text")
    context.fact("worst crisis profit or loss", worst[3], "money", currency=book.currency)
    context.fact("worst crisis change of value", worst[4], "ratio")
    columns = (
        Column(name="crisis", unit="text"),
        Column(name="first session", unit="date"),
        Column(name="last session", unit="date"),
        Column(name="profit or loss", unit="money", currency=book.currency),
        Column(name="change of value", unit="ratio"),
        Column(name="worst point", unit="ratio"),
        Column(name="how", unit="text"),
    )
    tables.append(Table(name="crises", title=f"{book.name} through past crises", columns=columns, rows=tuple(rows)))
    bars = ChartSeries(name="change of value", x=tuple(row[0] for row in rows), y=tuple(row[4] for row in rows))
    charts.append(Chart(kind="bar", title="Change of value by crisis", series=(bars,), unit="ratio"))
