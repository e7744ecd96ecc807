"""The modules that shipped templates give, on AutoGen's own runtime, among colleagues that answer, fail and refuse."""

from __future__ import annotations

import ast
import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from autogen_core import AgentId, MessageContext, RoutedAgent, SingleThreadedAgentRuntime, message_handler

from creator.blueprint import blueprint_from_values
from creator.briefs import draw_briefs
from creator.templates.examples import example_module, example_values
from creator.templates.rendering import TEMPLATES, Template, load_template
from sandbox import kit
from sandbox.errors import ConversationEnded, HandlerFailed, PermissionDenied
from sandbox.loader import load_module
from sandbox.protocol import (
    CREATOR,
    MODEL_GATEWAY,
    REGISTRY,
    Colleague,
    ColleagueOrder,
    ColleagueRequest,
    ModelReply,
    ModelRequest,
    Pattern,
)

SHIPPED = sorted(path.name.removesuffix(".py.j2") for path in TEMPLATES.glob("*.py.j2"))
BRIEF = draw_briefs(1, seed=3)[0]
NAME = "ada"


def idea(title: str) -> kit.Idea:
    return kit.Idea(title=title, problem="p", customer="c", solution="s", revenue_model="r", first_step="f")


REQUEST = kit.RefineRequest(objective="games", idea=idea("theirs"))
OPINION = kit.OpinionRequest(objective="games", idea=idea("theirs"), kind="contra")


class Gateway(RoutedAgent):
    """A model that calls its ideas "idea 1", "idea 2" and so on; ``fails`` decides by the prompt."""

    def __init__(self) -> None:
        super().__init__("")
        self.prompts: list[str] = []
        self.requests: list[ModelRequest] = []
        self.ideas = 0
        self.fails: Callable[[str], bool] = lambda prompt: False

    @message_handler
    async def complete(self, message: ModelRequest, ctx: MessageContext) -> ModelReply:
        prompt = str(message.messages[-1].content)
        self.prompts.append(prompt)
        self.requests.append(message)
        if self.fails(prompt):
            raise HandlerFailed("the model is tired")
        if message.json_schema is None:
            return ModelReply(content="Nobody pays for it.", prompt_tokens=1, completion_tokens=1)
        self.ideas += 1
        return ModelReply(content=idea(f"idea {self.ideas}").model_dump_json(), prompt_tokens=1, completion_tokens=1)


class Names(RoutedAgent):
    """A registry that gives these names in turn, and then none."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__("")
        self._names = iter(names)
        self.asked: list[ColleagueRequest] = []

    @message_handler
    async def find(self, message: ColleagueRequest, ctx: MessageContext) -> Colleague:
        self.asked.append(message)
        return Colleague(name=next(self._names, None))


class Maker(RoutedAgent):
    """A Creator that answers every order the same way."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        super().__init__("")
        self._answer = answer
        self.orders: list[ColleagueOrder] = []

    @message_handler
    async def create(self, message: ColleagueOrder, ctx: MessageContext) -> Colleague:
        self.orders.append(message)
        answer = self._answer()
        return await answer if asyncio.iscoroutine(answer) else Colleague(name=answer)


class Peer(RoutedAgent):
    """A colleague that refines and has opinions, or raises; with a barrier it waits until others are asked as well."""

    def __init__(
        self,
        name: str,
        error: Exception | None = None,
        together: asyncio.Barrier | None = None,
        verdict: Literal["keep", "revise"] | None = None,
    ) -> None:
        super().__init__("")
        self.name = name
        self._error = error
        self._together = together
        self._verdict = verdict
        self.asked: list[kit.RefineRequest] = []
        self.heard: list[kit.OpinionRequest] = []

    @message_handler
    async def refine(self, message: kit.RefineRequest, ctx: MessageContext) -> kit.Refinement:
        self.asked.append(message)
        await self._work()
        return kit.Refinement(idea=idea(f"version of {self.name}"))

    @message_handler
    async def opinion(self, message: kit.OpinionRequest, ctx: MessageContext) -> kit.Opinion:
        self.heard.append(message)
        await self._work()
        return kit.Opinion(content=f"{message.kind} of {self.name}", verdict=self._verdict)

    async def _work(self) -> None:
        if self._together is not None:
            await self._together.wait()
        if self._error is not None:
            raise self._error


