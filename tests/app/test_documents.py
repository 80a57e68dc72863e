"""The forms that the command line and REST share: valid JSON for any value, and text that steers no terminal."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import (
    command_of,
    explanation_document,
    order_document,
    orders_document,
    plain,
    printable,
    proposal_document,
    replay_document,
    to_json,
    tool_document,
)
from core.domain.as_of import AsOf
from core.domain.books import Fill, Leg, Order, Proposal, ProposalDecision
from core.domain.facts import Fact, ToolResult
from core.execution.proposals import ProposalView
from core.ports.calls import CallRecord, ToolCall
from tools.registry import load_tools
from tools.tracing import Explanation, Replay

NOON = datetime(2022, 11, 28, 12, tzinfo=UTC)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(allow_nan=False) | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: float
    day: date | None = None


def proposal(**change: Any) -> Proposal:
    leg = Leg(instrument_id=1, symbol="MSFT", side="buy", quantity=Decimal("10"), limit_price=Decimal("240.50"))
    values: dict[str, Any] = {
        "proposal_id": "prp_1", "account_id": "paper", "legs": (leg,), "order_type": "limit", "time_in_force": "day",
        "notional": Decimal("2405.00"), "reason": "why not", "author": "usr_1", "author_kind": "person",
        "requested_by": "usr_1", "digest": "ab" * 32, "desk_time": NOON, "created_at": NOON, "expires_at": NOON,
    }  # fmt: skip
    return Proposal(**values | change)


def order(number: int = 1) -> Order:
    return Order(
        order_id=f"ord_{number}", client_order_id="c", proposal_id="prp_1", leg=0, attempt=1, account_id="paper",
        instrument_id=1, side="buy", quantity=Decimal("10"), order_type="market", time_in_force="day", state="filled",
        filled_quantity=Decimal("10"), desk_time=NOON, created_at=NOON, updated_at=NOON,
    )  # fmt: skip


def fill(order_id: str) -> Fill:
    return Fill(
        fill_id="fil_1", execution_id="exe_1", order_id=order_id, account_id="paper", instrument_id=1, side="buy",
        quantity=Decimal("10"), price=Decimal("241.01"), fee=Decimal("0.01"), session=date(2022, 11, 28),
        filled_at=NOON,
    )  # fmt: skip


def call(**change: Any) -> ToolCall:
    values: dict[str, Any] = {
        "run_id": "run_1", "tool": "performance", "arguments": {"symbols": ["AAPL"]}, "label": "public",
        "effect": "compute", "principal": "usr_1", "face": "cli", "thread_id": None, "as_of": AsOf(known=NOON),
        "code_version": "1", "seed": None, "started_at": NOON,
    }  # fmt: skip
    return ToolCall(**values | change)


@given(JSON_VALUES)
def test_any_value_becomes_strict_json(value: Any) -> None:
    text = to_json(value)
    assert json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")) == plain(value)
    assert "\n" not in text
    text.encode("utf-8")


@given(st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF)))
def test_every_text_survives_even_half_a_surrogate_pair(text: str) -> None:
    written = to_json({"text": text}).encode("utf-8")
    assert json.loads(written)["text"] == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_money_keeps_every_digit(amount: Decimal) -> None:
    assert Decimal(json.loads(to_json(amount))) == amount
    assert isinstance(json.loads(to_json(amount)), str), "a program must not read money as a float"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (float("-inf"), None),
        (0.1, 0.1),
        (True, True),
        (date(2022, 11, 28), "2022-11-28"),
        (NOON, "2022-11-28T12:00:00+00:00"),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((1, None), [1, None]),
        (Path("a/b"), "a/b"),
        ({1: Decimal("1.10")}, {"1": "1.10"}),
        (Point(x=float("nan"), day=date(2022, 1, 3)), {"x": None, "day": "2022-01-03"}),
        ([Point(x=1.5)], [{"x": 1.5, "day": None}]),
    ],
)
def test_the_form_of_each_kind_of_value(value: Any, expected: Any) -> None:
    assert plain(value) == expected


@given(st.text())
def test_what_is_printed_steers_nothing(text: str) -> None:
    shown = printable(text)
    assert not set(shown) & {chr(number) for number in [*range(9), *range(11, 32), *range(127, 160)]}
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert printable(shown) == shown


@given(st.text(st.characters(categories=("L", "N", "P", "Zs", "Sc", "Sm"))))
def test_ordinary_text_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Kapproved", "\\x1b[2Kapproved"),
        ("a\rb", "a\\rb"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("Zürich 円 €", "Zürich 円 €"),
    ],
)
def test_escapes_are_seen(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(
    st.sampled_from(["performance", "run_sql"]),
    st.dictionaries(st.text(min_size=1), st.none() | st.integers() | st.text() | st.lists(st.text())),
)
def test_a_copied_command_gives_the_same_call(tool: str, arguments: dict[str, Any]) -> None:
    words = shlex.split(command_of(tool, arguments, NOON))
    assert words[:4] == ["quantdesk", "tool", tool, "--args"]
    assert json.loads(words[4]) == arguments
    assert words[5:] == ["--as-of", "2022-11-28T12:00:00+00:00"]
    assert "--as-of" not in shlex.split(command_of(tool, {}))


def test_a_proposal_shows_the_stored_record_and_what_became_of_it() -> None:
    view = ProposalView(
        proposal=proposal(), state="pending", decision=None, orders=(), progress="Waits.", seconds_left=59.6
    )
    document = proposal_document(view)
    assert document["notional"] == "2405.00"
    assert document["legs"][0] == {
        "instrument_id": 1, "symbol": "MSFT", "side": "buy", "quantity": "10", "limit_price": "240.50",
        "stop_price": None, "band_low": None, "band_high": None, "order_type": None,
    }  # fmt: skip
    assert (document["state"], document["decision"], document["orders"]) == ("pending", None, [])
    assert document["seconds_left"] == 60
    assert document["digest"] == "ab" * 32
    decided = ProposalDecision(
        proposal_id="prp_1", decision="approved", digest="ab" * 32, decided_by="usr_1", decided_by_kind="person",
        face="cli", decided_at=NOON, desk_time=NOON,
    )  # fmt: skip
    after = ProposalView(
        proposal=proposal(), state="approved", decision=decided, orders=(order(),), progress="Sent.", seconds_left=0.0
    )
    document = proposal_document(after)
    assert document["decision"]["decided_by"] == "usr_1"
    assert [one["order_id"] for one in document["orders"]] == ["ord_1"]
    assert json.loads(to_json(document)) == document


def test_an_order_has_its_own_fills_only() -> None:
    document = order_document(order(), "MSFT", [fill("ord_1"), fill("ord_2")])
    assert [one["order_id"] for one in document["fills"]] == ["ord_1"]
    assert document["fills"][0]["price"] == "241.01"
    assert (document["symbol"], document["filled_quantity"]) == ("MSFT", "10")


def test_orders_are_asked_for_with_account_and_states() -> None:
    asked: list[Any] = []

    def orders(account: str | None, *, states: list[str] | None) -> list[Order]:
        asked.append((account, states))
        return [order(2), order(1)]

    books = SimpleNamespace(orders=orders, fills=lambda account, limit: [fill("ord_1")], symbol=lambda key: f"S{key}")
    listed = orders_document(books, "paper", ["filled"])  # type: ignore[arg-type]
    assert asked == [("paper", ["filled"])]
    assert [(one["order_id"], one["symbol"], len(one["fills"])) for one in listed] == [
        ("ord_2", "S1", 0),
        ("ord_1", "S1", 1),
    ]


def test_an_explanation_shows_the_number_as_the_answer_did() -> None:
    fact = Fact(id="fct_1", run="run_1", name="AAPL total return", value=-0.5691, unit="ratio", as_of=NOON,
                label="public")  # fmt: skip
    result = ToolResult(run="run_1", tool="performance", label="public", as_of=NOON, facts=(fact,), sql=("SELECT 1",),
                        sources=("arch",))  # fmt: skip
    record = CallRecord(call=call(), state="done", duration_ms=12.0, result=result, result_digest="d", error=None)
    document = explanation_document(
        Explanation(reference="fct_1", name=fact.name, value=fact.value, unit="ratio", currency=None, record=record)
    )
    assert (document["shown"], document["value"], document["unit"]) == ("-56.91%", -0.5691, "ratio")
    assert (document["sql"], document["sources"]) == (["SELECT 1"], ["arch"])
    assert document["replay"] == "quantdesk replay run_1"
    assert document["as_of"] == "2022-11-28T12:00:00+00:00"
    failed = CallRecord(call=call(), state="failed", duration_ms=1.0, result=None, result_digest=None, error="no_data")
    document = explanation_document(
        Explanation(reference="run_1", name="performance", value=None, unit="text", currency=None, record=failed)
    )
    assert (document["sql"], document["sources"], document["shown"]) == ([], [], "n/a")


def test_a_replay_names_both_runs_and_digests() -> None:
    record = CallRecord(call=call(), state="done", duration_ms=1.0, result=None, result_digest="a", error=None)
    found = SimpleNamespace(original=record, same=False, digest="b", run_id="run_2", same_code=True)
    assert {field for field in Replay.__dataclass_fields__} >= set(vars(found)) - {"same", "same_code"}
    assert replay_document(found) == {  # type: ignore[arg-type]
        "run": "run_1", "tool": "performance", "same": False, "recorded_digest": "a", "replayed_digest": "b",
        "replayed_run": "run_2", "same_code": True, "label": "public",
    }  # fmt: skip


@pytest.mark.parametrize("tool", load_tools(), ids=lambda tool: tool.name)
def test_a_tool_document_is_json_as_it_stands(tool: Any) -> None:
    document = tool_document(tool)
    assert json.loads(json.dumps(document)) == document
    assert document["schema"]["additionalProperties"] is False
