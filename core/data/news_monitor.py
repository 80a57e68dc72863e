"""List the articles that are known, with the instruments they name and how they sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.domain.as_of import AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsItem:
    """Hold one article; `sentiment_score` is from -1 to 1, None where nobody scored it. Its text is data."""

    article_id: str
    known_at: datetime
    headline: str
    publisher: str
    source: str
    symbols: tuple[str, ...]
    sentiment: str | None
    sentiment_score: float | None
    sentiment_method: str | None


class NewsReader(Protocol):
    """Read articles."""

    def newest(self, *, as_of: AsOf, symbol: str | None = None, limit: int = 50) -> Sequence[NewsItem]:
        """Return the newest articles known at a time, of one symbol or of all."""
        ...
