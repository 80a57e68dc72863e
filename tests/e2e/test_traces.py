"""Trace numbers of an answer, a backtest and a report on the command line, and compute them again."""

from __future__ import annotations

import re
from html import unescape

import pytest

pytestmark = pytest.mark.slow


def explain_and_replay(desk, reference, *, value=None, tool=None):
    """Return the explanation of a number after checking that its run computes to the same digest again."""
    found = desk.document("why", reference)
    assert tool is None or found["tool"] == tool
    if value is not None:
        assert found["value"] == value
    again = desk.document("replay", found["run"])
    assert again["same"] is True
    assert again["recorded_digest"] == again["replayed_digest"]
    assert again["replayed_run"] != again["run"] == found["run"]
    assert re.fullmatch(r"[0-9a-f]{64}", again["recorded_digest"])
    return found


def test_a_number_of_an_answer(desk):
    answer = desk.document("ask", "How did AAPL do in 2008?")
    fact = next(one for one in answer["facts"] if one["name"] == "AAPL total return")
    found = explain_and_replay(desk, fact["id"], value=fact["value"], tool="performance")
    assert found["shown"] == "-56.91%" and found["shown"] in answer["text"]
    assert found["arguments"]["symbols"] == ["AAPL"] and found["sql"]
    assert any("skfolio" in source for source in found["sources"])


def test_a_number_of_a_backtest(desk):
    answer = desk.document("ask", "backtest a 50/200 SMA crossover on AAPL")
    assert [call["name"] for call in answer["tool_calls"]] == ["backtest"]
    fact = next(one for one in answer["facts"] if one["name"] == "Sharpe ratio")
    found = explain_and_replay(desk, fact["id"], value=fact["value"], tool="backtest")
    assert found["shown"] in answer["text"]


def test_a_number_of_a_report(desk, tmp_path):
    file = tmp_path / "sod.html"
    report = desk.document("report", "sod", "--output", str(file))
    page = file.read_text()
    assert page == report["html"]
    links = re.findall(r'data-fact="([^"]+)"[^>]*>([^<]+)<', page)
    facts = [(reference, unescape(shown)) for reference, shown in links if reference.startswith("fct_")]
    cells = [
        (reference, unescape(shown)) for reference, shown in links if reference.startswith("run_") and ":" in reference
    ]
    assert facts and cells, links[:5]
    for reference, shown in (facts[0], cells[0]):
        found = explain_and_replay(desk, reference)
        assert found["shown"].replace("+", "") == shown.strip().replace("+", "")


def test_what_is_no_number_is_refused_in_a_sentence(desk):
    assert "Unknown fact" in desk.command("why", "fct_00000000000000000000000000000001_0", exit_code=1)
    assert "Unknown run" in desk.command("replay", "run_00000000000000000000000000000001", exit_code=1)
