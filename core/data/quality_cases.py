"""Judge cases of delivered bars that are written down as JSON: one vendor response, its history and its request."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.calendar import are_sessions, closes_of, sessions_between
from core.data.quality import REASONS, ExpectedMoves, History, Incoming, judge, verdict_of
from core.domain.market_records import Calendar
from core.errors import InvalidInput

_PRICES = ("open", "high", "low", "close")
_SEVERITY = ("accept", "accept_with_flag", "quarantine", "reject")
Case = Mapping[str, Any]


def judge_file(path: Path) -> Iterator[dict[str, Any]]:
    """Yield for each line of a JSONL file `{id, verdicts, batch}`; raise InvalidInput naming a line that is no case."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield judge_case(json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"Line {number} of {path.name} is not a case of bars: {type(error).__name__} {error}.",
                hint="Expected JSON with asset_class, symbol, currency, calendar, now, request, history and incoming.",
            ) from error


def judge_case(case: Case) -> dict[str, Any]:
    """Return the verdict and reason of every incoming bar, and of the batch where that is worse than its bars."""
    incoming = list(case["incoming"])
    judgement = judge(_incoming(case, incoming), _history(case), _moves(case))
    verdicts = [{"verdict": verdict_of(REASONS[code]), "reason": REASONS[code]} for code in judgement.reason]
    return {"id": case["id"], "verdicts": verdicts, "batch": _batch(case, incoming, verdicts)}


def _batch(case: Case, incoming: list[Mapping[str, Any]], verdicts: list[dict[str, Any]]) -> dict[str, str] | None:
    if not incoming:
        return {"verdict": "reject", "reason": "empty_response"}
    calendar: Calendar = case["calendar"]
    request = case.get("request")
    worst = max(_SEVERITY.index(verdict["verdict"]) for verdict in verdicts)
    if request is None or worst >= _SEVERITY.index("quarantine"):
        return None
    wanted = sessions_between(calendar, date.fromisoformat(request["start"]), date.fromisoformat(request["end"]))
    finished = len(wanted) and closes_of(calendar, wanted[-1:])[0] <= _moment(case["now"])
    delivered = {str(bar.get("date")) for bar in incoming}
    if finished and len(delivered) < len(wanted):
        return {"verdict": "quarantine", "reason": "batch_short"}
    return None


def _incoming(case: Case, bars: list[Mapping[str, Any]]) -> Incoming:
    count = len(bars)
    calendar: Calendar = case["calendar"]
    crypto = case["asset_class"] == "crypto"
    session = np.array([_day(bar.get("date")) for bar in bars], dtype="datetime64[D]")
    dated = ~np.isnat(session)
    unfinished, no_session = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    unfinished[dated] = closes_of(calendar, session[dated]) > _moment(case["now"])
    # A session of the next century is in no calendar yet; it is in the future, which is worse.
    no_session[dated] = ~are_sessions(calendar, session[dated])
    listed = np.datetime64(case.get("listed") or "0001-01-01", "D")
    volumes = [bar.get("volume") for bar in bars]
    return Incoming(
        series=np.zeros(count, dtype=np.int64),
        session=session,
        **{name: _numbers(bars, name) for name in (*_PRICES, "volume")},
        vwap=_numbers(bars, "vwap") if any("vwap" in bar for bar in bars) else None,
        has_ohlc=True,
        has_volume=True,
        bad_volume=np.array([value is not None and math.isnan(_number(value)) for value in volumes], dtype=bool),
        other_basis=np.array([bool(bar.get("adjusted")) for bar in bars], dtype=bool),
        wrong_currency=np.array(
            [bar.get("currency", case["currency"]) != case["currency"] for bar in bars], dtype=bool
        ),
        wrong_symbol=np.array([bar.get("symbol", case["symbol"]) != case["symbol"] for bar in bars], dtype=bool),
        unfinished=unfinished,
        no_session=no_session,
        before_listing=dated & (session < listed),
        move_limit=np.full(count, 0.45 if crypto else 0.25),
        range_limit=np.full(count, 0.60 if crypto else 0.40),
        tick_share=np.full(count, 1e-4),
        whole_volume=np.full(count, not crypto),
        volume_tells=np.full(count, not crypto),
    )


def _history(case: Case) -> History:
    bars = sorted(case.get("history") or (), key=lambda bar: str(bar["date"]))
    return History(
        series=np.zeros(len(bars), dtype=np.int64),
        session=np.array([_day(bar["date"]) for bar in bars], dtype="datetime64[D]"),
        **{name: _numbers(bars, name) for name in (*_PRICES, "volume")},
    )


def _moves(case: Case) -> ExpectedMoves:
    days, ratios = [], []
    closes = {str(bar["date"]): float(bar["close"]) for bar in case.get("history") or ()}
    for action in case.get("actions") or ():
        day = str(action["ex_date"])
        before = [closes[known] for known in sorted(closes) if known < day]
        if action.get("ratio"):
            ratio = 1 / float(action["ratio"])
        elif action.get("amount") and before:
            ratio = 1 - float(action["amount"]) / before[-1]
        else:
            continue
        days.append(day)
        ratios.append(ratio)
    return ExpectedMoves(
        series=np.zeros(len(days), dtype=np.int64),
        session=np.array(days, dtype="datetime64[D]"),
        ratio=np.array(ratios, dtype=np.float64),
    )


def _numbers(bars: list[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    return np.array([_number(bar.get(name)) for bar in bars], dtype=np.float64)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)


def _day(text: object) -> np.datetime64:
    try:
        return np.datetime64(date.fromisoformat(str(text)), "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _moment(text: str) -> np.datetime64:
    moment = datetime.fromisoformat(text)
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
