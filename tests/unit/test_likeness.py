"""How alike two ideas are: measured on a labelled sample, and bounded whatever a text holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rapidfuzz import fuzz

from creator.errors import RetryableModelError, UsageError
from creator.ideas.likeness import (
    EMBEDDINGS_ALIKE,
    MAX_TEXT,
    WORDS_ALIKE,
    EmbeddingLikeness,
    WordLikeness,
    idea_text,
    likeness_for,
)
from creator.models.calls import ModelCalls
from creator.settings import SpawnSettings
from creator.spawning import spawn
from sandbox.protocol import Idea
from tests.conftest import RecordedProgress
from tests.unit.scripted import Scripted

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "likeness_pairs.json").read_text(encoding="utf-8"))
"""Ideas, and pairs of them: ``duplicates`` say the same in slightly other words, ``reworded`` in entirely other ones;
``same_sector`` are different ideas for the same customers, ``same_frames`` ideas of a small model whose sentences
begin with the same words."""
IDEAS = {name: Idea(**parts) for name, parts in SAMPLE["ideas"].items()}


async def scores(kind: str) -> list[float]:
    likeness = WordLikeness()
    pairs = [(idea_text(IDEAS[one]), idea_text(IDEAS[other])) for one, other in SAMPLE[kind]]
    return [(await likeness(one, [other]))[0] for one, other in pairs]


async def test_ideas_that_say_the_same_in_slightly_other_words_are_nearly_the_same() -> None:
    assert min(await scores("duplicates")) > WORDS_ALIKE + 0.05


@pytest.mark.parametrize("kind", ["same_sector", "same_frames"])
async def test_different_ideas_are_not_nearly_the_same(kind: str) -> None:
    assert max(await scores(kind)) < WORDS_ALIKE - 0.05


async def test_words_do_not_find_an_idea_in_entirely_other_words() -> None:
    assert max(await scores("reworded")) < 0.55


def test_a_set_of_words_would_tell_duplicates_and_frames_apart_less_well() -> None:
    def margin(scorer: Any) -> float:
        def values(kind: str) -> list[float]:
            return [scorer(idea_text(IDEAS[one]), idea_text(IDEAS[other])) for one, other in SAMPLE[kind]]

        return min(values("duplicates")) - max(values("same_frames"))

    assert fuzz.token_set_ratio("an agent for bread", "an agent for bread and whatever else anybody sells") == 100
    assert margin(fuzz.token_set_ratio) < margin(fuzz.token_sort_ratio)


async def test_the_fixed_sentences_of_a_small_model_do_not_make_ideas_alike() -> None:
    fixed = {
        "revenue_model": "A monthly subscription for each site.",
        "why_now": "Running such an agent all day has become cheaper than one hour of work.",
        "cost_to_try": "Two weeks of one person, and less than 500 in fees.",
    }
    one, other = IDEAS["customs_reader"], IDEAS["pill_check"]
    bare = await WordLikeness()(idea_text(one), [idea_text(other)])
    same = [idea_text(idea.model_copy(update=fixed)) for idea in (one, other)]
    assert await WordLikeness()(same[0], [same[1]]) == bare


async def test_order_case_and_punctuation_of_words_do_not_matter() -> None:
    assert await WordLikeness()("frost, watch: NIGHT".casefold(), ["night frost watch", "", "tax"]) == [
        1.0,
        0.0,
        pytest.approx(0.1, abs=0.1),
    ]


async def test_nothing_to_compare_with_gives_nothing() -> None:
    assert await WordLikeness()("frost", []) == []


def test_an_idea_of_other_parts_is_compared_by_all_of_them() -> None:
    assert idea_text(Idea(title="T", hypothesis="H one", method="M two")) == "t h one m two"


def test_an_idea_that_only_says_how_it_is_sold_is_compared_by_that() -> None:
    assert idea_text(Idea(title="T", revenue_model="A fee.")) == "t a fee."


def test_of_a_long_idea_no_part_is_left_out() -> None:
    idea = Idea(title="T", problem="p" * 4_000, customer="c" * 4_000, solution="s" * 4_000)
    text = idea_text(idea)
    assert len(text) <= MAX_TEXT + 10
    assert {"p", "c", "s"} <= set(text)


def test_what_cannot_be_seen_is_no_text() -> None:
    assert idea_text(Idea(title="\u200b\x1b[31m")) == "(nothing)"


async def test_embeddings_compare_directions_and_are_asked_for_once() -> None:
    asked: list[str] = []

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        asked.extend(texts)
        vectors = {"north": [0.0, 2.0], "far north": [0.0, 1e308], "east": [3.0, 0.0], "south": [0.0, -1.0]}
        return [vectors.get(text, [0.0, 0.0]) for text in texts]

    likeness = EmbeddingLikeness(embed, WordLikeness(), model="m")
    assert await likeness("north", ["far north", "east", "south", "nowhere"]) == [1.0, 0.0, 0.0, 0.0]
    assert await likeness("north", ["east", "far north"]) == [0.0, 1.0]
    assert asked == ["north", "far north", "east", "south", "nowhere"]
    assert (likeness.name, likeness.threshold) == ("embeddings:m", EMBEDDINGS_ALIKE)


async def test_when_embeddings_fail_words_take_their_place_and_it_is_said_once() -> None:
    said: list[str] = []
    calls = 0

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        nonlocal calls
        calls += 1
        raise RetryableModelError("HTTP 500:\n\x1b[31mtoo hot")

    likeness = EmbeddingLikeness(embed, WordLikeness(), on_failure=said.append)
    assert await likeness("frost watch", ["watch frost"]) == [1.0]
    assert await likeness("frost", ["frost"]) == [1.0]
    assert (calls, said) == (1, ["HTTP 500: too hot"])
    assert (likeness.name, likeness.threshold) == ("words", WORDS_ALIKE)


async def test_vectors_that_change_their_length_are_a_failure() -> None:
    said: list[str] = []

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        return [[1.0] * (2 if "first" in text else 3) for text in texts]

    likeness = EmbeddingLikeness(embed, WordLikeness(), on_failure=said.append)
    assert await likeness("first", ["first too"]) == [pytest.approx(1)]
    assert await likeness("first", ["second"]) == await WordLikeness()("first", ["second"])
    assert said == ["its vectors are not of the same length"]


def test_without_embeddings_words_are_compared() -> None:
    backend = Scripted("")
    likeness = likeness_for(SpawnSettings(count=1), backend, ModelCalls(backend), print)
    assert isinstance(likeness, WordLikeness)


@pytest.mark.parametrize("spec", ["anthropic:x", "embedded", "file.yaml"])
async def test_a_model_whose_server_has_no_embeddings_is_refused_at_once(tmp_path: Path, spec: str) -> None:
    file = "provider: OpenAIChatCompletionClient\nconfig: {model: x, api_key: y}\n"
    (tmp_path / "file.yaml").write_text(file, encoding="utf-8")
    settings = SpawnSettings(count=1, model=spec, embeddings="small", output=tmp_path / "generated")
    with pytest.raises(UsageError, match="--embeddings needs a server that embeds texts") as caught:
        await spawn(settings, RecordedProgress(), environ={"ANTHROPIC_API_KEY": "k"})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "generated").exists()
