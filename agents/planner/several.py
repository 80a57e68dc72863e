"""Answer what one question asks several times: of two periods, with the words between them."""

from __future__ import annotations

import re

from agents.planner.periods import LATEST, Period
from agents.planner.plan import Frame
from agents.planner.reading import Reading

_TOPICS = ("metric", "performance", "book")
# What stands between two periods that are asked about side by side: "this year and last year", "in 2023 than in 2022".
_BESIDE = re.compile(
    r"(?:^|\s)(?:and|vs|versus|than|against|or|with|to|from|as|,|&|/|compared|relative|like|between)(?:\s|$)|"
    r"^\s*[,/&]?\s*$"
)
_COMPARES = re.compile(
    r"\b(?:compare[ds]?|comparing|comparison|versus|vs|than|against|both|each|differ\w*|improv\w*)\b", re.I
)


def frames_of(frame: Frame, reading: Reading) -> tuple[Frame, ...]:
    """Return the frame for each period that is asked about side by side; only itself when one is."""
    if frame.topic not in _TOPICS or frame.period is None:
        return (frame,)
    spans = sorted((span for span in reading.spans if span.kind == "period"), key=lambda span: span.start)
    found = [(span, one.period) for span, one in zip(spans, reading.periods, strict=False)]
    mine = next((at for at, (_, period) in enumerate(found) if period == frame.period), None)
    if mine is None:
        return (frame,)
    periods: list[Period] = [found[mine][1]]
    for at in range(mine + 1, len(found)):
        between = " ".join(word.low for word in reading.words[found[at - 1][0].end : found[at][0].start])
        period = found[at][1]
        if period in periods or period.kind not in ("range", "sessions", "latest") or not _BESIDE.search(between):
            continue
        if period.kind == "latest" and not _COMPARES.search(reading.text):
            continue
        periods.append(period)
    if mine and found[mine - 1][1].kind == "latest" and _COMPARES.search(reading.text):
        periods.append(LATEST)
    return tuple(frame.model_copy(update={"period": period}) for period in periods)
