"""What holds of any weights: turnover, exposure and capacity scale and add as they should."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.valuation.activity import activity
from core.valuation.definitions import DEFINITIONS

WEIGHTS = arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.integers(1, 4)),
    elements=st.floats(-1.0, 1.0).map(lambda x: 0.0 if abs(x) < 1e-6 else x),
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(WEIGHTS)
def test_bounds_of_every_figure(weights):
    found = activity(weights)
    assert found.turnover >= 0.0
    assert 0.0 <= found.exposure <= 1.0
    assert abs(found.net_exposure) <= found.gross_exposure + 1e-12
    assert found.largest_weight <= 1.0
    assert found.effective_positions <= weights.shape[1] + 1e-9
    if found.exposure:
        assert found.effective_positions >= 1.0 - 1e-9


@settings(max_examples=60, deadline=None, derandomize=True)
@given(WEIGHTS, st.floats(0.1, 3.0))
def test_more_weight_is_more_turnover_in_proportion(weights, factor):
    one, other = activity(weights), activity(weights * factor)
    assert other.turnover == pytest.approx(one.turnover * factor)
    assert other.gross_exposure == pytest.approx(one.gross_exposure * factor)
    assert other.exposure == one.exposure
    assert other.effective_positions == pytest.approx(one.effective_positions)
    if one.turnover:
        assert other.holding_sessions == pytest.approx(one.holding_sessions)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(WEIGHTS)
def test_the_order_of_assets_does_not_matter(weights):
    one, other = activity(weights), activity(weights[:, ::-1])
    for name in one.as_dict():
        assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True), name


@pytest.mark.parametrize("sessions_per_year", [12, 52, 252, 365])
def test_turnover_is_per_year(sessions_per_year):
    weights = np.tile([[1.0, 0.0], [0.0, 1.0]], (50, 1))
    found = activity(weights, sessions_per_year=sessions_per_year)
    # Every session but the first swaps everything; the first buys.
    assert found.turnover == pytest.approx((99 + 0.5) / 100 * sessions_per_year)


@pytest.mark.parametrize(("participation", "within"), [(0.01, 0.9), (0.05, 0.95), (0.2, 1.0)])
def test_at_capacity_the_stated_share_of_trades_fits(participation, within):
    generator = np.random.default_rng(1)
    weights = generator.uniform(0, 1, (200, 3))
    money = generator.uniform(1e6, 1e7, (200, 3))
    found = activity(weights, traded_money=money, participation=participation, within=within)
    changes = np.abs(np.diff(weights, axis=0, prepend=0.0))
    fits = (changes * found.capacity <= participation * money * (1 + 1e-9)).mean()
    assert fits == pytest.approx(within, abs=0.003)


def test_the_page_of_statistics_names_each_with_its_definition():
    from app.reference import metrics_page

    page = metrics_page()
    for part in DEFINITIONS.values():
        assert f"| `{part.name}` | {part.title} | {part.unit} |" in page
    assert f"{len(DEFINITIONS)} statistics." in page
