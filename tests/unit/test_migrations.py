"""Ledgers of earlier releases are read and gone on with; what isn't a ledger is left alone."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from creator.errors import EnvironmentFault
from creator.ledger import Ledger, migrating
from creator.ledger.identity import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION
from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME
from creator.ledger.view import load_birth, load_comparisons, load_ledger_outcome
from creator.outcome import RunOutcome, StartedRun
from tests.unit.old_ledgers import make_old_ledger

VERSIONS = (1, 2, 3, 4)
STARTED = StartedRun(
    run_id="r", objective="ideas", model="m", sandbox="process", asked=3, started=datetime.fromtimestamp(5, UTC)
)


def rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def shape(path: Path) -> dict[str, Any]:
    """Tables, views and indexes with their columns and what they refer to."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name FROM sqlite_schema ORDER BY type, name").fetchall()
        return {
            f"{kind} {name}": [
                connection.execute(f"PRAGMA {fact}({name})").fetchall()
                for fact in ("table_info", "foreign_key_list", "index_info")
            ]
            for kind, name in names
        }


def told(directory: Path) -> RunOutcome:
    return load_ledger_outcome(directory, STARTED)


async def open_and_close(path: Path) -> None:
    async with Ledger.open(path):
        pass


def test_the_migrations_are_those_of_the_folder() -> None:
    files = sorted(one.name for one in resources.files("creator.ledger").joinpath("migrations").iterdir())
    assert files == [f"{name}.sql" for name in MIGRATIONS]
    assert [int(name[:4]) for name in MIGRATIONS] == list(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_older_ledger_tells_the_same_run_read_or_migrated(tmp_path: Path, version: int) -> None:
    path = tmp_path / FILE_NAME
    make_old_ledger(path, version)
    before = path.read_bytes()
    read = told(tmp_path)
    assert path.read_bytes() == before
    await open_and_close(path)
    assert told(tmp_path) == read

    assert [(one.name, one.state, one.attempts) for one in sorted(read.agents, key=lambda one: one.name)] == [
        ("ada", "live", 1),
        ("bo", "live", 2),
        ("cy", "failed", 3),
    ]
    assert [(one.number, one.author, one.contributors[:1], one.final.title) for one in read.ideas] == [
        (1, "ada", ["bo"], "One, better"),
        (2, "bo", [], "Two"),
    ]
    assert (read.prompt_tokens, read.completion_tokens, read.agents[0].prompt_tokens) == (
        110,
        22,
        100,
    )
    assert {one.agent_model for one in read.ideas} == {"openai:m"}
    first = read.ideas[0]
    assert [(one.author, one.hop, one.parents) for one in first.versions] == (
        [("ada", 0, []), ("bo", 1, [1]), ("ada", 2, [2, 1])] if version >= 3 else [("ada", 0, []), ("bo", 1, [1])]
    )
    if version >= 3:
        assert [one.author for one in read.one_shot] == ["one-shot"]
        assert (first.weak, [one.about for one in first.remarks]) == (["no price"], [2])
        assert [one.other for one in load_comparisons(tmp_path, 2)] == [1, 100_001]
        assert (read.ideas[1].generation, {one.name: one.generation for one in read.agents}["bo"]) == (1, 1)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_migrated_ledger_is_like_a_new_one_and_nothing_in_it_hangs_loose(tmp_path: Path, version: int) -> None:
    path, new = tmp_path / FILE_NAME, tmp_path / "new.sqlite"
    make_old_ledger(path, version)
    await open_and_close(path)
    await open_and_close(new)
    assert shape(path) == shape(new)
    assert rows(path, "PRAGMA foreign_key_check") == []
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT * FROM meta ORDER BY key") == [("schema_version", "5"), ("seed", "7")]
    assert [name for (name,) in rows(path, "SELECT name FROM migrations ORDER BY name")] == list(MIGRATIONS)
    assert [at is None for (at,) in rows(path, "SELECT at FROM migrations ORDER BY name")] == [
        place < version < 4 for place in range(SCHEMA_VERSION)
    ]
    assert rows(path, "SELECT DISTINCT key, source, cost FROM calls") == [("", "model", None)]
    assert rows(path, "SELECT count(*) FROM messages") == [(2,)]


@pytest.mark.parametrize("version", VERSIONS)
async def test_births_are_made_up_from_what_is_known(tmp_path: Path, version: int) -> None:
    path = tmp_path / FILE_NAME
    make_old_ledger(path, version)
    async with Ledger.open(path) as ledger:
        found = {one.number: one for one in ledger.births()}
    names = dict(rows(path, "SELECT number, name FROM agents ORDER BY number"))
    cy = 6 if version == 2 else 3
    assert names == {1: "ada", 2: "bo", cy: "cy"}
    assert set(found) == ({*names, 5} if version > 1 else set(names))
    assert found[cy].brief == {}
    assert found[2].brief == {
        "sector": "clinics",
        "role": "critic",
        **({"customer": "vets", "technology": "graphs"} if version >= 3 else {}),
    }
    assert rows(path, "SELECT number, birth FROM ideas WHERE source = 'agent'") == [(1, 1), (2, 2)]
    if version > 1:
        assert found[2].parents == ["ada"]
        assert found[5]._replace(number=0) == (0, 0, "", "", {}, [], None, "")
        assert rows(path, "SELECT at FROM births WHERE number = 2") == [(15,)]
        assert len(load_birth(tmp_path, next(one for one in told(tmp_path).agents if one.name == "bo")).attempts) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_ledger_is_copied_as_it_was_before_it_is_migrated(tmp_path: Path, version: int) -> None:
    path = tmp_path / FILE_NAME
    make_old_ledger(path, version)
    old = shape(path), rows(path, "SELECT * FROM agents"), rows(path, "SELECT * FROM ideas")
    taken = tmp_path / f"ledger.before-{MIGRATIONS[version]}.sqlite"
    taken.write_text("somebody's own", encoding="utf-8")
    asyncio.run(open_and_close(path))
    copy = tmp_path / f"ledger.before-{MIGRATIONS[version]}-2.sqlite"
    assert (shape(copy), rows(copy, "SELECT * FROM agents"), rows(copy, "SELECT * FROM ideas")) == old
    assert taken.read_text("utf-8") == "somebody's own"
    asyncio.run(open_and_close(path))
    assert {one.name for one in tmp_path.iterdir()} == {path.name, taken.name, copy.name}
    assert rows(copy, "PRAGMA journal_mode") == [("delete",)]


async def test_a_copy_can_take_the_place_of_the_ledger_again(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    make_old_ledger(path, 3)
    await open_and_close(path)
    first = told(tmp_path)
    (tmp_path / f"ledger.before-{MIGRATIONS[3]}.sqlite").replace(path)
    await open_and_close(path)
    assert told(tmp_path) == first


LOOSE = "INSERT INTO comparisons VALUES (9, 1, 'judge', 'm', 1, 1, 77, 1, 'of an idea that is not there');"
MISNUMBERED = "UPDATE agents SET number = -1;"
LATER = "UPDATE meta SET value = '6' WHERE key = 'schema_version';"
NO_VERSION = "DELETE FROM meta;"
NO_NUMBER = "UPDATE meta SET value = '\u0663\u200b' WHERE key = 'schema_version';"
FOREIGN = "PRAGMA application_id = 7;"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (LOOSE, "do not fit"),
        (MISNUMBERED, "do not fit"),
        (LATER, "schema version 6, this program reads up to 5"),
        (NO_VERSION, "do not fit"),
        (NO_NUMBER, "do not fit"),
        (FOREIGN, "not a ledger of this program"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_not_touched(tmp_path: Path, more: str, reason: str) -> None:
    path = tmp_path / FILE_NAME
    make_old_ledger(path, 3, more)
    before = path.read_bytes()
    for attempt in (lambda: told(tmp_path), lambda: Ledger.open(path)):
        with pytest.raises(EnvironmentFault, match=reason) as caught:
            attempt()
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == before
    assert not list(tmp_path.glob("*before*"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_torn_ledger_is_one_line_and_not_touched(tmp_path: Path, version: int) -> None:
    path = tmp_path / FILE_NAME
    make_old_ledger(path, version)
    path.write_bytes(path.read_bytes()[:12_288] + b"\xa5" * 40_000)
    before = path.read_bytes()
    for attempt in (lambda: told(tmp_path), lambda: Ledger.open(path)):
        with pytest.raises(EnvironmentFault) as caught:
            attempt()
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*before*"))


def test_a_ledger_that_another_program_holds_is_not_changed_under_its_feet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "BUSY_SECONDS", 0.05)
    path = tmp_path / FILE_NAME
    make_old_ledger(path, 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as run:
        assert run.execute("SELECT count(*) FROM agents").fetchone() == (3,)
        with pytest.raises(EnvironmentFault, match="Another program holds it"):
            Ledger.open(path)
        run.execute("INSERT INTO wishes (at, sector, role, topic) VALUES (60, 'ports', 'critic', '')")
        assert len(told(tmp_path).agents) == 3
    Ledger.open(path)._connection.close()
    assert rows(path, "SELECT sector FROM wishes") == [("farming",), ("ports",)]


def test_who_reads_sees_one_moment(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    ledger = Ledger.open(path)
    ledger.record_event("first", "run")
    with opened(path) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone()[0] == 1
        ledger.record_event("second", "run")
        assert connection.execute("SELECT count(*) FROM events").fetchone()[0] == 1
    ledger._connection.close()


def test_one_that_was_killed_while_it_was_made_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path, isolation_level=None)) as maker:
        maker.execute("PRAGMA cache_size = 1")  # pages go into the file before the end
        maker.execute("BEGIN IMMEDIATE")
        maker.execute("CREATE TABLE meta (key, value)")
        maker.executemany("INSERT INTO meta VALUES (?, ?)", [("x" * 900, "y" * 900)] * 200)
        maker.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        left = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    assert f"{FILE_NAME}-journal" in left
    for name, content in left.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EnvironmentFault):
        told(tmp_path)
    asyncio.run(open_and_close(path))
    assert told(tmp_path).agents == []
