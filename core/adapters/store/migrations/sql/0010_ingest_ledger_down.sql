-- Back to the schema before: the ledger of gaps and the reviews are dropped, replies that are compressed too.
DROP TABLE ops.quarantine_reviews;
DROP TABLE ops.gaps;
DROP INDEX ops.quarantine_held;
DROP INDEX ops.raw_payloads_by_vendor;
DELETE FROM ops.raw_payloads WHERE encoding <> 'identity';
ALTER TABLE ops.raw_payloads DROP COLUMN kind, DROP COLUMN encoding, DROP COLUMN vendor_time;
DROP INDEX ops.ingest_steps_open;
ALTER TABLE ops.ingest_steps DROP COLUMN first_day, DROP COLUMN last_day;
