"""Reading files that somebody else may have put there, and telling whether they are what they were."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path, PurePath
from typing import Final

MAX_FILE_BYTES: Final = 1_000_000

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # no pipe is waited for
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)


def read_within(folder: Path, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """A regular file of a folder, never through a link.

    Args:
        folder: What the file has to lie in.
        name: Its path below the folder.
        limit: Most bytes that it may have.

    Raises:
        OSError: It cannot be read; FileNotFoundError when there is none.
        ValueError: It is a link or lies behind one, is no regular file, or is too large; the text says which.
    """
    path = folder
    for part in PurePath(name).parts:
        path /= part
        if path.is_symlink():
            raise ValueError(f"{part!r} is a link")
    return read_bounded(path, limit, follow=False)


def read_bounded(path: Path, limit: int = MAX_FILE_BYTES, *, follow: bool = True) -> bytes:
    """A regular file.

    Args:
        path: The file.
        limit: Most bytes that it may have.
        follow: Whether it may be a link.

    Raises:
        OSError: It cannot be read; FileNotFoundError when there is none.
        ValueError: It is no regular file, or too large; the text says which.
    """
    descriptor = os.open(path, _FLAGS | (0 if follow else _NO_LINK))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise ValueError(f"it is larger than {limit:,} bytes")
    return data


def digest(data: bytes | str) -> str:
    """SHA-256 of a file, or of a text as a file holds it, in hexadecimal."""
    return hashlib.sha256(data.encode("utf-8") if isinstance(data, str) else data).hexdigest()
