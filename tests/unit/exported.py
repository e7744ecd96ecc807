"""Modules as people and models write them, which look different from the template's."""

from __future__ import annotations

COURSE = '''
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_core import MessageContext, RoutedAgent, message_handler
from sandbox import kit


class Agent(RoutedAgent):
    system_message = """
    You are a creative entrepreneur. You like "agents" & l'été 🚀.
    """

    CHANCES_THAT_I_BOUNCE_IDEA_OFF_ANOTHER = 0.5

    def __init__(self, name: str) -> None:
        super().__init__("A creative entrepreneur")
        client = kit.model_client(self, temperature=0.7)
        self._delegate = AssistantAgent(name, model_client=client, system_message=self.system_message)

    @message_handler
    async def handle_message(self, message: kit.Text, ctx: MessageContext) -> kit.Text:
        text = TextMessage(content=message.content, source="user")
        response = await self._delegate.on_messages([text], ctx.cancellation_token)
        answer = response.chat_message.to_text()
        if kit.chance(1.0):
            try:
                recipient = await kit.find_recipient(self)
            except kit.MessagingError:
                return kit.Text(content=f"Alone: {answer}")
            await self.send_message(kit.Text(content=answer), recipient)
        return kit.Text(content=answer)
'''
"""Free text between agents; the character stands in the class."""

OWN_WAY = '''
"""A shopkeeper, written by a model.""" ; from __future__ import annotations
import json; from sandbox import kit as own_kit
from random import Random
from typing import Final

from autogen_agentchat.agents import AssistantAgent as Delegate
from autogen_core import MessageContext, RoutedAgent, message_handler
from pydantic import BaseModel
from sandbox.kit import (
    Idea as BusinessIdea,  # the parts of an idea
    ProposeRequest,
    Proposal,
    find_colleague,
)

PERSONA: Final = "Olga, a shopkeeper"
MODEL = "not a language model but a way of thinking"
outside_kit = 1


class Message(BaseModel):
    """Not the kit's."""

    text: str


def main() -> Message:
    return Message(text=MODEL)


def visible(text: str) -> str:
    raise RuntimeError("not the script's")


class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__(PERSONA)
        self._who = name
        self._draws = Random(1)
        self._client = own_kit.model_client(self, temperature=0.3)

    @message_handler
    async def greet(self, message: own_kit.Hello, ctx: MessageContext) -> own_kit.Introduction:
        return own_kit.Introduction(name=self._who, sector=json.loads('"shops"'))

    @message_handler
    async def think(self, message: ProposeRequest, ctx: MessageContext) -> Proposal:
        delegate = Delegate(self._who, self._client, system_message=f"You are {PERSONA}. " + "Be brief.")
        plain = (await delegate.run(task=own_kit.proposal_task(message))).messages[-1].to_text()
        idea: BusinessIdea = await own_kit.structure(self, f"{main().text}: {plain}", ctx)
        if await find_colleague(self) is None and await own_kit.create_colleague(self, sector="a", role="b") is None:
            return Proposal(idea=idea)
        raise RuntimeError("somebody is here")
'''
"""Own names, some of them the script's; imports in every form; two calls of the model."""
