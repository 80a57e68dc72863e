"""Injection of events: the planted effect comes back, arrives as told, and leaves the rest alone."""

from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.stats

from core.domain.market_path import MarketPath
from core.errors import InvalidInput, NoData, UnknownName
from core.simulators.event_injection import Impact, decay_weights, impact_of, inject
from core.simulators.event_study import EventAt, event_study, surprise_slope
from core.simulators.stochastic.gbm import GbmParameters, simulate

AS_OF = datetime(2021, 6, 30, 20, tzinfo=UTC)


def base(paths=2000, sessions=10, **others):
    model = GbmParameters.given(("A", "B"), drift=np.zeros(2), volatility=np.full(2, 0.2))
    path = simulate(model, np.array([100.0, 50.0]), sessions=sessions, paths=paths, seed=5, as_of=AS_OF, drift="zero")
    if others:
        from dataclasses import replace

        path = replace(path, **{name: path.close * factor for name, factor in others.items()})
    return path


def impact(draws=(0.02, -0.01, 0.05), error=0.0):
    array = np.array(draws)
    return Impact(draws=array, mean=float(array.mean()), standard_error=error, noise_share=0.0)


def history(seed, effect=0.04, spread=0.02, events=120, slope=0.0):
    generator = np.random.default_rng(seed)
    sessions = 60 * events + 400
    returns = generator.normal(0.0, 0.01, (sessions, 1))
    placed = []
    for k in range(events):
        surprise = float(generator.normal())
        day = 350 + 60 * k
        returns[day, 0] += effect + slope * surprise + spread * generator.standard_normal()
        placed.append(EventAt(asset=0, session=day, surprise=surprise))
    return event_study(returns, placed, before=0, after=0)


def test_before_the_event_nothing_changes_and_after_it_the_ratio_is_kept():
    path = base()
    moved = inject(path, [("A", impact())], session=4, seed=1)
    np.testing.assert_array_equal(moved.close[:, :4], path.close[:, :4])
    np.testing.assert_array_equal(moved.close[:, :, 1], path.close[:, :, 1])
    ratio = moved.close[:, :, 0] / path.close[:, :, 0]
    np.testing.assert_allclose(ratio[:, 4:], ratio[:, 4:5] * np.ones(7), rtol=1e-12)
    assert moved.source == "gbm with an event"


def test_only_impacts_of_history_are_drawn_each_about_equally_often():
    path = base(paths=9000)
    drawn = np.log(inject(path, [("A", impact())], session=1, seed=3).close[:, 1, 0] / path.close[:, 1, 0])
    counts = [np.isclose(drawn, value, atol=1e-12).sum() for value in (0.02, -0.01, 0.05)]
    assert sum(counts) == 9000
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_assets_of_the_same_events_draw_the_same_event():
    path = base()
    moved = inject(path, [("A", impact()), ("B", impact((0.2, -0.1, 0.5)))], session=1, seed=3)
    size = np.log(moved.close[:, 1] / path.close[:, 1])
    np.testing.assert_allclose(size[:, 1], 10.0 * size[:, 0], atol=1e-12)


def test_the_impact_arrives_over_its_horizon():
    path = base()
    moved = inject(path, [("A", impact((0.08,)))], session=2, horizon=4, half_life=1.0, seed=1)
    arrived = np.log(moved.close[0, :, 0] / path.close[0, :, 0]) / 0.08
    np.testing.assert_allclose(arrived[:6], np.array([0, 0, 8, 12, 14, 15]) / 15.0, atol=1e-12)
    np.testing.assert_allclose(arrived[6:], 1.0, atol=1e-12)


def test_an_impact_that_does_not_fit_in_arrives_in_part():
    path = base(sessions=3)
    moved = inject(path, [("A", impact((0.08,)))], session=3, horizon=2, half_life=1.0, seed=1)
    assert np.log(moved.close[0, -1, 0] / path.close[0, -1, 0]) == pytest.approx(0.08 * 2 / 3)


@pytest.mark.parametrize(
    ("horizon", "half_life", "expected"),
    [
        (1, 0.0, [1.0]),
        (3, 0.0, [1.0, 0.0, 0.0]),
        (2, 1.0, [2 / 3, 1 / 3]),
        (3, 1.0, [4 / 7, 2 / 7, 1 / 7]),
        (2, 1e12, [0.5, 0.5]),
    ],
)
def test_weights_halve_and_sum_to_one(horizon, half_life, expected):
    found = decay_weights(horizon, half_life)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("horizon", "half_life"), [(0, 1.0), (3, -1.0)])
