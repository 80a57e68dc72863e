"""Keep what the risk gate needs of the market computed ahead: last prices, covariances and volumes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from core.domain.as_of import AsOf
from core.domain.market_records import Instrument
from core.errors import NoData
from core.execution.marks import Marks, SessionPrice
from core.ports.clock import Clock
from core.risk.gate import MarketRisk
from core.risk.limits import Limits

RETURN_DAYS = 400
LEAST_RETURNS = 60
VOLUME_DAYS = 40
VOLUME_SESSIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """Hold the last prices and the instruments at a moment of the desk; `risk` where a limit needs it.

    `is_live` says whether the moment runs on by itself; a replaying desk stands still between sessions.
    """

    marks: Mapping[int, SessionPrice]
    instruments: Mapping[int, Instrument]
    risk: MarketRisk | None
    moment: datetime
    is_live: bool


@dataclass(slots=True)
class _Known:
    """Hold what was read at one moment of the desk."""

    key: tuple[datetime, datetime]
    prices: dict[int, SessionPrice | None] = field(default_factory=dict)
    instruments: dict[int, Instrument] = field(default_factory=dict)
    risks: dict[frozenset[int], MarketRisk] = field(default_factory=dict)


class RiskMarket:
    """Give the market as of the desk's time; what was read within the same minute is not read again.

    Prices are those of sessions, so a minute's age changes nothing but in the minute in which bars arrive.
    """

    def __init__(self, marks: Marks, clock: Clock) -> None:
        self._marks = marks
        self._clock = clock
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def view(
        self,
        instrument_ids: Iterable[int],
        limits: Limits,
        *,
        replay_now: datetime | None,
        as_of: AsOf | None = None,
    ) -> MarketView:
        """Return the view of these instruments, now or at a time; one without any price is left out of `marks`.

        `replay_now` is where a replaying desk stands and None on a live one, as the snapshot of the account says.
        """
        wanted = list(dict.fromkeys(instrument_ids))
        now = as_of.known if as_of else replay_now or self._clock.wall()
        key = (now.replace(second=0, microsecond=0), self._clock.wall().replace(second=0, microsecond=0))
        moment = as_of or AsOf(known=now)
        with self._lock:
            if self._known is None or self._known.key != key:
                self._known = _Known(key=key)
            known = self._known
            missing = [item for item in wanted if item not in known.prices]
            if missing:
                found = self._marks.last(missing, moment)
                known.prices |= {item: found.get(item) for item in missing}
                known.instruments |= {item: self._marks.instrument(item) for item in missing}
            risk = None
            if needs_market(limits):
                group = frozenset(wanted)
                if group not in known.risks:
                    names = {item: known.instruments[item].symbol for item in wanted}
                    known.risks[group] = _compute(self._marks, wanted, names, moment)
                risk = known.risks[group]
            marks = {item: price for item in wanted if (price := known.prices[item]) is not None}
            return MarketView(
                marks=marks,
                instruments={item: known.instruments[item] for item in wanted},
                risk=risk,
                moment=now,
                is_live=replay_now is None,
            )


def needs_market(limits: Limits) -> bool:
    """Return whether a limit is set that is judged by covariances or volumes."""
    return any(
        limit is not None
        for limit in (
            limits.max_adv_share,
            limits.max_cluster_weight,
            limits.max_expected_shortfall,
            limits.max_shortfall_contribution,
        )
    )


def _compute(marks: Marks, wanted: Sequence[int], symbols: Mapping[int, str], as_of: AsOf) -> MarketRisk:
    import numpy as np

    from core.risk.correlation import shrunk_covariance

    start = as_of.known.date() - timedelta(days=RETURN_DAYS)
    closes = marks.closes(wanted, as_of, start=start)
    counts = {key: int(np.isfinite(column).sum()) for key, column in closes.items()}
    kept = [key for key in closes if counts[key] > LEAST_RETURNS]
    covariance = np.zeros((0, 0))
    if kept:
        matrix = np.column_stack([closes[key] for key in kept])
        matrix = matrix[np.isfinite(matrix).all(axis=1)]
        returns = matrix[1:] / matrix[:-1] - 1.0
        try:
            covariance = shrunk_covariance(returns)[0]
        except NoData:
            kept, covariance = [], np.zeros((0, 0))
    deviation = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.asarray(covariance / np.outer(deviation, deviation), dtype=np.float64)
    volumes = marks.volumes(wanted, as_of, start=as_of.known.date() - timedelta(days=VOLUME_DAYS))
    average = {}
    for key, column in volumes.items():
        there = column[np.isfinite(column)][-VOLUME_SESSIONS:]
        if len(there):
            average[symbols[key]] = Decimal(repr(round(float(there.mean()), 4)))
    return MarketRisk(
        index={symbols[key]: place for place, key in enumerate(kept)},
        covariance=covariance,
        correlation=correlation,
        average_volume=average,
    )
