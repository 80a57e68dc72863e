"""Ask the panel of analysts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from core.domain.facts import Cell, Chart, ChartSeries, Column, Fact, Frozen, Table, ToolResult, Unit
from core.errors import InvalidInput, NoData
from tools._panel import Convened, Held, Judged, convene, held_shares
from tools._prices import as_number, find_instruments
from tools._verdicts import keep_verdicts, owner_of, score_verdicts
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.advice.opinion import Opinion
    from core.domain.market_records import Instrument

GROUP = "megacap"
MOST_DETAILED = 6
LUCK = 0.025
"""How often a 95 % interval lies wholly on one side of the truth by chance."""
MOST_SYMBOLS = 60
TARGET_VOLATILITY = 0.02
MOST_WEIGHT = 0.10
_FIGURE = re.compile(r"<([^<>]+)>")
_REFERENCE = re.compile(r"\{\{fact:([^{}]+)\}\}")
HONEST = (
    "The record behind a verdict is that of the analysts who look at prices alone (trend, relative value, risk), on "
    "the instrument's own past, decisions a horizon apart, before costs: what past macro and news views would have "
    "said is not known. A plain buy or sell needs a past whose interval leaves out the base rate; else the panel leans,"
    " and holds where the past shows the opposite."
)


class RecommendArguments(Frozen):
    """Ask the panel about symbols, a group, or what the account holds."""

    symbols: tuple[str, ...] = Field(default=(), max_length=MOST_SYMBOLS, description="Symbols or names.")
    group: str | None = Field(default=None, description="A group of instruments, such as tech, instead of symbols.")
    target: Literal["symbols", "portfolio"] = Field(
        default="symbols", description="portfolio: judge each holding of the account, with its share of the risk."
    )
    account: str | None = Field(default=None, description="Account, when there are several.")
    horizon_sessions: int = Field(
        default=21, ge=5, le=252, description="Sessions after which the verdicts are scored; 21 are a month."
    )


@tool(effect="compute", data="public")
def recommend(context: ToolContext, arguments: RecommendArguments) -> ToolResult:
    """Ask the panel of analysts (trend, relative value, macro, events, risk) for a verdict, buy, hold or sell, and why.

    Each analyst gives a score from -1 to 1 with reasons for and against; the verdict is their plain mean, with what
    such verdicts were followed by in the past beside the base rate. It is kept, dated, and scored at its horizon;
    nothing is traded or proposed. Private when it judges the account's holdings. Answers "what do you think of X",
    "should I buy X", "bull and bear case for X", "what would your analysts recommend", "which of my holdings would the
    panel sell".
    """
    held: dict[str, Held] = held_shares(context, arguments.account) if arguments.target == "portfolio" else {}
    instruments, named = _instruments(context, arguments, held)
    found = convene(context, instruments, horizon=arguments.horizon_sessions, held=held)
    order = sorted(found.judged, key=lambda part: (-part.score, part.instrument.symbol))
    context.fact("horizon in sessions", arguments.horizon_sessions, "count")
    context.fact("instruments judged", len(order), "count")
    context.fact("instruments asked about", named, "count")
    context.fact("edges that luck alone would show", LUCK * sum(part.direction != "hold" for part in order), "number")
    chosen = _strongest(order)
    cases = [_case(context, part) for part in chosen]
    printed = _printer(context)
    score_verdicts(context.desk, owner_of(context.principal), context.as_of)
    keep_verdicts(context, order, horizon=arguments.horizon_sessions)
    return context.result(
        tables=[_verdicts(order), _reasons(cases, printed)],
        charts=[_chart(order)],
        sql=found.sql,
        sources=found.sources,
        notes=_notes(found, len(instruments), named, [printed(case["next"]) for case in cases if case["next"]]),
        details={"panel": cases, "horizon_sessions": arguments.horizon_sessions},
    )


def _instruments(
    context: ToolContext, arguments: RecommendArguments, held: dict[str, Held]
) -> tuple[tuple[Instrument, ...], int]:
    """Return the instruments to look at and how many were asked about: of a large group only the first are."""
    if arguments.target == "portfolio":
        if arguments.symbols or arguments.group:
            raise InvalidInput("The portfolio and symbols were asked for at once.", hint="Ask for one of them.")
        found = find_instruments(context, tuple(held))
        return found, len(found)
    if arguments.symbols:
        found = find_instruments(context, arguments.symbols)
        return found, len(found)
    group = arguments.group or GROUP
    members = context.desk.instruments.list(group=group, on=context.as_of.known.date())
    if not members:
        raise NoData(f"No instrument is in the group {group!r}.", hint="Name symbols, or a group such as tech.")
    return tuple(members)[:MOST_SYMBOLS], len(members)


def _strongest(order: Sequence[Judged]) -> list[Judged]:
    """Return those whose reasons are told: all of a few, else as many of the highest as of the lowest scores."""
    if len(order) <= MOST_DETAILED:
        return list(order)
    return [*order[: MOST_DETAILED // 2], *order[-(MOST_DETAILED // 2) :]]


def _case(context: ToolContext, part: Judged) -> dict[str, Any]:
    """State the facts of one verdict and return its case with references to them."""
    symbol, record = part.instrument.symbol, part.record

    def state(name: str, value: Cell, unit: Unit) -> Fact:
        return context.fact(f"{symbol} {name}", _shown(value, unit), unit)

    verdict = [
        state("verdict", part.word, "text"),
        state("as of the close of", part.session.isoformat(), "date"),
        state("panel score from -1 to 1", part.score, "number"),
        state("distance between the analysts", part.disagreement, "number"),
        state("past verdicts of this kind", record.cases, "count"),
        state("base rate of gains", as_number(record.base_share), "ratio"),
        state("base mean return over the horizon", as_number(record.base_mean), "ratio"),
        state("all past decisions", record.base_cases, "count"),
    ]
    if record.cases:
        verdict += [
            state("probability of a gain", as_number(record.share), "ratio"),
            state("probability of a gain, lower bound", as_number(record.lower), "ratio"),
            state("probability of a gain, upper bound", as_number(record.upper), "ratio"),
            state("expected return over the horizon", as_number(record.mean), "ratio"),
            state("expected return standard error", as_number(record.standard_error), "ratio"),
        ]
    opinions = [_argued(context, symbol, one) for one in part.opinions]
    step = f"sell all my {symbol}" if part.word.endswith("sell") else ""
    if (weight := _weight(part)) is not None:
        sized = state("weight that adds a volatility of 2 % to the account", weight, "ratio")
        verdict.append(sized)
        step = f"buy {symbol} to {{{{fact:{sized.id}}}}} of my portfolio"
    return {
        "symbol": symbol,
        "session": part.session.isoformat(),
        "verdict": part.word,
        "edge": record.shows_edge(part.direction),
        "facts": [fact.id for fact in verdict],
        "opinions": opinions,
        "next": step,
    }


def _argued(context: ToolContext, symbol: str, one: Opinion) -> dict[str, Any]:
    facts = {
        figure.name: context.fact(f"{symbol} {figure.name}", _shown(figure.value, figure.unit), figure.unit)
        for figure in one.figures
    }
    score = None
    if one.score is not None:
        score = context.fact(f"{symbol} {one.analyst} score", _shown(one.score, "number"), "number")

    def referred(reason: str) -> str:
        return _FIGURE.sub(lambda match: "{{fact:" + facts[match[1]].id + "}}", reason)

    return {
        "analyst": one.analyst,
        "score": score.id if score else None,
        "facts": [fact.id for fact in facts.values()],
        "for": [referred(reason) for reason in one.reasons_for],
        "against": [referred(reason) for reason in one.reasons_against],
        "lacking": one.lacking,
    }


def _shown(value: Cell, unit: Unit) -> Cell:
    """Return a score or t-value as it is told, to two decimals; others as they are."""
    return round(value, 2) if unit == "number" and isinstance(value, float) else value


def _weight(part: Judged) -> float | None:
    """Return the weight that the risk core gives a buy: what adds 2 % of volatility to the account, at most a tenth."""
    from decimal import Decimal

    from core.risk.sizing import SizingAccount, volatility_target

    if not part.word.endswith("buy") or part.volatility is None:
        return None
    # Only the weight is used, which depends on neither equity nor price.
    account = SizingAccount(equity=Decimal(1_000_000), price=Decimal("0.01"), max_weight=Decimal(repr(MOST_WEIGHT)))
    sized = volatility_target(account, target=TARGET_VOLATILITY, volatility=part.volatility)
    return round(float(sized.weight), 3)


def _verdicts(order: Sequence[Judged]) -> Table:
    from core.advice.opinion import ANALYSTS

    columns = (
        Column(name="symbol", unit="text"),
        Column(name="verdict", unit="text"),
        Column(name="score", unit="number"),
        *(Column(name=analyst, unit="number") for analyst in ANALYSTS),
        Column(name="past cases", unit="count"),
        Column(name="gains", unit="ratio"),
        Column(name="base rate", unit="ratio"),
        Column(name="mean return", unit="ratio"),
        Column(name="as of", unit="date"),
    )
    rows = tuple(
        (
            part.instrument.symbol,
            part.word,
            _shown(part.score, "number"),
            *(_shown(one.score, "number") for one in part.opinions),
            part.record.cases,
            as_number(part.record.share),
            as_number(part.record.base_share),
            as_number(part.record.mean),
            part.session.isoformat(),
        )
        for part in order
    )
    return Table(name="verdicts", title="What the panel says", columns=columns, rows=rows)


def _reasons(cases: Sequence[dict[str, Any]], printed: Callable[[str], str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for case in cases:
        for one in case["opinions"]:
            rows += [
                (case["symbol"], one["analyst"], side, printed(reason))
                for side in ("for", "against")
                for reason in one[side]
            ]
            if one["score"] is None:
                rows.append((case["symbol"], one["analyst"], "no opinion", one["lacking"]))
    columns = tuple(Column(name=name, unit="text") for name in ("symbol", "analyst", "side", "reason"))
    return Table(name="reasons", title="Reasons for and against", columns=columns, rows=tuple(rows))


def _printer(context: ToolContext) -> Callable[[str], str]:
    """Return what prints a text with the facts of this call in the place of its references."""
    from core.reporting.rendering import render_fact

    facts = {fact.id: fact for fact in context.facts}
    return lambda text: _REFERENCE.sub(lambda match: render_fact(facts[match[1]]), text)


def _chart(order: Sequence[Judged]) -> Chart:
    from core.advice.opinion import ANALYSTS

    shown = _strongest(order)
    rows = tuple(
        ChartSeries(name=part.instrument.symbol, x=ANALYSTS, y=tuple(one.score for one in part.opinions))
        for part in shown
    )
    if len(rows) > 1:
        return Chart(kind="heatmap", title="Scores by analyst", series=rows)
    return Chart(kind="bar", title=f"Scores by analyst: {rows[0].name}", series=rows, y_title="score")


def _notes(found: Convened, looked_at: int, named: int, steps: Sequence[str]) -> list[str]:
    notes = [HONEST]
    if looked_at < named:
        notes.insert(
            0,
            f"Only {looked_at} of the {named} names of the group were looked at: the panel takes at most "
            f"{MOST_SYMBOLS} at once. Name others to have them judged.",
        )
    if len(found.judged) > MOST_DETAILED:
        notes.append("Reasons are told for the highest and the lowest scores.")
    notes += found.left_out[:10]
    notes.append("Kept, and scored after the horizon: “how good were your recommendations?” shows the record.")
    if steps:
        said = ", or ".join(f"“{step}”" for step in steps[:3])
        notes.append(f"Nothing is traded or proposed here. To propose it, say {said}.")
    return notes
