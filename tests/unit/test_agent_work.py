"""Which kind of work an agent could do about a topic."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.briefs import brief_data, businesses_of
from creator.models.agent_work import work_facts, work_for, works


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("customs paperwork", "papers"),
        ("missed appointments", "reminders"),
        ("food waste", "forecasts"),
        ("crew scheduling", "plans"),
        ("after-hours calls", "answers"),
        ("price complaints", "answers"),
        ("fuel costs", "prices"),
        ("leak detection", "watching"),
        ("staff shortages", "matching"),
        ("student retention", "invitations"),
        ("design revisions", "reviews"),
        ("lost linen", "finding things"),
        ("unsold plants", "forecasts"),
        ("delays of papers", "plans"),
        ("xyzzy", "any"),
        ("", "any"),
    ],
)
def test_the_words_of_a_topic_tell_the_kind_of_work(topic: str, kind: str) -> None:
    assert work_for(topic) is works()[kind]


def test_shipped_topics_have_a_kind_of_their_own() -> None:
    topics = [topic for sector in brief_data().sectors for topic in sector.topics]
    known = sum(work_for(topic) is not works()["any"] for topic in topics)
    assert known > 0.9 * len(topics)


@pytest.mark.parametrize("name", works())
def test_every_kind_can_be_said_in_whole_sentences(name: str) -> None:
    work = works()[name]
    assert len(work.problems) == len(work.solutions)
    assert bool(work.stems) == (name != "any")
    assert all(text.split()[-1] in ("to", "for") for text in work.solutions), "a verb of the model's comes next"
    assert all(text.endswith(".") for text in (*work.why_now, *work.risks))


@pytest.mark.parametrize(
    ("topic", "begins"),
    [
        ("late returns", "Late Return "),
        ("energy bills", "Energy Bill "),
        ("hen health", "Hen Health "),
        ("supply queries", "Supply Query "),
        ("glass", "Glass "),
    ],
)
def test_a_title_names_the_topic(topic: str, begins: str) -> None:
    assert work_facts({"topic": topic}, random.Random(1))["work_title"].startswith(begins)


@given(st.text(max_size=200), st.integers())
def test_any_topic_gives_facts(topic: str, seed: int) -> None:
    facts = work_facts({"topic": topic, "sector": "x"}, random.Random(seed))
    assert all(isinstance(text, str) for text in facts.values())
    assert len(facts["work_title"]) < 120


def test_a_topic_is_never_itself_a_template() -> None:
    facts = work_facts({"topic": "{secret}", "secret": "hidden"}, random.Random(1))
    assert "hidden" not in str(facts)


@pytest.mark.parametrize(
    ("sector", "phrase"),
    [
        ("hair salons", "hair salons"),
        ("laser clinics", "laser clinics"),
        ("plumbing", "plumbing businesses"),
        ("cold-chain logistics", "cold-chain logistics businesses"),
        ("glass", "glass businesses"),
    ],
)
def test_who_works_in_a_sector(sector: str, phrase: str) -> None:
    assert businesses_of(sector) == phrase
