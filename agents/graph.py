"""Answer questions with a graph: route -> model -> policy -> tools (-> panel) -> ground -> answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from agents.answer import Answer, Done, Event
from agents.turn import Turn
from core.domain.as_of import AsOf
from core.domain.principal import Principal, agent_for
from core.errors import InvalidInput, Unavailable
from core.ports.model_calls import ModelLedger
from core.settings import hand_to_library
from tools.context import Desk

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from agents.models.chain import Chain
    from agents.models.provider import Provider
    from agents.planner.universe import Universe

LONGEST_QUESTION = 4_000
NAMES_KEPT_SECONDS = 60.0
_MARKET_ZONE = ZoneInfo("America/New_York")


def build_graph(chain: Chain, *, checkpointer: Any = None) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the compiled graph; a turn passes its Turn as the run's context."""
    from langgraph.graph import END, START, StateGraph
    from langgraph.runtime import Runtime

    from agents import panel, steps

    async def model(state: steps.State, runtime: Runtime[Turn]) -> dict[str, Any]:
        return await steps.ask_model(state, runtime.context, chain)

    analysts = panel.build_panel(chain)

    async def convene(state: steps.State, runtime: Runtime[Turn]) -> dict[str, Any]:
        return await panel.convene(runtime.context, analysts)

    graph = StateGraph(steps.State, context_schema=Turn)
    graph.add_node("route", steps.route)
    graph.add_node("model", model)
    graph.add_node("policy", steps.policy)
    graph.add_node("tools", steps.tools)
    graph.add_node("panel", convene)
    graph.add_node("ground", steps.check)
    graph.add_node("answer", steps.finish)
    graph.add_edge(START, "route")
    graph.add_conditional_edges("route", steps.after_route, ["model", "answer"])
    graph.add_conditional_edges("model", steps.after_model, ["policy", "ground"])
    graph.add_edge("policy", "tools")
    graph.add_conditional_edges("tools", panel.after_tools, ["panel", "model"])
    graph.add_conditional_edges("panel", steps.after_panel, ["ground", "model"])
    graph.add_conditional_edges("ground", steps.after_check, ["model", "answer"])
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer)


