"""The person's own programs on this terminal: an editor and a pager."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import shlex
import shutil
import tempfile
import termios
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from creator.errors import UsageError
from creator.review.answers import Answers
from creator.text import clean, encodable
from sandbox.protocol import AGENT_NAME

MAX_EDITED_BYTES: Final = 4_000_000
"""Far above what the checks admit: a module that is only too long is refused by them, and its text kept."""
_STOP_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Edit:
    """What came of an editor.

    Attributes:
        source: The text as it is now.
        problem: Why it cannot be taken over, in one line; empty when it can.
    """

    source: str
    problem: str = ""


def find_editor(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The person's editor as a command: ``$VISUAL``, ``$EDITOR``, else nano or vi; nothing when there is none.

    Raises:
        UsageError: The variable holds no command.
    """
    for variable in ("VISUAL", "EDITOR"):
        if command := _command(variable, environ):
            return command
    found = (shutil.which(name, path=environ.get("PATH")) for name in ("nano", "vi"))
    return next(((path,) for path in found if path), ())


def find_pager(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The person's pager as a command: ``$PAGER``, else less; nothing when there is none.

    Raises:
        UsageError: The variable holds no command.
    """
    command = _command("PAGER", environ) or tuple(filter(None, [shutil.which("less", path=environ.get("PATH"))]))
    return (*command, "-R") if command and Path(command[0]).name == "less" else command  # else it spells colours out


def _command(variable: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    value = environ.get(variable, "")
    try:
        return tuple(shlex.split(value))
    except ValueError:
        raise UsageError(f"{variable} is no command: {clean(value, 100)!r}. Close its quotes.") from None


async def run(command: Sequence[str], answers: Answers, screen: IO[str], data: bytes | None = None) -> int:
    """Run a program of the person's; when this is cancelled, end it. Either way the terminal is left as it was.

    Args:
        command: The program and its arguments.
        answers: Its keyboard, if it is one: answers in a pipe are no program's to eat.
        screen: Where it shows itself.
        data: What it is given to read instead of the keyboard.

    Returns:
        The exit code; negative when a signal ended it.

    Raises:
        OSError: It cannot be started.
    """
    keyboard = answers.stream if answers.interactive else None
    with _terminal_kept(keyboard):
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if data is not None else keyboard or asyncio.subprocess.DEVNULL,
            stdout=_own(screen),
            stderr=_own(screen),
        )
        try:
            await process.communicate(data)
        finally:
            await _stop(process)
    assert process.returncode is not None
    return process.returncode


async def edit(command: Sequence[str], name: str, source: str, answers: Answers, screen: IO[str]) -> Edit:
    """Let a person edit a module, as a file of its name in a folder that nobody else can read, removed afterwards.

    Raises:
        OSError: The editor cannot be started, or the file not be written.
    """
    folder = Path(tempfile.mkdtemp(prefix="creator-review-"))
    path = folder / (f"{name}.py" if AGENT_NAME.fullmatch(name) else "module.py")
    try:
        _write(path, source)
        code = await run([*command, str(path)], answers, screen)
        if code:
            how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
            return Edit(source, f"The editor {how}: nothing is taken over.")
        return _edited(path, source)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, source: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(encodable(source).encode("utf-8"))


def _edited(path: Path, source: str) -> Edit:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_EDITED_BYTES + 1)
    except OSError as error:
        return Edit(source, f"The editor left no file to read ({error.strerror}): nothing is taken over.")
    if len(data) > MAX_EDITED_BYTES:
        return Edit(source, f"The file is larger than {MAX_EDITED_BYTES:,} bytes: nothing is taken over.")
    text = data.decode("utf-8", "replace")
    if text == encodable(source):
        return Edit(source, "Nothing was changed.")
    if text.encode("utf-8") != data:
        return Edit(text, "The file is not UTF-8: save it as UTF-8. What cannot be read is U+FFFD now.")
    return Edit(text)


@contextlib.contextmanager
def _terminal_kept(keyboard: IO[str] | None) -> Iterator[None]:
    if keyboard is None:
        yield
        return
    kept = termios.tcgetattr(keyboard)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal may have gone meanwhile
            termios.tcsetattr(keyboard, termios.TCSANOW, kept)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _own(screen: IO[str]) -> IO[str] | None:
    """The screen as a program can take it; one in memory cannot be passed on, so the program uses ours."""
    try:
        screen.fileno()
    except (io.UnsupportedOperation, AttributeError):
        return None
    screen.flush()
    return screen
