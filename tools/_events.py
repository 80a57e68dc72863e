"""Match stored events by kind, name, surprise, severity and sector, and place them among the sessions of prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from core.domain.facts import Frozen
from core.errors import InvalidInput, NoData, UnknownName
from tools._crisis import MARKETS
from tools._prices import Window, read_prices

if TYPE_CHECKING:
    from core.domain.kernel import Float64Array
    from core.domain.market_records import Instrument
    from core.domain.panel import Panel
    from core.query.semantic.statement import Statement
    from core.simulators.event_study import EventAt
    from tools.context import ToolContext

_NEW_YORK = ZoneInfo("America/New_York")
_CLOSE_HOUR = 16
_MOST_EVENTS = 5_000
_SEVERITIES = ("low", "medium", "high")


class EventMatch(Frozen):
    """Choose events of the past by what they were."""

    event: Literal["earnings", "economic", "geopolitical"] = Field(
        default="earnings",
        description="Kind of event: earnings of the symbols, economic releases, geopolitical events.",
    )
    name: str | None = Field(
        default=None,
        description="For releases: a topic or part of the name, such as CPI or FOMC; for geopolitical: text.",
    )
    surprise: Literal["any", "positive", "negative"] = Field(
        default="any", description="Only events whose actual value was above or below the forecast."
    )
    severity: Literal["low", "medium", "high"] = Field(
        default="medium", description="Least severity of geopolitical events."
    )
    country: str = Field(default="US", description="Country of economic releases.")
    group: str | None = Field(
        default=None, description="Also the earnings of this group of instruments, such as a sector, as matches."
    )
    since: date | None = Field(default=None, description="First date of the events.")
    benchmark: tuple[str, ...] | None = Field(
        default=None,
        max_length=8,
        description="Factors that explain usual returns: one symbol is the market model, several a factor model, none "
        "the mean; left out, the market (SPY or the S&P 500). Only for earnings: an event of the whole market is "
        "measured against the mean.",
    )
    before: int = Field(default=1, ge=0, le=20, description="Sessions before the event in the window.")
    after: int = Field(default=3, ge=0, le=60, description="Sessions after the event in the window.")


@dataclass(frozen=True, slots=True)
class Matched:
    """Hold one matched event: its date, whether it came after the close, whose it was (None: everybody's)."""

    day: date
    after_close: bool
    instrument_id: int | None
    surprise: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReturns:
    """Join returns (time, assets) of the instruments with factor returns and the events placed among them."""

    panel: Panel
    returns: Float64Array
    factors: Float64Array | None
    events: tuple[EventAt, ...]
    matched: tuple[Matched, ...]
    symbols: tuple[str, ...]
    benchmark: tuple[str, ...]
    sql: tuple[str, ...]


def event_returns(context: ToolContext, match: EventMatch, instruments: Sequence[Instrument]) -> EventReturns:
    """Read the matched events and the returns around them; raise NoData when nothing matches."""
    import numpy as np

    from core.simulators.event_study import EventAt

    own = match.event == "earnings"
    wide = list(instruments)
    if own and match.group:
        known = {part.instrument_id for part in wide}
        wide += [
            part
            for part in context.desk.instruments.list(group=match.group, on=context.as_of.known.date())
            if part.instrument_id not in known
        ]
    matched, sql = _read(context, match, [part.instrument_id for part in wide])
    if not matched:
        raise NoData(
            f"No stored {match.event} event matches{f' “{match.name}”' if match.name else ''}.",
            hint="Match more broadly: any surprise, a lower severity, an earlier first date.",
        )
    first = min(part.day for part in matched) - timedelta(days=420)
    # Of a group, only those whose prices reach into the window.
    for member in wide[len(instruments) :]:
        last = context.desk.bars.last_session([member.instrument_id], as_of=context.as_of)
        if last is None or last < first:
            wide.remove(member)
    prices = read_prices(context, [part.symbol for part in wide], Window(start=first), "return")
    panel = prices.panel
    returns = _log_returns(panel.close)
    factors = None
    named: tuple[str, ...] = ()
    if own and match.benchmark != ():
        other = _benchmark(context, match.benchmark, Window(start=first))
        named = other.symbols
        at = np.searchsorted(other.sessions, panel.sessions)
        close = np.full((len(panel.sessions), len(other.symbols)), np.nan)
        there = at < len(other.sessions)
        there[there] = other.sessions[at[there]] == panel.sessions[there]
        close[there] = other.close[at[there]]
        factors = _log_returns(close)
    column = {part.instrument_id: index for index, part in enumerate(panel.series)}
    placed: list[EventAt] = []
    origin: list[Matched] = []
    for part in matched:
        row = int(np.searchsorted(panel.sessions[1:], np.datetime64(part.day), "right" if part.after_close else "left"))
        columns = range(len(panel.symbols)) if part.instrument_id is None else (column.get(part.instrument_id),)
        for asset in columns:
            if asset is not None and row < len(returns):
                placed.append(EventAt(asset=asset, session=row, surprise=part.surprise))
                origin.append(part)
    return EventReturns(
        panel=panel,
        returns=returns,
        factors=factors,
        events=tuple(placed),
        matched=tuple(origin),
        symbols=panel.symbols,
        benchmark=named,
        sql=(sql, panel.sql),
    )


def _benchmark(context: ToolContext, names: Sequence[str] | None, window: Window) -> Panel:
    if names is not None:
        return read_prices(context, names, window, "return").panel
    for name in MARKETS:
        try:
            return read_prices(context, [name], window, "return").panel
        except (NoData, UnknownName):
            continue
    raise NoData("Neither SPY nor the S&P 500 has prices.", hint="Name a benchmark, or none for the mean.")


def _log_returns(close: Any) -> Float64Array:
    import numpy as np

    return np.asarray(np.diff(np.log(np.asarray(close, dtype=np.float64)), axis=0), dtype=np.float64)


def _read(context: ToolContext, match: EventMatch, ids: Sequence[int]) -> tuple[list[Matched], str]:
    statement = {"earnings": _earnings, "economic": _economic, "geopolitical": _geopolitical}[match.event](match, ids)
    if match.since:
        statement.where("event_date >= ?", match.since)
    statement.where("event_date <= ?", context.as_of.known.date()).order("event_date").limit(_MOST_EVENTS + 1)
    result = statement.run(context.desk.query, context.as_of, label="public", max_rows=_MOST_EVENTS + 1)
    if len(result.rows) > _MOST_EVENTS:
        raise InvalidInput(f"More than {_MOST_EVENTS:,} events match.", hint="Name the event or give a first date.")
    rows: list[dict[str, Any]] = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    found: dict[tuple[Any, ...], Matched] = {}
    scale = _scales(rows)
    for row in rows:
        surprise = _surprise(row, scale)
        if match.surprise != "any" and not (surprise > 0.0 if match.surprise == "positive" else surprise < 0.0):
            continue
        event = Matched(
            day=_day(row["event_date"]),
            after_close=_after_close(row.get("event_at")),
            instrument_id=None if row.get("instrument_id") is None else int(row["instrument_id"]),
            surprise=surprise,
            name=str(row["name"]),
        )
        key = (event.day, event.instrument_id) if match.event == "earnings" else (event.day,)
        # One event a day: sources overlap, and a day's releases cannot be told apart in its return.
        if key not in found or (found[key].surprise != found[key].surprise and surprise == surprise):
            found[key] = event
    return sorted(found.values(), key=lambda part: part.day), result.sql


def _earnings(match: EventMatch, ids: Sequence[int]) -> Statement:
    from core.query.semantic.statement import Statement

    columns = ("instrument_id", "event_date", "event_at", "eps_actual", "eps_estimate", "event AS name")
    return Statement("events.v_security", *columns).where("event = 'earnings'").where(
        "instrument_id = ANY(?)", list(ids)
    )  # fmt: skip


def _economic(match: EventMatch, ids: Sequence[int]) -> Statement:
    from core.query.catalog import find_topic
    from core.query.semantic.statement import Statement

    statement = Statement("events.v_economic", "event_date", "event_at", "name", "actual", "forecast")
    if match.name:
        topic = find_topic(match.name)
        patterns = topic.patterns if topic else (match.name,)
        statement.where("name ILIKE ANY(?)", [f"%{_escaped(pattern)}%" for pattern in patterns])
    else:
        statement.where("importance = 'high'")
    country = match.country.upper()
    return statement.where("country = ANY(?)", [country, {"US": "USD", "USD": "US"}.get(country, country)])


def _geopolitical(match: EventMatch, ids: Sequence[int]) -> Statement:
    from core.query.semantic.statement import Statement

    statement = Statement("events.v_geopolitical", "event_date", "event_at", "name")
    statement.where("severity = ANY(?)", list(_SEVERITIES[_SEVERITIES.index(match.severity) :]))
    if match.name:
        words = f"%{_escaped(match.name)}%"
        statement.where("(name ILIKE ? OR description ILIKE ?)", words, words)
    return statement


def _escaped(pattern: str) -> str:
    return pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _scales(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the root mean square of actual less forecast by release, so that surprises have one size."""
    gaps: dict[str, list[float]] = {}
    for row in rows:
        if row.get("actual") is not None and row.get("forecast") is not None:
            gaps.setdefault(str(row["name"]), []).append(float(row["actual"]) - float(row["forecast"]))
    return {name: (sum(gap * gap for gap in part) / len(part)) ** 0.5 for name, part in gaps.items()}


def _surprise(row: dict[str, Any], scale: dict[str, float]) -> float:
    if row.get("actual") is not None and row.get("forecast") is not None:
        size = scale[str(row["name"])]
        return (float(row["actual"]) - float(row["forecast"])) / size if size > 0.0 else 0.0
    if row.get("eps_actual") is not None and row.get("eps_estimate") is not None:
        return (float(row["eps_actual"]) - float(row["eps_estimate"])) / max(abs(float(row["eps_estimate"])), 0.05)
    return float("nan")


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _after_close(value: Any) -> bool:
    if value is None:
        return False
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(_NEW_YORK).hour >= _CLOSE_HOUR
