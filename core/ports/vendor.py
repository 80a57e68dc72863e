"""Define what sources of data deliver: columns of bars, and rows of any other kind of record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain.market_path import PriceBasis
from core.domain.market_records import Instrument, SymbolHistory
from core.domain.records import Record

Floats = NDArray[np.float64]
SymbolConvention = Literal["current", "as_traded"]
Topic = Literal["bars", "actions", "macro", "news", "events", "instruments"]
RawRows = Callable[[NDArray[np.int64]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarColumns:
    """Hold bars of many symbols from one source on one price basis, as columns of equal length in the source's order.

    `symbols[symbol_code[i]]` names row i: by its current ticker for sources that file the whole history under
    it (`current`), by the ticker of that day for sources that do not (`as_traded`). `session` is
    datetime64[D], NaT where the date could not be read. Prices are NaN where missing or unreadable; `has_ohlc`
    and `has_volume` declare whether the source has those fields at all. `bad_volume` marks unreadable volumes,
    `currency` is what each row states, if the source states it. `line` is the row's position in `origin`;
    `raw_rows` gives rows back as they arrived. `beside` marks a second series out of the same rows (an adjusted
    close beside the prices).
    """

    source: str
    price_basis: PriceBasis
    symbols: tuple[str, ...]
    symbol_code: NDArray[np.int32]
    session: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    line: NDArray[np.int64]
    has_ohlc: bool = True
    has_volume: bool = True
    convention: SymbolConvention = "current"
    bad_volume: NDArray[np.bool_] | None = None
    currency: NDArray[np.object_] | None = None
    origin: str = ""
    beside: bool = False
    raw_rows: RawRows | None = None

    def __len__(self) -> int:
        return len(self.session)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRows:
    """Hold rows of one kind of record; each row has a value for every field of the record, in its order."""

    record: type[Record]
    source: str
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorTerms:
    """Declare what a vendor delivers by topic and on which terms; settings override address, rate and timeout.

    `base_url` is empty for a vendor that is not reached over the web: its first key is then its address.
    `keys` names the environment variables of its secrets (the first one is the key itself); `without_key` says what
    still works when they are not set, for a vendor that can do without them (`key_required` false) or for the desk.
    """

    name: str
    title: str
    delivers: Mapping[Topic, str]
    base_url: str
    requests_per_minute: float
    limits: str
    keys: tuple[str, ...] = ()
    key_required: bool = True
    without_key: str = ""
    burst: int = 1
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Say what a run wants: days from start to end, both included, of instruments and macro series (by FRED id)."""

    start: date
    end: date
    instruments: tuple[Instrument, ...] = ()
    symbol_history: tuple[SymbolHistory, ...] = ()
    series: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Hold one reply of a vendor as it arrived, with the request that asked for it; no secret is in it.

    `request` holds path and query and whatever else parsing needs, so that (payload, identities) give the same rows
    for ever. `vendor_time` is the time that the vendor's own clock stated, None where it stated none.
    """

    vendor: str
    kind: str
    request: Mapping[str, Any]
    content_type: str
    body: bytes
    received_at: datetime
    vendor_time: datetime | None = None

    @property
    def happened_by(self) -> datetime:
        """Return the earlier of the two clocks: what is stamped later than this is not finished."""
        return self.received_at if self.vendor_time is None else min(self.received_at, self.vendor_time)


class SymbolNames(Protocol):
    """Know who a symbol names."""

    @property
    def instruments(self) -> Mapping[int, Instrument]:
        """Return every instrument by its id."""
        ...

    def current(self, symbol: str) -> int | None:
        """Return the instrument that carries the symbol today."""
        ...

    def on(self, symbol: str, day: date) -> int | None:
        """Return the instrument that carried the symbol on a day."""
        ...


class Vendor(Protocol):
    """Deliver market data over a network: fetching (input and output) apart from parsing (pure)."""

    terms: VendorTerms

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies one at a time, as they arrive.

        A request that fails costs only itself: the others go on, and the error is raised after the last of them. A
        failure of the vendor as a whole (key, quota, not reachable) is raised at once. Either way what was yielded
        stands. Raises VendorError.
        """
        ...

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload, without any input, output or clock; raises VendorMalformed."""
        ...


class PayloadStore(Protocol):
    """Keep what vendors replied, so that every row can be derived again without them."""

    def keep(self, payload: Payload) -> bool:
        """Keep a payload; one with the same request and content is kept once. Returns whether it is new."""
        ...

    def read(self, vendor: str | None = None, since: datetime | None = None) -> Iterator[Payload]:
        """Yield kept payloads in the order they arrived."""
        ...
