"""Judge cases of delivered bars that are written down as JSON: one vendor response, its history and its request."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from core.data.calendar import FIRST_DAY, are_sessions, closes_of, sessions_between
from core.data.quality import REASONS, ExpectedMoves, History, Incoming, judge, verdict_of
from core.domain.market_records import Calendar
from core.errors import InvalidInput

_PRICES = ("open", "high", "low", "close")
_ASSET_CLASSES = ("equity", "etf", "crypto")
_SEVERITY = ("accept", "accept_with_flag", "quarantine", "reject")
Case = Mapping[str, Any]


def judge_file(path: Path) -> Iterator[dict[str, Any]]:
    """Yield for each line of a JSONL file `{id, verdicts, batch}`, or `{id, error}` for one that is no case.

    A line that cannot be judged says so in its place and does not stop the others.
    """
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        case: Any = None
        try:
            case = json.loads(line.decode("utf-8-sig"))
            yield judge_case(case)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            name = case.get("id") if isinstance(case, dict) else None
            told = f"Line {number} of {path.name}" + ("" if name is None else f" ({str(name)[:80]})")
            message = (
                f"{told} is not a case of bars: {type(error).__name__} {str(error)[:200]}. Expected JSON with id, "
                f"asset_class, symbol, currency, calendar, now, request, history and incoming."
            )
            yield {"id": name, "error": {"code": InvalidInput.code, "message": message}}


def judge_case(case: Case) -> dict[str, Any]:
    """Return the verdict and reason of every incoming bar, and of the batch where that is worse than its bars.

    Raises KeyError, TypeError, ValueError and the like for what is no case; a bar may hold anything.
    """
    if case["asset_class"] not in _ASSET_CLASSES:
        raise ValueError(f"asset_class {case['asset_class']!r}: expected {', '.join(_ASSET_CLASSES)}")
    if case["calendar"] not in get_args(Calendar):
        raise ValueError(f"calendar {case['calendar']!r}: expected {', '.join(get_args(Calendar))}")
    # What is no record at all is judged as one without fields.
    rows = [bar if isinstance(bar, dict) else {} for bar in _list(case, "incoming")]
    bars, history = _incoming(case, rows), _history(case)
    # Values at the end of what a number can hold overflow in products; they are beyond every limit all the same.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        judgement = judge(bars, history, _moves(case, history))
    verdicts = [{"verdict": verdict_of(REASONS[code]), "reason": REASONS[code]} for code in judgement.reason]
    return {"id": case["id"], "verdicts": verdicts, "batch": _batch(case, bars, verdicts)}


def _batch(case: Case, bars: Incoming, verdicts: list[dict[str, Any]]) -> dict[str, str] | None:
    if not len(bars):
        return {"verdict": "reject", "reason": "empty_response"}
    calendar: Calendar = case["calendar"]
    request = case.get("request")
    worst = max(_SEVERITY.index(verdict["verdict"]) for verdict in verdicts)
    if request is None or worst >= _SEVERITY.index("quarantine"):
        return None
    wanted = sessions_between(calendar, date.fromisoformat(request["start"]), date.fromisoformat(request["end"]))
    # An instrument has no sessions before it is listed.
    wanted = wanted[wanted >= _listed(case)]
    finished = len(wanted) and closes_of(calendar, wanted[-1:])[0] <= _moment(case["now"])
    if finished and not np.isin(wanted, bars.session).all():
        return {"verdict": "quarantine", "reason": "batch_short"}
    return None


def _incoming(case: Case, bars: Sequence[Mapping[str, Any]]) -> Incoming:
    count = len(bars)
    calendar: Calendar = case["calendar"]
    crypto = case["asset_class"] == "crypto"
    session = np.array([_day(bar.get("date")) for bar in bars], dtype="datetime64[D]")
    dated = ~np.isnat(session)
    unfinished, no_session = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    unfinished[dated] = closes_of(calendar, session[dated]) > _moment(case["now"])
    # A session of the next century is in no calendar yet; it is in the future, which is worse.
    no_session[dated] = ~are_sessions(calendar, session[dated]) & (session[dated] >= np.datetime64(FIRST_DAY))
    # Another instrument's bars are no duplicates of this one's, nor out of order with them.
    symbols = [bar.get("symbol") or case["symbol"] for bar in bars]
    names = [str(case["symbol"]), *sorted({str(symbol) for symbol in symbols} - {str(case["symbol"])})]
    volumes = [bar.get("volume") for bar in bars]
    return Incoming(
        series=np.array([names.index(str(symbol)) for symbol in symbols], dtype=np.int64),
        session=session,
        **{name: _numbers(bars, name) for name in (*_PRICES, "volume")},
        vwap=_mean_prices(bars),
        has_ohlc=True,
        has_volume=True,
        bad_volume=np.array([value is not None and math.isnan(_number(value)) for value in volumes], dtype=bool),
        other_basis=np.array([bool(bar.get("adjusted")) for bar in bars], dtype=bool),
        wrong_currency=np.array(
            [(bar.get("currency") or case["currency"]) != case["currency"] for bar in bars], dtype=bool
        ),
        wrong_symbol=np.array([symbol != case["symbol"] for symbol in symbols], dtype=bool),
        unfinished=unfinished,
        no_session=no_session,
        before_listing=dated & (session < _listed(case)),
        move_limit=np.full(count, 0.45 if crypto else 0.25),
        range_limit=np.full(count, 0.60 if crypto else 0.40),
        tick_share=np.full(count, 1e-4),
        whole_volume=np.full(count, not crypto),
        volume_tells=np.ones(count, dtype=bool),
        move_needs_volume=np.full(count, not crypto),
    )


def _history(case: Case) -> History:
    stored = [bar for bar in _list(case, "history") if isinstance(bar, dict)]
    bars = [bar for bar in stored if not np.isnat(_day(bar.get("date"))) and 0 < _number(bar.get("close")) < math.inf]
    bars.sort(key=lambda bar: _day(bar["date"]))
    return History(
        series=np.zeros(len(bars), dtype=np.int64),
        session=np.array([_day(bar["date"]) for bar in bars], dtype="datetime64[D]"),
        **{name: _numbers(bars, name) for name in (*_PRICES, "volume")},
    )


def _moves(case: Case, history: History) -> ExpectedMoves:
    days, ratios = [], []
    for action in _list(case, "actions"):
        day = np.datetime64(date.fromisoformat(action["ex_date"]), "D")
        before = history.close[history.session < day]
        if action.get("ratio"):
            new_for_old = float(action["ratio"])
            # A consolidation may be told as 10 old for 1 new as well as 0.1 new for 1 old.
            inverse = "reverse" in str(action.get("kind")) and new_for_old > 1
            ratio = new_for_old if inverse else 1 / new_for_old
        elif action.get("amount") and len(before):
            ratio = 1 - float(action["amount"]) / before[-1]
        else:
            continue
        if not 0 < ratio < math.inf:
            raise ValueError(f"an action of {action}: expected a ratio above 0, or an amount below the close before")
        days.append(day)
        ratios.append(ratio)
    return ExpectedMoves(
        series=np.zeros(len(days), dtype=np.int64),
        session=np.array(days, dtype="datetime64[D]"),
        ratio=np.array(ratios, dtype=np.float64),
    )


def _list(case: Case, name: str) -> list[Any]:
    values = case["incoming"] if name == "incoming" else case.get(name) or []
    if not isinstance(values, list):
        raise TypeError(f"{name} is no list")
    return values


def _listed(case: Case) -> np.datetime64:
    return np.datetime64(date.fromisoformat(case.get("listed") or "0001-01-01"), "D")


def _numbers(bars: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    return np.array([_number(bar.get(name)) for bar in bars], dtype=np.float64)


def _mean_prices(bars: Sequence[Mapping[str, Any]]) -> NDArray[np.float64] | None:
    """Return the vwap column: NaN where none is given, infinite where something is that is no number."""
    if all(bar.get("vwap") is None for bar in bars):
        return None
    values = _numbers(bars, "vwap")
    given = np.array([bar.get("vwap") is not None for bar in bars], dtype=bool)
    return np.where(given & np.isnan(values), np.inf, values)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _day(text: object) -> np.datetime64:
    try:
        return np.datetime64(date.fromisoformat(str(text)), "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _moment(text: str) -> np.datetime64:
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
