"""Judge the risk of a price: how rough it is against its own past, how far it has fallen, what its tail costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.advice.opinion import Figure, Opinion, Vote, at_ends, clipped, no_opinion, opinion_of, windows
from core.domain.kernel import Float64Array

VOLATILITY_SESSIONS = 63
PAST_SESSIONS = 1_260
LEAST_PAST = 252
PEAK_SESSIONS = 252
TAIL = 0.025
LARGE_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Roughness:
    """Hold the risk at each session (time,), NaN before it can be measured.

    `rank` is the share of the last five years' volatilities below that of the last 63 sessions, `volatility` (annual);
    `depth` the loss from the highest close of 252 sessions, 0 or below; `usual` the mean volatility of the five years.
    """

    volatility: Float64Array
    rank: Float64Array
    depth: Float64Array
    usual: Float64Array

    @property
    def votes(self) -> Float64Array:
        """Return what each measure says (time, 2): calm for and rough against (Moreira and Muir, 2017), a fall against.

        A fall of a usual year's volatility speaks fully against; no fall says nothing.
        """
        return np.column_stack((clipped(1.0 - 2.0 * self.rank), clipped(self.depth / self.usual)))


def measure_risk(close: Float64Array, *, sessions_per_year: int = 252) -> Roughness:
    """Measure the risk of closes without gaps (time,), each session from rows up to it only."""
    count = len(close)
    missing = np.full(count, np.nan)
    if count < VOLATILITY_SESSIONS + LEAST_PAST:
        return Roughness(volatility=missing, rank=missing, depth=missing, usual=missing)
    returns = close[1:] / close[:-1] - 1.0
    volatility = windows(returns, VOLATILITY_SESSIONS).std(axis=1, ddof=1) * np.sqrt(sessions_per_year)
    past = windows(np.concatenate((np.full(PAST_SESSIONS - 1, np.nan), volatility)), PAST_SESSIONS)
    known = np.isfinite(past).sum(axis=1)
    calmer = (past < volatility[:, None]).sum(axis=1) + 0.5 * (past == volatility[:, None]).sum(axis=1)
    usual = np.where(np.isfinite(past), past, 0.0).sum(axis=1) / known
    enough = known >= LEAST_PAST
    peak = at_ends(windows(close, PEAK_SESSIONS).max(axis=1), count)
    return Roughness(
        volatility=at_ends(volatility, count),
        rank=at_ends(np.where(enough, calmer / known, np.nan), count),
        depth=close / peak - 1.0,
        usual=at_ends(np.where(enough & (usual > 1e-9), usual, np.nan), count),
    )


def judge_risk(
    risk: Roughness, close: Float64Array, *, weight: float | None = None, share: float | None = None
) -> Opinion:
    """Return the opinion on the newest session.

    `weight` and `share` are those of a held position in the account's value and in its risk; None for one not held.
    """
    if not len(close) or not np.isfinite(risk.votes[-1]).all():
        return no_opinion("risk", "it needs more than a year of prices that move")
    calm, fallen = (float(vote) for vote in risk.votes[-1])
    returns = np.sort(close[-PEAK_SESSIONS:][1:] / close[-PEAK_SESSIONS:][:-1] - 1.0)
    worst = float(returns[: max(int(TAIL * len(returns)), 1)].mean())
    figures = [
        Figure(name="annualised volatility of 63 sessions", value=float(risk.volatility[-1]), unit="ratio"),
        Figure(name="share of five years that were calmer", value=float(risk.rank[-1]), unit="ratio"),
        Figure(name="fall from the highest close of a year", value=-float(risk.depth[-1]), unit="ratio"),
        Figure(name="mean return of the worst sessions of a year", value=worst, unit="ratio"),
    ]
    rough = "calm" if calm > 0.0 else "rough"
    votes = [
        Vote(
            points=calm,
            said=f"it is {rough} for itself: <share of five years that were calmer> of five years were calmer than its "
            "volatility of <annualised volatility of 63 sessions>",
        ),
        Vote(
            points=fallen,
            said="it stands <fall from the highest close of a year> below its highest close of a year"
            if fallen < 0.0
            else "it stands at its highest close of a year, which says nothing of the risk ahead",
        ),
        Vote(
            points=None,
            said="its worst sessions of a year made <mean return of the worst sessions of a year> each",
        ),
    ]
    if weight is not None and share is not None:
        figures += [
            Figure(name="weight in the account", value=weight, unit="ratio"),
            Figure(name="share of the account's risk", value=share, unit="ratio"),
        ]
        held = "it is held: <weight in the account> of the account, <share of the account's risk> of its risk"
        votes.append(Vote(points=-1.0 if share > LARGE_SHARE and share > weight else None, said=held))
    return opinion_of("risk", votes, figures)
