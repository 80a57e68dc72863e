-- Every version of every market fact, and which series a question is answered from, as they were known at a time.

-- What each series of bars holds, year by year, kept by the writer in its own transaction: `days` has one bit per day of
-- the year. From `known_at` and `recorded_at` on the row says what a reader sees; before that the bars are counted.
CREATE TABLE market_data.series_years (
    instrument_id integer NOT NULL,
    source text NOT NULL,
    price_basis text NOT NULL,
    year integer NOT NULL,
    days bit(366) NOT NULL,
    first_session date NOT NULL,
    last_session date NOT NULL,
    has_ohlc boolean NOT NULL,
    has_volume boolean NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument_id, source, price_basis, year)
);

-- Rebuild the rows of some instruments (null: of all) from the bars.
CREATE FUNCTION market_data.index_series_years(wanted integer[]) RETURNS void LANGUAGE sql AS $$
    DELETE FROM market_data.series_years WHERE wanted IS NULL OR instrument_id = ANY (wanted);
    INSERT INTO market_data.series_years
        (instrument_id, source, price_basis, year, days, first_session, last_session, has_ohlc, has_volume, known_at,
         recorded_at)
    SELECT instrument_id, source, price_basis, extract(year FROM session)::int,
           bit_or(set_bit(repeat('0', 366)::bit(366), extract(doy FROM session)::int - 1, 1)),
           min(session), max(session), bool_or(open IS NOT NULL),
           (array_agg(volume IS NOT NULL ORDER BY session DESC))[1], max(known_at), max(recorded_at)
    FROM (
        SELECT instrument_id, source, price_basis, session, open, volume, known_at, recorded_at
        FROM market_data.bars_daily WHERE wanted IS NULL OR instrument_id = ANY (wanted)
    ) AS bars
    GROUP BY 1, 2, 3, 4;
$$;
SELECT market_data.index_series_years(NULL);

