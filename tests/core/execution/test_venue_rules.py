"""Sessions, lots and ticks, judged beside an independent calendar and plain arithmetic."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import exchange_calendars
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.errors import Pandas4Warning

from core.data.calendar import session_at
from core.domain.books import Leg
from core.domain.market_records import Instrument
from core.domain.trading_rules import LOTS, tick_of, whole_lots
from core.errors import ApprovalRefused, InvalidInput, Refused
from core.execution.market_risk import MarketView
from core.execution.marks import closes_at, opens_at
from core.execution.venue_rules import venue_refusals, waits_for
from core.testing.clock import FixedClock
from core.testing.small_market import ANNA, PETER

NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)


def view_at(moment, asset_class="equity", *, is_live=True):
    instrument = Instrument(
        instrument_id=1,
        symbol="AAA",
        name="AAA",
        asset_class=asset_class,
        calendar="24x7" if asset_class == "crypto" else "XNYS",
        source="test",
        known_at=moment,
    )
    return MarketView(marks={}, instruments={1: instrument}, risk=None, moment=moment, is_live=is_live)


def leg(quantity="10", **prices):
    found = {name: None if value is None else Decimal(value) for name, value in prices.items()}
    return Leg(instrument_id=1, symbol="AAA", side="buy", quantity=Decimal(quantity), **found)


def broken(*arguments):
    return [verdict.rule for verdict in venue_refusals(*arguments)]


@pytest.fixture(scope="module")
def new_york():
    """Give the exchange's minutes as the library tells them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Pandas4Warning)
        calendar = exchange_calendars.get_calendar("XNYS", start="1990-01-01", end="2030-12-31")
        calendar.is_open_on_minute(pd.Timestamp("2000-01-03T15:00Z"))
    return calendar


def test_five_thousand_random_moments_are_open_when_the_library_says_so(new_york):
    """The library counts minutes; ours searches closes: half days, holidays and clock changes are in both."""
    draw = random.Random(5)
    first = datetime(1990, 1, 3, tzinfo=UTC)
    wrong = []
    for _ in range(5_000):
        moment = first + timedelta(minutes=draw.randrange(40 * 365 * 24 * 60))
        is_open = bool(new_york.is_open_on_minute(pd.Timestamp(moment), ignore_breaks=True))
        session = session_at(moment, "XNYS")
        # The library counts the closing minute as open; at the close itself nothing trades any more.
        at_close = is_open and not bool(new_york.is_open_on_minute(pd.Timestamp(moment + timedelta(minutes=1))))
        refused = broken(leg(), view_at(moment), "ioc") == ["session"]
        if not at_close and (refused == is_open or (session.opens <= moment) != is_open):
            wrong.append(moment)
    assert wrong == []


@pytest.mark.parametrize(
    ("moment", "opens", "closes"),
    [
        # Thursday is Thanksgiving, Friday a half day until 13:00 in New York, Monday an ordinary day.
        ("2022-11-24T15:00", "2022-11-25T14:30", "2022-11-25T18:00"),
        ("2022-11-25T17:59", "2022-11-25T14:30", "2022-11-25T18:00"),
        ("2022-11-25T18:00", "2022-11-28T14:30", "2022-11-28T21:00"),
        # 3 July 2023 was a half day; summer time makes 13:30 the opening.
        ("2023-07-03T16:59", "2023-07-03T13:30", "2023-07-03T17:00"),
        ("2023-07-03T17:00", "2023-07-05T13:30", "2023-07-05T20:00"),
        # 2021-12-24 was a whole holiday, as Christmas fell on a Saturday.
        ("2021-12-24T15:00", "2021-12-27T14:30", "2021-12-27T21:00"),
    ],
)
def test_the_session_of_a_moment(moment, opens, closes):
    session = session_at(datetime.fromisoformat(moment).replace(tzinfo=UTC), "XNYS")
    assert (f"{session.opens:%Y-%m-%dT%H:%M}", f"{session.closes:%Y-%m-%dT%H:%M}") == (opens, closes)
    assert (opens_at(session.day, "XNYS"), closes_at(session.day, "XNYS")) == (session.opens, session.closes)


def test_a_moment_beyond_the_calendars_is_refused_and_not_taken_for_open():
    with pytest.raises(InvalidInput, match="no session is known"):
        session_at(datetime(2041, 1, 2, 15, tzinfo=UTC), "XNYS")
    with pytest.raises(InvalidInput):
        broken(leg(), view_at(datetime(2041, 1, 2, 15, tzinfo=UTC)), "ioc")


