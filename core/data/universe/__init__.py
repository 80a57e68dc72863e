"""Know the instruments, macro series and release days that the desk covers, listed in the YAML files beside this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.domain.event_records import EconomicEvent
from core.domain.identifiers import content_id
from core.domain.market_records import GroupMembership, Instrument, MacroSeries, SymbolHistory

SOURCE = "universe"
# The list states what anyone could know of an instrument; it hides nothing from an as-of read.
KNOWN_AT = datetime(1900, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1900, 1, 1)
_FOLDER = Path(__file__).parent
_NEW_YORK = ZoneInfo("America/New_York")
_INSTRUMENT_FILES = ("etfs.yaml", "stocks.yaml", "more_stocks.yaml", "crypto.yaml", "indices.yaml")

# The groups of the desk's scope: the largest funds, stocks and coins, and the themes it follows.
_FOLLOWED = frozenset(
    {
        "largest_etf",
        "megacap",
        "crypto_top10",
        "quantum",
        "reit_data_center",
        "reit_warehouse",
        "fusion",
        "military",
        "ai_infrastructure",
    }
)
_FOLLOWED_FUNDS = frozenset({"energy"})
_FOLLOWED_GROWTH = frozenset({"consumer"})


@lru_cache(maxsize=1)
def universe() -> tuple[Instrument, ...]:
    """Return every instrument of the desk, by id."""
    found = [_instrument(entry, defaults) for entry, defaults in _entries()]
    return tuple(sorted(found, key=lambda instrument: instrument.instrument_id))


def is_followed(instrument: Instrument) -> bool:
    """Say whether vendors are asked for an instrument; the others are known by name, from files and news."""
    groups = set(instrument.groups)
    return bool(
        groups & _FOLLOWED
        or (instrument.asset_class == "etf" and groups & _FOLLOWED_FUNDS)
        or (instrument.asset_class == "equity" and "growth" in groups and groups & _FOLLOWED_GROWTH)
        # Instruments that a person added are followed.
        or instrument.source != SOURCE
    )


@lru_cache(maxsize=1)
def symbol_history() -> tuple[SymbolHistory, ...]:
    """Return which symbol named which instrument from when to when; the current symbol has no end."""
    periods: list[SymbolHistory] = []
    for entry, _ in _entries():
        for past in entry.get("history", ()):
            periods.append(_period(entry["id"], past["symbol"], past["from"], past["to"]))
        since = entry.get("symbol_since", FIRST_DAY)
        periods.append(_period(entry["id"], entry["symbol"], since, None))
    return tuple(periods)


@lru_cache(maxsize=1)
def memberships() -> tuple[GroupMembership, ...]:
    """Return who was in which group from when to when; the groups of an instrument have no dates."""
    numbers = {str(entry["symbol"]): entry["id"] for entry, _ in _entries()}
    return tuple(
        GroupMembership(
            instrument_id=numbers[symbol],
            group_name=group,
            valid_from=period.get("from", FIRST_DAY),
            valid_to=period.get("to"),
            source=SOURCE,
            known_at=_known_from(period.get("from", FIRST_DAY)),
        )
        for group, members in _read("memberships.yaml").items()
        for symbol, periods in members.items()
        for period in periods
    )


@lru_cache(maxsize=1)
def macro_catalogue() -> tuple[MacroSeries, ...]:
    """Return every macro series of the desk with its unit, frequency and release lag."""
    content = _read("macro.yaml")
    return tuple(
        MacroSeries(
            series_id=entry["id"],
            name=entry["name"],
            unit=entry["unit"],
            frequency=entry["frequency"],
            aliases=tuple(entry.get("aliases", ())),
            release_lag_days=entry.get("lag", content["lags"][entry["frequency"]]),
            source=SOURCE,
            known_at=KNOWN_AT,
        )
        for entry in content["series"]
    )


@lru_cache(maxsize=1)
def never_published() -> Mapping[str, tuple[date, ...]]:
    """Return the periods (first of the month) of macro series that were never published: gaps that stay."""
    content = _read("macro.yaml")
    return {name: tuple(periods) for name, periods in content.get("never_published", {}).items()}


@lru_cache(maxsize=1)
def release_schedule() -> tuple[EconomicEvent, ...]:
    """Return the releases whose days their publishers have announced, each known from the end of that day."""
    return tuple(
        EconomicEvent(
            event_id=content_id("evt", SOURCE, release["name"], day.isoformat()),
            event_at=datetime.combine(day, time.fromisoformat(release["hour"]), tzinfo=_NEW_YORK).astimezone(UTC),
            event_date=day,
            country="US",
            name=release["name"],
            category="release",
            importance="high",
            details={"publisher": release["publisher"], "page": release["page"]},
            source=SOURCE,
            known_at=datetime.combine(release["known"] + timedelta(days=1), time(0), tzinfo=UTC),
        )
        for release in _read("releases.yaml")["releases"]
        for day in release["days"]
    )


def _entries() -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for name in _INSTRUMENT_FILES:
        content = _read(name)
        for entry in content.get("instruments", ()):
            yield entry, content["defaults"]
        for first_id, names in content.get("names", {}).items():
            for offset, (symbol, title) in enumerate(names.items()):
                yield {"id": first_id + offset, "symbol": symbol, "name": title}, content["defaults"]


@lru_cache(maxsize=8)
def _read(name: str) -> Mapping[str, Any]:
    import yaml

    content: Mapping[str, Any] = yaml.load((_FOLDER / name).read_bytes(), Loader=yaml.CSafeLoader)
    return content


def _instrument(entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> Instrument:
    groups = (*entry.get("groups", ()), *defaults["groups"])
    assets = entry.get("assets")
    return Instrument(
        instrument_id=entry["id"],
        symbol=str(entry["symbol"]),
        name=str(entry["name"]),
        asset_class=entry.get("asset_class", defaults["asset_class"]),
        calendar=entry.get("calendar", defaults["calendar"]),
        currency=entry.get("currency", defaults["currency"]),
        groups=tuple(dict.fromkeys(group for group in groups if group != "index" or entry.get("asset_class") != "fx")),
        aliases=tuple(str(alias) for alias in entry.get("aliases", ())),
        vendor_symbols=dict(entry.get("vendors", {})),
        total_assets_usd=None if assets is None else assets * 1e9,
        listed=entry.get("listed"),
        delisted=entry.get("delisted"),
        source=SOURCE,
        known_at=KNOWN_AT,
    )


def _period(instrument_id: int, symbol: str, start: date, end: date | None) -> SymbolHistory:
    return SymbolHistory(
        instrument_id=instrument_id,
        symbol=symbol,
        valid_from=start,
        valid_to=end if end is None or end >= start else start + timedelta(0),
        source=SOURCE,
        known_at=_known_from(start),
    )


def _known_from(start: date) -> datetime:
    """Return when a period is known of: the day it begins, for nobody could use a new ticker before."""
    return KNOWN_AT if start == FIRST_DAY else datetime(start.year, start.month, start.day, tzinfo=UTC)
