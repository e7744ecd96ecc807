"""System calls that the standard library has no function for."""

from __future__ import annotations

import ctypes
import errno
import functools
import sys
from typing import Any, Final

_PR_SET_NO_NEW_PRIVS: Final = 38


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


def gain_no_privileges() -> bool:
    """Set ``no_new_privs`` for the calling thread, without which the kernel takes neither a filter nor a ruleset."""
    library = _library()
    return library is not None and library.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))) == 0
