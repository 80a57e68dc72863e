"""Find the likeliest shock that loses a given part of a book."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from tools._book import Target, read_book
from tools._factors import factor_history
from tools.context import ToolContext
from tools.registry import tool


class ReverseStressArguments(Target):
    """Ask for a reverse stress test."""

    loss: float = Field(default=0.2, gt=0, le=1, description="Share of the value lost, such as 0.2.")
    horizon_sessions: int = Field(default=21, ge=1, le=252, description="Sessions in which it is lost.")
    factors: tuple[str, ...] = Field(
        default=(), max_length=10, description="Markets and rates to show beside the holdings, such as SPY, DGS10."
    )
    covariance: Literal["shrunk", "sample", "ewma"] = Field(
        default="shrunk", description="Covariance of returns: shrunk (Ledoit and Wolf), sample, or ewma."
    )
    history_years: float = Field(default=5.0, ge=0.5, le=40, description="Years of history the covariance is from.")


@tool(effect="compute", data="public")
def reverse_stress(context: ToolContext, arguments: ReverseStressArguments) -> ToolResult:
    """Find the most likely joint move of the holdings that loses a given share of a portfolio or of symbols.

    Of all moves with that loss it is the nearest to the mean in standard deviations, correlations counted; its
    probability is stated for normal and for fat-tailed returns.
    """
    from core.simulators.conditional import covariance_of
    from core.simulators.conditional import reverse_stress as nearest

    book = read_book(context, arguments, years=arguments.history_years)
    _, columns, returns = factor_history(context, dict.fromkeys(arguments.factors, 0.0), book)
    covariance = covariance_of(returns, arguments.covariance)
    asked = arguments.loss * book.total
    found = nearest(book.values, asked, columns, covariance, sessions=arguments.horizon_sessions)
    moves = {name: float(found.returns[k]) for k, name in enumerate(columns)}
    profit = sum(value * moves[symbol] for symbol, value in book.values.items())
    money = book.currency
    context.fact("value", book.total, "money", currency=money)
    context.fact("loss asked for", asked, "money", currency=money)
    context.fact("loss of the shock", -profit, "money", currency=money)
    context.fact("horizon", arguments.horizon_sessions, "days")
    context.fact("distance in standard deviations", found.distance, "number")
    context.fact("probability of such a loss, normal returns", found.probability, "ratio")
    context.fact("probability of such a loss, fat tails", found.probability_fat, "ratio")
    rows = sorted(
        ((name, book.values.get(name, 0.0), move, book.values.get(name, 0.0) * move) for name, move in moves.items()),
        key=lambda row: row[3],
    )
    for name, _, move, _ in rows[:5]:
        context.fact(f"move of {name}", move, "ratio")
    table = Table(
        name="shock",
        title=f"The likeliest moves that lose {arguments.loss:.0%} of {book.name}",
        columns=(
            Column(name="name", unit="text"),
            Column(name="value", unit="money", currency=money),
            Column(name="move", unit="ratio"),
            Column(name="profit or loss", unit="money", currency=money),
        ),
        rows=tuple(rows),
    )
    bars = ChartSeries(name="move", x=tuple(row[0] for row in rows), y=tuple(row[2] for row in rows))
    return context.result(
        tables=[table],
        charts=[Chart(kind="bar", title="The likeliest shock", series=(bars,), unit="ratio")],
        sql=[book.prices.panel.sql],
        sources=book.prices.sources(),
        notes=(
            *book.prices.remarks(),
            f"Minimises the distance from no move under the {arguments.covariance} covariance of {len(returns):,} "
            f"sessions, scaled to {arguments.horizon_sessions}; linear. Fat tails: Student's t, 4 degrees of freedom.",
        ),
    )
