"""Who stands under whom, in every record that there may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from creator.family import MAX_LEVELS, Branch, described, family_of
from creator.outcome import AgentOutcome
from creator.reporting.report import render_report
from tests.unit.outcomes import HOSTILE, RUN_ID, outcome
from tests.unit.test_report import Page


def agent(name: str, asked_by: str = "", parents: tuple[str, ...] = (), **more: Any) -> AgentOutcome:
    return AgentOutcome(
        name=name, sector="freight", asked_by=asked_by, parents=list(parents), **{"state": "live", **more}
    )


def shape(family: list[Branch] | tuple[Branch, ...]) -> dict[str, Any]:
    return {branch.agent.name: shape(branch.children) for branch in family}


def names(family: list[Branch] | tuple[Branch, ...]) -> list[str]:
    found, waiting = [], list(family)
    while waiting:
        branch = waiting.pop()
        found.append(branch.agent.name)
        waiting += branch.children
    return found


def test_colleagues_stand_under_their_askers_and_bred_agents_under_their_first_parent() -> None:
    family = family_of(
        [
            agent("ada"),
            agent("bo"),
            agent("cy", asked_by="ada", parents=("ada",)),
            agent("di", asked_by="cy", parents=("cy",)),
            agent("eve", parents=("bo", "ada"), generation=1),
            agent("flo", asked_by="user"),
            agent("gus", asked_by="flo", parents=("flo",), state="pending"),
        ]
    )
    assert shape(family) == {"ada": {"cy": {"di": {}}}, "bo": {"eve": {}}, "flo": {"gus": {}}}
    (eve,) = family[1].children
    assert described(eve, begins=False) == "freight, live, generation 1, with ada"
    assert described(family[2], begins=True) == "freight, live, added by the user"
    assert described(family[2].children[0], begins=False) == "freight, waits for a decision"


def test_parents_that_are_not_of_this_run_are_named() -> None:
    (kept,) = family_of([agent("ada", parents=("gone",)), agent("bo", parents=("away", "ada"))])
    (bred,) = kept.children
    assert described(kept, begins=True) == "freight, live, from gone"
    assert described(bred, begins=False) == "freight, live, with away"


def test_circles_and_doubles_are_cut_and_nobody_is_lost() -> None:
    circle = [agent("ada", asked_by="cy"), agent("bo", asked_by="ada"), agent("cy", asked_by="bo")]
    assert shape(family_of(circle)) == {"cy": {"ada": {"bo": {}}}}
    assert shape(family_of([agent("ada", asked_by="ada", parents=("ada",))])) == {"ada": {}}
    twice = family_of([agent("ada"), agent("ada", asked_by="bo"), agent("bo", asked_by="ada")])
    assert sorted(names(twice)) == ["ada", "ada", "bo"]
    assert family_of([]) == []


@given(st.data())
def test_everybody_stands_in_the_family_once(data: st.DataObject) -> None:
    known = [f"a{number}" for number in range(data.draw(st.integers(1, 12)))]
    anyone = st.sampled_from([*known, "", "user", "gone"])
    agents = [
        agent(data.draw(st.sampled_from(known)), data.draw(anyone), tuple(data.draw(st.lists(anyone, max_size=3))))
        for _ in known
    ]
    assert sorted(names(family_of(agents))) == sorted(one.name for one in agents)


def test_a_branch_that_never_ends_begins_again_at_the_top() -> None:
    count = 10 * MAX_LEVELS
    family = family_of([agent("a0"), *(agent(f"a{n}", asked_by=f"a{n - 1}") for n in range(1, count))])
    assert len(family) == 10
    assert sorted(names(family)) == sorted(f"a{number}" for number in range(count))
    assert described(family[1], begins=True) == f"freight, live, from a{MAX_LEVELS - 1}"


# ---- in the report


def test_the_report_draws_a_family_where_there_is_one(tmp_path: Path) -> None:
    run = outcome(tmp_path / RUN_ID, count=2, failed=0)
    assert 'id="family"' not in render_report(run)
    more = [agent("cy", asked_by="agent_number_1"), agent("di", parents=("cy", "agent_number_2"), generation=1)]
    text = render_report(run.model_copy(update={"agents": [*run.agents, *more]}))
    page = Page(text)
    assert "agent_number_1 freight, live cy freight, live di freight, live, generation 1, with agent_number_2" in (
        page.text
    )
    section = text.partition('id="family"')[2].partition("</section>")[0]
    assert section.count("<ul") == section.count("</ul>") == 3
    assert section.count("<li>") == section.count("</li>") == 4


def test_a_hostile_family_is_shown_as_text(tmp_path: Path) -> None:
    run = outcome(tmp_path / RUN_ID)
    chain = [agent("m0"), *(agent(f"m{n}", asked_by=f"m{n - 1}") for n in range(1, 300))]
    bad = agent(HOSTILE, asked_by=HOSTILE + "!", parents=(HOSTILE + "?",) * 9)
    bad = bad.model_copy(update={"sector": HOSTILE})
    text = render_report(run.model_copy(update={"agents": [*chain, bad]}))
    section = text.partition('id="family"')[2].partition("</section>")[0]
    assert not {tag for tag, _ in Page(section).elements} - {"p", "ul", "li", "span"}
    assert not set("\x1b\x9b\x00\u202e") & set(section)
