"""List the as-of views that questions may read, column by column; a test compares them with a migrated database."""

from __future__ import annotations

PUBLIC: dict[str, str] = {
    "derived.v_correlations": (
        "symbol text, other text, instrument_id integer, other_id integer, session date, correlation float8, "
        "observations integer, known_at timestamptz"
    ),
    "derived.v_features": (
        "symbol text, instrument_id integer, session date, feature text, value float8, known_at timestamptz"
    ),
    "derived.v_sentiment_daily": (
        "symbol text, instrument_id integer, day date, method text, articles integer, stories integer, score float8, "
        "positive integer, negative integer, known_at timestamptz"
    ),
    "events.v_economic": (
        "event_id text, event_at timestamptz, event_date date, country text, name text, category text, importance "
        "text, actual float8, forecast float8, previous float8, source text, known_at timestamptz, release text, "
        "surprise float8, standardised_surprise float8, sources bigint"
    ),
    "events.v_geopolitical": (
        "event_id text, event_at timestamptz, event_date date, name text, description text, category text, locations "
        "text, severity text, risk_index float8, source text, known_at timestamptz, region text"
    ),
    "events.v_security": (
        "symbol text, event_id text, instrument_id integer, event text, event_at timestamptz, event_date date, "
        "eps_estimate float8, eps_actual float8, eps_surprise float8, source text, known_at timestamptz, "
        "standardised_surprise float8, value float8, detail text"
    ),
    "market_data.v_bars": (
        "symbol text, instrument_id integer, session date, open float8, high float8, low float8, close float8, volume "
        "float8, price_basis text, source text, known_at timestamptz"
    ),
    "market_data.v_corporate_actions": (
        "symbol text, instrument_id integer, action text, ex_date date, ratio float8, amount float8, currency text, "
        "amount_basis text, source text, known_at timestamptz"
    ),
    "market_data.v_instruments": (
        "instrument_id integer, symbol text, name text, asset_class text, calendar text, currency text, groups "
        "text[], aliases text[], total_assets_usd float8, listed date, delisted date"
    ),
    "market_data.v_macro": (
        "series_id text, name text, unit text, frequency text, period date, value float8, vintage text, source text, "
        "known_at timestamptz"
    ),
    "market_data.v_macro_series": (
        "series_id text, name text, unit text, frequency text, aliases text[], release_lag_days integer, source text"
    ),
    "market_data.v_macro_vintages": (
        "series_id text, name text, unit text, frequency text, period date, value float8, vintage text, source text, "
        "known_at timestamptz, known_at_method text"
    ),
    "market_data.v_prices": (
        "symbol text, instrument_id integer, asset_class text, session date, open float8, high float8, low float8, "
        "close float8, volume float8, price_basis text, source text"
    ),
    "market_data.v_return_prices": (
        "symbol text, instrument_id integer, asset_class text, session date, close float8, price_basis text, source "
        "text"
    ),
    "news.v_articles": (
        "article_id text, published_at timestamptz, published_date date, headline text, summary text, publisher text, "
        "url text, source text, known_at timestamptz, story_id text, sentiment_score float8, sentiment text, "
        "sentiment_method text"
    ),
    "news.v_sentiment": (
        "article_id text, method text, code_version text, score float8, tone text, known_at timestamptz"
    ),
    "news.v_symbol_articles": (
        "symbol text, instrument_id integer, article_id text, published_at timestamptz, published_date date, headline "
        "text, summary text, publisher text, url text, sentiment_score float8, sentiment text, source text, known_at "
        "timestamptz, story_id text, sentiment_method text, link_method text"
    ),
    "ops.v_coverage": (
        "symbol text, asset_class text, instrument_id integer, source text, price_basis text, year integer, expected "
        "integer, stored integer, first_session date, last_session date"
    ),
    "ops.v_ingest_runs": (
        "run_id text, mode text, state text, started_at timestamptz, finished_at timestamptz, summary jsonb"
    ),
    "ops.v_quarantine": (
        "quarantine_id bigint, record_kind text, source text, symbol text, about date, verdict text, reason text, "
        "detail text, state text, recorded_at timestamptz"
    ),
}
PRIVATE: dict[str, str] = {
    "execution.v_cash": ("account_id text, currency text, cash numeric"),
    "execution.v_fills": (
        "fill_id text, order_id text, account_id text, symbol text, side text, quantity numeric, price numeric, fee "
        "numeric, currency text, session date, filled_at timestamptz, note text"
    ),
    "execution.v_nav": ("account_id text, session date, nav numeric, cash numeric, drawdown numeric"),
    "execution.v_orders": (
        "order_id text, client_order_id text, proposal_id text, account_id text, symbol text, side text, quantity "
        "numeric, order_type text, limit_price numeric, time_in_force text, state text, filled_quantity numeric, "
        "reason text, desk_time timestamptz, created_at timestamptz, updated_at timestamptz"
    ),
    "execution.v_positions": (
        "account_id text, symbol text, instrument_id integer, asset_class text, quantity numeric, average_cost "
        "numeric, realized_pnl numeric, updated_at timestamptz"
    ),
    "execution.v_proposals": (
        "proposal_id text, account_id text, legs jsonb, order_type text, time_in_force text, notional numeric, reason "
        "text, author text, requested_by text, digest text, desk_time timestamptz, created_at timestamptz, expires_at "
        "timestamptz, decision text, decided_by text, decided_at timestamptz, face text, state text"
    ),
    "strategies.v_results": (
        "run_id text, strategy_id text, kind text, arguments jsonb, metrics jsonb, data_as_of timestamptz, created_at "
        "timestamptz"
    ),
    "strategies.v_specs": ("strategy_id text, name text, spec jsonb, created_by text, created_at timestamptz"),
}
