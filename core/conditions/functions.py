"""Define the functions of timing conditions: what they take, what they return, how they compute.

Every function looks at the session itself and earlier ones only. Events of the future count only once their date was
known, outcomes only once they were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from core.domain.event_calendar import EventCalendar
from core.domain.kernel import BoolArray, Float64Array
from core.domain.market_path import DayArray
from core.indicators.catalogue import INDICATORS, compute
from core.indicators.declaration import IndicatorSpec
from core.indicators.moving_average import sma
from core.indicators.rolling import rolling_max, rolling_min, standard_deviation, zscore

Kind = Literal["series", "whole", "truth", "text", "duration"]


@dataclass(frozen=True, slots=True)
class View:
    """Show the series a condition speaks about: `fields` (time,) with NaN where not traded, by name.

    `spread` is among them for strategies with several legs; `asset` is the index for events of one asset.
    """

    fields: dict[str, Float64Array]
    times: DayArray
    events: EventCalendar
    asset: int = 0


@dataclass(frozen=True, slots=True)
class Function:
    """Declare a function: kinds of its arguments (the last `optional` may be left out), what it returns."""

    name: str
    kinds: tuple[Kind, ...]
    returns: Literal["series", "truth"]
    meaning: str
    compute: Callable[..., Any]
    optional: int = 0
    needs: tuple[str, ...] = ()
    warmup: Callable[[tuple[float, ...]], int] = lambda numbers: int(max(numbers, default=0))


FIELDS = ("close", "open", "high", "low", "volume", "spread")


def _field(name: str) -> Function:
    meanings = {"spread": "log price of the first leg less its hedge (several legs only)"}
    meaning = meanings.get(name, f"{name} of the session")
    return Function(name, (), "series", meaning, lambda view: view.fields[name], needs=(name,))


def _shift(values: Float64Array, sessions: int) -> Float64Array:
    out = np.full(values.shape, np.nan)
    if sessions < len(values):
        out[sessions:] = values[: len(values) - sessions]
    return out


def _crosses(up: bool) -> Callable[..., BoolArray]:
    def crosses(_: View, left: Float64Array, right: Float64Array) -> BoolArray:
        gap = left - right if up else right - left
        return np.asarray((gap > 0.0) & (_shift(gap, 1) <= 0.0))

    return crosses


def _rank(view: View, values: Float64Array, window: int) -> Float64Array:
    out = np.full(values.shape, np.nan)
    if len(values) >= window:
        parts = np.lib.stride_tricks.sliding_window_view(values, window)
        whole = np.isfinite(parts).all(axis=1)
        share = (parts[:, :-1] < parts[:, -1:]).sum(axis=1) / max(window - 1, 1)
        out[window - 1 :] = np.where(whole, share, np.nan)
    return out


def _within(view: View, days: int, name: str) -> BoolArray:
    """True while an event lies at most `days` calendar days away, ahead once its date was known, or behind."""
    out = np.zeros(len(view.times), dtype=bool)
    events = view.events.of(name, view.asset)
    for day, scheduled in zip(events.day, events.scheduled, strict=True):
        gap = np.abs((view.times - day).astype(np.int64))
        out |= (gap <= days) & (view.times >= scheduled)
    return out


def _side(view: View, days: int, name: str, sign: int) -> BoolArray:
    out = np.zeros(len(view.times), dtype=bool)
    events = view.events.of(name, view.asset)
    for day, scheduled in zip(events.day, events.scheduled, strict=True):
        gap = sign * (view.times - day).astype(np.int64)
        out |= (gap > 0 if sign < 0 else gap >= 0) & (gap <= days) & (view.times >= scheduled)
    return out


def _surprise(view: View, name: str) -> Float64Array:
    """The newest known outcome against what was expected."""
    out = np.full(len(view.times), np.nan)
    events = view.events.of(name, view.asset)
    told = events.take(~np.isnat(events.known) & np.isfinite(events.surprise))
    told = told.take(np.argsort(told.known, kind="stable"))
    at = np.searchsorted(told.known, view.times, side="right") - 1
    out[at >= 0] = told.surprise[at[at >= 0]]
    return out


def _calendar(part: str) -> Callable[[View], Float64Array]:
    def read(view: View) -> Float64Array:
        days = view.times.astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        values = {
            "month": months.astype(np.int64) % 12 + 1,
            "day": (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
            "weekday": (days.astype(np.int64) + 3) % 7 + 1,
        }[part]
        return np.asarray(values, dtype=np.float64)

    return read


def _traded(function: Callable[[Float64Array, int], Float64Array]) -> Callable[..., Float64Array]:
    # Windows count traded sessions, as indicators do.
    def apply(_: View, values: Float64Array, window: int) -> Float64Array:
        out = np.full(values.shape, np.nan)
        there = np.isfinite(values)
        if there.any():
            out[there] = function(np.ascontiguousarray(values[there]), window)
        return out

    return apply


_OWN = (
    Function("sma", ("series", "whole"), "series", "mean of the last n sessions", _traded(sma)),
    Function("stdev", ("series", "whole"), "series", "standard deviation of n sessions", _traded(standard_deviation)),
    Function("highest", ("series", "whole"), "series", "largest of the last n sessions", _traded(rolling_max)),
    Function("lowest", ("series", "whole"), "series", "smallest of the last n sessions", _traded(rolling_min)),
    Function("zscore", ("series", "whole"), "series", "distance from the mean in deviations", _traded(zscore)),
    Function("rank", ("series", "whole"), "series", "share of the last n sessions below this one", _rank),
    Function("lag", ("series", "whole"), "series", "value n sessions ago", _traded(_shift)),
    Function(
        "change",
        ("series", "whole"),
        "series",
        "relative change over n sessions",
        _traded(lambda values, n: values / _shift(values, n) - 1.0),
        warmup=lambda numbers: int(max(numbers, default=0)) + 1,
    ),
    Function("abs", ("series",), "series", "value without its sign", lambda _, values: np.abs(values)),
    Function("log", ("series",), "series", "natural logarithm",
             lambda _, values: np.log(np.where(values > 0.0, values, np.nan))),
    Function("crosses_above", ("series", "series"), "truth", "first above second, and not so the session before",
             _crosses(True)),
    Function("crosses_below", ("series", "series"), "truth", "first below second, and not so the session before",
             _crosses(False)),
    Function("within", ("duration", "text"), "truth", "an event at most so many days away, before or behind", _within),
    Function("before", ("duration", "text"), "truth", "a scheduled event in the next days",
             lambda view, days, name: _side(view, days, name, -1)),
    Function("after", ("duration", "text"), "truth", "an event today or in the last days",
             lambda view, days, name: _side(view, days, name, 1)),
    Function("surprise", ("text",), "series", "newest known outcome less what was expected", _surprise),
    Function("month", (), "series", "month, 1 to 12", _calendar("month")),
    Function("day", (), "series", "day of the month", _calendar("day")),
    Function("weekday", (), "series", "day of the week, Monday is 1", _calendar("weekday")),
)  # fmt: skip
# Short for the close: `sma(200)` is `sma(close, 200)`.
ON_CLOSE = {"sma", "stdev", "highest", "lowest", "zscore", "rank", "lag", "change"}


@lru_cache(maxsize=1)
def functions() -> dict[str, Function]:
    """Return every function by name: fields, those of this module, and every indicator.

    An indicator with several outputs is one function per output, NAME_OUTPUT, and NAME is the first.
    """
    found = {name: _field(name) for name in FIELDS}
    found |= {function.name: function for function in _OWN}
    for spec in INDICATORS.values():
        for position, output in enumerate(spec.outputs):
            for name in (f"{spec.name}_{output}", *((spec.name,) if position == 0 else ())):
                found.setdefault(name, _of_indicator(name, spec, output))
    return found


def _of_indicator(name: str, spec: IndicatorSpec, output: str) -> Function:
    names = tuple(spec.parameters)
    whole: Kind = "whole"
    kinds = (whole,) * len(names)

    def apply(view: View, *numbers: float) -> Float64Array:
        given = {
            parameter: int(number) if isinstance(spec.parameters[parameter], int) else float(number)
            for parameter, number in zip(names, numbers, strict=False)
        }
        return compute(spec.name, view.fields, **given)[output]

    defaults = tuple(float(value) for value in spec.parameters.values())
    return Function(
        name,
        kinds,
        "series",
        spec.description,
        apply,
        optional=len(names),
        needs=spec.fields,
        # Smoothed indicators settle over several periods.
        warmup=lambda numbers: int(4 * max((*numbers, *defaults[len(numbers) :]), default=1)),
    )
