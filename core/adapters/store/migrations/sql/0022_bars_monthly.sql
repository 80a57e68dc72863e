-- Bars by month, as stored and not cut at a time: for administrators and their tools, no reader of the desk sees it. On a
-- server with TimescaleDB the same name is a continuous aggregate.
CREATE VIEW market_data.bars_monthly AS
    SELECT instrument_id, source, price_basis, date_trunc('month', session)::date AS month,
           (array_agg(open ORDER BY session))[1] AS open, max(high) AS high, min(low) AS low,
           (array_agg(close ORDER BY session DESC))[1] AS close, sum(volume) AS volume, count(*) AS sessions
    FROM market_data.bars_daily GROUP BY 1, 2, 3, 4;
