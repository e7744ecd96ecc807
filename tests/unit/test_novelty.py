"""Novelty: a copy of a living agent is refused, an agent with something of its own is not."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.breeding.novelty import likeness, novelty_problem
from tests.unit.families import TEMPLATES, bred, child, founder, founders

PARENTS = founders(6)
ADA = PARENTS[0]
SOURCE = TEMPLATES[ADA.template].render(ADA)


def test_a_copy_under_another_name_is_refused_and_it_is_said_of_whom() -> None:
    slots = {**ADA.slots, "persona": "Zoe Tide", "temperature": 0.1, "shares_ideas": 0.9}
    copy = ADA.model_copy(update={"name": "zoe_tide", "slots": slots})
    assert novelty_problem(copy, PARENTS) == (
        f"too much like {ADA.name}: 100 % of the words that describe it are the same"
    )


def test_the_same_words_in_another_order_are_no_novelty() -> None:
    turned = {slot: value[::-1] for slot, value in ADA.slots.items() if isinstance(value, list)}
    copy = ADA.model_copy(update={"name": "zoe_tide", "slots": {**ADA.slots, **turned}})
    assert f"too much like {ADA.name}" in novelty_problem(copy, PARENTS)


def test_a_copy_that_moves_to_another_sector_is_refused() -> None:
    sector = "lighthouse keeping"
    values = {slot: value for slot, value in ADA.slots.items() if slot not in ("persona", "sector")}
    first = founder(ADA.brief, **{**values, "goal": f"My goal is to help {ADA.sector} businesses sleep."})
    moved = founder(
        ADA.brief.model_copy(update={"sector": sector}),
        **{**values, "sector": sector, "goal": f"My goal is to help {sector} businesses sleep."},
    )
    assert f"too much like {first.name}" in novelty_problem(moved, [first])


def test_founders_and_agents_with_a_goal_of_their_own_are_new() -> None:
    for place, one in enumerate(PARENTS):
        assert novelty_problem(one, PARENTS[:place]) == ""
    goal = "Teaches drivers to read a map without a screen, and sells the maps to schools along the coast each spring."
    changed = founder(ADA.brief, goal=goal, interests=["paper maps", "coast roads"], traits=["draws well"])
    assert novelty_problem(changed, [ADA]) == ""
    assert novelty_problem(ADA, []) == ""


def test_most_offspring_are_new_at_their_first_try() -> None:
    refused = [bool(novelty_problem(child(wish), PARENTS)) for wish in bred(PARENTS, 60)]
    assert sum(refused) < 15


@given(st.lists(st.sampled_from("abcdef"), max_size=30), st.lists(st.sampled_from("abcdef"), max_size=30))
def test_likeness_is_the_share_of_common_words(first: list[str], second: list[str]) -> None:
    common = sum(min(first.count(word), second.count(word)) for word in set(first))
    both = len(first) + len(second)
    expected = 2 * common / both if first and second else 0
    assert likeness(sorted(first), sorted(second)) == pytest.approx(expected)


def test_agents_without_a_word_are_not_alike() -> None:
    sector = ADA.brief.sector
    empty = {"role": sector, "temperament": sector, "topic": sector, "customer": "", "technology": ""}
    mute = ADA.model_copy(update={"brief": ADA.brief.model_copy(update=empty), "slots": {}})
    assert novelty_problem(mute, [mute.model_copy(update={"name": "other"})]) == ""


def written(source: str, other: str) -> str:
    """What is wrong with a module that a model wrote for another brief, when there is a living agent's."""
    return novelty_problem(PARENTS[1], [ADA], {PARENTS[1].name: source, ADA.name: other})


RETOLD = [
    SOURCE.replace("concrete", "exact"),
    TEMPLATES[ADA.template].render(
        founder(PARENTS[2].brief, **{slot: ADA.slots[slot] for slot in ("temperature", "shares_ideas")})
    ),
    ast.unparse(ast.parse(SOURCE)),
    SOURCE.replace('class Agent(RoutedAgent):\n    """', 'class Agent(RoutedAgent):\n    """Another text. '),
]


@pytest.mark.parametrize("source", RETOLD)
def test_a_module_that_only_says_something_else_is_no_novelty(source: str) -> None:
    assert written(source, SOURCE) == (
        f"too much like {ADA.name}: but for their texts the two modules are the same, so they behave the same"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A = ['a', 'b']\n", "A = ['c']\n"),
        ("A = 'a' 'b'\n", "A = 'c'\n"),
        ('A = f"{x} and {y}"\n', 'A = f"{x}, {y}!"\n'),
        ('"""One."""\nx = 1\n', "x = 1\n"),
        ("A = ('a', 'b')\nB = {'c'}\n", "A = ('d',)\nB = {'e', 'f'}\n"),
    ],
)
def test_texts_do_not_count_however_they_are_written(first: str, second: str) -> None:
    assert "they behave the same" in written(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("x = 1\n", "x = 2\n"),
        ("A = ['a', x]\n", "A = ['a']\n"),
        ('A = f"{x}"\n', 'A = f"{y}"\n'),
        ("f('a')\n", "g('a')\n"),
        ("A = []\n", "A = ['a']\n"),
        ("x = (", "x = ("),
    ],
)
def test_what_is_done_counts(first: str, second: str) -> None:
    assert written(first, second) == ""


def test_a_module_that_does_something_else_but_says_the_same_is_no_novelty() -> None:
    changed = SOURCE.replace("SHARES_IDEAS: Final = ", "SHARES_IDEAS: Final = 0.001 * ")
    twin = ADA.model_copy(update={"name": "zoe_tide"})
    sources = {ADA.name: SOURCE, "zoe_tide": changed}
    assert "% of the words that describe it" in novelty_problem(twin, [ADA], sources)
    assert (
        novelty_problem(twin, [ADA], {**sources, "zoe_tide": "TEXT = 'asks three neighbours' if x else 'waits'\n"})
        == ""
    )
