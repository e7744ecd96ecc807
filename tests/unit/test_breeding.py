"""Breeding: offspring recombine what their parents are, and differ from them."""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.blueprint import Blueprint, unique_name
from creator.breeding.heritage import SHOWN_SOURCE, Heritage, is_personal, shown_source
from creator.briefs import brief_data, draw_briefs
from creator.templates.slots import as_text
from tests.unit.families import TEMPLATES, bred, child, founder, founders

PARENTS = founders(6)
ROLES, TEMPERAMENTS = brief_data().roles, brief_data().temperaments
SECTORS = {one.sector: one.topics for one in brief_data().sectors}


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 12))
def test_an_offspring_consists_of_its_parents_and_of_what_is_drawn(seed: int, parents: int, count: int) -> None:
    for wish in bred(PARENTS[:parents], count, seed=seed):
        own = [one for one in PARENTS if one.name in wish.parents]
        assert len(own) == len(wish.parents) == min(2, parents)
        assert wish.template in {one.template for one in own}
        brief = wish.brief
        assert brief.sector in {*SECTORS, *(one.brief.sector for one in own)}
        assert brief.role in ROLES and brief.temperament in TEMPERAMENTS
        assert brief.topic in {*SECTORS[brief.sector], *(one.brief.topic for one in own)}
        assert wish.heritage is not None
        for slot, value in wish.heritage.slots.items():
            assert value in [one.slots[slot] for one in own if slot in one.slots]


def test_the_brief_mixes_both_parents_and_mutates_now_and_then() -> None:
    first, second = PARENTS[:2]
    briefs = [wish.brief for wish in bred([first, second], 200)]
    for part in ("sector", "role", "temperament"):
        found = Counter(getattr(brief, part) for brief in briefs)
        inherited = [found[getattr(one.brief, part)] for one in (first, second)]
        assert min(inherited) > 40, part
        assert 0 < 200 - sum(inherited) < 100, part


def test_parts_that_a_brief_may_lack_are_inherited_from_the_parent_that_has_them() -> None:
    first, second = PARENTS[:2]
    rich = first.model_copy(update={"brief": first.brief.model_copy(update={"customer": "small shippers"})})
    customers = Counter(wish.brief.customer for wish in bred([rich, second], 60))
    assert customers.most_common(1)[0][0] == "small shippers"
    assert all(wish.brief.topic for wish in bred([rich], 20))


@pytest.mark.parametrize(("parents", "count"), [(2, 1), (3, 2), (5, 3), (6, 3), (6, 20)])
def test_every_parent_takes_part(parents: int, count: int) -> None:
    for seed in range(10):
        wishes = bred(PARENTS[:parents], count, seed=seed)
        assert {name for wish in wishes for name in wish.parents} == {one.name for one in PARENTS[:parents]}
        assert all(len(set(wish.parents)) == 2 for wish in wishes)


def test_with_few_places_the_best_have_offspring() -> None:
    (wish,) = bred(PARENTS, 1)
    assert set(wish.parents) == {one.name for one in PARENTS[:2]}


def test_the_best_have_more_offspring_than_the_last() -> None:
    found = Counter(name for wish in bred(PARENTS, 400) for name in wish.parents)
    assert found[PARENTS[0].name] > 1.3 * found[PARENTS[-1].name]


def test_a_single_parent_has_offspring_of_its_own() -> None:
    wishes = bred(PARENTS[:1], 4)
    assert [wish.parents for wish in wishes] == [(PARENTS[0].name,)] * 4
    assert len({wish.brief.model_dump_json() for wish in wishes}) == 4


def test_without_parents_or_places_there_is_nobody() -> None:
    assert bred(PARENTS, 0) == []
    with pytest.raises(ValueError, match="at least one parent"):
        bred([], 1)


def test_the_same_seed_breeds_the_same_offspring() -> None:
    assert bred(PARENTS, 8) == bred(PARENTS, 8)
    assert bred(PARENTS, 8) != bred(PARENTS, 8, seed=8)
    assert [one.brief for one in bred(PARENTS, 8)] != [one.brief for one in bred(PARENTS, 8, generation=2)]


def test_births_are_numbered_and_belong_to_their_generation() -> None:
    wishes = bred(PARENTS, 3, numbers=itertools.count(11), generation=2)
    assert [(wish.number, wish.generation, wish.asked_by) for wish in wishes] == [(n, 2, "") for n in (11, 12, 13)]


@given(st.integers(0, 2**32))
def test_nobody_is_called_as_another_or_has_the_brief_of_another(seed: int) -> None:
    wishes = bred(PARENTS[:2], 20, seed=seed, living=PARENTS)
    personas = [wish.brief.persona for wish in wishes] + [one.persona for one in PARENTS]
    assert len(set(personas)) == len(personas)
    briefs = [one.brief.model_copy(update={"persona": "X"}) for one in [*wishes, *PARENTS]]
    assert len({brief.model_dump_json() for brief in briefs}) == len(briefs)


def test_names_do_not_run_out() -> None:
    brief = PARENTS[0].brief
    crowd = [
        PARENTS[0].model_copy(update={"name": unique_name(name, set()), "slots": {"persona": f"{name} {word}"}})
        for name in brief_data().first_names
        for word in [one.word for one in brief_data().sectors if one.sector == brief.sector]
    ]
    personas = [wish.brief.persona for wish in bred(PARENTS[:1], 30, living=crowd)]
    assert len({*personas, *(one.persona for one in crowd)}) == 30 + len(crowd)


