"""What people decide while a run goes on, from this terminal or another one: read from the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from creator.ledger.store import DecisionRow, Ledger


class Decisions:
    """Hands decisions to whoever waits for them.

    Args:
        ledger: Where they are.
        on_regenerate: Called with an agent's name and the reason, when somebody wants it written anew; tells whether
            that is begun.
    """

    def __init__(self, ledger: Ledger, on_regenerate: Callable[[str, str], bool]) -> None:
        self._ledger = ledger
        self._on_regenerate = on_regenerate
        self._seen = 0
        self._made: dict[tuple[str, str], DecisionRow] = {}
        self._waiting: dict[tuple[str, str], asyncio.Future[DecisionRow]] = {}

    def look(self) -> bool:
        """Read what is new, and tell whether somebody has something to do now.

        Raises:
            EnvironmentFault: The ledger cannot be read any more.
        """
        woken = False
        for row in self._ledger.decisions_after(self._seen):
            self._seen = row.id
            if row.decision == "regenerate":
                woken |= self._on_regenerate(row.name, row.why)
                continue
            key = (row.name, row.sha256)
            self._made[key] = row
            waiting = self._waiting.get(key)
            if waiting is not None and not waiting.done():
                waiting.set_result(row)
                woken = True
        return woken

    async def of(self, name: str, sha256: str) -> DecisionRow:
        """The decision about one module of an agent, as soon as there is one.

        Args:
            name: The agent.
            sha256: Digest of exactly the module that is meant.
        """
        key = (name, sha256)
        made = self._made.get(key)
        if made is not None:
            return made
        self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._waiting[key]
        finally:
            self._waiting.pop(key, None)
