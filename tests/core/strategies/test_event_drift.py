"""Drift after surprises, with what was known when."""

import dataclasses

import numpy as np
import pytest

from core.domain.event_calendar import EventCalendar
from core.strategies.event_drift import EventDrift
from core.testing.strategy_contract import StrategyContract, random_history


def events(seed=0, count=40, assets=2):
    draw = np.random.default_rng(seed)
    day = np.datetime64("2012-04-01") + np.sort(draw.integers(0, 800, count))
    return EventCalendar(
        name=np.full(count, "EARNINGS"),
        asset=draw.integers(0, assets, count),
        day=day,
        scheduled=day - 10,
        known=day + draw.integers(0, 3, count),
        surprise=draw.normal(0, 0.2, count),
    )


class TestEventDrift(StrategyContract):
    def strategy(self):
        return EventDrift(hold_sessions=10, allow_short=True)

    def _history(self, seed=7):
        return dataclasses.replace(random_history(seed, 2), events=events())


def test_it_buys_at_the_first_close_that_knew_and_holds_so_long():
    prices = random_history(1, 1)
    one = EventCalendar(
        name=np.array(["EARNINGS"]),
        asset=np.array([0]),
        day=np.array(["2012-05-04"], dtype="datetime64[D]"),
        scheduled=np.array(["2012-04-20"], dtype="datetime64[D]"),
        known=np.array(["2012-05-05"], dtype="datetime64[D]"),  # a Saturday
        surprise=np.array([0.10]),
    )
    weights = EventDrift(hold_sessions=5).weights(dataclasses.replace(prices, events=one))[:, 0]
    bought, sold = np.flatnonzero(weights == 1.0), np.flatnonzero(weights == 0.0)
    assert prices.times[bought].tolist() == [np.datetime64("2012-05-07").item()]
    assert sold.tolist() == [0, bought[0] + 5]


@pytest.mark.parametrize(
    ("surprise", "rule", "expected"),
    [
        (0.10, {}, {1.0}),
        (0.04, {}, set()),
        (-0.10, {}, set()),
        (-0.10, {"allow_short": True}, {-1.0}),
        (0.10, {"direction": -1}, set()),
        (-0.10, {"direction": -1}, {1.0}),
        (float("nan"), {}, set()),
    ],
)
def test_which_surprises_trade(surprise, rule, expected):
    prices = random_history(1, 1)
    one = dataclasses.replace(events(count=1, assets=1), surprise=np.array([surprise]))
    weights = EventDrift(**rule).weights(dataclasses.replace(prices, events=one))
    assert {value for value in weights[np.isfinite(weights)] if value} == expected


def test_a_newer_small_surprise_ends_the_position():
    prices = random_history(1, 1)
    days = np.array(["2012-05-01", "2012-05-08"], dtype="datetime64[D]")
    two = EventCalendar(
        name=np.array(["CPI", "CPI"]), asset=np.array([-1, -1]), day=days, scheduled=days - 30, known=days,
        surprise=np.array([0.2, 0.0]),
    )  # fmt: skip
    weights = EventDrift(event="cpi", hold_sessions=40).weights(dataclasses.replace(prices, events=two))[:, 0]
    assert prices.times[weights == 1.0].tolist() == [days[0].item()]
    assert days[1].item() in prices.times[weights == 0.0].tolist()


def test_without_events_it_holds_nothing():
    weights = EventDrift().weights(random_history(1, 1))
    assert set(weights[np.isfinite(weights)]) == {0.0}
