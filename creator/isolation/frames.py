"""A container's standard streams, as the Docker engine carries them over one socket."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from sandbox.channel import MAX_LINE_BYTES

_STDOUT: Final = 1
_HEADER_BYTES: Final = 8
"""One byte for the stream, three of nothing, four for the size of what follows."""
_TAIL_BYTES: Final = 4_096


class Output:
    """Sends to a container's standard input, and takes what it writes.

    What it writes to its standard output can be read as lines; of its errors only the end is kept, so that it
    cannot fill our memory.

    Args:
        reader: The engine's socket.
        writer: The same.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        self.ended: asyncio.Task[None] = asyncio.create_task(self._take(reader))
        self._writer = writer
        self._errors = b""

    @classmethod
    async def attach(cls, stream: socket.socket) -> Output:
        """Take over the engine's socket of an attached container."""
        stream.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=stream)
        return cls(reader, writer)

    def send(self, data: bytes) -> None:
        """Write to the container's standard input."""
        self._writer.write(data)

    def last_line(self) -> str:
        """The last line of its errors so far, bounded; empty when there is none."""
        lines = self._errors.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def close(self) -> None:
        """Let go of it; its standard input ends."""
        self.ended.cancel()
        self._writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                header = await reader.readexactly(_HEADER_BYTES)
                left = int.from_bytes(header[4:], "big")
                while left:
                    data = await reader.read(min(left, _TAIL_BYTES))
                    if not data:
                        return
                    left -= len(data)
                    if header[0] == _STDOUT:
                        self.lines.feed_data(data)
                    else:
                        self._errors = (self._errors + data)[-_TAIL_BYTES:]
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it has ended
        finally:
            self.lines.feed_eof()
