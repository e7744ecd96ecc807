"""The supervisor: starts, watches and ends cells at the World's word.

It runs as the first process inside the sandbox, ``python -m sandbox.supervisor``, and ends itself when its connection
to the host is gone, so that nothing outlives the World. It holds no model and no message of any agent. What a cell
tells it is hostile: lines of bounded length, of which it takes heartbeats and reports, nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler

from sandbox.cell import HEARTBEAT_SECONDS, CellPlace, serializers
from sandbox.channel import HEARTBEAT, read_first_line
from sandbox.confinement import confine_process
from sandbox.errors import MessagingError
from sandbox.protocol import CREATOR, SUPERVISOR, CellReport, Message, StartCell, StopCell
from sandbox.runtime import HardenedRuntime
from sandbox.zygote import Zygote

MISSED_HEARTBEATS: Final = 5
"""In a row; then a cell counts as unresponsive."""

MEMORY_BYTES: Final = 256 << 20
"""What one cell may hold in memory."""

REPORT_BYTES: Final = 65_536
"""What a cell may tell between two looks at it."""

EXIT_SECONDS: Final = 1.0
"""How long a process that tells nothing any more may take to end."""


class SupervisorOrder(Message):
    """What the World tells a supervisor on its standard input, as one line of JSON.

    Attributes:
        credential: What admits it to the host.
        place: Where its cells live.
    """

    credential: str
    place: CellPlace


class CellProcess(Protocol):
    """A cell's process, however it was made."""

    lines: asyncio.StreamReader
    """What it tells."""
    ended: asyncio.Future[str]
    """How it ended, once it has."""

    def send(self, line: bytes) -> None:
        """Give it an order."""
        ...

    def kill(self) -> None:
        """End it, and all that it started; no error when it has ended."""
        ...

    def resident_bytes(self) -> int:
        """What it holds in memory; 0 where something else looks after that."""
        ...


class Launcher(Protocol):
    """Makes the processes of cells."""

    async def launch(self, number: int) -> CellProcess:
        """Make one.

        Args:
            number: Differs from that of every other cell of the run.

        Raises:
            OSError: It cannot be made.
        """
        ...


