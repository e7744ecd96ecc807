-- Which changes of the schema this ledger has been through.
CREATE TABLE migrations (
    name TEXT PRIMARY KEY,
    at   REAL                                       -- null when it was made with this one, before these were noted
) STRICT, WITHOUT ROWID;

DROP INDEX attempts_number;
DROP INDEX calls_agent;
DROP INDEX ideas_number;
ALTER TABLE agents RENAME TO old_agents;
ALTER TABLE attempts RENAME TO old_attempts;
ALTER TABLE calls RENAME TO old_calls;
ALTER TABLE ideas RENAME TO old_texts;
ALTER TABLE remarks RENAME TO old_remarks;
ALTER TABLE comparisons RENAME TO old_comparisons;

-- Every agent that was to be born: what it was asked to be, written before anybody begins to write it.
CREATE TABLE births (
    number     INTEGER PRIMARY KEY CHECK (number >= 1),
    at         REAL NOT NULL,
    generation INTEGER NOT NULL CHECK (generation >= 0),
    asked_by   TEXT NOT NULL,                       -- an agent, user, or nobody
    template   TEXT NOT NULL,
    brief      TEXT NOT NULL CHECK (json_valid(brief)),
    parents    TEXT NOT NULL CHECK (json_valid(parents)),   -- names
    heritage   TEXT CHECK (heritage IS NULL OR json_valid(heritage)),
    kept       TEXT NOT NULL                        -- the kept agent that takes part, by its name in the library; or empty
) STRICT;

-- Every module that was put on disk, with the slots that it was rendered from.
CREATE TABLE blueprints (
    id        INTEGER PRIMARY KEY,
    at        REAL NOT NULL,
    number    INTEGER NOT NULL REFERENCES births (number),
    name      TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    blueprint TEXT NOT NULL CHECK (json_valid(blueprint))
) STRICT;
CREATE INDEX blueprints_number ON blueprints (number);

-- The latest state of each agent; its history stands in events.
CREATE TABLE agents (
    name       TEXT PRIMARY KEY,
    at         REAL NOT NULL,
    sector     TEXT NOT NULL,
    role       TEXT NOT NULL,
    state      TEXT NOT NULL,                       -- written, checked, pending, live or failed
    sha256     TEXT NOT NULL,
    attempt    INTEGER NOT NULL CHECK (attempt >= 0),
    reason     TEXT NOT NULL,
    number     INTEGER NOT NULL REFERENCES births (number),
    author     TEXT NOT NULL,                       -- fill, code or adopted
    template   TEXT NOT NULL,
    parents    TEXT NOT NULL CHECK (json_valid(parents)),   -- names
    generation INTEGER NOT NULL CHECK (generation >= 0),
    asked_by   TEXT NOT NULL,                       -- who wished for it: an agent, user, or nobody
    customer   TEXT NOT NULL,
    technology TEXT NOT NULL
) STRICT;
CREATE INDEX agents_number ON agents (number);

-- What went wrong or was mended on the way to each birth.
CREATE TABLE attempts (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    number  INTEGER NOT NULL REFERENCES births (number),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    stage   TEXT NOT NULL,                          -- model, source, policy, trial, novelty, review, cell
    finding TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_number ON attempts (number);

-- What was left to chance or to who came first, as it was decided, so that it is decided the same way again.
CREATE TABLE choices (
    id           INTEGER PRIMARY KEY,
    at           REAL NOT NULL,
    kind         TEXT NOT NULL,                     -- colleague, order, ...
    agent        TEXT NOT NULL,
    conversation TEXT NOT NULL,
    nth          INTEGER NOT NULL CHECK (nth >= 1), -- of this kind, by this agent in this conversation
    chosen       TEXT NOT NULL CHECK (json_valid(chosen)),
    UNIQUE (kind, agent, conversation, nth)
) STRICT;

-- Answers of models, by what was asked. Never a prompt, never a key of a provider.
CREATE TABLE answers (
    key               TEXT PRIMARY KEY CHECK (length(key) = 64),
    at                REAL NOT NULL,
    model             TEXT NOT NULL,
    answer            TEXT NOT NULL,                -- the text; of an embedding the vector as JSON
    truncated         INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    prompt_tokens     INTEGER NOT NULL CHECK (prompt_tokens >= 0),
    completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0)
) STRICT, WITHOUT ROWID;

