"""Hold what the stand-ins serve: rows made by rule for tests, or the shared folder of real data."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from core.data.calendar import sessions_between
from core.data.universe import symbol_history, universe


class ServedBar(NamedTuple):
    """Hold one day as it was traded; volume in shares, or in units of the coin."""

    session: date
    open: float
    high: float
    low: float
    close: float
    volume: float


class ServedArticle(NamedTuple):
    """Hold one article; `symbols` are the desk's."""

    published: datetime
    headline: str
    summary: str
    publisher: str
    url: str
    symbols: tuple[str, ...]
    tone: str


@dataclass(slots=True, kw_only=True)
class MarketData:
    """Hold the rows by the desk's symbols; bars as traded (raw) and by session, macro values by vintage.

    `macro` maps a FRED id to (period, first day of the vintage, value or None). `risk` maps a day to the columns of
    the risk index. `releases` are (release id, name, day). `earnings` are (symbol, day, estimate, actual).
    """

    bars: dict[str, list[ServedBar]] = field(default_factory=dict)
    splits: list[tuple[str, date, float]] = field(default_factory=list)
    dividends: list[tuple[str, date, float]] = field(default_factory=list)
    macro: dict[str, list[tuple[date, date, float | None]]] = field(default_factory=dict)
    releases: list[tuple[int, str, date]] = field(default_factory=list)
    indicators: list[tuple[str, str, int, float | None]] = field(default_factory=list)
    articles: list[ServedArticle] = field(default_factory=list)
    earnings: list[tuple[str, date, float | None, float | None]] = field(default_factory=list)
    risk: dict[date, dict[str, float]] = field(default_factory=dict)
    risk_events: dict[date, str] = field(default_factory=dict)

    def between(self, symbol: str, start: date, end: date) -> list[ServedBar]:
        """Return the bars of a symbol from start to end, both included."""
        return [bar for bar in self.bars.get(symbol, ()) if start <= bar.session <= end]


def ticker_on(symbol: str, day: date) -> str:
    """Return the ticker under which an instrument, named by today's symbol, traded on a day."""
    number = _numbers().get(symbol)
    for period in symbol_history():
        inside = period.valid_from <= day and (period.valid_to is None or day <= period.valid_to)
        if period.instrument_id == number and inside:
            return period.symbol
    return symbol


def symbol_of(ticker: str, day: date) -> str | None:
    """Return today's symbol of the instrument that traded under a ticker on a day."""
    current = {entry.instrument_id: entry.symbol for entry in universe()}
    for period in symbol_history():
        inside = period.valid_from <= day and (period.valid_to is None or day <= period.valid_to)
        if period.symbol == ticker and inside:
            return current[period.instrument_id]
    return None