class House:
    """An agent with a model, a registry, a Creator and colleagues of its own.

    Args:
        template: The agent's template.
        folder: Where its module is written.
        slots: Slots that differ from the example's.
        names: Whom the registry names in turn.
        peers: The colleagues, by name.
        creator: What the Creator answers.
        folder_of_template: Where the template lies.
    """

    def __init__(
        self,
        template: str,
        folder: Path,
        slots: dict[str, Any] | None = None,
        names: Iterable[str] = (),
        peers: Iterable[str | Peer] = (),
        creator: Callable[[], Any] = lambda: None,
        folder_of_template: Path = TEMPLATES,
    ) -> None:
        self.module = rendered(load_template(template, folder_of_template), folder, **slots or {})
        self.gateway = Gateway()
        self.registry = Names(names)
        self.creator = Maker(creator)
        made = [Peer(one) if isinstance(one, str) else one for one in peers]
        self.peers = {peer.name: peer for peer in made}

    @asynccontextmanager
    async def open(
        self, bounce: float | None = None, pattern: Pattern | None = None
    ) -> AsyncIterator[SingleThreadedAgentRuntime]:
        kit._configure(1, bounce, pattern)
        runtime = SingleThreadedAgentRuntime()
        agents = {REGISTRY: self.registry, MODEL_GATEWAY: self.gateway, CREATOR: self.creator, **self.peers}
        for name, agent in agents.items():
            await runtime.register_agent_instance(agent, AgentId(name, "default"))
        await self.module.Agent.register(runtime, NAME, lambda: self.module.Agent(NAME))
        runtime.start()
        try:
            yield runtime
        finally:
            await runtime.stop()

    async def ask(self, message: Any, bounce: float | None = None, pattern: Pattern | None = None) -> Any:
        async with self.open(bounce, pattern) as runtime:
            return await runtime.send_message(message, AgentId(NAME, "default"))


def rendered(template: Template, folder: Path, **slots: Any) -> ModuleType:
    """The module of an example agent, loaded as a cell loads it."""
    values = {**example_values(template, BRIEF), **slots}
    assert slots.keys() <= template.schema["properties"].keys()
    blueprint = blueprint_from_values(values, template, brief=BRIEF, run_id="r", model="m", taken=set(), name=NAME)
    source = template.render(blueprint).encode()
    (folder / f"{NAME}.py").write_bytes(source)
    return load_module(folder, NAME, hashlib.sha256(source).hexdigest())


@pytest.mark.parametrize("template", SHIPPED)
async def test_each_introduces_itself_proposes_refines_and_answers(template: str, tmp_path: Path) -> None:
    house = House(template, tmp_path)
    async with house.open(bounce=0.0) as runtime:
        here = AgentId(NAME, "default")
        hello = await runtime.send_message(kit.Hello(), here)
        proposal = await runtime.send_message(kit.ProposeRequest(objective="games"), here)
        refinement = await runtime.send_message(REQUEST, here)
        opinion = await runtime.send_message(OPINION, here)
        text = await runtime.send_message(kit.Text(content="Who are you?"), here)
    assert (hello.name, hello.sector, bool(hello.skills)) == (NAME, BRIEF.sector, True)
    assert isinstance(proposal, kit.Proposal) and proposal.idea.title == "idea 1"
    assert isinstance(refinement, kit.Refinement) and refinement.idea.title == "idea 2"
    assert opinion == kit.Opinion(content="Nobody pays for it.")
    assert text == kit.Text(content="Nobody pays for it.")
    assert all("games" in prompt for prompt in house.gateway.prompts[:2])
    assert house.gateway.prompts[-1] == "Who are you?"
    assert house.registry.asked == [], "nobody is asked when nobody shares"


@pytest.mark.parametrize("template", SHIPPED)
@pytest.mark.parametrize(
    "error", [ConversationEnded("hop limit"), HandlerFailed("it broke"), kit.MessagingError("late")]
)
async def test_colleagues_that_fail_cost_no_idea(template: str, error: Exception, tmp_path: Path) -> None:
    peers = [Peer(name, error) for name in ("bo", "cy", "di")]
    house = House(template, tmp_path, names=["bo", "cy", "di"] * 4, peers=peers)
    proposal = await house.ask(kit.ProposeRequest(objective="games"), bounce=1.0)
    assert proposal.idea.title == "idea 1", "its own draft stands"
    assert any(peer.asked or peer.heard for peer in peers)


