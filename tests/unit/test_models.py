"""Choosing a model and filling an object, where names, keys and answers are odd."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from autogen_core.models import SystemMessage, UserMessage

from creator.errors import EnvironmentFault, InvalidAnswer, UsageError
from creator.models.backend import Backend
from creator.models.calls import ModelCalls
from creator.models.choose import choose_backend, filler_for
from creator.models.client_backend import ClientBackend
from creator.models.filling import (
    MAX_ANSWER_CHARACTERS,
    TOKENS_AFTER_TRUNCATION,
    FillRequest,
    ObjectFiller,
    parse_object,
)
from creator.models.hints import with_facts
from creator.models.slot_filling import FACT_CHARACTERS, SlotFiller, trimmed
from creator.wording import is_degenerate
from tests.unit.scripted import Scripted

KEY = "sk-proj-" + "A1b2C3d4" * 12
LOOPBACK = "http://127.0.0.1:1/v1"
SCHEMA: dict[str, Any] = {
    "title": "Note",
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
EXAMPLES = [["Sector: bakeries.", "owners of bakeries"]]


def choose(spec: str | None = None, base_url: str | None = None, /, **environ: str) -> Backend:
    return choose_backend(spec, base_url, environ, progress=print)


def request(**changes: Any) -> FillRequest:
    values: dict[str, Any] = {
        "messages": [UserMessage(content="write a note", source="user")],
        "json_schema": SCHEMA,
        "hints": {},
        "facts": {},
        "temperature": 0.5,
        "max_tokens": 100,
        "seed": 1,
    }
    return FillRequest(**{**values, **changes})


async def fill_slot(hint: Mapping[str, Any], backend: Backend, **facts: str) -> Any:
    """What a hint makes of one slot."""
    wanted = {"type": "object", "properties": {"slot": {}}, "required": ["slot"]}
    filled = await SlotFiller(ModelCalls(backend)).fill(
        "ada", request(json_schema=wanted, hints={"slot": hint}, facts=facts)
    )
    return json.loads(filled)["slot"]


# Choosing


def test_with_both_keys_openai_comes_first_and_the_notice_says_why() -> None:
    backend = choose(OPENAI_API_KEY=KEY, ANTHROPIC_API_KEY=KEY)
    assert backend.name.startswith("openai:")
    assert "OPENAI_API_KEY" in backend.notice


def test_an_empty_key_is_no_key() -> None:
    assert choose(OPENAI_API_KEY="", ANTHROPIC_API_KEY=KEY).name.startswith("anthropic:")
    with pytest.raises(EnvironmentFault, match="OPENAI_API_KEY"):
        choose("openai:x", OPENAI_API_KEY="")


@pytest.mark.parametrize("spec", ["openai:model.gguf", "ollama:hf.co/user/model-GGUF:model.gguf", "openai:team/x.json"])
def test_a_model_on_a_server_may_be_called_like_a_file(spec: str) -> None:
    assert choose(spec, LOOPBACK).name == spec


@pytest.mark.parametrize(
    ("spec", "notice"),
    [("openai:x", f"on {LOOPBACK}"), ("anthropic:x", f"on {LOOPBACK}"), ("ollama:x", f"on {LOOPBACK}")],
)
def test_the_notice_names_the_server(spec: str, notice: str) -> None:
    assert choose(spec, LOOPBACK).notice == notice


@pytest.mark.parametrize("name", ["model.yaml", "model.yml", "model.json", "model.gguf"])
def test_a_file_and_a_base_url_do_not_go_together(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(UsageError, match="--base-url"):
        choose(str(tmp_path / name), LOOPBACK)


def test_the_user_decides_how_many_calls_go_at_once() -> None:
    assert choose_backend("ollama:x", None, {}, max_concurrency=1, progress=print).max_concurrency == 1
    assert choose("ollama:x").max_concurrency < choose("openai:x", LOOPBACK).max_concurrency


def test_a_file_of_the_users_is_asked_for_whole_objects(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"")
    backend = choose(str(path))
    assert (backend.name, backend.strategy) == ("file:mine", "object")
    assert isinstance(filler_for(backend.strategy, ModelCalls(backend)), ObjectFiller)
    embedded = choose("embedded")
    assert isinstance(filler_for(embedded.strategy, ModelCalls(embedded)), SlotFiller)


def component(folder: Path, provider: str, config: Mapping[str, Any]) -> Backend:
    path = folder / "model.json"
    path.write_text(json.dumps({"provider": provider, "config": config}))
    return choose(str(path))


@pytest.mark.parametrize(
    ("provider", "config"),
    [
        ("OpenAIChatCompletionClient", {"model": "x", "api_key": KEY}),
        ("AnthropicChatCompletionClient", {"model": "x", "api_key": KEY}),
        ("autogen_ext.models.anthropic.AnthropicChatCompletionClient", {"model": "x", "api_key": KEY}),
        ("OllamaChatCompletionClient", {"model": "x", "host": "http://127.0.0.1:1"}),
    ],
)
async def test_a_component_file_may_name_its_provider_in_short_or_in_full(
    tmp_path: Path, provider: str, config: Mapping[str, Any]
) -> None:
    async with component(tmp_path, provider, config) as backend:
        assert KEY not in repr(backend) + backend.name + backend.notice


@pytest.mark.parametrize("provider", ["os.path.join", "subprocess.Popen", "openaichatcompletionclient", "", None, 3])
def test_no_other_provider_is_looked_at(tmp_path: Path, provider: Any) -> None:
    before = set(sys.modules)
    with pytest.raises(UsageError, match=r"not allowed: use one of .*OpenAIChatCompletionClient"):
        component(tmp_path, provider, {})
    assert not {name for name in set(sys.modules) - before if name.startswith("autogen_ext")}


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"api_key": KEY}, "model: Field required"),
        ({"model": "x", "api_key": [KEY]}, "api_key: Input should be a valid string"),
        ({"model": "x", "api_kee": KEY}, "credentials"),
        ({"model": "x", "api_key": KEY, "max_retries": {"a": KEY}}, "max_retries"),
    ],
)
async def test_a_wrong_component_file_is_one_line_without_a_part_of_the_key(
    tmp_path: Path, config: Mapping[str, Any], problem: str
) -> None:
    with pytest.raises(EnvironmentFault, match=problem) as caught:
        async with component(tmp_path, "OpenAIChatCompletionClient", config):
            pass
    assert "\n" not in str(caught.value)
    assert KEY[:12] not in str(caught.value)


async def test_a_missing_package_is_named() -> None:
    def make() -> Any:
        raise ImportError("No module named 'anthropic'")

    with pytest.raises(EnvironmentFault, match=r"package that is missing: No module named 'anthropic'"):
        async with ClientBackend("anthropic:x", "", make):
            pass


# Whole objects


@pytest.mark.parametrize("depth", [10, 500, *range(900, 1000), 10_000])
def test_no_depth_of_nesting_is_more_than_an_invalid_answer(depth: int) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        parse_object('{"text":' + "[" * depth + "]" * depth + "}", SCHEMA)
    assert len(str(caught.value)) < 300


def test_a_long_answer_is_read_as_far_as_the_limit() -> None:
    room = MAX_ANSWER_CHARACTERS - len('{"text": ""}')
    fits = "x" * room
    assert parse_object(json.dumps({"text": fits}), SCHEMA) == {"text": fits}
    with pytest.raises(InvalidAnswer, match="not complete"):
        parse_object(json.dumps({"text": fits + "x"}), SCHEMA)


def test_the_search_for_an_object_ends() -> None:
    with pytest.raises(InvalidAnswer):
        parse_object("{" * 50 + '"text": "late"}', SCHEMA)


def test_a_number_with_too_many_digits_is_an_invalid_answer() -> None:
    with pytest.raises(InvalidAnswer):
        parse_object('{"text": ' + "9" * 20_000 + "}", SCHEMA)


async def test_half_a_character_in_an_answer_does_not_reach_the_wire() -> None:
    filled = await ObjectFiller(ModelCalls(Scripted('{"text": "caf\\u00e9 \\ud83d"}'))).fill("ada", request())
    assert json.loads(filled.encode())["text"] == "café ?"


async def test_room_for_an_answer_grows_to_a_bound_and_never_shrinks() -> None:
    backend = Scripted('{"te', truncated=[True] * 3)
    with pytest.raises(InvalidAnswer, match="cut off"):
        await ObjectFiller(ModelCalls(backend)).fill("ada", request(max_tokens=TOKENS_AFTER_TRUNCATION - 1))
    assert backend.limits == [TOKENS_AFTER_TRUNCATION - 1, TOKENS_AFTER_TRUNCATION, TOKENS_AFTER_TRUNCATION]


async def test_a_huge_wrong_answer_makes_no_huge_prompt() -> None:
    backend = Scripted('{"text": ["' + "x" * 50_000 + '"]}')
    with pytest.raises(InvalidAnswer):
        await ObjectFiller(ModelCalls(backend)).fill("ada", request())
    sizes = [sum(len(str(message.content)) for message in messages) for messages in backend.asked]
    assert max(sizes) < sizes[0] + 300
    assert sizes[1] == sizes[2]


# Slots


async def test_what_is_known_or_drawn_costs_no_call() -> None:
    backend = Scripted("never asked")
    assert await fill_slot({"kind": "fact", "fact": "sector"}, backend, sector="bakeries") == "bakeries"
    assert await fill_slot({"kind": "choice", "from": ["in {sector}"]}, backend, sector="bakeries") == "in bakeries"
    assert sorted(await fill_slot({"kind": "choices", "items": 9, "from": ["a", "b"]}, backend)) == ["a", "b"]
    assert 0.4 <= await fill_slot({"kind": "number", "low": 0.4, "high": 0.9}, backend) <= 0.9
    assert await fill_slot({"kind": "number", "low": 0, "high": 0}, backend) == 0, "zero is not empty"
    assert backend.asked == []


async def test_a_sentence_continues_its_beginning() -> None:
    hint = {"kind": "sentence", "prefix": "in {sector}, people", "min_chars": 10}
    told = "waste what they bake."
    assert await fill_slot(hint, Scripted(told), sector="bakeries") == f"In bakeries, people {told}"
    assert (
        await fill_slot(hint, Scripted(f"in bakeries, people {told}"), sector="bakeries")
        == f"In bakeries, people {told}"
    )
    assert await fill_slot({**hint, "keep_prefix": False}, Scripted(told), sector="bakeries") == "Waste what they bake."


async def test_a_sentence_that_stutters_is_asked_for_again_with_another_seed() -> None:
    backend = Scripted("bake bake bake", "bake what is sold.")
    assert await fill_slot({"kind": "sentence", "prefix": "They"}, backend) == "They bake what is sold."
    first, second = (extra["seed"] for extra in backend.extras)
    assert first != second


async def test_a_phrase_follows_its_examples_and_keeps_to_its_bounds() -> None:
    hint = {"kind": "phrase", "label": "Customer", "examples": EXAMPLES, "max_chars": 20}
    backend = Scripted("  owners of\n small bakeries everywhere,")
    assert await fill_slot(hint, backend, sector="bakeries") == "owners of small"
    assert isinstance(backend.asked[0][0], SystemMessage)
    assert [message.content for message in backend.asked[0]][1:3] == EXAMPLES[0]


async def test_a_list_is_split_at_commas_and_holds_no_empty_items() -> None:
    hint = {"kind": "list", "examples": EXAMPLES, "items": 2, "max_chars": 80}
    assert await fill_slot(hint, Scripted("daily demand, , dough planning., surplus")) == [
        "daily demand",
        "dough planning",
    ]


@pytest.mark.parametrize(
    ("hint", "calls"),
    [
        ({"kind": "fact", "fact": "missing"}, 0),
        ({"kind": "choices", "items": 2, "from": []}, 0),
        ({"kind": "sentence", "prefix": "They"}, 3),
        ({"kind": "phrase", "examples": EXAMPLES}, 3),
        ({"kind": "list", "items": 3, "examples": EXAMPLES}, 3),
    ],
)
async def test_an_empty_slot_of_any_kind_is_an_invalid_answer(hint: Mapping[str, Any], calls: int) -> None:
    backend = Scripted(" , .")
    with pytest.raises(InvalidAnswer, match="'slot' empty"):
        await fill_slot(hint, backend)
    assert len(backend.asked) == calls


async def test_an_unknown_kind_of_slot_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="unknown kind of slot 'poem'"):
        await fill_slot({"kind": "poem"}, Scripted(""))


async def test_a_refinement_uses_its_own_hint_and_only_then() -> None:
    hint = {"kind": "choice", "from": ["new"], "refine": {"kind": "fact", "fact": "prior_title"}}
    assert await fill_slot(hint, Scripted("")) == "new"
    assert await fill_slot(hint, Scripted(""), prior_title="old") == "old"


async def test_a_fact_can_neither_command_nor_fill_the_context() -> None:
    backend = Scripted("bake what is sold.")
    hint = {"kind": "sentence", "prefix": "For {topic}", "ask": "About {topic}?", "system": "You know {topic}."}
    await fill_slot(hint, backend, topic="{secret} " + "x" * 5_000, secret="hidden")
    contents = [str(message.content) for message in backend.asked[0]]
    assert all(len(content) <= FACT_CHARACTERS + 20 and "{secret}" in content for content in contents)
    assert "hidden" not in "".join(contents)


def test_facts_are_placed_in_one_pass() -> None:
    assert with_facts("{a}{a}{b}{C}{ a}", {"a": "{b}", "b": "{a}"}) == "{b}{b}{a}{C}{ a}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is short.", "It is short."),
        ("  - it   says so.", "it says so."),
        ("it says so to the", "it says so."),
        (
            "a sentence that says a good deal about bread, and then runs into",
            "a sentence that says a good deal about bread.",
        ),
        ("word " * 30, "word " * 11 + "word."),
    ],
)
def test_a_sentence_is_cut_where_it_still_reads(text: str, expected: str) -> None:
    assert trimmed(text, 60) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two one two one two", True),
        ("The the end", True),
        ("!?", True),
        ("one two one two", False),
        ("bread that is sold is bread that is not wasted", False),
    ],
)
def test_saying_the_same_over_and_over_is_degenerate(text: str, expected: bool) -> None:
    assert is_degenerate(text) is expected
