"""`docs/reference/ledger.md` tells of the schema as it is, and its commands and queries work."""

import re
import shlex
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import creator
from creator.cli._runs_export import export
from creator.ledger import Ledger
from creator.ledger.store import FILE_NAME
from creator.outcome import RatedIdea
from creator.outputs import publish_latest
from tests.unit.outcomes import RUN_ID
from tests.unit.test_ledger import record_something

PAGE = (Path(creator.__file__).parent.parent / "docs" / "reference" / "ledger.md").read_text("utf-8")
SECTIONS = PAGE.split("\n## ")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    line.split("  #")[0]
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture
def path() -> Path:
    """The ledger of the latest run in the working directory."""
    directory = Path("generated") / RUN_ID
    directory.mkdir(parents=True)
    ledger = Ledger.open(directory / FILE_NAME)
    record_something(ledger)
    ledger.record_comparison("judge", "m", 1, 1, 2, 1, "it says who pays")
    ledger.record_ratings(
        [RatedIdea(number=n, rank=n, rating=1_500, low=1_400, high=1_600, wins=1, comparisons=1) for n in (1, 2)]
    )
    ledger._connection.close()
    publish_latest(directory.parent, directory)
    return directory / FILE_NAME


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def described(title: str) -> dict[str, list[str]]:
    """Names of a section with their columns, as the page has them."""
    (section,) = (one for one in SECTIONS if one.startswith(title))
    parts = re.split(r"^### `(\w+)`$", section, flags=re.MULTILINE)[1:]
    return {
        name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.mark.parametrize(("title", "kind"), [("Tables", "table"), ("Views", "view")])
def test_the_page_names_all_that_there_is_and_nothing_else(
    connection: sqlite3.Connection, title: str, kind: str
) -> None:
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = ?", (kind,))]
    there = {name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for name in names}
    assert described(title) == there


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_page_finds_something(connection: sqlite3.Connection, query: str) -> None:
    assert len(QUERIES) >= 4
    assert connection.execute(query).fetchall()


def test_the_views_answer_what_they_are_named_for(connection: sqlite3.Connection) -> None:
    def view(name: str) -> list[dict[str, Any]]:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]

    first = view("ranked_ideas")[0]
    assert (first["rank"], first["title"], first["weak"], first["texts"]) == (1, "One, better", "no price", 2)
    assert {
        row["agent"]: (row["paid_calls"], row["failed_calls"], row["cost"]) for row in view("spending_by_agent")
    } == {
        "ada": (1, 0, None),
        "bo": (1, 1, None),
    }
    assert [(row["model"], row["prompt_tokens"], row["unknown_cost_calls"]) for row in view("spending_by_model")] == [
        ("m", 11, 2)
    ]
    assert [
        (row["source"], row["target"], row["messages"], row["failed"]) for row in view("messages_between_agents")
    ] == [("ada", "bo", 1, 0)]
    assert [(row["what"], row["who"]) for row in view("failures")] == [
        ("agent", "cy"),
        ("birth", "cy"),
        ("model call", "bo"),
    ]
    assert [(row["name"], row["sector"], row["stage"]) for row in view("births_and_attempts")] == [
        ("ada", "freight", None),
        ("bo", "freight", None),
        ("cy", "freight", "policy"),
    ]
    assert [row["origin"] for row in view("lineage_in_words")][:2] == [
        "text 1 by ada, from nothing",
        "text 2 by bo, made from text 1 by ada",
    ]
    assert [(row["first_title"], row["second_title"], row["winner_title"]) for row in view("verdicts_in_words")] == [
        ("One, better", "Two", "One, better")
    ]


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("sqlite3 ")])
def test_a_command_for_sqlites_tool_works_beside_a_writer(path: Path, command: str) -> None:
    writer = Ledger.open(path)
    writer.record_event("kind", "run")
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "One, better" in done.stdout or Path("copy.sqlite").stat().st_size > 0
    writer._connection.close()


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("python ")])
def test_a_command_for_exporting_works(path: Path, command: str) -> None:
    program, arguments = shlex.split(command)[:5], shlex.split(command)[5:]
    assert program == ["python", "-m", "creator", "runs", "export"]
    export.main(arguments, standalone_mode=False)
    assert Path(arguments[2]).stat().st_size > 0
