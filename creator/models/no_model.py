"""The language model of a house where nobody may ask one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autogen_core.models import LLMMessage

from creator.errors import TerminalModelError
from creator.models.backend import Backend, Completion


class NoModel(Backend):
    """Refuses every call; for trials, whose answers are scripted."""

    name = "none"
    notice = "no model"
    max_concurrency = 1

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
        """Nothing but an error."""
        raise TerminalModelError("there is no language model here")

    async def check(self) -> None:
        """Nothing to check."""
