-- Brackets: an entry, and the stop and target that rest at the venue for what it filled.
ALTER TABLE execution.proposals DROP CONSTRAINT legging_known,
    ADD CONSTRAINT legging_known CHECK (legging IN ('together', 'in_order', 'one_cancels_other', 'bracket'));

CREATE FUNCTION execution.is_bracket(p execution.proposals) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(p.on_failure = 'keep' AND bool_and(l.leg ? 'order_type' OR (l.place = 1 AND p.order_type IN ('market', 'limit')))
        AND count(l.leg ->> 'order_type') IN (1, 2) AND count(DISTINCT l.leg ->> 'order_type') = count(l.leg ->> 'order_type')
        AND bool_and(coalesce(l.leg ->> 'order_type', 'stop') IN ('stop', 'limit'))
        AND count(DISTINCT l.leg ->> 'instrument_id') = 1
        AND count(DISTINCT l.leg ->> 'side') FILTER (WHERE l.leg ? 'order_type') = 1
        AND count(DISTINCT (l.leg ->> 'quantity')::numeric) FILTER (WHERE l.leg ? 'order_type') = 1, false)
    FROM jsonb_array_elements(p.legs) WITH ORDINALITY AS l (leg, place)
$$;

-- Whether an order is one of a bracket that protects a position.
CREATE FUNCTION execution.protects(o execution.orders) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM execution.proposals p WHERE p.proposal_id = o.proposal_id AND p.legging = 'bracket'
                   AND (p.legs -> o.leg) ? 'order_type')
$$;

-- Whether the position holds what would rest for it if the order did: the two orders of a pair count once.
CREATE FUNCTION execution.is_covered(o execution.orders) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT CASE o.side WHEN 'sell' THEN 1 ELSE -1 END
           * coalesce((SELECT h.quantity FROM execution.positions h WHERE h.account_id = o.account_id AND h.instrument_id = o.instrument_id), 0)
        >= o.quantity - o.filled_quantity + coalesce((SELECT sum(r.remaining) FROM (
            SELECT max(w.quantity - w.filled_quantity) AS remaining FROM execution.orders w
            WHERE w.account_id = o.account_id AND w.instrument_id = o.instrument_id AND w.side = o.side
              AND w.proposal_id <> o.proposal_id AND w.state IN ('submitting', 'unknown', 'accepted', 'partially_filled')
              AND execution.protects(w)
            GROUP BY w.proposal_id) AS r), 0)
$$;

-- The approval of a bracket with an entry covers the orders that protect what it filled, once it has ended: the quantity of
-- the leg, less what an entry that adds to the position did not fill.
CREATE FUNCTION execution.check_protection(o execution.orders, p execution.proposals, d execution.decisions) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    entry execution.orders;
    leg jsonb := p.legs -> o.leg;
BEGIN
    SELECT * INTO entry FROM execution.orders f WHERE f.proposal_id = o.proposal_id AND f.leg = 0 AND f.attempt = 1;
    IF d.decision IS DISTINCT FROM 'approved' OR d.used_at IS NULL OR d.digest <> p.digest
       OR p.digest <> execution.proposal_digest(p) OR d.face = 'demo' THEN
        RAISE EXCEPTION 'Proposal % has no approval to protect a position.', o.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF entry.order_id IS NULL OR entry.state NOT IN ('filled', 'cancelled', 'rejected', 'expired') OR entry.filled_quantity <= 0 THEN
        RAISE EXCEPTION 'The entry of % has not ended with anything to protect.', o.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF o.account_id <> entry.account_id OR o.instrument_id <> (leg ->> 'instrument_id')::integer OR o.side <> leg ->> 'side'
       OR o.quantity <> (leg ->> 'quantity')::numeric
                        - (CASE WHEN entry.side = o.side THEN 0 ELSE entry.quantity - entry.filled_quantity END)
       OR o.quantity <= 0 OR o.order_type <> leg ->> 'order_type' OR o.time_in_force <> 'gtc'
       OR o.limit_price IS DISTINCT FROM (leg ->> 'limit_price')::numeric
       OR o.stop_price IS DISTINCT FROM (leg ->> 'stop_price')::numeric OR o.state <> 'intended' OR o.filled_quantity <> 0 THEN
        RAISE EXCEPTION 'Order % is not what protects the entry of %.', o.order_id, o.proposal_id USING ERRCODE = 'check_violation';
    END IF;
END $$;

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
    IF NEW.legging NOT IN ('one_cancels_other', 'bracket') AND EXISTS (SELECT FROM jsonb_array_elements(NEW.legs) AS leg WHERE leg ? 'order_type') THEN
        RAISE EXCEPTION 'Only a linked pair or a bracket has legs of their own order types, unlike proposal %.', NEW.proposal_id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.legging = 'one_cancels_other' AND (jsonb_array_length(NEW.legs) <> 2 OR NEW.on_failure <> 'keep'
        OR NEW.legs -> 0 ->> 'instrument_id' <> NEW.legs -> 1 ->> 'instrument_id' OR NEW.legs -> 0 ->> 'side' <> NEW.legs -> 1 ->> 'side'
        OR (NEW.legs -> 0 ->> 'quantity')::numeric <> (NEW.legs -> 1 ->> 'quantity')::numeric) THEN
        RAISE EXCEPTION 'A linked pair is two legs of one instrument, side and quantity, unlike proposal %.', NEW.proposal_id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.legging = 'bracket' AND NOT execution.is_bracket(NEW) THEN
        RAISE EXCEPTION 'A bracket is an entry, or none, and then a stop, a limit or both of one side and quantity, unlike proposal %.',
            NEW.proposal_id USING ERRCODE = 'check_violation';
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
    IF execution.protects(NEW) AND NOT (p.legs -> 0) ? 'order_type' THEN
        PERFORM execution.check_protection(NEW, p, d);
        RETURN NEW;
    END IF;
    IF d.decision IS DISTINCT FROM 'approved' OR d.used_at IS NULL OR used_by <> pg_current_xact_id()::xid
       OR d.digest <> p.digest OR p.digest <> execution.proposal_digest(p) THEN
        RAISE EXCEPTION 'Order % has no approval that this transaction used.', NEW.order_id USING ERRCODE = 'check_violation';
    END IF;
    leg := p.legs -> NEW.leg;
    IF leg IS NULL OR NEW.account_id <> p.account_id OR NEW.order_type <> coalesce(leg ->> 'order_type', p.order_type) OR NEW.time_in_force <> (CASE WHEN execution.protects(NEW) THEN 'gtc' ELSE p.time_in_force END)
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

-- What protects is cancelled before an order that needs its shares leaves, so it takes none of them.
CREATE OR REPLACE FUNCTION execution.may_leave(o execution.orders) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    state execution.trading_state;
    held numeric;
    working numeric;
BEGIN
    IF EXISTS (SELECT FROM execution.accounts a WHERE a.account_id = o.account_id AND a.is_real_money AND NOT a.is_live) THEN
        RETURN false;
    END IF;
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
          AND NOT execution.protects(w)
          AND w.state IN ('intended', 'submitting', 'unknown', 'accepted', 'partially_filled');
    RETURN CASE o.side WHEN 'sell' THEN coalesce(held, 0) ELSE -coalesce(held, 0) END >= o.quantity + working;
END $$;

-- What rests for a position never exceeds it when it is sent.
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
    IF NEW.state <> OLD.state AND NEW.state = 'submitting' AND execution.protects(NEW) AND NOT execution.is_covered(NEW) THEN
        RAISE EXCEPTION 'Order % would rest for more than the position holds.', NEW.order_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
