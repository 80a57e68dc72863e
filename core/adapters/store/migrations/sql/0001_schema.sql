-- Three times in every row: what it is about (session, period, event_at), known_at (the earliest a participant
-- could know) and recorded_at (when the desk stored it).
CREATE SCHEMA market_data;
CREATE SCHEMA events;
CREATE SCHEMA news;
CREATE SCHEMA derived;
CREATE SCHEMA strategies;
CREATE SCHEMA execution;
CREATE SCHEMA ops;
CREATE SCHEMA desk;
CREATE SCHEMA chat;

-- The time every as-of view cuts at: `SET LOCAL quantdesk.as_of = '...'`; unset means the desk clock.
CREATE TABLE desk.clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mode text NOT NULL CHECK (mode IN ('live', 'replay')),
    replay_now timestamptz,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (mode = 'live' OR replay_now IS NOT NULL)
);

CREATE FUNCTION market_data.as_of() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(
        nullif(current_setting('quantdesk.as_of', true), '')::timestamptz,
        (SELECT CASE mode WHEN 'replay' THEN replay_now END FROM desk.clock),
        transaction_timestamp())
$$;

-- A replayed run also hides what the desk had not stored yet: `SET LOCAL quantdesk.recorded_before = '...'`.
CREATE FUNCTION market_data.recorded_before() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(nullif(current_setting('quantdesk.recorded_before', true), '')::timestamptz, 'infinity'::timestamptz)
$$;

-- market_data -------------------------------------------------------------------------------------------------
CREATE TABLE market_data.instruments (
    instrument_id integer PRIMARY KEY,
    symbol text NOT NULL UNIQUE,
    name text NOT NULL,
    asset_class text NOT NULL CHECK (asset_class IN ('equity', 'etf', 'crypto', 'index', 'fx', 'commodity')),
    calendar text NOT NULL CHECK (calendar IN ('XNYS', '24x7', '24x5')),
    currency text NOT NULL,
    groups text[] NOT NULL DEFAULT '{}',
    aliases text[] NOT NULL DEFAULT '{}',
    vendor_symbols jsonb NOT NULL DEFAULT '{}',
    total_assets_usd double precision,
    listed date,
    delisted date,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE market_data.symbol_history (
    instrument_id integer NOT NULL REFERENCES market_data.instruments,
    symbol text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, valid_from),
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
-- fields: 'ohlcv' or 'close' (open, high, low are null). Prices are never adjusted here: the row says its basis.
CREATE TABLE market_data.bars_daily (
    instrument_id integer NOT NULL,
    source text NOT NULL,
    price_basis text NOT NULL CHECK (price_basis IN ('raw', 'split_adjusted', 'total_return')),
    session date NOT NULL,
    open double precision,
    high double precision,
    low double precision,
    close double precision NOT NULL,
    volume double precision,
    flags text[] NOT NULL DEFAULT '{}',
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument_id, source, price_basis, session)
) PARTITION BY RANGE (session);
DO $$ BEGIN
    EXECUTE 'CREATE TABLE market_data.bars_daily_before_1990 PARTITION OF market_data.bars_daily FOR VALUES FROM (MINVALUE) TO (''1990-01-01'')';
    FOR year IN 1990..2039 LOOP
        EXECUTE format('CREATE TABLE market_data.bars_daily_%s PARTITION OF market_data.bars_daily FOR VALUES FROM (%L) TO (%L)',
                       year, make_date(year, 1, 1), make_date(year + 1, 1, 1));
    END LOOP;
    EXECUTE 'CREATE TABLE market_data.bars_daily_later PARTITION OF market_data.bars_daily FOR VALUES FROM (''2040-01-01'') TO (MAXVALUE)';
