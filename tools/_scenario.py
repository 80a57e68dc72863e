"""Bring scenarios onto a book: past crises replayed or propagated, shocks written in words extended to everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InvalidInput, NoData, UnknownName
from tools._crisis import MARKETS, replay_crisis
from tools._factors import factor_history
from tools._prices import Window, read_prices

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_path import DayArray
    from core.simulators.conditional import Conditional, Covariance
    from core.simulators.crises import Crisis
    from core.simulators.shock_language import Shocks
    from tools._book import Book
    from tools.context import ToolContext


@dataclass(frozen=True, slots=True, kw_only=True)
class CrisisEffect:
    """Hold what a crisis does to the book: returns (holdings,) at its end, the book's worst point, and how.

    Where it was replayed, `times` and `values` (times,) follow the book's value; a propagated one has no path.
    """

    crisis: Crisis
    returns: Float64Array
    worst: float
    how: str
    remarks: tuple[str, ...]
    times: DayArray | None = None
    values: Float64Array | None = None


def crisis_effect(context: ToolContext, crisis: Crisis, book: Book, covariance: Covariance) -> CrisisEffect:
    """Replay a crisis on the book; where no prices reach back to it, propagate its published market moves instead."""
    import numpy as np

    from core.simulators.summary import book_values

    symbols = tuple(book.shares)
    try:
        path, remarks = replay_crisis(context, crisis, book)
    except NoData:
        named = _published(context, crisis, book)
        conditional = propagate(context, named, book, covariance, sessions=1)
        moves = np.maximum(conditional.mean[[conditional.assets.index(symbol) for symbol in symbols]], -1.0)
        profit = sum(book.values[symbol] * float(moves[k]) for k, symbol in enumerate(symbols))
        told = ", ".join(f"{name} {move:+.1%}" for name, move in named.items())
        remark = f"No prices reach back to {crisis.start}: published moves ({told}) propagated by today's covariance."
        return CrisisEffect(
            crisis=crisis, returns=moves, worst=min(profit / book.total, 0.0), how="propagated", remarks=(remark,)
        )
    start = np.array([book.last[symbol] for symbol in symbols])
    close = path.close[0]
    last = np.array([column[np.flatnonzero(np.isfinite(column))[-1]] for column in close.T])
    values = book_values(path, book.shares, cash=book.cash)[0]
    return CrisisEffect(
        crisis=crisis,
        returns=last / start - 1.0,
        worst=float(values.min() / values[0] - 1.0),
        how="replayed" if len(remarks) == 1 else "replayed, some by beta",
        remarks=tuple(remarks),
        times=path.times,
        values=values,
    )


def propagate(
    context: ToolContext, moves: dict[str, float], book: Book, covariance: Covariance, *, sessions: int
) -> Conditional:
    """Return the distribution of the book's symbols and the shocked factors given the moves."""
    from core.simulators.conditional import condition, covariance_of

    named, columns, returns = factor_history(context, moves, book)
    return condition(named, columns, covariance_of(returns, covariance), sessions=sessions)


def moves_of(context: ToolContext, shocks: Shocks) -> dict[str, float]:
    """Return written shocks as returns of symbols and changes of rates; raise InvalidInput where the kind is wrong."""
    levels: dict[str, float] = {}
    rates: set[str] = set()
    for shock in shocks.shocks:
        try:
            instrument = context.desk.instruments.find(shock.name)
        except UnknownName as unknown:
            try:
                context.desk.macro.find(shock.name)
            except UnknownName:
                raise unknown from None
            rates.add(shock.name)
            if shock.kind in ("multiple", "level"):
                raise InvalidInput(
                    f"Column {shock.column}: {shock.name} is a rate; give its change, such as {shock.name} +100bp."
                ) from None
            continue
        if shock.kind == "change":
            raise InvalidInput(
                f"Column {shock.column}: {shock.name} is a price; give a percentage, such as {shock.name} -10%."
            )
        if shock.kind == "level":
            panel = context.desk.bars.panel([instrument.instrument_id], purpose="price", as_of=context.as_of)
            known = panel.close[:, 0][panel.close[:, 0] == panel.close[:, 0]]
            levels[shock.name] = float(known[-1])
    return shocks.moves(levels)


def _published(context: ToolContext, crisis: Crisis, book: Book) -> dict[str, float]:
    """Return the published moves whose markets the desk has; the S&P 500 may stand as SPY."""
    from core.simulators.crises import BITCOIN, EQUITIES

    found: dict[str, float] = {}
    for name, move in crisis.moves.items():
        if name == BITCOIN:
            continue
        for known in MARKETS[::-1] if name == EQUITIES else (name,):
            if _is_known(context, known, book):
                found[known] = move
                break
    if not found:
        raise NoData(f"Neither prices nor market factors reach {crisis.title}.", hint="Load SPY or ^GSPC first.")
    return found


def _is_known(context: ToolContext, name: str, book: Book) -> bool:
    """Say whether a market has values on most of the sessions of the book's history."""
    sessions = book.prices.panel.sessions
    start = sessions[0].astype("datetime64[D]").item()
    try:
        count = len(read_prices(context, [name], Window(start=start), "return").panel.sessions)
    except (NoData, UnknownName):
        try:
            count = len(context.desk.macro.observations(name, as_of=context.as_of, start=start))
        except (NoData, UnknownName):
            return False
    return count > 0.8 * len(sessions)
