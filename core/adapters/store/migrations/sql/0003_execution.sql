-- The database enforces what the code checks: complete digests, one decision by a person who may, single use of an
-- approval, orders equal to what was approved, books that equal the executions, nothing changed afterwards.
ALTER TABLE execution.fills ADD COLUMN note text NOT NULL DEFAULT '';
ALTER TABLE execution.orders ADD CONSTRAINT one_order_per_leg UNIQUE (proposal_id, leg);
CREATE INDEX orders_open ON execution.orders (account_id)
    WHERE state IN ('intended', 'submitting', 'unknown', 'accepted', 'partially_filled');
CREATE INDEX fills_by_order ON execution.fills (order_id);
CREATE INDEX fills_by_instrument ON execution.fills (account_id, instrument_id, filled_at);
CREATE INDEX cash_by_account ON execution.cash_ledger (account_id, booked_at);

-- The paper venue keeps its own books, as a broker would: quantdesk asks it, and never reads these tables for its own.
CREATE TABLE execution.paper_orders (
    client_order_id text PRIMARY KEY,
    venue_order_id text NOT NULL UNIQUE,
    account_id text NOT NULL,
    instrument_id integer NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity numeric NOT NULL CHECK (quantity > 0),
    order_type text NOT NULL CHECK (order_type IN ('market', 'limit', 'stop')),
    limit_price numeric,
    stop_price numeric,
    time_in_force text NOT NULL CHECK (time_in_force IN ('day', 'gtc')),
    state text NOT NULL CHECK (state IN ('accepted', 'filled', 'cancelled', 'expired', 'rejected')),
    reason text NOT NULL DEFAULT '',
    accepted_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((order_type = 'limit') = (limit_price IS NOT NULL)),
    CHECK ((order_type = 'stop') = (stop_price IS NOT NULL))
);
CREATE INDEX paper_orders_open ON execution.paper_orders (account_id) WHERE state = 'accepted';
CREATE TABLE execution.paper_executions (
    execution_id text PRIMARY KEY,
    client_order_id text NOT NULL UNIQUE REFERENCES execution.paper_orders,
    quantity numeric NOT NULL CHECK (quantity > 0),
    price numeric NOT NULL CHECK (price > 0),
    fee numeric NOT NULL CHECK (fee >= 0),
    session date NOT NULL,
    executed_at timestamptz NOT NULL,
    note text NOT NULL DEFAULT '',
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- RFC 8785 canonical JSON for objects, arrays, strings, integers, booleans and null (decimals are strings).
CREATE FUNCTION execution.canonical_json(content jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog AS $$
BEGIN
    CASE jsonb_typeof(content)
    WHEN 'object' THEN
        RETURN '{' || coalesce((SELECT string_agg(to_json(key)::text || ':' || execution.canonical_json(value), ',' ORDER BY key COLLATE "C")
                                FROM jsonb_each(content)), '') || '}';
    WHEN 'array' THEN
        RETURN '[' || coalesce((SELECT string_agg(execution.canonical_json(value), ',' ORDER BY place)
                                FROM jsonb_array_elements(content) WITH ORDINALITY AS e (value, place)), '') || ']';
    WHEN 'string' THEN
        RETURN to_json(content #>> '{}')::text;
    WHEN 'number' THEN
        IF content::text !~ '^-?[0-9]+$' THEN
            RAISE EXCEPTION 'A canonical document holds integers and strings only, not the number %.', content;
        END IF;
        RETURN content::text;
    ELSE
        RETURN content::text;
    END CASE;
END $$;

CREATE FUNCTION execution.utc_text(moment timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION execution.proposal_digest(p execution.proposals) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT encode(sha256(convert_to(execution.canonical_json(jsonb_build_object(
        'proposal_id', p.proposal_id, 'account_id', p.account_id, 'legs', p.legs, 'order_type', p.order_type,
        'time_in_force', p.time_in_force, 'band_low', p.band_low::text, 'band_high', p.band_high::text,
        'notional', p.notional::text, 'reason', p.reason, 'evidence', p.evidence, 'author', p.author,
        'author_kind', p.author_kind, 'requested_by', p.requested_by,
        'desk_time', execution.utc_text(p.desk_time), 'expires_at', execution.utc_text(p.expires_at),
        'is_demo', p.is_demo)), 'UTF8')), 'hex')
$$;

-- Books are append only. Only the demo account's rows may go, and only by the command that removes it as a whole.
CREATE FUNCTION execution.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM execution.accounts a WHERE a.is_demo AND a.account_id = current_setting('quantdesk.removing_demo', true)
    ) THEN
        CASE TG_TABLE_NAME
        WHEN 'decisions' THEN
            IF EXISTS (SELECT FROM execution.proposals p WHERE p.proposal_id = OLD.proposal_id
                       AND p.account_id = current_setting('quantdesk.removing_demo', true)) THEN RETURN OLD; END IF;
        WHEN 'order_events' THEN
            IF EXISTS (SELECT FROM execution.orders o WHERE o.order_id = OLD.order_id
                       AND o.account_id = current_setting('quantdesk.removing_demo', true)) THEN RETURN OLD; END IF;
        ELSE
            IF to_jsonb(OLD) ->> 'account_id' = current_setting('quantdesk.removing_demo', true) THEN RETURN OLD; END IF;
        END CASE;
    END IF;
    RAISE EXCEPTION '% on execution.% is refused: the books are append only.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['proposals', 'fills', 'cash_ledger', 'order_events'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON execution.%I FOR EACH ROW EXECUTE FUNCTION execution.refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['decisions', 'orders'] LOOP
        EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE ON execution.%I FOR EACH ROW EXECUTE FUNCTION execution.refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['proposals', 'decisions', 'orders', 'order_events', 'fills', 'cash_ledger'] LOOP
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON execution.%I FOR EACH STATEMENT EXECUTE FUNCTION execution.refuse_change()', name);
    END LOOP;
END $$;

CREATE FUNCTION execution.check_proposal() RETURNS trigger
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
           OR (NEW.order_type IN ('limit', 'stop_limit')) <> (leg ->> 'limit_price' IS NOT NULL)
           OR (NEW.order_type IN ('stop', 'stop_limit')) <> (leg ->> 'stop_price' IS NOT NULL)
           OR NOT EXISTS (SELECT FROM market_data.instruments i WHERE i.instrument_id = (leg ->> 'instrument_id')::integer)
    ) THEN
        RAISE EXCEPTION 'Proposal % has a leg without a known instrument, a side, a quantity above 0 or the prices of its order type.',
            NEW.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER complete BEFORE INSERT ON execution.proposals FOR EACH ROW EXECUTE FUNCTION execution.check_proposal();

-- Only a person of this desk with the scope `approve`, shown this very digest, before the expiry by this clock.
-- History of the demo book carries the face `demo`: such an approval never releases an order (see check_new_order).
CREATE FUNCTION execution.check_decision() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    p execution.proposals;
    four_eyes_above numeric;
BEGIN
    SELECT * INTO p FROM execution.proposals WHERE proposal_id = NEW.proposal_id;
    IF NOT FOUND OR NEW.digest <> p.digest OR p.digest <> execution.proposal_digest(p) THEN
        RAISE EXCEPTION 'The digest decided on is not that of proposal %.', NEW.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.used_at IS NOT NULL THEN
        RAISE EXCEPTION 'A decision starts unused.' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.decision = 'expired' THEN
        IF p.expires_at > clock_timestamp() THEN
            RAISE EXCEPTION 'Proposal % has not expired.', NEW.proposal_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF p.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'Proposal % has expired.', NEW.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.face = 'demo' AND p.is_demo AND EXISTS (SELECT FROM execution.accounts a WHERE a.account_id = p.account_id AND a.is_demo) THEN
        RETURN NEW;
    END IF;
    IF NEW.decision = 'rejected' THEN
        RETURN NEW;
    END IF;
    IF NEW.decided_by_kind <> 'person' OR NOT EXISTS (
        SELECT FROM desk.users u WHERE u.user_id = NEW.decided_by AND u.disabled_at IS NULL AND 'approve' = ANY (u.scopes)
    ) THEN
        RAISE EXCEPTION 'Only a person of this desk with the scope approve may approve proposal %.', NEW.proposal_id
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT a.four_eyes_above INTO four_eyes_above FROM execution.accounts a WHERE a.account_id = p.account_id;
    -- Who asked without signing in may be anyone, the approver too.
    IF p.notional > four_eyes_above AND p.requested_by LIKE 'local:%' THEN
        RAISE EXCEPTION 'Proposal % is above the four-eyes limit and nobody signed in asked for it.', NEW.proposal_id
            USING ERRCODE = 'check_violation';
    END IF;
    IF p.notional > four_eyes_above AND NEW.decided_by IN (p.requested_by, p.author) THEN
        RAISE EXCEPTION 'Proposal % is above the four-eyes limit: another person must approve it.', NEW.proposal_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rightful BEFORE INSERT ON execution.decisions FOR EACH ROW EXECUTE FUNCTION execution.check_decision();

CREATE FUNCTION execution.check_use() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF OLD.used_at IS NOT NULL OR NEW.used_at IS NULL OR NEW.decision <> 'approved'
       OR to_jsonb(NEW) - 'used_at' <> to_jsonb(OLD) - 'used_at' THEN
        RAISE EXCEPTION 'A decision never changes; an approval is used once.' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (SELECT p.expires_at FROM execution.proposals p WHERE p.proposal_id = NEW.proposal_id) <= clock_timestamp() THEN
        RAISE EXCEPTION 'The approval of proposal % lapsed with its expiry.', NEW.proposal_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER single_use BEFORE UPDATE ON execution.decisions FOR EACH ROW EXECUTE FUNCTION execution.check_use();

-- An order is what was approved, and comes in the transaction that uses the approval up.
CREATE FUNCTION execution.check_new_order() RETURNS trigger
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
    ELSIF NEW.state = 'intended' AND (SELECT halted FROM execution.trading_state) IS DISTINCT FROM false THEN
        RAISE EXCEPTION 'Trading is halted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approved BEFORE INSERT ON execution.orders FOR EACH ROW EXECUTE FUNCTION execution.check_new_order();

CREATE TABLE execution.order_transitions (
    state_before text NOT NULL,
    state_after text NOT NULL,
    PRIMARY KEY (state_before, state_after)
);
INSERT INTO execution.order_transitions VALUES
    ('intended', 'submitting'), ('intended', 'denied'), ('intended', 'partially_filled'), ('intended', 'filled'),
    ('denied', 'partially_filled'), ('denied', 'filled'),
    ('submitting', 'denied'), ('submitting', 'unknown'), ('submitting', 'accepted'), ('submitting', 'partially_filled'),
    ('submitting', 'filled'), ('submitting', 'cancelled'), ('submitting', 'rejected'), ('submitting', 'expired'),
    ('unknown', 'submitting'), ('unknown', 'accepted'), ('unknown', 'partially_filled'), ('unknown', 'filled'),
    ('unknown', 'cancelled'), ('unknown', 'rejected'), ('unknown', 'expired'),
    ('accepted', 'partially_filled'), ('accepted', 'filled'), ('accepted', 'cancelled'), ('accepted', 'rejected'),
    ('accepted', 'expired'),
    ('partially_filled', 'filled'), ('partially_filled', 'cancelled'), ('partially_filled', 'expired'),
    ('cancelled', 'filled'), ('rejected', 'filled'), ('expired', 'filled');

CREATE FUNCTION execution.check_order_change() RETURNS trigger
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
       AND (SELECT halted FROM execution.trading_state) IS DISTINCT FROM false THEN
        RAISE EXCEPTION 'Trading is halted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lawful BEFORE UPDATE ON execution.orders FOR EACH ROW EXECUTE FUNCTION execution.check_order_change();

CREATE FUNCTION execution.check_fill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM execution.orders o WHERE o.order_id = NEW.order_id AND o.account_id = NEW.account_id
                   AND o.instrument_id = NEW.instrument_id AND o.side = NEW.side) THEN
        RAISE EXCEPTION 'Fill % does not fit its order.', NEW.fill_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fits BEFORE INSERT ON execution.fills FOR EACH ROW EXECUTE FUNCTION execution.check_fill();

-- At commit: filled quantity = executions, cash = executions and fees to the cent, position = executions.
CREATE FUNCTION execution.check_books() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    booked numeric;
    direction integer;
BEGIN
    IF TG_TABLE_NAME = 'orders' THEN
        SELECT coalesce(sum(f.quantity), 0) INTO booked FROM execution.fills f WHERE f.order_id = NEW.order_id;
        IF booked IS DISTINCT FROM (SELECT o.filled_quantity FROM execution.orders o WHERE o.order_id = NEW.order_id) THEN
            RAISE EXCEPTION 'Order % says another filled quantity than its executions.', NEW.order_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END IF;
    SELECT coalesce(sum(f.quantity), 0) INTO booked FROM execution.fills f WHERE f.order_id = NEW.order_id;
    IF booked IS DISTINCT FROM (SELECT o.filled_quantity FROM execution.orders o WHERE o.order_id = NEW.order_id) THEN
        RAISE EXCEPTION 'Order % says another filled quantity than its executions.', NEW.order_id USING ERRCODE = 'check_violation';
    END IF;
    direction := CASE NEW.side WHEN 'buy' THEN 1 ELSE -1 END;
    IF (SELECT sum(c.amount) FROM execution.cash_ledger c WHERE c.fill_id = NEW.fill_id AND c.movement = 'trade')
           IS DISTINCT FROM -direction * round(NEW.quantity * NEW.price, 2)
       OR coalesce((SELECT sum(c.amount) FROM execution.cash_ledger c WHERE c.fill_id = NEW.fill_id AND c.movement = 'fee'), 0)
           <> -NEW.fee THEN
        RAISE EXCEPTION 'The cash ledger does not show fill %.', NEW.fill_id USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT p.quantity FROM execution.positions p WHERE p.account_id = NEW.account_id AND p.instrument_id = NEW.instrument_id)
       IS DISTINCT FROM (SELECT sum(CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END) FROM execution.fills f
                         WHERE f.account_id = NEW.account_id AND f.instrument_id = NEW.instrument_id) THEN
        RAISE EXCEPTION 'The position does not equal the executions after fill %.', NEW.fill_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER books_agree AFTER INSERT ON execution.fills DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION execution.check_books();
