"""The lines that go between a cell, its supervisor and the World, over pipes and sockets."""

from __future__ import annotations

import asyncio
import os
import select
from typing import Final

HEARTBEAT: Final = b".\n"
"""What a cell sends again and again while its event loop runs; its other lines are reports."""

MAX_LINE_BYTES: Final = 16_384

FIRST_LINE_SECONDS: Final = 20.0
"""How long a process may wait to be told what it is for."""


def read_first_line() -> bytes:
    """One line from standard input, and no byte more: what follows is for other readers, or nobody's.

    A World that dies before it has sent that line must not leave a process waiting.

    Raises:
        SystemExit: It did not come.
    """
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([0], [], [], FIRST_LINE_SECONDS)
        byte = os.read(0, 1) if ready else b""
        if not byte:
            raise SystemExit("nobody said what this process is for")
        line += byte
    return line


async def read_lines(descriptor: int) -> asyncio.StreamReader:
    """A reader of lines of bounded length from a pipe or a socket, which it takes over."""
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader
