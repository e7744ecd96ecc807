"""Which ideas plain checks call weak, and which they must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creator.blueprint import Blueprint
from creator.briefs import Brief
from creator.ideas.checks import idea_check, weaknesses
from creator.ideas.form import BUSINESS, IdeaForm
from sandbox.protocol import Idea

REST = {
    "why_now": "Models read scans by now.",
    "revenue_model": "A monthly subscription.",
    "cost_to_try": "Two weeks and 300 euros",
    "first_step": "Call ten of them this week.",
    "risks": "They may not trust it.",
}
CAPABLE: list[tuple[str, dict[str, str]]] = [
    (
        "dental care",
        {
            "title": "ChairFill",
            "problem": "Last-minute cancellations leave treatment rooms idle: a two-dentist practice loses about 6 % "
            "of its revenue to gaps that nobody can fill by phone in time.",
            "customer": "Independent practices with 2-5 dentists and no call centre",
            "solution": "An agent watches the calendar, messages patients on the waiting list as soon as a gap opens, "
            "negotiates a slot and books it; the receptionist only sees the result.",
        },
    ),
    (
        "legal aid",
        {
            "title": "Eviction First Responder",
            "problem": "Tenants who receive an eviction notice have days to answer it, and most clinics are booked out "
            "for weeks, so the deadline passes before anyone has read the letter.",
            "customer": "Nonprofit clinics that defend tenants, paid by their funders",
            "solution": "An agent reads a photo of the notice, explains it in the tenant's language, fills in the "
            "answer to the court and hands the file to a lawyer for a signature.",
        },
    ),
    (
        "beekeeping",
        {
            "title": "SwarmWatch",
            "problem": "Hobbyists inspect every hive each week although nine of ten visits find nothing.",
            "customer": "Keepers of 10 to 100 hives",
            "solution": "A microphone under the lid hears when a colony prepares to leave; an agent asks two "
            "questions by phone and tells the keeper which box to open, and when.",
        },
    ),
    (
        "municipal waste",
        {
            "title": "Binformant",
            "problem": "Residents call about a bin that was not emptied, and each call costs the council about eight "
            "euros before anybody knows whether the truck came at all.",
            "customer": "Councils of towns with 20,000 to 200,000 people",
            "solution": "An agent matches each complaint with the truck's GPS track, answers at once, and orders a "
            "second pickup when the street was indeed left out.",
        },
    ),
]
OTHER_LANGUAGES: list[dict[str, str]] = [
    {
        "title": "Terminretter",
        "problem": "Zahnarztpraxen verlieren jede Woche Stunden, weil Patienten, die die Praxis nicht erreicht, ihren "
        "Termin vergessen und der Stuhl dann leer bleibt.",
        "customer": "Kleine Praxen ohne eigenes Telefonteam",
        "solution": "Ein Agent schreibt am Vorabend jedem Patienten, versteht die Antwort und füllt die Lücke von der "
        "Warteliste auf; am Morgen sieht die Praxis nur das Ergebnis an.",
    },
    {
        "title": "予約リマインダー",
        "problem": "歯科医院では患者が予約を忘れることが多く、そのたびに椅子が空いたままになる。",
        "customer": "歯科医が一人か二人の小さな医院",
        "solution": "エージェントが前日の夜に患者へ連絡し、返事を読み取り、空いた時間を待っている人に知らせる。",
    },
]


def blueprint_of(brief: Brief) -> Blueprint:
    return Blueprint(name="ada", template="idea_agent", slots={}, brief=brief, run_id="r", model="m")


def idea(**changes: str) -> Idea:
    return Idea(**{**CAPABLE[0][1], **REST, **changes})


@pytest.mark.parametrize(("sector", "parts"), CAPABLE)
def test_good_ideas_are_not_called_weak(sector: str, parts: dict[str, str]) -> None:
    brief = Brief(sector=sector, role="planner", temperament="calm", topic="late calls")
    assert idea_check(BUSINESS, blueprint_of(brief), "business ideas")(Idea(**parts, **REST)) == []


@pytest.mark.parametrize("parts", OTHER_LANGUAGES)
def test_ideas_in_other_languages_are_not_called_weak(parts: dict[str, str]) -> None:
    assert weaknesses(Idea(**parts, **REST), BUSINESS, sector="dental care", topic="missed appointments") == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"problem": ""}, "problem is empty"),
        ({"first_step": "..."}, "first step is empty"),
        ({"risks": "N/A"}, "risks is empty"),
        ({"title": "TBD"}, "title is empty"),
        (
            {"solution": "It saves time and it saves time and it saves time and it saves time."},
            "solution repeats itself",
        ),
        ({"problem": "The gaps in the calendar of a practice cost it more than the"}, "problem is cut off"),
        ({"solution": CAPABLE[0][1]["problem"]}, "problem and solution say the same"),
    ],
)
def test_what_is_wrong_is_said_in_a_few_words(changes: dict[str, str], found: str) -> None:
    assert weaknesses(idea(**changes), BUSINESS, sector="dental care") == [found]


def test_an_idea_that_says_nothing_of_its_sector_is_noticed() -> None:
    assert weaknesses(idea(), BUSINESS, sector="vineyard management") == ["says nothing of its sector"]
    assert weaknesses(idea(), BUSINESS, sector="vineyard management", topic="cancellations") == []
    assert weaknesses(idea(), BUSINESS) == [], "nothing is known of a sector"
    short = Idea(title="Gaps", problem="Rooms are idle.", customer="Owners", solution="An agent calls.", **REST)
    assert weaknesses(short, BUSINESS, sector="vineyard management") == [], "it may go without saying"


def test_only_the_parts_of_the_form_are_asked_for() -> None:
    form = IdeaForm("", {name: {"type": "string"} for name in ("title", "question", "method")}, {})
    asked = form.idea_from({"title": "Bread", "question": "Who eats stale bread, and why?", "method": ""})
    assert weaknesses(asked, form) == ["method is empty"]


def test_an_agents_ideas_are_checked_with_what_it_knows() -> None:
    brief = Brief(sector="vineyards", role="planner", temperament="calm", topic="frost", customer="private dentists")
    assert idea_check(BUSINESS, blueprint_of(brief), "ideas")(idea()) == []
    other = brief.model_copy(update={"customer": ""})
    assert idea_check(BUSINESS, blueprint_of(other), "ideas")(idea()) == ["says nothing of its sector"]
    assert idea_check(BUSINESS, None, "ideas")(idea()) == []


@given(st.dictionaries(st.sampled_from(BUSINESS.fields), st.text(max_size=200)), st.text(max_size=50))
def test_no_idea_is_too_odd_to_be_checked(parts: dict[str, str], sector: str) -> None:
    found = weaknesses(Idea(title="x", **parts), BUSINESS, sector=sector, topic=sector)
    assert all(one and len(one) < 80 for one in found)
