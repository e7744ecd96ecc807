"""What a person types, or a pipe holds, a line at a time."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import termios
from typing import Final, TextIO

_MAX_LINE: Final = 4_096
"""Bytes: as much as a terminal takes in a line; a pipe's longer line arrives in parts."""


class Answers:
    """Lines of a stream, awaited while everything else goes on.

    The descriptor is read only once there is something to read. So a wait that is cancelled ends at once, leaves no
    thread behind that would hold up the program's end, and takes nothing that was meant for the shell.

    Args:
        stream: Standard input, as a rule. Nothing else may read from it. None: it was closed.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.interactive = stream is not None and stream.isatty()
        self._descriptor = _descriptor(stream)
        self._read = b""

    async def line(self) -> str | None:
        """The next line without its end, or None when there is no other."""
        if self._descriptor is None:
            text = self.stream.readline() if self.stream is not None else ""  # in memory: it never blocks
            return text.rstrip("\n") if text else None
        while b"\n" not in self._read and len(self._read) < _MAX_LINE:
            await _readable(self._descriptor)
            try:
                data = os.read(self._descriptor, _MAX_LINE)
            except BlockingIOError:
                continue  # another process was quicker
            except OSError:
                data = b""  # the terminal has gone
            if not data:
                break
            self._read += data
        line, end, self._read = self._read.partition(b"\n")
        return line.decode("utf-8", "replace") if line or end else None

    def drop_typed_ahead(self) -> None:
        """Forget what was typed before a question was shown: it cannot have been meant for it. A pipe loses nothing."""
        if self.interactive and self._descriptor is not None:
            self._read = b""
            with contextlib.suppress(termios.error):
                termios.tcflush(self._descriptor, termios.TCIFLUSH)


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except io.UnsupportedOperation:
        return None


async def _readable(descriptor: int) -> None:
    """Wait until reading the descriptor would not block."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:
        await asyncio.sleep(0)  # a file: it can always be read
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
