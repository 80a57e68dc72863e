"""Put random orders before the risk gate and judge its answers by brute force; race senders for one limit."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.order_desk import BrokerDesk, clear
from core.errors import QuantdeskError
from core.execution.requests import LegRequest, TradeRequest
from core.risk.gate import MarketRisk, Standing
from core.risk.limits import Book, Holding, Limits, OrderRequest, check_order
from core.testing.fault_venue import FaultBroker, FaultVenue
from core.testing.small_market import ANNA, PETER

SYMBOLS = tuple(f"S{number:02}" for number in range(12))
ALPHA = 0.025
_DAY = date(2022, 11, 30)
_OPENED = datetime(2022, 11, 30, 14, 30, tzinfo=UTC)


def random_case(draw: random.Random) -> tuple[OrderRequest, Book, Limits, Standing, MarketRisk]:
    """Draw an order, a book, limits (each on in about a third of the cases), a history and a market."""
    held = draw.sample(SYMBOLS, draw.randint(0, 8))
    book = Book(
        cash=Decimal(draw.randint(-50_000, 400_000)),
        holdings={
            name: Holding(quantity=Decimal(draw.randint(-400, 900)), price=Decimal(draw.randint(100, 30_000)) / 100)
            for name in held
        },
    )
    symbol = draw.choice(SYMBOLS)
    last = book.holdings[symbol].price if symbol in book.holdings else Decimal(draw.randint(100, 30_000)) / 100
    order = OrderRequest(
        symbol=symbol,
        side=draw.choice(("buy", "sell")),
        quantity=Decimal(draw.randint(1, 600)),
        price=(last * Decimal(draw.randint(9_500, 10_500)) / 10_000).quantize(Decimal("0.01")) or Decimal("0.01"),
    )

    def on(value: Any) -> Any:
        return value if draw.random() < 0.35 else None

    def ratio(low: int, high: int) -> Decimal:
        return Decimal(draw.randint(low, high)) / 100

    limits = Limits(
        max_order_notional=on(Decimal(draw.randint(1_000, 80_000))),
        max_order_quantity=on(Decimal(draw.randint(10, 600))),
        max_position_notional=on(Decimal(draw.randint(5_000, 100_000))),
        max_position_weight=on(ratio(5, 60)),
        max_gross_exposure=on(ratio(50, 200)),
        max_net_exposure=on(ratio(20, 150)),
        max_concentration=on(ratio(5, 60)),
        max_group_weight=on(ratio(10, 90)),
        groups={"first": SYMBOLS[:4], "second": SYMBOLS[3:8]},
        max_cluster_weight=on(ratio(10, 90)),
        cluster_correlation=ratio(20, 80),
        max_expected_shortfall=on(ratio(1, 12)),
        max_shortfall_contribution=on(ratio(1, 6)),
        reduce_only_drawdown=on(ratio(2, 20)),
        halt_drawdown=on(ratio(20, 40)),
        max_daily_loss=on(ratio(1, 10)),
        max_orders_per_minute=on(Decimal(draw.randint(1, 20))),
        restricted=tuple(draw.sample(SYMBOLS, draw.randint(0, 2))),
        max_adv_share=on(Decimal(draw.randint(1, 50)) / 1_000),
        short_available=on({name: Decimal(draw.randint(0, 300)) for name in draw.sample(SYMBOLS, 6)}),
        initial_margin=on(ratio(25, 100)),
        min_cash=on(Decimal(draw.randint(-20_000, 20_000))),
        price_band_bps=on(Decimal(draw.randint(50, 600))),
        allow_short=draw.random() < 0.6,
    )
    equity = max(book.equity, Decimal(1))
    standing = Standing(
        peak_equity=on(equity * Decimal(draw.randint(95, 170)) / 100),
        day_equity=on(equity * Decimal(draw.randint(95, 115)) / 100),
        orders_last_minute=draw.randint(0, 20),
        reduce_only=draw.random() < 0.05,
    )
    return order, book, limits, standing, random_market(draw)


def random_market(draw: random.Random) -> MarketRisk:
    """Draw a market of two factors; one symbol in eight has no returns or no volume."""
    generator = np.random.default_rng(draw.getrandbits(32))
    known = [name for name in SYMBOLS if draw.random() > 0.02]
    loadings = generator.normal(0.0, 0.012, (len(known), 2))
    covariance = loadings @ loadings.T + np.diag(generator.uniform(2e-5, 3e-4, len(known)))
    deviation = np.sqrt(np.diag(covariance))
    return MarketRisk(
        index={name: place for place, name in enumerate(known)},
        covariance=covariance,
        correlation=covariance / np.outer(deviation, deviation),
        average_volume={name: Decimal(draw.randint(1_000, 500_000)) for name in SYMBOLS if draw.random() > 0.05},
    )


def brute_force(  # noqa: C901  # one rule after the other, as plainly as they can be said
    order: OrderRequest, book: Book, limits: Limits, standing: Standing, market: MarketRisk
) -> set[str]:
    """Return the rules that forbid the order, worked out in rationals and sums over names, not by the gate's code."""
    sign = 1 if order.side == "buy" else -1
    quantity, price = Fraction(order.quantity), Fraction(order.price)
    before = {name: (Fraction(h.quantity), Fraction(h.price)) for name, h in book.holdings.items()}
    held, mark = before.get(order.symbol, (Fraction(0), price))
    after = {**before, order.symbol: (held + sign * quantity, mark)}
    cash, cash_after = Fraction(book.cash), Fraction(book.cash) - sign * quantity * price
    money = [{name: q * p for name, (q, p) in part.items()} for part in (before, after)]
    equity = [cash + sum(money[0].values()), cash_after + sum(money[1].values())]
    ruined = min(equity) <= 0
    shrinks = abs(after[order.symbol][0]) < abs(held) and held * after[order.symbol][0] >= 0
    broken: set[str] = set()

    def forbid(rule: str, limit: Any, breaks: Any) -> None:
        if limit is not None and breaks(Fraction(limit)):
            broken.add(rule)

    def too_heavy(measure: Any) -> Any:
        """Above the limit and not smaller than before; without equity anything that does not shrink."""
        old, new = measure(money[0]), measure(money[1])
        return lambda limit: new >= old and (ruined or new > limit * equity[1])

    def gross(part: dict[str, Fraction]) -> Fraction:
        return sum((abs(value) for value in part.values()), Fraction(0))

    own = order.symbol
    forbid("max_order_notional", limits.max_order_notional, lambda limit: quantity * price > limit)
    forbid("max_order_quantity", limits.max_order_quantity, lambda limit: quantity > limit)
    forbid(
        "max_position_notional",
        limits.max_position_notional,
        lambda limit: abs(money[1][own]) > limit and abs(money[1][own]) >= abs(money[0].get(own, 0)),
    )
    forbid("max_position_weight", limits.max_position_weight, too_heavy(lambda part: abs(part.get(own, Fraction(0)))))
    forbid("max_gross_exposure", limits.max_gross_exposure, too_heavy(gross))
    forbid("max_net_exposure", limits.max_net_exposure, too_heavy(lambda part: abs(sum(part.values()))))
    for members in limits.groups.values():
        if own in members:
            heavy = too_heavy(lambda part, names=members: gross({k: v for k, v in part.items() if k in names}))
            forbid("max_group_weight", limits.max_group_weight, heavy)
    cluster = [name for name in after if name == own or _correlated(own, name, limits, market)]
    heavy = too_heavy(lambda part: gross({k: v for k, v in part.items() if k in cluster}))
    forbid("max_cluster_weight", limits.max_cluster_weight, heavy)
    if limits.max_concentration is not None:
        squares = [
            sum((v / e) ** 2 for v in part.values()) if e > 0 else 0 for part, e in zip(money, equity, strict=True)
        ]
        if ruined or (squares[1] > Fraction(limits.max_concentration) and squares[1] >= squares[0]):
            broken.add("max_concentration")
    forbid("min_cash", limits.min_cash, lambda limit: cash_after < limit and cash_after < cash)
    if not limits.allow_short and sign < 0 and after[own][0] < 0:
        broken.add("no_short")
    if limits.short_available is not None and sign < 0:
        lent = Fraction(limits.short_available.get(own, Decimal(0)))
        if -after[own][0] > max(lent, Fraction(0)):
            broken.add("short_available")
    if limits.initial_margin is not None:
        rate = Fraction(limits.initial_margin)
        if gross(money[1]) * rate > equity[1] and gross(money[1]) * rate >= gross(money[0]) * rate:
            broken.add("initial_margin")
    if own in limits.restricted:
        broken.add("restricted")
    forbid("price_band_bps", limits.price_band_bps, lambda limit: abs(price / mark - 1) * 10_000 > limit)
    _by_history(order, equity[0], shrinks, limits, standing, broken)
    _by_market(own, quantity, money, equity, limits, market, broken)
    return broken


