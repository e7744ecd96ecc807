"""Runs that a command of a page needs before it can be typed: finished, stopped half-way, or still going on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from creator.ledger.view import find_run, load_run, run_names
from creator.outcome import RunOutcome
from creator.outputs import publish_latest
from tests.conftest import REPOSITORY
from tests.scripted_server import ScriptedServer

OUTPUT = Path("generated")
AGENTS = 2
"""How many agents are spawned, whatever a page says: the fewest that can be compared."""


def latest() -> RunOutcome | None:
    """The latest run of the working directory."""
    return load_run(find_run(OUTPUT)).outcome if run_names(OUTPUT) else None


class Stage:
    """Makes each kind of run once, and copies it to where it is needed.

    Args:
        folder: Where the runs are made.
        server: The model that they are made with.
        environ: Variables of those who make them.
    """

    def __init__(self, folder: Path, server: ScriptedServer, environ: dict[str, str]) -> None:
        self._folder = folder
        self._server = server
        self._environ = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environ}

    def put(self, kind: str) -> None:
        """Make a run the latest of the working directory: ``finished``, ``stopped`` or ``pending``."""
        made = self._folder / kind
        if not made.exists():
            made.mkdir(parents=True)
            if kind == "stopped":
                with self.going(made):
                    pass
            else:
                options = ["--review=later"] if kind == "pending" else []
                command = self._spawn(*options)
                done = subprocess.run(
                    command, cwd=made, env=self._environ, check=False, capture_output=True, timeout=90
                )
                assert len(run_names(made / OUTPUT)) == 1, done.stderr
        (name,) = run_names(made / OUTPUT)
        shutil.rmtree(OUTPUT / name, ignore_errors=True)
        shutil.copytree(made / OUTPUT / name, OUTPUT / name)
        publish_latest(OUTPUT, OUTPUT / name)

    @contextmanager
    def going(self, folder: Path = Path()) -> Iterator[None]:
        """A run with agents that live, which goes on as long as the context and is killed at its end."""
        before = self._server.calls
        # A check of the model and the slots of the agents are answered, ideas are waited for.
        self._server.fault = lambda number, request: "hang" if number > before + 1 + AGENTS else None
        command = self._spawn("--bounce", "0")
        with subprocess.Popen(
            command, cwd=folder, env=self._environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            try:
                while f"live {AGENTS}/{AGENTS}".encode() not in (line := process.stderr.readline()):
                    assert line, "the run ended before its agents lived"
                self._server.fault = None
                yield
            finally:
                self._server.fault = None
                process.kill()

    @staticmethod
    def _spawn(*options: str) -> list[str]:
        return [sys.executable, "-m", "creator", "spawn", str(AGENTS), *options]
