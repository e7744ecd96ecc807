"""Which backend a run gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

from creator.isolation.base import Sandbox, SandboxUnavailable
from creator.isolation.bubblewrap import BubblewrapSandbox
from creator.isolation.docker import DockerSandbox
from creator.isolation.process import ProcessSandbox

READY_SECONDS: Final = 60.0
"""How long a started sandbox may take until its supervisor has registered."""


@asynccontextmanager
async def open_sandbox(
    wanted: Literal["auto", "docker", "bubblewrap", "process"],
    *,
    cells: int,
    run_id: str,
    base_image: str,
    modules: Path,
    sockets: Path,
    credential: str,
    progress: Callable[[str], None],
    ready: Callable[[], Awaitable[None]],
) -> AsyncIterator[Sandbox]:
    """Start the wanted backend, or with ``auto`` the strongest that works here.

    Args:
        wanted: A backend's name, or ``auto`` for Docker, else bubblewrap, else a plain process.
        cells: How many agents it has to hold.
        run_id: The run, to label what is started.
        base_image: What the container image is built on.
        modules: Folder of the run's modules.
        sockets: Folder of the host's socket.
        credential: The supervisor's credential.
        progress: Called with a line for what takes long, and for each backend that is passed over.
        ready: Waits until the supervisor has registered on the host.

    Raises:
        SandboxUnavailable: The wanted backend cannot run here.
    """
    backends: dict[str, Callable[[], Sandbox]] = {
        "docker": lambda: DockerSandbox(cells, run_id, base_image, progress),
        "bubblewrap": BubblewrapSandbox,
        "process": ProcessSandbox,
    }
    names = list(backends) if wanted == "auto" else [wanted]
    for name in names:
        sandbox = backends[name]()
        try:
            try:
                await sandbox.start(modules, sockets, credential)
                await _until_ready(sandbox, ready)
            except SandboxUnavailable as error:
                if name == names[-1]:
                    raise
                progress(f"sandbox {name} is not available: {error}")
                continue
            yield sandbox
            return
        finally:
            await sandbox.stop()


async def _until_ready(sandbox: Sandbox, ready: Callable[[], Awaitable[None]]) -> None:
    """Wait for the supervisor; a sandbox that ends before is not available, for the reason that it gives."""
    waiting, failing = asyncio.ensure_future(ready()), asyncio.ensure_future(sandbox.failure())
    try:
        await asyncio.wait({waiting, failing}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return
        if failing.done():
            raise SandboxUnavailable(failing.result())
        raise SandboxUnavailable(f"the {sandbox.name} sandbox did not get ready within {READY_SECONDS:g} s")
    finally:
        waiting.cancel()
        failing.cancel()
        await asyncio.gather(waiting, failing, return_exceptions=True)
