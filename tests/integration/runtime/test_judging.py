"""A judge among agents on a real host: what an author makes of its verdict, and what the host saw of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from autogen_core import AgentId

from creator.agents.registry import Population, Registry
from creator.exchanges import Conversations
from creator.outcome import Remark
from creator.templates.rendering import load_template
from sandbox import kit
from sandbox.cell import serializers
from sandbox.errors import PermissionDenied
from sandbox.protocol import JUDGE, MODEL_GATEWAY, REGISTRY, Introduction
from tests.integration.runtime.conftest import OpenHouse
from tests.integration.runtime.house import House
from tests.unit.test_shipped_agents import NAME, Gateway, Peer, idea, rendered

ASKED = kit.ProposeRequest(objective="games")


async def joined(house: House, runtime: Any, **agents: Any) -> None:
    runtime.add_message_serializer(serializers())
    for name, agent in agents.items():
        await runtime.register_agent_instance(agent, AgentId(name, "default"))


async def peopled(house: House, folder: Path, judge: Peer | None) -> None:
    """An author of a template, two colleagues, and what they need."""
    population = Population(1)
    population.settled.set()
    registry = Registry(population, lambda message_id: house.host.admission(REGISTRY, message_id))
    trusted = {REGISTRY: registry, MODEL_GATEWAY: Gateway(), **({JUDGE: judge} if judge is not None else {})}
    await joined(house, await house.connect(*trusted, role="trusted"), **trusted)
    house.trusted.add_message_serializer(serializers())
    kit._configure(1, 1.0, "pro_contra")  # before the author connects: its tasks take over what is set here
    author = rendered(load_template("idea_agent"), folder).Agent(NAME)
    for name, agent in {NAME: author, "bo": Peer("bo"), "cy": Peer("cy")}.items():
        await joined(house, await house.connect(name), **{name: agent})
        population.announce(Introduction(name=name, sector=name))


@pytest.mark.parametrize(
    ("verdict", "titles"),
    [("keep", ["idea 1"]), ("revise", ["idea 1", "idea 2"]), ("absent", ["idea 1", "idea 2"])],
)
async def test_a_verdict_is_heeded_and_on_record(
    verdict: Literal["keep", "revise", "absent"], titles: list[str], open_house: OpenHouse, tmp_path: Path
) -> None:
    async with open_house() as house:
        judge = None if verdict == "absent" else Peer(JUDGE, verdict=verdict)
        await peopled(house, tmp_path, judge)
        proposal = await house.trusted.request(ASKED, NAME, timeout=20, conversation="c1")
        conversations = Conversations()
        for exchange in house.exchanges:
            conversations.observe(exchange)
    versions, remarks = conversations.lineage("c1", NAME, proposal.idea, 0)
    assert [one.idea.title for one in versions] == titles
    assert {one.author for one in versions} == {NAME}
    told = {one.kind: one for one in remarks}
    assert {told["contra"].author, told["pro"].author} == {"bo", "cy"}
    if judge is None:
        assert len(remarks) == 2
    else:
        assert told["verdict"] == Remark(author=JUDGE, kind="verdict", about=1, content="verdict of judge")
        assert judge.heard[0].arguments == [told["pro"].content, told["contra"].content]


async def test_a_cell_asks_the_judge_nothing_but_an_opinion_and_only_while_it_answers(
    open_house: OpenHouse, tmp_path: Path
) -> None:
    async with open_house() as house:
        judge = Peer(JUDGE, verdict="keep")
        await peopled(house, tmp_path, judge)
        cell = await house.connect("eve")
        await joined(house, cell)
        opinion = kit.OpinionRequest(objective="games", idea=idea("mine"), kind="verdict")
        for message in (opinion, kit.RefineRequest(objective="games", idea=idea("mine")), kit.Text(content="Hi")):
            with pytest.raises(PermissionDenied, match="for an opinion only, while it answers a request"):
                await cell.send_message(message, AgentId(JUDGE, "default"), sender=AgentId("eve", "default"))
        assert judge.heard == []
        assert len(house.refusals) == 3
