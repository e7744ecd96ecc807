"""Who made what of whose idea, from what the host saw and not from what an agent claims."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from creator.descent import Asked, lineage_of
from creator.outcome import IdeaVersion, Remark
from creator.runtime import Exchange
from sandbox.protocol import (
    AGENT_NAME,
    RESERVED_NAMES,
    Idea,
    Opinion,
    OpinionRequest,
    ProposeRequest,
    Refinement,
    RefineRequest,
    Text,
)

MAX_EXCHANGES: Final = 200
"""Kept of one conversation; those after that are left out of its lineage."""
MAX_BYTES: Final = 2_000_000
"""Of their requests and answers."""
_WANTED: Final = {
    RefineRequest.__name__: "asked for a better version",
    ProposeRequest.__name__: "asked for an idea",
    Text.__name__: "asked a question",
    "critique": "asked for the weakest point",
    "pro": "asked what speaks for it",
    "contra": "asked what speaks against it",
}
"""By a message's type, or an opinion's kind: what the sender wanted."""


@dataclass
class _Conversation:
    asked: list[Asked] = field(default_factory=list)
    size: int = 0


class Conversations:
    """The refinements and opinions of a run, by conversation."""

    def __init__(self) -> None:
        self._going: dict[str, _Conversation] = defaultdict(_Conversation)

    def observe(self, exchange: Exchange) -> bool:
        """Take note of a finished request; True when it was a refinement."""
        if exchange.outcome != "ok" or not exchange.conversation:
            return False
        try:
            asked = _asked(exchange)
        except ValidationError:
            return False
        if asked is None:
            return False
        going = self._going[exchange.conversation]
        going.size += len(exchange.request) + len(exchange.response)
        if len(going.asked) < MAX_EXCHANGES and going.size <= MAX_BYTES:
            going.asked.append(asked)
        return isinstance(asked.answer, Idea)

    def lineage(self, conversation: str, author: str, idea: Idea, last: int) -> tuple[list[IdeaVersion], list[Remark]]:
        """An idea's texts and what was said about them; see `creator.descent.lineage_of`.

        Args:
            conversation: Its id; nothing is known of it afterwards.
            author: Whose idea it is.
            idea: What the author delivered.
            last: The highest id of a text so far; these get the following ones.
        """
        going = self._going.pop(conversation, None)
        return lineage_of(going.asked if going is not None else [], author, idea, last)


def in_words(exchange: Exchange) -> str | None:
    """What the sender wanted, and whether it got it; None for a message that is none between two generated agents."""
    if any(name in RESERVED_NAMES or not AGENT_NAME.fullmatch(name) for name in (exchange.source, exchange.target)):
        return None
    wanted = exchange.type
    if wanted == OpinionRequest.__name__:
        try:
            wanted = OpinionRequest.model_validate_json(exchange.request).kind
        except ValidationError:
            return None
    words = _WANTED.get(wanted)
    return words if words is None or exchange.outcome == "ok" else f"{words}, and got no answer"


def _asked(exchange: Exchange) -> Asked | None:
    """What was asked and answered; None when it is about no idea, ValidationError when it is no such message."""
    answer: Idea | Opinion
    kind: str
    if exchange.type == RefineRequest.__name__:
        refine = RefineRequest.model_validate_json(exchange.request)
        idea, kind = refine.idea, refine.pattern
        answer = Refinement.model_validate_json(exchange.response).idea
    elif exchange.type == OpinionRequest.__name__:
        question = OpinionRequest.model_validate_json(exchange.request)
        idea, kind = question.idea, question.kind
        answer = Opinion.model_validate_json(exchange.response)
    else:
        return None
    return Asked(
        number=exchange.number,
        answering=exchange.answering,
        until=exchange.until,
        sender=exchange.source,
        target=exchange.target,
        kind=kind,
        idea=idea,
        answer=answer,
    )
