"""Size a position."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.domain.facts import Column, Frozen, Table, ToolResult
from core.errors import InvalidInput, NoData
from tools._prices import Window, column_closes, find_instruments, read_prices, simple_returns
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_records import Instrument
    from core.risk.sizing import Size, SizingAccount

Method = Literal[
    "fixed_fraction", "volatility_target", "kelly", "estimated_kelly", "risk_per_stop", "atr_risk", "cvar_budget"
]
MOST_WEIGHT = Decimal("0.25")
VOLATILITY_SESSIONS = 63


class SizePositionArguments(Frozen):
    """Ask how much to buy."""

    symbol: str = Field(description="Symbol or name.")
    method: Method = Field(default="volatility_target", description="How the size is decided.")
    target_weight: float | None = Field(default=None, gt=-1, le=1, description="fixed_fraction: share of equity.")
    target_volatility: float = Field(
        default=0.10, gt=0, lt=2, description="volatility_target: annual volatility the position may add to equity."
    )
    risk_fraction: float = Field(
        default=0.01,
        gt=0,
        lt=0.5,
        description="risk_per_stop, atr_risk: share of equity lost at the stop; cvar_budget: on the worst sessions.",
    )
    ranges: float = Field(default=2.0, gt=0, le=20, description="atr_risk: average true ranges to the stop.")
    stop_price: float | None = Field(default=None, gt=0, description="risk_per_stop: price of the stop.")
    stop_distance: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="risk_per_stop: distance of the stop below the price, a ratio (0.08 = 8 %).",
    )
    max_weight: float = Field(default=float(MOST_WEIGHT), gt=0, le=1, description="Largest weight allowed.")
    equity: float | None = Field(default=None, gt=0, description="Equity; the account's net asset value when left out.")
    account: str | None = Field(default=None, description="Account, when there are several.")


@tool(effect="compute", data="public")
def size_position(context: ToolContext, arguments: SizePositionArguments) -> ToolResult:
    """Decide how many shares of a symbol fit the account.

    By weight, volatility target, half Kelly, Kelly shrunk for the error of the estimated mean, risk to a stop, average
    true range, or a budget for the expected shortfall. Says the reasons, rounds down to whole lots and never exceeds
    the largest weight. Private when it uses the account's net asset value.
    """
    instrument = find_instruments(context, [arguments.symbol])[0]
    prices = read_prices(context, [arguments.symbol], Window(start=None, end=None), "return")
    _, close = column_closes(prices.panel, 0)
    if len(close) < 3:
        raise NoData(f"{instrument.symbol} has {len(close)} closes, expected at least 3 to measure its volatility.")
    price = float(close[-1])
    equity = arguments.equity if arguments.equity is not None else _equity(context, arguments.account)
    per_year = prices.sessions_per_year
    returns = simple_returns(close[-(VOLATILITY_SESSIONS + 1) :])
    volatility = float(returns.std(ddof=1) * per_year**0.5)
    long_run = simple_returns(close[-(5 * per_year) :])
    size = (
        _range_size(context, arguments, instrument, equity)
        if arguments.method == "atr_risk"
        else _size(arguments, instrument, equity, price, volatility, long_run, per_year)
    )
    money = instrument.currency
    context.fact("price", price, "money", currency=money)
    context.fact("equity", equity, "money", currency=money)
    context.fact("annualised volatility", volatility, "ratio")
    context.fact("shares", float(size.shares), "shares")
    context.fact("position value", float(size.value), "money", currency=money)
    context.fact("weight", float(size.weight), "ratio")
    reasons = Table(
        name="reasons",
        title=f"Why {instrument.symbol} gets this size",
        columns=(Column(name="reason", unit="text"),),
        rows=tuple((reason,) for reason in size.reasons),
    )
    notes = (*prices.remarks(), f"Volatility over the last {len(returns)} sessions, annualised by {per_year}.")
    return context.result(tables=[reasons], sql=[prices.panel.sql], sources=prices.sources(), notes=notes)


def _equity(context: ToolContext, account: str | None) -> float:
    context.raise_label("private")
    found = context.desk.books.account(account)
    return float(context.desk.books.holdings(found.account_id, context.as_of).nav)


def _range_size(context: ToolContext, arguments: SizePositionArguments, instrument: Instrument, equity: float) -> Size:
    """Size by the average true range of traded prices; needs a series with highs and lows."""
    import numpy as np

    from core.indicators.volatility import atr
    from core.risk.sizing import atr_risk

    panel = context.desk.bars.panel([instrument.instrument_id], purpose="price", as_of=context.as_of, needs="ohlc")
    if panel.high is None or panel.low is None:
        raise NoData(f"{instrument.symbol} has closes only, and an average true range needs highs and lows.")
    high, low, close = (np.asarray(part[:, 0], dtype=np.float64) for part in (panel.high, panel.low, panel.close))
    ranges = atr(high, low, close)
    last = int(np.flatnonzero(np.isfinite(ranges))[-1]) if np.isfinite(ranges).any() else -1
    if last < 0:
        raise NoData(f"{instrument.symbol} has too few sessions for an average true range, expected at least 15.")
    context.fact("average true range", float(ranges[last]), "money", currency=instrument.currency)
    return atr_risk(
        _account(arguments, instrument, equity, float(close[last])),
        risk_fraction=Decimal(repr(arguments.risk_fraction)),
        atr=float(ranges[last]),
        ranges=arguments.ranges,
    )


def _account(arguments: SizePositionArguments, instrument: Instrument, equity: float, price: float) -> SizingAccount:
    from core.risk.sizing import SizingAccount

    return SizingAccount(
        equity=Decimal(repr(round(equity, 2))),
        price=Decimal(repr(price)),
        lot=Decimal("0.0001") if instrument.asset_class == "crypto" else Decimal(1),
        max_weight=Decimal(repr(arguments.max_weight)),
    )


def _size(
    arguments: SizePositionArguments,
    instrument: Instrument,
    equity: float,
    price: float,
    volatility: float,
    long_run: Float64Array,
    per_year: int,
) -> Size:
    from core.risk import sizing

    expected_return = float(long_run.mean() * per_year)
    account = _account(arguments, instrument, equity, price)
    if arguments.method == "fixed_fraction":
        if arguments.target_weight is None:
            raise InvalidInput("fixed_fraction needs target_weight, such as 0.05 for 5 % of equity.")
        return sizing.fixed_fraction(account, fraction=Decimal(repr(arguments.target_weight)))
    if arguments.method == "volatility_target":
        return sizing.volatility_target(account, target=arguments.target_volatility, volatility=volatility)
    if arguments.method == "kelly":
        return sizing.kelly(account, expected_return=expected_return, volatility=volatility)
    if arguments.method == "estimated_kelly":
        return sizing.estimated_kelly(
            account,
            expected_return=expected_return,
            volatility=float(long_run.std(ddof=1) * per_year**0.5),
            years=len(long_run) / per_year,
        )
    if arguments.method == "cvar_budget":
        import numpy as np

        from core.risk.var import tail_risk

        shortfall = tail_risk(np.ones(1), long_run[:, None]).expected_shortfall
        return sizing.cvar_budget(account, budget=Decimal(repr(arguments.risk_fraction)), expected_shortfall=shortfall)
    stop = arguments.stop_price
    if stop is None and arguments.stop_distance is not None:
        stop = price * (1.0 - arguments.stop_distance)
    if stop is None:
        raise InvalidInput("risk_per_stop needs stop_price, or stop_distance such as 0.08 for 8 % below the price.")
    return sizing.risk_per_stop(
        account, risk_fraction=Decimal(repr(arguments.risk_fraction)), stop_price=Decimal(repr(round(stop, 6)))
    )
