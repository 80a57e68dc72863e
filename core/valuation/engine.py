"""Hold the kernel of the backtest: one loop over sessions that fills, stops, charges and marks."""

from __future__ import annotations

import numpy as np

from core.domain import fill_rules
from core.domain.kernel import Float64Array, kernel

PATH_TOTALS = ("fees", "slippage", "traded_value", "exposure", "invested", "ruined", "borrow", "dividends")
# Positions in `terms`, `state` and the rows of `book`.
(CAPITAL, FEE, SLIP, PER_SHARE, LEAST, BORROW, PER_YEAR, PART, LOT, SIZING, LAG, AT_CLOSE) = range(12)
(LOSS, PROFIT, TRAILING, HOLDING, ON_ENTRY, FROM_DECISION, AS_ONE) = range(12, 19)
(CASH, BEFORE, ALIVE, COUNT, COMMITTED, STARTED, PEAK) = range(7)
STATE = 7
(SHARES, PENDING, MARK, PRICE, STOP, TARGET, BEST, SINCE, BLOCKED, DISTANCE, REFERENCE, WHY) = range(12)
BOOK = 12
(FILL_SESSION, FILL_ASSET, FILL_SHARES, FILL_PRICE, FILL_FEE, FILL_REASON) = range(6)
# Reasons of fills, as in core.valuation.trades.REASONS.
(DECISION, STOPPED, PROFITED, TRAILED, AGED, SPREAD_STOP, RUIN) = range(7)

_slipped = kernel(fill_rules.slipped_price)
_stop_price = kernel(fill_rules.stop_price)
_limit_price = kernel(fill_rules.limit_price)
_commission = kernel(fill_rules.commission)
_fillable = kernel(fill_rules.fillable_shares)
_borrow_fee = kernel(fill_rules.borrow_fee)


def new_state(capital: float) -> Float64Array:
    """Return the state of an account before its first session."""
    state = np.zeros(STATE)
    state[CASH] = state[BEFORE] = capital
    state[ALIVE] = 1.0
    return state


def new_book(assets: int) -> Float64Array:
    """Return the book of an account that holds nothing."""
    book = np.zeros((BOOK, assets))
    book[PENDING] = np.nan
    book[PRICE] = np.nan
    return book


