-- Dividends, splits and transfers: each booked once, by a reference of its own; who entered money is a person of the desk.
ALTER TABLE execution.cash_ledger DROP CONSTRAINT cash_ledger_movement_check;
ALTER TABLE execution.cash_ledger
    ADD COLUMN reference text,
    ADD COLUMN entered_by text,
    ADD CONSTRAINT movement_known CHECK (movement IN
        ('deposit', 'withdrawal', 'trade', 'fee', 'dividend', 'withholding', 'interest'));
CREATE UNIQUE INDEX cash_by_reference ON execution.cash_ledger (account_id, movement, reference) WHERE reference IS NOT NULL;
CREATE FUNCTION execution.check_entry() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.entered_by IS NOT NULL AND NOT EXISTS (
        SELECT FROM desk.users u WHERE u.user_id = NEW.entered_by AND u.disabled_at IS NULL AND 'approve' = ANY (u.scopes)
    ) THEN
        RAISE EXCEPTION 'Only a person of this desk with the scope approve enters money.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rightful BEFORE INSERT ON execution.cash_ledger FOR EACH ROW EXECUTE FUNCTION execution.check_entry();

-- What an account held before a split is so many times as much after it; its cost stays. Seen from the moment on
-- at which prices of before are read in shares of after it, so that quantities and prices change together.
CREATE TABLE execution.applied_splits (
    account_id text NOT NULL REFERENCES execution.accounts,
    instrument_id integer NOT NULL,
    ex_date date NOT NULL,
    ratio numeric NOT NULL CHECK (ratio > 0),
    effective_at timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, instrument_id, ex_date)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON execution.applied_splits FOR EACH ROW EXECUTE FUNCTION execution.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON execution.applied_splits FOR EACH STATEMENT EXECUTE FUNCTION execution.refuse_change();
CREATE CONSTRAINT TRIGGER audited AFTER INSERT ON execution.applied_splits DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION desk.write_audit('account_id', 'instrument_id', 'ex_date');

CREATE FUNCTION execution.split_factor(
    account text, instrument integer, since timestamptz, known timestamptz DEFAULT 'infinity', recorded timestamptz DEFAULT 'infinity'
) RETURNS numeric
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    factor numeric := 1;
    part numeric;
BEGIN
    FOR part IN SELECT s.ratio FROM execution.applied_splits s WHERE s.account_id = account AND s.instrument_id = instrument
                AND s.effective_at > since AND s.known_at <= known AND s.recorded_at <= recorded LOOP
        factor := factor * part;
    END LOOP;
    RETURN factor;
END $$;

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
           IS DISTINCT FROM -direction * round(NEW.quantity * NEW.price, 2)
       OR coalesce((SELECT sum(c.amount) FROM execution.cash_ledger c WHERE c.fill_id = NEW.fill_id AND c.movement = 'fee'), 0)
           <> -NEW.fee THEN
        RAISE EXCEPTION 'The cash ledger does not show fill %.', NEW.fill_id USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT p.quantity FROM execution.positions p WHERE p.account_id = NEW.account_id AND p.instrument_id = NEW.instrument_id)
       IS DISTINCT FROM (SELECT sum(CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END
                                    * execution.split_factor(f.account_id, f.instrument_id, f.filled_at)) FROM execution.fills f
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
