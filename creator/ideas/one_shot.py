"""The baseline: ideas of the same model without any agent, one stateless call each."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Callable
from typing import Final

from autogen_core.models import LLMMessage, SystemMessage, UserMessage

from creator.errors import ModelError
from creator.ideas.form import IdeaForm
from creator.models.accounts import Account
from creator.models.calls import ModelCalls
from creator.models.filling import Filler, FillRequest
from creator.outcome import IdeaOutcome, IdeaVersion
from creator.text import clean
from sandbox.protocol import BASELINE, Idea

AUTHOR: Final = "one-shot"
"""Stands where the name of an agent stands otherwise; no agent can have it."""
AT_ONCE: Final = 16
TEMPERATURE: Final = 1.0
MAX_TOKENS: Final = 800
"""Of one answer: as many as an agent's."""
REASON_CHARACTERS: Final = 300

_SYSTEM: Final = (
    "You are an expert at finding ideas that are new, useful and worth trying. Take one that few others would think "
    "of, and be specific. Answer with one JSON object and nothing else, with exactly these keys:\n"
)


class OneShots:
    """Asks the model for ideas, each with the same short prompt: no agent, no persona, no brief.

    Args:
        filler: How the model is brought to give structured answers; it tries an answer that does not fit again.
        calls: The model, for what was spent.
        form: What an idea consists of.
        objective: What the ideas are about.
        seed: For what is drawn by chance.
        at_once: How many are asked for side by side, so that a population beside it gets its turn.
    """

    def __init__(
        self,
        filler: Filler,
        calls: ModelCalls,
        form: IdeaForm,
        objective: str,
        *,
        seed: int,
        at_once: int = AT_ONCE,
    ) -> None:
        self.failures: list[str] = []
        """Why an idea is missing, in one line each."""
        self._filler = filler
        self._calls = calls
        self._form = form
        self._objective = objective
        self._seed = seed
        self._at_once = at_once
        self._asked = 0

    @property
    def tokens(self) -> int:
        """Tokens read and written so far."""
        return sum(self._calls.accounts.get(BASELINE, Account()).tokens)

    async def first(self, count: int) -> AsyncGenerator[tuple[int, Idea], None]:
        """So many ideas as they come, each with its place among those asked for.

        Those that the model did not manage are left out.
        Who leaves the loop early closes the generator (`contextlib.aclosing`), which ends what is under way.
        """
        async for one in self._several(count, lambda under_way: True):
            yield one

    async def more(self, until_tokens: int, at_most: int) -> AsyncGenerator[tuple[int, Idea], None]:
        """Further ideas as they come, until as many tokens are spent as somebody else spent.

        Args:
            until_tokens: Tokens read and written, those of the first ideas included. As far as the ideas so far tell
                what one costs, they are passed by less than the cost of one.
            at_most: How many ideas are asked for, whatever was spent.
        """

        def wanted(under_way: int) -> bool:
            begun = self._asked - under_way
            expected = under_way * self.tokens / begun if begun else 0
            return self.tokens + expected < until_tokens

        async for one in self._several(at_most, wanted):
            yield one

    async def _several(self, at_most: int, wanted: Callable[[int], bool]) -> AsyncGenerator[tuple[int, Idea], None]:
        left, running = at_most, dict[asyncio.Task[Idea | None], int]()
        try:
            while True:
                while left > 0 and len(running) < self._at_once and wanted(len(running)):
                    left -= 1
                    self._asked += 1
                    running[asyncio.create_task(self._one(self._asked))] = self._asked
                if not running:
                    return
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    place, idea = running.pop(task), task.result()
                    if idea is not None:
                        yield place, idea
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _one(self, number: int) -> Idea | None:
        request = FillRequest(
            messages=self._messages(),
            json_schema=self._form.answer_schema,
            hints=self._form.hints,
            facts={"objective": self._objective},
            temperature=TEMPERATURE,
            max_tokens=MAX_TOKENS,
            seed=random.Random(f"{self._seed}/{AUTHOR}/{number}").getrandbits(32),
        )
        try:
            content = await self._filler.fill(BASELINE, request)
        except ModelError as error:
            self.failures.append(clean(f"one-shot idea {number}: {error}", REASON_CHARACTERS))
            return None
        return self._form.idea_from(json.loads(content))

    def _messages(self) -> list[LLMMessage]:
        parts = self._form.parts.items()
        keys = "\n".join(f"- {name}: {one.get('description', 'a text')}" for name, one in parts)
        ask = f"{self._objective}\n\nPropose one idea.{f' {self._form.guidance}' if self._form.guidance else ''}"
        return [SystemMessage(content=_SYSTEM + keys), UserMessage(content=ask, source="user")]


def one_shot_outcome(idea: Idea, number: int, text: int, model: str) -> IdeaOutcome:
    """A one-shot idea as it stands beside those of the population.

    Args:
        idea: What the model gave.
        number: Among all ideas of the run.
        text: The id of its only text, among all texts of the run.
        model: The model's name.
    """
    version = IdeaVersion(author=AUTHOR, idea=idea, id=text)
    return IdeaOutcome(number=number, author=AUTHOR, versions=[version], agent_model=model, source="one-shot")
