"""Prepare a strategy for the tools that run one: arguments, prices with warm-up, events, terms, trials, verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from core.domain.facts import Column, Table, to_cell
from core.errors import InvalidInput, NoData, QuantdeskError
from tools._prices import Prices, Window, as_number, check_window, find_instruments

if TYPE_CHECKING:
    from core.domain.market_path import MarketPath
    from core.ports.strategy import Strategy
    from core.valuation.honesty import Honesty
    from core.valuation.terms import Costs, FillTerms, Stops
    from tools.context import ToolContext

RUNNERS = ("backtest", "sweep", "walk_forward", "expected_value")


class StrategyArguments(Window):
    """Name a strategy, what it trades, and on which terms."""

    strategy: str = Field(description="Strategy, such as sma_crossover, pair, fly, switch, timed, buy_and_hold.")
    symbols: tuple[str, ...] = Field(
        min_length=1, max_length=30, description="Symbols or names, in the strategy's order."
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="The strategy's parameters; the rest are defaults."
    )
    enter: str = Field(
        default="", max_length=500, description='Enter only where this holds: adx(14) < 20 and not within(2d, "FOMC").'
    )
    leave: str = Field(default="", max_length=500, description="Leave where this holds: abs(zscore(spread, 60)) > 4.")
    stop_loss: float = Field(default=0.0, ge=0, lt=1, description="Leave at this loss from the entry, ratio; 0: none.")
    take_profit: float = Field(default=0.0, ge=0, description="Leave at this gain from the entry, ratio; 0: none.")
    trailing_stop: float = Field(default=0.0, ge=0, lt=1, description="Leave this far from the best close; 0: none.")
    atr_stop: float = Field(default=0.0, ge=0, description="Leave so many average true ranges from the entry; 0: none.")
    stop_sessions: int = Field(default=0, ge=0, description="Leave after so many sessions; 0: never.")
    fee_bps: float = Field(default=1.0, ge=0, lt=1000, description="Fee of each fill, basis points of its value.")
    slippage_bps: float = Field(
        default=2.0, ge=0, lt=1000, description="Basis points each fill is worse than the price."
    )
    borrow_bps: float = Field(
        default=50.0, ge=0, lt=5000, description="What short positions cost a year, basis points of their value."
    )
    participation: float = Field(
        default=0.0, ge=0, le=1, description="Fill at most this share of a session's volume; 0: any size."
    )
    lag: int = Field(default=1, ge=1, le=20, description="Sessions from the decision to the fill.")
    fill_at: Literal["open", "close"] = Field(default="open", description="Price of the session that fills.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Hold what the tools run: the strategy, its prices with `skip` sessions of warm-up, its terms."""

    strategy: Strategy
    prices: Prices
    path: MarketPath
    skip: int
    costs: Costs
    stops: Stops
    fills: FillTerms
    lag: int

    @property
    def terms(self) -> dict[str, Any]:
        """Return the terms as keywords of core.valuation.backtest.run."""
        return {"costs": self.costs, "stops": self.stops, "terms": self.fills, "execution_lag": self.lag}

    def fill_note(self) -> str:
        """Say when and at which costs decisions fill."""
        has_open = self.path.open is not None and self.fills.at == "open"
        late = "" if self.lag == 1 else f", {self.lag} sessions later"
        borrow = f", borrowing {self.costs.borrow_bps:g} bps a year" if self.costs.borrow_bps else ""
        return (
            f"Decisions at the close, fills at the next {'open' if has_open else 'close'}{late}; fee "
            f"{self.costs.fee_bps:g} bps and slippage {self.costs.slippage_bps:g} bps per fill{borrow}; annualised by "
            f"{self.path.sessions_per_year} sessions."
        )

    def stop_note(self) -> tuple[str, ...]:
        """Say how stops fill, where there are any."""
        if not self.stops.any:
            return ()
        if self.strategy.trades_as_one and len(self.path.assets) > 1:
            return ("Stops look at the joint profit or loss of the spread at the close and leave at the next fill.",)
        if self.path.high is None:
            return ("The source has closes only: stops fill at the close that reached them.",)
        return (
            "Stops fill inside the bar: at their level, or at the open beyond it; a bar that reaches both is a loss.",
        )


