"""The ideas of a run as lines of JSON and as a table."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from creator.cli import main
from creator.ledger import Ledger
from creator.ledger.store import FILE_NAME
from creator.outcome import RunOutcome, StartedRun
from creator.outputs import write_started
from creator.reporting.idea_rows import RankedIdea
from tests.unit.outcomes import HOSTILE, ranked_outcome
from tests.unit.test_cli import ROOT, store


def exported(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["ideas", "export", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def hostile_outcome(directory: Path) -> RunOutcome:
    """The most preferred idea is a formula in every text, and breaks lines."""
    run = ranked_outcome(directory)
    last = run.ideas[-1]
    evil = last.final.model_copy(update={"title": "=cmd|'/c calc'!A1", "problem": f"+1\n{HOSTILE}", "risks": "@x"})
    version = last.versions[-1].model_copy(update={"idea": evil})
    idea = last.model_copy(
        update={"versions": [version], "contributors": ["-ann", "bo"], "weak": ["no price", "short"]}
    )
    return run.model_copy(update={"ideas": [*run.ideas[:-1], idea]})


def test_both_forms_tell_the_same_of_each_idea_best_first(capsys: pytest.CaptureFixture[str]) -> None:
    store(hostile_outcome)
    text = exported(capsys)
    assert text.isascii()
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["number"] for row in rows[:7]] == [20, 19, 18, 17, 16, 15, 14]
    assert [row["rank"] for row in rows[:6]] == [1, 2, 3, 4, 5, None]
    assert {row["number"]: row["group"] for row in rows if row["group"] != row["number"]} == {5: 6, 10: 11, 15: 16}
    first = rows[0]
    assert list(first) == list(RankedIdea.model_fields)
    assert (first["title"], first["parts"]["risks"]) == ("=cmd|'/c calc'!A1", "@x")
    assert first["rating_low"] < first["rating"] < first["rating_high"]
    assert (first["author"], first["contributors"], first["source"]) == ("agent_number_20", ["-ann", "bo"], "agent")
    assert (first["generation"], first["model"], rows[-1]["generation"]) == (2, "test:model", 0)

    assert main(["ideas", "export", "--to", "ideas.csv", "--one-shot"]) == 0
    assert capsys.readouterr().out == "Written: ideas.csv (24 ideas)\n"
    table = list(csv.DictReader(io.StringIO(Path("ideas.csv").read_text("utf-8"), newline="")))
    assert [row["number"] for row in table if row["source"] == "agent"] == [str(row["number"]) for row in rows]
    top = table[0]
    assert (top["title"], top["part_risks"], top["contributors"]) == ("'=cmd|'/c calc'!A1", "'@x", "'-ann; bo")
    assert top["weak"] == "no price; short"
    assert top["part_problem"].startswith("'+1\n")
    assert table[5]["rank"] == ""
    assert sum(row["source"] == "one-shot" for row in table) == 4
    assert exported(capsys, "--format", "csv").count("one-shot") == 0


def test_a_run_that_goes_on_is_exported_as_far_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    run = store(ranked_outcome)
    ledger = Ledger.open(run.directory / FILE_NAME)
    for idea in run.ideas[:3]:
        ledger.record_idea(idea, None)
    asyncio.run(ledger.close())
    here = {"pid": os.getpid(), "host": socket.gethostname()}
    known = {"run_id": run.run_id, "objective": "x", "model": "m", "sandbox": "process", "asked": 20}
    write_started(run.directory, StartedRun.model_validate({**known, **here, "started": datetime.now(UTC)}))
    rows = [json.loads(line) for line in exported(capsys, run.run_id).splitlines()]
    assert [(row["number"], row["rank"], row["rating"]) for row in rows] == [(n, None, None) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "ideas.txt"], "'ideas.txt' ends in neither .jsonl nor .csv: add --format."),
        (["--to", "there.csv"], "'there.csv' exists already"),
        (["--format", "xlsx"], "Invalid value for '--format'"),
        (["1999"], "No run '1999'"),
    ],
)
def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    store(ranked_outcome)
    Path("there.csv").write_text("mine", "utf-8")
    assert main(["ideas", "export", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert Path("there.csv").read_text("utf-8") == "mine"


def test_every_field_is_documented() -> None:
    page = (ROOT / "docs/reference/ideas-export.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in row.replace("`", "").replace(",", " ").split()] == list(
        RankedIdea.model_fields
    )
