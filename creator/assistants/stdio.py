"""The protocol's way in and out: standard input and output, which belong to it alone while it is spoken.

The SDK reads standard input in a thread, which nothing can end before the client says something; here both ends are
waited for by the event loop, so that Ctrl-C ends the server at once.
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import anyio

from creator.errors import EnvironmentFault

MAX_MESSAGE_BYTES: Final = 4_000_000
"""A longer message is no message."""
_CHUNK: Final = 65_536


@contextmanager
def claimed() -> Iterator[tuple[int, int]]:
    """The descriptors to read from and write to; whatever else reads finds nothing, and what it prints goes to stderr.

    Raises:
        EnvironmentFault: Standard input or output is closed.
    """
    sys.stdout.flush()
    try:
        ours = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3), fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    except OSError:
        raise EnvironmentFault("The protocol needs standard input and output, and one of them is closed.") from None
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        yield ours
    finally:
        os.close(nothing)
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        for place, descriptor in enumerate(ours):
            os.dup2(descriptor, place)
            os.close(descriptor)


async def lines(descriptor: int) -> AsyncIterator[str]:
    """The lines that come in, without their ends; one that is too long is left out."""
    buffer = bytearray()
    too_long = False
    while data := await _read(descriptor):
        *ended, rest = data.split(b"\n")
        for part in ended:
            buffer += part
            if not too_long and len(buffer) <= MAX_MESSAGE_BYTES:
                yield buffer.decode("utf-8", "replace")
            buffer.clear()
            too_long = False
        buffer += rest
        if len(buffer) > MAX_MESSAGE_BYTES:
            buffer.clear()
            too_long = True


async def _read(descriptor: int) -> bytes:
    with suppress(PermissionError):  # a file, which never lets wait
        await anyio.wait_readable(descriptor)
    return os.read(descriptor, _CHUNK)


class Writer:
    """Writes what goes out, as the SDK wants it: with `write` and `flush`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def write(self, text: str) -> None:
        """Write all of a text.

        Raises:
            anyio.ClosedResourceError: Nobody reads any more.
        """
        data = memoryview(text.encode("utf-8"))
        while data:
            with suppress(PermissionError):
                await anyio.wait_writable(self._descriptor)
            try:
                # A pipe that can be written takes so much without letting wait.
                data = data[os.write(self._descriptor, data[: select.PIPE_BUF]) :]
            except BrokenPipeError:
                raise anyio.ClosedResourceError from None

    async def flush(self) -> None:
        """Everything is out already."""
