"""A plain child process: no wall, only a scrubbed environment and limits. For template-filled modules only."""

from __future__ import annotations

import tempfile
from pathlib import Path

from creator.isolation.base import (
    CELL_ENVIRONMENT,
    PACKAGE,
    SOCKET_NAME,
    SubprocessSandbox,
    supervisor_command,
)


class ProcessSandbox(SubprocessSandbox):
    """Runs the supervisor and its cells as ordinary processes of this user."""

    name = "process"
    line = (
        "process: plain child processes with limits and no wall, template-filled agents only; "
        "install Docker or bubblewrap for a real sandbox"
    )

    def __init__(self) -> None:
        super().__init__()
        self._home: tempfile.TemporaryDirectory[str] | None = None

    async def start(self, modules: Path, sockets: Path, credential: str) -> None:
        """Start the supervisor in an empty folder of its own."""
        self._home = tempfile.TemporaryDirectory(prefix="creator-cells-", ignore_cleanup_errors=True)
        environment = {
            **CELL_ENVIRONMENT,
            "PATH": "/usr/bin:/bin",
            "HOME": self._home.name,
            "TMPDIR": self._home.name,
            "PYTHONPATH": str(PACKAGE.parent),
        }
        command = supervisor_command(f"unix:{sockets / SOCKET_NAME}", str(modules))
        await self._launch(command, environment, Path(self._home.name), credential)

    async def stop(self) -> None:
        """Kill everything and remove the folder."""
        await super().stop()
        if self._home is not None:
            self._home.cleanup()
            self._home = None