def _correlated(own: str, other: str, limits: Limits, market: MarketRisk) -> bool:
    if own not in market.index or other not in market.index:
        return True
    i, j = market.index[own], market.index[other]
    c = market.covariance
    return bool(c[i, j] / (c[i, i] * c[j, j]) ** 0.5 >= float(limits.cluster_correlation))


def _by_history(
    order: OrderRequest, equity: Fraction, shrinks: bool, limits: Limits, standing: Standing, broken: set[str]
) -> None:
    if standing.reduce_only and not shrinks:
        broken.add("reduce_only")
    for rule, reference, limit, stops_all in (
        ("halt_drawdown", standing.peak_equity, limits.halt_drawdown, True),
        ("reduce_only_drawdown", standing.peak_equity, limits.reduce_only_drawdown, False),
        ("max_daily_loss", standing.day_equity, limits.max_daily_loss, False),
    ):
        if reference is not None and limit is not None and reference > 0:
            lost = (Fraction(reference) - equity) / Fraction(reference)
            if max(lost, Fraction(0)) >= Fraction(limit) and (stops_all or not shrinks):
                broken.add(rule)
    rate = limits.max_orders_per_minute
    if rate is not None and standing.orders_last_minute >= rate:
        broken.add("max_orders_per_minute")


def _by_market(
    own: str,
    quantity: Fraction,
    money: list[dict[str, Fraction]],
    equity: list[Fraction],
    limits: Limits,
    market: MarketRisk,
    broken: set[str],
) -> None:
    if limits.max_adv_share is not None:
        volume = market.average_volume.get(own)
        if volume is None or quantity > Fraction(limits.max_adv_share) * Fraction(volume):
            broken.add("max_adv_share")
    wanted = {
        "max_expected_shortfall": limits.max_expected_shortfall,
        "max_shortfall_contribution": limits.max_shortfall_contribution,
    }
    if all(limit is None for limit in wanted.values()):
        return
    blind = any(value != 0 and name not in market.index for name, value in money[1].items())
    for place, (rule, limit) in enumerate(wanted.items()):
        if limit is None:
            continue
        if blind or min(equity) <= 0:
            broken.add(rule)
            continue
        old, new = (
            _shortfall(own, part, market)[place] / float(base) for part, base in zip(money, equity, strict=True)
        )
        if new > float(limit) and new >= old:
            broken.add(rule)


