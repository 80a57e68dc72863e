-- Orders that end at once, linked pairs of which one ends the other, fills in parts on paper, and a name for the desk.
CREATE TABLE desk.identity (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    desk_id text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 12)
);
INSERT INTO desk.identity DEFAULT VALUES;

ALTER TABLE execution.proposals DROP CONSTRAINT proposals_time_in_force_check, DROP CONSTRAINT proposals_legging_check;
ALTER TABLE execution.proposals
    ADD CONSTRAINT time_in_force_known CHECK (time_in_force IN ('day', 'gtc', 'ioc', 'fok')),
    ADD CONSTRAINT ends_at_once_without_trigger CHECK (time_in_force IN ('day', 'gtc') OR order_type IN ('market', 'limit')),
    ADD CONSTRAINT legging_known CHECK (legging IN ('together', 'in_order', 'one_cancels_other'));
ALTER TABLE execution.paper_orders DROP CONSTRAINT paper_orders_time_in_force_check;
ALTER TABLE execution.paper_orders
    ADD CONSTRAINT time_in_force_known CHECK (time_in_force IN ('day', 'gtc', 'ioc', 'fok')),
    ADD COLUMN linked_to text NOT NULL DEFAULT '';
ALTER TABLE execution.paper_executions DROP CONSTRAINT paper_executions_client_order_id_key;
CREATE INDEX paper_executions_by_order ON execution.paper_executions (client_order_id);

CREATE OR REPLACE FUNCTION execution.check_proposal() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.digest <> execution.proposal_digest(NEW) THEN
        RAISE EXCEPTION 'The digest of proposal % does not cover its content.', NEW.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.expires_at <= clock_timestamp() OR NEW.expires_at > clock_timestamp() + interval '31 days' THEN
        RAISE EXCEPTION 'Proposal % must expire within the next 31 days.', NEW.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF jsonb_typeof(NEW.legs) <> 'array' OR jsonb_array_length(NEW.legs) = 0 OR EXISTS (
        SELECT FROM jsonb_array_elements(NEW.legs) AS leg
        WHERE leg ->> 'side' NOT IN ('buy', 'sell') OR coalesce((leg ->> 'quantity')::numeric, 0) <= 0
           OR coalesce(leg ->> 'order_type', NEW.order_type) NOT IN ('market', 'limit', 'stop', 'stop_limit')
           OR (coalesce(leg ->> 'order_type', NEW.order_type) IN ('limit', 'stop_limit')) <> (leg ->> 'limit_price' IS NOT NULL)
           OR (coalesce(leg ->> 'order_type', NEW.order_type) IN ('stop', 'stop_limit')) <> (leg ->> 'stop_price' IS NOT NULL)
           OR NOT EXISTS (SELECT FROM market_data.instruments i WHERE i.instrument_id = (leg ->> 'instrument_id')::integer)
    ) THEN
        RAISE EXCEPTION 'Proposal % has a leg without a known instrument, a side, a quantity above 0 or the prices of its order type.',
            NEW.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.legging <> 'one_cancels_other' AND EXISTS (SELECT FROM jsonb_array_elements(NEW.legs) AS leg WHERE leg ? 'order_type') THEN
        RAISE EXCEPTION 'Only a linked pair has legs of their own order types, unlike proposal %.', NEW.proposal_id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.legging = 'one_cancels_other' AND (jsonb_array_length(NEW.legs) <> 2 OR NEW.on_failure <> 'keep'
        OR NEW.legs -> 0 ->> 'instrument_id' <> NEW.legs -> 1 ->> 'instrument_id' OR NEW.legs -> 0 ->> 'side' <> NEW.legs -> 1 ->> 'side'
        OR (NEW.legs -> 0 ->> 'quantity')::numeric <> (NEW.legs -> 1 ->> 'quantity')::numeric) THEN
        RAISE EXCEPTION 'A linked pair is two legs of one instrument, side and quantity, unlike proposal %.', NEW.proposal_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
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
    IF NEW.attempt = 2 THEN
        PERFORM execution.check_trade_back(NEW, p, d);
        RETURN NEW;
    ELSIF NEW.attempt <> 1 THEN
        RAISE EXCEPTION 'An order is the first attempt of a leg, or the one that trades it back.' USING ERRCODE = 'check_violation';
    END IF;
    IF d.decision IS DISTINCT FROM 'approved' OR d.used_at IS NULL OR used_by <> pg_current_xact_id()::xid
       OR d.digest <> p.digest OR p.digest <> execution.proposal_digest(p) THEN
        RAISE EXCEPTION 'Order % has no approval that this transaction used.', NEW.order_id USING ERRCODE = 'check_violation';
    END IF;
    leg := p.legs -> NEW.leg;
    IF leg IS NULL OR NEW.account_id <> p.account_id OR NEW.order_type <> coalesce(leg ->> 'order_type', p.order_type) OR NEW.time_in_force <> p.time_in_force
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

-- Both orders of a linked pair may leave while trading is reduce-only: one ends the other, so they count once.
CREATE OR REPLACE FUNCTION execution.may_leave(o execution.orders) RETURNS boolean
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
          AND NOT (w.proposal_id = o.proposal_id AND EXISTS (SELECT FROM execution.proposals p
                   WHERE p.proposal_id = o.proposal_id AND p.legging = 'one_cancels_other'))
          AND w.state IN ('intended', 'submitting', 'unknown', 'accepted', 'partially_filled');
    RETURN CASE o.side WHEN 'sell' THEN coalesce(held, 0) ELSE -coalesce(held, 0) END >= o.quantity + working;
END $$;
