"""What becomes of a model's values: cleaned, bounded, named, or refused with the slots that are at fault."""

from __future__ import annotations

import ast
import keyword
import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.authors.prompts import prompt_messages
from creator.blueprint import Blueprint, blueprint_from_values, unique_name
from creator.briefs import Brief
from creator.errors import InvalidAnswer
from creator.templates.rendering import load_template
from creator.templates.slots import clean_text
from sandbox.protocol import AGENT_NAME, RESERVED_NAMES, Introduction

TEMPLATE = load_template("idea_agent")
BRIEF = Brief(
    sector="freight forwarding", role="market analyst", temperament="bold and impatient", topic="customs paperwork"
)
VALUES: dict[str, Any] = {
    "persona": "Ada Freight",
    "sector": "freight forwarding",
    "interests": ["customs data", "small shippers"],
    "traits": ["asks who pays"],
    "weaknesses": ["decides too quickly"],
    "goal": "My goal is to help freight forwarding businesses spend less time on forms.",
    "voice": "dry and exact",
    "temperature": 0.7,
    "shares_ideas": 0.5,
    "shares_with": "different_sector",
    "pattern": "critique",
}


def make(taken: set[str] | None = None, **changes: Any) -> Blueprint:
    values = {key: value for key, value in {**VALUES, **changes}.items() if value is not ...}
    return blueprint_from_values(
        values, TEMPLATE, brief=BRIEF, run_id="run-1", model="test", taken=set() if taken is None else taken
    )


def test_good_values_stay_as_they_are() -> None:
    blueprint = make()
    assert blueprint.name == "ada_freight"
    assert blueprint.slots == VALUES
    assert Blueprint.model_validate_json(blueprint.model_dump_json()) == blueprint


def test_facts_are_flat_texts() -> None:
    facts = make().facts()
    assert facts["interests"] == "customs data, small shippers"
    assert {"sector", "topic", "role", "temperament", "goal", "persona", "name"} <= facts.keys()
    assert all(isinstance(value, str) for value in facts.values())


@pytest.mark.parametrize(
    ("slot", "given_value", "expected"),
    [
        ("persona", "  Ada\n\tFreight ", "Ada Freight"),
        ("persona", "Ada\x00 \x1b[31mFreight\x1b[0m", "Ada Freight"),
        ("goal", "lone \ud800 surrogate", "lone ? surrogate"),
        ("interests", "customs, small shippers; ports", ["customs", "small shippers", "ports"]),
        ("interests", ["- customs", "2. ports", "Customs", "", 7], ["Customs", "ports"]),
        ("traits", ["t" * 500], ["t" * 79 + "…"]),
        ("traits", [str(number) + " trait" for number in range(50)], [f"{number} trait" for number in range(6)]),
        ("temperature", 1.9, 1.0),
        ("temperature", "0.4", 0.4),
        ("temperature", math.inf, 1.0),
        ("shares_ideas", "60%", 0.6),
        ("shares_ideas", -3, 0.0),
        ("shares_with", "Someone from a different sector", "different_sector"),
        ("shares_with", "whoever", "random"),
    ],
)
def test_odd_values_are_mended(slot: str, given_value: object, expected: object) -> None:
    assert make(**{slot: given_value}).slots[slot] == expected


def test_a_long_text_ends_at_a_word() -> None:
    goal = str(make(goal="help people " * 10_000).slots["goal"])
    assert len(goal) <= 400
    assert goal.endswith(("help…", "people…"))


def test_what_is_no_slot_is_left_out() -> None:
    assert make(thoughts="I am a model", __class__="x").slots == make().slots


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"goal": ...}, ["'goal'"]),
        ({"goal": "", "persona": "\u200b \n"}, ["'goal'", "'persona'"]),
        ({"interests": []}, ["'interests'"]),
        ({"interests": {"a": 1}}, ["'interests'"]),
        ({"temperature": "warm"}, ["'temperature'"]),
        ({"temperature": math.nan}, ["'temperature'"]),
        ({"shares_ideas": None}, ["'shares_ideas'"]),
    ],
)
def test_what_cannot_be_mended_is_named(changes: dict[str, Any], named: list[str]) -> None:
    taken: set[str] = set()
    with pytest.raises(InvalidAnswer) as caught:
        make(taken, **changes)
    assert all(name in str(caught.value) for name in named)
    assert "\n" not in str(caught.value)
    assert not taken


