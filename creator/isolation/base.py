"""What every sandbox backend offers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import sandbox
from creator.errors import EnvironmentFault

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


class SandboxUnavailable(EnvironmentFault):
    """This backend cannot run here; the text says why and what to do."""


class Sandbox(ABC):
    """A started sandbox runs one supervisor, which connects to the host and starts cells at the World's word."""

    name: str
    """``docker``, ``bubblewrap`` or ``process``."""

    line: str
    """What isolation the run has, and how to get more: one line for the user."""

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
    async def stop(self) -> None:
        """End everything inside. Safe to call more than once, and before `start`."""

    @abstractmethod
    async def failure(self) -> str:
        """Wait until the sandbox ends by itself, and give the reason in one line."""


class SubprocessSandbox(Sandbox):
    """A backend whose supervisor is a child process of ours."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._errors: asyncio.Task[bytes] | None = None

    async def _launch(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, credential: str) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,  # Ctrl-C is for us; we end the sandbox in order
            )
        except OSError as error:
            raise SandboxUnavailable(f"the {self.name} sandbox cannot be started: {error.strerror}") from error
        self._process = process
        assert process.stdin is not None and process.stderr is not None
        self._errors = asyncio.create_task(_tail(process.stderr))
        process.stdin.write(credential.encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        process.stdin.close()

    async def stop(self) -> None:
        """Kill the supervisor's process group; its cells die with it."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._errors is not None:
            self._errors.cancel()

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


def supervisor_command(address: str, directory: str) -> list[str]:
    """How the supervisor is started with our own interpreter; ``-P`` keeps the working directory off the path."""
    return [sys.executable, "-P", "-m", "sandbox.supervisor", address, directory]
