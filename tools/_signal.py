"""Read what one saved strategy wants on the newest bars, and state the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

from core.errors import InvalidInput, NoData
from tools._prices import Window, as_number, column_closes, read_prices
from tools._protection import legs_for
from tools._strategy import StrategyArguments, prepare
from tools.context import ToolContext

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray
    from core.domain.market_records import Instrument
    from core.domain.owned_records import SavedStrategy
    from core.execution.live import Protection
    from core.execution.positions import Holding
    from core.execution.requests import LegRequest, TradeRequest
    from core.valuation.expected_value import ExpectedValue
    from core.valuation.recommendation import Action

RISK_SESSIONS = 250
RECENT = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Hold a strategy's standing targets and the total-return closes behind them, both (time, assets).

    `prices` are the last traded levels, by which shares are counted; `cost` is a ratio per fill.
    """

    instruments: tuple[Instrument, ...]
    times: DayArray
    targets: Float64Array
    close: Float64Array
    prices: tuple[float, ...]
    cost: float
    as_one: bool

    @property
    def session(self) -> date:
        """Return the newest session."""
        newest: date = self.times[-1].item()
        return newest

    def sessions_since(self, session: date) -> int:
        """Return how many sessions came after this one."""
        return int((self.times.astype("datetime64[D]").astype(object) > session).sum())

    @property
    def sessions_stood(self) -> int:
        """Return for how many sessions the sides of the targets have been those of now."""
        from core.valuation.recommendation import sessions_unchanged

        return sessions_unchanged(self.targets)

    def stands_since(self, session: date) -> bool:
        """Say whether the sides of the targets are those of this session."""
        return self.sessions_stood > self.sessions_since(session)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyPosition:
    """Hold what a strategy holds: shares and weights in the order of its instruments, joint profit per money in it.

    `costs` is what the shares were bought for, negative for what was sold short.
    """

    shares: tuple[Decimal, ...]
    costs: tuple[float, ...]
    weights: Float64Array
    profit: float


def read_signal(context: ToolContext, strategy: SavedStrategy) -> Signal:
    """Evaluate a strategy on all bars known at the call; raises NoData, InvalidInput and what its prices raise."""
    import numpy as np

    from core.ports.strategy import PriceHistory
    from core.strategies.spec import from_mapping
    from core.valuation.recommendation import standing_targets

    spec = from_mapping(strategy.spec)
    if not hasattr(spec.strategy, "weights"):
        raise InvalidInput(f"{spec.strategy.name} decides inside a backtest only, so it cannot be scanned.")
    arguments = StrategyArguments(
        strategy=spec.strategy.name,
        symbols=spec.symbols,
        parameters=strategy.spec.get("parameters") or {},
        fee_bps=spec.fee_bps,
        slippage_bps=spec.slippage_bps,
    )
    prepared = prepare(context, arguments)
    history = PriceHistory.of(prepared.path)
    traded = read_prices(context, spec.symbols, Window(start=context.as_of.known.date() - RECENT), "price")
    closes = [column_closes(traded.panel, place)[1] for place in range(len(traded.instruments))]
    missing = [part.symbol for part, close in zip(traded.instruments, closes, strict=True) if not len(close)]
    if missing:
        raise NoData(f"There is no recent price of {', '.join(missing)}.")
    return Signal(
        instruments=traded.instruments,
        times=history.times,
        targets=standing_targets(np.asarray(spec.strategy.weights(history), dtype=np.float64)),
        close=np.asarray(history.close, dtype=np.float64),
        prices=tuple(float(close[-1]) for close in closes),
        cost=(spec.fee_bps + spec.slippage_bps) / 10_000.0,
        as_one=spec.strategy.trades_as_one,
    )


def read_position(signal: Signal, held: Mapping[int, Holding], nav: float) -> StrategyPosition:
    """Value what a strategy holds at the last traded prices; `nav` is the account's value."""
    import numpy as np

    nothing = Decimal(0)
    shares = tuple(
        held[part.instrument_id].quantity if part.instrument_id in held else nothing for part in signal.instruments
    )
    values = np.array([float(count) * price for count, price in zip(shares, signal.prices, strict=True)])
    costs = np.array(
        [float(held[part.instrument_id].cost) if part.instrument_id in held else 0.0 for part in signal.instruments]
    )
    committed = float(np.abs(costs).sum())
    profit = float((values - costs).sum()) / committed if committed else 0.0
    return StrategyPosition(shares=shares, costs=tuple(costs.tolist()), weights=values / nav, profit=profit)