-- Every model call, by the agent that it was made for; never the texts, never a key of a provider.
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
    error             TEXT,
    key               TEXT NOT NULL,                -- digest of all that was asked; empty in older runs
    source            TEXT NOT NULL CHECK (source IN ('model', 'run', 'cache', 'shared')),  -- only 'model' is paid for
    cost              REAL CHECK (cost IS NULL OR cost >= 0)    -- US dollars; null when the price is unknown
) STRICT;
CREATE INDEX calls_agent ON calls (agent);

-- Every idea; its texts stand in texts.
CREATE TABLE ideas (
    number       INTEGER PRIMARY KEY CHECK (number >= 1),
    at           REAL NOT NULL,
    source       TEXT NOT NULL CHECK (source IN ('agent', 'one-shot')),
    author       TEXT NOT NULL,
    birth        INTEGER REFERENCES births (number),    -- of its author; null for one-shot ideas
    conversation TEXT NOT NULL,
    generation   INTEGER NOT NULL CHECK (generation >= 0),
    model        TEXT NOT NULL,
    weak         TEXT NOT NULL CHECK (json_valid(weak))     -- what plain checks found in its latest text
) STRICT;

-- Every text of every idea. A refinement is a row of its own.
CREATE TABLE texts (
    id     INTEGER PRIMARY KEY,
    number INTEGER NOT NULL REFERENCES ideas (number),
    writer TEXT NOT NULL,
    hop    INTEGER NOT NULL CHECK (hop >= 0),
    idea   TEXT NOT NULL CHECK (json_valid(idea))
) STRICT;
CREATE INDEX texts_number ON texts (number);

-- Which text was made from which.
CREATE TABLE lineage (
    text   INTEGER NOT NULL REFERENCES texts (id),
    place  INTEGER NOT NULL,                        -- of the parent among the text's parents, from 0
    parent INTEGER NOT NULL REFERENCES texts (id),
    PRIMARY KEY (text, place)
) STRICT, WITHOUT ROWID;

-- What somebody said about a text.
CREATE TABLE remarks (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    author  TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('critique', 'pro', 'contra', 'verdict')),
    about   INTEGER NOT NULL REFERENCES texts (id),
    content TEXT NOT NULL
) STRICT;
CREATE INDEX remarks_about ON remarks (about);

-- Every verdict of a judge on a pair of ideas, by their numbers, in the order in which it saw them.
CREATE TABLE comparisons (
    id     INTEGER PRIMARY KEY,
    at     REAL NOT NULL,
    judge  TEXT NOT NULL,
    model  TEXT NOT NULL,
    round  INTEGER NOT NULL CHECK (round >= 1),
    first  INTEGER NOT NULL REFERENCES ideas (number),
    second INTEGER NOT NULL REFERENCES ideas (number),
    winner INTEGER,                                 -- null when it gave no verdict
    reason TEXT NOT NULL,
    CHECK (winner IS NULL OR winner IN (first, second))
) STRICT;

-- The order that came of the comparisons, as it stood when the run last ended.
CREATE TABLE ratings (
    number      INTEGER PRIMARY KEY REFERENCES ideas (number),
    rank        INTEGER NOT NULL CHECK (rank >= 1),
    rating      REAL NOT NULL,
    low         REAL NOT NULL,
    high        REAL NOT NULL,
    wins        REAL NOT NULL,
    comparisons INTEGER NOT NULL
) STRICT;

-- Agents of the first releases have no birth's number: they get those after the highest, in the order of their rows.
CREATE TABLE numbered AS
SELECT
    name,
    iif(
        number != 0,
        number,
        (
            SELECT max(number)
            FROM (SELECT 0 AS number UNION SELECT number FROM old_agents UNION SELECT number FROM old_attempts)
        ) + row_number() OVER (PARTITION BY number = 0 ORDER BY rowid)
    ) AS number
FROM old_agents;

