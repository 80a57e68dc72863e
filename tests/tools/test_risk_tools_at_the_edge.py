"""The risk tools on books, short histories, other estimators and wrong requests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import InvalidInput, NoData, UnknownName
from core.risk.allocation import equal_risk_contribution, hierarchical_risk_parity, minimum_cvar, minimum_variance
from core.risk.correlation import correlation, ewma_covariance, shrunk_covariance

SYMBOLS = ("AAA", "BBB", "CCC")


def value(result: Any, name: str) -> Any:
    return result.fact(name).value


def table(result: Any, name: str) -> Any:
    return next(part for part in result.tables if part.name == name)


def moves(sessions: int = 320) -> np.ndarray:
    generator = np.random.default_rng(21)
    common = generator.normal(0.0, 0.008, (sessions, 1))
    return common * np.array([1.0, 1.5, -0.5]) + generator.normal(0.0003, 0.006, (sessions, 3))


def fill(market: Any, sessions: int = 320, **others: Any) -> np.ndarray:
    levels = 50.0 * np.cumprod(1.0 + moves(sessions), axis=0)
    for column, symbol in enumerate(SYMBOLS):
        market.add(symbol, levels[:, column].tolist(), start="2023-10-02", **others)
    return levels[1:] / levels[:-1] - 1.0


# ---------------------------------------------------------------------------------------- weights equal the core's


@pytest.mark.parametrize("estimator", ["sample", "shrunk", "ewma"])
@pytest.mark.parametrize("method", ["minimum_variance", "equal_risk", "hierarchical_risk_parity", "minimum_cvar"])
def test_weights_are_those_of_the_core_on_the_same_returns(market: Any, method: str, estimator: str) -> None:
    returns = fill(market)
    result = market.ask("optimise_portfolio", symbols=list(SYMBOLS), method=method, covariance=estimator)
    matrix = {
        "sample": lambda: np.cov(returns.T),
        "shrunk": lambda: shrunk_covariance(returns)[0],
        "ewma": lambda: ewma_covariance(returns),
    }[estimator]()
    expected = {
        "minimum_variance": lambda: minimum_variance(matrix),
        "equal_risk": lambda: equal_risk_contribution(matrix),
        "hierarchical_risk_parity": lambda: hierarchical_risk_parity(matrix),
        "minimum_cvar": lambda: minimum_cvar(returns),
    }[method]()
    found = {row[0]: row[1] for row in table(result, "weights").rows}
    for symbol, weight in zip(SYMBOLS, expected, strict=True):
        assert found[symbol] == pytest.approx(weight, rel=1e-6, abs=1e-9)
    yearly = math.sqrt(expected @ matrix @ expected * 252)
    assert value(result, "expected volatility") == pytest.approx(yearly, rel=1e-6)


def test_a_cap_holds_and_leaves_the_rest_to_the_others(market: Any) -> None:
    fill(market)
    result = market.ask("optimise_portfolio", symbols=list(SYMBOLS), max_weight=0.4)
    weights = [row[1] for row in table(result, "weights").rows]
    assert max(weights) <= 0.4 + 1e-12
    assert sum(weights) == pytest.approx(1.0)
    assert value(result, "largest weight") == pytest.approx(max(weights))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"symbols": ["AAA"]}, ValidationError, "at least 2"),
        ({"symbols": ["AAA", "ZZZ"]}, UnknownName, "ZZZ"),
        ({"symbols": ["AAA", "BBB"], "max_weight": 0.3}, InvalidInput, "cannot sum to 1"),
        ({"symbols": ["AAA", "BBB"], "method": "best"}, ValidationError, "method"),
        (
            {"symbols": ["AAA", "BBB"], "method": "hierarchical_risk_parity", "max_weight": 0.7},
            InvalidInput,
            "takes no",
        ),
    ],
)
def test_requests_that_make_no_portfolio(market: Any, arguments: Any, error: type[Exception], message: str) -> None:
    fill(market)
    with pytest.raises((error, InvalidInput), match=message):
        market.ask("optimise_portfolio", **arguments)


# ---------------------------------------------------------------------------------------- correlation


@pytest.mark.parametrize("method", ["sample", "shrunk", "ewma"])
def test_the_matrix_is_that_of_the_core(market: Any, method: str) -> None:
    returns = fill(market)
    result = market.ask("correlation", symbols=list(SYMBOLS), method=method)
    expected = correlation(returns, method=method)  # type: ignore[arg-type]
    for row, cells in enumerate(table(result, "correlation").rows):
        assert cells[1:] == pytest.approx(tuple(expected[row]), rel=1e-9)
    average = expected[np.triu_indices(3, 1)].mean()
    assert value(result, "average correlation") == pytest.approx(average, rel=1e-9)


def test_a_change_of_correlation_is_seen(market: Any) -> None:
    generator = np.random.default_rng(3)
    common = generator.normal(0.0, 0.01, (600, 1))
    apart = generator.normal(0.0, 0.01, (600, 2))
    returns = np.where(np.arange(600)[:, None] < 300, apart, common + 0.2 * apart)
    levels = 10.0 * np.cumprod(1.0 + returns, axis=0)
    for column, symbol in enumerate(("AAA", "BBB")):
        market.add(symbol, levels[:, column].tolist(), start="2022-08-15")
    result = market.ask("correlation", symbols=["AAA", "BBB"])
    assert value(result, "p-value of no change") < 1e-6
    before, after = (fact.value for fact in result.facts if fact.name.startswith("average correlation "))
    assert before < 0.3 < 0.8 < after
    rolling = next(part for part in result.charts[-1].series if part.name.startswith("last"))
    assert rolling.y[-1] > 0.8


def test_a_short_period_has_a_matrix_but_no_rolling_picture(market: Any) -> None:
    fill(market, sessions=40)
    result = market.ask("correlation", symbols=["AAA", "BBB"])
    assert not [chart for chart in result.charts if chart.kind == "line"]
    assert value(result, "sessions") == 39


# ---------------------------------------------------------------------------------------- risk_report


def test_a_short_history_says_why_its_var_is_not_backtested(market: Any) -> None:
    fill(market)
    result = market.ask("risk_report", symbols=list(SYMBOLS), value=10_000)
    assert not [part for part in result.tables if part.name == "var_backtest"]
    assert any("VaR is not backtested" in note for note in result.notes)


def test_without_volumes_liquidity_is_said_to_be_unknown(market: Any) -> None:
    fill(market)
    result = market.ask("risk_report", symbols=list(SYMBOLS), value=10_000)
    assert not [part for part in result.tables if part.name == "liquidity"]
    assert any("No volume is stored for AAA, BBB, CCC" in note for note in result.notes)


def test_the_account_s_book_is_private_and_keeps_its_cash(market: Any) -> None:
    fill(market, volume=[10_000.0] * 320)
    last = {symbol: str(market.columns[number][1][max(market.columns[number][1])]["close"]) for number, symbol in enumerate(SYMBOLS, 1)}  # fmt: skip  # noqa: E501
    market.hold("5000", last, AAA="100", BBB="-40")
    result = market.ask("risk_report")
    assert result.label == "private"
    by = {(row[0], row[1]): row for row in table(result, "exposure").rows}
    assert by["currency", "USD cash"][4] == 5000.0
    long, short = 100 * float(last["AAA"]), -40 * float(last["BBB"])
    assert by["asset class", "equity"][2:5] == pytest.approx((long, short, long + short))
    held = {row[0]: row for row in table(result, "liquidity").rows}
    assert held["AAA"][1] == pytest.approx(100 / 10_000)
    assert held["BBB"][2] == pytest.approx(40 / 1_000)


def test_the_same_seed_gives_the_same_monte_carlo_figures(market: Any) -> None:
    fill(market)
    asked = {"symbols": list(SYMBOLS), "value": 10_000}
    one, two = (market.ask("risk_report", **asked) for _ in range(2))
    rows = [dict((row[0], row[1:]) for row in table(result, "tail_risk").rows) for result in (one, two)]
    for method in ("historical", "gaussian", "filtered"):
        assert rows[0][method] == pytest.approx(rows[1][method], nan_ok=True)
    drawn, normal = rows[0]["monte_carlo"], rows[0]["gaussian"]
    assert drawn[0] == pytest.approx(normal[0], rel=0.1)
    assert drawn[1] > 0.0


# ---------------------------------------------------------------------------------------- size_position


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("fixed_fraction", {"target_weight": 0.05}),
        ("volatility_target", {"target_volatility": 0.02}),
        ("kelly", {}),
        ("estimated_kelly", {}),
        ("risk_per_stop", {"stop_distance": 0.1, "risk_fraction": 0.005}),
        ("cvar_budget", {"risk_fraction": 0.001}),
        ("atr_risk", {"risk_fraction": 0.001}),
    ],
)
def test_every_method_stays_within_the_cap_in_whole_lots(market: Any, method: str, arguments: Any) -> None:
    levels = 50.0 * np.cumprod(1.0 + moves(), axis=0)[:, 0]
    market.add(
        "AAA",
        levels.tolist(),
        start="2023-10-02",
        high=(levels * 1.01).tolist(),
        low=(levels * 0.99).tolist(),
        open=levels.tolist(),
    )
    result = market.ask("size_position", symbol="AAA", equity=100_000, method=method, max_weight=0.2, **arguments)
    shares = value(result, "shares")
    assert shares == int(shares) >= 0
    assert value(result, "weight") <= 0.2
    assert value(result, "position value") == pytest.approx(shares * value(result, "price"))
    assert table(result, "reasons").rows


# ---------------------------------------------------------------------------------------- train_model


@pytest.mark.parametrize("label", ["forward_return", "triple_barrier"])
@pytest.mark.parametrize("model", ["ridge", "lightgbm"])
def test_each_model_and_label_is_judged_out_of_sample(market: Any, label: str, model: str) -> None:
    levels = 50.0 * np.cumprod(1.0 + moves(560), axis=0)
    for column, symbol in enumerate(SYMBOLS):
        market.add(symbol, levels[:, column].tolist(), start="2022-11-07")
    result = market.ask(
        "train_model",
        symbols=list(SYMBOLS),
        label=label,
        model=model,
        train_sessions=400,
        step=100,
        history_years=4,
    )
    assert value(result, "models fitted") == 2
    assert 0.0 <= value(result, "out-of-sample share of right signs") <= 1.0
    shown = {row[0]: row[1] for row in table(result, "skill").rows}
    assert shown["rank correlation of predictions and outcomes"] == value(result, "out-of-sample rank correlation")
    assert not any("in-sample" in fact.name for fact in result.facts)
    assert any("is luck" in note for note in result.notes)


def test_nothing_is_registered_without_a_name(market: Any) -> None:
    levels = 50.0 * np.cumprod(1.0 + moves(560), axis=0)
    for column, symbol in enumerate(SYMBOLS):
        market.add(symbol, levels[:, column].tolist(), start="2022-11-07")
    market.ask("train_model", symbols=list(SYMBOLS), train_sessions=400, step=100, history_years=4)
    assert market.desk.tracker.runs == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"train_sessions": 320}, NoData, "nothing to test"),
        ({"name": "no spaces"}, ValidationError, "name"),
        ({"horizon": 0}, ValidationError, "horizon"),
        ({"stage": "live"}, ValidationError, "stage"),
    ],
)
def test_trainings_that_cannot_be(market: Any, arguments: Any, error: type[Exception], message: str) -> None:
    fill(market)
    with pytest.raises((error, InvalidInput), match=message):
        market.ask("train_model", symbols=list(SYMBOLS), history_years=4, **arguments)