END $$;
CREATE TABLE market_data.bars_daily_history (
    instrument_id integer NOT NULL,
    source text NOT NULL,
    price_basis text NOT NULL,
    session date NOT NULL,
    open double precision,
    high double precision,
    low double precision,
    close double precision NOT NULL,
    volume double precision,
    flags text[] NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    superseded_known_at timestamptz NOT NULL,
    superseded_recorded_at timestamptz NOT NULL,
    PRIMARY KEY (instrument_id, source, price_basis, session, known_at, recorded_at)
);
-- Which source answers for an instrument: `price` for levels (raw or split adjusted), `return` for returns.
CREATE TABLE market_data.canonical_series (
    instrument_id integer NOT NULL REFERENCES market_data.instruments,
    purpose text NOT NULL CHECK (purpose IN ('price', 'return')),
    rank integer NOT NULL,
    source text NOT NULL,
    price_basis text NOT NULL,
    has_ohlc boolean NOT NULL,
    first_session date NOT NULL,
    last_session date NOT NULL,
    sessions integer NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument_id, purpose, rank)
);
CREATE TABLE market_data.corporate_actions (
    instrument_id integer NOT NULL,
    action text NOT NULL CHECK (action IN ('split', 'dividend', 'spin_off')),
    ex_date date NOT NULL,
    source text NOT NULL,
    ratio double precision CHECK (ratio > 0),
    amount double precision,
    currency text,
    amount_basis text CHECK (amount_basis IN ('raw', 'split_adjusted')),
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument_id, action, ex_date, source),
    CHECK ((action = 'split') = (ratio IS NOT NULL) OR action = 'spin_off')
);
CREATE TABLE market_data.macro_series (
    series_id text PRIMARY KEY,
    name text NOT NULL,
    unit text NOT NULL,
    frequency text NOT NULL CHECK (frequency IN ('daily', 'weekly', 'monthly', 'quarterly', 'annual')),
    aliases text[] NOT NULL DEFAULT '{}',
    release_lag_days integer NOT NULL DEFAULT 1,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE market_data.macro_observations (
    series_id text NOT NULL REFERENCES market_data.macro_series,
    period date NOT NULL,
    source text NOT NULL,
    vintage text NOT NULL,
    value double precision,
    known_at timestamptz NOT NULL,
    known_at_method text NOT NULL CHECK (known_at_method IN ('vintage', 'release_calendar', 'release_lag', 'delivery')),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (series_id, period, source, vintage)
);

-- events ------------------------------------------------------------------------------------------------------
-- known_at is when the schedule was known; actual_known_at when the outcome was.
CREATE TABLE events.economic (
    event_id text PRIMARY KEY,
    event_at timestamptz,
    event_date date NOT NULL,
    country text NOT NULL,
    name text NOT NULL,
    category text NOT NULL DEFAULT '',
    importance text NOT NULL CHECK (importance IN ('low', 'medium', 'high', 'holiday', 'unknown')),
    actual double precision,
    forecast double precision,
    previous double precision,
    details jsonb NOT NULL DEFAULT '{}',
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    actual_known_at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX economic_by_date ON events.economic (event_date);
CREATE TABLE events.security (
    event_id text PRIMARY KEY,
    instrument_id integer NOT NULL,
    event text NOT NULL,
    event_at timestamptz,
    event_date date NOT NULL,
    eps_estimate double precision,
    eps_actual double precision,
    details jsonb NOT NULL DEFAULT '{}',
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    actual_known_at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX security_by_instrument ON events.security (instrument_id, event_date);
CREATE TABLE events.geopolitical (
    event_id text PRIMARY KEY,
    event_at timestamptz,
    event_date date NOT NULL,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    category text NOT NULL DEFAULT '',
    locations text NOT NULL DEFAULT '',
    severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high')),
    risk_index double precision,
    details jsonb NOT NULL DEFAULT '{}',
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- news --------------------------------------------------------------------------------------------------------
CREATE TABLE news.articles (
    article_id text PRIMARY KEY,
    published_at timestamptz,
    published_date date NOT NULL,
    headline text NOT NULL,
    summary text NOT NULL DEFAULT '',
    publisher text NOT NULL DEFAULT '',
    url text NOT NULL DEFAULT '',
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX articles_by_known_at ON news.articles (known_at DESC);
CREATE TABLE news.article_symbols (
    article_id text NOT NULL REFERENCES news.articles,
    instrument_id integer NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (article_id, instrument_id)
);
CREATE INDEX article_symbols_by_instrument ON news.article_symbols (instrument_id);
CREATE TABLE news.sentiment (
    article_id text NOT NULL REFERENCES news.articles,
    scorer text NOT NULL,
    score double precision NOT NULL CHECK (score BETWEEN -1 AND 1),
    tone text NOT NULL CHECK (tone IN ('negative', 'neutral', 'positive')),
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (article_id, scorer)
);

-- derived: rebuildable from the rest, never reads a private schema -----------------------------------------------
CREATE TABLE derived.features_daily (
    instrument_id integer NOT NULL,
    session date NOT NULL,
    feature text NOT NULL,
    value double precision NOT NULL,
    code_version text NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (feature, instrument_id, session)
);

-- ops -----------------------------------------------------------------------------------------------------------
CREATE TABLE ops.ingest_runs (
    run_id text PRIMARY KEY,
    mode text NOT NULL,
    arguments jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL CHECK (state IN ('running', 'done', 'partial', 'failed')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    summary jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE ops.ingest_steps (
    run_id text NOT NULL REFERENCES ops.ingest_runs,
    step text NOT NULL,
    source text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'skipped')),
    rows_read bigint NOT NULL DEFAULT 0,
    rows_new bigint NOT NULL DEFAULT 0,
    rows_changed bigint NOT NULL DEFAULT 0,
    rows_same bigint NOT NULL DEFAULT 0,
    rows_quarantined bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL DEFAULT 0,
    error text,
    started_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, step, source)
);
CREATE TABLE ops.coverage (
    instrument_id integer NOT NULL,
    source text NOT NULL,
    price_basis text NOT NULL,
    year integer NOT NULL,
    expected integer NOT NULL,
    stored integer NOT NULL,
    first_session date,
    last_session date,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument_id, source, price_basis, year)
);
CREATE TABLE ops.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_kind text NOT NULL,
    source text NOT NULL,
    symbol text NOT NULL DEFAULT '',
    about date,
    verdict text NOT NULL CHECK (verdict IN ('reject', 'quarantine')),
    reason text NOT NULL,
    detail text NOT NULL DEFAULT '',
    row jsonb NOT NULL,
    row_digest text NOT NULL,
    origin text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'released', 'discarded')),
    decided_by text,
    decided_at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (record_kind, source, row_digest)
);
CREATE TABLE ops.raw_payloads (
    payload_id text PRIMARY KEY,
    vendor text NOT NULL,
    request jsonb NOT NULL,
    content_type text NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL
);

