"""Ledgers as earlier releases left them: each made by the SQL of its release, with rows in every table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.unit.outcomes import idea

_APPLICATION_ID = 0x41_43_53_4C
_SHA256 = "ab" * 32

_EVENTS = """
INSERT INTO events (at, kind, subject, detail) VALUES
    (10, 'started', 'run', '{"seed": 7, "model": "openai:m"}'),
    (20, 'live', 'ada', '{}');
INSERT INTO messages (at, source, target, type, size_bytes, latency_s, outcome, conversation, hop) VALUES
    (30, 'ada', 'bo', 'RefineRequest', 900, 0.5, 'ok', 'c1', 1),
    (31, 'ada', 'cy', 'RefineRequest', 900, NULL, 'Unreachable', 'c1', 1);
INSERT INTO calls
    (at, agent, model, prompt_tokens, completion_tokens, prompt_characters, latency_s, retries, error)
VALUES
    (40, 'ada', 'openai:m', 100, 20, 400, 1.5, 1, NULL),
    (41, 'bo', 'openai:m', 10, 2, 40, 0.5, 0, NULL),
    (42, 'cy', 'openai:m', 0, 0, 40, 0.5, 7, '429');
"""
_CHAINS = """
INSERT INTO ideas (id, at, conversation, author, contributor, parent, hop, idea) VALUES
    (1, 50, 'c1', 'ada', NULL, NULL, 0, :one),
    (2, 51, 'c2', 'bo', NULL, NULL, 0, :two),
    (3, 52, 'c1', 'ada', 'bo', 1, 1, :better);
"""
_AGENTS = {
    1: f"""
INSERT INTO agents (name, at, sector, role, state, sha256, attempt, reason) VALUES
    ('ada', 20, 'freight', 'founder', 'live', '{_SHA256}', 1, ''),
    ('bo', 21, 'clinics', 'critic', 'live', '{_SHA256}', 2, ''),
    ('cy', 22, '', '', 'failed', '', 3, 'it never answered');
""",
    2: f"""
INSERT INTO agents (name, at, sector, role, state, sha256, attempt, reason, number, author, template, parents) VALUES
    ('bo', 21, 'clinics', 'critic', 'live', '{_SHA256}', 2, '', 2, 'code', 'idea_agent', '["ada"]'),
    ('ada', 20, 'freight', 'founder', 'live', '{_SHA256}', 1, '', 1, 'fill', 'idea_agent', '[]'),
    ('cy', 22, '', '', 'failed', '', 3, 'it never answered', 0, 'fill', '', '[]');
INSERT INTO attempts (at, number, attempt, stage, finding) VALUES
    (15, 2, 1, 'policy', 'IMPORT001 at line 3'),
    (16, 5, 1, 'model', 'killed before anything came of it');
INSERT INTO decisions (at, name, sha256, decision, why) VALUES (19, 'ada', '{_SHA256}', 'approved', 'fine');
""",
    3: f"""
INSERT INTO agents
    (name, at, sector, role, state, sha256, attempt, reason, number, author, template, parents, generation, asked_by,
     customer, technology)
VALUES
    ('bo', 21, 'clinics', 'critic', 'live', '{_SHA256}', 2, '', 2, 'code', 'idea_agent', '["ada"]', 1, 'ada', 'vets',
     'graphs'),
    ('ada', 20, 'freight', 'founder', 'live', '{_SHA256}', 1, '', 1, 'fill', 'idea_agent', '[]', 0, '', '', ''),
    ('cy', 22, '', '', 'failed', '', 3, 'it never answered', 3, 'fill', '', '[]', 0, 'user', '', '');
INSERT INTO attempts (at, number, attempt, stage, finding) VALUES
    (15, 2, 1, 'policy', 'IMPORT001 at line 3'),
    (16, 5, 1, 'model', 'killed before anything came of it');
INSERT INTO decisions (at, name, sha256, decision, why) VALUES (19, 'ada', '{_SHA256}', 'approved', 'fine');
INSERT INTO wishes (at, sector, role, topic) VALUES (18, 'farming', 'critic', 'weather');
""",
}
_TEXTS = """
INSERT INTO ideas (id, at, number, conversation, source, author, writer, parents, hop, weak, idea) VALUES
    (1, 50, 1, 'c1', 'agent', 'ada', 'ada', '[]', 0, '[]', :one),
    (2, 50, 1, 'c1', 'agent', 'ada', 'bo', '[1]', 1, '[]', :other),
    (3, 50, 1, 'c1', 'agent', 'ada', 'ada', '[2, 1]', 2, '["no price"]', :better),
    (4, 51, 2, 'c2', 'agent', 'bo', 'bo', '[]', 0, '[]', :two),
    (5, 52, 100001, '', 'one-shot', 'one-shot', 'one-shot', '[]', 0, '[]', :three);
INSERT INTO remarks (at, author, kind, about, content) VALUES (53, 'cy', 'critique', 2, 'Nobody asks for it.');
INSERT INTO comparisons (at, judge, model, round, first, second, winner, reason) VALUES
    (54, 'judge', 'openai:m', 1, 1, 2, 1, 'clearer'),
    (55, 'judge', 'openai:m', 1, 2, 100001, NULL, '');
"""


def make_old_ledger(path: Path, version: int, more: str = "") -> None:
    """A closed ledger of a schema version from 1 to 4, and what further SQL adds to it."""
    titles = {"one": "One", "other": "One, by bo", "better": "One, better", "two": "Two", "three": "Three"}
    ideas = {name: idea(title).model_dump_json() for name, title in titles.items()}
    schema = Path(__file__).with_name(f"version_{version}.sql").read_text("utf-8")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"{schema}\nPRAGMA application_id = {_APPLICATION_ID};")
        if version < 4:  # that one comes with its rows
            connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", (str(version),))
            connection.execute("INSERT INTO meta VALUES ('seed', '7')")
            connection.executescript(_EVENTS + _AGENTS[version])
            for statement in (_TEXTS if version == 3 else _CHAINS).split(";")[:-1]:
                connection.execute(statement, ideas)
        connection.executescript(more)
