"""Conversations with agents, which come back to life for as long as they are asked something."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from creator.asking import talking
from creator.errors import CreatorError, UsageError
from creator.ledger.view import RunView
from creator.talk import Talk, question_of
from creator.text import clean

MOST_ALIVE: Final = 2
"""Agents that are alive at the same time; each takes a sandbox, and the embedded model if it is the run's."""
MOST_TURNS: Final = 30
"""Questions of one conversation."""
MOST_QUESTIONS: Final = 500
"""Questions that a server passes on in its life: each costs tokens that no limit of the run counts."""
MOST_KEPT: Final = 50
"""Conversations that are remembered."""
BEGIN_SECONDS: Final = 300.0
"""How long an agent may take to come to life: an image may have to be built."""
ANSWER_SECONDS: Final = 300.0
IDLE_SECONDS: Final = 120.0
"""How long an agent lives on after its answer."""

Key = tuple[str, str, str]
"""Whose conversation it is, with which run's agent: visitors don't read each other's."""


@dataclass
class Turn:
    """A question and what came of it.

    Attributes:
        question: What was asked.
        answer: What the agent said; None while it has not.
        problem: Why it said nothing, in one line.
    """

    question: str
    answer: str | None = None
    problem: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the answer is still awaited."""
        return self.answer is None and not self.problem


@dataclass
class Conversation:
    """What was said with one agent.

    Attributes:
        turns: In order.
    """

    turns: list[Turn] = field(default_factory=list)
    _visit: _Visit | None = None

    @property
    def is_answering(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self.turns) and self.turns[-1].is_open

    @property
    def is_alive(self) -> bool:
        """Whether the agent can be asked on in the life that it has."""
        return self._visit is not None and self._visit.is_open


class _Visit:
    """One life of an agent for a conversation.

    Args:
        conversation: What it is for.
        view: The agent's run.
        name: The agent.
        before: Lives that have to be over first.

    Attributes:
        is_open: Whether it takes questions; it does from before its agent lives, until it begins to end.
    """

    def __init__(self, conversation: Conversation, view: RunView, name: str, before: Sequence[_Visit]) -> None:
        self.conversation = conversation
        self.is_open = True
        self._asked: asyncio.Queue[Turn] = asyncio.Queue()
        self.task = asyncio.create_task(self._live(view, name, before))

    def ask(self, turn: Turn) -> None:
        """Pass a question on."""
        self._asked.put_nowait(turn)

    def leave(self) -> None:
        """Let it end; one that is ending already is left to that."""
        if self.is_open:
            self.is_open = False
            self.task.cancel()

    async def _live(self, view: RunView, name: str, before: Sequence[_Visit]) -> None:
        turns = self.conversation.turns
        problem = ""
        try:
            for visit in before:
                visit.leave()
            await _ended(before)
            problem = f"{name} did not come to life within {BEGIN_SECONDS:g} seconds."
            async with asyncio.timeout(BEGIN_SECONDS) as limit:
                earlier = [text for one in turns if one.answer is not None for text in (one.question, one.answer)]
                async with talking(view, name, earlier=earlier) as talk:
                    problem = f"{name} did not answer within {ANSWER_SECONDS:g} seconds."
                    try:
                        await self._answer(talk, limit)
                    finally:
                        self.is_open = False
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            problem = "The conversation was ended."
        except CreatorError as error:
            problem = clean(str(error), 1_000)
        except Exception as error:  # one conversation must not take the server with it
            problem = clean(f"internal error: {type(error).__name__}: {error}", 500)
        finally:
            self.is_open = False
            for turn in turns:
                if turn.is_open:
                    turn.problem = problem or "The agent is gone."

    async def _answer(self, talk: Talk, limit: asyncio.Timeout) -> None:
        """Answer until nobody has asked for a while, which the limit tells."""
        now = asyncio.get_running_loop().time
        while True:
            turn = await self._asked.get()
            limit.reschedule(now() + ANSWER_SECONDS)
            try:
                turn.answer = await talk.ask(turn.question)
            except CreatorError as error:
                turn.problem = clean(str(error), 1_000)
            limit.reschedule(now() + IDLE_SECONDS)


class Conversations:
    """All conversations of this server. To be used within its event loop."""

    def __init__(self) -> None:
        self._known: dict[Key, Conversation] = {}
        self._visits: set[_Visit] = set()
        self._questions = 0

    def of(self, key: Key) -> Conversation:
        """A conversation; an empty one where nothing was asked yet."""
        return self._known.get(key) or Conversation()

    def ask(self, key: Key, view: RunView, name: str, question: str) -> None:
        """Ask an agent something; the answer comes into the conversation by and by.

        Args:
            key: Names the conversation.
            view: The agent's run.
            name: The agent, which lived.
            question: 1 to 4,000 characters.

        Raises:
            UsageError: The question has no such length, an answer is awaited already, or a bound is reached.
        """
        question = question_of(question)
        conversation = self._known.get(key) or Conversation()
        if conversation.is_answering:
            raise UsageError(f"{name} is still answering: wait for that, then ask on.")
        if len(conversation.turns) >= MOST_TURNS:
            raise UsageError(f"{MOST_TURNS} questions were asked in this conversation: end it to begin another.")
        if self._questions >= MOST_QUESTIONS:
            raise UsageError(f"{MOST_QUESTIONS} questions were asked since this server began: start it again.")
        before = [] if conversation.is_alive else self._in_the_way(conversation)
        self._questions += 1
        self._known.pop(key, None)  # the latest one is the last one to be forgotten
        self._known[key] = conversation
        self._forget()
        turn = Turn(question)
        conversation.turns.append(turn)
        if not conversation.is_alive:
            conversation._visit = visit = _Visit(conversation, view, name, before)
            self._visits.add(visit)
            visit.task.add_done_callback(lambda _: self._visits.discard(visit))
        assert conversation._visit is not None
        conversation._visit.ask(turn)

    def _in_the_way(self, conversation: Conversation) -> list[_Visit]:
        """Whose lives have to be over before another agent lives: those that are ending, and the oldest idle one."""
        ending = [visit for visit in self._visits if not visit.is_open]
        living = [visit for visit in self._visits if visit.is_open]
        if len(living) < MOST_ALIVE:
            return ending
        order = list(map(id, self._known.values()))
        idle = [visit for visit in living if not visit.conversation.is_answering]
        if not idle:
            raise UsageError(f"{MOST_ALIVE} agents are answering right now: wait for one of them.")
        return [*ending, min(idle, key=lambda visit: order.index(id(visit.conversation)))]

    def _forget(self) -> None:
        for key in [key for key, one in self._known.items() if not one.is_alive][: -MOST_KEPT or None]:
            del self._known[key]

    def end(self, key: Key) -> None:
        """Forget a conversation; its agent's life ends."""
        conversation = self._known.pop(key, None)
        if conversation is not None and conversation._visit is not None:
            conversation._visit.leave()

    async def close(self) -> None:
        """End all agents that live, and return once nothing of them is left."""
        for visit in self._visits:
            visit.leave()
        await _ended(self._visits)


async def _ended(visits: Iterable[_Visit]) -> None:
    if tasks := [visit.task for visit in visits]:
        await asyncio.wait(tasks)
