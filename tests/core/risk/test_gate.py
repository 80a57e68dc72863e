"""Judge orders by rules whose measure is computed here by another way."""

from __future__ import annotations

from decimal import Decimal
from statistics import NormalDist

import numpy as np
import pytest

from core.risk.gate import ES_FACTOR, MarketRisk, Standing, cluster_of, expected_shortfall
from core.risk.limits import Book, Holding, Limits, OrderRequest, allowed, check_order

D = Decimal
BOOK = Book(
    cash=D(50_000),
    holdings={"AAA": Holding(quantity=D(100), price=D(300)), "BBB": Holding(quantity=D(-200), price=D(100))},
)
# Equity = 50,000 + 30,000 - 20,000 = 60,000.
RISK = MarketRisk(
    index={"AAA": 0, "BBB": 1, "CCC": 2},
    covariance=np.array([[4e-4, 1e-4, 0.0], [1e-4, 1e-4, 0.0], [0.0, 0.0, 9e-4]]),
    correlation=np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    average_volume={"AAA": D(10_000)},
)


def order(symbol="AAA", side="buy", quantity=10, price=300):
    return OrderRequest(symbol=symbol, side=side, quantity=D(quantity), price=D(price))


def verdict(rule, limits, request=None, *, book=BOOK, standing=None, market=None):
    loose = {"min_cash": None, "allow_short": True}
    found = check_order(request or order(), book, Limits(**{**loose, **limits}), standing=standing, market=market)
    (one,) = [part for part in found if part.rule == rule]
    return one


@pytest.mark.parametrize(
    ("rule", "limits", "request_", "before", "after", "fits"),
    [
        ("max_order_quantity", {"max_order_quantity": D(10)}, order(), 0, 10, True),
        ("max_order_quantity", {"max_order_quantity": D(9)}, order(), 0, 10, False),
        ("max_position_notional", {"max_position_notional": D(33_000)}, order(), 30_000, 33_000, True),
        ("max_position_notional", {"max_position_notional": D(32_999)}, order(), 30_000, 33_000, False),
        ("max_position_notional", {"max_position_notional": D(1)}, order(side="sell"), 30_000, 27_000, True),
        ("restricted", {"restricted": ("AAA",)}, order(side="sell"), 0, 0, False),
        ("initial_margin", {"initial_margin": D("1.0")}, order(), 50_000, 53_000, True),
        ("initial_margin", {"initial_margin": D("1.2")}, order(), 60_000, 63_600, False),
        ("initial_margin", {"initial_margin": D("2")}, order(side="sell"), 100_000, 94_000, True),
        ("short_available", {"short_available": {"BBB": D(250)}}, order("BBB", "sell", 50, 100), 200, 250, True),
        ("short_available", {"short_available": {"BBB": D(249)}}, order("BBB", "sell", 50, 100), 200, 250, False),
        ("short_available", {"short_available": {}}, order("AAA", "sell", 101), 0, 1, False),
        ("short_available", {"short_available": {}}, order("AAA", "sell", 100), 0, 0, True),
        ("short_available", {"short_available": {}}, order("BBB", "buy", 50, 100), 200, 150, True),
    ],
)
def test_rules_over_the_book(rule, limits, request_, before, after, fits):
    found = verdict(rule, limits, request_)
    assert (found.before, found.after, found.allowed) == (before, after, fits)


def test_concentration_is_the_sum_of_squared_weights():
    found = verdict("max_concentration", {"max_concentration": D("0.36")})
    assert found.before == (D(30_000) / D(60_000)) ** 2 + (D(20_000) / D(60_000)) ** 2
    assert found.after == (D(33_000) / D(60_000)) ** 2 + (D(20_000) / D(60_000)) ** 2
    assert not found.allowed


def test_a_group_is_weighed_with_both_sides_of_it():
    limits = {"max_group_weight": D("0.88"), "groups": {"both": ("AAA", "BBB"), "other": ("CCC",)}}
    found = verdict("max_group_weight", limits)
    assert (found.before, found.after, found.allowed) == (D(50_000) / 60_000, D(53_000) / 60_000, False)
    assert verdict("max_group_weight", limits, order(side="sell")).allowed


@pytest.mark.parametrize(("threshold", "members"), [("0.5", ["AAA", "BBB"]), ("0.51", ["AAA"])])
def test_a_cluster_is_what_moves_with_the_symbol(threshold, members):
    assert cluster_of("AAA", ["AAA", "BBB", "CCC"], float(threshold), RISK) == members
    limits = {"max_cluster_weight": D("0.6"), "cluster_correlation": D(threshold)}
    assert verdict("max_cluster_weight", limits, market=RISK).allowed == (members == ["AAA"])


