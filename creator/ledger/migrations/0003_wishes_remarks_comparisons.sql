ALTER TABLE agents ADD COLUMN generation INTEGER NOT NULL DEFAULT 0 CHECK (generation >= 0);
ALTER TABLE agents ADD COLUMN asked_by TEXT NOT NULL DEFAULT '';    -- who wished for it: an agent, user, or nobody
ALTER TABLE agents ADD COLUMN customer TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN technology TEXT NOT NULL DEFAULT '';

-- Wishes of people for more agents, from any terminal; a run that goes on reads them.
CREATE TABLE wishes (
    id     INTEGER PRIMARY KEY,
    at     REAL NOT NULL,
    sector TEXT NOT NULL,
    role   TEXT NOT NULL,
    topic  TEXT NOT NULL
) STRICT;

DROP INDEX ideas_parent;
ALTER TABLE ideas RENAME TO chains;

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

-- A text without a parent began an idea, the others followed it. Ideas are numbered in the order in which they began.
INSERT INTO ideas (id, at, number, conversation, source, author, writer, parents, hop, weak, idea)
WITH RECURSIVE
    roots (id, number) AS (SELECT id, row_number() OVER (ORDER BY id) FROM chains WHERE parent IS NULL),
    known (id, number) AS (
        SELECT id, number FROM roots
        UNION ALL
        SELECT chains.id, known.number FROM chains JOIN known ON chains.parent = known.id
    )
SELECT
    id, at, number, conversation, 'agent', author, coalesce(contributor, author),
    iif(parent IS NULL, '[]', json_array(parent)), hop, '[]', idea
FROM chains JOIN known USING (id);

DROP TABLE chains;

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
