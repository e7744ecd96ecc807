"""Which backend a run gets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from creator.isolation.base import Sandbox, SandboxUnavailable
from creator.isolation.bubblewrap import BubblewrapSandbox
from creator.isolation.docker import DockerSandbox
from creator.isolation.process import ProcessSandbox


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
            except SandboxUnavailable as error:
                if name == names[-1]:
                    raise
                progress(f"sandbox {name} is not available: {error}")
                continue
            yield sandbox
            return
        finally:
            await sandbox.stop()
