-- The views of bars and prices again, with the same rows, in a form that every version of PostgreSQL plans well.

-- The version of each bar that was in force. The condition stands over the union, not in its members: only so can a join
-- reach the bars of one series by index. Of stored bars the last part is a constant, which the planner drops.
CREATE VIEW market_data.bars_daily_known AS
    SELECT instrument_id, session, open, high, low, close, volume, price_basis, source, known_at
    FROM (
        SELECT instrument_id, session, open, high, low, close, volume, price_basis, source, known_at, recorded_at,
               NULL::timestamptz AS superseded_known_at, NULL::timestamptz AS superseded_recorded_at
        FROM market_data.bars_daily
        UNION ALL
        SELECT instrument_id, session, open, high, low, close, volume, price_basis, source, known_at, recorded_at,
               superseded_known_at, superseded_recorded_at
        FROM market_data.bars_daily_history
    ) AS versions
    WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
      AND (superseded_known_at IS NULL OR superseded_known_at > (SELECT market_data.as_of())
           OR superseded_recorded_at > (SELECT market_data.recorded_before()));
CREATE OR REPLACE VIEW market_data.v_bars AS
    SELECT i.symbol, b.instrument_id, b.session, b.open, b.high, b.low, b.close, b.volume, b.price_basis, b.source, b.known_at
    FROM market_data.bars_daily_known b JOIN market_data.instruments i USING (instrument_id);

-- A scan of a function counts its cost once, however often a join calls it, so that it was called for every bar; inside a
-- subquery (LIMIT keeps it one) the cost counts at each call, and the call is made once per instrument.
ALTER FUNCTION market_data.series_of(integer) COST 20000;
CREATE OR REPLACE VIEW market_data.v_prices AS
    SELECT i.symbol, i.instrument_id, i.asset_class, b.session, b.open, b.high, b.low, b.close, b.volume, b.price_basis, b.source
    FROM market_data.instruments i
    CROSS JOIN LATERAL (SELECT o.source, o.price_basis FROM market_data.series_of(i.instrument_id) o
                        WHERE o.purpose = 'price' AND o.rank = 1 LIMIT 1) c
    JOIN market_data.bars_daily_known b
      ON b.instrument_id = i.instrument_id AND b.source = c.source AND b.price_basis = c.price_basis;
CREATE OR REPLACE VIEW market_data.v_return_prices AS
    SELECT i.symbol, i.instrument_id, i.asset_class, b.session, b.close, b.price_basis, b.source
    FROM market_data.instruments i
    CROSS JOIN LATERAL (SELECT o.source, o.price_basis FROM market_data.series_of(i.instrument_id) o
                        WHERE o.purpose = 'return' AND o.rank = 1 LIMIT 1) c
    JOIN market_data.bars_daily_known b
      ON b.instrument_id = i.instrument_id AND b.source = c.source AND b.price_basis = c.price_basis;

-- Before version 18 a function in SQL is planned at every call, over every partition; one in PL/pgSQL keeps its plan.
CREATE OR REPLACE FUNCTION market_data.series_year(of_instrument integer, of_source text, of_basis text, of_year integer)
RETURNS TABLE (sessions integer, first_session date, last_session date, has_ohlc boolean, has_volume boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog ROWS 1 COST 1000 AS $$
DECLARE
    known CONSTANT timestamptz := market_data.as_of();
    recorded CONSTANT timestamptz := market_data.recorded_before();
    starts CONSTANT date := make_date(of_year, 1, 1);
    ends CONSTANT date := make_date(of_year + 1, 1, 1);
BEGIN
    RETURN QUERY
    SELECT count(*)::int, min(session), max(session), bool_or(open IS NOT NULL),
           (array_agg(volume IS NOT NULL ORDER BY session DESC))[1]
    FROM (
        SELECT session, open, volume FROM market_data.bars_daily
        WHERE instrument_id = of_instrument AND source = of_source AND price_basis = of_basis
          AND session >= starts AND session < ends AND known_at <= known AND recorded_at <= recorded
        UNION ALL
        SELECT session, open, volume FROM market_data.bars_daily_history
        WHERE instrument_id = of_instrument AND source = of_source AND price_basis = of_basis
          AND session >= starts AND session < ends AND known_at <= known AND recorded_at <= recorded
          AND (superseded_known_at > known OR superseded_recorded_at > recorded)
    ) AS bars
    HAVING count(*) > 0;
END $$;
