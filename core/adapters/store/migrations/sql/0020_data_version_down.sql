DROP TRIGGER count_change ON market_data.corporate_actions_history;
DROP TRIGGER count_change ON market_data.group_memberships;
DROP TRIGGER count_change ON market_data.symbol_history;
DROP FUNCTION ops.data_version();
CREATE OR REPLACE FUNCTION ops.count_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO ops.data_changes AS c (writer, changes) VALUES (pg_backend_pid(), 1)
    ON CONFLICT (writer) DO UPDATE SET changes = c.changes + 1;
    RETURN NULL;
END $$;
ALTER TABLE ops.data_changes DROP COLUMN token;
