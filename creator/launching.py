"""Starting runs as processes of their own, for those who show or serve them: the live page and other assistants.

A run that is started so outlives whoever started it, and is watched and stopped like any other, by its files.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from creator.errors import EnvironmentFault, UsageError
from creator.ledger.view import load_started, run_names
from creator.locks import holder, is_locked
from creator.outputs import RUN_FILE
from creator.own_modules import own_environment, own_module
from creator.settings_words import outside_name
from creator.text import clean

BEGIN_SECONDS: Final = 300.0
"""How long a run may take until it begins; a model or a sandbox may have to be fetched or built first."""

_LOOK_SECONDS: Final = 0.1
_END_SECONDS: Final = 10.0
_MAX_ERROR_BYTES: Final = 4_000
_SWITCHES: Final = frozenset({"tournament", "baseline"})
"""Settings whose option has an opposite."""
_REFUSED: Final = 2
"""The exit code of a command that did not begin."""

_children: set[asyncio.Task[int]] = set()
"""Whoever waits for a started process, so that none stays as a zombie."""


async def launch(output: Path, options: Mapping[str, object], *, seconds: float = BEGIN_SECONDS) -> Path:
    """Start a run and return once it has a folder. When this is cancelled, a run that has none yet ends.

    Args:
        output: The folder of all runs.
        options: Settings of the run by the name of their field, `count` among them; None for those not given. Nothing
            is asked of anybody: what a run may cost is bounded by ``max_cost`` and ``max_tokens``.
        seconds: How long it may take until it begins.

    Returns:
        The run's folder.

    Raises:
        UsageError: The run was refused; the text is the line that says why.
        EnvironmentFault: It could not begin, or took too long to.
    """
    known = set(run_names(output))

    def begun(pid: int) -> Path | None:
        new = (output / name for name in run_names(output) if name not in known)
        return next((one for one in new if holder(one) == pid and (one / RUN_FILE).exists()), None)

    return await _start(_arguments(output, options), begun, seconds)


async def launch_resume(directory: Path, *, decided_only: bool = False, seconds: float = BEGIN_SECONDS) -> Path:
    """Have a process go on with a run that has ended, and return once it does, or has nothing to do.

    Args:
        directory: The run's folder.
        decided_only: Whether, of what is left, only agents are gone on with that waited for a person's decision.
        seconds: How long it may take until it begins.

    Returns:
        The run's folder.

    Raises:
        UsageError: It was refused; the text is the line that says why.
        EnvironmentFault: It could not begin, or took too long to.
    """
    words = ["runs", "resume", "--quiet", "--yes", f"--output={directory.parent.absolute()}"]
    words += ["--decided-only"] if decided_only else []

    def begun(pid: int) -> Path | None:
        if holder(directory) != pid or not is_locked(directory):
            return None
        started = load_started(directory)
        return directory if started is not None and started.pid == pid else None

    return await _start([*words, "--", directory.name], begun, seconds, ended=directory)


def stop(directory: Path) -> bool:
    """Ask a run that goes on to end in order, as Ctrl-C does.

    Args:
        directory: The run's folder.

    Returns:
        Whether there was anything to stop.

    Raises:
        UsageError: It goes on where nobody can stop it from here: on another machine, or as another user.
    """
    started = load_started(directory)
    if started is None or started.pid is None:
        return False
    if started.host != socket.gethostname():
        raise UsageError(f"Run {directory.name} goes on on another machine: stop it there.")
    # A number alone may be another process's by now; who holds the run is the one that wrote it.
    if not is_locked(directory) or holder(directory) != started.pid:
        return False
    try:
        os.kill(started.pid, signal.SIGINT)
    except ProcessLookupError:
        return False
    except PermissionError:
        raise UsageError(f"Run {directory.name} is another user's: stop it as that user.") from None
    return True


async def _start(
    arguments: Sequence[str], begun: Callable[[int], Path | None], seconds: float, *, ended: Path | None = None
) -> Path:
    """Start a process and wait until it has begun.

    Args:
        arguments: Its command line.
        begun: Told its id; gives the run's folder once it has begun.
        seconds: How long it may take.
        ended: What is given when it ends in order before it was seen to begin; None where it cannot have.
    """
    if any("\0" in word for word in arguments):
        raise UsageError("A value holds a character of no width (NUL): leave it out.")
    with tempfile.TemporaryFile() as errors:
        try:
            process = await asyncio.create_subprocess_exec(
                *own_module("creator", *arguments),
                env=own_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentFault(f"The run cannot be started: {error.strerror or error}.") from None
        waiter = asyncio.create_task(process.wait())
        _children.add(waiter)
        waiter.add_done_callback(_children.discard)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    over = waiter.done()  # asked first: it may begin and end between two looks
                    if (found := await asyncio.to_thread(begun, process.pid)) is not None:
                        return found
                    if over:
                        if ended is not None and process.returncode != _REFUSED:
                            return ended
                        raise _refusal(errors)
                    await asyncio.wait({waiter}, timeout=_LOOK_SECONDS)
        except TimeoutError:
            await _end(process, waiter)
            raise EnvironmentFault(f"The run did not begin within {seconds:g} seconds: see `doctor`.") from None
        except BaseException:
            await _end(process, waiter)
            raise


async def _end(process: asyncio.subprocess.Process, waiter: asyncio.Task[int]) -> None:
    """End a process in order, so that it leaves nothing behind; and if it does not, at once."""
    if waiter.done():
        return
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait({waiter}, timeout=_END_SECONDS)
        finally:
            if not waiter.done():
                process.kill()


def _arguments(output: Path, options: Mapping[str, object]) -> list[str]:
    """A command line in which no value can be taken for an option."""
    given = {name: value for name, value in options.items() if value is not None and name != "count"}
    words = ["spawn", "--quiet", "--yes", f"--output={output.absolute()}"]
    for name, value in given.items():
        option = f"--{outside_name(name).replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is False:
            words += [f"--no-{option[2:]}"] if name in _SWITCHES else []
        elif isinstance(value, list | tuple):
            words += [f"{option}={one}" for one in value]
        else:
            words.append(f"{option}={value}")
    return [*words, "--", str(options.get("count", ""))]


def _refusal(errors: IO[bytes]) -> UsageError:
    """What a process said when it ended before its run began."""
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _MAX_ERROR_BYTES))
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    said = clean(lines[-1] if lines else "", 1_000).removeprefix("creator: ")
    return UsageError(said or "The run ended before it began, and did not say why.")
