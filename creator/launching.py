"""Starting runs as processes of their own, for those who show or serve them: the live page and other assistants.

A run that is started so outlives whoever started it, and is watched and stopped like any other, by its files.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from creator.errors import EnvironmentFault, UsageError
from creator.ledger.view import load_started, run_names
from creator.locks import holder, is_locked
from creator.outputs import RUN_FILE
from creator.settings import outside_name
from creator.text import clean

_LOOK_SECONDS: Final = 0.1
_MAX_ERROR_BYTES: Final = 4_000
_SWITCHES: Final = frozenset({"tournament", "baseline"})
"""Settings whose option has an opposite."""

_children: set[asyncio.Task[int]] = set()
"""Whoever waits for a started process, so that none stays as a zombie."""


async def launch(output: Path, options: Mapping[str, object], *, seconds: float = 300) -> Path:
    """Start a run and return once it has a folder.

    Args:
        output: The folder of all runs.
        options: Settings of the run by the name of their field, `count` among them; None for those not given. Nothing
            is asked of anybody: what a run may cost is bounded by ``max_cost`` and ``max_tokens``.
        seconds: How long it may take until it begins; a model or a sandbox may have to be fetched or built first.

    Returns:
        The run's folder.

    Raises:
        UsageError: The run was refused; the text is the line that says why.
        EnvironmentFault: It could not begin, or took too long to.
    """
    arguments = _arguments(output, options)
    known = set(run_names(output))
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "creator",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        ended = asyncio.create_task(process.wait())
        _children.add(ended)
        ended.add_done_callback(_children.discard)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if (found := _begun(output, known, process.pid)) is not None:
                        return found
                    if ended.done():
                        raise _refusal(errors)
                    await asyncio.wait({ended}, timeout=_LOOK_SECONDS)
        except TimeoutError:
            process.kill()
            raise EnvironmentFault(f"The run did not begin within {seconds:g} seconds: see `doctor`.") from None
        except asyncio.CancelledError:
            process.kill()
            raise


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
    if started is None or started.pid is None or not is_locked(directory):
        return False
    if started.host != socket.gethostname():
        raise UsageError(f"Run {directory.name} goes on on another machine: stop it there.")
    try:
        os.kill(started.pid, signal.SIGINT)
    except ProcessLookupError:
        return False
    except PermissionError:
        raise UsageError(f"Run {directory.name} is another user's: stop it as that user.") from None
    return True


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


def _begun(output: Path, known: set[str], pid: int) -> Path | None:
    """The folder of the run that a process has begun."""
    for name in run_names(output):
        if name not in known and holder(output / name) == pid and (output / name / RUN_FILE).exists():
            return output / name
    return None


def _refusal(errors: IO[bytes]) -> UsageError:
    """What a process said when it ended before its run began."""
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _MAX_ERROR_BYTES))
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    said = clean(lines[-1] if lines else "", 1_000).removeprefix("creator: ")
    return UsageError(said or "The run ended before it began, and did not say why.")
