"""Requests for portfolios, models, splits of the profit and clusters, as people write them, become the right calls."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.planner.planner import plan_question
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)


@pytest.mark.parametrize(
    ("text", "tool", "expected"),
    [
        (
            "minimum variance portfolio of AAPL, MSFT and KO",
            "optimise_portfolio",
            {"symbols": ["AAPL", "MSFT", "KO"], "method": "minimum_variance"},
        ),
        (
            "min variance weights for AAPL MSFT JPM",
            "optimise_portfolio",
            {"symbols": ["AAPL", "MSFT", "JPM"], "method": "minimum_variance"},
        ),
        (
            "risk parity for AAPL, KO and XOM",
            "optimise_portfolio",
            {"symbols": ["AAPL", "KO", "XOM"], "method": "equal_risk"},
        ),
        (
            "equal risk contribution weights of AAPL and MSFT",
            "optimise_portfolio",
            {"symbols": ["AAPL", "MSFT"], "method": "equal_risk"},
        ),
        (
            "hierarchical risk parity of AAPL, MSFT, KO, JPM",
            "optimise_portfolio",
            {"symbols": ["AAPL", "MSFT", "KO", "JPM"], "method": "hierarchical_risk_parity"},
        ),
        (
            "HRP weights for AAPL MSFT",
            "optimise_portfolio",
            {"symbols": ["AAPL", "MSFT"], "method": "hierarchical_risk_parity"},
        ),
        (
            "minimum CVaR portfolio of AAPL and XOM",
            "optimise_portfolio",
            {"symbols": ["AAPL", "XOM"], "method": "minimum_cvar"},
        ),
        (
            "optimise a portfolio of AAPL, MSFT and JPM",
            "optimise_portfolio",
            {"symbols": ["AAPL", "MSFT", "JPM"], "method": "minimum_variance"},
        ),
        (
            "optimize AAPL, MSFT and JPM with at most 40% each",
            "optimise_portfolio",
            {"symbols": ["AAPL", "MSFT", "JPM"], "max_weight": 0.4},
        ),
        (
            "train a model on AAPL and MSFT",
            "train_model",
            {"symbols": ["AAPL", "MSFT"], "model": "ridge"},
        ),
        (
            "train a ridge model on AAPL",
            "train_model",
            {"symbols": ["AAPL"], "model": "ridge"},
        ),
        (
            "train lightgbm on AAPL, MSFT and KO for 10 days",
            "train_model",
            {"symbols": ["AAPL", "MSFT", "KO"], "model": "lightgbm", "horizon": 10},
        ),
        (
            "what are the optimal weights of AAPL, MSFT and JPM?",
            "optimise_portfolio",
            {"method": "minimum_variance", "symbols": ["AAPL", "MSFT", "JPM"]},
        ),
        (
            "construct a portfolio of KO, XOM and JPM",
            "optimise_portfolio",
            {"symbols": ["KO", "XOM", "JPM"]},
        ),
        (
            "risk parity portfolio of AAPL, KO",
            "optimise_portfolio",
            {"method": "equal_risk"},
        ),
        (
            "min cvar of AAPL and KO",
            "optimise_portfolio",
            {"method": "minimum_cvar"},
        ),
        (
            "minimum expected shortfall portfolio of AAPL and KO",
            "optimise_portfolio",
            {"method": "minimum_cvar"},
        ),
        (
            "minimum-variance portfolio of AAPL, MSFT, KO and XOM",
            "optimise_portfolio",
            {"symbols": ["AAPL", "MSFT", "KO", "XOM"]},
        ),
        (
            "minimum variance of AAPL, MSFT and KO with at most 50%",
            "optimise_portfolio",
            {"max_weight": 0.5},
        ),
        (
            "train boosted trees on AAPL and KO",
            "train_model",
            {"model": "lightgbm"},
        ),
        (
            "train a model with gradient boosting on AAPL and KO",
            "train_model",
            {"model": "lightgbm"},
        ),
        (
            "machine learning on AAPL, MSFT and XOM",
            "train_model",
            {"model": "ridge"},
        ),
        (
            "train a model on AAPL and KO for 2 weeks",
            "train_model",
            {"horizon": 10},
        ),
        (
            "my P&L broken down",
            "pnl_analysis",
            {},
        ),
        (
            "p&l by strategy and month",
            "pnl_analysis",
            {"by": ["strategy", "month"]},
        ),
        (
            "correlation clusters of AAPL, KO and XOM",
            "correlation",
            {"symbols": ["AAPL", "KO", "XOM"]},
        ),
        ("pnl breakdown", "pnl_analysis", {}),
        ("show my P&L by strategy", "pnl_analysis", {"by": ["strategy"]}),
        ("clusters of correlation of AAPL, MSFT and KO", "correlation", {"symbols": ["AAPL", "MSFT", "KO"]}),
    ],
)
def test_requests_become_calls(names: Universe, text: str, tool: str, expected: dict[str, Any]) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.name for call in plan.calls] == [tool], (plan.outcome, plan.say, plan.calls)
    found = plan.calls[0].args
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize("text", ["optimise AAPL", "minimum variance", "train a model", "risk parity of KO"])
def test_what_to_work_on_is_asked_for(names: Universe, text: str) -> None:
    plan = plan_question(text, names, TODAY)
    assert plan.outcome == "clarify"
    assert "Which symbols" in plan.say
    assert plan.calls == ()


def test_the_profit_is_private_and_a_portfolio_of_symbols_is_not(names: Universe) -> None:
    assert plan_question("pnl breakdown", names, TODAY).private
    assert not plan_question("risk parity of AAPL and KO", names, TODAY).private


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("risk of AAPL and MSFT", "risk_report"),
        ("correlation of AAPL and MSFT", "query_metric"),
        ("what is my P&L", "query_metric"),
        ("variance of AAPL", None),
    ],
)
def test_neighbouring_questions_go_where_they_went(names: Universe, text: str, tool: str | None) -> None:
    plan = plan_question(text, names, TODAY)
    assert [call.name for call in plan.calls] in ([tool], [] if tool is None else [tool])