@kernel
def run_kernel(  # noqa: C901  # one loop over sessions, so that nothing is allocated inside
    close: Float64Array,
    open_: Float64Array,
    high: Float64Array,
    low: Float64Array,
    volume: Float64Array,
    dividends: Float64Array,
    splits: Float64Array,
    weights: Float64Array,
    distances: Float64Array,
    contributions: Float64Array,
    terms: Float64Array,
    begin: int,
    end: int,
    pause_on_fill: bool,
    state: Float64Array,
    book: Float64Array,
    equity: Float64Array,
    cash_out: Float64Array,
    returns: Float64Array,
    shares_out: Float64Array,
    fills: Float64Array,
    totals: Float64Array,
) -> int:
    """Walk the sessions from `begin` to before `end` of one path of shape (time, assets) and fill the outputs in place.

    Returns the next session: `end`, or earlier after a session with a fill (`pause_on_fill`) or when `fills` has no
    room for another session. `state` and `book` carry the account from call to call. Arrays that the source
    does not have, and outputs that are not wanted, are (0, 0); `fills` is (rows, 6).
    """
    sessions, assets = close.shape
    keep_shares = shares_out.shape[0] > 0
    keep_fills = fills.shape[0] > 0
    lag = int(terms[LAG])
    stops = terms[LOSS] > 0.0 or terms[PROFIT] > 0.0 or terms[TRAILING] > 0.0 or distances.shape[0] > 0
    as_one = terms[AS_ONE] > 0.0
    inside = stops and not as_one
    watched = stops or terms[HOLDING] > 0.0
    actions = dividends.shape[0] > 0
    at_open = terms[AT_CLOSE] == 0.0 and open_.shape[0] > 0
    # One asset that only waits or is only held needs little of what follows.
    plain = assets == 1 and not actions and terms[HOLDING] == 0.0
    t = begin - 1
    while t + 1 < end:
        t += 1
        lent = terms[BORROW] > 0.0 and book[SHARES, 0] < 0.0
        if plain and not lent and np.isnan(book[PENDING, 0]) and state[ALIVE] > 0.0:
            t = _coast(
                t, end, lag, close, open_, high, low, weights, contributions, terms, state, book, equity, cash_out,
                returns, shares_out, totals,
            )  # fmt: skip
            if t == end:
                return end
        if keep_fills and state[COUNT] + 3 * assets > fills.shape[0]:
            return t
        before_fills = state[COUNT]
        state[CASH] += contributions[t]
        base = state[BEFORE] + contributions[t]
        if actions:
            _apply_actions(t, dividends, splits, state, book, totals)
        waiting = False
        held = False
        for a in range(assets):
            if t >= lag and not np.isnan(weights[t - lag, a]):
                _take_decision(t, a, close, splits, weights, distances, terms, lag, book)
            price = close[t, a]
            if at_open and not np.isnan(open_[t, a]):
                price = open_[t, a]
            book[PRICE, a] = price
            shares = book[SHARES, a]
            if shares != 0.0:
                held = True
                if shares < 0.0 and terms[BORROW] > 0.0:
                    charge = _borrow_fee(-shares * book[MARK, a], terms[BORROW], terms[PER_YEAR])
                    state[CASH] -= charge
                    totals[6] += charge
            if not np.isnan(price):
                # At the open the account is worth its opening prices; a fill at the close comes after the bar's stops.
                book[MARK, a] = price
                if not np.isnan(book[PENDING, a]):
                    waiting = True
        alive = state[ALIVE] > 0.0
        if inside and held and alive:
            for a in range(assets):
                if book[SHARES, a] != 0.0 and not (at_open and not np.isnan(open_[t, a])):
                    _stop_inside(t, a, close, open_, high, low, volume, terms, state, book, fills, totals)
        if alive and waiting:
            _fill(t, volume, terms, state, book, fills, totals)
            held = True
        if inside and held and alive and at_open:
            for a in range(assets):
                live = book[SINCE, a] < t or terms[ON_ENTRY] > 0.0
                if book[SHARES, a] != 0.0 and live and not np.isnan(open_[t, a]):
                    _stop_inside(t, a, close, open_, high, low, volume, terms, state, book, fills, totals)
        worth = 0.0
        gross = 0.0
        if held:
            for a in range(assets):
                if not np.isnan(close[t, a]):
                    book[MARK, a] = close[t, a]
                worth += book[SHARES, a] * book[MARK, a]
                gross += abs(book[SHARES, a]) * book[MARK, a]
        worth += state[CASH]
        if gross > 0.0:
            totals[4] += 1.0 / sessions
            if alive and worth <= 0.0:
                _ruin(t, worth, state, book, fills)
                totals[5] = 1.0
                gross = 0.0
            elif watched:
                _watch(t, worth, terms, state, book, as_one)
        if worth > 0.0:
            totals[3] += gross / worth / sessions
        equity[t] = worth
        cash_out[t] = state[CASH]
        # Losing more than everything is a return of -1: growth ends at nothing, the debt shows in equity.
        returns[t] = max(worth / base - 1.0, -1.0) if base > 0.0 else 0.0
        state[BEFORE] = worth
        if keep_shares:
            for a in range(assets):
                shares_out[t, a] = book[SHARES, a]
        if pause_on_fill and state[COUNT] > before_fills:
            return t + 1
    return end