@given(minute=st.integers(0, 60 * 24 * 365 * 10))
@settings(max_examples=150, deadline=None)
def test_a_market_round_the_clock_is_always_open(minute):
    moment = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    view = view_at(moment, "crypto")
    assert broken(leg("0.5"), view, "fok") == []
    assert waits_for(leg("0.5"), view, "day") is None


@pytest.mark.parametrize("tif", ["day", "gtc", "ioc", "fok"])
@pytest.mark.parametrize("is_live", [True, False])
def test_only_what_ends_at_once_on_a_live_clock_needs_an_open_market(tif, is_live):
    closed = view_at(datetime(2022, 11, 30, 22, tzinfo=UTC), is_live=is_live)
    assert broken(leg(), closed, tif) == (["session"] if is_live and tif in ("ioc", "fok") else [])
    assert broken(leg(), view_at(NOON, is_live=is_live), tif) == []


def test_the_refusal_measures_the_minutes_to_the_opening():
    (refusal,) = venue_refusals(leg(), view_at(datetime(2022, 11, 26, 12, tzinfo=UTC)), "fok")
    # From Saturday noon to Monday 14:30 UTC are two days, two hours and a half.
    assert refusal.after == 2 * 24 * 60 + 150
    assert "2022-11-28 14:30 UTC" in refusal.reason


def test_what_waits_is_told_for_which_session_and_until_when():
    said = waits_for(leg(), view_at(datetime(2022, 11, 24, 12, tzinfo=UTC)), "day")
    assert "the session of 2022-11-25, which opens at 14:30 UTC and ends at its close, 18:00 UTC" in said
    assert "ends" not in waits_for(leg(), view_at(datetime(2022, 11, 24, 12, tzinfo=UTC)), "gtc")
    assert waits_for(leg(), view_at(NOON), "day") is None


@given(
    quantity=st.decimals("0.00000001", "10000", places=8, allow_nan=False),
    asset_class=st.sampled_from(["equity", "etf", "crypto", "index", "fx", "commodity"]),
)
@settings(max_examples=300, deadline=None)
def test_lots_by_rationals(quantity, asset_class):
    steps = {"equity": Fraction(1), "etf": Fraction(1), "crypto": Fraction(1, 10**8)}
    step = steps.get(asset_class)
    fits = step is not None and (Fraction(quantity) / step).denominator == 1
    assert broken(leg(str(quantity)), view_at(NOON, asset_class), "day") == ([] if fits else ["lot"])
    rounded = whole_lots(quantity, asset_class)
    assert Fraction(rounded) == (Fraction(0) if step is None else Fraction(quantity) // step * step)
    assert set(LOTS) == set(steps)


@given(price=st.decimals("0.0001", "500", places=6, allow_nan=False), kind=st.sampled_from(["limit", "stop"]))
@settings(max_examples=300, deadline=None)
def test_ticks_by_rationals(price, kind):
    step = Fraction(1, 100) if price >= 1 else Fraction(1, 10_000)
    fits = (Fraction(price) / step).denominator == 1
    asked = leg(**{f"{kind}_price": price})
    assert broken(asked, view_at(NOON), "day") == ([] if fits else ["tick"])
    assert broken(asked, view_at(NOON, "crypto"), "day") == []
    assert tick_of("etf", price) == Decimal(step.numerator) / step.denominator


def test_the_gate_refuses_a_lot_that_came_around_the_request_and_keeps_why(desk, ask):
    """A proposal written past the checks of a request is stopped by the gate, at the decision too."""
    draft = desk.proposals.prepare(ask(quantity=10))
    uneven = draft.legs[0].model_copy(update={"quantity": Decimal("10.5")})
    from dataclasses import replace

    proposal = desk.proposals.submit(replace(draft, legs=(uneven,)), ANNA)
    with pytest.raises(ApprovalRefused, match=r"lot: AAA trades in steps of 1, and 10.5 is asked for"):
        desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    assert desk.sql("SELECT stage, rule, measured_after FROM execution.gate_verdicts") == [
        ("decide", "lot", Decimal("0.5"))
    ]


def test_outside_the_session_an_order_that_ends_at_once_is_refused_when_it_is_proposed(desk, ask, monkeypatch):
    monkeypatch.setattr(desk.clock, "_wall", FixedClock(desk.clock.now(), mode="live"))
    desk.clock.set_live()
    with pytest.raises(Refused, match="session: fok needs an open market"):
        desk.proposals.propose(ask(time_in_force="fok"), ANNA)
    waits = desk.proposals.prepare(ask())
    assert any("waits for the session of 2022-11-30" in note for note in waits.impact.notes)
    assert not any("waits for" in note for note in desk.proposals.prepare(ask("BTC", quantity="0.5")).impact.notes)
