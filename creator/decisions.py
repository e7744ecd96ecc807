"""What people decide while a run goes on, from this terminal or another one: read from the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from creator.ledger.store import DecisionRow, EditRow, Ledger


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
        self._seen_edits = 0
        self._made: dict[tuple[str, str], DecisionRow] = {}
        self._edits: dict[tuple[str, str], EditRow] = {}
        """Edits of modules that nobody waits for yet; each is handed out once."""
        self._waiting: dict[tuple[str, str], asyncio.Future[DecisionRow | EditRow]] = {}

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
            self._made[row.name, row.sha256] = row
            woken |= self._hand_out(row)
        for edit in self._ledger.edits_after(self._seen_edits):
            self._seen_edits = edit.id
            if self._hand_out(edit):
                woken = True
            else:
                self._edits[edit.name, edit.sha256] = edit
        return woken

    def _hand_out(self, row: DecisionRow | EditRow) -> bool:
        """Give a row to whoever waits for it; tells whether somebody does."""
        waiting = self._waiting.get((row.name, row.sha256))
        if waiting is None or waiting.done():
            return False
        waiting.set_result(row)
        return True

    async def of(self, name: str, sha256: str) -> DecisionRow | EditRow:
        """The decision about one module of an agent, or what a person wrote in its place, as soon as there is one.

        Args:
            name: The agent.
            sha256: Digest of exactly the module that is meant.
        """
        key = (name, sha256)
        made = self._made.get(key) or self._edits.pop(key, None)
        if made is not None:
            return made
        self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._waiting[key]
        finally:
            self._waiting.pop(key, None)
