"""Let timing conditions decide when a strategy may enter and when it must leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.conditions.condition import Condition, read_condition
from core.conditions.functions import View
from core.domain.event_calendar import EventCalendar
from core.domain.kernel import BoolArray, Float64Array
from core.errors import InvalidInput, NoData
from core.indicators.moving_average import sma
from core.ports.strategy import PriceHistory, Strategy, Weights
from core.strategies.hedge import hedge
from core.strategies.signal import hold, on_change


def asset_view(prices: PriceHistory, asset: int) -> View:
    """Return what a condition may look at for one asset: its bars and the events that concern it."""
    fields = {
        name: np.asarray(part[:, asset], dtype=np.float64)
        for name in ("close", "open", "high", "low", "volume")
        if (part := getattr(prices, name)) is not None
    }
    return View(fields, prices.times, prices.events or EventCalendar.none(), asset)


def spread_view(prices: PriceHistory, legs: Float64Array, window: int = 0) -> View:
    """Return what a condition may look at for a spread: the first leg's bars and `spread`, the log price of the legs.

    `legs` (time, assets) are the hedge ratios of each session. Where they are estimated over a `window`, the spread is
    its distance from its mean over that window: with ratios that change, its level alone would depend on the unit of a
    price. A session is measured with its own ratios, so that a new one never rewrites what an earlier session saw.
    """
    view = asset_view(prices, 0)
    logs = np.log(np.asarray(prices.close, dtype=np.float64))
    if window:
        traded = np.asarray(np.isfinite(logs).all(axis=1), dtype=bool)
        for leg in range(logs.shape[1]):
            inside = np.ascontiguousarray(logs[traded, leg])
            logs[traded, leg] = inside - sma(inside, window)
    return View({**view.fields, "spread": (logs * legs).sum(axis=1)}, view.times, view.events, 0)


def check_needs(condition: Condition, view: View, where: str) -> None:
    """Raise NoData for fields and events that the condition needs and the data do not have."""
    missing = sorted(condition.needs - view.fields.keys())
    if missing:
        hint = "`spread` exists for pairs and flies." if "spread" in missing else "This source has closes only."
        raise NoData(f"The condition {condition.text!r} needs {', '.join(missing)}, which {where} lacks.", hint=hint)
    unknown = sorted(condition.events - set(view.events.names))
    if unknown:
        known = ", ".join(view.events.names) or "none"
        raise NoData(f"The condition {condition.text!r} needs events {', '.join(unknown)}; known here: {known}.")


def holds(text: str, view: View, where: str) -> BoolArray:
    """Return where a condition holds; nowhere for an empty one. Raises as read_condition and check_needs."""
    if not text:
        return np.zeros(len(view.times), dtype=bool)
    condition = read_condition(text)
    check_needs(condition, view, where)
    return condition.evaluate(view)


def warmup(*texts: str) -> int:
    """Return the longest warm-up of some conditions."""
    return max((read_condition(text).warmup_sessions for text in texts if text), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Hold a strategy back: it enters only where `enter` holds and leaves where `leave` does.

    While out, the strategy's own target waits; it is taken up in the first session in which `enter` holds. For a
    spread the conditions see `spread` and act on all legs at once.
    """

    inner: Strategy
    enter: str = ""
    leave: str = ""
    # What strategies say of themselves, taken over from the inner one.
    name: str = field(init=False)
    legs: int | None = field(init=False)
    trades_as_one: bool = field(init=False)

    def __post_init__(self) -> None:
        for text in (self.enter, self.leave):
            if text:
                read_condition(text)
        for said in ("name", "legs", "trades_as_one"):
            object.__setattr__(self, said, getattr(self.inner, said))

    @property
    def warmup_sessions(self) -> int:
        """Return the longer of the strategy's warm-up and that of the conditions."""
        return max(self.inner.warmup_sessions, warmup(self.enter, self.leave))

    def weights(self, prices: PriceHistory) -> Weights:
        """Return the strategy's weights where the conditions let it hold, 0 elsewhere, NaN where nothing changes."""
        wanted = self.inner.weights(prices)
        traded = np.isfinite(prices.close)
        target = _carried(wanted)
        out = np.full(wanted.shape, np.nan)
        if self.trades_as_one:
            view = self._spread(prices)
            gate = self._gate(view, (np.nan_to_num(target) != 0.0).any(axis=1))
            whole = np.asarray(traded.all(axis=1), dtype=bool)
            out = np.where(whole[:, None], target * gate[:, None], np.nan)
        else:
            for asset in range(wanted.shape[1]):
                gate = self._gate(asset_view(prices, asset), np.nan_to_num(target[:, asset]) != 0.0)
                out[:, asset] = np.where(traded[:, asset], target[:, asset] * gate, np.nan)
        out[: self.warmup_sessions] = np.nan
        return on_change(out)

    def _gate(self, view: View, wants: BoolArray) -> Float64Array:
        may = holds(self.enter, view, self.name) if self.enter else np.ones(len(wants), dtype=bool)
        return hold(may & wants, holds(self.leave, view, self.name) | ~wants)

    def _spread(self, prices: PriceHistory) -> View:
        parameters: Any = self.inner
        body = 1 if self.inner.name == "fly" else 0
        ratios = str(getattr(parameters, "ratios", "equal")).replace("regression", "ols")
        window = int(getattr(parameters, "window", 60))
        return spread_view(prices, spread_legs(prices, ratios, window, body), window)


def spread_legs(prices: PriceHistory, ratios: str, window: int, body: int) -> Float64Array:
    """Return the hedge ratios (time, assets) of each session on which all legs traded, NaN elsewhere."""
    traded = np.isfinite(prices.close).all(axis=1)
    out = np.full(prices.close.shape, np.nan)
    out[traded] = hedge(np.log(np.asarray(prices.close, dtype=np.float64)[traded]), ratios, window, body=body)[0]
    return out


def _carried(weights: Weights) -> Weights:
    """Return the target in force after each session: the last one decided, NaN before the first."""
    rows = np.where(np.isnan(weights), -1, np.arange(len(weights))[:, None])
    last = np.maximum.accumulate(rows, axis=0)
    return np.where(last >= 0, np.take_along_axis(weights, np.maximum(last, 0), axis=0), np.nan)


def check_condition(strategy: str, name: str, text: str) -> None:
    """Raise InvalidInput naming the parameter whose condition does not fit."""
    if text:
        try:
            read_condition(text)
        except InvalidInput as error:
            raise InvalidInput(f"Strategy {strategy}: {name} is {text!r}, expected a condition. {error}") from error
