-- As-of views: the only relations that questions read. Each shows a row from the moment it was known.
CREATE VIEW market_data.v_instruments AS
    SELECT instrument_id, symbol, name, asset_class, calendar, currency, groups, aliases, total_assets_usd, listed, delisted
    FROM market_data.instruments;

CREATE VIEW market_data.v_bars AS
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

-- One row per symbol and session: the canonical series for price levels.
CREATE VIEW market_data.v_prices AS
    SELECT b.symbol, b.instrument_id, i.asset_class, b.session, b.open, b.high, b.low, b.close, b.volume, b.price_basis, b.source
    FROM market_data.v_bars b
    JOIN market_data.instruments i USING (instrument_id)
    JOIN market_data.canonical_series c
      ON c.instrument_id = b.instrument_id AND c.source = b.source AND c.price_basis = b.price_basis
     AND c.purpose = 'price' AND c.rank = 1;

-- The same for returns: dividends are inside where a total-return series exists.
CREATE VIEW market_data.v_return_prices AS
    SELECT b.symbol, b.instrument_id, i.asset_class, b.session, b.close, b.price_basis, b.source
    FROM market_data.v_bars b
    JOIN market_data.instruments i USING (instrument_id)
    JOIN market_data.canonical_series c
      ON c.instrument_id = b.instrument_id AND c.source = b.source AND c.price_basis = b.price_basis
     AND c.purpose = 'return' AND c.rank = 1;

CREATE VIEW market_data.v_corporate_actions AS
    SELECT i.symbol, a.instrument_id, a.action, a.ex_date, a.ratio, a.amount, a.currency, a.amount_basis, a.source, a.known_at
    FROM market_data.corporate_actions a JOIN market_data.instruments i USING (instrument_id)
    WHERE a.known_at <= (SELECT market_data.as_of()) AND a.recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW market_data.v_macro_vintages AS
    SELECT o.series_id, s.name, s.unit, s.frequency, o.period, o.value, o.vintage, o.source, o.known_at, o.known_at_method
    FROM market_data.macro_observations o JOIN market_data.macro_series s USING (series_id)
    WHERE o.known_at <= (SELECT market_data.as_of()) AND o.recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW market_data.v_macro AS
    SELECT DISTINCT ON (series_id, period) series_id, name, unit, frequency, period, value, vintage, source, known_at
    FROM market_data.v_macro_vintages
    ORDER BY series_id, period, known_at DESC, vintage DESC, source;

CREATE VIEW market_data.v_macro_series AS
    SELECT series_id, name, unit, frequency, aliases, release_lag_days, source FROM market_data.macro_series;

CREATE VIEW events.v_economic AS
    SELECT event_id, event_at, event_date, country, name, category, importance,
           CASE WHEN actual_known_at <= (SELECT market_data.as_of()) THEN actual END AS actual,
           forecast, previous, source, known_at
    FROM events.economic
    WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW events.v_security AS
    SELECT i.symbol, e.event_id, e.instrument_id, e.event, e.event_at, e.event_date, e.eps_estimate,
           CASE WHEN e.actual_known_at <= (SELECT market_data.as_of()) THEN e.eps_actual END AS eps_actual,
           CASE WHEN e.actual_known_at <= (SELECT market_data.as_of()) THEN e.eps_actual - e.eps_estimate END AS eps_surprise,
           e.source, e.known_at
    FROM events.security e JOIN market_data.instruments i USING (instrument_id)
    WHERE e.known_at <= (SELECT market_data.as_of()) AND e.recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW events.v_geopolitical AS
    SELECT event_id, event_at, event_date, name, description, category, locations, severity, risk_index, source, known_at
    FROM events.geopolitical
    WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW news.v_articles AS
    SELECT article_id, published_at, published_date, headline, summary, publisher, url, source, known_at
    FROM news.articles
    WHERE known_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW news.v_symbol_articles AS
    SELECT i.symbol, s.instrument_id, a.article_id, a.published_at, a.published_date, a.headline, a.summary, a.publisher, a.url,
           t.score AS sentiment_score, t.tone AS sentiment, a.source, a.known_at
    FROM news.article_symbols s
    JOIN news.articles a USING (article_id)
    JOIN market_data.instruments i USING (instrument_id)
    LEFT JOIN LATERAL (
        SELECT score, tone FROM news.sentiment x
        WHERE x.article_id = a.article_id AND x.known_at <= (SELECT market_data.as_of()) ORDER BY x.scorer LIMIT 1) t ON true
    WHERE a.known_at <= (SELECT market_data.as_of()) AND a.recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW derived.v_features AS
    SELECT i.symbol, f.instrument_id, f.session, f.feature, f.value, f.known_at
    FROM derived.features_daily f JOIN market_data.instruments i USING (instrument_id)
    WHERE f.known_at <= (SELECT market_data.as_of()) AND f.recorded_at <= (SELECT market_data.recorded_before());

