"""A population's briefs: distinct, broad, repeatable, and phrased so that a small model can go on from them."""

from __future__ import annotations

import re

import pytest

from creator.briefs import Brief, brief_data, draw_briefs


@pytest.mark.parametrize("n", [0, 1, 5, 20, 100, 2_000])
def test_as_many_distinct_briefs_as_asked_for(n: int) -> None:
    briefs = draw_briefs(n, seed=7)
    assert len(briefs) == n
    assert len({(one.sector, one.role, one.temperament, one.topic) for one in briefs}) == n


@pytest.mark.parametrize("seed", range(20))
def test_twenty_agents_have_twenty_sectors_roles_and_names(seed: int) -> None:
    briefs = draw_briefs(20, seed)
    for field in ("sector", "role", "temperament", "persona"):
        assert len({getattr(one, field) for one in briefs}) == 20, field


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
    phrases = [phrase for one in data.sectors for phrase in (one.sector, *one.topics)]
    for phrase in [*phrases, *data.roles, *data.temperaments]:
        assert re.fullmatch(r"[a-z][a-z -]{2,39}", phrase), phrase
        assert phrase.split()[0] not in {"a", "an", "the"}, phrase
    for one in data.sectors:
        assert len(set(one.topics)) == len(one.topics) >= 3, one.sector
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
