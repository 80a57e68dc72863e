-- Who was in a group from when to when. `instruments.groups` are memberships without dates; a view as of a day shows both.
CREATE TABLE market_data.group_memberships (
    instrument_id integer NOT NULL,
    group_name text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (group_name, instrument_id, valid_from),
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE INDEX group_memberships_by_instrument ON market_data.group_memberships (instrument_id);
CREATE OR REPLACE VIEW market_data.v_instruments AS
    SELECT instrument_id, symbol, name, asset_class, calendar, currency,
           groups || coalesce(m.dated, '{}') AS groups, aliases, total_assets_usd, listed, delisted
    FROM market_data.instruments i
    LEFT JOIN (
        SELECT instrument_id AS member, array_agg(group_name ORDER BY group_name) AS dated
        FROM market_data.group_memberships
        WHERE valid_from <= ((SELECT market_data.as_of()) AT TIME ZONE 'UTC')::date
          AND (valid_to IS NULL OR valid_to >= ((SELECT market_data.as_of()) AT TIME ZONE 'UTC')::date)
          AND recorded_at <= (SELECT market_data.recorded_before())
        GROUP BY 1
    ) m ON m.member = i.instrument_id;
