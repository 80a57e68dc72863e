"""Read articles from the as-of views."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters.store.database import Database
from core.data.news_monitor import NewsItem
from core.domain.as_of import AsOf

_NEWEST = """
WITH page AS (
    SELECT article_id, known_at, headline, publisher, source, sentiment, sentiment_score, sentiment_method
    FROM news.v_articles
    WHERE %(symbol)s::text IS NULL
       OR article_id IN (SELECT article_id FROM news.v_symbol_articles WHERE symbol = %(symbol)s)
    ORDER BY known_at DESC, article_id LIMIT %(limit)s
)
SELECT p.*, coalesce(s.symbols, '{}')
FROM page p LEFT JOIN (
    SELECT article_id, array_agg(DISTINCT symbol ORDER BY symbol) AS symbols
    FROM news.v_symbol_articles WHERE article_id IN (SELECT article_id FROM page) GROUP BY 1
) s USING (article_id)
ORDER BY p.known_at DESC, p.article_id
"""


class PostgresNews:
    """Implement core.data.news_monitor.NewsReader."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, *, as_of: AsOf, symbol: str | None = None, limit: int = 50) -> Sequence[NewsItem]:
        """Return the newest articles known at a time, of one symbol or of all."""
        with self._database.transaction(as_of=as_of) as connection:
            rows = connection.execute(_NEWEST.encode(), {"symbol": symbol, "limit": limit}).fetchall()
        return [
            NewsItem(
                article_id=row[0],
                known_at=row[1],
                headline=row[2],
                publisher=row[3],
                source=row[4],
                sentiment=row[5],
                sentiment_score=row[6],
                sentiment_method=row[7],
                symbols=tuple(row[8]),
            )
            for row in rows
        ]
