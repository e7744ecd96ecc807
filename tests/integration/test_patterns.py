"""Agents that work on their ideas with others: real host, real processes, a scripted model."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from creator.outcome import IdeaOutcome, RunOutcome
from tests.scripted_server import ScriptedServer


def texts(idea: IdeaOutcome) -> list[tuple[str, int, list[int]]]:
    """Author, hop and parents of each version, with the first one as number 1."""
    first = idea.versions[0].id
    return [(one.author, one.hop, [parent - first + 1 for parent in one.parents]) for one in idea.versions]


def prompts(server: ScriptedServer) -> list[str]:
    return ["\n".join(str(part["content"]) for part in one["messages"]) for one in server.requests]


def messages(outcome: RunOutcome, kind: str) -> list[tuple[str, int, str, str]]:
    """Conversation, hop, source and target of each request of a kind that was answered."""
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        query = (
            "SELECT conversation, hop, source, target FROM messages WHERE type = ? AND outcome = 'ok' "
            "AND conversation != '' ORDER BY conversation, hop"
        )
        return [tuple(row) for row in ledger.execute(query, [kind])]


async def spawned(run: Any, serve: Any, pattern: str, count: int = 5, **options: Any) -> tuple[RunOutcome, list[str]]:
    server = serve()
    outcome = await run(count, server=server, pattern=pattern, bounce=1.0, **options)
    assert outcome.exit_code == 0, outcome.reason
    assert len(outcome.ideas) == count
    for idea in outcome.ideas:
        assert idea.author not in idea.contributors
        ids = [one.id for one in idea.versions]
        assert all(parent in ids for one in idea.versions for parent in one.parents)
    ids = [one.id for idea in outcome.ideas for one in idea.versions]
    assert len(set(ids)) == len(ids), "each text of a run has an id of its own"
    return outcome, prompts(server)


@pytest.mark.parametrize("pattern", ["bounce", "relay"])
async def test_an_idea_goes_from_colleague_to_colleague(run: Any, serve: Any, pattern: str) -> None:
    outcome, _ = await spawned(run, serve, pattern)
    for idea in outcome.ideas:
        assert texts(idea) == [(idea.author, 0, []), *((name, n, [n]) for n, name in enumerate(idea.contributors, 1))]
        assert len(set(idea.contributors)) == 3, "to the limit of hops"
        assert idea.remarks == []


async def test_a_relay_travels_on_whatever_the_colleagues_own_way_is(run: Any, serve: Any) -> None:
    outcome, _ = await spawned(run, serve, "relay", template=["researcher_agent"])
    assert {len(idea.contributors) for idea in outcome.ideas} == {3}


async def test_a_critique_is_answered_by_the_author(run: Any, serve: Any) -> None:
    outcome, asked = await spawned(run, serve, "critique")
    for idea in outcome.ideas:
        assert texts(idea) == [(idea.author, 0, []), (idea.author, 1, [1])]
        assert idea.original != idea.final
        (remark,) = idea.remarks
        assert (remark.kind, remark.content) == ("critique", "Yes.") and remark.about == idea.versions[0].id
        assert idea.contributors == [remark.author]
    assert sum("Its weakest point, says a colleague: Yes." in prompt for prompt in asked) == 5


async def test_a_panel_is_merged_by_the_author(run: Any, serve: Any) -> None:
    outcome, asked = await spawned(run, serve, "panel")
    for idea in outcome.ideas:
        assert [one.author for one in idea.versions] == [idea.author, *idea.contributors, idea.author]
        assert len(set(idea.contributors)) == 3
        assert texts(idea)[1:] == [*((name, 1, [1]) for name in idea.contributors), (idea.author, 1, [1, 2, 3, 4])]
    assert sum("Make one idea of them" in prompt for prompt in asked) == 5
    assert {hop for _, hop, *_ in messages(outcome, "RefineRequest")} == {1}, "nobody passes it on"


async def test_a_panel_that_cannot_be_merged_leaves_the_draft(run: Any, serve: Any) -> None:
    def merging_fails(number: int, request: dict[str, Any]) -> str | None:
        return "nonsense" if "Make one idea of them" in str(request["messages"]) else None

    outcome = await run(4, server=serve(fault=merging_fails), pattern="panel", bounce=1.0)
    assert outcome.exit_code == 0, outcome.reason
    for idea in outcome.ideas:
        assert idea.final == idea.original and len(idea.contributors) == 3
        assert texts(idea)[-1] == (idea.author, 1, [1])


async def test_two_colleagues_argue_and_the_author_answers(run: Any, serve: Any) -> None:
    outcome, _ = await spawned(run, serve, "pro_contra")
    for idea in outcome.ideas:
        said = {one.kind: one.author for one in idea.remarks}
        assert said["pro"] != said["contra"] and idea.author not in said.values()
        assert {one.about for one in idea.remarks} == {idea.versions[0].id}
        assert {one.author for one in idea.versions} == {idea.author}


async def test_two_agents_make_do_with_each_other(run: Any, serve: Any) -> None:
    for pattern, kinds in (("panel", []), ("critique", ["critique"]), ("pro_contra", ["contra"])):
        outcome, _ = await spawned(run, serve, pattern, count=2, seed=len(pattern))
        for idea in outcome.ideas:
            assert [one.kind for one in idea.remarks] == kinds
            assert len(idea.contributors) == 1
            assert idea.final != idea.original and idea.versions[-1].author == idea.author


async def test_agents_that_may_pass_nothing_on_keep_their_drafts(run: Any, serve: Any) -> None:
    outcome, _ = await spawned(run, serve, "pro_contra", count=3, hop_limit=0)
    assert [(len(idea.versions), idea.remarks) for idea in outcome.ideas] == [(1, [])] * 3


async def test_each_template_has_its_own_way(run: Any, serve: Any, tmp_path: Path) -> None:
    templates = ["idea_agent", "critic_agent", "researcher_agent", "founder_agent"]
    outcome = await run(8, server=serve(), template=templates, bounce=1.0, max_agents=8)
    assert outcome.exit_code == 0, outcome.reason
    assert len(outcome.ideas) == 8


async def test_two_hundred_agents_that_always_bounce_end_with_every_idea(run: Any) -> None:
    outcome = await run(
        200, bounce=1.0, pattern="bounce", agents_per_cell=25, birth_deadline=60, reply_deadline=100, hop_limit=3
    )
    assert outcome.exit_code == 0, outcome.reason
    assert len({idea.author for idea in outcome.ideas}) == 200
    chains = defaultdict(list)
    for conversation, hop, source, target in messages(outcome, "RefineRequest"):
        chain = chains[conversation] or [source]
        assert (len(chain), chain[-1]) == (hop, source), "one after the other"
        chains[conversation] = [*chain, target]
    assert len(chains) == 200
    for chain in chains.values():
        assert len(set(chain)) == len(chain), "nobody twice"
        assert 2 <= len(chain) <= 4, "within the limit of hops"
    written = {idea.author: [one.author for one in idea.versions] for idea in outcome.ideas}
    assert written == {chain[0]: chain for chain in chains.values()}, "and all that was written is told"
