"""Say what the pages need of the running desk: everything they do goes through these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from starlette.requests import Request

from core.data.news_monitor import NewsReader
from core.data.review import ReviewDesk
from core.domain.facts import ToolResult
from core.domain.principal import Principal
from core.reporting.document import ReportKind
from core.reporting.report import Report, Reports
from tools.context import Desk
from tools.runner import run_tool


class TradingSwitch(Protocol):
    """Turn trading off and on."""

    def status(self) -> str | None:
        """Return why trading is halted, or None when it is on."""
        ...

    def halt(self, principal: Principal, reason: str) -> str:
        """Stop new orders and return what was done."""
        ...

    def resume(self, principal: Principal, reason: str) -> str:
        """Allow orders again; raise NotSignedIn without the scope."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Join the desk with what its pages may do.

    `current_principal` returns the signed-in person of a request or raises NotSignedIn; `make_report` makes and
    stores a report as this person; `advance_clock` moves a replaying desk by sessions and returns its new time;
    `names` returns the name of every person by id; `review` decides on rows that were held back; `news` says
    what became known when.
    """

    desk: Desk
    current_principal: Callable[[Request], Awaitable[Principal]]
    reports: Reports
    trading: TradingSwitch
    make_report: Callable[[ReportKind, Principal], Report]
    advance_clock: Callable[[int], datetime]
    names: Callable[[], Mapping[str, str]]
    review: ReviewDesk
    news: NewsReader

    def run(self, tool: str, arguments: dict[str, Any], principal: Principal) -> ToolResult:
        """Run a tool as this person and return its recorded result."""
        return run_tool(self.desk, tool, arguments, principal=principal, face="web")

    def who(self, principal_id: str) -> str:
        """Return a principal as a person reads it: names for ids, and whom an agent acts for."""
        kind, _, rest = principal_id.partition(":")
        if kind == "agent" and rest:
            return f"desk agent for {self.who(rest)}"
        if kind == "local" and rest:
            return f"{rest}, on the command line of the desk's computer"
        return self.names().get(principal_id, principal_id)
