"""A model that answers from a script, for what is built on one completion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autogen_core.models import LLMMessage

from creator.models.backend import Backend, Completion, Usage


class Scripted(Backend):
    """Answers with the given texts in turn, the last one again and again, and keeps what it was asked."""

    name = "scripted"
    notice = ""
    max_concurrency = 4

    def __init__(self, *texts: str, truncated: Sequence[bool] = ()) -> None:
        self.texts = list(texts)
        self.truncated = list(truncated)
        self.asked: list[Sequence[LLMMessage]] = []
        self.limits: list[int] = []
        self.extras: list[Mapping[str, Any]] = []

    async def complete(
        self,
        messages: Sequence[LLMMessage],
        *,
        temperature: float,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        timeout: float = 60,
    ) -> Completion:
        self.asked.append(messages)
        self.limits.append(max_tokens)
        self.extras.append(extra or {})
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        cut = self.truncated.pop(0) if self.truncated else False
        return Completion(text, Usage(1, 1), cut)

    async def check(self) -> None: ...
