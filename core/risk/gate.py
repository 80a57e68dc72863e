"""Judge an order by what the market says of the book: shortfall, correlation, volume, drawdown, rate. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.kernel import Float64Array

if TYPE_CHECKING:
    from core.risk.limits import Book, Limits, OrderRequest, Verdict

ZERO = Decimal(0)
# Mean loss beyond the 97.5 % quantile of a standard normal: density at the quantile over 2.5 % (McNeil et al., 2015).
ES_FACTOR = 2.3378027922014133


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Hold where an account stands: highest equity at a close so far, equity that the day began with (payments since
    then included), orders written in the last minute, and whether only reductions may leave.
    """

    peak_equity: Decimal | None = None
    day_equity: Decimal | None = None
    orders_last_minute: int = 0
    reduce_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRisk:
    """Hold what was computed ahead: per-session covariance (assets, assets) of simple returns and its correlation in
    the order of `index`, and the mean shares traded in a session.
    """

    index: Mapping[str, int]
    covariance: Float64Array
    correlation: Float64Array
    average_volume: Mapping[str, Decimal]


def judge_standing(order: OrderRequest, book: Book, after: Book, limits: Limits, standing: Standing) -> list[Verdict]:
    """Judge by the account's history: drawdown ladder, loss of the day, order rate, reduce-only."""
    found = []
    equity = book.equity
    held = book.holdings[order.symbol].quantity if order.symbol in book.holdings else ZERO
    reduces = abs(held + order.signed_quantity) < abs(held) and held * (held + order.signed_quantity) >= 0
    if standing.reduce_only:
        found.append(_reduce_only("reduce_only", reduces, ZERO, ZERO, "Trading is reduce-only."))
    if standing.peak_equity is not None and standing.peak_equity > 0:
        drawdown = max(1 - equity / standing.peak_equity, ZERO)
        said = f"Equity is {drawdown * 100:.2f} % under its peak"
        if limits.halt_drawdown is not None:
            found.append(_only_below("halt_drawdown", drawdown, limits.halt_drawdown, f"{said}; nothing leaves from"))
        if limits.reduce_only_drawdown is not None:
            low = drawdown < limits.reduce_only_drawdown
            found.append(
                _reduce_only("reduce_only_drawdown", low or reduces, drawdown, limits.reduce_only_drawdown, f"{said}.")
            )
    if limits.max_daily_loss is not None and standing.day_equity is not None and standing.day_equity > 0:
        loss = max(1 - equity / standing.day_equity, ZERO)
        low = loss < limits.max_daily_loss
        said = f"The day has lost {loss * 100:.2f} %."
        found.append(_reduce_only("max_daily_loss", low or reduces, loss, limits.max_daily_loss, said))
    if limits.max_orders_per_minute is not None:
        count = Decimal(standing.orders_last_minute)
        found.append(
            _verdict(
                "max_orders_per_minute",
                count + 1 <= limits.max_orders_per_minute,
                count,
                count + 1,
                limits.max_orders_per_minute,
                f"{count + 1} orders within a minute; the limit is {limits.max_orders_per_minute}.",
            )
        )
    return found


def judge_market(order: OrderRequest, book: Book, after: Book, limits: Limits, market: MarketRisk) -> list[Verdict]:
    """Judge by what was computed ahead of the market: volume, correlation cluster, expected shortfall.

    Missing figures refuse: a rule that cannot be judged is not kept.
    """
    found = []
    if limits.max_adv_share is not None:
        found.append(_adv_share(order, limits.max_adv_share, market))
    if limits.max_cluster_weight is not None:
        found.append(_cluster(order, book, after, limits, market))
    if limits.max_expected_shortfall is not None or limits.max_shortfall_contribution is not None:
        found += _shortfall(order, book, after, limits, market)
    return found


def expected_shortfall(values: Float64Array, covariance: Float64Array) -> tuple[float, Float64Array]:
    """Return the one-session gaussian ES (zero mean, 97.5 %) of money positions (assets,) and its Euler contributions.

    Contributions (assets,) add up to the ES. Zero positions have an ES of 0.
    """
    import numpy as np

    pull = covariance @ values
    deviation = float(np.sqrt(max(float(values @ pull), 0.0)))
    if deviation == 0.0:
        return 0.0, np.zeros_like(values)
    return ES_FACTOR * deviation, ES_FACTOR * values * pull / deviation


