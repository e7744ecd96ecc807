"""A population's briefs: distinct, broad, repeatable, and phrased so that a small model can go on from them."""

from __future__ import annotations

import re

import pytest

from creator.briefs import Brief, BriefData, Sector, brief_data, draw_briefs
from creator.settings import MAX_AGENTS


@pytest.mark.parametrize("n", [0, 1, 5, 20, 100, MAX_AGENTS])
@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_no_sector_customer_technology_and_temperament_come_together_twice(n: int, seed: int) -> None:
    briefs = draw_briefs(n, seed)
    assert len(briefs) == n
    assert len({(one.sector, one.customer, one.technology, one.temperament) for one in briefs}) == n


@pytest.mark.parametrize("seed", range(50))
def test_twenty_agents_differ_in_all_but_the_customers_and_topics_of_their_sectors(seed: int) -> None:
    briefs = draw_briefs(20, seed)
    for field in ("sector", "technology", "role", "temperament", "persona"):
        assert len({getattr(one, field) for one in briefs}) == 20, field
    assert len({one.customer for one in briefs}) >= 18  # "homeowners" are customers of more than one sector


def test_customers_and_topics_are_those_of_the_sector() -> None:
    sectors = {one.sector: one for one in brief_data().sectors}
    for brief in draw_briefs(500, seed=4):
        assert brief.customer in sectors[brief.sector].customers
        assert brief.topic in sectors[brief.sector].topics
        assert brief.technology in brief_data().technologies


def test_all_combinations_of_short_lists_can_be_drawn() -> None:
    sector = Sector(sector="bakeries", word="Crust", topics=("unsold bread",), customers=("bakers", "shops"))
    lists = {"technologies": ("voice calls",), "roles": ("analyst",), "temperaments": ("calm", "bold")}
    data = BriefData(sectors=(sector,), first_names=("Ada",), **lists)
    briefs = draw_briefs(4, 1, data)
    assert len({(one.customer, one.temperament) for one in briefs}) == data.combinations == 4
    with pytest.raises(ValueError, match="choose a number from 0 to 4"):
        draw_briefs(5, 1, data)


def test_personas_stay_distinct_in_a_crowd() -> None:
    assert len({one.persona for one in draw_briefs(1_000, seed=3)}) == 1_000


def test_the_same_seed_draws_the_same_and_fewer_are_a_beginning_of_more() -> None:
    assert draw_briefs(30, seed=1) == draw_briefs(30, seed=1)
    assert draw_briefs(30, seed=1)[:8] == draw_briefs(8, seed=1)
    assert draw_briefs(30, seed=1) != draw_briefs(30, seed=2)


def test_more_than_there_are_combinations_is_refused() -> None:
    with pytest.raises(ValueError, match="choose a number from 0 to"):
        draw_briefs(brief_data().combinations + 1, seed=0)
    with pytest.raises(ValueError, match="-1"):
        draw_briefs(-1, seed=0)


def test_the_shipped_lists_are_broad_and_fit_into_sentences() -> None:
    data = brief_data()
    assert len(data.sectors) >= 40
    assert len(data.roles) >= 20
    assert len(data.temperaments) >= 20
    assert len(set(data.first_names)) == len(data.first_names) >= 100
    assert len({one.sector for one in data.sectors}) == len(data.sectors)
    assert len(set(data.technologies)) == len(data.technologies) >= 24
    phrases = [phrase for one in data.sectors for phrase in (one.sector, *one.topics, *one.customers)]
    for phrase in [*phrases, *data.technologies, *data.roles, *data.temperaments]:
        assert re.fullmatch(r"[a-z][a-z -]{2,39}", phrase), phrase
        assert phrase.split()[0] not in {"a", "an", "the"}, phrase
    for one in data.sectors:
        assert len(set(one.topics)) == len(one.topics) >= 3, one.sector
        assert len(set(one.customers)) == len(one.customers) >= 3, one.sector
        assert re.fullmatch(r"[A-Z][a-z]+", one.word), one.word


def test_a_brief_made_by_hand_has_a_persona_that_stays() -> None:
    brief = Brief(sector="dental care", role="market analyst", temperament="bold", topic="supply orders")
    again = Brief(sector="dental care", role="market analyst", temperament="bold", topic="supply orders")
    assert brief == again
    assert brief.persona.endswith(" Molar")
    assert brief.facts() == {
        "sector": "dental care",
        "role": "market analyst",
        "temperament": "bold",
        "topic": "supply orders",
        "customer": "",
        "technology": "",
        "persona": brief.persona,
        "businesses": "dental care businesses",
    }


def test_a_sector_that_nobody_listed_has_customers_too() -> None:
    assert "solo dentists" in brief_data().customers_in("Dental Care")
    assert brief_data().customers_in("kite flying") == ("small businesses in kite flying",)
