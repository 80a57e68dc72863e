"""Find the symbols on which a condition holds now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.domain.facts import Column, Frozen, Table, ToolResult
from tools._prices import BASIS_REMARKS, as_number, find_instruments
from tools.context import ToolContext
from tools.registry import tool

if TYPE_CHECKING:
    from core.conditions.condition import Condition
    from core.domain.market_records import Instrument

MOST_ROWS = 200
STALE_DAYS = 7


class ScanConditionsArguments(Frozen):
    """Ask where a timing condition holds."""

    condition: str = Field(
        min_length=1,
        max_length=500,
        description='Such as: rsi(14) < 30 and close > sma(200) and not within(2d, "FOMC").',
    )
    symbols: tuple[str, ...] = Field(
        default=(), max_length=500, description="Symbols to look at; none means every instrument of the group."
    )
    group: str | None = Field(default=None, description="Group of instruments; none means the whole universe.")


@tool(effect="compute", data="public")
def scan_conditions(context: ToolContext, arguments: ScanConditionsArguments) -> ToolResult:
    """Evaluate a timing condition on the newest session of each symbol, with what is known now.

    The language is that of strategies: fields (close, open, high, low, volume), indicators (rsi(14), adx(14)),
    sma, zscore, change, lag, highest, lowest, rank, crosses_above, within(2d, "FOMC"), and, or, not. Says since when
    the condition has held and how often it did in the year before.
    """
    from core.conditions.condition import read_condition

    condition = read_condition(arguments.condition)
    if "spread" in condition.needs:
        from core.errors import InvalidInput

        raise InvalidInput("`spread` needs the legs of a strategy; a scan looks at one symbol at a time.")
    chosen = (
        find_instruments(context, arguments.symbols)
        if arguments.symbols
        else tuple(context.desk.instruments.list(group=arguments.group, on=context.as_of.known.date()))
    )
    events = _events(context, condition, chosen)
    looked, missing, rows, bases, sql = 0, [], [], set(), ""
    newest = context.desk.bars.last_session([part.instrument_id for part in chosen], as_of=context.as_of)
    for position, instrument in enumerate(chosen):
        found = _look(context, condition, instrument, events, position)
        if found is None or newest is None:
            missing.append(instrument.symbol)
            continue
        row, basis, sql = found
        bases.add(basis)
        if (newest - row["day"]).days > STALE_DAYS:
            missing.append(instrument.symbol)
            continue
        looked += 1
        if row["holds"]:
            rows.append((instrument.symbol, row["close"], str(row["day"]), str(row["since"]), row["share"]))
    context.fact("symbols looked at", looked, "count")
    context.fact("symbols on which it holds", len(rows), "count")
    context.fact("symbols without the data for it", len(missing), "count")
    columns = (
        Column(name="symbol", unit="text"),
        Column(name="close", unit="number"),
        Column(name="session", unit="date"),
        Column(name="held since", unit="date"),
        Column(name="share of the year it held", unit="ratio"),
    )
    shown = sorted(rows)[:MOST_ROWS]
    table = Table(
        name="matches",
        title=f"Where {arguments.condition}",
        columns=columns,
        rows=tuple(shown),
        truncated=len(rows) > MOST_ROWS,
    )
    notes = [f"Computed on {' and '.join(BASIS_REMARKS[basis] for basis in sorted(bases))}."] if bases else []
    notes.append("Evaluated at the close of each symbol's newest session, from that session and earlier ones only.")
    if missing:
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        notes.append(
            f"Left out for want of data (too short, too old, or closes only): {', '.join(missing[:10])}{more}."
        )
    return context.result(
        tables=[table], sql=[sql] if sql else [], notes=notes, details={"needs": sorted(condition.needs)}
    )


def _events(context: ToolContext, condition: Condition, chosen: tuple[Instrument, ...]) -> Any:
    from core.domain.event_calendar import EventCalendar
    from core.errors import NoData

    if not condition.events:
        return EventCalendar.none()
    found = context.desk.events.calendar(
        sorted(condition.events), [part.instrument_id for part in chosen], as_of=context.as_of
    )
    missing = sorted(condition.events - set(found.names))
    if missing:
        raise NoData(f"The desk stores no events {', '.join(missing)}.")
    return found


def _look(
    context: ToolContext, condition: Condition, instrument: Instrument, events: Any, position: int
) -> tuple[dict[str, Any], str, str] | None:
    """Return what the condition says about one symbol, its price basis and the SQL; None for want of data."""
    import numpy as np

    from core.conditions.functions import View
    from core.errors import NoData

    needs = condition.needs
    sessions = condition.warmup_sessions + 260
    try:
        panel = context.desk.bars.panel(
            [instrument.instrument_id],
            purpose="price",
            as_of=context.as_of,
            start=context.as_of.known.date() - timedelta(days=round(sessions * 1.6) + 14),
            needs="volume" if "volume" in needs else "ohlc" if needs & {"high", "low", "open"} else "close",
        )
    except NoData:
        return None
    fields = {
        name: np.asarray(part[:, 0], dtype=np.float64)
        for name in ("close", "open", "high", "low", "volume")
        if (part := getattr(panel, name)) is not None
    }
    traded = np.isfinite(fields["close"])
    if not needs <= fields.keys() or traded.sum() <= condition.warmup_sessions:
        return None
    fields = {name: values[traded] for name, values in fields.items()}
    days = panel.sessions[traded]
    held = condition.evaluate(View(fields, days, events, position))
    not_held = np.flatnonzero(~held)
    since = days[not_held[-1] + 1] if len(not_held) and not_held[-1] + 1 < len(days) else days[0]
    row = {
        "holds": bool(held[-1]),
        "close": as_number(fields["close"][-1]),
        "day": days[-1].item(),
        "since": since,
        "share": float(held[-252:].mean()),
    }
    return row, panel.series[0].price_basis, panel.sql