@kernel
def _coast(  # noqa: C901  # the inner loop of the inner loop
    begin: int,
    end: int,
    lag: int,
    close: Float64Array,
    open_: Float64Array,
    high: Float64Array,
    low: Float64Array,
    weights: Float64Array,
    contributions: Float64Array,
    terms: Float64Array,
    state: Float64Array,
    book: Float64Array,
    equity: Float64Array,
    cash_out: Float64Array,
    returns: Float64Array,
    shares_out: Float64Array,
    totals: Float64Array,
) -> int:
    """Pass over the sessions from `begin` in which one asset is neither decided nor stopped; return the next one.

    The same arithmetic as the loop of run_kernel, which goes on from there.
    """
    sessions = close.shape[0]
    keep_shares = shares_out.shape[0] > 0
    shares = book[SHARES, 0]
    cash = state[CASH]
    before = state[BEFORE]
    mark = book[MARK, 0]
    stop = book[STOP, 0]
    target = book[TARGET, 0]
    best = book[BEST, 0]
    trailing = terms[TRAILING]
    side = 1.0 if shares > 0.0 else -1.0
    has_open = open_.shape[0] > 0
    has_range = high.shape[0] > 0 and low.shape[0] > 0
    watched = shares != 0.0 and (stop > 0.0 or target > 0.0)
    exposure = 0.0
    invested = 0.0
    t = begin
    while t < end:
        if (t >= lag and not np.isnan(weights[t - lag, 0])) or contributions[t] != 0.0:
            break
        last = close[t, 0]
        if watched and not np.isnan(last):
            first = open_[t, 0] if has_open and not np.isnan(open_[t, 0]) else last
            top = max(first, last)
            bottom = min(first, last)
            if has_range and not np.isnan(high[t, 0]):
                top = max(top, high[t, 0])
            if has_range and not np.isnan(low[t, 0]):
                bottom = min(bottom, low[t, 0])
            # Whether it really stops is for the full loop to say.
            if side > 0.0:
                if (stop > 0.0 and bottom <= stop) or (target > 0.0 and top >= target):
                    break
            elif (stop > 0.0 and top >= stop) or (target > 0.0 and bottom <= target):
                break
        if not np.isnan(last):
            mark = last
        held = shares * mark
        worth = cash + held
        if shares != 0.0:
            if worth <= 0.0:
                break
            invested += 1.0 / sessions
            exposure += abs(held) / worth / sessions
            if trailing > 0.0:
                if side * (mark - best) > 0.0:
                    best = mark
                trail = best * (1.0 - side * trailing)
                if side * (trail - stop) > 0.0:
                    stop = trail
        equity[t] = worth
        cash_out[t] = cash
        returns[t] = max(worth / before - 1.0, -1.0) if before > 0.0 else 0.0
        before = worth
        if keep_shares:
            shares_out[t, 0] = shares
        t += 1
    state[BEFORE] = before
    book[MARK, 0] = mark
    book[STOP, 0] = stop
    book[BEST, 0] = best
    totals[3] += exposure
    totals[4] += invested
    return t


@kernel
def _apply_actions(
    t: int,
    dividends: Float64Array,
    splits: Float64Array,
    state: Float64Array,
    book: Float64Array,
    totals: Float64Array,
) -> None:
    # A dividend is stated per share held before the session, that is before a split of the same day.
    for a in range(book.shape[1]):
        if book[SHARES, a] != 0.0 and dividends[t, a] != 0.0:
            state[CASH] += book[SHARES, a] * dividends[t, a]
            totals[7] += book[SHARES, a] * dividends[t, a]
        ratio = splits[t, a]
        if ratio != 1.0 and not np.isnan(ratio):
            book[SHARES, a] *= ratio
            for row in (MARK, STOP, TARGET, BEST, REFERENCE):
                book[row, a] /= ratio


