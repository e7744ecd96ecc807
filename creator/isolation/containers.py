"""A Docker container for each agent: the kernel's control groups and process ids stand between agents as well."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from creator.isolation.base import CELL, SOCKET_NAME, SandboxUnavailable, place_line
from creator.isolation.docker import EngineSandbox
from creator.isolation.engine import (
    ADDRESS,
    AGENTS_IN_CONTAINER,
    TMP_IN_CONTAINER,
    Bounds,
    create_container,
    first_uid,
    in_thread,
    let_in,
    remove_container,
    socket_group,
    start_container,
)
from creator.isolation.frames import Output
from creator.isolation.image import RUN_LABEL
from sandbox.cell import CellPlace
from sandbox.runtime import HardenedRuntime
from sandbox.supervisor import MEMORY_BYTES, supervise
from sandbox.zygote import exit_reason

BOUNDS: Final = Bounds(memory=MEMORY_BYTES, pids=64, cpus=1.0, tmp=16 << 20, inodes=256)
"""What each agent's container may use."""

STARTS_AT_ONCE: Final = 4
"""More containers than these are not started side by side: the engine would only take turns."""


class ContainersSandbox(EngineSandbox):
    """Runs the supervisor in this process, and each agent in a container of its own.

    Args:
        run_id: Label of the containers.
        base_image: What the image is built on.
        runtime: The engine's OCI runtime; None for its default.
        progress: Called with a line for each step of an image build.
    """

    summary = "a container for each agent, without network, read-only, limits on memory and processes"

    def __init__(self, run_id: str, base_image: str, runtime: str | None, progress: Callable[[str], None]) -> None:
        super().__init__(run_id, base_image, runtime, progress)
        self._stack = AsyncExitStack()
        self._connection: HardenedRuntime | None = None
        self._launching: set[asyncio.Future[Any]] = set()
        self._cells: list[_ContainerCell] = []

    async def start(self, modules: Path, sockets: Path, credential: str) -> None:
        """Build the image when it is missing, then register the supervisor."""
        image = await self._prepare()
        await in_thread(lambda: let_in(self._client, sockets / SOCKET_NAME))
        launcher = _ContainerLauncher(
            lambda number: self._create(image, modules, sockets, CELL, number),
            self._place,
            self._launching,
            self._cells,
        )
        supervisor = supervise(f"unix:{sockets / SOCKET_NAME}", credential, launcher, 1)
        self._connection = await self._stack.enter_async_context(supervisor)

    def _create(self, image: str, modules: Path, sockets: Path, program: str, number: int) -> Any:
        uid = first_uid() + number
        return create_container(
            self._client,
            image,
            program,
            run_id=self._run_id,
            modules=modules,
            sockets=sockets,
            bounds=BOUNDS,
            runtime=self._runtime,
            user=f"{uid}:{uid}",
            group_add=[str(socket_group())],
        )

    def _place(self, number: int) -> CellPlace:
        return CellPlace(
            address=ADDRESS, directory=Path(AGENTS_IN_CONTAINER), number=number, folders=Path(TMP_IN_CONTAINER)
        )

    async def stop(self) -> None:
        """Remove all containers of this run."""
        await self._stack.aclose()
        # One that is being created when its launch is cancelled has to be there before it can be found.
        await asyncio.gather(*self._launching, return_exceptions=True)
        for cell in self._cells:
            cell.let_go()
        if self._client is not None:
            await self._remove(await in_thread(self._find))
        self._close()

    def _find(self) -> list[Any]:
        filters = {"label": f"{RUN_LABEL}={self._run_id}"}
        return list(self._client.containers.list(all=True, filters=filters, ignore_removed=True))

    async def failure(self) -> str:
        """Wait until the supervisor has lost its host."""
        assert self._connection is not None
        await self._connection.lost.wait()
        return "the supervisor has lost its host"


class _ContainerLauncher:
    """Starts a container for each cell."""

    def __init__(
        self,
        create: Callable[[int], Any],
        place: Callable[[int], CellPlace],
        launching: set[asyncio.Future[Any]],
        cells: list[_ContainerCell],
    ) -> None:
        self._create = create
        self._place = place
        self._launching = launching
        self._cells = cells
        self._places = asyncio.Semaphore(STARTS_AT_ONCE)

    async def launch(self, number: int) -> _ContainerCell:
        """Start a container and tell it where it is; its agent's order comes next."""
        async with self._places:
            starting = asyncio.ensure_future(in_thread(lambda: self._start(number)))
            self._launching.add(starting)
            starting.add_done_callback(self._launching.discard)
            try:
                container, stream = await asyncio.shield(starting)
            except asyncio.CancelledError:
                starting.add_done_callback(_let_go)
                raise
        output = await Output.attach(stream)
        output.send(place_line(self._place(number)))
        cell = _ContainerCell(container, output)
        self._cells.append(cell)
        return cell

    def _start(self, number: int) -> tuple[Any, Any]:
        try:
            container = self._create(number)
            try:
                return container, start_container(container)
            except BaseException:
                remove_container(container)
                raise
        except SandboxUnavailable as error:
            # One cell's failure, not the sandbox's: the supervisor tells the World, which may try again.
            raise OSError(str(error)) from error


def _let_go(started: asyncio.Future[tuple[Any, Any]]) -> None:
    """Close the socket of a container that nobody waited for; the run's end removes the container."""
    if started.exception() is None:
        started.result()[1].close()


class _ContainerCell:
    """A cell in a container of its own, as the supervisor sees it."""

    def __init__(self, container: Any, output: Output) -> None:
        self.lines = output.lines
        self.ended: asyncio.Future[str] = asyncio.ensure_future(in_thread(self._wait))
        self._container = container
        self._output = output
        self._killed = False
        self.ended.add_done_callback(lambda done: self.let_go())

    def send(self, line: bytes) -> None:
        """Write an order to its standard input."""
        self._output.send(line)

    def kill(self) -> None:
        """Kill the container, and with it everything that runs in it."""
        if not self._killed:
            self._killed = True
            self.let_go()
            killing = asyncio.ensure_future(in_thread(lambda: remove_container(self._container)))
            killing.add_done_callback(lambda done: done.exception())

    def let_go(self) -> None:
        """Neither tell it anything any more, nor listen."""
        self._output.close()

    def resident_bytes(self) -> int:
        """Nothing: the container's own limit is the kernel's to watch."""
        return 0

    def _wait(self) -> str:
        import docker.errors
        import requests.exceptions

        with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
            return _exit_reason(int(self._container.wait(condition="not-running")["StatusCode"]))
        return "its container is gone"


def _exit_reason(code: int) -> str:
    """How a container's first process ended, which gives a signal as 128 and its number."""
    if code == 128 + signal.SIGKILL:
        return f"over its memory limit of {MEMORY_BYTES >> 20} MiB"
    return exit_reason(128 - code if 128 < code < 160 else code)
