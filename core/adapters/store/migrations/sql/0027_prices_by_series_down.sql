-- The views and the function as 0002 and 0005 made them.
CREATE OR REPLACE VIEW market_data.v_bars AS
    SELECT i.symbol, b.instrument_id, b.session, b.open, b.high, b.low, b.close, b.volume, b.price_basis, b.source, b.known_at
    FROM (
        SELECT instrument_id, session, open, high, low, close, volume, price_basis, source, known_at
        FROM market_data.bars_daily
        WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
        UNION ALL
        SELECT instrument_id, session, open, high, low, close, volume, price_basis, source, known_at
        FROM market_data.bars_daily_history
        WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
          AND (superseded_known_at > (SELECT market_data.as_of()) OR superseded_recorded_at > (SELECT market_data.recorded_before()))
    ) b JOIN market_data.instruments i USING (instrument_id);
CREATE OR REPLACE VIEW market_data.v_prices AS
    SELECT b.symbol, b.instrument_id, i.asset_class, b.session, b.open, b.high, b.low, b.close, b.volume, b.price_basis, b.source
    FROM market_data.v_bars b
    JOIN market_data.instruments i USING (instrument_id)
    JOIN market_data.canonical_series c
      ON c.instrument_id = b.instrument_id AND c.source = b.source AND c.price_basis = b.price_basis
     AND c.purpose = 'price' AND c.rank = 1;
CREATE OR REPLACE VIEW market_data.v_return_prices AS
    SELECT b.symbol, b.instrument_id, i.asset_class, b.session, b.close, b.price_basis, b.source
    FROM market_data.v_bars b
    JOIN market_data.instruments i USING (instrument_id)
    JOIN market_data.canonical_series c
      ON c.instrument_id = b.instrument_id AND c.source = b.source AND c.price_basis = b.price_basis
     AND c.purpose = 'return' AND c.rank = 1;
CREATE OR REPLACE FUNCTION market_data.series_year(of_instrument integer, of_source text, of_basis text, of_year integer)
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
ALTER FUNCTION market_data.series_of(integer) COST 1000;
DROP VIEW market_data.bars_daily_known;