class Supervisor(RoutedAgent):
    """Starts and stops cells.

    Args:
        launcher: Makes their processes.
        agents: How many agents share a cell.
    """

    def __init__(self, launcher: Launcher, agents: int = 1) -> None:
        super().__init__("Starts and stops the cells of one run.")
        self._launcher = launcher
        self._agents = agents
        self._numbers = itertools.count()
        self._cells: set[_Cell] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Look after cells from now on."""
        self._keep(asyncio.create_task(self._tick()))

    async def stop(self) -> None:
        """Look after nothing any more; the cells are left as they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @message_handler
    async def start_cell(self, message: StartCell, ctx: MessageContext) -> CellReport:
        """Give an agent its cell and wait until it is registered, it fails, or the deadline passes."""
        name = message.name
        self._drop(name)
        shared = (cell for cell in self._cells if cell.has_room(self._agents))
        cell = None if message.alone else next(shared, None)
        if cell is None:
            cell = _Cell(asyncio.create_task(self._launcher.launch(next(self._numbers))), alone=message.alone)
            self._keep(cell.process)
            self._cells.add(cell)
            self._keep(asyncio.create_task(self._watch(cell)))
        birth: asyncio.Future[CellReport] = asyncio.get_running_loop().create_future()
        cell.births[name] = birth
        try:
            async with asyncio.timeout(message.deadline):
                await cell.send(message.model_dump_json().encode() + b"\n")
                report = await birth
        except TimeoutError:
            report = _failed(name, f"not registered within {message.deadline:g} s")
        except OSError as error:
            report = _failed(name, f"its process cannot be started: {error}")
        finally:
            cell.births.pop(name, None)
        if report.state == "registered":
            cell.agents.add(name)
        elif cell.empty:
            self._end(cell)
        return report

    @message_handler
    async def stop_cell(self, message: StopCell, ctx: MessageContext) -> CellReport:
        """End an agent's cell unless others live there; no error when there is none."""
        self._drop(message.name)
        return CellReport(name=message.name, state="exited", reason="stopped")

    def _drop(self, name: str) -> None:
        for cell in [cell for cell in self._cells if name in cell.agents]:
            cell.agents.discard(name)
            if cell.empty:
                self._end(cell)

    def _end(self, cell: _Cell) -> None:
        """Kill a cell that nobody is told of any more."""
        self._cells.discard(cell)
        cell.end("")

    async def _watch(self, cell: _Cell) -> None:
        """Take what a cell tells until its process has ended, then report how to whom it concerns."""
        try:
            process = await cell.process
        except OSError:
            self._cells.discard(cell)
            return  # whoever wanted it has got the same error
        try:
            while line := await process.lines.readline():
                cell.hear(line)
        except OSError:
            pass  # it has ended with an order unread
        except ValueError:
            cell.end("told its supervisor what it does not understand")
        # An end of what it tells is mostly the end of its process.
        await asyncio.wait([process.ended], timeout=EXIT_SECONDS)
        if not process.ended.done():
            cell.end("closed the channel to its supervisor")
        reason = await process.ended
        self._cells.discard(cell)
        reason = cell.reason or reason
        cell.fail_births(reason)
        for name in cell.agents:
            with contextlib.suppress(MessagingError):
                report = CellReport(name=name, state="exited", reason=reason)
                await self.send_message(report, AgentId(CREATOR, "default"))

    async def _tick(self) -> None:
        """End cells that do not respond, or hold too much memory.

        Counting ticks, not time: when everything was paused, nobody has missed anything.
        """
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for cell in self._cells:
                cell.look_after()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Cell:
    """What the supervisor knows of one cell.

    Args:
        process: Its process, which may still have to be made.
        alone: Whether it is for one agent only.
    """

    def __init__(self, process: asyncio.Task[CellProcess], *, alone: bool) -> None:
        self.process = process
        self.alone = alone
        self.agents: set[str] = set()
        self.births: dict[str, asyncio.Future[CellReport]] = {}
        self.reason = ""
        self._missed = 0
        self._heard = 0

    @property
    def empty(self) -> bool:
        """Whether nobody lives here, or is about to."""
        return not self.agents and not self.births

    def has_room(self, places: int) -> bool:
        """Whether another agent fits in."""
        return not self.alone and not self.reason and len(self.agents) + len(self.births) < places

    async def send(self, line: bytes) -> None:
        """Give it an order, as soon as there is a process."""
        (await asyncio.shield(self.process)).send(line)

    def hear(self, line: bytes) -> None:
        """Take one line: a heartbeat, or how a birth came out.

        Raises:
            ValueError: It is neither, or it is too much.
        """
        self._heard += len(line)
        if self._heard > REPORT_BYTES:
            raise ValueError("too much")
        if line == HEARTBEAT:
            self._missed = 0
            return
        report = CellReport.model_validate_json(line)
        if report.state == "exited":
            self.reason = self.reason or report.reason
        birth = self.births.get(report.name)
        if birth is not None and not birth.done():
            birth.set_result(report)

    def look_after(self) -> None:
        """End it when it has not responded for long, or holds too much memory; called once a second."""
        self._heard = 0
        if self.births:
            self._missed = 0  # a module may be slow to import: its birth has a deadline of its own
        if not self.process.done() or self.process.exception() is not None:
            return
        self._missed += 1
        if self._missed > MISSED_HEARTBEATS:
            self.end(f"unresponsive for {MISSED_HEARTBEATS * HEARTBEAT_SECONDS:g} s")
        elif self.process.result().resident_bytes() > MEMORY_BYTES:
            self.end(f"over its memory limit of {MEMORY_BYTES >> 20} MiB")

    def fail_births(self, reason: str) -> None:
        """Whoever is being born here is not."""
        for name, birth in self.births.items():
            if not birth.done():
                birth.set_result(_failed(name, self.reason or reason))

    def end(self, reason: str) -> None:
        """Kill its process; the first reason is the one that is told."""
        self.reason = self.reason or reason
        self.process.add_done_callback(_kill)


def _kill(process: asyncio.Task[CellProcess]) -> None:
    if not process.cancelled() and process.exception() is None:
        process.result().kill()


def _failed(name: str, reason: str) -> CellReport:
    return CellReport(name=name, state="failed", reason=reason[:2_000])


@asynccontextmanager
async def supervise(address: str, credential: str, launcher: Launcher, agents: int) -> AsyncIterator[HardenedRuntime]:
    """Register a supervisor on the host; it works until its connection, which is given, is lost or this is left."""
    runtime = HardenedRuntime(address, credential=credential, reconnect_for=0, frozen_after=None, may_publish=False)
    runtime.add_message_serializer(serializers())
    await runtime.start()
    supervisor = Supervisor(launcher, agents)
    supervisor.start()
    try:
        await runtime.register_agent_instance(supervisor, AgentId(SUPERVISOR, "default"))
        yield runtime
    finally:
        await runtime.stop(grace=0)  # first, or another order could still come in
        await supervisor.stop()


async def _supervise_here(order: SupervisorOrder, zygote: Zygote) -> None:
    zygote.listen()
    async with supervise(order.place.address, order.credential, zygote, order.place.agents) as runtime:
        await runtime.lost.wait()
        os._exit(0)  # the zygote and the cells end with us; nothing is worth waiting for


def main() -> None:
    """``python -m sandbox.supervisor``, its order on standard input."""
    confine_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read byte by byte: nothing keeps the credential for the cells to find.
    order = SupervisorOrder.model_validate_json(read_first_line())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    zygote = Zygote(order.place)
    asyncio.run(_supervise_here(order, zygote))


if __name__ == "__main__":
    main()
