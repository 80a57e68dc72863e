-- What users own: watch lists, groups and events of their own, saved strategies; private, and every change is audited.
CREATE TABLE desk.watch_lists (
    list_id text PRIMARY KEY,
    owner text NOT NULL,
    name text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('watch', 'group')),
    members integer[] NOT NULL DEFAULT '{}',
    note text NOT NULL DEFAULT '',
    changed_by text NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (owner, name)
);
CREATE TABLE desk.own_events (
    event_id text PRIMARY KEY,
    owner text NOT NULL,
    event_date date NOT NULL,
    name text NOT NULL,
    instrument_id integer,
    note text NOT NULL DEFAULT '',
    changed_by text NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX own_events_by_owner ON desk.own_events (owner, event_date);
ALTER TABLE strategies.specs ADD COLUMN changed_by text NOT NULL DEFAULT '';
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON desk.watch_lists
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION desk.write_audit('list_id');
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON desk.own_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION desk.write_audit('event_id');
CREATE CONSTRAINT TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON strategies.specs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION desk.write_audit('strategy_id');
