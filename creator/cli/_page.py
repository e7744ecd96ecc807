"""The page beside a run: a process of its own, so that neither ever waits for the other."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from creator.cli.serve import own_token, with_token
from creator.errors import UsageError
from creator.own_modules import own_environment, own_module
from creator.progress import Progress
from creator.text import clean
from creator.web.listening import PORT, Listening, listen

HOST: Final = "127.0.0.1"
_END_SECONDS: Final = 3.0
"""That the page has to end before it is ended."""


class Page:
    """Serves the runs of a folder as long as it is entered; a context manager.

    The page ends with this process, however that ends: it holds the other end of a pipe.

    Args:
        output: The folder of all runs.
        progress: Told where the run is to be seen.
        wait: Whether somebody is there who can end the page after the run.
    """

    def __init__(self, output: Path, progress: Progress, *, wait: bool) -> None:
        self._output = output
        self._progress = progress
        self._wait = wait
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""
        self._token = own_token()

    def __enter__(self) -> Self:
        with contextlib.closing(_free().socket) as listener:
            self._url = Listening(listener, HOST).url
            command = own_module("creator", "serve", "--inherited", str(listener.fileno()))
            self._process = subprocess.Popen(
                [*command, "--output", str(self._output)],
                env=own_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C is for the run, which ends the page when it is done
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        assert process is not None and process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def tell(self, directory: Path) -> None:
        """Say where the run is to be seen."""
        self._progress.say(f"watch it: {with_token(f'{self._url}runs/{clean(directory.name)}', self._token)}")

    def stay(self) -> None:
        """Let the page be read after the run, until Ctrl-C; return at once where nobody is there to press it."""
        process = self._process
        if not self._wait or process is None:
            return
        print(
            f"The page stays at {with_token(self._url, self._token)} until you press Ctrl-C.",
            file=sys.stderr,
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()


def _free() -> Listening:
    """The usual port, or any that is free."""
    try:
        return listen(HOST, PORT)
    except UsageError:
        return listen(HOST, 0)