def test_weights_that_make_no_sense_are_refused(horizon, half_life):
    with pytest.raises(InvalidInput, match="horizon is"):
        decay_weights(horizon, half_life)


def test_open_high_and_low_move_along():
    path = base(open=0.99, high=1.02, low=0.97)
    moved = inject(path, [("A", impact())], session=2, seed=1)
    for name in ("open", "high", "low"):
        np.testing.assert_allclose(getattr(moved, name) / getattr(path, name), moved.close / path.close, rtol=1e-12)


def test_the_same_seed_draws_the_same_events():
    path = base()
    one, two, other = (inject(path, [("A", impact())], session=1, seed=s).close for s in (7, 7, 8))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_an_uncertain_mean_widens_the_impact():
    path = base(paths=20_000)
    sure, unsure = (
        np.log(inject(path, [("A", impact(error=0.03))], session=1, seed=2, uncertain_mean=flag).close / path.close)[
            :, 1, 0
        ]
        for flag in (False, True)
    )
    assert unsure.var() - sure.var() == pytest.approx(0.03**2, rel=0.05)
    assert unsure.mean() == pytest.approx(sure.mean(), abs=4 * 0.03 / np.sqrt(20_000))


def test_chance_is_taken_out_of_the_spread():
    found = impact_of(history(1, effect=0.04, spread=0.02))
    assert found.mean == pytest.approx(0.04, abs=0.007)
    assert found.draws.mean() == pytest.approx(found.mean)
    assert found.draws.std() == pytest.approx(0.02, rel=0.25)
    assert found.noise_share == pytest.approx(0.01**2 / (0.01**2 + 0.02**2), rel=0.35)


def test_an_effect_without_spread_is_nearly_one_number():
    found = impact_of(history(2, effect=0.04, spread=0.0))
    assert found.noise_share > 0.7
    assert found.draws.std() < 0.006


def test_a_surprise_moves_the_impact_along_its_slope():
    study = history(3, effect=0.01, spread=0.005, slope=0.02)
    _, slope, error = surprise_slope(study)
    small, large = (impact_of(study, surprise=s, slope=(slope, error)) for s in (0.0, 2.0))
    assert large.mean - small.mean == pytest.approx(2.0 * slope)
    assert large.mean == pytest.approx(0.05, abs=0.01)
    assert large.standard_error > small.standard_error
    assert large.draws.std() < impact_of(study).draws.std()


def test_a_surprise_without_a_slope_and_too_few_events_are_refused():
    with pytest.raises(InvalidInput, match="needs the slope"):
        impact_of(history(4), surprise=1.0)
    with pytest.raises(NoData, match="4 matched events"):
        impact_of(history(4, events=4))


def test_a_planted_effect_is_recovered_through_study_and_injection():
    covered = 0
    for seed in range(30):
        found = impact_of(history(seed, effect=0.03, spread=0.02, events=60))
        path = base(paths=512, sessions=2)
        moved = inject(path, [("A", found)], session=1, seed=seed, uncertain_mean=False)
        mean = np.log(moved.close[:, -1, 0] / path.close[:, -1, 0]).mean()
        error = np.hypot(found.standard_error, found.draws.std() / np.sqrt(512))
        covered += abs(mean - 0.03) < 1.96 * error
    assert covered >= 26


@pytest.mark.parametrize("session", [0, 11, -1])
def test_a_session_outside_the_path_is_refused(session):
    with pytest.raises(InvalidInput, match="session is"):
        inject(base(), [("A", impact())], session=session, seed=1)


def test_an_asset_the_paths_do_not_hold_is_refused():
    with pytest.raises(UnknownName, match="asset"):
        inject(base(), [("C", impact())], session=1, seed=1)


def test_it_lies_on_top_of_any_source():
    path = MarketPath(
        close=np.full((3, 4, 1), 10.0, dtype=np.float32),
        times=np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]"),
        assets=("A",),
        as_of=AS_OF,
        source="replay",
    )
    moved = inject(path, [("A", impact((0.1,)))], session=1, seed=1)
    assert moved.close.dtype == np.float32
    np.testing.assert_allclose(moved.close[:, 1:], 10.0 * np.exp(0.1), rtol=1e-6)
