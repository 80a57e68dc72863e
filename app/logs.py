"""Log structured events to standard error, without secrets."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from core.settings import Settings

HIDDEN = "[hidden]"
_SECRET_NAME = re.compile(r"pass(word|wd)?|secret|token|api[_-]?key|authorization|cookie|pepper|dsn|database_url", re.I)
_SECRET_TEXT = re.compile(
    r"(?P<scheme>\w+://[^:/@\s]*:)[^@\s]+(?=@)"  # user:password@ in an address
    r"|\b(sk-[\w-]{8,}|qd_\w+_[\w-]{16,}|xox[abp]-[\w-]+|Bearer\s+[\w.~+/-]+=*)"
    r"|(?<=[?&]api_key=)[^&\s]+|(?<=[?&]apiKey=)[^&\s]+|(?<=/bot)\d+:[\w-]+"
)


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of secret-sounding fields and secrets inside texts."""
    for name, value in event.items():
        if _SECRET_NAME.search(name):
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = hide_in_text(value)
    return event


def hide_in_text(text: str) -> str:
    """Return the text with passwords in addresses, keys and tokens replaced."""
    return _SECRET_TEXT.sub(lambda found: (found.group("scheme") or "") + HIDDEN, text)


class _HidingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return hide_in_text(super().format(record))


class _StandardError(io.TextIOBase):
    """Write to what is standard error at that moment; it may have been another one when logging was set up."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logging(settings: Settings, *, command: bool = False) -> None:
    """Send structlog and the standard library's records to standard error: lines for a person, JSON for a file.

    A `command` is answered on standard output, so it logs only warnings unless DEBUG is set.
    """
    person = sys.stderr.isatty()
    stream = cast(TextIO, _StandardError())
    level = logging.WARNING if command and settings.log_level == "INFO" else getattr(logging, settings.log_level)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            structlog.dev.ConsoleRenderer() if person else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_HidingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(
        handlers=[handler], level=max(logging.WARNING, getattr(logging, settings.log_level)), force=True
    )
