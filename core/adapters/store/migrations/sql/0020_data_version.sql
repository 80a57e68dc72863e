-- What caches are keyed by. The counts alone come again when a copy of the database is put in its place and written to;
-- a random token at each write does not, so that caches may outlive the database and be shared by several.
ALTER TABLE ops.data_changes ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
CREATE OR REPLACE FUNCTION ops.count_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO ops.data_changes AS c (writer, changes, token) VALUES (pg_backend_pid(), 1, gen_random_uuid())
    ON CONFLICT (writer) DO UPDATE SET changes = c.changes + 1, token = excluded.token;
    RETURN NULL;
END $$;
CREATE FUNCTION ops.data_version() RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(md5(string_agg(writer || ' ' || token, ',' ORDER BY writer)), 'empty') FROM ops.data_changes
$$;
-- The rest of what the views of prices, actions and instruments read.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['corporate_actions_history', 'group_memberships', 'symbol_history'] LOOP
        EXECUTE format('CREATE TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON market_data.%I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION ops.count_change()', name);
    END LOOP;
END $$;
