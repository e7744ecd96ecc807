"""Who made what of whose idea, from what the host saw and not from what an agent claims."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pydantic import ValidationError

from creator.outcome import IdeaVersion, Remark
from creator.runtime import Exchange
from sandbox.protocol import Idea, Refinement, RefineRequest


@dataclass(frozen=True)
class _Refined:
    sender: str
    refiner: str
    before: Idea
    after: Idea


class Conversations:
    """The refinements of a run, by conversation."""

    def __init__(self) -> None:
        self._refined: dict[str, list[_Refined]] = defaultdict(list)

    def observe(self, exchange: Exchange) -> bool:
        """Take note of a finished request; True when it was a refinement."""
        if exchange.type != RefineRequest.__name__ or exchange.outcome != "ok" or not exchange.conversation:
            return False
        try:
            before = RefineRequest.model_validate_json(exchange.request).idea
            after = Refinement.model_validate_json(exchange.response).idea
        except ValidationError:
            return False
        self._refined[exchange.conversation].append(_Refined(exchange.source, exchange.target, before, after))
        return True

    def lineage(self, conversation: str, author: str, idea: Idea, last: int) -> tuple[list[IdeaVersion], list[Remark]]:
        """An idea's texts, the author's own first and the final one last, and what was said about them.

        Args:
            conversation: Its id.
            author: Whose idea it is.
            idea: What the author delivered.
            last: The highest id of a text so far; these get the following ones.
        """
        versions = [IdeaVersion(author=author, idea=idea, hop=0, id=last + 1)]
        left = self._refined.pop(conversation, [])
        while True:
            end = versions[-1]
            step = next((r for r in left if r.sender == end.author and r.before == end.idea), None)
            if step is None:
                return versions, []
            left.remove(step)
            versions.append(
                IdeaVersion(author=step.refiner, idea=step.after, hop=len(versions), id=end.id + 1, parents=[end.id])
            )
