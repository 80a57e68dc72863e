from datetime import UTC, datetime

import numpy as np
import pytest

from core.errors import InvalidInput, NoData
from core.simulators.stochastic.future import annual_rate, empty_paths, future_times, joint_log_returns, start_vector


def test_weekdays_follow_the_as_of_date():
    times = future_times(datetime(2024, 12, 31, 21, tzinfo=UTC), 3, 252)
    assert times.astype(str).tolist() == ["2024-12-31", "2025-01-01", "2025-01-02", "2025-01-03"]


@pytest.mark.parametrize("day", [1, 2])
def test_a_weekend_start_is_kept_and_the_next_session_is_monday(day):
    times = future_times(datetime(2025, 3, day, tzinfo=UTC), 2, 252)
    assert times.astype(str).tolist() == [f"2025-03-0{day}", "2025-03-03", "2025-03-04"]


def test_crypto_trades_every_day():
    times = future_times(datetime(2025, 2, 28, tzinfo=UTC), 2, 365)
    assert times.astype(str).tolist() == ["2025-02-28", "2025-03-01", "2025-03-02"]


def test_returns_are_those_of_sessions_all_assets_traded_then_and_just_before():
    close = np.exp(np.cumsum(np.full((40, 2), 0.01), axis=0))
    close[5, 0] = np.nan
    close[20:22, 1] = np.nan
    found = joint_log_returns(close, ("A", "B"))
    assert len(found) == 39 - 2 - 3
    np.testing.assert_allclose(found, 0.01)


def test_storage_precision_and_limits():
    assert empty_paths(3, 4, 2, "float32").dtype == np.float32
    assert empty_paths(3, 4, 2, "float64").shape == (3, 5, 2)
    with pytest.raises(InvalidInput, match="paths is 0"):
        empty_paths(0, 4, 2, "float64")
    with pytest.raises(InvalidInput, match=r"sessions is 2\.5"):
        empty_paths(3, 2.5, 2, "float64")
    with pytest.raises(InvalidInput, match="precision is 'float16'"):
        empty_paths(3, 4, 2, "float16")


def test_rates():
    assert annual_rate("zero") == 0.0
    assert annual_rate(0.03) == 0.03
    for wrong in ("up", True, float("nan")):
        with pytest.raises(InvalidInput, match="drift is"):
            annual_rate(wrong)


def test_start_prices():
    np.testing.assert_array_equal(start_vector([1.0, 2.0], ("A", "B")), [1.0, 2.0])
    with pytest.raises(InvalidInput, match="start price of B is nan"):
        start_vector([1.0, np.nan], ("A", "B"))


def test_bad_histories():
    with pytest.raises(InvalidInput, match="at or below 0"):
        joint_log_returns(np.zeros((40, 1)), ("A",))
    with pytest.raises(InvalidInput, match="close has shape"):
        joint_log_returns(np.ones(40), ("A",))
    with pytest.raises(NoData, match="A share 0 sessions"):
        joint_log_returns(np.full((40, 1), np.nan), ("A",))
