-- Agents know of which birth they are, and how their module came to be. 0 and '' stand for what was not recorded.
ALTER TABLE agents ADD COLUMN number INTEGER NOT NULL DEFAULT 0;                                  -- of its birth, from 1
ALTER TABLE agents ADD COLUMN author TEXT NOT NULL DEFAULT 'fill';                                -- fill, code or adopted
ALTER TABLE agents ADD COLUMN template TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN parents TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(parents));     -- names

-- What went wrong or was mended on the way to each birth.
CREATE TABLE attempts (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    number  INTEGER NOT NULL,   -- of the birth
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    stage   TEXT NOT NULL,
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
