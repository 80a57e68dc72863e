-- The sum of an account's movements of cash, kept by the ledger itself: the risk gate reads one row and not the ledger.
CREATE TABLE execution.cash_balances (
    account_id text PRIMARY KEY REFERENCES execution.accounts ON DELETE CASCADE,
    balance numeric NOT NULL
);
INSERT INTO execution.cash_balances SELECT account_id, sum(amount) FROM execution.cash_ledger GROUP BY account_id;
CREATE FUNCTION execution.keep_balance() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO execution.cash_balances AS b
        SELECT account_id, CASE TG_OP WHEN 'DELETE' THEN -sum(amount) ELSE sum(amount) END FROM moved GROUP BY account_id
        ON CONFLICT (account_id) DO UPDATE SET balance = b.balance + excluded.balance;
    RETURN NULL;
END $$;
CREATE TRIGGER balanced AFTER INSERT ON execution.cash_ledger REFERENCING NEW TABLE AS moved
    FOR EACH STATEMENT EXECUTE FUNCTION execution.keep_balance();
-- Only what removes a demo book deletes entries.
CREATE TRIGGER balanced_back AFTER DELETE ON execution.cash_ledger REFERENCING OLD TABLE AS moved
    FOR EACH STATEMENT EXECUTE FUNCTION execution.keep_balance();
ALTER TABLE execution.cash_ledger ENABLE ALWAYS TRIGGER balanced;
ALTER TABLE execution.cash_ledger ENABLE ALWAYS TRIGGER balanced_back;
-- Nobody writes a balance but the ledger.
CREATE TRIGGER kept BEFORE INSERT OR UPDATE OR DELETE ON execution.cash_balances FOR EACH ROW
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION execution.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON execution.cash_balances FOR EACH STATEMENT EXECUTE FUNCTION execution.refuse_change();
CREATE INDEX cash_transfers ON execution.cash_ledger (account_id, booked_at) WHERE movement IN ('deposit', 'withdrawal');
-- The highest value of an account is one look-up.
CREATE INDEX nav_by_value ON execution.nav_daily (account_id, nav);