def trade_request(
    strategy: SavedStrategy,
    signal: Signal,
    position: StrategyPosition,
    wanted: Float64Array,
    *,
    nav: float,
    share: Decimal,
    reason: str,
    protection: Protection,
) -> TradeRequest:
    """Return the trade that brings a position towards wanted weights: `share` of the way, in whole lots.

    Sizes come from the risk core's fixed fraction. Of a single name the stop and target of `protection` come with it,
    to rest for the position that there is then. Raises InvalidInput when less than a lot is left of it.
    """
    from core.domain.trading_rules import LOTS
    from core.execution.requests import MOST_LEGS, LegRequest, TradeRequest
    from core.risk.sizing import SizingAccount, fixed_fraction

    legs = []
    for place, instrument in enumerate(signal.instruments):
        lot = LOTS.get(instrument.asset_class, Decimal(1))
        size = fixed_fraction(
            SizingAccount(equity=Decimal(repr(nav)), price=Decimal(repr(signal.prices[place])), lot=lot),
            fraction=Decimal(repr(float(wanted[place]))),
        )
        change = ((size.shares - position.shares[place]) * share / lot).to_integral_value(ROUND_DOWN) * lot
        if change:
            legs.append(
                LegRequest(symbol=instrument.symbol, side="buy" if change > 0 else "sell", quantity=abs(change))
            )
    if not legs or (signal.as_one and len(legs) < _legs_of(position, wanted)):
        raise InvalidInput(f"{strategy.weight:.1%} of the account is less than one lot of a leg of {strategy.name}.")
    kept: tuple[LegRequest, ...] = ()
    if len(signal.instruments) == 1:
        (leg,), (before,), (cost,), (price,) = legs, position.shares, position.costs, signal.prices
        assert leg.quantity is not None, "it was just counted"
        after = before + (leg.quantity if leg.side == "buy" else -leg.quantity)
        entered = _entered_at(float(before), float(after), cost, price)
        kept = legs_for(protection, symbol=leg.symbol, held=after, reference=entered) if after else ()
    return TradeRequest(
        # What is over the most that one proposal takes follows at the next scan.
        legs=(*sorted(legs, key=lambda leg: leg.side == "buy")[:MOST_LEGS], *kept),
        legging="bracket" if kept else "together",
        account_id=strategy.account_id,
        on_failure="unwind" if signal.as_one and len(legs) > 1 else "keep",
        reason=reason,
        author=strategy.strategy_id,
    )


def state_odds(context: ToolContext, strategy: SavedStrategy, signal: Signal, action: Action) -> ExpectedValue | None:
    """State what earlier decisions of this kind made over the strategy's horizon; None without two of them."""
    from core.valuation.expected_value import expected_value
    from core.valuation.recommendation import past_returns

    horizon = strategy.horizon_sessions
    past = past_returns(signal.targets, signal.close, action, horizon=horizon, cost=signal.cost)
    context.fact("horizon in sessions", horizon, "count")
    context.fact("earlier decisions of this kind", len(past), "count")
    if len(past) < 2:
        return None
    found = expected_value(past)
    context.fact("expected return over the horizon", as_number(found.mean), "ratio")
    context.fact("expected return standard error", as_number(found.standard_error), "ratio")
    context.fact("probability of a gain", found.probability_of_profit, "ratio")
    context.fact("probability of a gain, lower bound", found.probability_lower, "ratio")
    context.fact("probability of a gain, upper bound", found.probability_upper, "ratio")
    context.fact("costs in and out", 2.0 * signal.cost, "ratio")
    return found


def state_risk(context: ToolContext, signal: Signal, before: Float64Array, after: Float64Array) -> None:
    """State the one-session 97.5 % expected shortfall of the strategy's position before and after, of the account."""
    import numpy as np

    from core.risk.gate import expected_shortfall

    close = signal.close[np.isfinite(signal.close).all(axis=1)][-(RISK_SESSIONS + 1) :]
    if len(close) < 3:
        return
    covariance = np.atleast_2d(np.cov(close[1:] / close[:-1] - 1.0, rowvar=False))
    for when, weights in (("before", before), ("after", after)):
        context.fact(f"expected shortfall of a session {when}", expected_shortfall(weights, covariance)[0], "ratio")


def _entered_at(before: float, after: float, cost: float, price: float) -> float:
    """Return the average cost of a unit once a position has gone from `before` to `after` at a price."""
    if before * after <= 0.0:
        return price
    return (cost + (after - before) * price) / after if abs(after) > abs(before) else cost / before


def _legs_of(position: StrategyPosition, wanted: Any) -> int:
    return sum(1 for held, weight in zip(position.shares, wanted, strict=True) if held or weight)
