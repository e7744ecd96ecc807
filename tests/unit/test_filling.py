"""Structured answers: from whatever a model writes to an object that fulfils its schema."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from autogen_core.models import SystemMessage, UserMessage
from hypothesis import given
from hypothesis import strategies as st

from creator.errors import InvalidAnswer
from creator.ideas.checks import weaknesses
from creator.ideas.form import BUSINESS
from creator.models.calls import ModelCalls
from creator.models.filling import FillRequest, ObjectFiller, parse_object
from creator.models.hints import default_hint, with_facts
from creator.models.idea_hints import IDEA_HINTS
from creator.models.plain_words import plain_grammar
from creator.models.slot_filling import SlotFiller, few_sentences, trimmed
from creator.templates.rendering import load_template
from creator.wording import is_degenerate
from sandbox.protocol import Idea
from tests.unit.scripted import Scripted

SCHEMA: dict[str, Any] = {
    "title": "Pair",
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "number"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
GOOD = '{"a": "x", "b": 1}'


def request(**changes: Any) -> FillRequest:
    values: dict[str, Any] = {
        "messages": [UserMessage(content="fill it", source="user")],
        "json_schema": SCHEMA,
        "hints": {},
        "facts": {},
        "temperature": 0.5,
        "max_tokens": 100,
        "seed": 1,
    }
    return FillRequest(**{**values, **changes})


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure! {GOOD} Hope it helps {{really}}.",
        f'{{"a": 3}} no, rather: {GOOD}',
        f"{{broken {GOOD}",
        f"\n\n{GOOD}",
    ],
)
def test_the_object_is_found_in_what_surrounds_it(text: str) -> None:
    assert parse_object(text, SCHEMA) == {"a": "x", "b": 1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("no object", "no JSON object"),
        (GOOD[:-4], "not valid or not complete"),
        ('{"a": "x"}', "'b' is a required property"),
        ('{"a": 1, "b": 1}', "a: 1 is not of type"),
        ("[" * 200_000, "no JSON object"),
        ('{"a":' * 50_000, "not valid"),
    ],
)
def test_what_is_wrong_is_said_in_a_few_words(text: str, problem: str) -> None:
    with pytest.raises(InvalidAnswer, match=problem) as caught:
        parse_object(text, SCHEMA)
    assert len(str(caught.value)) < 300


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(InvalidAnswer):
        parse_object(text, SCHEMA)


async def test_a_wrong_answer_is_asked_for_again_without_the_history() -> None:
    backend = Scripted("nonsense", "{}", GOOD)
    filled = await ObjectFiller(ModelCalls(backend)).fill("ada", request())
    assert json.loads(filled) == {"a": "x", "b": 1}
    assert [len(messages) for messages in backend.asked] == [2, 2, 2]
    assert "nonsense" not in str(backend.asked[-1])
    assert "not usable" in str(backend.asked[-1][-1].content)


async def test_a_cut_off_answer_gets_more_room() -> None:
    backend = Scripted(GOOD[:5], GOOD, truncated=[True])
    await ObjectFiller(ModelCalls(backend)).fill("ada", request())
    assert backend.limits == [100, 200]


async def test_a_model_that_never_answers_well_is_given_up() -> None:
    backend = Scripted("nonsense")
    with pytest.raises(InvalidAnswer, match="3 tries"):
        await ObjectFiller(ModelCalls(backend)).fill("ada", request())
    assert len(backend.asked) == 3


FACTS = {
    "persona": "Ada Loaf",
    "role": "baker",
    "sector": "bakeries",
    "topic": "unsold bread",
    "objective": "business ideas",
    "temperament": "calm",
}


async def test_a_small_model_fills_an_idea_slot_by_slot() -> None:
    backend = Scripted("")
    backend.texts = ["throw it away in the evening.", "bake the next day."]
    filler = SlotFiller(ModelCalls(backend))
    values = json.loads(
        await filler.fill("ada", request(json_schema=Idea.model_json_schema(), hints=IDEA_HINTS, facts=FACTS))
    )
    idea = Idea.model_validate(values)
    assert idea.problem.startswith("In bakeries, the biggest problem with unsold bread is that ")
    assert idea.problem.endswith(" throw it away in the evening.")
    assert idea.solution.startswith("An AI agent could ") and idea.solution.endswith(" bake the next day.")
    assert idea.title.startswith("Unsold Bread ")
    assert list(idea.parts) == BUSINESS.fields, "no part is empty"
    assert len(backend.asked) == 2 and all("grammar" in extra for extra in backend.extras)
    assert weaknesses(idea, BUSINESS, sector="bakeries", topic="unsold bread") == []


async def test_a_refinement_keeps_what_it_does_not_improve() -> None:
    backend = Scripted("asking customers the evening before what they will want.")
    prior = {f"prior_{slot}": f"old {slot}" for slot in Idea.model_fields}
    values = json.loads(
        await SlotFiller(ModelCalls(backend)).fill(
            "bo", request(json_schema=Idea.model_json_schema(), hints=IDEA_HINTS, facts={**FACTS, **prior})
        )
    )
    assert values["title"] == "old title"
    assert values["solution"].startswith("old solution The AI agent could do this better by ")
    assert values["solution"].endswith(" asking customers the evening before what they will want.")
    assert len(backend.asked) == 1


async def test_what_colleagues_advise_is_what_a_small_model_is_asked_about() -> None:
    backend = Scripted("the bread that is left every day.")
    prior = {f"prior_{slot}": f"Old {slot}. And more of it." for slot in Idea.model_fields}
    facts = {**FACTS, **prior, "advice": "Nobody counts bread at night."}
    values = json.loads(
        await SlotFiller(ModelCalls(backend)).fill(
            "bo", request(json_schema=Idea.model_json_schema(), hints=IDEA_HINTS, facts=facts)
        )
    )
    assert "Nobody counts bread at night." in str(backend.asked[0][1].content)
    assert values["solution"].startswith("Old solution. To meet what colleagues object, the AI agent could ")
    assert values["problem"] == prior["prior_problem"]


async def test_a_list_begins_with_what_is_known_and_says_nothing_twice() -> None:
    backend = Scripted(" bread unsold, bread bread bread, dough planning for the, daily demand of all our shops")
    hint = {"kind": "list", "items": 3, "first": "{topic}", "max_chars": 90, "examples": [["Sector: x.", "a, b"]]}
    schema = {"type": "object", "properties": {"interests": {"type": "array"}}}
    values = json.loads(
        await SlotFiller(ModelCalls(backend)).fill(
            "ada", request(json_schema=schema, hints={"interests": hint}, facts=FACTS)
        )
    )
    assert values["interests"] == ["unsold bread", "dough planning", "daily demand of all"]


async def test_a_sentence_may_have_several_beginnings_and_one_clause() -> None:
    hint = {"kind": "sentence", "prefix": ["Now", "Soon"], "one_clause": True}
    beginnings = set()
    for seed in range(10):
        backend = Scripted("bread is counted")
        filled = await SlotFiller(ModelCalls(backend)).fill(
            "ada", request(json_schema={"properties": {"x": {}}}, hints={"x": hint}, seed=seed)
        )
        beginnings.add(json.loads(filled)["x"].split()[0])
        assert "," not in backend.extras[0]["grammar"].partition("[a-z] ")[2].partition("]")[0]
    assert beginnings == {"Now", "Soon"}


async def test_plain_words_bound_how_a_sentence_ends() -> None:
    hint = {"kind": "sentence", "prefix": "Warn them before it is too late to", "plain_words": 4}
    backend = Scripted("order more of the.")
    filled = await SlotFiller(ModelCalls(backend)).fill(
        "ada", request(json_schema={"properties": {"x": {}}}, hints={"x": hint}, facts=FACTS)
    )
    assert json.loads(filled)["x"] == "Warn them before it is too late to order."
    assert '"unsold bread"' in backend.extras[0]["grammar"], "the topic may be named"


@given(st.text(max_size=80))
def test_no_topic_breaks_out_of_a_grammar(topic: str) -> None:
    grammar = plain_grammar(1, 5, topic)
    assert grammar.count("\n") == 2 and grammar.count('"') % 2 == 0


async def test_the_template_is_filled_with_the_same_seed_to_the_same_values() -> None:
    template = load_template("idea_agent")
    facts = {**FACTS, "persona": "Ada Loaf"}

    async def fill(seed: int) -> str:
        backend = Scripted("stay open by baking what will be sold and nothing else at all.")
        filler = SlotFiller(ModelCalls(backend))
        return await filler.fill(
            "creator",
            request(json_schema=template.answer_schema, hints=template.hints, facts=facts, seed=seed),
        )

    assert await fill(1) == await fill(1)
    assert await fill(1) != await fill(2)


async def test_a_slot_that_stays_empty_is_an_invalid_answer() -> None:
    with pytest.raises(InvalidAnswer, match="'problem' empty"):
        await SlotFiller(ModelCalls(Scripted(""))).fill(
            "ada", request(json_schema=Idea.model_json_schema(), hints=IDEA_HINTS, facts=FACTS)
        )


def test_a_fact_is_never_itself_a_template() -> None:
    assert with_facts("{a} {missing}{0}", {"a": "{b}", "b": "no"}) == "{b} {0}"


@given(st.text(max_size=400), st.integers(40, 200))
def test_a_sentence_is_trimmed_to_one_that_ends(text: str, limit: int) -> None:
    assert trimmed(text, limit).endswith(".")
    assert len(trimmed(text, limit)) <= limit + 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", True), ("...", True), ("word word", True), ("a b a b a b a b", True), ("a plain sentence of words", False)],
)
def test_texts_that_say_nothing_are_noticed(text: str, expected: bool) -> None:
    assert is_degenerate(text) is expected


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("One. Two! Three? Four. Five.", "One. Two! Three? Four."),
        ("The same again. the same  again. And more.", "The same again. And more."),
        ("It ends. It is cut off in the mid", "It ends."),
        ("no end at all", "no end at all"),
        ("", ""),
    ],
)
def test_a_small_models_free_text_is_a_few_sentences(text: str, kept: str) -> None:
    assert few_sentences(text) == kept


async def test_a_small_model_is_asked_with_who_it_is_and_what_was_said_last() -> None:
    backend = Scripted("An answer. An answer.")
    messages = [
        SystemMessage(content="You are Ada. " + "x" * 5_000),
        UserMessage(content="older", source="user"),
        UserMessage(content="y" * 5_000 + " What now?", source="user"),
    ]
    completion = await SlotFiller(ModelCalls(backend)).text(
        "ada", messages, temperature=2, max_tokens=4_000, seed=2**40
    )
    assert completion.text == "An answer."
    system, user = backend.asked[0]
    assert system.content.startswith("You are Ada.") and user.content.endswith("What now?")
    assert len(system.content) + len(user.content) < 2_000
    assert backend.limits[0] < 200


@pytest.mark.parametrize("name", ["customer", "technology"])
def test_what_a_brief_may_leave_out_is_asked_of_the_model(name: str) -> None:
    assert default_hint(name, {"type": "string", "description": "Who pays."})["kind"] == "sentence"
