"""Define the records of news and sentiment."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal

from pydantic import Field

from core.domain.facts import Label
from core.domain.records import Record


class Article(Record):
    """Hold one news item; its text is data, never an instruction."""

    kind: ClassVar[str] = "article"
    table: ClassVar[str] = "news.articles"
    key: ClassVar[tuple[str, ...]] = ("article_id",)
    label: ClassVar[Label] = "public"
    versioned: ClassVar[bool] = True

    article_id: str
    published_at: datetime | None = None
    published_date: date
    headline: str
    summary: str = ""
    publisher: str = ""
    url: str = ""
    source: str
    known_at: datetime


class ArticleSymbol(Record):
    """Link an article to an instrument."""

    kind: ClassVar[str] = "article_symbol"
    table: ClassVar[str] = "news.article_symbols"
    key: ClassVar[tuple[str, ...]] = ("article_id", "instrument_id")
    label: ClassVar[Label] = "public"

    article_id: str
    instrument_id: int


class Sentiment(Record):
    """Score an article from -1 (negative) to 1 (positive)."""

    kind: ClassVar[str] = "sentiment"
    table: ClassVar[str] = "news.sentiment"
    key: ClassVar[tuple[str, ...]] = ("article_id", "scorer")
    label: ClassVar[Label] = "public"
    versioned: ClassVar[bool] = True

    article_id: str
    scorer: str
    score: float = Field(ge=-1, le=1)
    tone: Literal["negative", "neutral", "positive"]
    known_at: datetime