@kernel
def _take_decision(
    t: int,
    a: int,
    close: Float64Array,
    splits: Float64Array,
    weights: Float64Array,
    distances: Float64Array,
    terms: Float64Array,
    lag: int,
    book: Float64Array,
) -> None:
    wanted = weights[t - lag, a]
    if book[BLOCKED, a] * wanted > 0.0:
        return
    book[BLOCKED, a] = 0.0
    book[PENDING, a] = wanted
    book[WHY, a] = DECISION
    book[DISTANCE, a] = terms[LOSS]
    if distances.shape[0] > 0:
        book[DISTANCE, a] = distances[t - lag, a]
    reference = close[t - lag, a]
    if splits.shape[0] > 0:
        for s in range(t - lag + 1, t + 1):
            reference /= splits[s, a]
    book[REFERENCE, a] = reference


@kernel
def _fill(  # noqa: C901  # one fill of all legs
    t: int,
    volume: Float64Array,
    terms: Float64Array,
    state: Float64Array,
    book: Float64Array,
    fills: Float64Array,
    totals: Float64Array,
) -> None:
    assets = book.shape[1]
    worth = state[CASH]
    for a in range(assets):
        worth += book[SHARES, a] * book[MARK, a]
        if terms[AS_ONE] > 0.0 and not np.isnan(book[PENDING, a]) and np.isnan(book[PRICE, a]):
            # Half a spread is another bet: its legs wait for each other.
            return
    if worth <= 0.0:
        return
    unit = worth
    if terms[SIZING] == 0.0:
        unit = _after_costs(worth, terms, book)
    elif terms[SIZING] == 1.0:
        unit = terms[CAPITAL]
    # A spread fills in the proportion of its least liquid leg.
    share = 1.0
    if terms[PART] > 0.0 and terms[AS_ONE] > 0.0:
        for a in range(assets):
            change = abs(_change(a, unit, terms, book))
            if change > 0.0:
                share = min(share, _fillable(change, _traded(volume, t, a), terms[PART]) / change)
    opened = True
    for a in range(assets):
        opened = opened and book[SHARES, a] == 0.0
    committed = 0.0
    for a in range(assets):
        change = _change(a, unit, terms, book)
        if np.isnan(change):
            continue
        rest = False
        if terms[PART] > 0.0:
            size = abs(change) * share
            if terms[AS_ONE] == 0.0:
                size = _fillable(abs(change), _traded(volume, t, a), terms[PART])
            if terms[LOT] > 0.0:
                size = np.floor(size / terms[LOT] + 1e-9) * terms[LOT]
            rest = size < abs(change) * (1.0 - 1e-12)
            change = size if change > 0.0 else -size
        if not rest:
            book[PENDING, a] = np.nan
        if abs(change) * book[PRICE, a] <= 1e-12 * worth:
            continue
        committed += abs(change) * book[PRICE, a]
        _trade(t, a, change, book[PRICE, a], terms[SLIP], int(book[WHY, a]), terms, state, book, fills, totals)
    if opened and committed > 0.0:
        state[COMMITTED] = 0.0
        state[STARTED] = worth
        state[PEAK] = 0.0
    gross = 0.0
    for a in range(assets):
        gross += abs(book[SHARES, a]) * book[MARK, a]
    state[COMMITTED] = max(state[COMMITTED], gross)


@kernel
def _traded(volume: Float64Array, t: int, a: int) -> float:
    if volume.shape[0] == 0 or np.isnan(volume[t, a]):
        return 0.0
    return float(volume[t, a])


@kernel
def _change(a: int, unit: float, terms: Float64Array, book: Float64Array) -> float:
    # Shares to trade now, NaN where nothing waits or nothing can be traded.
    wanted = book[PENDING, a]
    if np.isnan(wanted) or np.isnan(book[PRICE, a]):
        return np.nan
    target = wanted if terms[SIZING] == 2.0 else wanted * unit / book[PRICE, a]
    if terms[LOT] > 0.0:
        lots = np.floor(abs(target) / terms[LOT] + 1e-9) * terms[LOT]
        target = lots if target > 0.0 else -lots
    return float(target - book[SHARES, a])


