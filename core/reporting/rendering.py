"""Render facts and cells: the only place where a stored value becomes the digits a person reads."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from core.domain.facts import Cell, Column, Fact, Table, Unit

MISSING = "n/a"
NUMERIC_UNITS: frozenset[Unit] = frozenset({"ratio", "percent", "bps", "money", "shares", "days", "count", "number"})
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_MOST_DECIMALS = 12
# Quotients that the field reads as plain numbers, whatever unit their author chose.
_PURE_NUMBERS = re.compile(
    r"sharpe|sortino|calmar|omega|information ratio|treynor|beta\b|correlation|profit factor|skew|kurtosis|t[- ]stat",
    re.IGNORECASE,
)
_FEES = re.compile(r"\bfees?\b", re.IGNORECASE)
_ACRONYMS = re.compile(r"\b(?:sma|ema|rsi|etf|nav|vwap|cagr|fx)\b", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\|`*\[\]<>])")
Value = Cell | Decimal | date


def render_value(value: Value, unit: Unit, currency: str | None = None, digits: int | None = None) -> str:
    """Return a value as text.

    A ratio prints as percent (0.1234 is `12.34%`), percent as it is, money with its currency (`$1,234.56`; prices
    below one keep four significant digits), bps with one decimal, shares without trailing zeros, dates as ISO text.
    `digits` sets the decimals. Missing values and NaN print as `n/a`; never in scientific notation.
    """
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "date" or isinstance(value, date):
        return _date_text(value)
    if isinstance(value, str) or unit == "text":
        return str(value)
    if not math.isfinite(value):
        return MISSING if value != value else ("∞" if value > 0 else "-∞")
    return _number_text(value, unit, currency, digits)


def render_fact(fact: Fact) -> str:
    """Return the value of a fact as text."""
    return render_value(fact.value, _unit_of(fact.name, fact.unit), fact.currency, _digits_of(fact.name, fact.unit))


def render_cell(cell: Value, column: Column) -> str:
    """Return a cell of a table as text, by the unit of its column; the symbol of an index comes with its name."""
    if column.name == "symbol" and isinstance(cell, str) and cell.startswith("^"):
        return _index_text(cell)
    name = f"{column.name} {column.title}"
    return render_value(cell, _unit_of(name, column.unit), column.currency, _digits_of(name, column.unit))


def is_numeric(column: Column) -> bool:
    """Say whether a column holds numbers (aligned to the right)."""
    return column.unit in NUMERIC_UNITS


def title_of(column: Column) -> str:
    """Return the heading of a column."""
    return column.title or readable_name(column.name)


def readable_name(name: str) -> str:
    """Return the name of a strategy, metric or column as words, acronyms in capitals (`SMA crossover`)."""
    return _ACRONYMS.sub(lambda found: found[0].upper(), name.replace("_", " "))


def table_markdown(table: Table, max_rows: int = 20) -> str:
    """Return a table as Markdown with at most max_rows rows and a remark when rows are left out."""
    head = "| " + " | ".join(_escape(title_of(column)) for column in table.columns) + " |"
    rule = "| " + " | ".join("---:" if is_numeric(column) else ":---" for column in table.columns) + " |"
    body = [
        "| "
        + " | ".join(_escape(render_cell(cell, column)) for cell, column in zip(row, table.columns, strict=True))
        + " |"
        for row in table.rows[:max_rows]
    ]
    lines = [head, rule, *body]
    left_out = len(table.rows) - max_rows
    if left_out > 0:
        lines += ["", f"{left_out:,} more {'row' if left_out == 1 else 'rows'} not shown."]
    elif table.truncated:
        lines += ["", "The result was cut at the row limit."]
    return "\n".join(lines)


def _unit_of(name: str, unit: Unit) -> Unit:
    words = name.replace("_", " ")
    pure = _PURE_NUMBERS.search(words) and "probability" not in words
    return "number" if unit == "ratio" and pure else unit


def _digits_of(name: str, unit: Unit) -> int | None:
    """Keep a fee at the cents that the books take; only prices below one need more."""
    return 2 if unit == "money" and _FEES.search(name.replace("_", " ")) else None


@lru_cache(maxsize=64)
def _index_text(symbol: str) -> str:
    from core.data.universe import universe

    name = next((entry.name for entry in universe() if entry.symbol == symbol), "")
    return f"{name} ({symbol})" if name else symbol


def _number_text(value: float | Decimal, unit: Unit, currency: str | None, digits: int | None) -> str:
    match unit:
        case "ratio":
            return _fixed(value * 100, 2 if digits is None else digits) + "%"
        case "percent":
            return _fixed(value, 2 if digits is None else digits) + "%"
        case "bps":
            return _fixed(value, 1 if digits is None else digits) + " bps"
        case "money":
            return _money_text(value, currency, digits)
        case "days":
            text = _trimmed(value, 1 if digits is None else digits)
            return f"{text} {'day' if text in {'1', '-1'} else 'days'}"
        case "shares":
            return _trimmed(value, 8 if digits is None else digits)
        case "count":
            return _trimmed(value, 2 if digits is None else digits)
        case _:
            if isinstance(value, int) and digits is None:
                return f"{value:,}"
            return _fixed(value, _decimals(value, enough=2, below=0.1) if digits is None else digits)


def _money_text(value: float | Decimal, currency: str | None, digits: int | None) -> str:
    if digits is None:
        digits = _decimals(value, enough=2, below=1)
    text = _fixed(value, digits)
    sign = "-" if text.startswith("-") else ""
    text = text.removeprefix("-")
    if currency is None:
        return sign + text
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{text}" if symbol else f"{sign}{text} {currency}"


def _decimals(value: float | Decimal, *, enough: int, below: float) -> int:
    """Keep `enough` decimals, and four significant digits without trailing zeros for sizes below `below`."""
    size = abs(float(value))
    if size == 0 or size >= below:
        return enough
    decimals = min(_MOST_DECIMALS, 3 - math.floor(math.log10(size)))
    text = f"{size:.{decimals}f}".rstrip("0")
    return max(enough, len(text.partition(".")[2]))


def _fixed(value: float | Decimal, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return text if _has_digits(text) else text.removeprefix("-")


def _trimmed(value: float | Decimal, decimals: int) -> str:
    text = _fixed(value, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _has_digits(text: str) -> bool:
    return any(character in "123456789" for character in text)


def _date_text(value: Value) -> str:
    if isinstance(value, str):
        if len(value) <= 10:
            return value
        try:
            return _date_text(datetime.fromisoformat(value))
        except ValueError:
            return value
    if isinstance(value, datetime):
        zone = value.strftime("%Z") if value.tzinfo else ""
        return f"{value:%Y-%m-%d %H:%M} {zone}".strip()
    return value.isoformat() if isinstance(value, date) else str(value)


def _escape(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
