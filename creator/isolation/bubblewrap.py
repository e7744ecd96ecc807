"""Bubblewrap: own user, pid, ipc, uts and net namespaces, and a file system of read-only binds."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Final

from creator.isolation.base import (
    CELL_ENVIRONMENT,
    PACKAGE,
    SOCKET_NAME,
    Plan,
    SandboxUnavailable,
    SubprocessSandbox,
    python_command,
)
from sandbox.cell import CellPlace

TMP_BYTES: Final = 64 << 20
NOBODY: Final = "65534"

_ISOLATION: Final = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
    *("--cap-drop", "ALL", "--clearenv", "--uid", NOBODY, "--gid", NOBODY),
)
_PROC_READ_ONLY: Final = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs")
"""What rules the machine: one who runs us as root could write to it, as far as files are concerned."""
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")


class BubblewrapSandbox(SubprocessSandbox):
    """Runs the supervisor and its cells behind kernel namespaces, without a container engine."""

    name = "bubblewrap"
    summary = "no network, read-only files, own namespaces, system calls filtered"

    async def _plan(self, modules: Path, sockets: Path, program: str) -> Plan:
        """Probe for the needed kernel features first."""
        command = [
            await probe(),
            *_ISOLATION,
            # Before the binds: an interpreter that lies in /tmp would be hidden by it.
            *("--size", str(TMP_BYTES), "--tmpfs", "/tmp"),  # noqa: S108 - a fresh one inside the sandbox
            *_system_binds(),
            *("--ro-bind", str(PACKAGE), "/opt/cell/sandbox"),
            *("--ro-bind", str(modules), "/run/agents"),
            *("--ro-bind", str(sockets), "/run/host"),
            *("--proc", "/proc", "--dev", "/dev"),
        ]
        for path in _PROC_READ_ONLY:
            command += ["--ro-bind-try", path, path]
        for folder, seen in self._group.binds() if self._group is not None else []:
            command += ["--ro-bind", folder, seen]
        command += ["--remount-ro", "/dev", "--remount-ro", "/"]
        environment = {**CELL_ENVIRONMENT, "PATH": "/usr/bin:/bin", "PYTHONPATH": "/opt/cell"}
        for name, value in environment.items():
            command += ["--setenv", name, value]
        command += ["--chdir", "/tmp", "--", *python_command(program)]  # noqa: S108
        place = CellPlace(
            address=f"unix:/run/host/{SOCKET_NAME}",
            directory=Path("/run/agents"),
            agents=self._capacity.agents_per_cell,
            filtered=True,
        )
        return Plan(command, {"PATH": "/usr/bin:/bin"}, Path("/"), place)


def _system_binds() -> list[str]:
    """Read-only binds of the system's libraries and of our interpreter with its packages, nothing else."""
    binds: list[str] = []
    for path in _SYSTEM:
        binds += ["--ro-bind-try", path, path]
    for prefix in dict.fromkeys((sys.base_prefix, sys.prefix)):
        if not Path(prefix).is_relative_to("/usr"):
            binds += ["--ro-bind", prefix, prefix]
    return binds


async def probe() -> str:
    """The path of a bubblewrap that works here.

    Raises:
        SandboxUnavailable: It is not installed, too old, or the kernel's settings forbid user namespaces.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxUnavailable("bubblewrap is not installed: install the package bubblewrap")
    process = await asyncio.create_subprocess_exec(
        program,
        *_ISOLATION,
        *_system_binds(),
        *("--proc", "/proc", "--dev", "/dev", "--"),
        *(sys.executable, "-I", "-S", "-c", ""),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await asyncio.wait_for(process.communicate(), 10)
    except TimeoutError:
        process.kill()
        raise SandboxUnavailable("bubblewrap did not answer within 10 s") from None
    if process.returncode != 0:
        reason = errors.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
        raise SandboxUnavailable(
            f"bubblewrap does not work here ({reason[0][:200]}); unprivileged user namespaces may be "
            "switched off: python -m creator doctor says what to do"
        )
    return program