@kernel
def _trade(
    t: int,
    a: int,
    change: float,
    price: float,
    slip: float,
    reason: int,
    terms: Float64Array,
    state: Float64Array,
    book: Float64Array,
    fills: Float64Array,
    totals: Float64Array,
) -> None:
    # Book one fill and, where it opens a position, set its stop and target.
    paid = _slipped(price, 1 if change > 0.0 else -1, slip)
    charge = _commission(paid, abs(change), terms[FEE], terms[PER_SHARE], terms[LEAST])
    before = book[SHARES, a]
    after = before + change
    # What rounding leaves of a closed position is nothing.
    if abs(after) <= 1e-12 * abs(change):
        after = 0.0
    state[CASH] -= change * paid + charge
    book[SHARES, a] = after
    totals[0] += charge
    totals[1] += abs(change) * price * slip
    totals[2] += abs(change) * price
    if fills.shape[0] > 0:
        row = int(state[COUNT])
        fills[row, FILL_SESSION] = t
        fills[row, FILL_ASSET] = a
        fills[row, FILL_SHARES] = change
        fills[row, FILL_PRICE] = paid
        fills[row, FILL_FEE] = charge
        fills[row, FILL_REASON] = reason
    state[COUNT] += 1.0
    if after * before <= 0.0 and after != 0.0:
        side = 1.0 if after > 0.0 else -1.0
        start = book[REFERENCE, a] if terms[FROM_DECISION] > 0.0 else paid
        distance = book[DISTANCE, a]
        book[SINCE, a] = t
        book[BEST, a] = start
        book[STOP, a] = start * (1.0 - side * distance) if distance > 0.0 else 0.0
        if terms[TRAILING] > 0.0:
            trail = start * (1.0 - side * terms[TRAILING])
            if book[STOP, a] == 0.0 or side * (trail - book[STOP, a]) > 0.0:
                book[STOP, a] = trail
        book[TARGET, a] = start * (1.0 + side * terms[PROFIT]) if terms[PROFIT] > 0.0 else 0.0


@kernel
def _stop_inside(
    t: int,
    a: int,
    close: Float64Array,
    open_: Float64Array,
    high: Float64Array,
    low: Float64Array,
    volume: Float64Array,
    terms: Float64Array,
    state: Float64Array,
    book: Float64Array,
    fills: Float64Array,
    totals: Float64Array,
) -> None:
    # core.domain.fill_rules.exit_price, with the reason of the exit.
    last = close[t, a]
    if np.isnan(last):
        return
    first = last if open_.shape[0] == 0 or np.isnan(open_[t, a]) else open_[t, a]
    top = max(first, last) if high.shape[0] == 0 or np.isnan(high[t, a]) else high[t, a]
    bottom = min(first, last) if low.shape[0] == 0 or np.isnan(low[t, a]) else low[t, a]
    side = 1 if book[SHARES, a] > 0.0 else -1
    stop = book[STOP, a]
    target = book[TARGET, a]
    price = 0.0
    reason = PROFITED
    if target > 0.0 and side * (first - target) >= 0.0:
        price = first
    else:
        if stop > 0.0:
            price = _stop_price(-side, stop, first, top, bottom)
            # A stop that has moved since the entry is the trailing one.
            moved = side * (stop - book[BEST, a] * (1.0 - side * terms[TRAILING])) >= 0.0
            reason = TRAILED if terms[TRAILING] > 0.0 and moved else STOPPED
        if price <= 0.0 and target > 0.0:
            price = _limit_price(-side, target, first, top, bottom)
            reason = PROFITED
    if price <= 0.0:
        return
    change = -book[SHARES, a]
    # A decision to leave or turn that waits for this close stays, and has let go of the position already.
    if np.isnan(book[PENDING, a]) or book[PENDING, a] * side > 0.0:
        book[PENDING, a] = np.nan
        book[BLOCKED, a] = side
    if terms[PART] > 0.0:
        size = _fillable(abs(change), _traded(volume, t, a), terms[PART])
        if terms[LOT] > 0.0 and size < abs(change):
            size = np.floor(size / terms[LOT] + 1e-9) * terms[LOT]
        if size < abs(change):
            if np.isnan(book[PENDING, a]):
                book[PENDING, a] = 0.0
                book[WHY, a] = reason
            if size <= 0.0:
                return
            change = size if change > 0.0 else -size
    _trade(t, a, change, price, 0.0 if reason == PROFITED else terms[SLIP], reason, terms, state, book, fills, totals)


