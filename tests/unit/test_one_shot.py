"""The baseline: one-shot ideas, how many there are, and what they cost."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from autogen_core.models import SystemMessage

from creator.errors import TerminalModelError, UsageError
from creator.ideas.form import BUSINESS, IdeaForm, load_idea_form
from creator.ideas.one_shot import OneShots, one_shot_outcome
from creator.models.backend import Completion, Usage
from creator.models.calls import ModelCalls
from creator.models.filling import ObjectFiller
from creator.progress import SilentProgress
from creator.settings import SpawnSettings
from creator.spawning import spawn
from sandbox.protocol import BASELINE, RESERVED_NAMES, Idea
from tests.unit.scripted import Scripted

TOKENS = 100
"""Of one call: 70 read and 30 written."""


class Inventive(Scripted):
    """Gives a new idea with each call, and anything else instead where a script says so."""

    def __init__(self, *instead: str | Exception, form: IdeaForm = BUSINESS) -> None:
        super().__init__("")
        self._instead = list(instead)
        self._form = form
        self._numbers = itertools.count(1)
        self.under_way = self.most_under_way = 0
        self.temperatures: set[float] = set()

    async def complete(self, messages: Any, *, temperature: float, **options: Any) -> Completion:
        self.asked.append(messages)
        self.temperatures.add(temperature)
        number = next(self._numbers)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        instead = self._instead.pop(0) if self._instead else None
        if isinstance(instead, Exception):
            raise instead
        text = json.dumps({name: f"{name} {number}" for name in self._form.parts}) if instead is None else instead
        return Completion(text, Usage(70, 30))


def shots(
    backend: Inventive, objective: str = "ideas for bakeries", form: IdeaForm = BUSINESS, **options: Any
) -> OneShots:
    calls = ModelCalls(backend)
    return OneShots(ObjectFiller(calls), calls, form, objective, seed=1, **options)


async def taken(ideas: Any) -> list[Idea]:
    return [idea async for _, idea in ideas]


async def test_as_many_ideas_come_as_were_asked_for_with_one_call_each() -> None:
    backend = Inventive()
    baseline = shots(backend)
    ideas = await taken(baseline.first(20))
    assert len({idea.title for idea in ideas}) == len(ideas) == len(backend.asked) == 20
    assert baseline.tokens == 20 * TOKENS
    assert baseline.failures == []


async def test_every_call_gets_the_objective_the_guidance_and_the_parts_and_nothing_of_the_others() -> None:
    backend = Inventive()
    await taken(shots(backend).first(3))
    prompts = {str([message.content for message in messages]) for messages in backend.asked}
    assert len(prompts) == 1, "each call stands for itself, and none knows of the others"
    (prompt,) = prompts
    for expected in ("ideas for bakeries", BUSINESS.guidance, *BUSINESS.parts, "Who has this problem"):
        assert expected in prompt
    assert isinstance(backend.asked[0][0], SystemMessage)
    assert backend.temperatures == {1.0}


async def test_the_users_own_form_of_ideas_counts(tmp_path: Path) -> None:
    path = tmp_path / "form.json"
    properties = {"title": {"type": "string"}, "melody": {"type": "string", "description": "how it goes"}}
    path.write_text(json.dumps({"type": "object", "description": "Make it sing.", "properties": properties}))
    form = load_idea_form(path)
    backend = Inventive(form=form)
    (idea,) = await taken(shots(backend, "songs", form).first(1))
    assert idea.parts == {"melody": "melody 1"}
    assert "Make it sing." in str(backend.asked[0]) and "how it goes" in str(backend.asked[0])


async def test_so_many_are_under_way_and_no_more() -> None:
    backend = Inventive()
    await taken(shots(backend, at_once=3).first(10))
    assert backend.most_under_way == 3


async def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    baseline = shots(Inventive("nonsense", "{}"), at_once=1)
    assert len(await taken(baseline.first(1))) == 1
    assert baseline.tokens == 3 * TOKENS, "what was answered in vain was spent all the same"
    assert baseline.failures == []


async def test_an_idea_that_fails_is_left_out_with_its_reason() -> None:
    baseline = shots(Inventive(TerminalModelError("HTTP 400: no\x1b[31m"), "", "", ""), at_once=1)
    assert len(await taken(baseline.first(5))) == 3
    refused, empty = baseline.failures
    assert refused.startswith("one-shot idea 1: HTTP 400") and "\x1b" not in refused
    assert "3 tries" in empty and "one-shot idea 2" in empty


async def test_more_come_until_as_much_is_spent_as_by_the_population() -> None:
    baseline = shots(Inventive())
    await taken(baseline.first(4))
    assert len(await taken(baseline.more(until_tokens=1_050, at_most=100))) == 7
    assert 1_050 <= baseline.tokens < 1_050 + TOKENS


@pytest.mark.parametrize(("until", "at_most", "expected"), [(400, 100, 0), (100_000, 6, 6), (100_000, 0, 0)])
async def test_no_more_come_than_are_wanted_or_allowed(until: int, at_most: int, expected: int) -> None:
    baseline = shots(Inventive())
    await taken(baseline.first(4))
    assert len(await taken(baseline.more(until, at_most))) == expected


async def test_a_model_that_gives_nothing_is_not_asked_without_end() -> None:
    baseline = shots(Inventive(*[TerminalModelError("no")] * 10), at_once=2)
    assert await taken(baseline.more(until_tokens=1_000, at_most=10)) == []
    assert len(baseline.failures) == 10


async def test_who_leaves_early_leaves_nothing_under_way() -> None:
    backend = Inventive()
    async with aclosing(shots(backend, at_once=4).first(20)) as ideas:
        async for _ in ideas:
            break
    assert backend.under_way == 0
    assert len(backend.asked) < 20
    assert len(asyncio.all_tasks()) == 1


def test_no_agent_can_be_taken_for_the_baseline() -> None:
    assert BASELINE in RESERVED_NAMES


def test_a_one_shot_idea_tells_what_it_is() -> None:
    outcome = one_shot_outcome(Idea(title="Bread"), 21, 40, "openai:x")
    assert (outcome.number, outcome.source, outcome.author, outcome.contributors) == (21, "one-shot", "one-shot", [])
    assert (outcome.final.title, outcome.versions[0].id, outcome.agent_model) == ("Bread", 40, "openai:x")


async def test_a_small_model_is_no_baseline(tmp_path: Path) -> None:
    settings = SpawnSettings(count=2, baseline=True, model="embedded", output=tmp_path / "generated")
    with pytest.raises(
        UsageError, match=r"^--baseline needs a capable model, which embedded.* is not: --model openai:NAME$"
    ):
        await spawn(settings, SilentProgress(), environ={})
    assert not (tmp_path / "generated").exists()
