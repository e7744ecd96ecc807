-- Modules that people wrote in place of one that waited; a run that goes on checks each before it has an effect.
CREATE TABLE edits (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    name    TEXT NOT NULL,
    sha256  TEXT NOT NULL,                          -- of the module that waited
    source  TEXT NOT NULL,                          -- what takes its place
    refused TEXT                                    -- why it does not; null unless it was refused
) STRICT;
