-- Coins as money are counted to the eighth place, and a venue may keep its commission of what was bought: that part counts
-- as sold at the price of the execution, and the fee as paid with the proceeds.
CREATE FUNCTION execution.money_places(currency text) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT CASE WHEN currency IN ('USDT', 'USDC') THEN 8 ELSE 2 END $$;

ALTER TABLE execution.fills
    ADD COLUMN fee_quantity numeric NOT NULL DEFAULT 0,
    ADD CONSTRAINT fee_in_kind CHECK (fee_quantity = 0 OR (side = 'buy' AND fee_quantity > 0 AND fee_quantity <= quantity
        AND fee = round(fee_quantity * price, execution.money_places(currency))));
ALTER TABLE execution.cash_ledger DROP CONSTRAINT movement_known;
ALTER TABLE execution.cash_ledger ADD CONSTRAINT movement_known CHECK (movement IN
    ('deposit', 'withdrawal', 'trade', 'fee', 'fee_in_kind', 'opening', 'dividend', 'withholding', 'interest', 'cash_in_lieu'));

-- What an account held when it was opened counts as bought with the deposit, at the last price stored then.
CREATE TABLE execution.opening_positions (
    account_id text NOT NULL REFERENCES execution.accounts,
    instrument_id integer NOT NULL,
    quantity numeric NOT NULL CHECK (quantity <> 0),
    price numeric NOT NULL CHECK (price > 0),
    entered_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, instrument_id)
);
CREATE FUNCTION execution.check_opening() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM desk.users u WHERE u.user_id = NEW.entered_by AND u.disabled_at IS NULL AND 'approve' = ANY (u.scopes)
    ) THEN
        RAISE EXCEPTION 'Only a person of this desk with the scope approve brings positions.' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM execution.orders o WHERE o.account_id = NEW.account_id) THEN
        RAISE EXCEPTION 'Account % trades already: what it held at its opening is settled.', NEW.account_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rightful BEFORE INSERT ON execution.opening_positions FOR EACH ROW EXECUTE FUNCTION execution.check_opening();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON execution.opening_positions FOR EACH ROW EXECUTE FUNCTION execution.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON execution.opening_positions FOR EACH STATEMENT EXECUTE FUNCTION execution.refuse_change();
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON execution.opening_positions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION desk.write_audit('account_id', 'instrument_id');

-- Who entered money or positions stands in the audit log as who did it.
CREATE OR REPLACE FUNCTION desk.write_audit() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
    content jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
    last_id bigint;
    last_hash text;
    moment timestamptz := clock_timestamp();
    who text;
    what text := TG_TABLE_NAME || '.' || lower(TG_OP);
    key text;
    told jsonb := desk.audit_detail(content);
BEGIN
    PERFORM pg_advisory_xact_lock(7365737);
    SELECT a.entry_id, a.entry_hash INTO last_id, last_hash FROM desk.audit a ORDER BY a.entry_id DESC LIMIT 1;
    who := coalesce(content ->> 'decided_by', content ->> 'changed_by', content ->> 'ended_by', content ->> 'entered_by',
                    content ->> 'author', 'desk');
    key := concat_ws('/', VARIADIC ARRAY(SELECT content ->> name FROM unnest(TG_ARGV::text[]) WITH ORDINALITY AS n (name, place) ORDER BY place));
    INSERT INTO desk.audit (entry_id, happened_at, actor, action, subject, detail, previous_hash, entry_hash)
    VALUES (coalesce(last_id, 0) + 1, moment, who, what, key, told, coalesce(last_hash, ''),
            desk.audit_hash(coalesce(last_hash, ''), coalesce(last_id, 0) + 1, moment, who, what, key, told));
    RETURN NULL;
END $$;