@pytest.mark.parametrize("answer", [None, [], "text", 3, [VALUES]])
def test_an_answer_that_is_no_object_is_refused(answer: object) -> None:
    with pytest.raises(InvalidAnswer, match="not an object"):
        blueprint_from_values(answer, TEMPLATE, brief=BRIEF, run_id="r", model="m", taken=set())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters()),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(VALUES, json_values)))
def test_any_answer_gives_a_blueprint_or_a_refusal(changes: dict[str, Any]) -> None:
    try:
        blueprint = make(**changes)
    except InvalidAnswer:
        return
    blueprint.model_dump_json().encode("utf-8")
    Introduction(name=blueprint.name, sector=blueprint.sector, skills=blueprint.skills)


@given(st.text(st.characters()), st.integers(1, 300))
def test_cleaned_text_is_short_one_line_and_encodable(text: str, length: int) -> None:
    cleaned = clean_text(text, length)
    cleaned.encode("utf-8")
    assert len(cleaned) <= length
    assert cleaned.splitlines() in ([], [cleaned])


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("Ada Freight", "ada_freight"),
        ("Zoë Müller", "zoe_muller"),
        ("class", "class_agent"),
        ("match", "match_agent"),
        ("json", "json_agent"),
        ("creator", "creator_agent"),
        ("Model Gateway", "model_gateway_agent"),
        ("CON", "con_agent"),
        ("trial 7", "trial_7_agent"),
        ("__init__", "init"),
        ("../escape", "escape"),
        ("agent.v2", "agent_v2"),
        ("agent-x", "agent_x"),
        ("007 Bond", "agent_007_bond"),
        ("🚀", "agent_1"),
        ("", "agent_1"),
        ("\ud800", "agent_1"),
        ("陈", "agent_1"),
        ("x" * 300, "x" * 64),
    ],
)
def test_names(wanted: str, name: str) -> None:
    assert unique_name(wanted, set()) == name


def test_names_that_collide_are_numbered() -> None:
    taken: set[str] = set()
    assert [make(taken).name for _ in range(3)] == ["ada_freight", "ada_freight_2", "ada_freight_3"]
    assert taken == {"ada_freight", "ada_freight_2", "ada_freight_3"}


@given(st.lists(st.text(st.characters()) | st.sampled_from(["json", "x" * 300, "🚀", "world"]), max_size=20))
def test_any_texts_give_distinct_usable_names(texts: list[str]) -> None:
    taken: set[str] = set()
    for text in texts:
        name = unique_name(text, taken)
        assert AGENT_NAME.fullmatch(name)
        assert name not in taken
        assert not keyword.iskeyword(name)
        assert name not in RESERVED_NAMES
        assert name not in sys.stdlib_module_names
        ast.parse(f"import {name}")
        taken.add(name)


def test_prompts_stand_for_themselves_and_stay_short() -> None:
    system, user = prompt_messages(BRIEF, TEMPLATE)
    assert all(slot in str(system.content) for slot in VALUES)
    assert BRIEF.sector in str(user.content)
    assert len(str(system.content)) + len(str(user.content)) < 1_600
    again = prompt_messages(BRIEF, TEMPLATE, reason="slot 'goal'\n" * 1_000)
    assert again[0] == system
    assert len(str(again[1].content)) < len(str(user.content)) + 400


def test_a_prompt_says_whom_the_agent_thinks_of_and_what_it_likes_to_use_if_the_brief_does() -> None:
    told = BRIEF.model_copy(update={"customer": "customs brokers", "technology": "voice calls"})
    lines = str(prompt_messages(told, TEMPLATE)[1].content).splitlines()
    assert "The customers it thinks of first: customs brokers" in lines
    assert "A technology it likes to use: voice calls" in lines
    assert "customers" not in str(prompt_messages(BRIEF, TEMPLATE)[1].content)