@given(st.integers(0, 2**32))
def test_some_slots_are_filled_anew_and_always_the_persona(seed: int) -> None:
    for wish in bred(PARENTS[:1], 5, seed=seed):
        assert wish.heritage is not None
        slots = TEMPLATES[wish.template].schema["properties"].keys()
        assert "persona" not in wish.heritage.slots
        own = [slot for slot in slots - wish.heritage.slots.keys() if slot not in ("persona", "sector")]
        assert 2 <= len(own) <= 4


def test_an_offspring_of_another_template_inherits_what_fits() -> None:
    idea, other = PARENTS[:2]
    assert (idea.template, other.template) == ("idea_agent", "founder_agent")
    for wish in bred([idea, other], 40):
        assert wish.heritage is not None
        assert wish.heritage.slots.keys() <= TEMPLATES[wish.template].schema["properties"].keys()
        child(wish)


def test_what_names_the_parent_or_its_sector_is_filled_anew() -> None:
    brief = PARENTS[0].brief
    first = brief.persona.split()[0]
    named = founder(
        brief,
        goal=f"I, {first}, want to be heard.",
        voice=f"as {brief.persona.upper()} speaks",
        interests=[f"everything in {brief.sector}"],
    )
    for wish in bred([named], 40):
        assert wish.heritage is not None
        assert not {"goal", "voice"} & wish.heritage.slots.keys()
        if wish.brief.sector != brief.sector:
            assert not {"interests", "sector"} & wish.heritage.slots.keys()


def test_values_that_do_not_fit_the_slot_are_filled_anew() -> None:
    odd: dict[str, Any] = {"temperature": "hot", "shares_with": "everybody", "voice": "v" * 1_000, "goal": ["a"]}
    parent = PARENTS[0].model_copy(update={"slots": {**PARENTS[0].slots, **odd}})
    for wish in bred([parent], 20):
        assert wish.heritage is not None
        assert not odd.keys() & wish.heritage.slots.keys()


@pytest.mark.parametrize("author", ["code", "adopted"])
def test_parents_with_few_slots_or_an_unknown_template_have_offspring(author: str) -> None:
    bare = {"author": author, "template": "gone", "slots": {}}
    parents = [one.model_copy(update=bare) for one in PARENTS[:2]]
    for wish in bred(parents, 10):
        assert wish.template in TEMPLATES
        assert wish.heritage == Heritage()
    few = [one.model_copy(update={"slots": {"persona": one.persona, "interests": ["a", "b"]}}) for one in parents]
    assert any(wish.heritage != Heritage() for wish in bred(few, 10))


def test_no_agent_is_called_as_its_parents_in_the_modules_that_its_author_sees() -> None:
    sources = {one.name: TEMPLATES[one.template].render(one) for one in PARENTS}
    for wish in bred(PARENTS, 12, read_source=sources.__getitem__):
        assert wish.heritage is not None and len(wish.heritage.sources) == 2
        for name, source in zip(wish.parents, wish.heritage.sources, strict=True):
            parent = next(one for one in PARENTS if one.name == name)
            ast.parse(source)
            assert not is_personal(source, parent)
            assert "Origin" not in source and parent.run_id not in source
            assert f"You are {wish.brief.persona}, " in source
            assert "class Agent(RoutedAgent)" in source


def seen(source: str, persona: str, name: str = "parent") -> str:
    parent = PARENTS[0].model_copy(update={"name": name, "slots": {"persona": persona}})
    return shown_source(source, parent, "Zoe Tide")


def test_a_name_that_is_a_word_of_the_code_leaves_the_code_alone() -> None:
    code = 'class Agent:\n    def plan(self) -> str:\n        return "The plan of the Agent Smith, or Smith"\n'
    assert seen(code, "Agent Smith", "plan") == code.replace("Agent Smith", "Zoe Tide")
    assert seen('TEXT = "The best of the lot"\n', "The Baker") == 'TEXT = "The best of the lot"\n'
    assert seen('TEXT = "I am $^.*( Smith"\n', "$^.*( Smith") == 'TEXT = "I am Zoe Tide"\n'


def test_a_long_module_is_cut_at_a_line_and_a_broken_one_is_not_shown() -> None:
    shown = seen("x = 1\n" * 5_000, "Ada Loaf")
    assert len(shown) <= SHOWN_SOURCE and shown.endswith("x = 1\n")
    assert seen("x = (", "Ada Loaf") == seen("", "Ada Loaf") == seen("x" * 500_000, "Ada Loaf") == ""


def test_each_try_inherits_less() -> None:
    heritage = Heritage({"goal": "a", "voice": "b", "interests": ["c"], "temperature": 0.5}, ("x = 1\n",))
    assert heritage.for_try(1, 5) == heritage
    half = heritage.for_try(2, 5)
    assert half == heritage.for_try(2, 5)
    assert len(half.slots) == 2 and half.slots.items() <= heritage.slots.items()
    assert half.sources == heritage.sources
    assert heritage.for_try(3, 5) == heritage.for_try(9, 5) == Heritage()


def test_facts_tell_lists_as_one_text() -> None:
    blueprint: Blueprint = PARENTS[0]
    assert blueprint.facts()["interests"] == as_text(blueprint.slots["interests"]) == ", ".join(blueprint.skills)


def test_a_generation_is_bred_of_as_many_parents_as_agents_allow() -> None:
    parents = [founder(brief) for brief in draw_briefs(60, 5)]
    wishes = bred(parents, 30)
    assert {name for wish in wishes for name in wish.parents} == {one.name for one in parents}
