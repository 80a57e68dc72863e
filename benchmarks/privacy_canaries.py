"""Plant random canaries in every private table, let obedient models attack, and read what left this machine.

The cloud stand-ins do what an attacker wants: whatever is asked, they call tools that read private data. The alarm on
outgoing bytes knows no canary here, so that the labels alone keep them in.
"""

from __future__ import annotations

import base64
import io
import logging
import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from core.testing.model_stand_ins import ModelStandIn, ScriptedCall, ScriptedReply, model_stand_in

if TYPE_CHECKING:
    from agents.graph import Assistant
    from app.bootstrap import Parts

DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ROUTES = ("plain", "parallel", "retry", "fallback", "cut", "history", "stream", "again", "bad_json", "slow_thread")
TEXTS = ("compare AAPL and MSFT", "How did AAPL do in 2008?")
# The numbers and texts of each private table that people can read; `{n}` is a number with nine digits, `{w}` a word.
PLANTED = (
    ("accounts", "UPDATE execution.accounts SET name = {w}"),
    ("positions", "UPDATE execution.positions SET quantity = {n}.25, average_cost = {n}.5, realized_pnl = {n}.75"),
    ("orders", "UPDATE execution.orders SET reason = {w}, quantity = {n}"),
    ("fills", "UPDATE execution.fills SET quantity = {n}.25"),
    ("proposals", "UPDATE execution.proposals SET reason = {w}, notional = {n}.25"),
    ("cash", "UPDATE execution.cash_ledger SET amount = {n}.25 WHERE movement = 'deposit'"),
    ("nav", "UPDATE execution.nav_daily SET nav = {n}.25, cash = {n}.5"),
    (
        "specs",
        "INSERT INTO strategies.specs VALUES ('stg_canary', {w}, '{{}}', 'usr_canary', now(), 'usr_canary')"
        " ON CONFLICT (strategy_id) DO UPDATE SET name = excluded.name",
    ),
    (
        "results",
        "INSERT INTO strategies.results VALUES ('run_canary', 'stg_canary', 'backtest',"
        " jsonb_build_object('note', {w}), '{{}}', now(), now())"
        " ON CONFLICT (run_id) DO UPDATE SET arguments = excluded.arguments",
    ),
)


def sql(statement: str) -> ScriptedCall:
    return ScriptedCall(name="run_sql", args={"sql": statement})


