-- The risk gate: what it refused or made smaller, and a halt that still lets positions be closed.
CREATE TABLE execution.gate_verdicts (
    verdict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES execution.accounts,
    subject text NOT NULL DEFAULT '',
    stage text NOT NULL CHECK (stage IN ('propose', 'decide', 'release', 'send')),
    symbol text NOT NULL,
    rule text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('refused', 'clamped')),
    measured_before numeric NOT NULL,
    measured_after numeric NOT NULL,
    limit_value numeric NOT NULL,
    quantity_before numeric NOT NULL,
    quantity_after numeric NOT NULL,
    reason text NOT NULL,
    desk_time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (quantity_after >= 0 AND quantity_after < quantity_before)
);
CREATE INDEX gate_verdicts_by_account ON execution.gate_verdicts (account_id, recorded_at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON execution.gate_verdicts FOR EACH ROW EXECUTE FUNCTION execution.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON execution.gate_verdicts FOR EACH STATEMENT EXECUTE FUNCTION execution.refuse_change();
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON execution.gate_verdicts DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION desk.write_audit('verdict_id');
CREATE INDEX orders_by_time ON execution.orders (account_id, created_at);

ALTER TABLE execution.trading_state ADD COLUMN reduce_only boolean NOT NULL DEFAULT false;
ALTER TABLE execution.trading_state ADD CONSTRAINT reduce_only_is_halted CHECK (halted OR NOT reduce_only);

-- While trading is halted an order leaves only if the halt is reduce-only and the order brings a position nearer to flat,
-- orders at work counted.
CREATE FUNCTION execution.may_leave(o execution.orders) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    state execution.trading_state;
    held numeric;
    working numeric;
BEGIN
    SELECT * INTO state FROM execution.trading_state;
    IF state.halted IS NOT DISTINCT FROM false THEN
        RETURN true;
    END IF;
    IF state.reduce_only IS NOT TRUE THEN
        RETURN false;
    END IF;
    SELECT p.quantity INTO held FROM execution.positions p WHERE p.account_id = o.account_id AND p.instrument_id = o.instrument_id;
    SELECT coalesce(sum(w.quantity - w.filled_quantity), 0) INTO working FROM execution.orders w
        WHERE w.account_id = o.account_id AND w.instrument_id = o.instrument_id AND w.side = o.side AND w.order_id <> o.order_id
          AND w.state IN ('intended', 'submitting', 'unknown', 'accepted', 'partially_filled');
    RETURN CASE o.side WHEN 'sell' THEN coalesce(held, 0) ELSE -coalesce(held, 0) END >= o.quantity + working;
END $$;

CREATE OR REPLACE FUNCTION execution.check_new_order() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    p execution.proposals;
    d execution.decisions;
    used_by xid;
    leg jsonb;
BEGIN
    SELECT * INTO p FROM execution.proposals WHERE proposal_id = NEW.proposal_id;
    SELECT * INTO d FROM execution.decisions WHERE proposal_id = NEW.proposal_id;
    SELECT xmin INTO used_by FROM execution.decisions WHERE proposal_id = NEW.proposal_id;
    IF d.decision IS DISTINCT FROM 'approved' OR d.used_at IS NULL OR used_by <> pg_current_xact_id()::xid
       OR d.digest <> p.digest OR p.digest <> execution.proposal_digest(p) THEN
        RAISE EXCEPTION 'Order % has no approval that this transaction used.', NEW.order_id USING ERRCODE = 'check_violation';
    END IF;
    leg := p.legs -> NEW.leg;
    IF leg IS NULL OR NEW.account_id <> p.account_id OR NEW.order_type <> p.order_type OR NEW.time_in_force <> p.time_in_force
       OR NEW.instrument_id <> (leg ->> 'instrument_id')::integer OR NEW.side <> leg ->> 'side'
       OR NEW.quantity <> (leg ->> 'quantity')::numeric
       OR NEW.limit_price IS DISTINCT FROM (leg ->> 'limit_price')::numeric
       OR NEW.stop_price IS DISTINCT FROM (leg ->> 'stop_price')::numeric THEN
        RAISE EXCEPTION 'Order % is not what was approved in proposal %.', NEW.order_id, NEW.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF d.face = 'demo' THEN
        IF NEW.state NOT IN ('filled', 'cancelled', 'rejected', 'expired') THEN
            RAISE EXCEPTION 'History of the demo book cannot release an order.' USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.state NOT IN ('intended', 'denied') OR NEW.filled_quantity <> 0 THEN
        RAISE EXCEPTION 'An order starts as an intention.' USING ERRCODE = 'check_violation';
    ELSIF NEW.state = 'intended' AND NOT execution.may_leave(NEW) THEN
        RAISE EXCEPTION 'Trading is halted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION execution.check_order_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE fixed text[] := ARRAY['state', 'filled_quantity', 'reason', 'venue_order_id', 'updated_at'];
BEGIN
    IF to_jsonb(NEW) - fixed <> to_jsonb(OLD) - fixed THEN
        RAISE EXCEPTION 'What order % asks for never changes.', OLD.order_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.filled_quantity < OLD.filled_quantity THEN
        RAISE EXCEPTION 'The filled quantity of order % cannot fall.', OLD.order_id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT FROM execution.order_transitions t WHERE t.state_before = OLD.state AND t.state_after = NEW.state
    ) THEN
        RAISE EXCEPTION 'Order % cannot go from % to %.', OLD.order_id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NEW.state = 'submitting'
       AND NOT execution.may_leave(NEW) THEN
        RAISE EXCEPTION 'Trading is halted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
