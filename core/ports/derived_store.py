"""Define how derived rows are made again: claim what has changed, read its inputs, replace its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain.kernel import Float64Array
from core.domain.market_records import Instrument, SymbolHistory
from core.domain.records import Record

Part = Literal["prices", "correlations", "news", "events"]
PARTS: tuple[Part, ...] = ("prices", "correlations", "news", "events")
Sessions = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarSeries:
    """Hold the stored bars of one source and basis, ascending: datetime64[D], prices (NaN missing), datetime64[us]."""

    session: Sessions
    high: Float64Array
    low: Float64Array
    close: Float64Array
    known_at: NDArray[np.datetime64]

    def take(self, rows: NDArray[np.bool_]) -> BarSeries:
        """Return the chosen bars."""
        return BarSeries(
            session=self.session[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            known_at=self.known_at[rows],
        )

    def over_splits(self, splits: Sequence[tuple[date, float, datetime]]) -> BarSeries:
        """Return raw prices carried forward over splits: times the ratio from each ex-date on."""
        factor = np.ones(len(self.session))
        for ex_date, ratio, _ in sorted(splits):
            factor[self.session >= np.datetime64(ex_date, "D")] *= ratio
        return BarSeries(
            session=self.session,
            high=self.high * factor,
            low=self.low * factor,
            close=self.close * factor,
            known_at=self.known_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceHistory:
    """Hold what features of an instrument are made from: its series for levels and for returns, free of splits.

    `splits` are those (ex-date, ratio, known at) that raw prices were carried over.
    """

    instrument_id: int
    sessions_per_year: int
    prices: BarSeries
    returns: BarSeries
    splits: Sequence[tuple[date, float, datetime]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRows:
    """Hold the features of an instrument by session: arrays of one length, NaN where there is none."""

    instrument_id: int
    session: Sessions
    values: Mapping[str, Float64Array]
    known_at: NDArray[np.datetime64]


class DerivedWork(Protocol):
    """Make derived rows inside one transaction: what is claimed is done when it commits."""

    def claim(self, part: Part, limit: int | None = None) -> Mapping[int, date]:
        """Take marks of a part away and return them: the item, and since when its rows are out of date."""
        ...

    def mark(self, part: Part, items: Mapping[int, date]) -> None:
        """Mark items of a part as out of date since a day; an earlier day of a mark that is there stays."""
        ...

    def marked(self, part: Part) -> Mapping[int, date]:
        """Return the marks of a part without taking them away."""
        ...

    def made(self, part: Part) -> Mapping[int, tuple[str, str]]:
        """Return from what (names of series, of instruments) and by which code the items of a part were made."""
        ...

    def set_made(self, part: Part, items: Mapping[int, str], code_version: str) -> None:
        """Note from what and by which code items were made."""
        ...

    def replace(self, record: type[Record], where: Mapping[str, Sequence[Any]], rows: Sequence[tuple[Any, ...]]) -> int:
        """Replace the stored rows whose columns are among the values given by rows in the order of the record's fields.

        Only rows that differ are written; returns how many those are.
        """
        ...


class FeatureInputs(Protocol):
    """Read what features are made from, and store them."""

    def series_names(self) -> Mapping[int, str]:
        """Return the names of the series that answer for each instrument with prices."""
        ...

    def history(self, instrument_id: int) -> PriceHistory | None:
        """Return the bars of an instrument; None when it has none."""
        ...

    def replace_features(self, rows: FeatureRows, since: date, code_version: str) -> int:
        """Replace the features from a session on and return how many rows were written."""
        ...

    def remove_features(self, instrument_id: int) -> int:
        """Remove the features of an instrument without bars and return how many there were."""
        ...

    def benchmark_id(self, symbol: str) -> int | None:
        """Return the instrument that carries a symbol today."""
        ...

    def feature_span(self) -> tuple[date, date] | None:
        """Return the first and the last session with features; None when there are none."""
        ...

    def returns(self, start: date, end: date) -> tuple[NDArray[np.int32], Float64Array, Sequence[datetime]]:
        """Return the daily returns of a window, made of features: ids, a matrix (XNYS sessions, ids) with NaN where
        there is none, and when the newest of each id was known.
        """
        ...


class TextInputs(Protocol):
    """Read what links, scores and stories of news are made from, and the calendars' rows."""

    def articles(self, start: date, end: date) -> Sequence[tuple[str, datetime, str, str]]:
        """Return id, known time, headline and summary of the articles known on days (UTC, both included), by time."""
        ...

    def sentiments(self, days: Sequence[date]) -> Sequence[tuple[int, date, str, float, str, str, datetime]]:
        """Return (instrument, day, method, score, tone, story, known at) of each scored article of the days."""
        ...

    def events(self) -> Mapping[str, Sequence[Record]]:
        """Return the stored rows of every kind of event, by kind."""
        ...

    def identities(self) -> tuple[Sequence[Instrument], Sequence[SymbolHistory]]:
        """Return every instrument and which symbols named it when."""
        ...

    def article_days(self) -> Sequence[int]:
        """Return the days with articles, as days since 1970-01-01."""
        ...


class DerivedTransaction(DerivedWork, FeatureInputs, TextInputs, Protocol):
    """Join reading and writing in one transaction."""


class DerivedStore(Protocol):
    """Open transactions over derived data."""

    def begin(self) -> AbstractContextManager[DerivedTransaction]:
        """Begin a transaction that commits at the end and rolls back on an exception."""
        ...

    def digests(self) -> Mapping[str, str]:
        """Return a digest of the content of every derived table, times of writing left out."""
        ...
