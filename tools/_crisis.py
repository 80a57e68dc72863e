"""Replay a crisis onto a book; holdings that did not trade then move by their beta to the market."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import NoData, UnknownName
from tools._prices import Prices, Window, common_returns, read_prices

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import MarketPath
    from core.simulators.crises import Crisis
    from tools._book import Book
    from tools.context import ToolContext

MARKETS = ("SPY", "^GSPC")


def replay_crisis(context: ToolContext, crisis: Crisis, book: Book) -> tuple[MarketPath, list[str]]:
    """Return one path of today's prices through the crisis, columns in the book's order, and remarks.

    A holding without prices at the start of the crisis moves by its beta to the market (SPY or the S&P 500),
    estimated on the book's own history. Raises NoData when the market has no prices then either.
    """
    import numpy as np

    from core.simulators.historical import replay_onto

    symbols = tuple(book.shares)
    window = Window(start=crisis.start.replace(year=crisis.start.year - 1), end=crisis.end)
    there = [symbol for symbol in symbols if _trades_through(context, symbol, window, crisis)]
    missing = [symbol for symbol in symbols if symbol not in there]
    market = _market(context, window, crisis) if missing else None
    read = (*there, *((market,) if market and market not in there else ()))
    prices = read_prices(context, read, window, "return")
    start = np.array([book.last.get(symbol, 1.0) for symbol in prices.panel.symbols])
    history = prices.panel.to_market_path(sessions_per_year=prices.sessions_per_year)
    path = replay_onto(history, crisis.start, crisis.end, start, as_of=context.as_of.known)
    remarks = [f"Returns of {crisis.start} to {crisis.end} applied to today's positions, held fixed."]
    if market and missing:
        betas = {symbol: _beta(context, book, symbol, market) for symbol in missing}
        named = ", ".join(f"{symbol} {beta:.2f}" for symbol, beta in betas.items())
        remarks.append(f"No prices then; moved by today's beta to {market}: {named}.")
        path = _with_proxies(path, market, betas, book)
    order = [path.assets.index(symbol) for symbol in symbols]
    return replace(
        path, close=path.close[:, :, order], assets=symbols, open=None, high=None, low=None, volume=None
    ), remarks


def _trades_through(context: ToolContext, symbol: str, window: Window, crisis: Crisis) -> bool:
    try:
        sessions = read_prices(context, [symbol], window, "return").panel.sessions
    except NoData:
        return False
    return bool(
        sessions[0].astype("datetime64[D]").item() < crisis.start <= sessions[-1].astype("datetime64[D]").item()
    )


def _market(context: ToolContext, window: Window, crisis: Crisis) -> str:
    for name in MARKETS:
        try:
            found: Prices = read_prices(context, [name], window, "return")
        except (NoData, UnknownName):
            continue
        if found.panel.sessions[0].astype("datetime64[D]").item() < crisis.start:
            return found.panel.symbols[0]
    raise NoData(
        f"{crisis.title} ({crisis.start} to {crisis.end}) cannot be replayed: the market has no prices then.",
        hint="Give shocks instead, such as SPY -40%.",
    )


def _beta(context: ToolContext, book: Book, symbol: str, market: str) -> float:
    from core.risk.beta import estimate_betas

    if symbol == market:
        return 1.0
    start = book.prices.panel.sessions[0].astype("datetime64[D]").item()
    panel = read_prices(context, [symbol, market], Window(start=start, end=None), "return").panel
    _, returns = common_returns(panel)
    return float(estimate_betas(returns[:, :1], returns[:, 1:])[0, 0])


def _with_proxies(path: MarketPath, market: str, betas: dict[str, float], book: Book) -> MarketPath:
    import numpy as np

    level = np.asarray(path.close[0, :, path.assets.index(market)], dtype=np.float64)
    moves = _filled_returns(level)
    columns = [
        book.last[symbol] * np.cumprod(np.concatenate((np.ones(1), np.maximum(1.0 + beta * moves, 0.0))))
        for symbol, beta in betas.items()
    ]
    close = np.concatenate((path.close[0], np.stack(columns, axis=1)), axis=1)[None, :, :]
    return replace(path, close=close, assets=(*path.assets, *betas), open=None, high=None, low=None, volume=None)


def _filled_returns(level: Float64Array) -> Float64Array:
    import numpy as np

    last = np.maximum.accumulate(np.where(np.isfinite(level), np.arange(len(level)), 0))
    filled = level[last]
    return filled[1:] / filled[:-1] - 1.0
