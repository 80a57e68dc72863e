"""Define what the desk infers from stored data; every row is rebuildable and names the code that made it."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal

from pydantic import Field

from core.domain.facts import Label
from core.domain.records import Record


class DailyFeatures(Record):
    """Hold the features of an instrument after a session.

    All are free of the price level, so that a later split changes none of them: returns, volatilities (annualised)
    and the average true range (over the close) are ratios, beta and correlation are against the benchmark, RSI is 0
    to 100, `price_vs_sma` is the close over its average minus one, drawdown is from the high of 252 sessions.
    """

    kind: ClassVar[str] = "feature"
    table: ClassVar[str] = "derived.features_daily"
    key: ClassVar[tuple[str, ...]] = ("instrument_id", "session")
    label: ClassVar[Label] = "public"

    instrument_id: int
    session: date
    return_1d: float | None = None
    return_21d: float | None = None
    volatility_20d: float | None = None
    volatility_60d: float | None = None
    beta_252d: float | None = None
    correlation_252d: float | None = None
    rsi_14: float | None = None
    price_vs_sma_50: float | None = None
    price_vs_sma_200: float | None = None
    atr_14: float | None = None
    drawdown_252d: float | None = None
    code_version: str
    known_at: datetime


class Correlation(Record):
    """Hold the correlation of two instruments' daily returns over the 252 sessions up to the end of a quarter."""

    kind: ClassVar[str] = "correlation"
    table: ClassVar[str] = "derived.correlations"
    key: ClassVar[tuple[str, ...]] = ("instrument_id", "other_id", "session")
    label: ClassVar[Label] = "public"

    instrument_id: int
    other_id: int
    session: date
    correlation: float = Field(ge=-1, le=1)
    observations: int
    code_version: str
    known_at: datetime


class EventGroup(Record):
    """Say which event a row of a calendar is about, under its one title, and where it takes place."""

    kind: ClassVar[str] = "event_group"
    table: ClassVar[str] = "derived.event_groups"
    key: ClassVar[tuple[str, ...]] = ("event_id",)
    label: ClassVar[Label] = "public"

    event_id: str
    subject: Literal["economic", "security", "geopolitical"]
    group_key: str
    title: str
    region: str = ""
    code_version: str
    known_at: datetime


class EventSurprise(Record):
    """Hold actual minus expected of a release or report, and the same in deviations of the earlier surprises."""

    kind: ClassVar[str] = "event_surprise"
    table: ClassVar[str] = "derived.event_surprises"
    key: ClassVar[tuple[str, ...]] = ("group_key",)
    label: ClassVar[Label] = "public"

    group_key: str
    subject: Literal["economic", "security"]
    about: str
    instrument_id: int | None = None
    event_date: date
    actual: float
    expected: float
    surprise: float
    standardised: float | None = None
    history: int
    code_version: str
    known_at: datetime


class ArticleLink(Record):
    """Link an article to an instrument that its text names; `matched` is the text that did."""

    kind: ClassVar[str] = "article_link"
    table: ClassVar[str] = "derived.article_links"
    key: ClassVar[tuple[str, ...]] = ("article_id", "instrument_id")
    label: ClassVar[Label] = "public"

    article_id: str
    instrument_id: int
    matched: str
    code_version: str
    known_at: datetime


class ArticleScore(Record):
    """Hold the desk's own sentiment of an article, from -1 (negative) to 1 (positive)."""

    kind: ClassVar[str] = "article_score"
    table: ClassVar[str] = "derived.article_scores"
    key: ClassVar[tuple[str, ...]] = ("article_id",)
    label: ClassVar[Label] = "public"

    article_id: str
    score: float = Field(ge=-1, le=1)
    tone: Literal["negative", "neutral", "positive"]
    code_version: str
    known_at: datetime


class ArticleStory(Record):
    """Say which earlier article an article tells again; the first of a story names itself."""

    kind: ClassVar[str] = "article_story"
    table: ClassVar[str] = "derived.article_stories"
    key: ClassVar[tuple[str, ...]] = ("article_id",)
    label: ClassVar[Label] = "public"

    article_id: str
    story_id: str
    code_version: str
    known_at: datetime


class DailySentiment(Record):
    """Hold the mean sentiment of an instrument's articles of a day (UTC) by one method; known when the day is over."""

    kind: ClassVar[str] = "sentiment_day"
    table: ClassVar[str] = "derived.sentiment_daily"
    key: ClassVar[tuple[str, ...]] = ("instrument_id", "day", "method")
    label: ClassVar[Label] = "public"

    instrument_id: int
    day: date
    method: Literal["vendor", "lexicon"]
    articles: int
    stories: int
    score: float
    positive: int
    negative: int
    code_version: str
    known_at: datetime
