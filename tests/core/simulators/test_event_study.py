"""Event studies against regressions by statsmodels, known error rates, and planted effects."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm

from core.errors import InvalidInput, NoData
from core.simulators.event_study import EventAt, clustered_error, event_study, surprise_slope


def market(seed, sessions=900, assets=20, beta=1.1, common=0.0):
    generator = np.random.default_rng(seed)
    index = generator.normal(3e-4, 0.01, sessions)
    sector = generator.normal(0.0, 0.012, sessions)
    own = generator.normal(0.0, 0.015, (sessions, assets))
    return index, beta * index[:, None] + common * sector[:, None] + own


def scattered(seed, assets=20, sessions=900):
    days = np.random.default_rng(seed + 1000).integers(300, sessions - 20, assets)
    return [EventAt(asset=a, session=int(day)) for a, day in enumerate(days)]


def test_abnormal_returns_are_those_of_a_regression_by_hand():
    index, returns = market(1)
    event = EventAt(asset=3, session=500)
    found = event_study(returns, [event, EventAt(asset=4, session=600)], factors=index[:, None], before=2, after=3)
    past = slice(500 - 11 - 250 + 1, 500 - 11 + 1)
    fit = sm.OLS(returns[past, 3], sm.add_constant(index[past])).fit()
    window = slice(498, 504)
    expected = returns[window, 3] - fit.predict(sm.add_constant(index[window]))
    np.testing.assert_allclose(found.abnormal[0], expected, atol=1e-14)
    assert found.cumulative[0] == pytest.approx(expected.sum())
    assert list(found.offsets) == [-2, -1, 0, 1, 2, 3]


def test_the_deviation_by_chance_is_the_regressions_error_of_a_forecast():
    index, returns = market(2)
    found = event_study(
        returns,
        [EventAt(asset=0, session=500), EventAt(asset=1, session=600)],
        factors=index[:, None],
        before=0,
        after=0,
    )
    past = slice(500 - 11 - 250 + 1, 500 - 11 + 1)
    fit = sm.OLS(returns[past, 0], sm.add_constant(index[past])).fit()
    forecast = fit.get_prediction([[1.0, index[500]]])
    assert found.expected_deviation[0] == pytest.approx(float(forecast.se_obs[0]), rel=1e-9)


def test_without_factors_the_mean_is_expected():
    _, returns = market(3)
    found = event_study(returns, scattered(3), before=0, after=0)
    event = found.events[0]
    past = returns[event.session - 260 : event.session - 10, event.asset]
    assert found.abnormal[0, 0] == pytest.approx(returns[event.session, event.asset] - past.mean(), abs=1e-15)


def test_clustered_errors_are_those_of_statsmodels():
    generator = np.random.default_rng(4)
    values, groups = generator.normal(size=60), generator.integers(0, 15, 60)
    fit = sm.OLS(values, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": groups, "df_correction": False})
    assert clustered_error(values, groups) == pytest.approx(fit.bse[0], rel=1e-9)


def test_single_clusters_give_the_usual_error_and_one_cluster_none():
    values = np.random.default_rng(5).normal(size=40)
    usual = values.std(ddof=1) / np.sqrt(40)
    assert clustered_error(values, np.arange(40)) == pytest.approx(usual, rel=1e-12)
    assert np.isnan(clustered_error(values, np.zeros(40, dtype=int)))


def test_the_standardised_statistic_is_boehmers():
    index, returns = market(6)
    found = event_study(returns, scattered(6), factors=index[:, None])
    standardised = found.cumulative / found.expected_deviation
    assert found.standardised_t == pytest.approx(scipy.stats.ttest_1samp(standardised, 0.0).statistic)


def test_a_planted_effect_is_recovered_in_its_interval():
    covered = 0
    for seed in range(40):
        index, returns = market(seed)
        events = scattered(seed)
        for event in events:
            returns[event.session, event.asset] += 0.02
            returns[event.session + 1, event.asset] += 0.01
        found = event_study(returns, events, factors=index[:, None], before=1, after=3)
        covered += abs(found.mean - 0.03) < scipy.stats.t.ppf(0.975, len(events) - 1) * found.mean_standard_error
    assert covered >= 35


def test_without_an_effect_few_studies_find_one_even_when_dates_cluster():
    clustered = naive = 0
    for seed in range(60):
        index, returns = market(seed, common=2.0)
        days = np.random.default_rng(seed).integers(300, 880, 5)
        events = [EventAt(asset=a, session=int(days[a % 5])) for a in range(20)]
        found = event_study(returns, events, factors=index[:, None], before=0, after=1)
        clustered += abs(found.adjusted_t) > 1.96
        naive += abs(found.standardised_t) > 1.96
    assert naive > 10  # The usual test takes events on one date as independent.
    assert clustered <= 9
    assert clustered < naive


def test_running_means_end_at_the_mean_and_have_its_error():
    index, returns = market(7)
    found = event_study(returns, scattered(7), factors=index[:, None], before=2, after=4)
    assert found.running[-1] == pytest.approx(found.mean)
    assert found.running_standard_error[-1] == pytest.approx(found.mean_standard_error)
    np.testing.assert_allclose(np.cumsum(found.average), found.running)


def test_the_sign_test_counts_against_the_usual_share():
    index, returns = market(8)
    events = scattered(8)
    for event in events:
        returns[event.session, event.asset] += 0.08
    found = event_study(returns, events, factors=index[:, None], before=0, after=0)
    assert found.share_positive == 1.0
    assert found.sign_z > 4.0


def test_events_without_history_or_with_gaps_are_left_out():
    index, returns = market(9)
    returns[505, 2] = np.nan
    returns[:600, 3] = np.nan
    events = [
        EventAt(asset=0, session=30),
        EventAt(asset=1, session=500),
        EventAt(asset=2, session=504),
        EventAt(asset=3, session=620),
        EventAt(asset=4, session=700),
        EventAt(asset=5, session=899),
    ]
    found = event_study(returns, events, factors=index[:, None], before=1, after=2)
    assert [event.asset for event in found.events] == [1, 4]
    with pytest.raises(NoData, match="1 of 1 events"):
        event_study(returns, events[1:2], factors=index[:, None])


def test_a_slope_on_the_surprise_is_the_regressions():
    index, returns = market(10, assets=40)
    generator = np.random.default_rng(10)
    events = []
    for event in scattered(10, assets=40):
        surprise = float(generator.normal())
        returns[event.session, event.asset] += 0.01 + 0.02 * surprise
        events.append(EventAt(asset=event.asset, session=event.session, surprise=surprise))
    found = event_study(returns, events, factors=index[:, None], before=0, after=0)
    intercept, slope, error = surprise_slope(found)
    x = np.array([event.surprise for event in found.events])
    fit = sm.OLS(found.cumulative, sm.add_constant(x)).fit()
    assert (intercept, slope) == pytest.approx(tuple(fit.params))
    assert abs(slope - 0.02) < 3.0 * error


def made_study(surprises, moves, sessions):
    """Make the part of a study that the slope is taken from."""
    events = [EventAt(asset=0, session=int(day), surprise=float(x)) for day, x in zip(sessions, surprises, strict=True)]
    return SimpleNamespace(events=events, cumulative=np.asarray(moves, dtype=float))


@pytest.mark.parametrize("seed", range(5))
def test_the_slopes_error_is_the_jackknife_over_dates(seed):
    draw = np.random.default_rng(seed)
    sessions = draw.integers(0, 12, 30)
    x = draw.normal(size=30)
    y = 0.01 + 0.02 * x + draw.normal(size=30) * 0.01 + 0.02 * draw.normal(size=12)[sessions]
    _, slope, error = surprise_slope(made_study(x, y, sessions))
    days = np.unique(sessions)
    without = [sm.OLS(y[sessions != day], sm.add_constant(x[sessions != day])).fit().params[1] for day in days]
    expected = np.sqrt((len(days) - 1) / len(days) * np.sum((np.array(without) - slope) ** 2))
    assert error == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_with_one_event_a_date_the_error_is_mackinnon_and_whites(scale):
    draw = np.random.default_rng(3)
    x, noise = draw.normal(size=60), draw.standard_t(4, 60)
    y = scale * (0.01 + 0.02 * x + 0.01 * noise)
    _, _, error = surprise_slope(made_study(x, y, np.arange(60)))
    fit = sm.OLS(y, sm.add_constant(x)).fit()
    # The jackknife is HC3 with the mean of the estimates without one event taken for the estimate: 60ths apart.
    assert error == pytest.approx(fit.HC3_se[1], rel=2.0 / 60)


def test_the_interval_of_a_slope_covers_what_was_planted_with_few_events():
    covered = 0
    for seed in range(400):
        draw = np.random.default_rng(seed)
        x = draw.normal(size=20)
        y = 0.04 + 0.015 * x + 0.015 * draw.normal(size=20) * (1.0 + 0.5 * np.abs(x))
        _, slope, error = surprise_slope(made_study(x, y, np.arange(20)))
        covered += abs(slope - 0.015) <= 1.96 * error
    # The clustered error before covered 87 %.
    assert 0.90 <= covered / 400 <= 0.97


def test_a_slope_that_hangs_on_one_date_is_refused():
    x = np.array([2.0, *np.zeros(11)])
    with pytest.raises(NoData, match="all dates but one are equal"):
        surprise_slope(made_study(x, x, np.arange(12)))


def test_a_slope_needs_surprises():
    index, returns = market(11)
    with pytest.raises(NoData, match="0 events have a surprise"):
        surprise_slope(event_study(returns, scattered(11), factors=index[:, None]))


@pytest.mark.parametrize(
    "changes",
    [{"before": -1}, {"after": -1}, {"estimation": 30}, {"gap": 0, "before": 2}],
)
def test_windows_that_make_no_sense_are_refused(changes):
    index, returns = market(12)
    with pytest.raises(InvalidInput, match="Expected before"):
        event_study(returns, scattered(12), factors=index[:, None], **changes)


def test_factors_of_another_length_are_refused():
    index, returns = market(13)
    with pytest.raises(InvalidInput, match="must be"):
        event_study(returns, scattered(13), factors=index[:50, None])
