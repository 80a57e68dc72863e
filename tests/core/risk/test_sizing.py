from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.risk.sizing import (
    SizingAccount,
    atr_risk,
    cvar_budget,
    estimated_kelly,
    fixed_fraction,
    kelly,
    risk_per_stop,
    volatility_target,
)


def account(**changes):
    return SizingAccount(**{"equity": Decimal(100_000), "price": Decimal("52.30"), **changes})


def test_fixed_fraction_by_hand():
    size = fixed_fraction(account(), fraction=Decimal("0.10"))
    assert size.shares == Decimal(191)  # 10,000 / 52.30 = 191.2
    assert size.value == Decimal("9989.30")
    assert size.weight == Decimal("0.099893")
    assert "10.00 % of equity 100,000 is 10,000.00." in size.reasons[0]
    assert "rounded towards zero to lots of 1" in size.reasons[1]


def test_lots_and_short_positions_round_towards_zero():
    assert fixed_fraction(account(lot=Decimal(100)), fraction=Decimal("0.10")).shares == Decimal(100)
    assert fixed_fraction(account(), fraction=Decimal("-0.10")).shares == Decimal(-191)
    assert fixed_fraction(account(lot=Decimal("0.0001")), fraction=Decimal("0.10")).shares == Decimal("191.2045")


def test_volatility_target_by_hand():
    size = volatility_target(account(price=Decimal(10)), target=0.10, volatility=0.40)
    assert size.shares == Decimal(2500)


def test_half_kelly_by_hand():
    # Thorp: (0.08 - 0.02) / 0.3**2 = 0.6667 of equity, half of it is 33,333.
    size = kelly(account(price=Decimal(10)), expected_return=0.08, volatility=0.3, risk_free=0.02)
    assert size.shares == Decimal(3333)
    assert kelly(account(), expected_return=0.01, volatility=0.3, risk_free=0.02).shares == 0


def test_risk_per_stop_loses_what_it_says():
    size = risk_per_stop(account(price=Decimal(50)), risk_fraction=Decimal("0.01"), stop_price=Decimal(46))
    assert size.shares == Decimal(250)
    assert size.shares * (Decimal(50) - Decimal(46)) == Decimal(1000)
    short = risk_per_stop(account(price=Decimal(50)), risk_fraction=Decimal("0.01"), stop_price=Decimal(54))
    assert short.shares == Decimal(-250)


def test_the_largest_weight_caps_and_says_so():
    size = risk_per_stop(
        account(price=Decimal(50), max_weight=Decimal("0.05")), risk_fraction=Decimal("0.01"), stop_price=Decimal(46)
    )
    assert size.shares == Decimal(100)
    assert any("Cut from 12.50 %" in reason for reason in size.reasons)


def test_less_than_a_lot_is_nothing():
    size = fixed_fraction(account(price=Decimal(500_000)), fraction=Decimal("0.10"))
    assert size.shares == 0
    assert size.reasons[-1] == "Less than one lot: no position."


@given(
    equity=st.decimals(1, 10_000_000, places=2),
    price=st.decimals("0.01", 100_000, places=2),
    fraction=st.decimals("-1", "1", places=4),
    lot=st.sampled_from([Decimal(1), Decimal(100), Decimal("0.001")]),
    cap=st.decimals("0.01", "1", places=2),
)
def test_never_more_than_asked_or_allowed_and_within_one_lot(equity, price, fraction, lot, cap):
    size = fixed_fraction(SizingAccount(equity=equity, price=price, lot=lot, max_weight=cap), fraction=fraction)
    wanted = equity * min(abs(fraction), cap)
    assert abs(size.value) <= wanted * (1 + Decimal("1e-20"))
    assert wanted - abs(size.value) < lot * price * (1 + Decimal("1e-20")) + Decimal("1e-15")
    assert size.shares % lot == 0
    assert size.shares * fraction >= 0


def test_bad_inputs():
    with pytest.raises(InvalidInput, match="equity is Decimal"):
        account(equity=Decimal(0))
    with pytest.raises(InvalidInput, match=r"price is 52\.3"):
        account(price=52.3)
    with pytest.raises(InvalidInput, match="volatility is 0"):
        volatility_target(account(), target=0.1, volatility=0)
    with pytest.raises(InvalidInput, match=r"risk_fraction is 1\.5"):
        risk_per_stop(account(), risk_fraction=Decimal("1.5"), stop_price=Decimal(40))
    with pytest.raises(InvalidInput, match=r"stop_price is 52\.30"):
        risk_per_stop(account(), risk_fraction=Decimal("0.01"), stop_price=Decimal("52.30"))


def test_the_shrunk_kelly_weight_grows_fastest_on_average():
    # Draw estimates of a known mean from 5 years of data and search for the fraction of plug-in Kelly that grows most.
    sharpe, years, volatility = 0.8, 5.0, 0.2
    estimates = np.random.default_rng(1).normal(sharpe, 1 / np.sqrt(years), 400_000)
    fractions = np.linspace(0.3, 1.2, 91)
    growth = [np.mean(k * estimates * sharpe - 0.5 * (k * estimates) ** 2) for k in fractions]
    best = fractions[int(np.argmax(growth))]
    account = SizingAccount(equity=Decimal(1_000_000), price=Decimal(1), max_weight=Decimal(100))
    size = estimated_kelly(account, expected_return=sharpe * volatility, volatility=volatility, years=years)
    full = sharpe / volatility
    assert float(size.weight) / full == pytest.approx(best, abs=0.02)
    assert float(size.weight) / full == pytest.approx(sharpe**2 / (sharpe**2 + 1 / years), rel=1e-4)
    assert "5.0 years" in size.reasons[0]


def test_no_edge_is_no_position_for_the_shrunk_kelly_weight():
    account = SizingAccount(equity=Decimal(10_000), price=Decimal(10))
    assert estimated_kelly(account, expected_return=-0.1, volatility=0.2, years=5.0).shares == 0


def test_a_move_of_the_ranges_costs_the_fraction_risked():
    account = SizingAccount(equity=Decimal(100_000), price=Decimal(50), max_weight=Decimal(10))
    size = atr_risk(account, risk_fraction=Decimal("0.01"), atr=1.25, ranges=2.0)
    assert size.shares * Decimal("2.5") == Decimal(1_000)
    with pytest.raises(InvalidInput, match="more than the price"):
        atr_risk(account, risk_fraction=Decimal("0.01"), atr=30.0, ranges=2.0)


def test_a_shortfall_budget_is_spent_and_no_more():
    account = SizingAccount(equity=Decimal(100_000), price=Decimal(10))
    size = cvar_budget(account, budget=Decimal("0.005"), expected_shortfall=0.04)
    assert float(size.value) * 0.04 == pytest.approx(500.0)
    with pytest.raises(InvalidInput, match="budget"):
        cvar_budget(account, budget=Decimal(2), expected_shortfall=0.04)
