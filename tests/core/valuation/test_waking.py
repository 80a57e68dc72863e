"""Strategies that stay in Python: asked where they wanted and after fills, seeing only what is known."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.testing.strategy_contract import random_history
from core.valuation.backtest import run
from core.valuation.terms import Costs, FillTerms, Stops

AS_OF = datetime(2015, 1, 1, tzinfo=UTC)


def path_of(assets=1, sessions=120, seed=5):
    history = random_history(seed, assets, sessions=sessions)
    return MarketPath(
        close=history.close[None],
        open=history.open[None],
        high=np.maximum(history.high, history.open)[None],
        low=np.minimum(history.low, history.open)[None],
        times=history.times,
        assets=history.assets,
        as_of=AS_OF,
        source="drawn",
    )


@dataclass
class Diary:
    """Wake on given sessions, decide what a table says, and write down what was seen."""

    on: tuple[int, ...]
    decisions: dict[int, list[float]]
    seen: list[tuple[int, bool, float, float]] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    name: ClassVar[str] = "diary"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False

    def wakes(self, prices):
        out = np.zeros(len(prices.times), dtype=bool)
        out[list(self.on)] = True
        return out

    def decide(self, session):
        self.seen.append((session.index, session.filled, float(session.shares[0]), session.equity))
        self.lengths.append(len(session.prices.close))
        made = self.decisions.get(session.index)
        return None if made is None else np.array(made)


@dataclass(frozen=True)
class Table:
    """The same decisions as a table."""

    decisions: tuple[tuple[int, tuple[float, ...]], ...]
    name: ClassVar[str] = "table"
    legs: ClassVar[int | None] = None
    trades_as_one: ClassVar[bool] = False
    warmup_sessions: int = 0

    def weights(self, prices):
        out = np.full(prices.close.shape, np.nan)
        for session, made in self.decisions:
            if session < len(out):
                out[session] = made
        return out


def test_it_is_asked_where_it_wanted_and_after_fills():
    diary = Diary(on=(10, 30, 50), decisions={10: [1.0], 30: [0.0]})
    run(diary, path_of())
    assert [(index, filled) for index, filled, _, _ in diary.seen] == [
        (10, False),
        (11, True),
        (30, False),
        (31, True),
        (50, False),
    ]


def test_it_sees_prices_up_to_the_session_only():
    diary = Diary(on=(10, 30), decisions={10: [1.0]})
    run(diary, path_of())
    assert diary.lengths == [index + 1 for index, *_ in diary.seen]


def test_it_sees_what_it_holds_and_what_it_is_worth():
    path = path_of()
    diary = Diary(on=(10, 40), decisions={10: [1.0]})
    result = run(diary, path)
    for index, _, shares, equity in diary.seen:
        assert shares == result.shares[0, index, 0]
        assert equity == result.equity[0, index]


def test_a_stop_wakes_it():
    path = path_of()
    low = path.low.copy()
    low[0, 25] *= 0.5
    diary = Diary(on=(10,), decisions={10: [1.0]})
    run(diary, replace(path, low=low), stops=Stops(loss=0.2))
    assert (25, True) in [(index, filled) for index, filled, _, _ in diary.seen]


@pytest.mark.parametrize("assets", [1, 2, 3])
@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"costs": Costs(fee_bps=10, slippage_bps=5, borrow_bps=50)},
        {"stops": Stops(loss=0.02, trailing=0.03)},
        {"stops": Stops(sessions=4), "execution_lag": 3},
        {"terms": FillTerms(at="close", lot=1.0)},
    ],
)
def test_the_same_decisions_give_the_same_result(assets, terms):
    path = path_of(assets)
    draw = np.random.default_rng(assets)
    made = {
        int(session): [float(value) for value in draw.uniform(-1, 1, assets) / assets]
        for session in draw.choice(110, 25, replace=False)
    }
    woken = run(Diary(on=tuple(made), decisions=made), path, **terms)
    table = run(Table(tuple((session, tuple(values)) for session, values in made.items())), path, **terms)
    np.testing.assert_array_equal(woken.equity, table.equity)
    np.testing.assert_array_equal(woken.shares, table.shares)
    for part in ("session", "asset", "shares", "price", "fee", "reason"):
        np.testing.assert_array_equal(getattr(woken.fills, part), getattr(table.fills, part))


def test_a_decision_on_the_last_session_is_never_filled():
    diary = Diary(on=(119,), decisions={119: [1.0]})
    assert len(run(diary, path_of()).fills.session) == 0


def test_it_need_not_be_asked_at_all():
    result = run(Diary(on=(), decisions={}), path_of())
    assert (result.equity == result.capital).all()


def test_every_path_is_walked_anew():
    path = path_of()
    both = replace(
        path, **{name: np.repeat(getattr(path, name), 2, axis=0) for name in ("close", "open", "high", "low")}
    )
    diary = Diary(on=(10, 30), decisions={10: [1.0], 30: [0.0]})
    result = run(diary, both)
    np.testing.assert_array_equal(result.equity[0], result.equity[1])
    assert len(diary.seen) == 8


def test_many_fills_are_all_kept():
    made = {session: [float(session % 2)] for session in range(110)}
    result = run(Diary(on=tuple(made), decisions=made), path_of())
    assert len(result.fills.session) == 109
    assert result.trades.pnl.sum() == pytest.approx(result.equity[0, -1] - result.capital)
