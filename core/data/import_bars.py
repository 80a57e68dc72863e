"""Read files of daily prices in the desk's layout.

Columns: `symbol, date` and `open, high, low, close, volume` or only `close` or only `adj_close`; further
`adj_close, currency, price_basis, source`. `price_basis` is one of

| in the file | stored as |
|---|---|
| raw_unadjusted | raw; symbols are tickers of the day, resolved by the dated symbol history |
| raw | raw (crypto, indices, currencies: nothing to adjust) |
| split_adjusted | split_adjusted |
| dividend_and_split_adjusted, total_return | total_return |
| (no such column) | raw; a file with adj_close only: total_return |

An `adj_close` beside unadjusted or split-adjusted prices is stored as a second, close-only total_return series.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.data.table_file import TableFile, day_number, number, to_days
from core.domain.market_path import PriceBasis
from core.errors import InvalidInput
from core.ports.vendor import BarColumns, SymbolConvention

_BASES: dict[str, PriceBasis] = {
    "raw_unadjusted": "raw",
    "raw": "raw",
    "split_adjusted": "split_adjusted",
    "dividend_and_split_adjusted": "total_return",
    "total_return": "total_return",
}
_WITH_DIVIDENDS_BESIDE = frozenset({"raw_unadjusted", "split_adjusted"})
_OHLC = ("open", "high", "low", "close")


def is_bars(file: TableFile) -> bool:
    """Say whether the columns are those of daily or intraday prices."""
    named = file.has("symbol", "date") or file.has("symbol", "ts")
    return named and (file.has("close") or file.has("adj_close"))


def read_bars(file: TableFile) -> Iterator[BarColumns]:
    """Yield the file's bars by source and basis; raise InvalidInput for intraday prices and unknown bases."""
    if not file.has("date"):
        raise InvalidInput(
            f"{file.path.name} holds intraday prices (column ts); the desk stores daily bars.",
            hint="Import a file with a date column and one row per session.",
        )
    basis = "coalesce(price_basis, 'raw')" if file.has("price_basis") else "'raw'"
    fallback = _file_stem(file)
    source = f"coalesce(source, '{fallback}')" if file.has("source") else f"'{fallback}'"
    if not file.has("close"):
        for (name,) in file.groups([source]):
            where = f"{source} = ?"
            yield _columns(file, where, (name,), name, "total_return", convention="current", close="adj_close")
        return
    for stated, name in file.groups([basis, source]):
        if stated not in _BASES:
            raise InvalidInput(
                f"{file.path.name} states the price basis {stated!r}.", hint=f"Expected one of {', '.join(_BASES)}."
            )
        where = f"{basis} = ? AND {source} = ?"
        convention: SymbolConvention = "as_traded" if stated == "raw_unadjusted" else "current"
        yield _columns(file, where, (stated, name), name, _BASES[stated], convention=convention, close="close")
        if stated in _WITH_DIVIDENDS_BESIDE and file.has("adj_close"):
            inside = f"{where} AND adj_close IS NOT NULL"
            extra = _columns(
                file,
                inside,
                (stated, name),
                name,
                "total_return",
                convention=convention,
                close="adj_close",
                beside=True,
            )
            if len(extra):
                yield extra


def _columns(
    file: TableFile,
    where: str,
    values: tuple[str, ...],
    source: str,
    basis: PriceBasis,
    *,
    convention: SymbolConvention,
    close: str,
    beside: bool = False,
) -> BarColumns:
    import pandas as pd

    wanted = {"record": "record", "symbol": "coalesce(symbol, '')", "day": day_number("date"), "last": number(close)}
    main = close == "close"
    fields = [name for name in (*_OHLC, "volume") if main and name != "close" and file.has(name)]
    wanted |= {name: number(name) for name in fields}
    if "volume" in fields:
        wanted["bad_volume"] = "volume IS NOT NULL AND NOT coalesce(isfinite(try_cast(volume AS DOUBLE)), false)"
    if file.has("currency"):
        wanted["currency"] = "coalesce(currency, '')"
    found = file.arrays(wanted, where, values)
    codes, symbols = pd.factorize(found["symbol"])
    records: NDArray[np.int64] = found["record"].astype(np.int64)
    missing = np.full(len(records), np.nan)
    has_ohlc = main and all(name in fields for name in ("open", "high", "low"))
    return BarColumns(
        source=source,
        price_basis=basis,
        symbols=tuple(str(symbol) for symbol in symbols),
        symbol_code=codes.astype(np.int32),
        session=to_days(found["day"]),
        open=found.get("open", missing),
        high=found.get("high", missing),
        low=found.get("low", missing),
        close=found["last"],
        volume=found.get("volume", missing),
        line=file.line_of(records),
        has_ohlc=has_ohlc,
        has_volume="volume" in fields and bool(np.isfinite(found["volume"]).any()),
        convention=convention,
        bad_volume=found["bad_volume"].astype(bool) if "bad_volume" in found else None,
        currency=found.get("currency"),
        origin=file.path.name,
        beside=beside,
        raw_rows=lambda rows: file.raw(records[rows]),
    )


def _file_stem(file: TableFile) -> str:
    return file.path.name.split(".")[0].replace("'", "")
