"""The form of an idea: the user's own parts in place of a business idea's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from creator.errors import UsageError
from creator.ideas.form import BUSINESS, load_idea_form
from creator.models.filling import parse_object
from sandbox.protocol import Idea

QUESTIONS = {
    "description": "A good question can be answered within a year.",
    "properties": {
        "question": {"type": "string", "description": "The question, in one sentence."},
        "method": {"type": "string", "description": "How it can be answered."},
        "title": {"type": "string", "description": "A short name."},
    },
}


def written(path: Path, schema: Any) -> Path:
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema), encoding="utf-8")
    return path


def test_a_business_idea_has_the_parts_that_a_reader_asks_for() -> None:
    assert BUSINESS.fields == [
        "problem",
        "customer",
        "solution",
        "why_now",
        "revenue_model",
        "cost_to_try",
        "first_step",
        "risks",
    ]
    assert BUSINESS.answer_schema["required"] == ["title", *BUSINESS.fields]
    assert set(BUSINESS.hints) == set(BUSINESS.parts)


def test_an_empty_part_is_no_answer_to_the_form() -> None:
    values = dict.fromkeys(BUSINESS.parts, "Something.")
    assert parse_object(json.dumps(values), BUSINESS.answer_schema) == values
    with pytest.raises(ValueError, match="risks"):
        parse_object(json.dumps({**values, "risks": ""}), BUSINESS.answer_schema)


def test_a_schema_of_the_users_gives_ideas_of_its_parts(tmp_path: Path) -> None:
    form = load_idea_form(written(tmp_path / "questions.json", QUESTIONS))
    assert form.guidance == "A good question can be answered within a year."
    assert form.fields == ["question", "method"]
    assert next(iter(form.parts)) == "title"
    idea = form.idea_from({"title": "Why tides?", "question": "Why are there tides?", "method": "Watch the moon."})
    assert idea.parts == {"question": "Why are there tides?", "method": "Watch the moon."}
    again = Idea.model_validate_json(idea.model_dump_json())
    assert again == idea
    assert again.parts == idea.parts


def test_a_small_model_has_a_hint_for_each_part_and_names_the_idea_last(tmp_path: Path) -> None:
    form = load_idea_form(written(tmp_path / "questions.json", QUESTIONS))
    assert list(form.hints) == ["question", "method", "title"]
    assert form.hints["question"]["refine"] == {"kind": "fact", "fact": "prior_question"}
    assert "refine" not in form.hints["method"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{", "is no JSON"),
        ("[" * 10_000, "is no JSON"),
        ("[]", "among them 'title'"),
        ({"properties": {"question": {"type": "string"}}}, "among them 'title'"),
        ({"properties": {"title": {"type": "string"}}}, "2 to 16 properties"),
        ({"properties": {"title": {"type": "string"}, "Big One": {"type": "string"}}}, "named in lower case"),
        ({"properties": {"title": {"type": "string"}, "n": {"type": "integer"}}}, "'n' has to be"),
        ({"properties": {"title": {"type": "string"}, "n": {"type": "string", "pattern": "a"}}}, "'pattern'"),
        ({"properties": {"title": {"type": "string"}, "n": {"type": "string", "x-fill": {"kind": "no"}}}}, "x-fill"),
        ({"description": 3, "properties": {"title": {"type": "string"}, "n": {"type": "string"}}}, "'description'"),
        (
            {"properties": {"title": {"type": "string"}, "n": {"type": "string", "description": "x" * 500}}},
            "at most 400",
        ),
    ],
)
def test_a_mistake_in_a_schema_is_one_line_that_says_what_to_write(tmp_path: Path, schema: Any, said: str) -> None:
    with pytest.raises(UsageError, match="idea schema") as error:
        load_idea_form(written(tmp_path / "wrong.json", schema))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_schema_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot read the idea schema"):
        load_idea_form(tmp_path / "none.json")


def test_an_idea_holds_no_more_and_no_other_parts_than_it_may() -> None:
    with pytest.raises(ValueError, match="at most 16"):
        Idea(title="x", **{f"part_{number}": "y" for number in range(17)})
    with pytest.raises(ValueError, match="further parts"):
        Idea.model_validate({"title": "x", "../etc": "y"})
    with pytest.raises(ValueError, match="4000"):
        Idea.model_validate({"title": "x", "further": "y" * 4_001})
