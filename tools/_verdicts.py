"""Keep the panel's verdicts, and score those whose horizon has passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from core.domain.as_of import AsOf
from core.domain.books import PanelVerdict
from core.domain.principal import Principal
from core.errors import NoData
from tools.context import Desk, ToolContext

if TYPE_CHECKING:
    from core.advice.verdict import Word
    from tools._panel import Judged


def owner_of(principal: Principal) -> str:
    """Return the person on whose behalf a principal acts."""
    return principal.requested_by or principal.id


def keep_verdicts(context: ToolContext, judged: Sequence[Judged], *, horizon: int) -> int:
    """Keep what the panel said and return how many verdicts are new."""
    from tools._prices import as_number

    return context.desk.verdicts.keep(
        [
            PanelVerdict(
                verdict_id=context.desk.ids.new("vdt"),
                requested_by=owner_of(context.principal),
                run_id=context.run_id,
                instrument_id=part.instrument.instrument_id,
                symbol=part.instrument.symbol,
                session=part.session,
                verdict=part.word,
                score=part.score,
                scores={one.analyst: one.score for one in part.opinions if one.score is not None},
                horizon_sessions=horizon,
                probability=as_number(part.record.share),
                expected_return=as_number(part.record.mean),
                base_rate=as_number(part.record.base_share),
                cases=part.record.cases,
                decided_at=context.as_of.known,
            )
            for part in judged
        ]
    )


def keep_views(
    desk: Desk,
    principal: Principal,
    views: Mapping[str, Word],
    *,
    run_id: str,
    sessions: Mapping[str, date],
    horizon: int,
    model: str,
    cutoff: date | None,
    known: datetime,
) -> int:
    """Keep what a model that heard the panel says of each symbol; code alone says whether that may be hindsight.

    `cutoff` is the day up to which the model was trained, None where it declares none. Returns how many are new.
    """
    from core.advice.track_record import is_contaminated

    return desk.verdicts.keep(
        [
            PanelVerdict(
                verdict_id=desk.ids.new("vdt"),
                requested_by=owner_of(principal),
                run_id=run_id,
                model=model,
                contaminated=is_contaminated(sessions[symbol], cutoff),
                instrument_id=desk.instruments.find(symbol).instrument_id,
                symbol=symbol,
                session=sessions[symbol],
                verdict=word,
                horizon_sessions=horizon,
                decided_at=known,
            )
            for symbol, word in views.items()
        ]
    )


def score_verdicts(desk: Desk, owner: str, as_of: AsOf) -> int:
    """Score a person's verdicts whose horizon has passed by then, and return how many."""
    from tools._prices import column_closes

    waiting: dict[int, list[PanelVerdict]] = {}
    for part in desk.verdicts.of(owner):
        if part.realised_return is None and part.decided_at <= as_of.known:
            waiting.setdefault(part.instrument_id, []).append(part)
    scored = 0
    for number, parts in waiting.items():
        try:
            panel = desk.bars.panel([number], purpose="return", as_of=as_of, start=min(part.session for part in parts))
        except NoData:
            continue
        sessions, close = column_closes(panel, 0)
        place = {day.item(): index for index, day in enumerate(sessions.astype("datetime64[D]"))}
        for part in parts:
            first = place.get(part.session)
            if first is not None and first + part.horizon_sessions < len(close):
                last = first + part.horizon_sessions
                desk.verdicts.score(part.verdict_id, float(close[last] / close[first] - 1.0), sessions[last].item())
                scored += 1
    return scored
