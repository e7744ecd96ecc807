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
    name     TEXT PRIMARY KEY,
    at       REAL NOT NULL,
    sector   TEXT NOT NULL,
    role     TEXT NOT NULL,
    state    TEXT NOT NULL,                               -- written, checked, pending, live or failed
    sha256   TEXT NOT NULL,
    attempt  INTEGER NOT NULL CHECK (attempt >= 0),
    reason   TEXT NOT NULL,
    number   INTEGER NOT NULL,                            -- of its birth, from 1
    author   TEXT NOT NULL,                               -- fill, code or adopted
    template TEXT NOT NULL,
    parents  TEXT NOT NULL CHECK (json_valid(parents)),   -- names
    generation INTEGER NOT NULL CHECK (generation >= 0),
    asked_by   TEXT NOT NULL,                             -- who wished for it: an agent, user, or nobody
    customer   TEXT NOT NULL,
    technology TEXT NOT NULL
) STRICT;

-- What went wrong or was mended on the way to each birth.
CREATE TABLE attempts (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    number  INTEGER NOT NULL,   -- of the birth
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    stage   TEXT NOT NULL,      -- model, source, policy, trial, novelty, review, cell
    finding TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_number ON attempts (number);

-- What people decided about agents, from any terminal; a run that goes on reads them.
CREATE TABLE decisions (
    id       INTEGER PRIMARY KEY,
    at       REAL NOT NULL,
    name     TEXT NOT NULL,
    sha256   TEXT NOT NULL,     -- of the module that was decided about
    decision TEXT NOT NULL CHECK (decision IN ('approved', 'rejected', 'edited', 'regenerate')),
    why      TEXT NOT NULL
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

-- Wishes of people for more agents, from any terminal; a run that goes on reads them.
CREATE TABLE wishes (
    id     INTEGER PRIMARY KEY,
    at     REAL NOT NULL,
    sector TEXT NOT NULL,
    role   TEXT NOT NULL,
    topic  TEXT NOT NULL
) STRICT;

-- Every text of every idea. A refinement is a row of its own: its parents are the texts that it was made from.
CREATE TABLE ideas (
    id           INTEGER PRIMARY KEY,
    at           REAL NOT NULL,
    number       INTEGER NOT NULL CHECK (number >= 1),    -- of the idea that it is a text of
    conversation TEXT NOT NULL,
    source       TEXT NOT NULL CHECK (source IN ('agent', 'one-shot')),
    author       TEXT NOT NULL,                           -- whose idea it is
    writer       TEXT NOT NULL,                           -- who wrote this text
    parents      TEXT NOT NULL CHECK (json_valid(parents)),  -- ids
    hop          INTEGER NOT NULL CHECK (hop >= 0),
    weak         TEXT NOT NULL CHECK (json_valid(weak)),  -- what plain checks found
    idea         TEXT NOT NULL CHECK (json_valid(idea))
) STRICT;
CREATE INDEX ideas_number ON ideas (number);

-- What somebody said about a text.
CREATE TABLE remarks (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    author  TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('critique', 'pro', 'contra', 'verdict')),
    about   INTEGER NOT NULL REFERENCES ideas (id),
    content TEXT NOT NULL
) STRICT;

-- Every verdict of a judge on a pair of ideas, by their numbers, in the order in which it saw them.
CREATE TABLE comparisons (
    id     INTEGER PRIMARY KEY,
    at     REAL NOT NULL,
    judge  TEXT NOT NULL,
    model  TEXT NOT NULL,
    round  INTEGER NOT NULL CHECK (round >= 1),
    first  INTEGER NOT NULL,
    second INTEGER NOT NULL,
    winner INTEGER,                                       -- null when it gave no verdict
    reason TEXT NOT NULL,
    CHECK (winner IS NULL OR winner IN (first, second))
) STRICT;