@pytest.mark.parametrize("template", SHIPPED)
async def test_a_model_that_fails_is_an_error_for_whoever_asked(template: str, tmp_path: Path) -> None:
    house = House(template, tmp_path)
    house.gateway.fails = lambda prompt: True
    with pytest.raises(kit.MessagingError, match="tired"):
        await house.ask(kit.ProposeRequest(objective="games"), bounce=0.0)


@pytest.mark.parametrize("template", SHIPPED)
@pytest.mark.parametrize("pattern", ["bounce", "relay", "panel"])
async def test_the_draft_stands_where_nothing_is_made_of_the_answers(
    template: str, pattern: Pattern, tmp_path: Path
) -> None:
    house = House(template, tmp_path, names=["bo"], peers=["bo"])
    house.gateway.fails = lambda prompt: "Make one idea of them" in prompt
    proposal = await house.ask(kit.ProposeRequest(objective="games"), bounce=1.0, pattern=pattern)
    assert proposal.idea.title == "idea 1"
    assert [(one.idea.title, one.pattern) for one in house.peers["bo"].asked] == [("idea 1", pattern)]


@pytest.mark.parametrize("template", SHIPPED)
async def test_each_works_in_the_pattern_of_its_slot(template: str, tmp_path: Path) -> None:
    house = House(template, tmp_path, {"pattern": "critique"}, ["bo"], ["bo"])
    proposal = await house.ask(kit.ProposeRequest(objective="games"), bounce=1.0)
    assert [one.kind for one in house.peers["bo"].heard] == ["critique"]
    assert proposal.idea.title == "idea 2"
    assert "critique of bo" in house.gateway.prompts[-1]


@pytest.mark.parametrize("template", SHIPPED)
@pytest.mark.parametrize(
    ("pattern", "bounce", "sent_on"), [("relay", 0.0, 1), ("panel", 1.0, 0), ("bounce", 1.0, 1), ("bounce", 0.0, 0)]
)
async def test_an_idea_travels_on_as_its_author_wants(
    template: str, pattern: Pattern, bounce: float, sent_on: int, tmp_path: Path
) -> None:
    house = House(template, tmp_path, names=["bo"], peers=["bo"])
    refinement = await house.ask(REQUEST.model_copy(update={"pattern": pattern}), bounce=bounce)
    assert refinement.idea.title == "idea 1"
    assert [(one.idea.title, one.pattern) for one in house.peers["bo"].asked] == [("idea 1", pattern)] * sent_on


async def test_a_critic_mends_the_weakest_point_that_it_found(tmp_path: Path) -> None:
    house = House("critic_agent", tmp_path)
    refinement = await house.ask(REQUEST, bounce=0.0)
    critique, task = house.gateway.prompts
    assert "weakest point in one or two sentences" in critique and "Title: theirs" in critique
    assert "Title: theirs" in task and task.endswith("Nobody pays for it.")
    assert refinement.idea.title == "idea 1"


async def test_a_researcher_asks_different_colleagues_at_once_and_merges(tmp_path: Path) -> None:
    together = asyncio.Barrier(3)  # nobody answers before all three are asked
    peers = [Peer(name, together=together) for name in ("bo", "cy", "di")]
    slots = {"pattern": "panel", "shares_with": "skill"}
    house = House("researcher_agent", tmp_path, slots, ["bo", "bo", "cy", "bo", "di", "ed"], peers)
    proposal = await house.ask(kit.ProposeRequest(objective="games"), bounce=1.0)
    assert [len(peer.asked) for peer in peers] == [1, 1, 1]
    assert [(one.how, one.skill) for one in house.registry.asked] == [
        *[("skill", "idea 1")] * 2,
        *[("random", None)] * 3,
    ], "three are enough, and when the best is asked already others are"
    draft, merge = house.gateway.prompts
    assert "Propose one idea" in draft
    assert "Title: idea 1" in merge and all(f"Title: version of {name}" in merge for name in ("bo", "cy", "di"))
    assert proposal.idea.title == "idea 2"


