"""Compare what the account returned with what a symbol returned over the same sessions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from core.domain.as_of import AsOf
from core.domain.facts import Column
from core.errors import InvalidInput, NoData
from core.query.semantic.answer import Answer, Sources
from core.query.semantic.period import DateRange, Period, resolve
from core.query.semantic.prices import read_series
from core.query.semantic.returns import period_closes

if TYPE_CHECKING:
    from core.execution.books import Holdings
    from core.execution.stores import NavPoint


def against_benchmark(sources: Sources, answer: Answer, held: Holdings) -> None:
    """State the return of the whole account, that of the benchmark and their difference, as ratios.

    Both run from the close before the period, or the account's first, to the last close of the period. Raises
    InvalidInput for single symbols, and NoData when the account has fewer than two closes there or when money was
    paid in or out meanwhile: profit over value would then be no return.
    """
    query = answer.query
    if query.symbols:
        raise InvalidInput("A benchmark is for the whole account; leave the symbols out.")
    first, last = _ends(sources, answer)
    paid = _deposits(sources, answer, last) - _deposits(sources, answer, first)
    if paid:
        raise NoData(
            f"Money was paid in or out between {first.session} and {last.session}, so the account's return is not "
            "the change of its value.",
            hint="Ask for the profit, or for a period without payments.",
        )
    reference = Answer(query=query.model_copy(update={"symbols": (query.benchmark,)}), metric=answer.metric)
    window = DateRange(start=first.session + timedelta(days=1), end=last.session)
    (series,) = read_series(sources, reference, window, purpose="return")
    days, close = period_closes(series, window)
    answer.sql.extend(reference.sql)
    answer.sources.extend(reference.sources)
    own, other = float(last.nav / first.nav) - 1.0, float(close[-1] / close[0] - 1.0)
    answer.state("account return", own, "ratio")
    answer.state(f"{series.symbol} return", other, "ratio")
    answer.state("difference", own - other, "ratio")
    answer.state("from the close of", first.session.isoformat(), "date")
    answer.state("to the close of", last.session.isoformat(), "date")
    currency = held.account.currency
    answer.state("P&L of the period", float(last.nav - first.nav), "money", currency=currency)
    answer.table(
        [
            Column(name="of", unit="text"),
            Column(name="from the close of", unit="date"),
            Column(name="to the close of", unit="date"),
            Column(name="return", unit="ratio"),
        ],
        [
            ("account", first.session.isoformat(), last.session.isoformat(), own),
            (series.symbol, str(days[0]), str(days[-1]), other),
        ],
    )
    answer.bar_chart(["account", series.symbol], [own, other], unit="ratio")


def _ends(sources: Sources, answer: Answer) -> tuple[NavPoint, NavPoint]:
    period = answer.query.period
    window = resolve(period if not period.is_empty else Period(name="all"), sources.today)
    end, start = window.end or date.max, window.start or date.min
    history = [
        point
        for point in sources.books.nav_history(answer.query.account, sources.as_of)
        if point.session <= end and point.nav > 0
    ]
    inside = history[-window.sessions :] if window.sessions else [part for part in history if part.session >= start]
    before = len(history) - len(inside)
    if not inside or (before == 0 and len(inside) < 2):
        raise NoData("The account has fewer than two closes in the period.", hint="Choose a longer period.")
    if before == 0 and (window.start is not None or window.sessions):
        answer.note(f"The account is valued from {inside[0].session} on; both are measured from there.")
    return history[max(before - 1, 0)], inside[-1]


def _deposits(sources: Sources, answer: Answer, point: NavPoint) -> float:
    moment = AsOf(known=min(point.closed_at, sources.as_of.known), recorded=sources.as_of.recorded)
    return float(sources.books.holdings(answer.query.account, moment).deposits)
