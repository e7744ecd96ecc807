"""What every sandbox backend offers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sandbox
from creator.errors import EnvironmentFault
from creator.isolation.control_group import ControlGroup, make_control_group
from creator.isolation.guarantees import Means, missing
from sandbox.cell import CellPlace
from sandbox.supervisor import SupervisorOrder

SUPERVISOR: Final = "sandbox.supervisor"
CELL: Final = "sandbox.cell"
FACTS: Final = "sandbox.facts"
"""Our programs that run inside."""
FACTS_SECONDS: Final = 20.0

PACKAGE: Final = Path(sandbox.__file__).parent
"""The package that runs inside."""

SOCKET_NAME: Final = "host.sock"
SOCKET_FOLDER_PREFIX: Final = "creator-host-"

CELL_ENVIRONMENT: Final[Mapping[str, str]] = {
    "GRPC_ENABLE_FORK_SUPPORT": "0",  # cells are forked from a process that has imported grpc
    "GRPC_VERBOSITY": "NONE",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}
"""All of a cell's environment besides paths: nothing of the user's gets in."""


PROCESSES_PER_CELL: Final = 48
"""A cell is one process, but grpc gives it a dozen threads or more, and the kernel counts those."""
MEMORY_PER_CELL: Final = 96 << 20
MEMORY_PER_AGENT: Final = 4 << 20
"""What each further agent of a packed cell needs."""


TRIALS_AT_ONCE: Final = 4
"""How many modules are tried side by side, each in a cell that nobody shares."""


@dataclass(frozen=True)
class Capacity:
    """What a sandbox has to hold.

    Attributes:
        agents: How many agents.
        agents_per_cell: How many of them share a process.
    """

    agents: int
    agents_per_cell: int = 1

    @property
    def cells(self) -> int:
        """How many processes that makes; where agents are packed, trials have more of their own."""
        spare = TRIALS_AT_ONCE if self.agents_per_cell > 1 else 0
        return -(-self.agents // self.agents_per_cell) + spare

    @property
    def memory(self) -> int:
        """Bytes that they may use all together, with what starts and watches them."""
        return (512 << 20) + MEMORY_PER_CELL * self.cells + MEMORY_PER_AGENT * max(0, self.agents - self.cells)

    @property
    def pids(self) -> int:
        """Processes and threads that they may have all together."""
        return 64 + PROCESSES_PER_CELL * self.cells


class SandboxUnavailable(EnvironmentFault):
    """This backend cannot run here; the text says why and what to do."""


class Sandbox(ABC):
    """A started sandbox runs one supervisor, which connects to the host and starts cells at the World's word."""

    name: str
    """``docker``, ``bubblewrap`` or ``process``."""

    summary: str
    """What stands between a cell and everything else, and how to get more."""

    @property
    def line(self) -> str:
        """What isolation the run has, and what it has not: one line for the user."""
        return "; ".join([f"{self.name}: {self.summary}", *self.missing()])

    def missing(self) -> list[str]:
        """What this backend does not give on this machine; known once it has been started."""
        return []

    @abstractmethod
    async def start(self, modules: Path, sockets: Path, credential: str) -> None:
        """Start the supervisor.

        Args:
            modules: Folder of the run's modules; the sandbox can read it.
            sockets: Folder that holds the host's socket and nothing else.
            credential: The supervisor's credential, handed over on its standard input.

        Raises:
            SandboxUnavailable: It cannot be started.
        """

    @abstractmethod
    async def facts(self) -> dict[str, str]:
        """What is in force in a cell by name, as one that was started for this and ended again tells it.

        Raises:
            SandboxUnavailable: It cannot be started.
        """

    @abstractmethod
    async def stop(self) -> None:
        """End everything inside. Safe to call more than once, and before `start`."""

    @abstractmethod
    async def failure(self) -> str:
        """Wait until the sandbox ends by itself, and give the reason in one line."""


