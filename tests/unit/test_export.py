"""What a ledger holds, as files for other programs."""

import asyncio
import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from creator.cli._runs_export import export
from creator.errors import CreatorError, EnvironmentFault, UsageError
from creator.ledger import Ledger
from creator.ledger.export import harmless
from creator.ledger.store import FILE_NAME
from creator.outcome import RatedIdea
from tests.unit.old_ledgers import make_old_ledger
from tests.unit.outcomes import RUN_ID
from tests.unit.recorded import recorded
from tests.unit.test_ledger import record_something


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with a ledger."""
    directory = tmp_path / "generated" / RUN_ID
    directory.mkdir(parents=True)
    ledger = Ledger.open(directory / FILE_NAME)
    record_something(ledger)
    places = [
        RatedIdea(number=n, rank=rank, rating=-12.5, low=-20, high=3, wins=1, comparisons=2)
        for rank, n in enumerate((2, 1), 1)
    ]
    ledger.record_ratings(places)
    asyncio.run(ledger.close())
    return directory


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(export, arguments)
    if result.exception is not None and not isinstance(result.exception, (CreatorError, SystemExit)):
        raise result.exception
    return result


def lines(path: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text("utf-8").split("\n")[:-1]]


def cells(path: str = "out.csv") -> list[list[str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_json_lines_hold_every_row_of_every_table(run: Path) -> None:
    result = call("latest", "--to", "out.jsonl")
    found = lines()
    assert result.output == f"Written: out.jsonl ({len(found)} rows)\n"
    with closing(sqlite3.connect(run / FILE_NAME)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            stored = [{"table": table, **dict(row)} for row in connection.execute(f"SELECT * FROM {table}")]
            assert [row for row in found if row["table"] == table] == stored
    assert {row["table"] for row in found} <= set(tables)


def test_csv_holds_the_ranked_ideas_unless_told_otherwise(run: Path) -> None:
    assert call("--to", "out.csv").output == "Written: out.csv (3 rows)\n"
    heading, *rows = cells()
    ranked = [dict(zip(heading, row, strict=True)) for row in rows]
    assert [(row["rank"], row["number"], row["title"]) for row in ranked] == [
        ("1", "2", "Two"),
        ("2", "1", "One, better"),
        ("", "3", "Three"),
    ]
    assert ranked[0]["rating"] == "-12.5", "a number is no formula"
    assert call("--to", "out.csv", "--table", "calls", "--force").exception is None
    assert [row[cells()[0].index("agent")] for row in cells()[1:]] == ["ada", "bo"]


def test_one_table_or_view_as_json_lines(run: Path) -> None:
    assert call("--to", "out.jsonl", "--table", "ranked_ideas").exception is None
    assert [(row["table"], row["number"], row["low"]) for row in lines()] == [
        ("ranked_ideas", 2, -20.0),
        ("ranked_ideas", 1, -20.0),
        ("ranked_ideas", 3, None),
    ]
    assert call("--to", "none.jsonl", "--table", "choices").output == "Written: none.jsonl (0 rows)\n"
    assert Path("none.jsonl").read_text("utf-8") == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_of_a_spreadsheet_is_a_formula(run: Path, text: str) -> None:
    ledger = Ledger.open(run / FILE_NAME)
    ledger.record_wish(text, f"plain {text}")
    asyncio.run(ledger.close())
    call("--to", "out.csv", "--table", "wishes")
    heading, row = cells()
    assert row[heading.index("sector")] == f"'{text}"
    assert row[heading.index("role")] == f"plain {text}"


@given(st.text())
def test_aharmless_cell_says_the_same(text: str) -> None:
    (cell,) = harmless([text])
    assert cell in {text, f"'{text}"}
    assert str(cell)[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}


def test_texts_of_any_language_and_with_any_line_break_stay_one_line(run: Path) -> None:
    text = "Z\u00fcrich \u2028 \x85 \x1b[2J \u202e \U0001f600"
    ledger = Ledger.open(run / FILE_NAME)
    ledger.record_wish("freight", "founder", text)
    asyncio.run(ledger.close())
    call("--to", "out.jsonl", "--table", "wishes")
    (line,) = Path("out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["topic"] == text
    assert line.isascii() and line.isprintable()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--to", "out.xlsx"], r"'out.xlsx' has to end in \.jsonl or \.csv\."),
        (["--to", "out"], r"has to end in \.jsonl or \.csv\."),
        (["--to", "out.csv", "--table", "ideaz"], r"no table 'ideaz'; choose one of .*ideas.*ranked_ideas"),
        (["--to", "out.csv", "--table", 'ideas"; DROP TABLE ideas; --'], "no table"),
        (["--to", "out.csv", "--table", "sqlite_schema"], "no table"),
        (["--to", "nowhere/out.csv"], "is no folder"),
        (["--to", "there.csv"], "exists already.*--force"),
        (["nope", "--to", "out.csv"], "No run 'nope'"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(run: Path, arguments: list[str], reason: str) -> None:
    Path("there.csv").write_text("mine", encoding="utf-8")
    before = sorted(Path().iterdir())
    error = call(*arguments).exception
    assert isinstance(error, UsageError)
    with pytest.raises(UsageError, match=reason):
        raise error
    assert "\n" not in str(error)
    assert sorted(Path().iterdir()) == before
    assert Path("there.csv").read_text("utf-8") == "mine"


def test_a_ledger_that_breaks_off_leaves_no_half_file(run: Path) -> None:
    path = run / FILE_NAME
    ledger = Ledger.open(path)
    for _ in range(300):
        ledger.record_event("kind", "subject", {"text": "x" * 900})
    asyncio.run(ledger.close())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    Path("out.jsonl").write_text("of yesterday", encoding="utf-8")
    assert isinstance(call("--to", "out.jsonl", "--force").exception, EnvironmentFault)
    assert Path("out.jsonl").read_text("utf-8") == "of yesterday"
    assert [one.name for one in Path().iterdir() if one.name.startswith(".")] == []


def test_a_ledger_of_an_earlier_release_is_exported_as_it_would_be_today(tmp_path: Path) -> None:
    directory = tmp_path / "generated" / RUN_ID
    directory.mkdir(parents=True)
    make_old_ledger(directory / FILE_NAME, 1)
    before = (directory / FILE_NAME).read_bytes()
    call("--to", "out.csv")
    assert [row[2] for row in cells()] == ["title", "One, better", "Two"]
    assert (directory / FILE_NAME).read_bytes() == before


def test_a_run_is_exported_whole(tmp_path: Path) -> None:
    recorded()
    call("--to", "out.jsonl")
    found = lines()
    tables = {row["table"] for row in found}
    assert {"agents", "births", "blueprints", "attempts", "decisions", "ideas", "texts", "events"} <= tables
    (made,) = [row for row in found if row["table"] == "blueprints" and row["name"] == "ada_freight"]
    assert json.loads(made["blueprint"])["slots"]["interests"][0] == "daily demand"
