-- The chat's history, in the layout its data layer reads and writes (camelCase names are its own), and failed logins.
CREATE TABLE chat.users (
    "id" text PRIMARY KEY,
    "identifier" text NOT NULL UNIQUE,
    "metadata" jsonb NOT NULL,
    "createdAt" text
);
CREATE TABLE chat.threads (
    "id" text PRIMARY KEY,
    "createdAt" text,
    "name" text,
    "userId" text REFERENCES chat.users ("id") ON DELETE CASCADE,
    "userIdentifier" text,
    "tags" text[],
    "metadata" jsonb
);
CREATE INDEX threads_by_user ON chat.threads ("userId");
CREATE TABLE chat.steps (
    "id" text PRIMARY KEY,
    "name" text NOT NULL,
    "type" text NOT NULL,
    "threadId" text NOT NULL REFERENCES chat.threads ("id") ON DELETE CASCADE,
    "parentId" text,
    "command" text,
    "modes" jsonb,
    "streaming" boolean NOT NULL,
    "waitForAnswer" boolean,
    "isError" boolean,
    "metadata" jsonb,
    "tags" text[],
    "input" text,
    "output" text,
    "createdAt" text,
    "start" text,
    "end" text,
    "generation" jsonb,
    "showInput" text,
    "defaultOpen" boolean,
    "autoCollapse" boolean,
    "language" text,
    "icon" text,
    "indent" integer
);
CREATE INDEX steps_by_thread ON chat.steps ("threadId", "createdAt");
CREATE TABLE chat.elements (
    "id" text PRIMARY KEY,
    "threadId" text REFERENCES chat.threads ("id") ON DELETE CASCADE,
    "type" text,
    "url" text,
    "path" text,
    "chainlitKey" text,
    "name" text NOT NULL,
    "display" text,
    "objectKey" text,
    "size" text,
    "page" integer,
    "language" text,
    "autoPlay" boolean,
    "playerConfig" jsonb,
    "forId" text,
    "mime" text,
    "props" text
);
CREATE INDEX elements_by_thread ON chat.elements ("threadId");
CREATE TABLE chat.feedbacks (
    "id" text PRIMARY KEY,
    "forId" text NOT NULL,
    "threadId" text,
    "value" integer NOT NULL,
    "comment" text
);

-- Failed logins, counted over every face and process, so that guessing is slow everywhere.
CREATE TABLE desk.login_failures (
    failure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX login_failures_by_name ON desk.login_failures (name, failed_at);
