"""Files by Landlock: a thread gives up every file and folder that is not named, for itself and all it starts.

Source of the numbers and of what each version of the kernel's interface (its ABI) knows: include/uapi/linux/landlock.h
and Documentation/userspace-api/landlock.rst of Linux.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from enum import IntFlag
from pathlib import Path
from typing import Final

from sandbox.confinement.kernel import gain_no_privileges, system_call

# The same on every architecture, as all that are newer than Linux 5.1.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446

_CREATE_RULESET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1


class Access(IntFlag):
    """What may be done with files."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15
    RESOLVE_UNIX = 1 << 16


_FILE_RIGHTS_SINCE: Final = {
    1: (Access.MAKE_SYM << 1) - 1,
    2: Access.REFER,
    3: Access.TRUNCATE,
    5: Access.IOCTL_DEV,
    9: Access.RESOLVE_UNIX,
}
_NETWORK_RIGHTS_SINCE: Final = {4: 0b11, 10: 0b1100}
"""To bind and to connect: of TCP, then of UDP."""
_SCOPES_SINCE: Final = {6: 0b11}
"""To connect to an abstract socket, and to send a signal, only within what is restricted by the same ruleset."""

READING: Final = Access.READ_FILE | Access.READ_DIR | Access.RESOLVE_UNIX
"""Not EXECUTE: shared libraries are mapped, which takes no more than to read them."""

_KEEPING: Final = Access.MAKE_REG | Access.MAKE_DIR | Access.REMOVE_FILE | Access.REMOVE_DIR | Access.REFER

WRITING: Final = Access.READ_FILE | Access.READ_DIR | Access.WRITE_FILE | Access.TRUNCATE | _KEEPING
"""REFER lets a file move from one folder to another, both of which have to be writable."""

OF_A_FILE: Final = Access.READ_FILE | Access.WRITE_FILE | Access.TRUNCATE
"""The other rights are a folder's, and the kernel refuses them for a file."""


def landlock_abi() -> int:
    """The version of Landlock's interface that the kernel offers; 0 where it has none or refuses to tell."""
    return max(0, system_call(_CREATE_RULESET, 0, 0, _CREATE_RULESET_VERSION))


def restrict_files(readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Give up all files besides these, all of TCP, and abstract sockets and signals of other processes, for ever.

    To be called while the process has one thread: it binds the calling thread and whatever that starts later. What is
    open already stays open. Nothing is ever executed, no device that is opened later takes an ioctl, and no symbolic
    link, socket or FIFO can be made. Landlock does not guard modes, owners and times of files, nor whether they exist,
    nor, before Linux 7.1, connections to a socket that has a path.

    Args:
        readable: Files and folders to read, with all beneath them; what does not exist is passed over.
        writable: Folders in which regular files and folders can be made, read, changed and removed as well, and files
            to read and write; what does not exist is passed over.

    Returns:
        The ABI in force, with which the guarantees grow: from 3 on nothing outside can be truncated, from 4 on there
        is no TCP, from 6 on no abstract socket and no signal leads out. 0 when nothing is restricted, because the
        kernel has no Landlock, or something, such as an older Docker, keeps it from this process.
    """
    abi = landlock_abi()
    files = _known(_FILE_RIGHTS_SINCE, abi)
    # Older kernels know the first one or two of these only, and take the rest as long as it is zero.
    attributes = struct.pack("=QQQ", files, _known(_NETWORK_RIGHTS_SINCE, abi), _known(_SCOPES_SINCE, abi))
    if abi == 0 or not gain_no_privileges():
        return 0
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = system_call(_CREATE_RULESET, ctypes.addressof(buffer), len(attributes), 0)
    if ruleset < 0:
        return 0
    try:
        for path in readable:
            _allow(ruleset, path, READING & files)
        for path in writable:
            _allow(ruleset, path, WRITING & files)
        return abi if system_call(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _known(since: dict[int, int], abi: int) -> int:
    """All that a kernel of this ABI knows; to name more would make it refuse the whole."""
    return sum(rights for version, rights in since.items() if version <= abi)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Except a path from what is given up. What cannot be reached, or is nothing of a file system, stays given up."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= OF_A_FILE
        rule = struct.pack("=Qi", rights, descriptor)
        buffer = ctypes.create_string_buffer(rule, len(rule))
        system_call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.addressof(buffer), 0)
    finally:
        os.close(descriptor)