@kernel
def _watch(t: int, worth: float, terms: Float64Array, state: Float64Array, book: Float64Array, as_one: bool) -> None:
    # After the close: move trailing stops, end what is too old, look at the joint profit or loss of a spread.
    leave = 0
    if as_one:
        ratio = (worth - state[STARTED]) / state[COMMITTED]
        state[PEAK] = max(state[PEAK], ratio)
        down = terms[LOSS] > 0.0 and ratio <= -terms[LOSS]
        back = terms[TRAILING] > 0.0 and ratio <= state[PEAK] - terms[TRAILING]
        up = terms[PROFIT] > 0.0 and ratio >= terms[PROFIT]
        leave = SPREAD_STOP if down or back else PROFITED if up else 0
    for a in range(book.shape[1]):
        shares = book[SHARES, a]
        if shares == 0.0:
            continue
        side = 1.0 if shares > 0.0 else -1.0
        if terms[TRAILING] > 0.0 and not as_one:
            if side * (book[MARK, a] - book[BEST, a]) > 0.0:
                book[BEST, a] = book[MARK, a]
            trail = book[BEST, a] * (1.0 - side * terms[TRAILING])
            if side * (trail - book[STOP, a]) > 0.0:
                book[STOP, a] = trail
        reason = leave
        if reason == 0 and terms[HOLDING] > 0.0 and t - book[SINCE, a] + 1.0 >= terms[HOLDING]:
            reason = AGED
        if reason != 0 and np.isnan(book[PENDING, a]):
            book[PENDING, a] = 0.0
            book[BLOCKED, a] = side
            book[WHY, a] = reason


@kernel
def _ruin(t: int, worth: float, state: Float64Array, book: Float64Array, fills: Float64Array) -> None:
    # Everything is closed at the last price, without costs: there is nothing left to pay them from.
    state[ALIVE] = 0.0
    state[CASH] = worth
    for a in range(book.shape[1]):
        if book[SHARES, a] == 0.0:
            continue
        if fills.shape[0] > 0:
            row = int(state[COUNT])
            fills[row, FILL_SESSION] = t
            fills[row, FILL_ASSET] = a
            fills[row, FILL_SHARES] = -book[SHARES, a]
            fills[row, FILL_PRICE] = book[MARK, a]
            fills[row, FILL_FEE] = 0.0
            fills[row, FILL_REASON] = RUIN
        state[COUNT] += 1.0
        book[SHARES, a] = 0.0


@kernel
def _after_costs(worth: float, terms: Float64Array, book: Float64Array) -> float:
    # Equity after costs solves net = worth - cost(net); the cost rate makes this a contraction.
    net = worth
    slip = terms[SLIP]
    if terms[FEE] == 0.0 and slip == 0.0 and terms[PER_SHARE] == 0.0 and terms[LEAST] == 0.0:
        return net
    for _ in range(50):
        cost = 0.0
        for a in range(book.shape[1]):
            if np.isnan(book[PENDING, a]) or np.isnan(book[PRICE, a]):
                continue
            price = book[PRICE, a]
            change = book[PENDING, a] * net / price - book[SHARES, a]
            paid = _slipped(price, 1 if change > 0.0 else -1, slip)
            cost += abs(change) * price * slip
            cost += _commission(paid, abs(change), terms[FEE], terms[PER_SHARE], terms[LEAST])
        improved = worth - cost
        if abs(improved - net) <= 1e-15 * worth:
            return improved
        net = improved
    return net
