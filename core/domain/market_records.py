"""Define the records of market data."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal

from pydantic import Field

from core.domain.facts import Label
from core.domain.market_path import PriceBasis
from core.domain.records import Record

AssetClass = Literal["equity", "etf", "crypto", "index", "fx", "commodity"]
Calendar = Literal["XNYS", "24x7", "24x5"]
Frequency = Literal["daily", "weekly", "monthly", "quarterly", "annual"]
KnownAtMethod = Literal["vintage", "release_calendar", "release_lag", "delivery"]


class Instrument(Record):
    """Identify something that trades, by a permanent number."""

    kind: ClassVar[str] = "instrument"
    table: ClassVar[str] = "market_data.instruments"
    key: ClassVar[tuple[str, ...]] = ("instrument_id",)
    label: ClassVar[Label] = "public"

    instrument_id: int
    symbol: str
    name: str
    asset_class: AssetClass
    calendar: Calendar
    currency: str = "USD"
    groups: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    vendor_symbols: dict[str, str] = Field(default_factory=dict)
    total_assets_usd: float | None = None
    listed: date | None = None
    delisted: date | None = None
    source: str
    known_at: datetime


class SymbolHistory(Record):
    """Say which instrument a symbol named in a period."""

    kind: ClassVar[str] = "symbol_history"
    table: ClassVar[str] = "market_data.symbol_history"
    key: ClassVar[tuple[str, ...]] = ("symbol", "valid_from")
    label: ClassVar[Label] = "public"

    instrument_id: int
    symbol: str
    valid_from: date
    valid_to: date | None = None
    source: str
    known_at: datetime


class GroupMembership(Record):
    """Say that an instrument was in a group in a period; memberships without dates stand with the instrument."""

    kind: ClassVar[str] = "group_membership"
    table: ClassVar[str] = "market_data.group_memberships"
    key: ClassVar[tuple[str, ...]] = ("group_name", "instrument_id", "valid_from")
    label: ClassVar[Label] = "public"

    instrument_id: int
    group_name: str
    valid_from: date
    valid_to: date | None = None
    source: str
    known_at: datetime


class Bar(Record):
    """Hold one session's prices on a stated basis; a close-only source leaves open, high, low empty."""

    kind: ClassVar[str] = "bar"
    table: ClassVar[str] = "market_data.bars_daily"
    key: ClassVar[tuple[str, ...]] = ("instrument_id", "source", "price_basis", "session")
    label: ClassVar[Label] = "public"

    instrument_id: int
    source: str
    price_basis: PriceBasis
    session: date
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float
    volume: float | None = None
    flags: tuple[str, ...] = ()
    known_at: datetime


class CorporateAction(Record):
    """Hold a split (ratio new/old), a dividend or a spin-off by its ex-date."""

    kind: ClassVar[str] = "corporate_action"
    table: ClassVar[str] = "market_data.corporate_actions"
    key: ClassVar[tuple[str, ...]] = ("instrument_id", "action", "ex_date", "source")
    label: ClassVar[Label] = "public"
    versioned: ClassVar[bool] = True

    instrument_id: int
    action: Literal["split", "dividend", "spin_off"]
    ex_date: date
    source: str
    ratio: float | None = None
    amount: float | None = None
    currency: str | None = None
    amount_basis: Literal["raw", "split_adjusted"] | None = None
    known_at: datetime


class MacroSeries(Record):
    """Describe a macro series."""

    kind: ClassVar[str] = "macro_series"
    table: ClassVar[str] = "market_data.macro_series"
    key: ClassVar[tuple[str, ...]] = ("series_id",)
    label: ClassVar[Label] = "public"

    series_id: str
    name: str
    unit: str
    frequency: Frequency
    aliases: tuple[str, ...] = ()
    release_lag_days: int = 1
    source: str
    known_at: datetime


class MacroObservation(Record):
    """Hold one value of a macro series in one vintage."""

    kind: ClassVar[str] = "macro_observation"
    table: ClassVar[str] = "market_data.macro_observations"
    key: ClassVar[tuple[str, ...]] = ("series_id", "period", "source", "vintage")
    label: ClassVar[Label] = "public"
    versioned: ClassVar[bool] = True

    series_id: str
    period: date
    source: str
    vintage: str
    value: float | None
    known_at: datetime
    known_at_method: KnownAtMethod