-- One year of one series as it was known: no row when nothing was.
CREATE FUNCTION market_data.series_year(of_instrument integer, of_source text, of_basis text, of_year integer)
RETURNS TABLE (sessions integer, first_session date, last_session date, has_ohlc boolean, has_volume boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog ROWS 1 COST 1000 AS $$
    SELECT count(*)::int, min(session), max(session), bool_or(open IS NOT NULL),
           (array_agg(volume IS NOT NULL ORDER BY session DESC))[1]
    FROM (
        SELECT session, open, volume FROM market_data.bars_daily
        WHERE instrument_id = of_instrument AND source = of_source AND price_basis = of_basis
          AND session >= make_date(of_year, 1, 1) AND session < make_date(of_year + 1, 1, 1)
          AND known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
        UNION ALL
        SELECT session, open, volume FROM market_data.bars_daily_history
        WHERE instrument_id = of_instrument AND source = of_source AND price_basis = of_basis
          AND session >= make_date(of_year, 1, 1) AND session < make_date(of_year + 1, 1, 1)
          AND known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
          AND (superseded_known_at > (SELECT market_data.as_of())
               OR superseded_recorded_at > (SELECT market_data.recorded_before()))
    ) AS bars
    HAVING count(*) > 0
$$;

-- The order of sources was a table computed from everything stored; it is a view now, so that what arrives later
-- changes no earlier choice. The rules, in this order: fresh (ends within 31 days of the newest session; prices as
-- traded within 366), basis that fits the purpose, all fields (prices only), more sessions, name.
DROP VIEW market_data.v_prices, market_data.v_return_prices;
DROP TABLE market_data.canonical_series;
CREATE FUNCTION market_data.series_of(of_instrument integer)
RETURNS TABLE (purpose text, rank integer, source text, price_basis text, has_ohlc boolean, has_volume boolean,
               first_session date, last_session date, sessions integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog ROWS 4 COST 1000 AS $$
    SELECT p.purpose, (row_number() OVER (PARTITION BY p.purpose ORDER BY
                s.last_session < s.newest - CASE
                    WHEN p.purpose = 'price' AND s.has_ohlc AND s.price_basis <> 'total_return' THEN 366 ELSE 31 END,
                CASE WHEN p.purpose = 'price' THEN (s.price_basis = 'total_return')::int
                     ELSE array_position(ARRAY['total_return', 'split_adjusted', 'raw'], s.price_basis) END,
                p.purpose = 'price' AND NOT s.has_ohlc, s.sessions DESC, s.source COLLATE "C",
                s.price_basis COLLATE "C"))::int,
           s.source, s.price_basis, s.has_ohlc, s.has_volume, s.first_session, s.last_session, s.sessions
    FROM (
        SELECT y.source, y.price_basis, bool_or(y.has_ohlc) AS has_ohlc,
               (array_agg(y.has_volume ORDER BY y.last_session DESC))[1] AS has_volume,
               min(y.first_session) AS first_session, max(y.last_session) AS last_session,
               sum(y.sessions)::int AS sessions, max(max(y.last_session)) OVER () AS newest
        FROM (
            SELECT source, price_basis, bit_count(days) AS sessions, first_session, last_session, has_ohlc, has_volume
            FROM market_data.series_years
            WHERE instrument_id = of_instrument AND known_at <= (SELECT market_data.as_of())
              AND recorded_at <= (SELECT market_data.recorded_before())
            UNION ALL
            SELECT t.source, t.price_basis, f.sessions, f.first_session, f.last_session, f.has_ohlc, f.has_volume
            FROM market_data.series_years t
            CROSS JOIN LATERAL market_data.series_year(t.instrument_id, t.source, t.price_basis, t.year) f
            WHERE t.instrument_id = of_instrument
              AND t.year <= extract(year FROM (SELECT market_data.as_of()) + interval '1 day')
              AND (t.known_at > (SELECT market_data.as_of())
                   OR t.recorded_at > (SELECT market_data.recorded_before()))
        ) AS y
        GROUP BY y.source, y.price_basis
    ) AS s CROSS JOIN (VALUES ('price'), ('return')) AS p (purpose)
$$;
CREATE VIEW market_data.canonical_series AS
    SELECT i.instrument_id, o.* FROM market_data.instruments i CROSS JOIN LATERAL market_data.series_of(i.instrument_id) o;

CREATE VIEW market_data.v_prices AS
    SELECT b.symbol, b.instrument_id, i.asset_class, b.session, b.open, b.high, b.low, b.close, b.volume, b.price_basis, b.source
    FROM market_data.v_bars b
    JOIN market_data.instruments i USING (instrument_id)
    JOIN market_data.canonical_series c
      ON c.instrument_id = b.instrument_id AND c.source = b.source AND c.price_basis = b.price_basis
     AND c.purpose = 'price' AND c.rank = 1;
CREATE VIEW market_data.v_return_prices AS
    SELECT b.symbol, b.instrument_id, i.asset_class, b.session, b.close, b.price_basis, b.source
    FROM market_data.v_bars b
    JOIN market_data.instruments i USING (instrument_id)
    JOIN market_data.canonical_series c
      ON c.instrument_id = b.instrument_id AND c.source = b.source AND c.price_basis = b.price_basis
     AND c.purpose = 'return' AND c.rank = 1;

-- Records that are not bars keep their versions in the same way: a correction closes the old row into `..._history`.
-- `..._known` shows the version in force at the as-of time.
DO $$
DECLARE
    entry record;
    columns text;
BEGIN
    FOR entry IN SELECT * FROM (VALUES
        ('market_data.corporate_actions', 'instrument_id, action, ex_date, source'),
        ('market_data.macro_observations', 'series_id, period, source, vintage'),
        ('events.economic', 'event_id'), ('events.security', 'event_id'), ('events.geopolitical', 'event_id'),
        ('news.articles', 'article_id'), ('news.sentiment', 'article_id, scorer')) AS t (name, key)
    LOOP
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
        FROM pg_attribute WHERE attrelid = entry.name::regclass AND attnum > 0 AND NOT attisdropped;
        EXECUTE format('CREATE TABLE %s_history (LIKE %s, superseded_known_at timestamptz NOT NULL,'
                       ' superseded_recorded_at timestamptz NOT NULL, PRIMARY KEY (%s, recorded_at))',
                       entry.name, entry.name, entry.key);
        EXECUTE format('CREATE VIEW %1$s_known AS SELECT %2$s FROM %1$s'
            ' WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())'
            ' UNION ALL SELECT %2$s FROM %1$s_history'
            ' WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())'
            ' AND (superseded_known_at > (SELECT market_data.as_of())'
            ' OR superseded_recorded_at > (SELECT market_data.recorded_before()))', entry.name, columns);
    END LOOP;
END $$;

CREATE OR REPLACE VIEW market_data.v_corporate_actions AS
    SELECT i.symbol, a.instrument_id, a.action, a.ex_date, a.ratio, a.amount, a.currency, a.amount_basis, a.source, a.known_at
    FROM market_data.corporate_actions_known a JOIN market_data.instruments i USING (instrument_id);
CREATE OR REPLACE VIEW market_data.v_macro_vintages AS
    SELECT o.series_id, s.name, s.unit, s.frequency, o.period, o.value, o.vintage, o.source, o.known_at, o.known_at_method
    FROM market_data.macro_observations_known o JOIN market_data.macro_series s USING (series_id);
CREATE OR REPLACE VIEW events.v_economic AS
    SELECT event_id, event_at, event_date, country, name, category, importance,
           CASE WHEN actual_known_at <= (SELECT market_data.as_of()) THEN actual END AS actual,
           forecast, previous, source, known_at
    FROM events.economic_known;
CREATE OR REPLACE VIEW events.v_security AS
    SELECT i.symbol, e.event_id, e.instrument_id, e.event, e.event_at, e.event_date, e.eps_estimate,
           CASE WHEN e.actual_known_at <= (SELECT market_data.as_of()) THEN e.eps_actual END AS eps_actual,
           CASE WHEN e.actual_known_at <= (SELECT market_data.as_of()) THEN e.eps_actual - e.eps_estimate END AS eps_surprise,
           e.source, e.known_at
    FROM events.security_known e JOIN market_data.instruments i USING (instrument_id);
CREATE OR REPLACE VIEW events.v_geopolitical AS
    SELECT event_id, event_at, event_date, name, description, category, locations, severity, risk_index, source, known_at
    FROM events.geopolitical_known;
CREATE OR REPLACE VIEW news.v_articles AS
    SELECT article_id, published_at, published_date, headline, summary, publisher, url, source, known_at
    FROM news.articles_known;
CREATE OR REPLACE VIEW news.v_symbol_articles AS
    SELECT i.symbol, s.instrument_id, a.article_id, a.published_at, a.published_date, a.headline, a.summary, a.publisher, a.url,
           t.score AS sentiment_score, t.tone AS sentiment, a.source, a.known_at
    FROM news.article_symbols s
    JOIN news.articles_known a USING (article_id)
    JOIN market_data.instruments i USING (instrument_id)
    LEFT JOIN LATERAL (
        SELECT score, tone FROM news.sentiment_known x WHERE x.article_id = a.article_id ORDER BY x.scorer LIMIT 1) t ON true;

-- What caches are keyed by: the sum of `changes` grows with every committed write of prices, actions or instruments.
-- One row per server process, so that writers never wait for one another.
CREATE TABLE ops.data_changes (
    writer integer PRIMARY KEY,
    changes bigint NOT NULL
);
CREATE FUNCTION ops.count_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO ops.data_changes AS c (writer, changes) VALUES (pg_backend_pid(), 1)
    ON CONFLICT (writer) DO UPDATE SET changes = c.changes + 1;
    RETURN NULL;
END $$;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['bars_daily', 'bars_daily_history', 'series_years', 'corporate_actions', 'instruments'] LOOP
        EXECUTE format('CREATE TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON market_data.%I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION ops.count_change()', name);
    END LOOP;
END $$;
