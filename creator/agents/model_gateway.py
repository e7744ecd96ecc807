"""The model gateway: the only way from a cell to a language model."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from autogen_core import MessageContext, RoutedAgent, message_handler
from autogen_core.models import UserMessage
from pydantic import ValidationError

from creator.agents.messages import CompleteText, Filled, FillTemplate
from creator.blueprint import Blueprint
from creator.errors import ModelError
from creator.ideas.checks import idea_check, weaknesses
from creator.ideas.form import IdeaForm
from creator.models.accounts import Account
from creator.models.calls import ModelCalls
from creator.models.filling import Filler, FillRequest
from creator.runtime import Admission
from creator.spending.shares import on_behalf_of
from creator.templates.rendering import Template
from creator.templates.slots import as_text
from creator.trials import scripted_reply
from sandbox.protocol import CREATOR, Idea, ModelReply, ModelRequest, RefineRequest

MAX_PROMPT_CHARACTERS: Final = 60_000
MAX_TOLD: Final = 6
"""Weaknesses that a model is told of."""


class ModelGateway(RoutedAgent):
    """Asks the model on behalf of named agents; budgets, retries and accounting live in `ModelCalls`.

    Args:
        calls: The model.
        filler: How this model is brought to give structured answers.
        templates: Known templates by name.
        blueprints: The agents' blueprints by name.
        objective: What the population works on.
        form: What an idea consists of.
        admission: Gives what the host knows of a request by its id.
        seed: The run's; what is drawn by chance, and which of equal requests is which, depends on it.
        on_trial: Names of agents whose model is scripted.
    """

    def __init__(
        self,
        calls: ModelCalls,
        filler: Filler,
        templates: Mapping[str, Template],
        blueprints: Mapping[str, Blueprint],
        objective: str,
        form: IdeaForm,
        admission: Callable[[str | None], Admission],
        seed: int,
        on_trial: Container[str],
    ) -> None:
        super().__init__("Gives agents access to the language model.")
        self._calls = calls
        self._filler = filler
        self._templates = templates
        self._blueprints = blueprints
        self._objective = objective
        self._form = form
        self._admission = admission
        self._seed = seed
        self._asked: Counter[str] = Counter()
        """By place and request: how often it was asked. Each entry stands for a call to the model, which costs more."""
        self._on_trial = on_trial

    @message_handler
    async def complete(self, message: ModelRequest, ctx: MessageContext) -> ModelReply:
        """One completion for whoever asks, accounted to its name, which the host has verified."""
        assert ctx.sender is not None
        agent = ctx.sender.type
        if sum(len(str(part.content)) for part in message.messages) > MAX_PROMPT_CHARACTERS:
            raise ValueError(f"the prompt has more than {MAX_PROMPT_CHARACTERS} characters")
        if any(isinstance(part, UserMessage) and not isinstance(part.content, str) for part in message.messages):
            raise ValueError("only text can be sent to the model")
        if message.json_schema is not None and message.json_schema.get("title") != Idea.__name__:
            # A schema from a cell is hostile (think of its patterns): only its title is used, to find our own.
            raise ValueError(f"the only structured answer offered is {Idea.__name__!r}")
        if agent in self._on_trial:
            return scripted_reply(message)
        # Whoever's idea it is has its share spent: else one agent could spend another's, by asking it again and again.
        began = self._admission(ctx.message_id).chain[:1]
        with on_behalf_of(began[0] if began else agent):
            return await self._complete(agent, message, ctx.message_id)

    async def _complete(self, agent: str, message: ModelRequest, message_id: str | None) -> ModelReply:
        seed = self._seed_for(agent, message, message_id)
        if message.json_schema is None:
            completion = await self._filler.text(
                agent,
                message.messages,
                temperature=message.temperature,
                max_tokens=message.max_tokens,
                seed=seed,
            )
            usage = completion.usage
            return ModelReply(
                content=completion.text[:200_000],
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
            )
        before = self._spent(agent)
        parent = self._refined(message_id)
        content = await self._idea(
            agent,
            FillRequest(
                messages=message.messages,
                json_schema=self._form.answer_schema,
                hints=self._form.hints,
                facts=self._facts(agent, message.revises or parent, message.advice if message.revises else ""),
                temperature=message.temperature,
                max_tokens=message.max_tokens,
                seed=seed,
            ),
            own=message.revises is not None or parent is None,
        )
        after = self._spent(agent)
        return ModelReply(
            content=content,
            prompt_tokens=after[0] - before[0],
            completion_tokens=after[1] - before[1],
        )

    @message_handler
    async def fill_template(self, message: FillTemplate, ctx: MessageContext) -> Filled:
        """Values for those of a template's slots that are not known; for the Creator alone."""
        _for_the_creator(ctx)
        template = self._templates[message.template].without(message.known)
        known = {slot: as_text(value) for slot, value in message.known.items()}
        content = await self._filler.fill(
            CREATOR,
            FillRequest(
                messages=message.messages,
                json_schema=template.answer_schema,
                hints=template.hints,
                facts={"objective": self._objective, **message.facts, **known},
                temperature=message.temperature,
                max_tokens=message.max_tokens,
                seed=message.seed,
            ),
        )
        return Filled(content=content)

    @message_handler
    async def complete_text(self, message: CompleteText, ctx: MessageContext) -> Filled:
        """Free text; for the Creator alone."""
        _for_the_creator(ctx)
        completion = await self._calls.complete(
            CREATOR,
            message.messages,
            temperature=message.temperature,
            max_tokens=message.max_tokens,
            sample=str(message.seed),
        )
        return Filled(content=completion.text)

    def _seed_for(self, agent: str, message: ModelRequest, message_id: str | None) -> int:
        """A request's seed: the same in each run of the same seed, in whatever order the agents come to ask.

        Where one asks the same again in a conversation, it wants another answer.
        """
        conversation = self._admission(message_id).conversation
        digest = hashlib.sha256(message.model_dump_json().encode()).hexdigest()
        place = f"{agent}/{conversation}/{digest}"
        self._asked[place] += 1
        return _drawn(f"{self._seed}/{place}/{self._asked[place]}")

    def _spent(self, agent: str) -> tuple[int, int]:
        return self._calls.accounts.get(agent, Account()).answered

    async def _idea(self, agent: str, request: FillRequest, *, own: bool) -> str:
        """An idea; where plain checks call it weak, the better one of it and a second try.

        Args:
            agent: On whose account.
            request: What has to be filled.
            own: Whether it is about the agent's own sector, and not about that of a colleague's idea.
        """
        check = (
            idea_check(self._form, self._blueprints.get(agent), self._objective)
            if own
            else lambda idea: weaknesses(idea, self._form)
        )
        first = await self._filler.fill(agent, request)
        found = check(self._form.idea_from(json.loads(first)))
        if not found:
            return first
        hint = UserMessage(
            content=f"Your last answer was weak: {'; '.join(found[:MAX_TOLD])}. Write it anew, without that.",
            source="user",
        )
        again = replace(request, messages=[*request.messages, hint], seed=_drawn(f"{request.seed}/again"))
        with suppress(ModelError):  # a weak idea is better than none
            second = await self._filler.fill(agent, again)
            if len(check(self._form.idea_from(json.loads(second)))) < len(found):
                return second
        return first

    def _refined(self, message_id: str | None) -> Idea | None:
        """The colleague's idea that the asker was asked to make better; None where it was asked for something else."""
        parent = self._admission(message_id).parent
        if parent is None or parent.payload.data_type != RefineRequest.__name__:
            return None
        try:
            return RefineRequest.model_validate_json(parent.payload.data).idea
        except ValidationError:
            return None

    def _facts(self, agent: str, prior: Idea | None, advice: str) -> dict[str, str]:
        """What is known of the asker, and of the idea that it shall make better: its own, or a colleague's."""
        blueprint = self._blueprints.get(agent)
        facts = {"objective": self._objective, **(blueprint.facts() if blueprint is not None else {})}
        if prior is not None:
            facts |= {f"prior_{slot}": str(value) for slot, value in prior.model_dump().items()}
            facts |= {"advice": advice} if advice else {}
        return facts


def _drawn(place: str) -> int:
    return random.Random(place).getrandbits(32)


def _for_the_creator(ctx: MessageContext) -> None:
    if ctx.sender is None or ctx.sender.type != CREATOR:
        raise PermissionError("this is for the creator alone")
