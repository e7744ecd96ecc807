"""Which backend a run gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from creator.isolation.base import Capacity, Sandbox, SandboxUnavailable
from creator.isolation.bubblewrap import BubblewrapSandbox
from creator.isolation.containers import ContainersSandbox
from creator.isolation.docker import DockerSandbox
from creator.isolation.image import ImageMissing
from creator.isolation.process import ProcessSandbox
from creator.settings import SpawnSettings

READY_SECONDS: Final = 60.0
"""How long a started sandbox may take until its supervisor has registered."""


@asynccontextmanager
async def open_sandbox(
    settings: SpawnSettings,
    *,
    run_id: str,
    code: bool,
    modules: Path,
    sockets: Path,
    credential: str,
    progress: Callable[[str], None],
    ready: Callable[[], Awaitable[None]],
) -> AsyncIterator[Sandbox]:
    """Start the wanted backend, or with ``auto`` the strongest that works here.

    Args:
        settings: Which one is wanted (``auto``: Docker, else bubblewrap, else a plain process), how many agents it
            has to hold, and how they are kept apart.
        run_id: The run, to label what is started.
        code: Whether a model writes the modules' code, which a plain process takes only when the user insists.
        modules: Folder of the run's modules.
        sockets: Folder of the host's socket.
        credential: The supervisor's credential.
        progress: Called with a line for what takes long, and for each backend that is passed over.
        ready: Waits until the supervisor has registered on the host.

    Raises:
        SandboxUnavailable: The wanted backend cannot run here.
    """
    names = _candidates(settings)
    for name in names:
        sandbox = _make(name, settings, run_id, progress)
        try:
            try:
                if name == "process" and code and not settings.unsafe:
                    raise SandboxUnavailable(
                        "a plain process is too thin a wall for code that a model wrote: install Docker or bubblewrap, "
                        "or say --unsafe"
                    )
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


async def inspect_sandbox(settings: SpawnSettings) -> tuple[str, dict[str, str]]:
    """What is in force in the sandbox that a run with these settings would get.

    Returns:
        The backend's name, and the facts by name.

    Raises:
        SandboxUnavailable: None of the wanted ones can be started, or Docker's image has to be built first.
    """
    names = _candidates(settings)
    for name in names:
        sandbox = _make(name, settings, "doctor", lambda line: None)
        try:
            return name, await sandbox.facts()
        except SandboxUnavailable as error:
            if name == names[-1] or isinstance(error, ImageMissing):
                raise
    raise AssertionError("there is always one")


def _candidates(settings: SpawnSettings) -> list[str]:
    """The backends that come into question, strongest first."""
    if settings.isolation == "container" and settings.agents_per_cell > 1:
        raise SandboxUnavailable("--isolation container gives each agent its own: leave --agents-per-cell out")
    if settings.isolation == "container" or settings.runtime is not None:
        if settings.sandbox not in ("auto", "docker"):
            option = "--runtime" if settings.runtime is not None else "--isolation container"
            raise SandboxUnavailable(f"{option} needs Docker: leave --sandbox {settings.sandbox} out")
        return ["docker"]
    if settings.sandbox != "auto":
        return [settings.sandbox]
    return ["docker", "bubblewrap", "process"]


def _make(name: str, settings: SpawnSettings, run_id: str, progress: Callable[[str], None]) -> Sandbox:
    capacity = Capacity(settings.most_agents, settings.agents_per_cell)
    if name == "bubblewrap":
        return BubblewrapSandbox(capacity)
    if name == "process":
        return ProcessSandbox(capacity)
    engine = (run_id, settings.base_image, settings.runtime, progress)
    if settings.isolation == "container":
        return ContainersSandbox(*engine)
    return DockerSandbox(capacity, *engine)


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
