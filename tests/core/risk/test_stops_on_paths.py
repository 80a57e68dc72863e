"""Every stop on many paths: it never loosens, protects from the session after, and scales with the price."""

import numpy as np
import pytest

from core.risk.stops import (
    atr_stop,
    fixed_stop,
    spread_stop,
    stopped_out,
    time_stop,
    trailing_stop,
    volatility_stop,
)


def path(seed, sessions=250):
    generator = np.random.default_rng(seed)
    close = 40.0 * np.exp(np.cumsum(generator.normal(0.0002, 0.015, sessions)))
    reach = np.abs(generator.normal(0.0, 0.008, (2, sessions)))
    return close * (1.0 + reach[0]), close * (1.0 - reach[1]), close


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("loss", [0.03, 0.08, 0.2])
def test_a_trailing_stop_moves_one_way_and_stays_its_distance(seed, side, loss):
    high, low, close = path(seed)
    stop = trailing_stop(close, loss=loss, side=side)
    moves = np.diff(stop)
    assert (moves >= 0).all() if side == "long" else (moves <= 0).all()
    best = np.maximum.accumulate(close) if side == "long" else np.minimum.accumulate(close)
    np.testing.assert_allclose(np.abs(stop / best - 1.0), loss, rtol=1e-9)
    hit = stopped_out(low, high, stop, side=side)
    if hit is not None:
        touched = low[hit] <= stop[hit - 1] if side == "long" else high[hit] >= stop[hit - 1]
        assert touched


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("factor", [0.25, 8.0])
def test_stops_scale_with_the_price(seed, factor):
    high, low, close = path(seed)
    np.testing.assert_allclose(
        volatility_stop(close * factor),
        volatility_stop(close) * factor,
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        atr_stop(high * factor, low * factor, close * factor),
        atr_stop(high, low, close) * factor,
        rtol=1e-9,
    )
    assert fixed_stop(close[0] * factor, loss=0.1) == pytest.approx(fixed_stop(close[0], loss=0.1) * factor)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("deviations", [1.0, 2.0, 4.0])
def test_a_wider_volatility_stop_is_hit_later_or_never(seed, deviations):
    high, low, close = path(seed)
    near = stopped_out(low, high, volatility_stop(close, deviations=deviations))
    far = stopped_out(low, high, volatility_stop(close, deviations=deviations + 1.0))
    assert far is None or (near is not None and near <= far)


@pytest.mark.parametrize("longest", [1, 5, 20])
def test_a_position_is_closed_by_time_once_and_for_all(longest):
    marks = time_stop(30, longest=longest)
    assert marks.sum() == 30 - longest
    assert not marks[:longest].any()


@pytest.mark.parametrize("entry", [1.5, 2.0, -1.5, -2.0])
def test_a_spread_stop_is_the_first_crossing(entry):
    scores = np.cumsum(np.random.default_rng(4).normal(0.0, 0.6, 400))
    stop = entry * 2.0
    found = spread_stop(scores, entry_zscore=entry, stop_zscore=stop)
    beyond = np.sign(stop) * scores >= abs(stop)
    assert found == (int(np.argmax(beyond)) if beyond.any() else None)