def load_strategy(arguments: StrategyArguments, parameters: dict[str, Any] | None = None) -> Strategy:
    """Build the strategy with its timing conditions; raises as core.strategies.loader.load."""
    from core.strategies.loader import load
    from core.strategies.timing import Timed

    inner = load(arguments.strategy, arguments.parameters if parameters is None else parameters)
    if not arguments.enter and not arguments.leave:
        return inner
    return Timed(inner=inner, enter=arguments.enter, leave=arguments.leave)  # type: ignore[return-value]  # says what classes say


def prepare(context: ToolContext, arguments: StrategyArguments, *, warmup: int = 0) -> Prepared:
    """Read the period and the sessions before it that the strategy (or `warmup`) needs; raises NoData, InvalidInput."""
    import numpy as np

    from core.ports.strategy import PaysIn
    from core.valuation.terms import Costs, FillTerms, Stops

    check_window(arguments)
    strategy = load_strategy(arguments)
    stops = Stops(
        loss=arguments.stop_loss,
        profit=arguments.take_profit,
        trailing=arguments.trailing_stop,
        atr=arguments.atr_stop,
        sessions=arguments.stop_sessions,
    )
    warmup = max(warmup, strategy.warmup_sessions)
    before = timedelta(days=round(warmup * 1.6) + 14)
    instruments = find_instruments(context, arguments.symbols)
    fields, events = _needs(strategy, arguments)
    panel = context.desk.bars.panel(
        [part.instrument_id for part in instruments],
        purpose="return",
        as_of=context.as_of,
        start=arguments.start - before if arguments.start else None,
        end=arguments.end,
        needs="volume" if "volume" in fields else "ohlc" if fields & {"high", "low", "open"} else "close",
    )
    prices = Prices(panel, instruments)
    first = 0 if arguments.start is None else int(np.searchsorted(panel.sessions, np.datetime64(arguments.start)))
    if len(panel.sessions) - first < 2:
        raise NoData(
            f"Fewer than 2 sessions lie in the period for {', '.join(panel.symbols)}.", hint="Choose a longer one."
        )
    # One session more than the warm-up, so that the first decision can be filled as the period begins; where money
    # is paid in, the period itself says when.
    begin = max(0, first - warmup - (0 if isinstance(strategy, PaysIn) else 1))
    path = panel.to_market_path(sessions_per_year=prices.sessions_per_year).cut(begin)
    if events:
        path = dataclasses.replace(path, events=_events(context, events, instruments))
    return Prepared(
        strategy=strategy,
        prices=prices,
        path=path,
        skip=first - begin,
        costs=Costs(fee_bps=arguments.fee_bps, slippage_bps=arguments.slippage_bps, borrow_bps=arguments.borrow_bps),
        stops=stops,
        fills=FillTerms(at=arguments.fill_at, participation=arguments.participation),
        lag=arguments.lag,
    )


def _needs(strategy: Strategy, arguments: StrategyArguments) -> tuple[set[str], set[str]]:
    """Return the bar fields and the events that a strategy, its conditions and its stops look at."""
    from core.conditions.condition import read_condition

    texts = [arguments.enter, arguments.leave]
    inner: Any = getattr(strategy, "inner", strategy)
    if inner.name in ("timed", "timed_spread"):
        texts += [inner.buy, inner.sell, inner.short, inner.cover]
    conditions = [read_condition(text) for text in texts if text]
    fields = {field for condition in conditions for field in condition.needs}
    events = {event for condition in conditions for event in condition.events}
    if inner.name == "event_drift":
        events.add(inner.event.upper())
    if arguments.stop_loss or arguments.take_profit or arguments.trailing_stop or arguments.atr_stop:
        fields.add("high")
    if arguments.participation:
        fields.add("volume")
    return fields, events


