"""Which answer of the model an agent gets: the same in each run of a seed, whatever the timing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest
from autogen_core import AgentId, RoutedAgent, SingleThreadedAgentRuntime
from autogen_core.models import UserMessage

from creator.agents.model_gateway import ModelGateway
from creator.ideas.form import load_idea_form
from creator.models.backend import Completion, Usage
from creator.models.calls import ModelCalls
from creator.models.filling import Filler, ObjectFiller
from creator.models.memory import Memory
from creator.models.slot_filling import SlotFiller
from creator.runtime import Admission
from sandbox.protocol import MODEL_GATEWAY, Idea, ModelReply, ModelRequest
from tests.unit.scripted import Scripted

WEAK = {name: "the same words again and again" for name in load_idea_form(None).answer_schema["properties"]}
ASKED = [("ada", "c1", "breakfast"), ("ada", "c1", "lunch"), ("ada", "c2", "breakfast"), ("bo", "c1", "breakfast")]


def request(text: str, **more: Any) -> ModelRequest:
    return ModelRequest(messages=[UserMessage(content=text, source="user")], temperature=0.5, **more)


async def keys(
    asked: list[tuple[str, str, str]],
    *,
    filler: type[Filler] = ObjectFiller,
    seed: int = 1,
    answer: str = "yes",
    calls: ModelCalls | None = None,
    replies: list[ModelReply] | None = None,
    **more: Any,
) -> dict[tuple[str, str, str], list[str]]:
    """The keys of what the model was asked, by agent, conversation and text."""
    runtime = SingleThreadedAgentRuntime()
    recorded: list[str] = []
    book = calls or ModelCalls(Scripted(answer), lambda record, _: recorded.append(record.key))
    numbers = itertools.count()
    conversations: dict[str, str] = {}

    def gateway() -> ModelGateway:
        return ModelGateway(
            book,
            filler(book),
            {},
            {},
            "meals",
            load_idea_form(None),
            lambda message_id: Admission(conversation=conversations[message_id or ""]),
            seed,
            (),
        )

    await ModelGateway.register(runtime, MODEL_GATEWAY, gateway)
    for name in {agent for agent, _, _ in asked}:
        await RoutedAgent.register(runtime, name, lambda: RoutedAgent("asks"))
    runtime.start()
    found: dict[tuple[str, str, str], list[str]] = {}
    for agent, conversation, text in asked:
        message_id = f"m{next(numbers)}"
        conversations[message_id] = conversation
        reply = await runtime.send_message(
            request(text, **more),
            AgentId(MODEL_GATEWAY, "default"),
            sender=AgentId(agent, "default"),
            message_id=message_id,
        )
        assert isinstance(reply, ModelReply)
        if replies is not None:
            replies.append(reply)
        found.setdefault((agent, conversation, text), []).extend(recorded)
        recorded.clear()
    await runtime.stop()
    return found


@pytest.mark.parametrize("filler", [ObjectFiller, SlotFiller])
async def test_the_order_in_which_agents_ask_changes_no_question(filler: type[Filler]) -> None:
    first = await keys(ASKED, filler=filler)
    assert await keys(ASKED[::-1], filler=filler) == first
    assert len({key for each in first.values() for key in each}) == 4, "each of them is a question of its own"
    assert not {*itertools.chain(*first.values())} & {*itertools.chain(*(await keys(ASKED, seed=2)).values())}


async def test_the_same_question_again_in_a_conversation_wants_another_answer() -> None:
    found = await keys([ASKED[0], ASKED[1], ASKED[0]])
    assert await keys([ASKED[0], ASKED[0], ASKED[1]]) == found
    assert len(set(found[ASKED[0]])) == 2


async def test_a_second_try_at_a_weak_idea_is_the_same_second_try() -> None:
    asked: Mapping[str, Any] = {"json_schema": Idea.model_json_schema(), "answer": json.dumps(WEAK)}
    first = await keys(ASKED, **asked)
    assert await keys(ASKED[::-1], **asked) == first
    assert all(len(set(each)) == 2 for each in first.values())


async def test_an_agent_sees_the_tokens_of_a_known_answer_like_any_others() -> None:
    told = []
    answers: dict[str, Completion] = {}
    for _ in range(2):
        calls = ModelCalls(
            Scripted(json.dumps(dict.fromkeys(WEAK, "a few words"))),
            lambda record, answer: answers.setdefault(record.key, answer or Completion("", Usage(0, 0))),
            memory=Memory(dict(answers).get),
        )
        replies: list[ModelReply] = []
        await keys(ASKED, calls=calls, replies=replies, json_schema=Idea.model_json_schema())
        told.append([(reply.prompt_tokens, reply.completion_tokens) for reply in replies])
    assert told[0] == told[1] and min(told[0]) > (0, 0)
    assert calls.accounts["ada"].prompt_tokens == 0 < calls.accounts["ada"].recalled_prompt_tokens
