"""Show how good the panel's verdicts were."""

from __future__ import annotations

from pydantic import Field

from core.domain.books import PanelVerdict
from core.domain.facts import Column, Frozen, Table, ToolResult
from tools._prices import as_number
from tools._verdicts import owner_of, score_verdicts
from tools.context import ToolContext
from tools.registry import tool

MOST_ROWS = 200


class TrackRecordArguments(Frozen):
    """Ask how good the panel's verdicts were."""

    symbol: str | None = Field(default=None, max_length=60, description="Only verdicts on this symbol or name.")


@tool(effect="read", data="private")
def track_record(context: ToolContext, arguments: TrackRecordArguments) -> ToolResult:
    """Show how good the panel's verdicts were at their horizon: hits, returns, and who of the analysts was best.

    Verdicts whose horizon has passed are scored first. A model's verdict on a session before its training ended is
    marked contaminated, because it may be hindsight, and left out of the ranking. Answers "how good were your
    recommendations".
    """
    from core.advice.track_record import track_record as rank

    owner = owner_of(context.principal)
    score_verdicts(context.desk, owner, context.as_of)
    instrument = context.desk.instruments.find(arguments.symbol) if arguments.symbol else None
    made = [
        _as_known(context, part)
        for part in context.desk.verdicts.of(owner)
        if part.decided_at <= context.as_of.known
        and (instrument is None or part.instrument_id == instrument.instrument_id)
    ]
    found = rank(made)
    context.fact("verdicts given", found.made, "count")
    context.fact("verdicts open", found.open, "count")
    context.fact("verdicts scored", found.scored, "count")
    context.fact("contaminated verdicts left out", found.contaminated, "count")
    context.fact("verdicts left out because they share sessions with another", found.overlapping, "count")
    for part in found.standings:
        context.fact(f"{part.author} verdicts counted", part.counted, "count")
        context.fact(f"{part.author} share of hits", as_number(part.share), "ratio")
        context.fact(f"{part.author} share of hits, lower bound", as_number(part.lower), "ratio")
        context.fact(f"{part.author} share of hits, upper bound", as_number(part.upper), "ratio")
        context.fact(f"{part.author} mean return in its direction", as_number(part.mean), "ratio")
    standings = Table(
        name="standings",
        title="Ranked by the lower end of the hit rate",
        columns=(
            Column(name="author", unit="text"),
            Column(name="counted", unit="count"),
            Column(name="hits", unit="count"),
            Column(name="hit rate", unit="ratio"),
            Column(name="lower bound", unit="ratio"),
            Column(name="upper bound", unit="ratio"),
            Column(name="mean return", unit="ratio"),
            Column(name="standard error", unit="ratio"),
        ),
        rows=tuple(
            (
                part.author,
                part.counted,
                part.hits,
                as_number(part.share),
                as_number(part.lower),
                as_number(part.upper),
                as_number(part.mean),
                as_number(part.standard_error),
            )
            for part in found.standings
        ),
    )
    verdicts = Table(
        name="verdicts",
        title="Verdicts, newest first",
        columns=(
            Column(name="symbol", unit="text"),
            Column(name="by", unit="text"),
            Column(name="session", unit="date"),
            Column(name="verdict", unit="text"),
            Column(name="score", unit="number"),
            Column(name="horizon", unit="count"),
            Column(name="probability of a gain", unit="ratio"),
            Column(name="expected return", unit="ratio"),
            Column(name="realised return", unit="ratio"),
            Column(name="scored", unit="date"),
            Column(name="contaminated", unit="text"),
        ),
        rows=tuple(
            (
                part.symbol,
                part.model or "panel",
                part.session.isoformat(),
                part.verdict,
                part.score,
                part.horizon_sessions,
                part.probability,
                part.expected_return,
                part.realised_return,
                part.scored_session.isoformat() if part.scored_session else None,
                part.contaminated,
            )
            for part in made[:MOST_ROWS]
        ),
        truncated=len(made) > MOST_ROWS,
    )
    return context.result(
        tables=[standings, verdicts],
        sources=["strategies.panel_verdicts"],
        notes=[
            "A hit is a total return of the side that was said; hold takes no side. An analyst's side is the sign of "
            "its score. Costs are not taken off.",
        ],
    )


def _as_known(context: ToolContext, verdict: PanelVerdict) -> PanelVerdict:
    """Return a verdict as it stood at the call: a horizon that ended later is still open."""
    from core.data.calendar import close_of

    calendar = context.desk.instruments.get(verdict.instrument_id).calendar
    if verdict.scored_session is None or close_of(verdict.scored_session, calendar) <= context.as_of.known:
        return verdict
    return verdict.model_copy(update={"realised_return": None, "scored_session": None})