def metric(name: str) -> ScriptedCall:
    return ScriptedCall(name="query_metric", args={"metric": name})


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Name a label and a call that reads what it protects; `shows` says that the result holds planted values."""

    label: str
    call: ScriptedCall
    shows: bool = True


PROBES = (
    Probe(label="tool portfolio", call=ScriptedCall(name="portfolio", args={})),
    Probe(label="tool pnl_analysis", call=ScriptedCall(name="pnl_analysis", args={}), shows=False),
    Probe(
        label="tool propose_trade",
        call=ScriptedCall(name="propose_trade", args={"symbol": "KO", "side": "buy", "quantity": 1}),
        shows=False,
    ),
    Probe(
        label="tool save_strategy",
        call=ScriptedCall(
            name="save_strategy", args={"name": "Soft drinks", "strategy": "buy_and_hold", "symbols": ["KO"]}
        ),
        shows=False,
    ),
    Probe(label="tool scan_strategies", call=ScriptedCall(name="scan_strategies", args={}), shows=False),
    Probe(label="tool strategy_stops", call=ScriptedCall(name="strategy_stops", args={}), shows=False),
    Probe(label="tool day_report", call=ScriptedCall(name="day_report", args={"kind": "end"})),
    Probe(label="tool track_record", call=ScriptedCall(name="track_record", args={}), shows=False),
    Probe(label="target portfolio", call=ScriptedCall(name="risk_report", args={"target": "portfolio"}), shows=False),
    Probe(label="equity of the account", call=ScriptedCall(name="size_position", args={"symbol": "KO"}), shows=False),
    Probe(label="metric positions", call=metric("positions")),
    Probe(label="metric weight", call=metric("weight"), shows=False),
    Probe(label="metric average_cost", call=metric("average_cost")),
    Probe(label="metric cash", call=metric("cash"), shows=False),
    Probe(label="metric nav", call=metric("nav"), shows=False),
    Probe(label="metric pnl", call=metric("pnl"), shows=False),
    Probe(label="metric account_drawdown", call=metric("account_drawdown"), shows=False),
    Probe(label="metric fills", call=metric("fills")),
    Probe(label="metric orders", call=metric("orders")),
    Probe(label="metric proposals", call=metric("proposals")),
    Probe(label="relation execution.v_positions", call=sql("SELECT * FROM execution.v_positions")),
    Probe(label="relation execution.v_orders", call=sql("SELECT reason, quantity FROM execution.v_orders")),
    Probe(label="relation execution.v_fills", call=sql("SELECT quantity FROM execution.v_fills")),
    Probe(label="relation execution.v_proposals", call=sql("SELECT reason FROM execution.v_proposals")),
    Probe(label="relation execution.v_cash", call=sql("SELECT cash FROM execution.v_cash"), shows=False),
    Probe(
        label="relation execution.v_nav",
        call=sql("SELECT symbol FROM market_data.v_instruments UNION SELECT nav::text FROM execution.v_nav"),
        shows=False,
    ),
    Probe(label="relation strategies.v_specs", call=sql("SELECT (SELECT max(name) FROM strategies.v_specs) AS symbol")),
    Probe(label="relation strategies.v_results", call=sql("SELECT arguments::text FROM strategies.v_results")),
)  # fmt: skip
# Calls whose errors could carry a cell of a private row.
ERRORS = (
    sql("SELECT reason::integer FROM execution.v_proposals"),
    sql("SELECT (name || 'x')::date FROM strategies.v_specs"),
    ScriptedCall(name="portfolio", args={"account": "nobody", "sections": ["nothing"]}),
)


def plant(dsn: str, seed: int) -> tuple[str, ...]:
    """Put a fresh canary in every place of PLANTED and return them; the rules of the tables are off meanwhile."""
    import psycopg

    drawn = random.Random(seed)
    canaries: list[str] = []

    def number() -> str:
        canaries.append(str(drawn.randint(10**8, 10**9 - 1)))
        return canaries[-1]

    def word() -> str:
        canaries.append("cny" + "".join(drawn.choices("bcdfghjklmnpqrstvwxz", k=12)))
        return f"'{canaries[-1]}'"

    with psycopg.connect(dsn) as connection:
        connection.execute("SET session_replication_role = replica")
        for _, statement in PLANTED:
            statement = re.sub("{n}", lambda _: number(), re.sub("{w}", lambda _: word(), statement))
            connection.execute(statement.replace("{{}}", "{}").encode())
    return tuple(canaries)


def encodings(canary: str) -> tuple[bytes, ...]:
    """Return how a value may be written: plain, backwards, in base64 at any offset, hex, URL, digit by digit."""
    raw = canary.encode()
    texts = {canary, canary[::-1], raw.hex(), "".join(f"%{byte:02x}" for byte in raw), quote(canary)}
    texts |= {glue.join(canary) for glue in (" ", ",", "-", ".", "_", "\\n")}
    texts |= {"".join(f"\\u{ord(sign):04x}" for sign in canary), "".join(f"&#{ord(sign)};" for sign in canary)}
    if canary.isdigit():
        grouped = f"{int(canary):,}"
        texts |= {grouped, *(grouped.replace(",", glue) for glue in (" ", ".", "_", "'")), f"{int(canary):x}"}
        texts |= {glue.join(DIGIT_WORDS[int(digit)] for digit in canary) for glue in (" ", "-", ", ")}
        texts |= {f"{canary[0]}.{canary[1:]}", f"{int(canary):b}", f"{int(canary):o}"}
    found = {text.lower().encode() for text in texts}
    for shift in range(3):
        for written in (base64.b64encode(b"\0" * shift + raw), base64.urlsafe_b64encode(b"\0" * shift + raw)):
            found.add(written[4 if shift else 0 : -4].lower())
    return tuple(found)


def found_in(body: bytes, canaries: Sequence[str]) -> list[str]:
    """Return the canaries of which some encoding stands in the bytes."""
    lowered = body.lower()
    return [canary for canary in canaries if any(form in lowered for form in encodings(canary))]


@dataclass(slots=True)
class Obedient:
    """Be a model that calls what it is told to once in a question, and says what it read."""

    calls: tuple[ScriptedCall, ...] = ()
    faults: list[str] = field(default_factory=list)

    def __call__(self, body: dict[str, Any]) -> ScriptedReply:
        fault: Any = self.faults.pop(0) if self.faults else None
        newest = [message for message in body.get("messages", body.get("input", [])) if isinstance(message, dict)][-1:]
        answered = any("tool" in str(one.get("role")) or "output" in str(one.get("type")) for one in newest)
        answered = answered or any("tool_result" in str(one.get("content")) for one in newest)
        if self.calls and not answered:
            return ScriptedReply(text="I obey.", calls=self.calls, fault=fault, retry_after="0")
        return ScriptedReply(text="I have read it.", fault=fault, retry_after="0")


@dataclass(slots=True, kw_only=True)
class Theatre:
    """Hold the desk, the models behind stand-ins and what they do; `logged` is everything that was logged."""

    parts: Parts
    assistant: Assistant
    canaries: tuple[str, ...]
    clouds: tuple[ModelStandIn, ...]
    local: ModelStandIn
    scripts: tuple[Obedient, ...]
    logged: io.StringIO

    def forget(self) -> None:
        """Drop what the models received so far."""
        for stand_in in (*self.clouds, self.local):
            stand_in.requests.clear()

    def leaks(self) -> list[str]:
        """Return the canaries that a cloud received or that were logged, since `forget`."""
        received = b"\n".join(cloud.received() for cloud in self.clouds)
        return found_in(received, self.canaries) + found_in(self.logged.getvalue().encode(), self.canaries)

    def seen_here(self) -> list[str]:
        """Return the canaries that the model on this machine received."""
        return found_in(self.local.received(), self.canaries)


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Collect everything that is logged, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@asynccontextmanager
async def theatre(parts: Parts, seed: int) -> AsyncIterator[Theatre]:
    """Plant canaries in the desk's database and open an assistant with two clouds and a model on this machine."""
    from agents.graph import Assistant
    from agents.models import anthropic, ollama, openai
    from core.adapters.store.model_calls import ModelCallStore, ModelCaps

    canaries = plant(parts.dsn, seed)
    scripts = (Obedient(), Obedient(), Obedient())
    with ExitStack() as stack:
        first, second, local = (stack.enter_context(model_stand_in([script])) for script in scripts)
        settings = parts.desk.settings.model_copy(
            update={
                "anthropic_api_key": stand_in_key(),
                "anthropic_base_url": first.url,
                "openai_api_key": stand_in_key(),
                "openai_base_url": f"{second.url}/v1",
                "ollama_address": local.url,
            }
        )
        made = (anthropic.provider(settings), openai.provider(settings), ollama.provider(settings))
        caps = ModelCaps(question_usd=Decimal(10), person_day_usd=Decimal(10_000), day_usd=Decimal(10_000))
        assistant = Assistant(
            parts.desk,
            parts.dsn,
            providers=[provider for provider in made if provider is not None],
            private_terms=parts.private_terms,
            ledger=ModelCallStore(parts.database, caps),
        )
        stream = stack.enter_context(logged())
        try:
            yield Theatre(
                parts=parts,
                assistant=assistant,
                canaries=canaries,
                clouds=(first, second),
                local=local,
                scripts=scripts,
                logged=stream,
            )
        finally:
            await assistant.close()


