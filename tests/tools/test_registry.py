"""Tools are found by file name, loaded when asked for, and declare everything the faces need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import UnknownName
from tools.registry import Tool, load_tool, load_tools, tool_names

ROOT = Path(__file__).resolve().parents[2]
PROMISED = {
    "query_metric",
    "run_sql",
    "data_coverage",
    "price_chart",
    "indicators",
    "performance",
    "backtest",
    "simulate",
    "risk_report",
    "size_position",
    "propose_trade",
    "portfolio",
}


def test_every_promised_tool_exists() -> None:
    assert set(tool_names()) >= PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_tool_declares_what_the_faces_need(name: str) -> None:
    tool = load_tool(name)
    assert isinstance(tool, Tool)
    assert tool.name == name
    assert tool.effect in {"read", "compute", "propose"}
    assert tool.description.splitlines()[0].endswith(".")
    schema = tool.schema()
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    for field, described in schema["properties"].items():
        assert described.get("description") or "$ref" in described, f"{name}.{field} has no description"


def test_only_proposals_and_what_leads_to_them_ask_for_the_right_to_trade_and_nothing_trades() -> None:
    assert {tool.name for tool in load_tools() if tool.effect == "propose"} == {
        "propose_trade",
        "save_strategy",
        "scan_strategies",
    }


def test_what_touches_the_account_is_private() -> None:
    assert {load_tool(name).data for name in ("portfolio", "propose_trade")} == {"private"}


def test_an_unknown_tool_offers_the_closest() -> None:
    with pytest.raises(UnknownName, match="backtest"):
        load_tool("backtst")


@pytest.mark.parametrize("name", ["registry", "_prices", "../core/errors", "context"])
def test_what_is_no_tool_cannot_be_loaded_as_one(name: str) -> None:
    with pytest.raises(UnknownName):
        load_tool(name)


def test_listing_and_loading_tools_imports_nothing_heavy() -> None:
    program = (
        "import sys; from tools.registry import load_tools; load_tools();"
        "heavy = {'pandas', 'numba', 'scipy', 'matplotlib', 'langchain_core', 'temporalio', 'chainlit', 'mlflow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
