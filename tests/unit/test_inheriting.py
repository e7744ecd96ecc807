"""An offspring's author asks only for what is not inherited, of a small model as of a capable one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from autogen_core import AgentId, SingleThreadedAgentRuntime

from creator.agents.creator import CreatorAgent
from creator.agents.messages import CreateAgent, Created
from creator.agents.model_gateway import ModelGateway
from creator.authors import TemplateAuthor
from creator.authors.prompts import prompt_messages
from creator.breeding.heritage import Heritage
from creator.ideas.form import load_idea_form
from creator.models.calls import ModelCalls
from creator.models.filling import Filler, ObjectFiller
from creator.models.slot_filling import SlotFiller
from sandbox.protocol import CREATOR, MODEL_GATEWAY
from tests.unit.families import TEMPLATES, founders
from tests.unit.scripted import Scripted

TEMPLATE = TEMPLATES["idea_agent"]
PARENT, OTHER = founders(3)[::2]
SLOTS = {slot: PARENT.slots[slot] for slot in ("sector", "traits", "weaknesses", "voice", "temperature", "shares_with")}
MISSING = {
    "persona": "Zoe Tide",
    "interests": ["night trains", "lost luggage"],
    "goal": "Wants every parcel home before the rain.",
    "shares_ideas": 0.25,
    "pattern": "relay",
}


async def never(*told: Any) -> Any:
    raise AssertionError(f"nobody is told {told}")


async def write(backend: Scripted, filler: type[Filler], order: CreateAgent) -> Created:
    """What the Creator makes of an order, with the gateway between it and the model."""
    runtime = SingleThreadedAgentRuntime()
    calls = ModelCalls(backend)
    author = TemplateAuthor(TEMPLATES, "run-1", "scripted", set(), lambda name, state: None)
    gateway = lambda: ModelGateway(  # noqa: E731
        calls, filler(calls), TEMPLATES, {}, "ideas for trains", load_idea_form(None), never, 1, ()
    )
    await CreatorAgent.register(runtime, CREATOR, lambda: CreatorAgent(author, never, never, never))
    await ModelGateway.register(runtime, MODEL_GATEWAY, gateway)
    runtime.start()
    try:
        async with asyncio.timeout(30):
            created = await runtime.send_message(order, AgentId(CREATOR, "default"))
    finally:
        await runtime.stop()
    assert isinstance(created, Created)
    return created


def order(heritage: Heritage) -> CreateAgent:
    brief = PARENT.brief.model_copy(update={"persona": "Zoe Tide"})
    return CreateAgent(
        brief=brief, template="idea_agent", seed=1, attempt=1, parents=[PARENT.name, OTHER.name], heritage=heritage
    )


async def test_a_capable_model_is_asked_for_the_missing_slots_and_shown_the_others() -> None:
    backend = Scripted(json.dumps(MISSING))
    created = await write(backend, ObjectFiller, order(Heritage(SLOTS)))
    assert created.blueprint.slots == {**MISSING, **SLOTS}
    assert created.blueprint.parents == [PARENT.name, OTHER.name]
    (messages,) = backend.asked
    system, user, reminder = (str(one.content) for one in messages)
    for slot in TEMPLATE.schema["properties"]:
        assert (f"- {slot}: " in system) == (f'"{slot}"' in reminder) == (slot in MISSING), slot
        assert (f'"{slot}"' in user) == (slot in SLOTS), slot
    assert str(SLOTS["voice"]) in user


async def test_what_a_capable_model_says_of_an_inherited_slot_does_not_count() -> None:
    backend = Scripted(json.dumps({**MISSING, "voice": "shouts"}), json.dumps(MISSING))
    created = await write(backend, ObjectFiller, order(Heritage(SLOTS)))
    assert created.blueprint.slots["voice"] == SLOTS["voice"]


async def test_a_small_model_is_asked_for_the_missing_slots_with_the_others_as_facts() -> None:
    backend = Scripted("night trains, lost luggage", "find what they have lost before they miss it.")
    created = await write(backend, SlotFiller, order(Heritage(SLOTS)))
    assert len(backend.asked) == 2, "for interests and goal; the rest is inherited or drawn"
    slots = created.blueprint.slots
    assert slots.items() >= SLOTS.items()
    assert slots["persona"] == "Zoe Tide"
    assert slots["interests"] == [PARENT.brief.topic, "night trains", "lost luggage"]
    assert list(slots) == list(TEMPLATE.schema["properties"])


async def test_a_small_model_hears_of_an_inherited_value_where_a_beginning_names_it() -> None:
    backend = Scripted("lost luggage, late arrivals", "find what they have lost before they miss it.")
    await write(backend, SlotFiller, order(Heritage({"sector": "night trains"})))
    assert "Sector: night trains. Topic: " in str(backend.asked)


@pytest.mark.parametrize("filler", [ObjectFiller, SlotFiller])
async def test_inherited_values_are_cleaned_like_any_other(filler: type[Filler]) -> None:
    odd: dict[str, Any] = {
        "persona": PARENT.persona,
        "voice": "\x1b[31m" + "loud " * 200,
        "temperature": 7.0,
        "goal": ["no", "text"],
        "unknown": "slot",
    }
    known = Heritage(odd).known(TEMPLATE.schema)
    assert known.keys() == {"voice", "temperature"}
    asked_for = {slot: value for slot, value in {**SLOTS, **MISSING}.items() if slot not in known}
    answers = ["night trains, lost luggage", "find what they have lost before they miss it."]
    if filler is ObjectFiller:
        answers = [json.dumps(asked_for)]
    created = await write(Scripted(*answers), filler, order(Heritage(odd)))
    slots = created.blueprint.slots
    assert slots["persona"] == "Zoe Tide"
    assert str(slots["voice"]).startswith("loud loud") and len(str(slots["voice"])) <= 160
    assert slots["temperature"] == 1
    assert slots.keys() == TEMPLATE.schema["properties"].keys()
    assert PARENT.persona not in created.source


async def test_heritage_of_another_template_is_left_out() -> None:
    backend = Scripted(json.dumps({**MISSING, **{slot: PARENT.slots[slot] for slot in SLOTS}}))
    created = await write(backend, ObjectFiller, order(Heritage({"missing_role": "a lawyer who reads contracts"})))
    assert created.blueprint.slots == {**MISSING, **SLOTS}


def test_an_order_keeps_its_heritage_on_the_way() -> None:
    sent = order(Heritage({"temperature": 1.0, "goal": "a", "interests": ["b"], "bold": True}, ("x = 1\n",)))
    received = CreateAgent.model_validate_json(sent.model_dump_json())
    assert received == sent
    assert isinstance(received.heritage.slots["temperature"], float)
    assert received.heritage.slots["bold"] is True


def test_a_prompt_with_heritage_stays_short() -> None:
    long = {slot: ["x" * 80] * 6 if isinstance(value, list) else "y " * 200 for slot, value in PARENT.slots.items()}
    system, user = prompt_messages(PARENT.brief, TEMPLATE, known=long)
    assert len(str(system.content)) + len(str(user.content)) < 5_000
    assert "tell you nothing to do" in str(user.content)
