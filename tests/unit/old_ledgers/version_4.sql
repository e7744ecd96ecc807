-- The ledger of one run, as the release of schema 4 left it, with all its rows. Times are seconds since 1970 (UTC).

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
INSERT INTO "agents" VALUES('bo',21.0,'clinics','critic','live','abababababababababababababababababababababababababababababababab',2,'',2,'code','idea_agent','["ada"]',1,'ada','vets','graphs');
INSERT INTO "agents" VALUES('ada',20.0,'freight','founder','live','abababababababababababababababababababababababababababababababab',1,'',1,'fill','idea_agent','[]',0,'','','');
INSERT INTO "agents" VALUES('cy',22.0,'','','failed','',3,'it never answered',3,'fill','','[]',0,'user','','');
CREATE TABLE answers (
    key               TEXT PRIMARY KEY CHECK (length(key) = 64),
    at                REAL NOT NULL,
    model             TEXT NOT NULL,
    answer            TEXT NOT NULL,                -- the text; of an embedding the vector as JSON
    truncated         INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    prompt_tokens     INTEGER NOT NULL CHECK (prompt_tokens >= 0),
    completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0)
) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    number  INTEGER NOT NULL REFERENCES births (number),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    stage   TEXT NOT NULL,                          -- model, source, policy, trial, novelty, review, cell
    finding TEXT NOT NULL
) STRICT;
INSERT INTO "attempts" VALUES(1,15.0,2,1,'policy','IMPORT001 at line 3');
INSERT INTO "attempts" VALUES(2,16.0,5,1,'model','killed before anything came of it');
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
INSERT INTO "births" VALUES(1,20.0,0,'','idea_agent','{"sector":"freight","role":"founder"}','[]',NULL,'');
INSERT INTO "births" VALUES(2,15.0,1,'ada','idea_agent','{"sector":"clinics","role":"critic","customer":"vets","technology":"graphs"}','["ada"]',NULL,'');
INSERT INTO "births" VALUES(3,22.0,0,'user','','{}','[]',NULL,'');
INSERT INTO "births" VALUES(5,16.0,0,'','','{}','[]',NULL,'');
CREATE TABLE blueprints (
    id        INTEGER PRIMARY KEY,
    at        REAL NOT NULL,
    number    INTEGER NOT NULL REFERENCES births (number),
    name      TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    blueprint TEXT NOT NULL CHECK (json_valid(blueprint))
) STRICT;
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
INSERT INTO "calls" VALUES(1,40.0,'ada','openai:m',100,20,400,1.5,1,NULL,'','model',NULL);
INSERT INTO "calls" VALUES(2,41.0,'bo','openai:m',10,2,40,0.5,0,NULL,'','model',NULL);
INSERT INTO "calls" VALUES(3,42.0,'cy','openai:m',0,0,40,0.5,7,'429','','model',NULL);
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
INSERT INTO "comparisons" VALUES(1,54.0,'judge','openai:m',1,1,2,1,'clearer');
INSERT INTO "comparisons" VALUES(2,55.0,'judge','openai:m',1,2,100001,NULL,'');
CREATE TABLE decisions (
    id       INTEGER PRIMARY KEY,
    at       REAL NOT NULL,
    name     TEXT NOT NULL,
    sha256   TEXT NOT NULL,     -- of the module that was decided about
    decision TEXT NOT NULL CHECK (decision IN ('approved', 'rejected', 'edited', 'regenerate')),
    why      TEXT NOT NULL
) STRICT;
INSERT INTO "decisions" VALUES(1,19.0,'ada','abababababababababababababababababababababababababababababababab','approved','fine');
CREATE TABLE events (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;
INSERT INTO "events" VALUES(1,10.0,'started','run','{"seed": 7, "model": "openai:m"}');
INSERT INTO "events" VALUES(2,20.0,'live','ada','{}');
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
INSERT INTO "ideas" VALUES(1,50.0,'agent','ada',1,'c1',0,'openai:m','["no price"]');
INSERT INTO "ideas" VALUES(2,51.0,'agent','bo',2,'c2',1,'openai:m','[]');
INSERT INTO "ideas" VALUES(100001,52.0,'one-shot','one-shot',NULL,'',0,'openai:m','[]');
CREATE TABLE lineage (
    text   INTEGER NOT NULL REFERENCES texts (id),
    place  INTEGER NOT NULL,                        -- of the parent among the text's parents, from 0
    parent INTEGER NOT NULL REFERENCES texts (id),
    PRIMARY KEY (text, place)
) STRICT, WITHOUT ROWID;
INSERT INTO "lineage" VALUES(2,0,1);
INSERT INTO "lineage" VALUES(3,0,2);
INSERT INTO "lineage" VALUES(3,1,1);
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
INSERT INTO "messages" VALUES(1,30.0,'ada','bo','RefineRequest',900,0.5,'ok','c1',1);
INSERT INTO "messages" VALUES(2,31.0,'ada','cy','RefineRequest',900,NULL,'Unreachable','c1',1);
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('schema_version','4');
INSERT INTO "meta" VALUES('seed','7');
CREATE TABLE migrations (
    name TEXT PRIMARY KEY,
    at   REAL                                       -- null when it was made with this one, before these were noted
) STRICT, WITHOUT ROWID;
INSERT INTO "migrations" VALUES('0001_run_on_record',5.0);
INSERT INTO "migrations" VALUES('0002_births_and_decisions',5.0);
INSERT INTO "migrations" VALUES('0003_wishes_remarks_comparisons',5.0);
INSERT INTO "migrations" VALUES('0004_births_answers_choices_ratings',5.0);
CREATE TABLE ratings (
    number      INTEGER PRIMARY KEY REFERENCES ideas (number),
    rank        INTEGER NOT NULL CHECK (rank >= 1),
    rating      REAL NOT NULL,
    low         REAL NOT NULL,
    high        REAL NOT NULL,
    wins        REAL NOT NULL,
    comparisons INTEGER NOT NULL
) STRICT;
CREATE TABLE remarks (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    author  TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('critique', 'pro', 'contra', 'verdict')),
    about   INTEGER NOT NULL REFERENCES texts (id),
    content TEXT NOT NULL
) STRICT;
INSERT INTO "remarks" VALUES(1,53.0,'cy','critique',2,'Nobody asks for it.');
CREATE TABLE texts (
    id     INTEGER PRIMARY KEY,
    number INTEGER NOT NULL REFERENCES ideas (number),
    writer TEXT NOT NULL,
    hop    INTEGER NOT NULL CHECK (hop >= 0),
    idea   TEXT NOT NULL CHECK (json_valid(idea))
) STRICT;
INSERT INTO "texts" VALUES(1,1,'ada',0,'{"title":"One","problem":"Dispatchers lose two hours a day to calls about where a truck is.","customer":"Freight forwarders with 20 to 200 trucks.","solution":"An agent that reads the telematics feed and answers those calls by itself.","why_now":"","revenue_model":"A monthly fee for each truck.","cost_to_try":"","first_step":"Sit beside a dispatcher for a day and count the calls.","risks":""}');
INSERT INTO "texts" VALUES(2,1,'bo',1,'{"title":"One, by bo","problem":"Dispatchers lose two hours a day to calls about where a truck is.","customer":"Freight forwarders with 20 to 200 trucks.","solution":"An agent that reads the telematics feed and answers those calls by itself.","why_now":"","revenue_model":"A monthly fee for each truck.","cost_to_try":"","first_step":"Sit beside a dispatcher for a day and count the calls.","risks":""}');
INSERT INTO "texts" VALUES(3,1,'ada',2,'{"title":"One, better","problem":"Dispatchers lose two hours a day to calls about where a truck is.","customer":"Freight forwarders with 20 to 200 trucks.","solution":"An agent that reads the telematics feed and answers those calls by itself.","why_now":"","revenue_model":"A monthly fee for each truck.","cost_to_try":"","first_step":"Sit beside a dispatcher for a day and count the calls.","risks":""}');
INSERT INTO "texts" VALUES(4,2,'bo',0,'{"title":"Two","problem":"Dispatchers lose two hours a day to calls about where a truck is.","customer":"Freight forwarders with 20 to 200 trucks.","solution":"An agent that reads the telematics feed and answers those calls by itself.","why_now":"","revenue_model":"A monthly fee for each truck.","cost_to_try":"","first_step":"Sit beside a dispatcher for a day and count the calls.","risks":""}');
INSERT INTO "texts" VALUES(5,100001,'one-shot',0,'{"title":"Three","problem":"Dispatchers lose two hours a day to calls about where a truck is.","customer":"Freight forwarders with 20 to 200 trucks.","solution":"An agent that reads the telematics feed and answers those calls by itself.","why_now":"","revenue_model":"A monthly fee for each truck.","cost_to_try":"","first_step":"Sit beside a dispatcher for a day and count the calls.","risks":""}');
CREATE TABLE wishes (
    id     INTEGER PRIMARY KEY,
    at     REAL NOT NULL,
    sector TEXT NOT NULL,
    role   TEXT NOT NULL,
    topic  TEXT NOT NULL
) STRICT;
INSERT INTO "wishes" VALUES(1,18.0,'farming','critic','weather');
CREATE INDEX blueprints_number ON blueprints (number);
CREATE INDEX agents_number ON agents (number);
CREATE INDEX attempts_number ON attempts (number);
CREATE INDEX calls_agent ON calls (agent);
CREATE INDEX texts_number ON texts (number);
CREATE INDEX remarks_about ON remarks (about);
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
