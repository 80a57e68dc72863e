"""Estimate from the text how large values and row sets can become, so that bombs are refused before they run."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from typing import Any

from core.query.allowed import COLLECTORS, JSON_PATHS
from core.query.relations import Relations

MAX_VALUE_BYTES = 5_000_000
MAX_REPEAT = 1_000
MAX_REPEATED_BYTES = 10_000
MAX_EXPONENT = 1_000
MAX_SERIES_ROWS = 100_000
MAX_PRODUCT_ROWS = 1e8
TABLE_ROWS = 1e5
FILTERED_ROWS = 1e2
# What DISTINCT and GROUP BY leave: names or sessions, not every row.
GROUPED_ROWS = 1e4
WIDE_BYTES = 1_000
NARROW_BYTES = 32
COLLECTED_BYTES = 100_000
# What one row may add to a collection: rows as they are stored are as long as they are; texts that the statement
# lengthens itself are not, and a table has many rows.
MAX_COLLECTED_ROW = 50_000
MAX_COLLECTED_BUILT_ROW = 5_000
SHORT_PADDING = 200
# Quotes and backslashes double each time a value is written inside JSON, a row or an array.
ESCAPING = 2.0
JSON_WRITERS = frozenset(
    (
        *("to_json", "to_jsonb", "row_to_json", "array_to_json", "json_object", "jsonb_object"),
        *("json_build_object", "jsonb_build_object", "json_build_array", "jsonb_build_array"),
    )
)
PADDING = frozenset(("repeat", "lpad", "rpad"))
_DOUBLING = JSON_WRITERS | frozenset(
    ("quote_ident", "quote_literal", "quote_nullable", "encode", "string_to_array", "regexp_split_to_array")
)
_JOINING = frozenset(
    ("concat", "concat_ws", "overlay", "array_append", "array_prepend", "array_cat", "jsonb_set", "jsonb_insert")
)
# Each parenthesis of the pattern is a part of the result of its own, and parentheses contain each other.
_CAPTURING = frozenset(("regexp_match", "regexp_matches"))
# Normal forms write some signs as eighteen; a lexeme is followed by its places.
_EXPANSION = {"normalize": 18.0, "to_tsvector": 8.0}
GROWING_FUNCTIONS = (
    _DOUBLING
    | _JOINING
    | _CAPTURING
    | PADDING
    | frozenset(("array_replace", "array_to_string", "format", "jsonb_pretty", "regexp_replace", "replace"))
    | frozenset(_EXPANSION)
)

# Today is not known to the text check; ranges up to today are judged against a late date.
_LATE = datetime(2100, 1, 1)  # noqa: DTZ001 - naive on purpose: only differences are used
# The last one is the desk's clock, which takes the place of the others before a series is judged.
_NOW = frozenset(("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "as_of"))
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
    "century": 36_500 * 86400,
    "millennium": 365_000 * 86400,
}
# Stored dates lie within this span.
_STORED_SECONDS = 200 * 365 * 86400
_PAIR = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*([a-z]+)")
# Digits that no price or count has; as numeric they are stored one by one.
_HUGE_NUMBER = re.compile(r"\s*[+-]?[\d._]+e[+-]?[\d_]{4,}\s*", re.IGNORECASE)
# Parts of a jsonpath that can return a part more than once, so that a short path makes a long result.
_MULTIPLYING_PATH = re.compile(r"\*\*|,|keyvalue")
_CLOCK = re.compile(r"^([+-]?\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?$")


def constant(node: Any) -> float | datetime | timedelta | str | None:
    """Return the value of a constant expression (number, text, date, interval and their sums), else None."""
    which = node.WhichOneof("node")
    inner: Any = getattr(node, which) if which else None
    if which == "a_const":
        return _literal(inner)
    if which == "type_cast":
        return _cast(constant(inner.arg), inner.type_name.names[-1].string.sval)
    if which == "sqlvalue_function" or (which == "func_call" and inner.funcname[-1].string.sval in _NOW):
        return _LATE
    if which == "func_call" and inner.funcname[-1].string.sval == "date_trunc" and len(inner.args) > 1:
        return _bound(inner.args[1])
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
            if operator == "/" and right:
                return left / right
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


def series_rows(arguments: list[Any], relations: Relations) -> float | None:
    """Return how many rows generate_series makes at most; None when that is not known from the text.

    Bounds are constants, or dates as a relation stores them with a constant step.
    """
    if len(arguments) < 2:
        return None
    bounds = [_bound(node) for node in arguments[:2]]
    start, end = bounds
    step: Any = constant(arguments[2]) if len(arguments) > 2 else 1.0
    if isinstance(step, str):
        step = interval(step)
    stored = [_is_stored(node, relations) for node in arguments[:2]]
    if isinstance(step, timedelta) and step and any(stored):
        known = all(is_stored or isinstance(end, datetime) for is_stored, end in zip(stored, bounds, strict=True))
        return _STORED_SECONDS / abs(step.total_seconds()) + 1 if known else None
    if isinstance(start, float) and isinstance(end, float) and isinstance(step, float):
        return abs(end - start) / abs(step) + 1 if step else math.inf
    if isinstance(start, datetime) and isinstance(end, datetime) and isinstance(step, timedelta):
        seconds = abs(step.total_seconds())
        slack = sum(map(_truncated_seconds, arguments[:2]))
        return (abs((end - start).total_seconds()) + slack) / seconds + 1 if seconds else math.inf
    return None


def _bound(node: Any) -> float | datetime | None:
    value = constant(node)
    if isinstance(value, str):
        return moment(value)
    return None if isinstance(value, timedelta) else value


def _truncated_seconds(node: Any) -> float:
    """Return how far the calls of date_trunc in an expression can move it."""
    which = node.WhichOneof("node")
    inner: Any = getattr(node, which) if which else None
    if which == "type_cast":
        return _truncated_seconds(inner.arg)
    if which == "a_expr":
        return sum(_truncated_seconds(side) for side in (inner.lexpr, inner.rexpr))
    if which == "func_call" and len(inner.args) > 1:
        unit = constant(inner.args[0])
        known = _INTERVAL_UNITS.get(unit.lower().removesuffix("s")) if isinstance(unit, str) else None
        return (math.inf if known is None else known) + _truncated_seconds(inner.args[1])
    return 0.0


def _is_stored(node: Any, relations: Relations) -> bool:
    """Say whether a bound is a value of a relation as it is stored: (SELECT max(day) FROM schema.relation ...)."""
    if node.WhichOneof("node") == "type_cast":
        return _is_stored(node.type_cast.arg, relations)
    query = node.sub_link.subselect.select_stmt
    if len(query.from_clause) != 1 or len(query.target_list) != 1:
        return False
    table = query.from_clause[0].range_var
    relation = relations.get(f"{table.schemaname}.{table.relname}")
    value = query.target_list[0].res_target.val
    if len(value.func_call.args) == 1 and value.func_call.funcname[-1].string.sval in ("min", "max"):
        value = value.func_call.args[0]
    names = [part.string.sval for part in value.column_ref.fields]
    return relation is not None and len(names) == 1 and names[0] in relation.columns


def function_bytes(name: str, arguments: list[Any], sizes: list[float]) -> float:
    """Return an upper estimate of the length of a function's value, given the estimates of its arguments.

    Raises ValueError with a sentence when a width or count is not a constant under the cap.
    """
    if name in COLLECTORS:
        return collected_bytes(sum(sizes))
    if name in PADDING and len(arguments) > 1:
        return _padded_bytes(name, arguments, sizes)
    if name in _DOUBLING:
        return sum(sizes) * ESCAPING
    if name in _EXPANSION:
        return sizes[0] * _EXPANSION[name]
    if name in _JOINING:
        separators = sizes[0] * len(sizes) if name == "concat_ws" else 0.0
        return sum(sizes) + separators
    if name == "jsonb_pretty":
        # Each level of nesting indents every line below it.
        return sizes[0] ** 2 / 4
    if name == "format":
        return _format_bytes(arguments, sizes)
    if name in _CAPTURING and len(sizes) > 1:
        pattern = constant(arguments[1])
        captures = pattern.count("(") if isinstance(pattern, str) else sizes[1] / 2
        return sizes[0] * max(1.0, captures) * ESCAPING
    if name in ("replace", "regexp_replace") and len(arguments) > 2:
        pattern = constant(arguments[1])
        least = len(pattern) if name == "replace" and isinstance(pattern, str) and pattern else 1
        return sizes[0] * max(1.0, _text_bytes(arguments[2], sizes[2]) / least)
    if name == "array_replace" and len(sizes) > 2:
        return sizes[0] * max(1.0, sizes[2])
    if name == "array_to_string" and len(arguments) > 1:
        between = sum(_text_bytes(node, size) for node, size in zip(arguments[1:], sizes[1:], strict=True))
        return sizes[0] * (1.0 + between)
    return max([NARROW_BYTES, *sizes])


def check_arguments(name: str, arguments: list[Any]) -> None:
    """Raise ValueError when a number of digits or a jsonpath among the arguments of a function is not allowed."""
    if name in ("power", "pow", "exp") and arguments:
        check_exponent(arguments[-1])
    elif name in ("round", "trunc") and len(arguments) > 1:
        check_exponent(arguments[1])
    elif name in JSON_PATHS and len(arguments) > 1:
        check_json_path(arguments[1])


def collected_bytes(row: float) -> float:
    """Return an estimate of the length of a collection of rows of this length."""
    return COLLECTED_BYTES * max(1.0, row / WIDE_BYTES)


def check_exponent(node: Any) -> None:
    """Raise ValueError when an exponent can be so large that numeric would write out tens of thousands of digits."""
    value = constant(node)
    if isinstance(value, float) and abs(value) > MAX_EXPONENT:
        raise ValueError(f"exponents and numbers of digits may be at most {MAX_EXPONENT:,}")


def is_huge_number(text: str) -> bool:
    """Say whether a text is a number with an exponent of four digits or more."""
    return _HUGE_NUMBER.fullmatch(text) is not None


def check_json_path(node: Any) -> None:
    """Raise ValueError unless a jsonpath is a constant that returns each part of the value at most once."""
    path = constant(node)
    if not isinstance(path, str) or _MULTIPLYING_PATH.search(path):
        raise ValueError("a jsonpath must be a constant without **, comma and keyvalue()")


def _padded_bytes(name: str, arguments: list[Any], sizes: list[float]) -> float:
    count = constant(arguments[1])
    if not isinstance(count, float) or count > MAX_REPEAT:
        raise ValueError(f"{name} needs a constant count of at most {MAX_REPEAT}")
    found = sizes[0] * max(count, 1) if name == "repeat" else max(count, 1) * 4
    if found > MAX_REPEATED_BYTES:
        raise ValueError(f"{name} may make texts of at most {MAX_REPEATED_BYTES:,} bytes")
    return found


def _text_bytes(node: Any, size: float) -> float:
    value = constant(node)
    return float(len(value)) if isinstance(value, str) else size


def _format_bytes(arguments: list[Any], sizes: list[float]) -> float:
    pattern = constant(arguments[0]) if arguments else None
    if not isinstance(pattern, str):
        raise ValueError("format needs a constant pattern")
    # The arguments of %I and %L are quoted, and any argument can stand in several places.
    places = len(re.findall(r"%[^%]", pattern))
    widths = [int(width) for width in re.findall(r"%(?:\d+\$)?-?(\d+)", pattern)]
    if "*" in pattern or any(width > MAX_REPEAT for width in widths):
        raise ValueError(f"widths in format must be constants of at most {MAX_REPEAT}")
    return sizes[0] + places * max(sizes[1:], default=0.0) * ESCAPING + sum(widths)
