"""Simulate a book with a synthetic event on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Chart, ChartSeries, Column, Table, ToolResult
from core.errors import InvalidInput
from tools._book import Book, Target, read_book
from tools._events import EventMatch, event_returns
from tools._prices import thin
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.simulators.event_injection import Impact
    from core.simulators.summary import SimulationSummary


class InjectEventArguments(Target, EventMatch):
    """Ask for a simulation with a synthetic event."""

    hits: tuple[str, ...] = Field(
        default=(), max_length=50, description="Symbols the event hits; all of the book when left out."
    )
    session: int = Field(default=1, ge=1, le=252, description="The simulated session of the event.")
    horizon: int = Field(default=5, ge=1, le=63, description="Sessions over which the impact arrives.")
    half_life: float = Field(default=1.0, ge=0, le=60, description="Sessions after which half of what is left arrives.")
    surprise_size: float | None = Field(
        default=None, ge=-10, le=10, description="Size of the surprise, in its usual size; needs events with surprises."
    )
    model: Literal["gbm", "merton", "heston", "garch", "gjr", "bootstrap", "regime", "gaussian_copula", "t_copula"] = (
        Field(default="bootstrap", description="The model below the event, as for simulate.")
    )
    sessions: int = Field(default=21, ge=1, le=504, description="Sessions ahead.")
    paths: int = Field(default=10_000, ge=100, le=100_000, description="Number of simulated paths.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Confidence of VaR and ES.")
    history_years: float = Field(default=5.0, ge=1, le=40, description="Years of history for the model.")
    seed: int | None = Field(default=None, ge=0, description="Seed of the random numbers; drawn and recorded if none.")


@tool(effect="compute", data="public", seeded=True)
def inject_event(context: ToolContext, arguments: InjectEventArguments) -> ToolResult:
    """Simulate a portfolio or symbols with a synthetic event, its impact drawn from matched events of history.

    The matched events (kind, name, surprise, sector) give each holding's distribution of impacts, less what chance
    explains; the impact arrives over a horizon on top of any stochastic model. Results stand beside the same paths
    without the event.
    """
    import numpy as np

    from core.simulators.event_injection import inject
    from core.simulators.stochastic.catalogue import MODELS, calibrate
    from core.simulators.stochastic.engine import simulate
    from core.simulators.summary import book_values, summarise

    if arguments.session > arguments.sessions:
        raise InvalidInput(f"The event in session {arguments.session} lies after the {arguments.sessions} simulated.")
    book = read_book(context, arguments, years=arguments.history_years)
    panel = book.prices.panel
    impacts, sql = _impacts(context, arguments, book)
    seed = arguments.seed if arguments.seed is not None else context.seed
    path = simulate(
        calibrate(arguments.model, panel.close, panel.symbols, sessions_per_year=book.prices.sessions_per_year),
        np.array([book.last[symbol] for symbol in panel.symbols]),
        sessions=arguments.sessions,
        paths=arguments.paths,
        seed=seed,
        as_of=context.as_of.known,
        drift="zero",
        threads=2,
    )
    moved = inject(
        path, impacts, session=arguments.session, horizon=arguments.horizon, half_life=arguments.half_life, seed=seed
    )
    both = [
        summarise(book_values(part, book.shares, cash=book.cash), part.times, confidence=arguments.confidence)
        for part in (path, moved)
    ]
    _state(context, book, *both)
    return context.result(
        tables=[_impact_table(impacts), _comparison(book, *both)],
        charts=[_fan(book, *both)],
        sql=[panel.sql, *sql],
        sources=book.prices.sources(),
        notes=(
            *book.prices.remarks(),
            f"{arguments.paths:,} paths of {MODELS[arguments.model].title}, seed {seed}, without drift; positions "
            f"held fixed. The event comes in session {arguments.session} and arrives over {arguments.horizon} "
            f"sessions, half of what is left every {arguments.half_life:g}.",
        ),
        details={"seed": seed, "model": arguments.model},
    )


def _impacts(
    context: ToolContext, arguments: InjectEventArguments, book: Book
) -> tuple[list[tuple[str, Impact]], tuple[str, ...]]:
    from core.simulators.event_injection import impact_of
    from core.simulators.event_study import event_study, surprise_slope

    hit = {context.desk.instruments.find(name).symbol for name in arguments.hits} or set(book.shares)
    if missing := hit - set(book.shares):
        raise InvalidInput(f"{', '.join(sorted(missing))} is not in the book, so the event does not touch it.")
    found: list[tuple[str, Impact]] = []
    sql: list[str] = []
    for instrument in book.prices.instruments:
        if instrument.symbol not in hit:
            continue
        data = event_returns(context, arguments, [instrument])
        study = event_study(
            data.returns, data.events, factors=data.factors, before=arguments.before, after=arguments.after
        )
        slope = None
        if arguments.surprise_size is not None:
            _, value, error = surprise_slope(study)
            slope = (value, error)
        impact = impact_of(study, surprise=arguments.surprise_size, slope=slope)
        found.append((instrument.symbol, impact))
        sql += data.sql
        context.fact(f"{instrument.symbol} matched events", len(impact.draws), "count")
        context.fact(f"{instrument.symbol} mean impact", impact.mean, "ratio")
        context.fact(f"{instrument.symbol} mean impact standard error", impact.standard_error, "ratio")
    return found, tuple(dict.fromkeys(sql))


def _state(context: ToolContext, book: Book, without: SimulationSummary, given: SimulationSummary) -> None:
    money = book.currency
    context.fact("start value", given.start, "money", currency=money)
    context.fact("median value", given.quantiles[0.5].value, "money", currency=money)
    context.fact("median value without the event", without.quantiles[0.5].value, "money", currency=money)
    context.fact("mean effect of the event", given.mean.value - without.mean.value, "money", currency=money)
    context.fact("mean effect, share of value", (given.mean.value - without.mean.value) / given.start, "ratio")
    for given_or_not, title in ((given, ""), (without, " without the event")):
        context.fact(f"probability of loss{title}", given_or_not.probability_of_loss.value, "ratio")
        context.fact(f"value at risk{title}", given_or_not.value_at_risk.value, "money", currency=money)
        context.fact(f"expected shortfall{title}", given_or_not.expected_shortfall.value, "money", currency=money)


def _impact_table(impacts: list[tuple[str, Impact]]) -> Table:
    import numpy as np

    columns = (
        Column(name="symbol", unit="text"),
        Column(name="events", unit="count"),
        Column(name="mean impact", unit="ratio"),
        Column(name="standard error", unit="ratio"),
        Column(name="lower 5 %", unit="ratio"),
        Column(name="upper 95 %", unit="ratio"),
        Column(name="share of the spread that is chance", unit="ratio"),
    )
    rows = tuple(
        (symbol, len(part.draws), part.mean, part.standard_error, *(float(q) for q in np.quantile(part.draws,
         (0.05, 0.95))), part.noise_share)
        for symbol, part in impacts
    )  # fmt: skip
    return Table(name="impacts", title="Impact by holding, from matched events", columns=columns, rows=rows)


def _comparison(book: Book, without: SimulationSummary, given: SimulationSummary) -> Table:
    columns = (
        Column(name="probability of less", unit="ratio"),
        Column(name="without the event", unit="money", currency=book.currency),
        Column(name="with the event", unit="money", currency=book.currency),
    )
    rows = tuple(
        (level, without.quantiles[level].value, given.quantiles[level].value) for level in sorted(given.quantiles)
    )
    return Table(name="quantiles", title=f"Value of {book.name} without and with the event", columns=columns, rows=rows)


def _fan(book: Book, without: SimulationSummary, given: SimulationSummary) -> Chart:
    kept = thin(len(given.times))
    days = tuple(str(given.times[position]) for position in kept)

    def band(summary: SimulationSummary, name: str) -> ChartSeries:
        def row(index: int) -> tuple[float | None, ...]:
            return tuple(float(summary.fan[index, position]) for position in kept)

        return ChartSeries(name=name, x=days, y=row(2), low=row(0), high=row(4))

    return Chart(
        kind="fan",
        title=f"Simulated value of {book.name}, 90% of paths",
        series=(band(given, "with the event"), band(without, "without")),
        unit="money",
    )
