"""Processes that benchmarks start and tell what to do, and how a benchmark ends."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

ANSWER_SECONDS: Final = 300
PR_SET_PDEATHSIG: Final = 1


class ProcessFailed(Exception):
    """A process of the benchmark failed; the text says which and why, in one line."""


class Process:
    """A process that does what it is told over a pipe. It dies with this one, whatever happens.

    Args:
        name: What it is called in errors.
        main: What it runs, with its end of the pipe and ``args``. They go through a pipe too, so that credentials
            stand neither in a command line nor in an environment.
        args: Further arguments of ``main``.
    """

    def __init__(self, name: str, main: Callable[..., Awaitable[None]], *args: Any) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=_run, args=(other_end, main, args), name=name, daemon=True)
        self._process.start()
        other_end.close()

    def tell(self, *command: Any) -> None:
        """Tell it to do something; `answer` waits until that is done."""
        self._pipe.send(command)

    def answer(self, seconds: float = ANSWER_SECONDS) -> Any:
        """What it says next; raises `ProcessFailed` when it failed, died or does not answer in time."""
        if not self._pipe.poll(seconds):
            raise ProcessFailed(f"{self.name} did not answer within {seconds:g} s")
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join(1)
            raise ProcessFailed(f"{self.name} died with exit code {self._process.exitcode}") from None
        if isinstance(answer, ProcessFailed):
            raise ProcessFailed(f"{self.name}: {answer}")
        return answer

    def ask(self, *command: Any) -> Any:
        """Tell it to do something and wait for what comes of it."""
        self.tell(*command)
        return self.answer()

    def ends(self, seconds: float) -> bool:
        """Whether it ends by itself within so many seconds."""
        self._process.join(seconds)
        return self._process.exitcode is not None

    def rss(self) -> float:
        """Its resident memory in MB."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE") / 1e6

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def join(self) -> None:
        """Wait until it has ended."""
        self._process.join(10)
        self._pipe.close()


class Processes:
    """Starts processes, and ends all of them at the end of a ``with`` block."""

    def __init__(self) -> None:
        self._started: list[Process] = []

    def __enter__(self) -> Processes:
        return self

    def start(self, name: str, main: Callable[..., Awaitable[None]], *args: Any) -> Process:
        """Start a process; its first answer says that it is ready."""
        process = Process(name, main, *args)
        self._started.append(process)
        return process

    def __exit__(self, *exc_info: object) -> None:
        for process in self._started:  # all of them first, so that none has time to complain about another's end
            process.kill()
        for process in self._started:
            process.join()


class Link:
    """A process's end of its pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    async def receive(self) -> Any:
        """The next command."""
        return await asyncio.to_thread(self._pipe.recv)

    def send(self, answer: Any = None) -> None:
        """Answer."""
        self._pipe.send(answer)


def _run(pipe: Connection, main: Callable[..., Awaitable[None]], args: Sequence[Any]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.CRITICAL)
    try:
        asyncio.run(main(Link(pipe), *args))  # type: ignore[arg-type]
    except (EOFError, BrokenPipeError):
        pass
    except Exception as error:
        pipe.send(ProcessFailed(" ".join(f"{type(error).__name__}: {error}".split())))


def run_benchmark(arguments: argparse.Namespace) -> None:
    """Call what was chosen on the command line; a failure is one line, an interrupt none."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        sys.exit(130)
    except (ProcessFailed, OSError) as error:
        sys.exit(f"error: {error}")
