"""Judge a price by what happened: the last earnings against expectations, earnings ahead, the tone of the news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from core.advice.opinion import Figure, Opinion, Vote, no_opinion, opinion_of
from core.domain.event_calendar import EventCalendar
from core.domain.kernel import Float64Array

DRIFT_DAYS = 90
LEAST_SURPRISES = 4
RECENT_DAYS = 30
LEAST_RECENT, LEAST_BEFORE = 5, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """Hold the sentiment of each article (-1 to 1) of the last 30 days and of the year before those."""

    recent: Float64Array
    before: Float64Array


def judge_events(earnings: EventCalendar, tone: Tone, *, day: date, horizon_days: int) -> Opinion:
    """Return the opinion on what was known at the close of `day` of one instrument's earnings and news.

    Prices drift on after earnings in the direction of the surprise for a quarter (Bernard and Thomas, 1989); a surprise
    counts against the usual size of the company's own. News counts where its tone differs from that of the year before.
    Earnings within `horizon_days` are a remark: their direction is not known.
    """
    earnings = earnings.until(np.datetime64(day))
    figures: list[Figure] = []
    votes: list[Vote] = []
    _surprise(earnings, day, figures, votes)
    _tone(tone, figures, votes)
    end = np.datetime64(day + timedelta(horizon_days))
    ahead = earnings.day[(earnings.day > np.datetime64(day)) & (earnings.day <= end)]
    if len(ahead):
        figures.append(Figure(name="next earnings", value=str(ahead.min()), unit="date"))
        votes.append(Vote(points=None, said="earnings on <next earnings> fall into the horizon, and may go either way"))
    if not any(vote.points is not None for vote in votes):
        return no_opinion("events", "no surprise of a quarter and too few scored articles are known")
    return opinion_of("events", votes, figures)


def _surprise(earnings: EventCalendar, day: date, figures: list[Figure], votes: list[Vote]) -> None:
    told = earnings.take(np.isfinite(earnings.surprise) & ~np.isnat(earnings.known))
    told = told.take(np.argsort(told.day, kind="stable"))
    if not len(told.day) or told.day[-1] < np.datetime64(day - timedelta(DRIFT_DAYS)):
        return
    newest, earlier = float(told.surprise[-1]), told.surprise[:-1]
    figures += [
        Figure(name="last earnings", value=str(told.day[-1]), unit="date"),
        Figure(name="last earnings surprise", value=newest, unit="ratio"),
    ]
    usual = float(np.sqrt(np.mean(earlier**2))) if len(earlier) >= LEAST_SURPRISES else 0.0
    what = "earnings of <last earnings> were <last earnings surprise> against the estimate"
    if usual <= 0.0:
        votes.append(Vote(points=None, said=f"{what}, with too few earlier ones to say whether that is much"))
        return
    figures.append(Figure(name="usual size of an earnings surprise", value=usual, unit="ratio"))
    points = float(np.clip(newest / usual / 2.0, -1.0, 1.0))
    votes.append(
        Vote(points=points, said=f"{what}, <usual size of an earnings surprise> being usual; such surprises drift on")
    )


def _tone(tone: Tone, figures: list[Figure], votes: list[Vote]) -> None:
    figures.append(Figure(name="scored articles of 30 days", value=len(tone.recent), unit="count"))
    if len(tone.recent) < LEAST_RECENT or len(tone.before) < LEAST_BEFORE:
        return
    recent, before = float(tone.recent.mean()), float(tone.before.mean())
    error = float(np.sqrt(tone.recent.var(ddof=1) / len(tone.recent) + tone.before.var(ddof=1) / len(tone.before)))
    if error <= 0.0:
        return
    t = (recent - before) / error
    figures += [
        Figure(name="mean sentiment of 30 days", value=recent, unit="number"),
        Figure(name="mean sentiment of the year before", value=before, unit="number"),
        Figure(name="t-value of the change of sentiment", value=t, unit="number"),
    ]
    votes.append(
        Vote(
            points=float(np.clip(t / 4.0, -1.0, 1.0)),
            said=f"the tone of <scored articles of 30 days> articles is {'better' if t > 0.0 else 'no better'} than in "
            "the year before (<mean sentiment of 30 days> after <mean sentiment of the year before>, t-value "
            "<t-value of the change of sentiment>)",
        )
    )