-- strategies (private) --------------------------------------------------------------------------------------------
CREATE TABLE strategies.specs (
    strategy_id text PRIMARY KEY,
    name text NOT NULL,
    spec jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE strategies.results (
    run_id text PRIMARY KEY,
    strategy_id text REFERENCES strategies.specs,
    kind text NOT NULL,
    arguments jsonb NOT NULL,
    metrics jsonb NOT NULL,
    data_as_of timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);

-- execution (private) -----------------------------------------------------------------------------------------------
CREATE TABLE execution.accounts (
    account_id text PRIMARY KEY,
    name text NOT NULL,
    broker text NOT NULL,
    currency text NOT NULL DEFAULT 'USD',
    four_eyes_above numeric,
    limits jsonb NOT NULL DEFAULT '{}',
    is_demo boolean NOT NULL DEFAULT false,
    opened_at timestamptz NOT NULL
);
-- A proposal never changes; `digest` is SHA-256 over its canonical JSON (RFC 8785).
CREATE TABLE execution.proposals (
    proposal_id text PRIMARY KEY,
    account_id text NOT NULL REFERENCES execution.accounts,
    legs jsonb NOT NULL,
    order_type text NOT NULL CHECK (order_type IN ('market', 'limit', 'stop', 'stop_limit')),
    time_in_force text NOT NULL CHECK (time_in_force IN ('day', 'gtc')),
    band_low numeric,
    band_high numeric,
    notional numeric NOT NULL,
    reason text NOT NULL DEFAULT '',
    evidence jsonb NOT NULL DEFAULT '[]',
    author text NOT NULL,
    author_kind text NOT NULL CHECK (author_kind IN ('person', 'agent', 'service')),
    requested_by text NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    desk_time timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    is_demo boolean NOT NULL DEFAULT false
);
-- One decision per proposal: the primary key decides the race.
CREATE TABLE execution.decisions (
    proposal_id text PRIMARY KEY REFERENCES execution.proposals,
    decision text NOT NULL CHECK (decision IN ('approved', 'rejected', 'expired')),
    digest text NOT NULL,
    decided_by text NOT NULL,
    decided_by_kind text NOT NULL CHECK (decided_by_kind IN ('person', 'service')),
    face text NOT NULL,
    reason text NOT NULL DEFAULT '',
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    desk_time timestamptz NOT NULL,
    used_at timestamptz
);
CREATE TABLE execution.orders (
    order_id text PRIMARY KEY,
    client_order_id text NOT NULL UNIQUE,
    proposal_id text NOT NULL REFERENCES execution.proposals,
    leg integer NOT NULL,
    attempt integer NOT NULL,
    account_id text NOT NULL REFERENCES execution.accounts,
    instrument_id integer NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity numeric NOT NULL CHECK (quantity > 0),
    order_type text NOT NULL,
    limit_price numeric,
    stop_price numeric,
    time_in_force text NOT NULL,
    state text NOT NULL CHECK (state IN ('intended', 'denied', 'submitting', 'unknown', 'accepted', 'partially_filled',
                                         'filled', 'cancelled', 'rejected', 'expired')),
    filled_quantity numeric NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0 AND filled_quantity <= quantity),
    reason text NOT NULL DEFAULT '',
    venue_order_id text,
    desk_time timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (proposal_id, leg, attempt)
);
CREATE TABLE execution.order_events (
    order_id text NOT NULL REFERENCES execution.orders,
    sequence integer NOT NULL,
    state_before text,
    state_after text NOT NULL,
    event text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    desk_time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (order_id, sequence)
);
CREATE TABLE execution.fills (
    fill_id text PRIMARY KEY,
    execution_id text NOT NULL,
    order_id text NOT NULL REFERENCES execution.orders,
    account_id text NOT NULL REFERENCES execution.accounts,
    instrument_id integer NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity numeric NOT NULL CHECK (quantity > 0),
    price numeric NOT NULL CHECK (price > 0),
    fee numeric NOT NULL DEFAULT 0,
    currency text NOT NULL DEFAULT 'USD',
    session date NOT NULL,
    filled_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account_id, execution_id)
);
CREATE TABLE execution.cash_ledger (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES execution.accounts,
    movement text NOT NULL CHECK (movement IN ('deposit', 'withdrawal', 'trade', 'fee', 'dividend', 'interest')),
    amount numeric NOT NULL,
    currency text NOT NULL DEFAULT 'USD',
    fill_id text REFERENCES execution.fills,
    booked_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (fill_id, movement)
);
CREATE TABLE execution.positions (
    account_id text NOT NULL REFERENCES execution.accounts,
    instrument_id integer NOT NULL,
    quantity numeric NOT NULL,
    average_cost numeric NOT NULL,
    realized_pnl numeric NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, instrument_id)
);
CREATE TABLE execution.nav_daily (
    account_id text NOT NULL REFERENCES execution.accounts,
    session date NOT NULL,
    nav numeric NOT NULL,
    cash numeric NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session)
);
CREATE TABLE execution.trading_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    halted boolean NOT NULL,
    reason text NOT NULL DEFAULT '',
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO execution.trading_state (halted, changed_by) VALUES (false, 'migration');

