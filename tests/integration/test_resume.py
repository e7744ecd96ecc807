"""Runs that are killed at any moment, and gone on with: nothing is lost, and nothing is done or paid for twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from creator.ledger.view import find_run
from tests.conftest import REPOSITORY
from tests.scripted_server import ScriptedServer

COUNT = 20
POINTS = 50
CHECKS = 1
"""Calls by which a run finds out that its model answers."""
AT_ONCE = 8


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "creator", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OPENAI_API_KEY": "none"}


def spawn_command(server: ScriptedServer, output: Path, count: int = COUNT, *more: str) -> list[str]:
    return command(
        *("spawn", str(count), "--model", "openai:scripted", "--base-url", server.url, "--sandbox", "process"),
        *("--seed", "7", "--output", str(output), "--quiet", *more),
    )


@dataclass
class Killer:
    """Kills a run when its server gets a certain call.

    Attributes:
        point: Which, from 1.
        process: The run, once it was started.
        under_way: How many calls were unanswered when it was killed.
    """

    point: int
    process: subprocess.Popen[bytes] | None = None
    under_way: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def strike(self, server: ScriptedServer) -> Callable[[int, dict[str, Any]], str | None]:
        def fault(number: int, request: dict[str, Any]) -> str | None:
            if number == self.point and self.process is not None:
                self.process.send_signal(signal.SIGKILL)
                self.under_way = server.active
                self.done.set()
            return None

        return fault


@dataclass(frozen=True)
class Record:
    """What a run's ledger tells.

    Attributes:
        authors: Of the ideas, in order.
        paid: By what was asked: how often the model was paid for an answer.
        verdicts: By judge and pair in order: how many verdicts there are.
        births: Numbers of those who were to be born.
        live: Numbers of those who live.
    """

    authors: list[str]
    paid: Counter[str]
    verdicts: Counter[tuple[str, int, int]]
    births: list[int]
    live: list[int]


def read(output: Path) -> Record:
    path = find_run(output) / "ledger.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        ask = connection.execute
        record = Record(
            [row[0] for row in ask("SELECT author FROM ideas WHERE source = 'agent' ORDER BY number")],
            Counter(row[0] for row in ask("SELECT key FROM calls WHERE source = 'model' AND error IS NULL")),
            Counter(ask("SELECT judge, first, second FROM comparisons WHERE winner IS NOT NULL").fetchall()),
            [row[0] for row in ask("SELECT number FROM births ORDER BY number")],
            [row[0] for row in ask("SELECT number FROM agents WHERE state = 'live' ORDER BY number")],
        )
    connection.close()
    return record


def assert_whole(record: Record, count: int = COUNT) -> None:
    """All that was asked for is there, and nothing twice."""
    assert len(record.authors) == len(set(record.authors)) == count
    assert record.births == record.live == list(range(1, count + 1))
    assert set(record.paid.values()) == {1}, "an answer was paid for twice"
    assert set(record.verdicts.values()) <= {1}, "a comparison was made twice"


def killed_and_resumed(serve: Callable[..., ScriptedServer], output: Path, point: int, count: int = COUNT) -> Record:
    """A run that is killed at its so many-th call to the model, and gone on with to its end."""
    killer = Killer(point)
    server = serve()
    server.fault = killer.strike(server)
    killer.process = subprocess.Popen(
        spawn_command(server, output, count), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _, errors = killer.process.communicate(timeout=300)
    killed = killer.process.returncode == -signal.SIGKILL
    assert killed or killer.process.returncode == 0, errors.decode()
    before = server.calls
    again = command("runs", "resume", "--output", str(output), "--quiet")
    resumed = subprocess.run(again, env=environment(), capture_output=True, timeout=300, check=False)
    assert resumed.returncode == 0, resumed.stderr.decode()
    record = read(output)
    checks = CHECKS * (2 if server.calls > before else 1)
    lost = server.calls - checks - record.paid.total()
    assert 0 <= lost <= (killer.under_way if killed else 0), "a call was made that nobody knows of"
    return record


def test_an_uninterrupted_run_is_the_measure(serve: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    server = serve()
    done = subprocess.run(spawn_command(server, tmp_path), env=environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    record = read(tmp_path)
    assert_whole(record)
    assert record.paid.total() + CHECKS == server.calls


@pytest.mark.parametrize("number", range(POINTS))
def test_a_run_that_is_killed_at_any_moment_is_gone_on_with(
    number: int, serve: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    """The points are drawn from all calls of a run that nobody interrupts, which are about 380."""
    point = random.Random(f"kill/{number}").randint(2, 380)
    record = killed_and_resumed(serve, tmp_path, point)
    assert_whole(record)
