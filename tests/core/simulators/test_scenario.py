import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput, NoData, UnknownName
from core.simulators.crises import CRISES, crisis
from core.simulators.scenario import estimate_betas, propagate, shock_book

ASSETS = ("SPY", "QQQ", "TLT", "XOM")


def returns(sessions=500):
    generator = np.random.default_rng(4)
    market, bonds = generator.normal(0, 0.01, sessions), generator.normal(0, 0.006, sessions)
    noise = generator.normal(0, 0.004, (sessions, 2))
    return np.column_stack((market, 1.2 * market + noise[:, 0], bonds, 0.8 * market - 0.3 * bonds + noise[:, 1]))


def test_the_table_of_crises_is_in_order_and_complete():
    assert len(CRISES) >= 12
    for name, entry in CRISES.items():
        assert entry.name == name
        assert entry.start < entry.end
    assert crisis("covid_2020").end.isoformat() == "2020-03-23"
    with pytest.raises(UnknownName, match="covid_2020"):
        crisis("covid")


def test_betas_are_least_squares():
    sample = returns()
    found = estimate_betas(sample[:, [1, 3]], sample[:, [0, 2]])
    for row, column in ((0, 1), (1, 3)):
        fit = sm.OLS(sample[:, column], sm.add_constant(sample[:, [0, 2]])).fit()
        np.testing.assert_allclose(found[row], fit.params[1:], rtol=1e-9)


def test_a_shock_reaches_the_rest_by_its_beta():
    sample = returns()
    moved = propagate({"SPY": -0.1}, ASSETS, sample)
    fit = sm.OLS(sample[:, 1], sm.add_constant(sample[:, 0])).fit()
    assert moved[0] == -0.1
    assert moved[1] == pytest.approx(-0.1 * fit.params[1], rel=1e-9)


def test_given_betas_win():
    moved = propagate({"SPY": -0.1}, ASSETS, returns(), betas={"XOM": {"SPY": 2.0}})
    assert moved[3] == pytest.approx(-0.2)


def test_nothing_falls_by_more_than_everything():
    moved = propagate({"SPY": -0.9}, ASSETS, returns(), betas={"QQQ": {"SPY": 3.0}})
    assert moved[1] == -1.0


@given(
    values=st.dictionaries(st.sampled_from(ASSETS), st.floats(-1e6, 1e6), min_size=1),
    shock=st.floats(-0.5, 0.5),
    scale=st.floats(0.1, 10.0),
)
def test_profit_is_linear_in_the_book(values, shock, scale):
    found = shock_book(values, {"SPY": shock}, ASSETS, returns())
    bigger = shock_book({name: value * scale for name, value in values.items()}, {"SPY": shock}, ASSETS, returns())
    assert bigger.total == pytest.approx(found.total * scale, rel=1e-9, abs=1e-6)
    assert found.total == pytest.approx(sum(found.profit))
    direct = dict(zip(found.assets, found.profit, strict=True))
    if "SPY" in values:
        assert direct["SPY"] == pytest.approx(values["SPY"] * shock)


def test_bad_inputs():
    with pytest.raises(InvalidInput, match="at least one shock"):
        propagate({}, ASSETS, returns())
    with pytest.raises(UnknownName, match="SPX"):
        propagate({"SPX": -0.1}, ASSETS, returns())
    with pytest.raises(InvalidInput, match="at least -1"):
        propagate({"SPY": -10}, ASSETS, returns())
    with pytest.raises(UnknownName, match="AAPL"):
        shock_book({"AAPL": 1.0}, {"SPY": -0.1}, ASSETS, returns())
    with pytest.raises(NoData, match="shares 9 sessions"):
        propagate({"SPY": -0.1}, ASSETS, returns(9))
    double = returns()
    double[:, 1] = double[:, 0]
    with pytest.raises(InvalidInput, match="move as one"):
        propagate({"SPY": -0.1, "QQQ": -0.1}, ASSETS, double)