def test_what_has_no_correlation_counts_as_moving_along():
    assert cluster_of("AAA", ["ZZZ"], 0.99, RISK) == ["ZZZ"]
    assert cluster_of("ZZZ", ["AAA", "BBB"], 0.99, RISK) == ["AAA", "BBB"]


def test_the_factor_of_the_normal_shortfall():
    normal = NormalDist()
    assert pytest.approx(normal.pdf(normal.inv_cdf(0.975)) / 0.025, rel=1e-12) == ES_FACTOR


def test_shortfall_is_the_mean_loss_beyond_the_quantile_and_contributions_are_its_slopes():
    values = np.array([30_000.0, -20_000.0, 5_000.0])
    total, parts = expected_shortfall(values, RISK.covariance)
    assert parts.sum() == pytest.approx(total)
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1.0
        up, down = (expected_shortfall(values + sign * step, RISK.covariance)[0] for sign in (1, -1))
        assert parts[place] == pytest.approx((up - down) / 2 * values[place], rel=1e-6)
    draws = np.random.default_rng(7).multivariate_normal(np.zeros(3), RISK.covariance, 400_000) @ values
    worst = np.sort(draws)[: len(draws) * 25 // 1000]
    assert -worst.mean() == pytest.approx(total, rel=0.01)
    assert expected_shortfall(np.zeros(3), RISK.covariance)[0] == 0.0


def test_shortfall_limits_let_an_order_through_that_lowers_it():
    limits = {"max_expected_shortfall": D("0.001"), "max_shortfall_contribution": D("0.001")}
    for rule in limits:
        assert not verdict(rule, limits, market=RISK).allowed
        assert verdict(rule, limits, order(side="sell"), market=RISK).allowed


def test_a_rule_without_its_figures_refuses():
    limits = {"max_adv_share": D(1), "max_expected_shortfall": D(1)}
    request = order("DDD", "buy", 1, 10)
    for rule in limits:
        assert not verdict(rule, limits, request, market=RISK).allowed


def test_a_share_of_the_volume():
    assert verdict("max_adv_share", {"max_adv_share": D("0.001")}, market=RISK).allowed
    assert not verdict("max_adv_share", {"max_adv_share": D("0.001")}, order(quantity=11), market=RISK).allowed


@pytest.mark.parametrize(
    ("peak", "buys", "sells"),
    [(60_000, True, True), (66_000, True, True), (66_667, False, True), (75_000, False, True), (80_000, False, False)],
)
def test_the_drawdown_ladder_first_lets_only_reductions_through_and_then_nothing(peak, buys, sells):
    limits = Limits(reduce_only_drawdown=D("0.1"), halt_drawdown=D("0.25"), min_cash=None, allow_short=True)
    standing = Standing(peak_equity=D(peak))
    judged = [allowed(check_order(order(side=side), BOOK, limits, standing=standing)) for side in ("buy", "sell")]
    assert judged == [buys, sells]


@pytest.mark.parametrize("which", ["max_daily_loss", "reduce_only"])
@pytest.mark.parametrize(
    ("request_", "fits"),
    [
        (order(side="buy"), False),
        (order(side="sell"), True),
        (order(side="sell", quantity=100), True),
        (order(side="sell", quantity=101), False),
        (order("BBB", "buy", 200, 100), True),
        (order("BBB", "buy", 201, 100), False),
        (order("CCC", "buy", 1, 1), False),
    ],
)
def test_reduce_only_means_nearer_to_flat_and_not_through_it(which, request_, fits):
    limits = {"max_daily_loss": D("0.02")} if which == "max_daily_loss" else {}
    standing = Standing(day_equity=D(62_000), reduce_only=which == "reduce_only")
    assert verdict(which, limits, request_, standing=standing).allowed == fits


def test_the_rate_counts_the_order_itself():
    limits = {"max_orders_per_minute": D(5)}
    assert verdict("max_orders_per_minute", limits, standing=Standing(orders_last_minute=4)).allowed
    assert not verdict("max_orders_per_minute", limits, standing=Standing(orders_last_minute=5)).allowed


@pytest.mark.parametrize("limit", [1, 299, 300, 301, 8_999, 9_000, 10**9])
def test_an_order_of_one_share_more_than_the_limit_holds_is_refused(limit):
    limits = Limits(max_order_notional=D(limit), min_cash=None)
    for quantity in range(1, 31):
        refused = [part.rule for part in check_order(order(quantity=quantity), BOOK, limits) if not part.allowed]
        assert refused == ([] if quantity <= limit // 300 else ["max_order_notional"])
