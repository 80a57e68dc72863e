"""Pair fills into trades, from flat to flat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.kernel import BoolArray, Float64Array, IntArray, kernel
from core.domain.market_path import MarketPath

REASONS = ("decision", "stop", "profit target", "trailing stop", "time stop", "spread stop", "ruin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """Hold fills as equal-length arrays: path, session and asset index, signed shares, price with slippage, fee.

    `reason` indexes REASONS.
    """

    path: IntArray
    session: IntArray
    asset: IntArray
    shares: Float64Array
    price: Float64Array
    fee: Float64Array
    reason: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """Hold round trips, from flat to flat, as equal-length arrays.

    `asset` is -1 for a spread whose legs form one trade (its prices and shares are then NaN). `entry` and
    `exit` are session indices; an `open` trade is marked at its last close. `entry_value` is the money
    committed by all opening fills, `pnl` is net of fees and slippage but without borrowing costs and dividends,
    `return_ratio` is pnl / entry_value. Shares and prices are in units after all splits. `reason` indexes REASONS:
    why the last fill was made.
    """

    path: IntArray
    asset: IntArray
    direction: IntArray
    entry: IntArray
    exit: IntArray
    shares: Float64Array
    entry_price: Float64Array
    exit_price: Float64Array
    entry_value: Float64Array
    pnl: Float64Array
    fees: Float64Array
    open: BoolArray
    reason: IntArray

    @property
    def return_ratio(self) -> Float64Array:
        """Return profit or loss per unit of money committed."""
        return self.pnl / self.entry_value

    def __len__(self) -> int:
        return len(self.pnl)


def pair_fills(fills: Fills, path: MarketPath, *, as_one: bool, splits: Float64Array | None = None) -> Trades:
    """Pair fills into trades of each asset, or of the whole spread (`as_one`); `splits` is that of Actions."""
    order = np.lexsort((fills.session, fills.asset, fills.path))
    keys = np.stack((fills.path[order], fills.asset[order], fills.session[order]))
    last_close = _last_close(path)
    shares, price = fills.shares[order], fills.price[order]
    if splits is not None:
        # New shares per share of each session: what splits after it made of one share.
        later = np.cumprod(splits[::-1], axis=0)[::-1] / splits
        ratio = later[fills.session[order], fills.asset[order]]
        shares, price = shares * ratio, price / ratio
    count, whole, real = round_trips_kernel(keys, shares, price, fills.fee[order], last_close, len(path.times) - 1)
    whole, real = whole[:, :count], real[:, :count]
    trades = Trades(
        path=whole[0],
        asset=whole[1],
        direction=whole[2],
        entry=whole[3],
        exit=whole[4],
        open=whole[5] > 0,
        shares=real[0],
        entry_price=real[1],
        exit_price=real[2],
        entry_value=real[3],
        pnl=real[4],
        fees=real[5],
        reason=fills.reason[order][whole[6]] if count else fills.reason[:0],
    )
    return _joined(trades) if as_one else trades


def _last_close(path: MarketPath) -> Float64Array:
    last = path.close[:, -1, :].astype(np.float64)
    if np.isfinite(last).all():
        return last
    traded = np.isfinite(path.close)
    sessions = np.where(traded, np.arange(len(path.times))[None, :, None], 0).max(axis=1)
    return np.take_along_axis(path.close, sessions[:, None, :], axis=1)[:, 0, :].astype(np.float64)


def _joined(legs: Trades) -> Trades:
    """Join leg trades that overlap in time on the same path into one trade of the spread."""
    order = np.lexsort((legs.entry, legs.path))
    group = np.zeros(len(legs), dtype=np.int64)
    until, count, path = -1, -1, -1
    for position, index in enumerate(order):
        if legs.path[index] != path or legs.entry[index] >= until:
            count += 1
            until = -1
        path = legs.path[index]
        until = max(until, int(legs.exit[index]) + (1 if legs.open[index] else 0))
        group[position] = count
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    first = order[starts]
    nothing = np.full(len(starts), np.nan)

    def total(part: Float64Array) -> Float64Array:
        return np.add.reduceat(part[order], starts) if len(starts) else part[:0]

    def latest(part: IntArray) -> IntArray:
        return np.maximum.reduceat(part[order], starts) if len(starts) else part[:0]

    # The direction of a spread is that of its body, the leg with the largest commitment.
    largest = [int(part[np.argmax(legs.entry_value[part])]) for part in np.split(order, starts[1:]) if len(part)]
    return Trades(
        path=legs.path[first],
        asset=np.full(len(starts), -1, dtype=np.int64),
        direction=legs.direction[np.array(largest, dtype=np.int64)],
        entry=legs.entry[first],
        exit=latest(legs.exit),
        shares=nothing,
        entry_price=nothing,
        exit_price=nothing,
        entry_value=total(legs.entry_value),
        pnl=total(legs.pnl),
        fees=total(legs.fees),
        open=latest(legs.open.astype(np.int64)) > 0,
        reason=latest(legs.reason),
    )


@kernel
def round_trips_kernel(
    keys: IntArray,
    shares: Float64Array,
    price: Float64Array,
    fee: Float64Array,
    last_close: Float64Array,
    last_session: int,
) -> tuple[int, IntArray, Float64Array]:
    """Pair fills, sorted by path, asset, session, into trades from flat to flat.

    A fill through zero closes one trade and opens the next, its fee split by shares. Returns the number
    of trades and, in their first columns, rows (path, asset, direction, entry, exit, open, last fill) and (largest
    position, average entry price, average exit price, entry value, pnl, fees). Open trades are marked at
    `last_close` (paths, assets).
    """
    count = shares.shape[0]
    whole = np.zeros((7, 2 * count), dtype=np.int64)
    real = np.zeros((6, 2 * count))
    held = 0.0
    found = -1
    bought = 0.0
    sold = 0.0
    returned = 0.0
    for i in range(count):
        fresh = i == 0 or keys[0, i] != keys[0, i - 1] or keys[1, i] != keys[1, i - 1]
        if fresh:
            held = 0.0
        left = shares[i]
        while left != 0.0:
            if held == 0.0:
                found += 1
                bought = 0.0
                sold = 0.0
                returned = 0.0
                whole[0, found] = keys[0, i]
                whole[1, found] = keys[1, i]
                whole[2, found] = 1 if left > 0.0 else -1
                whole[3, found] = keys[2, i]
                whole[5, found] = 1
            reduces = held * left < 0.0
            step = left if not reduces or abs(left) <= abs(held) else -held
            charge = fee[i] * abs(step) / abs(shares[i])
            if reduces:
                sold += abs(step)
                returned += abs(step) * price[i]
            else:
                bought += abs(step)
                real[3, found] += abs(step) * price[i]
            held = 0.0 if step == -held else held + step
            # Rounding residue of a closing fill counts as flat.
            if abs(held) <= 1e-12 * bought:
                held = 0.0
            left = 0.0 if step == left else left - step
            whole[6, found] = i
            real[0, found] = max(real[0, found], abs(held))
            if real[0, found] == 0.0:
                real[0, found] = abs(step)
            real[4, found] -= step * price[i] + charge
            real[5, found] += charge
            real[1, found] = real[3, found] / bought
            if sold > 0.0:
                real[2, found] = returned / sold
            if held == 0.0:
                whole[4, found] = keys[2, i]
                whole[5, found] = 0
        ends = i == count - 1 or keys[0, i] != keys[0, i + 1] or keys[1, i] != keys[1, i + 1]
        if ends and held != 0.0:
            close = last_close[keys[0, i], keys[1, i]]
            whole[4, found] = last_session
            real[2, found] = (returned + abs(held) * close) / (sold + abs(held))
            real[4, found] += held * close
    return found + 1, whole, real
