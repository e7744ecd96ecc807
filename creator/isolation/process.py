"""A plain child process: what its cells give up is all that confines them. For template-filled modules only."""

from __future__ import annotations

import tempfile
from pathlib import Path

from creator.isolation.base import (
    CELL_ENVIRONMENT,
    PACKAGE,
    SOCKET_NAME,
    Capacity,
    Plan,
    SubprocessSandbox,
    python_command,
)
from creator.isolation.leftovers import CELLS_FOLDER_PREFIX
from creator.isolation.marks import process_mark
from sandbox.cell import CellPlace


class ProcessSandbox(SubprocessSandbox):
    """Runs the supervisor and its cells as ordinary processes of this user."""

    name = "process"
    summary = (
        "plain processes without namespaces, confined by filters of the kernel: template-filled agents only, "
        "install Docker or bubblewrap for a second wall"
    )

    def __init__(self, capacity: Capacity) -> None:
        super().__init__(capacity)
        self._home: tempfile.TemporaryDirectory[str] | None = None

    async def _plan(self, modules: Path, sockets: Path, program: str) -> Plan:
        """In an empty folder of its own."""
        prefix = f"{CELLS_FOLDER_PREFIX}{process_mark()}-"
        self._home = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        environment = {
            **CELL_ENVIRONMENT,
            "PATH": "/usr/bin:/bin",
            "HOME": self._home.name,
            "TMPDIR": self._home.name,
            "PYTHONPATH": str(PACKAGE.parent),
        }
        place = CellPlace(
            address=f"unix:{sockets / SOCKET_NAME}",
            directory=modules,
            agents=self._capacity.agents_per_cell,
            filtered=True,
        )
        return Plan(python_command(program), environment, Path(self._home.name), place)

    async def stop(self) -> None:
        """Kill everything and remove the folder."""
        await super().stop()
        if self._home is not None:
            self._home.cleanup()
            self._home = None