def small_data(start: date = date(2024, 1, 2), sessions: int = 30) -> MarketData:
    """Return a small market made by rule: eight stocks and funds, three coins, three macro series, news, risk.

    NVDA splits 2:1 in its middle, META was named FB only before 2022, JPM pays a dividend, GDP is revised.
    """
    stocks = ("AAPL", "MSFT", "NVDA", "META", "JPM", "SPY", "QQQ", "BRK-B")
    days = [day.item() for day in sessions_between("XNYS", start, start + timedelta(days=3 * sessions))][:sessions]
    data = MarketData()
    half = days[len(days) // 2]
    for place, symbol in enumerate(stocks):
        data.bars[symbol] = [
            _bar(day, 100.0 + 17.0 * place, step, 1_000_000.0 + 1000.0 * step * (place + 1),
                 2.0 if symbol == "NVDA" and day >= half else 1.0)
            for step, day in enumerate(days)
        ]  # fmt: skip
    data.splits = [("NVDA", half, 2.0)]
    data.dividends = [("JPM", days[3], 1.05), ("SPY", days[-2], 1.6)]
    span = (days[-1] - days[0]).days + 1
    for place, symbol in enumerate(("BTC-USD", "ETH-USD", "SOL-USD")):
        data.bars[symbol] = [
            _bar(days[0] + timedelta(days=step), 40_000.0 / 10**place, step, 25_000.5 + step, 1.0)
            for step in range(span)
        ]
    data.macro = {
        "GDP": [
            (date(2023, 7, 1), date(2023, 10, 26), 27623.5),
            (date(2023, 7, 1), date(2023, 11, 29), 27644.5),
            (date(2023, 10, 1), days[5], 27938.8),
            (date(2023, 10, 1), days[20], 27944.6),
        ],
        "UNRATE": [(date(2023, 11, 1), date(2023, 12, 8), 3.7), (date(2023, 12, 1), days[3], 3.7)],
        "DGS10": [(day, following, round(3.9 + 0.01 * step, 2) if step != 4 else None)
                  for step, (day, following) in enumerate(pairwise(days))],
    }  # fmt: skip
    data.releases = [(53, "Gross Domestic Product", days[5]), (50, "Employment Situation", days[3]),
                     (53, "Gross Domestic Product", days[20])]  # fmt: skip
    data.indicators = [("NY.GDP.MKTP.CD", "USA", year, 1.0e13 + year * 1.0e9) for year in range(2015, 2024)]
    data.indicators += [("NY.GDP.MKTP.CD", "USA", 2024, None), ("FP.CPI.TOTL.ZG", "USA", 2023, 4.1)]
    data.indicators += [("NY.GDP.MKTP.KD.ZG", "CHN", 2022, 3.1), ("SL.UEM.TOTL.ZS", "DEU", 2023, 3.0)]
    data.articles = [
        ServedArticle(
            published=datetime(day.year, day.month, day.day, 14, step % 60, tzinfo=UTC),
            headline=f"{stocks[step % 8]} reports item {step}", summary=f"Summary {step}.", publisher="The Wire",
            url=f"https://news.example/{step}", symbols=(stocks[step % 8],),
            tone=("positive", "neutral", "negative")[step % 3])
        for step, day in enumerate(days)
    ]  # fmt: skip
    data.earnings = [("AAPL", days[8], 2.1, 2.18), ("MSFT", days[9], 2.78, 2.93), ("META", days[10], 4.96, None)]
    data.risk = {
        days[0] + timedelta(days=step): {"N10D": 200.0 + step, "GPRD": 100.0 + 6.0 * step, "GPRD_ACT": 90.0 + step,
                                         "GPRD_THREAT": 110.0 + step, "GPRD_MA7": 101.0, "GPRD_MA30": 99.5}
        for step in range(span)
    }  # fmt: skip
    data.risk_events = {days[7]: "Missile strikes on shipping"}
    return data


def shared_data(folder: Path, start: date, end: date, symbols: Iterable[str] | None = None) -> MarketData:
    """Return the rows of the shared folder (the one that holds `data/`) between two days, for the desk's instruments.

    Split-adjusted files are turned back into traded prices with the splits that they contain; files that are adjusted
    for dividends are left out, they cannot be.
    """
    base = folder / "data"
    wanted = set(symbols) if symbols is not None else {entry.symbol for entry in universe()}
    data = MarketData()
    data.splits, known = [], set()
    for row in _rows(base / "corporate_actions/splits.csv.gz"):
        key = (row["symbol"], date.fromisoformat(row["ex_date"]))
        if key not in known:
            known.add(key)
            data.splits.append((*key, float(row["ratio"])))
    data.dividends = _raw_dividends(base, wanted, data.splits, start, end)
    _read_bars(base, wanted, data, start, end)
    data.splits = [split for split in data.splits if split[0] in wanted and start <= split[1] <= end]
    _read_macro(base, data, end)
    _read_texts(base, data, wanted, start, end)
    return data


def _bar(day: date, level: float, step: int, volume: float, divisor: float) -> ServedBar:
    close = level * (1.0 + 0.004 * ((step * 7) % 11 - 5))
    opening = level * (1.0 + 0.004 * ((step * 5) % 11 - 5))
    high, low = max(opening, close) * 1.004, min(opening, close) * 0.996
    prices = [round(value / divisor, 4) for value in (opening, high, low, close)]
    return ServedBar(day, prices[0], prices[1], prices[2], prices[3], volume * divisor)


def _numbers() -> Mapping[str, int]:
    return {entry.symbol: entry.instrument_id for entry in universe()}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


_PRICE_FILES = (
    "us_etf_daily", "us_megacap_daily", "us_stock_daily_to_2024-03", "growth_ohlcv_to_2025-12", "crypto_daily",
)  # fmt: skip


def _read_bars(base: Path, wanted: set[str], data: MarketData, start: date, end: date) -> None:
    import duckdb

    splits: dict[str, list[tuple[date, float]]] = defaultdict(list)
    for symbol, day, ratio in data.splits:
        splits[symbol].append((day, ratio))
    for name in _PRICE_FILES:
        path = base / "prices" / f"{name}.csv.gz"
        with duckdb.connect() as connection:
            found = connection.execute(
                "SELECT symbol, date, open, high, low, close, coalesce(volume, 0), price_basis,"
                " max(date) OVER (PARTITION BY symbol) FROM read_csv(?, types={'symbol': 'VARCHAR', 'date': 'DATE'})"
                " QUALIFY date BETWEEN ? AND ? ORDER BY symbol, date",
                [str(path), start, end],
            ).fetchall()
        by_symbol: dict[str, list[ServedBar]] = defaultdict(list)
        for symbol, day, opening, high, low, close, volume, basis, last in found:
            factor = 1.0
            if basis == "split_adjusted":
                for ex_date, ratio in splits[symbol]:
                    factor *= ratio if day < ex_date <= last else 1.0
            prices = [round(value * factor, 6) for value in (opening, high, low, close)]
            by_symbol[symbol].append(ServedBar(day, prices[0], prices[1], prices[2], prices[3], float(volume) / factor))
        for symbol, bars in by_symbol.items():
            if symbol in wanted and len(bars) > len(data.bars.get(symbol, ())):
                data.bars[symbol] = bars


def _raw_dividends(
    base: Path, wanted: set[str], splits: Sequence[tuple[str, date, float]], start: date, end: date
) -> list[tuple[str, date, float]]:
    found: dict[tuple[str, date], float] = {}
    for row in _rows(base / "corporate_actions/dividends.csv.gz"):
        day = date.fromisoformat(row["ex_date"])
        if row["symbol"] in wanted and start <= day <= end and row["currency"] == "USD":
            factor = 1.0
            for symbol, ex_date, ratio in splits:
                if symbol == row["symbol"] and ex_date > day:
                    factor *= ratio
            found.setdefault((row["symbol"], day), round(float(row["amount"]) * factor, 6))
    return [(symbol, day, amount) for (symbol, day), amount in sorted(found.items(), key=lambda item: item[0][1])]


def _read_macro(base: Path, data: MarketData, end: date) -> None:
    """Give each value one vintage: the file's, or a month after the period; two vintages become a revision."""
    values: dict[str, dict[tuple[date, str], float]] = defaultdict(dict)
    for row in _rows(base / "macro/macro_series.csv.gz"):
        period = date.fromisoformat(row["date"])
        if period <= end and not row["series_id"].startswith(("SHILLER", "GPR")):
            values[row["series_id"]][period, row["vintage"]] = float(row["value"])
    for series, found in values.items():
        last: dict[date, float] = {}
        rows: list[tuple[date, date, float | None]] = []
        for (period, vintage), value in sorted(found.items()):
            if last.get(period) == value:
                continue
            first = period + timedelta(days=30)
            known = first if period not in last or not vintage else date(int(vintage[:4]), int(vintage[5:7]), 1)
            last[period] = value
            rows.append((period, max(known, first), value))
        data.macro[series] = rows


def _read_texts(base: Path, data: MarketData, wanted: set[str], start: date, end: date) -> None:
    for path in sorted((base / "news").glob("*.csv.gz")):
        for row in _rows(path):
            day = date.fromisoformat(row["date"])
            if start <= day <= end:
                stated = row["published_at"] or f"{day.isoformat()}T21:00:00Z"
                symbols = tuple(name for name in row["symbols"].replace(",", " ").split() if name in wanted)
                tone = (
                    row["sentiment"].lower() if row["sentiment"].lower() in ("positive", "neutral", "negative") else ""
                )
                data.articles.append(
                    ServedArticle(
                        datetime.fromisoformat(stated).astimezone(UTC), row["headline"], row["summary"], row["source"],
                        row["url"], symbols, tone,
                    )
                )  # fmt: skip
    data.articles.sort(key=lambda article: (article.published, article.headline))
    for row in _rows(base / "events/geopolitical_risk_daily.csv.gz"):
        day = date.fromisoformat(row["date"])
        if day <= end:
            names = ("N10D", "GPRD", "GPRD_ACT", "GPRD_THREAT", "GPRD_MA7", "GPRD_MA30")
            data.risk[day] = {name: float(row[name]) for name in names if row[name]}
    with (base / "events/gpr_labelled_events.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if date.fromisoformat(row["date"]) <= end:
                data.risk_events[date.fromisoformat(row["date"])] = row["event"].strip()
    for row in _rows(base / "events/earnings_eps_history.csv.gz"):
        day = date.fromisoformat(row["earnings_date"])
        if row["symbol"] in wanted and day <= end:
            estimate, actual = row["eps_estimate"], row["eps_actual"]
            data.earnings.append(
                (row["symbol"], day, float(estimate) if estimate else None, float(actual) if actual else None)
            )