CREATE CONSTRAINT TRIGGER books_agree AFTER INSERT OR UPDATE OF filled_quantity ON execution.orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION execution.check_books();

-- The worker hears of an event when its transaction commits.
CREATE FUNCTION desk.announce() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_notify('quantdesk_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER announced AFTER INSERT ON desk.outbox FOR EACH STATEMENT EXECUTE FUNCTION desk.announce();

-- Views of the books, cut at the as-of time like every other.
-- A position is what the executions of then add up to by average cost, as execution.positions holds it for now: a fill
-- against the position closes at the average cost, a fill through zero opens the other side at its own price.
CREATE OR REPLACE VIEW execution.v_positions AS
    WITH RECURSIVE f AS MATERIALIZED (
        SELECT account_id, instrument_id, filled_at,
               row_number() OVER (PARTITION BY account_id, instrument_id ORDER BY filled_at, execution_id) AS number,
               count(*) OVER (PARTITION BY account_id, instrument_id) AS last,
               CASE side WHEN 'buy' THEN quantity ELSE -quantity END AS signed,
               CASE side WHEN 'buy' THEN 1 ELSE -1 END * round(quantity * price, 2) AS spent
        FROM execution.fills
        WHERE filled_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
    ), folded AS (
        SELECT account_id, instrument_id, number, last, filled_at, signed AS quantity, spent AS cost, 0::numeric AS realized_pnl
        FROM f WHERE number = 1
        UNION ALL
        SELECT f.account_id, f.instrument_id, f.number, f.last, f.filled_at, h.quantity + f.signed,
               CASE WHEN h.quantity * f.signed >= 0 THEN h.cost + f.spent
                    WHEN h.quantity + f.signed = 0 THEN 0
                    WHEN abs(f.signed) > abs(h.quantity) THEN f.spent - f.spent * abs(h.quantity) / abs(f.signed)
                    ELSE h.cost - h.cost * abs(f.signed) / abs(h.quantity) END,
               CASE WHEN h.quantity * f.signed >= 0 THEN h.realized_pnl
                    ELSE h.realized_pnl - f.spent * least(abs(f.signed), abs(h.quantity)) / abs(f.signed)
                         - h.cost * least(abs(f.signed), abs(h.quantity)) / abs(h.quantity) END
        FROM folded h JOIN f USING (account_id, instrument_id) WHERE f.number = h.number + 1
    )
    SELECT h.account_id, i.symbol, h.instrument_id, i.asset_class, h.quantity,
           CASE WHEN h.quantity = 0 THEN 0 ELSE h.cost / h.quantity END AS average_cost, h.realized_pnl, h.filled_at AS updated_at
    FROM folded h JOIN market_data.instruments i USING (instrument_id) WHERE h.number = h.last;
CREATE OR REPLACE VIEW execution.v_orders AS
    SELECT o.order_id, o.client_order_id, o.proposal_id, o.account_id, i.symbol, o.side, o.quantity, o.order_type, o.limit_price,
           o.time_in_force, o.state, o.filled_quantity, o.reason, o.desk_time, o.created_at, o.updated_at
    FROM execution.orders o JOIN market_data.instruments i USING (instrument_id)
    WHERE o.desk_time <= (SELECT market_data.as_of());
CREATE OR REPLACE VIEW execution.v_fills AS
    SELECT f.fill_id, f.order_id, f.account_id, i.symbol, f.side, f.quantity, f.price, f.fee, f.currency, f.session, f.filled_at, f.note
    FROM execution.fills f JOIN market_data.instruments i USING (instrument_id)
    WHERE f.filled_at <= (SELECT market_data.as_of()) AND f.recorded_at <= (SELECT market_data.recorded_before());
CREATE OR REPLACE VIEW execution.v_cash AS
    SELECT account_id, currency, sum(amount) AS cash FROM execution.cash_ledger
    WHERE booked_at <= (SELECT market_data.as_of()) AND recorded_at <= (SELECT market_data.recorded_before())
    GROUP BY account_id, currency;
CREATE OR REPLACE VIEW execution.v_nav AS
    SELECT account_id, session, nav, cash, nav / max(nav) OVER (PARTITION BY account_id ORDER BY session) - 1 AS drawdown
    FROM execution.nav_daily WHERE session <= (SELECT (market_data.as_of() AT TIME ZONE 'UTC')::date);
