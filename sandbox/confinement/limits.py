"""What a cell gives up before it imports its module: privileges, its user, and all but a little of everything."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Sequence
from typing import Final

DATA_BYTES: Final = 512 << 20
CPU_SECONDS: Final = 300
"""Processor time of a cell's whole life; an agent that thinks through the model needs a few seconds."""
PROCESSES: Final = 64
"""What a cell with a user of its own may start; grpc's threads count, about twenty."""
FILE_BYTES: Final = 16 << 20
"""The largest file in a cell's own folder."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAPBSET_DROP: Final = 24
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x20080522
_CAPABILITIES: Final = 64
"""More than the kernel knows; those that it does not know it refuses."""

_LIMITS: Final[Sequence[tuple[int, int]]] = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NOFILE, 256),
    (resource.RLIMIT_DATA, DATA_BYTES),
    (resource.RLIMIT_MEMLOCK, 64 << 10),
    (resource.RLIMIT_CPU, CPU_SECONDS),
)


def confine_process() -> None:
    """Linux only: die with the parent, gain no privileges, and let no other process of this user read our memory."""
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def drop_capabilities() -> None:
    """Linux only: give up what root may do, for good. Its files stay readable to one who runs us as root."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        prctl, capset = libc.prctl, libc.capset
    except (OSError, AttributeError):
        return
    for capability in range(_CAPABILITIES):
        prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    capset(header, (ctypes.c_uint32 * 6)())


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


def ignore_terminal() -> None:
    """Leave Ctrl-C to the World, and the terminal and its logs to nobody: standard streams lead nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
