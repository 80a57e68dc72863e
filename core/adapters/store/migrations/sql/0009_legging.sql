-- Legs that wait for each other, and filled legs that are traded back when another one fails.
ALTER TABLE execution.proposals ADD COLUMN legging text NOT NULL DEFAULT 'together' CHECK (legging IN ('together', 'in_order'));
ALTER TABLE execution.proposals ADD COLUMN on_failure text NOT NULL DEFAULT 'keep' CHECK (on_failure IN ('keep', 'unwind'));
ALTER TABLE execution.orders DROP CONSTRAINT one_order_per_leg;

-- The digest covers them where they are set, so that older proposals keep theirs.
CREATE OR REPLACE FUNCTION execution.proposal_digest(p execution.proposals) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT encode(sha256(convert_to(execution.canonical_json(jsonb_build_object(
        'proposal_id', p.proposal_id, 'account_id', p.account_id, 'legs', p.legs, 'order_type', p.order_type,
        'time_in_force', p.time_in_force, 'band_low', p.band_low::text, 'band_high', p.band_high::text,
        'notional', p.notional::text, 'reason', p.reason, 'evidence', p.evidence, 'author', p.author,
        'author_kind', p.author_kind, 'requested_by', p.requested_by,
        'desk_time', execution.utc_text(p.desk_time), 'expires_at', execution.utc_text(p.expires_at),
        'is_demo', p.is_demo)
        || CASE WHEN p.legging <> 'together' THEN jsonb_build_object('legging', p.legging) ELSE '{}' END
        || CASE WHEN p.on_failure <> 'keep' THEN jsonb_build_object('on_failure', p.on_failure) ELSE '{}' END), 'UTF8')), 'hex')
$$;

-- The approval of a proposal that unwinds covers one market order that trades back exactly what a leg filled, once the
-- leg has ended and another leg has failed.
CREATE FUNCTION execution.check_trade_back(o execution.orders, p execution.proposals, d execution.decisions) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE first execution.orders;
BEGIN
    SELECT * INTO first FROM execution.orders f WHERE f.proposal_id = o.proposal_id AND f.leg = o.leg AND f.attempt = 1;
    IF p.on_failure <> 'unwind' OR d.decision IS DISTINCT FROM 'approved' OR d.used_at IS NULL OR d.digest <> p.digest
       OR p.digest <> execution.proposal_digest(p) OR d.face = 'demo' THEN
        RAISE EXCEPTION 'Proposal % has no approval to trade a leg back.', o.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF first.order_id IS NULL OR first.state NOT IN ('filled', 'cancelled', 'rejected', 'expired') OR first.filled_quantity <= 0
       OR NOT EXISTS (SELECT FROM execution.orders f WHERE f.proposal_id = o.proposal_id AND f.attempt = 1
                      AND f.state IN ('denied', 'rejected', 'cancelled', 'expired')) THEN
        RAISE EXCEPTION 'There is nothing to trade back in leg % of %.', o.leg, o.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF o.account_id <> first.account_id OR o.instrument_id <> first.instrument_id OR o.side = first.side
       OR o.quantity <> first.filled_quantity OR o.order_type <> 'market' OR o.time_in_force <> 'day'
       OR o.limit_price IS NOT NULL OR o.stop_price IS NOT NULL OR o.state <> 'intended' OR o.filled_quantity <> 0 THEN
        RAISE EXCEPTION 'Order % is not what trades leg % back.', o.order_id, o.leg USING ERRCODE = 'check_violation';
    END IF;
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

-- The paper venue takes stop-limit orders too.
ALTER TABLE execution.paper_orders DROP CONSTRAINT paper_orders_order_type_check, DROP CONSTRAINT paper_orders_check,
    DROP CONSTRAINT paper_orders_check1;
ALTER TABLE execution.paper_orders ADD CONSTRAINT order_type_known CHECK (order_type IN ('market', 'limit', 'stop', 'stop_limit')),
    ADD CONSTRAINT limit_where_needed CHECK ((order_type IN ('limit', 'stop_limit')) = (limit_price IS NOT NULL)),
    ADD CONSTRAINT stop_where_needed CHECK ((order_type IN ('stop', 'stop_limit')) = (stop_price IS NOT NULL));
