"""Terms of a backtest: what is refused, what scales, how far stops are."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import InvalidInput
from core.testing.strategy_contract import random_history
from core.valuation.terms import SIZINGS, Costs, FillTerms, Stops


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (Costs, {"fee_bps": -1.0}, "fee_bps"),
        (Costs, {"fee_bps": 10_000.0}, "fee_bps"),
        (Costs, {"slippage_bps": float("nan")}, "slippage_bps"),
        (Costs, {"slippage_bps": -0.1}, "slippage_bps"),
        (Costs, {"borrow_bps": -5.0}, "borrow_bps"),
        (Costs, {"borrow_bps": 20_000.0}, "borrow_bps"),
        (Costs, {"fee_per_share": -0.01}, "fee_per_share"),
        (Costs, {"fee_per_share": float("inf")}, "fee_per_share"),
        (Costs, {"least_fee": float("nan")}, "least_fee"),
        (FillTerms, {"participation": -0.1}, "participation"),
        (FillTerms, {"participation": 1.1}, "participation"),
        (FillTerms, {"participation": float("nan")}, "participation"),
        (FillTerms, {"lot": -1.0}, "lot"),
        (FillTerms, {"lot": float("inf")}, "lot"),
        (FillTerms, {"sizing": "units"}, "sizing"),
        (FillTerms, {"at": "noon"}, "noon"),
        (Stops, {"loss": -0.1}, "loss"),
        (Stops, {"loss": 1.0}, "loss"),
        (Stops, {"loss": float("nan")}, "loss"),
        (Stops, {"trailing": 1.5}, "trailing"),
        (Stops, {"profit": -0.1}, "profit"),
        (Stops, {"profit": float("inf")}, "profit"),
        (Stops, {"atr": -1.0}, "atr"),
        (Stops, {"sessions": -1}, "sessions"),
        (Stops, {"loss": 0.1, "atr": 1.0}, "both"),
        (Stops, {"reference": "open"}, "reference"),
    ],
)
def test_what_does_not_fit_is_named(kind, values, words):
    with pytest.raises(InvalidInput, match=words):
        kind(**values)


@pytest.mark.parametrize("multiple", [0.0, 0.5, 1.0, 3.0])
def test_costs_scale_as_one(multiple):
    costs = Costs(fee_bps=4, slippage_bps=3, fee_per_share=0.01, least_fee=2, borrow_bps=100)
    assert costs.times(multiple) == Costs(
        fee_bps=4 * multiple,
        slippage_bps=3 * multiple,
        fee_per_share=0.01 * multiple,
        least_fee=2 * multiple,
        borrow_bps=100 * multiple,
    )


@pytest.mark.parametrize(
    ("stops", "expected"),
    [
        (Stops(), False),
        (Stops(on_entry_bar=False), False),
        (Stops(reference="decision"), False),
        (Stops(loss=0.1), True),
        (Stops(profit=0.1), True),
        (Stops(trailing=0.1), True),
        (Stops(atr=1.0), True),
        (Stops(sessions=5), True),
    ],
)
def test_whether_any_rule_is_on(stops, expected):
    assert stops.any is expected


def test_sizings_are_listed():
    assert SIZINGS == ("equity", "notional", "shares")
    assert {FillTerms(sizing=sizing).sizing for sizing in SIZINGS} == set(SIZINGS)


@pytest.mark.parametrize("ranges", [0.5, 1.0, 3.0])
def test_the_distance_of_a_range_stop_is_so_many_ranges_of_the_close(ranges):
    import talib

    history = random_history(3, 2)
    high = np.maximum(history.high, history.close)
    low = np.minimum(history.low, history.close)
    found = Stops(atr=ranges).distances(replace(history, high=high, low=low))
    for asset in range(2):
        true_range = talib.ATR(high[:, asset], low[:, asset], history.close[:, asset], 14)
        np.testing.assert_allclose(found[:, asset], ranges * true_range / history.close[:, asset], rtol=1e-9)


def test_closes_stand_in_for_missing_ranges():
    history = random_history(3, 1)
    bare = replace(history, open=None, high=None, low=None, volume=None)
    found = Stops(atr=2.0).distances(bare)
    assert np.isfinite(found[20:]).all()
    assert (found[20:] < Stops(atr=2.0).distances(history)[20:]).mean() > 0.9


def test_other_stops_need_no_distances():
    assert Stops(loss=0.1, trailing=0.2).distances(random_history(3, 1)).shape == (0, 0)


def test_a_distance_never_exceeds_everything():
    history = random_history(3, 1)
    assert Stops(atr=1e6).distances(history)[30:].max() == 0.999