async def test_a_researcher_merges_the_answers_that_came(tmp_path: Path) -> None:
    peers = [Peer("bo", HandlerFailed("it broke")), Peer("cy")]
    house = House("researcher_agent", tmp_path, {"pattern": "panel"}, ["bo", "cy"], peers)
    proposal = await house.ask(kit.ProposeRequest(objective="games"), bounce=1.0)
    assert "Version 1\nTitle: version of cy" in house.gateway.prompts[-1]
    assert proposal.idea.title == "idea 2"


async def test_a_researcher_does_not_search_for_ever(tmp_path: Path) -> None:
    house = House("researcher_agent", tmp_path, {"pattern": "panel"}, ["bo"] * 1_000, ["bo"])
    await house.ask(kit.ProposeRequest(objective="games"), bounce=1.0)
    assert len(house.registry.asked) == 9
    assert len(house.peers["bo"].asked) == 1


async def test_a_researcher_asks_nobody_about_the_idea_of_another(tmp_path: Path) -> None:
    house = House("researcher_agent", tmp_path, names=["bo"], peers=["bo"])
    await house.ask(REQUEST)
    assert house.registry.asked == []


HIRES: dict[str, Any] = {
    "hires": 1.0,
    "missing_role": "a tester who breaks things",
    "pattern": "bounce",
    "shares_ideas": 0.0,
}


async def test_a_founder_shows_its_idea_to_the_newcomer(tmp_path: Path) -> None:
    house = House("founder_agent", tmp_path, HIRES, ["cy"], ["bo", "cy"], creator=lambda: "bo")
    proposal = await house.ask(kit.ProposeRequest(objective="games"))
    (order,) = house.creator.orders
    assert order == ColleagueOrder(sector=BRIEF.sector, role="a tester who breaks things", topic=BRIEF.topic)
    assert [request.idea for request in house.peers["bo"].asked] == [proposal.idea]
    assert house.peers["cy"].asked == []


def refuse() -> str:
    raise PermissionDenied("there are enough agents")


@pytest.mark.parametrize("answer", [lambda: None, refuse])
async def test_a_founder_that_is_refused_goes_on_with_those_who_are_there(
    answer: Callable[[], Any], tmp_path: Path
) -> None:
    house = House("founder_agent", tmp_path, HIRES, ["cy"], ["cy"], creator=answer)
    proposal = await house.ask(kit.ProposeRequest(objective="games"), bounce=1.0)
    assert len(house.creator.orders) == 1
    assert [request.idea for request in house.peers["cy"].asked] == [proposal.idea]


async def test_a_founder_does_not_wait_for_a_colleague_for_ever(tmp_path: Path) -> None:
    house = House("founder_agent", tmp_path, HIRES, creator=lambda: asyncio.Event().wait())
    house.module.HIRING_SECONDS = 0.01  # type: ignore[attr-defined]
    proposal = await house.ask(kit.ProposeRequest(objective="games"), bounce=0.0)
    assert proposal.idea.title == "idea 1"


@pytest.mark.parametrize("bounce", [0.0, 1.0, None])
@pytest.mark.parametrize(("hires", "orders"), [(0.0, 0), (1.0, 1)])
async def test_how_often_a_founder_hires_is_its_own_choice(
    hires: float, orders: int, bounce: float | None, tmp_path: Path
) -> None:
    house = House("founder_agent", tmp_path, {"hires": hires})
    await house.ask(kit.ProposeRequest(objective="games"), bounce=bounce)
    assert len(house.creator.orders) == orders


@pytest.mark.parametrize("name", SHIPPED)
def test_an_agent_knows_its_customer_and_technology_if_its_brief_does(name: str) -> None:
    template = load_template(name)
    line = f"You think of {BRIEF.customer} first and like to use {BRIEF.technology}."
    assert line in example_module(template, BRIEF)
    for unsaid in ({"customer": ""}, {"technology": ""}, {"customer": "", "technology": ""}):
        module = example_module(template, BRIEF.model_copy(update=unsaid))
        assert "You think of" not in module
        message = ast.literal_eval(module.partition("SYSTEM_MESSAGE: Final = ")[2].partition("\nTEMPERATURE")[0])
        assert all(message.split("\n")), "what is not said leaves no empty line"
