"""Know the tools by their file names, importing none: `quantdesk --help` must not wait for them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_NOT_TOOLS = frozenset({"registry", "context", "runner", "tracing"})


@lru_cache(maxsize=1)
def tool_names() -> tuple[str, ...]:
    """Return the names of all tools in alphabetical order."""
    found = (file.stem for file in Path(__file__).resolve().parent.glob("[a-z]*.py"))
    return tuple(sorted(name for name in found if name not in _NOT_TOOLS))
