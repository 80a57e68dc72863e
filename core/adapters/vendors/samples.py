"""Read the real market data that ships inside installed packages; no network, no key, always the same rows.

| source | what | basis and fields |
|---|---|---|
| skfolio | 20 US large caps, five factor ETFs, closes to 2022-12-28 | total return, close only |
| skfolio | S&P 500 index, closes to 2022-12-28 | raw, close only |
| arch | S&P 500, Nasdaq Composite 1999-2018 | raw, open to close and volume |
| arch | VIX 2014-2019 | raw, close only |
| bokeh_sampledata | AAPL, MSFT, IBM, GOOG, META 2000-2013 with their splits | raw, open to close and volume |
| arch, statsmodels | oil, core CPI, bond yields, factor returns, quarterly US macro | macro series |
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.calendar import close_of
from core.data.universe import macro_catalogue, universe
from core.domain.market_path import PriceBasis
from core.domain.market_records import CorporateAction, MacroObservation
from core.errors import VendorError
from core.ports.vendor import BarColumns, RecordRows

Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dataset:
    package: str
    path: str
    parse: Callable[[list[Row]], Iterator[BarColumns]]


# Splits of the raw bars' companies up to the end of the samples, from the companies' own announcements:
# (symbol, ex-date, new shares per old).
_SPLITS = (
    ("AAPL", date(2000, 6, 21), 2.0),
    ("AAPL", date(2005, 2, 28), 2.0),
    ("AAPL", date(2014, 6, 9), 7.0),
    ("AAPL", date(2020, 8, 31), 4.0),
    ("MSFT", date(2003, 2, 18), 2.0),
    ("GOOG", date(2014, 3, 27), 2.002),
    ("GOOG", date(2022, 7, 18), 20.0),
)
_QUARTERLY = {
    "realgdp": "US_REAL_GDP_Q",
    "realcons": "US_REAL_CONSUMPTION_Q",
    "realinv": "US_REAL_INVESTMENT_Q",
    "realgovt": "US_REAL_GOVERNMENT_Q",
    "realdpi": "US_REAL_INCOME_Q",
    "cpi": "US_CPI_Q",
    "m1": "US_M1_Q",
    "tbilrate": "US_TBILL_Q",
    "unemp": "US_UNEMPLOYMENT_Q",
    "infl": "US_INFLATION_Q",
    "realint": "US_REAL_RATE_Q",
}
_FACTORS = {"Mkt-RF": "FF_MKT_RF", "SMB": "FF_SMB", "HML": "FF_HML", "RF": "FF_RF"}


class Samples:
    """Deliver the sample data as any vendor does."""

    name = "samples"

    def bars(
        self, symbols: Iterable[str] | None = None, start: date | None = None, end: date | None = None
    ) -> Iterator[BarColumns]:
        """Yield every sample series; the samples are small, so that symbols and window are not used."""
        for dataset in _BARS:
            yield from dataset.parse(parse_csv(fetch(dataset.package, dataset.path)))

    def actions(self, symbols: Iterable[str] | None = None) -> Iterator[RecordRows]:
        """Yield the splits of the companies with raw bars."""
        ids = {instrument.symbol: instrument.instrument_id for instrument in universe()}
        rows: list[tuple[Any, ...]] = [
            (ids[symbol], "split", day, "bokeh_sampledata", ratio, None, None, None, close_of(day, "XNYS"))
            for symbol, day, ratio in _SPLITS
        ]
        yield RecordRows(record=CorporateAction, source="bokeh_sampledata", rows=rows)

    def macro(self, series: Iterable[str] | None = None) -> Iterator[RecordRows]:
        """Yield the macro series; each value is known its series' release lag after the period began."""
        lags = {entry.series_id: entry.release_lag_days for entry in macro_catalogue()}
        for source, values in (("arch", _arch_macro()), ("statsmodels", _quarterly_macro())):
            rows: list[tuple[Any, ...]] = [
                (name, period, source, "", value, _end_of(period + timedelta(days=lags[name])), "release_lag")
                for name, period, value in values
            ]
            yield RecordRows(record=MacroObservation, source=source, rows=rows)


def fetch(package: str, path: str) -> bytes:
    """Return one file of an installed package, unpacked; raise VendorError when it is missing."""
    try:
        raw = distribution(package).locate_file(path).read_bytes()  # type: ignore[attr-defined]
    except (PackageNotFoundError, OSError) as error:
        raise VendorError(
            f"The sample file {path} of {package} is missing.", hint="Run `make` again to reinstall the packages."
        ) from error
    return gzip.decompress(raw) if path.endswith(".gz") else bytes(raw)


