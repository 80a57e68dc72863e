"""Correlation, portfolio construction, sizing, profit and the deeper risk report, on markets made up by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.domain.books import Fill
from core.errors import InvalidInput, NoData
from core.execution.stores import NavPoint
from tools._profit import costs_by, profit_by, profit_by_period

SESSIONS = 620


def value(result: Any, name: str) -> Any:
    return result.fact(name).value


def table(result: Any, name: str) -> Any:
    return next(part for part in result.tables if part.name == name)


@pytest.fixture
def grown(market: Any) -> tuple[Any, np.ndarray]:
    """Give four symbols: two pairs that move together, the second pair twice as wild; volumes and ranges inside."""
    generator = np.random.default_rng(11)
    common = generator.normal(0.0004, 0.01, (SESSIONS, 2)) * np.array([1.0, 2.0])
    moves = np.repeat(common, 2, axis=1) + generator.normal(0.0, 0.003, (SESSIONS, 4))
    levels = 100.0 * np.cumprod(1.0 + moves, axis=0)
    for column, symbol in enumerate(("AAA", "BBB", "CCC", "DDD")):
        close = levels[:, column]
        market.add(
            symbol, close.tolist(), start="2022-08-15", high=(close * 1.01).tolist(), low=(close * 0.99).tolist(),
            open=close.tolist(), volume=[1_000_000.0] * SESSIONS,
        )  # fmt: skip
    return market, levels[1:] / levels[:-1] - 1.0


# ---------------------------------------------------------------------------------------- correlation


def test_correlation_of_a_pair(grown: Any) -> None:
    market, moves = grown
    result = market.ask("correlation", symbols=["AAA", "BBB"])
    assert value(result, "AAA/BBB correlation") == pytest.approx(np.corrcoef(moves[:, 0], moves[:, 1])[0, 1], rel=1e-9)
    assert [part.name for part in result.charts[-1].series] == ["last 63 sessions", "exponentially weighted"]
    assert value(result, "p-value of no change") > 0.001


def test_clusters_and_extreme_pairs_of_four(grown: Any) -> None:
    market, moves = grown
    result = market.ask("correlation", symbols=["AAA", "BBB", "CCC", "DDD"], method="shrunk")
    assert {row[1] for row in table(result, "clusters").rows} == {"AAA, BBB", "CCC, DDD"}
    assert value(result, "clusters") == 2
    assert 0.0 < value(result, "shrinkage intensity") < 1.0
    best = np.corrcoef(moves.T)[np.triu_indices(4, 1)].max()
    assert table(result, "pairs").rows[0][2] == pytest.approx(best, abs=0.1)
    assert len(table(result, "pairs").rows) == 6


def test_one_symbol_twice_has_no_correlation(grown: Any) -> None:
    with pytest.raises(InvalidInput, match="two different"):
        grown[0].ask("correlation", symbols=["AAA", "aaa"])


# ---------------------------------------------------------------------------------------- optimise_portfolio


def test_minimum_variance_weights_are_the_closed_form(grown: Any) -> None:
    market, moves = grown
    result = market.ask("optimise_portfolio", symbols=["AAA", "CCC"], covariance="sample", value=10_000)
    matrix = np.cov(moves[:, [0, 2]].T)
    share = (matrix[1, 1] - matrix[0, 1]) / (matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1])
    rows = {row[0]: row for row in table(result, "weights").rows}
    assert rows["AAA"][1] == pytest.approx(share, rel=1e-9)
    assert rows["AAA"][4] == pytest.approx(10_000 * share)
    assert value(result, "expected volatility") < value(result, "expected volatility of equal weights")


@pytest.mark.parametrize("method", ["equal_risk", "minimum_cvar", "hierarchical_risk_parity", "equal_weight"])
def test_every_method_gives_weights_that_sum_to_one(grown: Any, method: str) -> None:
    result = grown[0].ask("optimise_portfolio", symbols=["AAA", "BBB", "CCC", "DDD"], method=method)
    weights = [row[1] for row in table(result, "weights").rows]
    assert sum(weights) == pytest.approx(1.0)
    assert min(weights) >= 0.0
    assert sum(row[2] for row in table(result, "weights").rows) == pytest.approx(1.0)
    if method == "equal_risk":
        assert [row[2] for row in table(result, "weights").rows] == pytest.approx([0.25] * 4, rel=1e-6)
    assert any("in-sample" in chart.title for chart in result.charts)
    json.dumps(result.model_dump(mode="json"))


def test_a_view_raises_the_weight_of_what_it_favours(grown: Any) -> None:
    market, _ = grown
    asked = {"symbols": ["AAA", "BBB", "CCC"], "method": "black_litterman"}
    result = market.ask("optimise_portfolio", views={"AAA-BBB": 0.10}, **asked)
    rows = {row[0]: row[1] for row in table(result, "weights").rows}
    assert rows["AAA"] > 1 / 3 > rows["BBB"]
    before = value(result, "AAA expected return without views") - value(result, "BBB expected return without views")
    after = value(result, "AAA expected return with views") - value(result, "BBB expected return with views")
    # With equal confidence in view and market the gap is half way between the two.
    assert after == pytest.approx((before + 0.10) / 2, rel=1e-9)
    with pytest.raises(InvalidInput, match="needs views"):
        market.ask("optimise_portfolio", **asked)
    with pytest.raises(InvalidInput, match="not among the symbols"):
        market.ask("optimise_portfolio", views={"DDD": 0.1}, **asked)


def test_a_cap_is_refused_where_it_means_nothing(grown: Any) -> None:
    with pytest.raises(InvalidInput, match="takes no largest weight"):
        grown[0].ask("optimise_portfolio", symbols=["AAA", "BBB"], method="equal_risk", max_weight=0.6)


# ---------------------------------------------------------------------------------------- size_position


def test_sizes_by_average_true_range_and_by_shortfall(grown: Any) -> None:
    market, moves = grown
    ask = {"symbol": "AAA", "equity": 100_000, "max_weight": 1.0}
    result = market.ask("size_position", method="atr_risk", risk_fraction=0.01, ranges=2.0, **ask)
    ranges = value(result, "average true range")
    assert value(result, "shares") == int(1_000 / (2.0 * ranges))
    result = market.ask("size_position", method="cvar_budget", risk_fraction=0.005, **ask)
    worst = np.sort(moves[:, 0])[: int((len(moves) - 1) * 0.05) + 1].mean()
    assert value(result, "weight") == pytest.approx(0.005 / -worst, rel=0.01)


def test_estimated_kelly_is_below_full_kelly(grown: Any) -> None:
    market, moves = grown
    result = market.ask("size_position", symbol="CCC", equity=1_000_000, method="estimated_kelly")
    sharpe2 = (moves[:, 2].mean() / moves[:, 2].std(ddof=1)) ** 2 * 252
    share = sharpe2 / (sharpe2 + 252 / len(moves))
    assert f"{share:.0%} of full Kelly" in table(result, "reasons").rows[0][0] or value(result, "shares") == 0


def test_average_true_range_needs_highs_and_lows(market: Any) -> None:
    market.add("XXX", [10.0 + 0.1 * k for k in range(40)])
    with pytest.raises(NoData, match="highs and lows"):
        market.ask("size_position", symbol="XXX", method="atr_risk", equity=1000)


# ---------------------------------------------------------------------------------------- risk_report


def test_the_risk_report_backtests_its_var_and_states_exposure(grown: Any) -> None:
    market, moves = grown
    result = market.ask("risk_report", symbols=["AAA", "CCC"], value=100_000, confidence=0.95)
    rows = {row[0]: row for row in table(result, "var_backtest").rows}
    assert set(rows) == {"historical", "gaussian", "filtered"}
    assert rows["historical"][1] == len(moves) - 252
    profits = moves[:, [0, 2]] @ np.array([50_000.0, 50_000.0])
    breaches = sum(profits[t] < np.quantile(profits[t - 252 : t], 0.05) for t in range(252, len(profits)))
    assert rows["historical"][2] == breaches
    assert value(result, "breaches of the VaR forecast") == breaches
    assert rows["historical"][3] == pytest.approx(0.05 * (len(moves) - 252))
    assert value(result, "Herfindahl index") == pytest.approx(0.5)
    by_class = [row for row in table(result, "exposure").rows if row[0] == "asset class"]
    assert by_class == [
        ("asset class", "equity", pytest.approx(100_000.0), 0.0, pytest.approx(100_000.0), pytest.approx(1.0))
    ]
    held = table(result, "liquidity").rows[0]
    assert held[2] == pytest.approx(held[1] * 10)
    assert [row[0] for row in table(result, "tail_risk").rows] == ["historical", "gaussian", "filtered", "monte_carlo"]
    carried = table(result, "contributions").rows
    assert all(row[5] * row[1] == pytest.approx(row[3]) for row in carried)


# ---------------------------------------------------------------------------------------- train_model


def test_a_model_is_trained_judged_out_of_sample_and_registered(grown: Any) -> None:
    market, _ = grown
    result = market.ask(
        "train_model", symbols=["AAA", "BBB", "CCC", "DDD"], train_sessions=420, step=60, history_years=4,
        name="weekly", stage="staging",
    )  # fmt: skip
    skill = value(result, "out-of-sample rank correlation")
    assert abs(skill) < 3 * value(result, "standard error of the rank correlation") + 0.2
    assert value(result, "first predicted session") > "2024"
    assert len(table(result, "importance").rows) == 14
    assert [row[0] for row in table(result, "performance").rows] == ["predictions", "buy and hold"]
    assert "Registered as weekly, version 1, stage staging." in result.notes
    recorded = market.desk.tracker.runs[0]
    assert recorded.metrics["out_of_sample_rank_correlation"] == skill
    assert recorded.data_as_of == market.clock.now()
    assert not any(name.startswith("in_sample") for name in recorded.metrics)
    json.dumps(result.model_dump(mode="json"))


def test_bootstrapped_paths_can_be_trained_on(grown: Any) -> None:
    result = grown[0].ask(
        "train_model", symbols=["AAA", "CCC"], train_sessions=420, step=120, history_years=4, simulated_paths=2
    )
    assert any("bootstrapped paths" in note for note in result.notes)


# ---------------------------------------------------------------------------------------- pnl_analysis


def fill(number: int, side: str, quantity: str, price: str, day: int, *, instrument: int = 1, fee: str = "1") -> Fill:
    return Fill(
        fill_id=f"fil_{number}", execution_id=f"x{number}", order_id=f"ord_{number % 2}", account_id="main",
        instrument_id=instrument, side=side, quantity=Decimal(quantity), price=Decimal(price), fee=Decimal(fee),
        session=date(2024, 1, day), filled_at=datetime(2024, 1, day, 20, tzinfo=UTC),
    )  # fmt: skip


FILLS = [
    fill(1, "buy", "10", "100", 2),
    fill(2, "sell", "4", "110", 3),
    fill(3, "buy", "5", "50", 3, instrument=2),
    fill(4, "buy", "2", "120", 4),
]
MARKS = {1: Decimal(115), 2: Decimal(45)}


def test_profit_by_instrument_by_hand() -> None:
    one, two = profit_by(FILLS, MARKS, lambda part: str(part.instrument_id))
    # 4 of 10 sold at 10 above cost; 6 at 100 and 2 at 120 are marked at 115.
    assert (one.name, one.realized, one.unrealized, one.fees, one.trades) == ("1", 40, 8 * 115 - 600 - 240, 3, 3)
    assert (two.name, two.realized, two.unrealized, two.total) == ("2", 0, -25, -26)


def test_every_split_adds_up_to_the_same_profit() -> None:
    cash = sum((-f.quantity * f.price if f.side == "buy" else f.quantity * f.price) - f.fee for f in FILLS)
    whole = cash + 8 * MARKS[1] + 5 * MARKS[2]
    for part in (lambda f: str(f.instrument_id), lambda f: f.order_id, lambda f: "all", lambda f: f.fill_id):
        assert sum(line.total for line in profit_by(FILLS, MARKS, part)) == whole


def point(day: int, *, nav: Decimal, cash: Decimal) -> NavPoint:
    return NavPoint(session=date(2024, 1, day), closed_at=datetime(2024, 1, day, 21, tzinfo=UTC), nav=nav, cash=cash)


def test_profit_by_day_leaves_out_money_paid_in() -> None:
    points = [
        point(2, nav=Decimal(5000 - 1), cash=Decimal(5000 - 1000 - 1)),
        point(3, nav=Decimal(5120), cash=Decimal(3999 + 440 - 1 - 250 - 1)),
        point(4, nav=Decimal(7200), cash=Decimal(4187 - 240 - 1 + 2000)),
    ]
    found = profit_by_period(points, FILLS, "day", start=None, end=None)
    assert found == (("2024-01-02", Decimal(-1)), ("2024-01-03", Decimal(121)), ("2024-01-04", Decimal(80)))
    assert profit_by_period(points, FILLS, "month", start=date(2024, 1, 3), end=None) == (("2024-01", Decimal(201)),)


def test_costs_by_instrument() -> None:
    assert costs_by(FILLS, lambda part: str(part.instrument_id)) == (
        ("1", Decimal(3), Decimal(1000 + 440 + 240)),
        ("2", Decimal(1), Decimal(250)),
    )


def test_the_demo_books_splits_add_up_to_its_profit(ask: Any) -> None:
    result = ask("pnl_analysis", by=["leg", "strategy", "day", "cost"])
    total = value(result, "total P&L")
    assert result.label == "private"
    for name in ("profit_by_leg", "profit_by_strategy"):
        parts = table(result, name).rows
        assert sum(row[4] for row in parts) == pytest.approx(total - value(result, "other income"), abs=0.01)
    days = table(result, "profit_by_day").rows
    assert sum(row[1] for row in days) == pytest.approx(total, abs=0.01)
    assert sum(row[1] for row in table(result, "costs").rows) == pytest.approx(value(result, "fees paid"), abs=0.005)