def _shortfall(own: str, money: dict[str, Fraction], market: MarketRisk) -> tuple[float, float]:
    """Return the ES by its definition for a normal profit, and the symbol's part as covariance with the whole."""
    from scipy.stats import norm

    variance = covered = 0.0
    for one, value in money.items():
        for other, second in money.items():
            if one in market.index and other in market.index:
                part = float(value) * float(second) * market.covariance[market.index[one], market.index[other]]
                variance += part
                covered += part if one == own else 0.0
    if variance <= 0.0:
        return 0.0, 0.0
    factor = float(norm.pdf(norm.ppf(ALPHA))) / ALPHA
    return factor * variance**0.5, factor * covered / variance**0.5


def compare(number: int, count: int) -> dict[str, Any]:
    """Judge `count` random orders twice; return how many were allowed, refused by which rule, and where both differ."""
    draw = random.Random(number)
    allowed, refused, wrong = 0, Counter[str](), []
    for case in range(count):
        order, book, limits, standing, market = random_case(draw)
        mark = book.holdings[order.symbol].price if order.symbol in book.holdings else order.price
        verdicts = check_order(order, book, limits, reference_price=mark, standing=standing, market=market)
        ours = {verdict.rule for verdict in verdicts if not verdict.allowed}
        theirs = brute_force(order, book, limits, standing, market)
        allowed += not ours
        refused.update(ours)
        if ours != theirs:
            wrong.append(f"case {case}: gate {sorted(ours)}, brute force {sorted(theirs)}")
    return {"orders": count, "allowed": allowed, "refused": dict(sorted(refused.items())), "wrong": wrong}


def race(dsn: str, home: Path, *, workers: int, approvals: int, fit: int) -> dict[str, Any]:
    """Let workers release approvals for more than the limit; return how many orders reached the venue.

    Each approval is for 10 shares at 150 dollars; the limit on gross exposure fits `fit` of them.
    """
    import psycopg

    clear(dsn)
    venue = FaultVenue(deduplicates=False, session=_DAY, opened_at=_OPENED)
    venue.deposits["main"] = Decimal(100_000)
    desk = BrokerDesk(home, dsn, FaultBroker(venue))
    ids = []
    for _ in range(approvals):
        leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(10))
        proposal = desk.desk.proposals.propose(TradeRequest(legs=(leg,)), ANNA)
        desk.desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        ids.append(proposal.proposal_id)
    # Fees of 1 bps make equity a little smaller than 100,000, so the limit has room for half an order.
    limit = Decimal(1500) * (fit + Decimal("0.5")) / 100_000
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "UPDATE execution.accounts SET limits = jsonb_build_object('max_gross_exposure', %s::text)", (limit,)
        )
    gate = threading.Barrier(workers)
    errors: list[str] = []

    def work(number: int) -> None:
        own = BrokerDesk(home, dsn, FaultBroker(venue))
        gate.wait()
        for proposal_id in (*ids[number::workers], *ids):
            try:
                own.gateway.release(proposal_id)
            except QuantdeskError as error:
                errors.append(str(error))
        own.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = Counter(order.state for order in desk.desk.books.orders("main", limit=10_000))
    desk.close()
    return {"approvals": approvals, "limit": fit, "sent": len(venue.orders), "states": dict(states), "errors": errors}