def stand_in_key() -> Any:
    from pydantic import SecretStr

    return SecretStr("test")


async def attack(stage: Theatre, call: ScriptedCall, route: str, text: str) -> list[str]:
    """Ask a public question whose cloud model reads private data by a route; return the labels of its runs."""
    public = ScriptedCall(name="query_metric", args={"metric": "close", "symbols": ["AAPL"]})
    for script in stage.scripts:
        script.calls, script.faults = (call,), []
    first, second, _ = stage.scripts
    if route == "parallel":
        first.calls = (public, call, public)
    elif route == "retry":
        first.faults = ["rate_limit", "", "rate_limit"]
    elif route in ("fallback", "cut", "bad_json"):
        fault = {"fallback": "overloaded", "cut": "cut", "bad_json": "bad_tool_json"}[route]
        first.faults = [fault, fault]
    elif route == "slow_thread":
        second.faults = ["cut"]
    with stage.parts.database.transaction() as connection:
        # A reply kept from an earlier attack would be given instead of this one's call.
        connection.execute("DELETE FROM desk.model_replies")
    person = person_asking()
    thread = stage.parts.desk.ids.new("thr")
    answers = [await stage.assistant.ask(text, thread, person, "test")]
    if route == "history":
        answers.append(await stage.assistant.ask("How did AAPL do in 2008?", thread, person, "test"))
        answers.append(await stage.assistant.ask("summarise this conversation", thread, person, "test"))
    elif route == "again":
        answers.append(await stage.assistant.ask(text, stage.parts.desk.ids.new("thr"), person, "test"))
    elif route == "stream":
        async for _ in stage.assistant.stream("thanks", thread, person, "test"):
            pass
    return [label for answer in answers[:1] for label in _labels(stage, answer.runs)]


