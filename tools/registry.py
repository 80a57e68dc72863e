"""Declare tools once and find them by file name; every face is derived from here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel

from core.domain.facts import Label, ToolResult
from core.errors import UnknownName
from core.ports.calls import Effect
from tools._files import tool_names as tool_names

if TYPE_CHECKING:
    from tools.context import ToolContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Hold one declared tool: its name, effect, data label, arguments and function."""

    name: str
    effect: Effect
    data: Label
    description: str
    arguments: type[BaseModel]
    function: Callable[[ToolContext, Any], ToolResult]
    seeded: bool

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        return self.arguments.model_json_schema()


def tool(
    *, effect: Effect, data: Label = "private", seeded: bool = False
) -> Callable[[Callable[[ToolContext, Any], ToolResult]], Tool]:
    """Declare `def name(context, arguments: Model) -> ToolResult` as the tool of its file.

    `data` is the least label of its results; unlabelled means private. `seeded` tools draw random numbers
    and get a seed that is recorded.
    """

    def declare(function: Callable[[ToolContext, Any], ToolResult]) -> Tool:
        parameters = list(inspect.signature(function).parameters)
        hints = get_type_hints(function, localns={"ToolContext": object, **_context_names()})
        arguments = hints[parameters[1]]
        return Tool(
            name=function.__name__,
            effect=effect,
            data=data,
            description=inspect.getdoc(function) or "",
            arguments=arguments,
            function=function,
            seeded=seeded,
        )

    return declare


def _context_names() -> dict[str, Any]:
    from tools.context import ToolContext

    return {"ToolContext": ToolContext}


@lru_cache(maxsize=256)
def load_tool(name: str) -> Tool:
    """Import and return one tool; raise UnknownName with the closest names."""
    if name not in tool_names():
        from difflib import get_close_matches

        raise UnknownName("tool", name, get_close_matches(name, tool_names(), n=3), hint="`quantdesk tools` lists all.")
    declared = getattr(import_module(f"tools.{name}"), name)
    if not isinstance(declared, Tool):
        raise TypeError(f"tools/{name}.py must declare `{name}` with @tool.")
    return declared


def load_tools() -> tuple[Tool, ...]:
    """Import and return every tool in alphabetical order."""
    return tuple(load_tool(name) for name in tool_names())
