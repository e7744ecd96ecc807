"""How an agent works on its idea with others: what it asks whom, and what it proposes in the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from autogen_core import AgentId, RoutedAgent

from sandbox import kit
from sandbox.errors import HandlerFailed, RecipientNotFound
from sandbox.patterns import MAX_ADVICE
from sandbox.protocol import JUDGE, Pattern
from tests.unit.test_shipped_agents import NAME, House, Peer

ASKED = kit.ProposeRequest(objective="games", guidance="Be brief.")
IDEA = kit.Idea(title="theirs", problem="p")
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)


def house(folder: Path, *peers: Peer, names: tuple[str, ...] = ("bo", "cy", "di"), **slots: Any) -> House:
    return House("idea_agent", folder, slots, names, peers)


async def proposed(where: House, pattern: Pattern, bounce: float = 1.0) -> str:
    proposal = await where.ask(ASKED, bounce=bounce, pattern=pattern)
    assert isinstance(proposal, kit.Proposal)
    return proposal.idea.title


class Deaf(RoutedAgent):
    """Has no handler at all."""

    def __init__(self, name: str) -> None:
        super().__init__("")
        self.name = name


@pytest.mark.parametrize("pattern", ["bounce", "relay"])
async def test_one_colleague_refines_and_the_authors_text_is_proposed(pattern: Pattern, tmp_path: Path) -> None:
    bo, cy = Peer("bo"), Peer("cy")
    assert await proposed(house(tmp_path, bo, cy), pattern) == "idea 1"
    assert [(one.pattern, one.idea.title) for one in bo.asked] == [(pattern, "idea 1")]
    assert cy.asked == []


async def test_an_author_answers_a_critique_with_a_better_version(tmp_path: Path) -> None:
    bo = Peer("bo")
    here = house(tmp_path, bo)
    assert await proposed(here, "critique") == "idea 2"
    assert [(one.kind, one.idea.title) for one in bo.heard] == [("critique", "idea 1")]
    task = here.gateway.prompts[-1]
    assert task.startswith("games\n\nThis is your idea.\n\nTitle: idea 1\n")
    assert "Its weakest point, says a colleague: critique of bo" in task and task.endswith(" Be brief.")


async def test_three_colleagues_of_a_panel_refine_side_by_side(tmp_path: Path) -> None:
    together = asyncio.Barrier(3)  # nobody answers before all three are asked
    peers = [Peer(name, together=together) for name in ("bo", "cy", "di")]
    here = house(tmp_path, *peers)
    assert await proposed(here, "panel") == "idea 2"
    assert {one.pattern for peer in peers for one in peer.asked} == {"panel"}
    assert all(f"Title: version of {peer.name}" in here.gateway.prompts[-1] for peer in peers)


@pytest.mark.parametrize(("verdict", "title"), [("keep", "idea 1"), ("revise", "idea 2"), (None, "idea 2")])
async def test_the_judge_decides_whether_the_author_answers(
    verdict: Literal["keep", "revise"] | None, title: str, tmp_path: Path
) -> None:
    together = asyncio.Barrier(2)
    bo, cy, judge = Peer("bo", together=together), Peer("cy", together=together), Peer(JUDGE, verdict=verdict)
    here = house(tmp_path, bo, cy, judge)
    assert await proposed(here, "pro_contra") == title
    assert [[one.kind for one in peer.heard] for peer in (bo, cy, judge)] == [["contra"], ["pro"], ["verdict"]]
    assert judge.heard[0].arguments == ["pro of cy", "contra of bo"]
    if title == "idea 2":
        task = here.gateway.prompts[-1]
        assert all(text in task for text in ("Against it: contra of bo", "For it: pro of cy", "The judge: verdict of"))


@pytest.mark.parametrize("error", [RecipientNotFound("no agent is named 'judge'"), HandlerFailed("it broke")])
async def test_without_a_verdict_the_author_answers_what_speaks_against_it(error: Exception, tmp_path: Path) -> None:
    here = house(tmp_path, Peer("bo"), Peer("cy"), Peer(JUDGE, error))
    assert await proposed(here, "pro_contra") == "idea 2"
    assert "Against it: contra of bo" in here.gateway.prompts[-1] and "The judge" not in here.gateway.prompts[-1]


async def test_a_single_colleague_speaks_against_and_nobody_judges_one_side(tmp_path: Path) -> None:
    bo, judge = Peer("bo"), Peer(JUDGE, verdict="keep")
    assert await proposed(house(tmp_path, bo, judge, names=("bo",)), "pro_contra") == "idea 2"
    assert [one.kind for one in bo.heard] == ["contra"] and judge.heard == []


async def test_where_nothing_is_said_against_it_the_draft_stands(tmp_path: Path) -> None:
    bo, cy, judge = Peer("bo", HandlerFailed("it broke")), Peer("cy"), Peer(JUDGE, verdict="revise")
    assert await proposed(house(tmp_path, bo, cy, judge), "pro_contra") == "idea 1"
    assert len(cy.heard) == 1 and judge.heard == []


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_without_colleagues_the_draft_stands(pattern: Pattern, tmp_path: Path) -> None:
    here = house(tmp_path, names=())
    assert await proposed(here, pattern) == "idea 1"
    assert len(here.gateway.prompts) == 1


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_colleague_without_a_handler_costs_nothing(pattern: Pattern, tmp_path: Path) -> None:
    here = house(tmp_path, Deaf("bo"), Deaf("cy"), Deaf("di"))  # type: ignore[arg-type]
    assert await proposed(here, pattern) == "idea 1"


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_an_author_that_finds_no_better_version_keeps_its_draft(pattern: Pattern, tmp_path: Path) -> None:
    here = house(tmp_path, Peer("bo"), Peer("cy"), Peer("di"), Peer(JUDGE))
    here.gateway.fails = lambda prompt: "This is your idea" in prompt
    assert await proposed(here, pattern) == "idea 1"


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_how_often_is_decided_apart_from_how(pattern: Pattern, tmp_path: Path) -> None:
    here = house(tmp_path, Peer("bo"), shares_ideas=1.0, pattern=pattern)
    assert await proposed(here, pattern, bounce=0.0) == "idea 1"
    assert here.registry.asked == []


async def test_the_runs_pattern_goes_before_the_agents_own(tmp_path: Path) -> None:
    bo = Peer("bo")
    assert await proposed(house(tmp_path, bo, pattern="critique"), "bounce") == "idea 1"
    assert len(bo.asked) == 1 and bo.heard == []
    cy = Peer("cy")
    own = house(tmp_path, cy, names=("cy",), pattern="critique")
    await own.ask(ASKED, bounce=1.0)
    assert len(cy.heard) == 1 and cy.asked == []


@pytest.mark.parametrize("pattern", ["critique", "panel", "pro_contra"])
async def test_only_a_request_for_a_better_version_carries_the_draft_and_what_was_said(
    pattern: Pattern, tmp_path: Path
) -> None:
    here = house(tmp_path, Peer("bo"), Peer("cy"), Peer("di"), Peer(JUDGE))
    async with here.open(1.0, pattern) as runtime:
        me = AgentId(NAME, "default")
        await asyncio.gather(
            runtime.send_message(ASKED, me),
            runtime.send_message(kit.Text(content="Who are you?"), me),
            runtime.send_message(kit.RefineRequest(objective="games", idea=IDEA, pattern="panel"), me),
        )
        await runtime.send_message(kit.Text(content="And now?"), me)
    revised = [one for one in here.gateway.requests if one.revises is not None]
    assert len(revised) == 1 and len(here.gateway.requests) == 5
    assert revised[0].revises == next(one for peer in here.peers.values() for one in [*peer.asked, *peer.heard]).idea
    assert {
        "critique": "critique of bo",
        "panel": "",  # what they say differs in the title alone
        "pro_contra": "contra of bo\npro of cy\nverdict of judge",
    }[pattern] == revised[0].advice
    assert all(not one.advice for one in here.gateway.requests if one is not revised[0])


async def test_what_a_small_model_is_told_is_bounded_and_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * 4_000

    async def refine(*args: Any) -> kit.Refinement:
        return kit.Refinement(idea=kit.Idea(title="t", problem="p", solution=long, why_now="Now."))

    monkeypatch.setattr("sandbox.patterns.share", refine)
    here = house(tmp_path, Peer("bo"))
    assert await proposed(here, "panel") == "idea 2"
    advice = here.gateway.requests[-1].advice
    assert advice.startswith("Solution: xxx") and len(advice) == MAX_ADVICE, "the problem is as it was"
