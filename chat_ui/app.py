"""Be the chat: Chainlit loads this file and calls these functions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import chainlit as cl
from chainlit.data.base import BaseDataLayer
from chainlit.types import ThreadDict
from starlette.datastructures import Headers

from chat_ui import answers, proposal_card
from chat_ui.history import LocalFiles, chat_history
from chat_ui.people import user_of
from chat_ui.services import services
from core.errors import QuantdeskError

STARTERS = (
    ("How did AAPL do in 2008?", "How did AAPL do in 2008?"),
    ("Compare volatility", "Compare MSFT and JPM volatility since 2015"),
    ("Backtest a crossover", "Backtest a 50/200 SMA crossover on AAPL"),
    ("Simulate my portfolio", "Simulate my portfolio for 3 months"),
    ("Risk of my book", "What is the risk of my portfolio?"),
    ("Propose a trade", "Propose buying 10 MSFT"),
)


@cl.header_auth_callback
async def sign_in(headers: Headers) -> cl.User | None:
    """Sign the browser in by the desk's own session."""
    return await user_of(headers)


@cl.data_layer
def history() -> BaseDataLayer:
    """Keep conversations in the desk's database."""
    parts = services().parts
    return chat_history(parts.dsn, LocalFiles(Path(parts.settings.home) / "chat" / "files"))


@cl.set_starters
async def starters(_: cl.User | None) -> list[cl.Starter]:
    """Offer questions to begin with."""
    return [cl.Starter(label=label, message=message) for label, message in STARTERS]


@cl.on_message
async def on_message(message: cl.Message) -> None:
    """Answer a question."""
    try:
        await answers.answer(message.content)
    except QuantdeskError as error:
        await cl.Message(content=str(error), author="desk").send()


@cl.on_chat_resume
async def resume(thread: ThreadDict) -> None:
    """Show the cards of this conversation as their proposals stand now; Chainlit shows the steps after this."""
    desk = services().parts.desk
    calls = await asyncio.to_thread(desk.calls.recent, thread_id=thread["id"], limit=1000)
    for record in calls:
        if record.call.effect == "propose" and record.state == "done":
            result: Any = (await asyncio.to_thread(desk.calls.call, record.call.run_id)).result
            for proposal_id in result.proposal_ids if result is not None else ():
                await proposal_card.show_again(proposal_id, thread["steps"])


@cl.action_callback(proposal_card.DECIDE)
async def on_decision(action: cl.Action) -> None:
    """Take the decision of a click on a card."""
    await proposal_card.decide(action)


@cl.action_callback(proposal_card.ADVANCE)
async def on_advance(action: cl.Action) -> None:
    """Move a replaying desk on."""
    await proposal_card.advance(action)
