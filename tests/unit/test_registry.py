"""Whom the registry names when an agent looks for a colleague."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from creator.agents.registry import COMPARED, Population
from sandbox.protocol import ColleagueRequest, Introduction

SECTORS = {
    "baker": ("bakeries", ["dough planning", "surplus bread", "oven times"]),
    "pastry": ("pastry and bread bakeries", ["dough planning", "wedding cakes"]),
    "mill": ("flour mills for bakeries", ["grain prices", "dough quality"]),
    "roofer": ("roofing", ["scaffold rental", "weather windows"]),
    "lawyer": ("tenancy law", ["reading contracts", "court dates"]),
}


def population(sectors: dict[str, tuple[str, list[str]]] = SECTORS, seed: int = 1) -> Population:
    live = Population(seed)
    for name, (sector, skills) in sectors.items():
        live.announce(Introduction(name=name, sector=sector, skills=skills))
    return live


def chosen(live: Population, request: ColleagueRequest, asker: str = "baker", *chain: str) -> Counter[str | None]:
    return Counter(live.choose(request, asker, (*chain, asker)).name for _ in range(200))


def test_a_very_different_sector_is_not_a_neighbouring_one() -> None:
    names = chosen(population(), ColleagueRequest(how="different_sector"))
    assert set(names) <= {"roofer", "lawyer"}


def test_among_many_chance_decides_who_is_asked_of_the_most_different() -> None:
    sectors = {f"baker{number}": ("bakeries", ["bread"]) for number in range(30)}
    sectors |= {f"roofer{number}": ("roofing", [f"ladder {number}"]) for number in range(30)}
    names = chosen(population({**SECTORS, **sectors}), ColleagueRequest(how="different_sector"))
    assert len(names) > 10, "not everybody asks the same one"
    assert not any(name is None or name.startswith("baker") for name in names)


@pytest.mark.parametrize(
    ("skill", "name"),
    [("contracts", "lawyer"), ("Contract reader", "lawyer"), ("WEATHER", "roofer"), ("scaffolds", "roofer")],
)
def test_the_best_fitting_skill_is_found_by_likeness(skill: str, name: str) -> None:
    assert set(chosen(population(), ColleagueRequest(how="skill", skill=skill))) == {name}


def test_all_that_fit_alike_are_asked() -> None:
    assert set(chosen(population(), ColleagueRequest(how="skill", skill="dough planning"), "lawyer")) == {
        "baker",
        "pastry",
    }


@pytest.mark.parametrize("skill", ["xylophone", "?", None])
def test_anybody_is_asked_where_no_skill_is_like_it(skill: str | None) -> None:
    assert set(chosen(population(), ColleagueRequest(how="skill", skill=skill))) == set(SECTORS) - {"baker"}


@pytest.mark.parametrize("how", ["random", "different_sector", "skill"])
def test_nobody_is_named_who_asks_or_took_part(how: str) -> None:
    live = population()
    request = ColleagueRequest.model_validate({"how": how, "skill": "contracts"})
    assert set(chosen(live, request, "baker", "lawyer", "roofer")) <= {"pastry", "mill"}
    assert chosen(live, request, "baker", *SECTORS) == {None: 200}


@pytest.mark.parametrize("how", ["different_sector", "skill"])
def test_who_says_nothing_of_itself_can_be_asked_and_ask(how: str) -> None:
    live = population({"a": ("?", []), "b": ("?", [])})
    request = ColleagueRequest.model_validate({"how": how, "skill": "contracts"})
    assert set(chosen(live, request, "a")) == {"b"}
    assert set(chosen(live, request, "stranger")) == {"a", "b"}


def test_a_request_compares_no_more_of_a_large_population_than_it_has_to(monkeypatch: pytest.MonkeyPatch) -> None:
    live = population({f"agent{number}": (f"sector {number}", [f"skill {number}"]) for number in range(1_000)})
    compared: list[str] = []
    monkeypatch.setattr("creator.agents.registry.fuzz.token_set_ratio", lambda one, other: compared.append(other) or 0)
    live.choose(ColleagueRequest(how="different_sector"), "agent1", ("agent1",))
    assert len(compared) == COMPARED


@pytest.mark.parametrize("how", ["random", "different_sector", "skill"])
def test_the_same_seed_chooses_the_same_in_a_conversation_in_whatever_order_agents_are_born_and_ask(how: Any) -> None:
    places = [("baker", "c1"), ("baker", "c2"), ("roofer", "c1"), ("mill", "c3"), ("baker", "c1")]

    def choices(sectors: dict[str, tuple[str, list[str]]], asked: list[tuple[str, str]]) -> dict[Any, list[str | None]]:
        live, found = population(sectors), dict[Any, list[str | None]]()
        for asker, conversation in asked:
            request = ColleagueRequest(how=how, skill="dough" if how == "skill" else None)
            found.setdefault((asker, conversation), []).append(live.choose(request, asker, (asker,), conversation).name)
        return found

    assert choices(SECTORS, places) == choices(dict(reversed(SECTORS.items())), list(reversed(places)))


def test_another_seed_and_another_conversation_choose_otherwise() -> None:
    def choices(seed: int, conversation: str) -> list[str | None]:
        live = population(seed=seed)
        return [live.choose(ColleagueRequest(), "baker", ("baker",), conversation).name for _ in range(20)]

    assert choices(1, "c1") == choices(1, "c1")
    assert choices(1, "c1") != choices(2, "c1")
    assert choices(1, "c1") != choices(1, "c2")
