"""How many colleagues agents may ask the Creator for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from creator.outcome import AgentOutcome

MAX_GENERATIONS: Final = 2
"""How many generations of colleagues there may be."""
MAX_EACH: Final = 2
"""How many one agent may ask for."""


class Colleagues:
    """Counts wishes, and refuses those beyond the limits.

    Args:
        asked: How many agents the user asked for.
        most: How many there may be with colleagues.
    """

    def __init__(self, asked: int, most: int) -> None:
        self._asked = asked
        self._most = most
        self._granted: dict[str, int] = {}

    def grant(self, asker: str, agents: Mapping[str, AgentOutcome]) -> str:
        """Grant a wish and count it, or say why not.

        Args:
            asker: The agent that wishes for a colleague.
            agents: All agents by name, with their parents.

        Returns:
            The reason of a refusal, which the asker can read; empty when it is granted.
        """
        if asker not in agents or agents[asker].state != "live":
            return "only a live agent may ask for a colleague"
        if self._granted.get(asker, 0) >= MAX_EACH:
            return f"an agent may ask for {MAX_EACH} colleagues at most, which is the limit"
        if _generation(asker, agents) >= MAX_GENERATIONS:
            return f"agents of generation {MAX_GENERATIONS} may not ask for colleagues, which is the limit"
        if self._asked + sum(self._granted.values()) >= self._most:
            return f"there are {self._most} agents already, which is the limit"
        self._granted[asker] = self._granted.get(asker, 0) + 1
        return ""


def _generation(name: str, agents: Mapping[str, AgentOutcome]) -> int:
    """0 for an agent that the user asked for, 1 for its colleague, and so on; no more than is asked about."""
    generation = 0
    while generation < MAX_GENERATIONS and name in agents and agents[name].parents:
        generation, name = generation + 1, agents[name].parents[0]
    return generation
