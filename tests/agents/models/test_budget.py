"""What calls may cost, and replies that are not asked for twice: the sender with a ledger in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agents.models import anthropic
from agents.models.egress import Tripwire
from agents.models.prices import PRICES, cost_of, price_of, worst_cost
from agents.models.provider import Envelope, ModelFailed, Provider
from agents.models.replies import Content
from agents.models.sending import Sender
from core.errors import BudgetExceeded, PrivacyRefused
from core.ports.model_calls import ModelCall, ModelUsage
from core.settings import Settings
from core.testing.model_stand_ins import ScriptedCall, ScriptedReply, model_stand_in

MakeSettings = Callable[..., Settings]


class Ledger:
    """Keep calls in a list; refuse the next one when asked to."""

    def __init__(self) -> None:
        self.calls: list[ModelCall] = []
        self.usages: dict[int, ModelUsage] = {}
        self.replies: dict[str, str] = {}
        self.is_spent = False

    def reserve(self, call: ModelCall) -> int:
        if self.is_spent and call.worst_usd:
            raise BudgetExceeded("spent")
        self.calls.append(call)
        return len(self.calls) - 1

    def settle(self, call_id: int, usage: ModelUsage) -> None:
        self.usages[call_id] = usage

    def spent(self, question_id: str) -> Decimal:
        return sum((usage.cost_usd for usage in self.usages.values()), Decimal(0))

    def kept_reply(self, content_hash: str) -> str | None:
        return self.replies.get(content_hash)

    def keep_reply(self, content_hash: str, model: str, reply: str) -> None:
        self.replies.setdefault(content_hash, reply)


def provider(model: str = "claude-sonnet-4-6", kind: str = "cloud") -> Provider:
    return Provider(name="anthropic", kind=kind, model=model, build=lambda _: None)  # type: ignore[arg-type, return-value]


def envelope(text: str = "?", label: str = "public", *more: object) -> Envelope:
    return Envelope(
        label=label,  # type: ignore[arg-type]
        messages=[HumanMessage(content=text), *more],  # type: ignore[list-item]
        thread_id="thr_1",
        question_id="qst_1",
        principal="agent:ada",
    )


def door(ledger: Ledger, tripwire: Tripwire | None = None) -> Sender:
    async def sleep(_: float) -> None:
        return None

    ticks = itertools.count()
    return Sender(tripwire or Tripwire(), clock=lambda: float(next(ticks)), sleep=sleep, ledger=ledger)


def at(url: str, settings_with: MakeSettings) -> Provider:
    found = anthropic.provider(settings_with(ANTHROPIC_API_KEY="test", ANTHROPIC_BASE_URL=url))
    assert found is not None
    return found


def usage(input_tokens: int, output_tokens: int, read: int = 0, created: int = 0) -> dict[str, object]:
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "input_token_details": {"cache_read": read, "cache_creation": created},
    }


@pytest.mark.parametrize(
    ("model", "used", "dollars"),
    [  # by the price list: 3 and 15 dollars a million, a read from cache a tenth, a write a quarter more
        ("claude-sonnet-4-6", usage(1_000_000, 0), "3"),
        ("claude-sonnet-4-6", usage(0, 1_000_000), "15"),
        ("claude-sonnet-4-6", usage(1_000_000, 0, read=1_000_000), "0.3"),
        ("claude-sonnet-4-6", usage(1_000_000, 0, created=1_000_000), "3.75"),
        ("claude-sonnet-4-6", usage(100, 10, read=60, created=20), "0.000303"),
        ("nobody-knows-1", usage(1_000_000, 1_000_000), "30"),
        ("gpt-5.3", usage(1_000_000, 1_000_000), "15.75"),
    ],
)
def test_a_call_costs_what_the_price_list_says(model: str, used: dict[str, object], dollars: str) -> None:
    assert cost_of(provider(model), used) == Decimal(dollars)  # type: ignore[arg-type]


def test_this_machine_costs_nothing() -> None:
    assert worst_cost(provider("qwen3:8b", "local"), envelope("x" * 1000)) == 0
    assert cost_of(provider("qwen3:8b", "local"), usage(10, 10)) == 0  # type: ignore[arg-type]
    assert cost_of(provider(), None) == 0


@given(text=st.text(max_size=300), share=st.floats(0, 1), out=st.integers(0, 2_000), cached=st.floats(0, 1))
def test_no_reply_costs_more_than_was_reserved(text: str, share: float, out: int, cached: float) -> None:
    """A token is at least one byte: whatever the split of cached and plain tokens, the worst case is worse."""
    for name in PRICES:
        sent = envelope(text)
        tokens = int(len(sent.content().encode()) * share)
        read = int(tokens * cached)
        used = usage(tokens, out, read=read, created=tokens - read)
        assert cost_of(provider(name), used) <= worst_cost(provider(name), sent)  # type: ignore[arg-type]
        assert price_of(provider(name)).cache_read_usd < price_of(provider(name)).input_usd


async def test_a_call_is_reserved_and_settled_at_its_cost(settings_with: MakeSettings) -> None:
    ledger = Ledger()
    with model_stand_in([ScriptedReply(text="ok")]) as cloud:
        await door(ledger).send(at(cloud.url, settings_with), envelope())
    assert [(call.principal, call.question_id, call.label) for call in ledger.calls] == [
        ("agent:ada", "qst_1", "public")
    ]
    assert ledger.calls[0].worst_usd > Decimal("0.03")  # 2,000 tokens of output alone
    settled = ledger.usages[0]
    assert (settled.outcome, settled.input_tokens, settled.output_tokens) == ("done", 11, 7)
    assert settled.cost_usd == Decimal(11 * 3 + 7 * 15) / 1_000_000
    assert settled.milliseconds > 0


async def test_without_money_nothing_is_sent(settings_with: MakeSettings) -> None:
    ledger = Ledger()
    ledger.is_spent = True
    with model_stand_in([ScriptedReply(text="ok")]) as cloud:
        with pytest.raises(BudgetExceeded):
            await door(ledger).send(at(cloud.url, settings_with), envelope())
        assert cloud.requests == []


@pytest.mark.parametrize(
    ("fault", "billed"),
    [("rate_limit", False), ("overloaded", False), ("server_error", False), ("cut", True), ("bad_tool_json", True)],
)
async def test_a_failed_try_counts_unless_it_was_refused(fault: str, billed: bool, settings_with: MakeSettings) -> None:
    ledger = Ledger()
    broken = ScriptedReply(text="half of it", calls=(ScriptedCall(name="x", args={"a": "bcd"}),), fault=fault)  # type: ignore[arg-type]
    with model_stand_in([broken]) as cloud, pytest.raises(ModelFailed):
        await door(ledger).send(at(cloud.url, settings_with), envelope())
    worst = ledger.calls[0].worst_usd
    assert [one.cost_usd for one in ledger.usages.values()] == [worst if billed else 0] * 2
    assert {one.outcome for one in ledger.usages.values()} == {"failed"}


async def test_a_blocked_request_costs_nothing(settings_with: MakeSettings) -> None:
    ledger = Ledger()
    with model_stand_in([ScriptedReply(text="no")]) as cloud, pytest.raises(PrivacyRefused):
        await door(ledger, Tripwire(lambda: ("canary-17",))).send(at(cloud.url, settings_with), envelope("canary-17"))
    assert (ledger.usages[0].outcome, ledger.usages[0].cost_usd) == ("blocked", 0)
    assert ledger.replies == {}


async def test_the_same_content_is_asked_once(settings_with: MakeSettings) -> None:
    ledger = Ledger()
    with model_stand_in([ScriptedReply(text="ok"), ScriptedReply(text="other")]) as cloud:
        sender, there = door(ledger), at(cloud.url, settings_with)
        texts = [(await sender.send(there, envelope(text))).message.content for text in ("a", "a", "b", "a")]
        assert texts == ["ok", "ok", "other", "ok"]
        assert len(cloud.requests) == 2
    assert len(ledger.calls) == 2  # the rest cost nothing


RUN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def told(run: str, value: str = "5 %") -> Envelope:
    return envelope("How?", "public", ToolMessage(content=f'{{"run_{run}": "fct_{run}_3 {value}"}}', tool_call_id="1"))


def test_a_reply_is_kept_without_ids_and_given_those_of_the_run_it_serves() -> None:
    first, second = Content(provider(), told(RUN)), Content(provider(), told(OTHER))
    assert first.digest == second.digest
    kept = first.store(AIMessage(content=f"It made {{{{fact:fct_{RUN}_3}}}} in {{{{fact:run_{RUN}:t:0:c}}}}."))
    assert RUN not in kept
    restored = second.restore(kept)
    assert restored.content == f"It made {{{{fact:fct_{OTHER}_3}}}} in {{{{fact:run_{OTHER}:t:0:c}}}}."


@pytest.mark.parametrize(
    "other",
    [
        Content(provider(), told(RUN, "6 %")),
        Content(provider("claude-opus-4-8"), told(RUN)),
        Content(provider(), replace(told(RUN), tools=({"name": "x"},))),
        Content(provider(), envelope("How!")),
    ],
)
def test_other_figures_models_tools_or_words_are_other_contents(other: Content) -> None:
    assert other.digest != Content(provider(), told(RUN)).digest


def test_an_invented_id_never_becomes_one_of_the_run() -> None:
    kept = Content(provider(), envelope("How?")).store(AIMessage(content=f"fct_{RUN}_1"))
    assert RUN not in str(Content(provider(), envelope("How?")).restore(kept).content)


def test_private_contents_and_those_of_this_machine_are_not_kept() -> None:
    assert not Content(provider(), envelope("?", "private")).may_be_kept
    assert not Content(provider("qwen3:8b", "local"), envelope()).may_be_kept
    assert Content(provider(), envelope()).may_be_kept
