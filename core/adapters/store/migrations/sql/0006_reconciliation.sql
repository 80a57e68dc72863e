-- What the venue said that the desk did not know: foreign orders, differences, and when each account was last compared.
CREATE TABLE execution.external_orders (
    account_id text NOT NULL REFERENCES execution.accounts,
    venue_order_id text NOT NULL,
    client_order_id text NOT NULL DEFAULT '',
    instrument_id integer,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity numeric NOT NULL CHECK (quantity > 0),
    filled_quantity numeric NOT NULL DEFAULT 0,
    is_open boolean NOT NULL DEFAULT true,
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, venue_order_id)
);
-- A difference stays until the venue and the books agree again or a person explains it; its row is never deleted.
CREATE TABLE execution.differences (
    difference_id text PRIMARY KEY,
    account_id text NOT NULL REFERENCES execution.accounts,
    subject text NOT NULL CHECK (subject IN ('order', 'position', 'cash', 'instrument')),
    name text NOT NULL,
    ours text NOT NULL,
    theirs text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_by text,
    explanation text NOT NULL DEFAULT '',
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX differences_open ON execution.differences (account_id, subject, name) WHERE ended_at IS NULL;
CREATE TABLE execution.reconciliations (
    account_id text PRIMARY KEY REFERENCES execution.accounts,
    outcome text NOT NULL CHECK (outcome IN ('agrees', 'differs', 'unanswered')),
    detail text NOT NULL DEFAULT '',
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION execution.check_difference() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE ending text[] := ARRAY['ended_at', 'ended_by', 'explanation'];
BEGIN
    IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR to_jsonb(NEW) - ending <> to_jsonb(OLD) - ending THEN
        RAISE EXCEPTION 'A difference is ended once, and nothing else of it changes.' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ended_once BEFORE UPDATE ON execution.differences FOR EACH ROW EXECUTE FUNCTION execution.check_difference();
CREATE TRIGGER no_delete BEFORE DELETE ON execution.differences FOR EACH ROW EXECUTE FUNCTION execution.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON execution.differences FOR EACH STATEMENT EXECUTE FUNCTION execution.refuse_change();

-- The audit log: every row that matters, in the order of the commits, each entry over the hash of the one before.
-- Written by the database itself when a transaction commits, so that no code can leave it out; the lock is held only
-- while committing, never while a venue is waited for.
CREATE FUNCTION desk.audit_hash(previous text, entry bigint, happened timestamptz, actor text, action text, subject text, detail jsonb)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT encode(sha256(convert_to(previous || execution.canonical_json(jsonb_build_object(
        'entry_id', entry, 'happened_at', execution.utc_text(happened), 'actor', actor, 'action', action,
        'subject', subject, 'detail', detail)), 'UTF8')), 'hex')
$$;
-- A row as an object of texts, so that its canonical form does not depend on how a number is written.
CREATE FUNCTION desk.audit_detail(content jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each_text(content) WHERE value IS NOT NULL
$$;
CREATE FUNCTION desk.write_audit() RETURNS trigger
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
    who := coalesce(content ->> 'decided_by', content ->> 'changed_by', content ->> 'ended_by', content ->> 'author', 'desk');
    key := concat_ws('/', VARIADIC ARRAY(SELECT content ->> name FROM unnest(TG_ARGV::text[]) WITH ORDINALITY AS n (name, place) ORDER BY place));
    INSERT INTO desk.audit (entry_id, happened_at, actor, action, subject, detail, previous_hash, entry_hash)
    VALUES (coalesce(last_id, 0) + 1, moment, who, what, key, told, coalesce(last_hash, ''),
            desk.audit_hash(coalesce(last_hash, ''), coalesce(last_id, 0) + 1, moment, who, what, key, told));
    RETURN NULL;
END $$;
CREATE FUNCTION desk.refuse_audit_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% on desk.audit is refused: it is append only.', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON desk.audit FOR EACH ROW EXECUTE FUNCTION desk.refuse_audit_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON desk.audit FOR EACH STATEMENT EXECUTE FUNCTION desk.refuse_audit_change();
DO $$
DECLARE part record;
BEGIN
    FOR part IN SELECT * FROM (VALUES
        ('accounts', 'INSERT OR UPDATE OR DELETE', 'account_id'),
        ('proposals', 'INSERT', 'proposal_id'),
        ('decisions', 'INSERT OR UPDATE', 'proposal_id'),
        ('orders', 'INSERT', 'order_id'),
        ('order_events', 'INSERT', 'order_id, sequence'),
        ('fills', 'INSERT', 'fill_id'),
        ('cash_ledger', 'INSERT', 'entry_id'),
        ('trading_state', 'INSERT OR UPDATE OR DELETE', 'only_row'),
        ('external_orders', 'INSERT', 'account_id, venue_order_id'),
        ('differences', 'INSERT OR UPDATE', 'difference_id')) AS t (name, events, key)
    LOOP
        EXECUTE format('CREATE CONSTRAINT TRIGGER audited AFTER %s ON execution.%I DEFERRABLE INITIALLY DEFERRED'
                       ' FOR EACH ROW EXECUTE FUNCTION desk.write_audit(%s)', part.events, part.name,
                       (SELECT string_agg(quote_literal(trim(k)), ', ') FROM unnest(string_to_array(part.key, ',')) AS k));
    END LOOP;
END $$;
