"""Put a synthetic event on top of any simulated future, with an impact drawn from matched events of history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.domain.kernel import Float64Array
from core.domain.market_path import FloatArray, MarketPath
from core.errors import InvalidInput, NoData, UnknownName
from core.simulators.event_study import EventStudy
from core.simulators.stochastic.stream import BLOCK_PATHS, State, fill_uniform, over_blocks

_FEWEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Hold the total log impact of an event on one asset as equally likely draws (events,), and its shape.

    `mean` and `standard_error` are those of the average event; `noise_share` is the part of the spread between events
    that chance alone explains and that was taken out, because the simulator below brings chance of its own.
    """

    draws: Float64Array
    mean: float
    standard_error: float
    noise_share: float


def impact_of(study: EventStudy, *, surprise: float | None = None, slope: tuple[float, float] | None = None) -> Impact:
    """Turn an event study into the distribution of an event's impact.

    The spread of the events' cumulative abnormal returns is shrunk towards their mean until it holds only what chance
    does not explain (James and Stein, 1961). With `surprise` and the `slope` of the regression on it (value, standard
    error), the distribution is moved to that surprise. Raises NoData below 5 events.
    """
    total = study.cumulative
    if len(total) < _FEWEST:
        raise NoData(f"{len(total)} matched events, expected at least {_FEWEST}.", hint="Match more broadly.")
    centred = total - total.mean()
    error = study.mean_standard_error
    shift = 0.0
    if surprise is not None:
        if slope is None:
            raise InvalidInput("A surprise needs the slope of the impact on it.")
        known = np.array([event.surprise for event in study.events])
        usual = float(np.nanmean(known))
        shift = slope[0] * (surprise - usual)
        explained = np.where(np.isfinite(known), slope[0] * (known - usual), 0.0)
        centred = centred - explained
        error = math.hypot(error, slope[1] * (surprise - usual))
    variance = float(centred @ centred) / (len(total) - 1)
    chance = float((study.expected_deviation**2).mean())
    noise = min(chance / variance, 1.0) if variance > 0.0 else 1.0
    mean = study.mean + shift
    return Impact(
        draws=mean + math.sqrt(1.0 - noise) * (centred - centred.mean()),
        mean=mean,
        standard_error=error,
        noise_share=noise,
    )


def decay_weights(horizon: int, half_life: float) -> Float64Array:
    """Return the share of an impact that arrives in each of `horizon` sessions, halving every `half_life`; sums to 1.

    A half-life of 0 puts all of it in the first session.
    """
    if horizon < 1 or half_life < 0.0:
        raise InvalidInput(f"horizon is {horizon} and half_life {half_life}, expected at least 1 and 0 sessions.")
    if half_life == 0.0:
        return np.asarray(np.eye(1, horizon)[0], dtype=np.float64)
    weight = 0.5 ** (np.arange(horizon) / half_life)
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def inject(
    path: MarketPath,
    impacts: Sequence[tuple[str, Impact]],
    *,
    session: int,
    horizon: int = 1,
    half_life: float = 0.0,
    seed: int,
    uncertain_mean: bool = True,
) -> MarketPath:
    """Move the prices of some assets by an event in `session` (1 is the first simulated one) and after it.

    Each path draws one event of history, the same place in the list for every asset whose impact has as many draws,
    and one error of the means when `uncertain_mean`. The impact arrives over `horizon` sessions by `decay_weights`;
    later prices keep it. Open, high and low move with the close; the open of the first session already has it. Same
    seed, same draws on any number of threads. Raises InvalidInput for a session outside the path and UnknownName for
    an asset it does not hold.
    """
    rows = path.close.shape[1]
    if not 1 <= session < rows:
        raise InvalidInput(f"session is {session}, expected 1 to {rows - 1}.")
    weight = decay_weights(horizon, half_life)
    arrived = np.zeros(rows)
    for k, share in enumerate(weight):
        arrived[min(session + k, rows) :] += share
    for asset, _ in impacts:
        if asset not in path.assets:
            raise UnknownName("asset", asset, hint=f"The paths hold {', '.join(path.assets)}.")
    size = np.zeros((path.paths, len(path.assets)))

    def draw(state: State, part: slice) -> None:
        uniform = np.empty((3, BLOCK_PATHS))
        for row in uniform:
            fill_uniform(state, row)
        count = part.stop - part.start
        radius = np.sqrt(-2.0 * np.log(uniform[1, :count]))
        error = radius * np.cos(2.0 * np.pi * uniform[2, :count]) if uncertain_mean else np.zeros(count)
        for asset, impact in impacts:
            chosen = np.minimum((uniform[0, :count] * len(impact.draws)).astype(np.int64), len(impact.draws) - 1)
            size[part, path.assets.index(asset)] = impact.draws[chosen] + error * impact.standard_error

    over_blocks(path.paths, seed, "event", 1, draw)
    factor = np.exp(size[:, None, :] * arrived[None, :, None])

    def moved(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else np.asarray(values * factor, dtype=values.dtype)

    return replace(
        path,
        close=np.asarray(path.close * factor, dtype=path.close.dtype),
        open=moved(path.open),
        high=moved(path.high),
        low=moved(path.low),
        source=f"{path.source} with an event",
    )