class Assistant:
    """Answer questions in threads that survive a restart, kept in PostgreSQL (schema `chat`).

    `providers` default to those configured in the settings; `private_values` returns live private strings for the
    alarm on outgoing bytes, `private_terms` names that make a question private; `ledger` keeps model calls within
    their caps.
    Opens its connections at the first question; `close` closes them.
    """

    def __init__(
        self,
        desk: Desk,
        dsn: str,
        *,
        providers: Sequence[Provider] | None = None,
        private_values: Callable[[], Collection[str]] | None = None,
        private_terms: Callable[[], Collection[str]] | None = None,
        ledger: ModelLedger | None = None,
        connect_seconds: float = 10.0,
    ) -> None:
        self._desk = desk
        self._dsn = dsn
        self._providers = providers
        self._private_values = private_values
        self._private_terms = private_terms or (lambda: ())
        self._ledger = ledger
        self._connect_seconds = connect_seconds
        self._universe: tuple[float, Universe] | None = None
        self._locks: dict[str, asyncio.Lock] = {}
        self._opened: _Opened | None = None

    async def ask(
        self, question: str, thread_id: str, principal: Principal, face: str, *, as_of: AsOf | None = None
    ) -> Answer:
        """Return the answer to a question; raise InvalidInput for an empty or overlong one."""
        answer: Answer | None = None
        async with aclosing(self.stream(question, thread_id, principal, face, as_of=as_of)) as events:
            async for event in events:
                if isinstance(event, Done):
                    answer = event.answer
        assert answer is not None
        return answer

    async def stream(
        self, question: str, thread_id: str, principal: Principal, face: str, *, as_of: AsOf | None = None
    ) -> AsyncGenerator[Event]:
        """Yield what happens while a question is answered: route, tools, checked text, and at last `Done`.

        `principal` is the signed-in person; the tools run as that person's agent, which can never approve.
        """
        question = question.strip()
        if not question or len(question) > LONGEST_QUESTION:
            raise InvalidInput(f"A question has 1 to {LONGEST_QUESTION} characters, got {len(question)}.")
        async with self._locks.setdefault(thread_id, asyncio.Lock()):
            events: asyncio.Queue[Event | None] = asyncio.Queue()
            turn = await self._turn(question, thread_id, principal, face, as_of, events.put_nowait)
            run = asyncio.create_task(self._run(turn, events))
            try:
                while (event := await events.get()) is not None:
                    yield event
                await run
            finally:
                run.cancel()
            assert turn.answer is not None
            yield Done(answer=await self._priced(turn, turn.answer))

    async def _run(self, turn: Turn, events: asyncio.Queue[Event | None]) -> None:
        from langchain_core.messages import HumanMessage

        try:
            await (await self._graph()).ainvoke(
                {"messages": [HumanMessage(content=turn.question)]},
                {"configurable": {"thread_id": turn.thread_id}, "recursion_limit": 40},
                context=turn,
                durability="exit",
            )
        finally:
            events.put_nowait(None)

    async def _priced(self, turn: Turn, answer: Answer) -> Answer:
        """Return the answer with what its model calls cost, those that failed included."""
        if self._ledger is None or not turn.asked_models:
            return answer
        return answer.model_copy(update={"cost_usd": await asyncio.to_thread(self._ledger.spent, turn.question_id)})

    async def _turn(
        self,
        question: str,
        thread_id: str,
        principal: Principal,
        face: str,
        as_of: AsOf | None,
        emit: Callable[[Event], None],
    ) -> Turn:
        moment = as_of or AsOf(known=self._desk.clock.now())
        universe, terms = await asyncio.to_thread(lambda: (self._names(), tuple(self._private_terms())))
        return Turn(
            desk=self._desk,
            principal=agent_for(principal) if principal.kind == "person" else principal,
            face=face,
            thread_id=thread_id,
            question=question,
            universe=universe,
            today=moment.known.astimezone(_MARKET_ZONE).date(),
            as_of=moment,
            emit=emit,
            replay=self._desk.clock.mode == "replay",
            private_terms=terms,
            question_id=self._desk.ids.new("qst"),
        )

    def _names(self) -> Universe:
        """Return the names the desk knows; read again after a minute, since data may have been imported."""
        from agents.planner.universe import build_universe

        now = time.monotonic()
        if self._universe is None or now - self._universe[0] > NAMES_KEPT_SECONDS:
            listed = self._desk.instruments.list()
            moment = AsOf(known=self._desk.clock.now())
            stored = self._desk.coverage.series([one.instrument_id for one in listed], as_of=moment)
            self._universe = (now, build_universe(listed, {series.instrument_id for series in stored}))
        return self._universe[1]

    async def open(self) -> None:
        """Open the connections and load the libraries before the first question, which is then answered at once."""
        await self._graph()
        await asyncio.to_thread(self._names)

    async def _graph(self) -> Any:
        """Return the graph on connections of the running loop, opened when first needed."""
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened.loop is not loop:
            self._locks = {}
            self._opened = await self._open(loop)
        return self._opened.graph

    async def _open(self, loop: asyncio.AbstractEventLoop) -> _Opened:
        # Stored state is read back as plain values only, never as arbitrary classes.
        hand_to_library("LANGGRAPH_STRICT_MSGPACK", "true")
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        from psycopg import OperationalError
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool, PoolTimeout

        from agents.models.chain import Chain, configured_providers
        from agents.models.egress import Tripwire
        from agents.models.sending import Sender

        pool: Any = AsyncConnectionPool(
            self._dsn,
            min_size=0,
            max_size=4,
            timeout=self._connect_seconds,
            open=False,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 0,
                "row_factory": dict_row,
                # A lost machine may lose the last moment of a conversation; what it proposed is stored elsewhere.
                "options": "-c search_path=chat -c timezone=UTC -c synchronous_commit=off",
            },
            check=AsyncConnectionPool.check_connection,
        )
        await pool.open()
        saver = AsyncPostgresSaver(pool)
        try:
            await saver.setup()
        except (OperationalError, PoolTimeout) as error:
            await pool.close()
            raise Unavailable(
                "The database cannot be reached.", hint="Check `quantdesk status`; start it with `quantdesk run`."
            ) from error
        providers = configured_providers(self._desk.settings) if self._providers is None else self._providers
        sender = Sender(Tripwire(self._private_values), clock=time.monotonic, ledger=self._ledger)
        chain = Chain(providers, sender, clock=time.monotonic)
        return _Opened(loop=loop, pool=pool, graph=build_graph(chain, checkpointer=saver))

    async def close(self) -> None:
        """Close the connections; a later question opens them again."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            await opened.pool.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    loop: asyncio.AbstractEventLoop
    pool: Any
    graph: Any
