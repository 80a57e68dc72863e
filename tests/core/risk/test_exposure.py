"""Exposure, concentration and liquidity by hand."""

import pytest

from core.errors import InvalidInput
from core.risk.exposure import concentration, exposures, liquidity

VALUES = {"AAA": 6_000.0, "BBB": -2_000.0, "CCC": 2_000.0, "DDD": 0.0}


def test_groups_add_up():
    found = exposures(VALUES, {"AAA": "tech", "BBB": "tech", "CCC": "energy"}, equity=10_000.0)
    by = {row.group: row for row in found}
    assert [row.group for row in found] == ["tech", "energy", "other"]
    assert (by["tech"].long, by["tech"].short, by["tech"].net, by["tech"].gross) == (6_000, -2_000, 4_000, 8_000)
    assert by["tech"].weight == pytest.approx(0.4)
    assert sum(row.net for row in found) == sum(VALUES.values())
    assert sum(row.gross for row in found) == sum(map(abs, VALUES.values()))


def test_concentration_of_four_positions():
    found = concentration(VALUES, top=2)
    assert found.herfindahl == pytest.approx(0.36 + 0.04 + 0.04)
    assert found.effective_positions == pytest.approx(1 / 0.44)
    assert (found.largest, found.largest_share, found.top_share) == ("AAA", pytest.approx(0.6), pytest.approx(0.8))
    even = concentration(dict.fromkeys("ABCDE", 5.0))
    assert even.effective_positions == pytest.approx(5.0)


def test_liquidity_of_half_a_days_volume():
    found = liquidity("AAA", shares=-500_000, average_daily_volume=1_000_000, daily_volatility=0.02)
    assert found.share_of_adv == pytest.approx(0.5)
    assert found.sessions == pytest.approx(5.0)
    # A tenth of the volume a day moves the price by a day's volatility times its root.
    assert found.cost == pytest.approx(0.02 * 0.1**0.5)
    small = liquidity("AAA", shares=100, average_daily_volume=1_000_000, daily_volatility=0.02)
    assert small.cost == pytest.approx(0.02 * 0.01)


def test_what_does_not_fit_is_named():
    with pytest.raises(InvalidInput, match="equity"):
        exposures(VALUES, {}, equity=0.0)
    with pytest.raises(InvalidInput, match="Nothing is held"):
        concentration({"AAA": 0.0})
    with pytest.raises(InvalidInput, match="average_daily_volume"):
        liquidity("AAA", shares=1, average_daily_volume=0.0, daily_volatility=0.01)
