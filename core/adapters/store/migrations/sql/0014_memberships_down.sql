-- Back to the schema before: dated memberships are dropped.
CREATE OR REPLACE VIEW market_data.v_instruments AS
    SELECT instrument_id, symbol, name, asset_class, calendar, currency, groups, aliases, total_assets_usd, listed, delisted
    FROM market_data.instruments;
DROP TABLE market_data.group_memberships;
