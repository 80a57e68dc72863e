-- An account that trades real money sends nothing until a person of the desk who may approve switched it to live.
ALTER TABLE execution.accounts
    ADD COLUMN is_real_money boolean NOT NULL DEFAULT false,
    ADD COLUMN is_live boolean NOT NULL DEFAULT false,
    ADD COLUMN changed_by text,
    ADD CONSTRAINT only_real_money_is_live CHECK (is_real_money OR NOT is_live),
    ADD CONSTRAINT a_demo_is_paper CHECK (NOT (is_demo AND is_real_money));

CREATE FUNCTION execution.check_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE changing text[] := ARRAY['name', 'limits', 'four_eyes_above', 'is_live', 'changed_by'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.is_live THEN
            RAISE EXCEPTION 'Account % is opened with its switch off.', NEW.account_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - changing <> to_jsonb(OLD) - changing THEN
        RAISE EXCEPTION 'What account % is never changes.', OLD.account_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.is_live AND NOT OLD.is_live AND NOT EXISTS (
        SELECT FROM desk.users u WHERE u.user_id = NEW.changed_by AND u.disabled_at IS NULL AND 'approve' = ANY (u.scopes)
    ) THEN
        RAISE EXCEPTION 'Only a person of this desk with the scope approve may switch account % to live.', OLD.account_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rightful BEFORE INSERT OR UPDATE ON execution.accounts FOR EACH ROW EXECUTE FUNCTION execution.check_account();

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
          AND w.state IN ('intended', 'submitting', 'unknown', 'accepted', 'partially_filled');
    RETURN CASE o.side WHEN 'sell' THEN coalesce(held, 0) ELSE -coalesce(held, 0) END >= o.quantity + working;
END $$;

-- Standing rules reject and never approve: a decision by a rule is a rejection by a service, which check_decision lets
-- pass, while an approval needs a person.
CREATE TABLE execution.reject_rules (
    rule_id text PRIMARY KEY,
    name text NOT NULL,
    account_id text REFERENCES execution.accounts,
    condition jsonb NOT NULL CHECK (jsonb_typeof(condition) = 'object' AND condition <> '{}'),
    declared_by text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_by text,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX reject_rules_standing ON execution.reject_rules (name) WHERE ended_at IS NULL;
CREATE FUNCTION execution.check_reject_rule() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE ending text[] := ARRAY['ended_at', 'ended_by'];
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR to_jsonb(NEW) - ending <> to_jsonb(OLD) - ending) THEN
        RAISE EXCEPTION 'A rule is ended once, and nothing else of it changes.' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM desk.users u WHERE u.user_id = coalesce(NEW.ended_by, NEW.declared_by) AND u.disabled_at IS NULL
                   AND 'approve' = ANY (u.scopes)) THEN
        RAISE EXCEPTION 'Only a person of this desk with the scope approve declares or ends a rule.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rightful BEFORE INSERT OR UPDATE ON execution.reject_rules FOR EACH ROW EXECUTE FUNCTION execution.check_reject_rule();
CREATE TRIGGER no_delete BEFORE DELETE ON execution.reject_rules FOR EACH ROW EXECUTE FUNCTION execution.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON execution.reject_rules FOR EACH STATEMENT EXECUTE FUNCTION execution.refuse_change();
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE ON execution.reject_rules DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION desk.write_audit('rule_id');
