"""System calls that the standard library has no function for."""

from __future__ import annotations

import ctypes
import errno
import functools
import sys
from typing import Any, Final

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAPBSET_DROP: Final = 24
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x20080522
_CAPABILITIES: Final = 64
"""More than the kernel knows; those that it does not know it refuses."""


@functools.cache
def _library() -> Any:
    """The C library, its ``syscall`` giving a whole register; None where this is not Linux."""
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(None, use_errno=True)
        library.syscall.restype = ctypes.c_long
        library.prctl.restype = ctypes.c_int
    except (OSError, AttributeError):
        return None
    return library


def system_call(number: int, *arguments: int) -> int:
    """Make a system call.

    Args:
        number: Its number on this architecture.
        arguments: Up to six; pointers as addresses.

    Returns:
        What the kernel answers: its result, or an error's number negated. ``-ENOSYS`` where this is not Linux.
    """
    library = _library()
    if library is None:
        return -errno.ENOSYS
    # As whole registers: ctypes takes a Python integer for a C int, which leaves the upper half to chance.
    result = int(library.syscall(ctypes.c_long(number), *(ctypes.c_ulong(argument) for argument in arguments)))
    return result if result != -1 else -ctypes.get_errno()


def prctl(option: int, *arguments: int) -> bool:
    """Change how the kernel treats the calling thread, or its process.

    Returns:
        Whether it did. False where this is not Linux.
    """
    library = _library()
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return library is not None and int(library.prctl(option, *map(ctypes.c_ulong, padded))) == 0


def gain_no_privileges() -> bool:
    """Set ``no_new_privs`` for the calling thread, without which the kernel takes neither a filter nor a ruleset."""
    return prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_all_capabilities() -> bool:
    """Give up what root may do, for good.

    Returns:
        Whether the kernel took them. False where this is not Linux.
    """
    library = _library()
    if library is None:
        return False
    for capability in range(_CAPABILITIES):
        prctl(_PR_CAPBSET_DROP, capability)
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    return int(library.capset(header, (ctypes.c_uint32 * 6)())) == 0