-- All that changed a position: what was there at the opening, what venues executed and kept of it, and fractions paid out,
-- in shares of their own time.
CREATE OR REPLACE VIEW execution.executed AS
    SELECT fill_id, execution_id, order_id, account_id, instrument_id, side, quantity, price, fee, currency, session, filled_at,
           note, recorded_at, fee_quantity
    FROM execution.fills
    UNION ALL
    SELECT fill_id || '_fee', execution_id || ' fee', order_id, account_id, instrument_id, 'sell', fee_quantity, price, 0, currency,
           session, filled_at, 'commission kept of what was bought', recorded_at, 0
    FROM execution.fills WHERE fee_quantity > 0
    UNION ALL
    SELECT 'open_' || p.account_id || '_' || p.instrument_id, 'opening ' || p.instrument_id, '', p.account_id, p.instrument_id,
           CASE WHEN p.quantity > 0 THEN 'buy' ELSE 'sell' END, abs(p.quantity), p.price, 0, a.currency,
           (p.opened_at AT TIME ZONE 'UTC')::date, p.opened_at, 'held when the account was opened', p.recorded_at, 0
    FROM execution.opening_positions p JOIN execution.accounts a USING (account_id)
    UNION ALL
    SELECT 'cil_' || s.account_id || '_' || s.instrument_id || '_' || s.ex_date, 'cash in lieu ' || s.instrument_id || ' ' || s.ex_date,
           '', s.account_id, s.instrument_id, CASE WHEN s.fraction > 0 THEN 'sell' ELSE 'buy' END, abs(s.fraction), s.price, 0,
           a.currency, s.ex_date, greatest(s.effective_at, s.known_at), 'cash in lieu of a fraction', s.recorded_at, 0
    FROM execution.applied_splits s JOIN execution.accounts a USING (account_id) WHERE s.fraction <> 0;

CREATE OR REPLACE FUNCTION execution.check_books() RETURNS trigger
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
           IS DISTINCT FROM -direction * round(NEW.quantity * NEW.price, execution.money_places(NEW.currency))
       OR coalesce((SELECT sum(c.amount) FROM execution.cash_ledger c WHERE c.fill_id = NEW.fill_id AND c.movement = 'fee'), 0)
           <> -NEW.fee
       OR coalesce((SELECT sum(c.amount) FROM execution.cash_ledger c WHERE c.fill_id = NEW.fill_id AND c.movement = 'fee_in_kind'), 0)
           <> round(NEW.fee_quantity * NEW.price, execution.money_places(NEW.currency)) THEN
        RAISE EXCEPTION 'The cash ledger does not show fill %.', NEW.fill_id USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT p.quantity FROM execution.positions p WHERE p.account_id = NEW.account_id AND p.instrument_id = NEW.instrument_id)
       IS DISTINCT FROM (SELECT sum(CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END
                                    * execution.split_factor(f.account_id, f.instrument_id, f.filled_at)) FROM execution.executed f
                         WHERE f.account_id = NEW.account_id AND f.instrument_id = NEW.instrument_id) THEN
        RAISE EXCEPTION 'The position does not equal the executions after fill %.', NEW.fill_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE VIEW execution.v_positions AS
    WITH RECURSIVE f AS MATERIALIZED (
        SELECT account_id, instrument_id, filled_at,
               row_number() OVER (PARTITION BY account_id, instrument_id ORDER BY filled_at, execution_id) AS number,
               count(*) OVER (PARTITION BY account_id, instrument_id) AS last,
               CASE side WHEN 'buy' THEN quantity ELSE -quantity END
                   * coalesce((SELECT round(exp(sum(ln(s.ratio))), 12) FROM execution.applied_splits s
                                WHERE s.account_id = fills.account_id AND s.instrument_id = fills.instrument_id AND s.effective_at > fills.filled_at
                                  AND s.known_at <= (SELECT market_data.as_of()) AND s.recorded_at <= (SELECT market_data.recorded_before())), 1) AS signed,
               CASE side WHEN 'buy' THEN 1 ELSE -1 END * round(quantity * price, CASE WHEN currency IN ('USDT', 'USDC') THEN 8 ELSE 2 END) AS spent
        FROM execution.executed AS fills
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
