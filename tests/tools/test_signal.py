"""Size what a strategy asks for, value what it holds, and state its odds, against sums done by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.market_records import Instrument
from core.domain.owned_records import SavedStrategy
from core.errors import InvalidInput
from core.execution.live import Protection
from core.execution.positions import Holding
from tools._signal import Signal, read_position, state_odds, state_risk, trade_request

NOW = datetime(2024, 1, 2, 21, tzinfo=UTC)
NAV = 100_000.0


def instrument(number: int, symbol: str, asset_class: str = "equity") -> Instrument:
    return Instrument(
        instrument_id=number,
        symbol=symbol,
        name=symbol,
        asset_class=asset_class,
        calendar="24x7" if asset_class == "crypto" else "XNYS",
        currency="USD",
        source="test",
        known_at=NOW,
    )


def strategy(**changes) -> SavedStrategy:
    values = {
        "strategy_id": "stg_1",
        "name": "Mine",
        "spec": {"strategy": "timed", "symbols": ["AAA"]},
        "created_by": "usr_1",
        "created_at": NOW,
        "changed_by": "usr_1",
        **changes,
    }
    return SavedStrategy.model_validate(values)


def signal(prices=(100.0, 50.0), *, as_one=True, classes=("equity", "equity"), targets=None, close=None) -> Signal:
    count = len(prices)
    sessions = 6 if close is None else len(close)
    return Signal(
        instruments=tuple(instrument(n + 1, f"S{n + 1}", classes[n]) for n in range(count)),
        times=np.datetime64("2024-01-02") + np.arange(sessions),
        targets=np.zeros((sessions, count)) if targets is None else np.asarray(targets, dtype=np.float64),
        close=np.ones((sessions, count)) if close is None else np.asarray(close, dtype=np.float64),
        prices=tuple(prices),
        cost=0.0,
        as_one=as_one,
    )


def asked(found, held=None, *, wanted, share="1", **changes):
    """Return the legs of the trade that brings a position to the wanted weights."""
    position = read_position(found, held or {}, NAV)
    request = trade_request(
        *(strategy(**changes), found, position, np.array(wanted)),
        **{"nav": NAV, "share": Decimal(share), "reason": "why", "protection": Protection()},
    )
    return [(leg.symbol, leg.side, leg.quantity) for leg in request.legs], request


@pytest.mark.parametrize(
    ("wanted", "legs"),
    [
        ((0.1, 0.0), [("S1", "buy", 100)]),
        ((0.0, -0.1), [("S2", "sell", 200)]),
        # Sales come first: their proceeds may pay for the purchases.
        ((0.1, -0.1), [("S2", "sell", 200), ("S1", "buy", 100)]),
        # 0.12345 of 100,000 dollars are 123.45 shares at 100: whole shares only, towards zero.
        ((0.12345, 0.0), [("S1", "buy", 123)]),
        ((-0.12345, 0.0), [("S1", "sell", 123)]),
    ],
)
def test_weights_become_whole_shares(wanted, legs):
    found, _ = asked(signal(as_one=False), wanted=wanted)
    assert found == [(symbol, side, Decimal(count)) for symbol, side, count in legs]


@pytest.mark.parametrize(
    ("held", "wanted", "legs"),
    [
        (60, 0.1, [("S1", "buy", 40)]),
        (140, 0.1, [("S1", "sell", 40)]),
        (100, 0.0, [("S1", "sell", 100)]),
        (-100, 0.0, [("S1", "buy", 100)]),
        (-50, 0.1, [("S1", "buy", 150)]),
    ],
)
def test_only_the_difference_to_what_is_held_is_traded(held, wanted, legs):
    holding = {1: Holding(quantity=Decimal(held), cost=Decimal(held) * 100)}
    found, _ = asked(signal((100.0,), as_one=False), holding, wanted=(wanted,))
    assert found == [(symbol, side, Decimal(count)) for symbol, side, count in legs]


@pytest.mark.parametrize(("share", "count"), [("1", 100), ("0.5", 50), ("0.25", 25)])
def test_a_part_of_the_size_is_a_part_of_every_leg(share, count):
    found, _ = asked(signal(), wanted=(0.1, -0.1), share=share)
    assert found == [("S2", "sell", Decimal(2 * count)), ("S1", "buy", Decimal(count))]


def test_coins_trade_in_their_own_lots():
    found, _ = asked(signal((16_000.0,), as_one=False, classes=("crypto",)), wanted=(0.1,))
    assert found == [("S1", "buy", Decimal("0.625"))]


@pytest.mark.parametrize(
    ("prices", "wanted", "as_one"),
    [
        ((200_000.0,), (0.1,), False),
        # One leg of a spread would be less than a share: the other must not go alone.
        ((100.0, 50_000.0), (0.1, -0.1), True),
        ((100.0, 50.0), (0.0, 0.0), True),
    ],
)
def test_less_than_a_lot_is_refused(prices, wanted, as_one):
    with pytest.raises(InvalidInput, match="less than one lot"):
        asked(signal(prices, as_one=as_one), wanted=wanted)


def test_the_trade_names_its_strategy_account_and_what_becomes_of_a_failure():
    _, spread = asked(signal(), wanted=(0.1, -0.1), account_id="main")
    assert (spread.author, spread.account_id, spread.reason) == ("stg_1", "main", "why")
    assert (spread.on_failure, spread.legging, spread.order_type) == ("unwind", "together", "market")
    _, single = asked(signal(as_one=False), wanted=(0.1, -0.1))
    assert single.on_failure == "keep"


@given(
    weights=st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=2),
    held=st.lists(st.integers(-500, 500), min_size=2, max_size=2),
)
def test_after_the_trade_the_position_is_within_a_lot_of_what_was_wanted(weights, held):
    found = signal(as_one=False)
    holdings = {
        number + 1: Holding(quantity=Decimal(count), cost=Decimal(count)) for number, count in enumerate(held) if count
    }
    try:
        legs, _ = asked(found, holdings, wanted=weights)
    except InvalidInput:
        legs = []
    change = {symbol: quantity if side == "buy" else -quantity for symbol, side, quantity in legs}
    for number, (weight, price) in enumerate(zip(weights, found.prices, strict=True)):
        after = held[number] + float(change.get(f"S{number + 1}", 0))
        assert abs(after * price - weight * NAV) < price + 1e-6


@pytest.mark.parametrize(
    ("quantities", "costs", "weights", "profit"),
    [
        ((0, 0), (0, 0), (0.0, 0.0), 0.0),
        # Bought 100 at 90, worth 100 each: 1,000 on 9,000.
        ((100, 0), (9_000, 0), (0.1, 0.0), 1 / 9),
        # Sold 200 short at 60, worth 50 each: 2,000 on 12,000.
        ((0, -200), (0, -12_000), (0.0, -0.1), 1 / 6),
        # A gain of 1,000 on one leg and a loss of 1,000 on the other.
        ((100, -200), (9_000, -9_000), (0.1, -0.1), 0.0),
        ((100, -200), (11_000, -9_000), (0.1, -0.1), -0.1),
    ],
)
def test_a_position_is_valued_at_the_last_prices_and_its_profit_is_joint(quantities, costs, weights, profit):
    held = {
        number + 1: Holding(quantity=Decimal(count), cost=Decimal(cost))
        for number, (count, cost) in enumerate(zip(quantities, costs, strict=True))
        if count
    }
    found = read_position(signal(), held, NAV)
    assert found.weights.tolist() == pytest.approx(list(weights))
    assert found.profit == pytest.approx(profit)
    assert found.shares == tuple(map(Decimal, quantities))


def test_sessions_are_counted_from_a_session_on_and_a_signal_stands_since_it_changed():
    found = signal((100.0,), targets=[[0], [0], [1], [1], [1], [0.5]])
    assert found.session == date(2024, 1, 7)
    assert found.sessions_since(date(2024, 1, 7)) == 0
    assert found.sessions_since(date(2024, 1, 4)) == 3
    assert found.sessions_stood == 4
    assert found.stands_since(date(2024, 1, 4)) and not found.stands_since(date(2024, 1, 3))


class Facts:
    """Collect facts as a context does."""

    def __init__(self):
        self.values = {}

    def fact(self, name, value, unit, **_):
        self.values[name] = value


def test_the_odds_are_those_of_the_earlier_decisions_and_say_their_number():
    targets = [[0], [1], [0], [1], [0], [1], [0], [0], [1]]
    close = [[10], [20], [22], [30], [27], [40], [48], [48], [50]]
    facts = Facts()
    found = state_odds(facts, strategy(horizon_sessions=1), signal((50.0,), targets=targets, close=close), "entry")
    # Entered at 20, 30 and 40, a session later at 22, 27 and 48; the entry of the last session has no end yet.
    assert found is not None and found.trades == 3
    assert facts.values["earlier decisions of this kind"] == 3
    assert facts.values["expected return over the horizon"] == pytest.approx((0.1 - 0.1 + 0.2) / 3)
    assert facts.values["probability of a gain"] == pytest.approx(2 / 3)
    assert 0 < facts.values["probability of a gain, lower bound"] < 2 / 3
    assert 2 / 3 < facts.values["probability of a gain, upper bound"] < 1


@pytest.mark.parametrize("sessions", [[[0], [1], [1]], [[0], [0], [0]]])
def test_without_two_earlier_decisions_there_are_no_odds(sessions):
    facts = Facts()
    found = state_odds(
        facts, strategy(horizon_sessions=1), signal((1.0,), targets=sessions, close=[[1], [2], [3]]), "entry"
    )
    assert found is None and "probability of a gain" not in facts.values


def test_the_shortfall_of_a_single_position_is_its_weight_times_that_of_the_asset():
    generator = np.random.default_rng(3)
    returns = generator.normal(0, 0.01, 200)
    close = 100 * np.cumprod(1 + returns)[:, None]
    facts = Facts()
    state_risk(facts, signal((1.0,), close=close), np.array([0.0]), np.array([-0.2]))
    assert facts.values["expected shortfall of a session before"] == 0.0
    made = close[1:, 0] / close[:-1, 0] - 1
    # 2.3378 standard deviations: the normal's mean loss beyond 97.5 % (McNeil et al., 2015).
    expected = 0.2 * 2.3378 * made.std(ddof=1)
    assert facts.values["expected shortfall of a session after"] == pytest.approx(expected, rel=1e-4)


def test_prices_without_a_common_history_state_no_shortfall():
    facts = Facts()
    close = [[np.nan, 1.0], [1.0, np.nan], [1.0, 1.0]]
    state_risk(facts, signal(close=close), np.zeros(2), np.array([0.1, -0.1]))
    assert facts.values == {}
