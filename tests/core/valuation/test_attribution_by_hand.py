"""Attribution and sensitivity of backtests small enough to work out on paper."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
import pytest

from core.domain.market_path import MarketPath
from core.valuation.attribution import by_factor, by_leg, by_year
from core.valuation.backtest import run
from core.valuation.sensitivity import delay_and_cost_sensitivity
from core.valuation.terms import Costs, FillTerms, Stops

NO = float("nan")
SHARES = FillTerms(sizing="shares")


@dataclass(frozen=True)
class Script:
    """Return the weights it was given."""

    table: object
    legs: int | None = None
    trades_as_one: ClassVar[bool] = False
    name: ClassVar[str] = "script"
    warmup_sessions: int = 0

    def weights(self, prices):
        return np.array(self.table, dtype=float)


def market(closes, begin="2019-12-27"):
    values = np.array(closes, dtype=float)
    times = np.busday_offset(np.datetime64(begin), np.arange(len(values)), roll="forward")
    return MarketPath(
        close=values[None],
        times=times,
        assets=tuple("ABC"[: values.shape[1]]),
        as_of=datetime(2021, 1, 1, tzinfo=UTC),
        source="paper",
    )


def test_each_leg_earns_its_own_move():
    path = market([[10, 20], [10, 20], [12, 19], [12, 19]])
    result = run(Script([[10, -5], [NO, NO], [0, 0], [NO, NO]]), path, terms=SHARES, capital=1000.0)
    legs = by_leg(result, path)
    assert legs.gross.tolist() == pytest.approx([20.0, 5.0])
    assert legs.costs.tolist() == [0.0, 0.0]


def test_costs_fall_on_the_leg_that_caused_them():
    path = market([[10, 20], [10, 20], [10, 20], [10, 20]])
    costs = Costs(fee_bps=100, slippage_bps=50)
    result = run(Script([[10, 0], [NO, NO], [0, NO], [NO, NO]]), path, terms=SHARES, capital=1000.0, costs=costs)
    legs = by_leg(result, path)
    # Bought at 10.05 and sold at 9.95: slippage 0.5 twice, fees 1.005 and 0.995.
    assert legs.gross.tolist() == pytest.approx([0.0, 0.0])
    assert legs.costs.tolist() == pytest.approx([0.5 + 0.5 + 1.005 + 0.995, 0.0])


def test_open_positions_count_at_their_last_price():
    path = market([[10], [10], [15]])
    result = run(Script([[10], [NO], [NO]]), path, terms=SHARES, capital=1000.0)
    assert by_leg(result, path).gross.tolist() == pytest.approx([50.0])


def test_a_gap_is_bridged_by_the_last_price():
    path = market([[10], [10], [NO], [13]])
    result = run(Script([[10], [NO], [NO], [NO]]), path, terms=SHARES, capital=1000.0)
    assert by_leg(result, path).gross.tolist() == pytest.approx([30.0])
    assert by_factor(result, path).beta > 0


def test_years_are_calendar_years():
    # 27, 30, 31 December 2019, then 1, 2 January 2020.
    path = market([[10], [10], [11], [11], [9]])
    result = run(Script([[10], *[[NO]] * 4]), path, terms=SHARES, capital=1000.0)
    assert by_year(result) == (
        (2019, pytest.approx(10.0), pytest.approx(0.01)),
        (2020, pytest.approx(-20.0), pytest.approx(990 / 1010 - 1)),
    )
    assert [year for year, *_ in by_year(result, skip_sessions=3)] == [2020]


def test_a_factor_of_ones_own_explains_everything():
    path = market([[10], [11], [10], [12], [13], [11]])
    result = run(Script([[1.0], *[[NO]] * 5]), path)
    found = by_factor(result, path, factor=result.returns[0])
    assert found.beta == pytest.approx(1.0)
    assert found.rest == pytest.approx(0.0, abs=1e-6)


def test_a_factor_that_does_not_move_explains_nothing():
    path = market([[10], [11], [10], [12]])
    result = run(Script([[1.0], *[[NO]] * 3]), path)
    found = by_factor(result, path, factor=np.zeros(4))
    assert (found.beta, found.market) == (0.0, 0.0)
    assert found.rest == pytest.approx(result.equity[0, -1] - result.capital)


def test_sensitivity_runs_every_lag_then_every_multiple():
    path = market([[10 + (n % 5)] for n in range(60)])
    rule = Script([[float(n % 3 == 0)] for n in range(60)])
    costs = Costs(fee_bps=2, slippage_bps=1, borrow_bps=10)
    rows = delay_and_cost_sensitivity(rule, path, costs, lags=(2, 3), cost_multiples=(0.0, 1.0, 2.0))
    assert [(row.execution_lag, row.costs.fee_bps) for row in rows] == [(2, 2), (3, 2), (2, 0), (2, 4)]
    assert rows[2].costs.borrow_bps == 0.0
    assert rows[2].cagr >= rows[0].cagr >= rows[3].cagr


def test_sensitivity_keeps_the_other_terms():
    path = market([[10.0], [10.0], [9.0], [8.0], [12.0], [12.0], [12.5]])
    rule = Script([[1.0], *[[NO]] * 6])
    plain = delay_and_cost_sensitivity(rule, path, Costs(), lags=(1,), cost_multiples=(1.0,))
    stopped = delay_and_cost_sensitivity(rule, path, Costs(), lags=(1,), cost_multiples=(1.0,), stops=Stops(loss=0.05))
    assert plain[0].max_drawdown == pytest.approx(-0.2)
    assert stopped[0].max_drawdown == pytest.approx(-0.1)
