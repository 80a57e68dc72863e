-- What of macro, news and events should be stored and is not: a period of a series, or a day of a source. An open one
-- may still come; an explained one is not expected to; a healed one has come.
CREATE TABLE ops.record_gaps (
    topic text NOT NULL CHECK (topic IN ('macro', 'news', 'events')),
    source text NOT NULL,
    item text NOT NULL DEFAULT '',
    day date NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'explained', 'healed')),
    reason text NOT NULL DEFAULT '',
    found_at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (topic, source, item, day),
    CHECK ((state = 'open') = (settled_at IS NULL)),
    CHECK ((topic = 'macro') = (item <> ''))
);
