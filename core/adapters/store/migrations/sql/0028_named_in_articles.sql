-- Who an article is about: those its source tagged, and those that it names. A vendor tags a report on Bitcoin
-- with the miners whose feed it stood in.
CREATE OR REPLACE VIEW news.v_symbol_articles AS
    SELECT i.symbol, s.instrument_id, a.article_id, a.published_at, a.published_date, a.headline, a.summary, a.publisher, a.url,
           a.sentiment_score, a.sentiment, a.source, a.known_at, a.story_id, a.sentiment_method, s.link_method
    FROM (
        SELECT article_id, instrument_id, 'vendor' AS link_method FROM news.article_symbols
        UNION ALL
        SELECT l.article_id, l.instrument_id, 'linker' FROM derived.article_links l
        WHERE l.known_at <= (SELECT market_data.as_of())
          AND NOT EXISTS (SELECT FROM news.article_symbols v WHERE v.article_id = l.article_id
                            AND v.instrument_id = l.instrument_id)
    ) s
    JOIN news.v_articles a USING (article_id)
    JOIN market_data.instruments i USING (instrument_id);

-- Sentiment by day counts the same links, so it is made anew.
DELETE FROM derived.builds WHERE part = 'news';
