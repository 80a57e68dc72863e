"""Exposure, concentration and liquidity of any book, compared with pandas and with the laws they state."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.risk.exposure import concentration, exposures, liquidity

VALUES = st.dictionaries(st.sampled_from("ABCDEFGH"), st.floats(-1e6, 1e6), min_size=1, max_size=8)
HELD = st.dictionaries(
    st.sampled_from("ABCDEFGH"), st.one_of(st.floats(1.0, 1e6), st.floats(-1e6, -1.0)), min_size=1, max_size=8
)
GROUPS = st.dictionaries(st.sampled_from("ABCDEFGH"), st.sampled_from(["tech", "energy", "bonds"]), max_size=8)


@settings(max_examples=60, deadline=None)
@given(VALUES, GROUPS, st.floats(1.0, 1e7))
def test_groups_are_what_pandas_adds_up(values: dict[str, float], groups: dict[str, str], equity: float) -> None:
    frame = pd.DataFrame({"value": values})
    frame["group"] = [groups.get(symbol, "other") for symbol in frame.index]
    sums = frame.groupby("group")["value"].agg(
        net="sum", long=lambda part: part[part > 0].sum(), short=lambda part: part[part < 0].sum()
    )
    found = {row.group: row for row in exposures(values, groups, equity)}
    assert set(found) == set(sums.index)
    for name, row in found.items():
        assert (row.net, row.long, row.short) == pytest.approx(
            tuple(sums.loc[name, ["net", "long", "short"]]), abs=1e-6
        )
        assert row.gross == pytest.approx(row.long - row.short) and row.net == pytest.approx(row.long + row.short)
        assert row.weight == pytest.approx(row.net / equity)
    gross = [row.gross for row in exposures(values, groups, equity)]
    assert gross == sorted(gross, reverse=True)


@pytest.mark.parametrize("equity", [0.0, -1.0, float("nan")])
def test_without_equity_there_is_nothing_to_measure_by(equity: float) -> None:
    with pytest.raises(InvalidInput, match="expected money above 0"):
        exposures({"A": 1.0}, {}, equity)


@settings(max_examples=60, deadline=None)
@given(HELD)
def test_concentration_lies_between_an_even_book_and_a_single_position(values: dict[str, float]) -> None:
    found = concentration(values, top=3)
    sizes = np.sort(np.abs(list(values.values())))[::-1]
    weights = sizes / sizes.sum()
    assert found.herfindahl == pytest.approx((weights**2).sum())
    assert 1 / len(values) - 1e-12 <= found.herfindahl <= 1.0 + 1e-12
    assert found.effective_positions == pytest.approx(1 / found.herfindahl)
    assert found.largest_share == pytest.approx(weights[0]) and abs(values[found.largest]) == sizes[0]
    assert found.top_share == pytest.approx(weights[:3].sum())


@settings(max_examples=40, deadline=None)
@given(HELD, st.floats(0.001, 1000.0))
def test_neither_size_nor_side_matters_to_concentration(values: dict[str, float], scale: float) -> None:
    turned = {symbol: -value * scale for symbol, value in values.items()}
    one, other = concentration(values), concentration(turned)
    assert one.herfindahl == pytest.approx(other.herfindahl)
    assert one.top_share == pytest.approx(other.top_share)


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_an_even_book_has_as_many_effective_positions_as_positions(count: int) -> None:
    found = concentration({f"S{number}": 100.0 for number in range(count)})
    assert found.effective_positions == pytest.approx(count)
    assert found.top_share == pytest.approx(min(5, count) / count)


@pytest.mark.parametrize("values", [{}, {"A": 0.0}, {"A": 0.0, "B": -0.0}])
def test_nothing_held_has_no_concentration(values: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="Nothing is held"):
        concentration(values)


@settings(max_examples=60, deadline=None)
@given(st.floats(1.0, 1e7), st.floats(1.0, 1e9), st.floats(0.0, 0.2), st.floats(1.1, 4.0))
def test_selling_takes_as_long_as_the_position_is_large_and_the_market_small(
    shares: float, volume: float, volatility: float, factor: float
) -> None:
    one = liquidity("A", shares=shares, average_daily_volume=volume, daily_volatility=volatility)
    assert one.share_of_adv == pytest.approx(shares / volume)
    # A tenth of the volume is sold a day.
    assert one.sessions == pytest.approx(10.0 * shares / volume)
    larger = liquidity("A", shares=shares * factor, average_daily_volume=volume, daily_volatility=volatility)
    assert larger.sessions == pytest.approx(one.sessions * factor)
    deeper = liquidity("A", shares=shares, average_daily_volume=volume * factor, daily_volatility=volatility)
    assert deeper.sessions == pytest.approx(one.sessions / factor)
    rougher = liquidity("A", shares=shares, average_daily_volume=volume, daily_volatility=volatility * factor)
    assert rougher.cost == pytest.approx(one.cost * factor)
    short = liquidity("A", shares=-shares, average_daily_volume=volume, daily_volatility=volatility)
    assert (short.sessions, short.cost) == (one.sessions, one.cost)


def test_the_cost_grows_with_the_root_of_the_part_of_the_volume() -> None:
    costs = [
        liquidity("A", shares=1000.0, average_daily_volume=1e6, daily_volatility=0.02, participation=part).cost
        for part in (0.0001, 0.0004)
    ]
    assert costs[1] / costs[0] == pytest.approx(math.sqrt(4.0))
