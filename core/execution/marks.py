"""Read the prices that books, limits and the paper venue go by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.domain.as_of import AsOf
from core.domain.market_path import FloatArray, PriceBasis
from core.domain.market_records import Calendar, Instrument
from core.domain.panel import Panel
from core.errors import NoData
from core.ports.market_data import Bars, Instruments, Needs, Purpose

RECENT_DAYS = 30
TOTAL_RETURN_REMARK = "total-return-adjusted prices: the source has no traded price levels"
_NEW_YORK = ZoneInfo("America/New_York")
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPrice:
    """Hold one session's prices as Decimal; open, high and low are None where the source has closes only.

    `volume` is in shares or coins, None where it is not known.
    """

    session: date
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal
    price_basis: PriceBasis
    source: str
    volume: Decimal | None = None

    @property
    def remark(self) -> str:
        """Say on which basis the price stands when it is not a traded level; empty otherwise."""
        return TOTAL_RETURN_REMARK if self.price_basis == "total_return" else ""


class Marks:
    """Give prices of instruments: traded levels where they are stored, else adjusted closes with a remark."""

    def __init__(self, bars: Bars, instruments: Instruments) -> None:
        self._bars = bars
        self._instruments = instruments

    def last(self, instrument_ids: Iterable[int], as_of: AsOf) -> dict[int, SessionPrice]:
        """Return the newest price of each instrument known then; an instrument without any is left out."""
        wanted = list(dict.fromkeys(instrument_ids))
        start = as_of.known.date() - timedelta(days=RECENT_DAYS)
        found = {key: prices[-1] for key, prices in self.history(wanted, as_of, start=start).items()}
        for key in wanted:
            if key not in found and (older := self.history([key], as_of)):
                found[key] = older[key][-1]
        return found

    def history(
        self, instrument_ids: Iterable[int], as_of: AsOf, *, start: date | None = None
    ) -> dict[int, list[SessionPrice]]:
        """Return the prices of each instrument known then, ascending; an instrument without any is left out."""
        return self._read(list(dict.fromkeys(instrument_ids)), as_of, start)

    def closes(self, instrument_ids: Sequence[int], as_of: AsOf, *, start: date) -> dict[int, FloatArray]:
        """Return total-return closes (sessions of all,) by instrument, NaN where one has no bar; others left out."""
        return self._columns(instrument_ids, as_of, start, lambda panel: panel.close, "return", "close")

    def volumes(self, instrument_ids: Sequence[int], as_of: AsOf, *, start: date) -> dict[int, FloatArray]:
        """Return shares traded (sessions of all,) by instrument; an instrument without volumes is left out."""
        found: dict[int, FloatArray] = {}
        for key in instrument_ids:
            # A panel has volumes only where every column has them.
            found |= self._columns([key], as_of, start, lambda panel: panel.volume, "price", "volume")
        return found

    def _columns(
        self,
        wanted: Sequence[int],
        as_of: AsOf,
        start: date,
        column: Callable[[Panel], FloatArray | None],
        purpose: Purpose,
        needs: Needs,
    ) -> dict[int, FloatArray]:
        there = list(wanted)
        while there:
            try:
                panel = self._bars.panel(there, purpose=purpose, as_of=as_of, start=start, needs=needs)
            except NoData:
                there = [key for key in there if self._has_any([key], as_of, start, purpose, needs)]
                continue
            values = column(panel)
            if values is None:
                return {}
            return {series.instrument_id: values[:, place] for place, series in enumerate(panel.series)}
        return {}

    def _has_any(self, wanted: Sequence[int], as_of: AsOf, start: date, purpose: Purpose, needs: Needs) -> bool:
        try:
            self._bars.panel(wanted, purpose=purpose, as_of=as_of, start=start, needs=needs)
        except NoData:
            return False
        return True

    def instrument(self, instrument_id: int) -> Instrument:
        """Return the instrument of an id; raise UnknownName."""
        return self._instruments.get(instrument_id)

    def _read(self, wanted: Sequence[int], as_of: AsOf, start: date | None) -> dict[int, list[SessionPrice]]:
        if not wanted:
            return {}
        try:
            return _by_instrument(self._bars.panel(wanted, purpose="price", as_of=as_of, start=start))
        except NoData:
            if len(wanted) == 1:
                return {}
        found: dict[int, list[SessionPrice]] = {}
        for key in wanted:
            found |= self._read([key], as_of, start)
        return found


def opens_at(session: date, calendar: Calendar) -> datetime:
    """Return when a session begins, UTC: by the exchange's calendar, midnight UTC for round-the-clock markets."""
    if calendar != "XNYS":
        return datetime.combine(session, time(0), _UTC)
    from core.data.calendar import session_at

    # An exchange opens after midnight UTC of its day, so the next session from there on is that of the day itself.
    found = session_at(datetime.combine(session, time(0), _UTC), calendar)
    return found.opens if found.day == session else datetime.combine(session, time(9, 30), _NEW_YORK).astimezone(_UTC)


def closes_at(session: date, calendar: Calendar) -> datetime:
    """Return when a session ends, UTC, half days included."""
    import numpy as np

    from core.data.calendar import closes_of

    moment: datetime = closes_of(calendar, np.array([session], dtype="datetime64[D]"))[0].item()
    return moment.replace(tzinfo=_UTC)


def to_price(value: float) -> Decimal:
    """Return a stored price as Decimal: 4 decimals, below 1 eight."""
    places = Decimal("0.0001") if abs(value) >= 1 else Decimal("0.00000001")
    return Decimal(repr(float(value))).quantize(places)


def _by_instrument(panel: Panel) -> dict[int, list[SessionPrice]]:
    import numpy as np

    days = panel.sessions.astype("datetime64[D]").astype(object)
    found: dict[int, list[SessionPrice]] = {}
    for column, series in enumerate(panel.series):
        there = np.flatnonzero(np.isfinite(panel.close[:, column]))
        fields: Mapping[str, FloatArray | None] = {"open": panel.open, "high": panel.high, "low": panel.low}
        volume = panel.volume
        prices = [
            SessionPrice(
                session=days[row],
                close=to_price(panel.close[row, column]),
                price_basis=series.price_basis,
                source=series.source,
                volume=None if volume is None else _volume(volume[row, column]),
                **{name: _optional(values, row, column) for name, values in fields.items()},
            )
            for row in there.tolist()
        ]
        if prices:
            found[series.instrument_id] = prices
    return found


def _volume(value: float) -> Decimal | None:
    return Decimal(repr(float(value))) if value == value else None


def _optional(values: FloatArray | None, row: int, column: int) -> Decimal | None:
    if values is None or values[row, column] != values[row, column]:
        return None
    return to_price(values[row, column])