@dataclass(frozen=True)
class Plan:
    """How a program is started in a sandbox that is a child process of ours.

    Attributes:
        command: Program and arguments.
        environment: All of its environment.
        cwd: Its working directory.
        place: Where the cells live, in the sandbox's own paths.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    place: CellPlace


class SubprocessSandbox(Sandbox):
    """A backend whose supervisor is a child process of ours.

    Args:
        capacity: What it has to hold.
    """

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._group: ControlGroup | None = None
        self._limited = False
        self._process: asyncio.subprocess.Process | None = None
        self._errors: asyncio.Task[bytes] | None = None

    def missing(self) -> list[str]:
        """See `creator.isolation.guarantees`."""
        means = Means.here(group=self._limited, packed=self._capacity.agents_per_cell > 1)
        return missing(self.name, means)

    @abstractmethod
    async def _plan(self, modules: Path, sockets: Path, program: str) -> Plan:
        """How to start one of our programs, ``sandbox.supervisor`` or another, behind this backend's walls."""

    async def start(self, modules: Path, sockets: Path, credential: str) -> None:
        """Start the supervisor."""
        self._limit()
        plan = await self._plan(modules, sockets, SUPERVISOR)
        process = await self._launch(plan, stdout=asyncio.subprocess.DEVNULL)
        self._process = process
        assert process.stdin is not None and process.stderr is not None
        self._errors = asyncio.create_task(_tail(process.stderr))
        process.stdin.write(order_line(SupervisorOrder(credential=credential, place=plan.place)))
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        process.stdin.close()

    def _limit(self) -> None:
        """Make a control group for what is started next, where that is allowed."""
        self._group = make_control_group(self._capacity.memory, self._capacity.pids)
        self._limited = self._group is not None

    async def _launch(self, plan: Plan, stdout: int) -> asyncio.subprocess.Process:
        command = plan.command if self._group is None else self._group.joining(list(plan.command))
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=stdout,
                stderr=asyncio.subprocess.PIPE,
                env=dict(plan.environment),
                cwd=plan.cwd,
                start_new_session=True,  # Ctrl-C is for us; we end the sandbox in order
            )
        except OSError as error:
            raise SandboxUnavailable(f"the {self.name} sandbox cannot be started: {error.strerror}") from error

    async def facts(self) -> dict[str, str]:
        """Start the program that looks at itself as a cell, and give what it found."""
        self._limit()
        with tempfile.TemporaryDirectory() as folder:
            plan = await self._plan(Path(folder), Path(folder), FACTS)
            process = await self._launch(plan, stdout=asyncio.subprocess.PIPE)
            try:
                async with asyncio.timeout(FACTS_SECONDS):
                    out, errors = await process.communicate(place_line(plan.place))
            except TimeoutError:
                process.kill()
                raise SandboxUnavailable(f"the {self.name} sandbox did not answer") from None
            finally:
                await self.stop()
        return parse_facts(out, errors.decode("utf-8", "replace"))

    async def stop(self) -> None:
        """Kill the supervisor's process group; its cells die with it."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._errors is not None:
            self._errors.cancel()
        group, self._group = self._group, None
        if group is not None:
            group.remove()

    async def failure(self) -> str:
        """Wait for the supervisor's end; the last line that it wrote is the reason."""
        assert self._process is not None and self._errors is not None
        code = await self._process.wait()
        lines = (await self._errors).decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1][:300] if lines else "no reason given"
        return f"the {self.name} sandbox ended with exit code {code}: {reason}"


async def _tail(stream: asyncio.StreamReader, size: int = 4_096) -> bytes:
    """Read a stream to its end and give its last bytes; a sandbox cannot fill our memory or disk with errors."""
    tail = b""
    while chunk := await stream.read(size):
        tail = (tail + chunk)[-size:]
    return tail


def python_command(program: str) -> list[str]:
    """How one of our programs is started with our own interpreter; ``-P`` keeps the working directory off the path."""
    return [sys.executable, "-P", "-m", program]


def order_line(order: SupervisorOrder) -> bytes:
    """What a supervisor reads from its standard input."""
    return order.model_dump_json().encode() + b"\n"


def place_line(place: CellPlace) -> bytes:
    """What a single cell, or the program that looks at itself, reads from its standard input first."""
    return place.model_dump_json().encode() + b"\n"


def parse_facts(line: bytes, errors: str) -> dict[str, str]:
    """The facts that a sandbox printed.

    Raises:
        SandboxUnavailable: It printed something else; the text holds the last line of its errors.
    """
    try:
        return {str(name): str(value) for name, value in json.loads(line).items()}
    except (ValueError, AttributeError):
        reason = (errors.strip().splitlines() or ["no reason given"])[-1][:300]
        raise SandboxUnavailable(f"it does not tell what is in force: {reason}") from None