-- desk (private) -------------------------------------------------------------------------------------------------------
CREATE TABLE desk.users (
    user_id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at timestamptz
);
CREATE TABLE desk.sessions (
    token_hash text PRIMARY KEY,
    user_id text NOT NULL REFERENCES desk.users,
    csrf_token text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE TABLE desk.keys (
    key_id text PRIMARY KEY,
    name text NOT NULL,
    owner text NOT NULL,
    owner_kind text NOT NULL CHECK (owner_kind IN ('person', 'agent', 'service')),
    scopes text[] NOT NULL,
    key_hash text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz,
    CHECK (owner_kind = 'person' OR NOT ('approve' = ANY (scopes)))
);
CREATE TABLE desk.secrets (
    name text PRIMARY KEY,
    value text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE desk.outbox (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    subject_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    handled_at timestamptz
);
CREATE INDEX outbox_open ON desk.outbox (event_id) WHERE handled_at IS NULL;
CREATE TABLE desk.tool_calls (
    run_id text PRIMARY KEY,
    tool text NOT NULL,
    arguments jsonb NOT NULL,
    label text NOT NULL CHECK (label IN ('public', 'private')),
    effect text NOT NULL CHECK (effect IN ('read', 'compute', 'propose')),
    principal text NOT NULL,
    face text NOT NULL,
    thread_id text,
    data_as_of timestamptz NOT NULL,
    code_version text NOT NULL,
    seed bigint,
    started_at timestamptz NOT NULL,
    duration_ms double precision,
    state text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    error text,
    result_digest text,
    result jsonb
);
CREATE INDEX tool_calls_by_thread ON desk.tool_calls (thread_id, started_at);
CREATE TABLE desk.facts (
    fact_id text PRIMARY KEY,
    run_id text NOT NULL REFERENCES desk.tool_calls,
    name text NOT NULL,
    value jsonb NOT NULL,
    unit text NOT NULL,
    currency text,
    as_of timestamptz NOT NULL,
    label text NOT NULL CHECK (label IN ('public', 'private')),
    source text NOT NULL DEFAULT ''
);
CREATE INDEX facts_by_run ON desk.facts (run_id);
CREATE TABLE desk.reports (
    report_id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('sod', 'eod')),
    session date NOT NULL,
    runs text[] NOT NULL,
    data_as_of timestamptz NOT NULL,
    html text NOT NULL,
    digest text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE desk.model_calls (
    call_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread_id text,
    provider text NOT NULL,
    model text NOT NULL,
    label text NOT NULL CHECK (label IN ('public', 'private')),
    input_tokens integer NOT NULL DEFAULT 0,
    output_tokens integer NOT NULL DEFAULT 0,
    cost_usd numeric NOT NULL DEFAULT 0,
    duration_ms double precision NOT NULL DEFAULT 0,
    outcome text NOT NULL,
    called_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Append only, chained: entry_hash = SHA-256(previous hash, canonical row).
CREATE TABLE desk.audit (
    entry_id bigint PRIMARY KEY,
    happened_at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    previous_hash text NOT NULL,
    entry_hash text NOT NULL
);