INSERT INTO births (number, at, generation, asked_by, template, brief, parents, heritage, kept)
SELECT
    numbered.number,
    min(at, coalesce((SELECT min(at) FROM old_attempts WHERE old_attempts.number = numbered.number), at)),
    generation,
    asked_by,
    template,
    json_patch(  -- leaves out what is null
        '{}',
        json_object(
            'sector', nullif(sector, ''),
            'role', nullif(role, ''),
            'customer', nullif(customer, ''),
            'technology', nullif(technology, '')
        )
    ),
    parents,
    NULL,
    ''
FROM old_agents JOIN numbered USING (name)
WHERE true  -- where two agents have one number, the later one is of that birth
ORDER BY at DESC
ON CONFLICT (number) DO NOTHING;

-- A run that was killed may know of births that nobody came from.
INSERT INTO births (number, at, generation, asked_by, template, brief, parents, heritage, kept)
SELECT number, min(at), 0, '', '', '{}', '[]', NULL, ''
FROM old_attempts
WHERE number NOT IN (SELECT number FROM births)
GROUP BY number;

INSERT INTO agents
SELECT
    name, at, sector, role, state, sha256, attempt, reason, numbered.number, author, template, parents, generation,
    asked_by, customer, technology
FROM old_agents JOIN numbered USING (name)
ORDER BY old_agents.rowid;

INSERT INTO attempts SELECT id, at, number, attempt, stage, finding FROM old_attempts;

INSERT INTO calls
SELECT
    id, at, agent, model, prompt_tokens, completion_tokens, prompt_characters, latency_s, retries, error, '', 'model',
    NULL
FROM old_calls;

INSERT INTO ideas (number, at, source, author, birth, conversation, generation, model, weak)
SELECT
    first.number,
    first.at,
    first.source,
    first.author,
    iif(first.source = 'agent', agents.number, NULL),
    first.conversation,
    coalesce(agents.generation, 0),
    coalesce((SELECT json_extract(detail, '$.model') FROM events WHERE kind = 'started' ORDER BY id LIMIT 1), ''),
    last.weak
FROM (SELECT number, min(id) AS began, max(id) AS ended FROM old_texts GROUP BY number) AS whole
JOIN old_texts AS first ON first.id = whole.began
JOIN old_texts AS last ON last.id = whole.ended
LEFT JOIN agents ON agents.name = first.author;

INSERT INTO texts SELECT id, number, writer, hop, idea FROM old_texts;

INSERT INTO lineage (text, place, parent)
SELECT old_texts.id, json_each.key, parent.id
FROM old_texts, json_each(old_texts.parents)
JOIN old_texts AS parent ON parent.id = json_each.value;

INSERT INTO remarks SELECT id, at, author, kind, about, content FROM old_remarks;
INSERT INTO comparisons SELECT id, at, judge, model, round, first, second, winner, reason FROM old_comparisons;

DROP TABLE numbered;
DROP TABLE old_remarks;
DROP TABLE old_comparisons;
DROP TABLE old_texts;
DROP TABLE old_calls;
DROP TABLE old_attempts;
DROP TABLE old_agents;

-- The ideas, best first; those without a rank follow by number. A rank is a preference of judges.
CREATE VIEW ranked_ideas AS
SELECT
    ratings.rank,
    ideas.number,
    json_extract(texts.idea, '$.title') AS title,
    ideas.author,
    ideas.source,
    ideas.generation,
    ideas.model,
    ratings.rating,
    ratings.low,
    ratings.high,
    ratings.wins,
    ratings.comparisons,
    (SELECT group_concat(value, '; ') FROM json_each(ideas.weak)) AS weak,  -- what plain checks found
    (SELECT count(*) FROM texts AS every WHERE every.number = ideas.number) AS texts,
    texts.idea                                                              -- all parts of the latest text, as JSON
FROM ideas
LEFT JOIN ratings ON ratings.number = ideas.number
LEFT JOIN texts ON texts.id = (SELECT max(id) FROM texts AS every WHERE every.number = ideas.number)
ORDER BY ratings.rank IS NULL, ratings.rank, ideas.number;

-- What each agent spent, those who spent most first.
CREATE VIEW spending_by_agent AS
SELECT
    agent,
    sum(source = 'model') AS paid_calls,
    sum(source != 'model') AS saved_calls,          -- the answer was known already
    sum(error IS NOT NULL) AS failed_calls,
    sum(iif(source = 'model', prompt_tokens, 0)) AS prompt_tokens,
    sum(iif(source = 'model', completion_tokens, 0)) AS completion_tokens,
    sum(iif(source = 'model', cost, NULL)) AS cost, -- of the calls whose price is known; null when there is none
    sum(source = 'model' AND cost IS NULL AND prompt_tokens + completion_tokens > 0) AS unknown_cost_calls