def cluster_of(symbol: str, others: Sequence[str], threshold: float, market: MarketRisk) -> list[str]:
    """Return the symbol and those of the others whose correlation with it reaches the threshold or is not known."""
    row = market.index.get(symbol)
    found = []
    for other in others:
        column = market.index.get(other)
        if other == symbol or row is None or column is None or not market.correlation[row, column] < threshold:
            found.append(other)
    return found


def _adv_share(order: OrderRequest, limit: Decimal, market: MarketRisk) -> Verdict:
    volume = market.average_volume.get(order.symbol)
    if volume is None or volume <= 0:
        return _verdict("max_adv_share", False, ZERO, ZERO, limit, f"No traded volume of {order.symbol} is stored.")
    share = order.quantity / volume
    said = f"{share * 100:.3f} % of a session's mean volume; the limit is {limit * 100:.3f} %."
    return _verdict("max_adv_share", share <= limit, ZERO, share, limit, said)


def _cluster(order: OrderRequest, book: Book, after: Book, limits: Limits, market: MarketRisk) -> Verdict:
    limit = limits.max_cluster_weight
    assert limit is not None
    members = cluster_of(order.symbol, list(after.holdings), float(limits.cluster_correlation), market)
    return _gross_weight("max_cluster_weight", members, book, after, limit, "what moves with it")


def judge_group(name: str, members: Sequence[str], book: Book, after: Book, limit: Decimal) -> Verdict:
    """Judge the gross weight of a named group of symbols."""
    return _gross_weight("max_group_weight", members, book, after, limit, f"group {name}")


def _gross_weight(rule: str, members: Sequence[str], book: Book, after: Book, limit: Decimal, what: str) -> Verdict:
    old, new = _gross_of(book, members), _gross_of(after, members)
    if book.equity <= 0 or after.equity <= 0:
        return _verdict(rule, new < old, old, new, limit, "Equity is not above 0, so there is nothing to measure by.")
    before, later = old / book.equity, new / after.equity
    said = f"{what}: {before * 100:.2f} % of equity becomes {later * 100:.2f} %; the limit is {limit * 100:.2f} %."
    return _verdict(rule, later <= limit or new < old, before, later, limit, said)


def _gross_of(book: Book, members: Sequence[str]) -> Decimal:
    return sum(
        (abs(book.values[name]) for name in members if name in book.values),
        ZERO,
    )


def _shortfall(order: OrderRequest, book: Book, after: Book, limits: Limits, market: MarketRisk) -> list[Verdict]:
    import numpy as np

    missing = sorted({name for name, held in after.holdings.items() if held.quantity and name not in market.index})
    equity = float(after.equity)
    results = []
    wanted = (
        ("max_expected_shortfall", limits.max_expected_shortfall),
        ("max_shortfall_contribution", limits.max_shortfall_contribution),
    )
    if missing or equity <= 0 or book.equity <= 0:
        said = f"No returns of {', '.join(missing)} are stored." if missing else "Equity is not above 0."
        return [_verdict(rule, False, ZERO, ZERO, limit, said) for rule, limit in wanted if limit is not None]
    place = market.index[order.symbol]
    now, then = np.zeros(len(market.index)), np.zeros(len(market.index))
    for target, source in ((now, book), (then, after)):
        for name, value in source.values.items():
            if name in market.index:
                target[market.index[name]] = float(value)
    (total_now, parts_now), (total_then, parts_then) = (expected_shortfall(v, market.covariance) for v in (now, then))
    for (rule, limit), old, new in zip(
        wanted, (total_now, parts_now[place]), (total_then, parts_then[place]), strict=True
    ):
        if limit is None:
            continue
        before, later = Decimal(repr(float(old) / float(book.equity))), Decimal(repr(float(new) / equity))
        said = f"97.5 % ES of a session: {before * 100:.3f} % of equity becomes {later * 100:.3f} %,"
        said += f" {limit * 100:.3f} % is the limit."
        results.append(_verdict(rule, later <= limit or later < before, before, later, limit, said))
    return results


def _only_below(rule: str, value: Decimal, limit: Decimal, said: str) -> Verdict:
    return _verdict(rule, value < limit, value, value, limit, f"{said} {limit * 100:.2f} %.")


def _reduce_only(rule: str, fits: bool, value: Decimal, limit: Decimal, said: str) -> Verdict:
    return _verdict(rule, fits, value, value, limit, f"{said} Only orders that reduce a position may leave.")


def _verdict(rule: str, fits: bool, before: Decimal, after: Decimal, limit: Decimal, reason: str) -> Verdict:
    from core.risk.limits import Verdict

    return Verdict(rule=rule, allowed=fits, before=before, after=after, limit=limit, reason=reason)
