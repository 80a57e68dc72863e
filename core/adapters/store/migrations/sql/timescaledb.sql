-- The bars on a server that offers TimescaleDB 2.13 or newer: a hypertable with a chunk a year, compressed after two
-- years, and bars by month as a continuous aggregate. Every view keeps its name and columns.
-- UNTESTED on such a server, for want of one: only the statements that plain PostgreSQL knows were run. `migrate` leaves
-- the yearly partitions when any of this fails. A back-up of a hypertable is restored by TimescaleDB's own procedure.
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- A partitioned table cannot become a hypertable: another one takes its name, its views and its triggers.
DO $$
DECLARE
    statements text[];
    statement text;
BEGIN
    -- Their text names the table, whichever it is.
    PERFORM set_config('search_path', 'pg_catalog', true);
    SELECT coalesce(array_agg(text), '{}') INTO statements FROM (
        SELECT DISTINCT format('CREATE OR REPLACE VIEW %s AS %s', w.ev_class::regclass, pg_get_viewdef(w.ev_class)) AS text
        FROM pg_depend d JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = 'market_data.bars_daily'::regclass
          AND w.ev_class <> 'market_data.bars_monthly'::regclass
        UNION ALL
        SELECT pg_get_triggerdef(oid) FROM pg_trigger
        WHERE tgrelid = 'market_data.bars_daily'::regclass AND NOT tgisinternal) AS found;
    DROP VIEW market_data.bars_monthly;
    ALTER TABLE market_data.bars_daily RENAME TO bars_daily_partitioned;
    CREATE TABLE market_data.bars_daily (LIKE market_data.bars_daily_partitioned INCLUDING ALL);
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE statement;
    END LOOP;
    PERFORM set_config('search_path', 'public', true);
END $$;
SELECT create_hypertable('market_data.bars_daily', by_range('session', INTERVAL '1 year'), create_default_indexes => false);
INSERT INTO market_data.bars_daily SELECT * FROM market_data.bars_daily_partitioned;
DROP TABLE market_data.bars_daily_partitioned;

ALTER TABLE market_data.bars_daily SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'instrument_id, source, price_basis',
    timescaledb.compress_orderby = 'session'
);
SELECT add_compression_policy('market_data.bars_daily', INTERVAL '2 years');

CREATE MATERIALIZED VIEW market_data.bars_monthly WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
    SELECT instrument_id, source, price_basis, time_bucket(INTERVAL '1 month', session) AS month,
           first(open, session) AS open, max(high) AS high, min(low) AS low, last(close, session) AS close,
           sum(volume) AS volume, count(*) AS sessions
    FROM market_data.bars_daily GROUP BY 1, 2, 3, 4
WITH NO DATA;
-- From the beginning: a backfill writes anywhere.
SELECT add_continuous_aggregate_policy('market_data.bars_monthly', start_offset => NULL,
                                       end_offset => INTERVAL '1 day', schedule_interval => INTERVAL '1 day');
