"""Estimate from the text how large values and row sets can become, so that bombs are refused before they run."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from typing import Any

from core.query.allowed import COLLECTORS

MAX_VALUE_BYTES = 5_000_000
MAX_REPEAT = 1_000
MAX_SERIES_ROWS = 100_000
MAX_PRODUCT_ROWS = 1e8
TABLE_ROWS = 1e5
FILTERED_ROWS = 1e2
WIDE_BYTES = 1_000
NARROW_BYTES = 32
COLLECTED_BYTES = 100_000
# Quotes and backslashes double each time a value is written inside JSON, a row or an array.
ESCAPING = 2.0
JSON_WRITERS = frozenset(
    (
        *("to_json", "to_jsonb", "row_to_json", "array_to_json", "json_object", "jsonb_object"),
        *("json_build_object", "jsonb_build_object", "json_build_array", "jsonb_build_array"),
    )
)

# Today is not known to the text check; ranges up to today are judged against a late date.
_LATE = datetime(2100, 1, 1)  # noqa: DTZ001 - naive on purpose: only differences are used
_INTERVAL_UNITS = {
    "microsecond": 1e-6,
    "millisecond": 1e-3,
    "second": 1,
    "sec": 1,
    "minute": 60,
    "min": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "mon": 30 * 86400,
    "month": 30 * 86400,
    "quarter": 91 * 86400,
    "year": 365 * 86400,
    "decade": 3650 * 86400,
}
_PAIR = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*([a-z]+)")
_CLOCK = re.compile(r"^([+-]?\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?$")


def constant(node: Any) -> float | datetime | timedelta | str | None:
    """Return the value of a constant expression (number, text, date, interval and their sums), else None."""
    which = node.WhichOneof("node")
    inner: Any = getattr(node, which) if which else None
    if which == "a_const":
        return _literal(inner)
    if which == "type_cast":
        return _cast(constant(inner.arg), inner.type_name.names[-1].string.sval)
    if which == "sqlvalue_function" or (which == "func_call" and inner.funcname[-1].string.sval == "now"):
        return _LATE
    if which == "a_expr" and len(inner.name) == 1:
        left = constant(inner.lexpr) if inner.HasField("lexpr") else 0.0
        return _combine(inner.name[0].string.sval, left, constant(inner.rexpr))
    return None


def _literal(inner: Any) -> float | str | None:
    which = inner.WhichOneof("val")
    if which == "ival":
        return float(inner.ival.ival)
    if which == "fval":
        return float(inner.fval.fval)
    return str(inner.sval.sval) if which == "sval" else None


def _cast(value: float | datetime | timedelta | str | None, kind: str) -> float | datetime | timedelta | str | None:
    if kind == "interval" and isinstance(value, str):
        return interval(value)
    if kind in ("date", "timestamp", "timestamptz") and isinstance(value, str):
        return moment(value)
    if kind.startswith(("int", "float", "numeric")) and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value


def _combine(
    operator: str,
    left: float | datetime | timedelta | str | None,
    right: float | datetime | timedelta | str | None,
) -> float | datetime | None:
    try:
        if isinstance(left, float) and isinstance(right, float):
            if operator == "^":
                return math.pow(left, right)
            return {"+": left + right, "-": left - right, "*": left * right}.get(operator)
        if isinstance(left, datetime):
            step = timedelta(days=right) if isinstance(right, float) else right
            if isinstance(step, str):
                step = interval(step)
            if isinstance(step, timedelta):
                return {"+": left + step, "-": left - step}.get(operator)
    except (OverflowError, ValueError):
        return math.inf
    return None


def interval(text: str) -> timedelta | None:
    """Return the length of an interval such as '1 week' or '01:30:00'; months count 30 days, years 365."""
    clock = _CLOCK.match(text.strip())
    if clock:
        hours, minutes, seconds = int(clock[1]), int(clock[2]), float(clock[3] or 0)
        return timedelta(seconds=abs(hours) * 3600 + minutes * 60 + seconds)
    total, rest = 0.0, text.strip().lower()
    pairs = _PAIR.findall(rest)
    if not pairs or _PAIR.sub("", rest).strip():
        return None
    for number, unit in pairs:
        factor = _INTERVAL_UNITS.get(unit) or _INTERVAL_UNITS.get(unit.removesuffix("s"))
        if factor is None:
            return None
        total += float(number) * factor
    try:
        return timedelta(seconds=total)
    except OverflowError:
        return None


def moment(text: str) -> datetime | None:
    """Return an ISO date or time without its zone, else None."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        pass
    try:
        return datetime.combine(date.fromisoformat(text.strip()), datetime.min.time())
    except ValueError:
        return None


