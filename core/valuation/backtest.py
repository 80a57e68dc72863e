"""Run a strategy over a market path: fills in the session after the decision, stops, costs, equity, trades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.domain.kernel import BoolArray, Float64Array
from core.domain.market_path import DayArray, FloatArray, MarketPath
from core.errors import InvalidInput
from core.ports.strategy import PaysIn, PriceHistory, Session, Strategy, Waking
from core.valuation import engine
from core.valuation.engine import PATH_TOTALS, new_book, new_state, run_kernel
from core.valuation.terms import Actions, Costs, FillTerms, Stops
from core.valuation.trades import Fills, Trades, pair_fills

Record = Literal["all", "equity"]
_NOTHING = np.empty((0, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """Hold what a strategy did on each path.

    `equity` and `cash` are (paths, time) at the close; `returns` likewise, time-weighted: each session's
    equity over the previous equity plus money paid in; 0 in the first session, when nothing can be held
    yet, and -1 where more than everything was lost. `shares` (paths, time, assets), `fills` and `trades` are
    None when only equity was recorded. `contributions` is money paid in, (paths, time). `fees`, `slippage`,
    `borrow`, `dividends` (received less paid) and `traded_value` (money), `exposure` (mean gross exposure, ratio),
    `invested` (share of sessions with a position) and `ruined` are (paths,). `fill_rule` says which price fills took.
    """

    strategy: str
    assets: tuple[str, ...]
    times: DayArray
    sessions_per_year: int
    capital: float
    costs: Costs
    execution_lag: int
    fill_rule: str
    equity: Float64Array
    cash: Float64Array
    returns: Float64Array
    contributions: Float64Array
    fees: Float64Array
    slippage: Float64Array
    borrow: Float64Array
    dividends: Float64Array
    traded_value: Float64Array
    exposure: Float64Array
    invested: Float64Array
    ruined: BoolArray
    shares: Float64Array | None = None
    fills: Fills | None = None
    trades: Trades | None = None


def run(
    strategy: Strategy | Waking,
    path: MarketPath,
    *,
    costs: Costs | None = None,
    capital: float = 100_000.0,
    execution_lag: int = 1,
    stops: Stops | None = None,
    terms: FillTerms | None = None,
    actions: Actions | None = None,
    record: Record = "all",
) -> BacktestResult:
    """Run a strategy on every path of a MarketPath.

    A decision at the close of t is filled in session t + `execution_lag` (>= 1) as `terms` says, by default at
    its open where there is one, else at its close; an asset that does not trade then is filled in its next session,
    a spread when all legs trade. Shares are sized so that the target weights hold on equity after costs.
    Holdings are marked at the last close. `stops` end positions on their own; `actions` belong to raw prices. A
    path whose equity reaches zero is liquidated and stays out. `record="equity"` leaves out shares, fills and
    trades, for many paths. Raises InvalidInput for inputs that do not fit.
    """
    costs, stops, terms = costs or Costs(), stops or Stops(), terms or FillTerms()
    _check(strategy, path, capital, execution_lag, terms, actions)
    paths, sessions, assets = path.close.shape
    everything = record == "all"
    equity, cash, returns = (np.empty((paths, sessions)) for _ in range(3))
    contributions = np.zeros((paths, sessions))
    shares = np.zeros((paths, sessions, assets) if everything else (0, 0, 0))
    totals = np.zeros((paths, len(PATH_TOTALS)))
    numbers = _numbers(costs, stops, terms, capital, execution_lag, path, strategy)
    rows: list[Float64Array] = []
    for index in range(paths):
        history = PriceHistory.of(path, index)
        if isinstance(strategy, PaysIn):
            contributions[index] = strategy.contributions(history)
        walk = _Walk(
            history,
            numbers,
            stops.distances(history),
            contributions[index],
            actions,
            (equity[index], cash[index], returns[index], shares[index] if everything else _NOTHING),
            totals[index],
            keep_fills=everything,
        )
        if isinstance(strategy, Waking):
            walk.wake(strategy)
        else:
            walk.follow(_decide(strategy, history))
        if everything:
            rows.append(walk.recorded())
    by_name = dict(zip(PATH_TOTALS, totals.T, strict=True))
    fills = _fills(rows) if everything else None
    splits = None if actions is None else actions.splits
    return BacktestResult(
        strategy=strategy.name,
        assets=path.assets,
        times=path.times,
        sessions_per_year=path.sessions_per_year,
        capital=capital,
        costs=costs,
        execution_lag=execution_lag,
        fill_rule="next close" if path.open is None or terms.at == "close" else "next open",
        equity=equity,
        cash=cash,
        returns=returns,
        contributions=contributions,
        fees=by_name["fees"],
        slippage=by_name["slippage"],
        borrow=by_name["borrow"],
        dividends=by_name["dividends"],
        traded_value=by_name["traded_value"],
        exposure=by_name["exposure"],
        invested=by_name["invested"],
        ruined=by_name["ruined"] > 0.0,
        shares=shares if everything else None,
        fills=fills,
        trades=None if fills is None else pair_fills(fills, path, as_one=strategy.trades_as_one, splits=splits),
    )


class _Walk:
    """Walk one path with the kernel, giving way to a strategy that wants to be asked on the way."""

    def __init__(
        self,
        history: PriceHistory,
        numbers: Float64Array,
        distances: Float64Array,
        contributions: Float64Array,
        actions: Actions | None,
        outputs: tuple[Float64Array, Float64Array, Float64Array, Float64Array],
        totals: Float64Array,
        *,
        keep_fills: bool,
    ) -> None:
        self.history = history
        self.state = new_state(numbers[engine.CAPITAL])
        self.book = new_book(len(history.assets))
        self._sessions = len(history.times)
        self._keep = keep_fills
        room = 64 + 3 * len(history.assets)
        self._fills = np.empty((room, 6)) if keep_fills else _NOTHING
        self._equity = outputs[0]
        bars = (history.close, history.open, history.high, history.low, history.volume)
        self._bars = [_NOTHING if part is None else _contiguous(part) for part in bars]
        kept = (_NOTHING, _NOTHING) if actions is None else (actions.dividends, actions.splits)
        self._actions = [_contiguous(part) for part in kept]
        self._rest = (distances, contributions, numbers)
        self._outputs = (*outputs, totals)

    def follow(self, weights: Float64Array) -> None:
        """Walk all sessions with decisions made beforehand."""
        at = 0
        while at < self._sessions:
            at = self._advance(at, self._sessions, weights, pause=False)

    def wake(self, strategy: Waking) -> None:
        """Walk to each session that the strategy asked for, and to each fill, and let it decide at the close there."""
        weights = np.full(self.history.close.shape, np.nan)
        asked = np.flatnonzero(strategy.wakes(self.history))
        seen = 0.0
        at = 0
        position = 0
        while at < self._sessions:
            while position < len(asked) and asked[position] < at:
                position += 1
            until = int(asked[position]) + 1 if position < len(asked) else self._sessions
            reached = self._advance(at, until, weights, pause=True)
            filled = self.state[engine.COUNT] > seen
            seen = self.state[engine.COUNT]
            if reached > at and (filled or (position < len(asked) and reached == until)):
                view = Session(
                    index=reached - 1,
                    history=self.history,
                    shares=self.book[engine.SHARES].copy(),
                    equity=float(self._equity[reached - 1]),
                    filled=filled,
                )
                decision = strategy.decide(view)
                if decision is not None:
                    weights[reached - 1] = decision
            at = reached

    def _advance(self, at: int, until: int, weights: Float64Array, *, pause: bool) -> int:
        close, open_, high, low, volume = self._bars
        dividends, splits = self._actions
        distances, contributions, numbers = self._rest
        equity, cash, returns, shares, totals = self._outputs
        reached = run_kernel(
            close, open_, high, low, volume, dividends, splits, weights, distances, contributions, numbers, at, until,
            pause, self.state, self.book, equity, cash, returns, shares, self._fills, totals,
        )  # fmt: skip
        used = self.state[engine.COUNT] + 3 * len(self.history.assets)
        if reached < until and self._keep and used > len(self._fills):
            self._fills = np.concatenate((self._fills, np.empty((3 * len(self._fills), 6))))
        return int(reached)

    def recorded(self) -> Float64Array:
        """Return the fills so far, (fills, 6)."""
        return self._fills[: int(self.state[engine.COUNT])]


def _numbers(
    costs: Costs,
    stops: Stops,
    terms: FillTerms,
    capital: float,
    execution_lag: int,
    path: MarketPath,
    strategy: Strategy | Waking,
) -> Float64Array:
    return np.array(
        [
            capital,
            costs.fee_bps / 1e4,
            costs.slippage_bps / 1e4,
            costs.fee_per_share,
            costs.least_fee,
            costs.borrow_bps / 1e4,
            path.sessions_per_year,
            terms.participation,
            terms.lot,
            ("equity", "notional", "shares").index(terms.sizing),
            execution_lag,
            terms.at == "close",
            stops.loss,
            stops.profit,
            stops.trailing,
            stops.sessions,
            stops.on_entry_bar,
            stops.reference == "decision",
            strategy.trades_as_one and len(path.assets) > 1,
        ],
        dtype=np.float64,
    )


def _check(
    strategy: Strategy | Waking,
    path: MarketPath,
    capital: float,
    execution_lag: int,
    terms: FillTerms,
    actions: Actions | None,
) -> None:
    if strategy.legs is not None and strategy.legs != len(path.assets):
        raise InvalidInput(
            f"Strategy {strategy.name} needs {strategy.legs} assets, got {len(path.assets)}: {', '.join(path.assets)}."
        )
    if not capital >= 0.0 or (capital == 0.0 and not isinstance(strategy, PaysIn)):
        raise InvalidInput(f"capital is {capital!r}, expected an amount above 0.")
    if execution_lag < 1:
        raise InvalidInput(
            f"execution_lag is {execution_lag}, expected at least 1.", hint="A fill at the deciding close looks ahead."
        )
    if len(path.times) < 2:
        raise InvalidInput(f"The path has {len(path.times)} sessions, expected at least 2.")
    if np.any(path.close <= 0.0):
        raise InvalidInput("The path holds prices at or below 0, expected positive prices.")
    if terms.participation and path.volume is None:
        raise InvalidInput("Fills limited to a share of volume need prices with volume; this source has none.")
    if actions is not None:
        if path.price_basis != "raw":
            raise InvalidInput(f"The prices are {path.price_basis}; corporate actions belong to raw prices only.")
        for part in (actions.dividends, actions.splits):
            if part.shape != path.close.shape[1:]:
                raise InvalidInput(f"Corporate actions have shape {part.shape}, expected {path.close.shape[1:]}.")


def _decide(strategy: Strategy, history: PriceHistory) -> Float64Array:
    weights = strategy.weights(history)
    if weights.shape != history.close.shape:
        raise InvalidInput(
            f"Strategy {strategy.name} returned weights of shape {weights.shape}, expected {history.close.shape}."
        )
    if np.isinf(weights).any():
        raise InvalidInput(f"Strategy {strategy.name} returned an infinite weight.")
    return _contiguous(weights)


def _contiguous(part: FloatArray) -> Float64Array:
    # Read-only arrays would compile the kernel a second time.
    return np.require(part, np.float64, ["C", "W"])


def _fills(rows: list[Float64Array]) -> Fills:
    path = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    whole = np.concatenate(rows)
    return Fills(
        path=path.astype(np.int64),
        session=whole[:, engine.FILL_SESSION].astype(np.int64),
        asset=whole[:, engine.FILL_ASSET].astype(np.int64),
        shares=whole[:, engine.FILL_SHARES].copy(),
        price=whole[:, engine.FILL_PRICE].copy(),
        fee=whole[:, engine.FILL_FEE].copy(),
        reason=whole[:, engine.FILL_REASON].astype(np.int64),
    )