CREATE VIEW ops.v_coverage AS
    SELECT i.symbol, i.asset_class, c.instrument_id, c.source, c.price_basis, c.year, c.expected, c.stored, c.first_session, c.last_session
    FROM ops.coverage c JOIN market_data.instruments i USING (instrument_id);

CREATE VIEW ops.v_ingest_runs AS
    SELECT run_id, mode, state, started_at, finished_at, summary FROM ops.ingest_runs;

CREATE VIEW ops.v_quarantine AS
    SELECT quarantine_id, record_kind, source, symbol, about, verdict, reason, detail, state, recorded_at FROM ops.quarantine;

-- Private: what the account holds and did.
CREATE VIEW execution.v_positions AS
    SELECT p.account_id, i.symbol, p.instrument_id, i.asset_class, p.quantity, p.average_cost, p.realized_pnl, p.updated_at
    FROM execution.positions p JOIN market_data.instruments i USING (instrument_id);
CREATE VIEW execution.v_orders AS
    SELECT o.order_id, o.client_order_id, o.proposal_id, o.account_id, i.symbol, o.side, o.quantity, o.order_type, o.limit_price,
           o.time_in_force, o.state, o.filled_quantity, o.reason, o.desk_time, o.created_at, o.updated_at
    FROM execution.orders o JOIN market_data.instruments i USING (instrument_id);
CREATE VIEW execution.v_fills AS
    SELECT f.fill_id, f.order_id, f.account_id, i.symbol, f.side, f.quantity, f.price, f.fee, f.currency, f.session, f.filled_at
    FROM execution.fills f JOIN market_data.instruments i USING (instrument_id);
CREATE VIEW execution.v_proposals AS
    SELECT p.proposal_id, p.account_id, p.legs, p.order_type, p.time_in_force, p.notional, p.reason, p.author, p.requested_by,
           p.digest, p.desk_time, p.created_at, p.expires_at, d.decision, d.decided_by, d.decided_at, d.face,
           coalesce(d.decision, CASE WHEN p.expires_at <= clock_timestamp() THEN 'expired' ELSE 'pending' END) AS state
    FROM execution.proposals p LEFT JOIN execution.decisions d USING (proposal_id);
CREATE VIEW execution.v_cash AS
    SELECT account_id, currency, sum(amount) AS cash FROM execution.cash_ledger GROUP BY account_id, currency;
CREATE VIEW execution.v_nav AS
    SELECT account_id, session, nav, cash, nav / max(nav) OVER (PARTITION BY account_id ORDER BY session) - 1 AS drawdown
    FROM execution.nav_daily;

-- Private: what was tried.
CREATE VIEW strategies.v_specs AS
    SELECT strategy_id, name, spec, created_by, created_at FROM strategies.specs;
CREATE VIEW strategies.v_results AS
    SELECT run_id, strategy_id, kind, arguments, metrics, data_as_of, created_at FROM strategies.results;
