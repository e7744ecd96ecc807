"""How a small model fills ideas of the user's own form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from creator.ideas.checks import weaknesses
from creator.ideas.form import load_idea_form
from creator.models.calls import ModelCalls
from creator.models.filling import FillRequest
from creator.models.hints import named_facts
from creator.models.part_hints import part_hint
from creator.models.slot_filling import SlotFiller
from tests.unit.scripted import Scripted

FACTS = {"sector": "hair salons", "businesses": "hair salons", "topic": "no-show clients", "objective": "questions"}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("name", "described", "begins"),
    [
        ("question", "", "The question is whether {topic}"),
        ("why_it_matters", "", "It matters because"),
        ("method", "How to find the answer.", "One could ask ten {businesses}"),
        ("relevance", "", "It matters because"),
        ("wicked_problem", "", "In {sector}, the biggest problem with {topic}"),
        ("how_it_works", "", "An AI agent could"),
        ("mood", "Why it matters", "It matters because"),
        ("mood", "The mood of the piece", "In {sector}, the mood of the piece is"),
    ],
)
def test_what_a_part_is_called_tells_how_it_begins(name: str, described: str, begins: str) -> None:
    hint = part_hint(name, {**TEXT, "description": described})
    assert hint["kind"] == "sentence" and hint["prefix"].startswith(begins)
    assert "refine" not in hint


@pytest.mark.parametrize("name", ["audience", "tagline", "cost", "revenue", "first_step", "title"])
def test_parts_that_a_small_model_would_ramble_about_are_drawn(name: str) -> None:
    assert part_hint(name, TEXT)["kind"] in ("choice", "fact")


def test_a_product_is_named_and_a_question_is_not() -> None:
    assert part_hint("title", {**TEXT, "description": "The name."})["kind"] == "fact"
    assert part_hint("title", {**TEXT, "description": "What it is about."})["kind"] == "choice"


def test_a_part_keeps_to_its_length() -> None:
    hint = part_hint("question", {**TEXT, "maxLength": 30})
    assert 1 <= hint["min_chars"] <= hint["max_chars"] == 30
    assert set(named_facts(hint)) <= FACTS.keys()


@pytest.mark.parametrize(
    "parts",
    [
        {
            "question": "The question, in one sentence.",
            "why_it_matters": "Why, and to whom.",
            "method": "How to find out.",
        },
        {"tagline": "A short line.", "audience": "Who it is for."},
    ],
)
async def test_a_form_without_hints_is_filled_whole(tmp_path: Path, parts: dict[str, str]) -> None:
    properties: dict[str, Any] = {name: {**TEXT, "description": said} for name, said in parts.items()}
    path = tmp_path / "form.json"
    path.write_text(json.dumps({"properties": {"title": TEXT, **properties}}), encoding="utf-8")
    form = load_idea_form(path)
    backend = Scripted("nobody asks the clients before they come.", "the chairs stay empty all day.", "count who came.")
    request = FillRequest([], form.answer_schema, form.hints, FACTS, temperature=0.5, max_tokens=100, seed=1)
    answer = await SlotFiller(ModelCalls(backend)).fill("ada", request)
    idea = form.idea_from(json.loads(answer))
    assert list(idea.parts) == list(parts)
    assert "o-show client" in idea.title
    assert weaknesses(idea, form, sector="hair salons") == []
