"""What a generated module may import from us."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

import pytest
from autogen_core.models import SystemMessage, UserMessage

from creator.agents.model_gateway import MAX_PROMPT_CHARACTERS
from sandbox import kit
from sandbox.model_client import _newest
from sandbox.protocol import MAX_MESSAGES


def test_each_agent_of_a_shared_cell_draws_its_own_chances() -> None:
    def draws(seed: int) -> list[bool]:
        kit._configure(seed, None)
        return [kit.chance(0.5) for _ in range(20)]

    alone = copy_context().run(draws, 1), copy_context().run(draws, 2)
    assert alone[0] != alone[1]

    contexts = copy_context(), copy_context()
    for seed, context in enumerate(contexts, start=1):
        context.run(kit._configure, seed, None)
    together = [[context.run(kit.chance, 0.5) for context in contexts] for _ in range(20)]
    assert tuple(map(list, zip(*together, strict=True))) == alone


def test_the_runs_own_probability_goes_before_an_agents() -> None:
    def drawn(override: float) -> set[bool]:
        kit._configure(1, override)
        return {kit.chance(0.5) for _ in range(50)}

    assert copy_context().run(drawn, 1.0) == {True}
    assert copy_context().run(drawn, 0.0) == {False}


def test_only_sharing_is_the_runs_to_decide() -> None:
    def drawn(probability: float) -> set[bool]:
        kit._configure(1, 1.0 - probability)
        return {kit.chance(probability, sharing=False) for _ in range(50)}

    assert copy_context().run(drawn, 1.0) == {True}
    assert copy_context().run(drawn, 0.0) == {False}


def idea(text: str) -> kit.Idea:
    return kit.Idea(
        title=text[:200], problem=text, customer=text, solution=text, revenue_model=text, first_step="the first step"
    )


def test_a_critique_is_asked_for_before_anything_is_mended() -> None:
    task = kit.critique_task(kit.RefineRequest(objective="games", idea=idea("chess by post")))
    assert task.startswith("games\n")
    assert "weakest point" in task and "Title: chess by post" in task and "the first step" in task


def test_ideas_of_any_length_and_number_are_merged_in_a_prompt_that_the_gateway_takes() -> None:
    message = kit.ProposeRequest(objective="games")
    task = kit.merge_task(message, [idea("own"), idea("one"), idea("two")])
    assert task.index("Title: own") < task.index("Version 1\nTitle: one") < task.index("Version 2\nTitle: two")
    longest = kit.merge_task(kit.ProposeRequest(objective="x" * 4_000), [idea("x" * 4_000)] * 100)
    assert len(longest) < MAX_PROMPT_CHARACTERS - 5_000, "with room for what the agent is told of itself"
    parts = {f"part_{number}": "x" * 4_000 for number in range(16)}
    many = kit.merge_task(message, [kit.Idea(title="t", **parts)] * 8)
    assert len(many) < MAX_PROMPT_CHARACTERS - 5_000 and "Part 15: xxx" in many


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("critique", "weakest point"),
        ("pro", "Speak for it"),
        ("contra", "Speak against it"),
        ("verdict", "Who is right?"),
    ],
)
def test_each_kind_of_opinion_is_asked_for_in_words_of_its_own(kind: Any, asked: str) -> None:
    task = kit.opinion_task(
        kit.OpinionRequest(objective="games", idea=idea("chess by post"), kind=kind, arguments=["Nobody writes."])
    )
    assert task.startswith("games\n") and asked in task and "Title: chess by post" in task
    assert ("Nobody writes." in task) == (kind != "critique")


def test_the_parts_of_any_idea_are_told() -> None:
    poem = kit.Idea(title="Winter", first_line="It snows.")
    for task in (
        kit.opinion_task(kit.OpinionRequest(objective="poems", idea=poem, kind="pro")),
        kit.answer_task(kit.ProposeRequest(objective="poems"), poem, ["Too short."]),
    ):
        assert "Title: Winter\nFirst line: It snows.\n" in task and "Problem" not in task


def test_a_delegate_that_is_kept_for_long_asks_with_its_newest_messages() -> None:
    system = SystemMessage(content="who I am")
    said = [UserMessage(content=f"text {number}", source="user") for number in range(100)]
    kept = _newest([system, *said])
    assert len(kept) == MAX_MESSAGES
    assert kept[0] == system and kept[-1] == said[-1]
    assert _newest(said)[0] == said[100 - MAX_MESSAGES]
    assert _newest([system, *said[:3]]) == [system, *said[:3]]
