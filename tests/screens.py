"""What a terminal shows: a screen that obeys what programs write to it, and programs that run on one."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

_CODE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b.|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f\x1b]+")


class Screen:
    """A screen of so many columns and rows, with the lines that have left it at the top.

    Only what our displays use is obeyed: line breaks, the cursor up, and a line that is erased; colours are left out,
    and every character is one column wide.

    Attributes:
        columns: Its width.
        rows: Its height.
        lines: All lines, those that have scrolled away first.
        cursor: Whether the cursor is shown.
        unknown: Control codes that it does not know.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self.lines = [""]
        self.cursor = True
        self.unknown: list[str] = []
        self._row = 0
        self._column = 0

    @property
    def shown(self) -> list[str]:
        """The lines that are on the screen now."""
        return [line.rstrip() for line in self.lines[-self.rows :]]

    def write(self, text: str) -> None:
        """Obey a piece of output; control codes in it are whole."""
        for match in _CODE.finditer(text):
            piece = match[0]
            if match[2] == "A":
                self._row = max(self._row - int(match[1] or 1), len(self.lines) - self.rows, 0)
            elif match[2] == "K" and match[1] == "2":
                self.lines[self._row] = ""
            elif match[2] in {"h", "l"} and match[1] == "?25":
                self.cursor = match[2] == "h"
            elif match[2] == "m":
                pass
            elif piece == "\r":
                self._column = 0
            elif piece == "\n":
                self._down()
            elif piece[0] in "\x1b" or piece < " " or piece == "\x7f":
                self.unknown.append(piece)
            else:
                self._put(piece)

    def _put(self, text: str) -> None:
        for character in text:
            if self._column == self.columns:
                self._column = 0
                self._down()
            line = self.lines[self._row].ljust(self._column)
            self.lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
            self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self.lines):
            self.lines.append("")


@contextmanager
def on_a_terminal(
    arguments: Sequence[str], columns: int, rows: int, environ: Mapping[str, str]
) -> Iterator[Callable[[], str]]:
    """Run a program on a terminal of its own.

    Args:
        arguments: Its command line.
        columns: The terminal's width.
        rows: The terminal's height.
        environ: The program's whole environment.

    Yields:
        A function that waits for the next output; it gives "" when the program has ended.
    """
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (rows, columns))
    process = subprocess.Popen(
        list(arguments), stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=dict(environ)
    )
    os.close(slave)

    def read() -> str:
        ready, _, _ = select.select([master], [], [], 60)
        assert ready, "nothing was shown for a minute"
        try:
            # The display writes whole lines at once; a piece that was cut goes on in the next one.
            raw = os.read(master, 65_536)
            while raw and (raw[-1] >= 0x80 or b"\x1b" in raw[-8:]) and select.select([master], [], [], 0.2)[0]:
                raw += os.read(master, 65_536)
        except OSError:  # the program has closed it
            raw = b""
        return raw.decode("utf-8", "replace")

    try:
        yield read
        process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
