"""Runs that are killed at any moment, and gone on with: nothing is lost, and nothing is done or paid for twice."""

from __future__ import annotations

import os
import random
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from creator.ledger.view import find_run
from tests.conftest import REPOSITORY
from tests.scripted_server import ScriptedServer

COUNT = 20
POINTS = 50
SIDE_BY_SIDE = 2
CHECKS = 1
"""Calls by which a run finds out that its model answers."""
UNDER_WAY = 32
"""Most calls of a run at once."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "creator", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OPENAI_API_KEY": "none"}


def spawn_command(server: ScriptedServer, output: Path, count: int = COUNT, *more: str) -> list[str]:
    return command(
        *("spawn", str(count), "--model", "openai:scripted", "--base-url", server.url, "--sandbox", "process"),
        *("--agents-per-cell", "10", "--seed", "7", "--output", str(output), "--quiet", *more),
    )


@dataclass
class Killer:
    """Kills a run when its server gets a certain call.

    Attributes:
        point: Which, from 1.
        process: The run, once it was started.
    """

    point: int
    process: subprocess.Popen[bytes] | None = None

    def strike(self, server: ScriptedServer) -> Callable[[int, dict[str, Any]], str | None]:
        def fault(number: int, request: dict[str, Any]) -> str | None:
            if number == self.point and self.process is not None:
                self.process.send_signal(signal.SIGKILL)
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
    # An answer that was on its way to the run when that was killed is asked for again.
    assert 0 <= lost <= (UNDER_WAY if killed else 0), "a call was made that nobody knows of"
    return record


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many calls a run makes that nobody interrupts; it is checked for what is asked of all others."""
    folder, server = tmp_path_factory.mktemp("uninterrupted"), ScriptedServer()
    server.start()
    try:
        done = subprocess.run(spawn_command(server, folder), env=environment(), capture_output=True, check=False)
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr.decode()
    record = read(folder)
    assert_whole(record)
    assert record.paid.total() + CHECKS == server.calls
    return server.calls


