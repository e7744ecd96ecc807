"""What a cell gives up before it imports its module: privileges, its user, and all but a little of everything."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Sequence
from typing import Final

from sandbox.confinement.kernel import gain_no_privileges, prctl

DATA_BYTES: Final = 512 << 20
CPU_SECONDS: Final = 300
"""Processor time of a cell's whole life; an agent that thinks through the model needs a few seconds."""
PROCESSES: Final = 64
"""What a cell with a user of its own may start; grpc's threads count, about twenty."""
FILE_BYTES: Final = 16 << 20
"""The largest file in a cell's own folder."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4

_LIMITS: Final[Sequence[tuple[int, int]]] = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NOFILE, 256),
    (resource.RLIMIT_DATA, DATA_BYTES),
    (resource.RLIMIT_MEMLOCK, 64 << 10),
)


def confine_process() -> None:
    """Linux only: die with the parent, gain no privileges, and let no other process of this user read our memory."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    gain_no_privileges()
    prctl(_PR_SET_DUMPABLE, 0)


def become(uid: int) -> None:
    """Change to a user of this cell's own; all capabilities go with root."""
    # The supervisor's group stays: the host's socket has it, and nothing else that a cell can see.
    os.setgroups([os.getgid()])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))


def limit_resources(*, may_write: bool) -> None:
    """Set the limits of a cell, soft and hard; a hard limit that is lower already stays.

    Args:
        may_write: Whether it has a folder to write to. Otherwise no file of its can grow at all.
    """
    for limit, value in (*_LIMITS, (resource.RLIMIT_FSIZE, FILE_BYTES if may_write else 0)):
        _, hard = resource.getrlimit(limit)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (bound, bound))
    # At the first of these a process gets a signal of its own, by which its end is known; at the second it is killed.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))


def ignore_terminal() -> None:
    """Leave Ctrl-C to the World, and the terminal and its logs to nobody: standard streams lead nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
