"""Whole turns on sample data: how something is doing, a part of a holding, groups with gaps, scenarios asked back."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.as_of import AsOf
from core.domain.principal import Principal
from core.reporting.rendering import render_fact
from tools.context import Desk


def priced(desk: Desk) -> set[str]:
    listed = desk.instruments.list()
    moment = AsOf(known=desk.clock.now())
    stored = {one.instrument_id for one in desk.coverage.series([one.instrument_id for one in listed], as_of=moment)}
    return {one.symbol for one in listed if one.instrument_id in stored}


async def test_how_is_it_doing_gives_the_return_and_the_close(
    open_assistant: Any, desk: Desk, person: Principal
) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("how is apple doing", desk.ids.new("thr"), person, "test")
    assert (answer.outcome, answer.label) == ("answer", "public")
    assert [call.name for call in answer.tool_calls] == ["performance", "query_metric"]
    close = next(fact for fact in answer.facts if fact.name == "AAPL close")
    returned = next(fact for fact in answer.facts if fact.name == "AAPL total return")
    assert render_fact(close) in answer.text and render_fact(returned) in answer.text
    assert "12 months" in answer.text
    # The year to 2022-11-29 of the sample data: Apple closed 160.24 on 2021-11-29 and 141.17 on 2022-11-29.
    assert isinstance(returned.value, float) and -0.16 < returned.value < -0.08


async def test_half_of_a_holding_is_proposed_in_whole_shares_that_code_counts(
    open_assistant: Any, desk: Desk, person: Principal
) -> None:
    account = desk.books.account(None).account_id
    held = desk.books.holdings(account, AsOf(known=desk.clock.now())).positions[0]
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask(f"sell half my {held.symbol}", desk.ids.new("thr"), person, "test")
    assert (answer.outcome, answer.label) == ("needs_approval", "private")
    (leg,) = desk.proposals.get(answer.proposal_ids[0]).proposal.legs
    assert (leg.side, leg.quantity) == ("sell", held.quantity // 2)


async def test_a_group_holds_only_members_with_prices(open_assistant: Any, desk: Desk, person: Principal) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("risk of the mega caps", desk.ids.new("thr"), person, "test")
    assert answer.outcome in ("answer", "no_data")
    for call in answer.tool_calls:
        assert set(call.args["symbols"]) <= priced(desk)
    if answer.outcome == "answer":
        assert any(fact.name == "value at risk" for fact in answer.facts)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("simulate a trade embargo on AAPL and MSFT", "does not have a scenario for “embargo”"),
        ("what if there is a war", "Dot-com bust, peak to trough (2000)"),
        ("buy $2,000 of AAPL", "shares, not in money"),
    ],
)
async def test_a_question_back_is_shown_whole(
    question: str, said: str, open_assistant: Any, desk: Desk, person: Principal
) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask(question, desk.ids.new("thr"), person, "test")
    assert (answer.outcome, answer.tool_calls) == ("clarify", ())
    assert said in answer.text


async def test_a_shock_is_computed_on_the_book(open_assistant: Any, desk: Desk, person: Principal) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("stress my book: SPY -10%", desk.ids.new("thr"), person, "test")
    assert (answer.outcome, answer.label) == ("answer", "private")
    lost = next(fact for fact in answer.facts if fact.name == "scenario profit or loss")
    assert isinstance(lost.value, float) and lost.value < 0
    assert render_fact(lost) in answer.text


async def test_the_report_of_the_day_is_told_in_short_without_a_model(
    open_assistant: Any, desk: Desk, person: Principal
) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask("eod report pls", desk.ids.new("thr"), person, "test")
    assert (answer.outcome, answer.label, [call.name for call in answer.tool_calls]) == (
        "answer", "private", ["day_report"],
    )  # fmt: skip
    (kept,) = [one for one in desk.reports.list() if f"/reports/{one.report_id}" in answer.text]
    assert kept.kind == "eod" and str(kept.session) in answer.text
    account = desk.books.account(None).account_id
    value = next(fact for fact in answer.facts if fact.name == "Profit and loss: net asset value")
    held = desk.books.holdings(account, AsOf(known=desk.clock.now())).nav
    assert value.value == pytest.approx(float(held)) and render_fact(value) in answer.text
    assert "What to watch" in {row[0] for table in answer.tables for row in table.rows}


async def test_macro_as_first_published_says_when_vintages_are_not_stored(
    open_assistant: Any, desk: Desk, person: Principal
) -> None:
    async with open_assistant(providers=()) as assistant:
        answer = await assistant.ask(
            "unemployment of January 2009 as first published", desk.ids.new("thr"), person, "test"
        )
    assert answer.outcome == "answer" and answer.tool_calls[0].args["vintage"] == "first"
    # The sample series is the quarterly one of statsmodels: 8.1 % in the first quarter of 2009.
    assert answer.facts[0].value == 8.1 and answer.facts[0].name.endswith("as first published")
    assert any("Not every vintage" in note for note in answer.notes)
