-- Model calls are reserved at their worst cost before they are made; public replies are kept by what was asked.
ALTER TABLE desk.model_calls
    ADD COLUMN question_id text NOT NULL DEFAULT '',
    ADD COLUMN principal text NOT NULL DEFAULT '';
CREATE INDEX model_calls_by_time ON desk.model_calls (called_at);
CREATE INDEX model_calls_by_question ON desk.model_calls (question_id);
CREATE TABLE desk.model_replies (
    content_hash text PRIMARY KEY,
    model text NOT NULL,
    reply text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
