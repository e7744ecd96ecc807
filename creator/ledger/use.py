"""Whether a ledger is in use, told by SQLite's own locks, without touching it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from creator.ledger.store import FILE_NAME

_SHARED_FIRST: Final = 0x40000002
_SHARED_SIZE: Final = 510
"""The bytes that SQLite locks for reading (https://sqlite.org/src/file/src/os.h); a connection to a database with a
write-ahead log does so for as long as it is open."""


def in_use(directory: Path) -> bool:
    """Whether another process has the ledger of a run open: the run itself, or whoever reads it.

    Args:
        directory: The run's folder.
    """
    import fcntl

    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(directory / FILE_NAME, flags)
    except OSError:
        return False  # there is none that could be open
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:
        return False  # a file system without locks
    finally:
        os.close(descriptor)
    return False
