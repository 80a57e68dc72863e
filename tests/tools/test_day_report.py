"""The report of a day, made by a tool: its figures are those of the tools, one report is kept, and days are checked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.bootstrap import Parts
from core.domain.facts import ToolResult
from core.domain.principal import Principal
from core.errors import InvalidInput
from core.settings import Settings
from tools.runner import run_tool
from tools.tracing import replay

PERSON = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read"}))


@pytest.fixture(scope="module")
def parts(sample_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path_factory.mktemp("home")), sample_dsn)
    yield made
    made.database.close()


def call(parts: Parts, tool: str, **arguments: object) -> ToolResult:
    return run_tool(parts.desk, tool, arguments, principal=PERSON, face="test")


@pytest.fixture(scope="module")
def end(parts: Parts) -> ToolResult:
    return call(parts, "day_report", kind="end")


def test_its_figures_are_those_of_the_tools_beside_it(parts: Parts, end: ToolResult) -> None:
    assert end.label == "private"
    drawdown = call(parts, "query_metric", metric="account_drawdown").facts[0]
    assert end.fact(f"Drawdown: {drawdown.name}").value == drawdown.value
    month = call(parts, "query_metric", metric="pnl", period={"name": "this_month"}).facts[0]
    stated = end.fact("Profit and loss: P&L, month to date")
    assert (stated.value, stated.currency, stated.source) == (month.value, month.currency, "query_metric")
    assert all(fact.run == end.run for fact in end.facts)
    explained = parts.desk.calls.fact(stated.id)
    assert explained.value == stated.value


def test_the_page_it_names_is_the_stored_report_with_every_section(parts: Parts, end: ToolResult) -> None:
    kept = parts.reports.get(str(end.details["report_id"]))
    assert end.fact("page").value == f"/reports/{kept.report_id}"
    assert (kept.kind, kept.session.isoformat()) == ("eod", end.fact("session").value)
    for title in end.details["sections"]:
        assert title.replace("&", "&amp;") in kept.html
    assert {row[0] for row in end.tables[0].rows} <= set(end.details["sections"])


def test_made_again_by_a_tool_a_page_or_a_replay_one_report_is_kept(parts: Parts, end: ToolResult) -> None:
    before = len(parts.reports.list())
    assert call(parts, "day_report", kind="end").details == end.details
    assert parts.make_report("eod", PERSON, face="web").report_id == end.details["report_id"]
    assert call(parts, "day_report", kind="end", session=end.fact("session").value).details == end.details
    assert replay(parts.desk, end.run, PERSON, face="test").same
    assert len(parts.reports.list()) == before


def test_an_earlier_session_is_told_as_it_was_at_its_close(parts: Parts, end: ToolResult) -> None:
    earlier = call(parts, "day_report", kind="end", session="2022-11-25")
    kept = parts.reports.get(str(earlier.details["report_id"]))
    # The exchange closed at 13:00 New York on the day after Thanksgiving.
    assert kept.data_as_of.isoformat() == "2022-11-25T18:00:00+00:00"
    assert earlier.details["report_id"] != end.details["report_id"]
    assert {parts.desk.calls.call(run).call.as_of.known <= kept.data_as_of for run in kept.runs} == {True}


@pytest.mark.parametrize(
    ("kind", "session", "said"),
    [
        ("end", "2022-11-30", "cannot be made yet"),
        ("start", "2022-12-01", "cannot be made yet"),
        ("end", "2022-11-26", "was no session"),
        ("start", "2022-11-24", "was no session"),
    ],
)
def test_a_day_that_has_no_report_is_refused(parts: Parts, kind: str, session: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        call(parts, "day_report", kind=kind, session=session)
