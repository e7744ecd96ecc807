"""How an agent is born: written by the Creator, started in a cell, and counted as live once it has answered."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Final

from creator.agents.messages import CreateAgent, Created
from creator.agents.registry import Population
from creator.blueprint import Blueprint
from creator.briefs import Brief
from creator.errors import TerminalModelError
from creator.record import RunRecord
from creator.runtime import Credentials, Grant, HardenedHost
from creator.settings import SpawnSettings
from creator.text import clean
from sandbox.errors import HandlerFailed, MessagingError, describe
from sandbox.protocol import CREATOR, SUPERVISOR, CellReport, Hello, Introduction, StartCell, StopCell
from sandbox.runtime import HardenedRuntime

TRIES: Final = 3
MAX_REASON: Final = 500
"""Characters of a reason: what an agent says of its own failure is as hostile as the rest."""
CANARY_SECONDS: Final = 10.0
EXIT_REPORT_SECONDS: Final = 3.0
"""How long a lost agent's exit reason may take to arrive after its connection broke."""


class _FailedTry(Exception):
    """One try at a birth failed.

    Attributes:
        name: The agent's name, when the try got that far.
        reason: Why, in one line; the Creator gets it with the next try.
        terminal: Whether another try would fail the same way.
    """

    def __init__(self, name: str | None, reason: str, *, terminal: bool = False) -> None:
        super().__init__(reason)
        self.name = name
        self.reason = clean(reason, MAX_REASON)
        self.terminal = terminal


class Nursery:
    """Gives birth to agents and ends them.

    Args:
        settings: Deadlines, and the probability of sharing.
        seed: The run's seed.
        trusted: The trusted side's runtime.
        host: Disconnects a cell that failed, so that its name is free for the next try.
        credentials: Where a cell's credential is issued.
        population: Where a live agent is announced.
        blueprints: Where a new agent's blueprint is kept, by name.
        record: Told of every try.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        seed: int,
        trusted: HardenedRuntime,
        host: HardenedHost,
        credentials: Credentials,
        population: Population,
        blueprints: dict[str, Blueprint],
        record: RunRecord,
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._trusted = trusted
        self._host = host
        self._credentials = credentials
        self._population = population
        self._blueprints = blueprints
        self._record = record
        self._exit_reasons: dict[str, asyncio.Future[str]] = {}
        self._clients: dict[str, str] = {}

    async def give_birth(self, number: int, brief: Brief) -> str | None:
        """The name of a new live agent, or None when it was given up after three tries; recorded either way."""
        name, reason, attempt = None, "", 0
        for attempt in range(1, TRIES + 1):
            try:
                created = await self._try(number, brief, attempt, reason, name)
            except _FailedTry as failed:
                name, reason = failed.name or name, failed.reason
                self._record.event("birth failed", name or brief.persona, attempt=attempt, reason=reason)
                if failed.terminal:
                    break
            else:
                name = created.blueprint.name
                self._record.agent(number, name, brief, "live", attempts=attempt, sha256=created.sha256)
                return name
        self._record.agent(number, name or f"agent_{number}", brief, "failed", attempts=attempt, reason=reason)
        return None

    async def _try(self, number: int, brief: Brief, attempt: int, feedback: str, replaces: str | None) -> Created:
        seed = random.Random(f"{self._seed}/{number}/{attempt}").getrandbits(32)
        order = CreateAgent(brief=brief, seed=seed, attempt=attempt, feedback=feedback, replaces=replaces)
        try:
            created: Created = await self._trusted.request(order, CREATOR, timeout=self._settings.reply_deadline)
        except MessagingError as error:
            terminal = TerminalModelError.__name__ in str(error)
            raise _FailedTry(None, str(error), terminal=terminal) from error
        blueprint = created.blueprint
        name = blueprint.name
        client = f"cell:{name}:{number}.{attempt}"
        try:
            await self._start_cell(name, client, created.sha256, seed)
        except (MessagingError, _FailedTry) as error:
            await self.end_cell(name)
            if isinstance(error, _FailedTry):
                raise
            raise _FailedTry(name, await self.reason_of(name, error)) from error
        self._blueprints[name] = blueprint
        # What an agent says of itself is not the record: sector and skills come from its blueprint.
        self._population.announce(Introduction(name=name, sector=blueprint.sector, skills=blueprint.skills))
        return created

    async def _start_cell(self, name: str, client: str, sha256: str, seed: int) -> None:
        """Start the cell and send it its first message; returns once the agent has answered."""
        credential = self._credentials.issue(Grant(client, frozenset({name}), "cell"))
        self._clients[name] = client
        self._exit_reasons[name] = asyncio.get_running_loop().create_future()
        deadline = self._settings.birth_deadline
        start = StartCell(
            name=name,
            sha256=sha256,
            credential=credential,
            seed=seed,
            bounce=self._settings.bounce,
            deadline=deadline,
        )
        report: CellReport = await self._trusted.request(start, SUPERVISOR, timeout=deadline + 10)
        if report.state != "registered":
            raise _FailedTry(name, report.reason)
        hello = await self._trusted.request(Hello(), name, timeout=min(CANARY_SECONDS, deadline))
        if not isinstance(hello, Introduction):
            raise _FailedTry(name, "its answer to the first message was no introduction")

    async def end_cell(self, name: str) -> None:
        """End an agent and, unless others live there, its cell; it can no longer be chosen as a colleague."""
        self._population.remove(name)
        with contextlib.suppress(MessagingError):
            await self._trusted.request(StopCell(name=name), SUPERVISOR, timeout=5)
        if (client := self._clients.pop(name, None)) is not None:
            await self._host.disconnect(client)  # its name is free for the next try

    def on_cell_report(self, report: CellReport) -> None:
        """The supervisor tells how a cell's process ended."""
        self._population.remove(report.name)
        future = self._exit_reasons.get(report.name)
        if future is not None and not future.done():
            future.set_result(report.reason)
        self._record.cell_ended(report)

    async def reason_of(self, name: str, error: MessagingError) -> str:
        """Why an agent did not answer, in one line; for one that went away, how its process ended."""
        future = self._exit_reasons.get(name)
        if isinstance(error, ConnectionError) and future is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EXIT_REPORT_SECONDS):
                    return clean(f"its process ended: {await asyncio.shield(future)}", MAX_REASON)
        text = str(error) or describe(error)
        return clean(f"it raised {text}" if isinstance(error, HandlerFailed) else text, MAX_REASON)
