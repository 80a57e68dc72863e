"""Say what of an ingest run needs a person, and send it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from core.data.pipeline import IngestReport
from core.errors import QuantdeskError
from core.ports.notifier import Notice, Notifier

_MOST_LINES = 12
_LONGEST_LINE = 300
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Say what became of a notice on one channel; `error` is None where it was taken."""

    channel: str
    error: str | None = None


def send_notice(notifiers: Iterable[Notifier], notice: Notice) -> list[Delivery]:
    """Send a notice over every channel and return what became of it; what fails is logged, never raised."""
    done = []
    for notifier in notifiers:
        error = None
        try:
            notifier.send(notice)
        except QuantdeskError as failure:
            error = str(failure)
            _log.warning("a notice was not sent", channel=notifier.channel, reason=error)
        done.append(Delivery(channel=notifier.channel, error=error))
    return done


def notice_of_run(report: IngestReport, mode: str, late: Sequence[str] = ()) -> Notice | None:
    """Return the one notice of an ingest run: its failed steps and the sources that are late; None where all is well.

    `late` are sentences on sources that are overdue.
    """
    failed = [f"{step.step} of {step.source} failed: {step.error}" for step in report.failed]
    if not failed and not late:
        return None
    lines = _short([*failed, *late])
    if report.counts.quarantined:
        lines.append(f"{report.counts.quarantined} rows wait in the quarantine.")
    state = report.state if failed else "done, sources are late"
    if failed:
        lines.append("What was delivered stands; the next run asks for the rest.")
    return Notice(title=f"quantdesk: {mode} ingest {state}", lines=(*lines, f"Run {report.run_id}."))


def _short(lines: Sequence[str]) -> list[str]:
    shown = [line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 4] + " ..." for line in lines[:_MOST_LINES]]
    return shown if len(lines) <= _MOST_LINES else [*shown, f"... and {len(lines) - _MOST_LINES} more."]
