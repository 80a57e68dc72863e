"""Make a small world from a seed: prices, actions, macro vintages, events and news of about four years.

The arrays stay here; the desk gets the same values as files through its own import. Prices are as traded, so that
splits have to be taken out; some series come with an adjusted close (dividends inside), others do not. All numbers are
drawn: nothing of it is in the samples that the product was built on.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.data.calendar import close_of, sessions_between

if TYPE_CHECKING:
    from app.bootstrap import Parts

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]
START = date(2020, 1, 2)
# Yearly drift and volatility, first close, whether there is an adjusted close, dividends a year with their yield.
_DRAWN: Mapping[str, tuple[float, float, float, bool, int, float]] = {
    "AAPL": (0.18, 0.30, 300.0, True, 4, 0.010),
    "MSFT": (0.15, 0.26, 160.0, True, 4, 0.012),
    "NVDA": (0.30, 0.45, 240.0, False, 0, 0.0),
    "JPM": (0.08, 0.28, 138.0, True, 4, 0.028),
    "KO": (0.05, 0.18, 55.0, True, 4, 0.031),
    "XOM": (0.06, 0.32, 70.0, True, 4, 0.045),
    "PG": (0.06, 0.17, 123.0, False, 4, 0.024),
    "SPY": (0.10, 0.19, 324.0, True, 4, 0.015),
    "QQQ": (0.13, 0.24, 216.0, False, 0, 0.0),
    "TLT": (-0.03, 0.15, 137.0, True, 12, 0.025),
    "GLD": (0.05, 0.15, 143.0, False, 0, 0.0),
    "BTC-USD": (0.35, 0.65, 7_000.0, False, 0, 0.0),
}
STOCKS = ("AAPL", "MSFT", "NVDA", "JPM", "KO", "XOM", "PG")
FUNDS = ("SPY", "QQQ", "TLT", "GLD")
# Reports only, no prices: more rows than a list shows.
REPORTING = (*STOCKS, "GOOGL", "AMZN", "META", "JNJ", "WMT", "HD", "CVX", "PFE", "CSCO", "INTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Hold one instrument's bars as traded, with its splits and dividends; `adjusted` is NaN where there is none."""

    days: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    adjusted: Floats | None
    splits: tuple[tuple[date, float], ...]
    dividends: tuple[tuple[date, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Hold one published value of a macro series, and the last day (UTC) before which nobody knew it."""

    series: str
    period: date
    value: float
    vintage: str
    known: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Hold one article with the tone its provider gave it."""

    at: datetime
    symbols: tuple[str, ...]
    headline: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """Hold one economic release."""

    at: datetime
    name: str
    importance: str
    actual: float | None
    forecast: float
    previous: float


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Hold everything that was drawn; the desk's time is the close of `today`."""

    seed: int
    today: date
    prices: Mapping[str, Price]
    macro: Sequence[Release]
    reports: Sequence[tuple[str, date, float, float | None]]
    releases: Sequence[Scheduled]
    stories: Sequence[Story]
    tensions: Sequence[tuple[date, str, float]]
    fills: list[Any] = field(default_factory=list)


def make_world(seed: int) -> World:
    """Draw the world of a seed; the same seed gives the same world."""
    random = np.random.default_rng(seed)
    last = date(2023, 9, 1) + timedelta(days=int(random.integers(0, 120)))
    sessions = np.asarray(sessions_between("XNYS", START, last)).astype("datetime64[D]")
    today = sessions[-1].astype(date)
    prices = {symbol: _price(symbol, sessions, random) for symbol in _DRAWN}
    return World(
        seed=seed,
        today=today,
        prices=prices,
        macro=_macro(random, sessions, today),
        reports=_reports(random, today),
        releases=_releases(random, today),
        stories=_stories(random, sessions),
        tensions=_tensions(random, today),
    )


def _price(symbol: str, sessions: Days, random: np.random.Generator) -> Price:
    drift, volatility, first, has_adjusted, payments, payout = _DRAWN[symbol]
    crypto = symbol == "BTC-USD"
    # The bar of today is not over at the close of the exchange.
    days = np.arange(sessions[0], sessions[-1]) if crypto else sessions
    year = 365 if crypto else 252
    shocks = np.clip(random.standard_t(5, len(days)) / np.sqrt(5 / 3), -3.5, 3.5)
    steps = (drift - volatility**2 / 2) / year + volatility / np.sqrt(year) * shocks
    steps[0] = 0.0
    level = first * np.exp(np.cumsum(steps))
    splits = _splits(symbol, days, random)
    for ex_date, ratio in splits:
        level[days >= np.datetime64(ex_date)] /= ratio
    close = np.round(level, 4)
    open_ = np.round(close * np.exp(random.normal(0, volatility / np.sqrt(year) / 2, len(days))), 4)
    wide = np.abs(random.normal(0, volatility / np.sqrt(year) / 2, (2, len(days))))
    high = np.round(np.maximum(open_, close) * (1 + wide[0]), 4)
    low = np.round(np.minimum(open_, close) * (1 - wide[1]), 4)
    volume = np.floor(np.exp(random.normal(16, 0.35, len(days))))
    dividends = _dividends(days, close, payments, payout, random)
    adjusted = _adjusted(days, close, splits, dividends) if has_adjusted else None
    return Price(
        days=days, open=open_, high=high, low=low, close=close, volume=volume, adjusted=adjusted, splits=splits,
        dividends=dividends,
    )  # fmt: skip


def _splits(symbol: str, days: Days, random: np.random.Generator) -> tuple[tuple[date, float], ...]:
    ratios = {"AAPL": (4.0,), "NVDA": (4.0, 10.0)}.get(symbol, ())
    places = np.sort(random.choice(np.arange(150, 700), len(ratios), replace=False))
    return tuple((days[place].astype(date), ratio) for place, ratio in zip(places, ratios, strict=True))


def _dividends(
    days: Days, close: Floats, payments: int, payout: float, random: np.random.Generator
) -> tuple[tuple[date, float], ...]:
    if not payments:
        return ()
    step = 252 // payments
    places = np.arange(int(random.integers(10, step)), len(days), step)
    return tuple((days[at].astype(date), round(float(close[at - 1]) * payout / payments, 4)) for at in places)


def _adjusted(
    days: Days, close: Floats, splits: Sequence[tuple[date, float]], dividends: Sequence[tuple[date, float]]
) -> Floats:
    # A vendor's adjusted close: the splits divided out, each dividend taken off as its share of the close before it.
    adjusted = close.copy()
    for ex_date, ratio in splits:
        adjusted[days < np.datetime64(ex_date)] /= ratio
    for ex_date, amount in dividends:
        at = int(np.searchsorted(days, np.datetime64(ex_date)))
        adjusted[:at] *= 1 - amount / close[at - 1]
    return np.asarray(np.round(adjusted, 6))


def _months(first: date, last: date, step: int = 1) -> list[date]:
    count = (last.year - first.year) * 12 + last.month - first.month
    return [date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1)
            for n in range(0, count + 1, step)]  # fmt: skip


def _month_end(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)


# Lag of the first release in days, as the desk's catalogue of series states it.
_LAGS = {"UNRATE": 37, "CPIAUCSL": 44, "FEDFUNDS": 32, "GDPC1": 120, "DGS10": 1, "TB3MS": 32}


def _macro(random: np.random.Generator, sessions: Days, today: date) -> list[Release]:
    months, quarters = _months(date(2018, 1, 1), today), _months(date(2018, 1, 1), today, 3)
    trading = [day.astype(date) for day in sessions]
    made: list[Release] = []
    drawn: dict[str, tuple[list[date], Floats]] = {
        "UNRATE": (months, np.round(np.clip(4 + np.cumsum(random.normal(0, 0.25, len(months))), 2, 15), 1)),
        "CPIAUCSL": (months, np.round(250 * np.exp(np.cumsum(random.normal(0.003, 0.002, len(months)))), 3)),
        "FEDFUNDS": (months, np.round(np.clip(2 + np.cumsum(random.normal(0.03, 0.2, len(months))), 0.05, 9), 2)),
        "TB3MS": (months, np.round(np.clip(2 + np.cumsum(random.normal(0.03, 0.2, len(months))), 0.05, 9), 2)),
        "GDPC1": (quarters, np.round(18_000 * np.exp(np.cumsum(random.normal(0.005, 0.01, len(quarters)))), 1)),
        "DGS10": (trading, np.round(np.clip(2 + np.cumsum(random.normal(0, 0.05, len(trading))), 0.3, 9), 2)),
    }
    for series, (periods, values) in drawn.items():
        for period, value in zip(periods, values.tolist(), strict=True):
            known = period + timedelta(days=_LAGS[series])
            made.append(Release(series=series, period=period, value=value, vintage=f"{known:%Y-%m}", known=known))
            if series in ("UNRATE", "GDPC1") and random.random() < 0.4:
                again = _month_end(_month_end(known) + timedelta(days=1))
                revised = round(value + (0.1 if series == "UNRATE" else 25.0) * random.choice((-1, 1)), 1)
                made.append(Release(series=series, period=period, value=revised, vintage=f"{again:%Y-%m}", known=again))
    return made


def _reports(random: np.random.Generator, today: date) -> list[tuple[str, date, float, float | None]]:
    found: list[tuple[str, date, float, float | None]] = []
    for number, symbol in enumerate(REPORTING):
        for month in _months(date(2020, 1, 1), date(today.year + 1, 3, 1), 3):
            day = month + timedelta(days=12 + number)
            if day > today + timedelta(days=100):
                continue
            estimate = round(float(random.uniform(0.4, 4.0)), 2)
            surprise = round(float(random.choice((-1, 1), p=(0.35, 0.65)) * random.integers(1, 30)) / 100, 2)
            found.append((symbol, day, estimate, round(estimate + surprise, 2) if day < today else None))
    return found


def _releases(random: np.random.Generator, today: date) -> list[Scheduled]:
    found = []
    for name, day_of_month, importance in (
        ("CPI m/m", 12, "high"), ("Non-Farm Employment Change", 5, "high"), ("Retail Sales m/m", 16, "medium"),
    ):  # fmt: skip
        previous = 0.3
        for month in _months(date(2020, 1, 1), today + timedelta(days=40)):
            at = datetime.combine(month.replace(day=day_of_month), time(13, 30), tzinfo=UTC)
            forecast, actual = (round(float(random.normal(0.3, 0.3)), 1) for _ in range(2))
            known = at.date() <= today
            found.append(Scheduled(at=at, name=name, importance=importance, actual=actual if known else None,
                                   forecast=forecast, previous=previous))  # fmt: skip
            previous = actual
    return found


def _stories(random: np.random.Generator, sessions: Days) -> list[Story]:
    found = []
    for number in range(700):
        day = sessions[int(random.integers(len(sessions) - 260, len(sessions) - 1))].astype(date)
        at = datetime.combine(day, time(int(random.integers(12, 20)), int(random.integers(0, 60))), tzinfo=UTC)
        symbols = tuple(sorted(random.choice(STOCKS, int(random.integers(1, 3)), replace=False).tolist()))
        tone = str(random.choice(("positive", "neutral", "negative"), p=(0.45, 0.3, 0.25)))
        found.append(Story(at=at, symbols=symbols, headline=f"Desk note {number}", tone=tone))
    return found


def _tensions(random: np.random.Generator, today: date) -> list[tuple[date, str, float]]:
    days = sorted(START + timedelta(days=int(n)) for n in random.choice((today - START).days, 40, replace=False))
    return [(day, f"Incident {n}", round(float(random.uniform(60, 320)), 1)) for n, day in enumerate(days)]


def store_world(parts: Parts, world: World, folder: Path) -> None:
    """Set the desk's clock to the world's time, import its files and open the demo book; raises on a refused row."""
    from core.execution.demo import load_demo

    parts.clock.set_replay(close_of(world.today, "XNYS"))
    folder.mkdir(parents=True, exist_ok=True)
    for kind, name, header, rows in _files(world):
        path = folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        report = parts.import_files(kind, [path], lambda step, share: None)
        for one in report.files:
            if one.error or one.counts.quarantined or one.counts.rejected or one.derived.rejected:
                raise AssertionError(f"{name}: {one.error} {one.counts} {one.derived}")
    load_demo(parts.trading, parts.marks, parts.desk.instruments, parts.clock, parts.ids)
    read_fills(parts, world)


def read_fills(parts: Parts, world: World) -> None:
    """Take the fills of the stored book into the world, as they were written: they are input, not answers."""
    with parts.database.transaction() as connection:
        rows = connection.execute(
            "SELECT i.symbol, f.side, f.quantity, f.price, f.fee, f.session FROM execution.fills f"
            " JOIN market_data.instruments i USING (instrument_id) ORDER BY f.filled_at, f.fill_id"
        ).fetchall()
    world.fills.extend(rows)


def _files(world: World) -> list[tuple[Any, str, tuple[str, ...], list[tuple[Any, ...]]]]:
    prices = world.prices
    splits = [(symbol, *split) for symbol, part in prices.items() for split in part.splits]
    dividends = [(symbol, *paid, "raw") for symbol, part in prices.items() for paid in part.dividends]
    bars: dict[bool, list[tuple[Any, ...]]] = {True: [], False: []}
    for symbol, part in prices.items():
        columns = [part.days.astype(str), part.open, part.high, part.low, part.close, part.volume]
        bars[part.adjusted is not None] += [
            (symbol, "raw" if symbol == "BTC-USD" else "raw_unadjusted", *row)
            for row in zip(*columns, *([] if part.adjusted is None else [part.adjusted]), strict=True)
        ]
    plain = ("symbol", "price_basis", "date", "open", "high", "low", "close", "volume")
    return [
        ("actions", "splits", ("symbol", "ex_date", "ratio"), splits),
        ("actions", "dividends", ("symbol", "ex_date", "amount", "basis"), dividends),
        ("bars", "plain_bars", plain, bars[False]),
        ("bars", "adjusted_bars", (*plain, "adj_close"), bars[True]),
        ("macro", "macro", ("series_id", "date", "value", "vintage"),
         [(one.series, one.period, one.value, one.vintage) for one in world.macro]),
        ("events", "earnings", ("symbol", "earnings_date", "eps_estimate", "eps_actual"), list(world.reports)),
        ("events", "releases",
         ("release_time_utc", "date", "country", "event", "impact", "actual", "forecast", "previous"),
         [(one.at.isoformat(), one.at.date(), "US", one.name, one.importance, one.actual, one.forecast, one.previous)
          for one in world.releases]),
        ("events", "tensions", ("date", "event_name", "gpr"), list(world.tensions)),
        ("news", "stories", ("published_at", "date", "symbols", "headline", "source", "sentiment"),
         [(one.at.isoformat(), one.at.date(), " ".join(one.symbols), one.headline, "Wire", one.tone)
          for one in world.stories]),
    ]  # fmt: skip
