-- The ledger of one run. Times are seconds since 1970 (UTC); durations are seconds.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened, in order: births, refusals, faults.
CREATE TABLE events (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;

-- The latest state of each agent; its history stands in events.
CREATE TABLE agents (
    name    TEXT PRIMARY KEY,
    at      REAL NOT NULL,
    sector  TEXT NOT NULL,
    role    TEXT NOT NULL,
    state   TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    reason  TEXT NOT NULL
) STRICT;

-- Every request between two named agents.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY,
    at           REAL NOT NULL,
    source       TEXT NOT NULL,
    target       TEXT NOT NULL,
    type         TEXT NOT NULL,
    size_bytes   INTEGER NOT NULL CHECK (size_bytes >= 0),
    latency_s    REAL,
    outcome      TEXT NOT NULL,
    conversation TEXT NOT NULL,
    hop          INTEGER NOT NULL CHECK (hop >= 0)
) STRICT;

-- Every model call, by the agent that it was made for; never the texts, never a key.
CREATE TABLE calls (
    id                INTEGER PRIMARY KEY,
    at                REAL NOT NULL,
    agent             TEXT NOT NULL,
    model             TEXT NOT NULL,
    prompt_tokens     INTEGER NOT NULL CHECK (prompt_tokens >= 0),
    completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0),
    prompt_characters INTEGER NOT NULL CHECK (prompt_characters >= 0),
    latency_s         REAL NOT NULL,
    retries           INTEGER NOT NULL CHECK (retries >= 0),
    error             TEXT
) STRICT;
CREATE INDEX calls_agent ON calls (agent);

-- Every text of every idea. A refinement is a row of its own: its parent is the text that it was made from.
CREATE TABLE ideas (
    id           INTEGER PRIMARY KEY,
    at           REAL NOT NULL,
    conversation TEXT NOT NULL,
    author       TEXT NOT NULL REFERENCES agents (name),  -- whose idea it is
    contributor  TEXT REFERENCES agents (name),           -- who wrote this text, when not the author
    parent       INTEGER REFERENCES ideas (id),
    hop          INTEGER NOT NULL CHECK (hop >= 0),
    idea         TEXT NOT NULL CHECK (json_valid(idea)),
    CHECK ((parent IS NULL) = (contributor IS NULL))
) STRICT;
CREATE INDEX ideas_parent ON ideas (parent);
