"""Say how good verdicts were at their horizon, ranked by who gave them; hindsight is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.advice.verdict import gains_of
from core.domain.books import PanelVerdict

PANEL = "panel"


def is_contaminated(session: date, cutoff: date | None) -> bool:
    """Say whether a model's view of a session may be hindsight: it learnt from what came after.

    `cutoff` is the day up to which the model was trained; a model that declares none is always taken to have seen it.
    """
    return cutoff is None or session <= cutoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Hold how one author's verdicts ended: those counted, hits, share with its interval (Wilson, 1927), mean return.

    A hit is a return of the side that was said; `mean` is the return in the direction of the verdict. Verdicts that
    say hold take no side and are not counted.
    """

    author: str
    counted: int
    hits: int
    share: float
    lower: float
    upper: float
    mean: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """Hold the standings, best first, with how many verdicts are open and left out, and why."""

    standings: tuple[Standing, ...]
    made: int
    open: int
    scored: int
    contaminated: int
    overlapping: int


def side_of(verdict: PanelVerdict) -> int:
    """Return 1 for a buy, -1 for a sell, 0 for a hold."""
    return 1 if verdict.verdict.endswith("buy") else -1 if verdict.verdict.endswith("sell") else 0


def track_record(verdicts: Sequence[PanelVerdict]) -> TrackRecord:
    """Rank the panel, each of its analysts and each model by the scored verdicts that count.

    Contaminated verdicts are left out. Of one author's verdicts on one instrument only those count that begin after the
    last counted one ended, so that no return is counted twice. Authors rank by the lower end of their hit rate.
    """
    scored = [part for part in verdicts if part.realised_return is not None]
    clean = [part for part in scored if not part.contaminated]
    by_author: dict[str, list[float]] = {}
    overlapping = 0
    for author in dict.fromkeys(part.model or PANEL for part in clean):
        own = [part for part in clean if (part.model or PANEL) == author]
        kept = _disjoint(own)
        overlapping += len(own) - len(kept)
        by_author[author] = [_signed(side_of(part), part) for part in kept if side_of(part)]
        for analyst in dict.fromkeys(name for part in kept for name in part.scores):
            views = [(float(np.sign(part.scores[analyst])), part) for part in kept if part.scores.get(analyst)]
            by_author[analyst] = [_signed(side, part) for side, part in views]
    standings = [_standing(author, np.array(ends)) for author, ends in by_author.items() if ends]
    return TrackRecord(
        standings=tuple(sorted(standings, key=lambda part: (-part.lower, part.author))),
        made=len(verdicts),
        open=len(verdicts) - len(scored),
        scored=len(scored),
        contaminated=sum(1 for part in scored if part.contaminated),
        overlapping=overlapping,
    )


def _disjoint(verdicts: Sequence[PanelVerdict]) -> list[PanelVerdict]:
    kept: list[PanelVerdict] = []
    until: dict[int, date] = {}
    for part in sorted(verdicts, key=lambda one: (one.session, one.horizon_sessions, one.verdict_id)):
        if part.session >= until.get(part.instrument_id, date.min):
            kept.append(part)
            assert part.scored_session is not None
            until[part.instrument_id] = part.scored_session
    return kept


def _signed(side: float, verdict: PanelVerdict) -> float:
    assert verdict.realised_return is not None
    return side * verdict.realised_return


def _standing(author: str, ends: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Standing:
    share, lower, upper = gains_of(ends)
    return Standing(
        author=author,
        counted=len(ends),
        hits=int(np.count_nonzero(ends > 0.0)),
        share=share,
        lower=lower,
        upper=upper,
        mean=float(ends.mean()),
        standard_error=float(ends.std(ddof=1) / np.sqrt(len(ends))) if len(ends) > 1 else float("nan"),
    )
