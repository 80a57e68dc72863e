-- Back to the schema before: the ledger of macro, news and events is dropped.
DROP TABLE ops.record_gaps;