def parse_csv(content: bytes) -> list[Row]:
    """Return the rows of a CSV file with a header; a byte-order mark is dropped."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def _closes(rows: list[Row], source: str, basis: PriceBasis, names: dict[str, str]) -> Iterator[BarColumns]:
    cells = [(code, row["Date"], row[column]) for code, column in enumerate(names) for row in rows]
    # FRED writes "." for a holiday: no observation, not a bad row.
    cells = [cell for cell in cells if cell[2] not in ("", ".")]
    codes, days, closes = zip(*cells, strict=True)
    yield _columns(source, basis, tuple(names.values()), codes, days, {"Close": closes})


def _skfolio_stocks(rows: list[Row]) -> Iterator[BarColumns]:
    yield from _closes(rows, "skfolio", "total_return", {name: name for name in rows[0] if name != "Date"})


def _skfolio_index(rows: list[Row]) -> Iterator[BarColumns]:
    yield from _closes(rows, "skfolio", "raw", {"SP500": "^GSPC"})


def _arch_vix(rows: list[Row]) -> Iterator[BarColumns]:
    yield from _closes(rows, "arch", "raw", {"vix": "^VIX"})


def _arch_index(symbol: str) -> Callable[[list[Row]], Iterator[BarColumns]]:
    def parse(rows: list[Row]) -> Iterator[BarColumns]:
        yield _ohlcv("arch", (symbol,), [0] * len(rows), rows)

    return parse


def _bokeh_stocks(rows: list[Row]) -> Iterator[BarColumns]:
    tickers = tuple(dict.fromkeys(row["Ticker"] for row in rows))
    codes = [tickers.index(row["Ticker"]) for row in rows]
    # The file names each history by its ticker of 2013; Facebook is META today.
    symbols = tuple({"FB": "META"}.get(ticker, ticker) for ticker in tickers)
    yield _ohlcv("bokeh_sampledata", symbols, codes, rows)


def _ohlcv(source: str, symbols: tuple[str, ...], codes: Sequence[int], rows: list[Row]) -> BarColumns:
    cells = {name: [row[name] for row in rows] for name in ("Open", "High", "Low", "Close", "Volume")}
    return _columns(source, "raw", symbols, codes, [row["Date"] for row in rows], cells)


_BARS = (
    _Dataset(package="skfolio", path="skfolio/datasets/data/sp500_dataset.csv.gz", parse=_skfolio_stocks),
    _Dataset(package="skfolio", path="skfolio/datasets/data/factors_dataset.csv.gz", parse=_skfolio_stocks),
    _Dataset(package="skfolio", path="skfolio/datasets/data/sp500_index.csv.gz", parse=_skfolio_index),
    _Dataset(package="bokeh_sampledata", path="bokeh_sampledata/_data/stocks.csv.gz", parse=_bokeh_stocks),
    _Dataset(package="arch", path="arch/data/sp500/sp500.csv.gz", parse=_arch_index("^GSPC")),
    _Dataset(package="arch", path="arch/data/nasdaq/nasdaq.csv.gz", parse=_arch_index("^IXIC")),
    _Dataset(package="arch", path="arch/data/vix/vix.csv.gz", parse=_arch_vix),
)


def _columns(
    source: str,
    basis: PriceBasis,
    symbols: tuple[str, ...],
    codes: Sequence[int],
    days: Sequence[str],
    cells: Mapping[str, Sequence[str]],
) -> BarColumns:
    count = len(days)
    missing = np.full(count, np.nan)

    def column(name: str) -> NDArray[np.float64]:
        return np.array(cells[name], dtype=np.float64) if name in cells else missing

    return BarColumns(
        source=source,
        price_basis=basis,
        symbols=symbols,
        symbol_code=np.array(codes, dtype=np.int32),
        session=np.array([_iso(day) for day in days], dtype="datetime64[D]"),
        open=column("Open"),
        high=column("High"),
        low=column("Low"),
        close=column("Close"),
        volume=column("Volume"),
        line=np.arange(count, dtype=np.int64),
        has_ohlc="Open" in cells,
        has_volume="Volume" in cells,
        origin=f"samples:{source}",
    )


def _arch_macro() -> Iterator[tuple[str, date, float]]:
    # (file, column, series); oil at the 15th is a monthly mean and is left out beside the daily series.
    for path, column, name in (
        ("arch/data/wti/wti.csv.gz", "DCOILWTICO", "WTI_SPOT_DAILY"),
        ("arch/data/core_cpi/core-cpi.csv.gz", "CPILFESL", "CPILFESL"),
        ("arch/data/default/default.csv.gz", "AAA", "AAA"),
        ("arch/data/default/default.csv.gz", "BAA", "BAA"),
    ):
        for row in parse_csv(fetch("arch", path)):
            if row[column].strip() not in ("", "."):
                yield name, date.fromisoformat(_iso(row["Date"])), float(row[column])
    for row in parse_csv(fetch("arch", "arch/data/frenchdata/frenchdata.csv.gz")):
        period = date(int(row["Date"][:4]), int(row["Date"][4:6]), 1)
        for column, name in _FACTORS.items():
            yield name, period, float(row[column])


def _quarterly_macro() -> Iterator[tuple[str, date, float]]:
    for row in parse_csv(fetch("statsmodels", "statsmodels/datasets/macrodata/macrodata.csv")):
        period = date(int(float(row["year"])), 3 * int(float(row["quarter"])) - 2, 1)
        for column, name in _QUARTERLY.items():
            yield name, period, float(row[column])


def _iso(text: str) -> str:
    if "/" not in text:
        return text
    month, day, year = text.split("/")
    return f"{int(year):04d}-{int(month):02d}-{int(day):02d}"


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
