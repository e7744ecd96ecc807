"""A review on a real terminal: keys, Ctrl-C, an editor and a pager that use it too."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

COLOUR = re.compile("\x1b\\[[0-9;]*m")
QUESTION = "[l]ater  [q]uit  ?\n> "


class Terminal:
    """A terminal of 80 columns and 24 rows, with a person before it and a review on it."""

    def __init__(self, **environ: str) -> None:
        self._master, self._slave = pty.openpty()
        termios.tcsetwinsize(self._slave, (24, 80))
        self.settings = termios.tcgetattr(self._slave)
        self._raw = b""
        given = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.reviewed_run"],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            env={**given, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm", "LANG": "C.UTF-8", **environ},
        )

    @property
    def shown(self) -> str:
        """Everything so far, without colours."""
        return COLOUR.sub("", self._raw.decode("utf-8", "replace").replace("\r\n", "\n"))

    def read(self, text: str, times: int = 1) -> None:
        """Read the screen until a text has been shown so many times."""
        while self.shown.count(text) < times:
            ready, _, _ = select.select([self._master], [], [], 60)
            assert ready, f"{text!r} was never shown: {self.shown}"
            self._raw += os.read(self._master, 65_536)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Wait for the end, and show what was still to be shown."""
        while self.process.poll() is None:
            if select.select([self._master], [], [], 0.05)[0]:
                self.read_rest()
        self.read_rest()
        assert termios.tcgetattr(self._slave) == self.settings, "the terminal is as it was"
        assert self.shown.count("\x1b[?25l") == self.shown.count("\x1b[?25h"), "the cursor is back"
        assert "Traceback" not in self.shown
        return self.process.returncode

    def read_rest(self) -> None:
        while select.select([self._master], [], [], 0)[0]:
            self._raw += os.read(self._master, 65_536)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    @property
    def decisions(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(Path("decisions").read_text("utf-8"))
        return found


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    with contextlib.ExitStack() as stack:

        def make(**environ: str) -> Terminal:
            one = Terminal(**environ)
            stack.callback(one.close)
            return one

        yield make


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Makes a program of Python statements, as a value of EDITOR or PAGER."""

    def make(statements: str) -> str:
        path = tmp_path / "program.py"
        path.write_text(f"import os, pathlib, sys, time, tty\n{statements}\n")
        return f"{sys.executable} {path}"

    return make


def test_a_person_decides_and_the_display_goes_on_afterwards(terminal: Any) -> None:
    at = terminal()
    at.read(QUESTION)
    assert "told meanwhile" not in at.shown
    assert at.shown.rindex("\x1b[?25h") < at.shown.index("Ada, founder for freight"), "the counters are gone"
    assert "\x1b[?25l" not in at.shown.partition("Ada, founder")[2]
    at.type("a\n")
    at.read("told meanwhile")
    at.read(QUESTION, 2)
    at.type("r\n")
    at.read("Why?")
    at.type("too vague\n")
    assert at.end() == 0
    assert at.decisions == {"ada": "approved", "bo": "rejected"}


def test_what_was_typed_before_a_question_does_not_answer_it(terminal: Any) -> None:
    at = terminal()
    at.read(QUESTION)
    at.type("a\na\n")
    at.read(QUESTION, 2)
    at.type("l\n")
    assert at.end() == 0
    assert at.decisions == {"ada": "approved", "bo": "pending"}


@pytest.mark.parametrize("typed", ["", "appro", "r\n"])
def test_ctrl_c_ends_the_run(terminal: Any, typed: str) -> None:
    at = terminal()
    at.read(QUESTION)
    at.type(typed)
    if "\n" in typed:
        at.read("Why?")
    at.type("\x03")
    assert at.end() == 130
    assert at.decisions == {}


def test_ctrl_d_leaves_everything_waiting(terminal: Any) -> None:
    at = terminal()
    at.read(QUESTION)
    at.type("\x04")
    assert at.end() == 0
    assert at.decisions == {"ada": "pending", "bo": "pending"}
    assert at.shown.count("python -m creator agents approve NAME") == 1


def test_an_editor_has_the_terminal(terminal: Any, program: Callable[[str], str]) -> None:
    editor = program(
        "print('EDITING', os.isatty(0), os.isatty(1), flush=True)\n"
        "path = pathlib.Path(sys.argv[-1])\n"
        "path.write_text(path.read_text() + input())\n"
        "tty.setraw(0)"
    )
    at = terminal(EDITOR=editor)
    at.read(QUESTION)
    at.type("e\n")
    at.read("EDITING True True")
    at.type("EXTRA = 1\n")
    at.read(QUESTION, 2)
    at.type("e\n")
    at.read("EDITING True True", 2)
    at.type("\n")
    at.read("Nothing was changed.")
    at.read(QUESTION, 3)
    at.type("q\n")
    assert at.end() == 0
    assert at.decisions == {"ada": "edited", "bo": "pending"}


def test_an_interrupted_run_takes_the_terminal_back_from_the_editor(
    terminal: Any, program: Callable[[str], str], scratch: Path
) -> None:
    at = terminal(EDITOR=program("tty.setraw(0)\nprint('EDITING', flush=True)\ntime.sleep(600)"), TMPDIR=str(scratch))
    at.read(QUESTION)
    at.type("e\n")
    at.read("EDITING")
    at.process.send_signal(signal.SIGINT)
    assert at.end() == 130


def test_what_is_longer_than_the_screen_goes_through_the_pager(terminal: Any, program: Callable[[str], str]) -> None:
    pager = program("pathlib.Path('paged').write_text(sys.stdin.read())\nprint('PAGED', flush=True)")
    at = terminal(PAGER=pager)
    at.read(QUESTION)
    at.type("s\n")
    at.read("PAGED")
    at.read(QUESTION, 2)
    at.type("d\n")
    at.read(QUESTION, 3)
    at.type("\x03")
    assert at.end() == 130
    assert at.shown.count("PAGED") == 1, "the difference fits the screen"
    assert "LINE_99 = 99" not in at.shown.partition("PAGED")[0]
    paged = Path("paged").read_text("utf-8")
    assert "\x1b[" in paged, "highlighted"
    plain = COLOUR.sub("", paged)
    assert "LINE_99 = 99" in plain
    assert all(line.isprintable() for line in plain.splitlines())
    assert "owned" not in plain + at.shown


def test_a_pager_that_fails_hides_nothing(terminal: Any, program: Callable[[str], str]) -> None:
    at = terminal(PAGER=program("sys.exit(1)"))
    at.read(QUESTION)
    at.type("s\n")
    at.read(QUESTION, 2)
    at.type("q\n")
    assert at.end() == 0
    assert "LINE_50 = 50" in at.shown


@pytest.mark.parametrize("pager", ["less", "'open"])
def test_the_usual_pager_and_one_that_is_no_command(terminal: Any, pager: str) -> None:
    at = terminal(PAGER=pager)
    at.read(QUESTION)
    at.type("s\n")
    if pager == "less":
        at.read("LINE_")
        at.type("q")
    else:
        at.read("PAGER is no command")
    at.read(QUESTION, 2)
    at.type("q\n")
    assert at.end() == 0
    assert "\x1b]0;" not in at.shown
