"""Bring what the desk infers from news up to date: links, scores, stories, sentiment by day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from core.data.news_linking import Linker
from core.data.news_scoring import score
from core.data.news_stories import WINDOW, assign_stories
from core.domain.derived_records import ArticleLink, ArticleScore, ArticleStory, DailySentiment
from core.ports.derived_store import DerivedStore, DerivedTransaction

_EPOCH = date(1970, 1, 1)
_BEGINNING = date(1900, 1, 1)
# Days of articles that one transaction takes.
_BATCH_DAYS = 60


def update_news(store: DerivedStore, code_version: str, *, rebuild: bool) -> tuple[int, int]:
    """Link, score and group the articles of the days that are out of date; return how many days and rows."""
    with store.begin() as work:
        linker = Linker(*work.identities())
        if rebuild or work.made("news").get(0) != (linker.digest, code_version):
            work.mark("news", dict.fromkeys(work.article_days(), _BEGINNING))
            work.set_made("news", {0: linker.digest}, code_version)
    days = rows = 0
    while True:
        with store.begin() as work:
            claimed = work.claim("news", _BATCH_DAYS)
            if not claimed:
                return days, rows
            rows += _update_days(
                work, linker, [_EPOCH + timedelta(days=item) for item in sorted(claimed)], code_version
            )
        days += len(claimed)


def _update_days(work: DerivedTransaction, linker: Linker, days: Sequence[date], code_version: str) -> int:
    rows = 0
    for first, last in _runs(days):
        articles = work.articles(first, last)
        ids = [article for article, *_ in articles]
        links: list[tuple[Any, ...]] = []
        scores: list[tuple[Any, ...]] = []
        for article, known, headline, summary in articles:
            found = linker.link(headline, summary, known.date())
            links += [(article, number, text, code_version, known) for number, text in found.items()]
            scores.append((article, *score(headline, summary), code_version, known))
        rows += work.replace(ArticleLink, {"article_id": ids}, links)
        rows += work.replace(ArticleScore, {"article_id": ids}, scores)
    # A story reaches three days on, and with it the number of stories of a day.
    touched = sorted({day + timedelta(days=on) for day in days for on in range(WINDOW.days + 1)})
    for first, last in _runs(touched):
        before = work.articles(first - WINDOW, last)
        told = assign_stories((article, known, headline) for article, known, headline, _ in before)
        stories = [
            (article, story, code_version, known)
            for (article, story), (_, known, *_rest) in zip(told, before, strict=True)
            if known.date() >= first
        ]
        rows += work.replace(ArticleStory, {"article_id": [row[0] for row in stories]}, stories)
    summed = [(*row[:-1], code_version, row[-1]) for row in sum_by_day(work.sentiments(touched))]
    return rows + work.replace(DailySentiment, {"day": touched}, summed)


def sum_by_day(scored: Iterable[tuple[int, date, str, float, str, str, datetime]]) -> Iterator[tuple[Any, ...]]:
    """Yield the mean score and the counts of each (instrument, day, method); rows come sorted by these.

    A day's sentiment is known when the day is over, at midnight UTC, or with its last corrected score.
    """
    for (number, day, method), group in groupby(scored, key=lambda row: row[:3]):
        entries = list(group)
        mean = math.fsum(row[3] for row in entries) / len(entries)
        tones = [row[4] for row in entries]
        over = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        stories = len({row[5] for row in entries})
        known = max(over, *(row[6] for row in entries))
        yield number, day, method, len(entries), stories, mean, tones.count("positive"), tones.count("negative"), known


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Yield first and last of each run of neighbouring days."""
    for _, part in groupby(enumerate(days), key=lambda entry: entry[1].toordinal() - entry[0]):
        run = [day for _, day in part]
        yield run[0], run[-1]