def series_rows(arguments: list[Any]) -> float | None:
    """Return how many rows generate_series makes of constant arguments; None when they are not constant."""
    if len(arguments) < 2:
        return None
    start, end = _bound(constant(arguments[0])), _bound(constant(arguments[1]))
    step: Any = constant(arguments[2]) if len(arguments) > 2 else 1.0
    if isinstance(step, str):
        step = interval(step)
    if isinstance(start, float) and isinstance(end, float) and isinstance(step, float):
        return abs(end - start) / abs(step) + 1 if step else math.inf
    if isinstance(start, datetime) and isinstance(end, datetime) and isinstance(step, timedelta):
        seconds = abs(step.total_seconds())
        return abs((end - start).total_seconds()) / seconds + 1 if seconds else math.inf
    return None


def _bound(value: float | datetime | timedelta | str | None) -> float | datetime | None:
    if isinstance(value, str):
        return moment(value)
    return None if isinstance(value, timedelta) else value


def function_bytes(name: str, arguments: list[Any], sizes: list[float]) -> float:
    """Return an upper estimate of the length of a function's value, given the estimates of its arguments.

    Raises ValueError with a sentence when a width or count is not a constant under the cap.
    """
    if name in COLLECTORS:
        return COLLECTED_BYTES * max(1.0, sum(sizes) / WIDE_BYTES)
    if name in ("repeat", "lpad", "rpad") and len(arguments) > 1:
        count = constant(arguments[1])
        if not isinstance(count, float) or count > MAX_REPEAT:
            raise ValueError(f"{name} needs a constant count of at most {MAX_REPEAT}")
        return sizes[0] * max(count, 1) if name == "repeat" else max(count, 1) * 4
    if name in JSON_WRITERS:
        return sum(sizes) * ESCAPING
    if name in ("concat", "concat_ws", "overlay"):
        separators = sizes[0] * len(sizes) if name == "concat_ws" else 0.0
        return sum(sizes) + separators
    if name == "jsonb_pretty":
        # Each level of nesting indents every line below it.
        return sizes[0] ** 2 / 4
    if name == "format":
        return sum(sizes) + _format_bytes(arguments)
    if name in ("replace", "regexp_replace") and len(arguments) > 2:
        pattern = constant(arguments[1])
        least = len(pattern) if name == "replace" and isinstance(pattern, str) and pattern else 1
        return sizes[0] * max(1.0, _text_bytes(arguments[2], sizes[2]) / least)
    if name == "array_to_string" and len(arguments) > 1:
        between = sum(_text_bytes(node, size) for node, size in zip(arguments[1:], sizes[1:], strict=True))
        return sizes[0] * (1.0 + between)
    return max([NARROW_BYTES, *sizes])


def _text_bytes(node: Any, size: float) -> float:
    value = constant(node)
    return float(len(value)) if isinstance(value, str) else size


def _format_bytes(arguments: list[Any]) -> float:
    pattern = constant(arguments[0]) if arguments else None
    if not isinstance(pattern, str):
        raise ValueError("format needs a constant pattern")
    widths = [int(width) for width in re.findall(r"%(?:\d+\$)?-?(\d+)", pattern)]
    if "*" in pattern or any(width > MAX_REPEAT for width in widths):
        raise ValueError(f"widths in format must be constants of at most {MAX_REPEAT}")
    return float(sum(widths))
