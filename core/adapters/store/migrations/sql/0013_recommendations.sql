-- Strategies that a person enabled are scanned on new bars; what the scan recommended is kept and scored at its horizon.
ALTER TABLE strategies.specs ADD COLUMN enabled boolean NOT NULL DEFAULT false;
ALTER TABLE strategies.specs ADD COLUMN account_id text;
ALTER TABLE strategies.specs ADD COLUMN weight double precision NOT NULL DEFAULT 0.1 CHECK (weight > 0 AND weight <= 1);
ALTER TABLE strategies.specs ADD COLUMN stop_loss double precision NOT NULL DEFAULT 0 CHECK (stop_loss >= 0 AND stop_loss < 1);
ALTER TABLE strategies.specs ADD COLUMN take_profit double precision NOT NULL DEFAULT 0 CHECK (take_profit >= 0);
ALTER TABLE strategies.specs ADD COLUMN horizon_sessions integer NOT NULL DEFAULT 20 CHECK (horizon_sessions BETWEEN 1 AND 260);
CREATE TABLE strategies.recommendations (
    recommendation_id text PRIMARY KEY,
    strategy_id text NOT NULL,
    account_id text NOT NULL,
    requested_by text NOT NULL,
    proposal_id text NOT NULL,
    session date NOT NULL,
    action text NOT NULL CHECK (action IN ('entry', 'exit', 'rebalance', 'stop', 'take_profit')),
    change jsonb NOT NULL,
    probability double precision CHECK (probability BETWEEN 0 AND 1),
    expected_return double precision,
    cases integer NOT NULL,
    horizon_sessions integer NOT NULL,
    recommended_at timestamptz NOT NULL,
    realised_return double precision,
    scored_session date,
    CHECK ((realised_return IS NULL) = (scored_session IS NULL))
);
CREATE INDEX recommendations_by_strategy ON strategies.recommendations (strategy_id, session);
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON strategies.recommendations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION desk.write_audit('recommendation_id');
