-- What the panel of analysts said of an instrument, or a model that heard it, dated and scored at its horizon.
CREATE TABLE strategies.panel_verdicts (
    verdict_id text PRIMARY KEY,
    requested_by text NOT NULL,
    run_id text NOT NULL,
    model text NOT NULL DEFAULT '',
    contaminated boolean NOT NULL DEFAULT false,
    instrument_id integer NOT NULL REFERENCES market_data.instruments,
    symbol text NOT NULL,
    session date NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('buy', 'lean buy', 'hold', 'lean sell', 'sell')),
    score double precision CHECK (score BETWEEN -1 AND 1),
    scores jsonb NOT NULL DEFAULT '{}',
    horizon_sessions integer NOT NULL CHECK (horizon_sessions BETWEEN 1 AND 260),
    probability double precision CHECK (probability BETWEEN 0 AND 1),
    expected_return double precision,
    base_rate double precision CHECK (base_rate BETWEEN 0 AND 1),
    cases integer NOT NULL DEFAULT 0 CHECK (cases >= 0),
    decided_at timestamptz NOT NULL,
    realised_return double precision,
    scored_session date,
    CHECK ((realised_return IS NULL) = (scored_session IS NULL)),
    CHECK (model <> '' OR (score IS NOT NULL AND NOT contaminated)),
    UNIQUE (requested_by, model, instrument_id, session, horizon_sessions)
);
CREATE INDEX panel_verdicts_open ON strategies.panel_verdicts (requested_by) WHERE realised_return IS NULL;
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON strategies.panel_verdicts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION desk.write_audit('verdict_id');