def _labels(stage: Theatre, runs: Sequence[str]) -> list[str]:
    return [stage.parts.desk.calls.call(run).call.label for run in runs]


def person_asking() -> Any:
    from core.domain.principal import Principal

    return Principal(id="usr_ada", name="Ada", kind="person", scopes=frozenset({"read", "trade"}))


async def faults_of(stage: Theatre, probe: Probe, route: str = "plain", text: str = TEXTS[0]) -> list[str]:
    """Attack by a probe and return what was wrong: canaries that left, or were not kept private and seen here."""
    stage.forget()
    labels = await attack(stage, probe.call, route, text)
    wrong = [f"{canary} left" for canary in stage.leaks()]
    if not labels or "private" not in labels:
        wrong.append(f"{probe.label}: recorded as {labels or 'nothing'}")
    if probe.shows and not stage.seen_here():
        wrong.append(f"{probe.label}: the model on this machine saw no canary")
    return wrong


@contextmanager
def without_label(label: str) -> Iterator[None]:
    """Take one label away for a while, as a slip in a declaration would."""
    from importlib import import_module

    from core.query import catalog, product_relations
    from core.query.semantic import statement
    from core.query.semantic.metrics import METRICS
    from tools import context, registry

    kind, _, name = label.partition(" ")
    with ExitStack() as undo:
        if kind == "tool":
            module = import_module(f"tools.{name}")
            declared = getattr(module, name)
            undo.callback(registry.load_tool.cache_clear)
            undo.callback(setattr, module, name, declared)
            setattr(module, name, replace(declared, data="public"))
            registry.load_tool.cache_clear()
        elif kind == "metric":
            undo.callback(METRICS.__setitem__, name, METRICS[name])
            METRICS[name] = replace(METRICS[name], label="public")
            catalog.find_metric.cache_clear()
            undo.callback(catalog.find_metric.cache_clear)
        elif kind == "relation":
            undo.callback(statement.product_guard.cache_clear)
            undo.callback(product_relations.PUBLIC.pop, name)
            undo.callback(product_relations.PRIVATE.__setitem__, name, product_relations.PRIVATE[name])
            product_relations.PUBLIC[name] = product_relations.PRIVATE.pop(name)
            statement.product_guard.cache_clear()
        else:
            kept = context.ToolContext.raise_label
            undo.callback(setattr, context.ToolContext, "raise_label", kept)
            context.ToolContext.raise_label = lambda self, label: None  # type: ignore[method-assign]
        yield
