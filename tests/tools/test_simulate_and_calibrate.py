"""Every model through the tools, on the sample data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from core.domain.facts import ToolResult
from core.errors import NoData
from core.simulators.stochastic.catalogue import MODELS

Ask = Callable[..., ToolResult]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_simulates_two_stocks(ask: Ask, model: str) -> None:
    found = ask("simulate", symbols=["AAPL", "JPM"], model=model, sessions=21, paths=600, seed=4, drift="zero")
    assert found.fact("mean value").value == pytest.approx(100_000.0, rel=0.02)
    spread = found.fact("upper end of the range").value - found.fact("lower end of the range").value
    assert 5_000.0 < spread < 60_000.0
    assert found.charts[0].kind == "fan"
    assert MODELS[model].title in found.notes[-1]
    again = ask("simulate", symbols=["AAPL", "JPM"], model=model, sessions=21, paths=600, seed=4, drift="zero")
    assert [fact.value for fact in again.facts] == [fact.value for fact in found.facts]


@pytest.mark.parametrize("model", ["gbm", "merton", "garch", "heston", "regime", "t_copula"])
def test_a_calibration_tells_parameters_errors_and_fit(ask: Ask, model: str) -> None:
    found = ask("calibrate", symbols=["AAPL"], model=model, history_years=6, histories=50, seed=1)
    parameters = next(part for part in found.tables if part.name == "parameters")
    assert parameters.rows
    for _, name, value, error, low, high, remark in parameters.rows:
        assert remark or error is None or low <= value <= high, name
    fit = next(part for part in found.tables if part.name == "goodness_of_fit")
    assert {row[1] for row in fit.rows} >= {"excess kurtosis", "autocorrelation of squares", "tail index, losses"}
    assert all(row[-1] is None or 0.0 < row[-1] <= 1.0 for row in fit.rows)
    assert found.fact("sessions of history").value > 1000
    assert found.charts[0].kind == "line"


def test_brownian_motion_does_not_explain_a_stock(ask: Ask) -> None:
    found = ask("calibrate", symbols=["AAPL"], model="gbm", history_years=8, histories=100, seed=1)
    assert found.fact("statistics of history the model does not explain").value >= 3
    assert found.fact("AAPL excess kurtosis p-value").value < 0.05


def test_a_history_that_is_too_short_and_an_unknown_model_are_refused(ask: Ask) -> None:
    with pytest.raises(NoData, match="at least 500"):
        ask("simulate", symbols=["AAPL"], model="heston", history_years=1.0, sessions=5, paths=200)
    with pytest.raises((ValidationError, Exception), match="model"):
        ask("calibrate", symbols=["AAPL"], model="astrology")
