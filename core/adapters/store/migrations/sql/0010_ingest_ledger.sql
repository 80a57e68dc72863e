-- What a run is going to do, over which days, stands before it is done; a run that dies leaves what it owes.
ALTER TABLE ops.ingest_steps ADD COLUMN first_day date, ADD COLUMN last_day date;
CREATE INDEX ingest_steps_open ON ops.ingest_steps (source, first_day) WHERE state IN ('failed', 'running');

-- Replies of vendors, compressed; `kind` and `request` say what was asked for.
ALTER TABLE ops.raw_payloads
    ADD COLUMN kind text NOT NULL DEFAULT '',
    ADD COLUMN encoding text NOT NULL DEFAULT 'identity' CHECK (encoding IN ('identity', 'deflate')),
    ADD COLUMN vendor_time timestamptz;
CREATE INDEX raw_payloads_by_vendor ON ops.raw_payloads (vendor, received_at, payload_id);

-- Sessions that a series should have and had not when it was looked at. An open one may still come; an explained one
-- is not expected to; a healed one has come.
CREATE TABLE ops.gaps (
    instrument_id integer NOT NULL,
    source text NOT NULL,
    price_basis text NOT NULL,
    session date NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'explained', 'healed')),
    reason text NOT NULL DEFAULT '',
    found_at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (instrument_id, source, price_basis, session),
    CHECK ((state = 'open') = (settled_at IS NULL))
);
CREATE INDEX gaps_open ON ops.gaps (source, session) WHERE state = 'open';

-- Every look at a held row that ended in a decision.
CREATE TABLE ops.quarantine_reviews (
    review_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    quarantine_id bigint NOT NULL REFERENCES ops.quarantine,
    decision text NOT NULL CHECK (decision IN ('released', 'discarded')),
    outcome text NOT NULL,
    reason text NOT NULL DEFAULT '',
    decided_by text NOT NULL,
    face text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX quarantine_reviews_by_row ON ops.quarantine_reviews (quarantine_id);
CREATE INDEX quarantine_held ON ops.quarantine (source, about) WHERE state = 'held';
