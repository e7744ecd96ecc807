"""A Docker container: no network, read-only root, a user for each agent, its own pids, bounded memory."""

from __future__ import annotations

import asyncio
import functools
import os
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from creator.isolation.base import (
    FACTS,
    FACTS_SECONDS,
    SOCKET_NAME,
    SUPERVISOR,
    Capacity,
    Sandbox,
    SandboxUnavailable,
    order_line,
    parse_facts,
    place_line,
)
from creator.isolation.engine import (
    ADDRESS,
    AGENTS_IN_CONTAINER,
    TMP_IN_CONTAINER,
    Bounds,
    connect,
    create_container,
    first_uid,
    in_thread,
    let_in,
    remove_container,
    socket_group,
    start_container,
)
from creator.isolation.frames import Output
from creator.isolation.image import ensure_image, find_image
from creator.isolation.leftovers import remove_dead_containers
from sandbox.cell import CellPlace
from sandbox.supervisor import SupervisorOrder

CAPABILITIES: Final = ("SETUID", "SETGID", "KILL")
"""What the supervisor needs to give each cell a user of its own and to end it; the cells have none."""


class EngineSandbox(Sandbox):
    """A backend on the Docker engine: builds the image, and removes what dead runs left.

    Args:
        run_id: Label of its containers.
        base_image: What the image is built on.
        runtime: The engine's OCI runtime, such as ``runsc``; None for the engine's default.
        progress: Called with a line for each step of an image build.
    """

    name = "docker"

    def __init__(self, run_id: str, base_image: str, runtime: str | None, progress: Callable[[str], None]) -> None:
        self._run_id = run_id
        self._base_image = base_image
        self._runtime = runtime
        self._progress = progress
        self._client: Any = None

    @abstractmethod
    def _create(self, image: str, modules: Path, sockets: Path, program: str, number: int) -> Any:
        """Create a container for one of our programs; blocking. The number tells the containers of a run apart."""

    @abstractmethod
    def _place(self, number: int) -> CellPlace:
        """Where the cells of that container live."""

    async def _prepare(self) -> str:
        """Connect to the engine and give the image's name; it is built when it is missing."""
        loop = asyncio.get_running_loop()

        def say(line: str) -> None:
            loop.call_soon_threadsafe(self._progress, line)

        self._client = await in_thread(connect)
        await in_thread(lambda: remove_dead_containers(self._client))
        return await in_thread(lambda: ensure_image(self._client, self._base_image, say))

    async def facts(self) -> dict[str, str]:
        """Start a container for this, and give what it found; the image has to be there already."""
        self._client = await in_thread(connect)
        output: Output | None = None
        try:
            image = await in_thread(lambda: find_image(self._client, self._base_image))
            with tempfile.TemporaryDirectory() as folder:
                container = await in_thread(lambda: self._create(image, Path(folder), Path(folder), FACTS, 0))
                try:
                    output = await Output.attach(await in_thread(lambda: start_container(container)))
                    output.send(place_line(self._place(0)))
                    async with asyncio.timeout(FACTS_SECONDS):
                        line = await output.lines.readline()
                    return parse_facts(line, output.last_line())
                except TimeoutError:
                    raise SandboxUnavailable("the container did not answer") from None
                finally:
                    await in_thread(lambda: remove_container(container))
        finally:
            if output is not None:
                output.close()
            self._close()

    async def _remove(self, containers: Sequence[Any]) -> None:
        """Remove containers at a run's end; one that stays is told of, and left to the next run."""
        removals = (in_thread(functools.partial(remove_container, one)) for one in containers)
        for result in await asyncio.gather(*removals, return_exceptions=True):
            if isinstance(result, SandboxUnavailable):
                self._progress(f"{result}; the next run tries it again")
            elif isinstance(result, BaseException):
                raise result

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class DockerSandbox(EngineSandbox):
    """Runs the supervisor and all cells in one container.

    Args:
        capacity: What it has to hold; sets its limits on memory and processes.
        run_id: Label of the container.
        base_image: What the image is built on.
        runtime: The engine's OCI runtime; None for its default.
        progress: Called with a line for each step of an image build.
    """

    summary = "container without network, read-only, a user for each agent, limits on memory and processes"

    def __init__(
        self,
        capacity: Capacity,
        run_id: str,
        base_image: str,
        runtime: str | None,
        progress: Callable[[str], None],
    ) -> None:
        super().__init__(run_id, base_image, runtime, progress)
        self._capacity = capacity
        self._container: Any = None
        self._stream: Any = None
        self._output: Output | None = None

    async def start(self, modules: Path, sockets: Path, credential: str) -> None:
        """Build the image when it is missing, then start the container."""
        image = await self._prepare()
        # A cancelled start must know its container, or nobody would remove it: it is waited for.
        starting = asyncio.ensure_future(in_thread(lambda: self._start(image, modules, sockets)))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.gather(starting, return_exceptions=True)
            raise
        self._output = await Output.attach(self._stream)
        self._output.send(order_line(SupervisorOrder(credential=credential, place=self._place(0))))

    def _start(self, image: str, modules: Path, sockets: Path) -> None:
        let_in(self._client, sockets / SOCKET_NAME)
        self._container = self._create(image, modules, sockets, SUPERVISOR, 0)
        self._stream = start_container(self._container)

    def _create(self, image: str, modules: Path, sockets: Path, program: str, number: int) -> Any:
        return create_container(
            self._client,
            image,
            program,
            run_id=self._run_id,
            modules=modules,
            sockets=sockets,
            bounds=self._bounds(),
            runtime=self._runtime,
            capabilities=CAPABILITIES,
            user=f"0:{socket_group()}",
        )

    def _place(self, number: int) -> CellPlace:
        return CellPlace(
            address=ADDRESS,
            directory=Path(AGENTS_IN_CONTAINER),
            first_uid=first_uid(),
            folders=Path(TMP_IN_CONTAINER),
            agents=self._capacity.agents_per_cell,
        )

    def _bounds(self) -> Bounds:
        return Bounds(
            memory=self._capacity.memory,
            pids=self._capacity.pids,
            cpus=max(1.0, 0.75 * (os.cpu_count() or 1)),
            tmp=64 << 20,
            inodes=4_096,
        )

    async def stop(self) -> None:
        """Remove the container and all its processes."""
        if self._output is not None:
            self._output.close()
        elif self._stream is not None:
            self._stream.close()
        container, self._container = self._container, None
        if container is not None:
            await self._remove([container])
        self._close()

    async def failure(self) -> str:
        """Wait for the container's end; the last line that it wrote is the reason."""
        assert self._output is not None
        await asyncio.wait([self._output.ended])
        return f"the container ended: {self._output.last_line() or 'no reason given'}"
