"""The cells of a run as the trusted side sees them: started, asked for a first answer, ended, and why they ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Final

from creator.runtime import Credentials, Grant, HardenedHost
from creator.settings import SpawnSettings
from creator.text import clean, clean_lines
from sandbox.errors import HandlerFailed, MessagingError, describe
from sandbox.protocol import SUPERVISOR, CellReport, Hello, Introduction, StartCell, StopCell
from sandbox.runtime import HardenedRuntime

MAX_REASON: Final = 500
"""Characters of a reason: what an agent says of its own failure is as hostile as the rest."""
MAX_TRACEBACK: Final = 1_200
CANARY_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
QUIET_SECONDS: Final = 0.05
"""How often it is looked whether an agent has answered everything."""
EXIT_REPORT_SECONDS: Final = 3.0
"""How long a lost agent's exit reason may take to arrive after its connection broke."""


class StartFailed(Exception):
    """A cell did not come up, or its agent did not answer.

    Attributes:
        reason: Why, in one line.
        traceback: The last frames in the agent's own process, or empty.
    """

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason)
        self.reason = clean(reason, MAX_REASON)
        self.traceback = clean_lines(traceback[-MAX_TRACEBACK:])


class Cells:
    """Starts and ends the cells of agents.

    Args:
        settings: Deadlines, and how agents work with others.
        trusted: The trusted side's runtime.
        host: Disconnects a cell that failed, so that its name is free for the next try.
        credentials: Where a cell's credential is issued.
    """

    def __init__(
        self, settings: SpawnSettings, trusted: HardenedRuntime, host: HardenedHost, credentials: Credentials
    ) -> None:
        self._settings = settings
        self._trusted = trusted
        self._host = host
        self._credentials = credentials
        self._numbers = itertools.count(1)
        self._clients: dict[str, str] = {}
        self._exit_reasons: dict[str, asyncio.Future[str]] = {}

    async def start(
        self, name: str, sha256: str, seed: int, *, bounce: float | None = None, alone: bool = False
    ) -> Introduction:
        """Start an agent's cell and send it its first message; returns once the agent has answered.

        Args:
            name: The agent's, and its module's.
            sha256: Digest of the module, in hexadecimal.
            seed: For what the agent draws by chance.
            bounce: Its probability of sharing; None for the run's setting.
            alone: Whether nobody may share its cell, however agents are packed.

        Raises:
            StartFailed: It did not come up; nothing of it is left.
        """
        client = f"cell:{name}:{next(self._numbers)}"
        credential = self._credentials.issue(Grant(client, frozenset({name}), "cell"))
        self._clients[name] = client
        self._exit_reasons[name] = asyncio.get_running_loop().create_future()
        deadline = self._settings.birth_deadline
        start = StartCell(
            name=name,
            sha256=sha256,
            credential=credential,
            seed=seed,
            bounce=self._settings.bounce if bounce is None else bounce,
            pattern=self._settings.pattern,
            deadline=deadline,
            alone=alone,
        )
        try:
            report: CellReport = await self._trusted.request(start, SUPERVISOR, timeout=deadline + 10)
            if report.state != "registered":
                raise StartFailed(report.reason)
            return await self.greet(name)
        except BaseException as error:
            failure = await self._failure(name, error) if isinstance(error, MessagingError) else error
            await self.end(name)
            raise failure from None

    async def greet(self, name: str) -> Introduction:
        """Let an agent introduce itself.

        Raises:
            MessagingError: It did not answer.
            StartFailed: It answered with something else.
        """
        deadline = min(CANARY_SECONDS, self._settings.birth_deadline)
        hello = await self._trusted.request(Hello(), name, timeout=deadline)
        if not isinstance(hello, Introduction):
            raise StartFailed("its answer to the first message was no introduction")
        return hello

    async def _failure(self, name: str, error: MessagingError) -> StartFailed:
        return StartFailed(await self.reason_of(name, error), getattr(error, "traceback", ""))

    async def quiet(self, name: str) -> None:
        """Wait until an agent has answered all that it was asked, but no longer than for one answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.reply_deadline):
                while self._host.unanswered(name):  # noqa: ASYNC110 - the host's hot path tells nobody of it
                    await asyncio.sleep(QUIET_SECONDS)

    async def end(self, name: str) -> None:
        """End an agent and, unless others live there, its cell; no error when it has none."""
        if name not in self._clients:
            return
        with contextlib.suppress(MessagingError):
            await self._trusted.request(StopCell(name=name), SUPERVISOR, timeout=STOP_SECONDS)
        if (client := self._clients.pop(name, None)) is not None:
            await self._host.disconnect(client)  # its name is free for the next try

    def exited(self, report: CellReport) -> None:
        """The supervisor tells how a cell's process ended."""
        future = self._exit_reasons.get(report.name)
        if future is not None and not future.done():
            future.set_result(report.reason)

    async def reason_of(self, name: str, error: MessagingError) -> str:
        """Why an agent did not answer, in one line; for one that went away, how its process ended."""
        future = self._exit_reasons.get(name)
        if isinstance(error, ConnectionError) and future is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EXIT_REPORT_SECONDS):
                    return clean(f"its process ended: {await asyncio.shield(future)}", MAX_REASON)
        text = str(error) or describe(error)
        return clean(f"it raised {text}" if isinstance(error, HandlerFailed) else text, MAX_REASON)