def _events(context: ToolContext, names: set[str], instruments: tuple[Any, ...]) -> Any:
    calendar = context.desk.events.calendar(
        sorted(names), [part.instrument_id for part in instruments], as_of=context.as_of
    )
    missing = sorted(names - set(calendar.names))
    if missing:
        raise NoData(
            f"The desk stores no events {', '.join(missing)} for this.",
            hint="EARNINGS, FOMC, NFP and words of economic releases such as CPI are known where they are imported.",
        )
    return calendar


def symbols_of(context: ToolContext, symbols: Iterable[str]) -> frozenset[str]:
    """Return the canonical symbols, leaving out what is no longer known."""
    found = set()
    for symbol in symbols:
        try:
            found.add(context.desk.instruments.find(symbol).symbol)
        except QuantdeskError:
            continue
    return frozenset(found)


def count_trials(context: ToolContext, symbols: Iterable[str], own: Iterable[str]) -> tuple[int, int]:
    """Return how many different variants were tried on these symbols, and how many of them only the ledger knows.

    `own` are the keys of this result's variants; the ledger adds every finished run of RUNNERS on the same symbols.
    """
    wanted = symbols_of(context, symbols)
    declared = set(own)
    ledger: set[str] = set()
    for call in context.desk.calls.done(RUNNERS, before=context.as_of.recorded):
        if symbols_of(context, call.arguments.get("symbols", ())) == wanted:
            ledger |= set(_keys(call.arguments))
    return len(declared | ledger), len(ledger - declared)


def variant_key(strategy: Strategy, stops: Stops) -> str:
    """Return the text that says whether two variants are the same."""
    return f"{strategy!r} {stops!r}"


def _keys(arguments: dict[str, Any]) -> list[str]:
    """Return the keys of the variants of a recorded call; none for arguments of an older form."""
    from core.valuation.sweep import grid
    from core.valuation.terms import Stops

    kept = {name: value for name, value in arguments.items() if name in StrategyArguments.model_fields}
    try:
        given = StrategyArguments.model_validate(kept)
        axes = arguments.get("grid") or {}
        sets = grid(given.strategy, given.parameters, axes) if axes else [given.parameters]
        stops = Stops(
            loss=given.stop_loss,
            profit=given.take_profit,
            trailing=given.trailing_stop,
            atr=given.atr_stop,
            sessions=given.stop_sessions,
        )
    except (QuantdeskError, ValueError):
        return []
    keys = []
    for parameters in sets:
        try:
            keys.append(variant_key(load_strategy(given, parameters), stops))
        except QuantdeskError:
            continue
    return keys


def state_verdict(context: ToolContext, found: Honesty, undeclared: int) -> Table:
    """State how far the Sharpe ratio can be told from luck, and return the gate's conditions as a table."""
    context.fact("parameter variants tried", found.trials, "count")
    context.fact("of these known from earlier runs only", undeclared, "count")
    context.fact("Sharpe ratio expected of the luckiest of them", as_number(found.luck), "number")
    context.fact("deflated Sharpe ratio (probability)", as_number(found.deflated_sharpe), "ratio")
    context.fact("sessions needed to call the Sharpe ratio above 0", to_cell(found.least_sessions), "count")
    if found.overfitting_probability == found.overfitting_probability:
        context.fact("probability of backtest overfitting", as_number(found.overfitting_probability), "ratio")
    context.fact("passes the honesty gate", found.passed, "text")
    columns = (
        Column(name="condition", unit="text"),
        Column(name="found", unit="number"),
        Column(name="met", unit="text"),
    )
    rows = tuple(
        (check.name, as_number(check.found), {True: "yes", False: "no", None: "not asked"}[check.met])
        for check in found.checks
    )
    return Table(name="honesty", title="Honesty gate", columns=columns, rows=rows)


def check_grid(strategy: str, values: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return the axes of a sweep as tuples; raise InvalidInput for what is no list."""
    axes = {}
    for name, listed in values.items():
        if not isinstance(listed, list | tuple) or not listed:
            raise InvalidInput(f"The grid of {strategy} has {name}: {listed!r}, expected a list such as [10, 20, 50].")
        axes[name] = tuple(listed)
    return axes
