-- What the desk infers from stored data: rebuildable, versioned by the code that made it, from public schemas only.
-- Nothing here changes what vendors delivered; the views join both.
DROP VIEW derived.v_features;
DROP TABLE derived.features_daily;

-- What has changed since the derived rows were made, written in the transaction of the change:
-- prices by instrument from a session on; news by day (item = days since 1970-01-01); events and correlations as a whole.
CREATE TABLE derived.stale (
    part text NOT NULL CHECK (part IN ('prices', 'correlations', 'news', 'events')),
    item integer NOT NULL,
    since date NOT NULL,
    PRIMARY KEY (part, item)
);
-- By which code, and from which series, the rows of an item were made.
CREATE TABLE derived.builds (
    part text NOT NULL,
    item integer NOT NULL,
    made_from text NOT NULL,
    code_version text NOT NULL,
    PRIMARY KEY (part, item)
);
CREATE TABLE derived.features_daily (
    instrument_id integer NOT NULL,
    session date NOT NULL,
    return_1d double precision,
    return_21d double precision,
    volatility_20d double precision,
    volatility_60d double precision,
    beta_252d double precision,
    correlation_252d double precision,
    rsi_14 double precision,
    price_vs_sma_50 double precision,
    price_vs_sma_200 double precision,
    atr_14 double precision,
    drawdown_252d double precision,
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument_id, session)
);
CREATE TABLE derived.correlations (
    instrument_id integer NOT NULL,
    other_id integer NOT NULL CHECK (other_id > instrument_id),
    session date NOT NULL,
    correlation double precision NOT NULL,
    observations integer NOT NULL,
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument_id, other_id, session)
);
CREATE TABLE derived.event_groups (
    event_id text PRIMARY KEY,
    subject text NOT NULL CHECK (subject IN ('economic', 'security', 'geopolitical')),
    group_key text NOT NULL,
    title text NOT NULL,
    region text NOT NULL DEFAULT '',
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX event_groups_by_key ON derived.event_groups (group_key);
CREATE TABLE derived.event_surprises (
    group_key text PRIMARY KEY,
    subject text NOT NULL CHECK (subject IN ('economic', 'security')),
    about text NOT NULL,
    instrument_id integer,
    event_date date NOT NULL,
    actual double precision NOT NULL,
    expected double precision NOT NULL,
    surprise double precision NOT NULL,
    standardised double precision,
    history integer NOT NULL,
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE derived.article_links (
    article_id text NOT NULL,
    instrument_id integer NOT NULL,
    matched text NOT NULL,
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (article_id, instrument_id)
);
CREATE INDEX article_links_by_instrument ON derived.article_links (instrument_id);
CREATE TABLE derived.article_scores (
    article_id text PRIMARY KEY,
    score double precision NOT NULL CHECK (score BETWEEN -1 AND 1),
    tone text NOT NULL CHECK (tone IN ('negative', 'neutral', 'positive')),
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE derived.article_stories (
    article_id text PRIMARY KEY,
    story_id text NOT NULL,
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX article_stories_by_story ON derived.article_stories (story_id);
CREATE TABLE derived.sentiment_daily (
    instrument_id integer NOT NULL,
    day date NOT NULL,
    method text NOT NULL CHECK (method IN ('vendor', 'lexicon')),
    articles integer NOT NULL,
    stories integer NOT NULL,
    score double precision NOT NULL,
    positive integer NOT NULL,
    negative integer NOT NULL,
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument_id, day, method)
);
-- Everything stored before this revision still has to be derived.
INSERT INTO derived.stale
    SELECT 'prices', instrument_id, min(first_session) FROM market_data.series_years GROUP BY 2
    UNION ALL SELECT DISTINCT 'news', (known_at AT TIME ZONE 'UTC')::date - '1970-01-01'::date, '1900-01-01'::date FROM news.articles
    UNION ALL SELECT 'events', 0, '1900-01-01';

-- Rows of several calendars about one event are one row; each field comes from the first calendar that has it.
CREATE OR REPLACE VIEW events.v_economic AS
    SELECT e.event_id, e.event_at, e.event_date, e.country, e.name, e.category, e.importance, e.actual, e.forecast, e.previous,
           e.source, e.known_at, e.release, e.actual - e.forecast AS surprise, s.standardised AS standardised_surprise, e.sources
    FROM (
        SELECT coalesce(g.group_key, r.event_id) AS group_key, r.event_date, r.country,
               (array_agg(r.event_id ORDER BY r.place, r.source, r.event_id))[1] AS event_id,
               (array_agg(r.event_at ORDER BY r.event_at IS NULL, r.place, r.source, r.event_id))[1] AS event_at,
               (array_agg(r.name ORDER BY r.place, r.source, r.event_id))[1] AS name,
               (array_agg(r.category ORDER BY r.place, r.source, r.event_id))[1] AS category,
               (array_agg(r.importance ORDER BY r.importance = 'unknown', r.place, r.source, r.event_id))[1] AS importance,
               (array_agg(r.actual ORDER BY r.actual IS NULL, r.place, r.source, r.event_id))[1] AS actual,
               (array_agg(r.forecast ORDER BY r.forecast IS NULL, r.place, r.source, r.event_id))[1] AS forecast,
               (array_agg(r.previous ORDER BY r.previous IS NULL, r.place, r.source, r.event_id))[1] AS previous,
               (array_agg(r.source ORDER BY r.place, r.source, r.event_id))[1] AS source,
               min(r.known_at) AS known_at, max(g.title) AS release,
               count(DISTINCT r.source) AS sources
        FROM (
            SELECT event_id, event_at, event_date, country, name, category, importance, forecast, previous, source, known_at,
                   CASE WHEN actual_known_at <= (SELECT market_data.as_of()) THEN actual END AS actual,
                   CASE WHEN forecast IS NULL AND previous IS NULL THEN 1 ELSE 0 END AS place
            FROM events.economic_known
        ) r LEFT JOIN derived.event_groups g
            ON g.event_id = r.event_id AND g.known_at <= (SELECT market_data.as_of())
        GROUP BY coalesce(g.group_key, r.event_id), r.event_date, r.country
    ) e LEFT JOIN derived.event_surprises s ON s.group_key = e.group_key AND s.known_at <= (SELECT market_data.as_of());

-- All that happened to a security: earnings, dividends, splits, new symbols. `value` is the dividend or the split's ratio.
CREATE OR REPLACE VIEW events.v_security AS
    SELECT i.symbol, e.event_id, e.instrument_id, e.event, e.event_at, e.event_date, e.eps_estimate, e.eps_actual,
           e.eps_actual - e.eps_estimate AS eps_surprise, e.source, e.known_at,
           s.standardised AS standardised_surprise, NULL::double precision AS value, '' AS detail
    FROM (
        SELECT coalesce(g.group_key, r.event_id) AS group_key, r.instrument_id, r.event,
               (array_agg(r.event_id ORDER BY r.place, r.event_date, r.event_id))[1] AS event_id,
               (array_agg(r.event_at ORDER BY r.event_at IS NULL, r.place, r.event_date, r.event_id))[1] AS event_at,
               (array_agg(r.event_date ORDER BY r.place, r.event_date, r.event_id))[1] AS event_date,
               (array_agg(r.eps_estimate ORDER BY r.eps_estimate IS NULL, r.place, r.event_date, r.event_id))[1] AS eps_estimate,
               (array_agg(r.eps_actual ORDER BY r.eps_actual IS NULL, r.place, r.event_date, r.event_id))[1] AS eps_actual,
               (array_agg(r.source ORDER BY r.place, r.event_date, r.event_id))[1] AS source, min(r.known_at) AS known_at
        FROM (
            SELECT event_id, instrument_id, event, event_at, event_date, eps_estimate, source, known_at,
                   CASE WHEN actual_known_at <= (SELECT market_data.as_of()) THEN eps_actual END AS eps_actual,
                   CASE WHEN eps_estimate IS NULL THEN 1 ELSE 0 END AS place
            FROM events.security_known
        ) r LEFT JOIN derived.event_groups g
            ON g.event_id = r.event_id AND g.known_at <= (SELECT market_data.as_of())
        GROUP BY coalesce(g.group_key, r.event_id), r.instrument_id, r.event
    ) e JOIN market_data.instruments i USING (instrument_id)
    LEFT JOIN derived.event_surprises s ON s.group_key = e.group_key AND s.known_at <= (SELECT market_data.as_of())
    UNION ALL
    SELECT i.symbol, concat_ws(' ', a.action, i.symbol, a.ex_date::text, a.source), a.instrument_id, a.action, NULL, a.ex_date,
           NULL, NULL, NULL, a.source, a.known_at, NULL, coalesce(a.amount, a.ratio), coalesce(a.currency, '')
    FROM market_data.corporate_actions_known a JOIN market_data.instruments i USING (instrument_id)
    UNION ALL
    SELECT i.symbol, concat_ws(' ', 'symbol_change', h.symbol, h.valid_from::text), h.instrument_id, 'symbol_change', NULL,
           h.valid_from, NULL, NULL, NULL, h.source, h.known_at, NULL, NULL, h.symbol
    FROM market_data.symbol_history h JOIN market_data.instruments i USING (instrument_id)
    WHERE h.valid_from > '1900-01-01' AND h.known_at <= (SELECT market_data.as_of())
      AND h.recorded_at <= (SELECT market_data.recorded_before());

-- Rows of several sources about one event are one row: the one that says most.
CREATE OR REPLACE VIEW events.v_geopolitical AS
    SELECT event_id, event_at, event_date, name, description, category, locations, severity, risk_index, source, known_at, region
    FROM (
        SELECT r.*, coalesce(g.region, '') AS region,
               row_number() OVER (PARTITION BY coalesce(g.group_key, r.event_id)
                                  ORDER BY r.description = '', r.event_date, r.source, r.event_id) AS place
        FROM events.geopolitical_known r LEFT JOIN derived.event_groups g
            ON g.event_id = r.event_id AND g.known_at <= (SELECT market_data.as_of())
    ) e WHERE place = 1;

-- A sentiment for each article and method: those that came with the article and the desk's own.
CREATE VIEW news.v_sentiment AS
    SELECT s.article_id, s.scorer AS method, '' AS code_version, s.score, s.tone, s.known_at
    FROM news.sentiment_known s
    UNION ALL
    SELECT d.article_id, 'lexicon', d.code_version, d.score, d.tone, d.known_at
    FROM derived.article_scores d WHERE d.known_at <= (SELECT market_data.as_of());

CREATE OR REPLACE VIEW news.v_articles AS
    SELECT a.article_id, a.published_at, a.published_date, a.headline, a.summary, a.publisher, a.url, a.source, a.known_at,
           coalesce(t.story_id, a.article_id) AS story_id, coalesce(v.score, d.score) AS sentiment_score,
           coalesce(v.tone, d.tone) AS sentiment,
           coalesce(v.scorer, CASE WHEN d.article_id IS NOT NULL THEN 'lexicon' END) AS sentiment_method
    FROM news.articles_known a
    LEFT JOIN derived.article_stories t ON t.article_id = a.article_id AND t.known_at <= (SELECT market_data.as_of())
    LEFT JOIN derived.article_scores d ON d.article_id = a.article_id AND d.known_at <= (SELECT market_data.as_of())
    LEFT JOIN LATERAL (
        SELECT x.score, x.tone, x.scorer FROM news.sentiment_known x
        WHERE x.article_id = a.article_id ORDER BY x.scorer LIMIT 1) v ON true;

-- Who an article is about: its source's own word where it gave one, else the desk's linker.
CREATE OR REPLACE VIEW news.v_symbol_articles AS
    SELECT i.symbol, s.instrument_id, a.article_id, a.published_at, a.published_date, a.headline, a.summary, a.publisher, a.url,
           a.sentiment_score, a.sentiment, a.source, a.known_at, a.story_id, a.sentiment_method, s.link_method
    FROM (
        SELECT article_id, instrument_id, 'vendor' AS link_method FROM news.article_symbols
        UNION ALL
        SELECT l.article_id, l.instrument_id, 'linker' FROM derived.article_links l
        WHERE l.known_at <= (SELECT market_data.as_of())
          AND NOT EXISTS (SELECT FROM news.article_symbols v WHERE v.article_id = l.article_id)
    ) s
    JOIN news.v_articles a USING (article_id)
    JOIN market_data.instruments i USING (instrument_id);

CREATE VIEW derived.v_sentiment_daily AS
    SELECT i.symbol, d.instrument_id, d.day, d.method, d.articles, d.stories, d.score, d.positive, d.negative, d.known_at
    FROM derived.sentiment_daily d JOIN market_data.instruments i USING (instrument_id)
    WHERE d.known_at <= (SELECT market_data.as_of()) AND d.recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW derived.v_features AS
    SELECT i.symbol, f.instrument_id, f.session, v.feature, v.value, f.known_at
    FROM derived.features_daily f JOIN market_data.instruments i USING (instrument_id)
    CROSS JOIN LATERAL (VALUES
        ('return_1d', f.return_1d), ('return_21d', f.return_21d), ('volatility_20d', f.volatility_20d),
        ('volatility_60d', f.volatility_60d), ('beta_252d', f.beta_252d), ('correlation_252d', f.correlation_252d),
        ('rsi_14', f.rsi_14), ('price_vs_sma_50', f.price_vs_sma_50), ('price_vs_sma_200', f.price_vs_sma_200),
        ('atr_14', f.atr_14), ('drawdown_252d', f.drawdown_252d)) AS v (feature, value)
    WHERE f.known_at <= (SELECT market_data.as_of()) AND f.recorded_at <= (SELECT market_data.recorded_before())
      AND v.value IS NOT NULL;

CREATE VIEW derived.v_correlations AS
    SELECT a.symbol, b.symbol AS other, c.instrument_id, c.other_id, c.session, c.correlation, c.observations, c.known_at
    FROM derived.correlations c
    JOIN market_data.instruments a USING (instrument_id) JOIN market_data.instruments b ON b.instrument_id = c.other_id
    WHERE c.known_at <= (SELECT market_data.as_of()) AND c.recorded_at <= (SELECT market_data.recorded_before());