@pytest.mark.parametrize("first", range(0, POINTS, SIDE_BY_SIDE))
def test_a_run_that_is_killed_at_any_moment_is_gone_on_with(
    first: int, calls: int, serve: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    def killed(number: int) -> Record:
        point = random.Random(f"kill/{number}").randint(CHECKS + 1, calls)
        return killed_and_resumed(serve, tmp_path / str(number), point)

    with ThreadPoolExecutor() as runs:
        for record in runs.map(killed, range(first, first + SIDE_BY_SIDE)):
            assert_whole(record)
            assert record.paid.total() <= 1.2 * calls, "the rest of it took more than the whole"


# What else ends a run before its time


def go_on(output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    again = command("runs", "resume", "--output", str(output), *more)
    return subprocess.run(again, env=environment(), capture_output=True, timeout=300, check=False, text=True)


def test_a_run_whose_server_was_lost_is_gone_on_with(serve: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    server = serve(fault=lambda number, request: "401 lost" if number > 40 else None)
    done = subprocess.run(spawn_command(server, tmp_path, 10), env=environment(), capture_output=True, check=False)
    assert done.returncode in (1, 3)
    server.fault = None
    assert go_on(tmp_path, "--quiet").returncode == 0
    assert_whole(read(tmp_path), 10)


def test_a_run_that_was_interrupted_is_gone_on_with(serve: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    killer = Killer(60)
    server = serve()

    def interrupt(number: int, request: dict[str, Any]) -> str | None:
        if number == killer.point and killer.process is not None:
            killer.process.send_signal(signal.SIGINT)
        return None

    server.fault = interrupt
    killer.process = subprocess.Popen(
        spawn_command(server, tmp_path, 10),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, errors = killer.process.communicate(timeout=300)
    assert killer.process.returncode == 130
    assert "runs resume" in errors
    assert go_on(tmp_path, "--quiet").returncode == 0
    assert_whole(read(tmp_path), 10)


@pytest.mark.parametrize("size", ["250k", "500k", "800k"])
def test_a_run_whose_disk_was_full_is_gone_on_with(
    size: str, serve: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    """The disk is a file system of its own, in a mount namespace of its own, that gets larger between the two."""
    disk, seen = tmp_path / "disk", tmp_path / "seen"
    disk.mkdir()
    spawn, again = spawn_command(serve(), disk, 5), command("runs", "resume", "--output", str(disk), "--quiet")
    script = (
        f"mount -t tmpfs -o size={size} none {disk} && ! {shlex.join(spawn)} && "
        f"mount -o remount,size=100m {disk} && {shlex.join(again)} && cp -r {disk} {seen}"
    )
    namespace = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(namespace, env=environment(), capture_output=True, timeout=300, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert "No space is left" in done.stderr or "is full" in done.stderr
    assert_whole(read(seen), 5)


def test_a_run_that_is_going_on_is_left_alone(serve: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    reached = threading.Event()
    server = serve(fault=lambda number, request: "hang" if number == 30 and not reached.set() else None)
    going = subprocess.Popen(spawn_command(server, tmp_path, 5), env=environment(), stderr=subprocess.PIPE)
    try:
        assert reached.wait(120)
        refused = go_on(tmp_path)
        assert refused.returncode == 2
        assert "is going on in another process" in refused.stderr
    finally:
        going.kill()
        going.communicate()


def test_a_complete_run_is_not_touched(serve: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    server = serve()
    assert subprocess.run(spawn_command(server, tmp_path, 2), env=environment(), check=False).returncode == 0
    calls = server.calls
    before = read(tmp_path)
    done = go_on(tmp_path)
    assert done.returncode == 0 and "nothing is left to do" in done.stderr
    assert server.calls == calls
    assert read(tmp_path) == before


def test_a_run_goes_on_with_its_own_model_only(serve: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    server = serve(fault=lambda number, request: "401 lost" if number > 5 else None)
    subprocess.run(spawn_command(server, tmp_path, 3), env=environment(), capture_output=True, check=False)
    settings = find_run(tmp_path) / "settings.json"
    settings.write_text(settings.read_text("utf-8").replace("openai:scripted", "openai:another"), "utf-8")
    refused = go_on(tmp_path)
    assert refused.returncode == 2
    assert "was made with openai:scripted" in refused.stderr


def test_generations_are_gone_on_with(serve: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    """Killed in the second generation: its agents are those that were bred, and the first is not begun again."""
    killer = Killer(90)
    server = serve()
    server.fault = killer.strike(server)
    more = ("--generations", "2", "--no-baseline")
    killer.process = subprocess.Popen(
        spawn_command(server, tmp_path, 6, *more), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    killer.process.communicate(timeout=300)
    before = read(tmp_path)
    assert killer.process.returncode == -signal.SIGKILL and max(before.births) > 6
    done = go_on(tmp_path, "--quiet")
    assert done.returncode == 0, done.stderr
    record = read(tmp_path)
    assert record.births[: len(before.births)] == before.births
    assert_whole(record, 6 + 2 * 4)


def test_who_changed_a_module_gets_a_copy_and_a_new_agent(serve: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    server = serve(fault=lambda number, request: "401 lost" if number > 25 else None)
    subprocess.run(spawn_command(server, tmp_path, 8), env=environment(), capture_output=True, check=False)
    folder = find_run(tmp_path)
    changed = sorted((folder / "agents").glob("*.py"))[0]
    changed.write_text(changed.read_text("utf-8") + "# mine\n", "utf-8")
    server.fault = None
    assert go_on(tmp_path, "--quiet").returncode == 0
    assert_whole(read(tmp_path), 8)
    assert any("# mine" in path.read_text("utf-8") for path in (folder / "earlier").iterdir())