FROM calls
GROUP BY agent
ORDER BY cost DESC, prompt_tokens + completion_tokens DESC, agent;

-- What was spent on each model.
CREATE VIEW spending_by_model AS
SELECT
    model,
    sum(source = 'model') AS paid_calls,
    sum(source != 'model') AS saved_calls,
    sum(error IS NOT NULL) AS failed_calls,
    sum(iif(source = 'model', prompt_tokens, 0)) AS prompt_tokens,
    sum(iif(source = 'model', completion_tokens, 0)) AS completion_tokens,
    sum(iif(source = 'model', cost, NULL)) AS cost,
    sum(source = 'model' AND cost IS NULL AND prompt_tokens + completion_tokens > 0) AS unknown_cost_calls
FROM calls
GROUP BY model
ORDER BY cost DESC, prompt_tokens + completion_tokens DESC, model;

-- Who asked whom for what, and how that went.
CREATE VIEW messages_between_agents AS
SELECT
    source,
    target,
    type,
    count(*) AS messages,
    sum(outcome != 'ok') AS failed,
    avg(latency_s) AS mean_latency_s,
    sum(size_bytes) AS size_bytes
FROM messages
GROUP BY source, target, type
ORDER BY messages DESC, source, target, type;

-- Everything that went wrong, with the reason, in order.
CREATE VIEW failures AS
SELECT at, 'agent' AS what, name AS who, reason FROM agents WHERE state = 'failed'
UNION ALL
SELECT
    at, 'birth', coalesce((SELECT name FROM agents WHERE agents.number = attempts.number), 'birth ' || number),
    'try ' || attempt || ', ' || stage || ': ' || finding
FROM attempts WHERE stage != 'author'               -- where the author mended something
UNION ALL
SELECT at, 'model call', agent, model || ': ' || error FROM calls WHERE error IS NOT NULL
UNION ALL
SELECT at, 'message', source, type || ' to ' || target || ': ' || outcome FROM messages WHERE outcome != 'ok'
ORDER BY at;

-- Each birth with every try: one row for each finding, and one for a birth without any.
CREATE VIEW births_and_attempts AS
SELECT
    births.number,
    agents.name,
    agents.state,                                   -- null while nothing has come of it
    json_extract(births.brief, '$.sector') AS sector,
    json_extract(births.brief, '$.role') AS role,
    births.generation,
    births.asked_by,
    attempts.attempt,
    attempts.stage,
    attempts.finding
FROM births
LEFT JOIN agents ON agents.number = births.number
LEFT JOIN attempts ON attempts.number = births.number
ORDER BY births.number, attempts.id;

-- Where each text comes from, in words.
CREATE VIEW lineage_in_words AS
SELECT
    texts.number,
    texts.id AS text,
    texts.writer,
    json_extract(texts.idea, '$.title') AS title,
    'text ' || texts.id || ' by ' || texts.writer || coalesce(
        ', made from ' || (
            SELECT group_concat('text ' || id || ' by ' || writer, ' and ')
            FROM (
                SELECT parents.id, parents.writer
                FROM lineage JOIN texts AS parents ON parents.id = lineage.parent
                WHERE lineage.text = texts.id
                ORDER BY lineage.place
            )
        ),
        ', from nothing'
    ) AS origin
FROM texts
ORDER BY texts.number, texts.id;

-- What judges said, with the titles of the ideas.
CREATE VIEW verdicts_in_words AS
WITH titled (number, title) AS (SELECT number, title FROM ranked_ideas)
SELECT
    comparisons.judge,
    comparisons.round,
    comparisons.first,
    one.title AS first_title,
    comparisons.second,
    other.title AS second_title,
    comparisons.winner,
    CASE winner WHEN first THEN one.title WHEN second THEN other.title END AS winner_title,
    comparisons.reason
FROM comparisons
JOIN titled AS one ON one.number = comparisons.first
JOIN titled AS other ON other.number = comparisons.second
ORDER BY comparisons.id;
