"""The token bucket never lets more pass than the rate allows, and nobody waits longer than needed."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.transport.limiter import TokenBucket
from core.testing.vendor_contract import StoppedTime


def bucket(per_minute: float, burst: int = 1) -> tuple[TokenBucket, StoppedTime]:
    time = StoppedTime()
    return TokenBucket(per_minute, burst, time.monotonic, time.sleep), time


def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    limiter, time = bucket(60.0, burst=3)
    waits = [limiter.acquire() for _ in range(6)]
    assert waits == pytest.approx([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    assert time.elapsed == pytest.approx(3.0)


def test_five_a_minute_is_one_in_twelve_seconds() -> None:
    limiter, _ = bucket(5.0)
    assert limiter.acquire() == 0.0
    assert limiter.acquire() == pytest.approx(12.0)


def test_a_pause_fills_the_bucket_no_further_than_its_burst() -> None:
    limiter, time = bucket(60.0, burst=2)
    for _ in range(2):
        limiter.acquire()
    time.elapsed += 3600.0
    assert [limiter.acquire() for _ in range(3)] == pytest.approx([0.0, 0.0, 1.0])


def test_a_heavy_request_takes_more() -> None:
    limiter, _ = bucket(60.0, burst=2)
    limiter.acquire(2.0)
    assert limiter.acquire(2.0) == pytest.approx(2.0)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    limiter, time = bucket(60.0)
    limiter.acquire()
    time.elapsed -= 100.0
    assert limiter.acquire() == pytest.approx(1.0)


@pytest.mark.parametrize(("rate", "burst"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (1.0, 0)])
def test_a_rate_that_lets_nothing_pass_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="lets nothing pass"):
        bucket(rate, burst)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    rate=st.floats(1.0, 6000.0),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=40),
)
def test_no_window_holds_more_than_rate_and_burst(rate: float, burst: int, pauses: list[float]) -> None:
    limiter, time = bucket(rate, burst)
    passed = []
    for pause in pauses:
        time.elapsed += pause
        limiter.acquire()
        passed.append(time.elapsed)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            allowed = burst + (passed[last] - passed[first]) * rate / 60.0
            assert last - first + 1 <= allowed + 1e-6


def test_threads_share_one_rate() -> None:
    waits: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            waits.append(seconds)

    limiter = TokenBucket(60.0, 1, lambda: 0.0, sleep)
    threads = [threading.Thread(target=limiter.acquire) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Each waits behind the ones before it: no two are sent at the same moment.
    assert sorted(waits) == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
